"""The rows of `evaluate` in a store, so that a call that was killed goes on."""

from datetime import UTC, datetime

import joblib
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone

from .. import store as stored
from ..files import write_atomically
from ..provenance import environment, own_code
from ._runs import Predictions

#: What a store says instead of a chapter's name.
CHAPTER = "evaluate"


class Kept:
    """The rows of one call in a store, told from those of any other call."""

    def __init__(self, path, arms, splits, with_predictions, *, X, y, **task):
        stored.require_writable(path)
        self.path, self.with_predictions = stored.place(path), with_predictions
        for name in ("metrics", "scoring"):
            task[name] = _digest_of(name, task[name])
        self.data = joblib.hash([_digest(X), y, splits, task])
        self.arms = {
            name: _digest_of(f"The arm {name!r}", *arm) for name, arm in arms.items()
        }
        self.folder = self.path.with_name(self.path.name + ".predictions")
        self.started = datetime.now(UTC).isoformat(timespec="seconds")

    def read(self):
        """What is there already: (fold, name) to (row, predictions)."""
        if not self.path.exists():
            return {}
        rows = stored.read(self.path)
        if (rows["chapter"] != CHAPTER).any():
            raise ValueError(
                f"{self.path} has rows of the chapter {rows['chapter'].iloc[0]!r}; give "
                "evaluate a store of its own."
            )
        if (rows["dataset"] != self.data).any():
            raise ValueError(
                f"{self.path} has rows of other data, splits, classes or metrics; name "
                "another store, or give the data and the random_state of cv that it was "
                "begun with."
            )
        own = {*stored.Cell._fields, *environment(), "started"}
        # Whatever they are called, metrics are numbers; a store takes some names for texts.
        for name in rows.columns.difference([*own]):
            rows[name] = numbers_of(rows[name])
        found, here = {}, environment()
        for row in rows.to_dict("records"):
            name, fold = row["method"], row["fold"]
            if name not in self.arms:
                continue
            if row["protocol"] != self.arms[name]:
                raise ValueError(
                    f"{self.path} has rows of another arm {name!r}, or of other code of "
                    "it; give the arm another name, or name another store."
                )
            if other := [kind for kind in here if row[kind] != here[kind]]:
                word = {"versions": "other versions", "commit": "another commit"}
                raise ValueError(
                    f"{self.path} has rows of {word[other[0]]}, {row[other[0]]!r}, and the "
                    f"rest would be of {here[other[0]]!r}; name another store."
                )
            said = self._said(name, fold) if self.with_predictions else None
            if self.with_predictions and said is None:
                continue
            values = {k: v for k, v in row.items() if k not in own}
            found[fold, name] = ({**values, "error": ""}, said)
        return found

    def append(self, fold, name, outcome):
        row, said = outcome
        if said is not None:  # first, so that a row never lacks them
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(lambda aside: _save(aside, said), self._file(name, fold))
        cell = stored.Cell(CHAPTER, "-", self.data, name, 0, fold, self.arms[name])
        row = {k: v for k, v in row.items() if k != "error"}
        told = {**environment(), "started": self.started}
        stored.append(self.path, {**cell._asdict(), **row, **told})

    def _file(self, name, fold):
        key = joblib.hash((self.data, name, self.arms[name]))  # arms may be twins
        return self.folder / f"{key}-{fold}.npz"

    def _said(self, name, fold):
        file = self._file(name, fold)
        if not file.exists():
            return None
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return Predictions(arrays["probabilities"], arrays["labels"])
        except Exception as error:
            raise ValueError(
                f"{file} cannot be read ({type(error).__name__}: {error}); delete it, and "
                "the same call computes it anew."
            ) from error


def numbers_of(column):
    """A column as numbers, if it holds nothing else."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    try:
        return column.astype(float)
    except (TypeError, ValueError):
        return column


def _save(aside, said):
    with open(aside, "wb") as file:  # savez would put its own ending to a name
        np.savez_compressed(file, **said._asdict())


def _digest(X):
    """A text that is the same for the same data."""
    if isinstance(X, pd.DataFrame | pd.Series):
        try:
            values = pd.util.hash_pandas_object(X).to_numpy()
            kinds = X.dtypes.astype(str).to_list() if X.ndim == 2 else [str(X.dtype)]
            names = [str(c) for c in X.columns] if X.ndim == 2 else []
            return joblib.hash([values, kinds, names])
        except TypeError:  # values that have no hash of their own
            pass
    if sparse.issparse(X):
        X = X.tocoo()
        X = [X.shape, X.row, X.col, X.data]
    return joblib.hash(X)


def _digest_of(name, *parts):
    """A text that is another for what would compute other rows."""
    try:
        code = own_code(parts)
        cloned = [clone(part, safe=False) for part in parts]
        return joblib.hash([cloned, code] if code else cloned)
    except Exception as error:
        raise ValueError(
            f"{name} cannot be told from others ({error}), so rows cannot be stored; "
            "define its classes and functions in a module, or leave store out."
        ) from error
