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
