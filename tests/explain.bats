#!/usr/bin/env bats
# Reasons: vae-score --explain, the columns that carry a score.
load helper

TABLE=$BATS_FILE_TMPDIR/table.csv
PLANTED=$BATS_FILE_TMPDIR/planted.csv
DETECT=$BATS_FILE_TMPDIR/detect.vae
CHAIN=$BATS_FILE_TMPDIR/chain.vae
FULL=$BATS_FILE_TMPDIR/full.vae

# A table of x, y = 2 x nearly, a colour that goes with x, a count, a time that goes with x, and gaps in some rows; and other rows of
# it, of which each has one cell tampered with, named in its column "planted". With "full" no gaps.
tables() {
    "$PYTHON" - "$1" "$2" "$3" <<'PY'
import csv, datetime, random, sys
r = random.Random(7)
start = datetime.datetime(2024, 1, 1)
def row():
    x = r.gauss(0, 1)
    colour = r.choices(["red", "blue, dark", "rare"], [1, 99, 1] if x < 0 else [99, 1, 0.5])[0]
    when = start + datetime.timedelta(days=60 + 20 * x + r.gauss(0, 2), hours=r.gauss(12, 2))
    return {"x": f"{x:.3f}", "y": f"{2 * x + r.gauss(0, .1):.3f}", "colour": colour, "n": str(int(r.expovariate(.2))),
            "when": when.isoformat(timespec="seconds")}
def write(name, rows):
    with open(name, "w", newline="") as f:
        w = csv.DictWriter(f, rows[0])
        w.writeheader(), w.writerows(rows)
def gaps(d):
    return {**d, "n": "" if sys.argv[3] == "gaps" and r.random() < .2 else d["n"]}
write(sys.argv[1], [gaps(row()) for _ in range(800)])
planted = []
for i in range(60):
    d, which = row(), ["x", "y", "when", "colour"][i % 4]
    if which == "colour":
        while d["colour"] == "rare": d = row()
        d["colour"] = "rare"
    elif which == "when":
        d["when"] = (datetime.datetime.fromisoformat(d["when"]) + datetime.timedelta(days=140)).isoformat(timespec="seconds")
    else:
        d[which] = f"{float(d[which]) + (6 if which == 'x' else 12):.3f}"
    planted.append({**gaps(d), "planted": which, "clean": f"{2 * float(d['x']):.3f}"})
write(sys.argv[2], planted)
PY
}

setup_file() {
    tables full.csv "$BATS_FILE_TMPDIR/full.planted.csv" full
    vae-fit -q -m "$FULL" --for detect --hidden 64 --steps 600 full.csv
    tables "$TABLE" "$PLANTED" gaps
    vae-fit -q -m "$DETECT" --for detect --hidden 64 --steps 600 "$TABLE"
    vae-fit -q -m "$CHAIN" --hidden 64 --steps 450 "$TABLE"
    rm full.csv
}

