#!/usr/bin/env bats
# Conditions: columns that a model is told (vae-fit -c), labels beside the data, and what can be done with them.
load helper

TOLD=$BATS_FILE_TMPDIR/told.vae
CHAIN=$BATS_FILE_TMPDIR/chain.vae
DIGITS=$BATS_FILE_TMPDIR/digits.vae
IMAGES=$BATS_FILE_TMPDIR/images.npy
LABELS=$BATS_FILE_TMPDIR/labels.csv

# 600 pictures of 6x6: a bar that lies (label "a b"), stands ("c"), or neither ("none"), with noise.
pictures() {
    "$PYTHON" - "$1" "$2" <<'PY'
import random, sys
r = random.Random(5)
with open(sys.argv[1], "wb") as f, open(sys.argv[2], "w") as l:
    head = "{'descr': '|u1', 'fortran_order': False, 'shape': (600, 6, 6), }"
    head += " " * ((-len(head) - 11) % 64) + "\n"
    f.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
    l.write("shape\n")
    for i in range(600):
        kind, at = i % 3, r.randrange(6)
        on = lambda y, x: (kind == 0 and y == at) or (kind == 1 and x == at)
        f.write(bytes(int(on(y, x) != (r.random() < 0.03)) for y in range(6) for x in range(6)))
        l.write(("a b", "c", "none")[kind] + "\n")
PY
}

setup_file() {
    vae-fit -q -m "$TOLD" -c cultivar --for detect --no-calibrate --hidden 48 --steps 300 "$WINE"
    vae-fit -q -m "$CHAIN" -c cultivar,alcohol --no-calibrate --steps 150 --hidden 64 "$WINE"
    pictures "$IMAGES" "$LABELS"
    vae-fit -q -m "$DIGITS" --label-from "$LABELS" --lik bernoulli --prior normal -l 4 --hidden 32 --steps 500 --no-calibrate "$IMAGES"
}

column() { cut -d, -f"$1" "$2" | tail -n +2; }

@test "vae-gen --where: every record has the label; without it labels come as in the training rows" {
    vae-gen -m "$TOLD" -n 50 --where cultivar=2 >two.csv
    equal labels "$(column 1 two.csv | sort -u)" 2
    vae-gen -m "$TOLD" -n 400 >all.csv
    equal labels "$(column 1 all.csv | sort -u | tr '\n' ' ')" "1 2 3 "
    # the three kinds of wine differ in what the label tells: mean alcohol 13.7, 12.3, 13.2
    mean() { awk -F, -v l="$1" '$1 == l { s += $2; n++ } END { printf "%.1f", s / n }' all.csv; }
    awk "BEGIN { exit !($(mean 1) > $(mean 2) + 0.8 && $(mean 3) > $(mean 2) + 0.3) }"
}

@test "a chain: labels, ranges of a number that is told, and conditions on what is modelled, together" {
    vae-gen -m "$CHAIN" -n 60 --where 'cultivar=1,alcohol>=14,proline>900' >out.csv
    awk -F, 'NR > 1 && !($1 == 1 && $2 >= 14 && $14 > 900) { print; bad = 1 } END { exit bad || NR != 61 }' out.csv
    vae-gen -m "$CHAIN" -n 30 --where 'alcohol>=14.8' >out.csv
    awk -F, 'NR > 1 && $2 < 14.8 { print; bad = 1 } END { exit bad || NR != 31 }' out.csv
}

@test "latents carry the label; vae-dec takes it from there, or another one: the same content" {
    vae-enc -m "$TOLD" -t csv "$WINE" >latents.csv
    equal "first column" "$(head -n 1 latents.csv | cut -d, -f1)" cultivar
    same <(column 1 latents.csv) <(column 1 "$WINE")
    vae-enc -m "$TOLD" "$WINE" | vae-dec >back.csv
    same <(column 1 back.csv) <(column 1 "$WINE")
    vae-dec -m "$TOLD" latents.csv >again.csv
    same back.csv again.csv
    vae-enc -m "$TOLD" "$WINE" | vae-dec --where cultivar=3 >three.csv
    equal labels "$(column 1 three.csv | sort -u)" 3
    run ! cmp -s <(cut -d, -f2- back.csv) <(cut -d, -f2- three.csv)
    # rows that were 3 already are as they were
    same <(grep '^3,' back.csv) <(tail -n 48 three.csv)
    vae-gen -m "$TOLD" -n 20 --like "$WINE" --where cultivar=2 >like.csv
    equal labels "$(column 1 like.csv | sort -u)" 2
}

