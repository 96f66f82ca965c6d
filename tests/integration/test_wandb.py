import json
import sys

import pytest


@pytest.mark.slow
def test_losses_and_results_go_to_wandb_offline_and_no_run_writes_into_that_of_the_one_before(
    command, one_step, corpora, tmp_path, monkeypatch
):
    monkeypatch.setenv("WANDB_SILENT", "true")
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb_home"))
    run = command(
        "-m", *one_step, "experiment=own_table", f"data.root={corpora}/table", "data.limit=12", "data.test_limit=5",
        "seed=1,2", "logger=wandb", "logger.offline=true", "paths.runs=here",
    )  # fmt: skip
    assert run.code == 0, run.printed
    jobs = sorted(path.parent for path in (tmp_path / "here").rglob("metrics.json"))
    assert len(jobs) == 2
    for job in jobs:
        assert json.loads((job / "metrics.json").read_text())["test/intent/accuracy"] >= 0
        for part in ("pretraining", "fine_tuning"):
            found = list((job / "checkpoints" / "model" / part).rglob("*.wandb"))
            assert len(found) == 1, part
            assert found[0].stat().st_size > 500
        (results,) = (job / "wandb").rglob("*.wandb")
        kept = results.read_bytes()
        for name in (b"test/intent/accuracy", b"time/total_seconds", b"optimized_metric", b"encoder_dropout"):
            assert name in kept, name
    assert sys.modules["wandb"].run is None
