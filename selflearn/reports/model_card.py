"""The card of a trained model: what it was trained on, how good it is, what it promises, and what it is not for.

It is ``README.md`` in the model's folder, in the form that the Hugging Face hub shows (Mitchell et al., FAT* 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selflearn._replacing import replace_text
from selflearn.corpora import log_name
from selflearn.evaluation import Results, results_markdown
from selflearn.inference.promises import Promises
from selflearn.inference.rows import TASKS, key_in_words
from selflearn.trust.wording import score_from

FILE = "README.md"
BEGIN, END = "<!-- promises -->", "<!-- /promises -->"

_NO_PROMISE = """Nothing is promised of the labels. `python -m experiments.certify` finds thresholds with a promise on
dialogues that people have labelled."""

_SUPERVISION = {
    "gold": "those of the corpus",
    "feedback": "generated from what people did, without a gold label",
    "both": "those of the corpus where there are some, else generated from what people did",
}

_CARD = """---
library_name: selflearn
tags: [dialogue, goal-segmentation, intent-classification, slot-filling]
---

# Label generator, trained on {corpus}

Labels dialogues between people and an assistant:

{labels}

A turn encoder ({encoder}) under a Transformer of {layers} layers over the dialogue, which sees {reads}. Load it with
`selflearn.Labeler.from_pretrained`, or `python -m experiments.label labeler=DIR`.

## Trained on

```bash
{command}
```

Data: {corpus}, split `{train_split}`: {learned_dialogues} of its {train_dialogues} dialogues, of which a share of
{tune_share} was held out: half of it chose thresholds (`config.json`), the other calibrated scores
(`calibration.json`). Labels: {supervision}.
torch {torch}, {device}.

## How good it is

On {tested_dialogues} dialogues of the split `{test_split}`; what simple systems reach on the same items stands in
`results.md` of the run.

{table}
{calibration}
## What it promises

{begin}
{promises}
{end}

## What it is for, and what not

