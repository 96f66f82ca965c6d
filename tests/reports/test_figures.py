from __future__ import annotations

from xml.etree import ElementTree

import pandas as pd

from selflearn.reports import interval_figure, loss_figure, risk_figure
from selflearn.reports.figures import curve_figure

SVG = "{http://www.w3.org/2000/svg}"


def test_interval_figure_shows_every_system_of_every_metric_that_was_measured():
    metrics = {
        "test/intent/accuracy": 0.9,
        "test/intent/accuracy/low": 0.8,
        "test/intent/accuracy/high": 1.0,
        "baseline/tfidf/test/intent/accuracy": 0.5,
    }
    tree = ElementTree.fromstring(interval_figure(metrics, ["intent/accuracy", "slots/f1"]))
    texts = [node.text for node in tree.iter(f"{SVG}text")]
    assert {"0.900", "0.500", "intent/accuracy", "model", "tfidf"} <= set(texts)
    assert "slots/f1" not in texts
    lines = [node for node in tree.iter(f"{SVG}line") if node.get("stroke-width") == "2"]
    lengths = [float(line.get("x2")) - float(line.get("x1")) for line in lines]
    assert lengths == [84.0, 0.0]  # a fifth of the scale, and a value without an interval


def test_every_system_of_a_run_has_a_colour_of_its_own_and_its_name_is_inside_the_picture():
    """As many systems as baselines=simulated asks for."""
    systems = ["no_context", "tfidf", "tfidf_context", "majority", "assistant", "oracle", "annotator"]
    metrics = {"test/intent/accuracy": 0.9} | {f"baseline/{name}/test/intent/accuracy": 0.5 for name in systems}
    curves = {f"a log with a long name, number {i}": [(1, 0.5)] for i in range(8)}
    for figure in (interval_figure(metrics, ["intent/accuracy"]), curve_figure({"turns": curves})):
        tree = ElementTree.fromstring(figure)
        names = [node for node in tree.iter(f"{SVG}text") if node.get("y") == "20"]
        assert len({name.get("fill") for name in names}) == len(names) == 8
        assert all(float(node.get("x")) + 7 * len(node.text) <= float(tree.get("width")) for node in names)


def test_loss_figure_has_a_line_for_each_loss_and_leaves_out_what_was_not_logged():
    losses = pd.DataFrame({"step": [0, 1, 2], "train/intent_loss": [3.0, None, 1.0], "train/tokens": [5, 5, 5]})
    tree = ElementTree.fromstring(loss_figure(losses, smoothing=1))
    (line,) = tree.iter(f"{SVG}polyline")
    assert len(line.get("points").split()) == 2


def test_loss_figure_of_nothing_is_a_picture():
    ElementTree.fromstring(loss_figure(pd.DataFrame({"step": []})))


def test_curve_figure_has_a_line_for_each_system_of_each_panel_from_decade_to_decade():
    one = {"home": [(1, 0.0), (10, 0.5), (100, 1.0)], "sgd": [(1, 0.25)]}
    tree = ElementTree.fromstring(curve_figure({"turns & goals": one, "seconds": {"sgd": [(1, 0.1), (10, 1.0)]}}))
    texts = [node.text for node in tree.iter(f"{SVG}text")]
    assert {"turns & goals", "seconds", "home", "sgd", "1", "10", "100"} <= set(texts)
    lines = list(tree.iter(f"{SVG}polyline"))
    assert [line.get("points") for line in lines[:2]] == ["0.0,150.0 115.0,75.0 230.0,0.0", "0.0,112.5"]
    assert lines[1].get("stroke") == lines[2].get("stroke") != lines[0].get("stroke")


def test_risk_figure_has_the_curve_of_each_task_the_promise_and_what_its_threshold_accepts():
    curves = {"intent": [[0.5, 0.9], [1.0, 0.6]], "slots": [[1.0, 0.8]]}
    tree = ElementTree.fromstring(risk_figure(curves, target=0.2, certified={"intent": (0.5, 0.9)}))
    texts = [node.text for node in tree.iter(f"{SVG}text")]
    assert {"intent: wrong", "slots: wrong", "0%", "40%", "50% accepted", "100%"} <= set(texts)
    lines = [line.get("points") for line in tree.iter(f"{SVG}polyline")]
    assert lines == ["115.0,112.5 230.0,0.0", "230.0,75.0"]  # 10% and 40% wrong of 40%; 20%
    assert [(dot.get("cx"), dot.get("cy")) for dot in tree.iter(f"{SVG}circle")] == [("115.0", "112.5")]
    assert {line.get("y1") for line in tree.iter(f"{SVG}line")} == {"75.0"}


def test_risk_figure_of_nothing_is_a_picture():
    ElementTree.fromstring(risk_figure({}, target=0.1))
    ElementTree.fromstring(risk_figure({"intent": []}, target=0.1))


def test_curve_figure_of_nothing_is_a_picture():
    ElementTree.fromstring(curve_figure({"empty": {}}))
