#!/usr/bin/env bats
# vae-score --state: each run goes on where the last one stopped, whatever happened to the log, the output and the run.
load helper

MODEL=$BATS_FILE_TMPDIR/wine.vae
OTHER=$BATS_FILE_TMPDIR/other.vae
LOG=$BATS_FILE_TMPDIR/log.csv # without the column that was kept: rows have numbers
GO="vae-score -q -m $MODEL --state state"
setup_file() {
    cut -d, -f2- "$WINE" >"$LOG"
    vae-fit -q -m "$MODEL" --for detect --steps 30 --hidden 16 --latent-dim 2 "$LOG"
    vae-fit -q -m "$OTHER" --for detect --steps 30 --hidden 16 --latent-dim 2 -s 2 "$LOG"
    vae-score -q -m "$MODEL" "$LOG" >"$BATS_FILE_TMPDIR/once.csv"
}
ONCE=$BATS_FILE_TMPDIR/once.csv

rows() { sed -n "$(($1 + 1)),$(($2 + 1))p" "$LOG"; } # FROM TO, from 1
# so_far N [FILE]: the output is that of one run over the first N rows.
so_far() { head -n $(($1 + 1)) "$ONCE" | same - "${2:-out.csv}"; }

@test "a log that grows: each row once, with its number, and the header once" {
    head -n 1 "$LOG" >app.csv
    n=0
    for to in 0 3 3 40; do
        [ "$n" = "$to" ] || rows $((n + 1)) "$to" >>app.csv
        n=$to
        $GO -o out.csv app.csv
        so_far "$to"
    done
    rows 41 41 | head -c 20 >>app.csv # not yet whole
    $GO -o out.csv app.csv
    so_far 40
    rows 41 41 | tail -c +21 >>app.csv
    $GO -o out.csv app.csv
    so_far 41
    equal files "$(names)" "app.csv/out.csv/state/state.lock"
}

@test "a log that has not begun is no fault; one that is not there is" {
    : >app.csv
    vae-score -m "$MODEL" --state state -o out.csv app.csv 2>err
    equal note "$(<err)" "vae-score: there is nothing to read yet"
    head -c 20 "$LOG" >app.csv
    $GO -o out.csv app.csv
    head -n 5 "$LOG" >app.csv
    $GO -o out.csv app.csv
    so_far 4
    rm app.csv
    fails 66 vae-score "no such file" "$GO -o out.csv app.csv"
}

@test "a log that is renamed away: the rest of the old one first, however often, with a header or without" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    rows 11 14 >>app.csv
    mv app.csv app.csv.1
    $GO -o out.csv app.csv # there is no new one yet
    so_far 14
    rows 15 16 >>app.csv.1 # the writer still has it
    rows 17 20 >app.csv
    $GO -o out.csv app.csv
    so_far 20
    rows 21 22 >>app.csv
    mv app.csv.1 app.csv.3
    mv app.csv app.csv.2
    rows 23 24 >app.csv.1 # was never seen under its first name
    (head -n 1 "$LOG" && rows 25 30) | awk -F, -v OFS=, '{ t = $1; $1 = $4; $4 = t } 1' >app.csv # another order
    $GO -o out.csv app.csv
    so_far 30
    mv app.csv app.csv-2026-11-26
    head -n 1 "$LOG" | tr , ';' >app.csv # and another delimiter
    rows 31 33 | tr , ';' >>app.csv
    $GO -o out.csv app.csv
    so_far 33
}

@test "a file that is written to long after it was renamed away: those behind it are not read again" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    mv app.csv app.csv.1
    rows 11 14 >app.csv
    $GO -o out.csv app.csv
    mv app.csv.1 app.csv.3
    mv app.csv app.csv.2
    rows 15 15 >>app.csv.3
    rows 16 17 >app.csv.1
    rows 18 20 >app.csv
    for _ in 1 2 3; do $GO -o out.csv app.csv; done
    so_far 20
}

@test "a log that is copied and cut; one that is gone" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    rows 11 14 >>app.csv
    cp app.csv app.csv.1
    (head -n 1 "$LOG" && rows 15 40) | cat >app.csv # the same inode, and longer than it was
    $GO -o out.csv app.csv
    so_far 40
    gzip -c app.csv >app.csv.1.gz
    (head -n 1 "$LOG" && rows 41 44) | cat >app.csv
    vae-score -m "$MODEL" --state state -o out.csv app.csv 2>err
    so_far 44
    one_line err vae-score
    grep -q "app.csv: the file read last time is gone or was cut; rows behind its byte [0-9]*, if any, are missed" err
}

