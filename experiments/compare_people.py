"""A finished run beside the people who rated its corpus: ``python -m experiments.compare_people run=DIR``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from sklearn.metrics import cohen_kappa_score

from experiments.app import CONF, hydra_main
from experiments.datasets import checked_root, reader_options
from selflearn.corpora import find_corpus, iter_dialogues
from selflearn.corpora.rated import RatedCorpus
from selflearn.inference.audit import AuditedLabel
from selflearn.inference.comparison import Agreement, TaskComparison, compare
from selflearn.inference.rows import YES
from selflearn.inference.tested import said_by, tested_answers
from selflearn.schema import Dialogue, TurnLabels
from selflearn.trust import Certificate, aggregate, alternative_annotator_test, certify, leave_one_out
from selflearn.trust.aggregation import METHODS

TASK = "defect"
"""What the raters of corpora judge."""

LEAST_ITEMS = 30
"""Ratings of an annotator below which the alternative annotator test says nothing."""

MAJORITY = "majority"
"""The baseline that says the same of every response."""

FILE = "page.people.md"
"""In the run; the page of results takes it in."""


@hydra_main("compare_people")
def main(cfg: DictConfig) -> None:
    """Print the tables, and leave them in the run for the page of results."""
    run = Path(cfg.run)
    if not (run / "config.yaml").is_file():
        raise FileNotFoundError(f"{run} has no config.yaml; expected the directory of a finished run")
    made = OmegaConf.load(run / "config.yaml")
    assert isinstance(made, DictConfig)
    corpus = find_corpus(made.data.corpus, **reader_options(made))
    if not isinstance(corpus, RatedCorpus) or not corpus.hold_out_rater:
        raise ValueError(
            f"{run}: nobody is held out of the raters of {made.data.corpus}; expected a run on a corpus with raters "
            "and data.options.hold_out_rater=true (experiment=dbdc3, experiment=uss)"
        )
    split = made.data.train_split if made.data.folds is not None else made.data.test_split
    answers = {name: tested_answers(run, name, TASK, corpus=made.data.corpus, split=split) for name in cfg.systems}
    tested = {label.row.dialogue_id for labels in answers.values() for label in labels}
    root = checked_root(made.data.corpus, made.data.root)
    dialogues = [d for d in iter_dialogues(corpus, root, split) if d.id in tested]
    ratings = ratings_of(dialogues, corpus)
    parts = [
        f"### Beside people\n\n```bash\n{command(cfg)}\n```\n",
        together(ratings, answers[cfg.systems[0]]),
        one_by_one(ratings),
        in_the_place_of_one(ratings, answers, cfg.epsilons),
        accepted(answers, dialogues, corpus, cfg),
    ]
    text = "\n".join(parts)
    (run / FILE).write_text(text, encoding="utf-8")
    print(text)


def command(cfg: DictConfig) -> str:
    """The command, with what is not as the config file has it, without the place of the run."""
    usual = OmegaConf.load(CONF / "compare_people.yaml")
    said, kept = OmegaConf.to_container(cfg), OmegaConf.to_container(usual)
    assert isinstance(said, dict)
    assert isinstance(kept, dict)
    changed = [f"{key!s}={value}" for key, value in said.items() if key not in ("run", "hydra") and value != kept[key]]
    return " ".join(["python -m experiments.compare_people run=DIR", *changed])


def ratings_of(dialogues: Sequence[Dialogue], corpus: RatedCorpus) -> pd.DataFrame:
    """A row a rating of a turn, whether the person saw a defect: ``task``, ``worker``, ``label``."""
    rows = [
        (item(dialogue.id, rating.turn), corpus.seat(rating.rater), corpus.is_defect([rating]))
        for dialogue in dialogues
        for rating in dialogue.ratings
        if rating.turn is not None
    ]
    return pd.DataFrame(rows, columns=["task", "worker", "label"])


def item(dialogue: str, turn: int) -> str:
    """The name of a rated turn."""
    return f"{dialogue}#{turn}"


def together(ratings: pd.DataFrame, answers: Sequence[AuditedLabel]) -> str:
    """What the raters say together, by each way to take them together, beside the labels."""
    gold = pd.Series(
        {item(x.row.dialogue_id, x.row.first_turn): (x.row.label == YES) == x.right for x in answers}, name="gold"
    )
    per_item = ratings.groupby("task").size()
    fewest, most = per_item.min(), per_item.max()
    number = str(most) if fewest == most else f"{fewest} to {most}"
    lines = [
        f"{per_item.size:,} responses have {number} ratings each. One rater a dialogue, "
        "drawn by its id, is held out of the labels: the *person* below.\n",
        "| raters together | see a defect in | kappa with the labels | tied | agreement of a rater with it: lowest, "
        "median, highest |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for method in METHODS:
        found = aggregate(ratings, method)
        said = found.labels.loc[gold.index].astype(bool)
        quality = ", ".join(f"{q:.3f}" for q in found.quality.quantile([0, 0.5, 1]))
        kappa = cohen_kappa_score(said, gold.astype(bool))
        lines.append(f"| {method} | {said.mean():.1%} | {kappa:.3f} | {len(found.ties)} | {quality} |")
    return "\n".join(lines) + "\n"


def one_by_one(ratings: pd.DataFrame) -> str:
    """Each rater against the majority of the others."""
    found = leave_one_out(ratings)
    found = found[found["items"] >= LEAST_ITEMS]
    if found.empty:
        return f"No rater has {LEAST_ITEMS} items that others rated too: none is compared with the others alone.\n"
    spread = {
        name: f"{found[name].mean():.3f} [{found[name].min():.3f}, {found[name].max():.3f}]"
        for name in ("accuracy", "kappa")
    }
    return (
        f"Each of {len(found)} raters (with {LEAST_ITEMS} items or more) against the majority of the others: accuracy "
        f"{spread['accuracy']}, kappa {spread['kappa']} (mean, lowest and highest).\n"
    )


def in_the_place_of_one(
    ratings: pd.DataFrame, answers: Mapping[str, Sequence[AuditedLabel]], epsilons: Sequence[float]
) -> str:
    """The alternative annotator test of each system."""
    rated = ratings.groupby("worker")["task"].transform("size") >= LEAST_ITEMS
    known = ratings["task"].isin({item(*key) for key in said_by(next(iter(answers.values())))})
    used = ratings[rated & known]
    lines = [
        f"May a system stand in for an annotator? Of {used['worker'].nunique()} raters it agrees with the others "
        "at least as well as so many do, but for epsilon (winning rate of the alternative annotator test; half is "
        "enough). That bounds no error: where most responses are alike, a constant passes too.\n",
        f"| system | {' | '.join(f'winning rate, epsilon {epsilon}' for epsilon in epsilons)} | "
        "as near to the others as the annotator |",
        "| --- |" + " ---: |" * (len(epsilons) + 1),
    ]
    for system, labels in answers.items():
        said = {item(*key): yes for key, yes in said_by(labels).items()}
        tests = [alternative_annotator_test(used, said, epsilon=epsilon) for epsilon in epsilons]
        rates = " | ".join(f"{test.winning_rate:.2f}" for test in tests)
        lines.append(f"| {system} | {rates} | {tests[0].advantage:.1%} |")
    return "\n".join(lines) + "\n"


def accepted(
    answers: Mapping[str, Sequence[AuditedLabel]], dialogues: Sequence[Dialogue], corpus: RatedCorpus, cfg: DictConfig
) -> str:
    """Person and systems on all responses of one half of the dialogues, and on those that a certificate accepts."""
    person = {dialogue.id: corpus.single_pass(dialogue).turns for dialogue in dialogues}
    order = np.random.default_rng(cfg.seed).permutation(sorted(person)).tolist()
    checked = set(order[: round(cfg.check * len(order))])
    lines: list[str] = []
    for system, labels in answers.items():
        audit = [label for label in labels if label.row.dialogue_id not in checked]
        test = [beside(label, person) for label in labels if label.row.dialogue_id in checked]
        whole = compare(test)[TASK]
        if not lines:
            lines = _head(len(order) - len(checked), len(checked), whole, cfg.confidence)
            lines.append(_line("person", "all", 1.0, whole.person))
        lines.append(_line(system, "all", 1.0, whole.model, whole))
        if system == MAJORITY:  # says the same of every response: no share of them is surer
            continue
        for target in cfg.targets:
            for method in cfg.methods:
                promise = certified(audit, target, method, cfg)
                name = f"at most {target:.0%} wrong, {'exact' if promise.exact else 'about'}"
                found = compare(accept(test, promise))[TASK]
                lines.append(_line(system, name, found.coverage, found.accepted, found, accepted=True))
    return "\n".join(lines) + "\n"


def certified(audit: Sequence[AuditedLabel], target: float, method: str, cfg: DictConfig) -> Certificate:
    """The promise from one half of the dialogues."""
    scores, right = [label.row.score or 0.0 for label in audit], [label.right for label in audit]
    groups = [label.row.dialogue_id for label in audit]
    return certify(scores, right, groups, target, cfg.confidence, method, seed=cfg.seed)


def accept(labels: Sequence[AuditedLabel], promise: Certificate) -> list[AuditedLabel]:
    """The labels, with what the promise covers."""
    taken = promise.accept([x.row.score or 0.0 for x in labels], [x.row.dialogue_id for x in labels])
    return [replace(x, row=replace(x.row, accepted=bool(yes))) for x, yes in zip(labels, taken, strict=True)]


def beside(label: AuditedLabel, person: Mapping[str, Sequence[TurnLabels]]) -> AuditedLabel:
    """With whether the person who is held out has it right."""
    said = person[label.row.dialogue_id][label.row.first_turn].defect
    gold = (label.row.label == YES) == label.right
    return replace(label, person_right=None if said is None else said.value == gold)


def _head(audited: int, checked: int, whole: TaskComparison, confidence: float) -> list[str]:
    return [
        f"Thresholds certified on {audited:,} dialogues (each promise at {confidence:.0%}), all figures on the "
        f"{checked:,} others. A system is compared with the person on the same responses.\n",
        f'| who | accepted | share | responses | accuracy | F1 of "{whole.rare}" | kappa | the person there: accuracy, '
        "kappa | accuracy minus person [95%] |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]


def _line(
    who: str, name: str, share: float, agreement: Agreement | None, one: TaskComparison | None = None, *,
    accepted: bool = False,
) -> str:  # fmt: skip
    if agreement is None:
        return f"| {who} | {name} | 0.0% | 0 | | | | | |"
    scores = [_number(x) for x in (agreement.accuracy, agreement.f1, agreement.kappa)]
    person = paired = ""
    if one is not None:
        other = one.person_accepted if accepted else one.person
        change = one.difference_accepted if accepted else one.difference
        person = "" if other is None else f"{_number(other.accuracy)}, {_number(other.kappa)}"
        paired = "" if change is None else f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
    return f"| {who} | {name} | {share:.1%} | {agreement.n:,} | {' | '.join(scores)} | {person} | {paired} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
