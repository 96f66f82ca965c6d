"""What a run learns from: gold labels, or those that follow from what people did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig

from selflearn._replacing import replace_text
from selflearn.evaluation.benchmark import Split
from selflearn.schema import Dialogue
from selflearn.training.feedback import FeedbackModel
from selflearn.training.signals import SignalModel

SOURCES = ("gold", "feedback", "both")
"""Where the labels may come from."""

SIGNALS_PAGE = "page.signals.md"
"""File of a run directory that says how far each signal was trusted."""


def check_supervision(cfg: DictConfig) -> None:
    """See that labels come from where they can, and that a run on feedback alone reads no annotation anywhere.

    Raises:
        ValueError: its pretraining would, or the source of labels is unknown.
    """
    if cfg.supervision.source not in SOURCES:
        raise ValueError(f"supervision.source is {cfg.supervision.source!r}; expected one of {', '.join(SOURCES)}")
    annotated = cfg.pretraining.swaps.shares.get("same_acts", 0)
    if cfg.supervision.source == "feedback" and annotated > 0 and cfg.pretraining.epochs > 0:
        raise ValueError(
            f"pretraining.swaps.shares.same_acts={annotated} reads annotated dialogue acts, and supervision=feedback "
            "promises that no annotation is read; take another pretraining (swapped, none), or supervision=gold"
        )


def supervised(cfg: DictConfig, split: Split, unlabelled: Sequence[Dialogue], directory: Path) -> Split:
    """The split with the labels that ``supervision`` says: gold ones, or those that follow from people's feedback.

    Args:
        cfg: the whole config.
        split: with gold labels, where there are some.
        unlabelled: all training dialogues.
        directory: where the rates of the signals are written down.

    Raises:
        ValueError: the source is unknown, or it is "both" and all training dialogues have gold labels.
    """
    source = cfg.supervision.source
    if source == "gold":
        return split
    if source == "feedback":
        feedback = _estimated(list(split.labelled()), directory)
        parts = {"train": split.train, "tune": split.tune, "calibrate": split.calibrate}
        return replace(split, **{name: feedback.label(part, seed=cfg.seed) for name, part in parts.items()})
    if source == "both":
        gold = {dialogue.id for dialogue in split.labelled()}
        others = [dialogue for dialogue in unlabelled if dialogue.id not in gold]
        if not others:
            raise ValueError("supervision=both, and every training dialogue counts as labelled by people; expected "
                             "data.labelled=NUMBER, fewer than there are, or supervision=gold")  # fmt: skip
        return replace(split, train=[*split.train, *_estimated(others, directory).label(others, seed=cfg.seed)])
    raise ValueError(f"supervision.source is {source!r}; expected gold, feedback or both")


def _estimated(dialogues: Sequence[Dialogue], directory: Path) -> FeedbackModel:
    model = FeedbackModel.fit(dialogues)
    replace_text(directory / SIGNALS_PAGE, signals_page(model))
    return model


def signals_page(model: FeedbackModel) -> str:
    """How often each signal says what, as it was estimated without a label; Markdown for the page of results."""
    shares = [f"{model.failures.share:.1%} of the turns failed"]
    rows = list(_lines("did the turn fail?", model.failures))
    if model.starts is not None:
        shares.append(f"{model.starts.share:.1%} of the requests after the first begin another goal")
        rows += _lines("does the next request begin a goal?", model.starts)
    lines = [
        "### How far each signal is trusted",
        "",
        "How often each signal says what, by the answer to the question. Estimated from the training dialogues without",
        f"a label, as are the answers: {', '.join(shares)}.",
        "",
        "| question | signal | says | if no | if yes |",
        "| --- | --- | --- | ---: | ---: |",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _lines(question: str, model: SignalModel) -> Iterator[str]:
    rates: Mapping[str, Mapping[str, tuple[float, float]]] = model.rates
    for name, values in sorted(rates.items()):
        for value, (no, yes) in sorted(values.items()):
            yield f"| {question} | {name} | {value} | {no:.3f} | {yes:.3f} |"
