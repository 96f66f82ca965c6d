from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from experiments import label
from experiments.app import CONF
from experiments.certify import Labelled, halves, main
from experiments.certify import command as command_of
from experiments.check import ConfigError
from selflearn.corpora.table import write_jsonl
from selflearn.inference import Labeler
from selflearn.inference.learned_from import write_learned_from
from selflearn.inference.tries import note_try, number_of_try
from selflearn.models import save_model
from selflearn.schema import Labels, TurnLabels
from tests.fixtures.dialogues import home_dialogues, tiny_model


@pytest.fixture
def command(tmp_path, program):
    """Runs the program with an untrained model, whose labels are mostly wrong, and a labelled log."""
    save_model(*tiny_model(home_dialogues(12), seed=3), tmp_path / "model")  # one that finds slots
    log = [replace(d, user_id=d.id) for d in home_dialogues(40, seed=3)]  # each of another user
    write_jsonl(log, tmp_path / "log.jsonl")
    given = {"labeler": "model", "input": "log.jsonl", "cache": "cache", "device": "cpu", "progress": "false"}
    return lambda *arguments, **more: program(main, arguments, given | more)


def test_what_cannot_be_promised_is_not_and_the_file_says_so(command, tmp_path, program):
    code, out, err = command("page=page.md")
    assert (code, "written: model/promises.json" in err) == (0, True)
    assert "from 20 audited dialogues" in err
    assert "intent: Nothing is accepted" in out
    found = json.loads((tmp_path / "model" / "promises.json").read_text())
    assert set(found["tasks"]) == {"defect", "intent", "segmentation", "slots", "success"}
    assert found["tasks"]["intent"]["threshold"] is None
    page = (tmp_path / "page.md").read_text()
    assert "Certified on 20 dialogues" in page
    assert "On the 20 other dialogues:" in page
    assert "| intent |" in page
    given = {"labeler": "model", "input": "log.jsonl", "paths.output_dir": "out", "cache": "cache", "device": "cpu"}
    code, out, err = program(label.main, (), given)
    assert code == 0
    assert "nothing is promised" not in err
    table = pd.read_parquet(tmp_path / "out" / "labels")
    assert not table.loc[table["task"] == "intent", "accepted"].any()


def test_promises_stand_beside_the_model_and_are_the_same_when_they_are_made_again(command, tmp_path):
    code, out, _ = command("target_error=0.999", "method=design_effect")
    assert code == 0
    assert "at most 99.9% are wrong" in out
    found = json.loads((tmp_path / "model" / "promises.json").read_text())["tasks"]
    kept = {task for task, one in found.items() if one["threshold"] is not None}
    assert kept  # a task of which every single label is wrong is not among them
    assert {found[task]["coverage"] for task in kept} == {1.0}
    # certified again, although the file is there already, and of the same audit
    assert command("target_error=0.999", "method=design_effect")[1] == out


