"""ATIS (Hemphill et al., 1990, https://aclanthology.org/H90-1021): intent and slots of single questions about flights.

In the layout of JointBERT: see :mod:`selflearn.corpora._jointbert` for how turns and labels are made. A double intent
("atis_a#atis_b") is one name, as written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from selflearn.corpora._jointbert import SentenceCorpus


@dataclass(frozen=True, kw_only=True)
class Atis(SentenceCorpus):
    """Reader of ATIS; three quarters of it are "atis_flight"."""

    name: ClassVar[str] = "atis"
    version: ClassVar[int] = 1
    splits: ClassVar[Mapping[str, str]] = {
        "train": "folder train of the release",
        "dev": "folder dev of the release: 52 of its 500 sentences are in train too",
        "test": "folder test of the release: 13 of its 893 sentences are in train too, 4 intents are not",
    }
    source: ClassVar[str] = "The release is data/atis of https://github.com/monologg/JointBERT (Apache 2.0)"
    intent_prefix: ClassVar[str] = "atis_"


CORPUS = Atis()
