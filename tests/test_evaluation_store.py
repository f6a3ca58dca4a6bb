"""What a store of `evaluate` refuses, lest rows that do not belong together meet."""

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from scipy import sparse
from sklearn.dummy import DummyClassifier

from helpers.evaluation import _kept, compare, evaluate

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
    with pytest.raises(ValueError, match=f"other {kind}.* name another store"):
        evaluate(arms, X, y, 3, store=store)


def test_a_metric_of_any_name_comes_back_as_a_number(tmp_path):
    (X, y), store = rows(), tmp_path / "rows.csv"
    arms = {"dummy": (None, DummyClassifier(strategy="stratified", random_state=0))}
    told = {"scoring": ["precision", "recall"], "store": store}
    first = evaluate(arms, X, y, 3, **told)
    again = evaluate(arms, X, y, 3, **told)
    assert first["precision"].tolist() == again["precision"].tolist()
    assert again["precision"].dtype == float


def test_arms_that_are_twins_keep_what_each_said(tmp_path):
    (X, y), store = rows(), tmp_path / "rows.csv"
    arms = {name: (None, DummyClassifier(strategy="stratified")) for name in "ab"}
    told = {"store": store, "return_predictions": True}
    first, again = (evaluate(arms, X, y, 3, **told)[1] for _ in range(2))
    pd.testing.assert_frame_equal(first, again, check_dtype=False)
    a, b = (first[first["method"] == name]["predicted"].to_numpy() for name in "ab")
    assert (a != b).any()  # by chance alone, of thirty draws


@pytest.mark.parametrize("form", ["coo", "dia", "bsr"])
def test_sparse_matrices_without_rows_to_take_are_turned(form):
    X, y = rows()
    arms = {"dummy": (None, DummyClassifier())}
    found = evaluate(arms, sparse.csr_matrix(X).asformat(form), y, 3)
    assert (found["error"] == "").all()


def test_rows_that_cannot_be_paired_are_refused_by_their_cause():
    X, y = rows()
    arms = {name: (None, DummyClassifier()) for name in ("nothing", "dummy")}
    found = evaluate(arms, X, y, 3)
    two = pd.concat([found.assign(classifier=c) for c in "ab"])
    with pytest.raises(ValueError, match=r"several rows of one split; .* classifier"):
        compare(two, "acsa", "nothing")
    with pytest.raises(ValueError, match="metric 'acs'"):
        compare(found, "acs", "nothing")
    with pytest.raises(ValueError, match="give n_test"):
        compare(found.drop(columns="n_test"), "acsa", "nothing")


def test_splits_that_nobody_names_are_the_same_in_the_next_call(tmp_path):
    X, y = np.arange(60.0)[:, None], np.arange(60) % 3 // 2
    arms = {"dummy": (None, DummyClassifier(strategy="stratified", random_state=0))}
    one, other = (evaluate(arms, X, y, store=tmp_path / "r.csv") for _ in range(2))
    assert len(one) == 50
    pd.testing.assert_frame_equal(one, other, check_dtype=False)
