#!/usr/bin/env bats
# Lines of text as records, from the user's view. What must hold of the maths is in test_lines.c and test_nn.c.
load helper

QUICK="--hidden 8 -l 2 --steps 3 --threads 1 --no-calibrate"

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    printf '%s\n' anna bob 'carol, "x"' dave eve frank grace heidi ivan judy mallory oscar peggy trent anna bob eve >names
    awk '{ print (NR % 2 ? "odd" : "even") "\t" $0 }' names >labelled
    # shellcheck disable=SC2086
    vae-fit -q -m names.vae --text $QUICK names
    # shellcheck disable=SC2086
    vae-fit -q -m labelled.vae --text -c kind $QUICK labelled
}

# learnt: what was fitted for all tests, and its data, here.
learnt() { cp "$BATS_FILE_TMPDIR"/{names,labelled}{,.vae} .; }

@test "vae-cat: lines in, lines out, byte for byte; as a table each is a cell; a last line without its end has one" {
    printf 'a\n\n"b", c\t\\\n \xff\n' >in
    vae-cat -f text in | cmp - in
    vae-cat -f text -t vts in | vae-cat | cmp - in
    printf 'a\r\nb\r\n' >crlf
    vae-cat -f text crlf | cmp - crlf
    equal cells "$(printf 'a\n"b", c' | vae-cat -f text -t csv)" $'line\na\n"""b"", c"'
    equal "last line" "$(printf 'a\nb' | vae-cat -f text | od -An -c | tr -d ' ')" 'a\nb\n'
    vae-cat -f text -t csv in | vae-cat -t text | tail -n +1 | cmp - in
}

@test "fit, enc, dec, score, gen, walk: without naming the format again; the model says what it is" {
    learnt
    vae-info names.vae | grep -q 'line: line, 15 symbols (characters), room for 11'
    vae-info names.vae | grep -q '^network .*gru.*hidden 8'
    vae-info --schema names.vae | grep -qx 'line,line,categorical,'
    vae-enc -m names.vae names | vae-dec >back
    equal lines "$(wc -l <back)" 17
    vae-enc -m names.vae -t csv names >z.csv
    equal header "$(head -n 1 z.csv)" z1,z2
    vae-dec -m names.vae -t text z.csv | cmp - back
    vae-score -q -m names.vae names >scores
    equal rows "$(wc -l <scores)" 18
    equal "same lines, same scores" "$(sed -n '2p;16p' scores | cut -d, -f2 | uniq | wc -l)" 1
    equal "new lines" "$(vae-gen -m names.vae -n 40 | wc -l)" 40
    head -n 2 names | vae-enc -m names.vae | vae-walk --steps 4 | vae-dec >walk
    equal "lines of a walk" "$(wc -l <walk)" 4
    ! grep -q "$(printf '\t')" walk
    vae-cat -f text -t vts names | vae-score -q -m names.vae | cmp - scores
}

@test "nothing depends on threads, batches, chunks: the same model, latents, scores and new lines" {
    learnt
    # shellcheck disable=SC2086
    vae-fit -q -m again.vae --text ${QUICK/--threads 1/--threads 3} names
    cmp names.vae again.vae
    for i in 1 2 3 4 5; do cat names; done >many
    vae-score -q -m names.vae -j 1 --by iw many >one
    vae-score -q -m names.vae -j 3 --by iw many | cmp - one
    { head -n 31 many && sleep .1 && tail -n +32 many; } | vae-score -q -m names.vae --by iw | cmp - one
    tail -n +6 many | vae-score -q -m names.vae --by iw | cut -d, -f2 | tail -n +2 >late
    tail -n +7 one | cut -d, -f2 | cmp - late
    vae-gen -m names.vae -n 50 -j 1 >new
    vae-gen -m names.vae -n 50 -j 3 | cmp - new
    vae-gen -m names.vae -n 20 --first-row 30 | cmp - <(tail -n 20 new)
    vae-enc -m names.vae names | vae-dec --beam 4 -j 1 >beam
    vae-enc -m names.vae names | vae-dec --beam 4 -j 3 | cmp - beam
}