@test "names of operands that were names of others before" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv*
    mv app.csv app.csv.1
    (head -n 1 "$LOG" && rows 11 14) >app.csv
    $GO -o out.csv app.csv app.csv.1
    so_far 14
    $GO -o out.csv app.csv.1 app.csv app.csv
    so_far 14
}

@test "to standard output: each row says where it begins, and is scored again where the output was lost" {
    head -n 11 "$LOG" >app.csv
    vae-score -m "$MODEL" --state state app.csv >out.csv
    equal header "$(head -n 1 out.csv)" "inode,offset,score,p,anomaly"
    cut -d, -f3- out.csv | same - <(head -n 11 "$ONCE" | cut -d, -f2-)
    n=0
    while IFS=, read -r inode offset _; do
        n=$((n + 1))
        equal inode "$inode" "$(stat -c %i app.csv)"
        equal "row $n" "$(tail -c +$((offset + 1)) app.csv | head -n 1)" "$(rows $n $n)"
    done < <(tail -n +2 out.csv)
    rows 11 14 >>app.csv
    (head -n 1 "$LOG" && rows 15 16) >b.csv
    fails 74 vae-score "no space" "$GO app.csv b.csv >/dev/full"
    $GO app.csv b.csv >out.csv
    equal header "$(head -n 1 out.csv)" "file,inode,offset,score,p,anomaly"
    cut -d, -f1 out.csv | tail -n +2 | uniq -c | tr -s ' ' | same - <(printf ' 4 app.csv\n 2 b.csv\n')
    cut -d, -f4- out.csv | tail -n +2 | same - <(sed -n 12,17p "$ONCE" | cut -d, -f2-)
    equal "rows left" "$($GO app.csv b.csv | wc -l)" 1
}

@test "two runs at once: the second one ends with 75 at once" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    exec 9<>state.lock
    flock 9
    fails 75 vae-score "state: another run goes on from it; try again later" "$GO -o out.csv app.csv 9>&-"
    exec 9>&-
    $GO -o out.csv app.csv
    so_far 10
}

@test "the output is rotated, emptied, or has rows that a killed run wrote" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    echo "11,a row that a killed run" >>out.csv
    mv out.csv out.csv.1
    rows 11 14 >>app.csv
    $GO -o out.csv app.csv
    so_far 10 out.csv.1
    (head -n 1 "$ONCE" && sed -n 12,15p "$ONCE") | same - out.csv
    echo "15,a row that a killed run" >>out.csv
    rows 15 16 >>app.csv
    $GO -o out.csv app.csv
    (head -n 1 "$ONCE" && sed -n 12,17p "$ONCE") | same - out.csv
    : >out.csv
    rows 17 20 >>app.csv
    $GO -o out.csv app.csv
    (head -n 1 "$ONCE" && sed -n 18,21p "$ONCE") | same - out.csv
    fails 65 vae-score "out.csv: has other columns than these; move it away" "$GO --parts -o out.csv app.csv"
    fails 73 vae-score "out.csv: is there, but the state tells of no rows in it; move it away" \
        "vae-score -q -m $MODEL --state s2 -o out.csv app.csv; x=\$?; rm -f s2.lock; exit \$x"
}

@test "a state that was cut, damaged or made up is refused, with the way out" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    cp state whole
    for n in 0 1 11 20 21 22 300 $(($(size whole) - 1)); do
        head -c "$n" whole >state
        fails 65 vae-score "state: .*; remove it to begin anew" "$GO -o out.csv app.csv"
    done
    flip whole 100 3 >state
    fails 65 vae-score "state: is no state; remove it" "$GO -o out.csv app.csv"
    "$PYTHON" - whole <<'PY'
import json, sys, zlib
whole = json.loads(open(sys.argv[1]).read().split("\n", 1)[1])
n = 0
def bad(change):
    global n
    j = json.loads(json.dumps(whole))
    change(j, j["files"][0])
    text = (json.dumps(j) + "\n").encode()
    n += 1
    open(f"bad.{n}", "wb").write(b"vae-state 1 %08x\n" % zlib.crc32(text) + text)
for key in "cells", "crlf", "delim", "head", "inode", "offset", "path", "size", "tail", "line":
    bad(lambda j, f: f.update({key: None}))
for key in "rows", "model", "memory", "files":
    bad(lambda j, f: j.pop(key))
