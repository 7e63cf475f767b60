#!/usr/bin/env bats
# What vae-fit tells at the end, and vae-info later.
load helper

FIT="--for detect -k cultivar --no-calibrate --hidden 48 --steps 300"

@test "the importance-weighted bound stands beside the ELBO and above it, with its draws; vae-info has it too" {
    vae-fit -m m.vae $FIT "$WINE" 2>report
    elbo=$(sed -n 's/^vae-fit: held-out ELBO \([-0-9.]*\).*/\1/p' report)
    read -r iw ess < <(sed -n 's/^vae-fit: importance-weighted bound \([-0-9.]*\).*effective sample size \([0-9.]*\)$/\1 \2/p' report)
    awk "BEGIN { exit !($iw > $elbo - 0.05 && $iw < $elbo + 3 && $ess > 2 && $ess <= 1000) }" || { cat report; return 1; }
    vae-info --json m.vae | "$PYTHON" -c '
import json, sys
h = json.load(sys.stdin)["model"]["training"]["held_out"]
assert abs(h["iw"] - float(sys.argv[1])) < 1e-4 and h["iw_draws"] >= 20 and h["iw_se"] > 0' "$iw"
    vae-info m.vae | grep -q "importance-weighted $iw"
}

@test "--rates: more weight on the KL, less of it and more distortion; at 1 they add up to about the bound; the model is as it was" {
    vae-fit -m m.vae $FIT --rates .1,1,5 "$WINE" 2>report
    sed -n 's/^vae-fit: at beta \([0-9.]*\): rate \([0-9.]*\), distortion \([0-9.]*\) .*/\1 \2 \3/p' report >points
    elbo=$(sed -n 's/^vae-fit: held-out ELBO \([-0-9.]*\).*/\1/p' report)
    awk -v elbo="$elbo" 'NR > 1 && ($2 >= rate || $3 <= distortion) { bad = 1 }
        { rate = $2; distortion = $3 } $1 == 1 && (-$2 - $3 > elbo + 1 || -$2 - $3 < elbo - 1) { bad = 1 }
        END { exit bad || NR != 3 }' points || { cat report; return 1; }
    vae-fit -q -m plain.vae $FIT "$WINE"
    same <(vae-score -m m.vae --parts "$WINE" 2>/dev/null) <(vae-score -m plain.vae --parts "$WINE" 2>/dev/null)
    fails 64 vae-fit "up to 16 numbers" "vae-fit -m x --rates 1,,2 $WINE"
    fails 64 vae-fit "up to 16 numbers" "vae-fit -m x --rates $(seq -s, 17) $WINE"
}

@test "one line says what to try next" {
    vae-fit -m m.vae --for detect -k cultivar --no-calibrate --steps 20 "$WINE" 2>report
    grep -q '^vae-fit: next: it was still getting better' report
    awk 'BEGIN { srand(1); print "a,b,c"; for (i = 0; i < 2000; i++) { x = rand(); printf "%.3f,%.3f,%.3f\n", x + rand() / 5, 2 * x + rand() / 5, rand() / 5 - x } }' >line.csv
    vae-fit -m m.vae --for detect -l 6 --no-calibrate --hidden 16 --steps 1500 line.csv 2>report
    grep -q '^vae-fit: next: [12] latents\? would do' report || { cat report; return 1; }
}
