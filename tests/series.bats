#!/usr/bin/env bats
# Rows in the order of time: columns that only count up, steps, windows. What must hold of the results is in series.py.
load helper

QUICK="--for detect --steps 60 --hidden 32 --threads 1"

series() { "$PYTHON" "$ROOT/tests/series.py" "$@"; }
# said FILE TEXT: a line of the messages in FILE has TEXT.
said() { grep -qF -- "$2" "$1" || { echo "no '$2' in:" && cat "$1" && return 1; }; }

@test "a counter is carried and has no part in the score; --as models it" {
    series counter 300 0 >a.csv
    vae-fit -m m.vae $QUICK a.csv 2>log
    said log "column 'requests' only counts up: carried, not modelled"
    series counter 300 9e6 >later.csv
    vae-score -m m.vae a.csv >a
    vae-score -m m.vae later.csv >later
    head -n 1 a | grep -qx requests,score,p,anomaly
    series alike a later 0
    vae-fit -m n.vae $QUICK --as requests=number a.csv 2>log
    ! grep -q 'counts up' log
    vae-score -m n.vae later.csv >later
    equal anomalies "$(cut -d, -f4 later | grep -c 1)" 300
    vae-fit -q -m g.vae --for generate --steps 5 --hidden 16 --no-calibrate a.csv
    vae-info --schema g.vae | grep -q requests,number
}

@test "a table sorted by a measured column keeps it" {
    for by in amount years; do
        series sorted 400 $by >a.csv
        vae-fit -m m.vae $QUICK --no-calibrate --steps 2 a.csv 2>log
        ! grep -qE 'counts up|forward' log || { cat log && return 1; }
    done
}

@test "a clock is told, not modelled: hours count, years do not" {
    series clock 1500 0 >a.csv
    vae-fit -m m.vae $QUICK --steps 600 --no-calibrate a.csv 2>log
    said log "column 'time' only goes forward: carried, and told"
    series clock 1500 520 >later.csv # weeks
    vae-score -q -m m.vae a.csv >a
    vae-score -q -m m.vae later.csv >later
    head -n 1 a | grep -qx time,score,p,anomaly
    series alike a later
    series clock 1500 520.0714285714 >night.csv # and half a day
    vae-score -q -m m.vae night.csv | series odder a -
}
