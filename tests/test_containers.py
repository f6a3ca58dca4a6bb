"""What X and y may be: every kind of it through every sampler and classifier.

What was given comes back as it was, and what is new is of the same kind.
"""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import recall_score
from sklearn.naive_bayes import GaussianNB

from helpers import KerasCNNClassifier, ResNet18Classifier, TableCodec, evaluate
from helpers.checks import labels_of
from helpers.containers import opened, take
from helpers.over_sampling import SAMPLERS

from .conftest import make_sampler

rng = np.random.default_rng(0)
Y = np.repeat([0, 1], [12, 5])
WHOLE, REAL = rng.integers(3, 90, 17), np.round(rng.normal(size=17), 2)
TABLE = np.column_stack([WHOLE, REAL])
PIXELS = rng.integers(0, 256, (17, 8, 8), dtype=np.uint8)


class Sub(pd.DataFrame):
    @property
    def _constructor(self):
        return Sub


def frame(**columns):
    return pd.DataFrame({"n": WHOLE, "x": REAL} | columns)


#: Kind of X to how it is made.
KINDS = {
    "array": lambda: TABLE,
    "float32": lambda: TABLE.astype("float32"),
    "other byte order": lambda: TABLE.astype(">f8"),
    "whole numbers": lambda: TABLE.astype(int),
    "truth values": lambda: TABLE > 40,
    "array of objects": lambda: frame().astype(object).to_numpy(),
    "list": lambda: frame().astype(object).to_numpy().tolist(),
    "tuple of tuples": lambda: tuple(frame().itertuples(index=False, name=None)),
    "list of arrays": lambda: [*TABLE],
    "csr matrix": lambda: sparse.csr_matrix(TABLE),
    "csc array": lambda: sparse.csc_array(TABLE),
    "coo array": lambda: sparse.coo_array(TABLE),
    "tensor": lambda: torch.tensor(TABLE, dtype=torch.float32),
    "bfloat16 tensor": lambda: torch.tensor(TABLE).bfloat16(),
    "frame": lambda: frame(flag=REAL > 0, y=REAL.astype("float32")),
    "subclass of frame": lambda: Sub(frame()),
    "frame with an index": lambda: frame().set_index(pd.Index([*"abcdefghijklmnopq"])),
    "frame of objects": lambda: frame(flag=REAL > 0).astype(object),
    "ids beyond float64": lambda: frame(id=np.arange(17) * 2 + 2**60 + 1),
    "ids beyond 64 bits": lambda: frame(
        id=pd.Series([2**70 + k for k in range(17)], dtype=object)
    ),
    "ids of no sign": lambda: frame(id=np.arange(17, dtype="uint64") + 2**63),
    "text of digits": lambda: frame(
        zip=[f"{k:03}" for k in WHOLE], price=[f"{v:.2f}" for v in REAL]
    ),
    "text of pandas": lambda: frame(zip=[f"{k:03}" for k in WHOLE]).astype(
        {"zip": "string"}
    ),
    "decimals": lambda: frame(price=[Decimal(f"{v:.2f}") for v in REAL]),
    "types of pandas": lambda: frame(f=REAL > 0).astype(
        {"n": "Int64", "x": "Float64", "f": "boolean"}
    ),
    "sparse frame": lambda: frame().astype(pd.SparseDtype(float, 0)),
    "one sparse column": lambda: frame(s=pd.arrays.SparseArray(WHOLE, fill_value=9)),
    "images": lambda: PIXELS,
    "images of objects": lambda: PIXELS.astype(object),
    "list of images": lambda: [*PIXELS],
    "images as nested lists": lambda: PIXELS.tolist(),
    "images of Pillow": lambda: [Image.fromarray(image) for image in PIXELS],
    "tensor of images": lambda: torch.tensor(PIXELS[:, None]),
    "images as tensors": lambda: [*torch.tensor(PIXELS[:, None])],
}


def assert_same(found, expected):
    """Equal in type, dtype and every value."""
    assert type(found) is type(expected)
    assert len_of(found) == len_of(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
        for column, other in zip(
            found.T.to_numpy(), expected.T.to_numpy(), strict=True
        ):
            assert [*map(type, column)] == [*map(type, other)]
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected)
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)
    elif sparse.issparse(expected):
        assert (found.format, found.dtype) == (expected.format, expected.dtype)
        assert (found.toarray() == expected.toarray()).all()
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert (found == expected).all()
        if expected.dtype == object:
            kinds = [[*map(type, part.ravel())] for part in (found, expected)]
            assert kinds[0] == kinds[1]
    elif isinstance(expected, list | tuple):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert found == expected


