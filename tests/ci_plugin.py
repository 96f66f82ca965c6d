"""Rules of the test run: one thread a worker, no network, and no skip for want of a program with ``CI=true``.

Loaded with ``-p tests.ci_plugin`` (see ``pyproject.toml``), so that it comes before torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

# Two workers with two threads each are slower than with one, and sums in one thread have one order.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "agg")

# What a machine may lack: a GPU, and corpora that nobody may pass on. Everything else is installed by `.ci/run`.
ALLOWED_MARKERS = {"gpu", "corpus"}
ALLOWED_REASON = re.compile(r"SELFLEARN_CORPORA|\bcorp(us|ora)\b|\bGPUs?\b|\bCUDA\b", re.IGNORECASE)


def skip_allowed(reason: str, markers: set[str], *, ci: bool) -> bool:
    """Whether a test may be skipped: anywhere but in CI always, there only for want of a GPU or a corpus."""
    return not ci or bool(markers & ALLOWED_MARKERS) or ALLOWED_REASON.search(reason) is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """Turn a skip that CI does not allow into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        markers = {marker.name for marker in item.iter_markers()}
        if not skip_allowed(reason, markers, ci=os.environ.get("CI") == "true"):
            report.outcome = "failed"
            report.longrepr = (
                f"{item.nodeid} was skipped under CI=true: {reason}\n"
                "Let .ci/run install what it needs, or mark the test gpu or corpus."
            )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[Any]:
    """Do the same where a whole module is skipped, for example by ``importorskip``."""
    report = yield
    if report.skipped:
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not skip_allowed(reason, set(), ci=os.environ.get("CI") == "true"):
            report.outcome = "failed"
            report.longrepr = f"{collector.nodeid} was skipped under CI=true: {reason}"
    return report
