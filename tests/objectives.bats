#!/usr/bin/env bats
# vae-fit --objective: each from a fit to scores, latents and new rows; what it is for; what contradicts it.
load helper

# Their names, as the option tells them.
objectives() { vae-fit --objective=none 2>&1 | sed -nE "s/.*expected (.*), got.*/\1/p" | sed 's/,//g; s/ or / /'; }

# iw MODEL: mean -log p(x) of the cells by the importance-weighted bound; fit_cells OPTION...: a small model of them.
iw() { vae-score -q -m "$1" --mean-nll --iw 64 "$CELLS" | awk -F, 'NR == 2 { print $2 }'; }
fit_cells() { vae-fit -q -k diagnosis --for detect -l 4 --hidden 32 --steps 300 --patience 0 --no-calibrate "$@" "$CELLS"; }
# aggregate MODEL: of draws from the posteriors of all cells, the total correlation of a normal with their correlations, and the
# squared maximum mean discrepancy from N(0,1) by an inverse multiquadratic, without bias.
aggregate() {
    vae-enc -m "$1" --sample -t csv "$CELLS" >latents.csv
    "$PYTHON" - <<'PY'
import csv, numpy as np
z = np.array([[float(r[f"z{j}"]) for j in range(1, 5)] for r in csv.DictReader(open("latents.csv"))])
y, n = np.random.default_rng(1).normal(size=z.shape), len(z)
k = lambda a, b: 8 / (8 + ((a[:, None] - b[None]) ** 2).sum(2))
same = lambda a: (k(a, a).sum() - n) / n / (n - 1)
print(-0.5 * np.log(np.linalg.det(np.corrcoef(z.T))), same(z) + same(y) - 2 * k(z, y).mean())
PY
}
less() { awk "BEGIN { exit !($2 < $3) }" || { echo "$1: $2 is not below $3"; return 1; }; }

@test "each objective: a fit; latents, scores and new rows; the model says which it was; any number of threads" {
    [ "$(objectives | wc -w)" -ge 2 ]
    for o in $(objectives); do
        for p in "generate --no-calibrate" detect; do
            fit="vae-fit -q --objective $o --for $p --prior gmm --hidden 32 --steps 20 --batch 50"
            $fit -j 1 -m m.vae "$WINE"
            $fit -j 3 -m n.vae "$WINE"
            same m.vae n.vae || { echo "$o $p"; return 1; }
            vae-info --json m.vae | tr -d ' ' | grep -q "\"objective\":\"$o\""
            equal "$o" "$(vae-enc -m m.vae "$WINE" | vae-dec | wc -l)" 179
            equal "$o" "$(vae-score -q -m m.vae "$WINE" | wc -l)" 179
            equal "$o" "$(vae-gen -q -m m.vae -n 7 | wc -l)" 8
        done
    done
    vae-fit -q -m m.vae --objective elbo --for detect --steps 20 --no-calibrate "$WINE"
    vae-fit -q -m n.vae --for detect --steps 20 --no-calibrate "$WINE"
    same m.vae n.vae
}

@test "iwae: after as many steps a better bound than with the ELBO, the more so with more draws; what it scores by" {
    fit_cells -m elbo.vae
    fit_cells -m two.vae --objective iwae --samples 2
    fit_cells -m five.vae --objective iwae
    less "two draws" "$(iw two.vae)" "$(iw elbo.vae)"
    less "five draws" "$(iw five.vae)" "$(iw two.vae)"
    fit_cells -m same.vae --objective iwae --samples 5
    same same.vae five.vae
    vae-info five.vae | grep -qx 'objective    iwae, 5 draws a record'
    run ! grep objective <(vae-info elbo.vae)
    fit_cells -m any.vae --for generate --objective iwae # without exemplars or a denoiser, which would be what it scores by
    same <(vae-score -q -m any.vae "$CELLS") <(vae-score -q -m any.vae --by iw "$CELLS")
    run ! cmp -s <(vae-score -q -m any.vae "$CELLS") <(vae-score -q -m any.vae --by elbo "$CELLS")
}

@test "tc: the latents of all records depend less on one another, the less the larger the weight" {
    need_numpy
    fit_cells -m elbo.vae
    fit_cells -m tc.vae --objective tc
    fit_cells -m more.vae --objective tc --tc 30
    read -r elbo _ <<<"$(aggregate elbo.vae)"
    read -r tc _ <<<"$(aggregate tc.vae)"
    read -r more _ <<<"$(aggregate more.vae)"
    less "weight 6" "3 * $tc" "$elbo"
    less "weight 30" "3 * $more" "$tc"
    vae-info more.vae | grep -qx 'objective    tc, weight 30'
    # 1 is what the ELBO counts it
    fit_cells -m one.vae --objective tc --tc 1
    same <(vae-enc -m one.vae -t csv "$CELLS") <(vae-enc -m elbo.vae -t csv "$CELLS")
}

@test "mmd: where the KL hardly counts, the latents of all records are near the prior all the same" {
    need_numpy
    fit_cells -m elbo.vae --beta .01
    fit_cells -m mmd.vae --beta .01 --objective mmd
    read -r _ elbo <<<"$(aggregate elbo.vae)"
    read -r _ mmd <<<"$(aggregate mmd.vae)"
    less "mmd" "10 * $mmd" "$elbo"
    fit_cells -m zero.vae --beta .01 --objective mmd --mmd 0
    same <(vae-enc -m zero.vae -t csv "$CELLS") <(vae-enc -m elbo.vae -t csv "$CELLS")
}

@test "iwae: the curve is judged by the bound, the report by the ELBO" {
    fit_cells -m m.vae --objective iwae --samples 10 --log curve.csv
    equal "columns" "$(head -n 1 curve.csv)" "step,recon,kl,beta,elbo,valid"
    # the bound of rows held out is above the ELBO of the batches
    awk -F, 'END { exit !($6 > $5) }' curve.csv
    awk -F, 'NR > 1 && ($2 + $3 + $5) ^ 2 > 1e-8 { exit 1 }' curve.csv
}

@test "what contradicts an objective is refused" {
    while read -r option text; do
        fails 64 vae-fit "$text" "vae-fit -m m.vae $option $WINE" || return 1
    done <<'LIST'
--objective=elbow elbo.*iwae
--samples=5 --samples.is.for.--objective.iwae
--samples=0 from.1.to.256
--samples=257 from.1.to.256
--tc=2 --tc.is.for.--objective.tc
--mmd=2 --mmd.is.for.--objective.mmd
--tc=-1 number
--mmd=nan number
LIST
    fails 64 vae-fit "--tc is for" "vae-fit -m m.vae --objective mmd --tc 2 $WINE"
    fails 64 vae-fit "--samples is for" "vae-fit -m m.vae --objective tc --samples 2 $WINE"
    fails 64 vae-fit "--batch 1" "vae-fit -m m.vae --objective mmd --batch 1 $WINE"
    for o in iwae tc mmd; do
        fails 64 vae-fit "$o goes with --latent gauss" "vae-fit -m m.vae --objective $o --latent ladder $WINE"
        fails 64 vae-fit "$o goes with .*prior" "vae-fit -m m.vae --objective $o --prior realnvp $WINE"
    done
    fails 64 vae-fit "--free-bits" "vae-fit -m m.vae --objective iwae --free-bits .1 $WINE"
    [ ! -e m.vae ]
}
