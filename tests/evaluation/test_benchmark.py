import functools
import operator
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from selflearn.evaluation import Results, evaluate
from selflearn.evaluation.benchmark import (
    Split,
    SystemResult,
    check_names,
    domains_of,
    is_done,
    join_folds,
    label,
    run_system,
    unknown_gold,
)  # fmt: skip
from selflearn.schema import Label
from selflearn.tasks import DialoguePrediction, Thresholds
from tests.fixtures.dialogues import home_dialogues

SPLIT = Split(
    train=home_dialogues(8), tune=home_dialogues(4, seed=1, split="tune"), test=home_dialogues(5, seed=2, split="test")
)


class Guesser:
    """Says that everything is a goal of its own and a defect, and knows nothing of slots."""

    thresholds = Thresholds()

    def __init__(self):
        self.asked = []
        self.choices = {"window": 3}

    def predict(self, dialogues, goals):
        self.asked.append([type(dialogue).__name__ for dialogue in dialogues])
        return [
            DialoguePrediction(
                boundaries=(1.0,) * n, intents=(("SetTimer", 0.4),) * n, defects=(0.9,) * n,
                failures=tuple(0.1 * i for i in range(len(asked))), goals=tuple((t, t + 1) for t in range(n)),
                goal_failures=(0.5,) * n,
            )
            for n, asked in zip([len(dialogue.turns) for dialogue in dialogues], goals, strict=True)
        ]  # fmt: skip


TASKS = ["segmentation", "success", "intent", "slots", "defect"]
ASKED = {"tasks": TASKS, "seen_domains": domains_of(SPLIT.train)}


def test_only_what_is_observed_is_given_to_a_system_and_tasks_it_does_not_do_have_no_table():
    system = Guesser()
    tables = label(system, SPLIT.test, TASKS)
    assert set(functools.reduce(operator.iadd, system.asked, [])) == {"ObservedDialogue"}
    variants = {"success@end_to_end", "intent@projected"}
    assert set(tables) == {"segmentation", "success", "intent", "defect"} | variants


def test_services_are_seen_by_what_is_said_of_all_systems_not_by_what_one_of_them_learned_from(tmp_path):
    known = sorted(domains_of(SPLIT.test))
    for number, part in enumerate((SPLIT, replace(SPLIT, train=[], tune=[*SPLIT.train, *SPLIT.tune]))):
        found = run_system(lambda *_: Guesser(), part, tmp_path / str(number), **ASKED | {"seen_domains": known[:1]})
        intents = found.test["intent"]
        of_goal = {d.id: {goal.domain for goal in d.labels.goals} for d in SPLIT.test}
        assert intents["@seen"].any()
        assert intents["@unseen"].any()
        assert all(known[0] in of_goal[name] for name in intents.loc[intents["@seen"], "dialogue_id"])


def test_a_result_is_kept_and_read_again_and_nothing_is_made_twice(tmp_path):
    made = []

    def make(train, tune, directory):
        made.append((len(train), len(tune), directory))
        return Guesser()

    arguments = ASKED | {"views": ["before_notify"]}
    assert not is_done(tmp_path)
    first = run_system(make, SPLIT, tmp_path, **arguments)
    assert is_done(tmp_path)
    again = run_system(make, SPLIT, tmp_path, **arguments)
    assert made == [(8, 4, tmp_path)]
    assert first.test.keys() == again.test.keys() >= {"success@before_notify", "intent"}
    for part in ("test", "tune"):
        for name, table in getattr(first, part).items():
            pd.testing.assert_frame_equal(table, getattr(again, part)[name], check_dtype=False)
    assert again.seconds.keys() == {"train", "predict"}
    assert again.notes["choices"] == {"window": 3}


def test_results_are_in_the_order_of_the_tasks_when_made_and_when_read_again(tmp_path):
    asked = ASKED | {"tasks": ["intent", "success", "segmentation"], "views": ["no_notify", "before_notify"]}
    for found in (run_system(lambda *_: Guesser(), SPLIT, tmp_path, **asked) for _ in range(2)):
        assert list(found.test) == [
            "segmentation", "success", "success@before_notify", "success@end_to_end", "success@no_notify", "intent",
            "intent@projected",
        ]  # fmt: skip
        metrics = evaluate({"model": found.test}, dialogue_ids=[d.id for d in SPLIT.test], model="model", resamples=0)
        rows = Results.from_metrics(metrics).rows()
        assert list(dict.fromkeys(task for task, _ in rows)) == ["segmentation", "success", "intent"]