@test "a record whose label is missing, or unknown, is told nothing" {
    sed '2s/^1,/,/' "$WINE" >gap.csv
    sed '2s/^1,/9,/' "$WINE" >strange.csv
    cut -d, -f2- "$WINE" >none.csv
    vae-score -m "$TOLD" gap.csv >gap
    vae-score -m "$TOLD" strange.csv 2>/dev/null >strange
    vae-score -m "$TOLD" none.csv >none
    vae-score -m "$TOLD" "$WINE" >whole
    same gap strange
    equal "no label" "$(sed -n 2p gap)" "$(sed -n 2p none)"
    [ "$(sed -n 2p gap)" != "$(sed -n 2p whole)" ]
    same <(tail -n +3 gap) <(tail -n +3 whole)
    # a model of rows some of which have none
    vae-fit -q -m gaps.vae -c cultivar --for detect --no-calibrate --steps 5 --hidden 8 --prior normal gap.csv
    equal rows "$(vae-gen -m gaps.vae -n 5 --where cultivar=3 | grep -c ^3,)" 5
    # on the whole, who knows the label is less surprised
    mean() { awk -F, 'NR > 1 { s += $2 } END { print s / (NR - 1) }' "$1"; }
    awk "BEGIN { exit !($(mean whole) < $(mean none)) }"
}

@test "vae-score --classify: levels, and probabilities that add up" {
    cut -d, -f2- "$WINE" >none.csv
    vae-score -m "$TOLD" --classify none.csv >classes.csv
    equal header "$(head -n 1 classes.csv)" row,cultivar,p_1,p_2,p_3
    awk -F, 'NR > 1 { s = $3 + $4 + $5; if (s < 0.99999 || s > 1.00001) bad = 1 } END { exit bad || NR != 179 }' classes.csv
    right=$(paste -d, <(column 2 classes.csv) <(column 1 "$WINE") | awk -F, '$1 == $2 { n++ } END { print n }')
    [ "$right" -ge 165 ] || { echo "only $right of 178"; return 1; }
    vae-score -m "$TOLD" --classify "$WINE" >told.csv
    same classes.csv told.csv
    vae-score -m "$TOLD" --classify -j 1 none.csv >one.csv
    same classes.csv one.csv
}

@test "--classify against the formula: two normals, whose classes' odds are known" {
    "$PYTHON" - >two.csv <<'PY'
import random
r = random.Random(2)
print("kind,x,y")
for i in range(1500):
    a = r.random() < 0.3
    print("%s,%.4f,%.4f" % ("ab"[a], r.gauss(1.5 * a, 1), r.gauss(0, 1)))
PY
    vae-fit -q -m two.vae -c kind --for detect --no-calibrate -l 1 --hidden 16 --steps 600 two.csv
    vae-score -m two.vae --classify two.csv >out.csv
    paste -d, <(column 2 two.csv) <(column 4 out.csv) |
        awk -F, '{ p = 0.3 * exp(-($1 - 1.5) ^ 2 / 2); q = 0.7 * exp(-$1 ^ 2 / 2); e = p / (p + q) - $2; s += e < 0 ? -e : e }
                 END { print s / NR; exit !(s / NR < 0.05) }'
}

