"""Train a label generator and measure it beside its baselines: ``python -m experiments.train experiment=sgd_quick``."""

from __future__ import annotations

import hashlib
import logging
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from transformers.utils import logging as transformers_logging

from experiments.app import hydra_main
from experiments.build import settings
from experiments.check import ConfigError
from experiments.check_run import check_run
from experiments.datasets import (
    Loaded,
    check_splits,
    cut_split,
    fingerprints,
    load_run,
)
from experiments.figures import draw
from experiments.keep_model import calibration_of_run
from experiments.label_tested import label_test_split, labelled_by_people, labels_test_split
from experiments.supervision import check_supervision, supervised
from experiments.systems import Part, add_unseen, check_baselines, leads, recipe, run_all, run_folds, stage
from selflearn._replacing import replace_text
from selflearn.corpora.lock import exclusive
from selflearn.corpora.splits import owner_of
from selflearn.evaluation import Results, evaluate, results_markdown, results_table, write_predictions
from selflearn.evaluation.benchmark import (
    check_names,
    unknown_gold,
)
from selflearn.evaluation.combinations import Combinations, add_combinations
from selflearn.evaluation.predictions import TUNE
from selflearn.evaluation.run_directory import claim, claim_data, logged_to, versions, warnings_shown, write_json
from selflearn.evaluation.slices import without_one_sided_slices
from selflearn.inference import Labeler, promises
from selflearn.reports import (
    add_promises,
    calibration_lines,
    model_card,
    write_model_card,
    write_run_report,
)
from selflearn.tasks import task_classes
from selflearn.training.loggers import LoggerSettings, log_results
from selflearn.training.stage import placement

log = logging.getLogger("selflearn.train")

TABLE_BEGINS, TABLE_COLUMN = 40, 10
"""Columns that a terminal needs for the metrics and the model, and for each system beside it."""


