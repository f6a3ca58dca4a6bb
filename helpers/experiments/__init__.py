"""The runs behind the stored tables, one module per chapter.

Each module has ``PROFILES``, ``cells(profile)``, which lists the runs of its table, and
``run(cell)``, which computes one row; both importable by joblib and Dask.
"""


def answer(test) -> str:
    """Whether a difference is clear of zero, in a word: a row of `compare`."""
    return "Yes" if test["low"] > 0 else "No" if test["high"] < 0 else "Not measurably"
