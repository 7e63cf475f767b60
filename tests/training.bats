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

@test "--init: begins with the older model, and gets further in few steps; the recipe of the manual" {
    (head -n 1 "$CELLS" && tail -n +2 "$CELLS" | awk 'NR % 3 == 0') >first.csv
    (head -n 1 "$CELLS" && tail -n +2 "$CELLS" | awk 'NR % 3 == 1') >second.csv
    (head -n 1 "$CELLS" && tail -n +2 "$CELLS" | awk 'NR % 3 == 2') >today.csv
    $FIT -q -m flows.vae --for detect --steps 500 --as diagnosis=category first.csv
    cp flows.vae old.vae
    vae-fit -q --no-calibrate --steps 60 -m new.vae --init flows.vae -j 1 second.csv
    $FIT -q -m none.vae --for detect --steps 60 --as diagnosis=category second.csv
    within "$(part new.vae score today.csv)" -1000 "$(part none.vae score today.csv)"
    # the same columns, sizes, levels, purpose, and where it comes from; any number of threads, also killed
    same <(vae-info --schema new.vae) <(vae-info --schema flows.vae)
    vae-info --json new.vae | grep -q "\"init\":\"$(sha256sum flows.vae | cut -d' ' -f1)\""
    vae-info --json new.vae | grep -q '"for":"detect"'
    vae-fit -q --no-calibrate --steps 60 -m again.vae --init flows.vae -j 2 --resume --checkpoint-every 0s second.csv
    same again.vae new.vae
    week=second.csv
    sed -n '/^vae-fit -q --resume --init flows.vae/,/mv new.vae/p' "$ROOT/man/vae-fit.1" | sed 's/week.csv/second.csv --no-calibrate --steps 200/' >job
    rm new.vae
    sh -e job
    [ ! -e new.vae ]
    [ -e flows.vae ]
    run ! cmp -s flows.vae old.vae
}

@test "--init: new levels and values are taken, other columns are not" {
    awk 'BEGIN { print "kind,size"; for (i = 0; i < 200; i++) print (i % 2 ? "a" : "b") "," i % 7 + i % 2 }' >old.csv
    $FIT -q -m old.vae --steps 20 old.csv
    sed '5s/.*/never seen,1000/; 9s/.*/a,/' old.csv >new.csv
    vae-fit --no-calibrate --steps 20 -m new.vae --init old.vae new.csv 2>err
    grep -q 'warning: 2 cells hold no level the older model knows' err
    vae-gen -m new.vae -n 50 >out.csv
    run ! grep -q nan out.csv
    fails 65 vae-fit "column 'size' is missing" "vae-fit -m n.vae --init old.vae <(cut -d, -f1 old.csv)"
    sed 's/$/,1/' old.csv | sed '1s/1$/more/' >more.csv
    vae-fit --no-calibrate --steps 20 -m more.vae --init old.vae more.csv 2>err
    grep -q 'warning: 1 column of the data is not known to old.vae: left out' err
    for o in "-l 3" "--latent gauss" "--codebook 16" "--net mlp" "--channels 16" "--hidden 3" "--act relu" "--lik student" "--sd shared" "--prior gmm" "--dropout 0" \
        "--as size=count" "--levels kind=a|b" "--missing x" "--schema no.csv" "-c kind" "--for detect" "-k kind"; do
        fails 64 vae-fit "--[a-z-]+ goes without --init" "vae-fit -m n.vae --init old.vae $(printf %q "${o%% *}") $(printf %q "${o#* }") old.csv"
    done
    $FIT -q -m codes.vae --latent fsq --prior uniform --steps 5 old.csv
    fails 64 vae-fit "--free-bits is for latents that are numbers" "vae-fit -m n.vae --init codes.vae --free-bits .1 old.csv"
    fails 66 vae-fit "no-such.vae" "vae-fit -m n.vae --init no-such.vae old.csv"
    fails 65 vae-fit "old.csv" "vae-fit -m n.vae --init old.csv old.csv"
}

# A table of four columns that one number moves by SHARE: latents have something to tell. weak SHARE ROWS
weak() { "$PYTHON" -c 'import random, sys
s, n = float(sys.argv[1]), int(sys.argv[2]); r = random.Random(1)
print("a,b,c,d")
for _ in range(n):
    z = r.gauss(0, 1)
    print(",".join("%.4f" % (s * z + (1 - s * s) ** .5 * r.gauss(0, 1)) for _ in range(4)))' "$1" "$2"; }
# A network that is hard to train: its latents collapse.
DEEP="vae-fit --for detect --no-calibrate --steps 300 --net mlp --act tanh --warmup 0 --hidden 8,8,8,8,8,8,8,8"

# How often the steps of a curve begin anew.
trainings() { tail -n +2 "$1" | awk -F, '$1 < last { n++ } { last = $1 } END { print n + 1 }'; }

@test "collapsed latents are answered once, and said; also where it is stopped in the second training" {
    weak .7 600 >weak.csv
    $DEEP -m a.vae --log a.csv weak.csv 2>err
    grep -q 'the latents had collapsed; a second training' err
    vae-info --json a.vae | grep -q '"answered":true,.*"collapsed":false'
    within "$(part a.vae kl weak.csv)" 0.2 5
    equal "trainings in the curve" "$(trainings a.csv)" 2
    for i in 1 2; do
        $DEEP -q -m b.vae --log b.csv --resume --checkpoint-every 0s weak.csv 2>/dev/null &
        until [ "$(trainings b.csv 2>/dev/null)" = 2 ] || ! kill -0 $!; do sleep 0.02; done
        kill -9 $! && ! wait $! && [ ! -e b.vae ]
    done
    $DEEP -q -m b.vae --log b.csv --resume weak.csv
    same b.vae a.vae
    same b.csv a.csv
    # what stays idle, though there is something, is told; with a weight that asks for it nothing is repeated
    $DEEP -m c.vae --beta 50 --log c.csv weak.csv 2>err
    grep -q 'the latents are idle, as that weight of the KL asks for' err
    equal "trainings in the curve" "$(trainings c.csv)" 1
    vae-info c.vae | grep -q '^KL .*the latents are idle$'
}

@test "idle latents of columns that tell nothing, or of a chain, are told and not answered" {
    weak 0 600 >none.csv
    $DEEP -m a.vae --log a.csv none.csv 2>err
    grep -q 'the latents are idle: there seems to be nothing' err
    vae-info --json a.vae | grep -q '"answered":false,.*"collapsed":true'
    awk 'BEGIN { print "a,b"; for (i = 0; i < 400; i++) print i % 2 "," i % 2 }' >same.csv
    vae-fit -m b.vae --no-calibrate --prior gmm --beta 1 --warmup 0 --hidden 8 --dropout .5 --steps 150 --log b.csv same.csv 2>err
    if vae-info b.vae | grep -q idle; then grep -q 'the latents are idle: columns tell one another all' err; fi
    equal "trainings in the curve" "$(trainings b.csv)" 1
}

@test "random tables of every unpleasant shape: none diverges, none is idle unsaid, no NaN anywhere (more in make soak)" {
    need_numpy
    run -0 "$PYTHON" "$ROOT/tests/random_tables.py" 0 12 40 --steps 30 --prior gmm --no-calibrate
    [[ $output == *"12 tables, 0 bad"* ]] || { echo "$output"; return 1; }
}
