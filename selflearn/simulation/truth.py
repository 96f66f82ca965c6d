"""Which component failed: each one's output beside the truth, and replays with the output of a component put right.

The failure point of a turn is the first component whose output differs from the truth and whose deviation persists,
component by component, into the wrong action (Khaziev et al., NAACL 2022). A deviation persists where the next
component makes something else of the true output: a word that was misheard, and would have been misread all the same,
is not to blame. What was recovered is correct; a request that nobody could have served is no defect. An action after
words that asked for nothing (a complaint, thanks) is a wrong one.

Resolution hands on entities: those of the words that were said, and those that went without saying.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from selflearn.schema import RecognitionHypothesis
from selflearn.simulation.assistant import Assistant
from selflearn.simulation.resolution import Match
from selflearn.simulation.result import Result
from selflearn.simulation.session import FAILURES, Exchange, Outcome, judge, same_values
from selflearn.simulation.speech_text import Recognized
from selflearn.simulation.understanding import Hypothesis
from selflearn.simulation.world import Entity

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
    """Diagnose turns, replaying those that failed.

    A component is put right only where all after it are to blame so far; true words are read again last, all together.

    Raises:
        ValueError: the chooser takes a reading that there is not.
    """
    found = [_not_failed(exchange) or _failed(exchange, assistant) for exchange in exchanges]
    suspects = [i for i, d in enumerate(found) if d.failure_point == UNDERSTANDING and RECOGNITION in d.differs]
    heard = [_truly_recognized(exchanges[i]) for i in suspects]
    traces = assistant.serve(heard, [exchanges[i].context for i in suspects]) if suspects else []
    for i, true in zip(suspects, traces, strict=True):
        meaning, trace = exchanges[i].meaning, exchanges[i].trace
        if _resolved(true.reading, true.matches) != _resolved(trace.reading, trace.matches):
            found[i] = replace(found[i], failure_point=RECOGNITION, replay=judge(meaning, true.result))
    return found


def true_mentions(exchange: Exchange) -> dict[str, str]:
    """The words of each value that was said."""
    text = exchange.utterance.text
    return {span.slot: text[span.start : span.end] for span in exchange.utterance.spans}


def _not_failed(exchange: Exchange) -> Diagnosis | None:
    """The diagnosis of a turn that did not fail, or in which nobody called; None where it failed."""
    if exchange.kind == "false_wake":  # had it slept, nobody would have missed anything
        return Diagnosis(defect=True, failure_point=FALSE_WAKE, differs=(FALSE_WAKE,), replay="idle")
    if exchange.outcome in FAILURES or (exchange.outcome == "asked" and not _sensible_question(exchange)):
        return None
    return Diagnosis(defect=False, failure_point=CORRECT, differs=_differs(exchange))


def _differs(exchange: Exchange) -> tuple[str, ...]:
    """Components before the result whose output is not the truth."""
    meaning, trace = exchange.meaning, exchange.trace
    misheard = trace.recognized.hypotheses[0].text != exchange.utterance.text
    if meaning is None:
        misread = trace.result.status == "done"
        return tuple(n for n, is_wrong in ((RECOGNITION, misheard), (UNDERSTANDING, misread)) if is_wrong)
    mentions, reading = true_mentions(exchange), trace.reading
    other_intent = reading is None or reading.intent != meaning.intent.name
    wrong = {
        RECOGNITION: misheard,
        UNDERSTANDING: other_intent or reading is None or dict(reading.mentions) != mentions,
        # what resolution hands on is the intent with its entities: one of another intent deviates whatever they are
        RESOLUTION: other_intent
        or trace.matches.keys() != mentions.keys()
        or any(m.entity is None or m.entity.id != meaning.values[name].id for name, m in trace.matches.items())
        or _filled_otherwise(meaning.values, trace.result),
    }
    return tuple(name for name, is_wrong in wrong.items() if is_wrong)


def _filled_otherwise(wanted: Mapping[str, Entity], result: Result) -> bool:
    """Whether the assistant served other values than were wanted; one that it asks for may be lacking."""
    if result.values is None:
        return False
    lacking = wanted.keys() - result.values.keys() if result.asked is not None else frozenset()
    return not same_values({name: entity for name, entity in wanted.items() if name not in lacking}, result.values)


def _failed(exchange: Exchange, assistant: Assistant) -> Diagnosis:
    """Walk back from the wrong action, up to the words, for as long as what a component handed on made a difference."""
    meaning, trace, differs = exchange.meaning, exchange.trace, _differs(exchange)
    if meaning is None:
        return Diagnosis(defect=True, failure_point=UNDERSTANDING, differs=(*differs, RESULT), replay="idle")
    mentions = true_mentions(exchange)
    true_reading = Hypothesis(intent=meaning.intent.name, mentions=mentions, score=1.0)
    point = RESULT
    replay: Outcome = "right"  # the result is the action itself: put right, it is right
    if RESOLUTION in differs:
        name = meaning.intent.name
        values = assistant.complete(name, meaning.values, exchange.context)  # with what the wish leaves open
        resolved = assistant.serve_values(name, values, exchange.context, said=mentions.keys())
        if _action(resolved) != _action(trace.result):
            point, replay = RESOLUTION, judge(meaning, resolved)
    if point == RESOLUTION and UNDERSTANDING in differs:
        matches, read = assistant.resolve_and_serve(true_reading, exchange.context)
        if _resolved(true_reading, matches) != _resolved(trace.reading, trace.matches):
            point, replay = UNDERSTANDING, judge(meaning, read)
    return Diagnosis(defect=True, failure_point=point, differs=(*differs, RESULT), replay=replay)


def _action(result: Result) -> tuple[object, ...]:
    values = {name: entity.id for name, entity in (result.values or {}).items()}
    return result.status, result.intent, values, result.stale


def _resolved(reading: Hypothesis | None, matches: Mapping[str, Match]) -> tuple[object, ...] | None:
    entities = {name: match.entity.id if match.entity else None for name, match in matches.items()}
    return None if reading is None else (reading.intent, entities)


def _sensible_question(exchange: Exchange) -> bool:
    """Whether the assistant asked for what the person had left open."""
    assert exchange.meaning is not None
    result = exchange.trace.result
    if result.options:
        return exchange.meaning.intent.name in result.options
    wanted, served, said = exchange.meaning.values, result.values or {}, true_mentions(exchange)
    understood = all(name in served and served[name].name == wanted[name].name for name in said)
    about_it = result.intent == exchange.meaning.intent.name and understood
    return about_it and result.asked in wanted and result.asked not in said and result.asked not in exchange.told


def _truly_recognized(exchange: Exchange) -> Recognized:
    text = exchange.utterance.text
    return Recognized((RecognitionHypothesis(text=text, score=1.0),), tuple(range(len(text.split()))))
