"""Slices of the items: seen and unseen services, questions people were asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from selflearn.corpora.star import success_question
from selflearn.schema import Dialogue


def add_slices(
    tables: Mapping[str, pd.DataFrame], dialogues: Sequence[Dialogue], seen_domains: Collection[str]
) -> dict[str, pd.DataFrame]:
    """The tables with slice columns in the place of ``domain``.

    ``@seen`` and ``@unseen``: the domain (service) of the item's goal is, or is not, among those of the training data;
    for segmentation, where one decision is about two goals, all domains of the dialogue are. ``question`` (success):
    what the person was asked, for the AUC within a question. ``@defects``: turns whose response did not serve the
    person: where the assistant was wrong, and its own labels with it.

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
    return {
        name: _with_defects(
            _with_question(_with_domains(table, of_dialogue, seen, known), name, questions), name, defects
        )
        for name, table in tables.items()
    }


def without_one_sided_slices(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables without ``@seen`` and ``@unseen`` where all items are on one side: the slice would be the whole."""
    sides = ["@seen", "@unseen"]
    return {
        name: table.drop(columns=sides) if set(sides) <= set(table) and not table[sides].any().all() else table
        for name, table in tables.items()
    }


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