def test_an_audit_that_was_enlarged_is_a_second_choice_too(tmp_path):
    """Who labels more because nothing was accepted, and certifies all of them, has looked at the first ones."""
    asked = {"target_error": 0.1}
    first, more, other = frozenset("ab"), frozenset("abc"), frozenset("xyz")
    assert number_of_try(tmp_path, first, asked, again=False) == 1
    note_try(tmp_path, first, asked)
    assert number_of_try(tmp_path, first, asked, again=False) == 1
    assert number_of_try(tmp_path, other, asked, again=False) == 1
    with pytest.raises(ValueError, match="2 of these 3 dialogues have been audited before, among others"):
        number_of_try(tmp_path, more, asked, again=False)
    assert number_of_try(tmp_path, more, asked, again=True) == 2
    for damaged in ('{"m": []}', '["a letter"]', '[{"asked": {}}]', "{"):
        (tmp_path / "audits.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"audits\.json cannot be read .*expected an undamaged file"):
            number_of_try(tmp_path, first, asked, again=False)


def test_neither_precision_nor_calibration_nor_how_a_log_is_read_makes_a_second_choice_a_first_one(command, tmp_path):
    assert command()[0] == 0
    seen = "these dialogues have been audited before, with"
    write_jsonl([replace(d, split="test", user_id=d.id) for d in home_dialogues(40, seed=3)], tmp_path / "test.jsonl")
    corrected = [replace(d, user_id=d.id, labels=replace(d.labels, goals=None)) for d in home_dialogues(40, seed=3)]
    write_jsonl(corrected, tmp_path / "corrected.jsonl")
    for changed, said in (
        ("bf16=true", "another model, calibration or precision"),
        ("input=test.jsonl", "other labels, or read otherwise"),
        ("input=corrected.jsonl", "other labels, or read otherwise"),
    ):
        code, _, err = command(changed)
        assert (code, f"{seen} {said}: a second choice" in " ".join(err.split())) == (2, True)
    (tmp_path / "model" / "calibration.json").write_text(json.dumps({"intent": {"temperature": 2.0}}))
    code, _, err = command()
    assert (code, f"{seen} another model, calibration or precision" in " ".join(err.split())) == (2, True)
    code, out, _ = command("again=true")
    assert (code, "It is try 2 on this audit" in " ".join(out.split())) == (0, True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["max_items=0"], "max_items is 0; expected a whole number from 1 on"),
        (["max_items=3", "audited=items", "check=0"], "audited is items: turns that were drawn one by one"),
        (["audited=turns"], "audited is 'turns'; expected one of"),
        (["target_error=low"], "target_error is 'low'; expected a number above 0 and below 1"),
        (["check=half"], "check is half; expected a share of the dialogues"),
        (["starts=two"], "starts is 'two'; expected a whole number from 1 on"),
        (["seed=-1"], "seed is -1; expected a whole number, from 0 to 4294967295"),
        (["again=no"], "again is 'no'; expected true or false"),
        (["together=no"], "together is 'no'; expected true or false"),
        (["bf16=perhaps"], "bf16 is 'perhaps'; expected true or false"),
        (["check=null"], "check is None; expected a share of the dialogues"),
        (["columns=session"], "columns is 'session'; expected fields and their columns: columns={FIELD: COLUMN}"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_the_log_is_read(command, settings, said):
    code, _, err = command("input=nowhere.jsonl", *settings)
    assert (code, "Traceback" in err) == (2, False)
    assert said in " ".join(err.split())


def test_a_second_choice_from_the_same_labels_is_refused_or_said(command, tmp_path, program):
    """The confidence is that of a choice made before the labels are seen."""
    assert command("target_error=0.9")[0] == 0
    first = (tmp_path / "model" / "promises.json").read_text()
    code, _, err = command("target_error=0.999")
    assert code == 2
    assert "have been audited before, with target_error=0.9: a second choice from the same labels" in " ".join(
        err.split()
    )
    assert (tmp_path / "model" / "promises.json").read_text() == first
    code, out, _ = command("target_error=0.999", "again=true")
    assert (code, "It is try 2 on this audit" in " ".join(out.split())) == (0, True)
    assert command("target_error=0.999")[0] == 0  # the same once more is no other choice
    assert "It is try 2 on this audit" in (tmp_path / "model" / "promises.json").read_text()
    code, out, _ = command("target_error=0.9")
    assert (code, "It is try" in out) == (0, False)
    write_jsonl([replace(d, id=f"other-{d.id}") for d in home_dialogues(40, seed=4)], tmp_path / "log.jsonl")
    assert command("target_error=0.5", "again=true")[0] == 0  # other dialogues
    assert "It is try" not in (tmp_path / "model" / "promises.json").read_text()


def test_promises_say_which_log_they_are_of_and_those_of_another_are_not_replaced_unawares(command, tmp_path, program):
    (tmp_path / "model" / "README.md").write_text("# A model\n<!-- promises -->\n<!-- /promises -->\n")
    code, out, err = command("target_error=0.9", "page=page.md")
    assert (code, "of the log `log.jsonl` (digest " in err) == (0, True)
    file = tmp_path / "model" / "promises.json"
    log, first = json.loads(file.read_text())["log"], file.read_text()
    assert (log["name"], log["split"]) == ("log.jsonl", "all")
    said = f"the log `log.jsonl` (digest {log['digest'][:12]})"
    assert said in " ".join(out.split())
    assert said in (tmp_path / "page.md").read_text()
    assert f"Certified on {said}" in (tmp_path / "model" / "README.md").read_text()
    given = {"labeler": "model", "input": "log.jsonl", "paths.output_dir": "out", "cache": "cache", "device": "cpu"}
    assert program(label.main, (), given)[0] == 0
    promised = pd.read_parquet(tmp_path / "out" / "labels")["promise"].dropna()
    assert len(promised)
    assert promised.str.contains(said, regex=False).all()
    others = [replace(d, id=f"other-{d.id}") for d in home_dialogues(40, seed=4)]
    write_jsonl(others, tmp_path / "may" / "log.jsonl")
    code, _, err = command("input=may", "target_error=0.9")
    assert code == 2
    assert f"model/promises.json promises what was certified on {said}, and this audit, of the log `may`" in " ".join(
        err.split()
    )
    assert "give again=true if it is to" in " ".join(err.split())
    assert file.read_text() == first
    assert command("input=may", "target_error=0.9", "again=true")[0] == 0
    assert json.loads(file.read_text())["log"]["name"] == "may"
    assert command("input=may", "target_error=0.9")[0] == 0  # the same audit once more
    assert command("target_error=0.9")[0] == 2  # back to the first log
    file.write_text(json.dumps(json.loads(first) | {"log": None}))
    assert "does not say which log was audited" in " ".join(command("target_error=0.9")[2].split())


def test_what_cannot_be_written_or_promised_is_said_before_anything_is_labelled(command, monkeypatch):
    monkeypatch.setattr("experiments.certify.load_dialogues", None)
    code, _, err = command("page=nowhere/page.md")
    assert (code, "page is nowhere/page.md; expected a file in a folder that is there" in err) == (2, True)
    code, _, err = command("target_error=5")
    assert (code, "target_error is 5; expected a number above 0 and below 1" in err) == (2, True)


def test_labels_that_a_machine_made_are_no_audit(command, program, tmp_path):
    given = {"labeler": "model", "input": "log.jsonl", "paths.output_dir": "out", "cache": "cache", "device": "cpu"}
    assert program(label.main, (), given)[0] == 0
    code, _, err = command("input=out/dialogues")
    assert code != 0
    assert "has labels with the source 'model'; expected labels of people" in " ".join(err.split())
    assert not (tmp_path / "model" / "promises.json").exists()


def test_dialogues_that_the_model_learned_from_are_no_audit(command, tmp_path):
    write_learned_from(home_dialogues(40, seed=3)[30:], tmp_path / "model")
    code, _, err = command()
    assert code != 0
    assert "the model was trained or tuned on 10 of the 40 dialogues" in " ".join(err.split())
    assert not (tmp_path / "model" / "promises.json").exists()


def test_promises_hold_at_once_where_that_is_asked_for(command, tmp_path):
    code, out, _ = command("target_error=0.999", "method=design_effect")
    assert (code, "all 5 at once with 50% or more" in " ".join(out.split())) == (0, True)
    more = ["together=true", "again=true", "page=page.md"]
    code, out, _ = command("target_error=0.999", "method=design_effect", *more)
    assert (code, "all 5 tasks hold at once with a confidence of 90%" in " ".join(out.split())) == (0, True)
    found = json.loads((tmp_path / "model" / "promises.json").read_text())["tasks"]
    assert {round(one["confidence"], 6) for one in found.values()} == {0.98}
    assert "together=true" in (tmp_path / "page.md").read_text()


def test_a_promise_of_full_precision_is_none_of_bfloat16(command, program, tmp_path):
    assert command()[0] == 0
    given = {"labeler": "model", "input": "log.jsonl", "paths.output_dir": "out", "cache": "cache", "device": "cpu"}
    code, _, err = program(label.main, ("bf16=true",), given)
    assert code != 0
    assert "with the same bf16" in " ".join(err.split())


def test_each_label_can_have_a_promise_of_its_own(command, tmp_path, program):
    code, out, _ = command("target_error=0.999", "method=design_effect", "each=label", "page=page.md")
    assert code == 0
    assert "defect: " in out
    found = Labeler.from_pretrained(tmp_path / "model", device="cpu").promises
    assert "price of holding together" in (tmp_path / "page.md").read_text()
    given = {"labeler": "model", "input": "log.jsonl", "paths.output_dir": "out", "cache": "cache", "device": "cpu"}
    assert program(label.main, (), given)[0] == 0
    table = pd.read_parquet(tmp_path / "out" / "labels")
    intents = table[table["task"] == "intent"]
    assert set(intents["label"]) & {key.partition("/")[2] for key in found if key.startswith("intent/")}
    for name, rows in intents.groupby("label"):
        one = found.get(f"intent/{name}")  # None: the model found it in no audited dialogue
        accepted = one is not None and one.accept(rows["score"], rows["dialogue_id"].to_numpy())
        assert rows["accepted"].eq(accepted).all(), name


def test_no_user_is_in_both_halves_and_promises_are_counted_over_users(command, tmp_path):
    users = [replace(d, user_id=f"u{i % 5}") for i, d in enumerate(home_dialogues(40, seed=3))]
    checked, audit = halves([Labelled(d, d, d) for d in users], 0.5, 0, None)
    of_each = [{one.gold.user_id for one in part} for part in (checked, audit)]
    assert [len(part) for part in of_each] == [2, 3]
    assert not of_each[0] & of_each[1]
    checked, audit = halves([Labelled(d, d, d) for d in users], 0.5, 0, "dialogues")  # the same users on both sides
    of_each = [{one.gold.user_id for one in part} for part in (checked, audit)]
    assert [len(part) for part in (checked, audit)] == [20, 20]
    assert of_each[0] == of_each[1]
    write_jsonl(users, tmp_path / "users.jsonl")
    code, out, err = command("input=users.jsonl", "target_error=0.3", "audited=dialogues")
    assert (code, "from 20 audited dialogues of 5 users" in err) == (0, True)
    assert json.loads((tmp_path / "model" / "promises.json").read_text())["tasks"]["intent"]["units"] == 20
    code, out, err = command("input=users.jsonl", "page=page.md", "target_error=0.3", "again=true")
    assert (code, "from 24 audited dialogues of 3 users" in err) == (0, True)
    assert "audited items of 3 users" in " ".join(out.split())
    assert "of 3 users, who are what the promises are counted over" in (tmp_path / "page.md").read_text()
    assert json.loads((tmp_path / "model" / "promises.json").read_text())["tasks"]["intent"]["unit"] == "user"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"audited": "dialogues", "check": 0},
        {"audited": "items", "check": 0.0, "bf16": True, "method": None, "max_items": 3, "target_error": 1e-05},
        {"columns": {"dialogue_id": "session id", "request": "it's, said", "numeric": ["a", "b=c"]}, "split": "7"},
        {"split": "true", "corpus": "nan", "cache": "a"},
    ],
)
def test_the_command_on_the_page_has_all_that_was_set_and_can_be_typed(changed):
    usual = OmegaConf.load(CONF / "certify.yaml")
    given = {"labeler": "model", "input": "logs", "page": "page.md", "device": "cpu", "progress": False}
    *start, labeler, log = (words := shlex.split(command_of(OmegaConf.merge(usual, given, changed))))[:5]
    assert (start, labeler, log) == (["python", "-m", "experiments.certify"], "labeler=DIR/model", "input=logs")
    told = OmegaConf.create()
    for override in OverridesParser.create().parse_overrides(words[5:]):
        OmegaConf.update(told, override.key_or_group, override.value())
    assert OmegaConf.to_container(told) == {key: value for key, value in changed.items() if key != "cache"}


