"""Tables of items on disk: all that is needed to compute every number of a run again.

``predictions/<system>.<table>.parquet`` holds the items of one system, ``predictions/dialogues.parquet`` the ids of all
dialogues that were evaluated (those without an item are resampled too), and whose each is. ``predictions/tune/`` holds
the same of the model on the tuning dialogues, which ``tune/...`` is measured on; who reads the one folder does not see
the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

TUNE = "tune"
"""Folder inside that of the predictions, with those of the tuning dialogues."""

_DIALOGUES = "dialogues.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the systems of a run said.

    Attributes:
        systems: the tables of each.
        dialogue_ids: all dialogues that were evaluated, in their order.
        owners: whose each of them is: its user's, or its own.
    """

    systems: Mapping[str, Mapping[str, pd.DataFrame]]
    dialogue_ids: Sequence[str]
    owners: Sequence[str]


def write_predictions(
    directory: Path, systems: Mapping[str, Mapping[str, pd.DataFrame]], *, dialogue_ids: Sequence[str],
    owners: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Write the tables of all systems as Parquet.

    Args:
        directory: made where it does not exist; tables of an earlier call that are not among these are removed.
        systems: for each system its tables, as given to :func:`~selflearn.evaluation.evaluate`.
        dialogue_ids: all dialogues that were evaluated.
        owners: whose each of them is; None: its own.

    Raises:
        ValueError: a name cannot be part of a file's name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    stale = {path for path in directory.glob("*.parquet") if "." in path.stem}
    for system, tables in systems.items():
        for table, frame in tables.items():
            if "." in table or "/" in system + table:
                raise ValueError(
                    f"table {table!r} of system {system!r}: expected names without '/', tables without '.'"
                )
            file = directory / f"{system}.{table}.parquet"
            frame.to_parquet(file, index=False)
            stale.discard(file)
    for file in stale:
        file.unlink()
    columns = {"dialogue_id": dialogue_ids, "owner": dialogue_ids if owners is None else owners}
    pd.DataFrame({name: pd.Series(list(values), dtype="str") for name, values in columns.items()}).to_parquet(
        directory / _DIALOGUES
    )


def read_predictions(directory: Path) -> Predictions:
    """Read what :func:`write_predictions` wrote.

    Raises:
        FileNotFoundError: the list of dialogues is not there; names it.
        ValueError: the list does not say whose they are.
    """
    if not (directory / _DIALOGUES).is_file():
        raise FileNotFoundError(f"{directory / _DIALOGUES} is missing; expected the predictions folder of a run")
    systems: dict[str, dict[str, pd.DataFrame]] = {}
    for path in sorted(directory.glob("*.parquet")):
        system, _, table = path.stem.rpartition(".")
        if system:
            systems.setdefault(system, {})[table] = pd.read_parquet(path)
    tested = pd.read_parquet(directory / _DIALOGUES)
    if missing := [name for name in ("dialogue_id", "owner") if name not in tested]:
        raise ValueError(f"{directory / _DIALOGUES} has no column {missing[0]!r}: run the command of its run again, "
                         "which measures it anew without training")  # fmt: skip
    return Predictions(
        systems=systems, dialogue_ids=tested["dialogue_id"].tolist(), owners=tested["owner"].tolist()
    )  # fmt: skip


def read_together(directories: Sequence[Path]) -> list[Predictions]:
    """The predictions of runs that were evaluated on the same dialogues.

    Args:
        directories: of the runs.

    Raises:
        FileNotFoundError: a directory holds no predictions; names it.
        ValueError: the dialogues of two runs differ.
    """
    found = [read_predictions(directory / "predictions") for directory in directories]
    first = found[0].dialogue_ids
    for directory, predictions in zip(directories, found, strict=True):
        if sorted(predictions.dialogue_ids) != sorted(first):
            raise ValueError(
                f"{directories[0]} and {directory} were evaluated on different dialogues ({len(first)} and "
                f"{len(predictions.dialogue_ids)}); expected runs on one log, with the same test split"
            )
    return found
