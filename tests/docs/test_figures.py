"""The figures of the README are those of the page of results, to the last digit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README, RESULTS = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/results.md"))

METRICS = (
    "segmentation/boundary_f1", "success/auc", "success/f1@end_to_end", "defect/auc", "intent/accuracy",
    "intent/accuracy@defects", "slots/f1",
)  # fmt: skip
"""Columns of the README's table of labels from feedback."""

SHOWN = {
    "the model, from gold labels": ("simulated, baselines=simulated", ["model"]),
    "**the model, from feedback alone**": ("simulated_feedback", ["model"]),
    "the assistant itself": ("simulated_feedback", ["assistant"]),
    "the better TF-IDF, of the turn or with its neighbours, from the same feedback": (
        "simulated_feedback", ["tfidf", "tfidf_context"],
    ),
    "a single annotator": ("simulated_feedback", ["annotator"]),
}  # fmt: skip
"""By the first cell of its rows: where the figures are from. Of several systems it is the best one."""


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables of a page."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def section_rows(section: str) -> list[list[str]]:
    """The first table of a section of the page of results."""
    return rows(RESULTS.split(f"\n## {section}\n")[1].split("\n#")[0])


def measured(section: str) -> dict[tuple[str, str], str]:
    """By metric and system the value that a section of the page of results has, without its interval."""
    head, _, *table = section_rows(section)
    found = {}
    for name, *cells in table:
        for system, cell in zip(head[1:], cells, strict=True):
            value = re.match(r"-?\d*\.\d+", cell)
            found[name.split()[0], system] = value.group() if value else ""
    return found


@pytest.mark.parametrize("row", SHOWN)
def test_the_table_of_labels_from_feedback_is_what_was_measured(row):
    section, systems = SHOWN[row]
    found = measured(section)
    (shown,) = [cells[1:] for cells in rows(README) if cells[0] == row]
    assert shown == [max(found[metric, system] for system in systems) for metric in METRICS]


def test_what_the_readme_says_of_a_promise_is_in_the_tables():
    said = README.split("\nIn that run ")[1].split("([tables]")[0]
    found = {
        figure
        for section in ("simulated, baselines=simulated", "simulated_feedback")
        for row in rows(
            RESULTS.split(f"\n## {section}\n")[1].split("\n## ")[0].split("### Labels with an approximate")[1]
        )
        for figure in re.findall(r"(?<![\d+-])0?(\.\d{3})\b", " ".join(row))
    }
    figures = re.findall(r"(?<!\d)(\.\d{3})", said.replace("the .900 that was promised", ""))
    assert len(figures) > 10
    assert not [figure for figure in figures if figure not in found]


@pytest.mark.parametrize("system", ["tfidf", "tfidf_context"])
@pytest.mark.parametrize("metric", ["segmentation/boundary_f1", "defect/auc", "success/auc"])
def test_the_model_is_clearly_above_bags_of_words_where_the_simulation_says_so(metric, system):
    """All of the interval of the difference is on its side: bold on the page of results."""
    head, _, *table = section_rows("simulated, baselines=simulated")
    (row,) = [cells for cells in table if cells[0].split()[0] == metric]
    assert "**Δ +" in row[head.index(system)]


def test_every_row_of_metrics_stands_on_the_page_of_results():
    there = {tuple(cells) for cells in rows(RESULTS)}
    shown = [tuple(cells) for cells in rows(README) if re.search(r"/\w+.* [↑↓]$", cells[0])]
    assert len(shown) > 5
    assert not [cells for cells in shown if cells not in there]
