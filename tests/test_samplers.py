"""The contract of every sampler, whatever its method."""

import contextlib
import pickle
import threading
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from helpers import TabularOverSampler, devices, training
from helpers.checks import OneHotWarning
from helpers.over_sampling import SAMPLERS

from .conftest import make_sampler


@parametrize_with_checks([make_sampler(name) for name in sorted(SAMPLERS)])
def test_imbalanced_learn_checks(estimator, check):
    check(estimator)


def global_states():
    return torch.get_rng_state(), np.random.mtrand._rand.get_state()[1]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_properties(sampler_name, data):
    """Whatever the table: rows kept, counts exact, range and dtype kept, seed decides."""
    dtype = data.draw(st.sampled_from(["float64", "float32", "int64", "uint8", "bool"]))
    counts = data.draw(st.lists(st.integers(2, 9), min_size=2, max_size=4))
    labels = data.draw(
        st.sampled_from([["a", "b", "c", "d"], [3, 1, 2, 0], [0.0, 1.0, 5.0, 7.0]])
    )
    y = np.repeat(np.array(labels[: len(counts)]), counts)
    bounded = {
        "float64": st.floats(-1e300, 1e300),
        "float32": st.floats(-(2.0**99), 2.0**99, width=32),
    }
    X = data.draw(
        hnp.arrays(
            dtype, (len(y), data.draw(st.integers(1, 4))), elements=bounded.get(dtype)
        )
    )
    X_before, states = X.copy(), global_states()

    sampler = make_sampler(sampler_name)
    X_new, y_new = sampler.fit_resample(X, y)

    n = len(y)
    assert (X_before == X).all()
    assert (X_new[:n] == X).all()
    assert (y_new[:n] == y).all()
    assert X_new.dtype == X.dtype
    assert y_new.dtype == y.dtype
    assert set(Counter(y_new.tolist()).values()) == {max(counts)}
    assert (X_new >= X.min(axis=0)).all()
    assert (X_new <= X.max(axis=0)).all()
    assert sampler.synthetic_mask_.tolist() == [False] * n + [True] * (len(y_new) - n)
    again, _ = clone(sampler).fit_resample(X, y)
    assert (again == X_new).all()
    for before, after in zip(states, global_states(), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("value", [2**54 - 3, 2**63 - 1, -(2**63)])
def test_whole_numbers_that_no_float_can_hold(sampler_name, value):
    X, y = np.full((9, 2), value), np.repeat([0, 1], [6, 3])
    X_new, _ = make_sampler(sampler_name).fit_resample(X, y)
    assert (X_new == value).all()


def test_another_seed_gives_other_rows(sampler_name, table):
    first, _ = make_sampler(sampler_name, random_state=1).fit_resample(*table)
    second, _ = make_sampler(sampler_name, random_state=2).fit_resample(*table)
    n = len(table[0])
    assert not np.allclose(first[n:], second[n:])


def test_no_seed_gives_other_rows_each_time(sampler_name, table):
    sampler = make_sampler(sampler_name, random_state=None)
    n = len(table[0])
    first, second = (sampler.fit_resample(*table)[0][n:] for _ in range(2))
    assert not np.allclose(first, second)


def test_random_state_instance_is_advanced(sampler_name, table):
    def twice(state):
        sampler = make_sampler(sampler_name, random_state=state)
        return [sampler.fit_resample(*table)[0] for _ in range(2)]

    first, second = twice(np.random.RandomState(3))
    assert not np.allclose(first, second)
    assert (twice(np.random.RandomState(3))[1] == second).all()


def test_counts_follow_a_dictionary_and_spare_tiny_classes(sampler_name):
    rng = np.random.default_rng(0)
    y = np.repeat(["many", "few", "one"], [20, 6, 1])
    X = rng.normal(size=(len(y), 3))
    sampler = make_sampler(sampler_name, sampling_strategy={"few": 25})
    _, y_new = sampler.fit_resample(X, y)
    assert Counter(y_new.tolist()) == {"many": 20, "few": 25, "one": 1}


def test_balanced_data_come_back_as_they_are(sampler_name):
    X, y = np.random.default_rng(0).normal(size=(10, 3)), np.repeat([0, 1], 5)
    sampler = make_sampler(sampler_name)
    X_new, y_new = sampler.fit_resample(X, y)
    assert (X_new == X).all()
    assert (y_new == y).all()
    assert not sampler.synthetic_mask_.any()
    with pytest.raises(ValueError, match="No generator was trained for class 0"):
        sampler.sample(0, 3)


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_go_in_and_come_out(sampler_name, shape, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [12, 5])
    X = rng.integers(0, 256, size=(len(y), *shape)).astype(dtype)
    sampler = make_sampler(sampler_name)
    if "image_shape" not in sampler.get_params():  # made for tables
        monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
        with pytest.raises(
            ValueError, match=r"are images; .* X\.reshape\(len\(X\), -1\)"
        ):
            sampler.fit_resample(X, y)
        return
    X_new, _ = sampler.fit_resample(X, y)
    assert X_new.shape == (24, *shape)
    assert X_new.dtype == X.dtype
    assert sampler.sample(1, 2, random_state=0).shape == (2, *shape)


def test_pixels_in_columns_share_one_range(sampler_name):
    """A pixel that is 0 in every training image may be generated above 0."""
    if sampler_name == "amdo":
        pytest.skip("keeps to the span of a class, where constant pixels stay constant")
    if "image_shape" not in SAMPLERS[sampler_name]().get_params():
        pytest.skip("has no image_shape")
    y = np.repeat([0, 1], [12, 5])
    X = np.random.default_rng(0).integers(0, 256, size=(len(y), 64)).astype("uint8")
    X[:, 0] = 0
    as_table, _ = make_sampler(sampler_name).fit_resample(X, y)
    as_image, _ = make_sampler(sampler_name, image_shape=(1, 8, 8)).fit_resample(X, y)
    assert (as_table[:, 0] == 0).all()
    assert (as_image[len(y) :, 0] > 0).any()


def test_frames_keep_columns_dtypes_and_doubled_names(sampler_name, table):
    X, y = table
    frame = pd.DataFrame(X, columns=["a", "b", "b", "c", "d"])
    frame["c"] = np.arange(len(y))
    frame["d"] = X[:, 4] > 0
    y = pd.Series(y, name="label")
    sampler = make_sampler(sampler_name)
    X_new, y_new = sampler.fit_resample(frame, y)
    assert list(X_new.columns) == ["a", "b", "b", "c", "d"]
    assert list(X_new.dtypes) == list(frame.dtypes)
    assert X_new.iloc[: len(y)].reset_index(drop=True).equals(frame)
    assert y_new.name == "label"
    more = sampler.sample(2, 4, random_state=0)
    assert list(more.columns) == list(frame.columns)
    assert list(more.dtypes) == list(frame.dtypes)


def test_frames_of_pandas_own_types(sampler_name, table, tmp_path):
    X, y = table
    frame = pd.DataFrame(X, columns=[*"abcde"])
    frame["a"] = pd.array(np.arange(len(y)), dtype="Int64")
    frame["b"] = pd.array(X[:, 1] > 0, dtype="boolean")
    frame["c"] = frame["c"].astype("Float64")
    sampler = make_sampler(sampler_name)
    X_new, _ = sampler.fit_resample(frame, y)
    more = sampler.sample(2, 4, random_state=0)
    sampler.save(tmp_path / "sampler.pt")
    again = SAMPLERS[sampler_name].load(tmp_path / "sampler.pt")
    assert list(X_new.dtypes) == list(more.dtypes) == list(frame.dtypes)
    pd.testing.assert_frame_equal(again.sample(2, 4, random_state=0), more)
    plain = frame.astype({"a": "int64", "b": "bool", "c": "float64"})
    expected, _ = make_sampler(sampler_name).fit_resample(plain, y)
    assert (X_new.astype(plain.dtypes) == expected).all().all()


@pytest.mark.parametrize("values", [[1, 2, 3], [1.5, 2.5], ["low", "high"]])
def test_categories_are_refused_with_the_cure(sampler_name, table, values):
    """Codes between two categories came back as NaN."""
    if sampler_name in ("ctgan", "tab_ddpm"):
        pytest.skip("takes such columns")
    X, y = table
    frame = pd.DataFrame(X, columns=[*"abcde"])
    frame["d"] = pd.Categorical(np.resize(values, len(y)))
    with pytest.raises(ValueError, match=r"'d' is categorical.*wrap the sampler: Tab"):
        make_sampler(sampler_name).fit_resample(frame, y)


@pytest.mark.parametrize(
    ("value", "message"),
    [("a", "'d' is not of numbers"), (pd.Timestamp(0), "'d' is of dates or times")],
)
def test_columns_without_numbers_are_refused_by_name(
    sampler_name, table, value, message
):
    if sampler_name in ("ctgan", "tab_ddpm"):
        pytest.skip("takes such columns")
    X, y = table
    frame = pd.DataFrame(X, columns=[*"abcde"]).assign(d=value)
    with pytest.raises(ValueError, match=message):
        make_sampler(sampler_name).fit_resample(frame, y)


def test_numbers_in_columns_of_objects_are_taken(table):
    X, y = table
    frame = pd.DataFrame(X).astype({2: object})
    assert make_sampler("gan").fit_resample(frame, y)[0].shape[1] == 5


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8)])
def test_an_image_shape_that_images_contradict_is_refused(sampler_name, shape):
    if "image_shape" not in SAMPLERS[sampler_name]().get_params():
        pytest.skip("has no image_shape")
    y = np.repeat([0, 1], [12, 5])
    X = np.random.default_rng(0).integers(0, 256, (17, *shape)).astype("uint8")
    with pytest.raises(
        ValueError, match=r"\(1, 4, 16\), but X has images .*\(1, 8, 8\)"
    ):
        make_sampler(sampler_name, image_shape=(1, 4, 16)).fit_resample(X, y)


