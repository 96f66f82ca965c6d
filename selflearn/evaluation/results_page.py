"""The page of results, written from run directories: every figure beside the command that made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from selflearn._replacing import replace_text
from selflearn.evaluation.page_sections import (
    Section,
    check_images,
    copied_images,
    read_notes,
    read_page,
    split_sections,
    updated,
    written_page,
)
from selflearn.evaluation.results import Results, Row, legend, results_markdown
from selflearn.evaluation.runs import Run
from selflearn.evaluation.seeds import results_of
from selflearn.evaluation.task_metrics import TASK_METRICS
from selflearn.metrics.items import ItemTable

_BEGINS = "# Results\n\nWritten by `python -m experiments.results` from run directories"

_HEAD = f"""{_BEGINS}; not edited by hand. Each
section is what its commands wrote, and stays until they are run again. The aims that were not reached stand at the end.
"""


def results_page(
    directories: Iterable[Path],
    *,
    notes: Iterable[Path] = (),
    main: Sequence[Row] = (),
    task_metrics: Mapping[str, ItemTable] = TASK_METRICS,
) -> str:
    """A new page of results: for each experiment its commands, times, versions and table, and the notes.

    Runs that differ only in their seed and their baselines are put together: means over the seeds.

    Args:
        directories: of finished runs; experiments come in the order of their first run.
        notes: files of Markdown, in sections that begin with ``## ``: other tables, what was to be reached and is not.
        main: which (task, metric) every table shows at once, with the first metric of each task that none of them is
            of; the others are folded away below it. A run that has none of them shows all that it has.
        task_metrics: says whether higher or lower is better.

    Returns:
        Markdown.

    Raises:
        RunDirectoryError: a directory lacks a file or a key; names it.
        ValueError: neither a directory nor a file was given, or a file is not in sections.
    """
    return written_page(_HEAD, updated([], _given(directories, notes, main, task_metrics)))


def write_results_page(
    directories: Iterable[Path],
    page: Path,
    *,
    notes: Iterable[Path] = (),
    main: Sequence[Row] = (),
    task_metrics: Mapping[str, ItemTable] = TASK_METRICS,
) -> list[str]:
    """Write :func:`results_page` to a file, or bring the page that is there up to date.

    The section of a run or of a note that is given replaces the one of the same title (all of them, where there are
    several); all others stay as they are, where they are. New sections of runs stand before the notes, and what was to
    be reached and is not ("Not reached...") stands last. Images of notes are copied into ``images/`` beside the page.

    Args:
        directories: of finished runs.
        page: where to; its folder is made.
        notes: as in :func:`results_page`.
        main: as in :func:`results_page`.
        task_metrics: says whether higher or lower is better.

    Returns:
        The titles of the sections that stayed as they were.

    Raises:
        RunDirectoryError: a directory lacks a file or a key; the page is left as it was.
        ValueError: as in :func:`results_page`; or the file is another page, which does not begin as this one does; or
            two sections show different images of one name.
    """
    old: list[Section] = []
    if page.is_file():
        head, old = read_page(page.read_text(encoding="utf-8"))
        if not head.startswith(_BEGINS):
            first = head.partition("\n")[0]
            raise ValueError(
                f"{page} begins with {first!r}; expected a page of results, which begins with "
                f"{_BEGINS!r}. Take another place (output=FILE), or delete it to begin anew"
            )
    notes = list(notes)
    given = _given(directories, notes, main, task_metrics)
    titles = {section.title for section in given}
    stay = [section for section in old if section.title not in titles]
    check_images(given, stay, page.parent)
    page.parent.mkdir(parents=True, exist_ok=True)
    given = [copied_images(section, page.parent) for section in given]
    replace_text(page, written_page(_HEAD, updated(old, given)))
    return [section.title for section in stay]


def _given(
    directories: Iterable[Path], notes: Iterable[Path], main: Sequence[Row], task_metrics: Mapping[str, ItemTable]
) -> list[Section]:
    """One section for the seeds of each experiment, and those of the notes."""
    experiments: dict[str, list[Run]] = {}
    for directory in directories:
        run = Run.read(Path(directory))
        experiments.setdefault(run.experiment(), []).append(run)
    texts = [_section(runs, main, task_metrics) for runs in experiments.values()]
    found = [section for text in texts for section in split_sections(text)[1]]
    found += [section for file in notes for section in read_notes(Path(file))]
    if not found:
        raise ValueError("no run directory was given, and no note; expected at least one, with metrics.json in it")
    return found


def write_headline(
    directory: Path, file: Path, rows: Sequence[Row], *, systems: Sequence[str] | None = None, name: str = "results"
) -> None:
    """Put the main rows of a run between two marks of a file (:func:`put_between_marks`).

    Args:
        directory: of a finished run.
        file: Markdown that has the two marks.
        rows: which (task, metric) to show.
        systems: to show beside the model; None: all.
        name: of the marks.

    Raises:
        RunDirectoryError: the directory lacks a file or a key.
        ValueError: the file has no such marks, or the run none of the rows or not all of the systems.
    """
    run = Run.read(directory)
    results = Results.from_metrics(run.metrics)
    if unknown := [system for system in systems or () if system not in results.systems]:
        raise ValueError(f"{directory}: no system {unknown[0]!r}; it has {', '.join(results.systems)}")
    results = results.only(rows, systems)
    if not results.rows():
        raise ValueError(f"{directory}: none of the rows {', '.join('/'.join(row) for row in rows)} was measured")
    text = f"`{run.command}` ({_duration(run.seconds)}; {run.made_with})\n\n{results_markdown(results)}\n\n"
    put_between_marks(file, name, text + " ".join(legend(results)))


def put_between_marks(file: Path, name: str, text: str) -> None:
    """Put text between the marks ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a file, in the place of what is there.

    Raises:
        ValueError: the file has no such marks.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, found, rest = file.read_text(encoding="utf-8").partition(start)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{file}: expected the marks {start} and {end}, one after the other")
    replace_text(file, f"{head}{start}\n{text}\n{end}{tail}")