def renamed(dialogue, some):
    """The same dialogue with other names of intents, of some of them or of all."""
    turns = [
        replace(turn, intent=turn.intent and replace(turn.intent, value=f"New{turn.intent.value}"))
        if number == 0 or not some else turn
        for number, turn in enumerate(dialogue.labels.turns)
    ]  # fmt: skip
    return replace(dialogue, labels=replace(dialogue.labels, turns=tuple(turns)), ratings=())


def test_names_that_the_model_does_not_know_are_counted_and_a_corpus_of_others_is_refused(command, tmp_path):
    assert command()[0] == 0
    file = tmp_path / "model" / "promises.json"
    before = file.read_bytes()
    others = [replace(d, id=f"other-{d.id}") for d in home_dialogues(12)]  # the first audit was of those
    write_jsonl([renamed(d, some=False) for d in others], tmp_path / "others.jsonl")
    code, _, err = command("input=others.jsonl", "again=true")
    assert code == 2
    assert "intent: people gave New" in err
    assert "not one name is the same. Expected labels in the names that the model was trained with" in err
    assert file.read_bytes() == before
    third = [replace(d, id=f"some-{d.id}") for d in home_dialogues(12)]
    write_jsonl([renamed(d, some=True) for d in third], tmp_path / "some.jsonl")
    code, _, err = command("input=some.jsonl", "again=true")
    assert code == 0
    assert "intent: 1" in err
    assert "names that the model does not know: New" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check=1"], "check is 1; expected a share of the dialogues from 0 to below 1"),
        (["target_error=5"], "target_error is 5; expected a number above 0 and below 1"),
        (["each=task"], "each is 'task'; expected one of label, domain, or null"),
        (["audited=people"], "audited is 'people'; expected one of items, dialogues, users, or null"),
        (["audited=items"], "are not drawn so from those of one half; give check=0"),
        (["audited=items", "check=0"], "have labels of people on every turn: they were not drawn one by one"),
        (["no_intent=none"], "no_intent is 'none'; expected other (where people gave a labelled turn no intent"),
        (["method=ltt"], "method is 'ltt'; expected one of auto, binomial, betting, design_effect"),
        (["labeler=nowhere"], "nowhere: no such directory"),
        (["input=nowhere.jsonl"], "nowhere.jsonl does not exist"),
    ],
)
def test_a_users_fault_is_said_in_words_and_nothing_is_written(command, tmp_path, arguments, message):
    code, _, err = command(*arguments)
    assert code == 2
    assert message in err
    assert not (tmp_path / "model" / "promises.json").exists()


