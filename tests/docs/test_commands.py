"""What the README and the documentation tell people to type is what the programs take."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.app import config_loader
from experiments.overrides import checked_overrides

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of every block of code in that language."""
    return [
        (page.name, text)
        for page in PAGES
        for found, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if found == language
    ]


def commands() -> list[tuple[str, str, tuple[str, ...]]]:
    """(page, program, arguments) of every command that runs an experiment."""
    found = []
    for page, text in blocks("bash"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            make = next((word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")), "")
            if words[:2] == ["make", "train"]:
                found.append((page, "train", tuple(shlex.split(make))))
            elif "-m" in words and words[words.index("-m") + 1].startswith("experiments."):
                first = words.index("-m") + 1
                found.append((page, words[first].removeprefix("experiments."), tuple(words[first + 1 :])))
    return found


@pytest.mark.parametrize(("page", "program", "arguments"), commands(), ids=lambda value: str(value)[:60])
def test_every_command_sets_only_what_there_is(page, program, arguments):
    assert (ROOT / "experiments" / f"{program}.py").is_file()
    overrides = [word for word in arguments if not word.startswith("-") and word != "job"]
    checked_overrides(config_loader(), program, overrides, sweep="-m" in arguments, values_needed=True)


@pytest.mark.parametrize(("page", "text"), blocks("bash"), ids=lambda value: str(value)[:60])
def test_every_make_target_is_there(page, text):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {words[1] for line in text.splitlines() if (words := line.split())[:1] == ["make"]} <= targets


@pytest.mark.parametrize(("page", "text"), [*blocks("python")], ids=lambda value: str(value)[:60])
def test_every_python_block_is_python_and_imports_what_there_is(page, text):
    compile(text, page, "exec")
    imports = "\n".join(line for line in text.splitlines() if line.startswith(("from ", "import ")))
    exec(imports, {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_is_there(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def program(notebook: Path, folder: Path, **changes: str) -> Path:
    """The code of a notebook as a program, with other values for some of its names."""
    cells = [cell for cell in json.loads(notebook.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells)
    for old, new in changes.items():
        code, count = re.subn(rf"^{old} = .*$", f"{old} = {new}", code, flags=re.MULTILINE)
        assert count == 1, old
    file = folder / "notebook.py"
    file.write_text(code, "utf-8")
    return file


def run(file: Path) -> None:
    done = subprocess.run([sys.executable, file], cwd=file.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_every_notebook_is_kept_without_outputs(notebook):
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_every_notebook_runs_in_three_minutes_of_two_cores(notebook, tmp_path):
    """By the time that the cores work for it, and not by the clock: they may work for other tests too."""
    pytest.importorskip("nbmake", reason="nbmake is not installed: pip install nbmake")
    shutil.copy(notebook, tmp_path)
    command = ["-m", "pytest", "--nbmake", "--nbmake-timeout=900", "-p", "no:cacheprovider", notebook.name]
    before = os.times()
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    after = os.times()
    assert done.returncode == 0, done.stdout + done.stderr
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    assert worked < 2 * 180


@pytest.mark.slow
def test_the_quickstart_runs_on_a_small_log(tmp_path):
    run(
        program(ROOT / "notebooks" / "quickstart.ipynb", tmp_path, **{"WORLD, SESSIONS, ENCODER": '"car", 250, "tiny"'})
    )