def len_of(values):
    return getattr(values, "shape", None) or (
        hasattr(values, "__len__") and len(values)
    )


def part(values, rows):
    """Some rows, as pandas, numpy and Python take them."""
    if hasattr(values, "iloc"):
        return values.iloc[rows].reset_index(drop=True)
    if sparse.issparse(values):
        return values.tocsr()[rows].asformat(values.format)
    return values[rows]


def kinds_of(values):
    """What must be alike in rows that were given and in new ones."""
    if isinstance(values, pd.DataFrame):
        objects = values.select_dtypes(object).iloc[0]
        return [*values.dtypes], [*map(type, objects.tolist())]
    if isinstance(values, list | tuple):
        return type(values[0]), kinds_of(values[0])  # of a list, or a tuple
    if isinstance(values, np.ndarray):
        row = values.ravel() if values.ndim < 2 else values[0].ravel()
        return values.dtype, [*map(type, row)] if values.dtype == object else None
    if isinstance(values, Image.Image):
        return values.mode, values.size
    return type(values), getattr(values, "dtype", None), getattr(values, "format", None)


@pytest.mark.filterwarnings("ignore:k_neighbors")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rows_comes_back_and_goes_on(sampler_name, kind, tmp_path):
    sampler = make_sampler(sampler_name)
    if "image" in kind and not takes_images(sampler):
        pytest.skip("makes rows of tables only")
    X, before = KINDS[kind](), KINDS[kind]()
    X_new, y_new = sampler.fit_resample(X, Y)
    assert_same(X, before)
    old, new = part(X_new, slice(0, 17)), part(X_new, slice(17, None))
    expected = part(X, slice(0, 17)) if hasattr(X, "iloc") else X
    assert_same(old, expected)
    assert len(y_new) == 24
    assert kinds_of(new) == kinds_of(expected)
    more = sampler.sample(1, 3, random_state=0)
    assert type(more) is (list if type(X) is tuple else type(X))
    assert kinds_of(more) == kinds_of(expected)
    sampler.save(tmp_path / "sampler.pt")
    again = SAMPLERS[sampler_name].load(tmp_path / "sampler.pt")
    again = again.sample(1, 3, random_state=0)
    # A subclass is the user's own code, which a file cannot hold.
    assert_same(pd.DataFrame(again) if type(more) is Sub else again, plain(more))


def takes_images(sampler):
    return "image_shape" in sampler.get_params()


def plain(values):
    return pd.DataFrame(values) if type(values) is Sub else values


@pytest.mark.parametrize("name", ["gan", "mc_rbo"])
def test_new_values_are_those_that_a_column_may_have(name):
    X = frame(
        id=np.arange(17) * 2 + 2**60 + 1,
        zip=[f"{k:03}" for k in WHOLE],
        price=[f"{v:.2f}" for v in REAL],
        cost=[Decimal(f"{v:.1f}") for v in REAL],
        count=WHOLE.astype(object),
    )
    new = make_sampler(name).fit_resample(X, Y)[0].iloc[17:]
    assert new["id"].between(X["id"].min(), X["id"].max()).all()
    assert new["zip"].str.fullmatch(r"\d{3}").all()
    assert new["zip"].astype(int).between(WHOLE.min(), WHOLE.max()).all()
    assert new["price"].str.fullmatch(r"-?\d+\.\d\d").all()
    assert {v.as_tuple().exponent for v in new["cost"]} == {-1}
    assert new["count"].map(type).eq(int).all()
    expected = make_sampler(name).fit_resample(
        X.astype({"zip": int, "price": float, "cost": float, "count": int}), Y
    )[0]
    assert (expected.iloc[17:]["zip"] == new["zip"].astype(int)).all()


def test_arrow_and_polars():
    arrow = pytest.importorskip("pyarrow")
    X = frame().convert_dtypes(dtype_backend="pyarrow")
    X["d"] = pd.array(
        [Decimal(f"{v:.2f}") for v in REAL], pd.ArrowDtype(arrow.decimal128(9, 2))
    )
    X_new, _ = make_sampler("gan").fit_resample(X, Y)
    pd.testing.assert_frame_equal(X_new.iloc[:17], X)
    assert [*X_new.dtypes] == [*X.dtypes]


