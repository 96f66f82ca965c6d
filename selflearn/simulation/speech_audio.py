"""The speech channel: what is said is spoken by flite and recognised by pocketsphinx, and the recording is kept.

The recogniser knows the words of its world, with a language model of what its assistant was trained on. Its n-best list
and its scores are its own. An utterance takes some tenths of a second; recordings and n-best lists are kept beside the
log, so that a run that was killed goes on and a second one is quick.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from selflearn._replacing import replace_text
from selflearn.schema import RecognitionHypothesis
from selflearn.simulation.settings import SpeechSettings
from selflearn.simulation.speech_text import Recognized, Speech
from selflearn.simulation.synthesis import Sound, phones, read_wav, require_flite, write_wav

RECORDINGS = "recordings"
"""Folder of a log with its recordings (``.wav``) and the n-best lists of them (``.json``)."""

PATHS = 100
"""Paths through the lattice that share the probability."""

SHARPNESS = 1024 / 20
"""From pocketsphinx's scores to log probabilities: it keeps them in units of 1,024, and weighs sound 1 to 20 where it
computes posteriors of words (its setting ``ascale``)."""

LEAST = 0.0001
"""Lowest score, and distance of the highest from 1."""

DISCOUNT = 0.5
"""Share of each context that the language model leaves to words which were never seen in it."""


def require_speech() -> None:
    """See that the programs of the speech channel are there.

    Raises:
        ImportError: pocketsphinx is not installed.
        OSError: flite is not, or lacks a voice.
    """
    _pocketsphinx()
    require_flite()


class SpeechRecognizer:
    """Speaks and recognises :class:`Speech`.

    Args:
        words: the vocabulary.
        texts: what the language model is made of.
        settings: how people sound, and their rooms.
        hypotheses: longest n-best list.
        log: folder of the log; recordings are kept in it, and references to them are relative to it.
        heard: called after each utterance.

    Raises:
        ImportError: pocketsphinx is not installed.
    """

    def __init__(
        self, words: Iterable[str], texts: Sequence[str], settings: SpeechSettings, *, hypotheses: int,
        log: Path, heard: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self.words, self.texts, self.settings = tuple(words), tuple(texts), settings
        self.hypotheses, self.log, self.heard = hypotheses, log, heard
        known = (metadata.version(_pocketsphinx().__name__), self.words, self.texts, hypotheses)
        self._digest = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:12]

    def recognize(self, speech: Sequence[Speech]) -> list[Recognized]:
        """Recognise utterances; each on its own, so that their company changes nothing.

        Raises:
            OSError: flite is not installed, or fails.
            ValueError: a recording or an n-best list that was kept is damaged; names the file.
        """
        found = []
        for one in speech:
            found.append(self._one(one))
            if self.heard is not None:
                self.heard()
        return found

    def _one(self, speech: Speech) -> Recognized:
        sound = Sound.of(speech, self.settings)
        key = sound.key()
        recording = self.log / RECORDINGS / key[:2] / f"{key}.wav"
        kept = recording.with_suffix(f".{self._digest}.json")
        recording.parent.mkdir(parents=True, exist_ok=True)
        if not recording.is_file():
            write_wav(sound.samples(), recording)
        if kept.is_file():
            hypotheses = _read(kept)
        else:
            hypotheses = n_best(self._decoder, read_wav(recording), self.hypotheses)
            _write(hypotheses, kept)
        alignment = align(speech.text.split(), hypotheses[0].text.split())
        return Recognized(hypotheses, alignment, audio=recording.relative_to(self.log).as_posix())

    @cached_property
    def _decoder(self) -> Any:
        """Pocketsphinx with the words and the language model; made when something is heard for the first time."""
        sphinx = _pocketsphinx()
        with TemporaryDirectory() as folder:
            dictionary, model = Path(folder) / "words.dict", Path(folder) / "language.arpa"
            dictionary.write_text(pronunciations(self.words), encoding="utf-8")
            model.write_text(language_model(self.words, self.texts), encoding="utf-8")
            return sphinx.Decoder(dict=str(dictionary), lm=str(model), loglevel="FATAL")


def _pocketsphinx() -> Any:
    try:
        import pocketsphinx
    except ImportError as error:
        raise ImportError(
            "the speech channel needs pocketsphinx: `pip install 'selflearn[speech]'`, or take channel=text"
        ) from error
    return pocketsphinx


def pronunciations(words: Iterable[str]) -> str:
    """The pronouncing dictionary of a vocabulary: CMU's entries, and flite's own idea of the words that it lacks.

    Raises:
        ImportError: pocketsphinx is not installed.
        OSError: flite is not, or fails.
    """
    known: dict[str, list[str]] = {}
    file = Path(_pocketsphinx().get_model_path("en-us/cmudict-en-us.dict"))
    for line in file.read_text(encoding="utf-8").splitlines():
        entry, _, sound = line.partition(" ")
        known.setdefault(entry.partition("(")[0], []).append(sound)
    lines = []
    for word in words:
        for i, sound in enumerate(known.get(word) or [phones(word)], 1):
            lines.append(f"{word} {sound}" if i == 1 else f"{word}({i}) {sound}")
    return "\n".join(lines) + "\n"


def language_model(words: Iterable[str], texts: Iterable[str]) -> str:
    """A trigram model in ARPA's form; words that no text has can stand alone.

    Raises:
        ImportError: pocketsphinx is not installed.
    """
    from io import StringIO

    from pocketsphinx.lm import ArpaBoLM

    model = ArpaBoLM(text="\n".join([*texts, *words]), add_start=True, discount_mass=DISCOUNT)
    model.compute()
    written = StringIO()
    model.write(written)
    return written.getvalue()


def n_best(decoder: Any, samples: NDArray[np.int16], number: int) -> tuple[RecognitionHypothesis, ...]:
    """What pocketsphinx recognises in a recording.

    The first hypothesis is its best path. The scores are posteriors: each text has the probability of its paths, among
    the :data:`PATHS` likeliest. None is given more than the first.

    Args:
        decoder: of pocketsphinx.
        samples: ``[samples]``, 16,000 a second.
        number: longest list.

    Returns:
        At least one hypothesis; its text is empty where no word was heard.
    """
    decoder.reinit_feat()  # else the means of what was heard before would go into this one
    decoder.start_utt()
    decoder.process_raw(samples.astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    if best is None or not best.hypstr:
        return (RecognitionHypothesis(text="", score=LEAST),)
    paths = [(best.hypstr, best.score)]
    for path in decoder.nbest():
        if path is None or len(paths) > PATHS:
            break
        if path.hypstr:
            paths.append((path.hypstr, path.score))
    highest = max(score for _, score in paths)
    mass: Counter[str] = Counter()
    for text, score in paths:
        mass[text] += (score / highest) ** SHARPNESS
    first = mass.pop(best.hypstr)
    total = first + mass.total()
    ranked = [(best.hypstr, first), *((text, min(share, first)) for text, share in mass.most_common(number - 1))]
    return tuple(
        RecognitionHypothesis(text=text, score=round(min(max(share / total, LEAST), 1 - LEAST), 4))
        for text, share in ranked
    )


def align(said: Sequence[str], heard: Sequence[str]) -> tuple[int | None, ...]:
    """For each word that was said the word it became, or None where it was lost (Levenshtein)."""
    places: list[int | None] = [None] * len(said)
    for step in Levenshtein.opcodes(said, heard):
        if step.tag in ("equal", "replace"):
            for i in range(step.src_end - step.src_start):
                places[step.src_start + i] = step.dest_start + i
    return tuple(places)


def _read(path: Path) -> tuple[RecognitionHypothesis, ...]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(RecognitionHypothesis(text=text, score=score) for text, score in rows)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no n-best list; delete it, and it is made again") from error


def _write(hypotheses: Sequence[RecognitionHypothesis], path: Path) -> None:
    replace_text(path, json.dumps([[h.text, h.score] for h in hypotheses]))
