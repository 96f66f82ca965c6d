"""What the record of a session shows to an attentive reader who was not there.

A reader has what a model has: requests as recognised with their n-best lists, responses, what was understood, times,
and what the person did next. Words are read: a request that was heard rightly says what was meant, and a reader sees
when the response does not fit it. What only sound, the person's mind or a fresher source would tell stays hidden,
unless the person reacts to it or the response says so itself.

The labels of the truth decide no more than what the words before a reader say: whether they are those that were said,
whether they still say what was meant, and whether the response fits them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rapidfuzz import fuzz

from selflearn.schema import ObservedDialogue, TurnLabels
from selflearn.simulation.log import REPHRASE_SECONDS, REPHRASE_SIMILARITY
from selflearn.simulation.splits import Shapes
from selflearn.simulation.truth import CORRECT, FALSE_WAKE, RESOLUTION, RESULT, UNDERSTANDING
from selflearn.simulation.understanding import OTHER
from selflearn.simulation.world import World, spoken_values

STUMBLED = frozenset({"not_understood", "no_match", "missing"})
"""Statuses by which the assistant itself says that it did not serve."""

BETWEEN = frozenset({UNDERSTANDING, RESOLUTION})
"""Failure points at which misheard words, where there were any, made no difference."""

COMPLAINT_SIMILARITY = 85.0
"""Least similarity (0 to 100) of a request to a complaint that it is read as one: a word of it may be misheard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What can be known of a turn.

    Attributes:
        knows_failure: whether the response served the person.
        knows_words: what was really said.
        knows_meaning: what was wanted.
    """

    knows_failure: bool
    knows_words: bool
    knows_meaning: bool

    @property
    def knows_point(self) -> bool:
        """Whether the first component that failed can be told: mishearing is told by the words that were said."""
        return self.knows_failure and self.knows_words


class Reader:
    """Reads sessions.

    Args:
        world: whose people and responses the reader knows: how one complains and corrects, and how the assistant speaks
            when it is out of date.
    """

    def __init__(self, world: World) -> None:
        self._ways = WaysToSay.of(world)
        self._complaints = world.manners.complaints
        self._corrections = [_pattern(frame) for frame in world.manners.corrections]
        self._done = {name: [_pattern(text) for text in intent.done] for name, intent in world.intents.items()}
        self._stale = {name: [_pattern(text) for text in intent.stale] for name, intent in world.intents.items()}
        self._spoken: dict[str, set[str]] = {}
        for kind in world.types.values():
            for entity in kind.entities:
                self._spoken.setdefault(entity.name, set()).update(entity.spoken)

    def known(self, seen: ObservedDialogue, labels: Sequence[TurnLabels]) -> list[Known]:
        """What can be known of each turn.

        Args:
            seen: the session as it was logged, with the person's reactions.
            labels: of its turns, from the truth.
        """
        found: list[Known] = []
        for turn in reversed(range(len(seen.turns))):  # what was meant is learned from what was said later
            again = self._said_again(seen, turn)
            meaning_later = again is not None and found[len(seen.turns) - 1 - again].knows_meaning
            found.append(self._of_turn(seen, labels[turn], turn, meaning_later=meaning_later))
        return found[::-1]

    def _of_turn(self, seen: ObservedDialogue, label: TurnLabels, turn: int, *, meaning_later: bool) -> Known:
        shown = seen.turns[turn]
        said = label.transcript.value if label.transcript else shown.request
        heard = said == shown.request
        point = label.failure_point.value if label.failure_point else None
        at_its_word = point == UNDERSTANDING and self._says_what_was_served(seen, label, turn)
        failure = (
            self.reacted(seen, turn)
            or shown.status in STUMBLED
            or self._says_out_of_date(seen, turn)
            or (heard and not at_its_word and self._misfit(seen, label, turn))
        )
        # misheard words that did no harm, or are not those of a value, still say what was meant; not where they are
        # those of a request that nobody serves
        unserved = label.intent is not None and label.intent.value == OTHER
        values_heard = all(slot.text in (said or "") for slot in label.slots or ())
        harmless = not unserved and (point in (CORRECT, RESULT) or (point in BETWEEN and values_heard))
        # who doubts the words, or reads past them, finds better ones in the n-best list and in what was said next
        others = {hypothesis.text for hypothesis in shown.recognition}
        others |= {later.request for later in seen.turns[turn + 1 : turn + 3] if later.request}
        words = heard or ((failure or harmless) and said in others)
        if point == FALSE_WAKE:  # nobody meant anything, and where the assistant found no request in it, that shows
            failure = failure or shown.status == "unsupported"
            return Known(knows_failure=failure, knows_words=words, knows_meaning=failure)
        meaning = (not at_its_word and (words or harmless)) or (failure and meaning_later)
        return Known(knows_failure=failure, knows_words=words, knows_meaning=meaning)

    def reacted(self, seen: ObservedDialogue, turn: int) -> bool:
        """Whether the person showed that a response did not serve.

        They interrupted it or denied that it answered their question, or within seconds said it again, corrected it,
        complained or gave up.
        """
        if seen.feedback and (seen.feedback[turn].barge_in or seen.feedback[turn].answer is False):
            return True
        gave_up = _soon(seen, turn) and seen.turns[turn + 1].status == "bye"
        return gave_up or self._said_again(seen, turn) is not None or self.complains(seen, turn + 1)

    def _said_again(self, seen: ObservedDialogue, turn: int) -> int | None:
        """The turn in which the same was asked for once more."""
        if not _soon(seen, turn):
            return None
        later = turn + 1
        if self.complains(seen, later):
            if not _soon(seen, later):
                return None
            later += 1
        request = seen.turns[later].request or ""
        corrects = any(pattern.fullmatch(request) for pattern in self._corrections)
        alike = fuzz.token_set_ratio(seen.turns[turn].request or "", request) >= REPHRASE_SIMILARITY
        ends = seen.turns[later].status in ("bye", "welcome")
        return later if (corrects or alike) and not ends else None

    def complains(self, seen: ObservedDialogue, turn: int) -> bool:
        """Whether a turn asks for nothing, and says soon after a response that it was wrong."""
        if turn >= len(seen.turns) or not _soon(seen, turn - 1):
            return False
        request = seen.turns[turn].request or ""
        return any(fuzz.ratio(request, complaint) >= COMPLAINT_SIMILARITY for complaint in self._complaints)

    def _misfit(self, seen: ObservedDialogue, label: TurnLabels, turn: int) -> bool:
        """Whether the response does not fit words that were heard rightly.

        Something else was understood than they say, or an entity was taken that is not called by the name that was
        said. Of two that share a name a reader cannot tell which was meant, nor which value goes without saying for the
        person.
        """
        point = label.failure_point.value if label.failure_point else None
        if point == RESOLUTION:
            entities = seen.turns[turn].entities
            return any(e.entity is None or e.mention not in self._spoken.get(e.entity, ()) for e in entities)
        return point == UNDERSTANDING or (label.intent is not None and label.intent.value == OTHER)

    def _says_what_was_served(self, seen: ObservedDialogue, label: TurnLabels, turn: int) -> bool:
        """Whether the words are such that people ask for what was served with them, though something else was meant.

        "What's the temperature" asks for the weather, and for what the heating is set to. What was served has to be
        made of all the values that were said, each of which is called so.
        """
        shown, before = seen.turns[turn], seen.turns[turn - 1] if turn else None
        served = shown.interpretations[0].intent if shown.interpretations else None
        if served is None or label.intent is None or served == label.intent.value:
            return False
        taken = {entity.mention for entity in shown.entities}
        return (
            all(e.entity is not None and e.mention in self._spoken.get(e.entity, ()) for e in shown.entities)
            and all(slot.text in taken for slot in label.slots or ())
            and self._ways.may_ask_for(
                shown.request or "",
                served,
                before.interpretations[0].intent if before and before.interpretations else None,
            )
        )

    def _says_out_of_date(self, seen: ObservedDialogue, turn: int) -> bool:
        """Whether the response is one that is given when it is out of date, and at no other time."""
        response = seen.turns[turn].response or ""
        intents = {reading.intent for reading in seen.turns[turn].interpretations if reading.intent in self._stale}
        stale, done = ([p for name in intents for p in rows[name or ""]] for rows in (self._stale, self._done))
        return _begins(stale, response) and not _begins(done, response)


class WaysToSay:
    """What people of a world say when they ask for something, values aside.

    Args:
        world: whose phrasings and manners these are.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._shapes = Shapes(spoken_values(world.types))
        manners = world.manners
        self._frames = [frame.partition("{}")[::2] for frame in (*manners.polite, *manners.asking)]
        self._hesitations = manners.hesitations
        self._of_intent: dict[tuple[str, str | None], set[str]] = {}

    @classmethod
    def of(cls, world: World) -> WaysToSay:
        """Those of a world: kept, as every block of a log has readers of its own."""
        if world.digest not in _WAYS:
            _WAYS[world.digest] = cls(world)
        return _WAYS[world.digest]

    def may_ask_for(self, request: str, intent: str, before: str | None) -> bool:
        """Whether a request is one of the ways to ask for an intent, after another one or at the beginning (None)."""
        if intent not in self._world.intents:
            return False
        if (intent, before) not in self._of_intent:
            self._of_intent[intent, before] = self._all(intent, before)
        return not self._of_intent[intent, before].isdisjoint(map(self._shapes.of, self._unframed(request)))

    def _all(self, intent: str, before: str | None) -> set[str]:
        previous = self._world.intents.get(before or "")
        follow = previous.follow if previous is not None else ()
        lists = (self._world.intents[intent].say, *(f.say for f in follow if f.intent == intent))
        return {shape for phrasings in lists for p in phrasings.all for shape in self._shapes.of_phrasing(p)}

    def _unframed(self, request: str) -> Iterator[str]:
        """The request as it is, and without a hesitation and a polite frame where it has one."""
        for word in ("", *(f"{word} " for word in self._hesitations)):
            if request.startswith(word):
                bare = request[len(word) :]
                yield bare
                for start, end in self._frames:
                    if bare.startswith(start) and bare.endswith(end) and len(bare) > len(start) + len(end):
                        yield bare[len(start) : len(bare) - len(end)]


