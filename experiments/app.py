"""What every entry point shares: settings are checked before any work, and a user's fault is said in one line.

A fault of the user's (an unknown key, a missing folder, a broken row) ends with exit code 2 and no traceback; a fault
of the program's shows its traceback. ``HYDRA_FULL_ERROR=1`` shows it for both.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hydra
import hydra.version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_automatic_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, ValidationError

import selflearn
from experiments.check import ConfigError
from experiments.overrides import checked_overrides
from experiments.rates import log_suffix
from selflearn.schema import RecordError


def task_names() -> ListConfig:
    """Names of all tasks, in their order."""
    from selflearn.tasks import task_classes  # here: every program imports this file, few train

    return OmegaConf.create(list(task_classes()))


OmegaConf.register_new_resolver("log_suffix", log_suffix, replace=True)
OmegaConf.register_new_resolver("task_names", task_names, replace=True)

Main = Callable[[DictConfig], Any]


def changed_settings(cfg: DictConfig, program: str, *, without: Collection[str]) -> list[str]:
    """What a command was told that its config file does not have, as a shell takes it; ``without`` names places."""
    said, kept = OmegaConf.to_container(cfg), OmegaConf.to_container(OmegaConf.load(CONF / f"{program}.yaml"))
    assert isinstance(said, dict)
    skipped = {*without, "hydra"}
    changed = _changed({key: value for key, value in said.items() if key not in skipped}, kept)
    return [shlex.quote(f"{key}={as_hydra_reads(value)}") for key, value in changed]


def _changed(said: Any, kept: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Name and value of each setting that is not as it was; those inside of a mapping each by themselves."""
    for key, value in said.items():
        before = kept.get(key) if isinstance(kept, dict) else None
        if isinstance(value, dict):
            yield from _changed(value, before, f"{place}{key}.")
        elif value != before:
            yield f"{place}{key}", value


def as_hydra_reads(value: Any) -> str:
    """A value of an override: a text of other than plain letters in quotes, so that it stays one."""
    if isinstance(value, list):
        return f"[{','.join(map(as_hydra_reads, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    plain = isinstance(value, str) and re.fullmatch(r"(?!(?i:null|true|false|nan|inf)$)[A-Za-z_/][\w./-]*", value)
    if plain or not isinstance(value, str):
        return str(value)
    return "'" + re.sub(r"(\\*)'", r"\1\1\'", value) + "'"


def typed_command(program: str) -> str:
    """This command as it was typed, without the settings that say where its files are: for a page of results."""
    from selflearn.evaluation.run_directory import is_free  # here: it loads torch, which not every program needs

    typed = [word for word in sys.argv[1:] if not is_free(word.partition("=")[0])]
    return shlex.join(["python", "-m", f"experiments.{program}", *typed])


_HERE = Path(__file__).resolve().parent
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"
"""The config files: inside this package where it was installed as a wheel, else those of the checkout."""


def hydra_main(config_name: str, *, config_dir: Path = CONF) -> Callable[[Main], Callable[..., Any]]:
    """Make a function of a config into a program, as ``hydra.main`` does, with the checks of this package.

    Args:
        config_name: primary config, a file of ``config_dir`` without its suffix.
        config_dir: folder of the config files.

    Returns:
        A decorator. The program takes no argument and reads the command line; called with a config it runs the
        function as it is and raises what that raises.
    """

    def decorate(main: Main) -> Callable[..., Any]:
        @functools.wraps(main)
        def program(cfg: DictConfig | None = None) -> Any:
            return _launch(main, config_name, config_dir) if cfg is None else main(cfg)

        return program

    return decorate


def _launch(main: Main, config_name: str, config_dir: Path) -> None:
    arguments = get_args_parser().parse_args()
    typed = sys.argv
    job = _Job(main)
    if arguments.help:
        print(help_text(config_name, config_dir))
        return
    try:
        if not _asks_hydra_itself(arguments):
            ready = _checked(arguments, config_name, config_dir)
            sys.argv = _replaced(typed, arguments.overrides, ready)
        hydra.main(version_base="1.3", config_path=str(config_dir), config_name=config_name)(job.run)()
    except ConfigError as error:
        _stop(str(error), error)
    except KeyboardInterrupt as error:
        _stop("interrupted", error, code=130)
    finally:
        sys.argv = typed
    if job.failed:
        print(f"{len(job.failed)} of {job.started} jobs failed:", *job.failed, sep="\n  ", file=sys.stderr)
        raise SystemExit(2 if job.users_fault else 1)


def help_text(config_name: str, config_dir: Path = CONF) -> str:
    """What ``--help`` prints: the config file, whose comments say what each setting is for, and its groups.

    Hydra's own lists every folder of configs, also to programs that refuse them.
    """
    file = config_dir / f"{config_name}.yaml"
    text, _, _ = file.read_text("utf-8").partition("\nhydra:\n")
    chosen = OmegaConf.select(OmegaConf.load(file), "defaults", default=[])
    groups = [str(name) for entry in chosen if isinstance(entry, DictConfig) for name in entry if " " not in str(name)]
    lines = [line for line in text.splitlines() if "override hydra/" not in line]
    if not groups:
        lines = [line for line in lines if line not in ("defaults:", "  - _self_")]
    options = [
        f"{group}: {', '.join(sorted(path.stem for path in (config_dir / group).glob('*.yaml')))}" for group in groups
    ]
    if options:
        options = ["", "Groups, each a folder of conf/ (group=choice; --cfg job prints all settings):", *options]
    return "\n".join(
        [*lines, *options, "", "Each setting is given as key=value; ??? has to be. Several values: -m key=1,2"]
    )


