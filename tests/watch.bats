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
    vae-fit -q -m told.vae -c cultivar --hidden 8 --steps 20 "$WINE"
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
    fails 64 vae-score "--to does not go with it" "$SCORE --paste -t vts $CELLS"
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

@test "--benign: a known row and others like it are no anomalies, all else is what it was" {
    $SCORE --paste "$CELLS" | awk -F, -v OFS=, 'NR == 1 || ($NF == 1 && n++ < 3)' | rev | cut -d, -f4- | rev >odd.csv
    sed -n 1,2p odd.csv >known.csv
    # the same; nearly the same; far off in one number; another anomaly
    awk -F, -v OFS=, 'NR < 3 { print } NR == 2 { $3 *= 1.001; $9 *= .999; print; $3 += 40; print } NR == 3' odd.csv >rows.csv
    $SCORE rows.csv | cut -d, -f4 | tr '\n' ' ' | grep "anomaly 1 1 1 1 "
    equal "verdicts" "$($SCORE --benign known.csv rows.csv | cut -d, -f4,5 | tr '\n' ' ')" "anomaly,benign 0,1 0,1 1,0 1,0 "
    $SCORE --benign <(vae-cat -t tsv known.csv) --only rows.csv | same <($SCORE --benign known.csv rows.csv | sed -n '1p;4,5p') -
    $SCORE --benign known.csv --log-format logfmt rows.csv 2>&1 | grep -q "anomalies=2 .*benign=2 "
    $SCORE --benign known.csv "$CELLS" | cut -d, -f1-3 | same <($SCORE "$CELLS" | cut -d, -f1-3) -
    sed '2s/,[^,]*/,x/' known.csv >bad.csv
    fails 65 vae-score "bad.csv:2: " "$SCORE --benign bad.csv rows.csv"
    fails 65 vae-score "no rows, and --benign needs some" "head -n 1 known.csv | $SCORE --benign - rows.csv"
    fails 64 vae-score "standard input is one stream" "$SCORE --benign -"
    fails 66 vae-score "none.csv" "$SCORE --benign none.csv rows.csv"
}

@test "--benign: 99 of 100 draws of one record are like another of them, levels and all" {
    vae-fit -q -m mixed.vae --for detect --as cultivar=category --hidden 32 --steps 200 "$WINE"
    awk 'NR == 1 { print } NR == 60 { for (i = 0; i < 400; i++) print }' "$WINE" | vae-enc -m mixed.vae |
        vae-dec -m mixed.vae --sample >draws.csv
    for i in 1 2 3; do
        sed -n "1p;$((i + 1))p" draws.csv >one.csv
        # levels count apart: only draws of the same one
        (head -n 1 draws.csv && grep "^$(tail -n 1 one.csv | cut -d, -f1)," draws.csv) |
            vae-score -q -m mixed.vae --alpha .99 --benign one.csv |
            awk -F, 'NR > 1 { n += $4 + $5; like += $5 } END { print n, like }'
    done | awk '{ n += $1; like += $2 } END { print n, like; exit !(n > 600 && like > .96 * n && like < n) }'
}

