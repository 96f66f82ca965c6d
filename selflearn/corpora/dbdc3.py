"""Dialogue Breakdown Detection Challenge 3 (Higashinaka et al., 2017, https://dbd-challenge.github.io/dbdc3/), English.

People chat with four bots, and 30 raters say of each response whether the dialogue breaks down there: O (no), T
(possibly) or X (yes). Read is the *revised* annotation (``dbdc3_revised``), in which raters judged whole dialogues; the
folder ``dbdc3`` holds the same dialogues with the annotation of the challenge, half of it the same files.

A turn is what the user says until the bot has answered. ``system_version`` is the bot (the name of the set up to its
number: CIC, IRIS, TKTK, YI; CIC is several bots of one competition), so that folds can leave one bot out
(``data.fold_by=bot``), ``user_id`` the speaker, where the release says who it was, and ``seconds`` is known for YI
alone. How each label is derived:

* **defect**: the votes of ``breakdown`` taken together outnumber each other vote. With T and X (the default) that is:
  more raters see a breakdown or a possible one than none, 83% of the responses. With X alone: X is the commonest vote,
  26%. Ties are no defect. A bot's greeting was not rated, and is not labelled.
* **ratings**: every vote, ``question`` "breakdown", ``answer`` O, T or X, ``score`` 0, 0.5 or 1, under the rater's id.
  The same ids appear for CIC and YI, and for IRIS and TKTK. In some dialogues of TKTK the raters change on the way.

It is chat: there are no goals, intents or slots. Votes differ much from person to person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from selflearn.corpora._exchanges import Utterance, exchanges, turn_of
from selflearn.corpora.corpus import CorpusError, ReadReport, read_json, reading
from selflearn.corpora.rated import RatedCorpus
from selflearn.schema import Dialogue, Rating, RecordError, Turn

VOTES = {"O": 0.0, "T": 0.5, "X": 1.0}
"""What a rater can say of a response, and its score: no breakdown, a possible one, a breakdown."""

QUESTION = "breakdown"
FOLDER = "dbdc3_revised/en"

Json = Mapping[str, Any]
Vote = tuple[str, str]
"""The id of a rater, and what they said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance(Utterance):
    time: datetime | None
    votes: tuple[Vote, ...]


