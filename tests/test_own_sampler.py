"""A sampler from elsewhere: found by its name, held against the contract, run beside ours."""

import re
import sys

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.over_sampling.base import BaseOverSampler
from sklearn.base import BaseEstimator
from typer.testing import CliRunner

from helpers import SAMPLERS, TabularOverSampler, experiments, load_results, store
from helpers.__main__ import app
from helpers.experiments import _own, mixed
from helpers.selection import check_contract, load_sampler

from .conftest import ROOT

PAGE = (ROOT / "book" / "your_sampler.md").read_text()
NAME = "strangers_own.py:Jitter"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The file of the page, in a folder with a book of its own."""
    (source,) = re.findall(r"<!-- file: mine.py -->\n```python\n(.*?)```", PAGE, re.S)
    path = tmp_path / "strangers_own.py"
    path.write_text(source)
    (tmp_path / "_toc.yml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield path
    sys.modules.pop(path.stem, None)


# ---------------------------------------------------------------- by its name


def test_a_class_of_a_package_comes_with_its_arguments():
    made = load_sampler(
        "imblearn.over_sampling:SMOTE k_neighbors=3 sampling_strategy=.5"
    )
    assert isinstance(made, SMOTE)
    assert (made.k_neighbors, made.sampling_strategy) == (3, 0.5)


def test_a_class_of_a_file_is_the_same_one_each_time(mine):
    made = load_sampler(f"{mine}:Jitter width=0.5")
    assert made.width == 0.5
    assert type(load_sampler(f"{NAME}")) is type(made)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("SMOTE", "not of the form package:Class"),
        ("nowhere:Class", "'nowhere', which is not installed"),
        ("imblearn.over_sampling:Nothing", "has no 'Nothing'"),
        ("imblearn.over_sampling:SMOTE width=3", "cannot be made with {'width': 3}"),
        ("imblearn.over_sampling:SMOTE 3", "'3' is not of the form name=value"),
        ("nowhere.py:Class", "there is no file"),
        (r"C:\Users\me\nowhere.py:Class k=1", r"C:\Users\me\nowhere.py"),
        ("sklearn.svm:SVC", "has no fit_resample"),
    ],
)
def test_what_is_no_sampler_is_refused_with_its_cure(spec, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_sampler(spec)


# ---------------------------------------------------------------- the contract


def test_the_samplers_of_others_and_the_page_keep_the_contract(mine):
    for sampler in (SMOTE(), RandomOverSampler(), load_sampler(NAME)):
        check_contract(sampler)


class Honest(BaseOverSampler):
    def __init__(self, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def _fit_resample(self, X, y):
        return self.put_behind(X, y, self.drawn(y))

    def drawn(self, y):
        rng, wanted = np.random.default_rng(self.random_state), self.sampling_strategy_
        rows = [rng.choice(np.flatnonzero(y == c), n) for c, n in wanted.items()]
        return np.concatenate(rows)

    def put_behind(self, X, y, rows):
        return np.concatenate([X, X[rows]]), np.concatenate([y, y[rows]])


class Forgetful(Honest):  # no seed of its own
    def drawn(self, y):
        self.random_state = None
        return super().drawn(y)


class Before(Honest):
    def put_behind(self, X, y, rows):
        return np.concatenate([X[rows], X]), np.concatenate([y[rows], y])


class Short(Honest):
    def put_behind(self, X, y, rows):
        return super().put_behind(X, y, rows[:-1])


class Holes(Honest):
    def put_behind(self, X, y, rows):
        return np.concatenate([X, X[rows] * np.nan]), np.concatenate([y, y[rows]])


class InPlace(Honest):
    def fit_resample(self, X, y):
        if isinstance(X, np.ndarray):
            X *= 1.5
        return super().fit_resample(X, y)


class Wider(Honest):
    def put_behind(self, X, y, rows):
        X, y = super().put_behind(X, y, rows)
        return X.astype(np.float64), y


class Bare:
    def fit_resample(self, X, y):
        return X, y

    def get_params(self, deep=True):
        return {}


class Alone(BaseEstimator):
    """Without the base class of imbalanced-learn, and its clauses."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit_resample(self, X, y):
        return RandomOverSampler(random_state=self.random_state).fit_resample(X, y)


