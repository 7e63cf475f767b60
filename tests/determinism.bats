#!/usr/bin/env bats
# The same bytes: of a model for any number of threads, of a record wherever it stands and however it came.
load helper

setup_file() { fit_wine; }

# The rows of a table whose order does not matter.
sorted() { tail -n +2 "$1" | sort; }
# Writes its input in pieces of at most N bytes, each a write of its own.
pieces() { perl -e 'while (sysread STDIN, $b, $ARGV[0]) { syswrite STDOUT, $b }' "$1"; }

@test "fit: one thread, two and three, twice and from a pipe in pieces: the same model bytes" {
    vae-fit -q -m a.vae -k 1 --steps 60 -j 1 "$WINE"
    vae-fit -q -m b.vae -k 1 --steps 60 -j 2 "$WINE"
    vae-fit -q -m c.vae -k 1 --steps 60 -j 3 "$WINE"
    for m in b c; do same $m.vae a.vae || { echo $m; return 1; }; done
    # a flow takes most of the time, and has shown by now that it is no exception
    gmm="--prior gmm --steps 60 --hidden 48"
    vae-fit -q -m a.vae -k 1 $gmm -j 2 "$WINE"
    vae-fit -q -m b.vae -k 1 $gmm -j 2 "$WINE"
    pieces 997 <"$WINE" | vae-fit -q -m c.vae -k cultivar $gmm
    gzip -c "$WINE" | vae-fit -q -m d.vae -k cultivar $gmm -v 2>/dev/null
    for m in b c d; do same $m.vae a.vae || { echo $m; return 1; }; done
    vae-fit -q -m b.vae -k 1 $gmm -s 2 "$WINE"
    run ! cmp -s a.vae b.vae
}

@test "fit: other options keep that: detect, mlp, bernoulli, dropout, batches that do not fit" {
    for o in "--for detect" "--net mlp --act tanh --hidden 48" "--lik bernoulli --hidden 48" "--dropout .2 --batch 37 --hidden 48" "--hidden 30,20,10 -l 3"; do
        vae-fit -q -m a.vae -k 1 --steps 20 --prior gmm -j 1 $o "$WINE"
        vae-fit -q -m b.vae -k 1 --steps 20 --prior gmm -j 2 $o "$WINE"
        same a.vae b.vae || { echo "$o"; return 1; }
    done
    vae-fit -q -m a.vae -k 1 --steps 20 --hidden 48 --prior gmm -j 1 "$CELLS"
    vae-fit -q -m b.vae -k 1 --steps 20 --hidden 48 --prior gmm -j 2 "$CELLS"
    same a.vae b.vae
}

@test "fit: killed, stopped and resumed: the bytes of a run that nothing happened to, and its curve" {
    o="-k 1 --steps 250 --batch 32 --hidden 32 --prior gmm"
    vae-fit -q -m a.vae $o --log a.csv "$WINE"
    for ((i = 1; i <= 60; i++)); do
        signal=$((i % 2 ? 9 : 15)) status=0 # later, on a loaded machine, after more seconds
        timeout -s $signal "$((i / 20)).$((15 + i * 7 % 30))" vae-fit -m b.vae $o --resume --checkpoint-every 0s --log b.csv -j $((i % 3 + 1)) "$WINE" 2>>err || status=$?
        [ "$status" != 0 ] || break
    done
    equal status "$status" 0
    same b.vae a.vae
    same b.csv a.csv
    grep -q 'goes on behind step [1-9][0-9]* of 250' err
    equal files "$(ls | tr '\n' ' ')" "a.csv a.vae b.csv b.vae err "
    # stopped behind the training: that is not repeated
    vae-fit -q -m c.vae $o --checkpoint c "$WINE"
    equal files "$(ls | tr '\n' ' ')" "a.csv a.vae b.csv b.vae c.vae err "
    same c.vae a.vae
}

