#!/usr/bin/python3
"""fdr.py [RUNS [ROWS]]: the false discovery rate of vae-score --fdr .1 over runs that are fitted and calibrated anew.

Each run draws a table of 10000 normal rows (a fifth of them calibrate: 2000), fits a model, and scores a batch of 1000 new rows of
which 5 % are odd. Told are the mean share of false ones among the anomalies with its standard error (must be at most .1 + 2 s.e.),
the power, and the power beside that of the best threshold of the same score: the one that finds most at a share of .1 false, chosen
by the labels. The commands are found in PATH; runs go two at a time."""
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

RUNS, ROWS = (int(a) for a in (sys.argv[1:] + ["200", "10000"][len(sys.argv) - 1:]))
BATCH, ODD, Q, VALUES = 1000, 50, 0.1, 6


def normal(rng, n):
    """Six values that hang together by two factors, one of them crooked."""
    z = rng.standard_normal((n, 2))
    load = np.random.default_rng(0).standard_normal((2, VALUES))
    x = z @ load + 0.3 * rng.standard_normal((n, VALUES))
    x[:, 0] += 0.3 * z[:, 0] ** 2
    return x


def odd(rng, n):
    """The values of each row are of as many different rows, and twice as far out."""
    return 2 * np.column_stack([normal(rng, n)[:, j] for j in range(VALUES)])


def write(path, x):
    np.savetxt(path, x, "%.5f", ",", header=",".join("abcdef"), comments="")


def run(seed):
    rng = np.random.default_rng(1000 + seed)
    with tempfile.TemporaryDirectory() as dir:
        train, new, model = (os.path.join(dir, f) for f in ("train.csv", "new.csv", "m.vae"))
        write(train, normal(rng, ROWS))
        write(new, np.vstack([odd(rng, ODD), normal(rng, BATCH - ODD)]))
        subprocess.run(["vae-fit", "-q", "-j1", "-s", str(seed + 1), "--for", "detect", "--steps", "300", "--hidden", "32", "-m", model,
                        train], check=True)
        out = subprocess.run(["vae-score", "-q", "-j1", "--fdr", str(Q), "-m", model, new], check=True, stdout=subprocess.PIPE)
    a = np.genfromtxt(out.stdout.decode().splitlines(), delimiter=",", names=True)
    is_odd = np.arange(BATCH) < ODD
    found = (a["anomaly"] > 0) & is_odd
    false = (a["anomaly"] > 0) & ~is_odd
    hits = np.cumsum(is_odd[np.argsort(-a["score"], kind="stable")])
    best = hits[1 - hits / np.arange(1, BATCH + 1) <= Q].max(initial=0)
    return false.sum() / max(1, a["anomaly"].sum()), found.sum() / ODD, best / ODD


with ThreadPoolExecutor(2) as pool:
    share, power, best = np.array(list(pool.map(run, range(RUNS)))).T
se = share.std(ddof=1) / np.sqrt(RUNS)
print(f"{RUNS} runs, {ROWS // 5} calibration rows, batches of {BATCH} with {ODD} odd rows, Q = {Q}: share of false ones {share.mean():.4f} "
      f"(s.e. {se:.4f}); power {power.mean():.3f}, of the best threshold {best.mean():.3f}: {power.mean() / best.mean():.3f} of it")