@pytest.mark.parametrize(
    ("sampler", "clause"),
    [
        (Bare(), "it inherits from scikit-learn's BaseEstimator"),
        (Forgetful(), "random_state decides everything"),
        (Before(), "original rows come first and untouched"),
        (Short(), "class counts are exactly what sampling_strategy says"),
        (Holes(), "new rows are finite"),
        (InPlace(), "X is not changed in place"),
        (Wider(), "X and y come back in their dtypes. Found by imbalanced-learn's"),
        (Alone(), "fit_resample leaves a fitted sampling_strategy_"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_names_the_clause_that_is_broken(sampler, clause):
    check_contract(Honest())
    with pytest.raises(ValueError, match=f"Clause: {re.escape(clause)}"):
        check_contract(sampler)


# ---------------------------------------------------------------- beside ours


def test_a_stranger_runs_hers_and_reads_it_beside_ours(mine, monkeypatch):
    words = ["run", "many_tables", "--profile", "smoke", "--method", NAME, "width=0.5"]
    words += ["--only", "ecoli2/*"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    spec = f"{NAME} width=0.5"
    path = store.own_store("book/results", "many_tables", "smoke", spec)
    hers = store.read(path)
    assert len(hers) == 3
    assert set(hers["method"]) == {spec}
    assert hers["error"].isna().all()
    assert (hers["n_synthetic"] > 100).all()

    store.append("book/results/many_tables-smoke.csv", hers.iloc[0].to_dict())
    both = load_results("many_tables", "smoke", spec)
    assert len(both) == 4
    with pytest.raises(FileNotFoundError, match="--method other:Class"):
        load_results("many_tables", "smoke", "other:Class")


def test_a_broken_clause_ends_the_call_before_any_run(mine):
    name = f"{__name__}:Short"
    words = ["run", "many_tables", "--profile", "smoke", "--method", name]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "Clause: class counts" in done.output
    assert not (mine.parent / "book").exists()


def test_arguments_without_a_method_are_refused():
    done = CliRunner().invoke(app, ["run", "many_tables", "k=5", "--profile", "smoke"])
    assert done.exit_code == 2
    assert "k=5 belongs to no --method" in done.output


@pytest.mark.parametrize(
    "chapter", ["gan_tutorial", "gan_smote", "deep_smote", "smate", "mixed"]
)
def test_every_chapter_has_a_place_for_it(chapter):
    module = experiments.find(chapter)
    profile = module.PROFILES[0]
    cells = _own.cells_of(module, profile, "imblearn.over_sampling:RandomOverSampler")
    assert cells
    theirs = [c for c in module.cells(profile) if c.method == _own.PLACE]
    assert [c[4:] for c in cells] == [c[4:] for c in theirs]


def test_tables_of_several_kinds_take_it():
    made, _ = mixed.arm("imblearn.over_sampling:SMOTE k_neighbors=2", 3, 100)
    assert isinstance(made, TabularOverSampler)
    assert (made.sampler.k_neighbors, made.sampler.random_state) == (2, 3)


def test_a_chapter_without_arms_says_so():
    name = "imblearn.over_sampling:RandomOverSampler"
    with pytest.raises(ValueError, match="have no arm 'smote'"):
        _own.cells_of(experiments.find("selection"), "smoke", name)


def test_images_reach_a_sampler_of_rows_and_come_back_as_images():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8)
    y = np.repeat([0, 1], [30, 10])
    X_new, y_new = _own.with_images("imblearn.over_sampling:SMOTE", X, y, 0)
    assert X_new.shape == (60, 1, 4, 4)
    assert X_new.dtype == np.uint8
    np.testing.assert_array_equal(X_new[:40], X)
    assert np.bincount(y_new).tolist() == [30, 30]
    again, _ = _own.with_images("imblearn.over_sampling:SMOTE", X, y, 0)
    np.testing.assert_array_equal(X_new, again)


def test_a_chapters_own_functions_take_it():
    from helpers.experiments import gan_smote, gan_tutorial

    name = "imblearn.over_sampling:SMOTE k_neighbors=2"
    sampler, _ = gan_tutorial.arm(name, 7)
    assert (sampler.k_neighbors, sampler.random_state) == (2, 7)
    sampler = gan_smote.classical(name, {0: 9}, 7)
    assert (sampler.sampling_strategy, sampler.random_state) == ({0: 9}, 7)
    assert not any(_own.is_own(known) for known in SAMPLERS)


def test_a_name_like_one_of_ours_is_still_a_strangers(mine, monkeypatch):
    from helpers.experiments.deep_smote import _table_1
    from helpers.experiments.gan_smote import _benchmark
    from helpers.experiments.smate import _quality

    like = mine.with_name("gan_smote_mine.py")
    like.write_text(mine.read_text())
    X, y = np.random.default_rng(0).integers(0, 2, (12, 6)), np.repeat([0, 1], [8, 4])
    rows, labels, _ = _benchmark.new_rows(
        f"{like.name}:Jitter", X, y, {1: 4}, split="folds", seed=0, fold=0
    )
    assert (len(rows), labels.tolist()) == (4, [1] * 4)
    sys.modules.pop(like.stem, None)
    # No image of hers is altered, and none of ours stands in the place of hers.
    ends = "mine.py:Jitter_augmented"
    assert _table_1.classifier(ends, "mnist", "smoke", 0).augment is None
    asked = []
    monkeypatch.setattr(_quality, "generated", lambda *_: asked.append("ours"))
    monkeypatch.setattr(_quality, "fixed_network", lambda *_: None)
    monkeypatch.setattr(_quality, "fingerprint", lambda _: "")

    def resampled(method, dataset, seed, profile):
        raise KeyboardInterrupt(method)

    monkeypatch.setattr(_quality, "resample", resampled)
    name = "smate_mine.py:Jitter"
    cells = [
        c for c in experiments.find("smate").cells("smoke") if "quality" in c.protocol
    ]
    with pytest.raises(KeyboardInterrupt, match=name):
        _quality.run_quality(cells[-1]._replace(method=name))
    assert asked == []