class FromElsewhere:
    """As a frame or column of polars, or a table of Arrow."""

    def to_pandas(self):
        raise AssertionError


def test_frames_of_other_libraries_are_refused_with_the_cure(sampler_name):
    with pytest.raises(
        ValueError, match=r"X is a tests\.FromElsewhere; pass X\.to_pandas"
    ):
        make_sampler(sampler_name).fit_resample(FromElsewhere(), Y)
    with pytest.raises(
        ValueError, match=r"y is a tests\.FromElsewhere; pass y\.to_pandas"
    ):
        make_sampler(sampler_name).fit_resample(TABLE, FromElsewhere())


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (frame(d=pd.Categorical(WHOLE)), "Column 'd' is categorical"),
        (frame(d="a"), "Column 'd' is not of numbers"),
        (frame(d=pd.Timestamp(0)), "Column 'd' is of dates or times"),
        (frame(d=pd.Timedelta(1)), "Column 'd' is of dates or times"),
        (frame(d=pd.Period("2020")), "Column 'd' is not of numbers"),
        (frame(d=[None, *"1" * 16]), "contains NaN, 1 in all, 1 in column 'd'"),
        (
            frame(d=pd.array([None] * 2 + [1] * 15, "Int64")),
            "NaN, 2 .* 2 in column 'd'",
        ),
        ([["a", 1.0]] * 17, "Column 0 is not of numbers"),
        (np.full((17, 2), "1"), "X is an array of <U1, not of numbers"),
        (np.full((17, 2), np.nan), "contains NaN, 34 in all, 17 in column 0"),
        (sparse.csr_array(np.full((17, 2), np.nan)), "contains NaN, 34 in all"),
    ],
)
def test_what_is_no_number_is_refused_with_the_cure(X, message):
    cure = r"wrap the sampler: TabularOverSampler\(GANOverSampler\(\.\.\.\)\)"
    with pytest.raises(ValueError, match=f"{message}.*{cure}"):
        make_sampler("gan").fit_resample(X, Y)


def test_a_sparse_table_too_large_to_be_dense_is_refused_with_the_cure():
    """As of TF-IDF: it would take several GB, and new rows would be half full."""
    X = sparse.coo_array(([1.0], ([0], [0])), shape=(4000, 20_000)).tocsr()
    with pytest.raises(ValueError, match=r"\(4000, 20000\).*TruncatedSVD\(100\)"):
        make_sampler("gan").fit_resample(X, np.arange(4000) % 3 == 0)
    few = pd.DataFrame.sparse.from_spmatrix(X[:, :9])
    large = few.reindex(range(2**22), fill_value=0)
    with pytest.raises(ValueError, match=r"\(4194304, 9\).*TruncatedSVD\(100\)"):
        make_sampler("gan").fit_resample(large, np.arange(2**22) % 3 == 0)


def test_new_rows_that_fill_a_sparse_table_are_told():
    X = sparse.random_array((17, 50), density=0.02, rng=0, format="csr")
    with pytest.warns(UserWarning, match=r"2\.00% .* not zero, and .*TruncatedSVD"):
        make_sampler("gan").fit_resample(X, Y)


def test_the_rows_that_cleaning_moves_keep_their_type():
    X = frame(id=np.arange(17) + 2**60, zip=[f"{k:03}" for k in WHOLE])
    sampler = make_sampler("mc_ccr", cleaning="translate", energy=3.0)
    X_new, _ = sampler.fit_resample(X, Y)
    moved = np.append(sampler.translated_mask_, np.ones(7, bool))
    assert 0 < moved[:17].sum() < 17
    assert [*X_new.dtypes] == [*X.dtypes]
    still = ~sampler.translated_mask_
    pd.testing.assert_frame_equal(X_new.iloc[:17][still], X[still])
    assert not X_new.iloc[:17][~still].equals(X[~still])


def test_missing_pixels_are_refused_with_another_cure():
    X = np.where(PIXELS > 250, np.nan, PIXELS)
    for fit in (make_sampler("gan").fit, classifier().fit):
        with pytest.raises(
            ValueError, match=r"X contains NaN, \d+ in all; (fill|images)"
        ):
            fit(X, Y)


# ------------------------------------------------------------------ labels

NAMES = np.array(["few", "many"])

