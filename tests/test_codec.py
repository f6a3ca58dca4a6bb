"""Frames of every kind of column through the codec and back."""

import pickle
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.utils.estimator_checks import parametrize_with_checks as check_estimators

from helpers import TableCodec, TabularOverSampler
from helpers.tables import Part
from helpers.tables._scale import outliers


def customers(n=120, seed=0):
    """A table with every kind of column, and a rare class."""
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2020-02-27")
    X = pd.DataFrame(
        {
            "customer_id": 2**60 + 1 + rng.permutation(10 * n)[:n],
            "age": rng.integers(18, 90, n),
            "balance": rng.lognormal(3, 2, n).round(2),
            "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "visits": pd.array(rng.poisson(3, n), dtype="Int64"),
            "small": rng.integers(-100, 100, n).astype(np.int8),
            "single": rng.normal(size=n).astype(np.float32),
            "contract": rng.choice(["month", "year", "two years"], n),
            "region": pd.Categorical(
                rng.choice(["north", "south"], n),
                ["east", "south", "north"],
                ordered=True,
            ),
            "phone": pd.Series(rng.choice(["yes", "no", None], n), dtype=object),
            "vip": rng.random(n) < 0.3,
            "asked": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
            "since": day + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "seen": (day + pd.to_timedelta(rng.integers(0, 9**6, n), "s"))
            .tz_localize("UTC")
            .tz_convert("Europe/Berlin"),
            "left": pd.Series(day + pd.to_timedelta(rng.integers(0, 90, n), "h")).mask(
                rng.random(n) < 0.3
            ),
            "billed": pd.PeriodIndex.from_ordinals(rng.integers(500, 560, n), freq="M"),
            "waited": pd.to_timedelta(rng.integers(-50, 900, n), "min"),
            "paid": (day + pd.to_timedelta(rng.integers(0, 60, n), "D")).strftime(
                "%d.%m.%Y"
            ),
            "comment": [f"called {i} times, {rng.random()}" for i in range(n)],
            "country": "NZ",
            "fax": np.nan,
        }
    )
    return X, pd.Series(np.where(np.arange(n) % 5, "stays", "leaves"), name="churned")


def assert_possible(rows, seen, left_out=()):
    """Every value of every row could stand in the table that was seen."""
    assert [*rows] == [*seen]
    for name, column in rows.items():
        known = seen[name].dropna()
        if name in left_out:
            assert column.isna().all(), name
            continue
        assert column.dtype == seen[name].dtype, name
        if len(known) == len(seen):
            assert column.notna().all(), name
        values = column.dropna()
        dtype = seen[name].dtype
        ordered = isinstance(dtype, pd.PeriodDtype) or dtype.kind in "mM"
        if not ordered and (
            isinstance(dtype, pd.CategoricalDtype | pd.StringDtype | pd.BooleanDtype)
            or dtype.kind in "bO"
        ):
            if name not in ("paid",):
                assert {*values} <= {*known}, name
            continue
        assert values.between(known.min(), known.max()).all(), name
        if not ordered:
            for decimals in (0, 2):
                if is_rounded(known, decimals):
                    assert is_rounded(values, decimals), name
        elif dtype.kind in "mM":
            for step in ("D", "h", "min", "s"):
                clock, shown = (
                    (c.dt.tz_localize(None) if getattr(dtype, "tz", None) else c)
                    for c in (values, known)
                )
                if (shown.dt.floor(step) == shown).all():
                    assert (clock.dt.floor(step) == clock).all(), name


def is_rounded(column, decimals):
    values = column.to_numpy()
    if values.dtype.kind != "f":
        return True
    values = values[np.abs(values) < 1e9]  # where a float has the decimals
    return (
        np.round(values.astype(float), decimals).astype(values.dtype) == values
    ).all()


# ---------------------------------------------------------------------- the codec


@pytest.mark.parametrize("numbers", ["quantile", "minmax"])
def test_every_kind_of_column_there_and_back(numbers):
    X, _ = customers()
    codec = TableCodec(numbers=numbers)
    Z = codec.fit_transform(X)
    assert codec.kinds_ == {
        **dict.fromkeys(["customer_id", "comment"], "leave_out"),
        **dict.fromkeys(["country", "fax"], "constant"),
        **dict.fromkeys(
            ["age", "balance", "score", "visits", "small", "single"], "number"
        ),
        **dict.fromkeys(["contract", "region", "phone", "vip", "asked"], "category"),
        **dict.fromkeys(["since", "seen", "left", "billed", "waited", "paid"], "date"),
    }
    assert Z.dtype == np.float64
    assert Z.min() >= 0
    assert Z.max() <= 1
    back = codec.inverse_transform(Z)
    kept = [name for name in X if name not in codec.left_out_]
    pd.testing.assert_frame_equal(back[kept], X[kept])
    assert [*codec.left_out_] == ["customer_id", "comment"]
    assert back[[*codec.left_out_]].isna().all(axis=None)
    assert back["customer_id"].dtype == "Int64"


