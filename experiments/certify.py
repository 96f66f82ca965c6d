"""Say what the labels of a model promise: ``python -m experiments.certify labeler=DIR input=FILE target_error=0.05``.

The input has labels of people. Half of its dialogues are the audit that thresholds are certified on; the other half
shows what the certified labels come to, beside a single person where people labelled alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table
from transformers.utils import logging as transformers_logging

from experiments.app import changed_settings, hydra_main
from experiments.build import settings
from experiments.check import ConfigError, check_columns, check_page
from selflearn._limits import Checked
from selflearn._replacing import replace_text
from selflearn.baselines.annotator import first_pass
from selflearn.batching.rows import DialogueRows
from selflearn.corpora import find_corpus, load_dialogues
from selflearn.corpora.rated import RatedCorpus
from selflearn.inference import Labeler
from selflearn.inference.audit import (
    AuditedLabel,
    audited_labels,
    by_task,
    check_labelled_by_people,
    is_audited,
    unaudited,
    unknown_names,
    with_abstentions,
)
from selflearn.inference.audit_design import DESIGNS, check_design, unit_of
from selflearn.inference.audited_log import AuditedLog
from selflearn.inference.calibration import calibration_errors
from selflearn.inference.comparison import HEADINGS, TaskComparison, compare, comparison_rows
from selflearn.inference.doubts import fields_of
from selflearn.inference.goal_records import ABSTENTION
from selflearn.inference.learned_from import check_not_learned_from
from selflearn.inference.promises import (
    NOTHING_AUDITED,
    Promises,
    acceptance,
    certify_names,
    certify_tasks,
    check_replaces_no_other,
    telling,
    write_promises,
)
from selflearn.inference.rows import EACH, key_in_words, split_key
from selflearn.inference.tries import audit_of, note_try, number_of_try
from selflearn.reports import add_promises
from selflearn.schema import Dialogue, Labels
from selflearn.trust import Certificate, certify
from selflearn.trust.wording import at_least_percent, at_most_percent, score_from

DECIDE = (
    "target_error", "confidence", "method", "max_items", "together", "each", "starts", "audited", "no_intent", "check",
    "seed",
)  # fmt: skip
"""Settings that are to be fixed before the labels of an audit are seen."""

AT_ONCE = 256
"""Dialogues that are labelled together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Switches(Checked):
    """Settings that are on or off; a text such as "no" would be taken for a yes."""

    together: bool
    again: bool
    bf16: bool
    progress: bool


class Labelled(NamedTuple):
    """A dialogue as people labelled it, as the model did, and as it did with its scores as it gave them."""

    gold: Dialogue
    said: Dialogue
    uncalibrated: Dialogue


@hydra_main("certify")
def main(cfg: DictConfig) -> None:
    """Label, certify, write the promises beside the model, and print what they come to."""
    check_settings(cfg)
    columns = OmegaConf.to_container(cfg.columns, resolve=True)
    options = {"columns": columns} if columns else {}
    rows = DialogueRows(
        load_dialogues(cfg.corpus, root=cfg.input, split=cfg.split, cache_dir=cfg.cache, **options)  # type: ignore[arg-type]
    )
    check_labelled_by_people(rows)
    console = Console(stderr=True)
    dialogues = audit_in(rows, console)
    check_design(dialogues, cfg.audited)
    check_not_learned_from(dialogues, Path(cfg.labeler).expanduser())
    transformers_logging.disable_progress_bar()
    labeler = Labeler.from_pretrained(
        cfg.labeler, device=cfg.device, bf16=cfg.bf16, recordings=cfg.recordings, with_promises=False
    )
    folder, known_as = Path(cfg.labeler).expanduser(), audit_of(dialogues)
    log = AuditedLog.of(rows, corpus=cfg.corpus, root=cfg.input, split=cfg.split)
    this_try = {name: cfg[name] for name in DECIDE} | {"model": labeler.fingerprint, "log": log.digest}
    number = number_of_try(folder, known_as, this_try, again=cfg.again)
    check_replaces_no_other(folder, log, again=cfg.again)
    check_names(dialogues, labeler, console)
    bar = track(labelled(dialogues, labeler), "labelling", len(dialogues), console=console, disable=not cfg.progress)
    everything = [one._replace(gold=with_abstentions(one.gold)) if cfg.no_intent else one for one in bar]
    corpus = find_corpus(cfg.corpus, **options)
    person = corpus.single_pass if isinstance(corpus, RatedCorpus) else first_pass
    checked, audit = halves(everything, cfg.check, cfg.seed, cfg.audited)
    before = calibration_errors(label for one in audit for label in audited_labels(one.uncalibrated, one.gold.labels))
    audited = [label for one in audit for label in audited_labels(one.said, one.gold.labels)]
    errors = {task: (before[task], after) for task, after in calibration_errors(audited).items()}
    promises, price = certified(audited, cfg)
    promises = telling(promises, log, number)
    note_try(folder, known_as, this_try)
    given = fields_of(labeler, (one.gold for one in audit))
    promised = Promises(tasks=promises, audited=given, log=log)
    file = write_promises(promised, folder, model=labeler.fingerprint)
    add_promises(folder, promised)
    found = compare(check(checked, promises, person))
    show(promises, price, found, len(checked), cfg)
    of_users = len({one.gold.user_id for one in audit if one.gold.user_id is not None})
    users = f" of {of_users:,} users" if of_users else ""
    say_unaudited(audit, {split_key(key)[0] for key in promises}, console, of_turns=cfg.audited == "items")
    from_what = f"from {len(audit):,} audited dialogues{users}, of {escape(str(log))}"
    console.print(f"{from_what}; written: {file}", highlight=False, soft_wrap=True)
    if cfg.page is not None:
        replace_text(Path(cfg.page), markdown(promised, price, errors, found, len(audit), len(checked), cfg))