@test "labels beside images: from a table, in every filter; the folder's name" {
    equal levels "$(vae-info --schema "$DIGITS" | tail -n 1 | cut -d, -f1,2)" shape,category
    vae-gen -m "$DIGITS" -n 40 --where "shape='a b'" --mean >lying.npy
    vae-gen -m "$DIGITS" -n 40 --where shape=c --mean >standing.npy
    equal shape "$(vae-info lying.npy | sed -n 's/^field *//p')" "x: u8 6x6"
    # where bars lie, rows have the spread; where they stand, columns
    spread() { vae-cat -t csv --no-header "$1" | awk -F, '{ for (y = 0; y < 6; y++) { s = t = 0; for (x = 1; x <= 6; x++) { s += $(6 * y + x); t += $(6 * (x - 1) + y + 1) } a += s * s; b += t * t } } END { print (a > b ? "rows" : "columns") }'; }
    equal lying "$(spread lying.npy)" rows
    equal standing "$(spread standing.npy)" columns
    vae-enc -m "$DIGITS" --label-from "$LABELS" -t csv "$IMAGES" >latents.csv
    vae-cat -t idx "$IMAGES" >same.idx # in another format they have another name
    vae-enc -m "$DIGITS" --label-from "$LABELS" -t csv same.idx | cmp - latents.csv
    equal "first label" "$(sed -n 2p latents.csv | cut -d, -f1)" "a b"
    vae-enc -m "$DIGITS" --label-from "$LABELS" "$IMAGES" | vae-dec | cmp <(vae-dec -m "$DIGITS" -t npy latents.csv) -
    # variations keep the label that stands beside them: telling it again changes nothing, not knowing it does
    sed '2,$s/.*/c/' "$LABELS" >c.csv
    vae-gen -m "$DIGITS" -n 30 --like "$IMAGES" --label-from c.csv >like.npy
    vae-gen -m "$DIGITS" -n 30 --like "$IMAGES" --label-from c.csv --where shape=c | cmp - like.npy
    vae-gen -m "$DIGITS" -n 30 --like - --label-from "$LABELS" <"$IMAGES" | run ! cmp -s - like.npy
    vae-gen -m "$DIGITS" -n 30 --like "$IMAGES" | run ! cmp -s - like.npy
    vae-score -m "$DIGITS" --classify "$IMAGES" >classes.csv
    right=$(paste -d, <(column 2 classes.csv) <(tail -n +2 "$LABELS") | awk -F, '$1 == $2 { n++ } END { print n }')
    [ "$right" -ge 540 ] || { echo "only $right of 600"; return 1; }
    mkdir one two
    head -n 60 "$WINE" >one/w.csv
    { head -n 1 "$WINE"; tail -n 60 "$WINE"; } >two/w.csv
    vae-fit -q -m folder.vae -k cultivar --label-from-path --no-calibrate --steps 5 --hidden 8 --prior normal one/w.csv two/w.csv
    equal label "$(vae-info --schema folder.vae | grep ^label)" "label,binary,,one|two"
}

@test "labels that end, or are bad, end the run behind the records that have some" {
    vae-enc -m "$DIGITS" --label-from "$LABELS" -t csv "$IMAGES" >all.csv
    head -n 101 "$LABELS" >few.csv
    sed '5s/.*/c,c/' "$LABELS" >bad.csv
    fails 65 vae-enc "few.csv: fewer labels than records" "vae-enc -m $DIGITS --label-from few.csv -t csv $IMAGES"
    same ../out <(head -n 101 all.csv)
    fails 65 vae-enc "bad.csv:5: expected 1 value, got 2" "vae-enc -m $DIGITS --label-from bad.csv --skip-bad -t csv $IMAGES"
    same ../out <(head -n 4 all.csv)
    fails 65 vae-enc "ends early, 3 of 600" "perl -e 'print pack(q(C4NC3), 0, 0, 8, 1, 600, 1, 1, 1)' | vae-enc -m $DIGITS --label-from - $IMAGES"
    fails 65 vae-fit "one value a record, not 4" "perl -e 'print pack(q(C4N3C*), 0, 0, 8, 3, 600, 2, 2, (1) x 2400)' | vae-fit -m x --label-from - $IMAGES"
    fails 65 vae-score "a cell is longer" "perl -e 'print qq(shape\n), q(x) x (17 << 20)' | vae-score -q -m $DIGITS --label-from - $IMAGES"
    # what is no level is told as nothing, also where it looks like a number
    sed '2s/.*/nan/; 3s/.*/1e999/' "$LABELS" >odd.csv
    sed '2s/.*/""/; 3s/.*/""/' "$LABELS" >none.csv
    same <(vae-score -q -m "$DIGITS" --label-from odd.csv "$IMAGES") <(vae-score -q -m "$DIGITS" --label-from none.csv "$IMAGES")
}

