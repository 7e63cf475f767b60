#!/usr/bin/python3
"""explain.py: is the column that was tampered with the first that vae-score --explain names?

At most --rows rows of each table (seed 0), two thirds of them to fit (--for detect, options in $FIT). In each of the others,
--plants times, one column picked at random among those that take it is tampered with: a number gets +6 standard
deviations of the fitted rows, a category another level that less than 1 % of the fitted rows have. Numbers with at most
10 values are left alone, as they have no such tails. The share of rows where this column is named first, and among the first three."""
import io
import os
import subprocess

import numpy as np
import pandas as pd

import tables

tables.NAMES = ["abalone", "adult", "bank_marketing", "german_credit", "penguins"]
a = tables.options(__doc__, rows=(3000, "most rows of a table"), plants=(1, "plants a row"), score=("", "options for vae-score"))


def plant(fit, row, column, numeric, rng):
    """The tampered cell, None where the column does not take it."""
    if row[column] in tables.MISSING:
        return None
    if column in numeric:
        v = pd.to_numeric(fit[column], errors="coerce")
        if v.nunique() <= 10:
            return None
        cell = float(row[column]) + 6 * v.std()
        places = max(len(str(x).partition(".")[2]) for x in fit[column])
        return f"{cell:.{places}f}"
    share = fit[column].value_counts() / len(fit)
    rare = [x for x in share.index if share[x] < 0.01 and x not in (row[column], *tables.MISSING)]
    return rare[rng.randint(len(rare))] if rare else None


def measure(name):
    d = tables.load(name)
    rng = np.random.RandomState(0)
    d = d.iloc[rng.permutation(len(d))[: a.rows]].reset_index(drop=True)
    cut = len(d) * 2 // 3
    fit, rest = d.iloc[:cut], d.iloc[cut:]
    numeric = {c for c in d if pd.to_numeric(fit[c][~fit[c].isin(tables.MISSING)], errors="coerce").notna().all()}
    planted, columns, kinds = [], [], []
    for _, row in rest.iloc[np.arange(len(rest)).repeat(a.plants)].iterrows():
        for c in rng.permutation(list(d)):
            cell = plant(fit, row, c, numeric, rng)
            if cell is not None:
                planted.append({**row, c: cell}), columns.append(c), kinds.append(c in numeric)
                break
    model, table = f"{a.work}/{name}.vae", f"{a.work}/{name}"
    tables.write(pd.DataFrame(planted)[list(d)], table + ".planted.csv")
    if not os.path.exists(model):
        tables.fit(a, model, "--for", "detect", tables.write(fit, table + ".fit.csv"))
    out = subprocess.run(["vae-score", "-q", "-m", model, "--explain", *a.score.split(), table + ".planted.csv"],
                         check=True, capture_output=True, text=True).stdout
    w = pd.read_csv(io.StringIO(out))
    columns, kinds = np.array(columns), np.array(kinds)
    first = w["why1"].to_numpy() == columns
    three = first | (w["why2"].to_numpy() == columns) | (w["why3"].to_numpy() == columns)
    return first, three, kinds, w, columns


print("table,rows,first,first3,numbers first,levels first", flush=True)
every = []
for name in a.only:
    first, three, kinds, w, columns = measure(name)
    every.append((first, three, kinds))
    part = lambda m: f"{100 * first[m].mean():.1f}" if m.any() else ""
    print(f"{name},{len(first)},{100 * first.mean():.1f},{100 * three.mean():.1f},{part(kinds)},{part(~kinds)}", flush=True)
first, three, kinds = (np.concatenate(x) for x in zip(*every))
print(f"all,{len(first)},{100 * first.mean():.1f},{100 * three.mean():.1f},{100 * first[kinds].mean():.1f},{100 * first[~kinds].mean():.1f}")
