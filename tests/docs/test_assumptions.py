"""What the page on the simulation says of its rates is what the files of the world and of the sweep say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from selflearn.simulation.files import Value, rate_names, read_file
from selflearn.simulation.rates import RATE_FILES, check_rates, dotted_rates
from selflearn.simulation.simulate import Setting
from selflearn.simulation.world import WORLDS

ROOT = Path(__file__).parents[2]
HOME = WORLDS / "home"
RANGES = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "ranges.yaml").ranges)
ENDS = [(name, dotted_rates(end)) for name, ends in RANGES.items() for end in ends]


def page_rows() -> list[tuple[list[str], str, bool]]:
    """Rates, where they are from, and whether there is a range, of each row of the table."""
    text = (ROOT / "docs" / "simulation.md").read_text("utf-8")
    section = text[text.index("## What is assumed") : text.index("## Over a range of rates")]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [(re.findall(r"`([^`]+)`", rates), source, ranged == "yes") for rates, source, ranged in rows]


def all_rates() -> list[str]:
    return [f"{file}.{rate}" for file in RATE_FILES for rate in rate_names(read_file(HOME / f"{file}.yaml"))]


def is_below(rate: str, name: str) -> bool:
    return f"{rate}.".startswith(f"{name}.")


def rates_of_lines(value: Value, path: str) -> Iterator[tuple[str, int]]:
    """Each rate with the line it stands in."""
    for key, child in value.table().items():
        if isinstance(child.data, dict):
            yield from rates_of_lines(child, f"{path}.{key}")
        else:
            yield f"{path}.{key}", child.line


def row_of(rate: str) -> tuple[list[str], str, bool]:
    (found,) = [row for row in page_rows() if any(is_below(rate, name) for name in row[0])]
    return found


def test_every_rate_is_in_one_row_of_the_page():
    rows = page_rows()
    for rate in all_rates():
        assert sum(is_below(rate, name) for names, _, _ in rows for name in names) == 1, rate
    for names, _, _ in rows:
        for name in names:
            assert any(is_below(rate, name) for rate in all_rates()), f"no rate is called {name}"


def test_what_the_files_call_an_assumption_the_page_does_too():
    known, called = set(all_rates()), 0
    for file in RATE_FILES:
        lines = (HOME / f"{file}.yaml").read_text("utf-8").splitlines()
        for rate, line in rates_of_lines(read_file(HOME / f"{file}.yaml"), file):
            if rate in known and "assumption" in lines[line - 1].partition("#")[2]:
                assert "assumption" in row_of(rate)[1], rate
                called += 1
    assert called > 10


def test_ranges_are_of_the_rates_that_the_page_says_and_of_no_other():
    varied = {rate for _, rates in ENDS for rate in rates}
    for rate in varied:
        assert row_of(rate)[2], rate
        assert "assumption" in row_of(rate)[1], rate
    for names, _, ranged in page_rows():
        for name in names if ranged else ():
            assert any(is_below(rate, name) for rate in varied), name


def test_the_world_stands_inside_every_range():
    values = {}
    for file in RATE_FILES:
        for rate, _ in rates_of_lines(read_file(HOME / f"{file}.yaml"), file):
            node = read_file(HOME / f"{file}.yaml")
            for key in rate.split(".")[1:]:
                node = node.table()[key]
            values[rate] = [row.data for row in node.rows()] if isinstance(node.data, list) else [node.data]
    for name, (low, high) in RANGES.items():
        low, high = dotted_rates(low), dotted_rates(high)
        assert low.keys() == high.keys(), name
        for rate in low:
            ends = [end if isinstance(end, list) else [end] for end in (low[rate], high[rate])]
            for one, is_now, other in zip(ends[0], values[rate], ends[1], strict=True):
                assert min(one, other) <= is_now <= max(one, other), rate


@pytest.mark.parametrize(("name", "rates"), ENDS, ids=lambda value: value if isinstance(value, str) else "")
def test_both_ends_are_rates_that_the_world_takes(name, rates):
    check_rates(HOME, rates)


def test_a_world_at_all_of_its_low_and_all_of_its_high_ends_can_be_read():
    for end in (0, 1):
        rates = {rate: value for ends in RANGES.values() for rate, value in dotted_rates(ends[end]).items()}
        assert dict(Setting.load(HOME, seed=1, channel="text", rates=rates).world.rates) == rates
