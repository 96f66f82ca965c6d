from __future__ import annotations

import json
import shutil

import pytest

from selflearn.corpora import CorpusError, ReadReport, iter_dialogues
from selflearn.corpora.star import SHARES, hashed_split, read_dialogue, success_question
from selflearn.schema import RecordError
from tests.fixtures.releases import STAR_TASKS

GENERAL = {"hello", "anything_else", "goodbye_1", "ask_name"}
REPLIES = {task: frozenset({f"{task}_ask", f"{task}_done", *GENERAL}) for task in ("boat", "tent", "cake")}


def user(text, time):
    return {"Agent": "User", "Action": "utter", "Text": text, "UnixTime": time}


def wizard(text, time, label=None):
    if label is None:
        return {"Agent": "Wizard", "Action": "utter", "Text": text, "UnixTime": time}
    return {"Agent": "Wizard", "Action": "pick_suggestion", "Text": text, "UnixTime": time, "ActionLabel": label}


def select(task, time=0):
    return {"Agent": "Wizard", "Action": "select_task", "Task": task, "UnixTime": time}


def read(*events, tasks=("boat",), questions=(), report=None):
    raw = {
        "DialogueID": 7,
        "CompletionLevel": "Complete",
        "AnonymizedUserWorkerID": "u",
        "AnonymizedWizardWorkerID": "w",
        "Scenario": {
            "MultiTask": len(tasks) > 1,
            "WizardCapabilities": [{"Task": task, "Domain": f"{task}s"} for task in tasks],
        },
        "Events": list(events),
        "UserQuestionnaire": [{"Question": question, "Answer": answer} for question, answer in questions],
        "WizardQuestionnaire": [{"Question": "Did the user seem confused?", "Answer": False}],
    }
    return read_dialogue(raw, "all", REPLIES, report or ReadReport("star", "all"))


def goals(dialogue):
    return [(goal.name, goal.start, goal.end) for goal in dialogue.labels.goals]


def multi(*labels, chosen=None):
    """Names and spans of the goals of a multi-task dialogue whose wizard says these labels, one a turn."""
    events = []
    for i, label in enumerate(labels):
        events.append(user("so", 2 * i))
        if chosen and i in chosen:
            events.append(select(chosen[i]))
        if label is not False:
            events.append(wizard("well", 2 * i + 1, label))
    return goals(read(*events, tasks=("boat", "tent", "cake")))


# -------------------------------------------------------------------------------------------------------------- turns


def test_a_turn_is_what_the_user_says_until_the_wizard_has_answered():
    report = ReadReport("star", "all")
    dialogue = read(
        {"Agent": "UserGuide", "Action": "instruct", "Text": "INSTRUCTION", "UnixTime": 90},
        wizard("Welcome", 100),
        user("hello", 105),
        user("a boat please", 109),
        {"Agent": "Wizard", "Action": "request_suggestions", "Text": "DRAFT", "UnixTime": 110},
        {"Agent": "KnowledgeBase", "Action": "return_item"},
        wizard("Which one?", 121, "boat_ask"),
        wizard("And when?", 130),
        user("now", 135),
        report=report,
    )
    assert [(t.request, t.response, t.seconds, t.joins) for t in dialogue.turns] == [
        (None, "Welcome", 0.0, 0),
        ("hello a boat please", "Which one? And when?", 5.0, 2),
        ("now", None, 35.0, 0),
    ]
    assert dialogue.started_at == 100.0
    assert (dialogue.id, dialogue.user_id) == ("7", "u")
    assert [turn.response_acts for turn in dialogue.labels.turns] == [(), ("boat_ask",), ()]
    assert report.counts["utterances"] == 6
    assert report.counts["utterances_joined"] == 2
    assert report.counts["events_not_said/request_suggestions"] == 1


def test_drafts_and_instructions_are_never_said(star_release):
    for dialogue in iter_dialogues("star", star_release, "all"):
        said = json.dumps(dialogue.observed().to_dict())
        assert "DRAFT" not in said
        assert "INSTRUCTION" not in said
        assert "wizard-" not in said


