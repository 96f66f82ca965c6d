"""Components that are put in by config: the same people with the same seeds meet another assistant."""

import json
import re
from dataclasses import replace

import pytest

from selflearn.corpora import as_dialogues, load_dialogues
from selflearn.simulation import shards
from selflearn.simulation.shards import CLAIM, UNDERSTANDING, write_log
from selflearn.simulation.simulate import Setting, simulated
from tests.fixtures.worlds import write_world

NO_ERRORS = {"assistant.recognition.error": 0, "assistant.recognition.dropped": 0}

EXPLORER = {"chooser": {"_target_": "tests.fixtures.components.Explorer", "share": 0.5}}

REWRITER = {"rewriter": {"_target_": "tests.fixtures.components.Rewriter", "words": {"lamp": "heater"}}}


def setting(world, **others):
    return Setting.load(world.directory, seed=1, **others)


def wanted(dialogues):
    """Who came when, and what they said first: what no assistant can change."""
    first = [(d, d.truth.turns[0]) for d in dialogues]
    return [(d.id, d.user_id, d.started_at, t.request, t.intent, t.slots) for d, t in first]


@pytest.fixture(scope="module")
def plain(small):
    return list(simulated(setting(small.world), 60))


def test_an_explorer_meets_the_same_people_and_its_propensities_are_in_the_log(small, plain):
    explored = list(simulated(setting(small.world, components=EXPLORER), 60))
    assert wanted(explored) == wanted(plain)
    assert explored != plain
    choices = [turn for d in explored for turn in d.turns if turn.propensity is not None]
    assert {turn.numeric["chosen"] for turn in choices} == {0.0, 1.0, 2.0}
    for turn in choices:
        drawn = 0.5 / len(turn.interpretations)
        assert turn.propensity == pytest.approx(drawn + 0.5 * (turn.numeric["chosen"] == 0))
    undecided = [turn for d in explored for turn in d.turns if turn.propensity is None]
    assert {turn.status for turn in undecided} <= {"not_understood", "bye", "welcome"}
    done = [turn for turn in choices if turn.status == "done"]  # what was chosen is what was acted on
    served = [turn.interpretations[0].intent for turn in done]
    truths = [json.loads(t.components["served"])["intent"] for d in explored
              for turn, t in zip(d.turns, d.truth.turns, strict=True) if turn.status == "done"]  # fmt: skip
    assert served == truths


def test_an_assistant_that_does_not_explore_says_nothing_of_it(plain):
    assert all(turn.propensity is None and "chosen" not in turn.numeric for d in plain for turn in d.turns)
    assert all("rewritten" not in turn.components for d in plain for turn in d.truth.turns)


def test_what_a_rewriter_says_is_understood_and_what_was_heard_is_logged(small, plain):
    rewritten = list(simulated(setting(small.world, components=REWRITER, rates=NO_ERRORS), 60))
    assert wanted(rewritten) == wanted(plain)
    lamps = [(turn, labels, truth) for d in rewritten
             for turn, labels, truth in zip(d.turns, d.labels.turns, d.truth.turns, strict=True)
             if "lamp" in turn.request.split()]  # fmt: skip
    assert lamps
    for turn, labels, truth in lamps:
        assert turn.request == truth.request
        assert truth.components["rewritten"] == turn.request.replace("lamp", "heater")
        if labels.defect.value and labels.intent is not None and turn.status == "done":
            assert labels.failure_point.value == "understanding"  # it spoiled what was heard well
    others = [t for d in rewritten for t in d.truth.turns if "lamp" not in t.request.split()]
    assert all("rewritten" not in truth.components for truth in others)


def test_a_log_of_other_components_is_another_log_of_the_same_bytes_in_every_process(small, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCKS", 1)
    other = setting(small.world, components=EXPLORER)
    for workers in (1, 2):
        list(write_log(other, 500, tmp_path / str(workers), workers=workers))
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / n).glob("*.parquet")} for n in ("1", "2"))
    assert one == two
    assert json.loads((tmp_path / "1" / CLAIM).read_text())["components"] == EXPLORER
    train = as_dialogues(load_dialogues("table", root=tmp_path / "1", split="train"))
    assert any(turn.propensity for dialogue in train for turn in dialogue.turns)
    with pytest.raises(ValueError, match=r"holds another log \(components: {'chooser': .* there, None wanted"):
        list(write_log(setting(small.world), 500, tmp_path / "1"))
    assert "components" not in setting(small.world).identity(500)  # logs from before there were any are this one


def test_an_understanding_model_that_is_put_in_takes_the_place_of_the_one_that_is_trained(small, plain, tmp_path):
    own = {"understanding": {"_target_": "selflearn.simulation.simulate.trained_understanding"}}
    found = setting(small.world, components=own | {"rewriter": None})
    assert list(simulated(found, 60)) == plain
    list(write_log(found, 20, tmp_path))
    assert not (tmp_path / UNDERSTANDING).exists()


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ({"rewritter": {"_target_": "a.B"}}, "components.rewritter: there is no such component; nearest: 'rewriter'"),
        ({"rewriter": "a.B"}, "components.rewriter is 'a.B'; expected _target_"),
        ({"rewriter": {"words": {}}}, "expected _target_"),
        ({"rewriter": {"_target_": "a.B", "words": {1, 2}}}, "expected texts, numbers, lists and mappings"),
        ({"rewriter": {"_target_": "nowhere.Rewriter"}}, "No module named 'nowhere'"),
        ({"rewriter": {"_target_": "Rewriter"}}, "expected package.module.Class"),
        ({"rewriter": {"_target_": "tests.fixtures.components.Writer"}}, "has no attribute 'Writer'"),
        ({"rewriter": {"_target_": "tests.fixtures.components.Rewriter"}}, "missing a required argument: 'words'"),
        ({"rewriter": {**EXPLORER["chooser"]}}, "Explorer has no method rewrite(); expected rewrite"),
        ({"chooser": {"_target_": "tests.fixtures.components.Lost"}}, "Lost took reading 3 of 3; expected 0 to 2"),
    ],
)  # fmt: skip
def test_a_component_that_cannot_be_put_in_is_said(small, components, message):
    fewer = replace(small.assistant.understanding, utterances=12)

    def run():
        found = setting(small.world, components=components)
        return list(simulated(replace(found, assistant=replace(found.assistant, understanding=fewer)), 30))

    with pytest.raises(ValueError, match=re.escape(message)):
        run()


def test_a_component_that_cannot_be_made_ends_the_command_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCKS", 1)
    bad = {"rewriter": {"_target_": "nowhere.Rewriter"}}
    found = Setting.load(write_world(tmp_path / "world"), seed=1, components=bad)
    with pytest.raises(ValueError, match="No module named 'nowhere'"):
        list(write_log(found, 900, tmp_path / "log", workers=2))
    assert not (tmp_path / "log").exists()  # so that the same command with the right path goes on
