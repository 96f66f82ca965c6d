from __future__ import annotations

import pytest

from selflearn.inference.audited_log import AuditedLog
from selflearn.inference.promises import Promises
from selflearn.reports import add_promises, model_card, write_model_card
from selflearn.trust import certify

METRICS = {
    "test/intent/accuracy": 0.9, "test/intent/accuracy/low": 0.88, "test/intent/accuracy/high": 0.92,
    "test/intent/accuracy@defects": 0.5, "baseline/majority/test/intent/accuracy": 0.1, "test/slots/f1": 0.8,
    "count/train_dialogues": 1200.0, "count/learned_dialogues": 1000.0, "count/tested_dialogues": 300.0,
}  # fmt: skip
CONFIG = {
    "data": {"corpus": "table", "train_split": "train", "test_split": "test", "tune_share": 0.1},
    "model": {"encoder": "minilm", "dialogue": {"layers": 2, "causal": True}},
    "supervision": {"source": "feedback"},
}
VERSIONS = {"command": "python -m experiments.train seed=3", "torch": "2.13.0", "device": "CPU, 2 threads"}


def test_a_card_says_what_was_trained_and_how_good_it_is():
    card = model_card(METRICS, CONFIG, VERSIONS)
    for said in (
        "python -m experiments.train seed=3", "1,000 of its 1,200 dialogues", "On 300 dialogues of",
        "turns before, none after",
        "without a gold label", ".900 [.880, .920]", "* intent: what a turn asks for", "Nothing is promised",
    ):  # fmt: skip
        assert said in card
    assert "@defects" not in card
    assert "majority" not in card


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"corpus": "sgd", "root": "corpora/sgd"}, "`sgd`"),
        ({"root": "logs/may"}, "the log `may`"),
        ({"root": "logs/may/"}, "the log `may`"),
        ({"root": "logs/may.parquet"}, "the log `may.parquet`"),
        (
            {"root": "runs/logs/x", "simulate": {"world": "home", "channel": "text", "dialogues": 2000}},
            "a simulated log (home, text, 2,000 sessions)",
        ),
    ],
)
def test_a_card_names_the_log_and_says_where_it_is_simulated(data, said):
    card = model_card(METRICS, CONFIG | {"data": CONFIG["data"] | data}, VERSIONS)
    assert f"# Label generator, trained on {said}\n" in card
    assert f"Data: {said}, split `train`: " in card


def test_a_card_without_test_labels_says_what_is_labelled_and_that_nothing_is_measured():
    metrics = {"tune/success/f1@end_to_end": 0.5, "tune/defect/auc": 0.9} | {
        key: value for key, value in METRICS.items() if key.startswith("count/")
    }
    card = model_card(metrics, CONFIG, VERSIONS)
    assert "* success: whether a goal was reached\n* defect: whether a response did not serve the person\n" in card
    assert "Nothing is measured: people have labelled none of them." in card
    assert ".500" not in card


def test_a_card_says_what_calibration_does_where_that_was_measured():
    assert "calibration error" not in model_card(METRICS, CONFIG, VERSIONS)
    keys = {"labels": 1234.0, "ece_before": 0.0567, "ece_after": 0.012}
    card = model_card(METRICS | {f"calibration/success/{key}": x for key, x in keys.items()}, CONFIG, VERSIONS)
    assert "| success | 1,234 | .057 | .012 |" in card
    assert "\n\n## What it promises\n" in card


def test_promises_are_written_onto_the_card_again_and_again(tmp_path):
    add_promises(tmp_path, Promises())
    assert not list(tmp_path.iterdir())  # a folder without a card
    write_model_card(model_card(METRICS, CONFIG, VERSIONS), tmp_path)
    for error, log in ((0.05, None), (0.1, AuditedLog(name="may", split="test", digest="0123456789abcdef"))):
        found = {"intent": certify([0.9] * 100, [True] * 100, target_error=error)}
        add_promises(tmp_path, Promises(tasks=found, log=log))
    card = (tmp_path / "README.md").read_text()
    assert "Nothing is promised" not in card
    assert "at most 10% are wrong" in card
    assert "at most 5% are wrong" not in card
    assert card.count("Certified on ") == 1
    assert "Certified on the log `may`, split `test` (digest 0123456789ab): dialogues that people labelled" in card
    assert card.endswith("It is not made to judge people.\n")
