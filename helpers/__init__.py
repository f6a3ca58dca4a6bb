"""Deep oversampling for imbalanced data: the thin package under the book.

Names are imported when they are first used, so that ``import helpers`` and the command
line start at once.
"""

from importlib import import_module

_HOME = {
    "AMDO": "over_sampling",
    "AutoOverSampler": "selection",
    "BAGAN": "over_sampling",
    "CTGANOverSampler": "over_sampling",
    "DeepSMOTE": "over_sampling",
    "GAMO": "over_sampling",
    "GANOverSampler": "over_sampling",
    "GANSMOTE": "over_sampling",
    "KerasCNNClassifier": "classifiers",
    "MC_CCR": "over_sampling",
    "MC_RBO": "over_sampling",
    "ResNet18Classifier": "classifiers",
    "ResampledClassifier": "selection",
    "SMate": "over_sampling",
    "TabDDPMOverSampler": "over_sampling",
    "TableCodec": "tables",
    "TabularOverSampler": "tables",
    "compare": "evaluation",
    "correct_prior": "evaluation",
    "evaluate": "evaluation",
    "friedman_nemenyi": "evaluation",
    "image_quality": "quality",
    "SAMPLERS": "over_sampling",
    "deepsmote_counts": "data",
    "list_keel": "data",
    "load_bcw": "data",
    "load_celeba": "data",
    "load_cifar10": "data",
    "load_digits_images": "data",
    "load_fashion_mnist": "data",
    "load_keel": "data",
    "load_mnist": "data",
    "load_petrography": "data",
    "load_svhn": "data",
    "load_wine_onehot": "data",
    "make_imbalanced": "data",
    "load_results": "store",
    "summarise": "evaluation",
    "table_quality": "quality",
}
__all__ = [*_HOME]


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_HOME])
