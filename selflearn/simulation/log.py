"""From a session to the record: what a log holds, and beside it the labels and the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rapidfuzz import fuzz

from selflearn.schema import (
    Dialogue,
    Feedback,
    Goal,
    Label,
    Labels,
    NamedValue,
    Slot,
    Truth,
    Turn,
    TurnLabels,
    TurnTruth,
)
from selflearn.simulation.session import Exchange, Session
from selflearn.simulation.settings import AssistantSettings
from selflearn.simulation.truth import Diagnosis
from selflearn.simulation.understanding import OTHER
from selflearn.simulation.world import World

CORPUS = "simulated"

REPHRASE_SECONDS = 45.0
"""Longest time between a request and one that says it in other words (Ponnusamy et al., 2020)."""

REPHRASE_SIMILARITY = 55.0
"""Least similarity (0 to 100) of two requests for the log to call the second a rephrase of the first."""


def dialogue(
    session: Session, diagnoses: Sequence[Diagnosis], world: World, settings: AssistantSettings, *, split: str,
    dialogue_id: str,
) -> Dialogue:  # fmt: skip
    """The record of a session.

    Args:
        session: that is over.
        diagnoses: of its turns.
        world: intents.
        settings: of the assistant.
        split: name of the split.
        dialogue_id: unique in the split.
    """
    turns = tuple(_turn(exchange, session, world, settings) for exchange in session.exchanges)
    return Dialogue(
        id=dialogue_id, corpus=CORPUS, split=split, user_id=session.person.id, device_id=session.situation.device.id,
        started_at=session.situation.started_at, system_version=settings.version, turns=turns,
        feedback=_feedback(session, turns), labels=_labels(session, diagnoses),
        truth=Truth(
            turns=tuple(map(_truth, session.exchanges, diagnoses)),
            facts={"world": world.digest, "home": session.person.home.id},
        ),
    )  # fmt: skip


def _turn(exchange: Exchange, session: Session, world: World, settings: AssistantSettings) -> Turn:
    trace, situation = exchange.trace, session.situation
    response = trace.result.response
    if exchange.prompted:
        response = f"{response} {settings.responses.prompt}"
    propensity: float | None = None
    numeric: dict[str, float] = {}
    if trace.choice is not None and trace.choice.propensity is not None:
        propensity = trace.choice.propensity
        numeric["chosen"] = float(trace.choice.number)  # a propensity says nothing without the decision that it is of
    if trace.wake is not None:
        numeric["wake"] = trace.wake
    return Turn(
        request=trace.recognized.hypotheses[0].text, response=response, seconds=exchange.seconds,
        recognition=trace.recognized.hypotheses, interpretations=trace.interpretations(world),
        entities=trace.entities(), status=trace.result.status, device_type=situation.device.type,
        device_state=dict(situation.states), location=session.person.home.full_name, audio=trace.recognized.audio,
        propensity=propensity, numeric=numeric,
        categorical={"room": situation.device.room, "part_of_day": situation.part_of_day,
                     "weekend": str(situation.weekend).lower()},
    )  # fmt: skip


def _feedback(session: Session, turns: Sequence[Turn]) -> tuple[Feedback, ...]:
    """What the log tells of the person's reactions; rephrases and repetitions as far as words and times show them."""
    found = []
    for i, exchange in enumerate(session.exchanges):
        rephrase = repetition = False
        if i + 1 < len(turns):
            one, other = turns[i].request or "", turns[i + 1].request or ""
            soon = (turns[i + 1].seconds or 0) - (turns[i].seconds or 0) <= REPHRASE_SECONDS
            repetition = soon and one == other
            rephrase = soon and not repetition and fuzz.token_set_ratio(one, other) >= REPHRASE_SIMILARITY
        found.append(
            Feedback(barge_in=exchange.barge_in, rephrase=rephrase, repetition=repetition,
                     termination=exchange.trace.result.status == "bye", answer=exchange.answer)
        )  # fmt: skip
    return tuple(found)


