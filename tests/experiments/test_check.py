from __future__ import annotations

import logging
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.app import CONF, config_loader, help_text, hydra_main, user_message
from experiments.check import ConfigError, check_config, nearest, target_faults
from experiments.overrides import checked_overrides
from selflearn.schema import RecordError, Turn
from selflearn.simulation.grammar import Phrasing

FILES = {
    "job.yaml": """
        defaults: [_self_, {model: small}, {training: short}, {input: here}, {experiment: null}, {debug: null}]
        seed: 1
        labeler: ${paths.out}/${hydra:job.num}/model
        paths: {out: runs, corpora: "${oc.env:NO_SUCH_VARIABLE_HERE,null}"}
        data: {columns: {}, sizes: [1, 2]}
        extra: {}
        hydra: {run: {dir: "run"}, sweep: {dir: "sweep"}, job_logging: {handlers: {console: {level: ERROR}}}}
    """,
    "model/small.yaml": "{_target_: torch.nn.Linear, in_features: 2, out_features: 3}",
    "model/large.yaml": "{_target_: torch.nn.Linear, in_features: 2, out_features: 9, bias: false}",
    "training/short.yaml": "{epochs: 1, learning_rate: 0.1, resume: auto}",
    "training/long.yaml": "{epochs: 9, learning_rate: 0.1, resume: auto, warmup: 3}",
    "experiment/good.yaml": """
        # @package _global_
        defaults: [override /model: large, override /training: long]
        training: {warmup: 5}
        data: {columns: {request: text}}
        extra: {note: kept}
    """,
    "experiment/misspelt.yaml": "# @package _global_\ntraining: {epocs: 3}",
    "input/here.yaml": "{file: in.jsonl, format: null}",
    "input/asked.yaml": "{file: '???', format: null}",
    "experiment/asks.yaml": "# @package _global_\ndefaults: [override /input: asked]",
    "experiment/broken.yaml": "# @package _global_\ninput: {file: ",
    "debug/fast.yaml": "# @package _global_\ntraining: {epochs: 1}",
}


@pytest.fixture
def conf(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").splitlines()
        indent = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[indent:] for line in lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield tmp_path / "conf"
    for handler in [handler for handler in root.handlers if handler not in before]:  # Hydra's
        root.removeHandler(handler)
        handler.close()
    root.handlers[:], root.level = before, level


@pytest.fixture
def command(conf, monkeypatch, capsys):
    """Runs a program with a command line; gives what it was called with, its exit code and what it printed."""

    def run(*arguments, main=lambda cfg: None):
        seen = []

        @hydra_main("job", config_dir=conf)
        def program(cfg):
            seen.append(OmegaConf.to_container(cfg))
            return main(cfg)

        monkeypatch.setattr(sys, "argv", ["job", *arguments])
        try:
            program()
            code = 0
        except SystemExit as stop:
            code = stop.code
        assert sys.argv == ["job", *arguments]
        return seen, code, capsys.readouterr().err.strip()

    return run


def test_good_settings_run(command):
    seen, code, printed = command("training.epochs=3", "model=large", "experiment=good", "debug=fast")
    assert (code, printed) == (0, "")
    assert seen[0]["training"] == {"epochs": 3, "learning_rate": 0.1, "resume": "auto", "warmup": 5}
    assert seen[0]["data"]["columns"] == {"request": "text"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epocs=3", "unknown key 'training.epocs'; nearest: 'training.epochs'"),
        ("epochs=3", "unknown key 'epochs'; nearest: 'training.epochs'"),
        ("modle=large", "unknown key 'modle'; nearest: 'model'"),
        ("model=larg", "unknown model 'larg'; nearest: 'large'; known: large, small"),
        ("training.warmup=3", "unknown key 'training.warmup'; known: training.epochs, training.learning_rate"),
        ("seed.value=3", "unknown key 'seed.value'"),
        ("data.sizes.7=3", "unknown key 'data.sizes.7'"),
        ("+training.epocs=3", "'+training.epocs=3' adds a key that nothing reads; nearest: 'training.epochs'"),
        ("++training.epocs=3", "unknown key 'training.epocs'"),
        ("+seed=3", "'+seed=3': the key is there; write 'seed=3'"),
        ("~training.epocs", "unknown key 'training.epocs'"),
        ("experiment=null", "'experiment=null': write '~experiment' to choose none"),
        ("+experiment=good", "'+experiment=good': write 'experiment=good', without '+'"),
        (
            "experiment=misspelt",
            "experiment=misspelt sets the unknown key 'training.epocs'; nearest: 'training.epochs'",
        ),
        ("model.out_feature=4", "unknown key 'model.out_feature'; nearest: 'model.out_features'"),
        ("model._target_=os.system", "model._target_ = 'os.system': a target must begin with selflearn., torch."),
        ("model._target_=torch.nn.Liner", "model._target_ = 'torch.nn.Liner': "),
        ("seed=1,2", "'seed=1,2' has several values: add -m to run each of them, or write [a,b] for one list"),
        ("experiment=broken", "while parsing a flow node"),
        ("experiment=asks", "missing value: give input.file=..."),
        ("seed=???", "missing value: give seed=..."),
        ("labeler=2024", "labeler is 2024; expected a text: write \"labeler='2024'\""),
        (
            "labeler=false",
            "labeler is False; expected a text: write \"labeler='false'\"",
        ),
        ("seed=x", "seed is 'x'; expected a whole number, from 0 to 4294967295"),
        ("seed=true", "seed is True; expected a whole number, from 0 to 4294967295"),
        ("seed=-1", "seed is -1; expected a whole number, from 0 to 4294967295"),
        ("seed=4294967296", "seed is 4294967296; expected a whole number, from 0 to 4294967295"),
        ("training={epocs: 3, resume: never}", "unknown key 'training.epocs'; nearest: 'training.epochs'"),
        ("training.epochs", "cannot read 'training.epochs' as key=value: "),
        ("training.epochs=[1", "cannot read 'training.epochs=[1' as key=value: "),
        ("data.sizes=3", "data.sizes is '3'; expected a list: data.sizes=[3]"),
        ("data.sizes=null", "data.sizes is null; expected a list, which may be empty: data.sizes=[]"),
        ("paths.corpora=2024", "paths.corpora is 2024; expected a text: write \"paths.corpora='2024'\""),
        ("data.sizes=here/a", "data.sizes is 'here/a'; expected a list: data.sizes=[here/a]"),
    ],
)
def test_a_users_fault_is_said_in_words_before_any_work(command, override, message):
    seen, code, printed = command(override)
    assert (seen, code) == ([], 2)
    assert printed.startswith(message) or message in printed
    assert "Traceback" not in printed
    assert "To append" not in printed