@test "--drift: none among rows like those of the fit, the column that moved, missing cells" {
    # 1200 and 200 rows of one source: two numbers, one with a spike, a level; then three ways to differ
    awk 'BEGIN { srand(3); print "x,y,c"; for (i = 0; i < 2600; i++) { u = rand() + rand() + rand()
        printf "%.4f,%.3f,%s\n", u, rand() < .4 ? 0 : u * rand(), substr("aaabbcdefghijklmn", 1 + int(17 * rand()), 1) } }' >all.csv
    head -n 1201 all.csv | vae-fit -q -m d.vae --for detect --hidden 8 --steps 30
    for i in 0 1 2 3 4; do
        (head -n 1 all.csv && tail -n +$((1202 + 200 * i)) all.csv | head -n 200) >new.csv
        vae-score -q -m d.vae --drift d.csv --drift-max 0 --check --alpha .001 new.csv 2>err >out || [ $? = 1 ]
        equal "drift of $i" "$(cut -d, -f1,3 d.csv | tr '\n' ' ')$(<err)" "column,drift x,0 y,0 c,0 "
        awk -F, 'NR > 1 && !($2 > 0 && $2 < .3) { exit 1 }' d.csv
    done
    awk -F, -v OFS=, 'NR > 1 { $1 += .4 } 1' new.csv >moved.csv
    vae-score -q -m d.vae --drift d.csv moved.csv >out
    awk -F, '$1 == "x" { if (!($3 > .25 && $4 > .2)) exit 1 } NR > 1 && $1 != "x" && $3 > 0 { exit 1 }' d.csv
    vae-score -m d.vae --drift-max .2 moved.csv 2>&1 >out | grep -q "warning: column 'x' has drifted: .* --drift-max 0.2"
    awk -F, -v OFS=, 'NR > 1 && NR % 10 == 0 { $2 = "" } NR > 1 { $3 = "z" } 1' new.csv >gaps.csv
    vae-score -q -m d.vae --drift d.csv --log-format logfmt gaps.csv 2>&1 >out | grep -q "missing_rate=0.0333333 drift=[0-9]"
    awk -F, '$1 == "y" && !($3 > 0 && $5 == .1 && $6 == 0) { exit 1 } $1 == "c" && !($3 > 1 && $4 == "") { exit 1 }' d.csv
    # few rows say nothing, but those of many runs do; another model begins anew
    for i in 1 2 3 4 5 6; do
        head -n $((1 + i * 10)) moved.csv >app.csv
        vae-score -q -m d.vae --state state --drift few.csv app.csv >out
        vae-score -q -m d.vae --drift once.csv app.csv >out
        same few.csv once.csv
        [ $i != 1 ] || awk -F, 'NR > 1 && $3 > 0 { exit 1 }' few.csv
    done
    awk -F, '$1 == "x" { exit !($3 > .25) }' few.csv
    sed -n 62p moved.csv >>app.csv
    vae-score -q -m d.vae --alpha .5 --state state --log-format logfmt app.csv 2>&1 >out | grep -q " rows=1 .* drift=0.[0-9]"
    vae-fit -q -m e.vae --for detect --hidden 8 --steps 1 new.csv
    sed -n 63p moved.csv >>app.csv
    vae-score -q -m e.vae --state state --log-format logfmt app.csv 2>&1 >out | grep -q " rows=1 .* drift=0 "
    vae-info d.vae | grep -q "stored .*quantiles"
    status=0
    vae-score -q -m d.vae --check --drift-max .2 --tail --alpha 1e-9 moved.csv >out || status=$?
    equal "status" $status 1
}

@test "--nagios: the line and the status of a plugin, UNKNOWN whatever fails" {
    grep -v malignant "$CELLS" | sed -n '1p;20,30p' >quiet.csv
    plugin() { # STATUS LINE ARGUMENTS
        local status=0
        vae-score --nagios "${@:3}" >out 2>err || status=$?
        equal "status of ${*:3}" $status "$1"
        [[ $(<out) =~ ^$2 ]] && [ "$(wc -l <out)" = 1 ] || { cat out; return 1; }
    }
    plugin 0 "VAE OK - 0 anomalies in 11 rows [|] alarms=0;;0;0 anomalies=0 rows=11 max_score=[0-9.e+-]+ drift=" -m "$MODEL" --alpha .003 quiet.csv
    plugin 2 "VAE CRITICAL - [0-9]+ anomalies in 569 rows [|] " -m "$MODEL" --alpha .02 "$CELLS"
    plugin 1 "VAE WARNING - [0-9]+ anomalies in 569 rows, drift [|] .*;10;500;0 " -m "$MODEL" --alpha .02 --warn 10 --crit 500 --drift-max .1 "$CELLS"
    plugin 0 "VAE OK - 0 alarms, 2 anomalies" -m "$MODEL" --alpha .02 --persist 3/3 <(sed -n 1,3p "$CELLS")
    plugin 3 "VAE UNKNOWN - none.vae: " -m none.vae quiet.csv
    plugin 3 "VAE UNKNOWN - .*--nosuch" -m "$MODEL" --nosuch quiet.csv
    plugin 3 "VAE UNKNOWN - .*column" -m "$MODEL" "$WINE"
    plugin 3 "VAE UNKNOWN - the model has no calibration" -m "$MODEL" --by iw --draws 3 quiet.csv
    plugin 0 "VAE OK" -m "$MODEL" --alpha .003 -o records.csv quiet.csv
    vae-score -q -m "$MODEL" --alpha .003 quiet.csv | same records.csv -
    fails 64 vae-score "goes with --nagios" "$SCORE --warn 3 quiet.csv"
    : >empty.csv
    plugin 0 "VAE OK - 0 anomalies in 0 rows [|] alarms=0;;0;0 anomalies=0 rows=0$" -m "$MODEL" --state state empty.csv
}

