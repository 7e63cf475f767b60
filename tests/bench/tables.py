"""tables.py: what the scripts that measure on tables share: the tables themselves, as text and split once, and commands
that are run with their time and memory taken. The data is looked for in $VAE_DATA (default ../shared/data from the
project's root), the commands in $VAE_BIN, else in PATH, else in build/bin. Options for vae-fit are passed in $FIT, for
vae-gen in $GEN."""
import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
DATA = os.environ.get("VAE_DATA") or os.path.join(ROOT, "..", "shared", "data")
EVAL = os.environ.get("VAE_EVAL") or os.path.join(ROOT, "..", "shared", "eval")
NAMES = ["adult", "beijing_pm25", "wine_quality", "abalone", "bank_marketing", "german_credit"]
DROP = {"beijing_pm25": ["No"]}  # row counters: nothing to be learnt
MISSING = ["", "NA", "?", "nan", "NaN"]

# A child's peak memory is never less than that of the process it was forked from, so a small one stands between.
TIMER = """import os, subprocess, sys, time
t = time.time()
p = subprocess.Popen(sys.argv[2:])
_, status, use = os.wait4(p.pid, 0)
os.write(int(sys.argv[1]), f"[{time.time() - t}, {use.ru_maxrss / 1024}]".encode())
sys.exit(1 if status else 0)"""


def have(*needed):
    """Ends the script, politely, where one of the files is absent."""
    for path in needed:
        if not os.path.exists(path):
            print(f"left out: {path} is not there")
            sys.exit(0)


def options(doc, **more):
    """Parses the options that all scripts have; `more` are name=(default, help)."""
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--only", default=",".join(NAMES), help="tables, with commas between")
    ap.add_argument("--seed", type=int, default=1, help="seed for vae-fit and vae-gen")
    ap.add_argument("--work", help="directory for models and tables, kept; else a temporary one")
    for name, (default, text) in more.items():
        ap.add_argument("--" + name, default=default, type=type(default) if default is not None else str, help=text)
    a = ap.parse_args()
    a.only = a.only.split(",")
    if a.work:
        os.makedirs(a.work, exist_ok=True)
        a.tmp = None
    else:
        a.tmp = tempfile.TemporaryDirectory()
        a.work = a.tmp.name
    if os.environ.get("VAE_BIN"):
        os.environ["PATH"] = os.path.abspath(os.environ["VAE_BIN"]) + ":" + os.environ["PATH"]
    elif not shutil.which("vae-fit"):
        os.environ["PATH"] = os.path.join(ROOT, "build", "bin") + ":" + os.environ["PATH"]
    return a


def path(name):
    return os.path.join(DATA, *name.split("/")) + ".csv.gz"


def read(file):
    """A table as text, cell by cell."""
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def load(name):
    """The whole table without its row counter; of adult the training file."""
    have(DATA)
    file = path("adult/adult-train") if name == "adult" else path(f"{name}/{name}")
    return read(file).drop(columns=DROP.get(name, []))


def halves(name):
    """(train, test) with all columns: adult's own, the others in halves, shuffled with seed 0."""
    have(DATA)
    if name == "adult":
        return read(path("adult/adult-train")), read(path("adult/adult-test"))
    d = read(path(f"{name}/{name}"))
    p = np.random.RandomState(0).permutation(len(d))
    return tuple(d.iloc[i].reset_index(drop=True) for i in np.split(p, [len(d) // 2]))


def values(d, like=None):
    """The table with numbers as floats where they are numbers: columns of numbers with more than 10 values in `like`
    (as fidelity.py has it). Missing cells are NaN in them and "" in the others. -> (table, numeric, categorical)"""
    like, out = d if like is None else like, pd.DataFrame(index=d.index)
    numeric = []
    for c in d:
        known = like[c][~like[c].isin(MISSING)]
        if pd.to_numeric(known, errors="coerce").notna().all() and known.astype(float).nunique() > 10:
            out[c] = pd.to_numeric(d[c].where(~d[c].isin(MISSING)), errors="coerce")
            numeric.append(c)
        else:
            x = d[c].str.strip()
            number = pd.to_numeric(x, errors="coerce")
            out[c] = x.where(number.isna(), number.map("{:g}".format)).where(~x.isin(MISSING), "")
    return out, numeric, [c for c in d if c not in numeric]


def write(d, file):
    d.to_csv(file, index=False, lineterminator="\n")
    return file


def run(*command, out=None):
    """Runs a command, its output into file `out`. -> (seconds, MB at the peak); fails with the command's message."""
    r, w = os.pipe()
    sink = open(out, "wb") if out else None
    p = subprocess.run([sys.executable, "-I", "-S", "-c", TIMER, str(w), *command], stdout=sink, pass_fds=[w])
    os.close(w)
    if p.returncode:
        sys.exit(f"{os.path.basename(sys.argv[0])}: failed: {shlex.join(command)}")
    return tuple(json.loads(os.read(r, 100)))


def fit(a, model, *args):
    return run("vae-fit", "-q", "-s", str(a.seed), "-m", model, *shlex.split(os.environ.get("FIT", "")), *args)


def gen(a, model, out, *args):
    return run("vae-gen", "-q", "-s", str(a.seed), "-m", model, *shlex.split(os.environ.get("GEN", "")), *args, out=out)
