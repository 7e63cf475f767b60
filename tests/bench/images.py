"""8-bit images (Fashion-MNIST): what they cost, and how real samples look, beside a plain Gaussian VAE. Options of vae-fit in $FIT.

bits      bits per dimension of the test images: the importance-weighted bound of K draws, a probability mass of the 256 levels of
          every pixel, over 784 log 2; beside it gzip, xz and PNG of the same images.
samples   5000 new images against 5000 test images in the features (the layer before the last) of a classifier that was trained on the
          training labels (torch, seed 0) and never saw either: precision is the share of samples within the manifold of real images,
          that of the balls that reach to each one's 5th neighbour, recall the reverse (Kynkaanniemi et al. 2019, 1904.06991).
edges     mean absolute Laplacian (4 neighbours) of samples over that of real images: below 1 is blurred, above it noisy.

Beside it the plain VAE (dense layers, one level, N(0,1), a Gaussian of one sd), convolutions with the mixture of logistics, and these
and the raster with two levels of latents; each has the same number of seconds (--budget)."""
import gzip
import lzma
import os
import shlex
import subprocess
import sys

import numpy as np

import tables

HOME = "/usr/share/datasets/fashion-mnist"
BESIDE = {
    "plain": "--net residual --lik gaussian --sd shared --prior normal",
    "conv": "--net conv --lik dlogistic",
    "ladder": "--net conv --lik dlogistic --latent ladder",
    "raster ladder": "--net raster --lik dlogistic --latent ladder",
}


def read(name):
    b = gzip.open(os.path.join(HOME, name), "rb").read()
    head = 4 + 4 * b[3]
    return np.frombuffer(b, np.uint8, offset=head).reshape([int.from_bytes(b[4 + 4 * i:8 + 4 * i], "big") for i in range(b[3])])


def packed(images):
    """Bits per dimension of general tools: gzip and xz of all pixels, PNG of each image."""
    n, raw = images.size, images.tobytes()
    idx = b"\0\0\x08\x03" + b"".join(int(v).to_bytes(4, "big") for v in images.shape) + raw
    with tables.tempfile.TemporaryDirectory() as d:
        open(os.path.join(d, "x.idx"), "wb").write(idx)
        subprocess.run(["vae-cat", "-t", "png", "-o", os.path.join(d, "png/"), os.path.join(d, "x.idx")], check=True)
        png = sum(e.stat().st_size for e in os.scandir(os.path.join(d, "png")))
    return 8 * len(gzip.compress(raw, 9)) / n, 8 * len(lzma.compress(raw, preset=9)) / n, 8 * png / n


def classifier(x, y):
    """A small convolutional classifier; images -> features."""
    import torch
    from torch import nn
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU())
    net = nn.Sequential(body, nn.Linear(128, 10))
    opt = torch.optim.Adam(net.parameters(), 1e-3)
    shape = lambda v: torch.tensor(v[:, None].astype(np.float32) / 255)
    for epoch in range(4):
        for i in torch.randperm(len(x)).split(128):
            loss = nn.functional.cross_entropy(net(shape(x[i])), torch.tensor(y[i].astype(np.int64)))
            opt.zero_grad(), loss.backward(), opt.step()

    def features(v):
        with torch.no_grad():
            return np.concatenate([body(shape(v[i:i + 500])).numpy() for i in range(0, len(v), 500)])
    with torch.no_grad():
        return features, lambda v: np.concatenate([net(shape(v[i:i + 500])).argmax(1).numpy() for i in range(0, len(v), 500)])


def distances(a, b):
    return np.sqrt(np.maximum((a ** 2).sum(1)[:, None] + (b ** 2).sum(1) - 2 * a @ b.T, 0))


def manifold(a, b, k=5):
    """The share of b within the balls around a that reach to each one's k-th neighbour."""
    radius = np.partition(distances(a, a), k, axis=1)[:, k]
    return (distances(b, a) <= radius).any(1).mean()


def laplacian(v):
    v = v.astype(np.float64)
    return np.abs(4 * v[:, 1:-1, 1:-1] - v[:, :-2, 1:-1] - v[:, 2:, 1:-1] - v[:, 1:-1, :-2] - v[:, 1:-1, 2:]).mean()


def samples(a, model, *args):
    out = model + ".idx"
    tables.gen(a, model, out, "-n", "5000", "-t", "idx", *args)
    return np.frombuffer(open(out, "rb").read(), np.uint8, offset=16).reshape(5000, 28, 28)


def judge(name, new, real, f):
    a, b = f(real), f(new)
    print(f"  {name:22} precision {manifold(a, b):.3f}   recall {manifold(b, a):.3f}   edges {laplacian(new) / laplacian(real):.3f}", flush=True)


if __name__ == "__main__":
    a = tables.options(__doc__, budget=("30m", "of each fit"), k=(100, "draws of the bound"), options=("", "of vae-fit for ours"),
                       model=("", "a model that is there instead of ours"))
    tables.have(HOME)
    x, y, t = read("train-images-idx3-ubyte.gz"), read("train-labels-idx1-ubyte.gz"), read("t10k-images-idx3-ubyte.gz")
    train, test = (os.path.join(HOME, f"{n}-images-idx3-ubyte.gz") for n in ("train", "t10k"))
    print("bits per dimension: gzip {:.3f}, xz {:.3f}, PNG {:.3f}".format(*packed(t)), flush=True)
    ours = a.model or os.path.join(a.work, "ours.vae")
    if not a.model:
        s = tables.fit(a, ours, "--no-calibrate", "--budget", a.budget, *shlex.split(a.options), train)
        print(f"fit {s[0]:.0f} s, {s[1]:.0f} MB")
    r = subprocess.run(["vae-score", "-m", ours, "--iw", str(a.k), "--mean-nll", test], capture_output=True, text=True, check=True)
    nll, se = map(float, r.stdout.split()[-1].split(",")[1:3])
    print(f"  ours, K = {a.k}: {nll / 784 / np.log(2):.4f} bits per dimension ({nll:.1f} nats, s.e. {se:.1f})", flush=True)
    try:
        f, guess = classifier(x, y)
    except ImportError:
        print("samples: left out, needs python3-torch")
        sys.exit()
    print(f"classifier: {(guess(t) == read('t10k-labels-idx1-ubyte.gz')).mean():.4f} of the test images right")
    judge("training images", x[:5000], t[:5000], f)
    judge("ours, draws", samples(a, ours), t[:5000], f)
    for more in ("--temperature .8", "--temperature .7", "--prior normal", "--mean"):
        judge("ours, " + more, samples(a, ours, *more.split()), t[:5000], f)
    for name, options in BESIDE.items():
        model = os.path.join(a.work, "other.vae")
        tables.fit(a, model, "--no-calibrate", *options.split(), "--budget", a.budget, train)
        judge(name + ", draws", samples(a, model), t[:5000], f)
        judge(name + ", means", samples(a, model, "--mean"), t[:5000], f)
        judge(name + ", normal", samples(a, model, "--prior", "normal"), t[:5000], f)