def certified(audited: Sequence[AuditedLabel], cfg: DictConfig) -> tuple[dict[str, Certificate], dict[str, float]]:
    """The promises, and what it costs each that others hold with it, where that was asked for."""
    asked = {name: cfg[name] for name in ("target_error", "confidence", "method", "max_items", "seed", "starts")}
    asked["design"] = cfg.audited
    if cfg.together:
        asked["confidence"] = each_at(cfg.confidence, len(by_task(audited)))
    return (certify_tasks(audited, **asked), {}) if cfg.each is None else certify_names(audited, cfg.each, **asked)


def show(
    promises: Mapping[str, Certificate], price: Mapping[str, float], found: Mapping[str, TaskComparison], checked: int,
    cfg: DictConfig,
) -> None:  # fmt: skip
    """Print the promises, and what they come to on so many other dialogues."""
    console = Console()
    console = Console(width=max(console.width, 120))  # a row a line, also in a file
    in_words = {key: one for key, one in promises.items() if cfg.each is None or one.threshold is not None}
    for key, one in in_words.items():
        words = f"[bold]{escape(key_in_words(key))}[/bold]: {escape(one.promise)}{together(price.get(key))}"
        console.print(words, highlight=False)
    if len(in_words) < len(promises):
        console.print(not_accepted({key: one for key, one in promises.items() if key not in in_words}))
    if found:
        console.print(table(found, checked))
    console.print(joint_confidence(cfg, len({split_key(key)[0] for key in promises})), highlight=False)


def check_settings(cfg: DictConfig) -> None:
    """Refuse settings that cannot be meant, before anything is read."""
    settings(_Switches, {name: cfg[name] for name in _Switches.__dataclass_fields__})
    check_columns(cfg)
    if not isinstance(cfg.check, int | float) or not 0 <= cfg.check < 1:
        raise ConfigError([f"check is {cfg.check}; expected a share of the dialogues from 0 to below 1"])
    # what it refuses it is to refuse now, not when everything is labelled
    certify([0.5], [True], **{name: cfg[name] for name in ("target_error", "confidence", "method", "starts", "seed")})
    if cfg.audited is not None and cfg.audited not in DESIGNS:
        raise ConfigError([f"audited is {cfg.audited!r}; expected one of {', '.join(DESIGNS)}, or null (users where "
                           "they are known and repeat, else dialogues)"])  # fmt: skip
    if cfg.no_intent not in (None, ABSTENTION):
        raise ConfigError([f"no_intent is {cfg.no_intent!r}; expected {ABSTENTION} (where people gave a labelled turn "
                           "no intent they found none), or null (nobody said)"])  # fmt: skip
    if cfg.max_items is not None and (not isinstance(cfg.max_items, int) or cfg.max_items < 1):
        raise ConfigError([f"max_items is {cfg.max_items}; expected a whole number from 1 on, or null (no limit)"])
    if cfg.max_items is not None and cfg.audited == "items":
        raise ConfigError(["max_items limits what is accepted of a dialogue, and audited is items: turns that were "
                           "drawn one by one are no dialogues; leave one of them out"])  # fmt: skip
    check_page(cfg.page)
    if cfg.each is not None and cfg.each not in EACH:
        raise ConfigError([f"each is {cfg.each!r}; expected one of {', '.join(EACH)}, or null (a promise a task)"])
    if cfg.audited == "items" and cfg.check:
        raise ConfigError(["audited is items and check is not 0: turns that were drawn one by one from all dialogues "
                           "are not drawn so from those of one half; give check=0"])  # fmt: skip


