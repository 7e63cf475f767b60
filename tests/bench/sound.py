"""Sound through the command line, beside what is usual. Options of vae-fit in $FIT; --seeds, and --only to choose.

fsdd      Spoken digits: five of them are normal, the other five odd, and one speaker at a time is left out of the fit and scored,
          each file once (--per-file). AUROC over that speaker's files, mean over speakers and seeds (which choose the digits).
esc10     Clips of a class are normal, those of all other classes odd; fitted to one fold, scored on the other, 16 kHz.
          The rival of both is the baseline of DCASE 2020 task 2 (Koizumi et al.): 64 log-mel bands of windows of 64 ms, every 32 ms,
          five a vector, through a dense autoencoder 128 x 4, 8, 128 x 4 with batch norm and ReLU, Adam 1e-3, batches of 512, squared
          error averaged over the file. The interval is that of the paired differences (2 standard errors).
mdct      Signal to error of float samples through --audio=mdct and back, without a model.
latents   fsdd, one speaker left out: sound through 16 latents per 20 ms frame. Spectral convergence |S - S'| / |S| of magnitudes (512
          samples, hop 128), against PCA with 16 components on the MDCT frames of the same files.
speed     Seconds of 16 kHz mono sound that are encoded and decoded in a second of processor time, of ten minutes in a file, by that
          model's kind."""
import argparse
import glob
import os
import subprocess
import tarfile
import tempfile

import numpy as np
import scipy.io.wavfile as wavfile


def run(command):
    return subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE).stdout


def fit(a, model, args, files):
    subprocess.run(["vae-fit", "-q", "-m", model, *args, *os.environ.get("FIT", "").split(), *files], check=True)


def auroc(score, odd):
    from scipy.stats import rankdata
    r, n = rankdata(score), odd.sum()
    return (r[odd].sum() - n * (n + 1) / 2) / (n * (len(odd) - n))


def samples(path, rate=None):
    """Sample frames of a mono file as floats, by vae-cat."""
    out = run(f"vae-cat {f'--resample {rate}' if rate else ''} '{path}'")
    return np.frombuffer(out[44:], "<i2") / 32768


# ---- the baseline ------------------------------------------------------------------------------------------------

def logmel(x, rate, bands=64):
    n = int(rate * .064)
    x = np.pad(x, (0, max(0, n - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, n)[::n // 2] * np.hanning(n + 1)[:-1]
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel, hz = (lambda f: 2595 * np.log10(1 + f / 700)), (lambda m: 700 * (10 ** (m / 2595) - 1))
    edge, f = hz(np.linspace(0, mel(rate / 2), bands + 2)), np.arange(n // 2 + 1) * rate / n
    bank = np.maximum(0, np.minimum((f - edge[:-2, None]) / (edge[1:-1] - edge[:-2])[:, None],
                                    (edge[2:, None] - f) / (edge[2:] - edge[1:-1])[:, None]))
    return 10 * np.log10(power @ bank.T + 1e-10)


def vectors(mel, k=5):
    mel = np.pad(mel, ((0, max(0, k - len(mel))), (0, 0)), mode="edge")
    return np.stack([mel[i:i + k].ravel() for i in range(len(mel) - k + 1)])


def baseline(a, train, test, seed):
    import torch
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x = torch.tensor(np.concatenate([vectors(m) for m in train]), dtype=torch.float32)
    sizes, layers = [x.shape[1], 128, 128, 128, 128, 8, 128, 128, 128, 128], []
    for i, o in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.BatchNorm1d(o), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(128, x.shape[1]))
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(a.epochs):
        for batch in torch.randperm(len(x)).split(512):
            if len(batch) > 1:
                loss = ((net(x[batch]) - x[batch]) ** 2).mean()
                adam.zero_grad()
                loss.backward()
                adam.step()
    net.eval()
    with torch.no_grad():
        return np.array([float(((net(v) - v) ** 2).mean()) for v in (torch.tensor(vectors(m), dtype=torch.float32) for m in test)])


# ---- odd sounds --------------------------------------------------------------------------------------------------

def compare(a, name, splits, mels):
    """splits: (train files, test files, odd) of each turn and seed."""
    ours, theirs = [], []
    for i, (train, test, odd, seed) in enumerate(splits):
        model = os.path.join(a.work, "odd.vae")
        fit(a, model, ["--for", "detect", "--audio", "mel", "-s", str(seed + 1)] + a.rate, train)
        files = " ".join(f"'{f}'" for f in test)
        rows = run(f"vae-score -q --per-file {' '.join(a.rate)} -m {model} {files}").decode().split()
        score = np.array([float(r.split(",")[rows[0].split(",").index("score")]) for r in rows[1:]])
        ours.append(auroc(score, odd))
        theirs.append(auroc(baseline(a, [mels[f] for f in train], [mels[f] for f in test], seed), odd))
        if a.verbose:
            print(f"  {name} {i}: vae {ours[-1]:.3f} baseline {theirs[-1]:.3f}", flush=True)
    d = np.array(ours) - theirs
    print(f"{name:9s} AUROC per file: vae {np.mean(ours):.3f}, autoencoder {np.mean(theirs):.3f}; difference {d.mean():+.3f} "
          f"+- {2 * d.std(ddof=1) / len(d) ** .5:.3f} over {len(d)} fits", flush=True)


def digits(a):
    files = sorted(glob.glob(os.path.join(a.work, "[0-9]_*.wav")))
    return files, [os.path.basename(f).split("_")[:2] for f in files]


def fsdd(a):
    files, name = digits(a)
    splits, mels = [], {f: logmel(samples(f), 8000) for f in files}
    for seed in range(a.seeds):
        normal = {str(d) for d in np.random.default_rng(seed).permutation(10)[:5]}
        for speaker in sorted({s for _, s in name}):
            train = [f for f, (d, s) in zip(files, name) if s != speaker and d in normal]
            test = [f for f, (_, s) in zip(files, name) if s == speaker]
            splits.append((train, test, np.array([d not in normal for d, s in name if s == speaker]), seed))
    a.rate = []
    compare(a, "fsdd", splits, mels)


def esc10(a):
    files = sorted(glob.glob(os.path.join(a.work, "*", "*.ogg")))
    kind, fold = [f.split("/")[-2] for f in files], [os.path.basename(f)[0] for f in files]
    mels = {f: logmel(samples(f, 16000), 16000) for f in files}
    splits = []
    for seed in range(a.seeds):
        for c in sorted(set(kind)):
            for left in "12":
                train = [f for f, k, o in zip(files, kind, fold) if k == c and o != left]
                test = [f for f, o in zip(files, fold) if o == left]
                splits.append((train, test, np.array([k != c for k, o in zip(kind, fold) if o == left]), seed))
    a.rate = ["--resample", "16000"]
    compare(a, "esc10", splits, mels)


# ---- sound that comes back ---------------------------------------------------------------------------------------

def mdct(a):
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((32000, 2)) * np.geomspace(1e-3, .3, 32000)[:, None]).astype(np.float32)
    wavfile.write(os.path.join(a.work, "x.wav"), 16000, x)
    run(f"cd {a.work} && vae-cat --audio=mdct -t vts x.wav | vae-cat -o y.wav")
    y = wavfile.read(os.path.join(a.work, "y.wav"))[1]
    print(f"mdct      in and out without a model: {10 * np.log10((x.astype(float) ** 2).sum() / ((x - y.astype(float)) ** 2).sum()):.1f} dB")


def spectrum(x, n=512, hop=128):
    x = np.pad(x, n)
    return np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(x, n)[::hop] * np.hanning(n + 1)[:-1]))


