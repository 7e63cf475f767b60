#!/usr/bin/python3
"""The table with a column of every kind that tests/tables.bats puts through the commands, and what must hold of the results.

    tables.py make ROWS SEED         writes the table
    tables.py back IN OUT            OUT is IN through vae-enc and vae-dec
    tables.py fresh IN OUT ROWS      OUT are ROWS new records like those of IN
    tables.py complete IN OUT DRAWS  OUT is IN with its blanks filled, each record DRAWS times
    tables.py like IN OUT            how far the records of OUT are from those of IN they vary: a number
    tables.py holds OUT EXPRESSION   EXPRESSION of the columns' names is true of every record of OUT
"""
import csv, datetime, io, math, random, re, sys

BLANKS = ("", "?", "NA", "NaN", "null")
CITIES = ["K\u00f6ln", "Paris, TX", 'the "City"', "S\u00e3o Paulo", "plain"]
KEPT = ["row", "code", "note"]
IN_FRONT = KEPT + ["age", "height", "price", "smoker", "city", "grade", "visits", "born", "seen", "epoch", "constant", "nothing"]
LEVELS = ["smoker", "city", "grade", "constant"]
DECIMALS = {"age": 0, "height": 2, "price": 2, "visits": 0, "epoch": 0}


def quoted(text):
    return '"' + text.replace('"', '""') + '"' if re.search('[,"\n]', text) else text


def blank(r, text, share):
    return text if r.random() >= share else r.choice(["", "?", "NA"])


def make(rows, seed):
    r = random.Random(seed)
    out = [",".join(IN_FRONT)]
    start = datetime.datetime(2021, 3, 1)
    epoch = 1600000000
    for i in range(rows):
        age = min(90, max(18, round(r.gauss(45, 15))))
        old = age > 50
        city = r.choices(CITIES, [4, 2, 1, 2, 1] if old else [1, 2, 4, 2, 1])[0]
        price = 0 if r.random() < 0.3 else math.exp(r.gauss(3 + age / 40, 0.8))
        seen = start + datetime.timedelta(seconds=r.randrange(2 * 365 * 86400))
        epoch += r.randrange(1, 200000)
        note = f"a note of record {i}, said {r.choice(CITIES)} with \u00fcmlauts"
        out.append(",".join([
            str(1001 + i), f"K-{i * 7919 % 99991:05d}x", quoted(note), str(age),
            blank(r, "%.2f" % r.gauss(1.9 - age / 400, 0.1), 0.1), "%.2f" % price,
            r.choices(["yes", "no"], [1, 3] if old else [1, 1])[0], blank(r, quoted(city), 0.1), str(r.randint(1, 4) + old),
            str(int(r.expovariate(0.4 if old else 1.2))), blank(r, f"{2021 - age}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}", 0.08),
            seen.strftime("%Y-%m-%dT%H:%M:%SZ"), str(epoch), "same", ""]))
    sys.stdout.write("\n".join(out) + "\n")


def cells(line):
    """The cells of a line as they stand, quotes and all."""
    return re.findall(r'(?:^|,)((?:"(?:[^"]|"")*"|[^,])*)', line)


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        lines = f.read().split("\n")
    assert lines.pop() == "", "the last line has no end"
    names, raw = cells(lines[0]), [cells(line) for line in lines[1:]]
    for i, row in enumerate(raw):
        assert len(row) == len(names), f"{path}: record {i}: {len(row)} cells, {len(names)} columns"
    return names, raw, [dict(zip(names, next(csv.reader(io.StringIO(",".join(row)))))) for row in raw]


def decimals(text):
    return len(text.partition(".")[2])


