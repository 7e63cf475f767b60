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
    series alike a later .02 # where a year is far the day of the week is known to a few seconds
    series clock 1500 520.0714285714 >night.csv # and half a day
    vae-score -q -m m.vae night.csv | series odder a -
}

@test "--diff: steps are modelled, of each group, and a jump is odd" {
    series counter 400 0 >a.csv
    vae-fit -m m.vae $QUICK --steps 300 --diff requests a.csv 2>log
    ! grep -q 'counts up' log
    vae-info --schema m.vae | grep -q '^requests.step,'
    series counter 400 9e6 >later.csv # it goes on from elsewhere
    vae-score -m m.vae a.csv >a
    vae-score -m m.vae later.csv >later
    same a later
    equal "the first row" "$(sed -n 2p a)" 1,,,0
    awk -F, -v OFS=, 'NR > 201 { $1 += 1000000 } 1' a.csv >jump.csv
    vae-score -m m.vae jump.csv >jump
    equal odd "$(series highest jump)" 201
    { echo load; seq 50; } >b.csv
    fails 64 vae-fit "--diff: there is no column 'requests'" "vae-fit -m n.vae --diff requests b.csv"
    printf 'n,x\n1,2\n2x,3\n' >b.csv
    fails 65 vae-cat "b.csv:3: column 'n': '2x' is not a number" "vae-cat --diff n b.csv"
    equal "around a bad one" "$(vae-cat -q --skip-bad --diff n <(printf 'n\n1\n2x\n4\n') 2>/dev/null | tr '\n' ' ')" "n.step 3 "
}

@test "vae-cat --window shows what a model is given" {
    printf 'host,t,x\na,1,u\nb,2,v\na,3,"w,"\na,4,\nb,5,y\n' >a.csv
    same <(vae-cat --window 2 --group host -k t a.csv) - <<'TABLE'
host,t,x,x@-1
a,3,"w,",u
a,4,,"w,"
b,5,y,v
TABLE
    equal "every second" "$(vae-cat --window 2:2 <(printf 'x\n1\n2\n3\n4\n5\n') | tr '\n' ' ')" "x,x@-1 2,1 4,3 "
    equal "files" "$(vae-cat --window 2 <(printf 'x\n1\n2\n') <(printf 'x\n3\n4\n') | tr '\n' ' ')" "x,x@-1 2,1 4,3 "
    fails 64 vae-cat "a window is at most|from 1 to 4096" "vae-cat --window 5000 a.csv"
    fails 64 vae-cat "goes with --window" "vae-cat --group host a.csv"
    fails 64 vae-cat "there is no column 'nobody'" "vae-cat --window 2 --group nobody a.csv"
    fails 65 vae-cat "more than 65536 series" "{ echo id,x; seq 70000 | sed 's/\$/,1/'; } | vae-cat --window 2 --group id"
}

@test "--window: each row has the score of the window of its host that ends there; order counts" {
    series hosts 700 0 >a.csv
    series hosts 700 400 >odd.csv
    vae-fit -q -m m.vae $QUICK --steps 500 --window 6 --group host a.csv
    equal columns "$(vae-info --schema m.vae | cut -d, -f1 | tr '\n' ' ')" "column cpu cpu@-1 cpu@-2 cpu@-3 cpu@-4 cpu@-5 host "
    vae-score -m m.vae odd.csv >all
    equal header "$(head -n 1 all)" host,score,p,anomaly
    equal rows "$(wc -l <all)" 1401
    equal "no score where the window is not whole" "$(grep -c ,,,0 all)" 10
    at=$(series highest all)
    [ "$at" -ge 799 ] && [ "$at" -le 815 ] || { echo "the highest is row $at" && return 1; }
    # one host alone, row by row or at once: the same scores
    { head -n 1 odd.csv; grep ^b odd.csv; } >b.csv
    same <(vae-score -m m.vae b.csv) <({ head -n 1 all; grep ^b all; })
    while IFS= read -r line; do printf '%s\n' "$line"; done <odd.csv | vae-score -m m.vae - | same all /dev/stdin
    # another fit is the same model; the model of a window is told from a file that was changed
    vae-fit -q -m n.vae $QUICK --steps 500 --window 6 --group host --threads 2 a.csv
    same m.vae n.vae
    fails 65 vae-score "column 'cpu' is missing" "cut -d, -f1 a.csv | vae-score -m m.vae"
    fails 64 vae-score "--group: there is no column 'host'" "cut -d, -f2 a.csv | vae-score -m m.vae"
    fails 64 vae-fit "--window goes without --init" "vae-fit -m n.vae --init m.vae --window 3 a.csv"
    vae-enc -m m.vae a.csv | vae-dec | head -n 1 | grep -qx 'host,cpu,cpu@-1,cpu@-2,cpu@-3,cpu@-4,cpu@-5'
}

@test "a run that goes on has no rows before its own: --state is refused with windows and steps" {
    series counter 400 0 >a.csv
    vae-fit -q -m m.vae $QUICK --steps 2 --no-calibrate --diff requests a.csv
    status=0
    vae-score -m m.vae --state s a.csv 2>err || status=$?
    equal status $status 64
    grep -q "scores a row by those before it (--window, --diff)" err && [ ! -e s ]
}
