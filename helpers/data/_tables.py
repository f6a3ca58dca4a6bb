"""The tables: Breast Cancer Wisconsin, wine and petrography."""

import csv
import warnings
from importlib.metadata import version

from ._files import DataNotAvailable, locate


def load_bcw(return_X_y=False):
    """Breast Cancer Wisconsin (Diagnostic), with malignant as the class of interest.

    It comes with scikit-learn, so nothing is downloaded. That copy lists benign as 1
    and carries no patient id; here malignant is 1, as in the literature on imbalance.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (569, 30) float, ``target`` (357 benign = 0, 212 malignant = 1),
        ``target_names``, ``feature_names``, ``provenance``.

    References
    ----------
    .. [1] W. Wolberg, O. Mangasarian, N. Street, W. Street. "Breast Cancer Wisconsin
       (Diagnostic)". UCI Machine Learning Repository, 1993. doi:10.24432/C5DW2B

    Examples
    --------
    >>> from helpers.data import load_bcw
    >>> bcw = load_bcw()
    >>> bcw.data.shape, int(bcw.target.sum()), str(bcw.target_names[1])
    ((569, 30), 212, 'malignant')
    """
    from sklearn.datasets import load_breast_cancer

    source = load_breast_cancer()
    return bunch(
        return_X_y,
        data=source.data,
        target=1 - source.target,
        target_names=source.target_names[::-1],
        feature_names=source.feature_names.tolist(),
        provenance=f"Breast Cancer Wisconsin (Diagnostic), the copy in {sklearn_version()}; "
        "malignant recoded as 1",
    )


def load_wine_onehot(return_X_y=False):
    """Wine as a one-hot table: each of 13 measurements cut at its quartiles.

    Real data that come with scikit-learn, in the shape of the petrography table: one
    group of 0/1 columns per attribute. It stands in for that table on a machine that
    cannot get it. The cuts are made here, over all 178 wines and without their labels;
    nobody has published results on this table.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (178, 52) of 0.0 and 1.0, ``target`` (three growers: 59, 71, 48),
        ``target_names``, ``feature_names``, ``feature_groups`` (per measurement, the
        indexes of its four columns, exactly one of which is set in a row),
        ``provenance``.

    References
    ----------
    .. [1] S. Aeberhard, M. Forina. "Wine". UCI Machine Learning Repository, 1992.
       doi:10.24432/C5PC7J

    Examples
    --------
    >>> from helpers.data import load_wine_onehot
    >>> wine = load_wine_onehot()
    >>> wine.data.shape, wine.feature_names[:2]
    ((178, 52), ['alcohol(quarter 1)', 'alcohol(quarter 2)'])
    >>> [int(wine.data[:, group].sum()) for group in wine.feature_groups[:3]]
    [178, 178, 178]
    """
    import numpy as np
    from sklearn.datasets import load_wine

    source = load_wine()
    # Not KBinsDiscretizer: its default quantiles differ between scikit-learn versions,
    # and with them this table would.
    cuts = np.quantile(source.data, [0.25, 0.5, 0.75], axis=0)
    quarter = (source.data > cuts[:, None, :]).sum(axis=0)  # (wine, measurement): 0..3
    onehot = quarter[:, :, None] == np.arange(4)
    names = [
        f"{name}(quarter {q})" for name in source.feature_names for q in (1, 2, 3, 4)
    ]
    return bunch(
        return_X_y,
        data=onehot.reshape(len(onehot), -1).astype(float),
        target=source.target,
        target_names=source.target_names,
        feature_names=names,
        feature_groups=_groups(names),
        provenance=f"UCI Wine, the copy in {sklearn_version()}; every measurement cut at its "
        "quartiles and one-hot encoded by this package",
    )


def load_petrography(return_X_y=False, *, stand_in=False):
    """Petrographic descriptions of 140 core samples, to tell the rock's porosity.

    Six characters of the rock (grain size, sorting, matrix, ...) were described in
    words and spread over 58 columns of 0 and 1. The groups are not strictly one-hot:
    a character may be left out and, rarely, have two words. Four columns are never set
    and one name, ``SORTING(Moderate)``, stands on two columns, as in the source.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.
    stand_in : bool, default=False
        Where the table can be neither found nor downloaded, warn and return
        `load_wine_onehot` with a ``provenance`` that begins with ``STAND-IN``. A
        corrupt file is an error all the same.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (140, 58) of 0.0 and 1.0, ``target`` (32 Very Poor, 37 Poor, 30 Fair,
        41 Good), ``target_names``, ``feature_names``, ``feature_groups`` (per
        character, the indexes of its columns), ``provenance``.

    Raises
    ------
    DataNotAvailable
        Not in the data root, and the download failed or the root cannot be written.
    DataCorrupt
        The file in the data root is not the published one.

    References
    ----------
    .. [1] M. Scott, J. Plested. "GAN-SMOTE: A Generative Adversarial Network approach
       to Synthetic Minority Oversampling". Australian Journal of Intelligent
       Information Processing Systems 15(2), 2019.
    .. [2] T. Gedeon, D. Tamhane, T. Lin, P. Wong. "Use of linguistic petrographical
       descriptions to characterise core porosity: contrasting approaches". Journal of
       Petroleum Science and Engineering 31(2-4), 193-199, 2001.

    Examples
    --------
    >>> from helpers.data import load_petrography
    >>> rocks = load_petrography()  # doctest: +SKIP
    >>> [len(group) for group in rocks.feature_groups]  # doctest: +SKIP
    [12, 8, 16, 8, 4, 10]
    """
    try:
        return bunch(return_X_y, **read_petrography(*locate("petrography")))
    except DataNotAvailable as error:
        if not stand_in:
            raise
        warnings.warn(f"{error} One-hot wine stands in for it.", stacklevel=2)
    wine = load_wine_onehot()
    wine.provenance = f"STAND-IN for the petrography table: {wine.provenance}"
    return bunch(return_X_y, **wine)


def read_petrography(path):
    import numpy as np

    # csv rather than pandas, which would rename the second SORTING(Moderate).
    with open(path, newline="", encoding="utf-8") as lines:
        (_, *names), *rows = csv.reader(lines)
    # Floats, because image-minded samplers take uint8 to mean a range of 0 to 255.
    table = np.array(rows, dtype=float)
    return {
        "data": table[:, 1:],
        "target": table[:, 0].astype(int),
        "target_names": np.array(["Very Poor", "Poor", "Fair", "Good"]),
        "feature_names": names,
        "feature_groups": _groups(names),
        "provenance": "Linguistic petrography, one-hot table published by Scott and "
        "Plested (beam-me-up-scotchy/gan-smote, commit b0e8131)",
    }


def bunch(return_X_y, **fields):
    from sklearn.utils import Bunch

    return (fields["data"], fields["target"]) if return_X_y else Bunch(**fields)


def _groups(names):
    """Column indexes per attribute, for columns named ``attribute(value)``."""
    groups = {}
    for column, name in enumerate(names):
        groups.setdefault(name.partition("(")[0], []).append(column)
    return list(groups.values())


def sklearn_version():
    return f"scikit-learn {version('scikit-learn')}"
