"""Seeded output is a part of the contract: a change of structure leaves it as it was.

The rows in ``saved/seeded.json`` were made once. Another processor may move their last
digits, a draw more or in another order moves the first. What a training makes of other
last digits differs in the first ones, too: so networks learn at a rate of next to nothing
here, and rows are those of their first weights and of the noise. (Two trainings on one
machine are compared in `test_samplers`.) Where a sampler is meant to give other rows, say
so in the CHANGELOG, and make the file anew with ``python -m tests.test_seeded``.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from helpers.over_sampling import SAMPLERS

from .conftest import make_sampler

FILE = Path(__file__).with_name("saved") / "seeded.json"
#: And not AMDO, which turns the rows to axes whose signs are the linear algebra's own.
NAMES = sorted({*SAMPLERS} - {"amdo"})


def three_new_rows(name):
    """The first, the middle and the last new row of a small fit."""
    rng, y = np.random.default_rng(0), np.repeat([0, 1, 2], [30, 12, 7])
    X = rng.normal(size=(len(y), 5)) + y[:, None]
    sampler = make_sampler(name)
    if "lr" in sampler.get_params():
        sampler.set_params(lr=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a generator that has not learnt has collapsed
        new = sampler.fit_resample(X, y)[0][len(X) :]
    return new[[0, len(new) // 2, -1]].round(4).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_the_seeded_rows_are_those_that_they_were(name):
    before = json.loads(FILE.read_text(encoding="utf-8"))
    assert [*before] == NAMES
    np.testing.assert_allclose(three_new_rows(name), before[name], atol=0.02)


if __name__ == "__main__":
    rows = {name: three_new_rows(name) for name in NAMES}
    FILE.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
