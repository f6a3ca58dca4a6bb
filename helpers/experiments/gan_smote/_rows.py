"""The stored rows that a page's table is about, and how arms are called there."""

from ._benchmark import ABLATION, SIMPLE

#: The classifiers of the stored rows, in print.
CLASSIFIERS = {
    "network": "the paper's network",
    "logistic": "logistic regression",
    "forest": "random forest",
}
#: Arms of the benchmark, in the order of its tables.
ARMS = [*SIMPLE, "gan", "gan_smote", "gan_smote_group_argmax", "gan_smote_authors_code"]
#: GAN-SMOTE without one of its parts, by what is taken away.
TRICKS = {
    "gan_smote_authors_code": "the authors' distances",
    **{name: "no " + name.split("_no_")[1] for name in ABLATION},
    "gan_smote_no_l1": "no distances",
}
#: Arms as the page of the tricks prints them.
NAMES = {
    "gan_smote": "GAN-SMOTE",
    **TRICKS,
    "smote": "SMOTE",
    "smoten": "SMOTEN",
    "gan": "GAN of the tutorial",
}


def rows_of(stored, split, classifier="none", methods=None):
    """Rows of the rocks by how they were split and what was trained with them.

    Parameters
    ----------
    stored : DataFrame
        Of the whole chapter.
    split : str
        As `folds` takes it, or "samples": generated rows that were judged themselves.
    classifier : {"none", "network", "logistic", "forest"}
        "none" where rows were judged.
    methods : sequence of str, optional
        The arms that are wanted; by default all.

    Returns
    -------
    DataFrame
        Arms that are still being computed have fewer rows, or none.
    """
    rows = stored[
        (stored["dataset"] == "petrography")
        & (stored["protocol"] == f"{split}-{classifier}-1")
    ]
    return rows if methods is None else rows[rows["method"].isin(methods)]


def minutes_of_forty(stored):
    """Minutes that the GANs of a repeat took, of four classes and ten folds in one stack.

    Returns
    -------
    least, most : float
        Over the repeats.
    """
    rows = rows_of(stored, "folds", "network", ["gan_smote"])
    minutes = rows.groupby("seed")["sampler_seconds"].sum() / 60
    return minutes.min(), minutes.max()
