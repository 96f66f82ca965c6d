"""Where mapie is right, thresholds are the same; and what keeps the package from building on it.

Read and run at 1.6.0. A test below that fails with a later mapie may say that the reason for tests of our own is gone.
"""

from __future__ import annotations

import numpy as np
import pytest

from selflearn.trust import certify
from selflearn.trust.binomial import binomial_p_values, smallest_sizes
from selflearn.trust.populations import POPULATIONS
from selflearn.trust.sequence import counts_for_binomial, last_reached, levels, thresholds_at

WHY = "mapie is not installed: pip install -c constraints.txt mapie"
risk_control = pytest.importorskip("mapie.risk_control", reason=WHY)
fwer_control = pytest.importorskip("mapie.risk_control.fwer_control", reason=WHY)
methods = pytest.importorskip("mapie.risk_control.methods", reason=WHY)

# mapie warns of a curve that is not monotone in the audit (by chance none is), and where nothing can be certified.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Fixed sequence testing requires a monotonic risk:UserWarning:mapie"),
    pytest.mark.filterwarnings("ignore:No predict parameters were found:UserWarning:mapie"),
]


def controller(scores, correct, **options):
    """mapie's fixed sequence on selective error: the share of right labels among the accepted is a precision."""
    found = risk_control.BinaryClassificationController(
        predict_function=lambda x: np.stack([1 - x, x], axis=1), risk="precision", target_level=0.9,
        confidence_level=0.9, fwer_method="fixed_sequence", **options,
    )  # fmt: skip
    return found.calibrate(scores, correct)


def test_p_values_are_the_same_but_for_rounding():
    errors, n = np.meshgrid(np.arange(40), np.arange(40, 400))
    k, total = errors.ravel(), n.ravel()
    ours = binomial_p_values(k, total, 0.1)
    theirs = methods.compute_hoeffding_bentkus_p_value(k / total, total, 0.1, binary=True)[:, 0]
    rounded_up = np.ceil(total * (k / total)) > k  # floating point makes one error more of some: cautious, not wrong
    np.testing.assert_allclose(theirs[~rounded_up], ours[~rounded_up], rtol=1e-9)
    assert (theirs[rounded_up] >= ours[rounded_up]).all()
    assert 0 < rounded_up.mean() < 0.1


def test_a_fixed_sequence_on_the_same_candidates_ends_at_the_same_threshold():
    same = 0
    for seed in range(20):
        audit = POPULATIONS["independent"].draw(1000, np.random.default_rng(seed))
        candidates = thresholds_at(audit.scores, counts_for_binomial(1000, 0.1, 0.1))
        accepted = audit.scores >= candidates[:, None]
        can_pass = accepted.sum(1) >= smallest_sizes([1], 0.1, 0.1)[0]
        testable, accepted = candidates[can_pass], accepted[can_pass]
        theirs = controller(audit.scores, audit.correct, list_predict_params=testable[::-1])
        p_values = binomial_p_values((accepted & ~audit.correct).sum(1), accepted.sum(1), 0.1)
        of_theirs = theirs.p_values[::-1, 0]
        assert (of_theirs >= p_values * (1 - 1e-9)).all()
        ours = certify(audit.scores, audit.correct, target_error=0.1).threshold
        assert theirs.best_predict_param >= ours  # rounding may stop it earlier, never later
        if (of_theirs <= 0.1)[testable >= ours].all():
            assert theirs.best_predict_param == ours
            same += 1
    assert same >= 10


def test_its_own_grid_starts_where_no_sample_can_pass():
    for seed in range(5):
        audit = POPULATIONS["independent"].draw(1000, np.random.default_rng(seed))
        assert controller(audit.scores, audit.correct).best_predict_param is None
        assert certify(audit.scores, audit.correct, target_error=0.1).coverage > 0.4


def test_several_starts_reach_as_far_and_further_where_they_meet():
    """Its chains keep the level that they start with; ours go on with what they have together."""
    rng, further = np.random.default_rng(0), 0
    for _ in range(200):
        p_values = np.sort(rng.random(30) ** 4) * rng.choice([1.0, 8.0], 30, p=[0.9, 0.1])
        theirs = fwer_control.control_fwer(p_values, 0.1, fwer_control.FWERFixedSequenceTesting(n_starts=3))
        ours = last_reached(p_values <= levels(0.1, 3)[:, None], np.array([0, 10, 20]))
        assert len(theirs) == 0 or (ours is not None and ours >= theirs.max())
        further += ours is not None and (len(theirs) == 0 or ours > theirs.max())
    assert further > 20


def test_its_betting_bound_promises_too_much():
    """It adds the maxima of two halves of the audit: "at most 10%" of items that are wrong in 10.1% too often."""
    rng, draws = np.random.default_rng(0), 1000
    claims = 0
    for _ in range(draws):
        losses = (rng.random((200, 1)) < 0.101).astype(float)
        _, bound = methods.get_r_hat_plus(losses, np.array([0.1]), "rcps", "wsr", 0.1, 0.25)
        claims += bound[0] <= 0.1
    assert claims > 0.13 * draws


def test_items_of_dialogues_are_taken_for_independent():
    """No argument says what belongs together; the same sequence accepts more of clustered items than holds."""
    broken, draws, population = 0, 100, POPULATIONS["correlated_0.95"]
    for seed in range(draws):
        audit = population.draw(125, np.random.default_rng(seed))
        theirs = controller(audit.scores, audit.correct, list_predict_params=np.linspace(0.0, 0.95, 96))
        broken += theirs.best_predict_param is not None and population.error_above(theirs.best_predict_param) > 0.1
    assert broken > 0.15 * draws