def test_an_intent_where_people_found_none_is_wrong_where_that_is_said(command, tmp_path):
    """The record cannot tell it from a turn that nobody labelled."""
    log = []
    for d in home_dialogues(40, seed=3):
        first, *others = d.labels.turns
        labels = replace(d.labels, turns=(replace(first, intent=None), *others))
        log.append(replace(d, user_id=d.id, labels=labels))
    write_jsonl(log, tmp_path / "thanks.jsonl")
    code, _, err = command("input=thanks.jsonl", "check=0")
    assert (code, "intent: of 40 labels of the model people say nothing; they are in no promise" in err) == (0, True)
    file = tmp_path / "model" / "promises.json"
    before = json.loads(file.read_text())["tasks"]
    code, _, err = command("input=thanks.jsonl", "check=0", "no_intent=other", "again=true")
    assert (code, "people say nothing" in err) == (0, False)
    after = json.loads(file.read_text())["tasks"]
    assert after["intent"]["n"] == before["intent"]["n"] + 40
    assert {task for task in after if after[task]["n"] != before[task]["n"]} == {"intent"}


def test_what_people_say_nothing_of_is_counted_where_they_were_asked_and_something_is_certified(command, tmp_path):
    log = []
    for d in home_dialogues(40, seed=3):
        first = replace(d.labels.turns[0], slots=None)  # one turn of each was drawn; nobody was asked of goals or slots
        log.append(d.with_labels(Labels(turns=(first, *(TurnLabels(),) * (len(d.turns) - 1)))))
    log[0] = log[0].with_labels(replace(log[0].labels, turns=(replace(log[0].labels.turns[0], intent=None),
                                                               *log[0].labels.turns[1:])))  # fmt: skip
    write_jsonl(log, tmp_path / "turns.jsonl")
    code, _, err = command("input=turns.jsonl", "audited=items", "check=0", "page=page.md")
    said = [line.partition(";")[0] for line in err.splitlines() if "people say nothing" in line]
    assert (code, said) == (0, ["intent: of 1 labels of the model people say nothing"])
    assert "other dialogues" not in (tmp_path / "page.md").read_text()  # all were audited


