"""Files that are there whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from selflearn._replacing import replace_text, replacing, replacing_folder

WRITER = """
import sys
from pathlib import Path
from selflearn._replacing import replace_text
for _ in range(100):
    replace_text(Path(sys.argv[1]), sys.argv[2] * 50_000)
"""


def test_several_processes_write_one_name_at_once(tmp_path):
    """As processes that train together do; with one name beside it, the second found nothing to put in its place."""
    file = tmp_path / "identity.txt"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), letter]) for letter in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert file.read_text() in ("a" * 50_000, "b" * 50_000)
    assert list(tmp_path.iterdir()) == [file]


def test_what_goes_wrong_leaves_what_was_there(tmp_path):
    def write(into, path):
        with into(path) as half:
            half.write(b"new") if into is replacing else (half / "file").touch()
            raise RuntimeError

    file, folder = tmp_path / "labels.jsonl", tmp_path / "labels"
    replace_text(file, "old")
    for into, path in ((replacing, file), (replacing_folder, folder)):
        with pytest.raises(RuntimeError):
            write(into, path)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("path", sorted(Path("experiments").glob("*.py")), ids=lambda path: path.stem)
def test_commands_write_whole_files(path):
    """What they write is read by others: a page of results, a table; half of it would be published."""
    assert ".write_text(" not in path.read_text(encoding="utf-8")
