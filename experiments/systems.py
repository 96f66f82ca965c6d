"""The systems of a run: how each is made, and trained on a split, over folds, and on what it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from experiments.build import settings
from experiments.datasets import Counts, Loaded, check_turns, fold_splits, reader_options
from experiments.keep_model import keeper
from experiments.supervision import supervised
from selflearn.baselines import BASELINES, NBestOracle, SingleAnnotator  # by name
from selflearn.corpora import find_corpus
from selflearn.corpora.rated import RatedCorpus
from selflearn.evaluation.benchmark import (
    Contestant,
    Split,
    SystemResult,
    domains_of,
    is_done,
    join_folds,
    run_system,
)
from selflearn.schema import Dialogue
from selflearn.tasks import System
from selflearn.training import HardwareConfig, ModelSettings, PretrainingSettings, Recipe, StageConfig, TrainingSettings
from selflearn.training.loggers import LoggerSettings
from selflearn.training.stage import stage_seconds


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


def add_unseen(
    cfg: DictConfig, loaded: Loaded, results: Mapping[str, SystemResult], directory: Path, say: Callable[[str], None]
) -> None:
    """Add to the results of all systems what they say of questions, or of bots, that they were not trained on."""
    by = cfg.data.unseen_by
    unseen = run_folds(cfg, loaded, by, directory / f"unseen_{by}", say)[0]
    for name, result in unseen.items() if leads() else ():
        for task in (task for task in cfg.tasks.names if task in result.test):
            table = result.test[task]
            whole = table.drop(columns=[column for column in table if str(column).startswith("@")])
            results[name].test[f"{task}@unseen_{by}"] = whole
        spent = Counter(results[name].seconds)
        spent.update(result.seconds)
        results[name].seconds = dict(spent)
