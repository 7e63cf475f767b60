"""series.py WHAT ...: tables in the order of time for series.bats, and what must hold of their scores."""
import datetime
import math
import random
import sys


def noise(seed=1):
    return random.Random(seed)


def counter(n, start):
    """Requests served so far, and two columns that go together."""
    r, at = noise(), float(start)
    print("requests,load,latency")
    for _ in range(int(n)):
        load = r.gauss(0, 1)
        at += 1 + int(r.expovariate(1 / 400))
        print(f"{at:.0f},{load:.3f},{2 * load + r.gauss(0, .5):.3f}")


def ordered(n, by):
    """A table of people that somebody sorted."""
    r = noise()
    rows = [(r.lognormvariate(8, 1), 18 + int(r.expovariate(1 / 20)), r.gauss(0, 1)) for _ in range(int(n))]
    rows.sort(key=lambda row: row[0 if by == "amount" else 1])
    print("amount,years,other")
    for row in rows:
        print(f"{row[0]:.2f},{row[1]},{row[2]:.3f}")


def clock(n, weeks):
    """Load an hour, high by day."""
    r, start = noise(), datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=round(float(weeks) * 168))
    print("time,load")
    for i in range(int(n)):
        at = start + datetime.timedelta(hours=i)
        print(f"{at.isoformat()},{-math.cos(2 * math.pi * (i % 24) / 24) + r.gauss(0, .1):.4f}")


def hosts(n, swap):
    """Two hosts in turn, each with a wave of its own; with swap, in one place two rows of the first host have changed places: each
    value is as usual, their order is not."""
    r = noise()
    wave = {h: [math.sin(2 * math.pi * i / 8 + k) + r.gauss(0, .02) for i in range(int(n))] for k, h in enumerate("ab")}
    if int(swap):
        a, i = wave["a"], int(swap)
        a[i], a[i + 2] = a[i + 2], a[i]
    print("host,cpu")
    for i in range(int(n)):
        for h in "ab":
            print(f"{h},{wave[h][i]:.4f}")


def log(n):
    """Requests and load of four hosts, one of them quiet; names with a comma and with a byte that is no UTF-8, quotes where there need be none."""
    r, at = noise(), 0
    print("host,requests,cpu,note")
    for i in range(int(n)):
        host = r.choices(["a", "b", "d,x", "quiet\udce9"], [10, 8, 3, .2])[0]
        at += r.randrange(1, 50)
        print(f'"{host}"' if "," in host or i % 3 == 0 else host, at, f"{math.sin(i / 3) + r.gauss(0, .1):.3f}", r.choice(["x", '"y ""z"""', ""]), sep=",")


def scores(path):
    lines = (sys.stdin if path == "-" else open(path)).read().split()
    at = lines[0].split(",").index("score")
    return [float(cells[at]) for cells in (line.split(",") for line in lines[1:]) if cells[at]]


def odder(usual, other):
    """Most of the other scores are above nearly all of the usual ones."""
    a, b = sorted(scores(usual)), sorted(scores(other))
    assert b[len(b) // 3] > a[len(a) * 9 // 10], (a[len(a) * 9 // 10], b[len(b) // 3])


def highest(path):
    """The line of the highest score, from 1 behind the header."""
    s = scores(path)
    print(s.index(max(s)) + 1 + sum(not line.split(",")[1] for line in open(path).read().split()[1:]))


def alike(one, other, slack=1e-3):
    a, b = scores(one), scores(other)
    assert len(a) == len(b) and all(abs(x - y) <= float(slack) for x, y in zip(a, b)), max(abs(x - y) for x, y in zip(a, b))


{"alike": alike, "counter": counter, "hosts": hosts, "highest": highest, "log": log, "sorted": ordered, "clock": clock, "odder": odder}[sys.argv[1]](*sys.argv[2:])