def audit_in(rows: DialogueRows, console: Console) -> DialogueRows:
    """The dialogues that people labelled: the others of a log are no part of an audit, and are counted and said.

    Raises:
        ValueError: nobody labelled any.
    """
    known = [i for i, dialogue in enumerate(rows) if is_audited(dialogue)]
    if not known:
        raise ValueError(NOTHING_AUDITED)
    if len(known) == len(rows):
        return rows
    console.print(f"{len(rows) - len(known):,} of {len(rows):,} dialogues have no label of people and are left out",
                  highlight=False)  # fmt: skip
    return rows.take(known)


def check_names(dialogues: Iterable[Dialogue], labeler: Labeler, console: Console) -> None:
    """Count and say the names of people that the model does not know; refuse a corpus of which it knows none."""
    for task, unknown in unknown_names(dialogues, labeler.names).items():
        shown = ", ".join(f"{name} ({number:,})" for name, number in unknown.most_common(10))
        more = f" and {len(unknown) - 10:,} more" if len(unknown) > 10 else ""
        console.print(f"{task}: {unknown.total():,} labels of people have {len(unknown):,} names that the model does "
                      f"not know: {escape(shown)}{more}. No label of it is right there",
                      highlight=False, soft_wrap=True)  # fmt: skip


def say_unaudited(audit: Sequence[Labelled], tasks: Collection[str], console: Console, *, of_turns: bool) -> None:
    """Count and say the labels that people say nothing of, which are accepted by the promises of others of their task.

    Args:
        audit: what was audited.
        tasks: that something was certified of.
        console: to say it on.
        of_turns: turns were drawn one by one.
    """
    found = unaudited(((one.said, one.gold.labels) for one in audit), of_turns=of_turns)
    for task, number in sorted((task, number) for task, number in found.items() if task in tasks):
        what = ("; if people found none there, no_intent=other counts intents of the model as wrong there"
                if task == "intent" else "")  # fmt: skip
        console.print(f"{task}: of {number:,} labels of the model people say nothing; they are in no promise, and such "
                      f"labels are accepted like others{what}", highlight=False, soft_wrap=True)  # fmt: skip


def each_at(confidence: float, promises: int) -> float:
    """The confidence of each of so many promises, for all of them to hold at once with this one (Bonferroni)."""
    return 1 - (1 - confidence) / max(promises, 1)


def joint_confidence(cfg: DictConfig, tasks: int) -> str:
    """What holds of the promises of all tasks at once, in words."""
    sure = at_least_percent(cfg.confidence)
    if cfg.together:
        return f"The promises of all {tasks} tasks hold at once with a confidence of {sure}."
    least = max(0, floor(100 * (1 - tasks * (1 - cfg.confidence)) + 1e-9))
    return (f"The promise of each task holds by itself with a confidence of {sure}; all {tasks} at once with {least}% "
            "or more. together=true promises all at once.")  # fmt: skip


def not_accepted(promises: Mapping[str, Certificate]) -> Table:
    """The names of which no label is accepted: too many for a sentence each."""
    shown = Table("of these nothing is accepted", "audited labels", "what it would take")
    for key, one in promises.items():
        shown.add_row(escape(key_in_words(key)), f"{one.n:,}", what_it_takes(one))
    return shown


def what_it_takes(one: Certificate) -> str:
    """A larger audit, or another order of scores; nothing for a threshold, and where no number would do."""
    if one.more_items == 0:
        return "scores in a better order: the best ones are not the surest"
    if one.more_items is None:
        return ""
    more = one.more_units
    units = "" if more is None or one.unit == "item" else f" of {(one.units or 0) + more:,} {one.unit}s"
    return f"a new audit of about {one.n + one.more_items:,} labels{units}"


def together(price: float | None) -> str:
    """What it costs a promise that others are to hold with it, in words."""
    return f" By itself it would accept {price:.1%} of the labels more." if price is not None and price > 0 else ""


def labelled(dialogues: DialogueRows, labeler: Labeler) -> Iterator[Labelled]:
    """Label dialogues, read once, with calibrated scores and without."""
    raw = Labeler(labeler.system)
    for first in range(0, len(dialogues), AT_ONCE):
        some = list(dialogues[first : first + AT_ONCE])
        prepared = labeler.prepare(some)
        answers = labeler.predict(prepared)
        each = (labeler.decode(prepared, answers), raw.decode(prepared, answers))
        for gold, said, uncalibrated in zip(some, *each, strict=True):
            yield Labelled(gold, said.dialogue, uncalibrated.dialogue)


