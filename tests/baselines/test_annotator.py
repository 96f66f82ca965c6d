import pytest

from selflearn.baselines import SingleAnnotator
from selflearn.evaluation.benchmark import label
from selflearn.simulation.annotators import labels_by, raters
from selflearn.simulation.simulate import Setting, simulated
from selflearn.tasks.success import asked_goals
from tests.fixtures.dialogues import plain_dialogue
from tests.fixtures.worlds import write_world


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    setting = Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=1)
    return [dialogue for dialogue in simulated(setting, 200) if dialogue.split == "test"]


def test_it_says_what_the_first_annotator_said(rated):
    system = SingleAnnotator(rated)
    answers = system.predict([dialogue.observed() for dialogue in rated], asked_goals(rated))
    for dialogue, answer in zip(rated, answers, strict=True):
        own = labels_by(dialogue, raters(dialogue)[0])
        assert answer.goals == tuple((goal.start, goal.end) for goal in own.goals)
        assert answer.boundaries[0] == 1.0
        assert [name for name, _ in answer.intents] == [t.intent.value if t.intent else "other" for t in own.turns]
        assert answer.defects == tuple(float(t.defect.value) for t in own.turns)
        assert answer.slots == tuple(t.slots for t in own.turns)
        assert len(answer.failures) == len(asked_goals([dialogue])[0])


def test_it_is_scored_on_the_items_of_the_others_and_is_good_and_not_perfect(rated):
    tables = label(SingleAnnotator(rated), rated, ["segmentation", "success", "intent", "slots", "defect"])
    variants = {"success@end_to_end", "intent@projected"}
    assert set(tables) == {"segmentation", "success", "intent", "slots", "defect"} | variants
    for name in ("segmentation", "success", "intent", "defect"):
        right = (tables[name]["gold"] == tables[name]["prediction"]).mean()
        assert 0.7 < right < 1.0, name


def test_dialogues_that_nobody_rated_are_an_error(rated):
    with pytest.raises(ValueError, match="has no ratings; leave the baseline annotator out"):
        SingleAnnotator([plain_dialogue(("a", "b"))])
    with pytest.raises(ValueError, match="the annotators have not seen dialogue"):
        SingleAnnotator(rated).predict([plain_dialogue(("a", "b")).observed()], [[]])
