"""A label generator before its training: the tasks that are labelled, and all that fits the training dialogues."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from transformers import PreTrainedModel

from selflearn.batching.audio import Recordings
from selflearn.batching.features import FeatureVocabulary
from selflearn.batching.likeness import seen_around
from selflearn.batching.presence import Presence
from selflearn.batching.readings import ReadingVocabulary
from selflearn.encoders import check_length, load_audio_encoder, load_encoder
from selflearn.models import LabelGenerator, LabelGeneratorConfig
from selflearn.models.config import plain_features, plain_readings
from selflearn.schema import Dialogue
from selflearn.tasks import Task, task_classes
from selflearn.training.settings import ModelSettings

log = logging.getLogger(__name__)


def fit_tasks(names: Collection[str], dialogues: Sequence[Dialogue]) -> dict[str, Task]:
    """The tasks that are labelled in the training dialogues, with their label names, in the order of ``names``.

    Raises:
        ValueError: a task is unknown or named twice, none is named, or none of them is labelled.
    """
    classes = known_tasks(names)
    fitted = {name: classes[name].fit(dialogues) for name in names}
    found = {name: task for name, task in fitted.items() if task is not None}
    for name in names:
        if found and name not in found:
            log.warning("no %s label in the training dialogues: the task is left out", name)
    if not found:
        raise ValueError(
            f"none of the tasks {', '.join(names)} is labelled in the {len(dialogues)} training dialogues; expected "
            "people's labels for one of them, in mapped columns if it is a table, or supervision=feedback, which does "
            "without"
        )
    return found


def known_tasks(names: Collection[str]) -> dict[str, type[Task]]:
    """Every known task by name, once ``names`` are found to be some of them.

    Raises:
        ValueError: a task is unknown or named twice, or none is named.
    """
    classes = task_classes()
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise ValueError(f"no task is called {unknown[0]!r}; there are {', '.join(classes)}")
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        raise ValueError(f"the task {twice[0]!r} is named twice in tasks.names={list(names)}; expected each task once")
    if not names:
        raise ValueError(f"there is no task to train; expected one of {', '.join(classes)}")
    return classes


def build_model(
    settings: ModelSettings,
    tasks: Mapping[str, Task],
    dialogues: Sequence[Dialogue],
    *,
    seed: int,
    recordings: Recordings | None = None,
) -> tuple[LabelGenerator, Any]:
    """A label generator with a pretrained turn encoder and fresh heads, and its tokenizer.

    Args:
        settings: what to build.
        tasks: with their label names.
        dialogues: training dialogues, for the feature vocabulary and the domains.
        seed: of the fresh weights.
        recordings: of the log; a model is made to read audio where there are some.

    Raises:
        ValueError: an audio encoder is asked for, and there is no recording; or texts may be longer than the encoder
            reads.
    """
    torch.manual_seed(seed)
    encoder, tokenizer = load_encoder(settings.encoder, dropout=settings.encoder_dropout)
    check_length(encoder, settings.max_tokens)
    observed = (dialogue.observed() for dialogue in dialogues)
    inputs = _presence(settings, dialogues, recordings)
    audio_encoder, heard = _audio_encoder(settings, dialogues, recordings)
    spectra = recordings if audio_encoder is None else None
    seen = seen_around(context=settings.dialogue.layers > 0, causal=settings.dialogue.causal)
    features = FeatureVocabulary.fit(observed, without=settings.without, recordings=spectra, offsets=seen)
    domains = {goal.domain for dialogue in dialogues for goal in dialogue.labels.goals or () if goal.domain is not None}
    understood = () if "hypotheses" in settings.without else dialogues
    readings = ReadingVocabulary.fit(dialogue.observed() for dialogue in understood)
    config = LabelGeneratorConfig(
        encoder=encoder.config.to_dict(), pairing=settings.pairing, max_tokens=settings.max_tokens,
        ngram_buckets=settings.lexical.buckets, ngram_size=settings.lexical.size,
        ngram_dropout=settings.lexical.dropout, feature_dropout=settings.feature_dropout,
        features=plain_features(features), readings=plain_readings(readings), inputs=inputs.to_dict(),
        tasks={name: list(task.labels) for name, task in tasks.items()},
        seen_domains=sorted(domains), **asdict(settings.dialogue), **heard,
    )  # fmt: skip
    model = LabelGenerator(config, encoder=encoder, tasks=tasks, audio_encoder=audio_encoder)
    model.recordings = recordings
    return model, tokenizer


def _presence(settings: ModelSettings, dialogues: Sequence[Dialogue], recordings: Recordings | None) -> Presence:
    """What the training turns have of what is read; what can hardly be meant is said, and is trained on as it is."""
    without = [*settings.without, *([] if recordings is not None else ["audio"])]
    found = Presence.of((dialogue.observed() for dialogue in dialogues), without=without)
    for doubt in found.doubts():
        log.warning("the training dialogues: %s", doubt)
    return found


def _audio_encoder(
    settings: ModelSettings, dialogues: Sequence[Dialogue], recordings: Recordings | None
) -> tuple[PreTrainedModel | None, dict[str, Any]]:
    """The pretrained audio encoder that is asked for, and what the configuration says of it."""
    name = settings.audio.encoder
    if name is None or "audio" in settings.without:
        return None, {}
    references = (turn.audio for dialogue in dialogues for turn in dialogue.turns if turn.audio is not None)
    if recordings is None or not any((recordings.root / reference).is_file() for reference in references):
        where = "nowhere" if recordings is None else f"not in {recordings.root}"
        raise ValueError(
            f"model.audio.encoder is {name!r}, and the recordings of the training dialogues are {where}; expected "
            "turns whose `audio` names a WAV file in the folder of the log. model.audio.encoder=null asks for none"
        )
    encoder, extractor = load_audio_encoder(name)
    said = {"audio_encoder": encoder.config.to_dict(), "audio_extractor": extractor.to_dict()}
    return encoder, said | {"audio_frozen": settings.audio.frozen}
