"""SNIPS (Coucke et al., 2018, https://arxiv.org/abs/1805.10190): intent and slots of single sentences.

In the layout of JointBERT: see :mod:`selflearn.corpora._jointbert` for how turns and labels are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from selflearn.corpora._jointbert import SentenceCorpus


@dataclass(frozen=True, kw_only=True)
class Snips(SentenceCorpus):
    """Reader of SNIPS, seven intents."""

    name: ClassVar[str] = "snips"
    version: ClassVar[int] = 1
    splits: ClassVar[Mapping[str, str]] = {
        "train": "folder train of the release",
        "dev": "folder dev of the release: 12 of its 700 sentences are in train too",
        "test": "folder test of the release: 26 of its 700 sentences are in train too",
    }
    source: ClassVar[str] = "The release is data/snips of https://github.com/monologg/JointBERT (Apache 2.0)"
    foreign_prefix: ClassVar[str | None] = "atis_"


CORPUS = Snips()
