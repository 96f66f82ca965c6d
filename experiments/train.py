"""Train a label generator and measure it beside its baselines: ``python -m experiments.train experiment=sgd_quick``."""

from __future__ import annotations

import hashlib
import logging
import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from transformers.utils import logging as transformers_logging

from experiments.app import hydra_main
from experiments.build import settings
from experiments.check import ConfigError
from experiments.check_run import check_run
from experiments.datasets import (
    Counts,
    Loaded,
    check_splits,
    check_turns,
    cut_split,
    fingerprints,
    fold_splits,
    load_run,
    reader_options,
)
from experiments.figures import draw
from experiments.keep_model import calibration_of_run, keeper
from experiments.label_tested import label_test_split, labelled_by_people, labels_test_split
from experiments.supervision import check_supervision, supervised
from selflearn._replacing import replace_text
from selflearn.baselines import BASELINES, NBestOracle, SingleAnnotator  # by name
from selflearn.corpora import find_corpus
from selflearn.corpora.lock import exclusive
from selflearn.corpora.rated import RatedCorpus
from selflearn.corpora.splits import owner_of
from selflearn.evaluation import Results, evaluate, results_markdown, results_table, write_predictions
from selflearn.evaluation.benchmark import (
    Contestant,
    Split,
    SystemResult,
    check_names,
    domains_of,
    is_done,
    join_folds,
    run_system,
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
from selflearn.schema import Dialogue
from selflearn.tasks import System, task_classes
from selflearn.training import HardwareConfig, ModelSettings, PretrainingSettings, Recipe, StageConfig, TrainingSettings
from selflearn.training.loggers import LoggerSettings, log_results
from selflearn.training.stage import placement, stage_seconds

log = logging.getLogger("selflearn.train")

TABLE_BEGINS, TABLE_COLUMN = 40, 10
"""Columns that a terminal needs for the metrics and the model, and for each system beside it."""


def single_annotator(cfg: DictConfig, dialogues: Sequence[Dialogue]) -> SingleAnnotator:
    """One of the people who rated these dialogues: the one whom the corpus holds out, or who is simulated as such."""
    corpus = find_corpus(cfg.data.corpus, **reader_options(cfg))
    if isinstance(corpus, RatedCorpus):
        return SingleAnnotator(dialogues, corpus.single_pass)
    return SingleAnnotator(dialogues)


INSIDERS: dict[str, Callable[[DictConfig, Sequence[Dialogue]], System]] = {
    SingleAnnotator.name: single_annotator,
    NBestOracle.name: lambda cfg, dialogues: NBestOracle(dialogues),
}
"""What stands beside the systems for comparison and learns nothing, as it knows more of the test dialogues."""


def recipe(cfg: DictConfig) -> Recipe:
    """The settings of the label generator."""
    training = {key: value for key, value in cfg.training.items() if key not in ("checkpoint_every", "resume")}
    return Recipe(
        model=settings(ModelSettings, cfg.model, "model"),
        pretraining=settings(PretrainingSettings, cfg.pretraining, "pretraining"),
        training=settings(
            TrainingSettings, training, "training", views=tuple(cfg.data.views), on_overflow=cfg.data.on_overflow
        ),
        tasks=tuple(cfg.tasks.names),
        seed=cfg.seed,
        recordings=None if cfg.data.root is None else str(cfg.data.root),
    )  # fmt: skip


def stage(cfg: DictConfig, directory: Path) -> StageConfig:
    """What all stages of a system share."""
    hardware = {key: value for key, value in cfg.trainer.items() if key != "progress"}
    return StageConfig(
        directory=directory,
        hardware=settings(HardwareConfig, hardware, "trainer"),
        checkpoint_every=cfg.training.checkpoint_every,
        progress=cfg.trainer.progress,
        loggers=settings(LoggerSettings, cfg.logger, "logger"),
    )


def check_baselines(cfg: DictConfig) -> None:
    """See that every baseline is known.

    Raises:
        ValueError: one is not.
    """
    known = ["no_context", *BASELINES, *INSIDERS]
    unknown = [name for name in cfg.baselines.names if name not in known]
    if unknown:
        raise ValueError(f"no baseline is called {unknown[0]!r}; there are {', '.join(known)}")


def contestant(cfg: DictConfig, name: str, split: Split, unlabelled: Sequence[Dialogue]) -> Contestant:
    """How the system of that name is trained."""
    if name in INSIDERS:
        insider = INSIDERS[name](cfg, split.test)
        return lambda train, tune, directory: insider
    if name in ("model", "no_context"):
        chosen = recipe(cfg) if name == "model" else recipe(cfg).without_context()

        def train(train: Sequence[Dialogue], tune: Sequence[Dialogue], directory: Path) -> System:
            return chosen.train(train, tune, stage(cfg, directory), unlabelled=unlabelled)

        return train

    def fit(train: Sequence[Dialogue], tune: Sequence[Dialogue], directory: Path) -> System:
        baseline = BASELINES[name](causal=cfg.model.dialogue.causal)
        return baseline.fit(list(train), list(tune), tasks=list(cfg.tasks.names), seed=cfg.seed)

    return fit


def run_all(
    cfg: DictConfig, split: Split, unlabelled: Sequence[Dialogue], directory: Path, say: Callable[[str], None]
) -> dict[str, SystemResult]:
    """Every system on one split."""
    check_turns(cfg, split)
    makers = {name: contestant(cfg, name, split, unlabelled) for name in ["model", *cfg.baselines.names]}
    results, seen = {}, domains_of(split.labelled())
    for name, make in makers.items():
        neural, place = name in ("model", "no_context"), directory / "checkpoints" / name
        # Of few labels a baseline would waste those of the cut: it learns from all of them and chooses by folds.
        by_folds = cfg.data.labelled is not None and not neural
        used = Split(train=list(split.labelled()), tune=[], test=split.test) if by_folds else split
        if name in INSIDERS:  # have nothing to tune or to calibrate, and know the test dialogues alone
            used = Split(train=split.train, tune=[], test=split.test)
        say(f"{name}: {len(used.train)} dialogues to train on, {len(used.tune)} to tune, {len(used.calibrate)} to "
            f"calibrate, {len(used.test)} to test")  # fmt: skip
        if not leads():
            results[name] = SystemResult(test={}, tune={})
            if neural and not is_done(place):
                make(split.train, split.tune, place)
            continue
        results[name] = run_system(
            make, used, place, tasks=list(cfg.tasks.names), seen_domains=seen,
            views=[] if name in INSIDERS else list(cfg.data.views),  # what people said is of whole dialogues
            make_for_view=None if neural else make, spent=stage_seconds(place),
            keep=keeper(directory, split, unlabelled) if name == "model" else None,
        )  # fmt: skip
    return results


def leads() -> bool:
    """Whether this process measures and writes; of several that train together, the others train alone."""
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]  # Lightning puts it on the function


