"""What docstrings promise of themselves: errors are named, and a letter in a shape is one of the legend."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import selflearn

ROOT = Path(selflearn.__file__).parent
PACKAGES = (
    "baselines", "batching", "corpora", "encoders", "evaluation", "inference", "metrics", "models", "pretraining",
    "reports", "simulation", "tasks", "training", "trust",
)  # fmt: skip
MADE_BY = ("__init__", "__post_init__")
"""Their errors are those of the class."""


def raises(function: ast.AST) -> bool:
    """Whether there is a ``raise`` of its own in a function, not in one that it defines; what cannot be is no error."""
    inside = [node for node in ast.iter_child_nodes(function) if not isinstance(node, ast.FunctionDef | ast.Lambda)]
    named = [node.exc for node in inside if isinstance(node, ast.Raise) and node.exc is not None]
    return any("AssertionError" not in ast.unparse(error) for error in named) or any(map(raises, inside))


def silent(node: ast.Module | ast.ClassDef, name: str = "") -> Iterator[str]:
    """Public functions and classes that raise, with nothing about errors in what they say of themselves."""
    for child in node.body:
        if not isinstance(child, ast.ClassDef | ast.FunctionDef):
            continue
        if child.name.startswith("_") and child.name not in MADE_BY:
            continue
        full = f"{name}.{child.name}".lstrip(".")
        if isinstance(child, ast.ClassDef):
            yield from silent(child, full)
            continue
        said = ast.get_docstring(node if child.name in MADE_BY else child) or ""
        if raises(child) and "Raises:" not in said and "errors as" not in said:
            yield full


@pytest.mark.parametrize("package", PACKAGES)
def test_public_functions_name_the_errors_that_they_raise(package):
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sorted((ROOT / package).rglob("*.py"))
        for name in silent(ast.parse(file.read_text("utf-8")))
    ]
    assert not found


BATCH = ast.parse((ROOT / "batching" / "batch.py").read_text("utf-8"))
LEGEND = set(re.findall(r"``([A-Z])``", ast.get_docstring(BATCH)))
SHAPE = re.compile(r"``(?:\w+ )?[\[(]([^`]*)[\])]``")


@pytest.mark.parametrize("package", PACKAGES)
def test_letters_of_shapes_are_those_of_the_legend(package):
    found = {
        (str(file.relative_to(ROOT)), letter)
        for file in sorted((ROOT / package).rglob("*.py"))
        for shape in SHAPE.findall(file.read_text("utf-8"))
        for letter in re.findall(r"\b[A-Z]\b", shape)
    }
    assert {(file, letter) for file, letter in found if letter not in LEGEND} == set()
    assert LEGEND > set("DTN")