@test "fit: killed and resumed, also of a codebook that moves by itself" {
    o="-k 1 --latent vq --codebook 8 -l 3 --hidden 16 --steps 100 --batch 32 --no-calibrate --for detect"
    vae-fit -q -m a.vae $o "$WINE"
    for at in 20 60; do
        vae-fit -q -m b.vae $o --resume --checkpoint-every 0s --log log "$WINE" &
        until grep -qs "^$at," log; do sleep 0.02; done
        kill -9 $! && ! wait $!
    done
    vae-fit -q -m b.vae $o --resume "$WINE"
    same b.vae a.vae
}

@test "fit: --steps of what --budget found gives the same model" {
    # thirty latents, so that the trial of the mixture is cut short
    o="--hidden 32 -l 30 --for detect --patience 0 --no-calibrate"
    vae-fit -m a.vae --budget 3s $o "$CELLS" 2>err
    n=$(sed -n 's/^vae-fit: time for [0-9]* steps; --steps \([0-9]*\) gives the same model$/\1/p' err)
    [ "$n" -ge 1 ]
    vae-fit -q -m b.vae --steps "$n" $o "$CELLS"
    same b.vae a.vae
    fails 64 vae-fit "--budget leaves no time for training: the rest .*takes [1-9][0-9]* s" "vae-fit -m a.vae --budget .01s $o $CELLS"
}

@test "fit: --budget sets no time aside for scores that --no-calibrate leaves out" {
    perl -e 'srand 3; print pack("C4N3", 0, 0, 8, 3, 100000, 8, 8); print pack "C*", map { 60 * ($_ % 4) + rand 60 } 0 .. 63 for 1 .. 100000' >x.idx
    rest() { # seconds that are not for training, as the refusal says
        vae-fit -q -m a.vae --budget .01s --prior normal --net mlp --hidden 64 --lik dlogistic "$@" x.idx 2>&1 | sed 's/.*takes \([0-9]*\) s.*/\1/'
    }
    some=$(rest) none=$(rest --no-calibrate) # of 2000 rows; of all it would be ten times as long
    [ "$none" -le $((2 * some + 1)) ]
}

@test "a model does not know where it was made" {
    vae-fit -q -m a.vae -k 1 --steps 5 --prior gmm "$WINE"
    mkdir other && cp "$WINE" other/copy.csv && cd other
    HOME=/ TZ=Asia/Tokyo LC_ALL=C vae-fit -q --progress=never --log=curve.csv --model=b.vae --keep=cultivar --steps=5 --prior=gmm --threads=1 copy.csv
    same b.vae ../a.vae
}

@test "latents do not depend on how the data came: in one write, in pieces, byte by byte" {
    vae-enc -m "$MODEL" -t csv "$WINE" >want.csv
    for n in 1000000 4096 1000 97; do
        pieces $n <"$WINE" | vae-enc -m "$MODEL" -t csv | cmp - want.csv
        pieces $n <"$WINE" | vae-enc -m "$MODEL" | pieces 11 | vae-dec | cmp - <(vae-enc -m "$MODEL" "$WINE" | vae-dec)
    done
    head -n 12 "$WINE" >small.csv
    pieces 1 <small.csv | vae-enc -m "$MODEL" -t csv | cmp - <(head -n 12 want.csv)
    vae-enc -m "$MODEL" small.csv | pieces 1 | vae-dec | cmp - <(vae-enc -m "$MODEL" small.csv | vae-dec)
}

@test "frames and compression change no record" {
    vae-enc -m "$MODEL" "$WINE" | vae-dec >want.csv
    for o in "--frame-rows 1" "--frame-rows 7 -z 9" "-z 1" "-u"; do
        vae-enc -m "$MODEL" $o "$WINE" | vae-dec | cmp - want.csv
    done
    vae-enc -m "$MODEL" -z 6 --frame-rows 50 "$WINE" >a.vts
    pieces 4096 <"$WINE" | vae-enc -m "$MODEL" -z 6 --frame-rows 50 >b.vts
    vae-cat b.vts | cmp - <(vae-cat a.vts)
}

