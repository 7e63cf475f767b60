#!/usr/bin/python3
"""state_runs.py RUNS SEED MODEL: vae-score --state -o under a log that grows and is rotated while runs are killed.

RUNS runs in the current directory, which is to be empty, many of them ended by kill -9 (or TERM) at a random moment. In
between and meanwhile rows are appended, some of them in two halves; the log is renamed away, once or several times, with a
new one with or without a header; or copied and cut, where no run reads it. The output is renamed away, too. At the end
each row must stand in the outputs once, in its order, with its number and with the score that one run over all gives.
"""
import os, random, shutil, subprocess, sys, time

runs, seed, model = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
draw = random.Random(seed)
with open(os.environ["WINE"]) as f:
    wine = [line.rstrip("\n").split(",", 1)[1] for line in f]
header, wine = "id," + wine[0], wine[1:]
score = ["vae-score", "-q", "-m", model, "-k", "id"]
written, half, outputs = [], "", 0


def append(rows):
    """So many rows more, and half of another one."""
    global half
    with open("app.csv", "a") as log:
        for _ in range(rows):
            if not half:
                written.append(f"{len(written) + 1},{wine[len(written) % len(wine)]}")
            log.write((written[-1] + "\n")[len(half):])
            half = ""
        if not half and draw.random() < 0.3:
            written.append(f"{len(written) + 1},{wine[len(written) % len(wine)]}")
            half = written[-1][: draw.randrange(1, 40)]
            log.write(half)


def finish_row():
    global half
    if half:
        with open("app.csv", "a") as log:
            log.write((written[-1] + "\n")[len(half):])
        half = ""


def begin():
    with open("app.csv", "a") as log:
        if draw.random() < 0.7:
            log.write(header + "\n")


def shift():
    """app.csv.1 becomes app.csv.2, and so on."""
    n = 1
    while os.path.exists(f"app.csv.{n}"):
        n += 1
    for i in range(n, 1, -1):
        os.rename(f"app.csv.{i - 1}", f"app.csv.{i}")
    if n > 40:
        os.unlink(f"app.csv.{n}")  # long since read


def rotate(copy):
    finish_row()
    shift()
    if copy:
        shutil.copyfile("app.csv", "app.csv.1")
        os.truncate("app.csv", 0)
    else:
        os.rename("app.csv", "app.csv.1")
        time.sleep(draw.choice([0, 0.003]))
    begin()


def run(kill, busy=True):
    global outputs
    p = subprocess.Popen(score + ["--state", "state", "-o", "out.csv", "app.csv"])
    while busy and draw.random() < 0.5:
        draw.choice([lambda: append(draw.randrange(30)), lambda: rotate(False), lambda: time.sleep(0.004)])()
    if kill:
        time.sleep(draw.random() * kill)
        p.send_signal(draw.choice([9, 9, 9, 15]))
    status = p.wait()
    assert status == 0 or (kill and status in (-9, -15)), f"status {status}"
    return status == 0


with open("app.csv", "w") as log:
    log.write(header + "\n")
append(40)
began = time.time()
assert run(0, False)  # what was rotated away before the first run is not its own
whole = time.time() - began
good = 1
for _ in range(runs - 2):
    for _ in range(draw.randrange(3)):
        append(draw.choice([1, 5, 100]))
    what = draw.random()
    if what < 0.1:
        rotate(True)
    elif what < 0.25:
        for _ in range(draw.choice([1, 1, 3])):
            append(3)
            rotate(False)
    elif what < 0.3 and os.path.exists("out.csv"):
        outputs += 1
        os.rename("out.csv", f"out.{outputs}")
    good += run(draw.choice([0, whole, whole, whole / 4]))
finish_row()
assert run(0, False)
good += 1

names = [f"out.{i + 1}" for i in range(outputs)] + ["out.csv"]
lines = []
for name in names:
    if os.path.exists(name):
        with open(name) as f:
            text = f.read()
        assert not text or text.endswith("\n"), f"{name} ends within a row"
        rows = text.splitlines()
        assert not rows or rows[0].endswith("id,score,p,anomaly"), f"{name} begins with {rows[0]}"
        lines += rows[1:]
ids = [int(line.split(",")[-4]) for line in lines]
want = list(range(1, len(written) + 1))
twice, missed = len(ids) - len(set(ids)), len(set(want) - set(ids))
assert (twice, missed) == (0, 0), f"{twice} rows scored twice, {missed} missed of {len(want)}"
assert ids == want, "rows are out of order"
with open("all.csv", "w") as f:
    f.write("\n".join([header] + written) + "\n")
once = subprocess.run(score + ["all.csv"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
assert lines == once, "scores are others than those of one run"
print(f"{runs} runs, {runs - good} killed, {len(ids)} rows: none twice, none missed")