bad(lambda j, f: f.update(offset=-1))
bad(lambda j, f: f.update(line=0))
bad(lambda j, f: f.update(cells=1 << 40))
bad(lambda j, f: f.update(delim="\n"))
bad(lambda j, f: f.update(delim=",,"))
bad(lambda j, f: f.update(header="\u20ac"))
bad(lambda j, f: f.update(inode="0x1"))
bad(lambda j, f: f.update(head="123456789"))
bad(lambda j, f: j.update(rows=-1))
bad(lambda j, f: j.update(files=[1]))
bad(lambda j, f: j.update(output=[]))
PY
    for f in bad.*; do
        cp "$f" state
        fails 65 vae-score "state: .*; remove it to begin anew" "$GO -o out.csv app.csv" || { echo "$f" && return 1; }
    done
    cp whole state
    $GO -o out.csv app.csv
    so_far 10
}

@test "a state that lies about the columns or the place is found out, or harmless" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    lie() { "$PYTHON" -c 'import json, sys, zlib
j = json.loads(open("state").read().split("\n", 1)[1])
exec(sys.argv[1], {"f": j["files"][0], "j": j})
text = (json.dumps(j) + "\n").encode()
open("lie", "wb").write(b"vae-state 1 %08x\n" % zlib.crc32(text) + text)' "$1"; }
    rows 11 14 >>app.csv
    lie 'f["header"] = "a,b"'
    fails 65 vae-score "missing|no column" "cp lie s; vae-score -q -m $MODEL --state s app.csv; x=\$?; rm s s.lock; exit \$x"
    lie 'f["header"] = ""'
    fails 65 vae-score "missing|no column|no header" "cp lie s; vae-score -q -m $MODEL --state s app.csv; x=\$?; rm s s.lock; exit \$x"
    lie 'f.pop("header"); f["cells"] = 7'
    fails 65 vae-score "expected 13 values" "cp lie s; vae-score -q -m $MODEL --state s app.csv; x=\$?; rm s s.lock; exit \$x"
    lie 'f["offset"] = 1 << 62' # behind its end
    cp lie s && vae-score -q -m "$MODEL" --state s app.csv >o && equal rows "$(wc -l <o)" 1
    lie 'f["size"] = 1 << 62' # not the file of the mark
    cp lie s && vae-score -q -m "$MODEL" --state s app.csv >o && equal rows "$(wc -l <o)" 15
}

@test "a full disk: what cannot be written is scored by the next run" {
    head -n 101 "$LOG" >app.csv
    $GO -o out.csv app.csv
    so_far 100
    tail -n +102 "$LOG" >>app.csv
    # files end at 4 KiB, so that the output ends within a row
    fails 74 vae-score "out.csv: file too large" "trap '' XFSZ; ulimit -f 4; $GO -o out.csv app.csv"
    [ "$(size out.csv)" = 4096 ]
    $GO -o out.csv app.csv
    so_far 178
    fails 73 vae-score "cannot create none/state.lock" "vae-score -q -m $MODEL --state none/state app.csv"
    mkdir -p full && mount -t tmpfs -o size=8k none full 2>/dev/null || skip "the rest needs a small file system"
    cp state full/ && head -c 100000 /dev/zero >full/fill 2>/dev/null || true
    run -74 vae-score -q -m "$MODEL" --state full/state app.csv 
    umount full
}

@test "a bad row ends each run before it, until --skip-bad" {
    head -n 4 "$LOG" >app.csv
    echo "not,a,row" >>app.csv
    rows 4 6 >>app.csv
    echo "1,2,3,4,5,6,7,8,9,10,11,12,text" >>app.csv
    rows 7 9 >>app.csv
    $GO -o out.csv app.csv 2>err || status=$?
    for _ in 1 2; do fails 65 vae-score "app.csv:5: expected 13 values, got 3" "$GO -o out.csv app.csv"; done
    so_far 3
    $GO --skip-bad -o out.csv app.csv 2>err
    rows 10 12 >>app.csv
    $GO -o out.csv app.csv
    cut -d, -f2- out.csv | same - <(head -n 13 "$ONCE" | cut -d, -f2-)
    equal "numbers in the log" "$(cut -d, -f1 out.csv | paste -sd' ')" "row 1 2 3 5 6 7 9 10 11 12 13 14"
}

@test "another model: a note, and its scores from there on" {
    head -n 11 "$LOG" >app.csv
    $GO -o out.csv app.csv
    rows 11 14 >>app.csv
    vae-score -m "$OTHER" --state state -o out.csv app.csv 2>err
    equal note "$(<err)" "vae-score: another model than in the last run: from row 11 on scores are its own"
    (head -n 11 "$ONCE" && vae-score -q -m "$OTHER" "$LOG" | sed -n 12,15p) | same - out.csv
    vae-score -m "$OTHER" --state state -o out.csv app.csv 2>err
    equal "notes" "$(<err)" ""
}

