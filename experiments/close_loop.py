"""Does the loop close? ``python -m experiments.close_loop run=runs/simulated_feedback/seed_1``.

The understanding model of the simulated assistant is trained again, on what it knew and on labels of the log that it
wrote (its training split), and meets the same people with the same seeds; and people of the test split, whose phrasings
and entities are in no label. Beside the generated labels stand two others for comparison: the assistant's own
hypotheses (which cost nothing) and the gold labels (which nobody has).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table
from transformers.utils import logging as transformers_logging

from experiments.app import changed_settings, hydra_main
from experiments.check import ConfigError
from experiments.datasets import check_people
from experiments.simulate import setting_of, written_log
from selflearn._replacing import replace_text
from selflearn.baselines import Assistant
from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.evaluation.bootstrap import bootstrap_weights, interval
from selflearn.evaluation.run_directory import write_json
from selflearn.evaluation.runs import Run
from selflearn.inference import Labeler
from selflearn.inference.labels import model_labels
from selflearn.schema import Dialogue
from selflearn.simulation.retraining import MetSession, generated_examples, met_again, retrained_understanding
from selflearn.simulation.simulate import shipped_understanding, untrained_understanding

SHIPPED = "as shipped"
"""Name of the assistant that learned nothing from its log."""

PEOPLE = {"train": "people of the log", "test": "other people"}
"""Splits whose people are met again."""

HEADINGS = ("understanding trained on", "examples", "intents right", *PEOPLE.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One assistant: what it learned from, and how people fared with it.

    Attributes:
        examples: that were added to its training set.
        right: share of the sure intents that are those of the gold labels; None where none is sure.
        defect_rate: share of turns that failed, by split.
        difference: to the assistant as it was shipped, with the ends of its 95% interval (bootstrap over people).
    """

    examples: int
    right: float | None
    defect_rate: dict[str, float]
    difference: dict[str, tuple[float, float, float]]


@hydra_main("close_loop")
def main(cfg: DictConfig) -> None:
    """Label, train again, meet again, and print the table."""
    if not isinstance(cfg.sure, int | float) or not 0 <= cfg.sure <= 1:
        raise ConfigError([f"sure is {cfg.sure}; expected a score from 0 to 1, from which on labels are learned from"])
    if cfg.resamples < 1:
        raise ConfigError([f"resamples is {cfg.resamples}; expected at least 1"])
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    directory = Path(cfg.run)
    settings, root = simulated_log(directory)
    labeler = labeler_of(directory / "model")
    made = written_log(settings, root, Console(stderr=True, quiet=not cfg.progress))
    check_people(made, root, *PEOPLE)
    setting = setting_of(settings)
    log = list(DialogueRows(load_dialogues("table", root=root, split="train")))
    labelled = {
        "the assistant's own": own_labels(log),
        "generated labels": generated_labels(labeler, log, progress=cfg.progress),
        "gold labels": log,
    }
    torch.set_num_threads(1)  # the models of the assistant are small
    before = met_again(setting, shipped_understanding(setting), settings.dialogues, log=root)
    rows = {SHIPPED: Row(examples=0, right=None, defect_rate=by_split(before), difference={})}
    for name, dialogues in labelled.items():
        examples = generated_examples(dialogues, untrained_understanding(setting).intents, sure=cfg.sure)
        after = met_again(setting, retrained_understanding(setting, examples), settings.dialogues, log=root)
        rows[name] = Row(
            examples=len(examples), right=share_right(dialogues, log, sure=cfg.sure), defect_rate=by_split(after),
            difference={s: difference(of(before, s), of(after, s), resamples=cfg.resamples) for s in PEOPLE},
        )  # fmt: skip
    write_json(directory / "close_loop.json", {name: asdict(row) for name, row in rows.items()})
    replace_text(directory / "page.close_loop.md", markdown(rows, cfg))
    Console().print(table(rows))


def simulated_log(run: Path) -> tuple[DictConfig, Path]:
    """Settings and place of the simulated log that a run was trained on.

    Raises:
        RunDirectoryError: the directory holds no finished run.
        ValueError: it is of one on other dialogues, or one with another understanding model, which is not the one that
            is trained again.
    """
    data = Run.read(run).config.get("data") or {}
    if data.get("simulate") is None:
        raise ValueError(f"run={run} was trained on {data.get('corpus')}; expected a run on a simulated log, whose "
                          "assistant can be met again (experiment=simulated or simulated_feedback)")  # fmt: skip
    other = (data["simulate"].get("components") or {}).get("understanding")
    if other is not None:
        raise ValueError(f"run={run}: the assistant of its log has another understanding model ({other}), and the one "
                          "that is trained again is its own; expected a run without components.understanding"
                          )  # fmt: skip
    return OmegaConf.create(data["simulate"]), Path(data["root"])