@test "a label and a tab: told, given back, asked for" {
    learnt
    vae-enc -m labelled.vae labelled | vae-dec >back
    cut -f1 back | cmp - <(cut -f1 labelled)
    equal "asked for" "$(vae-gen -m labelled.vae -n 30 --where kind=even | cut -f1 | sort -u)" even
    vae-enc -m labelled.vae labelled | vae-dec --where kind=odd | cut -f1 | sort -u | cmp - <(echo odd)
    vae-score -q -m labelled.vae names >unlabelled # which can do without
    equal rows "$(wc -l <unlabelled)" 18
    vae-score --classify -m labelled.vae labelled | head -n 1 | grep -qx row,kind,p_even,p_odd
    fails 65 vae-fit "standard input:2: no label: expected kind, a tab and a line" \
        'printf "a\tb\nc\n" | vae-fit -m m.vae --text -c kind'
}

@test "a column of a table may be such a text" {
    learnt
    { echo 'kind,name' && awk -F'\t' -v OFS=, '{ gsub(/"/, "\"\"", $2); print $1, "\"" $2 "\"" }' labelled; } >t.csv
    # shellcheck disable=SC2086
    vae-fit -q -m t.vae --as name=line -c kind $QUICK t.csv
    vae-enc -m t.vae t.csv | vae-dec >back.csv
    equal header "$(head -n 1 back.csv)" kind,name
    equal rows "$(vae-cat -t vts back.csv | vae-info - | sed -n 's/^rows *//p')" 17
    vae-score -q -m t.vae t.csv | cut -d, -f2 | cmp - <(vae-score -q -m labelled.vae labelled | cut -d, -f2)
    fails 64 vae-fit 'other columns are conditions' "vae-fit -m m.vae --as name=line t.csv"
}

@test "UTF-8: broken bytes are refused and told, or left out, or taken with --text=bytes" {
    learnt
    printf 'anna\nb\xc3\xb6b\nc\xff\neve\n' >broken
    fails 65 vae-score "broken:3: column 'line': byte 2 is no UTF-8" "vae-score -q -m names.vae broken"
    equal "rows before" "$(wc -l <../out)" 3
    equal "rows but that" "$(vae-score -q -m names.vae --skip-bad broken | wc -l)" 4
    cat names names broken broken >more
    fails 65 vae-fit 'is no UTF-8; leave such lines out .--skip-bad., or take bytes' "vae-fit -m m.vae --text more"
    # shellcheck disable=SC2086
    vae-fit -q -m bytes.vae --text=bytes $QUICK more
    vae-info bytes.vae | grep -q 'symbols (bytes)'
    equal rows "$(vae-score -q -m bytes.vae broken | wc -l)" 5
    equal "a character is one symbol" "$(vae-info names.vae | grep -c characters)" 1
}

@test "--mask-numbers: lines that differ in numbers alone are alike" {
    for i in 1 22 333 4444; do printf 'job %d ended\nuser %d came\n' "$i" "$i"; done >log
    # shellcheck disable=SC2086
    vae-fit -q -m log.vae --text --mask-numbers $QUICK log
    equal scores "$(vae-score -q -m log.vae log | tail -n +2 | cut -d, -f2 | sort -u | wc -l)" 2
    # shellcheck disable=SC2086
    vae-fit -q -m plain.vae --text $QUICK log
    [ "$(vae-score -q -m plain.vae log | tail -n +2 | cut -d, -f2 | sort -u | wc -l)" -gt 4 ]
}

@test "lines longer than there is room for are told of, and scored whole; 10 MB of them, too; an empty one; none" {
    learnt
    printf "P5 1 1 255\n{}\n" | vae-score -q -m names.vae | wc -l | grep -qx 3 # no image, no JSON
    printf 'anna\nannabellabellabella\nannabellabellabellabell\n\n' | vae-score --by elbo -m names.vae >scores 2>log
    grep -q '2 lines are longer than the model has room for: symbols beyond count alike' log
    # 15 symbols, one for all others and the end
    awk -F, 'NR == 3 { a = $2 } NR == 4 { d = ($2 - a) / log(17) } END { print d; exit !(d > 3.9999 && d < 4.0001 && NR == 5) }' scores
    head -n 1 names | cat - <(head -c 10000000 /dev/zero | tr '\0' a) | vae-score -q -m names.vae >long
    equal rows "$(wc -l <long)" 3
    # shellcheck disable=SC2086
    vae-fit -m short.vae --text --line-length 5 $QUICK names 2>log
    grep -q 'lines are longer than there is room for' log
    vae-enc -q -m short.vae names | vae-dec | awk 'length > 5 { exit 1 }'
    fails 65 vae-fit 'no rows: the input is empty' "vae-fit -m m.vae --text </dev/null"
    fails 65 vae-score '1: a line is longer than 16 MiB' "head -c 17000000 /dev/zero | vae-score -q -m names.vae"
    # a score of its own: nats over the root of the symbols, its end among them
    vae-score -q -m names.vae --parts names | tail -n +2 | paste -d, - names |
        awk -F, '{ d = $2 * sqrt(length($9) + 1) / $5 - 1; n += $5 > 0 && d < 1e-5 && d > -1e-5 } END { exit n < 16 }'
    equal "of nothing" "$(vae-score -q -m names.vae </dev/null)" row,score,p,anomaly
}

