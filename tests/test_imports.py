from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import selflearn

ROOT = Path(selflearn.__file__).parent
HEAVY = ("torch", "transformers", "datasets", "pandas", "sklearn", "lightning", "torchmetrics", "hydra", "wandb")
# What people want by itself, and what that may bring along; the direction of all imports is import-linter's part.
ALONE = {
    "schema": {"schema", "_codec", "_record"},
    "metrics": {"metrics"},
    "corpora": {"corpora", "schema", "_codec", "_record", "_progress", "_replacing"},
    "encoders": {"encoders", "batching", "schema", "_codec", "_record"},
}


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_after(statement: str) -> set[str]:
    return set(in_a_new_process(f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')").split())


@pytest.mark.parametrize("statement", ["import selflearn", "from selflearn import Dialogue, Turn"])
def test_the_record_loads_nothing_heavy(statement):
    assert not modules_after(statement) & set(HEAVY)


def test_import_takes_well_under_a_second():
    code = "import time; t = time.perf_counter(); import selflearn; print(time.perf_counter() - t)"
    assert min(float(in_a_new_process(code)) for _ in range(3)) < 0.5


@pytest.mark.parametrize("part", ALONE)
def test_a_part_by_itself_loads_nothing_else_of_ours(part):
    ours = [name for name in modules_after(f"import selflearn.{part}") if name.startswith("selflearn.")]
    assert {name.split(".")[1] for name in ours} <= ALONE[part]


@pytest.mark.parametrize("name", selflearn.__all__)
def test_every_public_name_resolves_and_is_documented(name):
    value = getattr(selflearn, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known_ones():
    with pytest.raises(AttributeError, match="Dialog'; public names: __version__, Dialogue"):
        _ = selflearn.Dialog


def test_names_for_type_checkers_and_lazy_names_are_the_same():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (node.module, alias.name) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert typed == {(module, name) for name, module in selflearn._MODULE_OF.items()}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_reads_no_environment_variable_and_prints_nothing(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")), f"line {node.lineno}"
        assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"), f"line {node.lineno}"


def test_what_a_package_keeps_to_itself_no_other_uses():
    """A module that begins with ``_`` is of the package that it lies in; those of ``selflearn`` are for all of it."""
    taken = re.compile(r"^\s*(?:from|import) (selflearn\.\w+(?:\.\w+)*)\._\w+", re.MULTILINE)
    for file in [*sorted(ROOT.rglob("*.py")), *sorted((ROOT.parent / "experiments").rglob("*.py"))]:
        name = file.relative_to(ROOT.parent)
        own = ".".join(name.parent.parts)
        for package in taken.findall(file.read_text("utf-8")):
            assert f"{own}.".startswith(f"{package}."), f"{name} imports a private module of {package}"