def check_values(before, after):
    """Every cell is one the column could have held: a number of so many decimals within the range, a known level, a date."""
    for name in IN_FRONT:
        if name in KEPT or name == "nothing":
            continue
        had = [row[name] for row in before if row[name] not in BLANKS]
        has = [row[name] for row in after if row[name] != ""]
        assert all(v not in BLANKS for v in has), name
        if name in LEVELS:
            assert set(has) <= set(had), f"{name}: {set(has) - set(had)}"
        elif name in DECIMALS:
            for v in has:
                assert re.fullmatch(r"-?\d+(\.\d+)?", v), f"{name}: '{v}'"
                assert decimals(v) == DECIMALS[name], f"{name}: '{v}'"
            low, high = min(map(float, had)), max(map(float, had))
            assert all(low <= float(v) <= high for v in has), f"{name}: {min(map(float, has))} .. {max(map(float, has))}"
        else:
            form = "%Y-%m-%d" if name == "born" else "%Y-%m-%dT%H:%M:%SZ"
            times = [datetime.datetime.strptime(v, form) for v in has]
            old = [datetime.datetime.strptime(v, form) for v in had]
            assert all(t.strftime(form) == v for t, v in zip(times, has)), name
            assert min(old).date() <= min(times).date() and max(times).date() <= max(old).date(), f"{name}: out of the range"


def back(before, after):
    names, raw, rows = read(before)
    names2, raw2, rows2 = read(after)
    assert names2 == names and len(raw2) == len(raw), "header or rows"
    for a, b in zip(raw, raw2):
        for name in KEPT + ["nothing"]:
            i = names.index(name)
            assert a[i] == b[i], f"{name}: '{a[i]}' came back as '{b[i]}'"
    check_values(rows, rows2)


def fresh(before, after, n):
    names, raw, rows = read(before)
    names2, raw2, rows2 = read(after)
    assert names2 == names and len(raw2) == n, "header or rows"
    check_values(rows, rows2)
    assert all(row["note"] == row["nothing"] == "" for row in rows2), "free text is not empty"
    assert [int(row["row"]) for row in rows2] == list(range(1001 + len(rows), 1001 + len(rows) + n)), "ids do not go on"
    codes = {row["code"] for row in rows2}
    assert len(codes) == n and not codes & {row["code"] for row in rows}, "codes are not fresh"
    for name in ("height", "city", "born"):
        blanks = sum(row[name] == "" for row in rows2)
        assert 0 < blanks < 0.35 * n, f"{name}: {blanks} blanks of {n}"


def complete(before, after, draws):
    names, raw, rows = read(before)
    names2, raw2, rows2 = read(after)
    assert names2 == names and len(raw2) == draws * len(raw), "header or rows"
    for i, b in enumerate(raw2):
        for name, x, y in zip(names, raw[i // draws], b):
            if x not in BLANKS or name in KEPT + ["nothing"]:
                assert x == y, f"record {i}, {name}: '{x}' became '{y}'"
            else:
                assert y not in BLANKS, f"record {i}, {name}: still blank"
    check_values(rows, rows2)
    if draws > 1: # draws of a blank differ, now and then
        i = names.index("height")
        gaps = [k for k, row in enumerate(raw) if row[i] in BLANKS]
        assert any(len({raw2[k * draws + d][i] for d in range(draws)}) > 1 for k in gaps), "all draws are the same"


def like(before, after):
    rows, rows2 = read(before)[2], read(after)[2]
    mean = sum(float(row["age"]) for row in rows) / len(rows)
    sd = math.sqrt(sum((float(row["age"]) - mean) ** 2 for row in rows) / len(rows))
    far = [abs(float(row2["age"]) - float(rows[i % len(rows)]["age"])) / sd for i, row2 in enumerate(rows2)]
    print(sum(far) / len(far))


def holds(path, expression):
    rows = read(path)[2]
    code = compile(expression, "holds", "eval")
    for i, row in enumerate(rows):
        values = {k: float(v) if k in DECIMALS and v != "" else v for k, v in row.items()}
        assert eval(code, {}, values), f"record {i}: {row}"


def main(command, *args):
    if command == "make":
        make(int(args[0]), int(args[1]))
    elif command in ("fresh", "complete"):
        globals()[command](args[0], args[1], int(args[2]))
    else:
        {"back": back, "like": like, "holds": holds}[command](*args)


try:
    main(*sys.argv[1:])
except AssertionError as e:
    sys.exit(f"tables.py: {e}")
