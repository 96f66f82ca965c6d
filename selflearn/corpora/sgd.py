"""Schema-Guided Dialogue (Rastogi et al., 2020, https://arxiv.org/abs/1909.05855), in the layout of its release.

A user turn and the system turn after it are one :class:`Turn`. How each label is derived:

* **active frame**: a user turn has one frame, or two where the service changes; taken is the one whose service is that
  of the system's reply in the same pair. (This looks one reply ahead: right for labels, never a feature.)
* **goals**: maximal runs of pairs whose active frame has the same (service, active_intent); ``domain`` is the service,
  ``name`` the intent. A pair whose active intent is NONE (thanks, goodbye, a declined offer) belongs to the goal before
  it and ends nothing: the same goal may go on after it. A goal that comes back later is a new goal.
* **success**: of the *last* NOTIFY_SUCCESS or NOTIFY_FAILURE among the system acts of the goal's pairs; None without
  one. So a failure that is followed by a retry that succeeds is a success.
* **intent** of a turn: the active intent's name, without the service; no label on NONE turns.
* **slots**: the character spans of all user frames of the request; ``name`` without the service; ``value`` is the
  state's value of that slot: the spoken form where the state lists it, else the first.
* **response_acts**: acts of the reply, sorted, each once, as ``ACT`` or ``ACT(slot)``.

Some files of a release may be in their first-released form, without user actions: nothing here needs those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

from selflearn.corpora.corpus import Corpus, ReadReport, read_json, reading
from selflearn.schema import Dialogue, Goal, Label, Labels, RecordError, Slot, Turn, TurnLabels

NOTIFICATIONS = {"NOTIFY_SUCCESS": True, "NOTIFY_FAILURE": False}
"""The acts by which the system says how the transaction ended."""

NONE = "NONE"

Json = Mapping[str, Any]
Pair = tuple[Json, Json]


@dataclass(frozen=True, kw_only=True)
class SchemaGuidedDialogue(Corpus):
    """Reader of the release: ``train/``, ``dev/`` and ``test/`` with ``dialogues_NNN.json``."""

    name: ClassVar[str] = "sgd"
    version: ClassVar[int] = 1
    splits: ClassVar[Mapping[str, str]] = {
        "train": "folder train of the release",
        "dev": "folder dev of the release: 8 of its 17 services are not in train",
        "test": "folder test of the release",
    }
    source: ClassVar[str] = (
        "The release is https://github.com/google-research-datasets/dstc8-schema-guided-dialogue (CC BY-SA 4.0): put "
        "its folders train, dev and test into the root"
    )

    def files(self, root: Path, split: str) -> list[Path]:
        """``dialogues_*.json`` of the split, by name."""
        found = sorted((root / split).glob("dialogues_*.json"))
        if not found and any(root.glob("*/dialogues_*.json")):
            self.missing(f"the split {split!r} is not in {root}: no {root / split}/dialogues_*.json")
        if not found:
            self.not_this_corpus(root, f"{split}/dialogues_*.json")
        return found

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield the dialogues of all files, one file in memory at a time.

        Raises:
            CorpusError: a file is not there, or damaged.
            RecordError: a file holds no list of dialogues, or a value breaks the record contract.
        """
        for path in self.files(root, split):
            content = read_json(path)
            if not isinstance(content, list):
                raise RecordError("dialogues", type(content).__name__, "a list of dialogues", file=str(path))
            for i, raw in enumerate(content):
                with reading(path, raw.get("dialogue_id", i) if isinstance(raw, Mapping) else i):
                    dialogue = read_dialogue(raw, split, report)
                yield dialogue


CORPUS = SchemaGuidedDialogue()