@test "--temperature, --beam and --by line: what they do, and where they do not belong" {
    learnt
    vae-gen -m names.vae -n 300 --temperature .05 >cold
    vae-gen -m names.vae -n 300 --temperature 2 >hot
    [ "$(sort -u cold | wc -l)" -lt "$(sort -u hot | wc -l)" ]
    vae-gen -m names.vae -n 5 --mean --beam 16 | cmp - <(vae-gen -m names.vae -n 5 --mean --beam 16 -s 1)
    vae-enc -m names.vae names >z
    vae-dec --sample -s 2 z >a
    vae-dec --sample -s 2 --temperature 1 z | cmp - a
    ! vae-dec --sample -s 2 --temperature .1 z | cmp -s - a
    fails 64 vae-dec 'leave --sample out' "vae-dec --sample --beam 3 z"
    fails 64 vae-dec 'temperature goes with --sample' "vae-dec --temperature 2 z"
    fit_wine
    vae-enc -m "$MODEL" "$WINE" >wine.z
    fails 64 vae-dec 'temperature is for lines of text' "vae-dec -m $MODEL --sample --temperature .5 wine.z"
    fails 64 vae-gen 'beam goes with --mean' "vae-gen -m names.vae --beam 3"
    fails 64 vae-score 'by line is for lines of text' "vae-score -m $MODEL --by line $WINE"
    fails 64 vae-gen 'beam is for lines of text' "vae-gen -m $MODEL --mean --beam 3"
}

@test "what is not for text is refused, and what is for text alone" {
    learnt
    for o in '--net mlp' '--hidden 8,8' '--act relu' '--lik gaussian' '--sd shared' '--channels 3'; do
        fails 64 vae-fit '.*' "vae-fit -m m.vae --text $o names"
    done
    fails 64 vae-fit 'net gru is for lines of text' "vae-fit -m m.vae --net gru $WINE"
    for o in '--word-dropout .1' --mask-numbers '--line-length 9'; do
        fails 64 vae-fit "${o%% *} is for lines of text" "vae-fit -m m.vae $o $WINE"
        fails 64 vae-fit "${o%% *} goes without --init" "vae-fit -m m.vae --text --init names.vae $o names"
    done
    fails 64 vae-fit 'text=bytes goes without --init' "vae-fit -m m.vae --text=bytes --init names.vae names"
    fails 64 vae-fit 'prior vamp is not for lines of text' "vae-fit -m m.vae --text --prior vamp names"
    fails 65 vae-fit 'no column is left to model' "vae-fit -m m.vae --text -k line names"
    fails 64 vae-fit "no column 'nothing' to keep" "vae-fit -m m.vae --text -k nothing names"
    fails 64 vae-score "column 'line' is modelled" "vae-score -m names.vae -k line names"
    fails 64 vae-fit 'text is --from text' "vae-fit -m m.vae --text -f csv names"
    fails 64 vae-fit 'there is one label' "vae-fit -m m.vae --text -c a,b names"
    fails 64 vae-score 'explain. is for tables' "vae-score -m names.vae --explain names"
    fails 64 vae-gen 'complete. is for tables' "vae-gen -m names.vae --complete names"
    fails 64 vae-gen 'min-distance. is for tables' "vae-gen -m names.vae --min-distance names"
    fails 64 vae-gen 'guidance is not for lines' "vae-gen -m labelled.vae --where kind=odd --guidance 2"
}