def _labels(session: Session, diagnoses: Sequence[Diagnosis]) -> Labels:
    goals = tuple(
        Goal(start=p.start, end=p.end, name=p.meaning.intent.name, domain=p.meaning.intent.domain, success=p.reached)
        for p in session.pursuits
    )
    targets = _rephrase_targets(session, diagnoses)
    turns = []
    for i, (exchange, diagnosis) in enumerate(zip(session.exchanges, diagnoses, strict=True)):
        meaning = exchange.meaning
        intent = None
        if meaning is not None:
            intent = Label(value=meaning.intent.name if meaning.intent.supported else OTHER)
        turns.append(
            TurnLabels(
                intent=intent, slots=_slots(exchange), transcript=Label(value=exchange.utterance.text),
                defect=Label(value=diagnosis.defect), failure_point=Label(value=diagnosis.failure_point),
                rephrase_target=Label(value=targets[i]) if i in targets else None,
            )
        )  # fmt: skip
    return Labels(goals=goals, turns=tuple(turns))


def _rephrase_targets(session: Session, diagnoses: Sequence[Diagnosis]) -> dict[int, int]:
    """For each turn that is a defect the later turn of its goal that wants the same and got it."""
    exchanges, found = session.exchanges, {}
    for pursuit in session.pursuits:
        for i in range(pursuit.start, pursuit.end):
            wanted = exchanges[i].meaning
            if wanted is None or not diagnoses[i].defect:
                continue
            for j in range(i + 1, pursuit.end):
                other = exchanges[j].meaning
                if exchanges[j].outcome == "right" and other is not None and other.key() == wanted.key():
                    found[i] = j
                    break
    return found


def _slots(exchange: Exchange) -> tuple[Slot, ...]:
    """Where the values stand in what was recognised: the words that those of the value became."""
    if exchange.meaning is None:
        return ()
    recognized = exchange.trace.recognized
    text = recognized.hypotheses[0].text
    places, at = [], 0
    for word in text.split():
        places.append((at, at + len(word)))
        at += len(word) + 1
    found = []
    starts = _word_starts(exchange.utterance.text)
    for span in exchange.utterance.spans:
        words = [k for k, start in enumerate(starts) if span.start <= start < span.end]
        heard = [recognized.alignment[k] for k in words]
        kept = [k for k in heard if k is not None]
        if not kept:
            continue
        start, end = places[min(kept)][0], places[max(kept)][1]
        found.append(
            Slot(name=span.slot, start=start, end=end, text=text[start:end],
                 value=exchange.meaning.values[span.slot].name)
        )  # fmt: skip
    return tuple(sorted(found, key=lambda slot: slot.start))


def _word_starts(text: str) -> list[int]:
    starts, at = [], 0
    for word in text.split():
        starts.append(at)
        at += len(word) + 1
    return starts


def _truth(exchange: Exchange, diagnosis: Diagnosis) -> TurnTruth:
    meaning, trace = exchange.meaning, exchange.trace
    components = {
        "kind": exchange.kind, "outcome": exchange.outcome, "failure_point": diagnosis.failure_point,
        "differs": json.dumps(diagnosis.differs), "noticed": json.dumps(exchange.noticed),
    }  # fmt: skip
    if trace.request != trace.recognized.hypotheses[0].text:
        components["rewritten"] = trace.request
    if diagnosis.replay is not None:
        components["replay"] = diagnosis.replay
    if trace.result.intent is not None:
        components["served"] = json.dumps(
            {"intent": trace.result.intent, "values": {k: v.id for k, v in (trace.result.values or {}).items()}},
            sort_keys=True,
        )
    return TurnTruth(
        request=exchange.utterance.text, domain=meaning.intent.domain if meaning else None,
        intent=meaning.intent.name if meaning else None,
        slots=tuple(NamedValue(name=k, value=v.id) for k, v in sorted(meaning.values.items())) if meaning else (),
        components=components, supported=meaning.intent.supported if meaning else None,
    )  # fmt: skip
