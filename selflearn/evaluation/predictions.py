"""Tables of items on disk: all that is needed to compute every number of a run again.

``predictions/<system>.<table>.parquet`` holds the items of one system, ``predictions/dialogues.parquet`` the ids of all
dialogues that were evaluated (those without an item are resampled too). ``predictions/tune/`` holds the same of the
model on the tuning dialogues, which ``tune/...`` is measured on; who reads the one folder does not see the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

TUNE = "tune"
"""Folder inside that of the predictions, with those of the tuning dialogues."""

_DIALOGUES = "dialogues.parquet"


def write_predictions(
    directory: Path, systems: Mapping[str, Mapping[str, pd.DataFrame]], *, dialogue_ids: Sequence[str]
) -> None:
    """Write the tables of all systems as Parquet.

    Args:
        directory: made where it does not exist; files of the same name are replaced.
        systems: for each system its tables, as given to :func:`~selflearn.evaluation.evaluate`.
        dialogue_ids: all dialogues that were evaluated.

    Raises:
        ValueError: a name cannot be part of a file's name.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for system, tables in systems.items():
        for table, frame in tables.items():
            if "." in table or "/" in system + table:
                raise ValueError(
                    f"table {table!r} of system {system!r}: expected names without '/', tables without '.'"
                )
            frame.to_parquet(directory / f"{system}.{table}.parquet", index=False)
    pd.DataFrame({"dialogue_id": pd.Series(list(dialogue_ids), dtype="str")}).to_parquet(directory / _DIALOGUES)


def read_predictions(directory: Path) -> tuple[dict[str, dict[str, pd.DataFrame]], list[str]]:
    """Read what :func:`write_predictions` wrote.

    Returns:
        The tables of each system, and the ids of all evaluated dialogues, in their order.

    Raises:
        FileNotFoundError: the list of dialogues is not there; names it.
    """
    if not (directory / _DIALOGUES).is_file():
        raise FileNotFoundError(f"{directory / _DIALOGUES} is missing; expected the predictions folder of a run")
    systems: dict[str, dict[str, pd.DataFrame]] = {}
    for path in sorted(directory.glob("*.parquet")):
        system, _, table = path.stem.rpartition(".")
        if system:
            systems.setdefault(system, {})[table] = pd.read_parquet(path)
    return systems, pd.read_parquet(directory / _DIALOGUES)["dialogue_id"].tolist()


def read_together(directories: Sequence[Path]) -> tuple[list[dict[str, dict[str, pd.DataFrame]]], list[str]]:
    """The predictions of runs that were evaluated on the same dialogues.

    Args:
        directories: of the runs.

    Returns:
        For each run the tables of each system, and the ids of the dialogues.

    Raises:
        FileNotFoundError: a directory holds no predictions; names it.
        ValueError: the dialogues of two runs differ.
    """
    found = [read_predictions(directory / "predictions") for directory in directories]
    first = found[0][1]
    for directory, (_, ids) in zip(directories, found, strict=True):
        if sorted(ids) != sorted(first):
            raise ValueError(
                f"{directories[0]} and {directory} were evaluated on different dialogues ({len(first)} and "
                f"{len(ids)}); expected runs on one log, with the same test split"
            )
    return [systems for systems, _ in found], first
