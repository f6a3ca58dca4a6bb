"""Deep oversampling for imbalanced data: the thin package under the book.

Names are imported when they are first used, so that ``import helpers`` and the command
line start at once.
"""

from importlib import import_module

_HOME = {
    "GANOverSampler": "over_sampling",
    "compare": "evaluation",
    "evaluate": "evaluation",
    "SAMPLERS": "over_sampling",
    "load_bcw": "data",
    "load_petrography": "data",
    "load_wine_onehot": "data",
    "load_results": "runs",
    "summarise": "evaluation",
}
__all__ = [*_HOME]


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_HOME])
