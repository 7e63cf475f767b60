#!/usr/bin/env bats
# vae-compare as its users see it, and its figures against scipy's.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    {
        head -n 1 "$CELLS"
        tail -n +2 "$CELLS" | awk 'NR % 3 == 0'
    } >train.csv
    {
        head -n 1 "$CELLS"
        tail -n +2 "$CELLS" | awk 'NR % 3 == 1'
    } >test.csv
    {
        head -n 1 "$CELLS"
        tail -n +2 "$CELLS" | awk -F, -v OFS=, 'NR % 3 == 2 { if (NR % 5 == 0) $2 = ""; if (NR % 7 == 0) $3 *= 1.37; if (NR % 31 == 0) $1 = "odd"; print }'
    } >synth.csv
}
setup() { cd "$BATS_FILE_TMPDIR" || return; }
# figure NAME FILE: the first number of a line.
figure() { awk -v name="$1" '$1 == name { print $2 }' "$2"; }

@test "shape, trend, invalid and same_rows are what scipy and numpy make of them" {
    need_numpy
    "$PYTHON" -c 'import scipy' 2>/dev/null || skip "needs python3-scipy"
    cat test.csv train.csv | awk 'NR > 1 && /diagnosis/ { next } 1' >both.csv # same rows, too
    for synth in synth.csv both.csv; do
        vae-compare --json train.csv test.csv $synth >got.json
        "$PYTHON" - $synth <<'PY'
import csv, itertools, json, sys
import numpy as np
from scipy.stats import ks_2samp
def read(path):
    rows = list(csv.reader(open(path)))
    return rows[0], [list(c) for c in zip(*rows[1:])]
names, T = read("train.csv")
S = read(sys.argv[1])[1]
number = lambda c: np.array([float(v) if v else np.nan for v in c])
is_number = [all(v.replace(".", "").replace("e-", "").isdigit() for v in c if v) and len(set(c)) > 10 for c in T]
shape, invalid, bins, values = [], [], [], []
for t, s, n in zip(T, S, is_number):
    if not n:
        levels = sorted(set(t) | set(s))
        p = lambda c: np.array([c.count(l) for l in levels]) / len(c)
        shape.append(1 - abs(p(t) - p(s)).sum() / 2)
        invalid.append(np.mean([v not in t for v in s]))
        bins.append([np.array([levels.index(v) for v in c]) for c in (t, s)])
        values.append(None)
        continue
    a, b = number(t), number(s)
    shape.append(1 - ks_2samp(a[~np.isnan(a)], b[~np.isnan(b)], method="asymp").statistic)
    if np.isnan(a).any() or np.isnan(b).any():
        shape.append(1 - abs(np.isnan(a).mean() - np.isnan(b).mean()))
    digits = next(k for k in range(16) if np.allclose(a.round(k), a, rtol=0, atol=1e-9))
    invalid.append(np.mean(~np.isclose(b.round(digits), b, rtol=0, atol=1e-9) & ~np.isnan(b)))
    invalid.append(np.mean((b < a.min()) | (b > a.max()) | np.isnan(b)))
    cut = np.unique(np.quantile(a, np.linspace(0, 1, 11))[1:-1])
    bins.append([np.where(np.isnan(c), 99, np.searchsorted(cut, np.nan_to_num(c))) for c in (a, b)])
    values.append((a, b))
def r(x, y):
    k = ~np.isnan(x) & ~np.isnan(y)
    return np.corrcoef(x[k], y[k])[0, 1]
trend = []
for i, j in itertools.combinations(range(len(names)), 2):
    if values[i] and values[j]:
        trend.append(1 - abs(r(values[i][0], values[j][0]) - r(values[i][1], values[j][1])) / 2)
        continue
    joint = [(bins[i][k] * 1000 + bins[j][k]) for k in (0, 1)]
    trend.append(1 - sum(abs((joint[0] == v).mean() - (joint[1] == v).mean()) for v in np.unique(np.concatenate(joint))) / 2)
rows = set(zip(*T))
want = {"shape": np.mean(shape), "trend": np.mean(trend), "invalid": np.mean(invalid), "same_rows": np.mean([x in rows for x in zip(*S)])}
got = json.load(open("got.json"))["synth"]
for k, v in want.items():
    print(k, got[k], 100 * v)
    assert abs(got[k] - 100 * v) < 1e-6, k
PY
    done
}

@test "text and JSON say the same; -o, any -j and any order of columns make no difference" {
    vae-compare train.csv test.csv synth.csv >a.txt
    vae-compare --json train.csv test.csv synth.csv | "$PYTHON" -c '
import json, sys
f = json.load(sys.stdin)
print("%.2f %.2f %.1f %.3f %.2f %.1f" % (*(f["synth"][k] for k in ("shape", "trend", "c2st", "invalid", "same_rows")), f["copied"]))
assert len(f["columns"]) == 31 and f["rows"]["train"] == 189' >json.txt
    equal figures "$(for k in shape trend c2st invalid same_rows copied; do figure $k a.txt; done | paste -sd ' ')" "$(cat json.txt)"
    vae-compare -j 3 -o b.txt train.csv test.csv synth.csv
    same a.txt b.txt
    awk -F, -v OFS=, '{ x = $4; $4 = $9; $9 = x } 1' synth.csv | vae-compare train.csv test.csv - >b.txt
    same a.txt b.txt
    vae-cat -t tsv test.csv >test.tsv
    head -n 1 test.tsv | grep -q "	"
    vae-compare train.csv test.tsv synth.csv >b.txt
    same a.txt b.txt
}

