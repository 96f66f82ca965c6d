"""The figures of the README and of the example of a promise are those of the page of results, to the last digit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from experiments.certify_starts import cell as starts_cell
from selflearn.trust import certify
from selflearn.trust.draws import repeat_audits
from selflearn.trust.populations import DEVELOPMENT

ROOT = Path(__file__).parents[2]
README, RESULTS, TRUST, EXPORT, SIMULATION = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/results.md", "docs/trust.md", "docs/export.md", "docs/simulation.md")
)

SHOWN = {
    "the model from feedback alone": ("Three seeds of simulated_feedback", "model"),
    "the model from gold labels": ("Three seeds of simulated", "model"),
    "annotator": ("Three seeds of simulated_feedback", "annotator"),
    "assistant": ("Three seeds of simulated_feedback", "assistant"),
    "tfidf_context": ("Three seeds of simulated_feedback", "tfidf_context"),
}
"""Rows of the README's table of the simulated log: the section of the page of results, and the system there."""


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
def test_the_table_of_the_simulated_log_is_what_was_measured(row):
    section, system = SHOWN[row]
    found = measured(section)
    table = rows(README.split("<!-- simulated -->")[1].split("<!-- /simulated -->")[0])
    metrics = [name.split()[0] for name in table[0][1:]]
    (shown,) = [cells[1:] for cells in table if cells[0] == row]
    assert len(metrics) > 5
    assert shown == [found.get((metric, system), "") for metric in metrics]


def test_what_the_example_says_of_a_promise_is_in_the_tables():
    said = TRUST.split("\n### An example\n")[1].split("\n#")[0]
    found = {
        figure
        for section in ("simulated, baselines=simulated", "simulated_feedback")
        for row in rows(
            RESULTS.split(f"\n## {section}\n")[1].split("\n## ")[0].split("### Labels with an approximate")[1]
        )
        for figure in re.findall(r"(?<![\d+-])0?(\.\d{3})\b", " ".join(row))
    }
    figures = re.findall(r"(?<!\d)(\.\d{3})", said.replace("the .900 that was promised", ""))
    assert len(figures) > 5
    assert not [figure for figure in figures if figure not in found]


def certified(kind: str) -> str:
    """What the page of results says of the audit of the simulated log: how large it was, and a table of thresholds."""
    section = RESULTS.split("\n## simulated, baselines=simulated\n")[1].split("\n## ")[0]
    return section.split(f"### Labels with an {kind} promise")[1].split("\nOn the ")[0]


def promised(kind: str) -> tuple[str, list[str]]:
    """How many users the audit of the simulated log had, and the share of each task that the promise accepts."""
    (users,) = re.findall(r", of (\d+) users, who are what the promises are counted over", certified(kind))
    head, _, *tasks = rows(certified(kind))
    return users, [cells[head.index("accepted")] for cells in tasks]


def test_how_many_people_a_promise_took_is_what_the_tables_say():
    (many, exact), (few, approximate) = promised("exact"), promised("approximate")
    assert all(float(share.rstrip("%")) > 0 for share in (*exact, *approximate))
    assert re.findall(r"one with (\d+)(?: people was enough)? to accept", README) == [few, many]
    assert re.findall(r"accepted labels of every kind with (\d+)", EXPORT) == [many, few]


def test_what_half_of_the_people_of_the_test_split_were_too_few_for_is_what_the_tables_say():
    section = RESULTS.split("\n## simulated, baselines=simulated\n")[1].split("\n## ")[0]
    people, of = set(), {}
    beside = section.split("### Beside people")[1]
    for task, said in re.findall(r"\*\*(\w+)\*\*\n(.*?)(?=\n\*\*[A-Z]|\Z)", beside, re.DOTALL):
        people |= set(re.findall(r"of other people \((\d+) in all\)", said))
        head, _, *table = rows(said.split("by a threshold of its own")[1])
        (model,) = [cells for cells in table if cells[0] == "model"]
        of[task] = model[head.index("at most 10% wrong, about")]
    said = re.findall(r"and with half of (\d+) success and defects, but no boundaries", EXPORT)
    assert said == [max(people, key=int)]  # of some nobody rated a goal
    assert {task for task, share in of.items() if share != "nothing"} == {"Success", "Defect"}
    assert set(of) == {"Segmentation", "Success", "Defect"}


