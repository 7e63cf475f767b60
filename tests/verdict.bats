#!/usr/bin/env bats
# What a score means: thresholds, p beyond the sample, false discoveries, labels, and the rows that are held out for it.
load helper

setup_file() { fit_wine; }

@test "an alpha that the calibration scores cannot show is refused, the smallest is named and works; the model's own stays" {
    fails 64 vae-score "178 calibration scores cannot show an alpha of 0.001.*0\.00[0-9]+ at least.*--alpha.*more rows" \
        "vae-score -m $MODEL --alpha .001 $WINE"
    least=$(sed -E 's/.* but ([0-9.]+) at least.*/\1/' ../err)
    vae-score -m "$MODEL" --alpha "$least" "$WINE" >s.csv 2>err
    [ ! -s err ]
    awk -F, 'NR > 1 && ($3 <= 1 / 179 + 1e-9) != $4 { print; exit 1 }' s.csv
    fails 64 vae-score "cannot show an alpha of 0.0055," "vae-score -m $MODEL --alpha .0055 $WINE"
    # vae-fit has told what the model's own is
    vae-fit -m m.vae -k cultivar --steps 20 "$WINE" 2>&1 | grep -q 'p <= 0.00559'
    vae-score -m m.vae "$WINE" 2>err >s.csv
    [ ! -s err ]
}

# A table of numbers that hang together, with a heavy tail; $1 rows.
heavy() {
    awk -v n="$1" -v s="$2" 'BEGIN { srand(s); print "a,b,c"
        for (i = 0; i < n; i++) { z = sqrt(-2 * log(1 - rand())) * cos(6.283185 * rand()); r = 1 / sqrt(1 - rand())
            printf "%.5f,%.5f,%.5f\n", z, z + .3 * r * (rand() < .5 ? 1 : -1), r } }'
}

@test "--tail: p as it was up to the highest calibration score, then Zhang and Stephens' tail, by another program" {
    need_numpy
    heavy 2500 1 >train.csv
    vae-fit -q -m m.vae --for detect --steps 60 train.csv
    (heavy 2000 2 && printf '%s\n' 0,0,200 9,-9,1 1e6,0,0 -1e30,1e30,5) >new.csv
    vae-score -q -m m.vae new.csv >plain.csv
    vae-score -v -m m.vae --tail --alpha 1e-5 new.csv >tail.csv 2>err
    grep -q 'p approximate' err
    cat >tail.py <<'PY'
import json, struct, sys
import numpy as np
from scipy.stats import genpareto
file = open("m.vae", "rb").read()
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
    "$PYTHON" tail.py
}

@test "--tail is refused where there is nothing to fit one to" {
    heavy 90 1 >few.csv
    vae-fit -q -m few.vae --steps 10 few.csv
    fails 65 vae-score "needs 100 calibration scores, and the model has 90" "vae-score -m few.vae --tail few.csv"
    vae-fit -q -m none.vae --no-calibrate --steps 10 few.csv
    fails 65 vae-score "no calibration for this score" "vae-score -q -m none.vae --tail few.csv"
    fails 65 vae-score "no calibration for this score" "vae-score -q -m $MODEL --tail --iw 5 $WINE"
}

@test "vae-fit --alpha, --contamination: the threshold is in the model, vae-info shows it, scores go by it" {
    heavy 600 1 >t.csv
    fit="vae-fit -q --for detect --steps 60"
    $fit -m a.vae --alpha .02 t.csv
    $fit -m c.vae --contamination .1 t.csv
    $fit -m d.vae t.csv
    vae-info d.vae | grep -q 'alpha 0.00166'
    for q in a:.02 c:.1; do
        m=${q%:*}.vae share=${q#*:}
        vae-score -q -m "$m" t.csv >own.csv
        awk -F, -v a="$share" 'NR > 1 && ($3 <= a) != $4 { print; exit 1 }' own.csv
        vae-score -q -m "$m" --alpha "$share" t.csv | cmp - own.csv
        vae-score -q -m "$m" --contamination "$share" t.csv | cmp - own.csv
        for by in elbo iw recon mse; do
            at=$(vae-info --json "$m" | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["model"]["calibration"]["thresholds"][sys.argv[1]])' $by)
            vae-info "$m" | grep -qE "^thresholds .* $by -?[0-9.]+"
            vae-score -q -m "$m" --by $by t.csv |
                awk -F, -v at="$at" 'NR > 1 { odd += $4; if (($2 >= at) != $4 && ($2 - at) ^ 2 > 1e-12 * at * at) { print $0, at; exit 1 } } END { exit !odd }'
        done
    done
    vae-info a.vae | grep -q '600 rows, alpha 0.02$'
    vae-info c.vae | grep -q '600 rows, contamination 0.1$'
    fails 64 vae-fit "alpha 0.001: 600 calibration rows show p from 0.00166.*larger.*more rows" "$fit -m e.vae --alpha .001 t.csv"
    fails 64 vae-fit "contamination 0.001: 600 .*larger share.*more rows" "$fit -m e.vae --contamination .001 t.csv"
    fails 64 vae-fit "both choose the threshold" "$fit -m e.vae --alpha .1 --contamination .001 t.csv"
    fails 64 vae-fit "contradict" "$fit -m e.vae --alpha .1 --no-calibrate t.csv"
    fails 64 vae-score "both choose the threshold" "vae-score -m $MODEL --alpha .1 --contamination .1 $WINE"
}