def halves(
    everything: Sequence[Labelled], share: float, seed: int, design: str | None
) -> tuple[list[Labelled], list[Labelled]]:
    """So large a share of what was drawn for the audit, drawn by the seed, and the others; see :func:`unit_of`."""
    of_each = [unit_of(one.gold, design) for one in everything]
    units = list(dict.fromkeys(of_each))
    order = np.random.default_rng(seed).permutation(len(units)).tolist()
    places = {units[i]: place for place, i in enumerate(order)}
    drawn = sorted(range(len(everything)), key=lambda i: places[of_each[i]])
    first = sum(places[unit] < round(share * len(units)) for unit in of_each)
    if first == len(everything):
        raise ConfigError([f"check is {share} and keeps all {first:,} dialogues out of the audit; expected a smaller "
                           "share, or more dialogues"])  # fmt: skip
    return [everything[i] for i in drawn[:first]], [everything[i] for i in drawn[first:]]


def check(
    checked: Sequence[Labelled], promises: Mapping[str, Certificate], person: Callable[[Dialogue], Labels]
) -> list[AuditedLabel]:
    """The labels of dialogues that no promise was made from, with what is accepted and what a single person says."""
    accept = {task: acceptance(certificate) for task, certificate in promises.items()}
    return [
        label
        for one in checked
        for label in audited_labels(one.said, one.gold.labels, beside(one.gold, person), accept=accept)
    ]


def beside(gold: Dialogue, person: Callable[[Dialogue], Labels]) -> Labels | None:
    """What a single person said who had no part in the labels; None where nobody else has labelled the dialogue."""
    said = person(gold) if gold.ratings else None
    return None if said is None or said.sources() & gold.labels.sources() else said


def table(found: Mapping[str, TaskComparison], dialogues: int) -> Table:
    """What the labels of the other dialogues come to, for the terminal."""
    shown = Table(*HEADINGS, title=f"{dialogues:,} dialogues that no promise was made from")
    for line in comparison_rows(found):
        shown.add_row(*line)
    return shown


def command(cfg: DictConfig) -> str:
    """The command, with what is not as the config file has it; places of one machine are left out."""
    log = "LOG" if Path(cfg.input).is_absolute() else shlex.quote(cfg.input)
    places = ["labeler", "input", "recordings", "page", "device", "cache", "progress"]
    changed = changed_settings(cfg, "certify", without=places)
    return " ".join([f"python -m experiments.certify labeler=DIR/model input={log}", *changed])


def markdown(
    promised: Promises, price: Mapping[str, float], errors: Mapping[str, tuple[float, float]],
    found: Mapping[str, TaskComparison], audited: int, checked: int, cfg: DictConfig,
) -> str:  # fmt: skip
    """Promises and figures, for the page of results; ``price`` is empty where each task has one promise."""
    promises = promised.tasks
    kind = "an exact" if all(one.exact for one in promises.values()) else "an approximate"
    of_each = "" if cfg.each is None else f", of each {cfg.each}"
    lines = [
        f"### Labels with {kind} promise: at most {at_most_percent(cfg.target_error)} wrong{of_each}\n",
        f"```bash\n{command(cfg)}\n```\n",
        f"Certified on {audited:,} dialogues of {promised.log}{_users(promises)}.\n",
        "| task | audited labels | calibration error before | and after | threshold | accepted | what it would take |"
        + ("" if cfg.each is None else " price of holding together |"),
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |" + ("" if cfg.each is None else " ---: |"),
    ]
    for task, one in promises.items():
        threshold = "none" if one.threshold is None else score_from(one.threshold)
        before, after = errors[split_key(task)[0]]
        name = key_in_words(task).replace("|", "\\|")
        line = f"| {name} | {one.n:,} | {before:.3f} | {after:.3f} | {threshold} | {one.coverage:.1%} "
        line += f"| {what_it_takes(one)} |"
        lines.append(line if cfg.each is None else f"{line} {price[task]:.1%} |")
    if found:
        lines += [f"\nOn the {checked:,} other dialogues:\n", f"| {' | '.join(HEADINGS)} |"]
        lines += ["| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"]
        lines += [f"| {' | '.join(line)} |" for line in comparison_rows(found)]
    lines += ["", joint_confidence(cfg, len({split_key(key)[0] for key in promises}))]
    return "\n".join(lines) + "\n"


def _users(promises: Mapping[str, Certificate]) -> str:
    """Whose dialogues they are, where promises are counted over users."""
    users = max((one.units for one in promises.values() if one.unit == "user"), default=0)
    return f", of {users:,} users, who are what the promises are counted over" if users else ""


if __name__ == "__main__":
    main()
