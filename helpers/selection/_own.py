"""Somebody else's sampler: found by its name, and held against the contract."""

import importlib.util
import shlex
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import yaml
from sklearn.base import BaseEstimator, clone

#: What imbalanced-learn checks of a sampler that runs here need: check -> clause.
CLAUSES = {
    "check_samplers_fit": "fit_resample leaves a fitted sampling_strategy_, a dict from "
    "class to number of new rows",
    "check_samplers_fit_resample": "sampling_strategy='auto' fills every class up to the "
    "size of the largest",
    "check_samplers_sampling_strategy_fit_resample": "a dict as sampling_strategy is "
    "followed, and classes that it leaves out stay as they are",
    "check_samplers_one_label": "y of one class is refused by a ValueError that says so",
    "check_target_type": "y that holds no classes is refused by a ValueError",
    "check_samplers_preserve_dtype": "X and y come back in their dtypes",
    "check_samplers_sample_indices": "sample_indices_ is there only if the tags say so",
}


def load_sampler(spec):
    """A sampler by its name: what ``--method`` and `AutoOverSampler` take.

    Parameters
    ----------
    spec : str
        ``"package:Class"`` or ``"module.py:Class"``; keyword arguments may follow,
        ``"mine.py:Spread k=5 rule=near"``, with values in YAML.

    Returns
    -------
    sampler

    Raises
    ------
    ValueError
        No such module, file or class; arguments that are not ``name=value`` or that it
        does not take; something that is no sampler.

    Examples
    --------
    >>> load_sampler("imblearn.over_sampling:SMOTE k_neighbors=3")
    SMOTE(k_neighbors=3)
    """
    where, *arguments = _words(str(spec)) or [""]
    module, colon, name = where.rpartition(":")
    if not (colon and module and name):
        raise ValueError(
            f"The sampler {spec!r} is not of the form package:Class or module.py:Class."
        )
    told = dict(_argument(spec, text) for text in arguments)
    made = _attribute(spec, _module(spec, module), module, name)
    try:
        made = made(**told)
    except TypeError as error:
        raise ValueError(
            f"The sampler {spec!r} cannot be made with {told or 'no arguments'} "
            f"({error}); put what it takes after its name, as in 'package:Class k=5'."
        ) from error
    if not (hasattr(made, "fit_resample") and hasattr(made, "get_params")):
        raise ValueError(
            f"The sampler {spec!r} has no fit_resample and get_params; inherit from "
            "imblearn.over_sampling.base.BaseOverSampler and write _fit_resample."
        )
    return made


def _words(text):
    """As a shell reads them, but for backslashes: they are in paths of Windows."""
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split, words.escape, words.commenters = True, "", ""
    return [*words]


def _argument(spec, text):
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(
            f"The sampler {spec!r}: {text!r} is not of the form name=value."
        )
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise ValueError(
            f"The sampler {spec!r}: the value of {text!r} is no YAML."
        ) from None


def _module(spec, module):
    if module.endswith(".py"):
        return _file(spec, Path(module).expanduser())
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"The sampler {spec!r} needs the module {error.name!r}, which is not "
            "installed. Of a file, give its path: module.py:Class."
        ) from error


def _file(spec, path):
    """The module of a file, imported by its own name so that processes can pickle it."""
    path = path.resolve()
    if not path.is_file():
        raise ValueError(f"The sampler {spec!r}: there is no file {path}.")
    found = getattr(sys.modules.get(path.stem), "__spec__", None)
    found = found or importlib.util.find_spec(path.stem)
    if found is not None and Path(found.origin or "").resolve() != path:
        raise ValueError(
            f"The sampler {spec!r}: another module is called {path.stem!r} already; give "
            "the file another name."
        )
    if found is None:  # where processes of this one look for it, too
        sys.path.append(str(path.parent))
    return import_module(path.stem)


def _attribute(spec, module, called, name):
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise ValueError(
            f"The sampler {spec!r}: the module {called!r} has no {name!r}."
        ) from error


def check_contract(sampler):
    """Hold a sampler against the contract, by imbalanced-learn's checks and a few of ours.

    Parameters
    ----------
    sampler : sampler
        Cloned.

    Raises
    ------
    ValueError
        A clause is broken: which, and what came instead.
    """
    name = type(sampler).__name__
    if not isinstance(sampler, BaseEstimator):
        _broken(name, "it inherits from scikit-learn's BaseEstimator", "it does not")
    try:
        clone(sampler)
    except (TypeError, RuntimeError) as error:
        _broken(name, "its constructor only stores its arguments", error)
    _check_rows(name, sampler)
    # The checks of imbalanced-learn are its tests, whose import takes a while.
    from imblearn.utils import estimator_checks

    for check, clause in CLAUSES.items():
        try:
            getattr(estimator_checks, check)(name, sampler)
        except Exception as error:  # of any kind, with all that a sampler may raise
            _broken(name, clause, error, f"imbalanced-learn's {check}")


def _broken(name, clause, found, by="our check"):
    kind = f"{type(found).__name__}: " if isinstance(found, Exception) else ""
    found = " ".join(str(found).split())[:300] or "it fails"
    raise ValueError(
        f"{name} breaks the contract of samplers. Clause: {clause}. Found by {by}: "
        f"{kind}{found}."
    )


def _check_rows(name, sampler):
    """Ours: original rows first and untouched, exact counts, finite rows, a seed."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([0, 1], [60, 20]))
    X = rng.normal(size=(80, 3)) + y[:, None]
    given = X.copy()
    seeded = "random_state" in sampler.get_params(deep=False)

    def fitted():
        again = clone(sampler)
        return again.set_params(random_state=0) if seeded else again

    try:
        X_new, y_new = fitted().fit_resample(X, y)
        X_again, _ = fitted().fit_resample(X, y)
        X_new, y_new = np.asarray(X_new), np.asarray(y_new)
    except Exception as error:
        _broken(name, "fit_resample(X, y) returns X and y with more rows", error)
    if not np.array_equal(X, given):
        _broken(name, "X is not changed in place", "it was")
    kept = len(X_new) >= len(X) and np.allclose(X_new[: len(X)], X)
    if not (kept and np.array_equal(y_new[: len(y)], y)):
        _broken(
            name,
            "original rows come first and untouched, new rows after them",
            f"the first of {len(X_new)} returned rows are others than the {len(X)} given",
        )
    if not np.isfinite(X_new).all():
        _broken(name, "new rows are finite", "there are NaN or infinite values")
    counts = np.bincount(y_new, minlength=2)
    if counts.tolist() != [60, 60]:
        _broken(
            name,
            "class counts are exactly what sampling_strategy says",
            f"of 60 and 20 rows it made {counts[0]} and {counts[1]}, and 'auto' is 60 and 60",
        )
    if not np.array_equal(X_new, np.asarray(X_again)):
        found = "two fits with random_state=0 gave different rows"
        if not seeded:
            found = "it has no random_state, and two fits gave different rows"
        _broken(name, "random_state decides everything", found)
