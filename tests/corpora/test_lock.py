import signal
import subprocess
import sys
from pathlib import Path

import pytest

from selflearn.corpora.lock import LOCK, DirectoryInUseError, exclusive

HOLD = """
import sys
from pathlib import Path
from selflearn.corpora.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_while_the_first_lives_and_not_after_it_was_killed(tmp_path):
    run = tmp_path / "runs" / "one"
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, run], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DirectoryInUseError, match=r"runs/one is being written by another run that has not ended"):
            exclusive(run).__enter__()
        other.send_signal(signal.SIGKILL)
        assert other.wait(10) == -signal.SIGKILL
    assert (run / LOCK).is_file()
    with exclusive(run):
        pass


def test_a_run_that_failed_holds_nothing(tmp_path):
    with pytest.raises(KeyError), exclusive(tmp_path):
        raise KeyError
    with exclusive(tmp_path), pytest.raises(DirectoryInUseError), exclusive(tmp_path):
        pass
