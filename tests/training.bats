#!/usr/bin/env bats
# How a model is trained, from a user's view: what beta does, what is held, what is told.
load helper

# The mean of a column of vae-score --parts.
part() { vae-score -q --parts -m "$1" "$3" 2>/dev/null | awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR > 1 { sum += $at[name] } END { print sum / (NR - 1) }'; }
# within A LOW HIGH
within() { awk -v a="$1" -v l="$2" -v h="$3" 'BEGIN { exit !(a >= l && a <= h) }' || { echo "$1 is not within $2..$3"; return 1; }; }
FIT="vae-fit --prior gmm --no-calibrate --hidden 32 --batch 64"

@test "--capacity: the KL of the rows is what was asked for, and said" {
    for nats in 2 6; do
        $FIT -m m.vae --for detect --steps 800 --capacity $nats "$CELLS" 2>err
        within "$(part m.vae kl "$CELLS")" "$(echo "$nats * .85" | bc -l)" "$(echo "$nats * 1.15" | bc -l)"
        grep -q "KL [0-9.]* where --capacity asks for $nats" err
    done
    vae-info m.vae | grep -q 'trained'
    vae-info --json m.vae | grep -q '"capacity":6'
}

@test "--target-mse: the error of what comes back, in units of the input" {
    cut -d, -f2,3 "$WINE" >two.csv # malic_acid alone would not do
    for mse in 0.2 0.05; do
        $FIT -m m.vae --for reduce --steps 800 --target-mse $mse two.csv 2>err
        vae-enc -m m.vae two.csv | vae-dec >back.csv
        got=$(paste -d, two.csv back.csv | awk -F, 'NR > 1 { s += ($1 - $3) ^ 2 + ($2 - $4) ^ 2 } END { print s / (NR - 1) / 2 }')
        within "$got" "$(echo "$mse * .7" | bc -l)" "$(echo "$mse * 1.3" | bc -l)"
        grep -q "squared error [0-9.]* where --target-mse asks for $mse" err
    done
    # what cannot be had is told
    $FIT -m m.vae --for reduce --steps 300 --target-mse 1e-20 two.csv 2>err
    grep -q 'warning: squared error .* where --target-mse asks for 1e-20: it takes more' err
}

@test "--cycles: beta rises so many times, and the model is as good" {
    $FIT -q -m a.vae --for detect --steps 400 "$CELLS"
    $FIT -q -m b.vae --for detect --steps 400 --cycles 4 --log log.csv "$CELLS"
    equal "rises" "$(tail -n +2 log.csv | awk -F, '$4 < last { n++ } { last = $4 } END { print n + 1 }')" 4
    equal "beta at the end" "$(tail -n 1 log.csv | cut -d, -f4)" 1
    a=$(part a.vae score "$CELLS") b=$(part b.vae score "$CELLS")
    within "$(echo "$b - $a" | bc -l)" -3 3
}

@test "beta other than 1: what is best is told by what is minimised, not by the bound" {
    # with a weight of .01 the bound gets worse while the reconstruction still gets better
    $FIT -q -m m.vae --for detect --steps 1000 --beta .01 --patience 5 --log log.csv "$CELLS"
    best=$(tail -n +2 log.csv | awk -F, 'NR == 1 || $6 > most { most = $6; at = $1 } END { print at }')
    kept=$(vae-info --json m.vae | grep -o '"best_step":[0-9]*' | cut -d: -f2)
    [ "$kept" -gt $((best + 100)) ] || { echo "kept $kept, best bound at $best"; return 1; }
}
