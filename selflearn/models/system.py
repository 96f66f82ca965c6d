"""A trained label generator as a :class:`~selflearn.tasks.System`: observed dialogues in, answers out, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from selflearn._progress import Progress
from selflearn.batching.batch import DialogueBatch
from selflearn.batching.budget import fill_batches
from selflearn.batching.collator import Collator
from selflearn.batching.texts import OnOverflow, TooLongError
from selflearn.batching.windows import (
    Span,
    causal_windows,
    central_window,
    cut_observed,
    first_window,
    turn_windows,
)
from selflearn.models.label_generator import LabelGenerator
from selflearn.models.stages import StageClock
from selflearn.schema import ObservedDialogue
from selflearn.tasks import DialoguePrediction, EncodedBatch, Thresholds, goals_from_boundaries

Answer = TypeVar("Answer")


@dataclass(slots=True)
class ReadCounts:
    """What did not fit, counted: never in silence.

    Attributes:
        truncated_texts: texts longer than the encoder reads.
        windowed_dialogues: dialogues read in several windows.
        dropped_turns: turns beyond the longest dialogue (``on_overflow="truncate"``): their answers are empty.
        missing_recordings: audio references without a file, where the model reads audio.
        labels_left_out: labels that training has no target for, such as the shorter of two slots on the same words.
    """

    truncated_texts: int = 0
    windowed_dialogues: int = 0
    dropped_turns: int = 0
    missing_recordings: int = 0
    labels_left_out: int = 0


@dataclass(slots=True)
class ModelSystem:
    """The label generator behind the interface that baselines share.

    Attributes:
        model: the model; it is used in evaluation mode on the device where it is.
        tokenizer: its tokenizer.
        token_budget: most tokens of a batch.
        on_overflow: what happens to dialogues and texts that are too long.
        bf16: run under bfloat16 autocast (faster, less exact).
        bar: makes a progress bar for so many dialogues, which is told how many more are done; None shows nothing.
        counts: what did not fit, over all predictions so far.
        trained_on: what did not fit of the dialogues that the model was fine-tuned on.
        pretrained: what pretraining was measured to have learned, by name.
        clock: seconds in "encode" (batches, and the encoders) and "predict" (all else that an answer takes).
        collator: makes the batches; it keeps the tokens of texts, as people and assistants repeat themselves.
    """

    model: LabelGenerator
    tokenizer: Any
    token_budget: int = 16_384
    on_overflow: OnOverflow = "window"
    bf16: bool = False
    bar: Callable[[int], AbstractContextManager[Progress]] | None = None
    counts: ReadCounts = field(default_factory=ReadCounts)
    trained_on: ReadCounts = field(default_factory=ReadCounts)
    pretrained: Mapping[str, float] = field(default_factory=dict)
    clock: StageClock = field(default_factory=StageClock)
    collator: Collator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.collator = self.model.collator(self.tokenizer, with_targets=False)

    @property
    def thresholds(self) -> Thresholds:
        """Decision thresholds; they are saved with the model."""
        return self.model.config.decision_thresholds()

    def predict(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        """Label dialogues, in order; see :class:`~selflearn.tasks.System`.

        Raises:
            TooLongError: something is too long and ``on_overflow`` is "error".
            ValueError: goals are not those of the dialogues.
        """
        if len(dialogues) != len(goals):
            raise ValueError(f"{len(dialogues)} dialogues and goals for {len(goals)}; expected one list for each")
        for dialogue, spans in zip(dialogues, goals, strict=True):
            for start, end in spans:
                if not 0 <= start < end <= len(dialogue.turns):
                    raise ValueError(
                        f"dialogue {dialogue.id!r}: a goal of the turns [{start}, {end}) is asked about; expected at "
                        f"least one turn, within 0 to {len(dialogue.turns)}"
                    )
        with self.clock.stage("predict"):
            return self._answers(dialogues, goals)

    def _answers(
        self, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        self.model.eval()  # type: ignore[no-untyped-call]
        windows = [self.windows(len(d.turns), name=f"dialogue {d.id!r}") for d in dialogues]
        self._count_texts(dialogues, windows)
        whole = [i for i, spans in enumerate(windows) if spans == [(0, len(dialogues[i].turns))]]
        bar: AbstractContextManager[Progress | None] = nullcontext() if self.bar is None else self.bar(len(dialogues))
        with bar as progress:
            answers = self._predict([dialogues[i] for i in whole], [goals[i] for i in whole], progress)
            found = dict(zip(whole, answers, strict=True))
            for i, spans in enumerate(windows):
                if i not in found:
                    found[i] = self._predict_windows(dialogues[i], goals[i], spans)
                    if progress is not None:
                        progress(1)
        return [found[i] for i in range(len(dialogues))]

    def windows(self, num_turns: int, *, name: str = "a dialogue") -> list[Span]:
        """The windows ``[start, end)`` in which a dialogue is read: one, if it is not longer than the model reads.

        Raises:
            TooLongError: it is longer and ``on_overflow`` is "error"; ``name`` is what it is called there.
        """
        cut = causal_windows if self.model.config.causal else turn_windows
        return cut(num_turns, self.model.config.max_turns, self.on_overflow, name=name)

    @property
    def _window_of(self) -> Callable[[int, Sequence[Span]], int | None]:
        return first_window if self.model.config.causal else central_window

    @torch.inference_mode()
    def encode(self, dialogues: Sequence[ObservedDialogue]) -> list[Tensor]:
        """Contextual turn states of dialogues, in order: float32 ``[T, M]`` on the CPU, of the turns that are read.

        A turn of a long dialogue is taken from its most central window, with a causal model from that with most
        turns before it.
        """
        self.model.eval()  # type: ignore[no-untyped-call]
        windows = [self.windows(len(d.turns), name=f"dialogue {d.id!r}") for d in dialogues]
        parts = [cut_observed(d, *span) for d, spans in zip(dialogues, windows, strict=True) for span in spans]
        states = iter(self._in_batches(parts, lambda batch, _: self._states(batch)))
        found = []
        for spans in windows:
            rows = [next(states) for _ in spans]
            homes = [self._window_of(turn, spans) or 0 for turn in range(spans[-1][1])]
            found.append(torch.stack([rows[home][turn - spans[home][0]] for turn, home in enumerate(homes)]))
        return found

    def _states(self, batch: DialogueBatch) -> list[Tensor]:
        with self.clock.stage("encode"), self._autocast():
            batch = batch.to(self.model.device)
            turns = self.model.encode(batch).turns
        return [row[:length].float().cpu() for row, length in zip(turns, batch.lengths.tolist(), strict=True)]

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.model.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _count_texts(self, dialogues: Sequence[ObservedDialogue], windows: Sequence[list[Span]]) -> None:
        """Count what is cut or missing, once a dialogue however many windows it is read in."""
        for dialogue, spans in zip(dialogues, windows, strict=True):
            read = cut_observed(dialogue, 0, spans[-1][1])
            self.counts.missing_recordings += self.collator.missing_recordings(read)
            cut = self.collator.truncated(read)
            self.counts.truncated_texts += cut
            if cut and self.on_overflow == "error":
                raise TooLongError(
                    f"dialogue {dialogue.id!r} has a text of more than {self.model.config.max_tokens} tokens; expected "
                    "no longer one, or data.on_overflow=window or truncate"
                )

    def _predict_windows(
        self, dialogue: ObservedDialogue, asked: Sequence[Span], spans: list[Span]
    ) -> DialoguePrediction:
        """First every turn in its own window, then the goals in the window that holds most of them.

        A goal of which nothing was read has not failed, as a turn that was not read is no defect: nothing says so.
        """
        self.counts.windowed_dialogues += len(spans) > 1
        self.counts.dropped_turns += len(dialogue.turns) - spans[-1][1]
        parts = [cut_observed(dialogue, start, end) for start, end in spans]
        answers = self._predict(parts, [()] * len(parts))
        empty = {name: task.empty_answer for name, task in self.model.tasks.items()}
        merged = merge_windows(
            answers, [self._window_of(turn, spans) for turn in range(len(dialogue.turns))], spans, empty
        )
        if merged.boundaries is not None:
            merged = replace(merged, goals=goals_from_boundaries(merged.boundaries, self.thresholds["segmentation"]))
        if "success" not in self.model.tasks:
            return merged
        wanted = [*asked, *(merged.goals or ())]
        after = 0 if self.model.config.causal else 1
        homes = [_home(goal, spans, after) if goal[0] < spans[-1][1] else None for goal in wanted]
        inside: list[list[Span]] = [[] for _ in spans]
        for goal, home in zip(wanted, homes, strict=True):
            if home is None:
                continue
            start, end = spans[home]
            first = min(max(goal[0], start), end - 1)
            inside[home].append((first - start, max(min(goal[1], end), first + 1) - start))
        scored = [iter(answer.failures or ()) for answer in self._predict(parts, inside)]
        scores = tuple(0.0 if home is None else next(scored[home]) for home in homes)
        return replace(merged, failures=scores[: len(asked)], goal_failures=scores[len(asked) :])

    def _predict(
        self,
        dialogues: Sequence[ObservedDialogue],
        goals: Sequence[Sequence[Span]],
        progress: Progress | None = None,
    ) -> list[DialoguePrediction]:
        def answers(batch: DialogueBatch, members: Sequence[int]) -> list[DialoguePrediction]:
            return self._batch(batch, [dialogues[i] for i in members], [goals[i] for i in members])

        return self._in_batches(dialogues, answers, progress)

    def _in_batches(
        self,
        dialogues: Sequence[ObservedDialogue],
        work: Callable[[DialogueBatch, Sequence[int]], Sequence[Answer]],
        progress: Progress | None = None,
    ) -> list[Answer]:
        """What is made of dialogues of similar length together, in the order of the dialogues."""
        with self.clock.stage("encode"):
            sizes = [self.collator.num_tokens(dialogue) for dialogue in dialogues]
        order = sorted(range(len(dialogues)), key=lambda i: len(dialogues[i].turns))
        found: dict[int, Answer] = {}
        for members in fill_batches(sizes, order, self.token_budget):
            with self.clock.stage("encode"):
                batch = self.collator.inputs([dialogues[i] for i in members])
            made = work(batch, members)
            found.update(zip(members, made, strict=True))
            if progress is not None:
                progress(len(members))
        return [found[i] for i in range(len(dialogues))]

    @torch.inference_mode()
    def _batch(
        self, batch: DialogueBatch, dialogues: Sequence[ObservedDialogue], goals: Sequence[Sequence[Span]]
    ) -> list[DialoguePrediction]:
        with self.clock.stage("encode"), self._autocast():
            batch = batch.to(self.model.device)
            encoded = self.model.encode(batch)
        with self._autocast():
            logits_by_task = self.model.heads_of(encoded).logits or {}
            answers: list[dict[str, Any]] = [{} for _ in dialogues]
            for name, logits in logits_by_task.items():
                task = self.model.tasks[name]
                for answer, decoded in zip(answers, task.decode(logits, batch, dialogues), strict=True):
                    task.put(answer, decoded)
            if "segmentation" in logits_by_task:
                for answer in answers:
                    answer["goals"] = goals_from_boundaries(answer["boundaries"], self.thresholds["segmentation"])
            if "success" in self.model.tasks:
                self._score_goals(encoded, answers, goals)
        return [DialoguePrediction(**answer) for answer in answers]

    def _score_goals(
        self, encoded: EncodedBatch, answers: list[dict[str, Any]], goals: Sequence[Sequence[Span]]
    ) -> None:
        spans = [(d, *span) for d, asked in enumerate(goals) for span in (*asked, *answers[d].get("goals", ()))]
        scores: Iterator[float] = iter(())
        if spans:
            where = torch.tensor(spans, device=encoded.turns.device)
            logits: Tensor = self.model.heads["success"](encoded, where)
            scores = iter(self.model.tasks["success"].decode(logits, encoded.inputs, ()))  # type: ignore[arg-type]
        for answer, asked in zip(answers, goals, strict=True):
            answer["failures"] = tuple(next(scores) for _ in asked)
            answer["goal_failures"] = tuple(next(scores) for _ in answer.get("goals", ()))


def _home(goal: Span, spans: Sequence[Span], after: int) -> int:
    """The window to judge a goal in: of those that show how it ended, that with most of it and of the turns after."""
    ends = [w for w, (start, end) in enumerate(spans) if start < goal[1] <= end]
    return max(
        ends, key=lambda w: min(goal[1] + after, spans[w][1]) - max(goal[0], spans[w][0]), default=len(spans) - 1
    )


def merge_windows(
    answers: Sequence[DialoguePrediction],
    homes: Sequence[int | None],
    spans: Sequence[Span],
    empty: Mapping[str, Any],
) -> DialoguePrediction:
    """One prediction per turn from those of overlapping windows; turns in no window get an empty answer.

    Args:
        answers: one a window, without goals.
        homes: for each turn of the dialogue the window that it is taken from, or None.
        spans: the windows.
        empty: by task, what stands in ``extra`` for a turn in no window.
    """

    def pick(rows: Sequence[tuple[Any, ...] | None], empty: Any) -> tuple[Any, ...] | None:
        if any(row is None for row in rows):
            return None
        return tuple(
            empty if home is None else rows[home][turn - spans[home][0]]  # type: ignore[index]
            for turn, home in enumerate(homes)
        )

    return DialoguePrediction(
        boundaries=pick([answer.boundaries for answer in answers], 0.0),
        intents=pick([answer.intents for answer in answers], ("other", 0.0)),
        slots=pick([answer.slots for answer in answers], ()),
        defects=pick([answer.defects for answer in answers], 0.0),
        extra={
            name: pick([answer.extra.get(name) for answer in answers], empty.get(name)) or ()
            for name in answers[0].extra
        },
    )