@test "--nagios --state: alarms that could not be told come again, and --prom has the plugin's status" {
    head -n 11 "$CELLS" >app.csv
    told() { # STATUS ROWS TO ARGUMENTS
        local status=0
        $SCORE --nagios --state state --prom cells.prom --log-format logfmt "${@:4}" app.csv >"$3" 2>err || status=$?
        equal "status" $status "$1"
        grep -qxF "vae_exit_status{name=\"cells\"} $1" cells.prom
        grep -q " rows=$2 .* status=$1$" err || { cat err && return 1; }
    }
    $SCORE "$CELLS" | head -n 11 >want.csv
    told 3 10 /dev/full
    told 3 10 /dev/full -o out.csv
    same out.csv want.csv
    rm state
    told 2 10 out
    told 0 0 out
    rm state out.csv
    echo "bad,$(tail -n 1 app.csv)" >>app.csv
    told 3 10 out -o out.csv # the rows before it are no line's
    told 2 10 out -o out.csv --skip-bad
    same out.csv want.csv
    told 0 0 out -o out.csv --skip-bad
}

# The text format: HELP and TYPE once before each family, a sample a line, names, labels and numbers well formed.
exposition() {
    awk '/^# HELP [a-z_]+ ./ { name = $3; if (seen[name]++) exit 1; next }
        /^# TYPE [a-z_]+ gauge$/ { if ($3 != name) exit 1; typed = name; next }
        !match($0, /^[a-z_]+\{name="[^"]*"(,id="[0-9a-f]*")?\} (-?[0-9.]+(e[+-]?[0-9]+)?|NaN|[+-]Inf)$/) { print "bad: " $0; exit 1 }
        { split($0, part, "{"); if (part[1] != typed) exit 1; n++ } END { exit n < 10 }' "$1"
}

@test "--prom: a file for the textfile collector, also of a run that failed" {
    $SCORE --prom cells.prom "$CELLS" >out.csv
    exposition cells.prom
    for line in 'vae_exit_status{name="cells"} 0' 'vae_rows{name="cells"} 569' \
        "vae_anomalies{name=\"cells\"} $(awk -F, 'NR > 1 { n += $4 } END { print n }' out.csv)" \
        "vae_model_info{name=\"cells\",id=\"$(sha256sum <"$MODEL" | cut -d' ' -f1)\"} 1"; do
        grep -qxF "$line" cells.prom || { echo "no $line" && cat cells.prom && return 1; }
    done
    [ "$(sed -n 's/^vae_last_run_timestamp_seconds.* //p' cells.prom)" -ge $(($(date +%s) - 60)) ]
    status=0
    $SCORE --prom cells.prom "$WINE" 2>err >out.csv || status=$?
    equal "status" $status 65
    exposition cells.prom
    grep -qxF 'vae_exit_status{name="cells"} 65' cells.prom
    grep -qxF 'vae_max_score{name="cells"} NaN' cells.prom
    fails 73 vae-score "nosuch" "$SCORE --prom nosuch/x.prom $CELLS"
    equal "files" "$(names)" "cells.prom/err/out.csv"
}
