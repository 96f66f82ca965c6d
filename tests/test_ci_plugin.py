from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_needs_a_program():
    pytest.skip("sox is not installed")

def test_needs_a_package():
    pytest.importorskip("no_such_package_at_all")

def test_needs_a_corpus():
    pytest.skip("SELFLEARN_CORPORA is not set")

@pytest.mark.gpu
def test_needs_a_gpu():
    pytest.skip("one device wanted")

@pytest.mark.xfail(reason="known")
def test_is_known_to_fail():
    assert False
"""


def run_pytest(folder: Path, *arguments: str, ci: str) -> str:
    root = str(Path(__file__).parents[1])
    options = ["-p", "tests.ci_plugin", "-p", "no:cacheprovider", "-o", "markers=gpu: x", "-q", "-rA", *arguments]
    environment = os.environ | {"CI": ci, "PYTHONPATH": root}
    command = [sys.executable, "-m", "pytest", *options, "-c", os.devnull, f"--rootdir={folder}", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "test_whole.py").write_text("import pytest\npytest.importorskip('no_such_package')\n", encoding="utf-8")
    return tmp_path


def test_ci_refuses_skips_for_want_of_a_program_or_a_package(folder):
    printed = run_pytest(folder, "-n", "1", ci="true")
    assert "2 failed, 2 skipped, 1 xfailed, 1 error" in printed
    assert "test_needs_a_program was skipped under CI=true: Skipped: sox is not installed" in printed


def test_elsewhere_anything_may_be_skipped(folder):
    assert "5 skipped, 1 xfailed" in run_pytest(folder, ci="")
