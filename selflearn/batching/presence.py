"""Which fields the turns of a log have, and how far apart they are: what a model was trained on, and what it meets.

A model reads a field that is absent as missing, and says something all the same. Where training turns had it, that is
most likely a column with another name, and its labels are worse than those that were measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from selflearn.schema import ObservedDialogue, Turn

OFTEN = 0.2
"""Share of the training turns from which on a field counts as one that they have."""

LONG_GAP = 1000.0
"""Seconds: where half of all turns come later than that after the one before, they are hardly seconds."""

MUCH = 50.0
"""Times that gaps may be longer or shorter than those of training: minutes are sixty, milliseconds a thousand."""

_FIELDS = {
    "hypotheses": ("interpretations",),
    "confidence": ("entities",),
    "status": ("status",),
    "device": ("device_type", "location", "device_state."),
    "times": ("seconds",),
    "others": ("propensity", "categorical.", "numeric."),
    "audio": ("audio",),
}
"""By group of features (:data:`selflearn.batching.features.GROUPS`), the fields that are not read without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What is there in a log.

    Attributes:
        shares: name of a field of :class:`~selflearn.schema.Turn` -> share of the turns that have it, in [0, 1]; of a
            field with names of its own, ``categorical.NAME``.
        gap: seconds between a turn and the one before, in the middle of all (median); None where no times are known.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    gap: float | None = None

    @classmethod
    def of(cls, dialogues: Iterable[ObservedDialogue], *, without: Collection[str] = ()) -> Presence:
        """Count over dialogues.

        Args:
            dialogues: some of the log.
            without: groups of features whose fields are not counted, as a model does not read them.
        """
        unread = tuple(start for group in without for start in _FIELDS.get(group, ()))
        counts: Counter[str] = Counter()
        turns, gaps = 0, []
        for dialogue in dialogues:
            before: float | None = None
            for turn in dialogue.turns:
                turns += 1
                counts.update(name for name in _present(turn) if not name.startswith(unread))
                if turn.seconds is not None and before is not None:
                    gaps.append(turn.seconds - before)
                before = turn.seconds
        known = bool(gaps) and "times" not in without
        return cls(
            shares={name: count / turns for name, count in sorted(counts.items())},
            gap=median(gaps) if known else None,
        )

    def to_dict(self) -> dict[str, object]:
        """Plain data for ``config.json``."""
        return {"shares": dict(self.shares), "gap": self.gap}

    def doubts(self) -> list[str]:
        """What can hardly be meant in this log, each in a sentence."""
        if self.gap is None or self.gap <= LONG_GAP:
            return []
        return [
            f"half of all turns come more than {self.gap:,.0f} seconds after the one before: expected `seconds` in "
            "seconds since the start of the dialogue; milliseconds are to be divided by 1000, and what people say "
            "hours later is another dialogue"
        ]

    def differences(self, given: Presence, *, known: str = "training") -> list[str]:
        """What turns lack that known ones had, and times of another unit, each in a sentence.

        Args:
            given: of the dialogues to be labelled.
            known: what ``self`` is of: "training", or "audited".
        """
        lacking = [name for name, share in self.shares.items() if share >= OFTEN and not given.shares.get(name)]
        said = []
        if lacking:
            named = ", ".join(f"`{name}` ({self.shares[name]:.0%} of the {known} turns had it)" for name in lacking)
            said.append(
                f"no turn has {named}: expect worse labels than were measured. If the log has such a column, map it: "
                "columns={FIELD: COLUMN}"
                + (", and the files of `audio` are to be in the folder of `recordings`" if "audio" in lacking else "")
            )
        if self.gap and given.gap is not None and not 1 / MUCH <= given.gap / self.gap <= MUCH:
            said.append(
                f"turns are {given.gap:,.4g} seconds apart, and {known} ones {self.gap:,.4g} (medians): expected "
                "`seconds` in seconds since the start of the dialogue, as there"
            )
        return said


def _present(turn: Turn) -> list[str]:
    """The fields that a turn has; empty texts and lists count as absent, but a time and a number never do."""
    fields = ("recognition", "interpretations", "entities", "status", "device_type", "location", "audio")
    names = [name for name in fields if getattr(turn, name)]
    names += [name for name in ("request", "response", "seconds", "propensity") if getattr(turn, name) is not None]
    for name in ("device_state", "categorical", "numeric"):
        names += [f"{name}.{key}" for key in getattr(turn, name)]
    return names
