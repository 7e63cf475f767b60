#!/usr/bin/python3
"""digits.py: are 8 latents of the digits good coordinates? The share of labels that 5 nearest neighbours get right,
mean of 10 random splits with 20 % of the rows to be told, for the latents (means of the encoder) and for PCA's 8, both
as they come and standardised; LDA and the pixels for comparison. The label is kept out of every fit but LDA's; the
unsupervised fits see all rows."""
import os

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import tables

a = tables.options(__doc__, latents=(8, "number of latents"))
tables.have(tables.path("digits/digits"))
d = tables.read(tables.path("digits/digits"))
file = tables.write(d, os.path.join(a.work, "digits.csv"))
y, x = d["label"].to_numpy(), d.drop(columns="label").to_numpy(float)
splits = [train_test_split(np.arange(len(y)), test_size=0.2, random_state=s) for s in range(10)]


def accuracy(z, standard):
    """z: the function of the training rows that gives rows x coordinates."""
    r = []
    for i, j in splits:
        m = z(i)
        m = m / np.maximum(m.std(0), 1e-9) if standard else m
        r.append(KNeighborsClassifier(5).fit(m[i], y[i]).score(m[j], y[j]))
    return np.mean(r)


def line(name, z, cost=""):
    print(f"{name:29} {accuracy(z, False):.4f}        {accuracy(z, True):.4f}{cost}", flush=True)


print("latents                       as they come  standardised")
for purpose in [], ["--for", "reduce"]:
    base = os.path.join(a.work, "digits" + "".join(purpose))
    f = tables.fit(a, base + ".vae", "-l", str(a.latents), "-k", "label", *purpose, file)
    tables.run("vae-enc", "-m", base + ".vae", "-t", "csv", file, out=base + "-z.csv")
    z = pd.read_csv(base + "-z.csv").drop(columns="label").to_numpy(float)
    line(" ".join(["vae-fit", "-l", str(a.latents), *purpose]), lambda _: z, f"  fit {f[0]:.0f} s, {f[1]:.0f} MB")
pca = PCA(a.latents).fit_transform(x)
line(f"PCA, {a.latents}", lambda _: pca)
lda = LinearDiscriminantAnalysis(n_components=a.latents)
line(f"LDA, {a.latents} (with the labels)", lambda i: lda.fit(x[i], y[i]).transform(x))
line("pixels, 64", lambda _: x)
