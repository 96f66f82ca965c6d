"""Tests of the two TF-IDF baselines: what they read, how they are tuned, what they survive."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from selflearn.baselines import Tfidf, TfidfContext
from selflearn.schema import Dialogue, Goal, Label, Labels, Slot, Turn, TurnLabels
from selflearn.tasks import DefectTask, IntentTask, SegmentationTask, SlotsTask, SuccessTask, Thresholds
from selflearn.tasks.prediction import DEFAULT_THRESHOLD
from selflearn.tasks.success import asked_goals

TASK_OBJECTS = (SegmentationTask(), SuccessTask(), IntentTask(), SlotsTask(), DefectTask())


def predict(system, dialogues):
    return system.predict([dialogue.observed() for dialogue in dialogues], asked_goals(dialogues))


def shares_right(system, dialogues):
    """For each task the share of its items that are right."""
    predictions = predict(system, dialogues)
    tables = {t.name: t.tables(dialogues, predictions, system.thresholds)[t.name] for t in TASK_OBJECTS}
    return {name: float((table.gold == table.prediction).mean()) for name, table in tables.items()}


@pytest.fixture(scope="module")
def alone(train, tune, tasks):
    return Tfidf().fit(train, tune, tasks=tasks, seed=0)


@pytest.fixture(scope="module")
def context(train, tune, tasks):
    return TfidfContext().fit(train, tune, tasks=tasks, seed=0)


def test_neighbours_decide_where_only_they_can(alone, context, dev, tasks):
    single, joint = shares_right(alone, dev), shares_right(context, dev)
    for task in tasks:
        assert joint[task] > 0.95, (task, joint)
        assert joint[task] > single[task] + 0.1, (task, single, joint)


def test_causal_system_reads_nothing_later(train, tune, dev, tasks):
    causal = TfidfContext(causal=True).fit(train, tune, tasks=tasks, seed=0)
    right = shares_right(causal, dev)
    assert min(right["segmentation"], right["intent"], right["slots"]) > 0.95
    assert max(right["defect"], right["success"]) < 0.75  # both show in the next request alone
    whole = predict(causal, dev)
    for end in (1, 4, 7):  # what is said of a turn does not change with what follows it
        begun = [replace(d, turns=d.turns[:end], labels=Labels()) for d in dev]
        for part, full in zip(predict(causal, begun), whole, strict=True):
            assert part.boundaries == pytest.approx(full.boundaries[:end])
            assert part.defects == pytest.approx(full.defects[:end])
            assert [name for name, _ in part.intents] == [name for name, _ in full.intents[:end]]
            assert [[s.name for s in t] for t in part.slots] == [[s.name for s in t] for t in full.slots[:end]]


def test_same_seed_gives_the_same_digits(context, train, tune, dev, tasks):
    again = TfidfContext().fit(train, tune, tasks=tasks, seed=0)
    assert predict(again, dev) == predict(context, dev)
    assert (again.thresholds, again.choices) == (context.thresholds, context.choices)
    assert predict(again.fit(train, tune, tasks=tasks, seed=0), dev) == predict(context, dev)


def test_a_fitted_system_can_be_pickled(context, dev):
    assert predict(pickle.loads(pickle.dumps(context)), dev) == predict(context, dev)


def test_predictions_do_not_depend_on_company(context, dev):
    together = predict(context, dev[:5])
    by_one = [predict(context, [dialogue])[0] for dialogue in dev[:5]]
    for one, other in zip(together, by_one, strict=True):
        assert one.boundaries == pytest.approx(other.boundaries)
        assert one.failures == pytest.approx(other.failures)
        assert one.slots == other.slots


def test_predictions_cover_the_dialogue(context, dev):
    predictions = predict(context, dev)
    for dialogue, asked, found in zip(dev, asked_goals(dev), predictions, strict=True):
        turns = len(dialogue.turns)
        assert len(found.boundaries) == len(found.intents) == len(found.slots) == len(found.defects) == turns
        assert found.boundaries[0] == 1.0
        assert found.goals[0][0] == 0
        assert found.goals[-1][1] == turns
        assert (len(found.failures), len(found.goal_failures)) == (len(asked), len(found.goals))


def test_slots_lie_where_they_say(context, dev):
    found = [
        (turn.request, slot)
        for dialogue, prediction in zip(dev, predict(context, dev), strict=True)
        for turn, slots in zip(dialogue.turns, prediction.slots, strict=True)
        for slot in slots
    ]
    assert any(slot.text == "New Delhi" for _, slot in found)
    for request, slot in found:
        assert request[slot.start : slot.end] == slot.text
        assert slot.source == "model"
        assert 0 < slot.score <= 1


def test_labels_of_the_dialogues_to_predict_change_nothing(context, dev):
    bare = [replace(dialogue, labels=Labels()) for dialogue in dev]
    observed = [dialogue.observed() for dialogue in bare]
    assert context.predict(observed, asked_goals(dev)) == predict(context, dev)


def test_only_the_tuning_dialogues_set_the_thresholds(context, train, tune, tasks):
    turned = [
        replace(d, labels=replace(d.labels, goals=(Goal(start=0, end=len(d.turns), success=False),))) for d in tune
    ]
    other = TfidfContext().fit(train, turned, tasks=["segmentation"], seed=0)
    assert other.thresholds["segmentation"] > context.thresholds["segmentation"]
    assert other.choices["segmentation"]["threshold"] == other.thresholds["segmentation"]


def test_choices_say_what_was_chosen(context, tasks):
    assert set(context.choices) == set(tasks)
    assert context.choices["segmentation"]["window"] != "turn"
    assert all(choice["C"] > 0 and choice["value"] > 0.9 for choice in context.choices.values())


def test_without_tuning_dialogues_folds_stand_in(train, dev, tasks):
    system = TfidfContext().fit(train, [], tasks=tasks, seed=0)
    assert system.thresholds != Thresholds()
    assert min(shares_right(system, dev).values()) > 0.95


def test_of_a_single_dialogue_the_first_candidates_are_taken(train, tasks):
    system = TfidfContext().fit(train[:1], [], tasks=tasks, seed=0)
    assert set(system.thresholds.values()) == {DEFAULT_THRESHOLD}
    assert system.choices["segmentation"]["window"] == "one before"


def test_unlabelled_and_unknown_tasks_are_left_out_and_noted(train, tune, dev):
    train, tune = ([replace(d, labels=Labels(goals=d.labels.goals)) for d in part] for part in (train, tune))
    system = Tfidf().fit(train, tune, tasks=["segmentation", "intent", "slots", "defect", "sentiment"], seed=0)
    found = predict(system, dev)[0]
    assert found.boundaries is not None
    assert (found.intents, found.slots, found.defects, found.failures) == (None, None, None, None)
    assert all("skipped" in system.choices[task] for task in ("intent", "slots", "defect", "sentiment"))


@pytest.mark.parametrize("system", [Tfidf, TfidfContext])
def test_missing_text_is_no_obstacle(system, train, tune, holes, tasks):
    gold = Labels(
        goals=(Goal(start=0, end=2, success=True), Goal(start=2, end=4, success=False)),
        turns=tuple(TurnLabels(intent=Label(value="BuyTicket"), defect=Label(value=False)) for _ in range(4)),
    )
    fitted = system().fit([*train[:20], replace(holes, labels=gold)], tune[:5], tasks=tasks, seed=0)
    (found,) = fitted.predict([holes.observed()], [[(0, 2), (2, 4)]])
    assert len(found.intents) == 4
    assert [slot.text for slot in found.slots[1]] == ["Oslo"]
    assert (found.slots[0], found.slots[2], found.slots[3]) == ((), (), ())
    (only,) = system().fit([holes], [], tasks=tasks, seed=0).predict([holes.observed()], [[]])
    assert only.boundaries is None


def test_no_text_at_all(holes, tasks):
    silent = replace(holes, turns=(Turn(), Turn()), labels=Labels(
        goals=(Goal(start=0, end=1, success=True), Goal(start=1, end=2, success=False)),
        turns=(TurnLabels(intent=Label(value="a"), slots=()), TurnLabels(intent=Label(value="b"), slots=())),
    ))  # fmt: skip
    system = TfidfContext().fit([silent], [silent], tasks=tasks, seed=0)
    (found,) = predict(system, [silent])
    assert found.boundaries == (1.0, 1.0)
    assert found.intents[0][0] in ("a", "b")


def test_single_class_of_everything(train, tune, dev, tasks):
    def flat(dialogue: Dialogue) -> Dialogue:
        turns = tuple(
            TurnLabels(intent=Label(value="Only"), defect=Label(value=True),
                       slots=tuple(replace(slot, name="city") for slot in labels.slots))
            for labels in dialogue.labels.turns
        )  # fmt: skip
        return replace(dialogue, labels=Labels(goals=(Goal(start=0, end=len(turns), success=True),), turns=turns))

    system = TfidfContext().fit([flat(d) for d in train], [flat(d) for d in tune], tasks=tasks, seed=0)
    found = predict(system, [flat(d) for d in dev])
    assert all(prediction.goals == ((0, 8),) for prediction in found)
    assert all(prediction.failures == (0.0,) for prediction in found)
    assert all(set(prediction.intents) == {("Only", 1.0)} for prediction in found)
    assert all(min(prediction.defects) >= system.thresholds["defect"] for prediction in found)
    assert {slot.name for prediction in found for turn in prediction.slots for slot in turn} == {"city"}


def test_names_that_training_never_saw_are_simply_wrong(context, dev):
    def renamed(labels: TurnLabels) -> TurnLabels:
        slots = tuple(replace(slot, name="new") for slot in labels.slots)
        return replace(labels, intent=labels.intent and Label(value="New"), slots=slots)

    strange = [replace(d, labels=replace(d.labels, turns=tuple(map(renamed, d.labels.turns)))) for d in dev]
    right = shares_right(context, strange)
    assert (right["intent"], right["slots"]) == (0.0, 0.0)


def test_names_only_in_the_tuning_dialogues_do_no_harm(train, tune, dev):
    tune = [*tune, replace(tune[0], labels=replace(tune[0].labels, turns=tuple(
        replace(labels, intent=Label(value="New"), slots=tuple(replace(slot, name="new") for slot in labels.slots))
        for labels in tune[0].labels.turns
    )))]  # fmt: skip
    system = TfidfContext().fit(train, tune, tasks=["intent", "slots"], seed=0)
    assert shares_right_of(system, dev, "intent") > 0.9


def shares_right_of(system, dialogues, task):
    (chosen,) = (t for t in TASK_OBJECTS if t.name == task)
    table = chosen.tables(dialogues, predict(system, dialogues), system.thresholds)[task]
    return float((table.gold == table.prediction).mean())


def test_sentences_of_one_turn():
    def sentence(text: str, intent: str, artist: str) -> Dialogue:
        start = text.index(artist)
        slot = Slot(name="artist", start=start, end=start + len(artist), text=artist)
        labels = Labels(turns=(TurnLabels(intent=Label(value=intent), slots=(slot,)),))
        return Dialogue(id=text, corpus="made", split="train", turns=(Turn(request=text),), labels=labels)

    singers = ("Nina", "Otis", "Bessie", "Aretha")
    texts = [sentence(f"play something by {name} now", "Play", name) for name in singers]
    texts += [sentence(f"who is {name} then", "Ask", name) for name in singers]
    system = TfidfContext().fit(texts, texts, tasks=["segmentation", "intent", "slots"], seed=0)
    found = predict(system, texts)
    assert "skipped" in system.choices["segmentation"]
    assert [prediction.intents[0][0] for prediction in found] == ["Play"] * 4 + ["Ask"] * 4
    assert [slot.text for prediction in found for slot in prediction.slots[0]] == [*singers, *singers]


def test_requests_of_a_script_without_blanks_are_read_by_their_characters():
    def sentence(form: str, intent: str, artist: str) -> Dialogue:
        text, start = form.format(artist), form.index("{")
        slot = Slot(name="artist", start=start, end=start + len(artist), text=artist)
        labels = Labels(turns=(TurnLabels(intent=Label(value=intent), slots=(slot,)),))
        return Dialogue(id=text, corpus="made", split="train", turns=(Turn(request=text),), labels=labels)

    forms = {"播放{}的歌": "Play", "请放一首{}唱的": "Play", "{}是谁": "Ask", "谁知道{}的年龄": "Ask"}
    singers = ("林小梅", "王一山", "李大海", "陈安", "张天云", "赵明")
    train, test = (
        [sentence(form, intent, name) for form, intent in forms.items() for name in names]
        for names in (singers[:4], singers[4:])
    )
    system = Tfidf().fit(train, train, tasks=["intent", "slots"], seed=0)
    shares = shares_right(system, test)
    assert shares["intent"] == 1
    assert shares["slots"] > 0.5


def test_misuse_is_explained(context, train, dev):
    with pytest.raises(ValueError, match="0 training dialogues"):
        Tfidf().fit([], [], tasks=["intent"], seed=0)
    with pytest.raises(ValueError, match="call fit before predict"):
        Tfidf().predict([], [])
    with pytest.raises(ValueError, match="one row a dialogue"):
        context.predict([dev[0].observed()], [])
    assert context.predict([], []) == []