It is made to label logs like those it was trained on: to train on, to measure with, to find what goes wrong. The names
of intents and slots are those of its training data; what is none of them is labelled wrong or left out. On logs of
another assistant, in another language or of another kind of talk its figures do not hold and its scores are not
calibrated: label a few hundred dialogues by hand and look. It reads what people said to an assistant, which may be
personal; what it labelled holds that text. It is not made to judge people.
"""

_UNMEASURED = "Nothing is measured: people have labelled none of them."

_WHAT_LABELS_ARE = {
    "segmentation": "goals: which turns belong together",
    "success": "success: whether a goal was reached",
    "intent": "intent: what a turn asks for",
    "domain": "domain: what the goal of a turn is about",
    "slots": "slots: named values in the text of a request",
    "defect": "defect: whether a response did not serve the person",
    "transcript": "transcript: which hypothesis, or which later request, says what was meant",
}


def model_card(metrics: Mapping[str, float], config: Mapping[str, Any], versions: Mapping[str, Any]) -> str:
    """The card as Markdown, without promises.

    Args:
        metrics: ``metrics.json`` of the run.
        config: its resolved settings.
        versions: ``versions.json``.
    """
    data, model = config["data"], config["model"]
    own = {key: value for key, value in metrics.items() if key.startswith(("test/", "count/"))}
    results = Results.from_metrics(own)
    whole = results.only([row for row in results.rows() if "@" not in row[1]])
    tasks = dict.fromkeys(key.split("/")[1] for key in metrics if key.startswith(("test/", "tune/")))
    return _CARD.format(
        corpus=_data_in_words(data), labels="\n".join(f"* {_WHAT_LABELS_ARE.get(task, task)}" for task in tasks),
        encoder=model["encoder"], layers=model["dialogue"]["layers"],
        reads="turns before, none after" if model["dialogue"]["causal"] else "turns before and after",
        command=versions["command"], train_split=data["train_split"], test_split=data["test_split"],
        train_dialogues=_count(metrics, f"{data['train_split']}_dialogues"),
        learned_dialogues=_count(metrics, "learned_dialogues"),
        tested_dialogues=_count(metrics, "tested_dialogues"), tune_share=data["tune_share"],
        supervision=_SUPERVISION[config["supervision"]["source"]], torch=versions["torch"], device=versions["device"],
        table=results_markdown(whole) if whole.rows() else _UNMEASURED, calibration=_calibration(metrics),
        begin=BEGIN, promises=_NO_PROMISE, end=END,
    )  # fmt: skip


def _data_in_words(data: Mapping[str, Any]) -> str:
    """What a model learned from: the corpus, or a log by the name of its folder; a simulated one is said to be so."""
    if data.get("simulate"):
        log = data["simulate"]
        return f"a simulated log ({log['world']}, {log['channel']}, {log['dialogues']:,} sessions)"
    name = log_name(data["corpus"], data.get("root"))
    return f"`{name}`" if name == data["corpus"] else f"the log `{name}`"


def calibration_lines(metrics: Mapping[str, float]) -> list[str]:
    """What calibration does to the scores of each task, in words; nothing for a run in which that was not measured.

    Args:
        metrics: ``metrics.json`` of the run.

    Example:
        >>> keys = {"ece_before": 0.1, "ece_after": 0.02, "labels": 400.0}
        >>> calibration_lines({f"calibration/intent/{key}": value for key, value in keys.items()})
        ['calibration error of 400 labels of intent: .100, after calibration .020']
    """
    return [
        f"calibration error of {labels:,.0f} labels of {task}: {_three(before)}, after calibration {_three(after)}"
        for task, labels, before, after in _calibrated(metrics)
    ]


def _calibration(metrics: Mapping[str, float]) -> str:
    rows = [
        f"| {task} | {labels:,.0f} | {_three(before)} | {_three(after)} |"
        for task, labels, before, after in _calibrated(metrics)
    ]
    said = (
        "Expected calibration error of the scores, on parts of the dialogues held out for it that the calibration had "
        "not seen (folds by user; right is what their labels say; 15 bins of as many labels each):"
    )
    head = ["", said, "", "| task | labels | before | after |", "| --- | ---: | ---: | ---: |"]
    return "\n".join([*head, *rows, ""]) if rows else ""


def _calibrated(metrics: Mapping[str, float]) -> list[tuple[str, float, float, float]]:
    tasks = dict.fromkeys(key.split("/")[1] for key in metrics if key.startswith("calibration/"))
    return [
        (task, *(metrics[f"calibration/{task}/{name}"] for name in ("labels", "ece_before", "ece_after")))  # type: ignore[misc]
        for task in sorted(tasks, key=lambda task: TASKS.index(task) if task in TASKS else len(TASKS))
    ]


def _three(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def write_model_card(card: str, directory: Path) -> None:
    """Write the card into the folder of the model."""
    replace_text(directory / FILE, card)


def add_promises(directory: Path, promises: Promises) -> None:
    """Say on the card of a model what was certified of it, and on which log; a folder without a card stays as it is.

    Args:
        directory: of the model.
        promises: of the model.
    """
    file = directory / FILE
    card = file.read_text("utf-8") if file.is_file() else ""
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        return
    log = "labelled dialogues" if promises.log is None else f"{promises.log}: dialogues that people labelled"
    lines = [
        f"Certified on {log}, which are to be new to the model:\n",
        "| task | accepted from | share | promise |",
        "| --- | ---: | ---: | --- |",
    ]
    for key, one in promises.tasks.items():
        threshold = "nothing" if one.threshold is None else score_from(one.threshold)
        name = key_in_words(key).replace("|", "\\|")
        lines.append(f"| {name} | {threshold} | {one.coverage:.1%} | {one.promise} |")
    replace_text(file, f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{after}")


def _count(metrics: Mapping[str, float], name: str) -> str:
    value = metrics.get(f"count/{name}")
    return "an unknown number of" if value is None else f"{value:,.0f}"