def frames(x, n=160):
    """MDCT frames of x, and back."""
    w = np.sin(np.pi / (2 * n) * (np.arange(2 * n) + .5))
    basis = w[:, None] * np.sqrt(2 / n) * np.cos(np.pi / n * (np.arange(2 * n)[:, None] + .5 + n / 2) * (np.arange(n) + .5))
    x = np.pad(x, (n, 2 * n - len(x) % n))
    return np.lib.stride_tricks.sliding_window_view(x, 2 * n)[::n] @ basis, basis


def back(coefficients, basis, length):
    n = basis.shape[1]
    y = np.zeros((len(coefficients) + 1) * n)
    for i, f in enumerate(coefficients @ basis.T):
        y[i * n:i * n + 2 * n] += f
    return y[n:n + length]


def latents(a):
    files, name = digits(a)
    train, test = [f for f, (_, s) in zip(files, name) if s != "theo"], [f for f, (_, s) in zip(files, name) if s == "theo"]
    model, out = os.path.join(a.work, "mdct.vae"), os.path.join(a.work, "back/")
    fit(a, model, ["--for", "reduce", "--audio", "mdct", "-l", "16", "--no-calibrate"], train)
    run(f"vae-enc -m {model} {' '.join(test)} | vae-dec -o {out}")
    x = np.concatenate([frames(samples(f))[0] for f in train])
    mean = x.mean(0)
    axes = np.linalg.svd(x - mean, full_matrices=False)[2][:16]
    error = np.zeros(3)
    for f in test:
        s = samples(f)
        c, basis = frames(s)
        pca = back((c - mean) @ axes.T @ axes + mean, basis, len(s))
        S = spectrum(s)
        error += [((S - spectrum(v)) ** 2).sum() for v in (samples(out + os.path.basename(f)), pca)] + [(S ** 2).sum()]
    v, p = np.sqrt(error[:2] / error[2])
    print(f"latents   spectral convergence with 16 a frame: vae {v:.3f}, PCA {p:.3f}, ratio {v / p:.2f}", flush=True)


def spent(t):
    return t.children_user + t.children_system


def speed(a):
    rng, model = np.random.default_rng(2), os.path.join(a.work, "speed.vae")
    path = os.path.join(a.work, "long.wav")
    wavfile.write(path, 16000, (rng.standard_normal(16000 * 600) * 3000).astype(np.int16))
    run(f"vae-fit -q --for reduce --no-calibrate -l 16 --steps 20 -m {model} {path}")
    start = os.times()
    run(f"vae-enc -j1 -m {model} -o {a.work}/z.vts {path} && vae-dec -j1 -m {model} -o {a.work}/long-back.wav {a.work}/z.vts")
    print(f"speed     encode and decode 16 kHz mono, one core: {600 / (spent(os.times()) - spent(start)):.0f} x real time")


def main():
    parts = {f.__name__: f for f in (fsdd, esc10, mdct, latents, speed)}
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default=",".join(parts))
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--epochs", type=int, default=100, help="of the baseline")
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    root = os.path.dirname(os.path.abspath(__file__))
    data = os.environ.get("VAE_DATA") or os.path.join(root, "../../../shared/data")
    if os.environ.get("VAE_BIN"):
        os.environ["PATH"] = os.environ["VAE_BIN"] + ":" + os.environ["PATH"]
    with tempfile.TemporaryDirectory() as a.work:
        for name in ("fsdd/fsdd.tar.gz", "esc10/esc10.tar"):
            if os.path.exists(os.path.join(data, name)):
                tarfile.open(os.path.join(data, name)).extractall(a.work)
        for part in a.only.split(","):
            parts[part](a)


if __name__ == "__main__":
    main()
