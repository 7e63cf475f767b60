#!/usr/bin/python3
"""Random tables of every unpleasant shape through the commands, with default options and few steps.

    random_tables.py FROM TO [MOST [OPTION...]]   tables FROM..TO-1 through vae-fit OPTION..., vae-info, vae-score, vae-gen, vae-enc
                                                  and vae-dec; rows, and columns, are at most MOST
    random_tables.py make N [MOST]                writes table N

2..200 columns (one table in 40: 5000), 10..20000 rows (or 5, or 2), heavy tails, constants, copies, scales from 1e-9 to 1e9, blanks,
levels, counts, dates, outliers, rows alike. Nothing may diverge or crash; there is no NaN in a report, a score or a new row; latents
that are idle are said to be. What a fit refuses, it refuses with status 65 and one line.
"""
import csv, io, json, math, os, subprocess, sys, tempfile

import numpy as np

PURPOSES = ["generate", "detect", "reduce"]


def number(v):
    return "" if math.isnan(v) else "%.7g" % v


def column(r, n, before):
    """n cells as texts, and the numbers behind them where there are some."""
    scale, shift = 10.0 ** r.uniform(-9, 9), r.choice([0, 0, 1, 1e3])
    z = r.standard_normal(n)
    kind = r.choice(["normal", "normal", "linear", "lognormal", "cauchy", "pareto", "constant", "copy", "outlier", "almost", "count",
                     "few", "binary", "level", "rare", "date", "offset", "spike", "blank"])
    if kind == "linear" and before:
        near = [np.clip(b, np.median(b) - 1e12, np.median(b) + 1e12) for b in before[-3:]]
        v = (sum(r.uniform(-1, 1) * b / (np.std(b) + 1e-12) for b in near) + 0.1 * z) * scale
    elif kind == "lognormal":
        v = np.exp(np.clip(r.uniform(0.5, 6) * z, -60, 60)) * scale
    elif kind == "cauchy":
        v = np.clip(r.standard_cauchy(n), -1e12, 1e12) * scale
    elif kind == "pareto":
        v = np.clip(r.pareto(r.uniform(0.3, 2), n), 0, 1e15) * scale
    elif kind == "constant":
        v = np.full(n, scale)
    elif kind == "copy" and before:
        v = before[r.integers(len(before))].copy()
    elif kind == "outlier":
        v = z * scale
        v[r.integers(n)] = scale * 1e12
    elif kind == "almost":
        v = np.full(n, shift * scale)
        v[r.integers(n)] += scale
    elif kind == "count":
        v = np.floor(r.exponential(10.0 ** r.uniform(-1, 4), n))
    elif kind == "few":
        v = r.integers(0, r.integers(2, 9), n).astype(float)
    elif kind == "binary":
        v = (r.random(n) < r.uniform(0.001, 0.5)).astype(float)
    elif kind == "offset":
        v = 1e9 + z * 10.0 ** r.uniform(-2, 3)
    elif kind == "spike":
        v = np.where(r.random(n) < 0.7, 0, np.exp(2 * z)) * scale
    elif kind == "level":
        names = ["level %d" % i for i in range(r.integers(2, 30))]
        return [names[int(i)] for i in r.integers(0, len(names), n)], None
    elif kind == "rare":
        return ["usual" if u < 0.97 else "x%d" % (1000 * u) for u in r.random(n)], None
    elif kind == "date":
        return [str(np.datetime64("1990-01-01") + np.timedelta64(int(i), "D")) for i in r.integers(0, 12000, n)], None
    elif kind == "blank":
        return [""] * n, None
    else:
        v = (z + shift) * scale
    digits = int(r.choice([2, 4, 7]))
    return ["%.*g" % (digits, x) for x in v], v