Part = tuple[Mapping[str, pd.DataFrame], Sequence[Dialogue]]
"""What the model said of test dialogues, and the dialogues that it had learned from."""


def run_folds(
    cfg: DictConfig, loaded: Loaded, fold_by: str, directory: Path, say: Callable[[str], None]
) -> tuple[dict[str, SystemResult], list[Dialogue], list[Part], Counts]:
    """Every system on every fold; out-of-fold results, the tested dialogues, the folds of the model, counts."""
    by_fold: list[dict[str, SystemResult]] = []
    test: list[Dialogue] = []
    parts: list[Part] = []
    counts: Counts = {}
    for number, (split, counts) in enumerate(fold_splits(cfg, loaded, fold_by, say)):  # noqa: B007 - the same for all folds
        say(f"fold {number + 1}, by {fold_by}")
        supervised_split = supervised(cfg, split, split.train, directory / f"fold_{number}")
        by_fold.append(run_all(cfg, supervised_split, split.train, directory / f"fold_{number}", say))
        test = [*test, *split.test]
        parts.append((by_fold[-1]["model"].test, supervised_split.train))
    return {name: join_folds([fold[name] for fold in by_fold]) for name in by_fold[0]}, test, parts, counts


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
        place = directory / f"unseen_{cfg.data.unseen_by}"
        unseen = run_folds(cfg, loaded, cfg.data.unseen_by, place, say)[0]
        for name, result in unseen.items() if leads() else ():
            for task in (task for task in cfg.tasks.names if task in result.test):
                table = result.test[task]
                whole = table.drop(columns=[column for column in table if str(column).startswith("@")])
                results[name].test[f"{task}@unseen_{cfg.data.unseen_by}"] = whole
            spent = Counter(results[name].seconds)
            spent.update(result.seconds)
            results[name].seconds = dict(spent)
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