def quiet() -> None:
    """Libraries that chat while they work are asked to speak of trouble alone."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def in_sweep() -> bool:
    """Whether this is one of the jobs of a sweep."""
    return HydraConfig.initialized() and bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def run_directory(cfg: DictConfig) -> Path:
    """Where the run is written: each job of a sweep has a directory of its own, named by its settings."""
    if not in_sweep():
        return Path(cfg.paths.output_dir)
    hydra = HydraConfig.get()
    if any(setting.startswith("paths.output_dir=") for setting in hydra.overrides.task):
        raise ConfigError([f"paths.output_dir is {cfg.paths.output_dir}, the directory of a single run, and with -m "
                           "there may be many; expected paths.runs=DIR, in which each has its own"])  # fmt: skip
    name = re.sub(r"[^\w.=,+-]", "_", hydra.job.override_dirname)  # a value may be a path
    name = name or f"seed={cfg.seed}"  # where nothing but experiments is swept: not beside the folders of other runs
    if len(name) > 120:  # file systems take 255 bytes
        name = f"{name[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return Path(hydra.sweep.dir) / name


@hydra_main("train")
def main(cfg: DictConfig) -> float | None:
    """Run the experiment; returns the metric that a sweep optimises."""
    check_run(cfg)
    recipe(cfg)  # made here for their checks: a wrong value is told before anything is read
    stage(cfg, Path())
    check_supervision(cfg)
    check_splits(cfg)
    check_baselines(cfg)
    directory = run_directory(cfg)
    with exclusive(directory) if leads() else nullcontext():  # processes that train together are one run
        return run(cfg, directory)


def run(cfg: DictConfig, directory: Path) -> float | None:
    """Run the experiment in its directory."""
    start, console = time.perf_counter(), Console(stderr=True)
    kept = OmegaConf.merge(cfg, {"training": {"resume": "auto"}})  # so that a run that began anew can be resumed
    config_yaml = OmegaConf.to_yaml(kept, resolve=True)
    if leads():
        if cfg.training.resume == "never":
            load_run(cfg, lambda line: None)  # data that cannot be read does not cost the run that is there
        claim(directory, config_yaml, resume=cfg.training.resume == "auto")
    directory.mkdir(parents=True, exist_ok=True)  # for processes that do not lead

    def say(line: str) -> None:
        if leads():
            console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {escape(line)}", highlight=False, soft_wrap=True)
            log.info(line)

    with logged_to(directory / "log.txt"), warnings_shown() if leads() else nullcontext():
        quiet()
        placement(stage(cfg, directory).hardware)  # a device that is not there is told before anything is read
        lightning.seed_everything(cfg.seed, verbose=False)
        labelled = labels_test_split(cfg)
        loaded = load_run(cfg, say)
        if leads():
            claim_data(directory, config_yaml, fingerprints(loaded))
        metrics, machines = measure(cfg, loaded, directory, say)
        if not leads():
            return None
        if labelled:
            write_json(directory / "metrics.json", metrics)  # stays if the labelling cannot be written
            label_test_split(cfg, directory, say)
        metrics["time/total_seconds"] = time.perf_counter() - start
        write_run(cfg, directory, metrics, machines)
        page = write_run_report(
            directory, metrics, gold=labelled_by_people(cfg, directory) if labelled else None, cache_dir=cfg.paths.cache
        )
        show(Results.from_metrics(metrics), Console(), say)
        for line in calibration_lines(metrics):
            say(line)
        say(f"everything is in {directory}; a page to read: {page}")
    if in_sweep() and cfg.optimized_metric not in metrics:
        say(f"there is no {cfg.optimized_metric} in this run; the sweep has nothing to optimise: expected a metric of "
            "metrics.json as optimized_metric")  # fmt: skip
    return metrics.get(cfg.optimized_metric)


def write_run(cfg: DictConfig, directory: Path, metrics: Mapping[str, float], machines: Mapping[str, str]) -> None:
    """Everything that a finished run leaves but its page: measures, versions, the card of the model, figures."""
    made_with = versions(_command(), metrics["time/total_seconds"], machines)
    write_json(directory / "versions.json", made_with)
    write_json(directory / "metrics.json", metrics)
    settings_used: Any = OmegaConf.to_container(cfg, resolve=True)
    log_results(settings(LoggerSettings, cfg.logger), directory, config=settings_used, metrics=metrics)
    if (directory / "model").is_dir():  # folds have a model each, which no card speaks of
        card = model_card(metrics, settings_used, made_with)
        write_model_card(card, directory / "model")
        if (directory / "model" / promises.FILE).is_file():
            of = Labeler.from_pretrained(directory / "model").fingerprint
            add_promises(directory / "model", promises.read_promises(directory / "model", model=of))
    replace_text(directory / "results.md", results_markdown(Results.from_metrics(metrics)))
    draw(directory, metrics)


def show(results: Results, console: Console, say: Callable[[str], None]) -> None:
    """The table on a terminal, of all items; slices, which are many, are in ``results.md`` alone."""
    rows = results.rows()
    whole = [row for row in rows if "@" not in row[1]] or rows
    if not rows:
        say("nothing is measured: people have labelled no dialogue of the test split for any task of the model")
    others = [name for name in results.systems if name != "model"]
    at_once = max(1, (console.width - TABLE_BEGINS) // TABLE_COLUMN)
    for start in range(0, max(len(others), 1), at_once) if rows else ():
        console.print(results_table(results.only(whole, others[start : start + at_once])))
    if len(whole) < len(rows):
        say(f"{len(rows) - len(whole)} more rows, of parts of the test dialogues, are in results.md")


def _command() -> str:
    """As typed; of a job of a sweep the command that makes its run alone."""
    said = list(HydraConfig.get().overrides.task) if in_sweep() else sys.argv[1:]
    return shlex.join(["python", "-m", "experiments.train", *said])


def measure(
    cfg: DictConfig, loaded: Loaded, directory: Path, say: Callable[[str], None]
) -> tuple[dict[str, float], dict[str, str]]:
    """Train and label with every system, and measure what they said; with the machine that each was trained on."""
    met, parts = Combinations.of(()), list[Part]()
    if cfg.data.folds is None:
        split, unlabelled, counts = cut_split(cfg, loaded, say)
        met = Combinations.of(split.labelled())  # before labels make way for those from feedback
        split = supervised(cfg, split, unlabelled, directory)
        check_names(split, cfg.tasks.names)
        results = run_all(cfg, split, unlabelled, directory, say)
        test, parts = split.test, [(results["model"].test, split.train)]
    else:
        results, test, parts, counts = run_folds(cfg, loaded, cfg.data.fold_by, directory, say)
    if cfg.data.unseen_by is not None:
        add_unseen(cfg, loaded, results, directory, say)
    if not leads():
        return {}, {}
    ids = [dialogue.id for dialogue in test]
    tables = {
        name: add_combinations(without_one_sided_slices(result.test), test, met) for name, result in results.items()
    }
    owners = [owner_of(dialogue.user_id, dialogue.id) for dialogue in test]
    write_predictions(directory / "predictions", tables, dialogue_ids=ids, owners=owners)
    write_json(directory / "choices.json", {name: result.notes for name, result in results.items()})
    metrics = evaluate(tables, dialogue_ids=ids, owners=owners, model="model", resamples=cfg.resamples, seed=0)
    if results["model"].tune:
        tuned = {"model": results["model"].tune}
        tune_ids = sorted({i for table in tuned["model"].values() for i in table["dialogue_id"]})
        write_predictions(directory / "predictions" / TUNE, tuned, dialogue_ids=tune_ids)
        found = evaluate(tuned, dialogue_ids=tune_ids, model="model", resamples=0)
        metrics |= {key.replace("test/", "tune/", 1): value for key, value in found.items() if key.startswith("test/")}
    metrics |= calibration_of_run(directory)
    unknown = unknown_gold(parts)
    metrics |= {f"count/unknown_gold_{task}": number for task, number in unknown.items()}
    metrics["count/unknown_gold"] = sum(unknown.values())
    known = task_classes()
    unscored = sum(known[name]().unscored(dialogue) for name in cfg.tasks.names for dialogue in test)
    for what, number in (results["model"].read_counts() | {"test_labels_left_out": unscored}).items():
        metrics[f"count/{what}"] = number
        if number:
            say(f"model: {number:,} {what.replace('_', ' ')}")
    metrics |= {f"pretrain/{what}": value for what, value in results["model"].pretrained().items()}
    for name, result in results.items():
        metrics |= {f"time/{name}_{what}_seconds": seconds for what, seconds in result.seconds.items()}
    metrics |= {f"count/{what}": float(number) for what, number in counts.items()}
    return metrics, {name: result.machine for name, result in results.items()}


if __name__ == "__main__":
    main()
