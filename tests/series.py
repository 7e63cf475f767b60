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


def process(n):
    """A wave of 6 rows with noise, a column that follows it with a slow noise of its own, and a note."""
    r, slow = noise(), 0
    print("x,y,note")
    for i in range(int(n)):
        slow = .8 * slow + r.gauss(0, .6)
        x = 2 * math.sin(2 * math.pi * i / 6) + r.gauss(0, .2)
        print(f"{x:.3f},{.5 * x + slow:.3f},n{i}")


def stamps(n):
    """Two hosts, one behind the other, each with a total and a load an hour."""
    r = noise()
    print("host,time,total,x")
    for host in "ab":
        at, total = datetime.datetime(2024, 1, 1), 0
        for _ in range(int(n)):
            total += r.randrange(1, 5)
            print(host, at.isoformat(), total, f"{-math.cos(at.hour * math.pi / 12) + r.gauss(0, .1):.3f}", sep=",")
            at += datetime.timedelta(hours=1)


def columns(path):
    rows = [line.split(",") for line in open(path).read().split()]
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def numbers(path, name):
    return [float(cell) for cell in columns(path)[name]]


def correlation(a, b):
    n, ma, mb = len(a), sum(a) / len(a), sum(b) / len(b)
    cov = sum((x - ma) * (y - mb) for x, y in zip(a, b)) / n
    return cov / math.sqrt(sum((x - ma) ** 2 for x in a) / n * sum((y - mb) ** 2 for y in b) / n)


def follows(old, new, least):
    """Row by row."""
    for name in "xy":
        c = correlation(numbers(old, name), numbers(new, name))
        assert c > float(least), (name, c)


def goes_on_like(old, new):
    """Quantiles, autocorrelations, and what one column tells of the other in the next row."""
    a, b = ({name: numbers(path, name) for name in "xy"} for path in (old, new))
    for name in "xy":
        u, v = sorted(a[name]), sorted(b[name])
        for q in (.05, .25, .5, .75, .95):
            assert abs(u[int(q * len(u))] - v[int(q * len(v))]) < .4, (name, q, u[int(q * len(u))], v[int(q * len(v))])
        for lag in (1, 2, 3, 6):
            c = [correlation(x[name][lag:], x[name][:-lag]) for x in (a, b)]
            assert abs(c[0] - c[1]) < .25, (name, lag, c)
    for lag in (0, 1):
        c = [correlation(x["y"][lag:], x["x"][:len(x["x"]) - lag]) for x in (a, b)]
        assert abs(c[0] - c[1]) < .2, (lag, c)


def sums(old, new):
    """The totals of each host go on from its last one, by steps as they are learnt."""
    last = dict(zip(columns(old)["host"], numbers(old, "total")))
    for host, total in zip(columns(new)["host"], numbers(new, "total")):
        assert 1 <= total - last[host] <= 4, (host, last[host], total)
        last[host] = total


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


{"alike": alike, "clock": clock, "counter": counter, "follows": follows, "goes_on_like": goes_on_like, "highest": highest, "hosts": hosts,
 "log": log, "odder": odder, "process": process, "sorted": ordered, "stamps": stamps, "sums": sums}[sys.argv[1]](*sys.argv[2:])
