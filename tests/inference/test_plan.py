from __future__ import annotations

import pytest

from selflearn.corpora.table import write_jsonl
from selflearn.inference import label_file, plan_file
from selflearn.inference.plan import SAMPLE
from tests.fixtures.dialogues import home_dialogues, plain_dialogue


@pytest.fixture
def logs(tmp_path):
    turns = ((f"dim the lights in room {i}", "It is darker now.") for i in range(20))
    long = plain_dialogue(*turns, ("stop " * 200, None), id="long")
    write_jsonl([*home_dialogues(12, seed=5), long], tmp_path / "logs.jsonl")
    return tmp_path / "logs.jsonl"


def test_a_plan_counts_what_the_labelling_will_count_and_writes_nothing(labeler, logs, tmp_path):
    plan = plan_file(labeler, logs, shard_size=5, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "out").exists()
    report = label_file(labeler, logs, tmp_path / "out", shard_size=5, cache_dir=tmp_path / "cache")
    same = ("dialogues", "turns", "truncated_texts", "windowed_dialogues", "turns_not_seen", "missing_recordings")
    assert {what: plan.counts[what] for what in same} == {what: report.counts[what] for what in same}
    assert plan.counts["truncated_texts"] == plan.counts["windowed_dialogues"] == 1
    assert plan.parts == len(list(report.dialogues.iterdir())) == 3
    assert plan.counts["tokens"] > plan.counts["turns"]
    assert plan.tried == 13
    assert plan.seconds > 0


def test_a_plan_tries_no_more_dialogues_than_it_says(labeler, tmp_path):
    write_jsonl([plain_dialogue(("stop", "ok"), id=str(i)) for i in range(SAMPLE + 8)], tmp_path / "logs.jsonl")
    assert 0 < plan_file(labeler, tmp_path / "logs.jsonl", cache_dir=tmp_path / "cache").tried <= SAMPLE


def test_a_plan_counts_the_files_of_a_folder(labeler, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "logs").mkdir(exist_ok=True)
        write_jsonl([plain_dialogue(("stop", "ok"), id=name)], tmp_path / "logs" / f"{name}.jsonl")
    assert plan_file(labeler, tmp_path / "logs", shard_size=5, cache_dir=tmp_path / "cache").parts == 2


@pytest.mark.parametrize("call", [plan_file, lambda *given, **more: label_file(*given, "out", **more)])
def test_a_part_without_dialogues_is_refused_also_by_a_plan(labeler, logs, tmp_path, call):
    with pytest.raises(ValueError, match="shard_size is 0; expected 1 or more dialogues"):
        call(labeler, logs, shard_size=0, cache_dir=tmp_path / "cache")
