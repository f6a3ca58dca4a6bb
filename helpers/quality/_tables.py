"""Tables: columns, pairs of columns, and whether a classifier tells the difference."""

import numpy as np
import pandas as pd
import torch
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from ._rows import (
    as_numbers,
    checked,
    kth_distance,
    memorisation,
    placed,
    row_numbers,
)

#: Cuts of a continuous column that is paired with a discrete one.
DECILES = np.linspace(0, 1, 11)[1:-1]
#: Rows that a tree of the detector sees, about, so that its time stays in bounds.
TREE_ROWS = 1000
#: Columns of zeros and ones that are held as such; more are sparse, if they are 16 times
#: as many as the columns of the table, about where a sparse product is the faster one.
SPREAD = 1024
#: Categories of a column that are compared by such columns; of more, one by one.
WIDE = 64


def table_quality(real, fake, train=None, discrete=None, random_state=0, device="auto"):
    """All measures of synthetic rows of a table.

    Parameters
    ----------
    real : DataFrame or array of shape (n, d)
        Held-out real rows, of one class or of all.
    fake : DataFrame or array of shape (m, d)
        Synthetic rows, as many: what chance adds to the distances grows as n falls.
    train : DataFrame or array of shape (l, d), optional
        What the sampler was fitted on, for copies and nearest distances.
    discrete : list of column names, optional
        Columns whose values are categories. None: those that hold no numbers, or at most
        two values among the real rows. Name integer codes of more categories. Numbers
        among objects are numbers, digits of text are not.
    random_state, device
        Of the detector; where distances are computed.

    Returns
    -------
    Series of float
        ``marginal`` and ``pairwise``, means of `marginal_distances` and of
        `pairwise_distances`; ``detection``, see `detection_score`; ``repeats``. With
        `train`: ``copies``; ``nearest`` and ``nearest_real``, the median distances of
        synthetic and of held-out rows to their nearest training row, where a continuous
        column counts in standard deviations of the real one and another category as 1.

    Raises
    ------
    ValueError
        Missing or infinite values, other columns, no rows, unknown names in `discrete`.

    Examples
    --------
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 100, 3))
    >>> table_quality(real, fake + 9).round(1).to_dict()
    {'marginal': 8.9, 'pairwise': 0.1, 'detection': 1.0, 'repeats': 0.0}
    """
    tables, discrete = _tables(discrete, real=real, fake=fake, train=train)
    real, fake = tables["real"], tables["fake"]
    pairs = pairwise_distances(real, fake, discrete).to_numpy()
    upper = pairs[np.triu_indices(len(pairs), 1)]
    row = {
        "marginal": marginal_distances(real, fake, discrete).mean(),
        "pairwise": upper.mean() if len(upper) else np.nan,
        "detection": detection_score(real, fake, discrete, random_state=random_state),
    }
    train = tables.get("train")

    def nearest(of):
        return _nearest_distance(real, train, tables[of], discrete, device)

    return pd.Series(row | memorisation(fake, train, nearest), dtype=float)


def marginal_distances(real, fake, discrete=None):
    """How far each column by itself is from the real one; 0 is best.

    Continuous: Wasserstein distance, in standard deviations of the real column. Discrete:
    total variation, in [0, 1].

    Parameters
    ----------
    real, fake, discrete
        As in `table_quality`.

    Returns
    -------
    Series of float, one value per column
    """
    tables, discrete = _tables(discrete, real=real, fake=fake)
    real, fake = tables.values()
    each = {}
    for name, a in real.items():
        if name in discrete:
            shares = []
            for column in (a, fake[name]):
                codes, n_codes = _codes(a, column)
                shares.append(np.bincount(codes, minlength=n_codes) / len(column))
            each[name] = np.abs(shares[0] - shares[1]).sum() / 2
        else:
            apart = stats.wasserstein_distance(a, fake[name])
            each[name] = apart / _deviation(a)
    return pd.Series(each, dtype=float)


