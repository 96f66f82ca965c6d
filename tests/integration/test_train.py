"""Whole runs of ``python -m experiments.train`` and what they leave behind."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from experiments import compare_people, train
from experiments.app import CONF, hydra_main
from selflearn.corpora import iter_dialogues
from selflearn.corpora.star import success_question
from selflearn.corpora.table import write_jsonl
from selflearn.evaluation import evaluate, read_predictions
from selflearn.evaluation.run_directory import SETTINGS
from selflearn.evaluation.runs import Run
from selflearn.models import LabelGenerator, load_tokenizer
from selflearn.models.system import ModelSystem
from selflearn.schema import Labels
from tests.fixtures.dialogues import home_dialogues, long_home_dialogue
from tests.fixtures.releases import write_sgd


def numbers(metrics):
    """Everything that is measured; times aside."""
    return {key: value for key, value in metrics.items() if not key.startswith("time/")}


def same(one, other):
    return numbers(one) == pytest.approx(numbers(other), abs=0, rel=0, nan_ok=True)


MEASURED = ("test/", "baseline/", "delta/", "tune/")


def recomputed(directory):
    """Every measured number of a run, from its tables alone."""
    resamples = OmegaConf.load(directory / "config.yaml").resamples
    found = {}
    for folder, prefix in [(directory / "predictions", "test/"), (directory / "predictions" / "tune", "tune/")]:
        stored = read_predictions(folder)
        again = evaluate(
            stored.systems, dialogue_ids=stored.dialogue_ids, owners=stored.owners, model="model",
            resamples=resamples if prefix == "test/" else 0, seed=0,
        )  # fmt: skip
        found |= {
            prefix + key.removeprefix("test/") if key.startswith("test/") else key: value
            for key, value in again.items()
            if key.startswith(MEASURED)
        }
    return found


def test_a_complete_run_leaves_everything_it_promises_and_goes_on_only_with_its_own_settings(command, tmp_path):
    arguments = ["debug=fast", "baselines=tfidf_context", "pretraining=swapped", "data.limit=16", "label_most=5"]
    arguments += ["data.tune_share=0.25", "paths.output_dir=run"]  # two dialogues to tune on, two to calibrate on
    run = command(*arguments)
    assert run.code == 0, run.printed
    metrics = run.metrics
    for task, metric in [("segmentation", "boundary_f1"), ("success", "auc"), ("intent", "accuracy"), ("slots", "f1")]:
        assert f"test/{task}/{metric}" in metrics
        assert f"test/{task}/{metric}/low" in metrics
        assert f"baseline/tfidf_context/test/{task}/{metric}" in metrics
        assert f"delta/tfidf_context/{task}/{metric}" in metrics
    assert {"test/success/auc@no_notify", "test/success/auc@before_notify", "test/intent/accuracy@unseen"} <= set(
        metrics
    )
    assert metrics["count/test_truncated_texts"] == metrics["count/train_dropped_turns"] == 0
    assert metrics["count/train_labels_left_out"] == metrics["count/test_labels_left_out"] == 0
    unknown = [value for key, value in metrics.items() if key.startswith("count/unknown_gold_")]
    assert metrics["count/unknown_gold"] == sum(unknown) > 0  # of a service that training never saw
    assert {"time/model_train_seconds", "time/total_seconds"} <= set(metrics)
    assert {"pretrain/found", "pretrain/candidates"} <= set(metrics)
    assert "pretraining, on dialogues that it did not read: found" in (run.directory / "log.txt").read_text()
    for said in (run.printed, (run.directory / "log.txt").read_text()):
        assert "no defect label in the training dialogues: the task is left out" in said

    assert same(recomputed(run.directory), {key: metrics[key] for key in metrics if key.startswith(MEASURED)})
    assert {key.partition("/")[0] for key in recomputed(run.directory)} == {"test", "baseline", "delta", "tune"}
    assert {"segmentation", "success", "intent", "slots", "success@end_to_end"} <= set(
        read_predictions(run.directory / "predictions").systems["model"]
    )

    # calibration is measured on what it has not seen, and test dialogues are on the page
    card, page = ((run.directory / file).read_text() for file in ("model/README.md", "report.html"))
    labels = pd.read_parquet(run.directory / "predictions" / "calibration.parquet")
    assert metrics["calibration/intent/labels"] == (labels["task"] == "intent").sum() > 0
    assert f"| intent | {metrics['calibration/intent/labels']:,.0f} |" in card
    assert "calibration error of" in run.printed
    assert '"errors"' in page
    assert len(list(iter_dialogues("table", root=run.directory / "labelled" / "dialogues", split="all"))) == 5

    # the model can be used without the program
    model = LabelGenerator.from_pretrained(run.directory / "model")
    system = ModelSystem(model, load_tokenizer(run.directory / "model"))
    assert len(system.predict([home_dialogues(1)[0].observed()], [[]])[0].slots) == len(home_dialogues(1)[0].turns)
    config = OmegaConf.load(run.directory / "config.yaml")
    assert config.data.limit == 16
    assert json.loads((run.directory / "versions.json").read_text())["torch"]

    # started again it does nothing twice and says the same
    (run.directory / "metrics.json").unlink()
    stamp = (run.directory / "model" / "model.safetensors").stat().st_mtime_ns
    assert same(command(*arguments).metrics, metrics)
    assert (run.directory / "model" / "model.safetensors").stat().st_mtime_ns == stamp

    # other settings are refused in the same directory
    refused = command(*arguments, "seed=2")
    assert refused.code == 2
    assert "holds a run with other settings (seed: 2" in refused.printed
    assert "paths.output_dir=... , or" in refused.printed or "(paths.output_dir=...)" in refused.printed
    assert OmegaConf.load(run.directory / "config.yaml").seed == 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_a_run_that_began_anew_can_be_resumed(command, one_step):
    first = command(*one_step, "paths.output_dir=a").metrics
    anew = command(*one_step, "paths.output_dir=a", "training.resume=never")
    assert anew.code == 0
    assert same(first, anew.metrics)
    (anew.directory / "metrics.json").unlink()
    resumed = command(*one_step, "paths.output_dir=a")
    assert resumed.code == 0, resumed.printed
    assert same(first, resumed.metrics)


def test_beginning_anew_removes_a_run_and_nothing_else(command, one_step, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter_1.txt").write_text("three years of work")
    run = command(*one_step, "paths.output_dir=thesis", "training.resume=never")
    assert run.code == 2
    assert "thesis holds chapter_1.txt, and no run; nothing was changed in it" in run.printed
    assert (tmp_path / "thesis" / "chapter_1.txt").exists()


def test_a_run_is_not_removed_for_data_that_cannot_be_read(command, one_step, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.yaml").write_text("".join(f"{name}: {{}}\n" for name in SETTINGS))
    (tmp_path / "old" / "metrics.json").write_text("{}")
    run = command(*one_step, "paths.output_dir=old", "training.resume=never", "data.root=nowhere")
    assert run.code == 2
    assert "nowhere" in run.printed
    assert (tmp_path / "old" / "metrics.json").exists()


@pytest.fixture
def returning():
    """The program, and a list of what its runs return, which is what a sweep optimises."""
    returned = []

    @hydra_main("train")
    def program(cfg):
        returned.append(train.main(cfg))
        return returned[-1]

    return program, returned


def test_a_sweep_runs_its_jobs_in_one_process_and_each_returns_the_optimised_metric(
    command, one_step, corpora, tmp_path, returning
):
    program, returned = returning
    arguments = [
        "-m", *one_step, "experiment=own_table", f"data.root={corpora}/table", "model.dialogue.layers=0,1",
        "tasks=intent", "optimized_metric=tune/intent/accuracy", "paths.runs=here", "data.limit=15",
        "data.test_limit=5", "logger=csv",
    ]  # fmt: skip
    run = command(*arguments, program=program)
    assert run.code == 0, run.printed
    runs = {
        OmegaConf.load(path.parent / "config.yaml").model.dialogue.layers: json.loads(path.read_text())
        for path in (tmp_path / "here" / "own_table" / "sweep").glob("*/metrics.json")
    }
    assert set(runs) == {0, 1}
    said = [Run.read(path.parent) for path in (tmp_path / "here" / "own_table" / "sweep").glob("*/metrics.json")]
    for run_of_one in said:  # its own command, which makes it alone
        layers = run_of_one.config["model"]["dialogue"]["layers"]
        assert f" model.dialogue.layers={layers} " in run_of_one.command
        assert " -m " not in run_of_one.command.removeprefix("python -m experiments.train")
        assert f"model.dialogue.layers={layers}" in run_of_one.title()
    assert returned == [runs[layers]["tune/intent/accuracy"] for layers in (0, 1)]
    assert command(*arguments, program=program).code == 0  # started again, it finds what is done
    assert returned[2:] == returned[:2]


@pytest.mark.slow
def test_a_sweep_goes_on_after_a_job_that_failed(command, one_step, corpora, returning):
    program, returned = returning
    run = command(
        "-m", *one_step, "experiment=own_table", f"data.root={corpora}/nowhere,{corpora}/table", "tasks=intent",
        "data.limit=15", "paths.runs=here", program=program,
    )  # fmt: skip
    assert run.code == 2
    assert "nowhere does not exist" in " ".join(run.printed.split())
    assert "1 of 2 jobs failed" in run.printed
    assert len(returned) == 1


def test_a_log_that_nobody_labelled_is_learned_from_what_people_did(command, one_step, corpora, tmp_path):
    (tmp_path / "logs").mkdir()
    for split in ("train", "test"):
        read = iter_dialogues("table", root=corpora / "table", split=split)
        bare = [replace(dialogue, labels=Labels(), ratings=(), truth=None) for dialogue in read]
        write_jsonl(bare, tmp_path / "logs" / f"{split}.jsonl")
    run = command(*one_step, "experiment=own_table", "supervision=feedback", "data.root=logs", "paths.output_dir=run")
    assert run.code == 0, run.printed
    assert "nothing is measured: people have labelled no dialogue of the test split" in " ".join(run.printed.split())
    assert not any(key.startswith("test/") for key in run.metrics)
    assert any(key.startswith("tune/success/") for key in run.metrics)
    card = (run.directory / "model" / "README.md").read_text()
    assert "* success: whether a goal was reached" in card
    assert "Nothing is measured: people have labelled none of them." in card
    (file,) = (run.directory / "labelled" / "dialogues").glob("*.parquet")
    labelled = list(iter_dialogues("table", root=file, split="test"))
    assert labelled
    assert all(dialogue.labels.sources() == {"model"} for dialogue in labelled)
    assert "barge_in" in (run.directory / "page.signals.md").read_text()
    assert (run.directory / "report.html").is_file()


@pytest.mark.parametrize(("sweep", "where"), [([], "paths.output_dir=run"), (["-m"], "paths.runs=here")])
def test_a_sweep_of_a_metric_that_is_not_measured_says_so_and_gets_none(
    command, one_step, corpora, returning, sweep, where
):
    program, returned = returning
    run = command(
        *sweep, *one_step, "experiment=own_table", f"data.root={corpora}/table", "tasks=defect", where, program=program
    )
    assert (run.code, returned) == (0, [None])
    assert ("there is no tune/segmentation/boundary_f1 in this run" in run.printed) is bool(sweep)


NOWHERE = "data.root=nowhere"
"""Beside a fault that is told before anything is read."""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.epocs=3"], "unknown key 'training.epocs'; nearest: 'training.epochs'"),
        (["experiment=sgd_quik"], "unknown experiment 'sgd_quik'; nearest: 'sgd_quick'"),
        (["experiment=own_table"], "missing value: give data.root=..."),
        (["data.test_split=test"], "sgd: the split 'test'"),
        (["data.root=nowhere"], "sgd: nowhere does not exist"),
        ([NOWHERE, "baselines.names=[tfdif]"], "no baseline is called 'tfdif'"),
        ([NOWHERE, "tasks.names=[intents]"], "no task is called 'intents'"),
        ([NOWHERE, "baselines.names=null"], "baselines.names is null; expected a list, which may be empty"),
        ([NOWHERE, "pretraining.swaps=null"], "pretraining.swaps is None; expected settings"),
        ([NOWHERE, "tasks.names=[]"], "there is no task to train; expected one of segmentation, "),
        ([NOWHERE, "supervision.source=god"], "supervision.source is 'god'; expected one of gold, feedback, both"),
        (["model.encoder=no/such-encoder"], "encoder 'no/such-encoder' is neither a directory nor"),
        (["pretraining.swaps.shares={nearst: 1.0}"], "unknown key 'pretraining.swaps.shares.nearst'; nearest: '"),
        ([NOWHERE, "pretraining.swaps.shares={random: all}"], "pretraining.swaps.shares.random is 'all'; expected a"),
        (
            ["data.fold_by=users", "data.folds=2"],
            "data.fold_by is 'users'; expected one of dialogue, question, user",
        ),
        (
            ["experiment=dbdc3", "baselines=rated", "data.options.hold_out_rater=false"],
            "every rater of dbdc3 helped to make the labels",
        ),
        ([NOWHERE, "training.loss_weights={intnet: 2.0}"], "loss_weights has the task 'intnet'"),
        ([NOWHERE, "training.loss_weights={intent: -1}"], "training.loss_weights.intent is -1; expected a number"),
        (["data.views=[no_notifies]"], "no view is called 'no_notifies'; there are no_notify, before_notify"),
        (["data.on_overflow=windows"], "data.on_overflow is 'windows'; expected one of window, truncate, error"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_users_fault_ends_with_a_line_that_says_what_to_do(command, one_step, overrides, message):
    run = command(*one_step, *overrides, "paths.output_dir=run")
    assert run.code == 2, run.printed
    assert message in run.printed
    assert "Traceback" not in run.printed
    assert not (run.directory / "metrics.json").exists()


VALUES = {
    "seed=abc": "a whole number, from 0 to 4294967295",
    "resamples=-1": "a whole number, 0 or more",
    "label=yes_please": "one of auto, True, False",
    "label_most=0": "a whole number, 1 or more",
    "data.limit=0": "a whole number, 1 or more, or null",
    "data.limit=-5": "a whole number, 1 or more, or null",
    "data.folds=1": "a whole number, 2 or more, or null",
    "data.tune_share=2": "a number, more than 0 and less than 1",
    "training.epochs=0": "a number, more than 0",
    "training.epochs=abc": "a number, more than 0",
    "training.resume=true": "one of auto, never",
    "training.optimization.warmup=2": "a number, 0 or more and at most 1",
    "pretraining.epochs=-1": "a number, 0 or more",
    "pretraining.swaps.swapped=abc": "a number",
    "model.max_tokens=1": "a whole number, 4 or more",
    "model.pairing=both": "one of separate, pair",
    "model.dialogue.layers=-1": "a whole number, 0 or more",
    "model.dialogue.max_turns=0": "a whole number, 1 or more",
    "model.dialogue.heads=3": "a divisor of the size, 32",
    "model.lexical.buckets=-1": "a whole number, 0 or more",
    "trainer.precision=foo": "one of auto, 32-true",
    "logger.kind=paper": "one of csv, wandb, none",
    "optimized_metric=tune/intent/acuracy": "the nearest is tune/intent/accuracy",
}


@pytest.mark.parametrize("setting", VALUES)
def test_a_value_that_cannot_be_meant_is_told_before_anything_is_read(command, one_step, setting):
    run = command(*one_step, "data.root=nowhere", setting, "paths.output_dir=run")
    key, _, value = setting.partition("=")
    assert run.code == 2, run.printed
    said = re.escape(f"{key} is {value}")
    assert re.search(rf"(?i){said}; expected ", run.printed.replace("'", "")), run.printed
    assert VALUES[setting] in " ".join(run.printed.split())
    assert not run.directory.exists() or not any(run.directory.iterdir())  # Hydra makes it


def test_a_run_does_not_go_on_with_other_dialogues(command, one_step, tmp_path):
    (tmp_path / "logs").mkdir()
    for split, seed in (("train", 0), ("test", 1)):
        write_jsonl(home_dialogues(12, seed=seed, split=split), tmp_path / "logs" / f"{split}.jsonl")
    arguments = [*one_step, "experiment=own_table", "data.root=logs", "tasks=intent", "paths.output_dir=run"]
    first = command(*arguments)
    assert first.code == 0, first.printed
    file = tmp_path / "logs" / "test.jsonl"
    before = file.read_text("utf-8")
    file.write_text(before.replace("SetTimer", "PlayMusic"), "utf-8")
    assert file.read_text("utf-8") != before
    run = command(*arguments)
    assert run.code == 2
    assert "the dialogues of the split test are not those that the run in run was made of" in run.printed
    assert run.metrics == first.metrics  # what is there is left as it is
    assert command(*arguments, "training.resume=never").code == 0
    assert command(*arguments).code == 0  # and from then on with the new ones


def test_without_corpora_a_line_says_how_to_get_one(command, one_step, monkeypatch):
    monkeypatch.delenv("SELFLEARN_CORPORA")
    run = command(*one_step, "paths.output_dir=run")
    assert run.code == 2
    assert (
        "the corpus sgd is needed and SELFLEARN_CORPORA is not set: set it to the folder that holds sgd/" in run.printed
    )
    assert "Traceback" not in run.printed


MODELS = {
    "causal pairs": ["model.dialogue.causal=true", "model.pairing=pair"],
    "causal": ["model.dialogue.causal=true"],
    "pairs": ["model.pairing=pair"],
    "no context": ["model.dialogue.layers=0"],
    "no wide part": ["model.lexical.buckets=0"],
    "frozen encoder": ["training.optimization.encoder_lr=0", "pretraining.optimization.encoder_lr=0"],
    "fixed weights": ["training.loss_weights={intent: 2.0}"],
    "a view": ["data.views=[before_notify]", "training.view_share=0.9"],
    "workers": ["training.workers=1"],
    "few labels": ["data.labelled=12", "data.limit=20"],
    "annotated swaps": ["pretraining=annotated"],
    "hypothesis swaps": ["pretraining.swaps.shares={random: 0.5, hypothesis: 0.5}"],
}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind != "causal pairs")) for kind in MODELS]
)
def test_other_models_run_too(command, one_step, kind):
    run = command(*one_step, *MODELS[kind], "paths.output_dir=run")
    assert run.code == 0, run.printed
    model = LabelGenerator.from_pretrained(run.directory / "model")
    assert model.config.causal is ("causal" in kind)
    assert (model.config.pairing == "pair") is ("pairs" in kind)


def test_baselines_of_a_causal_model_are_causal_and_those_of_few_labels_learn_from_all_of_them(command, one_step):
    few = [
        *one_step, "baselines=tfidf_context", "data.limit=20", "data.labelled=10", "data.tune_share=0.3",
        "model.dialogue.causal=true", "paths.output_dir=run",
    ]  # fmt: skip
    run = command(*few)
    assert run.code == 0, run.printed
    assert "model: 7 dialogues to train on, 2 to tune, 1 to calibrate," in run.printed
    assert "tfidf_context: 10 dialogues to train on, 0 to tune, 0 to calibrate," in run.printed
    choices = json.loads((run.directory / "choices.json").read_text())["tfidf_context"]["choices"]
    assert choices["intent"]["value"] > 0  # chosen by folds
    assert not any("after" in choices[task]["window"] for task in ("segmentation", "success", "intent", "slots"))


def test_folds_test_every_dialogue_once(command, one_step, corpora):
    run = command(
        *one_step, "experiment=own_table", f"data.root={corpora}/table", "data.folds=2", "data.fold_by=user",
        "data.limit=12", "data.test_split=null", "tasks=intent", "paths.output_dir=run",
    )  # fmt: skip
    assert run.code == 0, run.printed
    table = pd.read_parquet(run.directory / "predictions" / "model.intent.parquet")
    ids = pd.read_parquet(run.directory / "predictions" / "dialogues.parquet").iloc[:, 0]
    assert ids.is_unique
    assert set(table["dialogue_id"]) == set(ids)
    assert len(ids) == 12
    assert not table.duplicated(["dialogue_id", "turn"]).any()
    again = recomputed(run.directory)
    assert "tune/intent/accuracy" in again
    assert same(again, {key: value for key, value in run.metrics.items() if key.startswith(MEASURED)})


def test_the_test_split_of_a_release_is_reported_where_it_is_asked_for(command, one_step, tmp_path):
    release = write_sgd(tmp_path / "sgd", test=7)  # and 12 dialogues in the split that is reported otherwise
    run = command(*one_step, f"data.root={release}", "data.test_split=test", "paths.output_dir=run")
    assert run.code == 0, run.printed
    assert "20 to test" not in run.printed
    assert "7 to test" in run.printed
    assert OmegaConf.load(run.directory / "config.yaml").data.test_split == "test"
    assert len(pd.read_parquet(run.directory / "predictions" / "dialogues.parquet")) == 7
    assert {"test/segmentation/boundary_f1", "test/success/auc", "test/intent/accuracy"} <= set(run.metrics)


def test_folds_by_question_leave_whole_questions_out(command, one_step, corpora):
    run = command(*one_step, "experiment=star", "data.folds=2", "paths.output_dir=run")
    assert run.code == 0, run.printed
    asked = {d.id: success_question(d) for d in iter_dialogues("star", corpora / "star", "answered")}
    assert 0 <= run.metrics["test/success/auc@within_question"] <= 1
    table = pd.read_parquet(run.directory / "predictions" / "model.success@unseen_question.parquet")
    assert set(table["dialogue_id"]) == set(asked)  # each once
    assert len(table) == len(asked)
    pairs = [
        (yes > no) + 0.5 * (yes == no)
        for _, fold in table.groupby("fold")  # scores of one model are compared with each other alone
        for yes in fold.loc[fold["gold"], "score"]
        for no in fold.loc[~fold["gold"], "score"]
    ]
    assert run.metrics["test/success/auc@unseen_question"] == pytest.approx(np.mean(pairs))
    folds = sorted((run.directory / "unseen_question").glob("fold_*/checkpoints/model/result"))
    held_out = [
        [
            {asked[i] for i in pd.read_parquet(fold / f"{part}.success.parquet")["dialogue_id"]}
            for part in ("test", "tune", "calibrate")
            if (fold / f"{part}.success.parquet").is_file()
        ]
        for fold in folds
    ]
    assert [len(test) for test, *_ in held_out] in ([1, 2], [2, 1])
    assert set.union(*(test for test, *_ in held_out)) == set(asked.values())
    assert not any(test & part for test, *parts in held_out for part in parts)


@pytest.mark.slow
def test_a_rater_who_is_held_out_is_measured_on_the_items_of_the_model_and_bots_are_left_out(command, one_step):
    few = ["data.folds=2", "baselines.names=[majority,annotator]", "paths.output_dir=run"]
    run = command(*one_step, "experiment=dbdc3", *few)
    assert run.code == 0, run.printed
    for name in ("defect/kappa", "defect/auc@unseen_bot"):
        assert f"test/{name}" in run.metrics
        assert f"delta/annotator/{name}" in run.metrics
        assert 0.5 * name.startswith("defect/auc") < run.metrics[f"baseline/annotator/test/{name}"] < 1
    assert run.metrics["count/defect_items"] == 4 * 32  # four rated responses of each dialogue
    said = pd.read_parquet(run.directory / "predictions" / "annotator.defect.parquet")
    assert (said["gold"] != said["prediction"]).any()
    cfg = OmegaConf.load(CONF / "compare_people.yaml")
    compare_people.main(OmegaConf.merge(cfg, {"run": str(run.directory), "systems": ["model", "majority"]}))
    page = (run.directory / "page.people.md").read_text()
    assert "128 responses have 6 ratings each." in page
    assert "Each of 16 raters (with 30 items or more)" in page
    assert "All 128 responses of 32 test dialogues" in page
    assert "No promise is exact here" in page  # two folds
    assert "wrong, exact" not in page
    assert "wrong, about (betting)" in page
    assert f"| person | {(said['gold'] == said['prediction']).mean():.3f} [" in page
    assert "| model minus | accuracy | kappa | auc |" in page
    auc = run.metrics["delta/annotator/defect/auc"]
    assert re.search(rf"^\| person \| [^|]+\| [^|]+\| {re.escape(f'{auc:+.3f}')} ", page, re.MULTILINE)


@pytest.fixture
def long_logs(tmp_path):
    """A table with a dialogue of 30 turns and one text of 5,000 words in each of its splits."""
    folder = tmp_path / "long"
    folder.mkdir()
    for split in ("train", "test"):
        long = long_home_dialogue(30, split=split)
        talk = replace(long.turns[29], request=f"{long.turns[29].request} {split} {'word ' * 5000}")
        long = replace(long, turns=(*long.turns[:29], talk))
        write_jsonl([*home_dialogues(12, seed=int(split == "test"), split=split), long], folder / f"{split}.jsonl")
    return folder


@pytest.mark.parametrize("on_overflow", ["window", "truncate", pytest.param("error", marks=pytest.mark.slow)])
def test_what_is_too_long_is_counted_and_shown_or_refused(command, one_step, long_logs, on_overflow):
    run = command(
        *one_step, "experiment=own_table", f"data.root={long_logs}", f"data.on_overflow={on_overflow}",
        "data.tune_share=0.01", "model.dialogue.max_turns=8", "paths.output_dir=run",
    )  # fmt: skip
    if on_overflow == "error":
        assert run.code == 2
        assert "dialogue 'long' has 30 turns and the model reads 8" in run.printed
        return
    assert run.code == 0, run.printed
    metrics = run.metrics
    cut = on_overflow == "truncate"
    for part in ("train", "test"):
        assert metrics[f"count/{part}_dropped_turns"] == (22 if cut else 0)
        assert metrics[f"count/{part}_windowed_dialogues"] == (0 if cut else 1)
        assert metrics[f"count/{part}_truncated_texts"] == (0 if cut else 1)  # it stands behind the cut
    shown = "22 test dropped turns" if cut else "1 test truncated texts"
    assert shown in run.printed


@pytest.mark.slow
def test_a_test_split_of_other_labels_is_an_error_and_of_some_other_labels_is_counted(command, one_step, tmp_path):
    def renamed(dialogue, first):
        turns = [
            replace(t, intent=replace(t.intent, value="Unheard")) if first(i) else t
            for i, t in enumerate(dialogue.labels.turns)
        ]
        return dialogue.with_labels(replace(dialogue.labels, turns=tuple(turns)))

    for name, first in [("some", lambda i: i == 0), ("all", lambda i: True)]:
        folder = tmp_path / name
        folder.mkdir()
        write_jsonl(home_dialogues(12), folder / "train.jsonl")
        write_jsonl([renamed(d, first) for d in home_dialogues(6, seed=1, split="test")], folder / "test.jsonl")
        run = command(
            *one_step, "experiment=own_table", f"data.root={folder}", "tasks=intent", f"paths.output_dir=run_{name}"
        )
        if name == "some":
            assert run.code == 0, run.printed
            assert run.metrics["count/unknown_gold_intent"] == 6
        else:
            assert run.code == 2
            assert "intent: none of the 1 gold names of the test split (first: 'Unheard') occurs" in run.printed
