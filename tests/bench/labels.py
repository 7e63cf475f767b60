#!/usr/bin/python3
"""labels.py DIR: MNIST with labels, judged by a support vector machine fitted to the 10000 test images.

    means      a model of the 60000 train images and their labels: do 200 decoder means a class look like their class?
    samples    10000 new images, labels drawn: total variation between the classes the judge sees and the real ones
    classify   a model of the first 10000 train images and labels: vae-score --classify of the test images
    keeps      traversals of each latent around the mean of a class: does the label stay?
    between    interpolations of test images of two digits: the share of images between that the judge is at least .9 sure
               of, against blending pixels

vae-fit and the others are found in PATH. Options to vae-fit behind DIR; ONLY="means samples" in the environment: these only."""
import gzip
import os
import subprocess
import sys
import time

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

folder, extra = sys.argv[1], sys.argv[2:]
only = os.environ.get("ONLY", "means samples classify keeps between").split()


def idx(name):
    data = gzip.open(os.path.join(folder, name)).read()
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def run(*args, out=None, stdin=None):
    with open(out or os.devnull, "wb") as f:
        subprocess.run(args, check=True, stdout=f, stdin=stdin)


def flat(images):
    return images.reshape(len(images), -1) / 255.0


def timed(*args):
    start, before = time.time(), os.times()
    run(*args)
    return f"fit {time.time() - start:.0f} s, {os.times().children_user - before.children_user:.0f} CPU s"


test, label = idx("t10k-images-idx3-ubyte.gz"), idx("t10k-labels-idx1-ubyte.gz")
train, given = idx("train-images-idx3-ubyte.gz"), idx("train-labels-idx1-ubyte.gz")
judge = SVC(C=10, gamma="scale", probability=True, random_state=1)
print(f"the judge, 5-fold cross-validated on the test images: {cross_val_score(SVC(C=10), flat(test), label, cv=5).mean():.4f}")
judge.fit(flat(test), label)

if "classify" in only:
    np.save("x10k.npy", train[:10000]), np.save("y10k.npy", given[:10000])
    print("classify:", timed("vae-fit", "-q", "-m", "ten.vae", "--label-from", "y10k.npy", "--net", "residual", "--lik", "bernoulli", "--no-calibrate", *extra, "x10k.npy"))
    run("vae-score", "-m", "ten.vae", "--classify", os.path.join(folder, "t10k-images-idx3-ubyte.gz"), out="classes.csv")
    said = np.loadtxt("classes.csv", delimiter=",", skiprows=1, usecols=1)
    print(f"classify: {(said == label).mean():.4f} of the test images right")

if {"means", "keeps"} & set(only):
    print("means:", timed("vae-fit", "-q", "-m", "all.vae", "--label-from", os.path.join(folder, "train-labels-idx1-ubyte.gz"), "--net", "residual", "--lik", "bernoulli",
                          "--no-calibrate", *extra, os.path.join(folder, "train-images-idx3-ubyte.gz")))

if "means" in only:
    right = []
    for digit in range(10):
        run("vae-gen", "-m", "all.vae", "--where", f"label={digit}", "-n", "200", "--mean", "-t", "npy", out="gen.npy")
        right.append((judge.predict(flat(np.load("gen.npy"))) == digit).mean())
    print(f"means: {np.mean(right):.4f} agree with their label; worst digit {np.argmin(right)}: {min(right):.3f}")

if "keeps" in only:
    keeps = []
    for digit in range(10):
        np.save("one.npy", test[label == digit][:20]), np.save("lab.npy", label[label == digit][:20])
        run("vae-enc", "-m", "all.vae", "--label-from", "lab.npy", "one.npy", out="one.vts")
        run("vae-walk", "--axes", "all", "--range", "-2:2", "--steps", "5", "one.vts", out="walk.vts")
        run("vae-dec", "-t", "npy", "walk.vts", out="walk.npy")
        keeps.append((judge.predict(flat(np.load("walk.npy"))) == digit).mean())
    print(f"keeps: {np.mean(keeps):.4f} of the traversals of -2..2 around 20 test images a class keep the label")

if {"samples", "between"} & set(only):
    print("plain:", timed("vae-fit", "-q", "-m", "plain.vae", "--net", "residual", "--lik", "bernoulli", "--no-calibrate", *extra,
                          os.path.join(folder, "train-images-idx3-ubyte.gz")))

if "samples" in only:
    run("vae-gen", "-m", "plain.vae", "-n", "10000", "--mean", "-t", "npy", out="gen.npy")
    seen = np.bincount(judge.predict(flat(np.load("gen.npy"))), minlength=10) / 10000
    real = np.bincount(given, minlength=10) / len(given)
    print(f"samples: total variation {abs(seen - real).sum() / 2:.4f}")

if "between" in only:
    rng = np.random.default_rng(1)
    pairs = [p for p in rng.integers(0, len(test), (400, 2)) if label[p[0]] != label[p[1]]][:200]
    np.save("ends.npy", np.concatenate([test[p] for p in pairs]))
    run("vae-enc", "-m", "plain.vae", "ends.npy", out="ends.vts")
    t = np.linspace(0, 1, 9)[1:-1]
    a, b = test[[p[0] for p in pairs]], test[[p[1] for p in pairs]]
    blends = np.concatenate([(1 - s) * a + s * b for s in t])
    for way in [], ["--spherical"]:
        run("vae-walk", "--pairs", "--steps", "9", *way, "ends.vts", out="walk.vts")
        run("vae-dec", "-t", "npy", "walk.vts", out="walk.npy")
        steps = np.load("walk.npy").reshape(len(pairs), 9, 28, 28)[:, 1:-1].reshape(-1, 28, 28)
        sure = (judge.predict_proba(flat(steps)).max(1) >= 0.9).mean()
        print(f"between{' (spherical)' if way else ''}: {sure:.4f} of the images between are sure")
    print(f"between: {(judge.predict_proba(flat(blends)).max(1) >= 0.9).mean():.4f} of the blended pixels are")
