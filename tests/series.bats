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
    equal "many digits" "$(printf 'n\n1.1234567890123456789012345678901234567890\n2.5\n' | vae-cat --diff n | tail -n 1)" 1.3765432109876543
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
    vae-enc -m m.vae a.csv | vae-dec --windows | head -n 1 | grep -qx 'host,cpu,cpu@-1,cpu@-2,cpu@-3,cpu@-4,cpu@-5'
}

SMALL="--no-calibrate --steps 3 --hidden 8 --latent-dim 2 --prior normal --threads 1"

# goes_on TABLE SIZE ...: scores by m.vae in runs of so many rows of the table, its log being rotated and compressed now and then, are
# those of one run over all.
goes_on() {
    local table=$1 n=1 k
    shift
    rm -f state* app.csv* out.csv
    head -n 1 "$table" >app.csv
    for k; do
        sed -n "$((n + 1)),$((n + k))p" "$table" >>app.csv
        n=$((n + k))
        vae-score -q -m m.vae --state state -o out.csv app.csv
        [ $((k % 5)) != 0 ] || { gzip app.csv && head -n 1 "$table" >app.csv; }
        [ $((k % 5)) != 2 ] || { mv app.csv app.csv.1 && : >app.csv; }
    done
    head -n "$n" "$table" | vae-score -q -m m.vae | same out.csv -
}

@test "--state: a row has the score that one run over the whole log gives, however few are new and whatever was rotated" {
    series log 200 >a.csv
    vae-fit -q -m m.vae $SMALL --window 4:3 a.csv
    goes_on a.csv 2 30 4
    vae-fit -q -m m.vae $SMALL --window 3:2 --group host --diff requests a.csv
    goes_on a.csv 1 1 3 5 40 2 90 1
    { head -n 40 a.csv; echo "a,2x5,1,x"; echo "b,1,2"; echo '"a",9999,load,x'; tail -n +41 a.csv; } >b.csv
    head -n 42 b.csv >app.csv
    rm -f state out.csv
    vae-score -q -m m.vae --state state -o out.csv app.csv 2>err || equal status $? 65 # within what it had read
    equal rows "$(wc -l <out.csv)" 40
    tail -n +43 b.csv >>app.csv
    vae-score -q --skip-bad -m m.vae --state state -o out.csv app.csv
    vae-score -q --skip-bad -m m.vae b.csv | same - out.csv
    equal rows "$(wc -l <out.csv)" 199 # without two windows that a bad cell is in
}

@test "--state: series of two files are apart; another model goes on with the rows of the last one, other windows begin anew" {
    score() { awk -F, 'NR > 1 { print $(NF - 2) }'; }
    series log 100 >a.csv
    vae-fit -q -m m.vae $SMALL --window 3 --group host a.csv
    vae-fit -q -m n.vae $SMALL --window 3 --group host -s 2 a.csv
    vae-fit -q -m wide.vae $SMALL --window 4 --group host a.csv
    head -n 51 a.csv >app.csv
    head -n 21 a.csv >b.csv
    vae-score -q -m m.vae --state s app.csv b.csv >/dev/null
    cp s s2
    sed -n 52,61p a.csv >>app.csv
    sed -n 22,26p a.csv >>b.csv
    vae-score -q -m m.vae a.csv | score >all
    vae-score -q -m m.vae --state s app.csv b.csv | score | same - <(sed -n 51,60p all && sed -n 21,25p all)
    vae-score -m n.vae --state s2 app.csv 2>err | score >out
    vae-score -q -m n.vae a.csv | score | sed -n 51,60p | same - out
    grep -q "another model than in the last run: from row 71 on scores are its own" err
    ! grep -q "kept no rows" err
    sed -n 62,71p a.csv >>app.csv
    vae-score -m wide.vae --state s2 app.csv 2>err >out
    grep -q "the last run kept no rows for windows like these: the first ones of each series have no score" err
    [ "$(grep -c ,,,0 out)" -ge 3 ]
}

@test "--state: kept rows that make no sense are refused, with the way out" {
    series log 40 >a.csv
    vae-fit -q -m m.vae $SMALL --window 3 --group host --diff requests a.csv
    vae-score -q -m m.vae --state state a.csv >/dev/null
    "$PYTHON" - <<'PY'
import json, zlib
whole = json.loads(open("state").read().split("\n", 1)[1])
held = whole["held"]
for i, text in enumerate([7, held + "\u20ac", held[:-9], held.replace(":5:a.csv", "0:5:a.csv", 1), ""]):
    out = (json.dumps(dict(whole, held=text)) + "\n").encode()
    open(f"bad.{i}", "wb").write(b"vae-state 1 %08x\n" % zlib.crc32(out) + out)
PY
    for i in 0 1 2 3; do
        cp bad.$i s
        fails 65 vae-score "s: .*; remove it to begin anew" "vae-score -q -m m.vae --state s a.csv; x=\$?; rm -f s.lock; exit \$x"
    done
    vae-score -m m.vae --state bad.4 a.csv 2>&1 | grep -q "kept no rows for windows like these"
}

