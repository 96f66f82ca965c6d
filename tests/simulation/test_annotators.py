from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from selflearn.simulation.agreement import fleiss_kappas
from selflearn.simulation.annotators import (
    QUESTIONS,
    Annotators,
    disputes,
    labels_by,
    load_annotators,
    raters,
    three_pass,
)
from selflearn.simulation.evidence import Reader
from selflearn.simulation.simulate import simulated
from selflearn.simulation.summary import Summary


@pytest.fixture(scope="module")
def team(home):
    return Annotators(home.world, load_annotators(home.world), seed=1)


@pytest.fixture(scope="module")
def annotated(home_log, team):
    return [team.annotate(dialogue, place) for place, dialogue in enumerate(home_log)]


def fleiss(table):
    """Fleiss' kappa of counts by item and category."""
    n = table.sum(1)[0]
    share = table.sum(0) / table.sum()
    agreement = ((table * (table - 1)).sum(1) / (n * (n - 1))).mean()
    return (agreement - (share**2).sum()) / (1 - (share**2).sum())


def test_agreement_on_defects_is_the_published_one_on_satisfaction(annotated):
    assert fleiss_kappas(annotated)["defect"] == pytest.approx(0.574, abs=0.04)  # USS, Sun et al., 2021


def test_agreement_is_that_of_the_three_by_question(annotated):
    found = fleiss_kappas(annotated)
    assert sorted(found) == ["boundary", "defect", "failure_point", "intent", "success"]
    for question, kappa in found.items():
        items = Counter()
        for dialogue in annotated:
            for r in dialogue.ratings:
                if r.question == question and r.rater in raters(dialogue)[1:]:
                    items[dialogue.id, r.turn, r.answer] += 1
        table = pd.Series(items).unstack(fill_value=0).to_numpy()
        assert kappa == pytest.approx(fleiss(table), abs=1e-4)
    assert fleiss_kappas(replace(dialogue, ratings=()) for dialogue in annotated[:5]) == {}


def test_who_errs_at_a_rate_of_1_says_the_opposite_of_who_errs_at_a_rate_of_0(small):
    def answers(rate):
        yes_no = dict.fromkeys(small.annotators.yes_no, ((rate, rate), (rate, rate)))
        settings = replace(small.annotators, hard=0.0, fatigue=0.0, yes_no=yes_no)
        team = Annotators(small.world, settings, seed=1)
        ratings = [rating for dialogue in dialogues for rating in team.annotate(dialogue, 0).ratings]
        return [rating.answer == "yes" for rating in ratings if rating.question in yes_no]

    dialogues = [replace(dialogue, ratings=()) for dialogue in simulated(small, 10)]
    never, always = answers(0.0), answers(1.0)
    assert len(never) > 40
    assert always == [not answer for answer in never]


def test_the_single_annotator_is_not_one_of_the_three(annotated):
    seen = Counter()
    for dialogue in annotated:
        names = raters(dialogue)
        assert len(names) == 4
        seen.update(names)
    assert len(seen) == 12


def test_three_are_better_than_one_and_what_they_dispute_is_harder(annotated):
    right, disputes, asked = {"one": [], "three": [], "agreed": []}, 0, 0
    for dialogue in annotated:
        labels, disputed = three_pass(dialogue)
        disputes += len(disputed)
        asked += sum(rating.rater == raters(dialogue)[1] for rating in dialogue.ratings)
        one = labels_by(dialogue, raters(dialogue)[0])
        for i, (gold, single, three) in enumerate(zip(dialogue.labels.turns, one.turns, labels.turns, strict=True)):
            if gold.intent is not None and three.intent is not None:
                right["one"].append(single.intent.value == gold.intent.value)
                right["three"].append(three.intent.value == gold.intent.value)
                if ("intent", i) not in disputed:
                    right["agreed"].append(three.intent.value == gold.intent.value)
    assert np.mean(right["three"]) > np.mean(right["one"]) + 0.02
    assert np.mean(right["agreed"]) > np.mean(right["three"])
    assert 0.02 * asked < disputes < 0.3 * asked


def test_annotators_have_errors_of_their_own(annotated):
    kappas = []
    for name in sorted({name for dialogue in annotated for name in raters(dialogue)}):
        truth, said = [], []
        for dialogue in annotated:
            if name in raters(dialogue):
                own = labels_by(dialogue, name)
                truth += [t.defect.value for t in dialogue.labels.turns]
                said += [t.defect.value for t in own.turns]
        kappas.append(cohen_kappa_score(truth, said))
    assert max(kappas) - min(kappas) > 0.05
    assert min(kappas) > 0.3


def test_nobody_who_reads_knows_what_only_sound_would_tell(annotated, team):
    """Misheard as something else that was served, in the last turn of a session: nothing that is logged says so."""
    found = []
    for dialogue in annotated:
        last = len(dialogue.turns) - 1
        shown, labels, said = dialogue.turns[last], dialogue.labels.turns[last], dialogue.feedback[last]
        unseen = shown.status == "done" and not said.barge_in and said.answer is not False
        heard_as = shown.interpretations[0].intent if shown.interpretations else None
        misheard = labels.failure_point.value == "recognition" and labels.intent is not None
        if misheard and unseen and heard_as != labels.intent.value:
            names = [r.answer for r in dialogue.ratings if (r.question, r.turn) == ("intent", last)]
            found += [(name == labels.intent.value, name == heard_as) for name in names]
    true, taken = (sum(one) for one in zip(*found, strict=True))
    assert len(found) > 20
    assert true <= 0.1 * len(found)
    assert taken >= 0.6 * len(found)


