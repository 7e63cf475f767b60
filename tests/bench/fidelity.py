#!/usr/bin/python3
"""fidelity.py: how much synthetic tables are like the real ones, by the script of the same name in $VAE_EVAL.

adult has its own test rows, the other tables are split in halves once (seed 0). A model is fitted to the training
rows and as many rows are generated. --floor puts the test rows in the synthetic ones' place: what perfect sampling
would score. The mean is that of the tables without adult."""
import os
import re
import subprocess
import sys

import tables

MEANS = ["shape", "trend", "c2st", "c2st_gb"]
FIELDS = MEANS + ["gap", "copied", "invalid", "test_invalid", "same_rows", "test_same_rows"]
a = tables.options(__doc__, floor=(0, "1: no model, the test rows instead"))
script = os.path.join(tables.EVAL, "fidelity.py")
tables.have(tables.DATA, script)


def judge(name, train, test, synth):
    more = ["--target", "income"] if name == "adult" else ["--drop", "No"] if name == "beijing_pm25" else []
    p = subprocess.run([sys.executable, script, train, test, synth, *more], capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"fidelity.py: {name}: {p.stderr.strip() or p.stdout.strip()}")
    for line in p.stdout.splitlines():
        if "counted as farthest off" in line:
            print(f"{name}: {line}")
    return {k: float(v) for k, v in re.findall(r"(\w+) (-?[\d.]+|nan)(?=\s|$)", p.stdout)}


def line(name, r, cost=""):
    f = "{shape:6.2f} {trend:6.2f} {c2st:6.1f} {c2st_gb:8.1f}".format(**r)
    if "gap" in r:
        f += " {gap:7.4f} {copied:7.1f}".format(**r)
        f += " {invalid:8.3f} ({test_invalid:.3f}) {same_rows:6.2f} ({test_same_rows:.2f})".format(**r)
    print(f"{name:15} {f}{cost}", flush=True)


print("table            shape  trend   c2st  c2st_gb     gap  copied  invalid (test)    same (test)", end="")
print("" if a.floor else "  fit s  gen s  fit MB gen MB")
rows = {}
for name in a.only:
    train, test = tables.halves(name)
    base = os.path.join(a.work, name)
    n = str(len(train))
    train, test = tables.write(train, base + "-train.csv"), tables.write(test, base + "-test.csv")
    if a.floor:
        synth, cost = test, ""
    else:
        synth, model = base + "-synth.csv", base + ".vae"
        f, g = tables.fit(a, model, train), tables.gen(a, model, synth, "-n", n)
        cost = f"  {f[0]:6.0f} {g[0]:6.1f} {f[1]:6.0f} {g[1]:6.0f}"
    rows[name] = judge(name, train, test, synth)
    line(name, {k: rows[name].get(k, float("nan")) for k in FIELDS}, cost)
rest = [rows[k] for k in rows if k != "adult"]
if rest:
    line(f"mean of {len(rest)}", {k: sum(r[k] for r in rest) / len(rest) for k in MEANS})
    if not a.floor:
        line("floor", {k: sum(r["floor_" + k] for r in rest) / len(rest) for k in MEANS})
