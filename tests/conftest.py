"""Fixtures for all tests: tiny releases of our own sentences, and the real corpora where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures import rated_releases, releases

# How long an example takes says how busy the machine is, not whether a promise holds.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")


@pytest.fixture(scope="session")
def sgd_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny SGD release: 20 train and 12 dev dialogues, no test split."""
    return releases.write_sgd(tmp_path_factory.mktemp("sgd"))


@pytest.fixture(scope="session")
def star_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny STAR release: 36 answered dialogues (3 questions, a quarter "no"), 8 multi-task ones, 6 others."""
    return releases.write_star(tmp_path_factory.mktemp("star"))


@pytest.fixture(scope="session")
def snips_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny SNIPS release: 40, 10 and 10 sentences, 3 intents, 4 slots."""
    return releases.write_snips(tmp_path_factory.mktemp("snips"))


@pytest.fixture(scope="session")
def atis_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny ATIS release: as SNIPS, with its prefix and double intents."""
    return releases.write_atis(tmp_path_factory.mktemp("atis"))


@pytest.fixture(scope="session")
def dbdc3_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny DBDC3 release: 8 dialogues with each of 4 bots, 4 responses each rated by 6 people."""
    return rated_releases.write_dbdc3(tmp_path_factory.mktemp("dbdc3"))


@pytest.fixture(scope="session")
def uss_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of a tiny USS release: 16 dialogues a part, 3 or 4 raters; those of SGD are the first of ``sgd_release``."""
    return rated_releases.write_uss(tmp_path_factory.mktemp("uss"))


@pytest.fixture(scope="session")
def corpora_root() -> Path:
    """The folder with the real releases (``SELFLEARN_CORPORA``); the test is skipped without it."""
    root = os.environ.get("SELFLEARN_CORPORA")
    if not root:
        pytest.skip("SELFLEARN_CORPORA is not set: the real corpora are not here")
    return Path(root)
