#!/usr/bin/env bats
# What a score means: thresholds, p beyond the sample, false discoveries, labels, and the rows that are held out for it.
load helper

HEAVY=$BATS_FILE_TMPDIR/heavy.vae
ROWS=$BATS_FILE_TMPDIR/train.csv

# A table of numbers that hang together, with a heavy tail; $1 rows.
heavy() {
    awk -v n="$1" -v s="$2" 'BEGIN { srand(s); print "a,b,c"
        for (i = 0; i < n; i++) { z = sqrt(-2 * log(1 - rand())) * cos(6.283185 * rand()); r = 1 / sqrt(1 - rand())
            printf "%.5f,%.5f,%.5f\n", z, z + .3 * r * (rand() < .5 ? 1 : -1), r } }'
}

# A model of 2500 rows has p down to 1/501.
setup_file() {
    fit_wine
    heavy 2500 1 >"$ROWS"
    vae-fit -q -m "$HEAVY" --for detect --hidden 32 --steps 60 "$ROWS"
}

# Rows of which the first $1 are odd, and $2 are not.
odd_among() { echo a,b,c && awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) print -4 - i / 9 ",7,-5" }' && heavy "$2" 3 | tail -n +2; }

@test "an alpha that the calibration scores cannot show is refused, the smallest is named and works; the model's own stays" {
    fails 64 vae-score "178 calibration scores cannot show an alpha of 0.001.*0\.00[0-9]+ at least.*--alpha.*more rows" \
        "vae-score -m $MODEL --alpha .001 $WINE"
    least=$(sed -E 's/.* but ([0-9.]+) at least.*/\1/' ../err)
    vae-score -m "$MODEL" --alpha "$least" "$WINE" >s.csv 2>err
    [ ! -s err ]
    awk -F, 'NR > 1 && ($3 <= 1 / 179 + 1e-9) != $4 { print; exit 1 }' s.csv
    fails 64 vae-score "cannot show an alpha of 0.0055," "vae-score -m $MODEL --alpha .0055 $WINE"
    # vae-fit has told what the model's own is
    vae-fit -m m.vae -k cultivar --hidden 8 --steps 20 "$WINE" 2>&1 | grep -q 'p <= 0.00559'
    vae-score -m m.vae "$WINE" 2>err >s.csv
    [ ! -s err ]
}