def test_a_missing_value_can_be_given(command):
    (seen,), code, printed = command("experiment=asks", "input.file=logs.jsonl", "input.format=jsonl")
    assert (seen["input"], code, printed) == ({"file": "logs.jsonl", "format": "jsonl"}, 0, "")


def test_a_text_of_digits_in_quotes_stays_one(command):
    (seen,), code, _ = command("labeler='2024'")
    assert (seen["labeler"], code) == ("2024", 0)


def test_all_faults_are_said_at_once(command):
    _, code, printed = command("training.epocs=3", "sead=2")
    assert code == 2
    assert printed.splitlines() == [
        "unknown key 'training.epocs'; nearest: 'training.epochs'",
        "unknown key 'sead'; nearest: 'seed'",
    ]


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        ("data.columns.request=said", ("data", "columns", "request"), "said"),
        ("data.columns={request: said}", ("data", "columns", "request"), "said"),
        ("extra.note=hello", ("extra", "note"), "hello"),
        ("+extra.a.b=1", ("extra", "a", "b"), 1),
        ("model.bias=false", ("model", "bias"), False),  # an argument of torch.nn.Linear that the file does not mention
        ("data.sizes.1=7", ("data", "sizes", 1), 7),
        ("++training.epochs=7", ("training", "epochs"), 7),
    ],
)
def test_what_is_open_can_be_filled_without_a_plus(command, override, where, value):
    (seen,), code, printed = command(override)
    assert (code, printed) == (0, "")
    for key in where:
        seen = seen[key]
    assert seen == value


def test_a_sweep_is_checked_before_its_first_job(command):
    seen, code, printed = command("-m", "model=small,large", "training=short,long", "training.warmup=1,2")
    assert (seen, code) == ([], 2)
    assert printed.splitlines() == [
        "unknown key 'training.warmup'; known: training.epochs, training.learning_rate, training.resume"
    ]


def test_a_range_without_steps_is_refused(command):
    seen, code, printed = command("-m", "seed=interval(1,2)")
    assert (seen, code) == ([], 2)
    assert printed == "'seed=interval(1,2)' is a range without steps: list its values, as in 1,2,5 or range(1,10,2)"


