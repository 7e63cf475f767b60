#!/usr/bin/python3
"""line.py: between two held-out rows of wine_quality of the same colour and of other ones, does a line in the latents stay where
rows are? The share of the steps between that lie inside the 99 % region of the model's own score (p > .01), against the
straight line between the two rows, cell by cell, and against held-out rows themselves.

$VAE_DATA has the data, the commands are found in PATH. Options to vae-fit as arguments."""
import gzip
import io
import os
import subprocess
import sys

import numpy as np

lines = gzip.open(os.path.join(os.environ["VAE_DATA"], "wine_quality", "wine_quality.csv.gz"), "rt").read().splitlines()
body = np.random.default_rng(1).permutation(lines[1:])
cut = len(body) * 4 // 5
PAIRS, STEPS = 300, 11


def write(name, rows):
    open(name, "w").write("\n".join([lines[0], *rows]) + "\n")


def output(*args, text=None):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, input=text).stdout


def inside(name):
    p = np.genfromtxt(io.BytesIO(output("vae-score", "-q", "-m", "m.vae", name)), delimiter=",", names=True)["p"]
    return (p > 0.01).reshape(-1)


write("train.csv", body[:cut]), write("test.csv", body[cut:])
ends = body[cut:][: 2 * PAIRS]
write("ends.csv", ends)
straight = []
for a, b in zip(ends[::2], ends[1::2]):
    (*a, ca), (*b, cb) = a.split(","), b.split(",")
    a, b = np.array(a, float), np.array(b, float)
    for s in np.linspace(0, 1, STEPS)[1:-1]:
        row = a + s * (b - a)
        row[-1] = round(row[-1]) # quality is a whole number
        straight.append(",".join(f"{v:.6g}" for v in row) + "," + (ca if s < 0.5 else cb))
write("straight.csv", straight)
output("vae-fit", "-q", "-m", "m.vae", *sys.argv[1:], "train.csv")
walk = output("vae-walk", "--pairs", "--steps", str(STEPS), text=output("vae-enc", "-m", "m.vae", "ends.csv"))
open("line.csv", "wb").write(output("vae-dec", "-m", "m.vae", "-t", "csv", text=walk))
between = np.arange(PAIRS * STEPS) % STEPS
between = (between > 0) & (between < STEPS - 1)
print(f"inside the 99 % region: latent line {inside('line.csv')[between].mean():.4f}, straight line {inside('straight.csv').mean():.4f}, "
      f"held-out rows {inside('test.csv').mean():.4f}")
