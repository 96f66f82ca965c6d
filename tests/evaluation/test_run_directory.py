import json
import logging

import pytest

from selflearn.corpora.lock import LOCK, exclusive
from selflearn.evaluation.run_directory import claim, claim_data, logged_to, machine, versions, write_json

GROUPS = "".join(f"{name}: {{}}\n" for name in ("baselines", "data", "model", "pretraining", "supervision", "tasks"))
SETTINGS = f"{GROUPS}seed: 1\ntraining:\n  epochs: 2\n"


def test_a_run_goes_on_in_its_directory_with_its_settings_alone(tmp_path):
    run = tmp_path / "runs" / "one"
    claim(run, SETTINGS, resume=True)
    (run / "weights").write_text("x")
    claim(run, SETTINGS, resume=True)
    with pytest.raises(
        ValueError, match=r"holds a run with other settings \(epochs: 3\).*paths\.output_dir=.*resume=never"
    ):
        claim(run, SETTINGS.replace("2", "3"), resume=True)
    assert (run / "weights").exists()
    assert (run / "config.yaml").read_text() == SETTINGS


def test_where_things_are_may_change_and_a_run_that_did_not_begin_is_none(tmp_path):
    claim(tmp_path, SETTINGS + "paths:\n  cache: a\n", resume=True)
    claim(tmp_path, SETTINGS.replace("2", "3"), resume=True)
    (tmp_path / "checkpoints").mkdir()
    claim(tmp_path, SETTINGS.replace("2", "3") + "paths:\n  cache: b\n", resume=True)
    with pytest.raises(ValueError, match="other settings"):
        claim(tmp_path, SETTINGS, resume=True)


def test_a_run_that_failed_before_it_trained_takes_other_settings_and_other_dialogues(tmp_path):
    """As where a first attempt shows that pretraining has nothing to swap."""
    other = SETTINGS.replace("2", "3")
    claim(tmp_path, SETTINGS, resume=True)
    claim_data(tmp_path, SETTINGS, {"train": "a"})
    (tmp_path / "page.signals.md").write_text("x")
    claim(tmp_path, other, resume=True)
    claim_data(tmp_path, other, {"train": "b"})
    assert json.loads((tmp_path / "data.json").read_text()) == {"train": "b"}
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ValueError, match="other settings"):
        claim(tmp_path, SETTINGS, resume=True)
    with pytest.raises(ValueError, match="the split train are not those"):
        claim_data(tmp_path, other, {"train": "a"})


def test_files_that_are_named_as_those_of_a_run_are_not_touched(tmp_path):
    (tmp_path / "data.json").write_text("mine")
    with pytest.raises(ValueError, match=r"holds data\.json, and no run"):
        claim(tmp_path, SETTINGS, resume=True)
    assert (tmp_path / "data.json").read_text() == "mine"


def test_whether_a_bar_is_shown_may_change_and_the_precision_may_not(tmp_path):
    trainer = SETTINGS + "trainer:\n  precision: 32-true\n  progress: "
    claim(tmp_path, trainer + "true\n", resume=True)
    (tmp_path / "checkpoints").mkdir()
    claim(tmp_path, trainer + "false\n", resume=True)
    with pytest.raises(ValueError, match="other settings"):
        claim(tmp_path, trainer.replace("32-true", "bf16-mixed") + "true\n", resume=True)


def test_how_many_processes_make_dialogues_and_batches_may_change(tmp_path):
    one = "data: {simulate: {workers: 1, dialogues: 20}}\nmodel: {}\ntraining: {workers: 0, epochs: 2}\n"
    settings = one + "baselines: {}\npretraining: {}\nsupervision: gold\ntasks: {}\n"
    claim(tmp_path, settings, resume=True)
    (tmp_path / "checkpoints").mkdir()
    claim(tmp_path, settings.replace("workers: 1", "workers: 4").replace("workers: 0", "workers: 2"), resume=True)
    with pytest.raises(ValueError, match=r"other settings \(dialogues: 30\)"):
        claim(tmp_path, settings.replace("dialogues: 20", "dialogues: 30"), resume=True)