def test_a_result_remembers_the_machine_that_it_was_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr("selflearn.evaluation.run_directory.device", lambda: "a GPU")
    run_system(lambda *_: Guesser(), SPLIT, tmp_path, **ASKED)
    monkeypatch.undo()
    assert run_system(lambda *_: Guesser(), SPLIT, tmp_path, **ASKED).machine.startswith("a GPU, torch ")


def test_a_system_that_stopped_before_its_end_is_not_taken_for_a_finished_one(tmp_path):
    def broken(train, tune, directory):
        raise RuntimeError("no more power")

    with pytest.raises(RuntimeError, match="no more power"):
        run_system(broken, SPLIT, tmp_path, **ASKED)
    assert not is_done(tmp_path)


def test_success_in_a_view_is_of_the_goals_of_the_whole_dialogues(tmp_path):
    seen = []

    def make(train, tune, directory):
        seen.append([dialogue.id for dialogue in train])
        return Guesser()

    result = run_system(make, SPLIT, tmp_path, **ASKED, views=["before_notify"], make_for_view=make)
    assert all("#" in name for name in seen[1])
    whole, view = (
        result.test[name].sort_values(["dialogue_id", "goal"], ignore_index=True)
        for name in ("success", "success@before_notify")
    )
    assert whole[["dialogue_id", "goal", "gold"]].equals(view[["dialogue_id", "goal", "gold"]])