@test "a table beside itself is perfect, and a copy" {
    vae-compare train.csv test.csv train.csv >a.txt
    equal shape "$(figure shape a.txt)" 100.00
    equal trend "$(figure trend a.txt)" 100.00
    equal same "$(figure same_rows a.txt)" 100.00
    awk -v c="$(figure copied a.txt)" 'BEGIN { exit !(c > 90) }'
}

@test "a column left out is not compared; small and odd tables" {
    vae-compare --json --drop "diagnosis,$(head -n 1 train.csv | cut -d, -f2)" train.csv test.csv synth.csv >a.json
    "$PYTHON" -c 'import json; c = json.load(open("a.json"))["columns"]; assert len(c) == 29, len(c)'
    cut -d, -f1 train.csv >one.csv
    vae-compare one.csv one.csv one.csv | grep -q '^trend *nan'
    printf 'a,b\n1,x\n2,y\n' >tiny.csv
    vae-compare tiny.csv tiny.csv tiny.csv | grep -q '^shape *100.00'
    vae-compare --json tiny.csv tiny.csv tiny.csv | "$PYTHON" -c 'import json, sys; assert json.load(sys.stdin)["synth"]["c2st"] is None'
    printf 'a,b\n,\n?,NA\n' >blank.csv
    vae-compare blank.csv blank.csv blank.csv >/dev/null
}

@test "numbers beside texts are told apart as they are written; what pandas takes for missing is so" {
    # three levels of a third each; by %g the numbers would be one
    awk -v OFS=, 'BEGIN { print "zip,x"; for (i = 0; i < 300; i++) print i % 3 ? i % 3 == 1 ? "1234568" : "no zip" : "1234567", i % 20 }' >a.csv
    sed 's/^1234568/1234567/' a.csv >b.csv
    sed 's/^1234568/1234568.0/' a.csv >c.csv
    shape() { vae-compare --json a.csv a.csv "$1" | "$PYTHON" -c 'import json, sys; print("%.3f" % json.load(sys.stdin)["columns"][0]["shape"])'; }
    equal "shape of itself" "$(shape a.csv)" 100.000
    equal "shape of merged numbers" "$(shape b.csv)" 66.667
    equal "shape of numbers written otherwise" "$(shape c.csv)" 66.667
    for missing in '' NA nan ? N/A n/a None '#N/A' '<NA>' NULL -nan '#NA' -NaN '1.#IND' '1.#QNAN' -1.#IND -1.#QNAN '#N/A N/A'; do
        awk -v OFS=, -v m="$missing" 'BEGIN { print "x,y"; for (i = 0; i < 100; i++) print i % 7 ? i : m, i % 3 }' >a.csv
        vae-compare a.csv a.csv a.csv | grep -q '1 column of numbers' || { echo "not missing: $missing" && return 1; }
    done
    awk -v OFS=, 'BEGIN { print "x,y"; for (i = 0; i < 100; i++) print i % 7 ? i : "none", i % 3 }' >a.csv
    vae-compare a.csv a.csv a.csv | grep -q '0 columns of numbers'
}

@test "what cannot be compared is one clear line" {
    mkdir -p here && cd here
    printf 'a,b\n1,2\n' >a.csv
    printf 'a,c\n1,2\n' >c.csv
    printf 'a,b\n' >none.csv
    printf 'a,b\n1,2\n3\n' >ragged.csv
    fails 64 vae-compare "three tables" "vae-compare a.csv a.csv"
    fails 64 vae-compare "three tables" "vae-compare a.csv a.csv a.csv a.csv"
    fails 64 vae-compare "no column 'z'" "vae-compare --drop z a.csv a.csv a.csv"
    fails 64 vae-compare "no column is left" "vae-compare --drop a,b a.csv a.csv a.csv"
    fails 65 vae-compare "no column 'b'" "vae-compare a.csv a.csv c.csv"
    fails 65 vae-compare "'b' that the training table has not" "vae-compare <(printf 'a\n1\n') a.csv a.csv"
    fails 65 vae-compare "no rows" "vae-compare a.csv none.csv a.csv"
    fails 65 vae-compare "ragged.csv:3: expected [0-9]* values?, got [0-9]*$" "vae-compare a.csv a.csv ragged.csv"
    fails 66 vae-compare "absent.csv" "vae-compare a.csv absent.csv a.csv"
    fails 73 vae-compare "nowhere" "vae-compare -o nowhere/x a.csv a.csv a.csv"
    fails 74 vae-compare "" "vae-compare a.csv a.csv a.csv >/dev/full"
}
