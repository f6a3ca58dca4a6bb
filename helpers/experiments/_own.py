"""A sampler that is not ours, where one of ours stands: `run CHAPTER --method NAME`."""

import numpy as np

from ..files import write_atomically
from ..over_sampling import BaseDeepOverSampler
from ..provenance import own_code
from ..selection import check_contract, load_sampler
from ..store import own_store

#: The arm in whose place it is run: there is one in every chapter.
PLACE = "smote"


def is_own(method):
    """Whether an arm's name is that of a sampler from elsewhere."""
    return ":" in method


def sampler(spec, seed, strategy=None):
    """A sampler from elsewhere, with its seed where it takes one.

    Parameters
    ----------
    spec : str
        As `helpers.selection.load_sampler` takes it.
    seed : int
    strategy : sampling_strategy, optional
        Other than its own.
    """
    made = load_sampler(spec)
    parameters = made.get_params(deep=False)
    if parameters.get("random_state", 0) is None:
        made.set_params(random_state=seed)
    if strategy is not None:
        made.set_params(sampling_strategy=strategy)
    return made


def cells_of(module, profile, spec):
    """The runs of a profile with a sampler in the place of SMOTE, after it was checked.

    Raises
    ------
    ValueError
        The name leads nowhere, a clause of the contract is broken, or the chapter has no
        arm in whose place a sampler could be run.
    """
    check_contract(load_sampler(spec))
    cells = [
        c._replace(method=spec) for c in module.cells(profile) if c.method == PLACE
    ]
    if not cells:
        raise ValueError(
            f"--method {spec}: the runs of {module.CHAPTER}, profile {profile!r}, have no "
            f"arm {PLACE!r} in whose place it would be run."
        )
    return cells


def store_of(results, module, profile, spec):
    """The file of its rows, apart from the book's own."""
    return own_store(results, module.CHAPTER, profile, spec)


def refuse_other_code(store, spec):
    """Refuse rows of a sampler whose file was edited since; note its code beside new ones.

    Raises
    ------
    ValueError
        The store has rows of other code.
    """
    code, note = own_code(load_sampler(spec)), store.with_suffix(".code")
    if not code:
        return
    if store.exists() and note.exists() and note.read_text(encoding="utf-8") != code:
        raise ValueError(
            f"{store} has rows of {spec!r} as it was before its file was edited; move it "
            "away, or delete it, and the same call computes them anew."
        )
    note.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(lambda aside: aside.write_text(code, encoding="utf-8"), note)


def with_images(spec, X, y, seed):
    """Balance images, flattened for samplers that know rows only.

    Parameters
    ----------
    spec : str
    X : array of shape (n, C, H, W)
    y : array of int, shape (n,)
    seed : int

    Returns
    -------
    X, y : arrays
        Of the shape and type of `X`, the original ones first.
    """
    made = sampler(spec, seed)
    if isinstance(made, BaseDeepOverSampler):
        return made.fit_resample(X, y)
    flat, y = made.fit_resample(X.reshape(len(X), -1).astype(np.float32), y)
    new = flat[len(X) :].reshape(-1, *X.shape[1:])
    if X.dtype.kind in "iu":
        limits = np.iinfo(X.dtype)
        new = np.rint(new).clip(limits.min, limits.max)
    return np.concatenate([X, new.astype(X.dtype)]), np.asarray(y)
