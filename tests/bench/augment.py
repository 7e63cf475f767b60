#!/usr/bin/python3
"""augment.py: do rows of vae-gen --like help where there are few? Boosted trees on 200 real rows and 800 variations of
them against the same trees on the 200 alone: AUC on rows neither has seen (adult's test file; the rest of the other
tables), mean over --seeds draws of the 200. The model is fitted to the 200 rows only. What is to be told: adult income,
beijing pm2.5 >= 75, wine quality >= 6, abalone rings >= 10, bank y, german class; made from the column after
generation, and the column is no feature."""
import os

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

import tables

TARGET = {
    "adult": ("income", ">50K"),
    "beijing_pm25": ("pm2.5", 75),
    "wine_quality": ("quality", 6),
    "abalone": ("rings", 10),
    "bank_marketing": ("y", "yes"),
    "german_credit": ("class", "2"),
}
a = tables.options(
    __doc__,
    rows=(200, "real rows"),
    more=(800, "generated rows"),
    seeds=(5, "draws of the real rows"),
    how=("like", "like, plain (vae-gen without --like) or none (the real rows alone)"),
)


def target(name, d):
    """(rows with a known target, the target as 0 and 1)"""
    column, at = TARGET[name]
    known = ~d[column].isin(tables.MISSING)
    if isinstance(at, str):
        return known, (d[column] == at).astype(int)
    return known, (pd.to_numeric(d[column], errors="coerce") >= at).astype(int)


def features(name, d, whole):
    x, numeric, _ = tables.values(d, whole)
    codes = tables.values(whole)[0]
    for c in x:
        if c not in numeric:
            levels = codes[c][codes[c] != ""].value_counts().index
            x[c] = x[c].map({v: i for i, v in enumerate(levels)}).astype(float)
    return x.drop(columns=TARGET[name][0]).to_numpy(float)


def auc(x, y, test):
    if y.min() == y.max():
        return 0.5
    m = HistGradientBoostingClassifier(random_state=0, early_stopping=False).fit(x, y)
    return roc_auc_score(test[1], m.predict_proba(test[0])[:, 1])


def draw(name, seed):
    """AUC of the real rows alone, and with the generated ones."""
    whole = tables.load(name)
    d = whole[target(name, whole)[0]].reset_index(drop=True)
    p = np.random.RandomState(seed).permutation(len(d))
    real, test = d.iloc[p[: a.rows]].reset_index(drop=True), d.iloc[p[a.rows :]]
    if name == "adult":
        test = tables.halves(name)[1]
    test = features(name, test, whole), target(name, test)[1]
    x, y = features(name, real, whole), target(name, real)[1]
    alone = auc(x, y, test)
    if a.how == "none":
        return alone, float("nan"), 0
    base = os.path.join(a.work, f"{name}-{seed}")
    file, model, out = tables.write(real, base + ".csv"), base + ".vae", base + "-more.csv"
    f = tables.fit(a, model, file)
    tables.gen(a, model, out, "-n", str(a.more), *(["--like", file] if a.how == "like" else []))
    made = tables.read(out)
    made = made[target(name, made)[0]]
    x, y = np.concatenate([x, features(name, made, whole)]), np.concatenate([y, target(name, made)[1]])
    return alone, auc(x, y, test), f[0]


print(f"table           {a.rows} alone  with {a.more}  gain (s.e.)")
gains = []
for name in a.only:
    r = np.array([draw(name, s) for s in range(a.seeds)])
    gain = r[:, 1] - r[:, 0]
    gains.append(r.mean(0))
    se = gain.std(ddof=1) / np.sqrt(len(r)) if len(r) > 1 else float("nan")
    x, y, s = r.mean(0)
    print(f"{name:15} {x:.4f}     {y:.4f}    {gain.mean():+.4f} ({se:.4f})  fit {s:.0f} s", flush=True)
m = np.mean(gains, 0)
print(f"mean of {len(gains):<7} {m[0]:.4f}     {m[1]:.4f}    {m[1] - m[0]:+.4f}")