@test "--tail: p as it was up to the highest calibration score, then Zhang and Stephens' tail, by another program" {
    need_numpy
    (heavy 300 2 && printf '%s\n' 0,0,200 9,-9,1 1e6,0,0 -1e30,1e30,5) >new.csv
    vae-score -q -m "$HEAVY" --by elbo new.csv >plain.csv
    vae-score -v -m "$HEAVY" --by elbo --tail --alpha 1e-5 new.csv >tail.csv 2>err
    grep -q 'p approximate' err
    cat >tail.py <<'PY'
import json, struct, sys
import numpy as np
from scipy.stats import genpareto
file = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", file[:8])[0]
where = json.loads(file[8:8 + size])["calibration"]
lo, hi = where["data_offsets"]
cal = np.frombuffer(file[8 + size + lo:8 + size + hi], np.float32).reshape(where["shape"])[0].astype(float)  # elbo
n = len(cal)
k = int(min(n // 5, 3 * np.sqrt(n)))
x = cal[n - k:] - cal[n - k - 1]
m = 30 + int(np.sqrt(k))
theta = 1 / x[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * x[int(k / 4 + 0.5) - 1])
shape = np.log1p(-theta[:, None] * x).mean(1)
l = k * (np.log(-theta / shape) - shape - 1)
theta = (theta * np.exp(l - l.max())).sum() / np.exp(l - l.max()).sum()
shape = np.log1p(-theta * x).mean()
scale = -shape / theta
mle = genpareto.fit(x, floc=0)
gain = genpareto.logpdf(x, *mle).sum() - genpareto.logpdf(x, shape, 0, scale).sum()
assert gain < 0.5, ("scipy finds a likelier tail", shape, scale, mle)
plain, tail = (np.genfromtxt(f, delimiter=",", names=True) for f in ("plain.csv", "tail.csv"))
s, top = plain["score"], cal[-1]
sf = lambda v: genpareto.sf(v - cal[n - k - 1], max(shape, 0), 0, scale if shape > 0 else x.mean())
want = np.where(s > top, np.maximum(sf(s) / sf(top) / (n + 1), 1.17e-38), plain["p"])
assert (s > top).sum() >= 3 and np.allclose(tail["p"], want, rtol=1e-4, atol=0), (tail["p"] / want).min()
assert (tail["p"] > 0).all() and ((tail["p"] <= 1e-5) == tail["anomaly"]).all() and tail["anomaly"].sum() >= 1
assert (tail["score"] == s).all()
PY
    "$PYTHON" tail.py "$HEAVY"
}

@test "--tail is refused where there is nothing to fit one to" {
    heavy 90 1 >few.csv
    vae-fit -q -m few.vae --hidden 8 --steps 10 few.csv
    fails 65 vae-score "needs 100 calibration scores, and the model has 90" "vae-score -m few.vae --tail few.csv"
    vae-fit -q -m none.vae --no-calibrate --hidden 8 --steps 10 few.csv
    fails 65 vae-score "no calibration for this score" "vae-score -q -m none.vae --tail few.csv"
    fails 65 vae-score "no calibration for this score" "vae-score -q -m $MODEL --tail --iw 5 $WINE"
}

@test "vae-fit --alpha, --contamination: the threshold is in the model, vae-info shows it, scores go by it" {
    heavy 300 1 >t.csv
    fit="vae-fit -q --for detect --steps 20 --hidden 8"
    $fit -m a.vae --alpha .02 t.csv
    $fit -m c.vae --contamination .1 t.csv
    $fit -m d.vae t.csv
    vae-info d.vae | grep -q 'alpha 0.00332'
    for q in a:.02 c:.1; do
        m=${q%:*}.vae share=${q#*:}
        vae-score -q -m "$m" t.csv >own.csv
        awk -F, -v a="$share" 'NR > 1 && ($3 <= a) != $4 { print; exit 1 }' own.csv
        vae-score -q -m "$m" --alpha "$share" t.csv | cmp - own.csv
        vae-score -q -m "$m" --contamination "$share" t.csv | cmp - own.csv
        for by in elbo mse; do
            at=$(vae-info --json "$m" | sed -E 's/.*"thresholds":\{([^}]*)\}.*/,\1/; s/.*,"'$by'":([^,]*).*/\1/')
            vae-info "$m" | grep -qE "^thresholds .* $by -?[0-9.]+"
            vae-score -q -m "$m" --by $by t.csv |
                awk -F, -v at="$at" 'NR > 1 { odd += $4; if (($2 >= at) != $4 && ($2 - at) ^ 2 > 1e-12 * at * at) { print $0, at; exit 1 } } END { exit !odd }'
        done
    done
    vae-info a.vae | grep -q '300 rows, alpha 0.02$'
    vae-info c.vae | grep -q '300 rows, contamination 0.1$'
    fails 64 vae-fit "alpha 0.001: 300 calibration rows show p from 0.0033.*larger.*more rows" "$fit -m e.vae --alpha .001 t.csv"
    fails 64 vae-fit "contamination 0.001: 300 .*larger share.*more rows" "$fit -m e.vae --contamination .001 t.csv"
    fails 64 vae-fit "both choose the threshold" "$fit -m e.vae --alpha .1 --contamination .001 t.csv"
    fails 64 vae-fit "contradict" "$fit -m e.vae --alpha .1 --no-calibrate t.csv"
    fails 64 vae-score "--alpha is what chooses the threshold: --contamination" "vae-score -m $MODEL --alpha .1 --contamination .1 $WINE"
}

@test "--fdr: Benjamini and Hochberg's procedure on p, all rows together or by the batch" {
    need_numpy
    odd_among 20 230 >new.csv
    vae-score -q -m "$HEAVY" new.csv >plain.csv
    cat >bh.py <<'PY'
import sys
import numpy as np
plain, fdr = (np.genfromtxt(f, delimiter=",", names=True) for f in ("plain.csv", sys.argv[1]))
q, size = float(sys.argv[2]), int(sys.argv[3])
assert len(plain) == len(fdr) and all((plain[c] == fdr[c]).all() for c in ("row", "score", "p"))
for at in range(0, len(plain), size):
    p = plain["p"][at:at + size]
    m = len(p)
    adjusted = np.minimum.accumulate((np.sort(p) * m / np.arange(1, m + 1))[::-1])[::-1]  # as p.adjust(p, "BH") of R
    odd = np.empty(m)
    odd[np.argsort(p, kind="stable")] = adjusted <= q * (1 + 1e-6)
    assert (fdr["anomaly"][at:at + size] == odd).all(), (at, odd.sum(), fdr["anomaly"][at:at + size].sum())
print(int(fdr["anomaly"].sum()))
PY
    vae-score -v -m "$HEAVY" --fdr .1 new.csv >all.csv 2>err
    [ "$("$PYTHON" bh.py all.csv .1 100000)" -ge 15 ]
    grep -qE "anomalies [0-9]+.* fdr 0.1, batches 1," err
    for size in 64 250; do
        cat new.csv | vae-score -v -m "$HEAVY" --fdr .2 --batch $size >b.csv 2>err
        "$PYTHON" bh.py b.csv .2 $size >n
        grep -qE "rows 250,.*anomalies $(cat n),.* batches $(((250 + size - 1) / size))," err || { cat err n && return 1; }
    done
    # kept cells go along, in every format
    paste -d, <(echo note && seq 250 | sed 's/.*/"n, &"/') new.csv >noted.csv
    vae-score -q -m "$HEAVY" -k note --fdr .2 --batch 60 noted.csv >n.csv
    same <(tail -n +2 n.csv | cut -d, -f1,2) <(tail -n +2 noted.csv | cut -d, -f1,2)
    same <(cut -d, -f3- n.csv | tail -n +2) <(vae-score -q -m "$HEAVY" --fdr .2 --batch 60 new.csv | cut -d, -f2- | tail -n +2)
    vae-score -q -m "$HEAVY" --fdr .2 --batch 60 -t vts new.csv | vae-cat -t csv | cut -d, -f2- | cmp - <(vae-score -q -m "$HEAVY" --fdr .2 --batch 60 new.csv | cut -d, -f2-)
    run -1 vae-score -q -m "$HEAVY" --fdr .1 --check -o /dev/null new.csv
    heavy 100 4 >normal.csv && run -0 vae-score -q -m "$HEAVY" --fdr .01 --check -o /dev/null normal.csv
}

@test "--fdr: input without an end needs --batch; a bad row takes its batch with it, those before are out" {
    odd_among 5 95 >new.csv
    fails 64 vae-score "no end.*--batch" "cat new.csv | vae-score -m $HEAVY --fdr .1"
    fails 64 vae-score "no end.*--batch" "cat new.csv | vae-score -m $HEAVY --fdr .1 new.csv -"
    vae-score -q -m "$HEAVY" --fdr .1 <new.csv >all.csv
    equal rows "$(wc -l <all.csv)" 101
    fails 64 vae-score "--batch goes with --fdr" "vae-score -m $HEAVY --batch 5 new.csv"
    fails 64 vae-score "--fdr is what chooses the anomalies: --alpha does not go with it" "vae-score -m $HEAVY --fdr .1 --alpha .1 new.csv"
    fails 64 vae-score "--mean-nll" "vae-score -m $HEAVY --fdr .1 --mean-nll new.csv"
    for no in --only --paste --persist=1/2 --cooldown=3 --benign=new.csv; do
        fails 64 vae-score "${no%%=*} does not go with it" "vae-score -m $HEAVY --fdr .1 $no new.csv"
    done
    fails 65 vae-score "no calibration" "vae-score -q -m $HEAVY --fdr .1 --iw 3 new.csv"
    vae-score -q -m "$HEAVY" --fdr .1 --batch 30 new.csv >b.csv
    sed '72s/,.*/,x,y/' new.csv >bad.csv
    fails 65 vae-score "bad.csv:72" "vae-score -q -m $HEAVY --fdr .1 --batch 30 bad.csv"
    same <(head -n 61 b.csv) ../out
    fails 65 vae-score "bad.csv:72" "vae-score -q -m $HEAVY --fdr .1 bad.csv"
    equal "lines out" "$(wc -l <../out)" 1
    vae-score -q -m "$HEAVY" --fdr .1 --batch 30 --skip-bad bad.csv >s.csv
    sed 72d bad.csv | vae-score -q -m "$HEAVY" --fdr .1 --batch 30 | cut -d, -f2- | cmp - <(cut -d, -f2- s.csv)
    # what has come is judged when its batch is whole, though more is to come
    (head -n 61 new.csv && sleep 3) | vae-score -q -m "$HEAVY" --fdr .1 --batch 20 >live.csv &
    for _ in $(seq 100); do [ "$(wc -l <live.csv 2>/dev/null || echo 0)" = 61 ] && break || sleep .02; done
    same live.csv <(vae-score -q -m "$HEAVY" --fdr .1 --batch 20 new.csv | head -n 61)
    wait
}

@test "--label: AUROC, average precision and what a threshold finds, as scikit-learn has them, with ties" {
    need_numpy
    "$PYTHON" -c 'import sklearn' 2>/dev/null || skip "needs python3-sklearn"
    odd_among 30 270 | awk -F, -v OFS=, 'NR == 1 { print $0, "state" } NR > 1 { for (i = 1; i < 4; i++) $i = sprintf("%.0f", $i)
        print $0, NR % 40 == 7 ? "" : (NR < 32) != (NR % 11 == 1) ? "bad" : "good" }' >new.csv
    vae-score -q -m "$HEAVY" -k state --alpha .05 new.csv >scores.csv
    vae-score -m "$HEAVY" --alpha .05 --label state --cost 5:1 new.csv >report.csv 2>err
    grep -q "'bad', which are fewer (--positive" err
    cat >labels.py <<'PY'
import csv, math
import numpy as np
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score
rows = list(csv.DictReader(open("scores.csv")))
told = [r for r in rows if r["state"]]
y = np.array([r["state"] == "bad" for r in told])
s, p, flag = (np.array([float(r[c]) for r in told]) for c in ("score", "p", "anomaly"))
assert len(set(s)) < len(s) - 20, "no ties"
cuts = {s[p == level].min() for level in set(p)}  # an alpha cuts between records of different p alone
cost = {t: 5 * (y & (s < t)).sum() + (~y & (s >= t)).sum() for t in cuts}
best = max(t for t in cost if cost[t] == min(cost.values()))
on = s >= best
want = {"rows": len(told), "unlabelled": len(rows) - len(told), "prevalence": y.mean(), "auroc": roc_auc_score(y, s),
        "average_precision": average_precision_score(y, s), "flagged": flag.sum(), "precision": precision_score(y, flag),
        "recall": recall_score(y, flag), "f1": f1_score(y, flag), "cost_threshold": best, "cost_flagged": on.sum(),
        "cost_precision": precision_score(y, on), "cost_recall": recall_score(y, on), "cost": min(cost.values())}
got = dict(csv.reader(open("report.csv")))
assert got["positive"] == "bad" and got["metric"] == "value" and want["unlabelled"] > 0
for k, v in want.items():
    assert math.isclose(float(got[k]), v, rel_tol=1e-6), (k, got[k], v)
print(got["cost_alpha"])
PY
    alpha=$("$PYTHON" labels.py)
    # the alpha that is told does what was told of it
    vae-score -q -m "$HEAVY" --alpha "$alpha" --label state --positive bad new.csv >again.csv
    for q in flagged precision recall; do
        equal $q "$(grep "^$q," again.csv | cut -d, -f2)" "$(grep "^cost_$q," report.csv | cut -d, -f2)"
    done
    equal "no costs" "$(grep -c cost again.csv)" 0
    vae-score -q -m "$HEAVY" --label state --positive bad -o r.csv new.csv && [ -s r.csv ]
    # the verdicts of --fdr count, too
    vae-score -q -m "$HEAVY" -k state --fdr .3 --batch 100 new.csv >f.csv
    equal flagged "$(vae-score -q -m "$HEAVY" --fdr .3 --batch 100 --label state new.csv | sed -n 's/^flagged,//p')" \
        "$(awk -F, '$1 != "" { n += $4 } END { print n }' f.csv)"
}

@test "--label: which value is odd, labels among the features, and what is refused" {
    odd_among 3 97 | awk -F, -v OFS=, '{ print $0, NR == 1 ? "y,z" : (NR > 4) "," (NR < 9 ? "u" : NR < 50 ? "v" : "w") }' >new.csv
    positive() { sed -n 's/^positive,//p'; }
    equal "1 beside 0" "$(vae-score -q -m "$HEAVY" --label y new.csv | positive)" 1
    equal "as said" "$(vae-score -q -m "$HEAVY" --label y --positive 0 new.csv | positive)" 0
    [ "$(vae-score -q -m "$HEAVY" --label y --positive 0 new.csv | sed -n 's/^auroc,//p')" = 1 ]
    fails 65 vae-score "more than two values.*--positive" "vae-score -q -m $HEAVY --label z new.csv"
    equal "of three" "$(vae-score -q -m "$HEAVY" --label z --positive u new.csv | sed -n 's/^prevalence,//p')" 0.07
    fails 65 vae-score "none of the 100 labels is 'x'" "vae-score -q -m $HEAVY --label z --positive x new.csv"
    head -n 4 new.csv >three.csv
    fails 65 vae-score "each of the 3 labels is '0'" "vae-score -q -m $HEAVY --label y three.csv"
    fails 64 vae-score "no column 'q'" "vae-score -q -m $HEAVY --label q new.csv"
    fails 64 vae-score "positive goes with --label" "vae-score -q -m $HEAVY --positive 1 new.csv"
    fails 64 vae-score "cost goes with --label" "vae-score -q -m $HEAVY --cost 1:2 new.csv"
    fails 64 vae-score "parts" "vae-score -q -m $HEAVY --label y --parts new.csv"
    # a detector that was given them: warned of when it is fitted, and when it is judged
    cut -d, -f1-4 new.csv >told.csv
    fit="--for detect --steps 3 --hidden 8"
    vae-fit -m told.vae $fit told.csv 2>err
    grep -q "warning: column 'y' looks like the labels.*-k y" err
    vae-fit -m kept.vae -k y $fit told.csv 2>&1 | run ! grep looks.like
    vae-fit -m plain.vae --steps 3 --hidden 8 told.csv 2>&1 | run ! grep looks.like
    sed 's/,y$/,Why/' told.csv | vae-fit -m other.vae $fit 2>&1 | run ! grep looks.like
    vae-score -m told.vae --label y told.csv 2>err >report.csv
    grep -q "fitted with the labels among its features" err
    grep -q '^auroc,[01]' report.csv
    vae-score -m kept.vae --label y told.csv 2>&1 >report.csv | run ! grep features
}

# Rows of hosts, each with a level of its own and small noise around it; $1 hosts of 30 rows.
hosts() {
    awk -v h="$1" 'BEGIN { srand(5); print "host,a,b,c,d,e"; for (i = 0; i < h; i++) for (j = 0; j < 5; j++) x[i, j] = 10 * rand()
        for (r = 0; r < 30; r++) for (i = 0; i < h; i++) { printf "h%d", i; for (j = 0; j < 5; j++) printf ",%.3f", x[i, j] + .2 * rand(); print "" } }'
}

@test "vae-fit --split-by: p of rows of new hosts; folds hold hosts out" {
    hosts 16 >all.csv
    (head -n 1 all.csv && grep -E '^h[0-9],' all.csv) >train.csv
    (head -n 1 all.csv && grep -E '^h1[0-9],' all.csv) >new.csv
    fit="vae-fit -q -k host --for detect --steps 150 --hidden 24"
    $fit -m rows.vae train.csv
    $fit -m hosts.vae --split-by host train.csv
    p() { vae-score -q -m "$1" new.csv | awk -F, 'NR > 1 { p += $3 } END { print p / (NR - 1) }'; }
    # beside further rows of the hosts that were learnt a new host is odd, beside other new hosts it is not
    awk -v rows="$(p rows.vae)" -v hosts="$(p hosts.vae)" 'BEGIN { print rows, hosts; exit !(rows < .3 && hosts > .5) }'
    vae-info --json hosts.vae | grep -q '"split":"by","split_by":"host"'
    vae-info --json rows.vae | run ! grep split
    # a row that is left out takes its host along: else all behind it would have another row's
    awk -F, -v OFS=, 'NR == 3 { $3 = "oops" } 1' train.csv >bad.csv
    $fit -m bad.vae --split-by host --skip-bad bad.csv 2>/dev/null
    awk -v hosts="$(p bad.vae)" 'BEGIN { print hosts; exit !(hosts > .5) }'
    # the number of a column, a column of numbers, any number of threads
    fit="vae-fit -q -k host --for detect --steps 5 --hidden 8"
    sed '2,$s/^h//' train.csv >numbers.csv
    $fit -m one.vae --split-by host numbers.csv
    $fit -m two.vae -j 1 --split-by 1 numbers.csv
    vae-score -q -m one.vae new.csv | cmp - <(vae-score -q -m two.vae new.csv)
    fails 64 vae-fit "no column 'nobody'" "$fit -m m.vae --split-by nobody train.csv"
    fails 64 vae-fit "both say which rows" "$fit -m m.vae --split-by host --split time train.csv"
    grep -E '^h(ost|0|1),' train.csv >two.csv
    fails 65 vae-fit "2 values, and 3 are needed" "$fit -m m.vae --split-by host two.csv"
    vae-fit -q -m init.vae --init one.vae --split-by host --steps 10 train.csv
    vae-info --json init.vae | grep -q '"split_by":"host"'
}

@test "vae-fit --split time: the last rows are those of p-values" {
    # the calibration rows themselves have p = 2/(n + 1), 3/(n + 1), ..., 1, each once
    ranks() { vae-score -q -m "$1" last.csv | awk -F, 'NR > 1 { print int($3 * 501 + .5) }' | sort -n | uniq | awk '$1 == NR + 1' | wc -l; }
    (head -n 1 "$ROWS" && tail -n 500 "$ROWS") >last.csv
    fit="vae-fit -q --for detect --hidden 8 --steps 20"
    $fit -m time.vae --split time "$ROWS"
    $fit -m random.vae --split random "$ROWS"
    equal "last rows that calibrate" "$(ranks time.vae)" 500
    [ "$(ranks random.vae)" -lt 400 ]
    vae-info --json time.vae | grep -q '"split":"time"'
    $fit -m default.vae "$ROWS" && cmp default.vae random.vae
    fails 64 vae-fit "random or time" "vae-fit -q -m m.vae --split sometimes train.csv"
}

@test "a fold of too few rows for a denoiser leaves its scores above all others, and p large, not small" {
    { echo host,a,b && heavy 20 5 | tail -n +2 | awk -F, '{ print (NR <= 12 ? "x" : NR <= 16 ? "y" : "z") "," $1 "," $2 }'; } >few.csv
    vae-fit -q -m few.vae --for detect --no-exemplars --hidden 8 --steps 5 --split-by host -k host few.csv
    vae-score -m few.vae -k host few.csv >s.csv 2>err # 12 of 20 are above all: p is 13/21 at least
    awk -F, 'NR > 1 && $3 < .6 { bad = 1 } END { exit bad || NR != 21 }' s.csv
}