@test "guidance moves records towards their label" {
    alcohol() { vae-gen -m "$TOLD" -n 200 --mean --where cultivar=2 --guidance "$1" | awk -F, 'NR > 1 { s += $2 } END { print s / (NR - 1) }'; }
    awk "BEGIN { exit !($(alcohol 2) < $(alcohol 1) - 0.05 && $(alcohol 1) < $(alcohol 0) - 0.05) }"
    vae-gen -m "$TOLD" -n 20 --where cultivar=2 >plain
    vae-gen -m "$TOLD" -n 20 --where cultivar=2 --guidance 1 >one
    same plain one
}

@test "what makes no sense" {
    printf 'shape\nc\n' >few.csv
    { cat "$LABELS"; echo c; } >many.csv
    fails 64 vae-fit "there is no column 'nobody'" "vae-fit -m x -c nobody $WINE"
    fails 64 vae-fit "none is left to model" "vae-fit -m x -c 1 <<<$'a\n1\n2\n3'"
    fails 64 vae-fit "kept" "vae-fit -m x -k cultivar -c cultivar $WINE"
    fails 65 vae-fit "few.csv: fewer labels than records" "vae-fit -m x --label-from few.csv $IMAGES"
    (echo name && for i in {1..600}; do echo "n$((i * i * 7919))x$i"; done) >names.csv
    fails 64 vae-fit "vae-fit: column 'name' is id and only carried" "vae-fit -m x --label-from names.csv $IMAGES"
    fails 65 vae-fit "many.csv: more labels than records" "vae-fit -m x --label-from many.csv $IMAGES"
    fails 65 vae-gen "few.csv: fewer labels than records" "vae-gen -m $DIGITS --like $IMAGES --label-from few.csv"
    fails 64 vae-gen "goes with --like" "vae-gen -m $DIGITS --label-from few.csv"
    fails 64 vae-enc "leave one out" "vae-enc -m $DIGITS --label-from few.csv --label-from-path $IMAGES"
    fails 66 vae-fit "nothing.csv" "vae-fit -m x --label-from nothing.csv $IMAGES"
    fails 65 vae-fit "one value a record" "vae-fit -m x --label-from $IMAGES $IMAGES"
    fails 64 vae-fit "is in no folder" "vae-fit -m x --label-from-path <$WINE"
    fails 64 vae-fit "has a column 'cultivar' already" "vae-fit -m x --label-from $WINE $WINE"
    fails 64 vae-gen "no level of column 'cultivar'" "vae-gen -m $TOLD --where cultivar=7"
    fails 64 vae-gen "'alcohol' is none" "vae-gen -m $TOLD --mean --where 'alcohol>13'"
    fails 64 vae-dec "'alcohol' is none" "vae-enc -m $TOLD $WINE | vae-dec --where 'alcohol>13'"
    fails 64 vae-gen "this has none" "fit_wine() { vae-fit -q -m plain.vae --no-calibrate --steps 2 --prior normal $WINE; }; fit_wine; vae-gen -m plain.vae --guidance 2; s=\$?; rm plain.vae; exit \$s"
    fails 64 vae-score "no condition with levels" "vae-score -m $TOLD --classify --class alcohol $WINE"
    fails 64 vae-score "goes with --classify" "vae-score -m $TOLD --class cultivar $WINE"
    fails 64 vae-score "only --draws" "vae-score -m $TOLD --classify --parts $WINE"
}
