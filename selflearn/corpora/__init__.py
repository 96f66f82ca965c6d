"""Corpora in the layouts of their original releases, and people's own tables, as dialogues.

``load_dialogues("sgd", root=DIR, split="train")`` gives a ``datasets.Dataset``, ``iter_dialogues`` a stream,
``read_report`` what was joined, left out and counted on the way.
"""

from selflearn.corpora.corpus import Corpus, CorpusError, ReadReport
from selflearn.corpora.loading import (
    as_dialogues,
    corpus_names,
    find_corpus,
    iter_dialogues,
    load_dialogues,
    log_name,
    read_report,
)

__all__ = [
    "Corpus", "CorpusError", "ReadReport", "as_dialogues", "corpus_names", "find_corpus", "iter_dialogues",
    "load_dialogues", "log_name", "read_report",
]  # fmt: skip