def pairwise_distances(real, fake, discrete=None):
    """How far each pair of columns is from the real pair, in [0, 1]; 0 is best.

    Two continuous columns: half the difference of their correlations. Else the total
    variation between the frequencies of pairs of values, a continuous column being cut at
    its real deciles.

    Parameters
    ----------
    real, fake, discrete
        As in `table_quality`.

    Returns
    -------
    DataFrame of shape (d, d)
        Symmetric, with zeros on the diagonal.
    """
    tables, discrete = _tables(discrete, real=real, fake=fake)
    real, fake = tables.values()

    def cut(name, values):
        if name in discrete:
            return values
        return np.searchsorted(np.quantile(real[name], DECILES), values)

    # The frequencies of all pairs of values are one product of indicator columns.
    frequencies = []
    for table in (real, fake):
        of = [_indicators(cut(c, real[c]), cut(c, table[c])) for c in real]
        every = _plain(sparse.hstack(of, format="csr"), len(of))
        frequencies.append(every.T @ every / len(table))
    owner = np.eye(len(of)).repeat([each.shape[1] for each in of], axis=0)
    apart = owner.T @ abs(frequencies[0] - frequencies[1]) @ owner / 2

    a, b = map(_correlations, (real, fake))
    continuous = ~real.columns.isin(discrete)
    apart = np.where(np.outer(continuous, continuous), np.abs(a - b) / 2, apart)
    np.fill_diagonal(apart, 0)
    return pd.DataFrame(apart, index=real.columns, columns=real.columns)


