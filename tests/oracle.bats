#!/usr/bin/env bats
# The numbers, held against numpy reading the model file as vae-model(5) says (oracle.py).
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests
    "$PYTHON" -c 'import numpy' 2>/dev/null || return 0
    # a plain model, written down again in oracle.py; chains are checked in test_chain.c
    vae-fit -q -m "$MODEL" --for detect --dropout .1 -l 13 --hidden 64 -k cultivar --steps 200 "$WINE"
    local x="-q -k 1 --steps 100 --for detect"
    vae-fit $x -m mlp.vae --net mlp --hidden 40,20 --act tanh -l 3 --no-calibrate "$WINE"
    vae-fit $x -m steps.vae --hidden 48,48,16 --act relu -l 5 --no-calibrate "$WINE"
    vae-fit $x -m bernoulli.vae --lik bernoulli --hidden 48 -l 4 --prior normal "$WINE"
    vae-fit $x -m cells.vae --hidden 48 "$CELLS"
    x+=" --no-calibrate --hidden 32 -l 5"
    vae-fit $x -m vamp.vae --prior vamp "$WINE"
    vae-fit $x -m realnvp.vae --prior realnvp "$WINE"
    vae-fit $x -m ladder.vae --prior normal --latent ladder "$WINE"
    vae-fit $x -m deep.vae --prior vamp --latent ladder "$WINE"
}
setup() {
    need_numpy
    cd "$BATS_FILE_TMPDIR" || return
}
# python: a script on standard input; `each` walks the models with their tables.
python() {
    (cat <<'PY'
import os, subprocess, sys, warnings
import numpy as np
from oracle import Model, table
WINE, CELLS = sys.argv[1:]
models = [("wine.vae", WINE), ("mlp.vae", WINE), ("steps.vae", WINE), ("bernoulli.vae", WINE), ("cells.vae", CELLS)]
deep = [(n, WINE) for n in ("vamp.vae", "realnvp.vae", "ladder.vae", "deep.vae")]
def run(*command):
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    open("out.csv", "wb").write(out)
    return out.decode()
def near(what, a, b, tolerance):
    worst = np.abs(a - b).max()
    print(f"{what}: off by {worst:.3g}, allowed {tolerance:g}")
    assert a.shape == b.shape and worst <= tolerance, what
def few(data):
    """A file of 60 of its records, for what takes many draws of each."""
    lines = open(data).read().splitlines(True)
    open("few.csv", "w").writelines(lines[:1] + lines[1 :: len(lines) // 60][:60])
    return "few.csv"
PY
    cat) | "$PYTHON" - "$WINE" "$CELLS"
}

@test "the encoder: means and standard deviations of all records" {
    python <<'PY'
for name, data in models:
    m, (_, raw) = Model(name), table(data, 1)
    run("vae-enc", "-m", name, "--with-sd", "-t", "csv", data)
    head, z = table("out.csv", 1)
    assert head == [f"z{i + 1}" for i in range(m.k)] + [f"sd{i + 1}" for i in range(m.k)]
    mean, sd = m.encode(raw)
    near(name + " mean", z[:, : m.k], mean, 1e-4)
    near(name + " sd", z[:, m.k :], sd, 1e-4)
PY
}

@test "the decoder: means of all records, to the digits that are printed" {
    python <<'PY'
for name, data in models:
    m, (names, raw) = Model(name), table(data, 1)
    open("z.csv", "w").write(run("vae-enc", "-m", name, "-t", "csv", data))
    _, z = table("z.csv", 1)
    run("vae-dec", "-m", name, "z.csv")
    head, x = table("out.csv", 1)
    assert head == names
    digits = [max(len(c.split(",")[j + 1].partition(".")[2]) for c in open("out.csv").read().split()[1:]) for j in range(len(names))]
    unit = np.array([0.5 * 10.0 ** -d for d in digits]) / m.array["schema.sd"]
    near(name, (x - m.decode(z)) / m.array["schema.sd"] / (1 + unit / 1e-4), 0 * x, 1e-4)
PY
}

@test "scores: kl from mean and sd, mse from the mean's reconstruction, recon by many draws, nll their sum" {
    python <<'PY'
rng = np.random.default_rng(1)
for name, data in models:
    data = few(data)
    m, (_, raw) = Model(name), table(data, 1)
    run("vae-score", "-q", "-m", name, "--parts", "--draws", "4000", data)
    head, s = table("out.csv", 1)
    nll, recon, kl, mse = (s[:, head.index(c)] for c in ("nll", "recon", "kl", "mse"))
    mean, sd = m.encode(raw)
    want = 0.5 * (mean**2 + sd**2 - 1 - 2 * np.log(sd)).sum(1)
    near(name + " kl", kl / (1 + want), want / (1 + want), 1e-4)
    x = (raw - m.array["schema.center"]) / m.array["schema.scale"]
    want = ((x - m.decode_model(mean)) ** 2).mean(1)
    near(name + " mse", mse / (1 + want), want / (1 + want), 1e-4)
    near(name + " nll", nll, recon + kl, 1e-4 * np.abs(nll).max())
    draws = np.array([m.recon(raw, mean + sd * rng.standard_normal(mean.shape)) for _ in range(1000)])
    error = draws.std(0) * np.sqrt(1 / 1000 + 1 / 4000)
    print(name, "recon: worst", np.abs((recon - draws.mean(0)) / error).max(), "standard errors")
    assert (np.abs(recon - draws.mean(0)) <= 6 * error + 1e-3).all()
PY
}

@test "scores: the importance-weighted bound of many draws is that of numpy" {
    python <<'PY'
rng = np.random.default_rng(2)
for name, data in models[:4] + deep:
    data = few(data)
    m, (_, raw) = Model(name), table(data, 1)
    run("vae-score", "-q", "-m", name, "--parts", "--iw", "2000", data)
    head, s = table("out.csv", 1)
    w = []
    for _ in range(2000):
        z, log_q, log_p = m.draw(raw, rng.standard_normal((len(raw), m.k)))
        w.append(log_p - log_q - m.recon(raw, z))
    w = np.array(w)
    top = w.max(0)
    weight = np.exp(w - top)
    want = -(top + np.log(weight.mean(0)))
    error = weight.std(0) / weight.mean(0) / np.sqrt(1000)
    got = s[:, head.index("score")]
    print(name, "worst", np.abs(got - want).max(), "mean difference", (got - want).mean())
    assert np.median(np.abs(got - want)) < 0.2 and np.mean(np.abs(got - want) <= 6 * error + 0.05) > 0.95
    assert (got == s[:, head.index("nll")]).all()
PY
}

@test "p: its rank among the scores of the calibration, for each kind of score" {
    python <<'PY'
for name, data in [models[0], models[3], models[4]]:
    m = Model(name)
    cal = m.array["calibration"]
    assert (np.diff(cal, axis=1) >= 0).all() and m.meta["calibration"]["rows"] == cal.shape[1]
    for row, by in enumerate(("elbo", "iw", "recon", "mse", "near")[:len(cal)]):
        run("vae-score", "-q", "-m", name, "--by", by, "--alpha", "0.1", data)
        _, s = table("out.csv", 1)
        score, p, anomaly = s[:, 0].astype("f4"), s[:, 1], s[:, 2]
        want = (1 + (cal[row][None, :].astype("f4") >= score[:, None]).sum(1)) / (cal.shape[1] + 1)
        near(f"{name} {by}", p, want, 1e-7)
        assert (anomaly == (want <= 0.1)).all()
PY
}

@test "p is about uniform over the training rows, and small for rows unlike them" {
    python <<'PY'
run("vae-score", "-q", "-m", "wine.vae", "--by", "elbo", WINE)
_, s = table("out.csv", 1)
print("mean p", s[:, 1].mean())
assert 0.35 < s[:, 1].mean() < 0.75
text = open(WINE).read().split("\n")
rows = [r.split(",") for r in text[1:] if r]
for r in rows:
    r[1] = str(float(r[1]) * 3)
open("odd.csv", "w").write("\n".join([text[0]] + [",".join(r) for r in rows]) + "\n")
run("vae-score", "-q", "-m", "wine.vae", "odd.csv")
_, s = table("out.csv", 1)
assert s[:, 1].max() < 0.01, s[:, 1].max()
PY
}

@test "what the model says of the columns is what numpy says of the data" {
    python <<'PY'
for name, data in models:
    m, (names, raw) = Model(name), table(data, 1)
    a = m.array
    assert [c["name"] for c in m.meta["schema"]["columns"]] == names and len(m.meta["schema"]["keep"]) == 1
    sd = raw.std(0, ddof=1)
    for what, want in (("mean", raw.mean(0)), ("low", raw.min(0)), ("high", raw.max(0))):
        near(f"{name} {what}", a["schema." + what] / sd, want / sd, 1e-9)
    assert min(np.abs(a["schema.sd"] / raw.std(0, ddof=d) - 1).max() for d in (0, 1)) < 1e-9
    step = np.array([np.diff(np.unique(c)).min() for c in raw.T])
    near(name + " step", a["schema.step"] / step, np.ones_like(step), 1e-9)
PY
}

@test "the checksum within is the one that vae-model(5) describes; the id is sha256sum's" {
    python <<'PY'
import hashlib, json
for name, _ in models:
    m = Model(name)
    assert m.computed_crc32() == m.crc32, name
    info = json.loads(run("vae-info", "--json", name))
    assert info["model"]["id"] == hashlib.sha256(m.bytes).hexdigest()
    weights = sum(v.size for k, v in m.array.items() if k.split(".")[0] in ("encoder", "decoder", "likelihood"))
    assert info["model"]["weights"] == weights, (info["model"]["weights"], weights)
PY
    [ "$(sha256sum <wine.vae | cut -d' ' -f1)" = "$(vae-info wine.vae | sed -n 's/^model *//p')" ]
}

@test "nothing of the command line, the place or the time is in a model" {
    for word in "$PWD" "$BATS_FILE_TMPDIR" wine.csv examples "$(date +%Y)-" --steps; do
        ! LC_ALL=C grep -qaF -- "$word" wine.vae || { echo "found $word"; return 1; }
    done
}

@test "draws of the encoder have the posterior's mean and sd; draws of the generator the mixture's mean" {
    python <<'PY'
m, (_, raw) = Model("wine.vae"), table(WINE, 1)
mean, sd = m.encode(raw)
e = []
for seed in range(30):
    run("vae-enc", "-m", "wine.vae", "--sample", "-s", str(seed), "-t", "csv", WINE)
    e.append((table("out.csv", 1)[1] - mean) / sd)
e = np.array(e)
n = e.size
print("mean", e.mean(), "variance", e.var())
assert abs(e.mean()) < 5 / n**0.5 and abs(e.var() - 1) < 5 * (2 / n) ** 0.5
p, k = m.array["prior"].reshape(-1, 1 + m.k + m.k * (m.k + 1) // 2), m.k
weight = np.exp(p[:, 0])
assert abs(weight.sum() - 1) < 1e-5
rng = np.random.default_rng(3)
low = np.tril_indices(k)
z = []
for c in rng.choice(len(p), 20000, p=weight / weight.sum()):
    l = np.zeros((k, k))
    l[low] = p[c, 1 + k :]
    z.append(p[c, 1 : 1 + k] + l @ rng.standard_normal(k))
want = m.decode(np.array(z))
run("vae-gen", "-m", "wine.vae", "-n", "20000", "--mean")
got = table("out.csv", 1)[1]
s = m.array["schema.sd"]
near("mean of generated means", got.mean(0) / s, want.mean(0) / s, 0.06)
near("spread of generated means", got.std(0) / s, want.std(0) / s, 0.08)
PY
}