def test_dialogues_without_labels_cannot_be_audited(command, tmp_path):
    write_jsonl([replace(d, labels=Labels()) for d in home_dialogues(5)], tmp_path / "bare.jsonl")
    code, _, err = command("input=bare.jsonl")
    assert code == 2
    assert "no label was audited; expected labelled dialogues" in err


def test_dialogues_that_nobody_labelled_are_no_part_of_an_audit(command, tmp_path):
    """A log of which people labelled some: neither its size nor what the model learned from the rest is the audit's."""
    log = [replace(d, user_id=d.id) for d in home_dialogues(100, seed=3)]
    for name, own in (("first", log[:30]), ("second", log[30:60])):
        labelled = {dialogue.id for dialogue in own}
        write_jsonl([d if d.id in labelled else replace(d, labels=Labels()) for d in log], tmp_path / f"{name}.jsonl")
    write_learned_from(log[60:], tmp_path / "model")
    code, out, err = command("input=first.jsonl", "page=page.md")
    assert (code, "70 of 100 dialogues have no label of people and are left out" in err) == (0, True)
    assert "from 15 audited dialogues" in err
    assert "15 dialogues that no promise was made from" in out
    assert "Certified on 15 dialogues" in (tmp_path / "page.md").read_text()
    assert command("input=second.jsonl", "again=true")[0] == 0  # in the place of the first, and no second try on it
    promises = (tmp_path / "model" / "promises.json").read_text()
    assert ("second.jsonl" in promises, "It is try" in promises) == (True, False)


def test_one_dialogue_is_no_audit_of_others(command, tmp_path):
    for number, check in ((1, "0.5"), (1, "0"), (2, "0.5")):
        write_jsonl(home_dialogues(number, seed=3), tmp_path / f"{number}.jsonl")
        code, out, err = command(f"input={number}.jsonl", f"check={check}", "method=design_effect", "again=true")
        assert (code, "from 1 audited dialogues" in err, "Traceback" in err) == (0, True, False)
        found = json.loads((tmp_path / "model" / "promises.json").read_text())["tasks"]
        assert found
        assert {one["threshold"] for one in found.values()} == {None}
        assert out.count("Nothing is accepted") == len(found)


def test_a_share_that_leaves_nothing_to_audit_is_refused():
    dialogue = home_dialogues(1)[0]
    with pytest.raises(ConfigError, match=r"check is 0\.9 and keeps all 1 dialogues out of the audit"):
        halves([Labelled(dialogue, dialogue, dialogue)], 0.9, 0, None)
