"""Lines of text through the command line. Options of vae-fit in $FIT; parts by name: text.py smiles names sms.

smiles  120000 molecules of QM9 in random order are learnt, the others are the test. Of 10000 new lines the share that is valid
        (brackets, branches and ring bonds closed, no atom with more bonds than it can have: valid(), which all of QM9 passes),
        of those the share that is distinct, and new; KL and bound in nats a molecule of the test, beside the bound of the same
        network without latents (one that is idle: --beta 20); with --beta .03 -l 64 the share of 2000 test molecules that come back exactly.
names   90 % of names.txt are learnt: the share of 5000 new lines that is not among them; nats a character of a 5-gram
        (Witten-Bell, of the same 90 %) for new lines and for the names held out.
sms     A half of ham is learnt (--for detect), the other half and spam scored: AUROC of the score, of the nats of a message, a
        character and the root of the characters (which is the score of lines); the same of 3- to 5-grams."""
import argparse
import collections
import gzip
import math
import os
import random
import re
import subprocess
import tempfile
import time

import numpy as np

DATA = os.environ.get("VAE_DATA", os.path.join(os.path.dirname(__file__), "../../../shared/data"))
BIN = os.environ.get("VAE_BIN", os.path.join(os.path.dirname(__file__), "../../build/bin"))
FIT = os.environ.get("FIT", "").split()


def run(name, *args, lines=None):
    data = None if lines is None else "".join(s + "\n" for s in lines).encode()
    return subprocess.run([os.path.join(BIN, name), *args], input=data, stdout=subprocess.PIPE, check=True).stdout.decode()


def fit(model, lines, *args):
    start = time.time()
    run("vae-fit", "-q", "-m", model, "--text", *FIT, *args, lines=lines)
    return time.time() - start


def read(name):
    name = os.path.join(DATA, name)
    with (gzip.open if name.endswith(".gz") else open)(name, "rt", encoding="utf-8", newline="\n") as f:
        return f.read().split("\n")[:-1]


# ---- molecules

BONDS = {"C": 4, "N": 3, "O": 2, "F": 1, "c": 3, "n": 3, "o": 2}
CHARGED = {("N", 1): 4, ("O", -1): 1, ("N", -1): 2, ("C", -1): 3, ("C", 1): 3, ("O", 1): 3}
TOKEN = re.compile(r"\[(C|N|O|F|c|n|o|H)(H?)(\d?)([+-]?)\]|([CNOFcno])|([=#])|(\()|(\))|([1-9])|(-)")


def valid(s):
    """Does it close what it opens, and has no atom more bonds than it can have? Aromatic bonds count 1; a nitro group may be
    written N(=O)=O."""
    atoms, stack, rings, last, bond, at = [], [], {}, None, 1, 0
    fresh = False  # a bond sign or a branch that nothing follows yet
    while at < len(s):
        m = TOKEN.match(s, at)
        if not m:
            return False
        at = m.end()
        element = m[1] or m[5]
        if element:
            charge = {"+": 1, "-": -1, "": 0}[m[4] or ""]
            hydrogens = (int(m[3]) if m[3] else 1) if m[1] and m[2] else 0
            most = CHARGED.get((element.upper(), charge)) if charge else BONDS.get(element, 1)
            if most is None:
                return False
            atoms.append([most, hydrogens, element.upper(), 0])
            if last is not None:
                for one, two in ((last, -1), (-1, last)):
                    atoms[one][3] += bond == 2 and atoms[one][2] == "N" and atoms[two][2] == "O"
                atoms[last][1] += bond
                atoms[-1][1] += bond
            last, bond, fresh = len(atoms) - 1, 1, False
        elif last is None:
            return False
        elif m[6] or m[10]:
            bond, fresh = {"=": 2, "#": 3, "-": 1}[m[0]], True
        elif m[7]:
            stack.append(last)
            fresh = True
        elif m[8]:
            if not stack or fresh:
                return False
            last = stack.pop()
        else:
            if m[9] in rings:
                other, order = rings.pop(m[9])
                if other == last:
                    return False
                order = max(order, bond)
                atoms[other][1] += order
                atoms[last][1] += order
            else:
                rings[m[9]] = last, bond
            bond, fresh = 1, False
    return bool(atoms) and not stack and not rings and not fresh and all(used <= (5 if oxo == 2 else most) for most, used, _, oxo in atoms)


def parts(model, lines):
    rows = run("vae-score", "-q", "-m", model, "--parts", lines=lines).split("\n")[:-1]
    names = rows[0].split(",")
    table = np.array([[float(v or "nan") for v in r.split(",")] for r in rows[1:]])
    return {n: table[:, i] for i, n in enumerate(names)}


