"""How fast dialogues are labelled, what labelling adds to encoding, and how fast a person would be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from selflearn._limits import Checked, check_values

STAGES = ("read", "prepare", "encode", "predict", "decode", "accept", "write")
"""Stages of a labelling, in their order."""

ENCODING = STAGES[:3]
"""Those that the states of turns need too: to read the dialogues, their texts, and the encoders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a labelling took.

    Attributes:
        seconds: by stage, one of :data:`STAGES`.
        dialogues: that were labelled in them.
        labels: that they were given.
        accepted: of these; None where nothing is promised.
    """

    seconds: Mapping[str, float]
    dialogues: int
    labels: int
    accepted: int | None = None

    @classmethod
    def of_parts(cls, parts: Iterable[tuple[Mapping[str, float], Mapping[str, int], int]]) -> Pace | None:
        """The pace of parts that were timed, each with its seconds, its counts and its labels; None of no part.

        Example:
            >>> counts = {"dialogues": 2, "labels_accepted/intent": 1, "labels_rejected/intent": 3}
            >>> pace = Pace.of_parts([({"encode": 1.5, "write": 0.5}, counts, 6)])
            >>> pace.labels_per_hour, pace.accepted_per_hour
            (10800.0, 1800.0)
        """
        seconds: dict[str, float] = {}
        dialogues = labels = accepted = 0
        certified = False
        for times, counts, number in parts:
            if times:
                seconds |= {stage: seconds.get(stage, 0.0) + spent for stage, spent in times.items()}
                dialogues, labels = dialogues + counts["dialogues"], labels + number
                certified |= any(what.startswith(("labels_accepted/", "labels_rejected/")) for what in counts)
                accepted += sum(n for what, n in counts.items() if what.startswith("labels_accepted/"))
        if not sum(seconds.values()):
            return None
        in_order = {stage: seconds[stage] for stage in STAGES if stage in seconds}
        return cls(seconds=in_order, dialogues=dialogues, labels=labels, accepted=accepted if certified else None)

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    @property
    def dialogues_per_second(self) -> float:
        """Dialogues that are labelled in a second."""
        return self.dialogues / self.total

    @property
    def added(self) -> float | None:
        """Time beyond encoding, as a share of the time of encoding (:data:`ENCODING`); None where nothing was encoded.

        On a GPU it is too high: the work of the encoders is paid for where its results are waited for.
        """
        encoding = sum(self.seconds.get(stage, 0.0) for stage in ENCODING)
        return (self.total - encoding) / encoding if encoding else None

    @property
    def labels_per_hour(self) -> float:
        """Labels that are given in an hour."""
        return 3600 * self.labels / self.total

    @property
    def accepted_per_hour(self) -> float | None:
        """Labels that are accepted in an hour; None where nothing is promised."""
        return None if self.accepted is None else 3600 * self.accepted / self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Checked):
    """How fast a person labels.

    Attributes:
        seconds_per_label: for one label.
        source: where that is from: a publication, a measurement, or that it is assumed.

    Raises:
        ValueError: it takes no time, or the source is not said; or they are no number and no text.
    """

    seconds_per_label: float
    source: str

    def __post_init__(self) -> None:
        check_values(self)
        if not self.seconds_per_label > 0 or not self.source.strip():
            raise ValueError(f"a person labels in {self.seconds_per_label} seconds (source: {self.source!r}); expected "
                             "more than 0 seconds, and where that is from")  # fmt: skip

    @property
    def labels_per_hour(self) -> float:
        """Labels that the person gives in an hour."""
        return 3600 / self.seconds_per_label


def pace_lines(pace: Pace, person: Person | None = None) -> list[tuple[str, str]]:
    """What a reader is told: names and values."""
    added, alone = "", ""
    if pace.added is not None:
        beyond = pace.total - sum(pace.seconds.get(stage, 0.0) for stage in ENCODING)
        added, alone = (
            f"{pace.added:.1%}",
            f"{beyond / pace.seconds['encode']:.1%}" if pace.seconds.get("encode") else "",
        )
    lines = [(f"time to {stage}", f"{seconds:.1f} s") for stage, seconds in pace.seconds.items()]
    lines += [
        ("labelling adds to reading and encoding", added),
        ("labelling adds to encoding alone", alone),
        ("dialogues a second", f"{pace.dialogues_per_second:,.1f}"),
        ("labels an hour", f"{pace.labels_per_hour:,.0f}"),
    ]
    accepted = pace.accepted_per_hour
    lines.append(("accepted labels an hour", "nothing is promised" if accepted is None else f"{accepted:,.0f}"))
    if person is not None:
        lines.append((f"labels an hour of a person ({person.source})", f"{person.labels_per_hour:,.0f}"))
    return [line for line in lines if line[1]]
