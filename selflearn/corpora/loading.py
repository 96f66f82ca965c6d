"""From a corpus' name to its dialogues: a cached ``datasets.Dataset`` or a stream, and the report of the reading."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields, replace
from importlib import import_module
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selflearn._progress import Progress, progress_bar
from selflearn._replacing import DISK_FULL, replace_text
from selflearn.corpora.corpus import EXAMPLES, Corpus, CorpusError, ReadReport
from selflearn.schema import Dialogue, RecordError

if TYPE_CHECKING:
    from datasets import Dataset

ENTRY_POINTS = "selflearn.corpora"
REPORT_FILE = "read_report.json"

log = logging.getLogger(__name__)


def corpus_names() -> list[str]:
    """Names of the corpora of this package and of installed ones, sorted.

    Example:
        >>> set(corpus_names()) >= {"sgd", "star", "uss", "dbdc3", "table"}
        True
    """
    return sorted(_corpora())


def find_corpus(corpus: str | Corpus, **options: object) -> Corpus:
    """The corpus of that name, with its options set.

    Args:
        corpus: a name of :func:`corpus_names`, or the object itself.
        options: fields of that corpus, for example ``columns`` of "table".

    Raises:
        CorpusError: unknown name or option; the nearest known ones are named.
    """
    if isinstance(corpus, str):
        known = _corpora()
        if corpus not in known:
            raise CorpusError(f"unknown corpus {corpus!r}; {_nearest(corpus, known)}")
        corpus = known[corpus]
    allowed = [field.name for field in fields(corpus)]
    for name in options:
        if name not in allowed:
            raise CorpusError(f"{corpus.name} has no option {name!r}; {_nearest(name, allowed)}")
    return replace(corpus, **options)


def iter_dialogues(
    corpus: str | Corpus,
    root: str | Path,
    split: str,
    *,
    report: ReadReport | None = None,
    **options: object,
) -> Iterator[Dialogue]:
    """Stream the dialogues of a split straight from the release, in its order, without a cache.

    Args:
        corpus: name or object.
        root: the release's own folder.
        split: one of the corpus' splits.
        report: counted into, where given; complete when the iterator is exhausted.
        options: of the corpus.

    Raises:
        CorpusError: unknown corpus or split, missing or other directory, damaged file.
        RecordError: a value breaks the record contract, or two dialogues have one id; names file, row and field.
    """
    chosen, folder = _checked(find_corpus(corpus, **options), root, split)
    chosen.files(folder, split)  # complain now, not at the first dialogue
    return _read(chosen, folder, split, ReadReport(chosen.name, split) if report is None else report)


def load_dialogues(
    corpus: str | Corpus,
    *,
    root: str | Path,
    split: str,
    cache_dir: str | Path | None = None,
    limit: int | None = None,
    progress: bool = False,
    **options: object,
) -> Dataset:
    """The dialogues of a split as a memory-mapped ``datasets.Dataset`` with the features of :class:`Dialogue`.

    It is made once, a dialogue at a time, and found again by *content*: the key is a hash of the bytes of the source
    files, the reader's version and options, and the schema. :func:`as_dialogues` gives the records back.

    Args:
        corpus: name (of :func:`corpus_names`) or object.
        root: the release's own folder (for "table", a file or a folder).
        split: one of the corpus' splits.
        cache_dir: default: the cache of ``datasets``.
        limit: the first so many dialogues only.
        progress: show how many dialogues are read; nothing where they are found in the cache.
        options: of the corpus, for example ``columns`` of "table".

    Raises:
        CorpusError: unknown corpus or split, missing or other directory, damaged file, no dialogue at all.
        RecordError: a value breaks the record contract, or two dialogues have one id; names file, row and field.
        OSError: the disk of the cache is full; names the cache.
    """
    return _load(corpus, root, split, cache_dir, limit, progress, options)[0]


def read_report(
    corpus: str | Corpus,
    *,
    root: str | Path,
    split: str,
    cache_dir: str | Path | None = None,
    limit: int | None = None,
    **options: object,
) -> ReadReport:
    """What was read, joined and left out when that split was loaded; arguments and errors as :func:`load_dialogues`."""
    return _load(corpus, root, split, cache_dir, limit, False, options)[1]


def as_dialogues(rows: Iterable[Mapping[str, Any]]) -> Iterator[Dialogue]:
    """The records of a dataset (or of any rows in its layout), one at a time."""
    for i, row in enumerate(rows):
        yield Dialogue.from_dict(row, row=i)


def log_name(corpus: str, root: str | Path | None) -> str:
    """What a log is called: a release by its corpus, people's own by their file or folder.

    Args:
        corpus: name of the reader.
        root: file or folder that it reads; None where it is not known.

    Example:
        >>> log_name("sgd", "corpora/sgd"), log_name("table", "logs/may"), log_name("table", "logs/may.parquet")
        ('sgd', 'may', 'may.parquet')
    """
    return Path(root).expanduser().resolve().name if corpus == "table" and root is not None else corpus


def _load(
    corpus: str | Corpus,
    root: str | Path,
    split: str,
    cache_dir: str | Path | None,
    limit: int | None,
    progress: bool,
    options: Mapping[str, object],
) -> tuple[Dataset, ReadReport]:
    import datasets.config
    from datasets import Dataset, NamedSplit
    from datasets.exceptions import DatasetGenerationError

    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; expected 1 or more, or None for all dialogues")
    chosen, folder = _checked(find_corpus(corpus, **options), root, split)
    report = ReadReport(chosen.name, split)

    def rows() -> Iterator[dict[str, Any]]:
        bar: AbstractContextManager[Progress | None] = nullcontext()
        if progress:  # a release does not say how many dialogues it holds: without a limit they are counted alone
            bar = progress_bar(f"reading {chosen.name}/{split}", limit)
        with bar as told:
            for dialogue in islice(_read(chosen, folder, split, report), limit):
                yield dialogue.to_dict()
                if told is not None:
                    told(1)

    try:
        with quiet_datasets():
            dataset = Dataset.from_generator(
                rows,
                features=Dialogue.features(),
                cache_dir=None if cache_dir is None else str(cache_dir),
                split=NamedSplit(_arrow_split(split)),
                fingerprint=_fingerprint(chosen, folder, split, limit),
            )
    except (DatasetGenerationError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, CorpusError | RecordError):
            raise cause from None
        if isinstance(cause, OSError) and cause.errno in DISK_FULL:
            said = f"{cause.strerror}; the read dialogues are kept here: make room, or give another cache"
            raise OSError(cause.errno, said, str(cache_dir or datasets.config.HF_DATASETS_CACHE)) from error
        raise
    return dataset, _kept_report(dataset, report, lambda: sum(1 for _ in rows()))


def _read(corpus: Corpus, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
    """The dialogues of a split, one at least, each under an id of its own."""
    empty = True
    seen: set[int] = set()
    for dialogue in corpus.read(root, split, report):
        empty = False
        if not corpus.checks_ids:
            if hash(dialogue.id) in seen:
                expected = (
                    f"an id that is used once in {corpus.name} ({split}): is a file, or part of one, there twice?"
                )
                files = _holding(dialogue.id, corpus.files(root, split)) or [root]
                raise RecordError("id", dialogue.id, expected, file=", ".join(map(str, files)))
            seen.add(hash(dialogue.id))
        yield dialogue
    if empty:
        raise CorpusError(f"{corpus.name}: the split {split!r} of {root} holds no dialogue. Read so far: {report}")


def _holding(name: str, files: Iterable[Path]) -> list[Path]:
    """The first JSON files that say an id under a key that ends in "id"; none where a release is written otherwise."""
    said = re.compile(rb'id"\s*:\s*"?' + re.escape(json.dumps(name)[1:-1].encode()) + rb'"?\s*[,}]', re.IGNORECASE)
    return list(islice((file for file in files if said.search(file.read_bytes())), EXAMPLES))


def _kept_report(dataset: Dataset, report: ReadReport, read_again: Any) -> ReadReport:
    """The report that lies beside the cached dataset; written there when the dataset was made in this call."""
    path = Path(dataset.cache_files[0]["filename"]).parent / REPORT_FILE
    if not report.counts and path.exists():
        return ReadReport.from_dict(json.loads(path.read_text("utf-8")))
    if not report.counts:  # the process that made the dataset ended before it wrote the report
        read_again()
    replace_text(path, json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
    log.info("%s", report)
    return report


def _fingerprint(corpus: Corpus, root: Path, split: str, limit: int | None) -> str:
    """Hash of everything the rows depend on; not of where the files lie, nor of their dates."""
    settings = {
        "corpus": corpus.name,
        "version": corpus.version,
        "options": {field.name: getattr(corpus, field.name) for field in fields(corpus)},
        "split": split,
        "limit": limit,
        "features": repr(Dialogue.features()),
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=repr).encode())
    for path in corpus.files(root, split):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def _arrow_split(split: str) -> str:
    """A name that ``datasets`` takes for a split: word characters, and not its own "all". The records keep ours."""
    return "everything" if split == "all" else re.sub(r"\W", "_", split)


def _checked(corpus: Corpus, root: str | Path, split: str) -> tuple[Corpus, Path]:
    folder = Path(root).expanduser()
    if not split:
        raise CorpusError(f"split is {split!r}; expected the name of a split of {corpus.name}")
    if corpus.splits and split not in corpus.splits:
        raise CorpusError(f"{corpus.name} has no split {split!r}; {_nearest(split, corpus.splits)}")
    if not folder.exists():
        of_release = ". Give the folder of the release as root (in configs: paths.corpora, whose default is the "
        of_release += "environment variable SELFLEARN_CORPORA)"
        corpus.missing(f"{folder} does not exist{of_release if corpus.splits else ''}")
    return corpus, folder


def _corpora() -> dict[str, Corpus]:
    import selflearn.corpora as package

    found: dict[str, Corpus] = {}
    for module in pkgutil.iter_modules(package.__path__):
        corpus = getattr(import_module(f"{package.__name__}.{module.name}"), "CORPUS", None)
        if corpus is not None:
            found[corpus.name] = corpus
    for entry in entry_points(group=ENTRY_POINTS):
        loaded = entry.load()
        corpus = loaded() if isinstance(loaded, type) else loaded
        if found.setdefault(corpus.name, corpus) is not corpus:
            raise CorpusError(f"two corpora are named {corpus.name!r}; the second is {entry.value} of {entry.dist}")
    return found


def _nearest(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"Known: {', '.join(known)}"


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """Inside, ``datasets`` shows no progress bars of its own; afterwards all is as it was."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()
