"""What CTGAN and TabDDPM share: blocks, frames as they are, and the look at new rows."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.over_sampling import SAMPLERS
from helpers.over_sampling._mixed import (
    Blocks,
    MixedOverSampler,
    find_layout,
    join_columns,
    split_columns,
    warn_of_poor_rows,
)
from helpers.tables import TableCodec

from .conftest import make_sampler

MIXED = sorted(n for n, c in SAMPLERS.items() if issubclass(c, MixedOverSampler))


@pytest.fixture(params=MIXED)
def name(request):
    return request.param


def one_hot(levels, n_levels):
    return np.eye(n_levels)[levels]


def mixed_matrix(n=60, n_rare=12, seed=0):
    """A number, a category of four levels, one of two, a constant; and labels."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n_rare, n_rare])
    blocks = [one_hot(rng.integers(0, k, n), k) for k in (4, 2)]
    X = np.column_stack([rng.normal(size=n), *blocks, np.full(n, 7.0)])
    return X, y, [[1, 2, 3, 4], [5, 6]]


def mixed_frame(n=60, n_rare=12, seed=0):
    """A column of every kind, with holes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(8, 1, n)),
            "job": pd.Categorical(rng.choice(["clerk", "cook"], n), ["cook", "clerk"]),
            "city": pd.Series(rng.choice(["a", "b", None], n), dtype=object),
            "smokes": rng.random(n) < 0.3,
            "since": pd.Timestamp("2020-02-01")
            + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "id": [f"no. {i}" for i in range(n)],
        }
    )
    frame["since"] = frame["since"].dt.as_unit("s")
    y = pd.Series(np.repeat(["stayed", "left"], [n - n_rare, n_rare]), name="churn")
    order = rng.permutation(n)
    return frame.iloc[order], y.iloc[order]


# ------------------------------------------------------------------ blocks


def test_blocks_of_any_sizes_keep_their_columns():
    blocks = Blocks([3, 1, 5], "cpu")
    x = torch.arange(18.0).view(2, 9)
    padded = blocks.padded(x, fill=-1)
    assert padded.shape == (2, 3, 5)
    assert padded[0].tolist() == [
        [0, 1, 2, -1, -1],
        [3, -1, -1, -1, -1],
        [4, 5, 6, 7, 8],
    ]
    assert (blocks.flat(padded) == x).all()
    columns, padding = blocks.columns_beside(torch.tensor([0, 3, 8]))
    assert [c[~p].tolist() for c, p in zip(columns, padding, strict=True)] == [
        [0, 1, 2],
        [3],
        [4, 5, 6, 7, 8],
    ]
    assert Blocks([], "cpu").one_hot(torch.empty(4, 0, dtype=torch.long)).shape == (
        4,
        0,
    )


def test_columns_come_apart_and_together_again():
    X, _, groups = mixed_matrix()
    X = torch.as_tensor(X).float()
    Z = (X - X.amin(0)) / (X.amax(0) - X.amin(0)).clamp(min=1e-9)
    layout = find_layout(Z, groups)
    assert layout["numbers"] == [0]
    assert layout["categories"] == groups
    numbers, levels = split_columns(Z, layout)
    assert (join_columns(numbers, levels, layout) == Z).all()


def test_two_values_are_a_category_without_being_told():
    Z = torch.tensor([[0.0, 0.2, 1], [1, 0.5, 1], [0, 1, 0], [1, 0, 1]])
    layout = find_layout(Z, [[1]])  # a group of one column is as good as none
    assert layout == {"width": 3, "numbers": [1], "categories": [[0], [2]]}
    _, levels = split_columns(Z, layout)
    assert levels.tolist() == [[0, 1], [1, 1], [0, 0], [1, 1]]


def test_blocks_have_exactly_one_level_in_every_row(name):
    X, y, groups = mixed_matrix()
    X[:, 1] *= 0  # a level that no row has ...
    X[X[:, :5].sum(1) == X[:, 0], 2] = 1
    sampler = make_sampler(name, feature_groups=groups)
    X_new, _ = sampler.fit_resample(X, y)
    made = np.concatenate([X_new[60:], sampler.sample(1, 300, random_state=0)])
    assert all((made[:, group].sum(axis=1) == 1).all() for group in groups)
    assert not made[:, 1].any()  # ... stays without
    assert set(np.unique(made[:, 1:7])) == {0, 1}
    assert (made[:, 7] == 7).all()
    assert made[:, 0].min() >= X[:, 0].min()
    assert made[:, 0].max() <= X[:, 0].max()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["a", "b"]], "lists of column numbers"),
        ([[1, 2, 3, 4], []], "Group 1 of feature_groups is empty"),
        ([[1, 2, 3, 4], [4, 5]], r"overlap: column\(s\) \[4\]"),
        ([[1, 2, 3, 4], [5, 8]], r"name column\(s\) \[8\]; X has columns 0 to 7"),
        ([[0, 1]], r"Row \d+ has \d values above 0 in group 0 .*OneHotEncoder"),
        ([[1, 2, 3, 4], [5, 6, 4][:2], [3][:0]], "Group 2 of feature_groups is empty"),
        ([[1, 2, 3]], "exactly one in every row"),
    ],
)
def test_groups_that_do_not_fit_are_refused(name, groups, message, monkeypatch):
    X, y, _ = mixed_matrix()
    sampler = make_sampler(name, feature_groups=groups)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit_resample(X, y)


def test_a_level_of_one_row_and_more_levels_than_rows_of_the_class(name):
    """A class of three rows, fewer than a pack of ten, and forty levels."""
    rng = np.random.default_rng(0)
    levels = np.append(rng.integers(0, 39, 59), 39)
    levels[:39] = np.arange(39)
    X = np.column_stack([rng.standard_cauchy(60) ** 3, one_hot(levels, 40)])
    y = np.repeat(["many", "few"], [57, 3])
    sampler = make_sampler(name, feature_groups=[[*range(1, 41)]])
    X_new, y_new = sampler.fit_resample(X, y)
    made = X_new[60:]
    assert (y_new[60:] == "few").all()
    assert len(made) == 54
    assert np.isfinite(made).all()
    assert (made[:, 1:].sum(axis=1) == 1).all()
    assert X[:, 0].min() <= made[:, 0].min() <= made[:, 0].max() <= X[:, 0].max()


def test_columns_that_never_change_and_nothing_else(name):
    X, y = np.full((20, 3), 5), np.repeat([0, 1], [14, 6])
    sampler = make_sampler(name)
    X_new, _ = sampler.fit_resample(X, y)
    assert (X_new == 5).all()
    assert (sampler.sample(1, 3) == 5).all()


def test_categories_alone(name):
    X, y, _ = mixed_matrix()
    X_new, _ = make_sampler(name, feature_groups=[[0, 1, 2, 3]]).fit_resample(
        X[:, 1:5], y
    )
    assert (X_new.sum(axis=1) == 1).all()


# ------------------------------------------------------------------ frames


def test_a_frame_of_any_columns_goes_in_and_comes_out(name, tmp_path):
    frame, y = mixed_frame()
    sampler = make_sampler(name)
    X_new, y_new = sampler.fit_resample(frame, y)
    pd.testing.assert_frame_equal(X_new.iloc[:60], frame.reset_index(drop=True))
    assert (y_new.iloc[60:] == "left").all()
    assert sampler.synthetic_mask_.sum() == len(X_new) - 60 == 36
    made = pd.concat([X_new.iloc[60:], sampler.sample("left", 200, random_state=0)])
    assert list(made.dtypes) == list(frame.dtypes)
    assert set(made["job"]) <= {"clerk", "cook"}
    assert set(made["city"].dropna()) <= {"a", "b"}
    assert made["age"].between(18, 79).all()
    known = made["income"].dropna()
    assert known.between(frame["income"].min(), frame["income"].max()).all()
    assert made["since"].between(frame["since"].min(), frame["since"].max()).all()
    assert (made["since"] == made["since"].dt.normalize()).all()
    assert made["id"].isna().all()
    sampler.save(tmp_path / "sampler.pt")
    loaded = SAMPLERS[name].load(tmp_path / "sampler.pt")
    pd.testing.assert_frame_equal(
        loaded.sample("left", 20, random_state=3),
        sampler.sample("left", 20, random_state=3),
    )


def test_a_frame_and_its_matrix_are_one(name):
    """The codec inside is the one that a caller would put in front."""
    frame, y = mixed_frame()
    codec = TableCodec(numbers="minmax", random_state=0)
    Z = codec.fit_transform(frame)
    groups = [group for group in codec.groups_ if len(group) > 1]
    made = make_sampler(name, feature_groups=groups).fit_resample(Z, y)[0][60:]
    inside = make_sampler(name).fit_resample(frame, y)[0].iloc[60:]
    outside = codec.inverse_transform(made)
    pd.testing.assert_frame_equal(inside.reset_index(drop=True), outside)


def test_groups_beside_a_frame_whose_columns_are_known_are_refused(name):
    frame, y = mixed_frame()
    with pytest.raises(ValueError, match="feature_groups are columns of a matrix"):
        make_sampler(name, feature_groups=[[0, 1]]).fit_resample(frame, y)


def test_what_no_codec_takes_is_refused_with_its_cure(name, monkeypatch):
    frame, y = mixed_frame()
    sampler = make_sampler(name)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    frame["mixed"] = ([1, "a", 2.5] * 20)[: len(frame)]
    with pytest.raises(ValueError, match="'mixed'"):
        sampler.fit_resample(frame, y)
    doubled = mixed_frame()[0].rename(columns={"job": "city"})
    with pytest.raises(ValueError, match="called 'city'; give each a name"):
        sampler.fit_resample(doubled, y)


def test_values_that_a_file_cannot_hold_are_refused(name, tmp_path):
    frame, y = mixed_frame()
    frame["span"] = pd.cut(frame["age"], [0, 40, 100])
    sampler = make_sampler(name).fit(frame, y)
    with pytest.raises(ValueError, match=r"Column 'span' has .*X\.astype"):
        sampler.save(tmp_path / "sampler.pt")
    assert not (tmp_path / "sampler.pt").exists()


# ------------------------------------------------------------------ what came of it


def test_rows_that_are_all_alike_are_told_of():
    real = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    with pytest.warns(
        UserWarning, match=r"class 'rare' hardly differ.*0.0% .*collapsed"
    ):
        warn_of_poor_rows(real, real[:1].repeat(50, 1), "rare")
    with pytest.warns(UserWarning, match=r"100% of the values .* has diverged"):
        warn_of_poor_rows(real, (real > 0.5).float(), "rare")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_poor_rows(real, real.flip(0), "rare")
        warn_of_poor_rows(real[:1], real, "rare")  # of one row nothing can be said


def test_a_fit_that_collapses_says_so(name, monkeypatch):
    X, y, groups = mixed_matrix()
    sampler = make_sampler(name, feature_groups=groups)
    generate = sampler._generate

    def collapsed(code, n, generator):
        return generate(code, n, generator)[:1].repeat(n, 1)

    monkeypatch.setattr(sampler, "_generate", collapsed)
    with pytest.warns(UserWarning, match=r"collapsed.*0 in class 1"):
        sampler.fit_resample(X, y)
    assert sampler.variety_ == {1: 0}