#: Kind of y to how it is made of class numbers, and the labels that it holds.
LABELS = {
    "objects": (lambda y: y.astype(object), [0, 1]),
    "text as objects": (lambda y: NAMES[y].astype(object), [*NAMES]),
    "list of text": (lambda y: NAMES[y].tolist(), [*NAMES]),
    "tuple": (lambda y: tuple(y.tolist()), [0, 1]),
    "small numbers": (lambda y: y.astype("int8"), [0, 1]),
    "whole floats": (lambda y: y / 1.0, [0.0, 1.0]),
    "truth values": (lambda y: y > 0, [False, True]),
    "truth values of pandas": (
        lambda y: pd.array(y > 0, dtype="boolean"),
        [False, True],
    ),
    "numbers of pandas": (lambda y: pd.Series(y, dtype="Int64", name="t"), [0, 1]),
    "text of pandas": (lambda y: pd.Series(NAMES[y], dtype="string"), [*NAMES]),
    "categories, one unused": (
        lambda y: pd.Series(pd.Categorical(NAMES[y], ["many", "none", "few"])),
        [*NAMES],
    ),
    "column": (lambda y: y[:, None], [0, 1]),
    "frame of one column": (lambda y: pd.DataFrame({"t": NAMES[y]}), [*NAMES]),
    "tensor": (torch.tensor, [0, 1]),
    "range of dates as text": (
        lambda y: np.array(["2020", "2021"])[y],
        ["2020", "2021"],
    ),
}
ONE_HOT = {
    "one-hot": lambda y: np.eye(2, dtype=int)[y],
    "one-hot, a class absent": lambda y: np.eye(4)[y],
    "indicators of pandas": lambda y: pd.get_dummies(pd.Series(NAMES[y])),
    "sparse indicators": lambda y: sparse.csr_matrix(np.eye(2, dtype=int)[y]),
}
NO_LABELS = {
    "dates": (
        np.array(["2020", "2021"], "M8[D]"),
        r"type datetime64\[D\].*str\(label\)",
    ),
    "dates of pandas": (pd.to_datetime(["2020", "2021"]), "datetime64.*str"),
    "objects of dates": (
        np.array([pd.Timestamp(0), pd.Timestamp(1)], object),
        r"type Timestamp; .*\[str\(label\) for label in y\]",
    ),
    "bytes": (np.array([b"a", b"b"]), "so make them text"),
    "decimals": (np.array([Decimal(1), Decimal(2)], object), "type Decimal"),
    "fractions": (np.array([0.5, 1.5]), "Unknown label type"),
}


@pytest.mark.parametrize("kind", [*LABELS, *ONE_HOT])
def test_every_kind_of_labels_comes_back_and_is_counted(sampler_name, kind):
    y = LABELS[kind][0](Y) if kind in LABELS else ONE_HOT[kind](Y)
    sampler = make_sampler(sampler_name)
    _, y_new = sampler.fit_resample(TABLE, y)
    assert_same(part(y_new, slice(0, 17)), y)
    new = part(y_new, slice(17, None))
    if isinstance(y, pd.Series):
        assert (new.dtype, new.name) == (y.dtype, y.name)
    expected = np.ones(7, int)
    found = labels_of(new, one_hot=True) if kind in ONE_HOT else labels_of(new)
    labels = np.array(LABELS[kind][1]) if kind in LABELS else np.arange(2)
    assert found.tolist() == labels[expected].tolist()
    assert sampler.classes_.tolist() == labels.tolist()
    assert len(sampler.sample(labels[1], 2)) == 2


@pytest.mark.parametrize("kind", NO_LABELS)
def test_labels_that_no_class_may_have_are_refused_with_the_cure(kind, monkeypatch):
    labels, message = NO_LABELS[kind]
    for fit in (make_sampler("gan").fit, classifier().fit):
        with pytest.raises(ValueError, match=message):
            fit(PIXELS, labels[Y])


def test_one_hot_labels_that_are_none():
    sampler, y = make_sampler("gan"), np.eye(2, dtype=int)[Y]
    with pytest.raises(ValueError, match="Row 3 of the one-hot y has no class"):
        sampler.fit_resample(TABLE, np.where(np.arange(17)[:, None] == 3, 0, y))
    with pytest.raises(
        ValueError, match=r"Multilabel and multioutput .* not supported"
    ):
        sampler.fit_resample(TABLE, np.ones((17, 2), int))
    with pytest.raises(ValueError, match=r"y has shape \(17, 2, 1\); give one label"):
        sampler.fit_resample(TABLE, y[..., None])
    with pytest.raises(
        ValueError, match=r"one-hot.*np\.asarray\(y\)\.argmax\(axis=1\)"
    ):
        classifier().fit(PIXELS, y)


