#!/usr/bin/env bats
# vae-fit --objective: each from a fit to scores, latents and new rows; what it is for; what contradicts it.
load helper

# Their names, as the option tells them.
objectives() { vae-fit --objective=none 2>&1 | sed -nE "s/.*expected (.*), got.*/\1/p" | sed 's/,//g; s/ or / /'; }

# iw MODEL: mean -log p(x) of the cells by the importance-weighted bound; fit_cells OPTION...: a small model of them.
iw() { vae-score -q -m "$1" --mean-nll --iw 64 "$CELLS" | awk -F, 'NR == 2 { print $2 }'; }
fit_cells() { vae-fit -q -k diagnosis --for detect -l 4 --hidden 32 --steps 300 --patience 0 --no-calibrate "$@" "$CELLS"; }
less() { awk -v a="$2" -v b="$3" 'BEGIN { exit !(a < b) }' || { echo "$1: $2 is not below $3"; return 1; }; }

@test "each objective: a fit; latents, scores and new rows; the model says which it was; any number of threads" {
    [ "$(objectives | wc -w)" -ge 2 ]
    for o in $(objectives); do
        for p in "generate --no-calibrate" detect; do
            fit="vae-fit -q --objective $o --for $p --prior gmm --steps 20 --batch 50"
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
    same <(vae-score -q -m five.vae "$CELLS") <(vae-score -q -m five.vae --by iw "$CELLS")
    run ! cmp -s <(vae-score -q -m five.vae "$CELLS") <(vae-score -q -m five.vae --by elbo "$CELLS")
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
LIST
    fails 64 vae-fit "--free-bits" "vae-fit -m m.vae --objective iwae --free-bits .1 $WINE"
    [ ! -e m.vae ]
}