def test_whole_number_columns_are_rounded_not_cut(sampler_name):
    """Cutting the fractions would never reach the highest value but at its very edge."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [200, 20])
    frame = pd.DataFrame({"bit": rng.integers(0, 2, 220), "x": rng.normal(size=220)})
    more, _ = make_sampler(sampler_name).fit_resample(frame, y)
    assert set(more["bit"].iloc[220:]) == {0, 1}


def test_sparse_stays_sparse(sampler_name, table):
    X, y = table
    X_new, _ = make_sampler(sampler_name).fit_resample(sparse.csr_array(X), y)
    dense, _ = make_sampler(sampler_name).fit_resample(X, y)
    assert sparse.issparse(X_new)
    assert np.allclose(X_new.toarray(), dense)


@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"], [0.0, 1.0, 2.0]])
def test_save_and_load(sampler_name, labels, table, tmp_path):
    X, y = table[0], np.array(labels)[table[1]]
    sampler = make_sampler(sampler_name).fit(X, y)
    sampler.save(tmp_path / "sampler.pt")
    loaded = SAMPLERS[sampler_name].load(tmp_path / "sampler.pt")
    expected = sampler.sample(labels[2], 5, random_state=1)
    assert (loaded.sample(labels[2], 5, random_state=1) == expected).all()
    assert loaded.get_params() == sampler.get_params()
    assert loaded.history_.equals(sampler.history_)
    copy = pickle.loads(pickle.dumps(sampler))
    assert (copy.sample(labels[2], 5, random_state=1) == expected).all()


def test_a_fit_that_filled_nothing_is_saved_too(sampler_name, table, tmp_path):
    X, y = table
    balanced = np.flatnonzero(y == 2), np.flatnonzero(y == 1)[:7]
    few = np.concatenate(balanced)
    for rows, labels in ((X[few], y[few]), (np.full_like(X, 3.5), y)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of columns that do not vary
            sampler = make_sampler(sampler_name).fit(rows, labels)
        sampler.save(tmp_path / "sampler.pt")
        loaded = SAMPLERS[sampler_name].load(tmp_path / "sampler.pt")
        assert loaded.history_.equals(sampler.history_)


@pytest.mark.parametrize(
    ("dtype", "given"), [("uint8", (0, 256)), ("int8", (-129, 127))]
)
def test_a_range_that_the_type_does_not_hold_is_refused(dtype, given):
    """White came out black."""
    X = np.random.default_rng(0).integers(0, 100, (12, 4, 4)).astype(dtype)
    with pytest.raises(ValueError, match=f"{dtype} holds .* give a range inside"):
        make_sampler("gan", value_range=given).fit(X, np.repeat([0, 1], [8, 4]))


def test_a_fit_without_a_seed_goes_on_with_what_it_drew_before(tmp_path, monkeypatch):
    from helpers.over_sampling import _smate

    X, y = np.random.default_rng(0).random((30, 8, 8)), np.repeat([0, 1], [22, 8])
    seen, draw = [], _smate.augment_images

    def record(*args):
        seen.append(draw(*args))
        return seen[-1]

    monkeypatch.setattr(_smate, "augment_images", record)
    told = {"transfer": False, "augment": 2, "random_state": None}
    for _ in range(2):
        make_sampler("smate", **told, checkpoint=tmp_path / "smate.pt").fit(X, y)
    assert torch.equal(*seen)


def test_column_names_that_load_could_not_read_are_refused(table, tmp_path):
    X, y = table
    names = [("a", np.int64(k)) for k in range(5)]
    sampler = make_sampler("gan").fit(pd.DataFrame(X, columns=names), y)
    sampler.save(tmp_path / "sampler.pt")
    loaded = SAMPLERS["gan"].load(tmp_path / "sampler.pt")
    assert list(loaded.sample(2, 1).columns) == names
    days = pd.date_range("2020-01-01", periods=5)
    sampler = make_sampler("gan").fit(pd.DataFrame(X, columns=days), y)
    with pytest.raises(ValueError, match=r"Timestamp.*X\.rename\(columns=str\)"):
        sampler.save(tmp_path / "days.pt")
    assert not (tmp_path / "days.pt").exists()


def test_save_takes_what_a_grid_search_leaves(sampler_name, table, tmp_path):
    """Numbers of numpy, a dictionary keyed by them, a function, a RandomState."""
    found = {"epochs": np.int64(3), "lr": np.float64(1e-3), "k_neighbors": np.int64(3)}
    found |= {"gamma": np.float64(0.3), "step_size": np.float32(0.01)}
    taken = SAMPLERS[sampler_name]().get_params()
    found = {name: value for name, value in found.items() if name in taken}
    sampler = make_sampler(sampler_name, **found)
    for strategy in ({np.int64(2): np.int64(20)}, lambda y: {2: 20}):
        sampler.set_params(
            sampling_strategy=strategy, random_state=np.random.RandomState(0)
        )
        sampler.fit(*table).save(tmp_path / "sampler.pt")
        loaded = SAMPLERS[sampler_name].load(tmp_path / "sampler.pt")
        assert {name: loaded.get_params()[name] for name in found} == found
        again = loaded.sample(2, 4, random_state=1)
        assert (again == sampler.sample(2, 4, random_state=1)).all()


def test_load_refuses_what_is_no_sampler(sampler_name, tmp_path):
    path = tmp_path / "junk.pt"
    path.write_bytes(b"not a sampler")
    with pytest.raises(ValueError, match="is not a saved sampler"):
        SAMPLERS[sampler_name].load(path)
    torch.save({"class": "Other", "fitted": {}}, path)
    with pytest.raises(ValueError, match=r"holds a Other; load it with Other\.load"):
        SAMPLERS[sampler_name].load(path)


def test_load_runs_no_code(sampler_name, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "exploded").touch, ()

    torch.save({"class": Bomb(), "fitted": {}}, tmp_path / "bomb.pt")
    with pytest.raises(ValueError, match="is not a saved sampler"):
        SAMPLERS[sampler_name].load(tmp_path / "bomb.pt")
    assert not (tmp_path / "exploded").exists()


def test_pipeline_under_cross_validation_and_grid_search(sampler_name, table):
    pipeline = make_pipeline(make_sampler(sampler_name), LogisticRegression())
    scores = cross_validate(pipeline, *table, cv=3, n_jobs=2, return_estimator=True)
    assert scores["test_score"].mean() > 1 / 3
    name, sampler = pipeline.steps[0]
    trained = "epochs" in sampler.get_params()
    grid = (
        {"epochs": [1, 2]} if trained else {"sampling_strategy": ["auto", "minority"]}
    )
    [(parameter, values)] = grid.items()
    search = GridSearchCV(
        pipeline, {f"{name}__{parameter}": values}, cv=2, error_score="raise"
    ).fit(*table)
    assert (search.cv_results_["mean_test_score"] > 1 / 3).all()
    # The winner was fitted once more, with its own value and on all rows.
    best, n = search.best_estimator_[0], len(table[0])
    assert getattr(best, parameter) == search.best_params_[f"{name}__{parameter}"]
    assert (~best.synthetic_mask_).sum() == n < len(best.synthetic_mask_)
    # Test folds are scored as they are: the fitted pipeline resamples only when fitting.
    assert len(search.predict(table[0])) == len(table[0])


@pytest.mark.parametrize("count", [20.0, np.float32(20), np.int64(20)])
def test_whole_counts_of_any_type_are_taken(sampler_name, table, count):
    for strategy in ({2: count}, lambda y: {2: count}):
        sampler = make_sampler(sampler_name, sampling_strategy=strategy)
        _, y_new = sampler.fit_resample(*table)
        assert (y_new == 2).sum() == 20


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({1: 60.5}, r"\{1: 60.5\}, but 60.5, for class 1, is no whole number of rows"),
        ({1: "60"}, "'60', for class 1, is no whole"),
        ({1: None}, "None, for class 1, is no whole"),
        ({1: float("nan")}, "nan, for class 1, is no whole"),
        (lambda y: {1: 60.5}, "the function sampling_strategy returned .*60.5"),
        (
            lambda y: None,
            "the function sampling_strategy returned None; let it return a",
        ),
        (lambda y: 60, "returned 60; let it return a dictionary"),
    ],
)
def test_counts_that_are_none_are_refused_before_training(
    sampler_name, table, strategy, message, monkeypatch
):
    sampler = make_sampler(sampler_name, sampling_strategy=strategy)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit_resample(*table)


def test_an_outlier_of_another_class_is_named(sampler_name):
    """It would leave the class to be filled a thousandth of the column's range."""
    if sampler_name == "gan_smote" or not SAMPLERS[sampler_name]._minds_outliers:
        pytest.skip("no outlier moves the median, modes, ranks, nor a class's own axes")
    rng = np.random.default_rng(0)
    y = np.repeat(["many", "few"], [60, 12])
    X = rng.normal(size=(72, 3))
    X[y == "few"] += 6
    X[5, 1] = 1e4
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    message = (
        r"Class 'few' has values from .* in column 'b', less than 1 % of the range that "
        rf"10000 in row 5.*let TabularOverSampler\({SAMPLERS[sampler_name].__name__}\(\.\.\."
        r"\), TableCodec\(numbers='robust'\)\)"
    )
    with pytest.warns(UserWarning, match=message):
        make_sampler(sampler_name).fit_resample(frame, y)


