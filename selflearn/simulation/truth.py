"""Which component failed: each one's output beside the truth, and a replay with the failed one put right.

The failure point of a turn is the first component whose output differs from the truth and whose deviation persists,
component by component, into the wrong action. What was recovered is correct; a request that nobody could have served is
no defect.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from selflearn.schema import RecognitionHypothesis
from selflearn.simulation.assistant import Assistant
from selflearn.simulation.resolution import Match
from selflearn.simulation.session import FAILURES, Exchange, Outcome, judge
from selflearn.simulation.speech_text import Recognized
from selflearn.simulation.understanding import Hypothesis

FALSE_WAKE, RECOGNITION, UNDERSTANDING, RESOLUTION, RESULT, CORRECT = (
    "false_wake", "recognition", "understanding", "resolution", "result", "correct",
)  # fmt: skip

FAILURE_POINTS = (FALSE_WAKE, RECOGNITION, UNDERSTANDING, RESOLUTION, RESULT, CORRECT)
"""In the order of the pipeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What went wrong in a turn.

    Attributes:
        defect: the response did not serve the person.
        failure_point: one of :data:`FAILURE_POINTS`.
        differs: components whose output is not the truth, recovered ones too.
        replay: what becomes of the request when that component's output is put right; None where nothing failed.
    """

    defect: bool
    failure_point: str
    differs: tuple[str, ...]
    replay: Outcome | None = None


def diagnose(exchanges: Sequence[Exchange], assistant: Assistant) -> list[Diagnosis]:
    """Diagnose turns, replaying those that failed."""
    found = [_without_replay(exchange) for exchange in exchanges]
    again: dict[int, Outcome] = {}
    misheard = [i for i, diagnosis in enumerate(found) if diagnosis.failure_point == RECOGNITION]
    heard = [_truly_recognized(exchanges[i]) for i in misheard]
    traces = assistant.serve(heard, [exchanges[i].context for i in misheard]) if misheard else []
    for i, trace in zip(misheard, traces, strict=True):
        again[i] = judge(exchanges[i].meaning, trace.result)
    for i, diagnosis in enumerate(found):
        if diagnosis.failure_point in (UNDERSTANDING, RESOLUTION):
            again[i] = _replay(exchanges[i], diagnosis.failure_point, assistant)
        elif diagnosis.failure_point == RESULT:
            again[i] = "right"
    return [replace(d, replay=again[i]) if i in again else d for i, d in enumerate(found)]


def true_mentions(exchange: Exchange) -> dict[str, str]:
    """The words of each value that was said."""
    text = exchange.utterance.text
    return {span.slot: text[span.start : span.end] for span in exchange.utterance.spans}


def _without_replay(exchange: Exchange) -> Diagnosis:
    meaning, trace = exchange.meaning, exchange.trace
    if meaning is None:
        woken = exchange.kind == "false_wake"
        return Diagnosis(defect=woken, failure_point=FALSE_WAKE if woken else CORRECT, differs=())
    mentions = true_mentions(exchange)
    reading = trace.reading
    other_intent = reading is None or reading.intent != meaning.intent.name
    wrong = {
        RECOGNITION: trace.recognized.hypotheses[0].text != exchange.utterance.text,
        UNDERSTANDING: other_intent or reading is None or dict(reading.mentions) != mentions,
        # what resolution hands on is the intent with its entities: one of another intent deviates whatever they are
        RESOLUTION: other_intent
        or trace.matches.keys() != mentions.keys()
        or any(m.entity is None or m.entity.id != meaning.values[name].id for name, m in trace.matches.items()),
    }
    failed = exchange.outcome in FAILURES or (exchange.outcome == "asked" and not _sensible_question(exchange))
    wrong[RESULT] = failed
    differs = tuple(name for name, is_wrong in wrong.items() if is_wrong)
    if not failed:
        return Diagnosis(defect=False, failure_point=CORRECT, differs=differs)
    point = RESULT
    for name in (RESOLUTION, UNDERSTANDING, RECOGNITION):  # backwards, as long as the deviation persists
        if not wrong[name]:
            break
        point = name
    return Diagnosis(defect=True, failure_point=point, differs=differs)


def _sensible_question(exchange: Exchange) -> bool:
    """Whether the assistant asked for what the person had left open."""
    assert exchange.meaning is not None
    result = exchange.trace.result
    if result.options:
        return exchange.meaning.intent.name in result.options
    return result.asked in exchange.meaning.values and result.asked not in true_mentions(exchange)


def _truly_recognized(exchange: Exchange) -> Recognized:
    text = exchange.utterance.text
    return Recognized((RecognitionHypothesis(text=text, score=1.0),), tuple(range(len(text.split()))))


def _replay(exchange: Exchange, point: str, assistant: Assistant) -> Outcome:
    meaning = exchange.meaning
    assert meaning is not None
    rng = random.Random(f"{exchange.context.key}/act")
    mentions = true_mentions(exchange)
    reading = Hypothesis(intent=meaning.intent.name, mentions=mentions, score=1.0)
    if point == UNDERSTANDING:
        _, result = assistant.resolve_and_serve(reading, exchange.context, rng)
    else:
        matches = {name: Match(mention, meaning.values[name], 1.0) for name, mention in mentions.items()}
        result = assistant.serve_matches(reading, matches, exchange.context, rng)
    return judge(meaning, result)
