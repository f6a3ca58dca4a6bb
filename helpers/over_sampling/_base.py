"""The contract that every sampler of this package keeps, written once.

A method subclasses `BaseDeepOverSampler` and writes three hooks: `_train`, `_generate`
and `_build`. They see scaled tensors and class numbers only; checks, scaling, counts,
types, randomness, saving and loading are here.
"""

import inspect
import math
import os
import warnings
from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from scipy import sparse
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import devices, training
from ..checks import (
    POSITIVE_INT,
    POSITIVE_REAL,
    REAL,
    SequenceOf,
    refuse_channels_last,
    refuse_labels,
    refuse_other_shape,
)
from ..files import write_atomically

#: Rows that go through a network at once when nothing is learned.
CHUNK = 256
#: Hidden layers of autoencoders on tables, at full width.
TABLE_LAYERS = 512, 256
#: Sides below this leave a decoder, which starts at a quarter, next to nothing.
MIN_SIDE = 8


class BaseDeepOverSampler(BaseOverSampler):
    """Base class of the samplers that train a network.

    Original rows come first and untouched, new rows after them; class counts are
    exactly what `sampling_strategy` says; `random_state` decides everything.

    Attributes
    ----------
    sampling_strategy_ : dict
        Class label to number of rows generated for it.
    synthetic_mask_ : ndarray of bool, one per returned row
        True where the row was generated.
    history_ : DataFrame
        Losses and diagnostics. What a row is differs: a training step, a step and player,
        a block of epochs, or a class; each sampler says which.
    networks_ : dict of str to torch.nn.Module
        The trained networks.
    classes_ : ndarray
        Class labels seen.
    """

    #: A class that is to be filled needs at least so many rows.
    _min_rows = 2
    #: Fewest pixels a side that the method's convolutions need. None: it has none, and
    #: need not know which columns are pixels.
    _min_side: int | None = None
    #: As `helpers.training.initialise` names it.
    _first_weights = "torch"
    #: Name of a preset to the parameters in which it differs from the defaults.
    _presets: dict = {}
    #: Names of what a method learns beside its networks, plain values or tensors, for
    #: `save`.
    _own_state: tuple = ()
    #: Parameters that only a fit needs; `save` leaves them out.
    _not_saved: tuple = ("checkpoint",)

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "epochs": [POSITIVE_INT],
        "batch_size": [POSITIVE_INT],
        "lr": [POSITIVE_REAL],
        "latent_dim": [POSITIVE_INT, None],
        "image_shape": [SequenceOf(POSITIVE_INT), None],
        "value_range": [SequenceOf(REAL), None],
        "device": [str],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "checkpoint": [str, os.PathLike, None],
        "verbose": ["boolean"],
    }

    # ------------------------------------------------------------------ the hooks

    @abstractmethod
    def _train(self, Z, codes, wanted, generator, checkpoint):
        """Fill ``self.networks_`` and return the history.

        ``Z`` is a tensor in [0, 1], one row (or image, (C, H, W)) per sample;
        ``codes`` their class numbers; ``wanted`` maps a class number to the number of
        rows it needs.
        """

    @abstractmethod
    def _generate(self, code, n, generator):
        """Return ``n`` new rows of class number ``code``, shaped and scaled as ``Z``."""

    @abstractmethod
    def _build(self, name):
        """Return the untrained network that ``self.networks_[name]`` is."""

    # ------------------------------------------------------------ help for the hooks

    def _images(self):
        """Whether rows are images, (C, H, W)."""
        return len(self._row_shape) == 3

    def _rows(self, Z):
        """The rows in [-1, 1], the range of tanh, laid out as convolutions like it."""
        rows = 2 * Z - 1
        if not self._images():
            return rows
        return rows.contiguous(memory_format=torch.channels_last)

    def _initialise(self, name, generator):
        """The network `name` with its first weights."""
        return training.initialise(
            lambda: self._build(name), generator, self._first_weights
        )

    def _batches(self, n, generator):
        """Minibatches; a last one of a single row, which batch norm refuses, is left out."""
        alone = n % min(self.batch_size, n) == 1
        return training.Batches(n, self.batch_size, generator, drop_last=alone)

    def _autocast(self, device, images):
        precision = devices.resolve_precision(self.precision, device, images)
        return devices.autocast(device, precision)

    # ------------------------------------------------------------------ public face

    @classmethod
    def preset(cls, name, **overrides):
        """Make a sampler with published settings other than the defaults.

        Parameters
        ----------
        name : str
            ``"paper"`` (the defaults) or ``"authors_code"``.
        **overrides
            Constructor parameters that replace the preset's.

        Raises
        ------
        ValueError
            No such preset.
        """
        presets = {"paper": {}, **cls._presets}
        if name not in presets:
            raise ValueError(
                f"{cls.__name__} has no preset {name!r}; it has {', '.join(presets)}."
            )
        return cls(**{**presets[name], **overrides})

    def fit(self, X, y):
        """Train, so that `sample` can be called; `fit_resample` without its result."""
        self.fit_resample(X, y)
        return self

    def fit_resample(self, X, y, **params):
        """Train; return ``(X, y)`` together with the rows `sampling_strategy` asks for.

        Parameters
        ----------
        X : array-like, DataFrame or sparse matrix
            Shape (n, n_features), or images (n, C, H, W) or (n, H, W). Finite numbers.
        y : array-like of shape (n,)
            Class labels: strings, integers, or floats without fractions.

        Returns
        -------
        X_resampled, y_resampled
            Of the types and dtypes of the input, the original rows first.

        Raises
        ------
        ValueError
            NaN or infinity, categories, text or dates, labels that are missing or of
            different kinds, one class only, a class to be filled with too few rows, images
            with the channels last, an `image_shape` or `value_range` that does not fit the
            data, a checkpoint of another fit, a device that is not there.
        """
        frame = X if isinstance(X, pd.DataFrame) else None
        with training.whole_fit(self):
            refuse_labels(y)
            self._columns, self._dtypes = None, None
            if frame is not None:
                _refuse_no_numbers(frame)
                self._columns, self._dtypes = frame.columns, list(frame.dtypes)
                # Names that repeat imbalanced-learn cannot give back.
                if not frame.columns.is_unique:
                    X = frame.set_axis(range(frame.shape[1]), axis="columns")
            X_resampled, y_resampled = super().fit_resample(X, y, **params)
        if frame is not None:
            X_resampled.columns = frame.columns
        return X_resampled, y_resampled

    def sample(self, label, n, random_state=None):
        """Generate more rows of one class that was filled in `fit_resample`.

        Parameters
        ----------
        label : class label
            One of the classes that `fit_resample` had to fill.
        n : int
            Number of rows.
        random_state : int, RandomState or None
            None draws other rows at every call.

        Returns
        -------
        X_new : ndarray or DataFrame
            Shape, dtypes and columns as in `fit_resample`.

        Raises
        ------
        ValueError
            The class is unknown, or needed no rows and so has no generator; `n` is no
            whole number of at least 1.
        """
        check_is_fitted(self, "networks_")
        if not POSITIVE_INT.is_satisfied_by(n):
            raise ValueError(f"n={n!r}, but it must be a whole number of at least 1.")
        if label not in self.sampling_strategy_ or not self.sampling_strategy_[label]:
            filled = [
                c for c in self.classes_.tolist() if self.sampling_strategy_.get(c)
            ]
            raise ValueError(
                f"No generator was trained for class {label!r}, only for {filled}. "
                "Ask for rows of it in sampling_strategy and fit again."
            )
        device = devices.resolve_device(self.device)
        for network in self.networks_.values():
            network.to(device)
        code = int(np.flatnonzero(self.classes_ == label)[0])
        rows = self._draw(code, int(n), training.make_generator(random_state, device))
        if self._columns is None:
            return rows
        columns = zip(rows.T, self._dtypes, strict=True)
        # Series, since arrays of numpy know nothing of pandas' own types, such as Int64.
        series = {i: pd.Series(c).astype(d) for i, (c, d) in enumerate(columns)}
        frame = pd.DataFrame(series)
        return frame.set_axis(self._columns, axis="columns")

    def save(self, path):
        """Write the fitted sampler to a file that `load` reads without running code.

        A callable `sampling_strategy` and a RandomState cannot be stored so; the loaded
        sampler has their defaults, and samples all the same.

        Raises
        ------
        ValueError
            A column of the frame has a name that cannot be stored so, such as a date.
        """
        check_is_fitted(self, "networks_")
        columns = None if self._columns is None else training.plain(list(self._columns))
        if odd := [name for name in columns or () if not _readable(name)]:
            raise ValueError(
                f"The column name {odd[0]!r} is a {type(odd[0]).__name__}, which load() "
                "could not read; fit on a frame with names of text or numbers, "
                "X.rename(columns=str)."
            )
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(type(self)).parameters.items()
        }
        parameters = {
            name: _stored(value, defaults[name])
            for name, value in self.get_params(deep=False).items()
        }
        parameters |= dict.fromkeys(parameters.keys() & {*self._not_saved})
        content = {
            "class": type(self).__name__,
            "parameters": parameters,
            "fitted": {
                "classes": self.classes_.tolist(),
                "rows": [int(self.sampling_strategy_.get(c, 0)) for c in self.classes_],
                "low": torch.as_tensor(self._low),
                "high": torch.as_tensor(self._high),
                "whole": torch.as_tensor(self._whole),
                "dtype": str(self._dtype),
                "shape": tuple(self._shape),
                "row_shape": tuple(self._row_shape),
                "columns": columns,
                "dtypes": self._dtypes and [str(dtype) for dtype in self._dtypes],
                "own": {name: getattr(self, name) for name in self._own_state},
                "history": {
                    name: (str(column.dtype), column.tolist())
                    for name, column in self.history_.items()
                },
            },
            "networks": {
                name: network.state_dict() for name, network in self.networks_.items()
            },
        }
        content = training.plain(content)
        write_atomically(lambda aside: torch.save(content, aside), path)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            The file holds another sampler, or none.
        """
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
            found, fitted = content["class"], content["fitted"]
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{str(path)!r} is not a saved sampler ({type(error).__name__}); it must "
                f"come from {cls.__name__}.save."
            ) from error
        if found != cls.__name__:
            raise ValueError(
                f"{str(path)!r} holds a {found}; load it with {found}.load."
            )
        self = cls(**content["parameters"])
        self.classes_ = np.asarray(fitted["classes"])
        self.sampling_strategy_ = dict(
            zip(self.classes_.tolist(), fitted["rows"], strict=True)
        )
        self._low, self._high = fitted["low"].numpy(), fitted["high"].numpy()
        self._whole, self._dtype = fitted["whole"].numpy(), np.dtype(fitted["dtype"])
        self._shape, self._row_shape = fitted["shape"], fitted["row_shape"]
        self._columns, self._dtypes = fitted["columns"], fitted["dtypes"]
        vars(self).update(fitted["own"])
        self.history_ = pd.DataFrame(
            {
                name: pd.Series(values, dtype=dtype)
                for name, (dtype, values) in fitted["history"].items()
            }
        )
        self.networks_ = {}
        for name, weights in content["networks"].items():
            with torch.device("meta"):
                network = self._build(name)
            network.load_state_dict(weights, assign=True)
            self.networks_[name] = network.eval()
        return self

    # ------------------------------------------------------------------ the machinery

    def _check_X_y(self, X, y):
        y, binarize_y = check_target_type(y, indicate_one_vs_all=True)
        X, y = validate_data(
            self, X=X, y=y, reset=True, accept_sparse=["csr", "csc"], allow_nd=True
        )
        refuse_channels_last(X)
        if X.ndim not in (2, 3, 4):
            raise ValueError(
                f"X has {X.ndim} dimensions; it must be a table (n, n_features) or "
                "images (n, H, W) or (n, C, H, W)."
            )
        return X, y, binarize_y

    def _fit_resample(self, X, y):
        Z, codes, wanted, generator, checkpoint = self._prepare(X, y)
        self.networks_ = {}
        with devices.deterministic(generator.device):
            self.history_ = self._train(Z, codes, wanted, generator, checkpoint)
        return self._complete(X, y, wanted, generator)

    def _prepare(self, X, y):
        """Check and scale the data; return what `_train` takes."""
        device = devices.resolve_device(self.device)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class only ({self.classes_.tolist()[0]!r}); at least 2 are needed to "
                "balance them."
            )
        numbers_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        wanted = {numbers_of[c]: n for c, n in self.sampling_strategy_.items() if n > 0}
        for code in wanted:
            if (rows := int((codes == code).sum())) < self._min_rows:
                raise ValueError(
                    f"Class {self.classes_.tolist()[code]!r} is to be filled but has {rows} row(s); "
                    f"{type(self).__name__} needs at least {self._min_rows}. Collect more, "
                    "or leave the class out of sampling_strategy."
                )

        dense = X.toarray() if sparse.issparse(X) else X
        generator = training.make_generator(self.random_state, device)
        Z = torch.as_tensor(self._scale(dense), device=device)
        if self._min_side is not None:
            devices.refuse_unsound(self.precision, device, self._row_shape)
        checkpoint = self.checkpoint and training.Checkpoint(
            self.checkpoint, self._identity(dense, y, device)
        )
        return Z, torch.as_tensor(codes, device=device), wanted, generator, checkpoint

    def _identity(self, X, y, device):
        """What a checkpoint must agree on to be gone on from."""
        precision = devices.resolve_precision(self.precision, device, self._images())
        identity = training.identity(self, device, X, y)
        if callable(self.sampling_strategy):  # its address is another in every process
            found = training.plain(dict(self.sampling_strategy_))
            identity["sampling_strategy"] = repr(found)
        return {
            "sampler": type(self).__name__,
            **identity,
            "precision": str(precision),
        }

    def _complete(self, X, y, wanted, generator):
        """Put the generated rows behind the original ones."""
        for network in self.networks_.values():
            network.eval()
        drawn = [self._draw(code, n, generator) for code, n in wanted.items()]
        filled = [
            np.full(n, self.classes_[code], y.dtype) for code, n in wanted.items()
        ]
        n_new = sum(wanted.values())
        self.synthetic_mask_ = np.arange(len(y) + n_new) >= len(y)
        if sparse.issparse(X):
            X = sparse.vstack([X, *map(sparse.csr_matrix, drawn)], format=X.format)
        else:
            X = np.concatenate([X, *drawn])
        return X, np.concatenate([y, *filled])

    def _scale(self, X):
        """Learn shapes and ranges from X and return it as float32 in [0, 1]."""
        self._dtype, self._shape = X.dtype, X.shape[1:]
        if self.image_shape is not None:
            refuse_other_shape(X, self.image_shape)
        if X.ndim == 3:
            self._row_shape = (1, *X.shape[1:])
        elif self.image_shape is None:
            self._row_shape = X.shape[1:]
        else:
            self._row_shape = tuple(self.image_shape)
            if len(self._row_shape) != 3:
                raise ValueError(
                    f"image_shape={self._row_shape} has {len(self._row_shape)} entries; "
                    "give (C, H, W), with C=1 for images without colour."
                )
            if np.prod(self._row_shape) != np.prod(self._shape):
                raise ValueError(
                    f"image_shape={self._row_shape} has {np.prod(self._row_shape)} values, "
                    f"a row of X has {np.prod(self._shape)}; give (C, H, W) with "
                    "C * H * W equal to it."
                )

        # Whole numbers must come out whole: of the array, or of single frame columns.
        self._whole = np.array(
            [np.dtype(self._dtype).kind in "iub"]
            if self._dtypes is None
            else [getattr(dtype, "kind", "") in "iub" for dtype in self._dtypes]
        )
        axis = None if self._images() else 0
        if self.value_range is not None:
            low, high = [*self.value_range, None, None][:2]
            fits = len(self.value_range) == 2 and low <= X.min() and X.max() <= high
            if not (fits and low < high):
                raise ValueError(
                    f"value_range={tuple(self.value_range)}, but X lies in "
                    f"({X.min()}, {X.max()}); give the lowest and highest possible value."
                )
            self._low, self._high = np.array(float(low)), np.array(float(high))
        elif self._images() and X.dtype == np.uint8:
            self._low, self._high = np.array(0.0), np.array(255.0)
        else:  # a table: each column its own
            # In their own type: float64 has not every whole number above 2^53.
            self._low, self._high = np.asarray(X.min(axis)), np.asarray(X.max(axis))
        low, high = (b.astype(np.float64) for b in (self._low, self._high))
        with np.errstate(over="ignore"):
            span = high - low
        if not np.isfinite(span).all():
            raise ValueError(
                "The values of X span more than a float64 can hold; rescale X first."
            )
        if self._min_side is not None:
            self._check_pixels(X)
        span = np.where(span > 0, span, 1)
        if self._images() and X.dtype == np.uint8:
            # One number per possible pixel: float64 would take eight times the memory.
            Z = ((np.arange(256) - low) / span).astype(np.float32)[X]
        else:
            Z = ((X - low) / span).astype(np.float32)
        return Z.reshape(-1, *self._row_shape)

    def _check_pixels(self, X):
        """Refuse images too small for convolutions; ask about tables that look like some."""
        if self._images() and min(sides := self._row_shape[1:]) < self._min_side:
            raise ValueError(
                f"The images are {sides[0]}x{sides[1]} pixels; the convolutions need "
                f"{self._min_side} on each side. Enlarge them, or pass the pixels as a "
                "table, X.reshape(len(X), -1), for the fully connected networks."
            )
        if not self._images() and (shape := _shape_of_pixels(X)):
            warnings.warn(
                f"X is a table of {X.shape[1]} columns of whole numbers and gets fully "
                f"connected networks. If they are pixels, pass image_shape={shape}.",
                stacklevel=2,
            )

    def _draw(self, code, n, generator):
        """Generate and undo `_scale`; the result lies inside the learned range."""
        with torch.no_grad(), devices.deterministic(generator.device):
            Z = self._generate(code, n, generator)
        Z = Z.float().cpu().numpy().astype(np.float64).reshape(n, *self._shape)
        low, high = (b.astype(np.float64) for b in (self._low, self._high))
        X = np.clip(low + Z * (high - low), low, high)
        X = np.where(self._whole, np.rint(X), X)
        with np.errstate(invalid="ignore"):  # above the largest int64, by rounding
            X = X.astype(self._dtype)
        # A range that was given, or means of columns, may be no values of that type.
        if self._low.dtype == self._dtype:
            X = np.clip(X, self._low, self._high)
        if self._dtypes is None or X.dtype.kind != "f":
            return X
        # Whole columns beside others: pandas' own types refuse what numpy's would cut.
        return np.where(self._whole, np.trunc(X), X)


def _refuse_no_numbers(frame):
    """What lies between two categories, or the codes of them, is no category."""
    for column, dtype in enumerate(frame.dtypes):
        kind = None
        if isinstance(dtype, pd.CategoricalDtype):
            kind = "categorical"
        elif getattr(dtype, "kind", "") in "mM":
            kind = "of dates or times"
        elif not pd.api.types.is_numeric_dtype(dtype):
            try:  # numbers may lie there as objects
                pd.to_numeric(frame.iloc[:, column])
            except (ValueError, TypeError):
                kind = "not of numbers"
        if kind is not None:
            raise ValueError(
                f"Column {frame.columns[column]!r} is {kind}, and new values can be "
                "made of numbers only; encode it first, as with pandas.get_dummies(X) or "
                "scikit-learn's OneHotEncoder."
            )


def in_chunks(network, rows):
    """What `network` makes of many rows, a few at a time."""
    return torch.cat([network(chunk) for chunk in rows.split(CHUNK)])


def _shape_of_pixels(X):
    """The (C, H, W) that the columns of a table seem to be, or None."""
    for channels in (1, 3):
        side = math.isqrt(X.shape[1] // channels)
        if side >= MIN_SIDE and channels * side * side == X.shape[1]:
            whole = X.min() >= 0 and X.max() > 1 and (np.rint(X) == X).all()
            return (channels, side, side) if whole else None
    return None


def _stored(value, default):
    """A parameter as `save` writes it, or the default where `load` could not read it."""
    value = training.plain(dict(value) if isinstance(value, Mapping) else value)
    return value if _readable(value) else default


def _readable(value):
    """Whether a file that is read without running code may hold the value."""
    if type(value) is dict:
        return all(map(_readable, value.items()))
    if type(value) in (list, tuple):
        return all(map(_readable, value))
    return value is None or type(value) in (str, int, float, bool)