def smiles(work, steps, few):
    lines = read("smiles/qm9.smi.gz")
    random.Random(1).shuffle(lines)
    train, test = lines[:120000], lines[120000:]
    print(f"smiles  of the data itself valid {np.mean([valid(s) for s in lines]):.4f}")
    model = os.path.join(work, "smiles.vae")
    seconds = fit(model, train, *steps)
    new = run("vae-gen", "-q", "-m", model, "-n", "10000").split("\n")[:-1]
    good = [s for s in new if valid(s)]
    known = set(train)
    p = parts(model, test)
    idle = os.path.join(work, "idle.vae")
    fit(idle, train, "--beta", "20", "--warmup", "0", *steps)
    q = parts(idle, test)
    print(f"  fit {seconds:.0f} s; valid {len(good) / len(new):.4f}   distinct {len(set(good)) / len(good):.4f}   "
          f"new {np.mean([s not in known for s in good]):.4f}")
    print(f"  test: KL {p['kl'].mean():.3f}   bound {p['nll'].mean():.3f}   without latents {q['nll'].mean():.3f} (KL {q['kl'].mean():.3f})")
    exact = os.path.join(work, "exact.vae")
    seconds = fit(exact, train, "--beta", ".03", "-l", "64", *steps)
    few = test[:few]
    latents = os.path.join(work, "z.vts")
    run("vae-enc", "-q", "-m", exact, "-o", latents, lines=few)
    for how in ([], ["--beam", "8"]):
        back = run("vae-dec", "-q", "-m", exact, *how, latents).split("\n")[:-1]
        print(f"  beta .03, fit {seconds:.0f} s: back exactly, {'beam 8' if how else 'greedy'} {np.mean([a == b for a, b in zip(back, few)]):.4f}")


# ---- n-grams

class Gram:
    """Witten-Bell: p(s | h) = (count(hs) + kinds(h) p(s | shorter h)) / (count(h) + kinds(h))."""

    def __init__(self, n, lines):
        self.n, self.count = n, collections.defaultdict(collections.Counter)
        self.symbols = len(set("".join(lines))) + 2
        for s in lines:
            text = "\1" * (n - 1) + s + "\2"
            for i in range(n - 1, len(text)):
                for k in range(n):
                    self.count[text[i - k:i]][text[i]] += 1
        self.total = {h: sum(c.values()) for h, c in self.count.items()}

    def nats(self, s):
        text, sum_ = "\1" * (self.n - 1) + s + "\2", 0.0
        for i in range(self.n - 1, len(text)):
            p = 1 / self.symbols
            for k in range(self.n):
                h = text[i - k:i]
                if h not in self.total:
                    break
                kinds = len(self.count[h])
                p = (self.count[h][text[i]] + kinds * p) / (self.total[h] + kinds)
            sum_ -= math.log(p)
        return sum_


def names(work, steps, few):
    lines = read("names/names.txt")
    random.Random(1).shuffle(lines)
    cut = len(lines) * 9 // 10
    train, test = lines[:cut], lines[cut:]
    model = os.path.join(work, "names.vae")
    seconds = fit(model, train, *steps)
    gram, known, p = Gram(5, train), set(train), parts(model, test)
    each = lambda x: sum(map(gram.nats, x)) / sum(len(s) + 1 for s in x)
    print(f"names   fit {seconds:.0f} s; KL {p['kl'].mean():.3f}   bound {p['nll'].mean():.3f}; nats a character of names held out {each(test):.4f}")
    for t in ("1", ".8", ".75"):
        new = run("vae-gen", "-q", "-m", model, "-n", "5000", "--temperature", t).split("\n")[:-1]
        print(f"  --temperature {t}: nats a character {each(new):.4f}   new {np.mean([s not in known for s in new]):.4f}   "
              f"distinct {len(set(new)) / len(new):.4f}")


def auroc(normal, odd):
    both = np.concatenate([normal, odd])
    order = both.argsort(kind="stable")
    rank = np.empty(len(both))
    rank[order] = np.arange(1, len(both) + 1)
    for v in np.unique(both):  # ties count half
        same = both == v
        rank[same] = rank[same].mean()
    n = len(odd)
    return (rank[len(normal):].sum() - n * (n + 1) / 2) / (n * len(normal))


def ranks(what, nats, size):
    total, root, each = (auroc(*[a / n**power for a, n in zip(nats, size)]) for power in (0, .5, 1))
    print(f"  {what:<8} AUROC total {total:.4f}, the root of the characters {root:.4f}, a character {each:.4f}; "
          f"nats a character of ham {nats[0].sum() / size[0].sum():.4f}")


def sms(work, steps, few):
    rows = [r.split("\t", 1) for r in read("sms_spam/sms.tsv.gz")]
    ham, spam = ([t for k, t in rows if k == kind] for kind in ("ham", "spam"))
    random.Random(1).shuffle(ham)
    train, rest = ham[:len(ham) // 2], ham[len(ham) // 2:]
    model = os.path.join(work, "sms.vae")
    seconds = fit(model, train, "--for", "detect", *steps)
    size = [np.array([len(s) + 1 for s in x]) for x in (rest, spam)]
    p = [parts(model, x) for x in (rest, spam)]
    print(f"sms     fit {seconds:.0f} s; AUROC of the score {auroc(*[q['score'] for q in p]):.4f}")
    ranks("vae", [q["nll"] for q in p], size)
    for n in (3, 4, 5):
        gram = Gram(n, train)
        ranks(f"{n}-gram", [np.array([gram.nats(t) for t in x]) for x in (rest, spam)], size)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("part", nargs="*", default=["smiles", "names", "sms"], help="smiles, names, sms")
    p.add_argument("--steps", help="of each fit, else the fit's own choice")
    p.add_argument("--few", type=int, default=2000, help="test molecules that are given back")
    a = p.parse_args()
    steps = ["--steps", a.steps] if a.steps else []
    with tempfile.TemporaryDirectory() as work:
        for part in a.part:
            {"smiles": smiles, "names": names, "sms": sms}[part](work, steps, a.few)


if __name__ == "__main__":
    main()