def test_a_class_that_is_constant_or_skewed_is_no_matter_of_outliers(table):
    """Zeros of an indicator, and a column whose values grow evenly to large ones."""
    X, y = table
    X = np.column_stack([np.where(y == 2, 0, X[:, 0]), np.exp(3 * X[:, 1])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_sampler("gan").fit_resample(X, y)


def test_no_gradients_are_left_on_fitted_networks(sampler_name, table):
    """They are as large as the weights."""
    sampler = make_sampler(sampler_name).fit(*table)
    for network in sampler.networks_.values():
        assert all(weight.grad is None for weight in network.parameters())


def test_one_object_fitted_in_two_threads_is_refused(sampler_name, table, monkeypatch):
    """They would train and keep each other's networks."""
    sampler, inside, found = make_sampler(sampler_name), threading.Event(), []
    train, go_on = sampler._train, threading.Event()

    def waits(*given):
        inside.set()
        go_on.wait(60)
        return train(*given)

    def first():
        found.append(sampler.fit_resample(*table)[0])

    monkeypatch.setattr(sampler, "_train", waits)
    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(60)
    try:
        with pytest.raises(RuntimeError, match=r"being fitted already; .*clone"):
            sampler.fit_resample(*table)
    finally:
        go_on.set()
        thread.join()
    monkeypatch.undo()
    expected, _ = make_sampler(sampler_name).fit_resample(*table)
    assert (found[0] == expected).all()
    assert (sampler.fit_resample(*table)[0] == expected).all()


BAD = {
    "NaN": ({"X": np.nan}, {}, "contains NaN"),
    "infinity": ({"X": np.inf}, {}, "contains infinity"),
    "one class": ({"y": np.zeros(49)}, {}, "1 class"),
    "fractions": ({"y": np.linspace(0, 1, 49)}, {}, "Unknown label type"),
    "a label missing": ({"y": [None, *"ab" * 24]}, {}, r"1 missing .* row 0; leave"),
    "mixed labels": (
        {"y": [1, *"ab" * 24]},
        {},
        "of different kinds, int and str; make",
    ),
    "one row": ({"y": np.repeat([0, 1], [48, 1])}, {}, "has 1 row"),
    "image_shape": ({}, {"image_shape": (1, 2, 2)}, "has 4 values, a row of X has 5"),
    "value_range": ({}, {"value_range": (0, 0.1)}, "X lies in"),
    "range order": ({}, {"value_range": (9, -9)}, "give the lowest and highest"),
    "device name": ({}, {"device": "gpu"}, "take device='auto' or 'cpu'"),
    "epochs": ({}, {"epochs": 0}, "'epochs' parameter"),
    "span": ({"X": (-1.7e308, 1.7e308)}, {}, "rescale X"),
    "range of three": ({}, {"value_range": (-9, 0, 9)}, "give the lowest and highest"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_training(sampler_name, table, case, monkeypatch):
    (X, y), (data, parameters, message) = table, BAD[case]
    if missing := {*parameters} - {*SAMPLERS[sampler_name]().get_params()}:
        pytest.skip(f"has no {missing}")
    X = X.copy()
    if "X" in data:
        X[: np.size(data["X"]), 0] = data["X"]
    sampler = make_sampler(sampler_name, **parameters)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit_resample(X, data.get("y", y))


@pytest.mark.parametrize(
    ("name", "parameter", "value", "message"),
    [
        ("gan", "betas", (0.5,), r"list of 2 values, each a float in .* \[0.0, 1.0\)"),
        (
            "smate",
            "betas",
            (2, 3),
            r"list of 2 values, each a float in .* \[0.0, 1.0\)",
        ),
        ("gan", "generator_layers", (0,), r"list, each an int in .* \[1, inf\)"),
        ("gan_smote", "discriminator_layers", [8, 0.5], "each an int in"),
        ("deep_smote", "image_shape", ("a", 1, 1), "each an int in"),
        ("amdo", "image_shape", (1, -1, 5), "each an int in"),
        ("mc_rbo", "value_range", ("a", "b"), "each a float in"),
    ],
)
def test_sequences_are_checked_value_by_value(
    name, parameter, value, message, table, monkeypatch
):
    sampler = make_sampler(name, **{parameter: value})
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=f"The {parameter!r} parameter.*{message}"):
        sampler.fit_resample(*table)


def test_networks_run_where_sums_are_the_same_every_time(
    sampler_name, table, monkeypatch
):
    """On a GPU cuDNN would else choose convolutions that no seed decides."""
    inside = []

    @contextlib.contextmanager
    def deterministic(device):
        inside.append(device.type)
        yield
        inside.pop()

    monkeypatch.setattr(devices, "deterministic", deterministic)
    sampler, seen = make_sampler(sampler_name), []

    def watch(hook):
        original = getattr(sampler, hook)

        def spy(*given):
            seen.append((hook, bool(inside)))
            return original(*given)

        monkeypatch.setattr(sampler, hook, spy)

    watch("_train")
    watch("_generate")
    sampler.fit_resample(*table)
    sampler.sample(2, 3)
    assert set(seen) == {("_train", True), ("_generate", True)}


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        *((name, "glorot") for name in ("bagan", "gamo", "gan", "smate")),
        *((name, "torch") for name in ("deep_smote", "gan_smote")),
    ],
)
def test_first_weights_are_those_of_the_authors_library(
    name, scheme, table, monkeypatch
):
    used, original = set(), training.initialise

    def spy(build, generator, scheme="torch"):
        used.add(scheme)
        return original(build, generator, scheme)

    monkeypatch.setattr(training, "initialise", spy)
    make_sampler(name).fit(*table)
    assert used == {scheme}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has cuda")
def test_absent_device_is_refused(sampler_name, table):
    with pytest.raises(ValueError, match="cannot be used on this machine"):
        make_sampler(sampler_name, device="cuda").fit_resample(*table)


def test_channels_last_is_refused_with_the_cure(sampler_name):
    if sampler_name in ("ctgan", "tab_ddpm"):
        pytest.skip("makes tables only, and says so")
    X = np.zeros((6, 8, 8, 3), dtype="uint8")
    with pytest.raises(ValueError, match=r"X\.transpose\(0, 3, 1, 2\)"):
        make_sampler(sampler_name).fit_resample(X, [0, 0, 0, 0, 1, 1])


def test_preset_and_its_overrides(sampler_name):
    cls = SAMPLERS[sampler_name]
    if "authors_code" not in cls._presets:
        pytest.skip("its authors published no code that differs")
    authors = cls.preset("authors_code", random_state=7)
    assert authors.random_state == 7
    assert authors.get_params() != cls(random_state=7).get_params()
    assert cls.preset("paper").get_params() == cls().get_params()
    with pytest.raises(
        ValueError, match="no preset 'author'; it has paper, authors_code"
    ):
        cls.preset("author")


def test_sample_names_the_classes_it_knows(sampler_name, table):
    sampler = make_sampler(sampler_name).fit(*table)
    with pytest.raises(ValueError, match=r"class 9, only for \[1, 2\]"):
        sampler.sample(9, 1)


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", None])
def test_a_number_of_rows_that_is_none_is_refused(sampler_name, table, n):
    sampler = make_sampler(sampler_name).fit(*table)
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        sampler.sample(2, n)
    assert len(sampler.sample(2, np.int64(1))) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, FloatingPointError])