def test_more_baselines_can_be_asked_of_a_run(tmp_path):
    claim(tmp_path, SETTINGS + "baselines:\n  names: [tfidf]\n", resume=True)
    (tmp_path / "checkpoints").mkdir()
    more = SETTINGS + "baselines:\n  names: [tfidf, no_context]\n"
    claim(tmp_path, more, resume=True)
    claim_data(tmp_path, more, {})
    assert "no_context" in (tmp_path / "config.yaml").read_text()


def test_settings_that_were_left_out_are_named_too(tmp_path):
    claim(tmp_path, SETTINGS, resume=True)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ValueError, match=r"other settings \(.*epochs: 2"):
        claim(tmp_path, f"{GROUPS}seed: 1\n", resume=True)


def test_a_run_that_is_to_begin_anew_is_removed_whole(tmp_path):
    run = tmp_path / "run"
    claim(run, SETTINGS, resume=True)
    (run / "checkpoints" / "model").mkdir(parents=True)
    (run / "checkpoints" / "model" / "last.ckpt").write_text("x")
    (tmp_path / "elsewhere").mkdir()
    (run / "link").symlink_to(tmp_path / "elsewhere")
    with exclusive(run):
        claim(run, "seed: 2\n", resume=False)
        assert sorted(path.name for path in run.iterdir()) == [LOCK, "config.yaml"]
    assert (tmp_path / "elsewhere").is_dir()


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("name", ["thesis.tex", "config.yaml"])
@pytest.mark.parametrize("text", ["server: {port: 80}\n", "data: {path: logs}\nmodel: {}\ntraining:\n  epochs: 2\n"])
def test_a_folder_that_holds_something_else_is_left_as_it_is(tmp_path, resume, name, text):
    """A ``config.yaml`` alone makes no run: many programs call their settings so, and many have a ``training``."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"holds {name}, and no run; nothing was changed in it"):
        claim(tmp_path, SETTINGS, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    claim(tmp_path / "new", SETTINGS, resume=resume)


def test_a_run_goes_on_with_the_dialogues_that_it_began_with_wherever_they_lie(tmp_path):
    here, there = (SETTINGS.replace("data: {}", f"data: {{root: /{place}/sgd}}") for place in ("here", "there"))
    claim(tmp_path, here, resume=True)
    claim_data(tmp_path, here, {"train": "a", "test": "b"})
    (tmp_path / "checkpoints").mkdir()
    claim(tmp_path, there, resume=True)
    with pytest.raises(ValueError, match=r"dialogues of the split test are not those .* changed since.*resume=never"):
        claim_data(tmp_path, there, {"train": "a", "test": "c"})
    assert (tmp_path / "config.yaml").read_text() == here  # of a run that was refused nothing changes
    claim(tmp_path, there, resume=True)
    claim_data(tmp_path, there, {"train": "a", "test": "b"})
    assert (tmp_path / "config.yaml").read_text() == there


def test_json_appears_whole(tmp_path):
    write_json(tmp_path / "metrics.json", {"a": 0.5, "path": tmp_path})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 0.5, "path": str(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_versions_and_log(tmp_path):
    found = versions("python -m experiments.train", 1.26, {"model": "a GPU, torch 2.11.0", "tfidf": machine()})
    assert found["command"] == "python -m experiments.train"
    assert {"seconds", "python", "torch", "transformers", "lightning", "selflearn", "device"} <= found.keys()
    assert found["elsewhere"] == {"model": "a GPU, torch 2.11.0"}  # and not what was trained here
    with logged_to(tmp_path / "log.txt"):
        logging.getLogger("selflearn.anything").info("said")
    assert "INFO selflearn.anything: said" in (tmp_path / "log.txt").read_text()
