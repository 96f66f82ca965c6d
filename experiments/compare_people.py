"""A finished run beside the people who rated its dialogues: ``python -m experiments.compare_people run=DIR``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from sklearn.metrics import cohen_kappa_score

from experiments.app import changed_settings, hydra_main
from experiments.check import ConfigError
from experiments.datasets import checked_root, reader_options
from selflearn._replacing import replace_text
from selflearn.baselines import SingleAnnotator
from selflearn.batching.rows import DialogueRows
from selflearn.corpora import find_corpus, load_dialogues
from selflearn.corpora.rated import RatedCorpus
from selflearn.corpora.splits import owner_of
from selflearn.evaluation.run_directory import check_data
from selflearn.inference.decisions import (
    METRICS,
    PAIRED,
    TASKS,
    Decisions,
    decisions_of_run,
    difference_cells,
    rare_answer,
    right,
    score_cells,
    scores_of,
)
from selflearn.inference.ratings import item, ratings_by_task
from selflearn.trust import Certificate, aggregate, alternative_annotator_test, certify, leave_one_out, shared_ratings
from selflearn.trust.aggregation import METHODS
from selflearn.trust.wording import at_least_percent, at_most_percent

LEAST_ITEMS = 30
"""Ratings of an annotator below which the alternative annotator test says nothing."""

MAJORITY = "majority"
"""The baseline that says the same of every item."""

PERSON = "person"

RATERS = "raters"

ITEMS = {"segmentation": "gaps between turns", "success": "goals", "defect": "responses"}

ANSWERS = {
    "segmentation": ("no boundary", "boundary"), "success": ("reached", "not reached"),
    "defect": ("no defect", "defect"),
}  # fmt: skip
"""Of no and yes."""

FILE = "page.people.md"
"""In the run; the page of results takes it in."""


@hydra_main("compare_people")
def main(cfg: DictConfig) -> None:
    """Print the tables, and leave them in the run for the page of results."""
    check_settings(cfg)
    run = Path(cfg.run)
    if not (run / "config.yaml").is_file():
        raise FileNotFoundError(f"{run} has no config.yaml; expected the directory of a finished run")
    made = OmegaConf.load(run / "config.yaml")
    assert isinstance(made, DictConfig)
    dialogues = tested(made, run)
    users = {dialogue.id: owner_of(dialogue.user_id, dialogue.id) for dialogue in dialogues}
    corpus = find_corpus(made.data.corpus, **reader_options(made))
    ratings = ratings_by_task(dialogues, corpus)
    known: dict[str, Any] = {
        "seats": corpus.seats if isinstance(corpus, RatedCorpus) else RATERS, "folds": made.data.folds is not None,
    }  # fmt: skip
    tasks = [task for task in TASKS if task in ratings and task in made.tasks.names]
    if not tasks:
        raise ValueError(
            f"{run}: nobody rated a task of the run ({', '.join(made.tasks.names)}) in the dialogues of "
            f"{made.data.corpus}; expected a run on a corpus with raters (experiment=dbdc3, experiment=uss) or on a "
            "simulated log (experiment=simulated)"
        )
    parts = [f"### Beside people\n\n```bash\n{command(cfg)}\n```\n"]
    for task in tasks:
        names = {PERSON: SingleAnnotator.name} | {name: name for name in cfg.systems}
        found = {name: decisions_of_run(run, stored, task) for name, stored in names.items()}
        parts += [f"**{task.capitalize()}**\n"] * (len(tasks) > 1)
        parts += of_task(Compared(task=task, answers=found, ratings=ratings[task], users=users, cfg=cfg, **known))
    text = "\n".join(parts)
    replace_text(run / FILE, text)
    print(text)


def check_settings(cfg: DictConfig) -> None:
    """Refuse settings that cannot be meant, before anything is read."""
    if empty := [name for name in ("systems", "targets", "methods", "epsilons") if not cfg[name]]:
        raise ConfigError([f"{empty[0]} is empty; expected one or more"])
    if cfg.systems[0] == MAJORITY:
        raise ConfigError([f"systems begins with {MAJORITY}, which says the same of every item; expected first a "
                           "system that is to be compared with the others"])  # fmt: skip
    if twice := [name for at, name in enumerate(cfg.systems) if name in (PERSON, *cfg.systems[:at])]:
        raise ConfigError([f"systems has {twice[0]!r} twice, or as the name of the person who is there in any case; "
                           "expected each once"])  # fmt: skip
    if not isinstance(cfg.check, int | float) or not 0 < cfg.check < 1:
        raise ConfigError([f"check is {cfg.check}; expected a share of the dialogues above 0 and below 1: all figures "
                           "are of them, and the promises of the others"])  # fmt: skip
    if wrong := [epsilon for epsilon in cfg.epsilons if not isinstance(epsilon, int | float) or not 0 <= epsilon < 1]:
        raise ConfigError([f"epsilons has {wrong[0]}; expected numbers from 0 to below 1"])
    for target in cfg.targets:  # what it refuses it is to refuse now, not when the corpus is read
        for method in cfg.methods:
            certify([0.5], [True], ["one"], target, cfg.confidence, method, seed=cfg.seed)


def tested(made: DictConfig, run: Path) -> DialogueRows:
    """The dialogues that the run was tested on, read again as its settings say.

    Raises:
        ValueError: they are others by now, of whom the answers of the run say nothing.
    """
    root, split = made.data.root, made.data.train_split if made.data.folds is not None else made.data.test_split
    rows = DialogueRows(load_dialogues(
        made.data.corpus, root=checked_root(made.data.corpus, root), split=split,
        cache_dir=OmegaConf.select(made, "paths.cache"), **reader_options(made),
    ))  # fmt: skip
    instead = f"Put them back into {root}, or run the command of the run again in another directory."
    check_data(run, {split: rows.fingerprint}, instead=instead)
    return rows


def command(cfg: DictConfig) -> str:
    """The command, with what is not as the config file has it, without the place of the run."""
    changed = changed_settings(cfg, "compare_people", without=["run"])
    return " ".join(["python -m experiments.compare_people run=DIR", *changed])


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One task: the answers of the person and the systems about the same items, and all ratings of these.

    The first system after the person is the one that is compared with everybody. Promises are counted over users, by
    dialogue, where users are known: those of one user are alike. ``seats`` are the workers of the ratings, in
    words; with ``folds`` the dialogues of each fold were answered by a model of their own.
    """

    task: str
    answers: Decisions
    ratings: pd.DataFrame
    users: Mapping[str, str]
    cfg: DictConfig
    seats: str = RATERS
    folds: bool = False

    @property
    def first(self) -> str:
        """The system that the others are compared with."""
        return str(self.cfg.systems[0])

    def items(self, answers: pd.DataFrame) -> pd.Series:
        """Names of the items of a table."""
        return pd.Series([item(*key) for key in zip(answers["dialogue_id"], answers[TASKS[self.task]], strict=True)])

    def rated(self) -> pd.DataFrame:
        """The ratings of tested items."""
        return self.ratings[self.ratings["task"].isin(set(self.items(self.answers[self.first])))]


