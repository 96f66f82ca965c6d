"""Runs a program of ``experiments`` in this process, as the shell would."""

import sys

import pytest


@pytest.fixture
def program(tmp_path, monkeypatch, capfd):
    """In a folder of its own; ``given`` are settings that arguments may change, or leave out as ``key=absent``.

    The function that it gives returns exit code, output and error output.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(main, arguments, given):
        named = {argument.partition("=")[0] for argument in arguments}
        defaults = [f"{key}={value}" for key, value in given.items() if key not in named]
        settings = [*defaults, *(a for a in arguments if not a.endswith("=absent"))]
        monkeypatch.setattr(sys, "argv", [main.__module__, *settings])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        said = capfd.readouterr()
        return code, " ".join(said.out.split()), " ".join(said.err.split())

    return run