def read_dialogue(raw: Json, split: str, report: ReadReport) -> Dialogue:
    """The record of one dialogue of the release, with its labels (see the module)."""
    pairs = _pairs(raw["turns"])
    active = [_active(pair, raw["dialogue_id"], report) for pair in pairs]
    acts = [_acts(system) for _, system in pairs]
    dialogue = Dialogue(
        id=raw["dialogue_id"],
        corpus="sgd",
        split=split,
        turns=tuple(Turn(request=user["utterance"], response=system["utterance"]) for user, system in pairs),
        labels=Labels(
            goals=_goals(active, acts),
            turns=tuple(
                TurnLabels(
                    intent=None if intent is None else Label(value=intent),
                    slots=_slots(user, raw["dialogue_id"], report),
                    response_acts=tuple(sorted({f"{act}({slot})" if slot else act for act, slot in said})),
                )
                for (user, _), (_, intent), said in zip(pairs, active, acts, strict=True)
            ),
        ),
    )
    _count(dialogue, pairs, report)
    return dialogue


def _pairs(turns: Sequence[Json]) -> list[Pair]:
    speakers = [turn["speaker"] for turn in turns]
    if not turns or speakers != ["USER", "SYSTEM"] * (len(turns) // 2):
        raise RecordError("turns", speakers, "USER and SYSTEM in turn, from USER to SYSTEM, at least once each")
    return list(zip(turns[::2], turns[1::2], strict=True))


def _active(pair: Pair, where: str, report: ReadReport) -> tuple[str | None, str | None]:
    """Service and active intent of a pair; the intent is None for NONE."""
    user, system = pair
    services = {frame["service"] for frame in system["frames"]}
    frames = [frame for frame in user["frames"] if frame["service"] in services]
    if len(frames) != 1:
        report.add("pairs_without_active_frame", where=where)
        return None, None
    intent = frames[0]["state"]["active_intent"]
    return frames[0]["service"], None if intent == NONE else intent


def _acts(system: Json) -> list[tuple[str, str]]:
    return [(action["act"], action.get("slot", "")) for frame in system["frames"] for action in frame["actions"]]


def _goals(
    active: Sequence[tuple[str | None, str | None]], acts: Sequence[Sequence[tuple[str, str]]]
) -> tuple[Goal, ...]:
    runs: list[tuple[int, str | None, str | None]] = []
    for i, (service, intent) in enumerate(active):
        if intent is not None and (not runs or runs[-1][1:] != (service, intent)):
            runs.append((i if runs else 0, service, intent))  # the first goal owns whatever came before it
    runs = runs or [(0, None, None)]
    ends = [start for start, _, _ in runs[1:]] + [len(active)]
    goals = []
    for (start, service, intent), end in zip(runs, ends, strict=True):
        told = [NOTIFICATIONS[act] for said in acts[start:end] for act, _ in said if act in NOTIFICATIONS]
        goals.append(Goal(start=start, end=end, name=intent, domain=service, success=told[-1] if told else None))
    return tuple(goals)


def _slots(user: Json, where: str, report: ReadReport) -> tuple[Slot, ...]:
    found = []
    for frame in user["frames"]:
        values = frame["state"]["slot_values"]
        for span in frame["slots"]:
            name, start, end = span["slot"], span["start"], span["exclusive_end"]
            if not 0 <= start < end <= len(user["utterance"]):
                expected = f"0 <= start < exclusive_end <= {len(user['utterance'])}, the utterance's length"
                raise RecordError("slots", span, expected)
            text, known = user["utterance"][start:end], values.get(name, ())
            value = text if text in known else next(iter(known), None)
            report.add("spans_without_state_value", value is None, where=where)
            found.append(Slot(name=name, start=start, end=end, text=text, value=value))
    found.sort(key=lambda slot: (slot.start, slot.end, slot.name))
    report.add("spans_overlapping", sum(b.start < a.end for a, b in pairwise(found)), where=where)
    return tuple(found)


def _count(dialogue: Dialogue, pairs: Sequence[Pair], report: ReadReport) -> None:
    report.add("dialogues")
    report.add("turns", len(dialogue.turns))
    report.add("goals", len(dialogue.labels.goals or ()))
    report.add("slots", sum(len(turn.slots or ()) for turn in dialogue.labels.turns))
    report.add("turns_without_intent", sum(turn.intent is None for turn in dialogue.labels.turns))
    first_release = not any("actions" in frame for user, _ in pairs for frame in user["frames"])
    report.add("dialogues_in_first_release_form", first_release)