# ------------------------------------------------------------------ classifiers


def classifier(network=KerasCNNClassifier, **parameters):
    return network(n_steps=1, batch_size=17, random_state=0, device="cpu", **parameters)


LARGE = np.pad(PIXELS, ((0, 0), (2, 2), (2, 2)))
FLAT = LARGE.reshape(17, 144)

IMAGES = {
    "with a channel": lambda: LARGE[:, None],
    "objects": lambda: LARGE.astype(object),
    "list": lambda: [*LARGE],
    "nested lists": lambda: LARGE.tolist(),
    "images of Pillow": lambda: [Image.fromarray(image) for image in LARGE],
    "tensor": lambda: torch.tensor(LARGE[:, None]),
    "list of tensors": lambda: [*torch.tensor(LARGE)],
}
ROWS = {
    "array": lambda: FLAT,
    "list": lambda: FLAT.tolist(),
    "frame": lambda: pd.DataFrame(FLAT),
    "frame of objects": lambda: pd.DataFrame(FLAT).astype(object),
    "types of pandas": lambda: pd.DataFrame(FLAT).astype("Int64"),
    "sparse frame": lambda: pd.DataFrame(FLAT).astype(pd.SparseDtype("uint8", 0)),
    "text": lambda: pd.DataFrame(FLAT).astype(str),
}


@pytest.mark.parametrize("network", [KerasCNNClassifier, ResNet18Classifier])
@pytest.mark.parametrize("kind", IMAGES)
def test_a_classifier_takes_images_of_every_kind_in_fit_and_in_predict(network, kind):
    expected = classifier(network).fit(LARGE, Y)
    X = IMAGES[kind]()
    found = classifier(network).fit(X, Y).predict_proba(X)
    reference = expected.predict_proba(LARGE)
    assert found == pytest.approx(reference, abs=1e-5)
    assert expected.predict_proba(X) == pytest.approx(reference, abs=1e-5)


@pytest.mark.parametrize("kind", ROWS)
def test_a_classifier_takes_flat_pixels_of_every_kind(kind):
    fit = classifier(image_shape=(1, 12, 12)).fit(LARGE, Y)
    X = ROWS[kind]()
    found = classifier(image_shape=(1, 12, 12)).fit(X, Y).predict_proba(X)
    reference = fit.predict_proba(LARGE[:, None])
    assert found == pytest.approx(reference, abs=0.02)  # not all are uint8, 0 to 255
    assert fit.predict_proba(FLAT) == pytest.approx(reference, abs=1e-5)


@pytest.mark.parametrize("kind", LABELS)
def test_a_classifier_takes_labels_of_every_kind(kind):
    make, labels = LABELS[kind]
    fitted = classifier().fit(LARGE, make(Y))
    assert fitted.classes_.tolist() == labels
    expected = classifier().fit(LARGE, Y).predict_proba(LARGE)
    assert (fitted.predict_proba(LARGE) == expected).all()
    assert set(fitted.predict(LARGE).tolist()) <= {*labels}


@pytest.mark.parametrize("shape", [(28, 28, 4), (32, 32, 13), (8, 8, 13), (9, 12, 2)])
def test_channels_last_are_seen_whatever_their_number(sampler_name, shape):
    if sampler_name in ("ctgan", "tab_ddpm"):
        pytest.skip("makes tables only, and says so")
    X = np.zeros((17, *shape), dtype=np.uint8)
    cure = r"X\.transpose\(0, 3, 1, 2\).*np\.stack\(X\).*image_shape=\("
    for fit in (make_sampler(sampler_name).fit, classifier().fit):
        with pytest.raises(ValueError, match=cure):
            fit(X, Y)
        with pytest.raises(ValueError, match=cure):
            fit([*X], Y)


def test_many_channels_of_narrow_images_are_taken_at_their_word():
    X = rng.integers(0, 256, (17, 8, 8, 5), dtype=np.uint8)
    for sampler in (make_sampler("gan"), make_sampler("mc_ccr")):
        sampler.set_params(image_shape=(8, 8, 5))
        assert sampler.fit_resample(X, Y)[0].shape == (24, 8, 8, 5)


