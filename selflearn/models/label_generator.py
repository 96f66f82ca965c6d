"""The label generator: turn encoder, dialogue encoder, and one head per task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as short
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import ModelOutput

from selflearn.batching.audio import Recordings
from selflearn.batching.batch import DialogueBatch, FeatureValues
from selflearn.batching.collator import Collator
from selflearn.batching.texts import Tokenization
from selflearn.encoders.audio import AudioEncoder
from selflearn.encoders.dialogue import DialogueEncoder, attention_heads
from selflearn.encoders.features import FeatureEncoder
from selflearn.encoders.lexical import LexicalEncoder
from selflearn.encoders.pretrained import build_audio_encoder, build_encoder
from selflearn.encoders.turn import TurnEncoder
from selflearn.models.config import LabelGeneratorConfig
from selflearn.tasks import EncodedBatch, StateSizes, Task, build_tasks


@dataclass
class LabelGeneratorOutput(ModelOutput):
    """Output of :class:`LabelGenerator`.

    Attributes:
        loss: scalar, the sum over tasks of their mean losses; None without targets.
        losses: each task's mean loss, scalars.
        counts: each task's number of items.
        logits: by task, ``[D, T]``, ``[D, T, C]`` or ``[N, C]``.
        turns: contextual turn states, ``[D, T, M]``.
        encoded: all that the heads were given, for a head that is to be called once more with other goals.
    """

    loss: Tensor | None = None
    losses: Mapping[str, Tensor] | None = None
    counts: Mapping[str, int] | None = None
    logits: Mapping[str, Tensor] | None = None
    turns: Tensor | None = None
    encoded: EncodedBatch | None = None


class WeightsError(ValueError):
    """The weights of a directory are not those of its configuration, or not in single precision."""


class TurnFusion(nn.Module):
    """Request, response, what they share, their word n-grams and the features of a turn, in one vector.

    What they share is the elementwise product of the two (Conneau et al., EMNLP 2017, section 3.2): of their texts
    after one map for both, and of their n-grams. Whether a response belongs to a request no sum of the two shows; given
    the sum alone, pretraining on swapped answers stays at chance where dialogues are few.

    Args:
        text_size: ``H``.
        lexical_size: ``X``, 0 without the wide part.
        size: ``M``.
        dropout: on the result.
    """

    def __init__(self, *, text_size: int, lexical_size: int, size: int, dropout: float) -> None:
        super().__init__()
        self.absent = nn.Parameter(torch.randn(2, text_size) * 0.02)
        self.text = nn.Linear(2 * text_size, size)
        self.lexical = nn.Linear(2 * lexical_size, size, bias=False) if lexical_size else None
        self.side = nn.Linear(text_size, size, bias=False)
        self.shared = nn.Linear(size + lexical_size, size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, texts: Tensor, present: Tensor, lexical: Tensor, features: Tensor | None) -> Tensor:
        """``texts [D, T, 2, H]``, ``present [D, T, 2]``, ``lexical [D, T, 2, X]``, ``features [D, T, M]``."""
        vectors = torch.where(present[..., None], texts, self.absent)
        out = self.text(vectors.flatten(2)) + self.shared(_shared(self.side(vectors), lexical))
        if self.lexical is not None:
            out = out + self.lexical(lexical.flatten(2))
        if features is not None:
            out = out + features
        fused: Tensor = self.dropout(out)
        return fused


def _shared(*sides: Tensor) -> Tensor:
    """Products of unit vectors of both sides, ``[D, T, 2, ...]`` each, of a norm of about one, beside each other."""
    products = []
    for both in sides:
        request, response = functional.normalize(both, dim=-1).unbind(2)
        products.append(request * response * both.shape[-1] ** 0.5)
    return torch.cat(products, -1)


class LabelGenerator(PreTrainedModel):
    """Labels for every turn and goal of a dialogue.

    ``LabelGenerator.from_pretrained(directory)`` needs nothing but the directory; the tokenizer and the batching that
    belong to it come from :meth:`collator`.

    Args:
        config: see :class:`LabelGeneratorConfig`.
        encoder: a turn encoder with weights; None builds one from ``config.encoder`` with random weights.
        tasks: task objects for ``config.tasks``; None looks them up by name.
        audio_encoder: one with weights, where ``config.audio_encoder`` says that there is one; as ``encoder``.

    Attributes:
        recordings: of the log at hand, for a model that reads audio. They belong to the log: they are not saved.

    Raises:
        ValueError: a task of another package is not installed, ``tasks`` are not those of ``config``, a task but
            ``success`` is of the level "goal", or ``config`` has no turn encoder.
    """

    config_class = LabelGeneratorConfig
    config: LabelGeneratorConfig
    base_model_prefix = ""
    main_input_name = "batch"
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(
        self,
        config: LabelGeneratorConfig,
        encoder: PreTrainedModel | None = None,
        tasks: Mapping[str, Task] | None = None,
        audio_encoder: PreTrainedModel | None = None,
    ) -> None:
        super().__init__(config)
        self.recordings: Recordings | None = None
        self.tasks = dict(tasks) if tasks is not None else build_tasks(config.tasks or {})
        if odd := [name for name, task in self.tasks.items() if task.level == "goal" and name != "success"]:
            raise ValueError(
                f"the level of task {odd[0]!r} is 'goal', and goals are asked for success alone; expected 'turn' or "
                "'token': what is true of a goal can be said of its last turn"
            )
        given = {name: list(task.labels) for name, task in self.tasks.items()}
        if given != {name: list(labels) for name, labels in (config.tasks or {}).items()}:
            raise ValueError(
                f"the tasks with their labels are {short(given)}, and config.tasks is {short(config.tasks)}; expected "
                "the same: a saved model is built again from its configuration"
            )
        if encoder is None:
            encoder = build_encoder(config.encoder_config())
        self.turn_encoder = TurnEncoder(encoder, num_parts=1 if config.pairing == "separate" else 2)
        width = self.turn_encoder.hidden_size
        lexical_size = config.ngram_size if config.ngram_buckets else 0
        self.lexical_encoder = (
            LexicalEncoder(config.ngram_buckets, lexical_size, dropout=config.ngram_dropout) if lexical_size else None
        )
        vocabulary, self.audio_encoder = config.feature_vocabulary(), None
        if config.audio_encoder is not None:
            listener = audio_encoder or build_audio_encoder(config.audio_encoder_config())
            self.audio_encoder = AudioEncoder(listener, frozen=config.audio_frozen)
        self.feature_encoder = FeatureEncoder(
            categorical_sizes=tuple(len(values) + 2 for values in vocabulary.categorical.values()),
            num_numeric=len(vocabulary.numeric), size=config.size, dropout=config.feature_dropout,
            audio_size=vocabulary.audio_size if self.audio_encoder is None else self.audio_encoder.size,
        )  # fmt: skip
        self.fusion = TurnFusion(text_size=width, lexical_size=lexical_size, size=config.size, dropout=config.dropout)
        self.dialogue_encoder = DialogueEncoder(
            size=config.size, layers=config.layers, heads=config.heads or attention_heads(config.size),
            dropout=config.dropout, window_before=config.window_before, window_after=config.window_after,
            causal=config.causal,
        )  # fmt: skip
        sizes = StateSizes(
            turn=config.size, token=width, lexical=2 * lexical_size, readings=config.reading_vocabulary()
        )
        self.heads = nn.ModuleDict(
            {name: task.build_head(sizes, dropout=config.dropout) for name, task in self.tasks.items()}
        )
        self.post_init()  # type: ignore[no-untyped-call]

    @classmethod
    def from_pretrained(cls, *args: Any, output_loading_info: bool = False, **kwargs: Any) -> Any:
        """Load a model from its directory, as every transformers model is; with ``output_loading_info`` as a pair.

        Tasks that no entry point offers are passed in beside the configuration:
        ``from_pretrained(DIR, config=LabelGeneratorConfig.from_pretrained(DIR), tasks=TASKS)``.

        Raises:
            WeightsError: the weights are not those of the configuration: one is missing, one too many, or of
                another shape; or they are not in single precision, as another ``dtype`` is asked for or that of the
                file.
        """
        loaded: Any = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        model, info = loaded
        wrong = [str(name) for kind in ("missing_keys", "mismatched_keys", "unexpected_keys") for name in info[kind]]
        if wrong:
            raise WeightsError(
                f"model.safetensors does not fit config.json (first: {wrong[0]}); expected both of one training run"
            )
        if model.dtype != torch.float32:
            raise WeightsError(
                f"weights in {model.dtype} would meet features and times in single precision; expected "
                "dtype=torch.float32, and to compute in bfloat16 torch.autocast, which Labeler takes with bf16=True"
            )
        return (model, info) if output_loading_info else model

    def _init_weights(self, module: nn.Module) -> None:
        """Every module initialises itself when it is built."""

    def encode_texts(self, batch: DialogueBatch) -> tuple[Tensor, Tensor]:
        """Token states ``[sum(U * L), H]`` and text vectors ``[sum(U), P, H]`` of the distinct texts."""
        out = self.turn_encoder(batch.buckets)
        return out.tokens, out.vectors

    def encode_ngrams(self, batch: DialogueBatch) -> Tensor:
        """N-gram vectors of requests and responses, ``[D, T, 2, X]``, zero where there is none."""
        present = batch.utterance_index >= 0
        if self.lexical_encoder is None:
            return torch.zeros(*present.shape, 0, device=present.device)
        table: Tensor = self.lexical_encoder(batch.ngrams, batch.ngram_starts)
        if not len(table):
            return table.new_zeros(*present.shape, table.shape[1])
        found: Tensor = table[batch.utterance_index.clamp(min=0)] * present[..., None]
        return found

    def encode_dialogues(
        self, vectors: Tensor, lexical: Tensor, batch: DialogueBatch, *, use_features: bool = True
    ) -> Tensor:
        """Contextual turn states from text vectors.

        Args:
            vectors: ``[sum(U), P, H]``, from :meth:`encode_texts` or a cache of it.
            lexical: ``[D, T, 2, X]``, from :meth:`encode_ngrams`.
            batch: where each text belongs.
            use_features: False leaves out the features, and the times (swapped responses must not be told by them).

        Returns:
            float ``[D, T, M]``.
        """
        texts, present = texts_of_turns(vectors, batch), batch.utterance_index >= 0
        seconds = batch.seconds if use_features else torch.full_like(batch.seconds, torch.nan)
        features = self.feature_encoder(self._heard(batch.features), seconds) if use_features else None
        fused = self.fusion(texts, present, lexical, features)
        out: Tensor = self.dialogue_encoder(fused, batch.turn_mask, seconds)
        return out

    def _heard(self, values: FeatureValues) -> FeatureValues:
        """The features with the vectors of the recordings, where an encoder reads them."""
        if self.audio_encoder is None or values.sound_index is None or not values.sounds:
            return values
        vectors: Tensor = self.audio_encoder(values.sounds)
        index = values.sound_index
        return replace(values, audio=vectors[index.clamp(min=0)], audio_mask=index >= 0)

    def encode(self, batch: DialogueBatch) -> EncodedBatch:
        """What the heads see of a batch."""
        tokens, vectors = self.encode_texts(batch)
        lexical = self.encode_ngrams(batch)
        return EncodedBatch(
            turns=self.encode_dialogues(vectors, lexical, batch), texts=texts_of_turns(vectors, batch),
            lexical=lexical.flatten(2),
            tokens=tokens, inputs=batch, causal=self.config.causal, context=self.config.layers > 0,
        )  # fmt: skip

    def forward(self, batch: DialogueBatch, tasks: Collection[str] | None = None) -> LabelGeneratorOutput:
        """Logits of every task, and the losses of those that have targets in the batch.

        Args:
            batch: from :meth:`collator`.
            tasks: names of the tasks to run; None runs all. With targets, tasks without any are skipped.

        Raises:
            ValueError: the model has no task of that name.
        """
        return self.heads_of(self.encode(batch), tasks)

    def heads_of(self, encoded: EncodedBatch, tasks: Collection[str] | None = None) -> LabelGeneratorOutput:
        """What :meth:`forward` does after the encoders.

        Args:
            encoded: from :meth:`encode`.
            tasks: names of the tasks to run; see :meth:`forward`.

        Raises:
            ValueError: the model has no task of that name.
        """
        batch = encoded.inputs
        if unknown := sorted(set(tasks or ()) - set(self.tasks)):
            raise ValueError(f"the model has no task {unknown[0]!r}; expected some of {', '.join(self.tasks)}")
        names = [name for name in self.tasks if tasks is None or name in tasks]
        # goals may train on what the others found, and a task on the logits of those that stand before it
        names.sort(key=lambda name: (self.tasks[name].level == "goal", self.tasks[name].place))
        if batch.targets:
            names = [name for name in names if name in batch.targets]
        logits, losses, counts = {}, {}, {}
        for name in names:
            task, head = self.tasks[name], self.heads[name]
            if task.level != "goal":
                logits[name] = head(encoded)
            if batch.targets:
                counts[name] = task.count(batch.targets[name])
                losses[name] = task.loss(head, encoded, batch.targets[name], logits) / max(counts[name], 1)
        return LabelGeneratorOutput(
            loss=torch.stack(list(losses.values())).sum() if losses else None, losses=losses or None,
            counts=counts or None, logits=logits, turns=encoded.turns, encoded=encoded,
        )  # fmt: skip

    def collator(self, tokenizer: PreTrainedTokenizerFast, *, with_targets: bool = True) -> Collator:
        """The batching that belongs to this model."""
        return Collator(
            Tokenization(tokenizer, max_tokens=self.config.max_tokens),
            pairing=self.config.pairing,  # type: ignore[arg-type]
            ngram_buckets=self.config.ngram_buckets,
            features=self.config.feature_vocabulary(),
            tasks=self.tasks if with_targets else None,
            hypotheses=max((task.num_hypotheses for task in self.tasks.values()), default=0),
            readings=self.config.reading_vocabulary(),
            recordings=self.recordings,
            sounds=self.config.sound_reader(),
        )


def texts_of_turns(vectors: Tensor, batch: DialogueBatch) -> Tensor:
    """The vectors of request and response of each turn, zero where there is none.

    Args:
        vectors: of the distinct texts, ``[sum(U), P, H]``.
        batch: where each text belongs.

    Returns:
        float ``[D, T, 2, H]``.
    """
    index = batch.text_index.clamp(min=0)
    texts = vectors[index, 0] if index.dim() == 3 else vectors[index]  # [D, T, 2, H] either way
    return torch.where((batch.utterance_index >= 0)[..., None], texts, torch.zeros((), device=texts.device))


def load_tokenizer(directory: str | Path) -> PreTrainedTokenizerFast:
    """The tokenizer that was saved with a model."""
    return cast("PreTrainedTokenizerFast", AutoTokenizer.from_pretrained(str(directory), local_files_only=True))


def save_model(model: LabelGenerator, tokenizer: Any, directory: str | Path) -> None:
    """Write weights (safetensors), configuration and tokenizer: all that ``from_pretrained`` needs."""
    model.save_pretrained(directory, safe_serialization=True)
    tokenizer.save_pretrained(directory)


AutoConfig.register(LabelGeneratorConfig.model_type, LabelGeneratorConfig, exist_ok=True)
AutoModel.register(LabelGeneratorConfig, LabelGenerator, exist_ok=True)