def test_training_for_a_view_counts_as_training(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("selflearn.evaluation.benchmark.time", SimpleNamespace(perf_counter=lambda: clock.now))

    def slow(train, tune, directory):
        clock.now += 60
        return Guesser()

    found = run_system(lambda *_: Guesser(), SPLIT, tmp_path, **ASKED, views=["no_notify"], make_for_view=slow)
    assert found.seconds == {"train": 60.0, "predict": 0.0}


@pytest.mark.parametrize("view", ["no_notify", "before_notify"])
def test_a_view_finds_the_goals_of_dialogues_whatever_their_ids_are(tmp_path, view):
    named = [replace(dialogue, id=f"call#{dialogue.id}#7") for dialogue in SPLIT.test]
    result = run_system(lambda *_: Guesser(), replace(SPLIT, test=named), tmp_path, **ASKED, views=[view])
    whole, seen = (result.test[name] for name in ("success", f"success@{view}"))
    assert set(zip(whole["dialogue_id"], whole["goal"], strict=True)) == set(
        zip(seen["dialogue_id"], seen["goal"], strict=True)
    )


def test_folds_of_which_one_has_no_defect_are_joined(tmp_path):
    """What is asked at defects is then asked of none of its turns."""
    calm = [
        d.with_labels(replace(d.labels, turns=tuple(replace(t, defect=Label(value=False)) for t in d.labels.turns)))
        for d in home_dialogues(3, seed=5, split="test")
    ]
    calm = [replace(dialogue, id=f"calm-{dialogue.id}") for dialogue in calm]
    results = [
        run_system(lambda *_: Guesser(), replace(SPLIT, test=test), tmp_path / str(i), **ASKED)
        for i, test in enumerate([SPLIT.test, calm])
    ]
    assert "@defects" in results[0].test["intent"]
    assert "@defects" not in results[1].test["intent"]
    joined = join_folds(results).test["intent"]
    assert joined["@defects"].dtype == bool
    assert not joined.loc[joined["dialogue_id"].str.startswith("calm"), "@defects"].any()
    assert joined["@defects"].sum() == results[0].test["intent"]["@defects"].sum() > 0


def test_a_view_without_tuning_items_keeps_the_threshold_of_the_system(tmp_path):
    bare, guesser = [d.with_labels(type(d.labels)()) for d in SPLIT.tune], Guesser()
    guesser.thresholds = Thresholds(success=0.0)  # chosen by folds
    result = run_system(lambda *_: guesser, replace(SPLIT, tune=bare), tmp_path, **ASKED, views=["no_notify"])
    table = result.test["success@no_notify"]
    assert len(table)
    assert table["prediction"].all()


def renamed(dialogue, turns):
    """The dialogue with an intent that nobody has heard of in these turns."""
    labels = [
        replace(labels, intent=Label(value="Unheard")) if t in turns else labels
        for t, labels in enumerate(dialogue.labels.turns)
    ]
    return dialogue.with_labels(replace(dialogue.labels, turns=tuple(labels)))


def test_names_that_training_never_saw_are_counted_and_an_error_if_there_are_no_others():
    some = [renamed(dialogue, {0}) for dialogue in SPLIT.test]
    assert unknown_gold([(label(Guesser(), some, TASKS), SPLIT.train)]) == {"intent": 5}
    assert unknown_gold([(label(Guesser(), SPLIT.test, TASKS), SPLIT.train)]) == {"intent": 0}


def test_a_test_split_of_something_else_is_refused_and_one_name_in_common_is_enough():
    every = [renamed(dialogue, range(99)) for dialogue in SPLIT.test]
    with pytest.raises(ValueError, match=r"intent: none of the 1 gold names .*first: 'Unheard'.* data\.test_split"):
        check_names(replace(SPLIT, test=every), TASKS)
    check_names(replace(SPLIT, test=every), ["segmentation"])
    check_names(replace(SPLIT, test=[*every[1:], SPLIT.test[0]]), TASKS)


def test_what_training_never_saw_is_counted_fold_by_fold():
    """A name that is new in one fold may be known to the training of another."""
    strange = [renamed(dialogue, range(99)) for dialogue in SPLIT.test[:2]]
    number = sum(len(dialogue.turns) for dialogue in strange)
    knows, lacks = [*SPLIT.train, *strange], SPLIT.train
    first, second = label(Guesser(), strange, TASKS), label(Guesser(), SPLIT.test[2:], TASKS)
    assert unknown_gold([(first, lacks), (second, knows)]) == {"intent": number}
    assert unknown_gold([(second, knows), (first, lacks)]) == {"intent": number}
    assert unknown_gold([(first, knows), (second, lacks)]) == {"intent": 0}


def test_folds_become_one_result_in_which_every_dialogue_is_tested_once():
    folds = [label(Guesser(), SPLIT.test[:2], TASKS), label(Guesser(), SPLIT.test[2:], TASKS)]
    results = [
        SystemResult(test=tables, tune={}, seconds={"train": 2.0}, notes={"n": i}) for i, tables in enumerate(folds)
    ]
    joined = join_folds(results)
    for name, table in label(Guesser(), SPLIT.test, TASKS).items():
        pd.testing.assert_frame_equal(joined.test[name].drop(columns="fold"), table)
        first = {dialogue.id for dialogue in SPLIT.test[:2]}
        assert (joined.test[name]["fold"] == 0).tolist() == table["dialogue_id"].isin(first).tolist()
    assert joined.seconds == {"train": 4.0}
    assert joined.notes == {"fold 0": {"n": 0}, "fold 1": {"n": 1}}


def test_scores_of_different_folds_are_not_ranked_against_each_other():
    """What says one number in each fold ranks nothing, however often the goals of a fold fail."""
    folds = [
        pd.DataFrame({"dialogue_id": ids, "goal": 0, "gold": gold, "prediction": False, "score": score})
        for ids, gold, score in ((list("abc"), [True, True, False], 0.7), (list("def"), [False, True, False], 0.3))
    ]
    joined = join_folds([SystemResult(test={"success": table}, tune={}) for table in folds]).test
    measured = evaluate({"model": joined}, dialogue_ids=list("abcdef"), model="model", resamples=50)
    keys = ("test/success/auc", "test/success/auc/low", "test/success/auc/high")
    assert [measured[key] for key in keys] == [0.5, 0.5, 0.5]


def test_of_a_dialogue_that_tunes_in_several_folds_the_first_is_kept():
    first, other = (label(Guesser(), dialogues, ["intent"]) for dialogues in (SPLIT.test[:2], SPLIT.test[1:3]))
    other = {name: table.assign(prediction="other") for name, table in other.items()}
    tuned = join_folds([SystemResult(test={}, tune=first), SystemResult(test={}, tune=other)]).tune["intent"]
    kept = tuned[tuned["prediction"] == "other"]["dialogue_id"]
    assert set(kept) == {SPLIT.test[2].id}
    assert set(tuned["dialogue_id"]) == {dialogue.id for dialogue in SPLIT.test[:3]}


def test_a_table_that_only_some_folds_have_is_joined_of_those():
    tables = label(Guesser(), SPLIT.test, ["intent"])
    joined = join_folds([SystemResult(test={}, tune={}), SystemResult(test=tables, tune={})])
    assert len(joined.test["intent"]) == len(tables["intent"])