@test "rows in another order: the same bytes for each record, of latents and scores" {
    vae-enc -m "$MODEL" --with-sd -t csv "$WINE" >z.csv
    vae-score -q -m "$MODEL" --parts "$WINE" >s.csv
    for order in "sort -t, -k5,5g" "tac" "sort -t, -k9,9gr"; do
        (head -n 1 "$WINE" && tail -n +2 "$WINE" | $order) >o.csv
        vae-enc -m "$MODEL" --with-sd -t csv o.csv >oz.csv
        same <(sorted oz.csv) <(sorted z.csv)
        vae-score -q -m "$MODEL" --parts o.csv >os.csv
        same <(sorted os.csv) <(sorted s.csv)
    done
    vae-dec -m "$MODEL" z.csv >x.csv
    (head -n 1 z.csv && tail -n +2 z.csv | tac) | vae-dec -m "$MODEL" >ox.csv
    same <(sorted ox.csv) <(sorted x.csv)
}

@test "a record alone has the bytes it has among others" {
    vae-enc -m "$MODEL" -t csv "$WINE" >z.csv
    vae-score -q -m "$MODEL" --parts "$WINE" >s.csv
    vae-score -q -m "$MODEL" --by iw "$WINE" >iw.csv
    for n in 2 3 17 18 19 66 130 179; do
        (head -n 1 "$WINE" && sed -n "${n}p" "$WINE") >one.csv
        equal "latents of $n" "$(vae-enc -m "$MODEL" -t csv one.csv | tail -n 1)" "$(sed -n "${n}p" z.csv)"
        equal "scores of $n" "$(vae-score -q -m "$MODEL" --parts one.csv | tail -n 1)" "$(sed -n "${n}p" s.csv)"
        equal "iw score of $n" "$(vae-score -q -m "$MODEL" --by iw one.csv | tail -n 1)" "$(sed -n "${n}p" iw.csv)"
    done
    # shifted by one and more: another place in every panel
    for n in 1 5 15 16 17; do
        (head -n 1 "$WINE" && tail -n +$((n + 2)) "$WINE") >tail.csv
        vae-score -q -m "$MODEL" --parts tail.csv | tail -n +2 | cmp - <(tail -n +$((n + 2)) s.csv)
    done
}

@test "any number of threads: the same latents, records, scores and draws" {
    (cat "$WINE" && for _ in {1..20}; do tail -n +2 "$WINE"; done) >big.csv
    vae-enc -m "$MODEL" -t csv -j 1 big.csv >z1.csv
    vae-score -q -m "$MODEL" --parts -j 1 big.csv >s1.csv
    vae-dec -m "$MODEL" --sample -j 1 z1.csv >x1.csv
    vae-gen -m "$MODEL" -n 3000 -j 1 >g1.csv
    for j in 2 3 7; do
        vae-enc -m "$MODEL" -t csv -j $j big.csv | cmp - z1.csv
        vae-score -q -m "$MODEL" --parts -j $j big.csv | cmp - s1.csv
        vae-dec -m "$MODEL" --sample -j $j z1.csv | cmp - x1.csv
        vae-gen -m "$MODEL" -n 3000 -j $j | cmp - g1.csv
    done
}

@test "vae-gen: shards with --first-row are parts of the whole; seeds differ" {
    vae-gen -m "$MODEL" -n 1000 >whole.csv
    (vae-gen -m "$MODEL" -n 333 && vae-gen -m "$MODEL" -n 1 --first-row 333 --no-header &&
        vae-gen -m "$MODEL" -n 666 --first-row 334 --no-header) >parts.csv
    same parts.csv whole.csv
    vae-gen -m "$MODEL" -n 1000 | cmp - whole.csv
    vae-gen -m "$MODEL" -n 1000 -s 2 >two.csv
    equal "records of both seeds" "$(sort whole.csv two.csv | uniq -d | wc -l)" 1
    vae-gen -m "$MODEL" -n 20 --mean >whole.csv
    (vae-gen -m "$MODEL" -n 7 --mean && vae-gen -m "$MODEL" -n 13 --mean --first-row 7 --no-header) | cmp - whole.csv
}
