"""Encoders of turns, of the features beside them, and of dialogues."""

from selflearn.encoders.audio import AudioEncoder
from selflearn.encoders.dialogue import DialogueEncoder
from selflearn.encoders.features import FeatureEncoder
from selflearn.encoders.lexical import LexicalEncoder
from selflearn.encoders.places import EncoderNotFoundError
from selflearn.encoders.pretrained import load_audio_encoder, load_encoder
from selflearn.encoders.suitability import check_encoder, check_length
from selflearn.encoders.turn import TurnEncoder, TurnEncoderOutput

__all__ = [
    "AudioEncoder",
    "DialogueEncoder",
    "EncoderNotFoundError",
    "FeatureEncoder",
    "LexicalEncoder",
    "TurnEncoder",
    "TurnEncoderOutput",
    "check_encoder",
    "check_length",
    "load_audio_encoder",
    "load_encoder",
]