@test "--persist and --cooldown count on, --paste goes on behind its header" {
    more="--alpha 1 --persist 2/4 --cooldown 3"
    vae-score -q -m "$MODEL" $more "$LOG" >want.csv
    [ "$(head -n 31 want.csv | grep -c ",1,1\$")" = 8 ]
    vae-score -q -m "$MODEL" --paste "$LOG" >pasted.csv
    head -n 1 "$LOG" >app.csv
    for n in {1..30..3}; do
        rows "$n" $((n + 2)) >>app.csv
        # shellcheck disable=SC2086
        $GO $more -o out.csv app.csv
        vae-score -q -m "$MODEL" --state paste --paste -o paste.csv app.csv
    done
    same out.csv <(head -n 31 want.csv)
    same paste.csv <(head -n 31 pasted.csv)
    vae-score -q -m "$MODEL" --state s --paste app.csv >beside.csv
    equal header "$(head -n 1 beside.csv)" "$(head -n 1 "$LOG"),inode,offset,score,p,anomaly"
    equal "rows" "$(tail -n +2 beside.csv | cut -d, -f1-13)" "$(rows 1 30)"
}

@test "a plugin without an output goes on, too" {
    head -n 11 "$LOG" >app.csv
    for want in 10 0; do
        vae-score -m "$MODEL" --state state --nagios --log-format logfmt app.csv >said 2>err || [ $? -le 2 ]
        grep -q " rows=$want " err || { cat said err && return 1; }
    done
}

@test "SIGTERM: the run ends between two records, and the state is saved" {
    no_sanitizer
    head -n 1 "$LOG" >app.csv
    for _ in {1..400}; do tail -n +2 "$LOG"; done >>app.csv
    vae-score -q -m "$MODEL" app.csv >want.csv
    $GO -o out.csv app.csv &
    until [ "$(size out.csv 2>/dev/null || echo 0)" -gt 1000 ]; do sleep .01; done
    kill -TERM $!
    status=0
    wait $! || status=$?
    equal status $status 143
    lines=$(wc -l <out.csv)
    cmp -n "$(size out.csv)" out.csv want.csv
    grep -q "\"rows\":$((lines - 1))}" state
    [ "$lines" -lt "$(wc -l <want.csv)" ]
    $GO -o out.csv app.csv
    same out.csv want.csv
}

@test "what cannot be gone on with is refused" {
    head -n 4 "$LOG" >app.csv
    fails 64 vae-score "files that are named, not in standard input" "$GO <app.csv"
    fails 64 vae-score "files that are named, not in standard input" "$GO app.csv - <app.csv"
    fails 64 vae-score "not go with it" "$GO --mean-nll app.csv"
    fails 64 vae-score "not go with it" "$GO --fdr .1 app.csv"
    fails 64 vae-score "out.gz: only tables that are not compressed" "$GO -o out.gz app.csv; x=\$?; rm state.lock; exit \$x"
    fails 64 vae-score "out: only tables that are not compressed" "$GO -t vts -o out app.csv; x=\$?; rm state.lock; exit \$x"
    fails 64 vae-score "/dev/null: is no regular file" "$GO -o /dev/null app.csv; x=\$?; rm state.lock; exit \$x"
    fails 64 vae-score "is no regular file" "$GO /dev/null; x=\$?; rm state.lock; exit \$x"
    fails 64 vae-score "only tables" "$GO -f npy app.csv; x=\$?; rm state.lock; exit \$x"
    gzip -c app.csv >app.csv.gz
    fails 65 vae-score "is compressed" "$GO app.csv.gz; x=\$?; rm state.lock; exit \$x"
    awk -F, -v OFS=, '{ print $0, (NR == 1 ? "offset" : NR) }' app.csv >o.csv
    fails 64 vae-score "has a column 'offset'" "$GO -k offset o.csv; x=\$?; rm state.lock; exit \$x"
}

@test "runs that are killed at random, under rotation and appends: rows scored twice or missed: none" {
    no_sanitizer
    "$PYTHON" "$ROOT/tests/state_runs.py" 40 1 "$MODEL"
    rm -- *
    vae-fit -q -m ../w.vae --no-calibrate --steps 3 --hidden 8 --latent-dim 2 --window 3 --group magnesium --diff proline "$LOG"
    "$PYTHON" "$ROOT/tests/state_runs.py" 12 2 ../w.vae # windows are of the rows before, whatever became of the runs that read them
}