def test_errors_depend_on_the_class(home_log, home):
    """Who misses failures need not invent any: of what is there and known some is missed, of the rest nothing said."""
    settings = load_annotators(home.world)
    rates = {**settings.yes_no, "defect": ((0.3, 0.3), (0.0, 0.0))}
    team = Annotators(home.world, replace(settings, yes_no=rates, hard=0.0, fatigue=0.0), seed=1)
    reader, missed, invented = Reader(home.world), [], []
    for place, dialogue in enumerate(home_log[:300]):
        known = reader.known(dialogue.observed(feedback=True), dialogue.labels.turns)
        rated = team.annotate(dialogue, place)
        for rating in rated.ratings:
            if rating.question == "defect":
                failed = known[rating.turn].knows_failure and dialogue.labels.turns[rating.turn].defect.value
                (missed if failed else invented).append((rating.answer == "yes") != failed)
    assert np.mean(missed) == pytest.approx(0.3, abs=0.04)
    assert not any(invented)


def test_who_errs_about_an_intent_names_a_likely_one(home, home_log):
    """What the assistant thought of, or what is done with the same things; all take it for the same."""
    settings = load_annotators(home.world)
    wrong = replace(settings, others={**settings.others, "intent": (1.0, 1.0)}, hard=0.0)
    teams = [Annotators(home.world, one, seed=1) for one in (wrong, replace(settings, hard=0.0, others=dict.fromkeys(
        settings.others, (0.0, 0.0))))]  # fmt: skip
    domains, offered_one = {i.name: i.domain for i in home.world.intents.values()}, 0
    for place, dialogue in enumerate(home_log[:200]):
        said, right = ({(r.rater, r.turn): r.answer for r in team.annotate(dialogue, place).ratings
                        if r.question == "intent"} for team in teams)  # fmt: skip
        for (rater, turn), answer in said.items():
            meant = right[rater, turn]
            offered = {r.intent for r in dialogue.turns[turn].interpretations} - {meant}
            alike = not offered and domains.get(answer) == domains.get(meant)
            assert answer in offered | {meant} or alike or meant == "other"
            offered_one += answer in offered
    assert offered_one > 500


def test_who_errs_never_names_the_right_thing(annotated, home):
    """With nothing but errors, no answer is the one that an annotator without errors gives."""
    settings = load_annotators(home.world)
    always = dict.fromkeys(settings.others, (1.0, 1.0))
    wrong = Annotators(home.world, replace(settings, others=always, hard=0.0, fatigue=0.0), seed=1)
    never = dict.fromkeys(settings.others, (0.0, 0.0))
    right = Annotators(home.world, replace(settings, others=never, hard=0.0, fatigue=0.0), seed=1)
    said = {}
    for team in (wrong, right):
        rated = [team.annotate(replace(dialogue, ratings=()), place) for place, dialogue in enumerate(annotated[:100])]
        said[team] = {(d.id, r.rater, r.turn, r.question): r.answer for d in rated for r in d.ratings}
    named = [key for key in said[right] if key[-1] in ("intent", "failure_point")]
    assert not any(said[wrong][key] == said[right][key] for key in named)


def test_what_three_dispute_is_counted_by_question(annotated):
    total = Summary.of(annotated)
    parts = Summary.of(annotated[:300]) + Summary.of(annotated[300:])
    assert (parts.asked, parts.disputed) == (total.asked, total.disputed)
    assert set(total.asked) == set(QUESTIONS)
    assert total.asked["defect"] == total.counts["turns"]
    assert sum(total.disputed.values()) == sum(len(three_pass(dialogue)[1]) for dialogue in annotated)
    for question in QUESTIONS:
        assert total.rates()[f"disputed/{question}"] == total.disputed[question] / total.asked[question]
    assert 0.1 < total.rates()["disputed/defect"] < 0.4
    alone = Summary.of(replace(dialogue, ratings=()) for dialogue in annotated[:50])
    assert not any(name.startswith("disputed") for name in alone.rates())


def test_the_share_that_is_disputed_hangs_on_no_one_but_the_three(annotated):
    for dialogue in annotated[:50]:
        alone = raters(dialogue)[0]
        others = tuple(replace(r, answer="no") if r.rater == alone else r for r in dialogue.ratings)
        assert disputes(replace(dialogue, ratings=others)) == disputes(dialogue)


def test_people_tire(home_log, team):
    def wrong(place):
        errors = 0
        for dialogue in home_log[:400]:
            own = labels_by(team.annotate(dialogue, place), raters(team.annotate(dialogue, place))[0])
            errors += sum(
                a.defect.value != b.defect.value for a, b in zip(own.turns, dialogue.labels.turns, strict=True)
            )
        return errors

    assert wrong(59) > wrong(0)


def test_labels_of_somebody_who_was_not_there_are_an_error(annotated):
    with pytest.raises(ValueError, match="annotator-99 has not labelled dialogue"):
        labels_by(annotated[0], "annotator-99")
    with pytest.raises(ValueError, match="has 0 annotators; expected 4"):
        three_pass(replace(annotated[0], ratings=()))