def labeler_of(model: Path) -> Labeler:
    """The model of a run, which has to say what an understanding model learns from.

    Raises:
        ValueError: there is none, or it labels no intents or no slots.
    """
    labeler = Labeler.from_pretrained(model)
    missing = [task for task in ("intent", "slots") if task not in labeler.system.model.tasks]
    if missing:
        raise ValueError(f"{model} does not label {' and '.join(missing)}; expected a run with both intent and slots "
                         "among tasks.names: an understanding model learns from them")  # fmt: skip
    return labeler


def own_labels(log: Sequence[Dialogue]) -> list[Dialogue]:
    """The log with the assistant's own best interpretations as labels."""
    baseline = Assistant().fit(log, [], tasks=["intent", "slots"], seed=0)
    observed = [dialogue.observed() for dialogue in log]
    predictions = baseline.predict(observed, [()] * len(log))
    return [
        d.with_labels(model_labels(p, num_turns=len(d.turns), turns_seen=len(d.turns), thresholds=baseline.thresholds))
        for d, p in zip(log, predictions, strict=True)
    ]


def generated_labels(labeler: Labeler, log: Sequence[Dialogue], *, progress: bool) -> list[Dialogue]:
    """The log with the labels of a trained model; its own are not read."""
    bar = track(labeler.stream(log), "labelling", len(log), console=Console(stderr=True), disable=not progress)
    return [found.dialogue for found in bar]


def share_right(labelled: Sequence[Dialogue], log: Sequence[Dialogue], *, sure: float) -> float | None:
    """Of the intents that are sure enough, the share that is that of the gold label; None where none is."""
    pairs = [
        (said.intent.value, None if gold.intent is None else gold.intent.value)
        for one, other in zip(labelled, log, strict=True)
        for said, gold in zip(one.labels.turns, other.labels.turns, strict=True)
        if said.intent is not None and (said.intent.score is None or said.intent.score >= sure)
    ]
    return sum(said == gold for said, gold in pairs) / len(pairs) if pairs else None


def of(sessions: Sequence[MetSession], split: str) -> list[MetSession]:
    """The sessions with people of a split."""
    return [session for session in sessions if session.split == split]


def by_split(sessions: Sequence[MetSession]) -> dict[str, float]:
    """The defect rate among the people of each split of :data:`PEOPLE`."""
    return {split: defect_rate(of(sessions, split)) for split in PEOPLE}


def defect_rate(sessions: Sequence[MetSession]) -> float:
    """Share of turns that failed."""
    return sum(s.defects for s in sessions) / max(sum(s.turns for s in sessions), 1)


def difference(
    before: Sequence[MetSession], after: Sequence[MetSession], *, resamples: int
) -> tuple[float, float, float]:
    """Difference of two defect rates, with its 95% interval: the same people are drawn for both."""
    people = sorted({session.person for session in before})
    number = {person: i for i, person in enumerate(people)}
    sums = torch.zeros(2, 2, len(people), dtype=torch.double)
    for which, sessions in enumerate((before, after)):
        for session in sessions:
            sums[which, 0, number[session.person]] += session.defects
            sums[which, 1, number[session.person]] += session.turns
    weights = bootstrap_weights(people, resamples=resamples)
    drawn = torch.einsum("rp,wkp->rwk", weights, sums)
    rates = drawn[..., 0] / drawn[..., 1]
    ends = interval(rates[:, 1] - rates[:, 0]) or (float("nan"), float("nan"))
    return defect_rate(after) - defect_rate(before), *ends


def cells(row: Row) -> list[str]:
    """Examples, share of right intents, and the defect rate of each split with its change."""
    found = [f"{row.examples:,}" if row.examples else "", "" if row.right is None else f"{row.right:.3f}"]
    for split in PEOPLE:
        change = row.difference.get(split)
        added = "" if change is None else " ({:+.3f} [{:+.3f}, {:+.3f}])".format(*change)
        found.append(f"{row.defect_rate[split]:.3f}{added}")
    return found


def table(rows: dict[str, Row]) -> Table:
    """What was measured, for the terminal."""
    shown = Table(*HEADINGS, title="Share of turns that failed, and its change [95%]")
    for name, row in rows.items():
        shown.add_row(name, *cells(row))
    return shown


def markdown(rows: dict[str, Row], cfg: DictConfig) -> str:
    """What was measured, for the page of results."""
    changed = changed_settings(cfg, "close_loop", without=["run", "progress"])
    command = " ".join(["python -m experiments.close_loop run=DIR", *changed])
    lines = [f"### Closing the loop\n\n```bash\n{command}\n```\n"]
    lines += [f"| {' | '.join(HEADINGS)} |", "| --- |" + " ---: |" * (len(HEADINGS) - 1)]
    lines += [f"| {name} | {' | '.join(cells(row))} |" for name, row in rows.items()]
    return "\n".join(lines) + "\n\nShare of turns that failed, and its change [95% bootstrap over people].\n"


if __name__ == "__main__":
    main()
