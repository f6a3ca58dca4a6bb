"""Where new rows come from, and how they lie among the old ones."""

from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_argmin, pairwise_distances_chunked

from ..tables import TableCodec

#: Rows shown in the map, of each kind; rows from which old ones' distances are told.
SHOWN, MEASURED = 250, 2000
#: Columns whose distributions are shown, and the parts of each.
MARGINALS, PARTS = 6, 12


def _codes(X, kinds, asked):
    """Rows as numbers: a number counts as a share of its range, another level as 1."""
    asides = [c for c in (asked.group, asked.time) if c is not None]
    X = X.drop(columns=asides)
    kinds = {k: v for k, v in (kinds or {}).items() if k in X.columns}
    codec = TableCodec(numbers="minmax", kinds=kinds).set_output(transform="default")
    codec.fit(X)

    def code(rows):
        Z = codec.transform(rows.drop(columns=asides)).astype(np.float32)
        for part in codec.columns_:
            if part.kind == "category":
                Z[:, part.columns] /= np.float32(np.sqrt(2))
        return Z

    return codec, code


def nearest(Z, of):
    """Number and distance of the nearest row of `of`, for each row of `Z`."""
    if not len(Z):
        return np.zeros(0, int), np.zeros(0)
    found = pairwise_distances_argmin(Z, of)
    # From the differences, so that a copy is at 0.
    return found, np.linalg.norm(Z - of[found], axis=1)


def provenance_of(X, origin, kinds, asked):
    """Nearest old row of every new one.

    Parameters
    ----------
    X : DataFrame
        The rows that were learned from.
    origin : (DataFrame, array, array of int or None)
        New rows, their labels, and the rows that they repeat.
    kinds : dict or None
    asked : Asked

    Returns
    -------
    DataFrame, one row per new row
        ``class, nearest`` (row of `X`), ``distance, copy`` (1 where all features that are
        learned from are those of an old row).
    """
    fresh, labels, repeated = origin
    table = pd.DataFrame({"class": labels})
    if not len(fresh):
        return table.assign(nearest=0, distance=0.0, copy=0)
    if repeated is not None:
        return table.assign(nearest=repeated, distance=0.0, copy=1)
    codec, code = _codes(X, kinds, asked)
    found, far = nearest(code(fresh), code(X))
    # By the values: beside one that is huge, all others of its column are at one distance.
    names = [*dict.fromkeys(part.name for part in codec.columns_)]
    equal = _equal_rows(X[names], fresh[names])
    copy = equal >= 0
    found, far = np.where(copy, equal, found), np.where(copy, 0, far)
    return table.assign(nearest=found, distance=far.round(6), copy=copy.astype(int))


def _equal_rows(old, new):
    """The first of the old rows that holds the same as a new one, or -1."""
    codes = []
    for name in old:
        both = pd.concat([c[name].astype(object) for c in (old, new)])
        both = both.where(both.notna(), None)  # one kind of hole
        codes.append(pd.factorize(both.to_numpy(), use_na_sentinel=False)[0])
    _, numbers = np.unique(np.column_stack(codes), axis=0, return_inverse=True)
    first, n = np.full(numbers.max() + 1, -1), len(old)
    first[numbers[:n][::-1]] = np.arange(n)[::-1]
    return first[numbers[n:]]


def described(X, y, origin, told, kinds, asked):
    """New rows beside old ones, for the report; None where there are none.

    Returns
    -------
    dict or None
        ``records``, ``copies``, ``near_copies`` (nearer to an old row than 95 % of the old
        rows of those classes that repeat no other are to another), ``distances`` (quartiles of new rows, and of
        old ones to their nearest other), ``columns`` (how far each one's distribution is
        from the old rows of those classes, 0 to 1; the farthest with ``parts``, levels or
        ranges, and the shares of ``old`` and ``new`` rows in them), ``map`` (points of two
        principal components).
    """
    fresh, labels, _ = origin
    if not len(fresh):
        return None
    codec, code = _codes(X, kinds, asked)
    old, new = code(X), code(fresh)
    rng = np.random.default_rng(0)
    filled = np.flatnonzero(np.isin(y, np.unique(labels)))
    some = np.sort(rng.permutation(filled)[:MEASURED])
    _, far = _to_others(old, some)
    far_new = told["distance"].to_numpy()
    quarters = [0.25, 0.5, 0.75]
    limit = np.quantile(far[far > 0], 0.05) if (far > 0).any() else 0.0
    columns = _apart(codec, old[filled], new, X.iloc[filled], fresh)
    for column in columns[MARGINALS:]:
        del column["parts"], column["old"], column["new"]
    return {
        "records": len(fresh),
        "copies": int(told["copy"].sum()),
        "near_copies": int(((far_new < limit) & (told["copy"] == 0)).sum()),
        "near_limit": float(limit),
        "distances": {
            "new": np.quantile(far_new, quarters).tolist(),
            "old": np.quantile(far, quarters).tolist(),
        },
        "columns": columns,
        "map": _map(old, new, filled, rng),
    }


