"""STAR (Mosig et al., 2020, https://arxiv.org/abs/2010.11853): people talk to a wizard, and say whether it worked.

**Turns.** Said aloud are the events ``utter`` and ``pick_suggestion`` of User and Wizard; everything else, the wizard's
drafts (``request_suggestions``) and the instructions to the user above all, never becomes text. A turn is what the user
says until the wizard has answered; consecutive utterances of one side are joined with a blank and counted in
``Turn.joins``. ``seconds`` is the time of the turn's first utterance after the first one of the dialogue (whole
seconds, real), ``started_at`` the time of that. ``user_id`` is the user's worker id. Dialogues with fewer than two
utterances are left out and counted. How each label is derived:

* **success**: the user's yes or no to the one question that asks whether the assistant did the task (``STAR_DONE``);
  None where it was not asked. Only single-task dialogues have it. One person's answer, kept as a rating too.
* **goals** of a single-task dialogue: one, named by its ``Task``, ``domain`` as in the scenario.
* **goals** of a multi-task dialogue: runs of turns with one task. The task of a wizard's utterance is the one
  capability whose ``replies`` hold its ``ActionLabel``; if that is not exactly one, the task chosen last in the
  wizard's panel, which opens on the first capability. Labels in ``SAYS_NOTHING`` ("hello", "anything_else", ...) belong
  to many tasks and stay with the goal before, whatever the panel shows. A turn takes the task of its last utterance
  that has one, a turn without a task the goal before, and turns before the first goal belong to it. Nobody was asked
  for success there.
* **response_acts**: the ``ActionLabel`` of each wizard utterance of the turn, in order.
* **ratings**: every answer of both questionnaires, "yes" or "no", under the worker id of who gave it.

Two of the 2,301 answers of the release belong to dialogues in which nothing was said: they are among those left out.

The release has no splits. "all" is everything in the order of the dialogue's number; "answered" the dialogues with a
success; "train", "dev" and "test" are 80, 10 and 10 % of "all", each dialogue placed by a hash of its number alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from selflearn.corpora._exchanges import Utterance, exchanges, turn_of
from selflearn.corpora.corpus import Corpus, ReadReport, read_json, reading
from selflearn.schema import Dialogue, Goal, Labels, Rating, RecordError, Turn, TurnLabels

STAR_DONE = re.compile(
    "RSVP|book your|find you|reserve your|unlock the door|run the trivia|recover the life|submit your|schedule your|"
    "tell you|authenticate|report fraud|change your ride|give you"
)
"""Finds the question that asks whether the task was done."""

SAYS_NOTHING = frozenset({"hello", "anything_else", "goodbye_1", "goodbye_2", "out_of_scope"})
"""Labels of wizard utterances that tell nothing about the task at hand."""

SAID = ("utter", "pick_suggestion")
SHARES = {"train": 80, "dev": 10, "test": 10}
"""Per cent of the dialogues in each hashed split."""

Json = Mapping[str, Any]
Replies = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance(Utterance):
    time: float
    label: str | None
    selected: str | None


@dataclass(frozen=True, kw_only=True)
class Star(Corpus):
    """Reader of the release: ``dialogues/N.json`` and ``tasks/TASK/TASK.json``.

    Attributes:
        ask: whether the question that asks for success is told, as the response of a turn of its own behind the last.
    """

    name: ClassVar[str] = "star"
    version: ClassVar[int] = 1
    splits: ClassVar[Mapping[str, str]] = {
        "all": "every dialogue with two utterances or more",
        "answered": "those whose user was asked whether the task was done",
        **{split: f"{share} % of all, by a hash of the dialogue's number" for split, share in SHARES.items()},
    }
    source: ClassVar[str] = (
        "The release is https://github.com/RasaHQ/STAR (MIT): the root is the folder that holds dialogues and tasks"
    )

    ask: bool = False

    def files(self, root: Path, split: str) -> list[Path]:
        """All tasks and dialogues; every split is a selection from the same files."""
        dialogues = [path for path in (root / "dialogues").glob("*.json") if path.stem.isdigit()]
        tasks = sorted(path for path in (root / "tasks").glob("*/*.json") if path.stem == path.parent.name)
        if not dialogues or not tasks:
            self.not_this_corpus(root, "dialogues/1.json, ... and tasks/TASK/TASK.json")
        return [*tasks, *sorted(dialogues, key=lambda path: int(path.stem))]

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield the dialogues of the split, by number, one file in memory at a time."""
        replies: dict[str, frozenset[str]] = {}
        for path in self.files(root, split):
            content = read_json(path)
            with reading(path, path.stem):
                if path.parent.name != "dialogues":
                    replies[path.stem] = frozenset(content["replies"])
                    continue
                if split in SHARES and hashed_split(str(content["DialogueID"])) != split:
                    continue
                if split == "answered" and _answer(content) is None:
                    continue
                dialogue = read_dialogue(content, split, replies, report)
            if dialogue is not None:
                yield asked(dialogue) if self.ask else dialogue


CORPUS = Star()


def hashed_split(dialogue_id: str) -> str:
    """The split of a dialogue among ``SHARES``, from its id alone.

    Example:
        >>> [hashed_split(str(i)) for i in range(1, 6)]
        ['train', 'train', 'train', 'test', 'train']
    """
    place = int.from_bytes(hashlib.sha256(f"star/{dialogue_id}".encode()).digest()[:8], "big") % 100
    for split, share in SHARES.items():
        if place < share:
            return split
        place -= share
    raise AssertionError("the shares sum to 100")


def success_question(dialogue: Dialogue) -> str | None:
    """The question by which the user said whether the task was done, wordings of one question merged; None without.

    The key is the question from the verb on, in lower case: "book your flight", "find you a suitable ride".
    """
    keys = (_question_key(rating.question) for rating in dialogue.ratings)
    return next((key for key in keys if key is not None), None)


