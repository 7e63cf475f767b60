#!/usr/bin/python3
"""reduce.py: adult through 16 latents and back. The share of wrong cells, mean over the categorical columns, of what
vae-enc | vae-dec gives with a model fitted --for reduce, and of PCA with as many components of the one-hot table
(numbers standardised, the greatest of a column's parts wins; a missing category is all zeros). Cells that were missing
are not judged; beside it the figure with missing as a level of its own. Numbers: root of the mean squared error in
standard deviations of the training rows, mean over the columns."""
import os

import numpy as np
import pandas as pd

import tables

a = tables.options(__doc__, latents=(16, "number of latents"))
tables.have(tables.path("adult/adult-train"))
text = dict(zip(["train", "test"], tables.halves("adult")))
full = {k: tables.values(d, text["train"])[0] for k, d in text.items()}
_, numeric, categorical = tables.values(text["train"])
files = {k: tables.write(d, os.path.join(a.work, f"adult-{k}.csv")) for k, d in text.items()}
mean, sd = full["train"][numeric].mean(), full["train"][numeric].std()
levels = {c: [v for v in full["train"][c].unique() if v != ""] for c in categorical}


def judge(which, back):
    t, wrong, with_missing, rmse = full[which], [], [], []
    for c in categorical:
        w, there = (back[c] != t[c]).to_numpy(), (t[c] != "").to_numpy()
        wrong.append(w[there].mean())
        with_missing.append(w.mean())
    for c in numeric:
        rmse.append(np.sqrt((((back[c] - t[c]) / sd[c]) ** 2).mean()))
    return np.array([np.mean(wrong), np.mean(with_missing), np.mean(rmse)])


def matrix(d):
    onehot = [(d[c].to_numpy()[:, None] == np.array(levels[c], object)).astype(float) for c in categorical]
    return np.concatenate([((d[numeric] - mean) / sd).fillna(0).to_numpy(), *onehot], 1)


def pca(which):
    x, y = matrix(full["train"]), matrix(full[which])
    centre = x.mean(0)
    v = np.linalg.svd(x - centre, full_matrices=False)[2][: a.latents]
    y, back, at = (y - centre) @ v.T @ v + centre, pd.DataFrame(), len(numeric)
    for j, c in enumerate(numeric):
        back[c] = y[:, j] * sd[c] + mean[c]
    for c in categorical:
        back[c] = np.array(levels[c], object)[y[:, at : at + len(levels[c])].argmax(1)]
        at += len(levels[c])
    return back


model, latents, out = (os.path.join(a.work, n) for n in ("adult.vae", "z.vts", "back.csv"))
f = tables.fit(a, model, "--for", "reduce", "-l", str(a.latents), files["train"])
print("rows    error vae / PCA (ratio)  with missing vae / PCA  rmse of numbers vae / PCA")
for which in "train", "test":
    tables.run("vae-enc", "-m", model, "-o", latents, files[which])
    tables.run("vae-dec", "-m", model, "-t", "csv", latents, out=out)
    v, p = judge(which, tables.values(tables.read(out), text["train"])[0]), judge(which, pca(which))
    print(f"{which:7} {v[0]:.4f} / {p[0]:.4f} ({v[0] / p[0]:.3f})  {v[1]:.4f} / {p[1]:.4f}  {v[2]:.4f} / {p[2]:.4f}")
print(f"fit {f[0]:.0f} s, {f[1]:.0f} MB")