@test "a model of windows: vae-dec gives the table back, vae-gen a series that goes on like the old one" {
    series process 1500 >a.csv
    vae-fit -q -m m.vae --no-calibrate --steps 500 --hidden 48 --prior gmm --threads 2 --window 6 -k note a.csv
    vae-enc -m m.vae a.csv | vae-dec >back.csv
    same <(head -n 1 a.csv) <(head -n 1 back.csv)
    same <(cut -d, -f3 a.csv) <(cut -d, -f3 back.csv)
    series follows a.csv back.csv .8
    vae-enc -m m.vae a.csv | vae-dec --windows | head -n 1 | grep -q '^x,y,note,x@-1,y@-1,x@-2'
    vae-gen -m m.vae -n 1500 >new.csv
    equal header "$(head -n 1 new.csv)" x,y,note
    equal rows "$(wc -l <new.csv)" 1501
    series goes_on_like a.csv new.csv
    vae-gen -m m.vae -n 20 --series 35 -j 1 >many.csv
    vae-gen -m m.vae -n 20 --series 35 -j 2 | same many.csv -
    head -n 21 new.csv | same - <(head -n 21 many.csv)
    equal rows "$(wc -l <many.csv)" 701
    vae-gen -m m.vae --windows -n 2 | head -n 1 | grep -q '^x,y,note,x@-1,y@-1,x@-2'
    printf 'x,y,note\n1.5,,n\n' | cat a.csv - | vae-gen -m m.vae --complete - >full.csv
    equal rows "$(wc -l <full.csv)" 1502
    equal "as it came" "$(tail -n 1 full.csv | cut -d, -f1,3)" 1.5,n
    [ -n "$(tail -n 1 full.csv | cut -d, -f2)" ]
}

@test "vae-gen --after: clocks, steps and series go on behind the last rows of a table" {
    series stamps 200 >a.csv
    vae-fit -q -m m.vae $SMALL --window 3 --group host --diff total a.csv
    { head -n 1 a.csv; grep '^b,' a.csv | tail -n 5; echo '"c",2024-03-01T00:00:00,70,1.5'; } >b.csv
    vae-gen -m m.vae --after b.csv -n 3 >new.csv
    equal header "$(head -n 1 new.csv)" host,time,total,x
    equal hosts "$(cut -d, -f1 new.csv | tail -n 6 | tr '\n' ' ')" 'b b b "c" "c" "c" '
    equal times "$(cut -d, -f2 new.csv | tail -n 3 | tr '\n' ' ')" "2024-03-01T01:00:00 2024-03-01T02:00:00 2024-03-01T03:00:00 "
    series sums b.csv new.csv
    vae-gen -m m.vae -n 4 --series 2 >new.csv
    equal begin "$(cut -d, -f1,2 new.csv | sed -n '2p;3p;6p' | tr '\n' ' ')" \
        "new1,2024-01-01T03:00:00 new1,2024-01-01T04:00:00 new2,2024-01-01T03:00:00 " # as the first whole window with steps
    vae-gen -m m.vae --after b.csv -n 3 -j 2 -s 2 >two
    vae-gen -m m.vae --after b.csv -n 3 -j 1 -s 2 | same two -
    ! cmp -s two new.csv
}

@test "vae-gen of windows: what has no meaning for a series is refused" {
    series process 60 >a.csv
    vae-fit -q -m m.vae $SMALL --window 3 -k note a.csv
    vae-fit -q -m d.vae $SMALL --for detect --no-exemplars --window 3 -k note a.csv
    vae-fit -q -m p.vae $SMALL a.csv
    fails 64 vae-gen "--first-row goes with --windows" "vae-gen -m m.vae --first-row 3"
    fails 64 vae-gen "--temperature goes with --windows" "vae-gen -m m.vae --temperature 2"
    fails 64 vae-gen "'x' is none" "vae-gen -m m.vae --where 'x>1'"
    fails 64 vae-gen "it was not fitted --for generate" "vae-gen -m d.vae -n 2"
    fails 64 vae-gen "--series is for models of windows" "vae-gen -m p.vae --series 2"
    fails 64 vae-gen "--after goes on with the series of its file" "vae-gen -m m.vae --after a.csv --series 2"
    fails 65 vae-gen "column 'y' is missing" "cut -d, -f1 a.csv | vae-gen -m m.vae --after -"
    fails 65 vae-gen "'zz' is not a number" "printf 'x,y,note\n1,zz,n\n' | vae-gen -m m.vae --after -"
    equal rows "$(printf 'x,y,note\n1,zz,n\n1,2,n\n' | vae-gen -q -m m.vae --skip-bad --after - -n 4 2>/dev/null | wc -l)" 5
    vae-gen -m d.vae --windows -n 2 >/dev/null
}
