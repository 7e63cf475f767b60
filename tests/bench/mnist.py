#!/usr/bin/python3
"""mnist.py DIR: squared error of reconstructions of the 10000 test images through 16 latents, fitted on the first 10000
train images, against PCA with 16 components fitted on the same (numpy). Pixels in 0..1; vae-fit, vae-enc, vae-dec
are found in PATH."""
import gzip
import os
import subprocess
import sys
import time

import numpy as np


def idx(data):
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


folder, k = sys.argv[1], 16
train = idx(gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")).read())[:10000]
test_file = os.path.join(folder, "t10k-images-idx3-ubyte.gz")
test = idx(gzip.open(test_file).read())
np.save("train.npy", train)
a, b = train.reshape(-1, 784) / 255.0, test.reshape(-1, 784) / 255.0
mean = a.mean(0)
v = np.linalg.svd(a - mean, full_matrices=False)[2][:k]
pca = (((b - mean) @ v.T @ v + mean - b) ** 2).mean()
start = time.time()
subprocess.run(["vae-fit", "-q", "-m", "mnist.vae", "-l", str(k), "train.npy"], check=True)
seconds = time.time() - start
enc = subprocess.Popen(["vae-enc", "-m", "mnist.vae", test_file], stdout=subprocess.PIPE)
np_out = subprocess.run(["vae-dec", "-t", "npy"], stdin=enc.stdout, stdout=subprocess.PIPE, check=True).stdout
open("back.npy", "wb").write(np_out)
vae = ((np.load("back.npy").reshape(-1, 784) / 255.0 - b) ** 2).mean()
print(f"PCA {pca:.5f}, vae {vae:.5f}, ratio {vae / pca:.3f}; fit {seconds:.0f} s")
