#!/usr/bin/python3
"""beta.py: no option set against seven fixed weights of the KL with a scale of 1 (--sd unit --beta B), on the first 10000
images of MNIST and on wine_quality. Held-out mean squared error of reconstructions, and how well new records pass for real
ones: 100 (2 - 2 max(AUC, 1/2)) of a logistic regression that tells them from training rows (of images, of their first 50
principal components). A weight with both better by more than 5 % would make the choice of the scale worth a user's time.

$VAE_DATA has the data, vae-fit and the others are found in PATH. Options to every vae-fit (--steps N) as arguments."""
import gzip
import io
import os
import subprocess
import sys

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

data, extra = os.environ["VAE_DATA"], sys.argv[1:]
BETAS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10]


def output(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE).stdout


def passes(real, new, parts):
    x, y = np.concatenate([real, new]), np.r_[np.zeros(len(real)), np.ones(len(new))]
    if parts:
        x = PCA(parts, random_state=1).fit_transform(x)
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    said = cross_val_predict(judge, x, y, cv=StratifiedKFold(5, shuffle=True, random_state=1), method="predict_proba")[:, 1]
    auc = roc_auc_score(y, said)
    return 100 * (2 - 2 * max(auc, 1 - auc))


def images(name):
    raw = gzip.open(os.path.join(data, "mnist", name)).read()
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 784) / 255.0


def wine():
    lines = gzip.open(os.path.join(data, "wine_quality", "wine_quality.csv.gz"), "rt").read().splitlines()
    lines = [line.rsplit(",", 1)[0] for line in lines] # but for the colour all are numbers
    body = np.random.default_rng(1).permutation(lines[1:])
    cut = len(body) * 4 // 5
    for name, rows in ("train.csv", body[:cut]), ("test.csv", body[cut:]):
        open(name, "w").write("\n".join([lines[0], *rows]) + "\n")


def table(text):
    return np.genfromtxt(io.StringIO(text), delimiter=",", skip_header=1)


def back(file, to):
    enc = subprocess.Popen(["vae-enc", "-m", "m.vae", file], stdout=subprocess.PIPE)
    return subprocess.run(["vae-dec", "-t", to], stdin=enc.stdout, check=True, stdout=subprocess.PIPE).stdout


def compare(what, files, train, test, scale, to, read, parts):
    best, found = None, []
    for beta in [None, *BETAS]:
        options = [] if beta is None else ["--for", "reduce", "--lik", "gaussian", "--sd", "unit", "--beta", str(beta)]
        output("vae-fit", "-q", "-m", "m.vae", "--no-calibrate", *options, *extra, files[0])
        mse = (((read(back(files[1], to)) - test) / scale) ** 2).mean()
        new = read(output("vae-gen", "-q", "-m", "m.vae", "-n", str(len(test)), "-t", to))
        c2st = passes(train[: len(test)], new, parts)
        print(f"{what}: {'no option set' if beta is None else f'beta {beta:g}'}: mse {mse:.5f}, c2st {c2st:.1f}", flush=True)
        if best is None:
            best = mse, c2st
        elif mse < 0.95 * best[0] and c2st > 1.05 * best[1]:
            found.append(beta)
    print(f"{what}: weights that are better in both: {found or 'none'}")


wine()
train, test = table(open("train.csv").read()), table(open("test.csv").read())
compare("wine_quality", ["train.csv", "test.csv"], train, test, train.std(0), "csv", lambda b: table(b.decode()), None)
train, test = images("train-images-idx3-ubyte.gz")[:10000], images("t10k-images-idx3-ubyte.gz")[:5000]
for name, x in ("train.npy", train), ("test.npy", test):
    np.save(name, np.round(255 * x).astype(np.uint8).reshape(-1, 28, 28))
compare("mnist", ["train.npy", "test.npy"], train, test, 1, "npy",
        lambda b: np.load(io.BytesIO(b)).reshape(-1, 784) / 255.0, 50)