def make(seed, most):
    r = np.random.default_rng(seed)
    rows = int(round(10 ** r.uniform(1, math.log10(20000))))
    columns = min(int(round(2 * 100 ** r.uniform(0, 1))), most)
    if seed % 40 == 7 and most >= 5000:
        columns, rows = 5000, 20
    elif seed % 20 == 3:
        rows = int(r.choice([2, 5]))
    rows = min(rows, most, max(2, 400000 // columns)) if seed % 20 != 3 else rows
    cells, before = [], []
    for _ in range(columns):
        text, v = column(r, rows, before)
        if v is not None:
            before.append(v)
        if r.random() < 0.2:
            share = r.uniform(0, 0.5)
            text = ["" if u < share else t for t, u in zip(text, r.random(rows))]
        cells.append(text)
    table = [list(row) for row in zip(*cells)]
    if r.random() < 0.2 and rows > 2: # rows alike, also all of them
        alike = rows if r.random() < 0.2 else 2
        table[:alike] = [table[0]] * alike
    out = io.StringIO()
    w = csv.writer(out, lineterminator="\n")
    w.writerow("c%d" % i for i in range(columns))
    w.writerows(table)
    return out.getvalue()


def run(command, stdin=None):
    p = subprocess.run(command, input=stdin, capture_output=True, timeout=1200)
    return p.returncode, p.stdout, p.stderr.decode(errors="replace")


def finite(what, text):
    """No cell is a NaN or infinite."""
    for row in csv.reader(io.StringIO(text.decode())):
        for cell in row:
            assert cell.lower().lstrip("+-") not in ("nan", "inf", "infinity"), "%s: %s" % (what, ",".join(row)[:200])


def numbers(j):
    if isinstance(j, dict):
        j = list(j.values())
    if isinstance(j, list):
        for v in j:
            yield from numbers(v)
    elif isinstance(j, float):
        yield j


def check(seed, most, options, folder, seen):
    path, model = os.path.join(folder, "t.csv"), os.path.join(folder, "t.vae")
    with open(path, "w") as f:
        f.write(make(seed, most))
    purpose = PURPOSES[seed % 3]
    status, out, said = run(["vae-fit", "-m", model, "--for", purpose] + options + [path])
    assert status in (0, 65), "fit: status %d: %s" % (status, said[-300:])
    assert " nan" not in said and " inf" not in said and "-nan" not in said, "the report: " + said
    if status == 65:
        assert said.strip().count("\n") == 0, "more than one line: " + said
        seen["refused"] += 1
        return
    status, out, err = run(["vae-info", "--json", model])
    assert status == 0, err
    info = json.loads(out, parse_constant=lambda c: float("nan"))
    assert all(math.isfinite(v) for v in numbers(info)), "vae-info: " + out.decode()[:2000]
    info = info["model"]
    training = info["training"]
    told = training.get("held_out") or training["fitted"]
    idle = told["active_units"] == 0 or sum(info["kl"]) < 0.05
    assert idle == training["collapsed"], "idle %s, said %s" % (idle, training["collapsed"])
    assert not idle or "idle" in said or "have collapsed" in said, "idle and not told: " + said
    seen["idle"] += idle
    seen["answered"] += training["answered"]
    seen["skipped"] += training["skipped"] > 0
    seen["rolled back"] += training["rolled_back"] > 0
    status, out, err = run(["vae-score", "-q", "--parts", "-m", model, path])
    assert status == 0, "score: " + err
    finite("score", out)
    status, out, err = run(["vae-gen", "-m", model, "-n", "40"])
    assert status == 0, "gen: " + err
    finite("gen", out)
    status, out, err = run(["vae-enc", "-m", model, path])
    assert status == 0, "enc: " + err
    status, out, err = run(["vae-dec", "-m", model], out)
    assert status == 0, "dec: " + err
    finite("dec", out)


def main(arguments):
    if arguments[0] == "make":
        sys.stdout.write(make(int(arguments[1]), int(arguments[2]) if len(arguments) > 2 else 20000))
        return 0
    first, last, most = int(arguments[0]), int(arguments[1]), int(arguments[2]) if len(arguments) > 2 else 20000
    seen, bad = dict.fromkeys(["refused", "idle", "answered", "skipped", "rolled back"], 0), 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last):
            try:
                check(seed, most, arguments[3:], folder, seen)
            except (AssertionError, subprocess.TimeoutExpired) as e:
                bad += 1
                print("table %d: %s" % (seed, e), flush=True)
    print("%d tables, %d bad; %s" % (last - first, bad, ", ".join("%d %s" % (n, name) for name, n in seen.items())))
    return bad > 0


sys.exit(main(sys.argv[1:]))