_WAYS: dict[str, WaysToSay] = {}


def begins_in_the_record(seen: ObservedDialogue, turn: int) -> bool:
    """Whether a goal begins at a turn (not the first), for somebody who takes the record at its word.

    It does where the assistant took the request for another intent than the one before, and nothing ties the two.
    """
    before, shown = seen.turns[turn - 1], seen.turns[turn]
    own = seen.feedback[turn - 1] if seen.feedback else None
    tied = (before.status or "").startswith("which_") or shown.status in ("bye", "welcome")
    if tied or (own is not None and (own.rephrase or own.repetition)):
        return False
    intents = [t.interpretations[0].intent if t.interpretations else None for t in (before, shown)]
    return intents[1] is not None and intents[0] != intents[1]


def _soon(seen: ObservedDialogue, turn: int) -> bool:
    """Whether there is a next turn within the time in which people say things again."""
    if turn + 1 >= len(seen.turns):
        return False
    return (seen.turns[turn + 1].seconds or 0.0) - (seen.turns[turn].seconds or 0.0) <= REPHRASE_SECONDS


@cache  # every block of a log has readers of its own, of the same texts
def _pattern(text: str) -> re.Pattern[str]:
    """A text with anything in the place of its braces."""
    parts = re.split(r"\{\w*\}", text)
    return re.compile(".+".join(re.escape(part) for part in parts), re.IGNORECASE)


def _begins(patterns: Iterable[re.Pattern[str]], response: str) -> bool:
    """Whether a response begins so: the question whether it was right may follow."""
    return any(pattern.match(response) for pattern in patterns)
