#!/usr/bin/env bats
# What vae-score prints and tells where somebody watches: anomalies alone, beside the rows, as alarms, in figures.
load helper

MODEL=$BATS_FILE_TMPDIR/cells.vae
SCORE="vae-score -q -m $MODEL --alpha .02"
setup_file() {
    grep -v malignant "$CELLS" | vae-fit -q -m "$MODEL" -k diagnosis --for detect --steps 200 --latent-dim 4 --hidden 32
}

# waits TEXT FILE LINES: until the file has so many lines, at most 5 seconds.
waits() {
    for _ in {1..100}; do [ "$(wc -l <"$2")" -ge "$3" ] && break || sleep .05; done
    equal "$1" "$(wc -l <"$2")" "$3"
}

@test "--only: the anomalies, with their numbers; all rows count" {
    $SCORE --parts "$CELLS" | awk -F, 'NR == 1 || $4 == 1' >want.csv
    [ "$(wc -l <want.csv)" -gt 50 ]
    $SCORE --parts --only "$CELLS" | same want.csv -
    $SCORE --parts --only -j 1 <"$CELLS" | same want.csv -
    cut -d, -f2- "$CELLS" >bare.csv
    $SCORE bare.csv | awk -F, 'NR == 1 || $4 == 1' | same - <($SCORE --only bare.csv)
    $SCORE --only --log-format logfmt "$CELLS" 2>&1 >out.csv | grep -q "rows=569 .*anomalies=$(($(wc -l <want.csv) - 1)) "
    status=0
    $SCORE --only --check "$CELLS" >out.csv || status=$?
    equal "status" $status 1
    fails 64 vae-score "no records" "$SCORE --only --mean-nll $CELLS"
    fails 65 vae-score "--only cannot tell" "$SCORE --only --by iw --draws 3 $CELLS"
}

@test "--only: a quiet input gives its header, an anomaly comes at once" {
    mkfifo pipe
    $SCORE --only <pipe >out.csv 9>&- &
    exec 9>pipe
    grep -v malignant "$CELLS" | head -n 3 >&9
    waits "the header" out.csv 1
    sed -n 2p "$CELLS" >&9
    waits "the anomaly" out.csv 2
    exec 9>&-
    wait $!
}

@test "--paste: the rows as they came, the scores behind them; with --only and --classify, too" {
    $SCORE "$CELLS" | cut -d, -f2- >scores.csv
    paste -d, "$CELLS" scores.csv >want.csv
    $SCORE --paste "$CELLS" | same want.csv -
    $SCORE --paste --only "$CELLS" | same <(awk -F, 'NR == 1 || $NF == 1' want.csv) -
    # a dialect of its own: semicolons, CRLF, quotes, blanks, columns nobody asked for, another order, no last line end
    awk -F, -v OFS=';' '{ x = $2; $2 = $3; $3 = x; print "\"a;\"\"" NR "\"", $0, NR == 1 ? "\" note\" " : "x " }' "$CELLS" |
        sed 's/$/\r/' | head -c -2 >odd.csv
    $SCORE --paste odd.csv 2>err >out.csv
    equal "messages" "$(<err)" ""
    paste -d';' <(tr -d '\r' <odd.csv) <(tr , ';' <scores.csv) | sed 's/$/\r/' | same - out.csv
    # without a header, from a pipe, gzipped, as TSV
    tail -n +2 "$CELLS" | tr , '\t' | gzip | $SCORE --paste | same <(tail -n +2 want.csv | tr , '\t') -
    vae-fit -q -m told.vae -c cultivar --steps 20 "$WINE"
    vae-score -q -m told.vae --classify --paste <(sed 's/cultivar/was/' "$WINE") |
        same <(paste -d, <(sed 's/cultivar/was/' "$WINE") <(vae-score -q -m told.vae --classify <(sed 's/cultivar/was/' "$WINE") | cut -d, -f2-)) -
}

@test "--paste: headers that come by later, further files, bad rows, header alone" {
    awk -F, -v OFS=, '{ print $NF, $0 }' "$CELLS" | sed '1s/^[^,]*/more/' >turned.csv
    $SCORE --paste "$CELLS" >a.csv
    $SCORE --paste turned.csv >b.csv
    cat "$CELLS" "$CELLS" | $SCORE --paste | same <(cat a.csv && tail -n +2 a.csv) -
    cat "$CELLS" turned.csv turned.csv | $SCORE --paste | same <(cat a.csv b.csv && tail -n +2 b.csv) -
    $SCORE --paste "$CELLS" <(tr , ';' <turned.csv) | same <(cat a.csv <(tr , ';' <b.csv)) -
    head -n 1 "$CELLS" | $SCORE --paste | same <(head -n 1 a.csv) -
    (head -n 3 "$CELLS" && echo "x,y" && sed -n 4,5p "$CELLS") | $SCORE --paste --skip-bad | same <(head -n 5 a.csv) -
    fails 65 vae-score "column 'score' already" "$SCORE --paste a.csv"
    fails 64 vae-score "no table.*vae-cat -t csv" "vae-cat -t vts $CELLS | $SCORE --paste"
    fails 64 vae-score "nothing for --to" "$SCORE --paste -t vts $CELLS"
}

@test "--persist and --cooldown: alarms, which --only and --check go by" {
    $SCORE "$CELLS" >plain.csv
    $SCORE --persist 3/4 --cooldown 5 "$CELLS" >out.csv
    awk -F, -v OFS=, 'NR == 1 { print $0, "alarm"; next }
        { a[NR] = $4; n = a[NR] + a[NR - 1] + a[NR - 2] + a[NR - 3]; now = $4 && n >= 3 && NR > quiet
          if (now) quiet = NR + 5; print $0, now + 0 }' plain.csv | same - out.csv
    alarms=$(awk -F, '$5 == 1' out.csv | wc -l)
    [ "$alarms" -gt 10 ] && [ "$alarms" -lt 60 ]
    $SCORE --persist 3/4 --cooldown 5 --only "$CELLS" | same <(awk -F, 'NR == 1 || $5 == 1' out.csv) -
    $SCORE --persist 3/4 --cooldown 5 -o out2.csv -v "$CELLS" 2>&1 | grep -q " alarms $alarms,"
    # two single ones, far apart
    paste -d, <(cut -d, -f4 plain.csv) "$CELLS" | grep ^0 | cut -d, -f2- >quiet.csv
    (sed -n 1,2p "$CELLS" && head -n 5 quiet.csv && sed -n 3p "$CELLS") >few.csv
    $SCORE --check few.csv >few || status=$?
    equal "status of single ones" "${status:-0}" 1
    $SCORE --check --persist 2/3 few.csv >few
    for bad in 4/3 0/3 3 3/ /3 a/b 1/99999999; do fails 64 vae-score "expected K/N" "$SCORE --persist $bad $CELLS"; done
}