def _to_others(Z, rows):
    """Distances of some rows to their nearest other."""
    found, far = np.zeros(len(rows), int), np.zeros(len(rows))
    start = 0
    for block in pairwise_distances_chunked(Z[rows], Z):
        i = np.arange(len(block))
        block[i, rows[start : start + len(block)]] = np.inf
        found[start : start + len(block)] = block.argmin(axis=1)
        start += len(block)
    far = np.linalg.norm(Z[rows] - Z[found], axis=1)
    return found, far


def _apart(codec, old, new, X_old, X_new):
    """Of each column: total variation of levels, or the largest gap of distributions."""
    found = []
    for part in codec.columns_:
        if part.kind == "missing":
            continue
        a, b = old[:, part.columns], new[:, part.columns]
        columns = X_old[part.name], X_new[part.name]
        if part.kind == "category":
            shares = [z.astype(bool).mean(axis=0) for z in (a, b)]
            gap = np.abs(shares[0] - shares[1]).sum() / 2
            shown = _levels(*columns)
        else:
            grid = np.sort(np.concatenate([a, b]).ravel())
            cdf = [
                np.searchsorted(np.sort(z.ravel()), grid, side="right") / len(z)
                for z in (a, b)
            ]
            gap = np.abs(cdf[0] - cdf[1]).max()
            known = [
                z.ravel()[c.notna().to_numpy()]
                for z, c in zip((a, b), columns, strict=True)
            ]
            shown = _ranges(part.kind, *known, columns[0].dropna())
        told = {"name": str(part.name), "kind": part.kind, "gap": float(gap)}
        found.append(told | shown)
    return sorted(found, key=lambda column: -column["gap"])


def _levels(old, new):
    """Shares of the most frequent levels."""
    old, new = (column.astype(object).dropna().astype(str) for column in (old, new))
    names = [*old.value_counts().index[:PARTS]]
    shares = [[float(np.mean(c == name)) for name in names] for c in (old, new)]
    return {"parts": names, "old": shares[0], "new": shares[1]}


def _ranges(kind, old, new, values):
    """Shares of ranges of equal width; `old` and `new` are codes, `values` says of what."""
    if not len(old):
        return {"parts": [], "old": [], "new": []}
    low, high = old.min(), max(old.max(), old.min() + 1e-9)
    edges = np.linspace(low, high, PARTS + 1)
    shares = [
        np.histogram(np.clip(z, low, high), edges)[0] / max(len(z), 1)
        for z in (old, new)
    ]
    ends = [values.iloc[i] for i in (old.argmin(), old.argmax())]
    if kind == "number":
        told = np.linspace(*map(float, ends), PARTS + 1)
        parts = [f"{_short(a)} to {_short(b)}" for a, b in pairwise(told)]
    else:
        first, last = map(str, ends)
        parts = [f"part {i + 1} of {PARTS}, {first} to {last}" for i in range(PARTS)]
    return {"parts": parts, "old": shares[0].tolist(), "new": shares[1].tolist()}


def _short(value):
    """Four digits, as people write them."""
    text = f"{value:.4g}"
    return f"{float(text):.0f}" if 1e4 <= abs(value) < 1e9 else text


def _map(old, new, filled, rng):
    """Some rows of each kind on the first two principal components of the old ones."""
    if old.shape[1] < 2:
        return None
    others = np.setdiff1d(np.arange(len(old)), filled)
    plane = PCA(2, random_state=0).set_output(transform="default").fit(old)
    kinds = {"others": old[others], "old": old[filled], "new": new}
    return {
        name: plane.transform(rng.permutation(Z)[:SHOWN]).round(3).tolist()
        if len(Z)
        else []
        for name, Z in kinds.items()
    }