def _correlations(table):
    """Correlations of columns; 0 of a constant one, where rounding errors would decide."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nan_to_num(np.corrcoef(table, rowvar=False))
    varies = (table != table.iloc[0]).any().to_numpy()
    return np.where(np.outer(varies, varies), found, 0)


def detection_score(real, fake, discrete=None, classifier=None, random_state=0):
    """Cross-validated ROC-AUC of a classifier that tells synthetic rows from real ones.

    0.5: it cannot; 1: it always can. Equal rows share a fold: a row on both sides of a split
    would be known by heart, and a copy of a real row, see `duplicate_rates`, be taken for
    real. Little can be learnt from few rows, so that a score near 0.5 proves little there.

    Parameters
    ----------
    real, fake, discrete
        As in `table_quality`.
    classifier : scikit-learn classifier with ``predict_proba``, optional
        A random forest with balanced class weights by default.
    random_state : int
        Of folds and forest.

    Returns
    -------
    float
        Mean of up to five folds. NaN where no fold has both kinds in both parts: a
        generator that makes a single row cannot be cross-validated.
    """
    tables, discrete = _tables(discrete, real=real, fake=fake)
    real, fake = tables.values()
    rows = sparse.vstack([_encoded(real, t, discrete) for t in (real, fake)], "csr")
    made = np.repeat([0, 1], [len(real), len(fake)])
    groups = row_numbers(real, fake)
    if classifier is None:
        rows = _plain(rows, len(real.columns))
        classifier = RandomForestClassifier(
            min_samples_leaf=2,
            class_weight="balanced",
            max_samples=TREE_ROWS / len(made) if len(made) > TREE_ROWS else None,
            random_state=random_state,
        )
    else:  # which may take no sparse rows
        rows = rows.toarray()
    n_splits = min(5, groups.max() + 1, len(real), len(fake))
    scores = [np.nan]
    if n_splits > 1:
        folds = StratifiedGroupKFold(n_splits, shuffle=True, random_state=random_state)
        for learnt, kept in folds.split(rows, made, groups):
            if np.ptp(made[learnt]) and np.ptp(made[kept]):
                fitted = clone(classifier).fit(rows[learnt], made[learnt])
                found = fitted.predict_proba(rows[kept])[:, 1]
                scores.append(roc_auc_score(made[kept], found))
    return float(pd.Series(scores).mean())


def _tables(discrete, **tables):
    """Frames of numbers by name, categories as codes; and which columns are categories."""
    columns = pd.DataFrame(tables["real"]).columns
    if columns.has_duplicates:
        raise ValueError(f"real has the columns {[*columns]}; give each its own name.")
    frames = {name: pd.DataFrame(t) for name, t in tables.items() if t is not None}
    for name, frame in frames.items():
        unnamed = not isinstance(tables[name], pd.DataFrame)
        if unnamed and frame.shape[1] == len(columns):
            frame.columns = columns
        if {*frame} != {*columns}:
            raise ValueError(
                f"{name} has the columns {[*frame]}, real has {[*columns]}; give rows of "
                "the same columns."
            )
        if not len(frame):
            raise ValueError(f"{name} has no rows; there is nothing to compare.")
        if frame.isna().any(axis=None):
            raise ValueError(f"{name} has missing values; drop them or fill them in.")
        frames[name] = frame[columns].apply(as_numbers)
    joined = pd.concat(frames)
    named = [c for c in joined if not pd.api.types.is_numeric_dtype(joined[c])]
    for column in named:
        joined[column] = pd.factorize(joined[column])[0]
    frames = {name: joined.loc[[name]].astype(float) for name in frames}
    checked(1, **frames)
    if discrete is None:
        discrete = columns[frames["real"].nunique() <= 2]
    if unknown := [c for c in discrete if c not in columns]:
        raise ValueError(f"discrete has {unknown[0]!r}; the columns are {[*columns]}.")
    return frames, {*discrete, *named}


def _deviation(column):
    """Standard deviation, or 1 of a constant, of which rounding may leave a trace."""
    return column.std(ddof=0) if column.nunique() > 1 else 1.0


def _codes(real, column):
    """Numbers of values among those of a real column, one for all others; how many."""
    values = np.unique(real)
    codes = pd.Index(values).get_indexer(column)
    codes = np.where(codes < 0, len(values), codes)
    return codes.astype(np.int32), len(values) + 1  # trees take no larger indices


def _indicators(real, column):
    """One sparse column per value of a real column, 0 or 1, and one for any other."""
    codes, n_codes = _codes(real, column)
    rows = np.arange(len(codes) + 1, dtype=np.int32)
    return sparse.csr_array((np.ones(len(codes)), codes, rows), (len(codes), n_codes))


def _encoded(real, table, discrete, known=None):
    """Numbers for distances: standard deviations, and categories that are 1 apart.

    Categories that `known`, the real rows by default, has not count as one more.
    """
    known = real if known is None else known
    columns = [
        _indicators(known[name], table[name]) / np.sqrt(2)
        if name in discrete
        else sparse.csr_array(table[[name]] / _deviation(real[name]))
        for name in real
    ]
    return sparse.hstack(columns, format="csr")


def _plain(rows, n_columns):
    """As an array, if not too many of its values are zeros."""
    many = rows.shape[1] > max(SPREAD, 16 * n_columns)
    return rows if many else rows.toarray()


def _nearest_distance(real, train, rows, discrete, device):
    """As `nearest_distance`, between rows as `_encoded` has them."""
    known = pd.concat([real, train, rows])  # two that no held-out row has differ, too
    wide = [c for c in real if c in discrete and known[c].nunique() > WIDE]
    others = [c for c in real if c not in wide]

    def spread(table):
        if not others:
            return np.zeros((len(table), 1))
        return _encoded(real[others], table[others], discrete, known).toarray()

    def codes(table):
        return [
            torch.as_tensor(_codes(known[c], table[c])[0], device=a.device)
            for c in wide
        ]

    b, a = placed(device, train=spread(train), rows=spread(rows))
    kinds = [*zip(codes(rows), codes(train), strict=True)]
    return kth_distance(a, b, 1, kinds).cpu().numpy()
