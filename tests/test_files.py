"""Files that are whole or not there."""

import pytest

from helpers import files


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write(aside):
        aside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(write, path)
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]
