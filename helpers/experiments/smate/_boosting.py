"""What the page on boosting asks of the stored rows: a single network, and an ensemble."""

from .. import that_learnt
from ._claims import METRICS, judged
from ._draw import PAPERS
from ._figure_6 import PROTOCOL

#: The arms of the page.
BOOSTING = ("dummy", "nothing", "samme")


def _learnt(stored):
    rows = stored[stored["protocol"] == PROTOCOL]
    return that_learnt(rows[rows["dataset"] == PAPERS])


def boosted(stored):
    """Rows of the paper's experiment with a single network and with SAMME, in per cent.

    Parameters
    ----------
    stored : DataFrame

    Returns
    -------
    DataFrame
        Those that learnt, and the dummy's.
    """
    rows = _learnt(stored)
    rows = rows[rows["method"].isin(BOOSTING)]
    return rows.assign(**{metric: 100 * rows[metric] for metric in METRICS})


def judged_boosting(stored, over):
    """The claims about boosting, as judged with all others of their family.

    Parameters
    ----------
    stored : DataFrame
    over : {"draws", "images"}

    Returns
    -------
    DataFrame
        The lines of what `judged` returns.
    """
    return judged(_learnt(stored), over).filter(regex="boosting", axis=0)
