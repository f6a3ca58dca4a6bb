"""What a method costs: seconds and memory against images and pixels."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import torch

from ...over_sampling import DeepSMOTE
from ...plotting import printed
from ...provenance import hardware, peak_mebibytes
from ...store import Cell
from ._table_1 import CHAPTER, RIVALS, resample

COST_PROTOCOL = "cost-2"
#: Images and pixels a side: one grows while the other stays.
COST_SIZES = [
    (250, 28),
    (500, 28),
    (1000, 28),
    (2000, 28),
    (500, 8),
    (500, 16),
    (500, 56),
]
#: Updates of the networks, whose number and not the data decides how long they take.
COST_STEPS = 5


def cost_cells(profile):
    """Every method on images of noise, for its seconds and its memory."""
    methods = ["random_oversampling", "smote", *RIVALS, "deep_smote"]
    return [
        Cell(CHAPTER, profile, f"noise-{n}x{side}x{side}", method, 0, 0, COST_PROTOCOL)
        for n, side in (COST_SIZES if profile == "tenth" else [])
        for method in methods
    ]


def run_cost(cell):
    """One row: CPU seconds and peak memory of balancing, in a process of its own."""
    _, size = cell.dataset.split("-")
    n, side, _ = map(int, size.split("x"))
    seconds, mebibytes, n_new = _apart(cell.method, n, side)
    return {
        "provenance": "numpy's uniform noise",
        "n_train": n,
        "n_synthetic": n_new,
        "sampler_seconds": seconds,
        "classifier_seconds": np.nan,
        "peak_mebibytes": mebibytes,
        "device": hardware(),
        "precision": "float32",
    }


def _apart(*asked):
    """`measure_cost` in a new interpreter: workers of Dask may have no children of theirs."""
    call = (
        "import json, sys; "
        f"from {__name__} import measure_cost; "
        "print(json.dumps(measure_cost(*json.loads(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", call, json.dumps(asked)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        raise RuntimeError(f"measuring {asked} failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_cost(method, n, side):
    """Seconds of one core, peak memory above that before, and images made."""
    torch.set_num_threads(1)
    X = np.random.default_rng(0).integers(0, 256, (n, 1, side, side), dtype=np.uint8)
    y = np.repeat([0, 1], [n - n // 10, n // 10])
    short = {"width": 0.5, "n_steps": COST_STEPS}
    if method in ("bagan", "gamo"):
        short["autoencoder_steps"] = COST_STEPS
    before = peak_mebibytes()
    started = time.process_time()
    if method in RIVALS or method == "deep_smote":
        networks = method in ("bagan", "gamo", "deep_smote")
        made = RIVALS.get(method, DeepSMOTE)(
            random_state=0, device="cpu", **(short if networks else {})
        )
        y_all = made.fit_resample(X, y)[1]
    else:
        y_all = resample(method, X, y, "tenth", 0)[1]
    seconds = time.process_time() - started
    return seconds, peak_mebibytes() - before, len(y_all) - n


# ---------------------------------------------------------------- stored costs


def cost_halves(rows) -> dict[str, pd.DataFrame]:
    """Stored costs against images, of the published size, and against pixels, of one number.

    Parameters
    ----------
    rows : DataFrame
        Stored rows of `COST_PROTOCOL`.

    Returns
    -------
    dict
        "images" and "pixels", each the rows in which it alone varies, with columns of
        these names.
    """
    side = rows["dataset"].str.extract(r"x(\d+)$", expand=False).astype(float)
    rows = rows.assign(images=rows["n_train"].astype(int), pixels=side**2)
    return {
        "images": rows[rows["pixels"] == 28**2],
        "pixels": rows[rows["images"] == 500],
    }


def cost_table(rows, n_images) -> pd.DataFrame:
    """Seconds and memory of each method, and the exponents by which seconds grow.

    Parameters
    ----------
    rows : DataFrame
        Stored rows of `COST_PROTOCOL`.
    n_images : int
        The table is of the size that was measured nearest to it.

    Returns
    -------
    DataFrame
        ``seconds``, ``MiB``, and ``growth with images`` and ``with pixels``, the slopes of
        the lines on logarithmic axes; the least growth first. ``attrs["n_images"]`` is the
        size.
    """
    halves = cost_halves(rows)
    sizes = set(halves["images"]["images"]) | set(halves["pixels"]["images"])
    size = min(sizes, key=lambda n: abs(n - n_images))
    own = halves["images"]
    at_size = own[own["images"] == size].set_index("method")
    table = pd.DataFrame(
        {
            "seconds": at_size["sampler_seconds"],
            "MiB": at_size["peak_mebibytes"],
            "growth with images": _slopes(own, "images"),
            "with pixels": _slopes(halves["pixels"], "pixels"),
        }
    ).sort_values("growth with images")
    table.attrs["n_images"] = size
    return table


def _slopes(rows, against):
    found = {}
    for method, own in rows.groupby("method"):
        own = own.sort_values(against)
        seconds = np.log(own["sampler_seconds"])
        found[method] = np.polyfit(np.log(own[against]), seconds, 1)[0]
    return found


def growth_told(costs) -> tuple[str, str]:
    """Which methods grow faster than the number of images, and what the steepest takes.

    Parameters
    ----------
    costs : DataFrame
        What `cost_table` returns.

    Returns
    -------
    str, str
    """
    growth = costs["growth with images"]
    above = ", ".join(printed(method) for method in growth.index[growth > 1]) or "none"
    return (
        f"Faster than the number of images grow: {above}.",
        f"The steepest is {printed(growth.index[-1])}: {2 ** growth.iloc[-1]:.1f} times "
        "the seconds for twice the images.",
    )


def seconds_at(costs, method, n_images) -> float:
    """Seconds that a method would take for so many images, if its exponent held.

    Parameters
    ----------
    costs : DataFrame
        What `cost_table` returns.
    method : str
    n_images : int
    """
    now, power = costs.loc[method, ["seconds", "growth with images"]]
    return float(now * (n_images / costs.attrs["n_images"]) ** power)
