"""Seeded output is a part of the contract: a change of structure leaves it as it was.

The rows in ``saved/seeded.json`` were made once. Another processor may move their last
digits, a draw more or in another order moves the first. So it is with samplers that train
no network; what a training makes of other last digits differs in the first ones, too, and
there two fits on one machine are compared (`test_samplers`). Where a sampler is meant to
give other rows, say so in the CHANGELOG, and make the file anew with
``python -m tests.test_seeded``.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import make_sampler

FILE = Path(__file__).with_name("saved") / "seeded.json"
#: And not AMDO, which turns the rows to axes whose signs are the linear algebra's own.
NAMES = ["mc_ccr", "mc_rbo"]


def three_new_rows(name):
    """The first, the middle and the last new row of a small fit."""
    rng, y = np.random.default_rng(0), np.repeat([0, 1, 2], [30, 12, 7])
    X = rng.normal(size=(len(y), 5)) + y[:, None]
    new = make_sampler(name).fit_resample(X, y)[0][len(X) :]
    return new[[0, len(new) // 2, -1]].round(4).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_the_seeded_rows_are_those_that_they_were(name):
    before = json.loads(FILE.read_text(encoding="utf-8"))
    assert [*before] == NAMES
    np.testing.assert_allclose(three_new_rows(name), before[name], atol=0.02)


if __name__ == "__main__":
    rows = {name: three_new_rows(name) for name in NAMES}
    FILE.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