def test_numbers_of_numpy_do_for_all_parameters(sampler_name):
    """As they come from shapes, grids and np.prod."""
    X, sampler = PIXELS, make_sampler(sampler_name)
    if takes_images(sampler):
        sampler.set_params(image_shape=(1, 8, 8))
    else:
        X = TABLE
    own = sampler.get_params()
    numpy_s = {name: as_numpy(value) for name, value in own.items()}
    expected, _ = SAMPLERS[sampler_name](**own).fit_resample(X, Y)
    found, _ = SAMPLERS[sampler_name](**numpy_s).fit_resample(X, Y)
    assert (found == expected).all()


@pytest.mark.parametrize("network", [KerasCNNClassifier, ResNet18Classifier])
def test_numbers_of_numpy_do_for_all_parameters_of_a_classifier(network):
    fitted = classifier(network, image_shape=(1, 12, 12)).fit(LARGE, Y)
    numpy_s = {k: as_numpy(value) for k, value in fitted.get_params().items()}
    found = clone(network(**numpy_s)).fit(LARGE, Y).predict_proba(LARGE)
    assert (found == fitted.predict_proba(LARGE)).all()


def as_numpy(value):
    if isinstance(value, tuple | list):
        return tuple(map(as_numpy, value))
    return np.array([value])[0] if type(value) in (int, float) else value


def test_opened_says_what_it_cannot_read():
    kind, numbers = opened(np.array([[[1, 2.5]]], dtype=object), "cure")
    assert numbers.dtype == float
    assert kind.like(numbers).dtype == object


# ------------------------------------------------------------------ evaluate


class Reads(ClassifierMixin, BaseEstimator):
    """A classifier that reads rows of any kind as a sampler does."""

    def fit(self, X, y):
        self.model_ = GaussianNB().fit(self._numbers(X), y)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(self._numbers(X))

    def predict(self, X):
        return self.model_.predict(self._numbers(X))

    def _numbers(self, X):
        numbers = opened(X, "")[1]
        numbers = numbers.toarray() if sparse.issparse(numbers) else numbers
        return numbers.reshape(len(numbers), -1).astype(float)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rows_is_evaluated(kind):
    X = KINDS[kind]()
    arms = {"mc_ccr": (make_sampler("mc_ccr"), Reads())}
    train = np.arange(17) % 3 > 0
    [row] = evaluate(arms, X, Y, cv=[(train, ~train)]).to_dict("records")
    assert row["error"] == ""
    assert row["n_synthetic"] == 5
    fit = Reads().fit(
        *make_sampler("mc_ccr").fit_resample(take(X, np.flatnonzero(train)), Y[train])
    )
    predicted = fit.predict(take(X, np.flatnonzero(~train)))
    assert row["acsa"] == pytest.approx(
        recall_score(Y[~train], predicted, average="macro")
    )


def test_every_type_of_text_and_of_decimals_is_saved_as_what_it_is(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    types = {
        "python": pd.StringDtype("python"),
        "nan": pd.StringDtype("python", na_value=np.nan),
        "arrow": pd.ArrowDtype(arrow.string()),
        "large": pd.ArrowDtype(arrow.large_string()),
        "price": pd.ArrowDtype(arrow.decimal128(9, 2)),
    }
    text = [f"{v:.2f}" for v in REAL]
    X = pd.DataFrame({k: pd.Series(text).astype(d) for k, d in types.items()})
    sampler = make_sampler("gan").fit(X, Y)
    sampler.save(tmp_path / "a.pt")
    codec = TableCodec().fit(X)
    again = TableCodec.from_state(codec.state())
    for rows in (
        type(sampler).load(tmp_path / "a.pt").sample(1, 3),
        again.inverse_transform(codec.transform(X)),
    ):
        assert {k: repr(d) for k, d in rows.dtypes.items()} == {
            k: repr(d) for k, d in types.items()
        }
        assert rows["price"].map(type).eq(Decimal).all()


def test_what_is_no_seed_is_refused_as_in_every_call(tmp_path):
    sampler = make_sampler("gan").fit(frame(), Y)
    with pytest.raises(ValueError, match=r"0\.7 cannot be used to seed"):
        sampler.sample(1, 3, random_state=0.7)
