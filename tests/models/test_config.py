import json

import pytest

from selflearn.models import LabelGeneratorConfig

WRONG = [
    ({"size": "abc"}, r"size is 'abc'; expected a whole number, 1 or more"),
    ({"layers": -1}, r"layers is -1; expected a whole number, 0 or more"),
    ({"layers": 2.0}, r"layers is 2\.0; expected a whole number"),
    ({"max_tokens": 0}, r"max_tokens is 0; expected a whole number, 1 or more"),
    ({"max_turns": True}, r"max_turns is True; expected a whole number"),
    ({"window_before": -2}, r"window_before is -2; expected a whole number, 0 or more"),
    ({"heads": 0}, r"heads is 0; expected a whole number, 1 or more, or null"),
    ({"dropout": 1.5}, r"dropout is 1\.5; expected a number, 0 or more and at most 1"),
    ({"dropout": float("nan")}, r"dropout is nan; expected a number, 0 or more and at most 1"),
    ({"causal": "yes"}, r"causal is 'yes'; expected true or false"),
    ({"pairing": "pairs"}, r"pairing is 'pairs'; expected one of separate, pair"),
    ({"encoder": {"hidden_size": 3}}, r"encoder is .*; expected the config\.json of a model, with its model_type"),
    ({"features": {"categoricl": {}}}, r"features has no key 'categoricl' \(= \{\}\); nearest: \['categorical'\]"),
    ({"features": []}, r"features is \[\]; expected a dictionary"),
    ({"features": {"times": 1}}, r"features\.times is 1; expected true or false"),
    ({"features": {"categorical": {"status": "ok"}}}, r"features\.categorical\['status'\] is 'ok'; expected a list"),
    ({"features": {"numeric": {"wake": [0.5, 0]}}}, r"features\.numeric\['wake'\] is \[0\.5, 0\]; expected a mean"),
    ({"features": {"audio": [[0.5]]}}, r"features\.audio is .*; expected a list of means and deviations above 0"),
    ({"inputs": {"share": {}}}, r"inputs has no key 'share' \(= \{\}\); nearest: \['shares'\]"),
    ({"inputs": {"shares": {"request": 2}}}, r"inputs\.shares\[.request.\] is 2; expected a number, 0"),
    ({"inputs": {"gap": "long"}}, r"inputs\.gap is 'long'; expected a number, or null"),
    ({"readings": {"intent": ["Play"]}}, r"readings has no key 'intent' \(= \['Play'\]\); nearest: \['intents'\]"),
    ({"readings": {"slots": "town"}}, r"readings\.slots is 'town'; expected a list of names"),
    ({"tasks": ["intent"]}, r"tasks is \['intent'\]; expected a dictionary"),
    ({"tasks": {"intent": [1]}}, r"tasks\['intent'\] is \[1\]; expected a list of names"),
    ({"thresholds": {"intnt": 0.5}, "tasks": {"intent": [], "defect": []}},
     r"thresholds has one for 'intnt' \(= 0\.5\), and the model has no such task; nearest: \['intent'\]"),
    ({"thresholds": {"defect": 0.5}}, r"thresholds has one for 'defect' .* no such task; it has none at all"),
    ({"thresholds": {"defect": 5.0}, "tasks": {"defect": []}}, r"thresholds\['defect'\] is 5\.0; expected a number, 0"),
    ({"causal": True, "features": {"numeric": {"likeness.next": [0.5, 1]}}},
     r"features\.numeric has 'likeness\.next', and a model with causal=True .* must not see .*offsets=\[-1\]\)"),
    ({"layers": 0, "features": {"numeric": {"likeness.before": [0.5, 1]}}},
     r"features\.numeric has 'likeness\.before', and a model with causal=False and layers=0 .*offsets=\[\]\)"),
    ({"seen_domains": "home"}, r"seen_domains is 'home'; expected a list of names, or null"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "problem"), WRONG)
def test_what_no_model_can_have_is_refused_with_field_value_and_what_was_expected(fields, problem):
    with pytest.raises(ValueError, match=r"^LabelGeneratorConfig\." + problem):
        LabelGeneratorConfig(**fields)
    with pytest.raises(ValueError, match=problem):  # as it is read from a config.json
        LabelGeneratorConfig.from_dict(LabelGeneratorConfig().to_dict() | fields)


def test_a_task_from_elsewhere_may_have_a_threshold_and_no_probability_need_reach_it():
    thresholds = {"sentiment": 0.3, "defect": 1.0000000000000002}  # the next number after 1: no to everything
    config = LabelGeneratorConfig(tasks={"sentiment": [], "defect": []}, thresholds=thresholds)
    assert config.decision_thresholds() == thresholds


def test_a_configuration_comes_back_from_its_file(tmp_path):
    given = LabelGeneratorConfig(
        encoder={"model_type": "bert"}, heads=2, dropout=0, tasks={"intent": ["Play"]}, seen_domains=["home"],
        features={"categorical": {"status": ("ok", "error")}, "numeric": {"wake": (0.5, 1)}, "times": False},
        inputs={"shares": {"request": 1.0}, "gap": None}, readings={"intents": ("Play",), "slots": []},
    )  # fmt: skip
    given.save_pretrained(tmp_path)
    back = LabelGeneratorConfig.from_pretrained(tmp_path)
    assert back.feature_vocabulary() == given.feature_vocabulary()
    assert back.reading_vocabulary() == given.reading_vocabulary()
    assert back.presence() == given.presence()
    assert json.loads(back.to_json_string(use_diff=False)) == json.loads(given.to_json_string(use_diff=False))


def test_fields_that_were_set_later_can_be_checked_too():
    config = LabelGeneratorConfig(tasks={"defect": []})
    config.thresholds = {"defects": 0.5}
    with pytest.raises(ValueError, match=r"one for 'defects' .*nearest: \['defect'\]"):
        config.check()