def asked(dialogue: Dialogue) -> Dialogue:
    """The dialogue with the question that asks for its success as a last turn, which belongs to the goal.

    Whoever is to say whether "the task" was done is told so which one is meant. A dialogue whose user was not asked
    stays as it is.
    """
    question = next((rating.question for rating in dialogue.ratings if _question_key(rating.question)), None)
    if question is None:
        return dialogue
    labels = dialogue.labels
    (goal,) = labels.goals or (None,)
    goals = None if goal is None else (replace(goal, end=goal.end + 1),)
    return replace(
        dialogue,
        turns=(*dialogue.turns, Turn(response=question)),
        labels=replace(labels, goals=goals, turns=(*labels.turns, TurnLabels())),
    )


def read_dialogue(raw: Json, split: str, replies: Replies, report: ReadReport) -> Dialogue | None:
    """The record of one dialogue of the release, with its labels (see the module); None if it is left out."""
    said = _said(raw, report)
    if len(said) < 2:
        report.add("dropped/dialogues_with_fewer_than_2_utterances", where=raw["DialogueID"])
        report.add("dropped/utterances_of_such_dialogues", len(said))
        return None
    turns = exchanges(said)
    answer = _answer(raw)
    dialogue = Dialogue(
        id=str(raw["DialogueID"]),
        corpus="star",
        split=split,
        user_id=raw["AnonymizedUserWorkerID"],
        started_at=said[0].time,
        turns=tuple(turn_of(turn, seconds=turn[0].time - said[0].time) for turn in turns),
        labels=Labels(
            goals=_goals(raw["Scenario"], turns, replies, answer),
            turns=tuple(TurnLabels(response_acts=tuple(u.label for u in turn if u.label)) for turn in turns),
        ),
        ratings=tuple(_ratings(raw)),
    )
    report.add("dialogues")
    report.add("dialogues_with_success", answer is not None)
    report.add("dialogues_not_complete", raw["CompletionLevel"] != "Complete", where=dialogue.id)
    report.add("turns", len(turns))
    report.add("utterances", len(said))
    report.add("utterances_joined", sum(turn.joins for turn in dialogue.turns))
    report.add("goals", len(dialogue.labels.goals or ()))
    return dialogue


def _said(raw: Json, report: ReadReport) -> list[_Utterance]:
    selected = raw["Scenario"]["WizardCapabilities"][0]["Task"]
    said = []
    for event in raw["Events"]:
        if event["Action"] == "select_task":
            selected = event["Task"]
        if event["Action"] not in SAID or event["Agent"] not in ("User", "Wizard"):
            report.add(f"events_not_said/{event['Action']}")
            continue
        said.append(
            _Utterance(
                by_user=event["Agent"] == "User",
                text=event["Text"],
                time=float(event["UnixTime"]),
                label=event.get("ActionLabel"),
                selected=selected,
            )
        )
    return said


def _goals(
    scenario: Json, turns: Sequence[Sequence[_Utterance]], replies: Replies, answer: bool | None
) -> tuple[Goal, ...]:
    domains = {capability["Task"]: capability["Domain"] for capability in scenario["WizardCapabilities"]}
    if not scenario["MultiTask"]:
        if len(domains) != 1:
            raise RecordError("Scenario.WizardCapabilities", list(domains), "one task where MultiTask is false")
        ((name, domain),) = domains.items()
        return (Goal(start=0, end=len(turns), name=name, domain=domain, success=answer),)
    unknown = [task for task in domains if task not in replies]
    if unknown:
        raise RecordError("Scenario.WizardCapabilities", unknown, f"tasks of the release: {', '.join(sorted(replies))}")
    starts: list[tuple[int, str]] = []
    for i, turn in enumerate(turns):
        tasks = [task for u in turn if not u.by_user and (task := _task(u, list(domains), replies))]
        if tasks and (not starts or tasks[-1] != starts[-1][1]):
            starts.append((i if starts else 0, tasks[-1]))
    if not starts:  # the wizard said nothing that tells: one goal that nobody named
        return (Goal(start=0, end=len(turns)),)
    ends = [start for start, _ in starts[1:]] + [len(turns)]
    return tuple(
        Goal(start=start, end=end, name=task, domain=domains.get(task))
        for (start, task), end in zip(starts, ends, strict=True)
    )


def _task(utterance: _Utterance, capabilities: Sequence[str], replies: Replies) -> str | None:
    if utterance.label in SAYS_NOTHING:
        return None
    owners = [task for task in capabilities if utterance.label in replies[task]]
    return owners[0] if len(owners) == 1 else utterance.selected


def _answer(raw: Json) -> bool | None:
    """The user's answer to the one question that asks whether the task was done."""
    answers = [
        item["Answer"] for item in raw.get("UserQuestionnaire") or () if _question_key(item["Question"]) is not None
    ]
    if len(answers) > 1:
        raise RecordError("UserQuestionnaire", answers, "one question at most that asks whether the task was done")
    return answers[0] if answers else None


def _question_key(question: str) -> str | None:
    found = STAR_DONE.search(question)
    return None if found is None else question[found.start() :].rstrip(" ?").lower()


def _ratings(raw: Json) -> Iterator[Rating]:
    for questionnaire, worker in (("User", "AnonymizedUserWorkerID"), ("Wizard", "AnonymizedWizardWorkerID")):
        for item in raw.get(f"{questionnaire}Questionnaire") or ():
            if type(item["Answer"]) is not bool:
                raise RecordError(f"{questionnaire}Questionnaire", item["Answer"], "true or false as Answer")
            yield Rating(rater=raw[worker], question=item["Question"], answer="yes" if item["Answer"] else "no")
