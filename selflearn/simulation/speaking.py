"""How people put what they want into words: requests, follow-ups, corrections, answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from selflearn.simulation.grammar import Phrasing, Span, Utterance
from selflearn.simulation.people import (
    Meaning,
    Person,
    Situation,
    Wishes,
    has_what_it_needs,
    own_phrasing,
    usual_value,
)
from selflearn.simulation.result import Result
from selflearn.simulation.world import FollowUp


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody in a situation, with something to say.

    Args:
        person: who speaks.
        situation: around it.
        wishes: what there is to want.
    """

    person: Person
    situation: Situation
    wishes: Wishes

    def wish(self, after: str | None, rng: random.Random) -> tuple[Meaning, Utterance]:
        """What is wanted next, and how it is said; ``after`` is the intent of the goal before.

        Raises:
            WorldError: there is nothing that they can want.
        """
        person, population = self.person, self.wishes.population
        intent = self.wishes.intent(person, self.situation, after, rng)
        if person.routines and rng.random() < population.routine_share:
            # a routine of the kind that suits the situation, else the one of that rank
            suited = [meaning for meaning in person.routines if meaning.intent.domain == intent.domain]
            routines = suited or person.routines
            meaning = routines[int(len(routines) * rng.random() ** 2)]
            if rng.random() < population.style.same_words:
                return meaning, self.say(meaning, random.Random(f"{person.vocabulary}/{meaning.key()}"))
        else:
            meaning = self.wishes.meaning(person, intent, self.situation, rng)
        return meaning, self.say(meaning, rng)

    def follow(self, before: Meaning, follow: FollowUp, rng: random.Random) -> tuple[Meaning, Utterance] | None:
        """What is asked next; None where it makes no sense: nobody brightens a television, or a lamp they have not."""
        intent = self.wishes.world.intents[follow.intent]
        if not has_what_it_needs(intent, frozenset(appliance.name for appliance, _ in self.person.appliances)):
            return None
        meaning = self.wishes.meaning(self.person, intent, self.situation, rng, before.values, follow.new)
        for slot in intent.slots.values():
            value = meaning.values.get(slot.name)
            if (value is None and not slot.optional) or (value and slot.only and value.name not in slot.only):
                return None
        words = self._words(meaning)
        phrasings = [phrasing for phrasing in follow.say.of(self.person.part) if phrasing.fits(words)]
        if not phrasings or any(meaning.values[name] == before.values.get(name) for name in follow.new):
            return None
        phrasing = own_phrasing(self.person, phrasings, rng, self.wishes.population.style.own_follow_up)
        return meaning, phrasing.say(words, rng, detail=self.person.detail, aloud=follow.new)

    def _words(self, meaning: Meaning) -> dict[str, str]:
        """How the person says each value: the way that is theirs."""
        return {
            name: entity.spoken[self.person.vocabulary % len(entity.spoken)] for name, entity in meaning.values.items()
        }

    def _aloud(self, meaning: Meaning) -> set[str]:
        """Slots that cannot go unsaid."""
        found = set()
        for name, entity in meaning.values.items():
            slot = meaning.intent.slots[name]
            usual = usual_value(slot, self.person, self.situation, self.wishes.world)
            if not slot.follows and (usual is None or usual.id != entity.id):
                found.add(name)
        return found

    def say(
        self, meaning: Meaning, rng: random.Random, *, detail: float | None = None, other_than: str | None = None
    ) -> Utterance:
        """A whole request: one of the person's phrasings with every value that does not go without saying."""
        words, aloud = self._words(meaning), self._aloud(meaning)
        detail = self.person.detail if detail is None else detail
        silent = {name: word for name, word in words.items() if name in aloud or rng.random() < detail}
        phrasings = meaning.intent.say.of(self.person.part)
        best: Utterance | None = None
        for attempt in range(6):
            share = 0.0 if other_than is not None or attempt else self.wishes.population.style.own_phrasing
            phrasing = own_phrasing(self.person, phrasings, rng, share)
            if not aloud <= phrasing.slots:
                continue
            said = silent if phrasing.fits(silent) else words
            if not phrasing.fits(said):
                continue
            found = phrasing.say(said, rng, detail=detail, aloud=aloud)
            best = best or found
            if found.text != other_than:
                best = found
                break
        if best is None:
            best = self._any_phrasing(phrasings, words, aloud, rng)
        return self._framed(best, rng)

    @staticmethod
    def _any_phrasing(
        phrasings: tuple[Phrasing, ...], words: Mapping[str, str], aloud: set[str], rng: random.Random
    ) -> Utterance:
        """The phrasing that leaves the least unsaid."""
        fitting = [phrasing for phrasing in phrasings if phrasing.fits(words)] or list(phrasings)
        most = max(len(aloud & phrasing.slots) for phrasing in fitting)
        able = [phrasing for phrasing in fitting if len(aloud & phrasing.slots) == most]
        return able[int(rng.random() * len(able))].say(words, rng, detail=1.0, aloud=aloud)

    def _framed(self, utterance: Utterance, rng: random.Random) -> Utterance:
        manners = self.wishes.world.manners
        if rng.random() < self.person.polite:
            frames = manners.polite
            if utterance.text.split()[0] not in manners.unframed | set(_first_words(utterance)):
                frames = (*frames, *manners.asking)
            utterance = _into(utterance, frames[int(rng.random() * len(frames))], "{}")
        if rng.random() < self.wishes.population.style.hesitant:
            word = manners.hesitations[int(rng.random() * len(manners.hesitations))]
            utterance = _into(utterance, f"{word} {{}}", "{}")
        return utterance

    def correction(self, meaning: Meaning, result: Result, rng: random.Random) -> Utterance | None:
        """Names what was got wrong: the kind of thing, or the value."""
        manners = self.wishes.world.manners
        frame = manners.corrections[int(rng.random() * len(manners.corrections))]
        words = self._words(meaning)
        if result.intent != meaning.intent.name:
            phrasings = [phrasing for phrasing in meaning.intent.short.of(self.person.part) if phrasing.fits(words)]
            if not phrasings:
                return None
            return _into(phrasings[int(rng.random() * len(phrasings))].say(words, rng), frame, "{value}")
        wrong = [
            name for name, entity in meaning.values.items()
            if result.values is None or name not in result.values or result.values[name].id != entity.id
        ]  # fmt: skip
        if not wrong:
            return None
        text = words[wrong[0]]
        return _into(Utterance(text, (Span(wrong[0], 0, len(text)),)), frame, "{value}")

    def reply(self, meaning: Meaning, result: Result, rng: random.Random) -> Utterance:
        """To a question of the assistant: the value, or the kind of thing that was meant."""
        words = self._words(meaning)
        if result.asked is not None and result.asked in words:
            text = words[result.asked]
            return Utterance(text, (Span(result.asked, 0, len(text)),))
        phrasings = [phrasing for phrasing in meaning.intent.short.of(self.person.part) if phrasing.fits(words)]
        if result.options and meaning.intent.name in result.options and phrasings:
            return phrasings[int(rng.random() * len(phrasings))].say(words, rng)
        return self.say(meaning, rng)


def _first_words(utterance: Utterance) -> tuple[str, ...]:
    """The first word, where it is that of a value: no verb."""
    return tuple(utterance.text.split()[:1]) if any(span.start == 0 for span in utterance.spans) else ()


def _into(utterance: Utterance, frame: str, mark: str) -> Utterance:
    shift = frame.index(mark)
    spans = tuple(Span(span.slot, span.start + shift, span.end + shift) for span in utterance.spans)
    return Utterance(frame.replace(mark, utterance.text), spans)