def _asks_hydra_itself(arguments: Namespace) -> bool:
    """Help, completion and the like: nothing is run, so that nothing needs a check."""
    questions = (arguments.hydra_help, arguments.shell_completion, arguments.info)
    return any(questions) or arguments.experimental_rerun is not None


def config_loader(config_path: str = str(CONF), extra_folder: str | None = None) -> ConfigLoaderImpl:
    """Hydra's loader of the config files, as ``hydra.main`` sets it up."""
    setup_globals()
    hydra.version.setbase("1.3")
    JobRuntime.instance().set("name", "check")
    path = create_automatic_config_search_path(__file__, None, config_path)
    if extra_folder is not None:
        folder = f"file://{Path(extra_folder).resolve()}"
        path.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    return ConfigLoaderImpl(config_search_path=path)


def _checked(arguments: Namespace, config_name: str, config_dir: Path) -> list[str]:
    return checked_overrides(
        config_loader(arguments.config_path or str(config_dir), arguments.config_dir),
        arguments.config_name or config_name,
        arguments.overrides,
        sweep=arguments.multirun or any(line.startswith("hydra.mode=") for line in arguments.overrides),
        values_needed=arguments.cfg is None,
    )


def _replaced(typed: list[str], lines: list[str], ready: list[str]) -> list[str]:
    """The command line with the overrides put as Hydra wants them; flags stay where they are."""
    new = dict(zip(lines, ready, strict=True))
    return [typed[0], *(new.get(word, word) for word in typed[1:])]


class _Job:
    """Runs the function for one config, or for each of a sweep's, and remembers what failed."""

    def __init__(self, main: Main) -> None:
        self.main = main
        self.started = 0
        self.failed: list[str] = []
        self.users_fault = True

        @functools.wraps(main)
        def run(cfg: DictConfig) -> Any:
            self.started += 1
            try:
                return main(cfg)
            except Exception as error:
                message = user_message(error)
                if _full_error() or (message is None and not _in_sweep()):
                    raise
                if not _in_sweep():
                    _stop(str(message), error)
                self._note_failure(error, message)
                return None

        self.run = run

    def _note_failure(self, error: Exception, message: str | None) -> None:
        """Say it at once and let the sweep go on; Hydra would tell of it after the last job."""
        settings = " ".join(HydraConfig.get().overrides.task)
        if message is None:
            traceback.print_exception(error)
            self.users_fault = False
        self.failed.append(settings)
        print(f"failed: {settings}: {message or repr(error)}", file=sys.stderr, flush=True)


def user_message(error: BaseException) -> str | None:
    """Say in words what the user can mend, or None where the program itself is at fault.

    Errors of our own making (raised in ``selflearn`` or ``experiments``) are written for users; so are settings that
    cannot be read and files that are not there. The same ``ValueError`` out of a library is a bug of ours.
    """
    if isinstance(error, InstantiationException) and error.__cause__ is not None:
        inner = user_message(error.__cause__)
        key = str(error).rpartition("full_key: ")[2] if "full_key: " in str(error) else None
        return inner if inner is None or key is None else f"{key}: {inner}"
    of_a_user = (ConfigError, RecordError, MissingMandatoryValue, InterpolationResolutionError, ValidationError)
    if isinstance(error, of_a_user) or type(error).__name__ == "MisconfigurationException":  # Lightning's, by name:
        return str(error)  # its import takes seconds
    if isinstance(error, OSError) and error.filename is not None:
        return str(error)
    if isinstance(error, ValueError | OSError | ImportError) and _raised_by_us(error):
        return str(error)
    return None if error.__cause__ is None else user_message(error.__cause__)  # datasets wraps what a reader raises


def _raised_by_us(error: BaseException) -> bool:
    told = getattr(error.__cause__, "tb", None)
    if isinstance(told, str):  # another process raised it: its frames came as text, those here are of the pool
        files = re.findall(r'^  File "(.+)", line \d+', told, re.MULTILINE)
        ours = (_HERE, Path(selflearn.__file__).resolve().parent)
        return bool(files) and any(Path(files[-1]).resolve().is_relative_to(folder) for folder in ours)
    frames = list(traceback.walk_tb(error.__traceback__))
    module = str(frames[-1][0].f_globals.get("__name__", "")) if frames else ""
    spec = frames[-1][0].f_globals.get("__spec__") if frames else None  # of a program started with -m: its real name
    name = spec.name if module == "__main__" and spec is not None else module
    return name.partition(".")[0] in ("selflearn", "experiments")


def _in_sweep() -> bool:
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def _full_error() -> bool:
    return os.environ.get("HYDRA_FULL_ERROR") == "1"


def _stop(message: str, error: BaseException, *, code: int = 2) -> NoReturn:
    if _full_error():
        raise error
    print(message, file=sys.stderr, flush=True)
    raise SystemExit(code) from error
