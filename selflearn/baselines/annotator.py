"""A single annotator in a single pass: what one person who read the dialogues said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from selflearn.schema import Dialogue, Labels, ObservedDialogue
from selflearn.simulation.annotators import labels_by, raters
from selflearn.tasks.prediction import DialoguePrediction, Span, Thresholds


def first_pass(dialogue: Dialogue) -> Labels:
    """What the first annotator of a simulated dialogue said; not one of the three who make the gold."""
    return labels_by(dialogue, raters(dialogue)[0])


class SingleAnnotator:
    """Answers with the ratings of one person for each dialogue, who had no part in its gold labels.

    Args:
        dialogues: with their ratings; those that will be asked about.
        single_pass: what that person said of a dialogue; of a corpus with raters
            :meth:`selflearn.corpora.rated.RatedCorpus.single_pass`.

    Raises:
        ValueError: a dialogue has no annotator, or its labels are theirs.
    """

    name = "annotator"

    def __init__(self, dialogues: Iterable[Dialogue], single_pass: Callable[[Dialogue], Labels] = first_pass) -> None:
        self.thresholds = Thresholds()
        self._labels: dict[str, Labels] = {}
        for dialogue in dialogues:
            if not dialogue.ratings:
                raise ValueError(f"dialogue {dialogue.id} has no ratings; leave the baseline annotator out")
            said = single_pass(dialogue)
            own = said.sources() & dialogue.labels.sources()
            if own:
                raise ValueError(f"the labels of dialogue {dialogue.id} are those of its annotator ({sorted(own)[0]}), "
                                 "who cannot be compared with them; leave the baseline annotator out")  # fmt: skip
            self._labels[dialogue.id] = said

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """What the annotator said; see :class:`selflearn.tasks.System`.

        Raises:
            ValueError: a dialogue is not among those that were given.
        """
        unseen = next((dialogue.id for dialogue in dialogues if dialogue.id not in self._labels), None)
        if unseen is not None:
            raise ValueError(f"the annotators have not seen dialogue {unseen}; expected one of the {len(self._labels)} "
                             "dialogues with ratings that were given (views show others)")  # fmt: skip
        return [
            self._prediction(dialogue, self._labels[dialogue.id], asked)
            for dialogue, asked in zip(dialogues, goals, strict=True)
        ]

    @staticmethod
    def _prediction(dialogue: ObservedDialogue, labels: Labels, asked: Sequence[Span]) -> DialoguePrediction:
        found = labels.goals or ()
        starts = {goal.start for goal in found}
        failed = {goal.end: goal.success is False for goal in found}

        def failure(span: Span) -> float:
            """What was said of the goal of the annotator's own that ends there, or that covers its end."""
            own = next((end for end in sorted(failed) if end >= span[1]), len(dialogue.turns))
            return float(failed.get(own, False))

        return DialoguePrediction(
            boundaries=tuple(float(turn in starts) for turn in range(len(dialogue.turns))),
            goals=tuple((goal.start, goal.end) for goal in found),
            failures=tuple(failure(span) for span in asked),
            goal_failures=tuple(float(failed[goal.end]) for goal in found),
            intents=tuple((t.intent.value, 1.0) if t.intent else ("other", 0.0) for t in labels.turns),
            slots=tuple(t.slots or () for t in labels.turns),
            defects=tuple(float(t.defect is not None and t.defect.value) for t in labels.turns),
            extra={"transcript": tuple((t.transcript.value if t.transcript else "", 1.0) for t in labels.turns)},
        )