@pytest.mark.parametrize("numbers", ["quantile", "minmax", "robust"])
@pytest.mark.parametrize("seed", range(3))
def test_any_matrix_decodes_to_possible_rows(numbers, seed):
    X, _ = customers()
    codec = TableCodec(numbers=numbers).fit(X)
    Z = np.random.default_rng(seed).normal(
        0.5, 1, (200, len(codec.get_feature_names_out()))
    )
    rows = codec.inverse_transform(Z)
    assert_possible(rows, X, codec.left_out_)
    assert rows["score"].isna().sum() > 20
    # New dates lie on days, as those seen, though they are text.
    assert pd.to_datetime(rows["paid"], format="%d.%m.%Y").nunique() > 30


def test_the_parts_of_the_matrix():
    X = pd.DataFrame(
        {
            "height": [1.5, np.nan, 2.0, 1.75],
            "id": [11, 12, 13, 14],
            "colour": ["red", "blue", None, "red"],
            "born": pd.to_datetime(
                ["2001-01-01", "2003-05-06", "2002-02-02", "2001-01-05"]
            ),
        }
    )
    codec = TableCodec().fit(X)
    assert codec.columns_ == [
        Part("height", "number", [0]),
        Part("height", "missing", [1]),
        Part("colour", "category", [2, 3, 4]),
        Part("born", "date", [5]),
    ]
    assert codec.groups_ == [[0], [1], [2, 3, 4], [5]]
    assert [*codec.get_feature_names_out()] == [
        "height",
        "height (missing)",
        "colour=blue",
        "colour=red",
        "colour=(missing)",
        "born",
    ]
    Z = codec.transform(X)
    assert (Z[:, 2:5].sum(axis=1) == 1).all()
    assert Z[:, 1].tolist() == [0, 1, 0, 0]
    assert Z[:, 0].tolist() == [0, 0.5, 1, 0.5]  # ranks; a hole lies in the middle
    summary = codec.summary()
    assert [*summary.index] == [*X]
    assert summary.loc["id", "kind"] == "leave_out"
    assert summary["codes"].tolist() == [2, 0, 3, 1]
    assert summary.loc["height", "missing"] == 0.25


def test_numbers_by_ranks_or_by_distance():
    X = pd.DataFrame({"x": [0.0, 1.0, 1.0, 10_000.0]})
    assert TableCodec().fit_transform(X).ravel().tolist() == [0, 0.5, 0.5, 1]
    by_distance = TableCodec(numbers="minmax").fit(X)
    assert by_distance.transform(X).ravel().tolist() == [0, 1e-4, 1e-4, 1]
    between = pd.DataFrame({"x": [2500.0, -7.0, 20_000.0]})
    assert by_distance.transform(between).ravel().tolist() == [0.25, 0, 1]
    assert by_distance.inverse_transform([[0.25], [-3], [7]])["x"].tolist() == [
        2500,
        0,
        10_000,
    ]


def test_an_outlier_leaves_the_others_their_room():
    x = np.append(np.random.default_rng(0).normal(size=99), 1e4)
    Z = TableCodec().fit_transform(pd.DataFrame({"x": x}))
    assert 0.45 < np.median(Z) < 0.55
    assert Z.std() > 0.25


def far_out():
    """A class at 6 beside a larger one at 0, in which one row holds 10,000."""
    rng = np.random.default_rng(0)
    y = np.repeat(["many", "few"], [300, 30])
    X = rng.normal(size=(330, 5)).round(3)
    X[y == "few"] += 6
    X[0] = 1e4
    return pd.DataFrame(X, columns=[*"abcde"]), y


def test_outliers_may_be_kept_out_of_the_scale():
    X, y = far_out()
    X["day"] = pd.Timestamp("2026-11-29") + pd.to_timedelta(np.arange(330) % 50, "D")
    X.loc[7, "day"] = pd.Timestamp("1900-01-01")
    X["hole"] = X["a"].mask(X["b"] < -1)
    codec = TableCodec(numbers="robust").fit(X, y)
    back = codec.inverse_transform(codec.transform(X))
    pd.testing.assert_frame_equal(back.drop([0, 7]), X.drop([0, 7]))
    assert (
        back.loc[0, [*"abcde", "hole"]] == X.iloc[1:].max()[[*"abcde", "hole"]]
    ).all()
    assert back.loc[7, "day"] == pd.Timestamp("2026-11-29")
    few = codec.transform(X)[y == "few"]
    assert (few[:, :5].max(axis=0) - few[:, :5].min(axis=0) > 0.25).all()
    summary = codec.summary()["seen"]
    assert summary[[*"abcde", "day", "hole"]].str.endswith("; outliers: 1").all()
    assert codec.outliers(X, y) == {**dict.fromkeys([*"abcde", "hole"], 0), "day": 7}
    again = TableCodec.from_state(codec.state())
    assert (again.transform(X) == codec.transform(X)).all()


