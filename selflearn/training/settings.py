"""Settings of a label generator and of its training; :class:`~selflearn.training.Recipe` follows them.

What is left out has the value that ``conf/`` has: a recipe in Python and a run of the command are the same unless told
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from selflearn._limits import Checked, Count, Dropout, Index, Limit, SettingError, Share, check_each, check_values
from selflearn.batching.collator import Pairing
from selflearn.batching.features import GROUPS
from selflearn.batching.texts import OnOverflow
from selflearn.corpora.views import VIEWS
from selflearn.pretraining import SwapConfig
from selflearn.training.optimization import OptimizationConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class DialogueSettings:
    """Of the dialogue encoder; see :class:`~selflearn.models.LabelGeneratorConfig`.

    Raises:
        SettingError: a value is not of its kind or range, or ``size`` is no multiple of ``heads``.
    """

    size: Count = 256
    layers: Index = 2
    heads: Annotated[int | None, Limit(least=1)] = None
    dropout: Dropout = 0.1
    window_before: Index = 3
    window_after: Index = 2
    causal: bool = False
    max_turns: Count = 512

    def __post_init__(self) -> None:
        """Check the values."""
        check_values(self)
        if self.heads is not None and self.size % self.heads:
            raise SettingError("heads", self.heads, f"a divisor of the size, {self.size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalSettings(Checked):
    """Of the wide part (hashed word n-grams); ``buckets=0`` leaves it out.

    Raises:
        SettingError: a value is not of its kind or range.
    """

    buckets: Index = 65_536
    size: Count = 128
    dropout: Dropout = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSettings(Checked):
    """How recordings are read.

    Attributes:
        encoder: name or directory of a pretrained encoder (:func:`~selflearn.encoders.load_audio_encoder`); None takes
            the mean and the spread of the log-mel spectrum.
        frozen: the encoder stays as it is; otherwise it learns with the turn encoder's rate.

    Raises:
        SettingError: a value is not of its kind.
    """

    encoder: str | None = None
    frozen: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What is built.

    Attributes:
        encoder: name or directory of the turn encoder (:func:`~selflearn.encoders.load_encoder`).
        encoder_dropout: in the turn encoder, while training.
        pairing: "separate" or "pair".
        max_tokens: longest text.
        dialogue: the dialogue encoder.
        lexical: the wide part.
        audio: how recordings are read, where a log has some.
        feature_dropout: probability that a feature is hidden in training.
        without: groups of features that are left out (:data:`~selflearn.batching.features.GROUPS`).

    Raises:
        SettingError: a value is not of its kind or range.
        ValueError: ``without`` names no group of features.
    """

    encoder: str = "minilm"
    encoder_dropout: Dropout = 0.0
    pairing: Pairing = "separate"
    max_tokens: Annotated[int, Limit(least=4)] = 128
    dialogue: DialogueSettings = field(default_factory=DialogueSettings)
    lexical: LexicalSettings = field(default_factory=LexicalSettings)
    audio: AudioSettings = field(default_factory=AudioSettings)
    feature_dropout: Dropout = 0.1
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the values, and the names of the groups."""
        check_values(self)
        unknown = [name for name in self.without if name not in GROUPS]
        if unknown:
            raise ValueError(f"no group of features is called {unknown[0]!r}; there are {', '.join(GROUPS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingSettings(Checked):
    """Swapped answers.

    Attributes:
        epochs: passes over the dialogues; 0 = no pretraining.
        token_budget: most tokens of a batch.
        swaps: shares of swapped and hidden responses, and of the grades.
        pool_size: responses that wrong ones are drawn from.
        optimization: rates.
        weights: file with the weights of an earlier pretraining, instead of a new one.

    Raises:
        SettingError: a value is not of its kind or range.
    """

    epochs: Annotated[float, Limit(least=0)] = 1.0
    token_budget: Count = 4096
    swaps: SwapConfig = field(
        default_factory=lambda: SwapConfig(
            shares={"random": 0.2, "hypothesis": 0.0, "nearest": 0.5, "exchanged": 0.3, "same_acts": 0.0}
        )
    )
    pool_size: Count = 20_000
    optimization: OptimizationConfig = field(default_factory=lambda: OptimizationConfig(encoder_lr=5e-5))
    weights: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """Fine-tuning.

    Attributes:
        epochs: passes over the labelled dialogues.
        token_budget: most tokens of a batch.
        optimization: rates.
        loss_weights: "learned", or fixed weights by task.
        workers: processes that make batches.
        on_overflow: what happens to dialogues and texts that are too long.
        views: names of views (:mod:`selflearn.corpora.views`) in which training dialogues are shown.
        view_share: share of the dialogues that an epoch shows in a view instead of whole.

    Raises:
        SettingError: a value is not of its kind or range.
        ValueError: ``views`` names no view.
    """

    epochs: Annotated[float, Limit(above=0)] = 4.0
    token_budget: Count = 2048
    optimization: OptimizationConfig = field(default_factory=OptimizationConfig)
    loss_weights: Literal["learned"] | Mapping[str, float] = "learned"
    workers: Index = 0
    on_overflow: OnOverflow = "window"
    views: tuple[str, ...] = ()
    view_share: Share = 0.25

    def __post_init__(self) -> None:
        """Check the values, and the names of the views."""
        check_values(self)
        if self.loss_weights != "learned":
            check_each("loss_weights", self.loss_weights, Annotated[float, Limit(least=0)])
        unknown = [name for name in self.views if name not in VIEWS]
        if unknown:
            raise ValueError(f"no view is called {unknown[0]!r}; there are {', '.join(VIEWS)}")