def test_a_sweep_runs_every_combination(command):
    seen, code, _ = command("-m", "model=small,large", "seed=1,2", "extra.note=a,b", main=lambda cfg: cfg.seed * 0.5)
    assert code == 0
    assert [(cfg["model"]["out_features"], cfg["seed"], cfg["extra"]["note"]) for cfg in seen] == [
        (size, seed, note) for size in (3, 9) for seed in (1, 2) for note in "ab"
    ]


def test_the_groups_of_a_sweep_are_composed_once_however_many_values_it_has(monkeypatch):
    loader, lines = config_loader(), ["experiment=simulated"]
    compose, composed = loader.load_configuration, []
    monkeypatch.setattr(
        loader, "load_configuration", lambda *what, **how: composed.append(what) or compose(*what, **how)
    )
    for number in (2, 8):
        rates = ",".join(f"{{people:{{goals:{{mean:{1 + i / 10}}}}}}}" for i in range(number))
        composed.clear()
        checked_overrides(loader, "train", [*lines, f"data.simulate.rates={rates}"], sweep=True, values_needed=True)
        assert len(composed) == number + 3  # with the groups, without the experiment, and with what it chooses


def test_a_sweep_goes_on_after_a_failed_job_and_tells_at_once_and_at_the_end(command):
    def fails_once(cfg):
        if cfg.seed == 1:
            raise RecordError("request", 3, "a string", file="logs.jsonl", row=7)

    seen, code, printed = command("-m", "seed=1,2", main=fails_once)
    assert (len(seen), code) == (2, 2)
    assert printed.splitlines() == [
        "failed: seed=1: logs.jsonl:7: field 'request' is 3; expected a string",
        "1 of 2 jobs failed:",
        "  seed=1",
    ]


def test_a_bug_in_a_sweep_shows_its_traceback_at_once(command):
    _, code, printed = command("-m", "seed=1,2", main=lambda cfg: 1 // 0)
    assert code == 1
    assert printed.count("Traceback") == 2
    assert "2 of 2 jobs failed" in printed


def test_a_bug_shows_its_traceback(command):
    _, code, printed = command(main=lambda cfg: 1 // 0)
    assert code == 1
    assert "ZeroDivisionError" in printed


def test_full_error_shows_the_traceback_of_a_users_fault(command, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ConfigError, match=r"nearest: 'training\.epochs'"):
        command("training.epocs=3")


def test_help_is_the_config_file_with_the_groups_that_the_program_takes():
    label, train = help_text("label"), help_text("train")
    assert "columns: {}            # of a flat table" in label
    assert "hydra" not in label + train
    assert "Groups" not in label
    assert "model: minilm, roberta, tiny" in train


@pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("*.yaml")))
def test_every_program_has_help(name):
    assert f"python -m experiments.{name}" in help_text(name).splitlines()[0]


@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--help"], ["--info", "defaults"]])
def test_hydras_own_questions_still_work(command, flags):
    seen, code, printed = command(*flags)
    assert (seen, code, printed) == ([], 0, "")


def test_a_config_can_be_shown_while_a_value_is_missing(command):
    assert command("--cfg", "job", "seed=???")[1] == 0
    assert command("--cfg", "job", "sead=1")[1] == 2


def test_another_config_folder_is_searched_too(command, tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "mine.yaml").write_text("{_target_: torch.nn.ReLU}", encoding="utf-8")
    (seen,), code, _ = command("--config-dir", "own", "model=mine")
    assert (seen["model"], code) == ({"_target_": "torch.nn.ReLU"}, 0)


def test_the_function_itself_stays_callable_with_a_config(conf):
    @hydra_main("job", config_dir=conf)
    def program(cfg):
        return cfg.seed * 2

    assert program(OmegaConf.create({"seed": 4})) == 8


