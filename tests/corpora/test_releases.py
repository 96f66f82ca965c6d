"""The real releases, counted; the expected numbers are counts of the unpacked files made without this library."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from selflearn.corpora import ReadReport, iter_dialogues
from selflearn.corpora.splits import same_dialogues
from selflearn.corpora.star import success_question
from selflearn.corpora.views import before_notification

pytestmark = pytest.mark.corpus

SGD = {
    "train": {
        "counts": {
            "dialogues": 16_142, "dialogues_in_first_release_form": 3_968, "turns": 164_982, "goals": 43_393,
            "slots": 66_603, "spans_without_state_value": 39, "spans_overlapping": 2, "turns_without_intent": 11_042,
        },
        "goals": {1: 1_682, 2: 4_703, 3: 7_506, 4: 1_468, 5: 783},
        "boundaries": (27_251, 11_641),
        "success": {True: 16_868, False: 824, None: 25_701},
        "spans_with_their_value": 66_564,
        "come_back": 103,
        "services": 26,
        "service_intents": 52,  # of 53 in the schema, with 37 names: BuyMovieTickets of Movies_1 is never active
        "intents": 36,
    },
    "dev": {
        "counts": {
            "dialogues": 2_482, "dialogues_in_first_release_form": 384, "turns": 24_363, "goals": 6_593, "slots": 9_348,
            "turns_without_intent": 1_531,
        },
        "goals": {1: 337, 2: 605, 3: 1_252, 4: 150, 5: 138},
        "boundaries": (4_111, 1_697),
        "success": {True: 2_366, False: 117, None: 4_110},
        "spans_with_their_value": 9_348,
        "come_back": 0,
        "services": 17,
        "service_intents": 30,
        "intents": 27,
    },
}  # fmt: skip


@pytest.mark.parametrize("split", ["dev", pytest.param("train", marks=pytest.mark.slow)])
def test_sgd(corpora_root, split):
    expected, report = SGD[split], ReadReport("sgd", split)
    per_dialogue, success, boundaries, inside, equal, back, views = Counter(), Counter(), 0, 0, 0, 0, 0
    seen = set()
    for dialogue in iter_dialogues("sgd", corpora_root / "sgd", split, report=report):
        goals = dialogue.labels.goals
        per_dialogue[len(goals)] += 1
        success.update(goal.success for goal in goals)
        boundaries += len(goals) - 1
        inside += sum(a.domain == b.domain for a, b in pairwise(goals))
        equal += sum(slot.value == slot.text for turn in dialogue.labels.turns for slot in turn.slots)
        back += len(goals) - len({(goal.domain, goal.name) for goal in goals})
        seen |= {(goal.domain, goal.name) for goal in goals}
        views += len(before_notification(dialogue))
    assert report.counts == expected["counts"]
    assert per_dialogue == expected["goals"]
    assert (boundaries, inside) == expected["boundaries"]
    assert success == expected["success"]
    assert equal == expected["spans_with_their_value"]
    assert back == expected["come_back"]
    assert views == success[True] + success[False]
    assert len({service for service, _ in seen}) == expected["services"]
    assert len(seen) == expected["service_intents"]
    assert len({intent for _, intent in seen}) == expected["intents"]


def test_star(corpora_root):
    report = ReadReport("star", "all")
    success, questions, calm, users, said = Counter(), Counter(), Counter(), set(), 0
    for dialogue in iter_dialogues("star", corpora_root / "star", "all", report=report):
        success.update(goal.success for goal in dialogue.labels.goals)
        questions[success_question(dialogue)] += 1
        calm.update(rating.answer for rating in dialogue.ratings if "stay calm" in rating.question)
        users.add(dialogue.user_id)
        said += sum(t.joins + (t.request is not None) + (t.response is not None) for t in dialogue.turns)
    dropped = report.dropped
    assert dropped["dropped/dialogues_with_fewer_than_2_utterances"] == 624
    assert report.counts["dialogues"] == 6_652 - 624
    assert said + dropped["dropped/utterances_of_such_dialogues"] == 108_137
    assert report.counts["events_not_said/request_suggestions"] == 58_357
    assert report.counts["events_not_said/instruct"] == 24_764
    # Of 2,301 answers two, both "no", are to dialogues in which nothing was said: they cannot be records.
    assert (success[True], success[False]) == (1_704, 597 - 2)
    assert sum(n for question, n in questions.items() if question is not None) == 2_301 - 2
    assert len(questions) - 1 == 20
    assert calm == {"yes": 5_642, "no": 178 - 2}
    assert len(users) == 108  # of 109: one is only in dialogues that are left out


def test_star_answered(corpora_root):
    report = ReadReport("star", "answered")
    answered = list(iter_dialogues("star", corpora_root / "star", "answered", report=report))
    assert len(answered) == 2_299
    assert report.dropped["dropped/dialogues_with_fewer_than_2_utterances"] == 2
    assert all(len(dialogue.labels.goals) == 1 for dialogue in answered)


SENTENCES = {
    ("snips", "train"): (13_084, 117_700, 7, 33_958, 39),
    ("snips", "dev"): (700, 6_384, 7, 1_794, 39),
    ("snips", "test"): (700, 6_354, 7, 1_790, 39),
    ("atis", "train"): (4_478, 50_497, 21, 14_851, 79),
    ("atis", "dev"): (500, 5_703, 16, 1_709, 67),
    ("atis", "test"): (893, 9_164, 20, 2_837, 69),
}


@pytest.mark.parametrize(("name", "split"), SENTENCES)
def test_snips_and_atis(corpora_root, name, split):
    sentences, tokens, intents, slots, slot_types = SENTENCES[name, split]
    report = ReadReport(name, split)
    labels = [d.labels.turns[0] for d in iter_dialogues(name, corpora_root / name, split, report=report)]
    assert report.counts == {"dialogues": sentences, "tokens": tokens, "slots": slots}
    assert len({turn.intent.value for turn in labels}) == intents
    assert len({slot.name for turn in labels for slot in turn.slots}) == slot_types


def test_dbdc3(corpora_root):
    report = ReadReport("dbdc3", "dev")
    votes, raters, people, defects = Counter(), {}, Counter(), Counter()
    for dialogue in iter_dialogues("dbdc3", corpora_root / "dbdc3", "dev", report=report):
        bot = dialogue.system_version
        by_turn = Counter(rating.turn for rating in dialogue.ratings)
        assert (len(by_turn), set(by_turn.values())) == (10, {30})
        votes.update((bot, rating.answer) for rating in dialogue.ratings)
        raters.setdefault(bot, set()).update(rating.rater for rating in dialogue.ratings)
        people[bot] += 1
        defects[bot] += sum(labels.defect.value for labels in dialogue.labels.turns if labels.defect)
    assert report.counts == {
        "dialogues": 415, "turns": 4_150 + 85 + 100 + 24, "utterances": 8_509, "ratings": 30 * 4_150,
        "turns_without_ratings": 85 + 100 + 24, "defects": 3_446, "dialogues_whose_raters_change": 22,
    }  # fmt: skip
    assert people == {"CIC": 115, "IRIS": 100, "TKTK": 100, "YI": 100}
    assert {bot: tuple(votes[bot, vote] for vote in "OTX") for bot in people} == {
        "CIC": (10_912, 15_910, 7_678), "IRIS": (9_861, 8_328, 11_811), "TKTK": (10_535, 8_272, 11_193),
        "YI": (9_592, 13_922, 6_486),
    }  # fmt: skip
    assert {bot: len(ids) for bot, ids in raters.items()} == {"CIC": 159, "IRIS": 351, "TKTK": 365, "YI": 162}
    assert (len(raters["CIC"] & raters["YI"]), len(raters["IRIS"] & raters["TKTK"])) == (127, 178)
    assert not (raters["CIC"] | raters["YI"]) & (raters["IRIS"] | raters["TKTK"])
    assert defects == {"CIC": 1_042, "IRIS": 790, "TKTK": 746, "YI": 868}


def test_dbdc3_by_the_strict_vote(corpora_root):
    report = ReadReport("dbdc3", "dev")
    for _ in iter_dialogues("dbdc3", corpora_root / "dbdc3", "dev", report=report, breakdown=["X"]):
        pass
    assert report.counts["defects"] == 1_087


# Dialogues, lines of the user and of the system, grades of lines and of dialogues; then responses that are followed by
# a graded line of the user, and how many of those lines have a mean under 3.
USS = {
    "sgd": (1_000, 12_833, 12_833, 45_686, 3_540, 11_833, 2_461),
    "mwoz": (1_000, 11_553, 10_555, 40_434, 3_488, 10_553, 2_865),
    "ccpe": (500, 6_360, 5_576, 22_466, 1_748, 5_180, 1_326),
    "redial": (1_000, 10_806, 10_652, 38_690, 3_547, 6_792, 1_475),
}


@pytest.mark.parametrize("part", USS)
def test_uss(corpora_root, part):
    report, raters, grades = ReadReport("uss", part), set(), 0
    for dialogue in iter_dialogues("uss", corpora_root / "uss", part, report=report):
        by_turn = Counter(rating.turn for rating in dialogue.ratings)
        assert len(set(by_turn.values())) == 1  # as many raters on each line of a dialogue
        raters |= set(by_turn.values())
        grades += sum(by_turn.values())
    names = ("dialogues", "user_lines", "system_lines", "grades", "overall_grades")
    assert tuple(report.counts[name] for name in names) == USS[part][:5]
    assert grades + sum(report.dropped.values()) == report.counts["grades"] + report.counts["overall_grades"]
    assert report.counts["turns"] - report.counts["turns_without_ratings"] == USS[part][5]
    assert report.counts["defects"] == USS[part][6]
    assert min(raters) == 3
    assert max(raters) <= 7


@pytest.mark.slow
def test_the_sgd_part_of_uss_comes_from_the_training_split(corpora_root):
    rated = list(iter_dialogues("uss", corpora_root / "uss", "sgd"))
    found = same_dialogues(rated, iter_dialogues("sgd", corpora_root / "sgd", "train"))
    assert len(found) == len(set(found.values())) == 1_000
    assert same_dialogues(rated, iter_dialogues("sgd", corpora_root / "sgd", "dev")) == {}
