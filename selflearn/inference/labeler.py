"""The labeler: a directory with a trained model becomes labels for dialogues, in one call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self, get_args

import torch
from torch import Tensor

from selflearn._limits import Count, SettingError, fits, in_words
from selflearn.batching.audio import Recordings
from selflearn.batching.likeness import seen_around
from selflearn.batching.presence import Presence
from selflearn.batching.texts import OnOverflow, TooLongError
from selflearn.batching.windows import cut_observed
from selflearn.inference import promises
from selflearn.inference.audit import AuditedLabel, audited_labels
from selflearn.inference.calibration import (
    Calibrators,
    calibrated_scores,
    fit_calibrators,
    read_calibrators,
    write_calibrators,
)
from selflearn.inference.goal_records import goal_records
from selflearn.inference.labels import DOMAIN, TRANSCRIPT, model_labels
from selflearn.inference.model_directory import check_model_directory, load_model, model_tokenizer
from selflearn.inference.rows import table_rows
from selflearn.models import LabelGeneratorConfig, save_model
from selflearn.models.stages import StageClock
from selflearn.models.system import ModelSystem
from selflearn.schema import Dialogue, GoalRecord, Labels, ObservedDialogue
from selflearn.tasks import DialoguePrediction
from selflearn.trust import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPlan:
    """How much of a dialogue is read.

    Attributes:
        windows: in how many overlapping windows of turns it is read; more than 1 only where it is long.
        truncated_texts: how many distinct texts are longer than the model reads; the rest of them is not read.
        turns_seen: how many turns, from the first on, the model reads: fewer than the dialogue has only where it is too
            long and ``on_overflow`` is "truncate".
        missing_recordings: how many audio references have no file, where the model reads audio.
    """

    windows: int
    truncated_texts: int
    turns_seen: int
    missing_recordings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDialogue:
    """A dialogue that is ready to be labelled: what was given, what of it is an input, and how much is read."""

    dialogue: Dialogue
    observed: ObservedDialogue
    plan: ReadingPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledDialogue:
    """A dialogue with the model's labels.

    Attributes:
        dialogue: as it was given, with the model's labels (source "model") in the place of its own. Feedback, ratings
            and truth are handed through unread. Turns that were not read have no labels.
        goals: one record a goal; together they cover the dialogue.
        read: how much of it was read.
        extra: answers of tasks that have no place in the record, one a turn that was seen, by the name of the task.
    """

    dialogue: Dialogue
    goals: tuple[GoalRecord, ...]
    read: ReadingPlan
    extra: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


class Labeler:
    """Labels dialogues with a trained model. Labels that the dialogues bring along are never read.

    A model that does not find goals takes every dialogue as one goal. The stages of :meth:`label` can be called alone:
    :meth:`prepare`, :meth:`predict`, :meth:`decode` and :meth:`accept`; :meth:`encode` gives the states of turns.

    Args:
        system: the model with its tokenizer and batching; :meth:`from_pretrained` makes it from a directory.
        calibrators: of the scores, by task; none leave them as the model gives them.

    Attributes:
        promises: by task, what was certified of this model (``python -m experiments.certify``); empty if nothing was.
        promised_of: which fields the dialogues had that it was certified on.

    Example:
        >>> from selflearn import Dialogue, Labeler, Turn
        >>> turn = Turn(request="play jazz", response="Sure.")
        >>> dialogue = Dialogue(id="1", corpus="mine", split="all", turns=(turn,))
        >>> labeler = Labeler.from_pretrained("runs/sgd_quick/seed_1/model")  # doctest: +SKIP
        >>> labeler.label([dialogue])[0].goals  # doctest: +SKIP
    """

    def __init__(self, system: ModelSystem, *, calibrators: Calibrators | None = None) -> None:
        self.system, self.calibrators = system, dict(calibrators or {})
        self.promises: Mapping[str, Certificate] = {}
        self.promised_of = Presence()

    @classmethod
    def from_pretrained(
        cls,
        directory: str | Path,
        *,
        device: str | torch.device | None = None,
        on_overflow: OnOverflow = "window",
        token_budget: int = 16_384,
        bf16: bool = False,
        recordings: str | Path | None = None,
        with_promises: bool = True,
    ) -> Self:
        """Load what a training run wrote into ``model/``; nothing else is needed, and the directory may be moved.

        Calibration and promises are read where they are there.

        Args:
            directory: with ``config.json``, ``model.safetensors`` and ``tokenizer.json``.
            device: for example "cpu" or "cuda:0"; None takes a GPU where there is one.
            on_overflow: what happens to a dialogue of more turns than the model reads: "window" reads it in
                overlapping windows, "truncate" leaves out its end, "error" refuses it. A text of too many tokens is cut
                by the first two, and counted, and refused by "error".
            token_budget: most tokens of a batch; less needs less memory.
            bf16: compute under bfloat16 autocast: faster where the machine has it, scores agree to about two digits.
            recordings: folder that relative audio references start from, for a model that reads audio: the log's.
            with_promises: read what was promised of the model; not to be read where it is certified anew.

        Raises:
            ModelDirectoryError: the directory holds no model, another model, or damaged files.
            ValueError: an argument is wrong, the device is not here, a task of the model is not installed here, or the
                promises in the directory are damaged or those of another model.
        """
        if on_overflow not in get_args(OnOverflow):
            raise ValueError(f"on_overflow is {on_overflow!r}; expected 'window', 'truncate' or 'error'")
        if not fits(Count, token_budget):
            raise SettingError("token_budget", token_budget, in_words(Count))
        folder, chosen = Path(directory).expanduser(), _usable_device(device)
        check_model_directory(folder)
        model = load_model(folder)
        model.recordings = None if recordings is None else Recordings(recordings)
        system = ModelSystem(
            model.to(chosen),  # type: ignore[arg-type]
            model_tokenizer(folder), token_budget=token_budget, on_overflow=on_overflow, bf16=bf16,
        )  # fmt: skip
        labeler = cls(system, calibrators=read_calibrators(folder))
        if with_promises and (folder / promises.FILE).is_file():
            found = promises.read_promises(folder, model=labeler.fingerprint)
            labeler.promises, labeler.promised_of = found.tasks, found.audited
        return labeler

    def promising(self, given: Presence, *, cut_off: bool = False) -> Labeler:
        """The same labeler, with the promises that hold for dialogues with these fields.

        Args:
            given: of the dialogues to be labelled. Where they lack what the audited ones had, nothing is accepted, and
                the promise says why.
            cut_off: the end of some of them is left out, which is so of no audited one: nothing is accepted either.
        """
        found = copy(self)
        found.promises = promises.Promises(tasks=self.promises, audited=self.promised_of).of(given, cut_off=cut_off)
        return found

    def calibrated_on(self, dialogues: Iterable[Dialogue]) -> Labeler:
        """A labeler with the same model, whose scores are right as often as they say on these dialogues.

        Args:
            dialogues: with labels of people; the model was not trained on them. Tasks of which they say too little
                keep their scores, which a warning says. Promises are made of calibrated scores, so that none are kept.

        Raises:
            ValueError: there is no dialogue; and as :meth:`audited`.
        """
        known = list(dialogues)
        if not known:
            raise ValueError("no dialogue to calibrate on; expected labelled ones that the model was not trained on")
        return Labeler(self.system, calibrators=fit_calibrators(Labeler(self.system).audited(known)))

    def audited(self, dialogues: Sequence[Dialogue]) -> list[AuditedLabel]:
        """Label dialogues that people labelled: which of the labels are right.

        Raises:
            TooLongError: a dialogue or a text is too long and ``on_overflow`` is "error"; names the dialogue.
            TypeError: something else than :class:`~selflearn.schema.Dialogue` is among them.
        """
        both = zip(dialogues, self.label(dialogues), strict=True)
        return [label for gold, said in both for label in audited_labels(said.dialogue, gold.labels)]

    def save_pretrained(self, directory: str | Path) -> None:
        """Write what :meth:`from_pretrained` reads, without promises; those of a model that was there are removed.

        Args:
            directory: made where it does not exist.
        """
        folder = Path(directory).expanduser()
        save_model(self.system.model, self.system.tokenizer, folder)
        write_calibrators(self.calibrators, folder)
        promises.remove_promises_of_others(folder, model=self.fingerprint)

    def label(self, dialogues: Iterable[Dialogue]) -> list[LabelledDialogue]:
        """Label dialogues, one to one and in their order.

        Args:
            dialogues: any number; a ``datasets.Dataset`` becomes dialogues by
                :func:`~selflearn.corpora.as_dialogues`.

        Raises:
            TooLongError: a dialogue or a text is too long and ``on_overflow`` is "error"; names the dialogue.
            TypeError: something else than :class:`~selflearn.schema.Dialogue` is among them.
        """
        return list(self.stream(dialogues))

    def stream(self, dialogues: Iterable[Dialogue], *, batch: int = 256) -> Iterator[LabelledDialogue]:
        """The streaming twin of :meth:`label`: the same answers, with ``batch`` dialogues in memory at a time.

        Args:
            dialogues: any number, read as they are needed.
            batch: how many are read before the first of them is answered; more of them fill batches better.

        Raises:
            ValueError: ``batch`` is less than 1; and as :meth:`label`.
        """
        if batch < 1:
            raise ValueError(f"batch is {batch}; expected 1 or more dialogues")
        if isinstance(dialogues, Dialogue | ObservedDialogue):
            raise TypeError("dialogues is one dialogue; expected several: write label([dialogue])")
        return self._stream(iter(dialogues), batch)

    def _stream(self, remaining: Iterator[Dialogue], batch: int) -> Iterator[LabelledDialogue]:
        while chunk := self._read(remaining, batch):
            prepared = self.prepare(chunk)
            yield from self.decode(prepared, self.predict(prepared))

    def _read(self, remaining: Iterator[Dialogue], batch: int) -> list[Dialogue]:
        with self.clock.stage("read"):
            return list(islice(remaining, batch))

    def prepare(self, dialogues: Sequence[Dialogue]) -> list[PreparedDialogue]:
        """Leave only what a model may see, and count what does not fit.

        Raises:
            TooLongError: a dialogue or a text is too long and ``on_overflow`` is "error"; names the dialogue.
            TypeError: something else than :class:`~selflearn.schema.Dialogue` is among them.
        """
        for i, dialogue in enumerate(dialogues):
            if not isinstance(dialogue, Dialogue):
                raise TypeError(f"item {i} of a batch is a {type(dialogue).__name__}; expected a Dialogue, which has a "
                                "place for labels (as_dialogues makes them from the rows of a dataset)")  # fmt: skip
        with self.clock.stage("prepare"):
            observed = [dialogue.observed() for dialogue in dialogues]
            return [
                PreparedDialogue(dialogue=dialogue, observed=seen, plan=self._plan(seen))
                for dialogue, seen in zip(dialogues, observed, strict=True)
            ]

    def _plan(self, dialogue: ObservedDialogue) -> ReadingPlan:
        system, num_turns = self.system, len(dialogue.turns)
        limits = system.model.config
        if system.on_overflow == "error" and num_turns > limits.max_turns:
            raise TooLongError(f"dialogue {dialogue.id!r} has {num_turns} turns and the model reads "
                                f"{limits.max_turns}; expected no longer one, or on_overflow=window or "
                                "truncate")  # fmt: skip
        windows = system.windows(num_turns)
        seen = windows[-1][1]
        cut = self.system.collator.truncated(cut_observed(dialogue, 0, seen))
        if system.on_overflow == "error" and cut:
            raise TooLongError(f"dialogue {dialogue.id!r} has {cut} texts of more than {limits.max_tokens} tokens; "
                                "expected no longer one, or on_overflow=window or truncate")  # fmt: skip
        return ReadingPlan(
            windows=len(windows), truncated_texts=cut, turns_seen=seen,
            missing_recordings=self.system.collator.missing_recordings(cut_observed(dialogue, 0, seen)),
        )  # fmt: skip

    def num_tokens(self, prepared: PreparedDialogue) -> int:
        """Tokens that the encoder reads for a dialogue: what its labelling costs."""
        return self.system.collator.num_tokens(prepared.observed)

    def encode(self, prepared: Sequence[PreparedDialogue]) -> list[Tensor]:
        """Contextual states of the turns: what labels are read off, for a search or a model of one's own.

        Returns:
            For each dialogue float32 ``[turns_seen, M]``, on the CPU; of a long one each from one of its windows.
        """
        return self.system.encode([one.observed for one in prepared])

    def predict(self, prepared: Sequence[PreparedDialogue]) -> list[DialoguePrediction]:
        """Encode, and say what the heads say: names and probabilities, not yet in the record's terms."""
        # Without segmentation the dialogue is one goal, which success is asked about.
        finds_goals = "segmentation" in self.system.model.tasks
        asked = [[] if finds_goals else [(0, len(one.observed.turns))] for one in prepared]
        return self.system.predict([one.observed for one in prepared], asked)

    def decode(
        self, prepared: Sequence[PreparedDialogue], predictions: Sequence[DialoguePrediction]
    ) -> list[LabelledDialogue]:
        """Labels in the record's own terms with calibrated scores, and goal records."""
        with self.clock.stage("decode"):
            limits = self.system.thresholds
            turns = [{"num_turns": len(one.dialogue.turns), "turns_seen": one.plan.turns_seen} for one in prepared]
            scores = calibrated_scores(self.calibrators)
            return [
                self._labelled(one, said, model_labels(said, **of, thresholds=limits, scores=scores))
                for one, said, of in zip(prepared, predictions, turns, strict=True)
            ]

    def _labelled(self, one: PreparedDialogue, prediction: DialoguePrediction, labels: Labels) -> LabelledDialogue:
        seen, labelled, config = one.plan.turns_seen, one.dialogue.with_labels(labels), self.system.model.config
        next_turn = 1 in seen_around(context=config.layers > 0, causal=config.causal)
        placed = {TRANSCRIPT, DOMAIN} if labels.goals is not None else {TRANSCRIPT}
        extra = {name: row[:seen] for name, row in prediction.extra.items() if name not in placed}
        return LabelledDialogue(
            dialogue=labelled, goals=goal_records(labelled, sees_next_turn=next_turn), read=one.plan, extra=extra
        )

    def accept(self, labelled: LabelledDialogue) -> list[dict[str, Any]]:
        """Rows of the table of labels, with what is accepted and promised; nothing is, where nothing was certified."""
        with self.clock.stage("accept"):
            accept = {task: promises.acceptance(certificate) for task, certificate in self.promises.items()}
            return table_rows(labelled.dialogue, accept=accept, model=self.fingerprint)

    @property
    def clock(self) -> StageClock:
        """Seconds so far in "read", "prepare", "encode", "predict", "decode" and "accept"."""
        return self.system.clock

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """By task, the names that the model chooses from; yes-no tasks have none."""
        return {name: task.labels for name, task in self.system.model.tasks.items() if task.labels}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that answers depend on: settings, weights, tokenizer, calibration, bf16; not of the place."""
        model, digest = self.system.model, hashlib.sha256()
        decisive = (name for name in LabelGeneratorConfig.__annotations__ if name != "inputs")  # only compared
        fields = {name: getattr(model.config, name) for name in decisive}
        digest.update(json.dumps(fields, sort_keys=True, default=str).encode())
        tokenizer = json.loads(self.system.tokenizer.backend_tokenizer.to_str())
        used = {"truncation", "padding"}  # set by the last call: of the batching, not of the tokenizer
        digest.update(json.dumps({name: part for name, part in tokenizer.items() if name not in used}).encode())
        digest.update(repr(sorted(self.calibrators.items())).encode())
        digest.update(b"bf16" if self.system.bf16 else b"")
        for name, value in sorted(model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()[:32]


def _usable_device(device: str | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:  # the second where torch was built without CUDA
        problem = str(error).splitlines()[0]
        raise ValueError(
            f"device {str(device)!r} cannot be used ({problem}); expected cpu, or one that is here"
        ) from error
    return chosen
