"""Logs beside each other in numbers: how long dialogues, goals and pauses are, and how often people say the same again.

How many different requests there are depends on how many are looked at. What is compared between logs is therefore the
number expected among so many requests drawn without replacement (rarefaction; Hurlbert, 1971), which is exact and needs
no draw. Requests are taken as the log has them, misheard ones too, in small letters and without punctuation: corpora
that were typed have both, logs of speech have neither.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from scipy.special import gammaln

from selflearn.evaluation.results import markdown_table
from selflearn.metrics.functional import auc
from selflearn.schema import Dialogue, RecognitionHypothesis

QUANTILES = (0.1, 0.5, 0.9)
"""Shown of each distribution."""

FREQUENT = 0.01
"""Share of the different requests, the most frequent first, whose part of all requests is shown."""

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


@dataclass(frozen=True, slots=True)
class LogStatistics:
    """What was counted in a log.

    Attributes:
        turns_of_dialogue: dialogues by their number of turns.
        goals_of_dialogue: dialogues whose goals are labelled, by the number of these.
        turns_of_goal: goals by their number of turns.
        words_of_request: requests by their number of words.
        gaps: pairs of neighbouring turns by the seconds between them, where both times are known.
        requests: how often each request was made.
        words: how often each word was said in requests.
        goals: goals by whether they were reached, where that is known.
        defects: turns by whether they are defects, where that is known.
        heard: requests that a recogniser heard and whose transcript is labelled, by the confidence in the first
            hypothesis, to three digits, and by whether it is right.
        transcripts: of these requests the words that were said, and the word errors, capitals aside.
    """

    turns_of_dialogue: Counter[int] = field(default_factory=Counter)
    goals_of_dialogue: Counter[int] = field(default_factory=Counter)
    turns_of_goal: Counter[int] = field(default_factory=Counter)
    words_of_request: Counter[int] = field(default_factory=Counter)
    gaps: Counter[float] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    goals: Counter[bool] = field(default_factory=Counter)
    defects: Counter[bool] = field(default_factory=Counter)
    heard: Counter[tuple[float, bool]] = field(default_factory=Counter)
    transcripts: Counter[str] = field(default_factory=Counter)

    def add(self, dialogue: Dialogue) -> None:
        """Count a dialogue."""
        self.turns_of_dialogue[len(dialogue.turns)] += 1
        for turn in dialogue.turns:
            words = _WORD.findall((turn.request or "").lower())
            if words:
                self.requests[" ".join(words)] += 1
                self.words_of_request[len(words)] += 1
                self.words.update(words)
        for one, other in pairwise(dialogue.turns):
            if one.seconds is not None and other.seconds is not None:
                self.gaps[round(other.seconds - one.seconds, 1)] += 1
        if dialogue.labels.goals is not None:
            self.goals_of_dialogue[len(dialogue.labels.goals)] += 1
            self.turns_of_goal.update(goal.end - goal.start for goal in dialogue.labels.goals)
            self.goals.update(goal.success for goal in dialogue.labels.goals if goal.success is not None)
        self.defects.update(labels.defect.value for labels in dialogue.labels.turns if labels.defect is not None)
        for turn, labels in zip(dialogue.turns, dialogue.labels.turns, strict=False):
            if turn.recognition and labels.transcript is not None:
                self._add_heard(turn.recognition[0], labels.transcript.value)

    def _add_heard(self, first: RecognitionHypothesis, transcript: str) -> None:
        said, heard = transcript.casefold().split(), first.text.casefold().split()  # as the metric counts errors
        self.transcripts.update(words=len(said), errors=Levenshtein.distance(said, heard))
        if first.score is not None:
            self.heard[round(first.score, 3), said == heard] += 1


def log_statistics(dialogues: Iterable[Dialogue]) -> LogStatistics:
    """Count the dialogues of a log, one after the other.

    Args:
        dialogues: any number of them.
    """
    found = LogStatistics()
    for dialogue in dialogues:
        found.add(dialogue)
    return found


def expected_kinds(counts: Iterable[int], drawn: int) -> float:
    """How many different kinds are expected among so many things drawn without replacement (Hurlbert, 1971).

    Args:
        counts: how many things there are of each kind.
        drawn: how many are drawn, at most as many as there are.

    Raises:
        ValueError: more are drawn than there are.

    Example:
        >>> round(expected_kinds([2, 1], 2), 4)  # of the three pairs two have both kinds
        1.6667
    """
    of_a_kind = np.array(sorted(Counter(counts).items()), dtype=float).reshape(-1, 2)
    sizes, kinds = of_a_kind[:, 0], of_a_kind[:, 1]
    total = float((sizes * kinds).sum())
    if drawn > total:
        raise ValueError(f"{drawn} are drawn of {total:.0f}; expected at most as many as there are")
    rest = np.maximum(total - sizes, drawn)  # with fewer others than are drawn the kind is met for certain
    none = np.exp(gammaln(rest + 1) - gammaln(rest - drawn + 1) - gammaln(total + 1) + gammaln(total - drawn + 1))
    return float((kinds * np.where(total - sizes < drawn, 1.0, 1.0 - none)).sum())


def quantile(counts: Mapping[float, int], share: float) -> float:
    """The smallest value that at least this share of what was counted does not exceed.

    Args:
        counts: how often each value was met.
        share: in (0, 1].

    Example:
        >>> quantile({1: 5, 4: 4, 9: 1}, 0.9)
        4.0
    """
    values = sorted(counts)
    reached = list(accumulate(counts[value] for value in values))
    return float(next(v for v, n in zip(values, reached, strict=True) if n >= share * reached[-1] - 1e-9))


def describe(log: LogStatistics, *, requests: int, words: int) -> dict[str, float]:
    """The figures of a log by name; what the log does not tell is not there.

    Args:
        log: what was counted.
        requests: size of the sample of requests for what depends on it.
        words: size of the sample of words.

    Returns:
        Counts, quantiles (``<what>/0.5``), and shares.
    """
    found: dict[str, float] = {"dialogues": log.turns_of_dialogue.total()}
    found["turns"] = sum(turns * number for turns, number in log.turns_of_dialogue.items())
    for name in ("turns_of_dialogue", "goals_of_dialogue", "turns_of_goal", "words_of_request", "gaps"):
        counts = getattr(log, name)
        if counts:
            found |= {f"{name}/{share:g}": quantile(counts, share) for share in QUANTILES}
    made = log.requests.total()
    found["requests"] = made
    if made:
        found["different_requests"] = len(log.requests) / made
        found["requests_made_once"] = sum(number == 1 for number in log.requests.values()) / made
        most = log.requests.most_common(math.ceil(FREQUENT * len(log.requests)))
        found["frequent_requests"] = sum(number for _, number in most) / made
    if 1 < requests <= made:
        half, whole = (expected_kinds(log.requests.values(), drawn) for drawn in (requests // 2, requests))
        found["different_requests_in_sample"] = whole / requests
        found["heaps_exponent"] = math.log(whole / half) / math.log(requests / (requests // 2))
    if 0 < words <= log.words.total():
        found["different_words_in_sample"] = expected_kinds(log.words.values(), words) / words
    if log.goals:
        found["failed_goals"] = log.goals[False] / log.goals.total()
    if log.defects:
        found["defects"] = log.defects[True] / log.defects.total()
    return found | _of_recognition(log)


def _of_recognition(log: LogStatistics) -> dict[str, float]:
    """Word error rate, and how well confidences tell what was heard right: by their order, and on the whole."""
    if not log.transcripts["words"]:
        return {}
    found = {"word_error_rate": log.transcripts["errors"] / log.transcripts["words"]}
    rows = np.array([(score, right, number) for (score, right), number in log.heard.items()]).reshape(-1, 3)
    scores, right, numbers = torch.from_numpy(rows).T
    if 0 < (right * numbers).sum() < numbers.sum():
        found["confidence_auc"] = auc(scores, right.bool(), numbers).item()
    if len(rows) and 0 <= scores.min() and scores.max() <= 1:
        found["confidence"] = (numbers @ scores / numbers.sum()).item()
        found["heard_right"] = (numbers @ right / numbers.sum()).item()
    return found


def sample_sizes(logs: Iterable[LogStatistics]) -> tuple[int, int]:
    """How many requests and words every one of the logs has."""
    sizes = [(log.requests.total(), log.words.total()) for log in logs]
    return min((requests for requests, _ in sizes), default=0), min((words for _, words in sizes), default=0)


_ROWS: Sequence[tuple[str, str, str]] = (
    ("dialogues", "dialogues", "{:,.0f}"),
    ("turns", "turns", "{:,.0f}"),
    ("turns of a dialogue", "turns_of_dialogue", ""),
    ("goals of a dialogue", "goals_of_dialogue", ""),
    ("turns of a goal", "turns_of_goal", ""),
    ("words of a request", "words_of_request", ""),
    ("seconds between turns", "gaps", ""),
    ("requests", "requests", "{:,.0f}"),
    ("different requests, of all", "different_requests", "{:.1%}"),
    ("requests made only once, of all", "requests_made_once", "{:.1%}"),
    (f"made of the {FREQUENT:.0%} most frequent requests", "frequent_requests", "{:.1%}"),
    ("different requests, of {requests:,} drawn", "different_requests_in_sample", "{:.1%}"),
    ("Heaps exponent at {requests:,} requests", "heaps_exponent", "{:.2f}"),
    ("different words, of {words:,} drawn", "different_words_in_sample", "{:.1%}"),
    ("goals that failed, of those labelled", "failed_goals", "{:.1%}"),
    ("defects, of the turns labelled", "defects", "{:.1%}"),
    ("word errors, of the words transcribed", "word_error_rate", "{:.1%}"),
    ("requests heard right, of those transcribed", "heard_right", "{:.1%}"),
    ("mean confidence of the recogniser in them", "confidence", "{:.1%}"),
    ("AUC of its confidence for heard right", "confidence_auc", "{:.2f}"),
)
"""Label, name, format; without a format: the median with the outer quantiles."""


def statistics_markdown(logs: Mapping[str, LogStatistics]) -> str:
    """One table, a column a log, with a line below that says how to read it.

    Args:
        logs: by name, in the order of the columns.
    """
    requests, words = sample_sizes(logs.values())
    columns = [describe(log, requests=requests, words=words) for log in logs.values()]
    lines = [["", *logs]]
    for label, name, form in _ROWS:
        cells = [_cell(column, name, form) for column in columns]
        if any(cells):
            lines.append([label.format(requests=requests, words=words), *cells])
    low, _, high = QUANTILES
    return markdown_table(lines, words=1) + (
        f"\n\nMedian ({low:.0%} to {high:.0%} quantile). An empty cell: the log does not tell. Drawn: expected among "
        "so many drawn without replacement, so that logs of any size compare. Heaps exponent: twice the requests have "
        "2 to that power times the different ones; 1 where nothing is said twice.\n"
    )


def _cell(column: Mapping[str, float], name: str, form: str) -> str:
    if form:
        return form.format(column[name]) if name in column else ""
    if f"{name}/{QUANTILES[1]:g}" not in column:
        return ""
    low, middle, high = (f"{column[f'{name}/{share:g}']:g}" for share in QUANTILES)
    return f"{middle} ({low} to {high})"


Curve = Sequence[tuple[float, float]]
"""Points from left to right; heights in [0, 1]."""


def statistics_curves(logs: Mapping[str, LogStatistics]) -> dict[str, dict[str, Curve]]:
    """Curves of the distributions by title and log: what a figure shows; a log that does not tell has no curve.

    Args:
        logs: by name.
    """
    found: dict[str, dict[str, Curve]] = {}
    for title, name in (
        ("dialogues of at most so many turns", "turns_of_dialogue"),
        ("goals of at most so many turns", "turns_of_goal"),
        ("requests of at most so many words", "words_of_request"),
        ("turns at most so many seconds after the last", "gaps"),
    ):
        counted = {log: getattr(statistics, name) for log, statistics in logs.items()}
        found[title] = {log: _reached(counts) for log, counts in counted.items() if counts}
    asked = {log: statistics.requests for log, statistics in logs.items() if statistics.requests}
    found["different requests among so many drawn"] = {log: _growth(counts) for log, counts in asked.items()}
    found["requests that are one of the most frequent"] = {log: _covered(counts) for log, counts in asked.items()}
    return found


def _reached(counts: Mapping[float, int]) -> Curve:
    """Shares of values of at most so much, from 1 on; a hundred points at most."""
    values = sorted(counts)
    reached = list(accumulate(counts[value] for value in values))
    points = [(max(value, 1.0), n / reached[-1]) for value, n in zip(values, reached, strict=True)]
    last = dict(points)  # of values below 1 the last stands for all
    kept = _spread(len(last))
    return [point for i, point in enumerate(last.items()) if i in kept]


def _growth(counts: Counter[str]) -> Curve:
    return [(n, expected_kinds(counts.values(), n) / n) for n in sorted({i + 1 for i in _spread(counts.total())})]


def _covered(counts: Counter[str]) -> Curve:
    reached = list(accumulate(number for _, number in counts.most_common()))
    return [(i + 1, reached[i] / reached[-1]) for i in sorted(_spread(len(reached)))]


def _spread(number: int) -> set[int]:
    """At most a hundred indices below a number, evenly on a logarithmic scale, the first and the last among them."""
    return {round(number ** (i / 99)) - 1 for i in range(100)}
