"""Where the book's data come from.

Every loader returns a `sklearn.utils.Bunch` with `data`, `target`, `target_names`
and a `provenance` to print beside results; images are uint8 of shape (n, C, H, W). A set
that scikit-learn does not carry is looked for in the data root, then downloaded into it.
A file there is checked against its published checksum, a table at every load, images
when they are converted for a quick start and whenever their file has changed. It is
never overwritten: it may be the only copy its owner has.

numpy, pandas and scikit-learn are imported where they are used, so that asking for
`fingerprint` or printing the help of a command costs next to nothing.
"""

from ._files import ROOT_VARIABLE, DataCorrupt, DataNotAvailable, data_root
from ._images import (
    load_celeba,
    load_cifar10,
    load_digits_images,
    load_fashion_mnist,
    load_mnist,
    load_svhn,
)
from ._imbalance import ClassCounts, deepsmote_counts, make_imbalanced
from ._keel import list_keel, load_keel
from ._overview import fingerprint, inventory, require
from ._sources import CIFAR10
from ._tables import load_bcw, load_petrography, load_wine_onehot

__all__ = [
    "CIFAR10",
    "ROOT_VARIABLE",
    "ClassCounts",
    "DataCorrupt",
    "DataNotAvailable",
    "data_root",
    "deepsmote_counts",
    "fingerprint",
    "inventory",
    "list_keel",
    "load_bcw",
    "load_celeba",
    "load_cifar10",
    "load_digits_images",
    "load_fashion_mnist",
    "load_keel",
    "load_mnist",
    "load_petrography",
    "load_svhn",
    "load_wine_onehot",
    "make_imbalanced",
    "require",
]
