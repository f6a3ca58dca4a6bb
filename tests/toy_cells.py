"""Runs of some ten milliseconds for the tests, importable in worker processes."""

import io
import os
import signal
import time
from pathlib import Path

import pandas as pd

from helpers import runs

#: Columns that differ from one run of a cell to the next.
VARYING = ["pid", "deaf", "started"]


class TwoArguments(Exception):
    """Cannot be unpickled, as some exceptions of other packages."""

    def __init__(self, kind, reason):
        super().__init__(f"{kind}, {reason}")


def cells(start, stop, method="plain"):
    return [
        runs.Cell("toy", "smoke", "data", method, seed, 0, "v1")
        for seed in range(start, stop)
    ]


log = os.devnull


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


class SlowFile(io.BufferedRandom):
    """A file that takes its time in the middle of each write."""

    def write(self, data):
        half = len(data) // 2
        super().write(data[:half])
        self.flush()
        time.sleep(0.04)
        return half + super().write(data[half:])


def slow_open(path, mode):
    return open(path, mode) if mode == "rb" else SlowFile(io.FileIO(path, "r+"))


def slow_to_csv(table, path, **options):
    Path(path).write_text("")
    with slow_open(path, "rb+") as file:
        file.write(to_csv(table, **options).encode())


to_csv = pd.DataFrame.to_csv


def caller(store, cells, slow, started):
    """What a process does that the tests kill; slow: it is mostly in its writes."""
    runs.environment = dict  # which asks git, and that takes longer than all the rest
    if slow:
        runs.open, pd.DataFrame.to_csv = slow_open, slow_to_csv
    started.set()
    runs.run_cells(cells, compute, store)
