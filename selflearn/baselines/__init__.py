"""Baselines: systems that are simple, tuned on the same cut as the model, and scored on the same items."""

from selflearn.baselines.annotator import SingleAnnotator
from selflearn.baselines.assistant import Assistant, NBestOracle
from selflearn.baselines.base import Baseline
from selflearn.baselines.majority import Majority
from selflearn.baselines.tfidf import Tfidf
from selflearn.baselines.tfidf_context import TfidfContext

BASELINES: dict[str, type[Baseline]] = {
    baseline.name: baseline for baseline in (Tfidf, TfidfContext, Assistant, Majority)
}
"""By the name that they have in results; ``no_context`` is the label generator itself without its dialogue encoder."""

__all__ = ["BASELINES", "Assistant", "Baseline", "Majority", "NBestOracle", "SingleAnnotator", "Tfidf", "TfidfContext"]