def _section(runs: Sequence[Run], main: Sequence[Row], task_metrics: Mapping[str, ItemTable]) -> str:
    results = results_of(runs, task_metrics=task_metrics)
    commands = "\n".join(f"{run.command}  # {_duration(run.seconds)}" for run in runs)
    machines = dict.fromkeys(run.made_with for run in runs)
    parts = [
        f"## {runs[0].title()}\n",
        f"```bash\n{commands}\n```\n",
        *(f"{machine}\n" for machine in machines),
        *_tables(results, main, task_metrics),
        *(["What follows is of the first of them.\n"] if len(runs) > 1 and runs[0].added() else []),
        *runs[0].added(),
    ]
    return "\n".join(parts)


def _tables(results: Results, main: Sequence[Row], task_metrics: Mapping[str, ItemTable]) -> Iterator[str]:
    """The main rows with how to read them, and all others in a part that a reader opens."""
    rows = results.rows()
    shown = _main_rows(rows, main) or rows
    yield results_markdown(results.only(shown), task_metrics=task_metrics) + "\n"
    yield " ".join(legend(results)) + "\n"
    if others := [row for row in rows if row not in shown]:
        yield '<details markdown="1">'
        yield f"<summary>{len(others)} more rows: other metrics, and parts of the data</summary>\n"
        yield results_markdown(results.only(others), task_metrics=task_metrics) + "\n"
        yield "</details>\n"


def _main_rows(rows: Sequence[Row], main: Sequence[Row]) -> list[Row]:
    """Those of the main rows that there are, and the first row of each task that the main rows do not speak of."""
    found = [row for row in main if row in rows]
    first = {task: (task, metric) for task, metric in reversed(rows)}
    named = {task for task, _ in main}
    return [*found, *(row for row in rows if row[0] not in named and row == first[row[0]])] if found else []


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