def test_what_is_no_outlier_sets_the_scale():
    """A class that lies apart, a skewed column, one that is nearly all zeros, few rows."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [990, 10])
    apart = np.where(y == 1, 1e6, 0) + rng.normal(size=1000)
    X = pd.DataFrame(
        {
            "skewed": rng.lognormal(0, 1.5, 1000),
            "zeros": np.where(np.arange(1000) % 200, 0.0, 7.5),
            "apart": apart,
        }
    )
    codec = TableCodec(numbers="robust")
    assert codec.fit(X, y).outliers(X, y) == {}
    low, high = codec.inverse_transform([[0] * 3, [1] * 3]).to_numpy()
    assert low.tolist() == X.min().tolist()
    assert high.tolist() == X.max().tolist()
    assert codec.fit(X).outliers(X) == {"apart": 990}  # all rows as one class
    few = pd.DataFrame({"x": [1.0, 2, 3, 4, 1e6]})
    assert codec.fit(few, [0, 0, 0, 1, 1]).transform(few).max() == 1
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        codec.fit(X, y[1:])


DTYPES = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint8": st.integers(0, 255),
    "Int64": st.none() | st.integers(-(2**53), 2**53),
    "float64": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "float32": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "bool": st.booleans(),
    "boolean": st.none() | st.booleans(),
    "str": st.none() | st.sampled_from(["a", "b", "", "NA", "ä b", "1"]),
    "object": st.none() | st.sampled_from(["a", "b", "nan", "None"]),
    "category": st.none() | st.sampled_from(["x", "y", "z"]),
    "datetime64[ns]": st.none()
    | st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
    "datetime64[s]": st.none()
    | st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)).map(
        lambda when: when.replace(microsecond=0)
    ),
    "timedelta64[us]": st.none()
    | st.timedeltas(pd.Timedelta(-9999, "D"), pd.Timedelta(9999, "D")),
    "Sparse[float64]": st.sampled_from([0.0, 0.0, 1.5, -2.0]),
}


@st.composite
def frames(draw):
    n = draw(st.integers(2, 25))
    dtypes = draw(st.lists(st.sampled_from(sorted(DTYPES)), min_size=1, max_size=5))
    columns = {}
    for i, dtype in enumerate(dtypes):
        values = draw(st.lists(DTYPES[dtype], min_size=n, max_size=n))
        columns[f"{dtype} {i}"] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(columns)


@settings(max_examples=40, deadline=None, suppress_health_check=[*HealthCheck])
@given(frames(), st.sampled_from(["quantile", "minmax", "robust"]), st.integers(0, 99))
def test_there_and_back_whatever_the_columns(X, numbers, seed):
    codec = TableCodec(numbers=numbers)
    if not any(column.nunique(dropna=False) > 1 for _, column in X.items()):
        return  # refused: nothing can be made of constants
    Z = codec.fit_transform(X)
    assert Z.min() >= 0
    assert Z.max() <= 1
    kept = [name for name in X if name not in codec.left_out_]
    exact = [
        name
        for name in kept
        # Values nearer to one another than a float of their range can tell.
        if numbers == "quantile" or codec.kinds_[name] not in ("number", "date")
    ]
    back = codec.inverse_transform(Z)
    assert_possible(back, X, codec.left_out_)
    pd.testing.assert_frame_equal(back[exact], X[exact])
    assert (back[kept].isna() == X[kept].isna()).all(axis=None)

    rows = codec.inverse_transform(np.random.default_rng(seed).random((30, Z.shape[1])))
    assert_possible(rows, X, codec.left_out_)


def test_a_number_too_large_for_decimals_does_not_undo_the_rounding_of_others():
    X = pd.DataFrame({"a": [0, 1801439850948198.4, 55764503955587070.0, 1.5]})
    codec = TableCodec().fit(X)
    pd.testing.assert_frame_equal(codec.inverse_transform(codec.transform(X)), X)
    new = codec.inverse_transform(np.linspace(0, 1, 40)[:, None])["a"]
    small = new[new < 1e9]
    assert len(small)
    assert (small.round(1) == small).all()


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_a_form_of_dates_may_be_told(dtype):
    X = pd.DataFrame({"d": ["01/02/2024", "03/02/2024", "12/11/2024"]}).astype(dtype)
    with pytest.raises(ValueError, match="or can be read in two ways"):
        TableCodec(kinds={"d": "date"}).fit(X)
    codec = TableCodec(numbers="minmax", kinds={"d": "%d/%m/%Y"}).fit(X)
    days = codec.transform(X)[:, 0]
    assert days[1] == pytest.approx(2 / 285)  # of February to November
    assert codec.inverse_transform(codec.transform(X))["d"].tolist() == X["d"].tolist()
    assert codec.kinds_ == {"d": "date"}
    assert codec.kinds_to_tell() == {"d": "%d/%m/%Y"}
    with pytest.raises(ValueError, match=r"written %d\.%m\.%Y but holds '01/02/2024'"):
        TableCodec(kinds={"d": "%d.%m.%Y"}).fit(X)
    for form in ("%q", "50%"):
        with pytest.raises(ValueError, match="no form of dates"):
            TableCodec(kinds={"d": form}).fit(X)


def test_numbers_between_those_seen_come_back():
    rng = np.random.default_rng(0)
    seen = pd.DataFrame({"x": rng.normal(size=500), "n": rng.integers(0, 10**6, 500)})
    other = pd.DataFrame({"x": rng.normal(size=90), "n": rng.integers(0, 10**6, 90)})
    for numbers in ("quantile", "minmax"):
        codec = TableCodec(numbers=numbers).fit(seen)
        back = codec.inverse_transform(codec.transform(other))
        inside = other.clip(seen.min(), seen.max(), axis=1)
        np.testing.assert_allclose(back["x"], inside["x"], rtol=1e-12)
        assert (back["n"] == inside["n"]).all()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(50), "leave_out"),
        (np.random.default_rng(0).permutation(100)[:50], "leave_out"),
        (np.arange(50) / 7, "number"),
        (np.arange(15), "number"),
        (np.arange(50) * 10**6, "number"),  # so far apart that none would meet
        ([0, 1] * 25, "number"),
        (np.arange(50) // 2, "number"),
        ([f"K{i}" for i in range(50)], "leave_out"),
        ([f"K{i}" for i in range(20)] + ["K0"] * 30, "category"),
        ([f"K{i}" for i in range(30)] + ["K0"] * 20, "leave_out"),
        ([f"K{i}" for i in range(24)] + ["K0"] * 26, "category"),
        ([True, False] * 25, "category"),
        ([7] * 50, "constant"),
        ([None] * 50, "constant"),
        ([7, None] * 25, "number"),
        (["a", None] * 25, "category"),
        ([[1]] * 50, "leave_out"),
        ([{1, 2}, None] * 25, "leave_out"),
        (["2020-01-02", "2021-01-02"] * 25, "date"),
        (["2020-01-02 10:11:12", None] * 25, "date"),
        (["13/01/2020", "01/02/2020"] * 25, "date"),
        (["11/01/2020", "01/02/2020"] * 25, "category"),  # day or month first?
        (["1/2/2020", "01/02/2020"] * 25, "category"),
        ([date(2020, 1, 2), date(2020, 1, 5)] * 25, "date"),
        ([1, 2.5] * 25, "number"),
        (np.array([1, 2.5] * 25, object), "number"),
    ],
)
def test_the_kind_of_a_column_is_found(values, kind):
    X = pd.DataFrame({"a": pd.Series(values), "b": [*range(5)] * (len(values) // 5)})
    assert TableCodec().fit(X).kinds_["a"] == kind


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("id", [5, 9, 7], "leave_out"),
        ("customerID", ["x", "y", "z"], "leave_out"),
        ("user_id", [*range(30), *range(30)], "leave_out"),
        ("store_id", [1, 2] * 30, "category"),
        ("Id", [1.0, None, 3.0], "leave_out"),
        ("humid", [5, 9, 7], "number"),
        ("idle", [5, 9, 7], "number"),
        (7, [5, 9, 7], "number"),
    ],
)
def test_an_id_is_known_by_its_name(name, values, kind):
    X = pd.DataFrame({name: values, type(name)(9): [*range(3)] * (len(values) // 3)})
    assert TableCodec().fit(X).kinds_[name] == kind


def test_numbers_that_a_blank_made_text_are_named():
    charges = [f"{x:.2f}" for x in np.random.default_rng(0).uniform(1, 99, 50)]
    X = pd.DataFrame({"charges": [*charges, " "], "b": [1, 2, 3] * 17})
    assert "98% are numbers: pd.to_numeric" in TableCodec().fit(X).left_out_["charges"]


def test_every_kind_can_be_overruled():
    X, _ = customers()
    said = {
        "customer_id": "category",
        "age": "leave_out",
        "visits": "category",
        "vip": "number",
        "paid": "category",
        "comment": "category",
    }
    codec = TableCodec(kinds=said, max_levels=200).fit(X)
    assert {name: codec.kinds_[name] for name in said} == said
    back = codec.inverse_transform(codec.transform(X))
    kept = [name for name in X if name != "age"]
    pd.testing.assert_frame_equal(back[kept], X[kept])
    assert (codec.summary().loc[[*said], "why"] == "as told").all()


def test_a_few_kinds_of_objects():
    when = datetime(2020, 1, 2, 3, 4)
    X = pd.DataFrame(
        {
            "day": pd.Series(
                [date(2020, 1, 2), None, date(2020, 3, 4)] * 9, dtype=object
            ),
            "time": pd.Series(
                [when, when.replace(year=2021), pd.NaT] * 9, dtype=object
            ),
            "whole": pd.Series([1, 5, None] * 9, dtype=object),
            "mixed": pd.Series([1, 5.5, np.nan] * 9, dtype=object),
            "truth": pd.Series([True, False, None] * 9, dtype=object),
            "bytes": pd.Series([b"a", b"b", None] * 9, dtype=object),
            "between": pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]).repeat(9),
        }
    )
    codec = TableCodec().fit(X)
    back = codec.inverse_transform(codec.transform(X))
    assert (back.dtypes == X.dtypes).all()
    assert back.equals(X)
    assert back["day"][1] is None
    rows = codec.inverse_transform(
        np.random.default_rng(0).random((90, len(codec.get_feature_names_out())))
    )
    assert {type(v) for v in rows["day"].dropna()} == {date}
    assert {type(v) for v in rows["whole"].dropna()} == {int}
    assert {*rows["truth"]} == {True, False, None}


def test_new_dates_lie_on_the_step_of_those_seen():
    day = pd.Timestamp("2019-03-01")
    months = pd.Series([day + pd.DateOffset(months=i) for i in (0, 5, 9, 14, 40)] * 4)
    berlin = (day + pd.to_timedelta(np.arange(20) * 30, "D")).tz_localize(
        "Europe/Berlin"
    )
    X = pd.DataFrame(
        {"month": months, "midnight": berlin, "hour": months.dt.to_period("h")}
    )
    codec = TableCodec().fit(X)
    rows = codec.inverse_transform(np.random.default_rng(0).random((300, 3)))
    assert (rows["month"].dt.day == 1).all()
    assert rows["month"].nunique() > 20
    # Midnight on the wall, in summer and in winter.
    assert (rows["midnight"].dt.hour == 0).all()
    assert rows["midnight"].nunique() > 200
    assert codec.summary().loc["month", "seen"].endswith("step M")


def test_rare_levels_share_a_code_and_are_drawn_by_their_shares():
    city = ["a"] * 500 + ["b"] * 460 + ["c"] * 30 + ["d"] * 10
    X = pd.DataFrame({"city": city})
    for least in (50, 0.05):
        codec = TableCodec(min_frequency=least, random_state=0).fit(X)
        assert [*codec.get_feature_names_out()] == ["city=a", "city=b", "city=(rare)"]
        back = codec.inverse_transform(np.tile([0, 0, 1], (4000, 1)))["city"]
        counts = back.value_counts()
        assert {*counts.index} == {"c", "d"}
        assert counts["c"] == pytest.approx(3000, abs=150)
        assert back.equals(
            codec.inverse_transform(np.tile([0, 0, 1], (4000, 1)))["city"]
        )
    assert TableCodec(min_frequency=20).fit(X).groups_ == [[0, 1, 2, 3]]  # one is rare
    codec = TableCodec(max_levels=3).fit(X)
    assert [*codec.get_feature_names_out()] == ["city=a", "city=b", "city=(rare)"]
    # A level not seen counts as a rare one.
    assert codec.transform(pd.DataFrame({"city": ["e"]})).tolist() == [[0, 0, 1]]


def test_missing_is_a_level_however_rare():
    X = pd.DataFrame({"a": ["x"] * 50 + ["y"] * 49 + [None]})
    codec = TableCodec(min_frequency=10).fit(X)
    assert [*codec.get_feature_names_out()] == ["a=x", "a=y", "a=(missing)"]


def test_a_codec_of_another_output_and_in_a_file():
    X, _ = customers()
    codec = TableCodec().set_output(transform="pandas").fit(X)
    Z = codec.transform(X)
    assert [*Z] == [*codec.get_feature_names_out()]
    assert len({*Z}) == Z.shape[1]
    again = pickle.loads(pickle.dumps(codec))
    assert again.inverse_transform(Z.to_numpy()).equals(
        codec.inverse_transform(Z.to_numpy())
    )
    assert codec.inverse_transform(Z.iloc[:0].to_numpy()).shape == (0, X.shape[1])


@check_estimators(
    [TableCodec()],
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


BAD = {
    "names": (
        pd.DataFrame([[1, 2], [2, 3]], columns=["a", "a"]),
        {},
        "Several columns are called 'a'",
    ),
    "mixed": (
        pd.DataFrame({"a": pd.Series([1, 2, "unknown"], dtype=object)}),
        {},
        r"'a' mixes values of int and str, such as 'unknown'.*to_numeric",
    ),
    "nothing left": (
        pd.DataFrame({"a": ["x", "x"], "b": [None, None]}),
        {},
        "No column is left .*'a': one value; 'b': no value at all",
    ),
    "infinity": (pd.DataFrame({"a": [1.0, np.inf]}), {}, r"'a' holds inf.*np.nan"),
    "complex": (
        pd.DataFrame({"a": [1j, 2j]}),
        {},
        "Complex data not supported, as in column 'a'",
    ),
    "unknown column": (
        pd.DataFrame({"a": [1, 2]}),
        {"kinds": {"b": "number"}},
        r"kinds names 'b'; the columns are \['a'\]",
    ),
    "unknown kind": (
        pd.DataFrame({"a": [1, 2]}),
        {"kinds": {"a": "numeric"}},
        "kinds says 'numeric'; it can be any of number, category",
    ),
    "no number": (
        pd.DataFrame({"a": ["1", "x"]}),
        {"kinds": {"a": "number"}},
        "'a' is to be a number but holds '1'.*pd.to_numeric",
    ),
    "no date": (
        pd.DataFrame({"a": ["01/02/2020", "02/01/2020"]}),
        {"kinds": {"a": "date"}},
        "'a' is to be a date but holds '01/02/2020'.*two ways.*pd.to_datetime",
    ),
    "date of numbers": (
        pd.DataFrame({"a": [1, 2]}),
        {"kinds": {"a": "date"}},
        "'a' is to be a date but holds",
    ),
    "sparse": (sparse.csr_matrix([[1, 2]]), {}, r"sparse matrix; pass X.toarray\(\)"),
    "series": (pd.Series([1, 2]), {}, "Expected 2D array, got 1D array"),
    "no rows": (pd.DataFrame({"a": []}), {}, "0 sample"),
    "no columns": (pd.DataFrame(index=[0, 1]), {}, "0 feature"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_its_cure(name):
    X, parameters, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        TableCodec(**parameters).fit(X)


def test_a_frame_of_another_library_is_told_the_way():
    class DataFrame:
        def to_pandas(self):
            raise AssertionError("not called")

    with pytest.raises(ValueError, match=r"DataFrame; pass X.to_pandas\(\)"):
        TableCodec().fit(DataFrame())


def test_what_was_not_seen_is_replaced_where_the_caller_says_so():
    X = pd.DataFrame(
        {
            "x": [1.0, 2.0, 9.0, 2.0],
            "usual": ["a", "b", "b", "b"],
            "holes": ["a", "b", "b", None],
            "word": pd.Categorical(["u", "v", "v", "v"]),
        }
    )
    codec = TableCodec(unknown="replace").fit(X)
    other = pd.DataFrame(
        {
            "x": [np.nan, 3.0],
            "usual": ["c", None],
            "holes": ["c", None],
            "word": pd.Categorical([None, "w"]),
        }
    )
    back = codec.inverse_transform(codec.transform(other))
    assert back["x"].tolist() == [2.0, 3.0]
    assert back["usual"].tolist() == ["b", "b"]
    assert back["holes"].isna().all()
    assert back["word"].tolist() == ["v", "v"]
    rare = TableCodec(unknown="replace", min_frequency=2, random_state=0)
    rare.fit(pd.DataFrame({"a": ["x", "x", "y", "z"]}))
    assert rare.transform(pd.DataFrame({"a": ["w", None]})).tolist() == [[0, 1], [1, 0]]


def test_rows_in_another_dress():
    """Encoded as fitted, where a later table has its values in other types."""
    day = pd.to_datetime(["2020-01-01", "2020-03-01", "2020-02-01"])
    X = pd.DataFrame(
        {
            "word": pd.Categorical(["a", "b", "c"]),
            "truth": [True, False, True],
            "count": [1, 5, 3],
            "day": day,
            "text": day.strftime("%Y-%m-%d"),
        }
    )
    codec = TableCodec().fit(X)
    other = pd.DataFrame(
        {
            "word": pd.Categorical(["c", "a"], ["c", "a"]),
            "truth": pd.Series([False, True], dtype=object),
            "count": [5.0, 1.0],
            "day": pd.Series(day[[1, 0]], dtype=object),
            "text": pd.Series(["2020-03-01", "2020-01-01"], dtype=object),
        }
    )
    same = X.iloc[[1, 0]].assign(word=["c", "a"])
    assert (codec.transform(other) == codec.transform(same)).all()
    with pytest.raises(ValueError, match=r"Column 'text' is of dates: .*doesn't match"):
        codec.transform(other.assign(text="01.02.2020"))
    with pytest.raises(
        ValueError, match="Column 'count' is to be a number but holds 'x'"
    ):
        codec.transform(other.assign(count="x"))
    with pytest.raises(
        ValueError, match=r"Column 'truth' has 1 level.s. not seen.*'yes'"
    ):
        codec.transform(other.assign(truth=["yes", True]))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a", "d", "e"], "'k' has 2 level.s. not seen when.*such as 'd'"),
        (["a", None, "b"], "'k' has 1 missing value"),
    ],
)
def test_what_was_not_seen_is_refused_when_rows_are_encoded(column, message):
    codec = TableCodec().fit(pd.DataFrame({"k": ["a", "b", "c"]}))
    with pytest.raises(ValueError, match=message):
        codec.transform(pd.DataFrame({"k": column}))
    numbers = TableCodec().fit(pd.DataFrame({"x": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="'x' has 1 missing value"):
        numbers.transform(pd.DataFrame({"x": [1.0, np.nan]}))
    with pytest.raises(ValueError, match="feature names"):
        numbers.transform(pd.DataFrame({"y": [1.0]}))
    with pytest.raises(ValueError, match="this codec's matrix 1"):
        numbers.inverse_transform([[1, 2]])


@pytest.mark.parametrize(
    ("seen", "new", "expected"),
    [
        (
            np.array([20, 35, 60, 90], np.int8),
            np.array([150, -3, 40], np.int16),
            (90, 20, 40),
        ),
        (np.array([20, 35, 60, 90], np.uint8), np.array([-5, 300, 61]), (20, 90, 61)),
        (np.array([20, 35, 60, 90]), np.array([1e20, -1e20, 44.4]), (90, 20, 44)),
        (
            np.array([2**63 + 5, 2**63 + 20, 2**63 + 7, 2**63 + 8], np.uint64),
            np.array([-5, 7, 2**62]),
            [2**63 + 5] * 3,
        ),
        (
            np.array([0.5, 0.75] * 2, np.float32),
            np.array([1e300, -1e300, 0.5]),
            (0.75, 0.5, 0.5),
        ),
    ],
)
@pytest.mark.filterwarnings("error")
def test_numbers_of_a_wider_type_are_the_nearest_seen(seen, new, expected):
    """A cast of 150 to the int8 of the table would make it -106, the smallest there is."""
    X = pd.DataFrame({"v": np.tile(seen, 10), "z": np.arange(40) % 7 / 4})
    rows = pd.DataFrame({"v": new, "z": np.zeros(len(new))})
    codec = TableCodec().fit(X)
    back = codec.inverse_transform(codec.transform(rows))
    assert back["v"].tolist() == [*expected]
    assert back["v"].dtype == X["v"].dtype


@pytest.mark.filterwarnings("error")
def test_dates_beyond_the_unit_of_those_seen_are_the_nearest_seen():
    days = pd.Series(pd.date_range("2020-01-01", periods=40).astype("datetime64[ns]"))
    far = np.array(["9999-12-31", "0001-01-01", "2020-01-05"], "datetime64[us]")
    hours = pd.Series(np.arange(40).astype("timedelta64[h]").astype("timedelta64[ns]"))
    long = np.array([10**12, -(10**12), 7200], "timedelta64[s]")
    codec = TableCodec().fit(pd.DataFrame({"day": days, "took": hours}))
    back = codec.inverse_transform(
        codec.transform(pd.DataFrame({"day": far, "took": long}))
    )
    assert back["day"].tolist() == [days.iloc[-1], days.iloc[0], days.iloc[4]]
    assert back["took"].tolist() == [hours.iloc[-1], hours.iloc[0], hours.iloc[2]]


DAYS = pd.date_range("2020-01-01", periods=40)


@pytest.mark.parametrize(
    ("seen", "new", "message"),
    [
        (
            DAYS,
            [1_700_000_000],
            "'v' is of dates: what 1700000000 counts, and from when",
        ),
        (np.arange(40) % 9 / 4, DAYS[:1], "'v' is to be a number but holds Timestamp"),
        (
            DAYS,
            pd.to_timedelta([1], unit="s"),
            r"'v' is of datetime64.* but holds Timedelta",
        ),
        (DAYS.to_period("D"), DAYS[:1].to_period("M"), r"convert it.*asfreq\('D'\)"),
        (DAYS.to_period("D"), DAYS[:1], r"convert it.*to_period\('D'\)"),
    ],
)
def test_another_kind_of_value_than_fitted_is_refused_by_name(seen, new, message):
    codec = TableCodec().fit(pd.DataFrame({"v": seen, "z": np.arange(40) % 7 / 4}))
    with pytest.raises(ValueError, match=message):
        codec.transform(pd.DataFrame({"v": new, "z": [0.0]}))


def test_whole_numbers_beyond_64_bits_are_refused_by_name():
    X = pd.DataFrame({"v": [2**70 + i for i in range(20)]})
    with pytest.raises(ValueError, match=r"'v' holds 1180591620717411303424 .* floats"):
        TableCodec().fit(X)


def test_bytes_in_the_other_order_and_no_seed_are_taken():
    X = (np.arange(40) % 9 / 4).reshape(-1, 2)
    codec = TableCodec().fit(X.astype(">f8"))
    np.testing.assert_array_equal(codec.inverse_transform(codec.transform(X)), X)
    rare = pd.DataFrame({"v": [*"aaaabbbbcdef"] * 3, "z": np.arange(36) % 7 / 4})
    codec = TableCodec(min_frequency=6).fit(rare)  # the rare levels are drawn anew
    assert any("(rare)" in name for name in codec.get_feature_names_out())
    state = np.random.mtrand._rand.get_state()[1].tolist()
    codec.inverse_transform(codec.transform(rare))
    assert np.random.mtrand._rand.get_state()[1].tolist() == state


def test_columns_of_pyarrow():
    pa = pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 40), "D")
    columns = {
        "whole": (rng.integers(0, 9, 40), pa.int64()),
        "real": (rng.normal(size=40), pa.float32()),
        "price": (pd.Series(rng.normal(size=40).round(2)), pa.decimal128(10, 2)),
        "word": (rng.choice(["a", "b"], 40), pa.string()),
        "truth": (rng.choice([True, False], 40), pa.bool_()),
        "time": (days, pa.timestamp("us")),
        "zoned": (days.tz_localize("UTC"), pa.timestamp("ns", tz="Europe/Berlin")),
        "day": (days.date, pa.date32()),
        "span": (days - days[0], pa.duration("s")),
    }
    X = pd.DataFrame(
        {
            name: pd.Series(values).astype(pd.ArrowDtype(kind))
            for name, (values, kind) in columns.items()
        }
    )
    X["hole"] = X["whole"].mask(X["real"] > 0)
    y = np.repeat([0, 1], [30, 10])
    codec = TableCodec().fit(X)
    pd.testing.assert_frame_equal(codec.inverse_transform(codec.transform(X)), X)
    X_new, _ = TabularOverSampler("smote").fit_resample(X, y)
    pd.testing.assert_frame_equal(X_new.iloc[:40], X)
    assert X_new["day"].between(X["day"].min(), X["day"].max()).all()
    words = X["word"].astype(pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    with pytest.raises(ValueError, match=r"'word' is of type dictionary.*'category'"):
        codec.fit(X.assign(word=words))


def test_text_beside_real_dates_is_read_in_one_way_or_refused():
    days = pd.Series(pd.date_range("2021-01-01", "2021-12-31", freq="D"))
    codec = TableCodec(kinds={"day": "date"}).fit(pd.DataFrame({"day": days}))

    def read(*texts):
        X = pd.DataFrame({"day": pd.Series(texts, dtype=object)})
        return codec.inverse_transform(codec.transform(X))["day"].dt.strftime("%m-%d")

    assert [*read("12.01.2021")] == ["01-12"]
    assert [*read("2021-01-12")] == ["01-12"]
    assert [*read("2021-01-12", pd.Timestamp("2021-03-04"))] == ["01-12", "03-04"]
    assert [*read("2021-01-12T00:00:00.000", "2021-02-12")] == ["01-12", "02-12"]
    assert [*read("13/01/2021", "12/01/2021")] == ["01-13", "01-12"]
    assert [*read(pd.Timestamp("2021-03-04"), "05.04.2021")] == ["03-04", "04-05"]
    with pytest.raises(ValueError, match=r"'day'.*'05/03/2021'.*read in two ways"):
        read("05/03/2021")  # of May or of March
    with pytest.raises(ValueError, match="what 20210304 counts"):
        read(pd.Timestamp("2021-01-05"), 20210304)


def test_a_clock_without_a_zone_is_that_of_the_column():
    zone = "Europe/Berlin"
    hours = pd.Series(pd.date_range("2021-07-01", periods=300, freq="h", tz=zone))
    codec = TableCodec().fit(pd.DataFrame({"at": hours}))
    for value in ("2021-07-05 10:00", pd.Timestamp("2021-07-05 10:00")):
        X = pd.DataFrame({"at": pd.Series([value], dtype=object)})
        back = codec.inverse_transform(codec.transform(X))["at"]
        assert back.iloc[0] == pd.Timestamp("2021-07-05 10:00", tz=zone)


@pytest.mark.parametrize(
    ("odd", "far"), [(600, False), (601, True), (500, False), (-1000, True), (0, False)]
)
def test_what_lies_within_another_class_is_no_outlier(odd, far):
    """It presses nothing together; the ends of the others are within, too."""
    one, other = np.arange(20) / 10, np.linspace(0, 600, 30)
    values = np.concatenate([one, [odd], other])
    classes = np.repeat([0, 1], [21, 30])
    found = outliers(values, classes)
    assert found[20] == far
    assert found.sum() == far


@pytest.mark.parametrize(("odd", "far"), [(0, False), (-1, True)])
def test_the_lowest_of_another_class_is_within(odd, far):
    one, other = 300 + np.arange(20) / 10, np.linspace(0, 600, 30)
    values = np.concatenate([one, [odd], other])
    assert outliers(values, np.repeat([0, 1], [21, 30]))[20] == far


@pytest.mark.parametrize(("odd", "far"), [(122, False), (123, True)])
def test_an_outlier_lies_ten_times_what_the_others_span_away(odd, far):
    # All but one row at either end span 1 to 12.
    assert outliers(np.array([*range(10), 12, odd]))[-1] == far


def test_all_but_one_row_may_not_be_outliers():
    low = np.array([*range(12), 10_000])
    assert outliers(low).tolist() == [False] * 12 + [True]
    assert not outliers(np.full(12, 3.0)).any()