@dataclass(frozen=True, kw_only=True)
class BreakdownDetection(RatedCorpus):
    """Reader of the release: ``dbdc3_revised/en/SPLIT/SET/*.log.json``.

    Attributes:
        breakdown: the votes that say that a response is a defect.

    Raises:
        CorpusError: ``breakdown`` is empty, all votes, or has another vote than O, T and X.
    """

    name: ClassVar[str] = "dbdc3"
    version: ClassVar[int] = 2
    splits: ClassVar[Mapping[str, str]] = {
        "dev": "folder dev of the release: 415 dialogues with four bots",
        "eval": "folder eval of the release: the test data of the challenge",
    }
    source: ClassVar[str] = (
        "The release is DBDC3.zip of https://github.com/dbd-challenge/dbdc3 (MIT): the root is the folder that holds "
        "dbdc3_revised"
    )

    breakdown: Sequence[str] = ("T", "X")

    def __post_init__(self) -> None:
        """Check the votes that count."""
        if not self.breakdown or not set(self.breakdown) < set(VOTES):
            expected = f"one or two of {', '.join(VOTES)}"
            raise CorpusError(f"dbdc3: breakdown is {list(self.breakdown)!r}; expected {expected}")

    def is_defect(self, ratings: Sequence[Rating]) -> bool:
        """Whether the votes for a breakdown together outnumber each other vote."""
        votes = Counter(rating.answer for rating in ratings)
        seen = sum(votes[vote] for vote in self.breakdown)
        return all(seen > votes[other] for other in VOTES if other not in self.breakdown)

    def files(self, root: Path, split: str) -> list[Path]:
        """The logs of the split, by set and name."""
        found = sorted((root / FOLDER / split).glob("*/*.log.json"))
        if not found and any((root / FOLDER).glob("*/*/*.log.json")):
            self.missing(f"the split {split!r} is not in {root}: no {root / FOLDER / split}/*/*.log.json")
        if not found:
            self.not_this_corpus(root, f"{FOLDER}/{split}/SET/*.log.json")
        return found

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield the dialogues of all bots, one file in memory at a time."""
        for path in self.files(root, split):
            content = read_json(path)
            with reading(path, content.get("dialogue-id", path.name) if isinstance(content, Mapping) else path.name):
                dialogue = self.read_dialogue(content, split, path.parent.name.partition("_")[0], report)
            yield dialogue

    def read_dialogue(self, raw: Json, split: str, bot: str, report: ReadReport) -> Dialogue:
        """The record of one log, with its labels (see the module)."""
        said = [_utterance(turn) for turn in raw["turns"]]
        found = exchanges(said)
        dialogue = self.labelled(
            Dialogue(
                id=raw["dialogue-id"],
                corpus=self.name,
                split=split,
                user_id=raw["speaker-id"] or None,
                system_version=bot,
                turns=tuple(_turn(exchange, said[0].time) for exchange in found),
                ratings=tuple(_ratings(found)),
            )
        )
        _count(dialogue, found, report)
        return dialogue


CORPUS = BreakdownDetection()


def _utterance(raw: Json) -> _Utterance:
    if raw["speaker"] not in ("U", "S"):
        raise RecordError("turns.speaker", raw["speaker"], "U or S")
    votes = [(vote["annotator-id"], vote["breakdown"]) for vote in raw["annotations"]]
    unknown = next((vote for _, vote in votes if vote not in VOTES), None)
    if unknown is not None:
        raise RecordError("turns.annotations.breakdown", unknown, f"one of {', '.join(VOTES)}")
    twice = [rater for rater, number in Counter(rater for rater, _ in votes).items() if number > 1 or not rater]
    if twice:
        raise RecordError("turns.annotations.annotator-id", twice[0], "an id, once for each response")
    if votes and raw["speaker"] == "U":
        raise RecordError("turns.annotations", f"{len(votes)} of what the user said", "annotations of responses alone")
    return _Utterance(
        by_user=raw["speaker"] == "U", text=raw["utterance"], time=_time(raw.get("time")), votes=tuple(votes)
    )


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise RecordError("turns.time", text, "a date and time, or nothing") from None


def _turn(exchange: Sequence[_Utterance], start: datetime | None) -> Turn:
    begins = exchange[0].time
    known = begins is not None and start is not None
    return turn_of(exchange, seconds=(begins - start).total_seconds() if known else None)  # type: ignore[operator]


def _ratings(found: Sequence[Sequence[_Utterance]]) -> Iterator[Rating]:
    for turn, exchange in enumerate(found):
        rated = [utterance.votes for utterance in exchange if utterance.votes]
        if len(rated) > 1:
            raise RecordError("turns", f"{len(rated)} rated responses in a row", "one, and then what the user says")
        for rater, vote in rated[0] if rated else ():
            yield Rating(rater=rater, question=QUESTION, answer=vote, score=VOTES[vote], turn=turn)


def _count(dialogue: Dialogue, found: Sequence[Sequence[_Utterance]], report: ReadReport) -> None:
    teams = {
        frozenset(rater for rater, _ in utterance.votes)
        for exchange in found
        for utterance in exchange
        if utterance.votes
    }
    report.add("dialogues")
    report.add("turns", len(dialogue.turns))
    report.add("utterances", sum(map(len, found)))
    report.add("utterances_joined", sum(turn.joins for turn in dialogue.turns))
    report.add("ratings", len(dialogue.ratings))
    report.add("turns_without_ratings", sum(labels.defect is None for labels in dialogue.labels.turns))
    report.add("defects", sum(bool(labels.defect and labels.defect.value) for labels in dialogue.labels.turns))
    report.add("dialogues_whose_raters_change", len(teams) > 1, where=dialogue.id)
