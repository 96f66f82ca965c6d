from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from selflearn.simulation.annotators import Annotators, labels_by, load_annotators, raters, three_pass


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
    table = []
    for dialogue in annotated:
        three = raters(dialogue)[1:]
        for turn in range(len(dialogue.turns)):
            answers = [
                r.answer for r in dialogue.ratings if (r.question, r.turn) == ("defect", turn) and r.rater in three
            ]
            table.append([answers.count("yes"), answers.count("no")])
    assert fleiss(np.array(table)) == pytest.approx(0.574, abs=0.04)  # USS, Sun et al., 2021


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
    fooled = [
        (dialogue, turn)
        for dialogue in annotated
        for turn, labels in enumerate(dialogue.labels.turns)
        if labels.failure_point.value == "recognition" and dialogue.turns[turn].status == "done"
        and labels.rephrase_target is None and not dialogue.feedback[turn].barge_in
    ]  # fmt: skip
    assert fooled
    taken = [
        all(r.answer == dialogue.turns[turn].request for r in dialogue.ratings
            if (r.question, r.turn) == ("transcript", turn))
        for dialogue, turn in fooled
    ]  # fmt: skip
    assert np.mean(taken) > 0.4


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
