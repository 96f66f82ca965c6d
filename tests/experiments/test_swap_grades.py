import json

import pytest

from experiments.swap_grades import main


@pytest.fixture
def swap_grades(program, sgd_release):
    given = {"data.root": sgd_release, "model": "tiny", "grades": "[random,exchanged]"}
    return lambda *arguments: program(main, arguments, given)


def test_each_grade_is_judged_on_dialogues_that_the_bag_of_words_did_not_read(swap_grades, tmp_path):
    code, out, err = swap_grades()
    assert code == 0, err
    assert "AUC, true against wrong" in out
    found = json.loads((tmp_path / "runs" / "swap_grades" / "swap_grades.json").read_text("utf-8"))
    assert set(found) == {f"{name}/{of}" for name in ("random", "exchanged") for of in ("cosine", "learned", "pairs")}
    assert all(0 <= found[f"{name}/learned"] <= 1 and found[f"{name}/pairs"] > 0 for name in ("random", "exchanged"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("grades=[random,neerest]",), "no grade of swapped answers is called 'neerest'; there are random, hypothesis"),
        (("grades=random",), "grades is 'random'; expected a list: grades=[random]"),
        (("data.root=absent_release",), "absent_release"),
    ],
)
def test_a_users_fault_is_said_before_any_grade_is_judged(swap_grades, tmp_path, arguments, message):
    code, _, err = swap_grades(*arguments)
    assert code == 2
    assert message in err
    assert not (tmp_path / "runs" / "swap_grades" / "swap_grades.json").exists()