def of_task(one: Compared) -> list[str]:
    """All that is said of one task."""
    return [together(one), one_by_one(one), in_the_place_of_one(one), on_all(one), *accepted(one)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """Markdown; the first columns hold words, the others numbers."""
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def together(one: Compared) -> str:
    """What the raters say together, by each way to take them together, beside the labels."""
    answers, ratings = one.answers[one.first], one.rated()
    gold = pd.Series(answers["gold"].astype(bool).to_numpy(), index=one.items(answers))
    per_item = ratings.groupby("task").size()
    gold = gold.loc[per_item.index]
    fewest, most = per_item.min(), per_item.max()
    number = str(most) if fewest == most else f"{fewest} to {most}"
    rows = []
    for method in METHODS:
        found = aggregate(ratings, method)
        said = found.labels.loc[gold.index].astype(bool)
        quality = ", ".join(f"{q:.3f}" for q in found.quality.quantile([0, 0.5, 1]))
        rows.append([method, f"{said.mean():.1%}", f"{cohen_kappa_score(said, gold):.3f}", str(len(found.ties)),
                     quality])  # fmt: skip
    head = ["ratings together", f'say "{ANSWERS[one.task][1]}" of', "kappa with the labels", "tied",
            f"agreement of the {one.seats} with it: lowest, median, highest"]  # fmt: skip
    nobody = "" if one.seats == RATERS else (
        f" The release does not say who rated: the {one.seats} below are of other people from dialogue to dialogue, "
        "and what is said of them is said of no annotator."
    )  # fmt: skip
    return (
        f"{per_item.size:,} {ITEMS[one.task]} have {number} ratings each. One rater of each dialogue had no part in "
        f"its labels: the *person* below.{nobody}\n\n{table(head, rows)}"
    )


def one_by_one(one: Compared) -> str:
    """Each rater against the majority of the others."""
    found = leave_one_out(one.rated())
    found = found[found["items"] >= LEAST_ITEMS]
    if found.empty:
        return f"None of the {one.seats} has {LEAST_ITEMS} items or more: none is compared with the others alone.\n"
    spread = {
        name: f"{found[name].mean():.3f} [{found[name].min():.3f}, {found[name].max():.3f}]"
        for name in ("accuracy", "kappa")
    }
    return (
        f"Each of {len(found)} {one.seats} (with {LEAST_ITEMS} items or more) against the majority of the others: "
        f"accuracy {spread['accuracy']}, kappa {spread['kappa']} (mean, lowest and highest).\n"
    )


def in_the_place_of_one(one: Compared) -> str:
    """The alternative annotator test of each system."""
    used, epsilons = shared_ratings(one.rated(), least=LEAST_ITEMS), one.cfg.epsilons
    if used.empty:
        return f"None of the {one.seats} has {LEAST_ITEMS} items or more: none is held against a system.\n"
    rows = []
    for system in one.cfg.systems:
        answers = one.answers[system]
        said = dict(zip(one.items(answers), answers["prediction"].astype(bool), strict=True))
        tests = [alternative_annotator_test(used, said, epsilon=epsilon) for epsilon in epsilons]
        rows.append([system, *(f"{test.winning_rate:.2f}" for test in tests), f"{tests[0].advantage:.1%}"])
    head = ["system", *(f"winning rate, epsilon {epsilon}" for epsilon in epsilons),
            "as near to the others as they are"]  # fmt: skip
    return (
        f"May a system stand in for one of them? Of {used['worker'].nunique()} {one.seats} it agrees with the others "
        "at least as well as so many do, but for epsilon (winning rate of the alternative annotator test; half is "
        f"enough). That bounds no error: where most {ITEMS[one.task]} are alike, a constant passes too.\n\n"
        f"{table(head, rows)}"
    )


def on_all(one: Compared) -> str:
    """Person and systems on all tested items."""
    answers = one.answers[one.first]
    dialogues = sorted(answers["dialogue_id"].unique())
    found = score(one, one.answers, dialogues)
    drawn = "people" if len({one.users[name] for name in dialogues}) < len(dialogues) else "dialogues"
    others = [name for name in one.answers if name != one.first]
    return (
        f"All {len(answers):,} {ITEMS[one.task]} of {len(dialogues):,} test dialogues, 95% intervals by bootstrap over "
        f"{drawn}. The AUC of the person, who gives no score, is that of one point.\n\n"
        + table(["who", *_names(one)], [[name, *score_cells(found, one.task, name)] for name in one.answers])
        + "\n"
        + table([f"{one.first} minus", *PAIRED], [[name, *difference_cells(found, one.task, name)] for name in others])
    )


def accepted(one: Compared) -> list[str]:
    """Person and systems on what certified thresholds of the first system accept, all on these same items."""
    dialogues = sorted(one.answers[one.first]["dialogue_id"].unique())
    order = np.random.default_rng(one.cfg.seed).permutation(sorted({one.users[name] for name in dialogues})).tolist()
    kept = set(order[: round(one.cfg.check * len(order))])
    if len(kept) in (0, len(order)):
        side = "to look at" if not kept else "to certify on"
        return [f"No threshold is certified: of {len(order):,} people (dialogues, where nobody is known), "
                f"check={one.cfg.check} leaves none {side}.\n"]  # fmt: skip
    checked = [name for name in dialogues if one.users[name] in kept]
    promises = {
        system: certificates(one, one.answers[system], checked) for system in one.cfg.systems if system != MAJORITY
    }
    rows, differences, names = [], [], list(promises[one.first])
    for name in names:
        shown = taken(one.answers[one.first], promises[one.first][name], checked)
        share = f"{name}: {shown.mean():.1%}"
        if not shown.any():
            rows.append([share, "nothing", *[""] * len(METRICS)])
            continue
        there = keys(one, one.answers[one.first])[shown.index[shown]]
        parts = {
            who: answers[keys(one, answers).isin(there)] for who, answers in one.answers.items() if who != MAJORITY
        }
        found = score(one, parts, checked)
        rows += [[share, who, *score_cells(found, one.task, who)] for who in parts]
        differences += [
            [share, who, *difference_cells(found, one.task, who)] for who in parts if who != one.first
        ]  # fmt: skip
    place = f"accepted from {one.first}"
    own = [[system, *_own(one.answers[system], promises[system], checked)] for system in promises]
    lines = [
        f"Thresholds certified on {len(dialogues) - len(checked):,} dialogues (each promise at "
        f"{at_least_percent(one.cfg.confidence)}), all figures on the {len(checked):,} others"
        f"{_of_others(one, dialogues)}. Everybody is scored on the {ITEMS[one.task]} that the promise accepts from "
        f"{one.first}; their share stands there.{_of_folds(one)}\n",
        table([place, "who", *_names(one)], rows, words=2),
    ]
    if differences:
        lines.append(table([place, f"{one.first} minus", *PAIRED], differences, words=2))
    return [*lines, "What each system accepts by a threshold of its own, and the share of that which is right:\n",
            table(["system", *names], own)]  # fmt: skip


def _of_folds(one: Compared) -> str:
    """What cross-validation does to a promise."""
    return (
        " No promise is exact here, whatever its tests are: each fold has a model of its own that learned from the "
        "others, so that the audited answers are not independent, and nothing is promised of any one model."
    ) if one.folds else ""  # fmt: skip


def _of_others(one: Compared, dialogues: Sequence[str]) -> str:
    users = {one.users[name] for name in dialogues}
    return f", of other people ({len(users):,} in all)" if len(users) < len(dialogues) else ""


def score(one: Compared, parts: Decisions, dialogues: Sequence[str]) -> dict[str, float]:
    """Scores and differences of a part of the items; the rare answer is that of all items."""
    rare = rare_answer(one.answers[one.first])
    owners = [one.users[name] for name in dialogues]
    return scores_of(
        parts, one.task, rare=rare, against=one.first, dialogue_ids=dialogues, owners=owners,
        resamples=one.cfg.resamples,
    )  # fmt: skip


def certificates(one: Compared, answers: pd.DataFrame, checked: Sequence[str]) -> dict[str, Certificate]:
    """The promises from the other dialogues, by what they say."""
    audit, found = answers[~answers["dialogue_id"].isin(checked)], {}
    users = audit["dialogue_id"].map(one.users)
    repeat = users.nunique() < audit["dialogue_id"].nunique()
    units: dict[str, Any] = {"units": users.tolist(), "unit": "user"} if repeat else {}
    for target in one.cfg.targets:
        for method in one.cfg.methods:
            promise = certify(
                audit["certain"].tolist(), right(audit).tolist(), audit["dialogue_id"].tolist(), target,
                one.cfg.confidence, method, seed=one.cfg.seed, **units,
            )  # fmt: skip
            kind = "exact" if promise.exact and not one.folds else "about"
            said = f"at most {at_most_percent(target)} wrong, {kind}"
            found[f"{said} ({promise.method})" if one.folds or said in found else said] = promise
    return found


def taken(answers: pd.DataFrame, promise: Certificate, checked: Sequence[str]) -> pd.Series:
    """Of the items of the checked dialogues those that the promise covers; by the index of the answers."""
    part = answers[answers["dialogue_id"].isin(checked)]
    return pd.Series(promise.accept(part["certain"].tolist(), part["dialogue_id"].tolist()), index=part.index)


def keys(one: Compared, answers: pd.DataFrame) -> pd.Series:
    """Names of the items, by the index of the answers."""
    return one.items(answers).set_axis(answers.index)


def _own(answers: pd.DataFrame, promises: Mapping[str, Certificate], checked: Sequence[str]) -> list[str]:
    cells = []
    for promise in promises.values():
        shown = taken(answers, promise, checked)
        good = right(answers.loc[shown[shown].index])
        cells.append(f"{shown.mean():.1%}: {good.mean():.3f}" if len(good) else "nothing")
    return cells


def _names(one: Compared) -> list[str]:
    rare = ANSWERS[one.task][rare_answer(one.answers[one.first])]
    return [f'F1 of "{rare}"' if metric.name == "f1" else metric.name for metric in METRICS]


if __name__ == "__main__":
    main()
