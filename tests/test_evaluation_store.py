"""What a store of `evaluate` refuses, lest rows that do not belong together meet."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from sklearn.dummy import DummyClassifier

from helpers.evaluation import _kept, evaluate

IN_A_CELL = """
from sklearn.dummy import DummyClassifier
class Mine(DummyClassifier):
    pass
def mine(y_true, probabilities, classes, y_pred):
    return {"share": float(y_pred.mean())}
"""


def rows(n=30):
    return np.random.default_rng(0).normal(size=(n, 2)), np.tile([0, 1, 1], n // 3)


@pytest.fixture
def cell():
    """The names of a notebook's cell, which no file defines."""
    shell = InteractiveShell.instance()
    assert shell.run_cell(IN_A_CELL).success
    yield shell.user_ns
    InteractiveShell.clear_instance()


def test_what_a_cell_defines_cannot_be_stored_since_it_may_be_edited(cell, tmp_path):
    (X, y), store = rows(), tmp_path / "rows.csv"
    with pytest.raises(ValueError, match=r"Mine is defined in no file.* in a module"):
        evaluate({"mine": (None, cell["Mine"]())}, X, y, 3, store=store)
    dummy = {"dummy": (None, DummyClassifier())}
    with pytest.raises(ValueError, match=r"mine is defined in no file.* in a module"):
        evaluate(dummy, X, y, 3, store=store, metrics=cell["mine"])
    assert not store.exists()
    evaluate({"mine": (None, cell["Mine"]())}, X, y, 3)  # without a store it is welcome


@pytest.mark.parametrize("kind", ["versions", "commit"])
def test_rows_of_another_version_are_not_gone_on_with(kind, tmp_path, monkeypatch):
    (X, y), store = rows(), tmp_path / "rows.csv"
    arms = {"dummy": (None, DummyClassifier())}
    evaluate(arms, X, y, 3, store=store)
    now = _kept.environment()
    monkeypatch.setattr(_kept, "environment", lambda: now | {kind: "another"})
    with pytest.raises(ValueError, match=f"another {kind}.* name another store"):
        evaluate(arms, X, y, 3, store=store)