def test_what_several_starts_rescue_and_cost_is_what_the_command_prints_today():
    """A cell of the table, and all rows that its command has."""
    usual = OmegaConf.load(ROOT / "conf" / "certify_starts.yaml")
    head, _, *table = rows(TRUST.split("<!-- certify_starts -->")[1].split("<!-- /certify_starts -->")[0])
    audits = [f"{one.audit:,} {one.design}, {one.method}" for one in usual.audits]
    assert [cells[:2] for cells in table] == [[what, name] for what in audits for name in usual.populations]
    found = repeat_audits(
        DEVELOPMENT["sure_sharp"], audit=200, design="items", method="binomial", starts=2, draws=usual.draws,
        target_error=usual.target_error, confidence=usual.confidence, seed=usual.seed,
    )  # fmt: skip
    (row,) = [cells for cells in table if cells[:2] == [audits[0], "sure_sharp"]]
    assert row[head.index("starts=2")] == starts_cell(found)


def over_rates(experiment: str) -> tuple[int, dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Ends of ranges; by metric, at how many a difference is in the model's favour, clearly so, clearly against it.

    The first differences are those to the strongest baseline, the second those to the annotator.
    """
    section = next(
        part for part in RESULTS.split("\n## ") if part.startswith(f"{experiment}, ") and "without a source" in part
    )
    counts, numbers = [], set()
    for part in section.split("The same against"):
        head, _, *table = rows(part)
        ends = [cells for cells in table if cells[1]]
        numbers.add(len(ends))
        found = {}
        for column in range(2, len(head)):
            cells, better = [cells[column] for cells in ends], "-" if head[column].endswith("↓") else "+"
            clearly = sum("**Δ" in cell for cell in cells)
            against = sum("*Δ" in cell and "**Δ" not in cell for cell in cells)
            found[head[column].split()[0]] = sum(f"Δ {better}" in cell for cell in cells), clearly, against
        counts.append(found)
    (number,), (baseline, annotator) = numbers, counts
    return number, baseline, annotator


def test_what_the_page_on_the_simulation_says_of_the_ranges_is_in_their_table():
    number, baseline, annotator = over_rates("simulated")
    assert number == 24
    assert baseline.pop("success/auc")[1:] == (0, 0)  # level
    assert baseline == {
        "segmentation/boundary_f1": (24, 24, 0), "transcript/wer@defects": (24, 24, 0),
        "intent/accuracy@defects": (24, 23, 0), "defect/auc": (23, 11, 0), "slots/value_accuracy@defects": (24, 3, 0),
    }  # fmt: skip
    assert annotator["defect/auc"] == (24, 24, 0)
    assert annotator["success/auc"] == (24, 22, 0)
    assert annotator["intent/accuracy@defects"][2] == 23
    assert annotator["slots/value_accuracy@defects"][2] == 24
    assert "clearly at 11 of the 24" in SIMULATION
    assert "in success at 22 (at the others above" in SIMULATION


def test_what_the_page_on_the_simulation_says_of_the_ranges_from_feedback_is_in_their_table():
    number, baseline, annotator = over_rates("simulated_feedback")
    assert number == 24
    assert baseline == {
        "segmentation/boundary_f1": (24, 21, 0), "success/auc": (9, 0, 3), "defect/auc": (22, 16, 0),
        "intent/accuracy@defects": (23, 17, 0), "slots/value_accuracy@defects": (16, 0, 1),
        "transcript/wer@defects": (24, 24, 0),
    }  # fmt: skip
    assert (annotator["defect/auc"], annotator["success/auc"]) == ((24, 24, 0), (23, 6, 0))
    against = [annotator[name][2] for name in ("segmentation/boundary_f1", "intent/accuracy@defects")]
    assert [*against, annotator["slots/value_accuracy@defects"][2]] == [19, 24, 24]
    section = RESULTS.split("\n## simulated_feedback, data.simulate.dialogues=1000")[1].split("The same against")[0]
    values = [float(cells[2].split()[0]) for cells in rows(section) if cells[1] and cells[2].startswith(".")]
    assert [f"{end:.3f}".lstrip("0") for end in (min(values), max(values))] == [".587", ".826"]
    said = " ".join(SIMULATION.split("at the same 24 ends:")[1].split("## ")[0].split())
    assert "between .587 (people have few goals in a session) and .826" in said
    assert "at every end, clearly at 21." in said
    assert "in success clearly at six and never" in said
    (seldom,) = [cells[2] for cells in rows(section) if cells[1].startswith("barge_in 0.1")]
    assert seldom.startswith(".595 [")
    assert "as after a failure, it is .595" in said


def gains_of_pretraining(section, seeds):
    """The differences to the model without pretraining, as they are shown, by metric; it is above the bags of words."""
    head, _, *table = section_rows(section)
    assert f"mean of {seeds} seeds" in RESULTS.split(f"\n## {section}\n")[1].split("\n## ")[0]
    above = [cells[head.index(name) - 1] for _, *cells in table for name in ("tfidf", "tfidf_context")]
    assert all("<br>**Δ +" in cell for cell in above)
    return {name.split()[0]: cells[head.index("pretraining=none") - 1].rpartition("<br>")[2] for name, *cells in table}


def test_what_pretraining_does_for_100_labels_is_in_its_table():
    signs = gains_of_pretraining("Few labels: three seeds", 3)
    better = ("segmentation/boundary_f1@seen", "intent/accuracy", "slots/f1")
    assert all(signs[name].startswith("**Δ +") for name in better)
    assert signs["segmentation/boundary_f1"].startswith("Δ ")


def test_what_pretraining_does_for_161_labels_is_in_its_table():
    signs = gains_of_pretraining("Few labels: 161 labelled dialogues", 3)
    assert all(signs[name].startswith("**Δ +") for name in ("intent/accuracy", "intent/accuracy@unseen"))
    level = ("segmentation/boundary_f1", "segmentation/boundary_f1@seen", "intent/accuracy@seen", "slots/f1")
    assert all(signs[name].startswith("Δ ") for name in level)
    assert signs["segmentation/boundary_f1@unseen"].startswith("*Δ -")


STAR = "star, data.options.ask=true, baselines.names=[tfidf,tfidf_context,majority]"
ABOVE = {"defect/auc": "above", "defect/kappa": "above"}
LEVEL = {"success/auc": "level", "success/f1": "level", "success/kappa": "level"}
RATED = {
    ("dbdc3", "tfidf_context", ""): ABOVE | {"defect/auc": "level"},
    ("dbdc3", "tfidf_context", "@unseen_bot"): ABOVE,
    ("dbdc3", "annotator", ""): ABOVE,
    ("dbdc3", "annotator", "@unseen_bot"): ABOVE | {"defect/kappa": "level"},
    ("uss", "tfidf_context", ""): ABOVE,
    ("uss", "annotator", ""): ABOVE,
    (STAR, "tfidf_context", ""): LEVEL,
    (STAR, "tfidf_context", "@unseen_question"): LEVEL | {"success/f1": "above", "success/kappa": "above"},
}
"""What the README says of corpora with raters: by section, by the system beside the model, by the part of the data."""


@pytest.mark.parametrize(("section", "system", "part"), RATED)
def test_what_the_readme_says_of_corpora_with_raters_is_in_their_tables(section, system, part):
    table = rows(RESULTS.split(f"\n## {section}\n")[1].split("\n### ")[0].split("\n## ")[0])
    (column,) = {head.index(system) for head in table if system in head}
    cells = {name.split()[0]: cells[column - 1] for name, *cells in table}
    expected = RATED[section, system, part]
    signs = {metric: cells[f"{metric}{part}"].partition("<br>")[2] for metric in expected}
    said = {
        m: "above" if d.startswith("**Δ +") else "level" if d.startswith("Δ") else "below" for m, d in signs.items()
    }
    assert said == expected
    shown = " ".join(README.split())
    assert "above the bag of words by kappa, and for bots that training never saw by AUC, which is level for" in shown
    assert "Above the person by both, but for the kappa of other bots, which is level" in shown
    assert "(3 to 7 people grade satisfaction): above both by kappa and AUC" in shown
    assert "where training never saw the question, above it by F1 and kappa, level by AUC" in shown


QUOTED = " ".join(line.removeprefix(">").strip() for line in TRUST.splitlines() if line.startswith("> "))


def test_the_promise_that_is_quoted_is_that_of_the_table():
    said = certified("approximate")
    head, _, *tasks = rows(said)
    (goals,) = [dict(zip(head, cells, strict=True)) for cells in tasks if cells[0] == "segmentation"]
    (users,) = re.findall(r", of (\d+) users, who", said)
    (log,) = re.findall(r"of the log (`.*?`, split `.*?` \(digest \w+\))", said)
    assert re.findall(r"a score of ([\d.]+) or more", QUOTED) == [goals["threshold"]]
    assert f"({goals['audited labels'].replace(',', '')} items of {users} users)" in QUOTED
    assert QUOTED.endswith(f"Audited: the log {log}.")


def test_the_promise_that_is_quoted_is_in_the_words_of_today():
    rng = np.random.default_rng(0)
    of_users = {"groups": np.repeat(range(200), 20), "method": "design_effect", "units": np.repeat(range(200), 20)}
    found = certify(rng.random(4000), rng.random(4000) < 0.99, target_error=0.1, unit="user", **of_users)
    (words,) = re.findall(r"\. (This holds .*? design effect\.)", found.promise)
    assert words in QUOTED


@pytest.mark.parametrize("system", ["tfidf", "tfidf_context"])
@pytest.mark.parametrize("metric", ["segmentation/boundary_f1", "defect/auc", "success/auc"])
def test_the_model_is_clearly_above_bags_of_words_where_the_simulation_says_so(metric, system):
    """All of the interval of the difference is on its side: bold on the page of results."""
    head, _, *table = section_rows("simulated, baselines=simulated")
    (row,) = [cells for cells in table if cells[0].split()[0] == metric]
    assert "**Δ +" in row[head.index(system)]


def test_every_row_of_metrics_stands_on_the_page_of_results():
    """The README leaves systems out; the cells that it has are those of the page."""
    there = {cells[0]: set(cells) for cells in section_rows("sgd_quick")}
    shown = [cells for cells in rows(README.split("<!-- results -->")[1]) if re.search(r"/\w+.* [↑↓]$", cells[0])]
    assert len(shown) > 5
    assert not [cells for cells in shown if not set(cells) <= there.get(cells[0], set())]


def test_what_the_readme_says_of_all_of_sgd_is_in_its_table():
    """Every row that the README shows of ``sgd_quick``, but for two, is better than both bags of words."""
    head, _, *table = section_rows("sgd")
    cells = {name.split()[0]: cells for name, *cells in table}
    readme = rows(README.split("<!-- results -->")[1])
    shown = [name.split()[0] for name, *_ in readme if re.search(r"/\w+.* [↑↓]$", name)]
    bags = [head.index(name) - 1 for name in ("tfidf", "tfidf_context")]
    above = {name for name in shown if all("<br>**Δ +" in cells[name][bag] for bag in bags)}
    assert set(shown) - above == {"success/f1@before_notify", "slots/f1@unseen"}


def test_what_the_readme_says_of_a_causal_model_is_in_its_table():
    _, _, *table = section_rows("sgd: the whole dialogue, or nothing later than the turn")
    signs = {name.split()[0]: last.rpartition("<br>")[2] for name, *_, last in table}
    assert all(signs[f"segmentation/boundary_f1{part}"].startswith("Δ ") for part in ("", "@seen", "@unseen"))
    assert all(signs[f"intent/accuracy{part}"].startswith("**Δ +.0") for part in ("", "@seen", "@unseen"))