@pytest.mark.parametrize("events", [(), (user("hello", 1),)])
def test_less_than_two_utterances_are_left_out_and_counted(events):
    report = ReadReport("star", "all")
    assert read(*events, report=report) is None
    assert report.dropped["dropped/dialogues_with_fewer_than_2_utterances"] == 1
    assert report.examples["dropped/dialogues_with_fewer_than_2_utterances"] == ["7"]


# ------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize("answer", [True, False])
def test_success_is_the_answer_to_the_one_question(answer):
    questions = [("Did the boat stay calm?", True), ("Did the assistant book your Boat?", answer)]
    dialogue = read(user("a", 1), wizard("b", 2), questions=questions)
    (goal,) = dialogue.labels.goals
    assert (goal.name, goal.domain, goal.start, goal.end, goal.success) == ("boat", "boats", 0, 1, answer)
    assert success_question(dialogue) == "book your boat"
    assert [(r.rater, r.question, r.answer) for r in dialogue.ratings] == [
        ("u", "Did the boat stay calm?", "yes"),
        ("u", "Did the assistant book your Boat?", "yes" if answer else "no"),
        ("w", "Did the user seem confused?", "no"),
    ]


def test_without_the_question_nobody_knows():
    dialogue = read(user("a", 1), wizard("b", 2), questions=[("Did the boat say something about rain?", True)])
    assert dialogue.labels.goals[0].success is None
    assert success_question(dialogue) is None


def test_the_question_is_told_as_a_last_turn_of_the_goal_where_that_is_asked_for(star_release):
    plain, told = ({d.id: d for d in iter_dialogues("star", star_release, "all", ask=ask)} for ask in (False, True))
    for name, dialogue in told.items():
        if success_question(dialogue) is None:
            assert dialogue == plain[name]
            continue
        assert dialogue.turns[:-1] == plain[name].turns
        assert dialogue.turns[-1].response.rstrip("?").lower().endswith(success_question(dialogue))
        assert dialogue.turns[-1].request is None
        (goal,) = dialogue.labels.goals
        assert (goal.end, goal.success) == (len(dialogue.turns), plain[name].labels.goals[0].success)
    assert any(success_question(dialogue) for dialogue in told.values())


def test_wordings_of_one_question_have_one_key():
    asked = ["Did the assistant find you a suitable ride?", "...find you a suitable ride?"]
    found = {success_question(read(user("a", 1), wizard("b", 2), questions=[(question, True)])) for question in asked}
    assert found == {"find you a suitable ride"}


def test_the_label_tells_the_task_where_only_one_task_has_it():
    assert multi("boat_ask", "boat_done", "cake_ask") == [("boat", 0, 2), ("cake", 2, 3)]
    assert multi("boat_ask", "tent_ask", "boat_ask") == [("boat", 0, 1), ("tent", 1, 2), ("boat", 2, 3)]
    assert multi("boat_ask", "tent_ask", chosen={1: "cake"}) == [("boat", 0, 1), ("tent", 1, 2)]


def test_otherwise_the_panel_tells_which_opens_on_the_first_task():
    assert multi("ask_name", "ask_name", chosen={1: "cake"}) == [("boat", 0, 1), ("cake", 1, 2)]
    assert multi(None, None, chosen={1: "cake"}) == [("boat", 0, 1), ("cake", 1, 2)]
    assert multi("not_of_any_task", chosen={0: "tent"}) == [("tent", 0, 1)]


def test_labels_of_every_task_and_silence_stay_with_the_goal_before():
    assert multi("hello", "tent_ask", "anything_else", "goodbye_1", False, chosen={2: "cake"}) == [("tent", 0, 5)]
    assert multi("hello", "anything_else") == [(None, 0, 2)]


def test_multi_task_goals_have_no_success_and_the_capabilitys_domain(star_release):
    several = [d for d in iter_dialogues("star", star_release, "all") if len(d.labels.goals) > 1]
    assert len(several) == 8
    for dialogue in several:
        assert [goal.domain for goal in dialogue.labels.goals] == [STAR_TASKS[g.name][0] for g in dialogue.labels.goals]
        assert {goal.success for goal in dialogue.labels.goals} == {None}
        assert success_question(dialogue) is None


# ------------------------------------------------------------------------------------------------------------- splits


def test_hashed_splits_are_disjoint_and_make_all(star_release):
    ids = {split: [d.id for d in iter_dialogues("star", star_release, split)] for split in ("all", *SHARES)}
    assert sorted(i for split in SHARES for i in ids[split]) == sorted(ids["all"])
    assert ids["all"] == sorted(ids["all"], key=int)


def test_hashed_splits_have_their_shares():
    counts = dict.fromkeys(SHARES, 0)
    for i in range(5000):
        counts[hashed_split(str(i))] += 1
    for split, share in SHARES.items():
        assert counts[split] / 50 == pytest.approx(share, abs=1.5)


def test_answered_are_those_with_a_success(star_release):
    everything = list(iter_dialogues("star", star_release, "all"))
    answered = list(iter_dialogues("star", star_release, "answered"))
    assert [d.id for d in answered] == [d.id for d in everything if d.labels.goals[0].success is not None]
    assert len(answered) == 36
    for question in {success_question(dialogue) for dialogue in answered}:
        outcomes = [d.labels.goals[0].success for d in answered if success_question(d) == question]
        assert sorted(outcomes) == [False] * 3 + [True] * 9


# ---------------------------------------------------------------------------------------------------------- bad input


def broken(star_release, tmp_path, change):
    root = tmp_path / "star"
    if not root.exists():
        shutil.copytree(star_release, root)
    file = root / "dialogues" / "31.json"
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(RecordError) as caught:
        list(iter_dialogues("star", root, "all"))
    shutil.rmtree(root)
    assert (caught.value.file, caught.value.row) == (str(file), "31")
    return caught.value


def test_faults_are_named(star_release, tmp_path):
    def fault(change):
        return broken(star_release, tmp_path, change)

    assert fault(lambda raw: raw.pop("Scenario")).field == "Scenario"
    assert fault(lambda raw: raw["Scenario"].update(WizardCapabilities=[])).expected.startswith("the layout of")
    done = [{"Question": "Did it book your boat?", "Answer": True}] * 2
    assert fault(lambda raw: raw.update(UserQuestionnaire=done)).field == "UserQuestionnaire"
    asked = [{"Question": "Did the user seem confused?", "Answer": "no"}]
    assert fault(lambda raw: raw.update(WizardQuestionnaire=asked)).expected == "true or false as Answer"
    two = [{"Task": "boat_book", "Domain": None}, {"Task": "tent_find", "Domain": None}]
    single = {"MultiTask": False, "WizardCapabilities": two}
    assert "one task" in fault(lambda raw: raw.update(Scenario=single)).expected
    unknown = {"MultiTask": True, "WizardCapabilities": [*two, {"Task": "sail", "Domain": None}]}
    assert fault(lambda raw: raw.update(Scenario=unknown)).value == ["sail"]
    assert fault(lambda raw: raw["Events"][-3].update(UnixTime=0)).field == "seconds"
    for time in (10**400, "noon"):
        said = fault(lambda raw, time=time: raw["Events"][-3].update(UnixTime=time)).expected
        assert said.startswith("the layout of the original release (")


def test_a_cut_file_is_named_with_its_position(star_release, tmp_path):
    shutil.copytree(star_release, tmp_path / "star")
    file = tmp_path / "star" / "dialogues" / "31.json"
    file.write_text(file.read_text("utf-8")[:200], "utf-8")
    with pytest.raises(CorpusError, match=r"31\.json: not valid JSON at line \d+, column \d+ \(character \d+ of 200\)"):
        list(iter_dialogues("star", tmp_path / "star", "all"))
