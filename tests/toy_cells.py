"""Runs of some ten milliseconds for the tests, importable in worker processes."""

import os
import signal
import time
from pathlib import Path

from helpers import runs
from helpers.store import Cell

#: Columns that differ from one run of a cell to the next.
VARYING = ["pid", "deaf", "started"]


class TwoArguments(Exception):
    """Cannot be unpickled, as some exceptions of other packages."""

    def __init__(self, kind, reason):
        super().__init__(f"{kind}, {reason}")


def cell(seed, method="plain"):
    return Cell("toy", "smoke", "data", method, seed, 0, "v1")


def cells(start, stop, method="plain"):
    return [cell(seed, method) for seed in range(start, stop)]


log = os.environ.get("TOY_LOG", os.devnull)


def log_to(path):
    """Let `compute` note in a file which cells it is called for."""
    global log
    log = path


def compute(cell):
    with open(log, "a") as file:
        file.write(f"{cell.seed}\n")
    time.sleep(0.02)
    if cell.seed == 3 and cell.method == "raises":
        raise TwoArguments("unlucky", cell.seed)
    if cell.seed == 3 and cell.method == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    row = {"acsa": cell.seed / 7, "note": "one, two", "pid": os.getpid()}
    row["deaf"] = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if cell.method == "ragged" and cell.seed % 2 == 0:
        row["brier"] = cell.seed / 9
    return row


def slow_write_bytes(path, data):
    """Write as a slow disk does: a kill comes in the middle."""
    with open(path, "wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(0.04)
        file.write(data[len(data) // 2 :])


def caller(store, cells, slow, started):
    """What a process does that the tests kill; slow: it is mostly in its writes."""
    runs.environment = dict  # which asks git, and that takes longer than all the rest
    if slow:
        Path.write_bytes = slow_write_bytes
    started.set()
    runs.run_cells(cells, compute, store)