def test_a_program_started_from_the_shell_ends_with_one_line_and_code_2(conf):
    program = conf.parent / "program.py"
    program.write_text(
        f"from pathlib import Path\nfrom experiments.app import hydra_main\n\n"
        f"@hydra_main('job', config_dir=Path({str(conf)!r}))\ndef main(cfg):\n    print(cfg.seed)\n\nmain()\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[2]
    run = [sys.executable, str(program)]
    environment = {"PYTHONPATH": str(root), "PATH": ""}
    bad = subprocess.run([*run, "sead=5"], capture_output=True, text=True, env=environment, check=False)
    good = subprocess.run([*run, "seed=5"], capture_output=True, text=True, env=environment, check=False)
    assert (bad.returncode, bad.stdout, bad.stderr) == (2, "", "unknown key 'sead'; nearest: 'seed'\n")
    assert (good.returncode, good.stdout) == (0, "5\n"), good.stderr
    assert (conf.parent / "run" / "program.log").is_file()


def test_target_faults_are_found_at_any_depth_and_nothing_is_built():
    cfg = OmegaConf.create(
        {
            "a": [
                {"_target_": "torch.nn.Linear", "in_feature": 1},
                {"_target_": "torch.optim.AdamW", "_partial_": True},
            ],
            "b": {"name": "torch.nn.ReLU", "c": {"_target_": "${b.name}", "inplce": True}},
            "d": {"_target_": "selflearn.no_such_module.Thing"},
            "e": {"_target_": "subprocess.run", "args": "true"},
        }
    )
    faults = list(target_faults(cfg))
    assert faults[0] == "a.0.in_feature: torch.nn.Linear takes no 'in_feature'; nearest: 'in_features'"
    assert faults[1] == "b.c.inplce: torch.nn.ReLU takes no 'inplce'; nearest: 'inplace'"
    assert faults[2].startswith("d._target_ = 'selflearn.no_such_module.Thing': ")
    assert "no_such_module" in faults[2].partition(": ")[2]
    assert faults[3].startswith("e._target_ = 'subprocess.run': a target must begin with ")
    assert len(faults) == 4


@pytest.mark.parametrize("place", ["taken", "taken/below/it"])
def test_an_output_folder_that_cannot_be_one_is_said_before_hydra_makes_it(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    cfg = OmegaConf.create({"paths": {"output_dir": place}})
    with pytest.raises(ConfigError, match=f"paths.output_dir = '{place}': taken is a file; expected a folder"):
        check_config(cfg)
    for fine in ("free/below/it", str(tmp_path), "${hydra:sweep.dir}/1"):
        check_config(OmegaConf.create({"paths": {"output_dir": fine}}))


def test_check_config_gives_missing_values_and_targets_together():
    cfg = OmegaConf.create({"input": "???", "model": {"_target_": "torch.nn.Nothing"}})
    with pytest.raises(ConfigError) as caught:
        check_config(cfg)
    assert [fault.split(":")[0].split(" =")[0] for fault in caught.value.faults] == ["missing value", "model._target_"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("training.epocs", "training.epochs"), ("lr", None), ("trainig.epochs", "training.epochs"), ("SEED", None)],
)
def test_nearest(name, expected):
    assert nearest(name, ["training.epochs", "training.learning_rate", "seed"]) == expected


def raised(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_errors_of_the_library_are_for_users_and_the_same_errors_of_others_are_bugs(tmp_path):
    assert user_message(raised(lambda: Turn(seconds=-1.0))).startswith("field 'seconds' is -1.0; expected 0 or more")
    assert user_message(raised(lambda: Turn.from_dict({"requset": "x"}))) is not None
    assert "No such file" in user_message(raised((tmp_path / "absent").read_text))
    assert user_message(raised(lambda: int("x"))) is None
    assert user_message(raised(lambda: {}["x"])) is None


def test_a_users_fault_inside_another_librarys_error_is_found():
    def wraps():
        try:
            Turn(joins=-1)
        except RecordError as error:
            raise RuntimeError("An error occurred while generating the dataset") from error

    assert user_message(raised(wraps)).startswith("field 'joins' is -1")


def test_a_users_fault_in_another_process_is_found_and_a_bug_there_stays_one():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        ours, others = (raised(pool.submit(read, text).result) for read, text in ((Phrasing.parse, "[a"), (int, "x")))
    assert user_message(ours) == "a '[' is not closed by ']' in '[ a'"
    assert user_message(others) is None


EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_of_ours_sets_only_keys_that_there_are_and_begins_with_its_command(name):
    package, command = (CONF / "experiment" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[:2]
    assert package == "# @package _global_"  # a comment above it would cancel it without a word
    module, *arguments = command.removeprefix("# python -m experiments.").split()
    assert f"experiment={name}" in arguments
    assert checked_overrides(config_loader(), module, arguments, sweep="-m" in arguments, values_needed=True)


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_config_file_of_ours_says_what_it_is(path):
    assert path.read_text(encoding="utf-8").startswith("# ")
