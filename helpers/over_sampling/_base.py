"""The contract that every sampler of this package keeps, written once.

A method subclasses `BaseDeepOverSampler` and writes three hooks: `_train`, `_generate`
and `_build`. They see scaled tensors and class numbers only; checks, counts, randomness,
saving and loading are here, types in `helpers.containers`, scaling in `_codec`.

Over 500 lines, as one class cannot be cut, and what it promises takes up a fourth of them.
"""

import os
import warnings
from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from .. import checkpoints, containers, devices, training
from ..checks import (
    POSITIVE_INT,
    POSITIVE_REAL,
    REAL,
    SequenceOf,
    counts_asked_for,
    labels_of,
    refuse_channels_last,
    refuse_large_sparse,
)
from ._codec import (
    Codec,
    layout_2,
    shape_of_pixels,
    warn_of_one_hot,
    warn_of_outliers,
)

#: Rows that go through a network at once when nothing is learned.
CHUNK = 256
#: Hidden layers of autoencoders on tables, at full width.
TABLE_LAYERS = 512, 256
#: Layout of saved files; 1 had no number written in it.
VERSION = 2


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
    #: Whether a few far values of a column press the others together.
    _minds_outliers = True
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

    def fit_resample(self, X, y):
        """Train; return ``(X, y)`` together with the rows `sampling_strategy` asks for.

        Parameters
        ----------
        X : array-like, DataFrame, sparse matrix or tensor
            Shape (n, n_features), or images (n, C, H, W) or (n, H, W). Finite numbers; in
            frames and lists also numbers as text, decimals or other objects.
        y : array-like of shape (n,) or (n, 1), or one-hot (n, n_classes)
            Class labels: text, whole numbers or truth values.

        Returns
        -------
        X_resampled, y_resampled
            Of the types and dtypes of the input, the original rows first, as they are;
            frames are numbered anew.

        Raises
        ------
        ValueError
            NaN or infinity, categories, text or dates, labels that are missing or of
            different kinds, one class only, a class to be filled with too few rows, images
            with the channels last, an `image_shape` or `value_range` that does not fit the
            data, a sparse X that is too large to be made dense, a checkpoint of another
            fit, a device that is not there.
        RuntimeError
            This object is being fitted in another thread.
        """
        with training.whole_fit(self), devices.pinned():
            self._validate_params()
            numbers, labels = self._opened(X, y)
            *fit, wanted, generator, checkpoint = self._prepare(numbers, labels)
            self.networks_ = {}
            with devices.deterministic(generator.device):
                self.history_ = self._train(*fit, wanted, generator, checkpoint)
            return self._complete(X, y, labels, wanted, generator)

    def _fit_resample(self, X, y):
        raise AssertionError("imbalanced-learn's way in, see fit_resample")

    def __getstate__(self):
        """Networks and tensors on the CPU, or a pickle could not be read without a GPU."""
        state = super().__getstate__()
        return {name: devices.on_cpu(value) for name, value in state.items()}

    @devices.pinned()
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
        X_new : ndarray, DataFrame, sparse matrix, tensor or list
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
        check_random_state(random_state)  # refuses what is no seed
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
        generator = training.make_generator(random_state, device)
        rows = self._draw(code, int(n), generator)
        self._kind.drawn_by(generator)
        return self._kind.like(rows)

    @devices.pinned()
    def save(self, path):
        """Write the fitted sampler to a file that `load` reads without running code.

        A callable `sampling_strategy` and a RandomState cannot be stored so; the loaded
        sampler has their defaults, and samples all the same.

        Raises
        ------
        ValueError
            A column of the frame has a name, such as a date, or a type that cannot be
            stored so.
        """
        check_is_fitted(self, "networks_")
        defaults = type(self)().get_params(deep=False)
        parameters = {
            name: _stored(value, defaults[name])
            for name, value in self.get_params(deep=False).items()
        }
        parameters |= dict.fromkeys(parameters.keys() & {*self._not_saved})
        content = {
            "version": VERSION,
            "class": type(self).__name__,
            "parameters": parameters,
            "fitted": {
                "classes": self.classes_.tolist(),
                "rows": [int(self.sampling_strategy_.get(c, 0)) for c in self.classes_],
                "kind": self._kind.state(),
                "codec": self._codec.state_dict(),
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
        checkpoints.write_saved(content, path)

    @classmethod
    @devices.pinned()
    def load(cls, path):
        """Read what `save` wrote, in this version or one before.

        Parameters that this version does not know are left out, with a warning.

        Raises
        ------
        ValueError
            The file holds another sampler, or none; it is damaged, or of a later layout.
        """
        try:
            content = checkpoints.read_saved(path)
            found, version = content["class"], content.get("version", 1)
            if found == cls.__name__ and version in (1, VERSION):
                return cls._from(content if version == VERSION else layout_2(content))
        except FileNotFoundError:
            raise
        except Exception as error:
            raise ValueError(
                f"{str(path)!r} is not a saved sampler, or damaged "
                f"({type(error).__name__}: {checkpoints.first_line(error)}); take a file that "
                f"{cls.__name__}.save wrote, or fit and save anew."
            ) from error
        if found != cls.__name__:
            raise ValueError(
                f"{str(path)!r} holds a {found}; load it with {found}.load."
            )
        raise ValueError(
            f"{str(path)!r} has layout {version!r}, and this version reads 1 to {VERSION}; "
            "update the package, or fit and save anew."
        )

    @classmethod
    def _from(cls, content):
        """The sampler that a file's content is, tried out once for every class."""
        parameters, fitted = dict(content["parameters"]), content["fitted"]
        if unknown := sorted(parameters.keys() - {*cls._get_param_names()}):
            warnings.warn(
                f"The saved {cls.__name__} has parameters that this version does not know, "
                f"{', '.join(unknown)}; they are left out.",
                stacklevel=4,
            )
        self = cls(**{k: v for k, v in parameters.items() if k not in unknown})
        self._validate_params()
        self.classes_ = np.asarray(fitted["classes"])
        self.sampling_strategy_ = dict(
            zip(self.classes_.tolist(), map(int, fitted["rows"]), strict=True)
        )
        self._kind = self._kind_from(fitted["kind"])
        self._codec = self._new_codec()
        self._codec.load_state_dict(fitted["codec"])
        self._row_shape = self._codec.row_shape
        own = fitted["own"].items()
        vars(self).update({k: v for k, v in own if k in self._own_state})
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
        generator = training.make_generator(0, torch.device("cpu"))
        for code, n in enumerate(self.sampling_strategy_.values()):
            if n:
                self._kind.like(self._draw(code, 1, generator))
        return self

    # ------------------------------------------------------------------ the machinery

    def _opened(self, X, y):
        """X as an array or sparse matrix of numbers, y as labels, both checked."""
        cure = (
            f"wrap the sampler: TabularOverSampler({type(self).__name__}(...)) takes "
            "categories, dates and holes."
        )
        labels = labels_of(y, one_hot=True)
        refuse_large_sparse(X)
        self._kind, numbers = self._numbers_of(X, cure)
        named = isinstance(X, pd.DataFrame) and X.columns.is_unique
        validate_data(self, X if named else numbers, skip_check_array=True)
        options = {"accept_sparse": ["csr", "csc"], "allow_nd": True}
        numbers, labels = check_X_y(numbers, labels, **options, estimator=self)
        refuse_channels_last(numbers, getattr(self, "image_shape", None))
        if numbers.ndim not in (2, 3, 4):
            raise ValueError(
                f"X has {numbers.ndim} dimensions; it must be a table (n, n_features) or "
                "images (n, H, W) or (n, C, H, W)."
            )
        strategy = counts_asked_for(self.sampling_strategy, labels)
        self.sampling_strategy_ = check_sampling_strategy(
            strategy, labels, self._sampling_type
        )
        return numbers, labels

    def _numbers_of(self, X, cure):
        """What X is, and its rows as numbers, none of them missing."""
        kind, numbers = containers.opened(X, cure)
        if numbers.ndim != 2:
            cure = "fill such pixels, or leave their images out."
        kind.refuse_nan(numbers, cure)
        return kind, numbers

    def _prepare(self, X, y):
        """Check and scale the data; return what `_train` takes."""
        device = devices.resolve_device(self.device)
        self.classes_, codes = np.unique(y, return_inverse=True)
        labels = self.classes_.tolist()
        numbers_of = {label: code for code, label in enumerate(labels)}
        wanted = {numbers_of[c]: n for c, n in self.sampling_strategy_.items() if n > 0}
        rows = {labels[code]: codes == code for code in wanted}
        for label, own in rows.items():
            if own.sum() < self._min_rows:
                raise ValueError(
                    f"Class {label!r} is to be filled but has {own.sum()} row(s); "
                    f"{type(self).__name__} needs at least {self._min_rows}. Collect more, "
                    "or leave the class out of sampling_strategy."
                )

        dense = X.toarray() if sparse.issparse(X) else X
        generator = training.make_generator(self.random_state, device)
        Z = self._encode(dense)
        table = not self._images() and self.value_range is None
        if table and self._minds_outliers:
            warn_of_outliers(dense, Z, self._kind, rows, type(self).__name__)
        # Others can be told which columns are a category.
        if table and not hasattr(self, "feature_groups"):
            warn_of_one_hot(dense, self._kind, type(self).__name__)
        if self._min_side is not None:
            devices.refuse_unsound(self.precision, device, self._row_shape)
        checkpoint = self.checkpoint and checkpoints.Checkpoint(
            self.checkpoint, self._identity(dense, y, device)
        )
        if checkpoint:
            checkpoint.begin(generator)
        Z, codes = (torch.as_tensor(part, device=device) for part in (Z, codes))
        return Z, codes, wanted, generator, checkpoint

    def _identity(self, X, y, device):
        """What a checkpoint must agree on to be gone on from."""
        precision = devices.resolve_precision(self.precision, device, self._images())
        identity = training.identity(self, device, X, y)
        if callable(self.sampling_strategy):  # its address is another in every process
            found = checkpoints.plain(dict(self.sampling_strategy_))
            identity["sampling_strategy"] = repr(found)
        return {
            "sampler": type(self).__name__,
            **identity,
            "precision": str(precision),
        }

    def _complete(self, X, y, labels, wanted, generator):
        """Put the generated rows and their labels behind the original ones."""
        for network in self.networks_.values():
            network.eval().zero_grad(set_to_none=True)  # as large as the weights
        drawn = [self._draw(code, n, generator) for code, n in wanted.items()]
        none = np.empty((0, *self._codec.shape), self._codec.dtype)
        n_new = sum(wanted.values())
        self.synthetic_mask_ = np.arange(len(labels) + n_new) >= len(labels)
        # A new label is a copy of one that was given, in whatever type.
        rows = [np.arange(len(labels))]
        for code, n in wanted.items():
            first = np.flatnonzero(labels == self.classes_[code])[0]
            rows.append(np.full(n, first))
        y = containers.take(y, np.concatenate(rows))
        self._kind.drawn_by(generator)
        return self._kind.joined(X, np.concatenate([none, *drawn])), y

    def _kind_from(self, state):
        return containers.kind_from(state)

    def _new_codec(self):
        """The codec that the parameters ask for, not yet fitted."""
        return Codec(self.image_shape, self.value_range)

    def _encode(self, X):
        """Learn shapes and ranges from X and return it as float32 in [0, 1]."""
        self._codec = self._new_codec()
        Z = self._codec.fit(X, self._kind.whole(X))
        self._row_shape = self._codec.row_shape
        if self._min_side is not None:
            self._check_pixels(X)
        return Z

    def _check_pixels(self, X):
        """Refuse images too small for convolutions; ask about tables that look like some."""
        if self._images() and min(sides := self._row_shape[1:]) < self._min_side:
            raise ValueError(
                f"The images are {sides[0]}x{sides[1]} pixels; the convolutions need "
                f"{self._min_side} on each side. Enlarge them, or pass the pixels as a "
                "table, X.reshape(len(X), -1), for the fully connected networks."
            )
        if not self._images() and (shape := shape_of_pixels(X)):
            warnings.warn(
                f"X is a table of {X.shape[1]} columns of whole numbers and gets fully "
                f"connected networks. If they are pixels, pass image_shape={shape}.",
                stacklevel=2,
            )

    def _draw(self, code, n, generator):
        """Generate rows and give them the values and the shape of X."""
        with torch.no_grad(), devices.deterministic(generator.device):
            return self._codec.undo(self._generate(code, n, generator))


def in_chunks(network, rows):
    """What `network` makes of many rows, a few at a time."""
    return torch.cat([network(chunk) for chunk in rows.split(CHUNK)])


def _stored(value, default):
    """A parameter as `save` writes it, or the default where `load` could not read it."""
    value = checkpoints.plain(dict(value) if isinstance(value, Mapping) else value)
    return value if containers.readable(value) else default
