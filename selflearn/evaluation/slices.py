"""Slices of the items: seen and unseen services, questions people were asked, what annotators agree on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from selflearn.corpora.star import success_question
from selflearn.schema import Dialogue
from selflearn.simulation.annotators import disputes

ANNOTATED = {
    "segmentation": "boundary", "success": "success", "defect": "defect", "intent": "intent", "slots": "slots",
    "transcript": "transcript",
}  # fmt: skip
"""What annotators of a log are asked about the items of each task."""


def add_slices(
    tables: Mapping[str, pd.DataFrame], dialogues: Sequence[Dialogue], seen_domains: Collection[str]
) -> dict[str, pd.DataFrame]:
    """The tables with slice columns in the place of ``domain``.

    ``@seen`` and ``@unseen``: the domain (service) of the item's goal is, or is not, among those of the training data;
    for segmentation, where one decision is about two goals, all domains of the dialogue are. ``question`` (success):
    what the person was asked, for the AUC within a question. ``@defects``: turns whose response did not serve the
    person: where the assistant was wrong, and its own labels with it. ``@agreed`` and ``@disputed``: whether the three
    annotators of a simulated log who make a gold gave one answer to the question that the item is about; spans are what
    their turn is, and for segmentation, which is measured by dialogue, all boundaries of an agreed dialogue are agreed
    on. The gold of both slices is that of the table.

    Args:
        tables: from the tasks.
        dialogues: the evaluated dialogues.
        seen_domains: domains of the training data.
    """
    of_dialogue = {
        dialogue.id: {goal.domain for goal in dialogue.labels.goals or () if goal.domain is not None}
        for dialogue in dialogues
    }
    seen = set(seen_domains)
    known = any(of_dialogue.values())
    questions = {dialogue.id: success_question(dialogue) for dialogue in dialogues}
    defects = {
        (dialogue.id, turn)
        for dialogue in dialogues
        for turn, labels in enumerate(dialogue.labels.turns)
        if labels.defect is not None and labels.defect.value
    }
    disputed = [(dialogue.id, *item, against) for dialogue in dialogues for item, against in disputes(dialogue).items()]
    found = {}
    for name, table in tables.items():
        sliced = _with_question(_with_domains(table, of_dialogue, seen, known), name, questions)
        sliced = _with_defects(sliced, name, defects)
        task = name.partition("@")[0]
        own = {(d, turn): against for d, question, turn, against in disputed if question == ANNOTATED.get(task)}
        found[name] = _with_agreement(sliced, task, own) if own else sliced
    return found


def without_one_sided_slices(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables without a pair of slices of which one is empty: the other would be the whole.

    Spans that only one system sees do not count: all systems have the same slices.
    """
    found = dict(tables)
    for sides in (["@seen", "@unseen"], ["@agreed", "@disputed"]):
        for name, table in found.items():
            if set(sides) <= set(table) and not table.loc[table["gold"].notna(), sides].any().all():
                found[name] = table.drop(columns=sides)
    return found


def _with_domains(
    table: pd.DataFrame, of_dialogue: Mapping[str, set[str]], seen: set[str], labelled: bool
) -> pd.DataFrame:
    if "domain" in table:
        known, is_seen = table["domain"].notna(), table["domain"].isin(seen)
        table = table.drop(columns="domain")
        columns = {"@seen": known & is_seen, "@unseen": known & ~is_seen}
    else:
        domains = table["dialogue_id"].map(of_dialogue)
        columns = {
            "@seen": domains.map(lambda found: bool(found) and found <= seen),
            "@unseen": domains.map(lambda found: bool(found) and not found & seen),
        }
    return table.assign(**{name: column.astype(bool) for name, column in columns.items()}) if labelled else table


def _with_defects(table: pd.DataFrame, name: str, defects: Collection[tuple[str, int]]) -> pd.DataFrame:
    if not defects or "turn" not in table or name in ("defect", "segmentation"):
        return table
    turns = zip(table["dialogue_id"], table["turn"], strict=True)
    return table.assign(**{"@defects": [item in defects for item in turns]})


def _with_question(table: pd.DataFrame, name: str, questions: Mapping[str, str | None]) -> pd.DataFrame:
    asked = table["dialogue_id"].map(questions) if name.partition("@")[0] == "success" else None
    return table if asked is None or asked.isna().any() else table.assign(question=asked)


def _with_agreement(table: pd.DataFrame, task: str, disputed: Mapping[tuple[str, int | None], bool]) -> pd.DataFrame:
    """With ``@agreed`` and ``@disputed``; what the three were not asked is in neither."""
    if task == "segmentation":
        whole: dict[str, bool] = {}
        for (dialogue, _), against in disputed.items():
            whole[dialogue] = whole.get(dialogue, False) or against
        answers = [whole.get(dialogue) for dialogue in table["dialogue_id"]]
    else:
        turns = table["end"] - 1 if task == "success" else table["turn"]  # a goal is judged at its last turn
        answers = [disputed.get(item) for item in zip(table["dialogue_id"], turns, strict=True)]
    return table.assign(**{"@agreed": [answer is False for answer in answers],
                           "@disputed": [answer is True for answer in answers]})  # fmt: skip
