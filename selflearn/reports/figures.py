"""Figures of a run as SVG: text files that open in any browser and need no plotting library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

_COLOURS = ("#0b6e99", "#b9521a", "#437d34", "#8a4f9e", "#806f26", "#5f6b73", "#c2185b", "#222222")
_STYLE = "font-family: system-ui, sans-serif; font-size: 12px"


def interval_figure(metrics: Mapping[str, float], names: Sequence[str]) -> str:
    """Every system's value with its interval, one row a metric.

    Args:
        metrics: flat keys, as in ``metrics.json``.
        names: ``<task>/<metric>``, in the order of the rows; one that is not there is left out.

    Returns:
        An SVG document; a scale from 0 to 1.
    """
    systems = ["model", *dict.fromkeys(key.split("/")[1] for key in metrics if key.startswith("baseline/"))]
    rows = [name for name in names if f"test/{name}" in metrics]
    step, left, width = 14 * len(systems) + 16, 240, 420
    height = 40 + step * len(rows) + 24
    names, end = _legend(systems, left)
    parts = [names]
    for tick in range(0, 11, 2):
        x = left + width * tick / 10
        parts.append(f'<line x1="{x}" x2="{x}" y1="34" y2="{height - 24}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{height - 8}" text-anchor="middle" fill="#555">{tick / 10:.1f}</text>')
    for i, name in enumerate(rows):
        top = 40 + step * i
        parts.append(f'<text x="{left - 12}" y="{top + step / 2}" text-anchor="end">{escape(name)}</text>')
        for j, system in enumerate(systems):
            key = f"test/{name}" if system == "model" else f"baseline/{system}/test/{name}"
            if key in metrics:
                place = (left, width, top + 14 * j + 8)
                parts.append(_interval(metrics, key, place, _COLOURS[j % len(_COLOURS)]))
    return _document(max(left + width + 70, end), height, parts)


def _interval(metrics: Mapping[str, float], key: str, place: tuple[float, float, float], colour: str) -> str:
    left, width, y = place
    value = metrics[key]
    low, high = metrics.get(f"{key}/low", value), metrics.get(f"{key}/high", value)
    xs = [left + width * min(max(number, 0.0), 1.0) for number in (low, value, high)]
    return (
        f'<line x1="{xs[0]:.1f}" x2="{xs[2]:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        f'<circle cx="{xs[1]:.1f}" cy="{y}" r="3.5" fill="{colour}"/>'
        f'<text x="{left + width + 8}" y="{y + 4}" fill="{colour}">{value:.3f}</text>'
    )


def _legend(systems: Sequence[str], left: float) -> tuple[str, float]:
    """Names in their colours, side by side from the left, and where they end: a picture is at least so wide."""
    parts, x = [], left
    for j, system in enumerate(systems):
        colour = _COLOURS[j % len(_COLOURS)]
        parts.append(f'<circle cx="{x}" cy="16" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 8}" y="20" fill="{colour}">{escape(system)}</text>')
        x += 24 + 7 * len(system)
    return "".join(parts), x


def bar_figure(values: Mapping[str, float], title: str) -> str:
    """Horizontal bars, one a name, in the order given.

    Args:
        values: 0 or more, by name.
        title: what the values are.

    Returns:
        An SVG document; the longest bar fills the width.
    """
    left, width, step = 180, 420, 22
    largest = max(values.values(), default=0.0) or 1.0
    parts = [f'<text x="{left}" y="20" fill="#555">{escape(title)}</text>']
    for i, (name, value) in enumerate(values.items()):
        y = 34 + step * i
        parts.append(f'<text x="{left - 12}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect x="{left}" y="{y}" width="{width * value / largest:.1f}" height="15" fill="{_COLOURS[0]}"/>'
        )
        parts.append(f'<text x="{left + width * value / largest + 6:.1f}" y="{y + 12}" fill="#555">{value:.3f}</text>')
    return _document(left + width + 70, 44 + step * len(values), parts)


def curve_figure(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> str:
    """Curves of several systems in small panels, over a logarithmic axis, three panels a row.

    Args:
        panels: title of a panel to the points of each system, from left to right; the first number of a point is
            positive, the second in [0, 1].

    Returns:
        An SVG document; a system has one colour in all panels.
    """
    systems = list(dict.fromkeys(system for curves in panels.values() for system in curves))
    width, height, left, top = 230, 150, 44, 64
    names, end = _legend(systems, left)
    parts = [names]
    for i, (title, curves) in enumerate(panels.items()):
        x, y = left + (i % 3) * (width + 56), top + (i // 3) * (height + 66)
        parts.append(f'<g transform="translate({x},{y})"><text y="-10" fill="#555">{escape(title)}</text>')
        parts.append(f'<rect width="{width}" height="{height}" fill="none" stroke="#ddd"/>')
        for share in (0, 0.5, 1):
            parts.append(f'<text x="-6" y="{height * (1 - share) + 4}" text-anchor="end" fill="#555">{share:g}</text>')
        last = max((points[-1][0] for points in curves.values() if points), default=1.0)
        decades = max(math.ceil(math.log10(max(last, 1.0)) - 1e-9), 1)
        for power in range(decades + 1):
            at = width * power / decades
            parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y2="{height}" stroke="#ddd"/>')
            parts.append(
                f'<text x="{at:.1f}" y="{height + 16}" text-anchor="middle" fill="#555">{_power(power)}</text>'
            )
        for system, points in curves.items():
            places = " ".join(
                f"{width * max(math.log10(place), 0) / decades:.1f},{height * (1 - share):.1f}"
                for place, share in points
            )
            colour = _COLOURS[systems.index(system) % len(_COLOURS)]
            parts.append(f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts.append("</g>")
    rows = (len(panels) + 2) // 3
    return _document(max(left + 3 * (width + 56), end), top + rows * (height + 66), parts)


def risk_figure(
    curves: Mapping[str, Sequence[Sequence[float]]], *, target: float,
    certified: Mapping[str, tuple[float, float]] | None = None,
) -> str:  # fmt: skip
    """Risk and coverage of each task in a small panel, three a row: how much is wrong of how much is accepted.

    Args:
        curves: by task points of coverage and precision, as
            :func:`~selflearn.reports.quality.precision_coverage` returns them.
        target: the largest share of wrong labels that is wanted, drawn as a line.
        certified: by task coverage and precision of what a certified threshold accepts, drawn as a dot; tasks of which
            nothing is accepted are left out.

    Returns:
        An SVG document.
    """
    width, height, left, top = 230, 150, 44, 34
    worst = max((1 - precision for points in curves.values() for _, precision in points), default=0.0)
    most = min(1.0, math.ceil(10 * max(worst, 1.5 * target)) / 10)

    def place(coverage: float, precision: float) -> str:
        return f"{width * coverage:.1f},{height * (1 - (1 - precision) / most):.1f}"

    parts = []
    for i, (task, points) in enumerate(curves.items()):
        x, y = left + (i % 3) * (width + 56), top + (i // 3) * (height + 66)
        parts.append(f'<g transform="translate({x},{y})"><text y="-10" fill="#555">{escape(task)}: wrong</text>')
        parts.append(f'<rect width="{width}" height="{height}" fill="none" stroke="#ddd"/>')
        for share in (0.0, most):
            at = height * (1 - share / most) + 4
            parts.append(f'<text x="-6" y="{at:.1f}" text-anchor="end" fill="#555">{share:.0%}</text>')
        for share in (0.0, 0.5, 1.0):
            parts.append(f'<text x="{width * share}" y="{height + 16}" text-anchor="middle" fill="#555">'
                         f'{share:.0%}{" accepted" if share == 0.5 else ""}</text>')  # fmt: skip
        level = height * (1 - target / most)
        parts.append(f'<line y1="{level:.1f}" x2="{width}" y2="{level:.1f}" stroke="#888" stroke-dasharray="4 3"/>')
        line = " ".join(place(coverage, precision) for coverage, precision in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{_COLOURS[0]}" stroke-width="1.8"/>')
        if certified and task in certified:
            cx, cy = place(*certified[task]).split(",")
            parts.append(f'<circle cx="{cx}" cy="{cy}" r="4" fill="{_COLOURS[1]}"/>')
        parts.append("</g>")
    rows = (len(curves) + 2) // 3
    return _document(left + 3 * (width + 56), top + rows * (height + 66), parts)


def _power(power: int) -> str:
    """A power of ten in few characters: marks of a small panel stand near each other."""
    thousands, rest = divmod(power, 3)
    return f"{10**rest}{('', 'k', 'M', 'G')[min(thousands, 3)]}"


def loss_figure(losses: pd.DataFrame, *, smoothing: int = 10) -> str:
    """Training losses over steps, one line a loss, each on its own scale from 0 to its largest value.

    Args:
        losses: a column ``step`` and a column for each loss (``train/<name>_loss``), as the csv logger writes them.
        smoothing: rows averaged together.

    Returns:
        An SVG document.
    """
    columns = [name for name in losses.columns if name.startswith("train/") and name.endswith("_loss")]
    left, width, each = 160, 480, 90
    parts = []
    for i, name in enumerate(columns):
        known = losses[["step", name]].dropna()
        values = known[name].rolling(smoothing, min_periods=1).mean().tolist()
        steps = known["step"].tolist()
        top, colour = 10 + each * i, _COLOURS[i % len(_COLOURS)]
        label = escape(name.removeprefix("train/").removesuffix("_loss"))
        parts.append(f'<text x="{left - 12}" y="{top + 40}" text-anchor="end" fill="{colour}">{label}</text>')
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{top + 70}" y2="{top + 70}" stroke="#ddd"/>')
        if values:
            peak, last = max(*values, 1e-9), max(steps[-1], 1)
            points = " ".join(
                f"{left + width * step / last:.1f},{top + 70 - 64 * value / peak:.1f}"
                for step, value in zip(steps, values, strict=True)
            )
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            parts.append(f'<text x="{left + width + 8}" y="{top + 70}" fill="{colour}">{values[-1]:.3f}</text>')
    return _document(left + width + 70, 20 + each * max(len(columns), 1), parts)


def _document(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" style="{_STYLE}">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )
