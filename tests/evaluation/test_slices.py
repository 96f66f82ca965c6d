import pandas as pd

from selflearn.evaluation.slices import add_slices, without_one_sided_slices
from selflearn.schema import Goal, Label, Labels, Rating, TurnLabels
from tests.fixtures.dialogues import plain_dialogue


def dialogue(name, *domains):
    goals = tuple(Goal(start=i, end=i + 1, domain=domain) for i, domain in enumerate(domains))
    return plain_dialogue(*[("a", "b")] * max(1, len(domains)), id=name).with_labels(Labels(goals=goals or None))


DIALOGUES = [
    dialogue("old", "taxi", "taxi"),
    dialogue("new", "boat", "boat"),
    dialogue("both", "taxi", "boat"),
    dialogue("none"),
]
IDS = [d.id for d in DIALOGUES]


def test_an_item_is_seen_or_unseen_by_the_domain_of_its_goal():
    table = pd.DataFrame({"dialogue_id": ["old", "new", "both", "both", "none"], "turn": 0,
                          "domain": ["taxi", "boat", "taxi", "boat", None]})  # fmt: skip
    sliced = add_slices({"intent": table}, DIALOGUES, {"taxi"})["intent"]
    assert "domain" not in sliced
    assert sliced["@seen"].tolist() == [True, False, True, False, False]
    assert sliced["@unseen"].tolist() == [False, True, False, True, False]
    assert sliced["@seen"].dtype == bool


def test_a_boundary_is_seen_or_unseen_by_all_domains_of_its_dialogue():
    sliced = add_slices({"segmentation": pd.DataFrame({"dialogue_id": IDS})}, DIALOGUES, {"taxi"})["segmentation"]
    assert sliced["@seen"].tolist() == [True, False, False, False]
    assert sliced["@unseen"].tolist() == [False, True, False, False]


def test_without_domains_there_are_no_slices():
    table = pd.DataFrame({"dialogue_id": ["none"], "domain": [None]})
    assert list(add_slices({"intent": table}, [DIALOGUES[3]], {"taxi"})["intent"]) == ["dialogue_id"]


def test_slices_of_which_one_is_the_whole_are_left_out():
    table = pd.DataFrame({"dialogue_id": ["old", "new"], "gold": ["a", "b"], "domain": ["taxi", "boat"]})
    some = add_slices({"intent": table}, DIALOGUES[:2], {"taxi"})
    all_seen = add_slices({"intent": table}, DIALOGUES[:2], {"taxi", "boat"})
    assert list(without_one_sided_slices(some)["intent"]) == ["dialogue_id", "gold", "@seen", "@unseen"]
    assert list(without_one_sided_slices(all_seen)["intent"]) == ["dialogue_id", "gold"]
    alone = some["intent"].assign(gold=["a", None])  # a span that only one system saw: others have no such row
    assert list(without_one_sided_slices({"slots": alone})["slots"]) == ["dialogue_id", "gold"]


def test_turns_where_the_assistant_was_wrong_are_a_slice_of_what_is_labelled_turn_by_turn():
    turns = tuple(TurnLabels(defect=Label(value=value)) for value in (True, False))
    dialogue = plain_dialogue(("a", "b"), ("c", "d"), id="d").with_labels(Labels(turns=turns))
    table = pd.DataFrame({"dialogue_id": "d", "turn": [0, 1, 1], "domain": None})
    sliced = add_slices({"intent": table, "defect": table, "segmentation": table}, [dialogue], set())
    assert sliced["intent"]["@defects"].tolist() == [True, False, False]
    assert "@defects" not in sliced["defect"]
    assert "@defects" not in sliced["segmentation"]
    assert "@defects" not in add_slices({"intent": table}, [plain_dialogue(("a", "b"))], set())["intent"]


def test_success_has_the_question_that_was_asked_where_everybody_was_asked_one():
    def asked(name, question):
        return plain_dialogue(("a", "b"), id=name, ratings=(Rating(rater="user", question=question, answer="yes"),))

    boat, tent = asked("x", "Did the assistant book your boat?"), asked("y", "Did the AI Assistant find you a tent?")
    table = pd.DataFrame({"dialogue_id": ["y", "x", "x"], "goal": 0, "gold": True})
    tables = add_slices({"success": table, "success@no_notify": table, "intent": table}, [boat, tent], set())
    for name in ("success", "success@no_notify"):
        assert tables[name]["question"].tolist() == ["find you a tent", "book your boat", "book your boat"]
    assert "question" not in tables["intent"]
    calm = asked("x", "Did the assistant stay calm?")  # is no question about success
    assert "question" not in add_slices({"success": table}, [calm, tent], set())["success"]


def rated(name, answers):
    """Two turns that four annotators judged; ``answers`` of each turn by question, the single pass first."""
    ratings = tuple(
        Rating(rater=f"annotator-{number}", question=question, answer=answer, turn=turn)
        for (question, turn), said in answers.items()
        for number, answer in enumerate(said)
    )
    return plain_dialogue(("a", "b"), ("c", "d"), id=name, ratings=ratings)


def test_items_are_agreed_or_disputed_by_the_three_who_make_the_gold():
    own = {("boundary", 1): ["no", "yes", "yes", "yes"], ("success", 1): ["no", "no", "no", "yes"],
           ("defect", 0): ["yes", "no", "no", "no"], ("defect", 1): ["no", "no", "yes", "no"]}  # fmt: skip
    dialogues = [rated("d", own), rated("e", {**own, ("boundary", 1): ["no", "no", "yes", "yes"]})]
    turns = pd.DataFrame({"dialogue_id": ["d", "d", "e"], "turn": [0, 1, 1], "gold": False, "domain": None})
    goals = pd.DataFrame({"dialogue_id": ["d"], "goal": [0], "start": [0], "end": [2], "gold": False, "domain": None})
    gaps = pd.DataFrame({"dialogue_id": ["d", "e"], "turn": [1, 1], "gold": False})
    tables = {"defect": turns, "intent": turns, "success": goals, "success@end_to_end": goals, "segmentation": gaps}
    sliced = add_slices(tables, dialogues, set())
    assert sliced["defect"]["@agreed"].tolist() == [True, False, False]
    assert sliced["defect"]["@disputed"].tolist() == [False, True, True]
    assert "@agreed" not in sliced["intent"]  # of which nobody was asked
    for name in ("success", "success@end_to_end"):
        assert sliced[name]["@disputed"].tolist() == [True]
    assert sliced["segmentation"]["@agreed"].tolist() == [True, False]
    assert list(without_one_sided_slices(sliced)["success"]) == ["dialogue_id", "goal", "start", "end", "gold"]


def test_without_three_annotators_nothing_is_agreed_or_disputed():
    three = rated("d", {("defect", 0): ["yes", "no", "no"]})
    table = pd.DataFrame({"dialogue_id": "d", "turn": [0, 1], "domain": None})
    assert "@agreed" not in add_slices({"defect": table}, [three], set())["defect"]
