"""Files that are whole or not there."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import files


def write(path, text):
    files.write_atomically(lambda aside: aside.write_text(text), path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(aside):
        aside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(fail, path)
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_threads_that_write_and_read_at_once_see_whole_files(tmp_path):
    path, texts = tmp_path / "file", [letter * 20_000 for letter in "abc"]
    write(path, texts[0])

    def write_and_read(text):
        seen = set()
        for _ in range(30):
            write(path, text)
            seen.add(path.read_text())
        return seen

    with ThreadPoolExecutor(3) as pool:
        seen = set().union(*pool.map(write_and_read, texts))
    assert seen <= {*texts}
    assert [*tmp_path.iterdir()] == [path]


def test_a_link_stays_a_link_and_a_mode_stays(tmp_path):
    (tmp_path / "there").mkdir()
    path, link = tmp_path / "there" / "file", tmp_path / "link"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    write(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    # A new file has the mode that any other has.
    before = os.umask(0o027)
    try:
        write(tmp_path / "fresh", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o640


def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="no regular file"):
            write(path, "new")


KILLED = """
import os, signal, sys
from helpers import files
def write(aside):
    aside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
files.write_atomically(write, sys.argv[1])
"""


def test_what_a_killed_writer_left_goes_when_it_is_old(tmp_path):
    path = tmp_path / "file"
    subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    (left,) = tmp_path.iterdir()
    assert [half.read_text() for half in left.iterdir()] == ["half"]
    write(path, "new")
    assert left.exists(), "its writer may be at it"
    old = time.time() - 2 * files._OLD
    os.utime(left, (old, old))
    write(path, "newer")
    assert [*tmp_path.iterdir()] == [path]