def test_a_fit_that_failed_has_nothing_fitted(sampler_name, table, error, monkeypatch):
    sampler = make_sampler(sampler_name).fit(*table)
    train = sampler._train

    def fail(*given):
        train(*given)
        raise error

    monkeypatch.setattr(sampler, "_train", fail)
    with pytest.raises(error):
        sampler.fit_resample(*table)
    assert [n for n in vars(sampler) if n.endswith("_")] == []
    with pytest.raises(NotFittedError):
        sampler.sample(2, 3)


def test_labels_that_are_refused_leave_nothing_of_the_fit_before(sampler_name, table):
    sampler = make_sampler(sampler_name).fit(*table)
    with pytest.raises(ValueError, match="missing label"):
        sampler.fit_resample(table[0], [np.nan] * len(table[0]))
    assert [n for n in vars(sampler) if n.endswith("_")] == []


def test_history_is_tidy(sampler_name, table):
    sampler = make_sampler(sampler_name).fit(*table)
    history = sampler.history_
    assert np.isfinite(history.select_dtypes("number")).all().all()
    assert history.groupby("label")["step"].is_monotonic_increasing.all()


def test_no_warnings_in_ordinary_use(sampler_name, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Two epochs teach little, and the sampler says so.
        warnings.filterwarnings("ignore", message="The generator has collapsed")
        make_sampler(sampler_name).fit_resample(*table)


def one_hot_table(n=60):
    """A number, a flag, a category of four levels and its one-hot columns."""
    rng = np.random.default_rng(0)
    kind = pd.Series(np.array(list("abcd"))[np.arange(n) % 4], name="kind")
    other = pd.DataFrame({"x": rng.normal(size=n), "flag": rng.integers(0, 2, n)})
    y = np.repeat([0, 1], [n - 15, 15])
    return other, kind, pd.get_dummies(kind, dtype=int), y


@pytest.mark.parametrize("name", ["gan", "deep_smote", "mc_rbo"])
def test_one_hot_columns_that_are_taken_for_numbers_are_named(name):
    other, _, dummies, y = one_hot_table()
    sampler = make_sampler(name)
    told = rf"Columns 'a', 'b', 'c', ... hold .*TabularOverSampler\({type(sampler).__name__}"
    with pytest.warns(OneHotWarning, match=told):
        sampler.fit_resample(pd.concat([other, dummies], axis=1), y)


def test_flags_and_categories_that_are_known_to_be_some_are_not_warned_of():
    other, kind, dummies, y = one_hot_table()
    flags = dummies.assign(d=1 - dummies["a"])  # no row without one, and some with two
    gan = make_sampler("gan")
    told = {"feature_groups": [[0, 1, 2, 3]], "decode": "group_argmax"}
    groups = make_sampler("gan_smote", **told)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OneHotWarning)
        gan.fit_resample(pd.concat([other, flags], axis=1), y)
        gan.fit_resample(pd.concat([other, dummies[["a"]]], axis=1), y)
        TabularOverSampler(gan).fit_resample(other.assign(kind=kind), y)
        groups.fit_resample(dummies, y)