# Python over the rows of a scored table: they are in `rows`, as dictionaries.
over() { "$PYTHON" -c "
import csv, sys
rows = list(csv.DictReader(open('$1', newline='')))
$2"; }

@test "--explain: three columns by default, with value, expected value, spread and share; the rest with them is the score" {
    vae-score -m "$DETECT" --explain -k planted,clean "$PLANTED" >out.csv
    want=planted,clean,score,p,anomaly
    for k in 1 2 3; do want+=,why$k,why${k}_value,why${k}_expected,why${k}_spread,why${k}_share; done
    equal header "$(head -n 1 out.csv)" "$want,rest"
    for model in "$DETECT" "$CHAIN" "$FULL"; do
        for by in auto elbo iw recon mse; do # auto: neighbours, or of the chain the ELBO
            vae-score -m "$model" --explain=9 --parts --by $by "$PLANTED" >out.csv
            over out.csv "
for d in rows:
    shares = [float(d[f'why{k}_share']) for k in range(1, 6) if d[f'why{k}']]
    total = sum(shares) + float(d['rest']) + float(d.get('latent') or 0)
    assert abs(total - float(d['score'])) < 1e-4 * (1 + sum(map(abs, shares))), ('$by', d)
    assert '$by' != 'elbo' or abs(float(d['rest'])) < 1e-4 * (1 + sum(map(abs, shares))) and d['latent'] == d['kl'], d
    assert ('latent' in d) == ('$by' == 'elbo' or '$by' == 'auto' and '$model' == '$CHAIN') and 'why6' not in d, d
    assert len({d[f'why{k}'] for k in range(1, 6)}) == 5, d
assert len(rows) == 60"
        done
    done
}

@test "--explain: the column that was tampered with is first, and what was expected is what the others say" {
    for model in "$DETECT" "$FULL"; do
        vae-score -m "$model" --explain=1 -k planted,clean "$PLANTED" >out.csv
        over out.csv "
first = sum(d['why1'] == d['planted'] for d in rows)
assert first >= 57, f'{first} of {len(rows)}'
# the y that was tampered with is 12 off, and every one of its values would tell a reconstruction so
of_y = [d for d in rows if d['why1'] == d['planted'] == 'y']
off = sorted(abs(float(d['why1_expected']) - float(d['clean'])) for d in of_y)
assert off[len(off) // 2] < .8, off
assert all(.05 < float(d['why1_spread']) < 1.5 for d in of_y), of_y
for d in rows:
    if d['why1'] == d['planted'] == 'colour':
        want = 'red' if float(d['clean']) > 0 else 'blue, dark'
        assert abs(float(d['clean'])) < .6 or d['why1_expected'] == want and .6 < float(d['why1_spread']) <= 1, d
    if d['why1'] == d['planted'] == 'when':
        assert '2023-12' < d['why1_expected'] < '2024-05' and 86400 < float(d['why1_spread']) < 30 * 86400, d"
    done
}

@test "--explain: cells are shown as they came, missing ones never; a chain expects what its decoder says" {
    printf 'x,y,colour,n,when\n0.50,  1.01,"blue, dark",,2024-03-11T12:00:00\n-1,-2.0,violet,3,\n' >two.csv
    for model in "$DETECT" "$CHAIN"; do
        vae-score -q -m "$model" --explain=5 two.csv >out.csv
        over out.csv "
a, b = rows
cell = lambda d: {d[f'why{k}']: d[f'why{k}_value'] for k in range(1, 6)}
assert cell(a) == {'x': '0.50', 'y': '  1.01', 'colour': 'blue, dark', 'when': '2024-03-11T12:00:00', '': ''}, a
assert cell(b) == {'x': '-1', 'y': '-2.0', 'colour': 'violet', 'n': '3', '': ''}, b
assert a['why5'] == a['why5_expected'] == a['why5_spread'] == a['why5_share'] == '', a
assert {d[f'why{k}_expected'] for d in rows for k in range(1, 6) if d[f'why{k}'] == 'colour'} <= {'red', 'blue, dark'}"
    done
    over out.csv "
a = rows[0]
of = {a[f'why{k}']: (a[f'why{k}_expected'], float(a[f'why{k}_spread'])) for k in range(1, 5)}
assert abs(float(of['y'][0]) - 1) < .5 and of['y'][1] < 1, of"
}

@test "--explain: the same for a row alone, in other company and for any number of threads" {
    vae-score -m "$FULL" --explain -j 1 -k planted "$PLANTED" >one.csv
    vae-score -m "$FULL" --explain -j 3 -k planted "$PLANTED" | cmp - one.csv
    for at in 2 19 60; do
        { head -n 1 "$PLANTED" && sed -n ${at}p "$PLANTED"; } | vae-score -m "$FULL" --explain -k planted | tail -n 1 >alone
        sed -n ${at}p one.csv | cmp - alone
    done
}

@test "--explain: values of an array by their numbers" {
    need_numpy
    "$PYTHON" -c "
import numpy as np
r = np.random.RandomState(1)
z = r.randn(600, 2) @ r.randn(2, 6) + .2 * r.randn(600, 6)
np.save('a.npy', z.astype('f4'))
z = z[:40]; z[np.arange(40), np.arange(40) % 6] += 8 * z.std(0)[np.arange(40) % 6]
np.save('b.npy', z.astype('f4'))"
    vae-fit -q -m a.vae --for detect --steps 300 --no-calibrate a.npy
    vae-score -q -m a.vae --explain=1 b.npy >out.csv
    over out.csv "
import numpy as np
b = np.load('b.npy')
first = [int(d['why1'][1:]) - 1 for d in rows]
assert all(abs(float(d['why1_value']) - b[i, j]) < 1e-6 for i, (d, j) in enumerate(zip(rows, first)))
assert sum(j == i % 6 for i, j in enumerate(first)) >= 37, first
assert np.median([abs(float(d['why1_expected'])) for d in rows]) < 3, rows"
}

@test "--explain: what is refused" {
    fails 64 vae-score "from 1" "vae-score -m '$DETECT' --explain=0 '$PLANTED'"
    fails 64 vae-score "expected" "vae-score -m '$DETECT' --explain= '$PLANTED'"
    fails 64 vae-score "explain" "vae-score -m '$DETECT' --explain --mean-nll '$PLANTED'"
    fails 64 vae-score "classify" "vae-score -m '$DETECT' --explain --classify '$PLANTED'"
    # a value is never the next word: that is a file
    fails 66 vae-score "2" "vae-score -m '$DETECT' --explain 2"
}
