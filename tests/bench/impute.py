#!/usr/bin/python3
"""impute.py: filled gaps against those of random forests.

At most 5000 rows of each table (seed 0), 20 % of the cells that are there hidden at random. Numbers are judged by the
root of the mean squared error in standard deviations, categories by their error rate; columns of numbers with at most
10 values are categories. In each column the better one has rank 1, the other 2 (1.5 both when equal); the better mean
rank over the columns wins the table.

Rivals, both on scikit-learn's forests:
  missforest  missForest (Stekhoven & Buehlmann 2012): the gaps begin with mean or most frequent level; from the column
              with the fewest gaps to that with the most, a forest of --trees is fitted to the rows where the column is
              there, a regressor for numbers and a classifier for categories, and fills it; up to --rounds times, or
              until the change between rounds grows for both kinds, when the round before counts
  iterative   IterativeImputer(RandomForestRegressor(30), max_iter=5), categories as numbers, rounded to a level
Their figures are slow to get and stay in --cache. Categories are codes by falling frequency in both."""
import json
import os
import sys
import time
import warnings

import numpy as np
import pandas as pd

import tables

warnings.filterwarnings("ignore")
a = tables.options(
    __doc__,
    rival=("missforest", "missforest or iterative"),
    cache=("", "directory that keeps the rival's figures"),
    trees=(100, "trees of missforest's forests"),
    rounds=(4, "most rounds of missforest"),
    jobs=(1, "threads of the rival"),
    fill=("--best", "option of vae-gen beside --complete; none: only the rival"),
)
alone = a.fill == "none"


def holes(name):
    d = tables.load(name)
    r = np.random.RandomState(0)
    d = d.iloc[r.permutation(len(d))[:5000]].reset_index(drop=True)
    hidden = (r.rand(*d.shape) < 0.2) & ~d.isin(tables.MISSING).to_numpy()
    return d, hidden, d.mask(hidden, "")


def coded(holed, numeric):
    """Numbers and codes as one matrix with NaN in the gaps, and the levels of each categorical column."""
    m, levels = np.full(holed.shape, np.nan), {}
    for j, c in enumerate(holed):
        if c in numeric:
            m[:, j] = holed[c]
        else:
            levels[j] = list(holed[c][holed[c] != ""].value_counts().index)
            m[:, j] = holed[c].map({v: i for i, v in enumerate(levels[j])})
    return m, levels


def missforest(m, levels):
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    gap = np.isnan(m)
    x = np.where(gap, np.where(np.isin(np.arange(m.shape[1]), list(levels)), 0, np.nanmean(m, 0)), m)
    more = dict(n_estimators=a.trees, max_features="sqrt", n_jobs=a.jobs, random_state=0)
    numbers = np.array([j not in levels for j in range(m.shape[1])])
    before = [np.inf, np.inf]
    for _ in range(a.rounds):
        old = x.copy()
        for j in np.argsort(gap.sum(0), kind="stable"):
            if gap[:, j].any():
                f = RandomForestClassifier(**more) if j in levels else RandomForestRegressor(min_samples_leaf=5, **more)
                rest, k = np.delete(x, j, 1), ~gap[:, j]
                x[~k, j] = f.fit(rest[k], m[k, j]).predict(rest[~k])
        n, c = numbers, ~numbers
        now = [
            ((x - old)[:, n] ** 2).sum() / (x[:, n] ** 2).sum(),
            (x != old)[:, c].sum() / max(1, gap[:, c].sum()),
        ]
        if now[0] >= before[0] and (not c.any() or now[1] >= before[1]):
            return old
        before = now
    return x


def iterative(m, levels):
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.experimental import enable_iterative_imputer
    from sklearn.impute import IterativeImputer

    forest = RandomForestRegressor(n_estimators=30, n_jobs=a.jobs, random_state=0)
    x = IterativeImputer(forest, max_iter=5, random_state=0).fit_transform(m)
    for j in levels:
        x[:, j] = np.clip(np.rint(x[:, j]), 0, len(levels[j]) - 1)
    return x


def errors(full, filled, hidden, numeric):
    """Per column, over the hidden cells."""
    out = {}
    for j, c in enumerate(full):
        t, p = full[c][hidden[:, j]], filled[c][hidden[:, j]]
        if c in numeric:
            p = pd.to_numeric(p, errors="coerce").fillna(np.inf)
            out[c] = float(np.sqrt(((p - t) ** 2).mean()) / full[c].std())
        else:
            out[c] = float((t != p).mean())
    return out


def rival(name, full, holed, hidden, numeric):
    tag = f"-{a.trees}x{a.rounds}" if a.rival == "missforest" else ""
    file = os.path.join(a.cache or a.work, f"{name}-{a.rival}{tag}.json")
    if os.path.exists(file):
        return json.load(open(file))
    start = time.time()
    m, levels = coded(holed, numeric)
    x = {"missforest": missforest, "iterative": iterative}[a.rival](m, levels)
    filled = pd.DataFrame(x, columns=list(full))
    for j in levels:
        filled.isetitem(j, [levels[j][int(i)] for i in x[:, j]])
    r = {"seconds": time.time() - start, "errors": errors(full, filled, hidden, numeric)}
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "w") as out:
        json.dump(r, out, indent=1)
    return r


def mean(e, columns):
    return np.mean([e[c] for c in columns]) if columns else float("nan")


wins = ranks = 0
print(f"table           columns  rmse vae / {a.rival}  error vae / {a.rival}  mean rank vae / {a.rival}")
for name in a.only:
    text, hidden, holed = holes(name)
    full, numeric, categorical = tables.values(text)
    b = rival(name, full, tables.values(holed, text)[0], hidden, numeric)
    e, cost, rank = dict.fromkeys(full, float("nan")), "", float("nan")
    if not alone:
        base = os.path.join(a.work, name)
        file, model, out = tables.write(holed, base + "-holed.csv"), base + "-holed.vae", base + "-filled.csv"
        f = tables.fit(a, model, file)
        g = tables.gen(a, model, out, "--complete", file, a.fill)
        got = tables.read(out)
        if got.shape != holed.shape or list(got) != list(holed):
            sys.exit(f"impute.py: {name}: {got.shape[0]} rows x {got.shape[1]} columns came back of {holed.shape}")
        present = ~holed.isin(tables.MISSING).to_numpy()
        changed = int(((got != holed).to_numpy() & present).sum())
        blank = int((got.isin(tables.MISSING).to_numpy() & ~present).sum())
        e = errors(full, tables.values(got, text)[0], hidden, numeric)
        rank = np.mean([1.5 if e[c] == b["errors"][c] else 1 + (e[c] > b["errors"][c]) for c in full])
        wins, ranks = wins + (rank < 1.5), ranks + rank
        cost = f"  fit {f[0]:.0f} s, fill {g[0]:.1f} s" + (f"; {changed} cells CHANGED" if changed else "")
        cost += f"; {blank} cells left blank" if blank else ""
    r = b["errors"]
    print(
        f"{name:15} {len(numeric):3} + {len(categorical):2}  {mean(e, numeric):.4f} / {mean(r, numeric):.4f}"
        f"  {mean(e, categorical):.4f} / {mean(r, categorical):.4f}  {rank:.3f} / {3 - rank:.3f}"
        f"  rival {b['seconds']:.0f} s{cost}",
        flush=True,
    )
if not alone:
    print(f"mean            better on {wins} of {len(a.only)} tables, mean rank {ranks / len(a.only):.3f}")
