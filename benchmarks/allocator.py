"""Training with memory kept between updates: ``python benchmarks/allocator.py``.

glibc, the C library of most Linux machines, hands large tensors back to the system when
they are freed and asks for them again at the next update. Two environment variables stop
that. Prints real images per second of `SMate` and of its classifier, as the library comes
and with the variables set, each in processes of their own that take turns, and ratios.
"""

import os
import statistics
import subprocess
import sys

import smate
import torch

from helpers.provenance import hardware

#: Nothing is mapped by itself, and up to 8 GiB at the end of the heap are kept.
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(8 * 1024**3)}
REPEATS = 3


def measure(name):
    """Real images per second, in this process."""
    X, y = smate.images()
    calls = {
        "gan": lambda n: smate.our_gan(X, n, "cpu", "auto"),
        "cnn": lambda n: smate.our_cnn(X, y, n, "cpu", "auto"),
    }
    calls[name](1)  # libraries and caches
    n_steps = 2 * smate.STEPS["cpu"][name]
    return smate.images_per_second(calls[name], n_steps, smate.BATCH[name])


def apart(name, variables):
    """The same in a process with other variables."""
    plain = {k: v for k, v in os.environ.items() if k not in KEPT}
    command = [sys.executable, __file__, name]
    environment = plain | variables
    return float(subprocess.check_output(command, env=environment, text=True))


def main():
    threads = torch.get_num_threads()
    print(f"{hardware('cpu')}, torch {torch.__version__}, {threads} threads\n")
    print(f"{'':<6}{'kept':>10}{'plain':>10}  real images per second{'ratio':>9}")
    for name in smate.BATCH:
        pairs = [(apart(name, KEPT), apart(name, {})) for _ in range(REPEATS)]
        kept, plain = map(statistics.median, zip(*pairs, strict=True))
        print(f"{name:<6}{kept:>10.0f}{plain:>10.0f}{kept / plain:>32.2f}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(sys.argv[1]))
    else:
        main()
