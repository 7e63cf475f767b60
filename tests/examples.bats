#!/usr/bin/env bats
# What the manuals and README.md show runs as it stands, in a directory with the sample tables.
load helper

# The lines to type in EXAMPLES (or another section) of a manual: of .Dl, and with a second argument also those between
# .Bd -literal and .Ed. Escapes of mdoc are undone.
typed() {
    awk -v section="${3:-EXAMPLES}" -v blocks="${2:-}" '
        /^\.Sh / { on = substr($0, 5) == section } !on { next }
        /^\.Ed/ { lit = 0 } lit && blocks { print } /^\.Bd -literal/ { lit = 1 } /^\.Dl / { sub(/^\.Dl /, ""); print }
    ' "$ROOT/man/$1" | sed -e 's/\\&//g' -e 's/\\-/-/g' -e 's/\\e/\\/g'
}

setup() {
    mkdir -p "$BATS_TEST_TMPDIR/here" "$BATS_TEST_TMPDIR/bin"
    cd "$BATS_TEST_TMPDIR/here" || return
    cp -r "$ROOT"/examples/*.csv "$ROOT"/examples/cron .
    ln -s "$PYTHON" ../bin/python3
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# runs FILE: each line on its own, as one would type it, and all of them end well; but for the steps of fits and the draws of gaps, which
# are fewer. A tail that waits for more is given a table that is there, and an end.
runs() {
    [ -s "$1" ]
    sed -i -E 's/--steps [0-9]+/--steps 20/; s/--draws [0-9]+/--draws 2/' "$1"
    if grep -q 'tail -F' "$1"; then
        cp wine.csv app.csv
        vae-fit -q -m app.vae -k cultivar --steps 20 app.csv
        sed -i -E 's/tail -F ([a-z.]+)/timeout 2 tail -n +1 -F \1/' "$1"
    fi
    timeout 170 bash -e "$1" >../out 2>../err || { echo "status $?" && cat "$1" && tail -n 5 ../err && return 1; }
    # a line of pipes hides the status of all but the last command; its message it does not hide
    ! grep -E '^vae-[a-z]+: .*(cannot|unknown|expected|missing|no such|not a )' ../err
}

@test "vae-fit(1)" { typed vae-fit.1 blocks >run && runs run; }
@test "vae-enc(1)" { typed vae-enc.1 blocks >run && runs run; }
@test "vae-dec(1)" { typed vae-dec.1 blocks >run && runs run; }
@test "vae-score(1)" { typed vae-score.1 blocks >run && runs run; }
@test "vae-gen(1)" { typed vae-gen.1 blocks >run && runs run; }
@test "vae-walk(1)" { typed vae-walk.1 blocks >run && runs run; }
@test "vae-cat(1)" { typed vae-cat.1 blocks >run && runs run; }
@test "vae-info(1)" { typed vae-info.1 blocks >run && runs run; }
@test "vae-compare(1)" { typed vae-compare.1 blocks >run && runs run; }
@test "vae-plot(1)" { typed vae-plot.1 blocks >run && runs run; }
@test "vae-cron(7)" { typed vae-cron.7 >run && runs run; }
@test "vts(5)" { typed vts.5 blocks >run && runs run; }
@test "the tutorial, vae(7)" { typed vae.7 "" TUTORIAL >run && runs run; }

@test "vae-model(5): the lines, and its python gives the latents that vae-enc gives" {
    need_numpy
    typed vae-model.5 >run
    runs run
    typed vae-model.5 blocks | sed -e '/^vae-fit/d' -e '/^tail/d' -e "s/^python3 -c '//" -e "s/'\$//" >script.py
    python3 script.py >said
    for name in schema.center encoder.0.weight decoder.0.bias likelihood prior calibration kl; do grep -q "^$name " said; done
    grep -vE '^[a-z.0-9]+ float' said | tr -d '[]' | tr -s ' \n' '\n' | grep . >got
    vae-enc -m wine.vae -t csv wine.csv | sed -n 2p | cut -d, -f2- | tr , '\n' >want
    paste got want | awk '($1 - $2) ^ 2 > 1e-8 { print; exit 1 } END { exit NR != 13 }'
}

@test "libvae(3): its program compiles as it says, and scores as vae-score does" {
    no_sanitizer
    typed libvae.3 blocks >all
    sed '/^cc /,$d' all >example.c
    sed -n 's/^cc //p' all >flags
    mkdir include && cp "$ROOT/include/vae.h" include/
    built=$(cd "$ROOT" && cd "${O:-build}" && pwd)
    # shellcheck disable=SC2046
    ${CC:-cc} -Wall -Wextra -Werror -Iinclude -L"$built" $(cat flags)
    ./example >scores.csv 2>err
    grep -q '^ELBO -[0-9.]* nats a record$' err
    vae-fit -q -m wine.vae -k cultivar --steps 300 wine.csv
    vae-score -q -m wine.vae wine.csv | cut -d, -f1,2 | cmp - <(cut -d, -f1,2 scores.csv)
}

@test "README.md: every command that it shows, in its order, prints the first line that it shows" {
    # each with the first line of standard output behind it, where it shows one
    awk '/^    \$ / { if (c) print c "\t"; c = substr($0, 7); next }
        c && /^    / && !/^    vae-[a-z]+: / { print c "\t" substr($0, 5); c = ""; next } c && !/^    / { print c "\t"; c = "" }' \
        "$ROOT/README.md" >shown
    equal commands "$(wc -l <shown)" "$(grep -c '^    \$ ' "$ROOT/README.md")"
    [ "$(grep -c "[^$(printf '\t')]\$" shown)" -ge 4 ]
    while IFS=$'\t' read -r command line; do
        timeout 170 bash -c "$command" >../out 2>/dev/null # one of them shows a fault, in a pipe: what it says on standard error is meant
        case $line in '' | *[0-9]\ [0-9]*) continue ;; esac # numbers of a model: not the same for all kernels
        equal "$command" "$(head -n 1 ../out)" "$line"
    done <shown
}

@test "examples/arithmetic.sh: wines of one cultivar become like those of another, in every column" {
    sh "$ROOT/examples/arithmetic.sh" "$PWD" >means
    awk '$1 ~ /first|moved|third/ { for (i = 2; i <= 6; i++) m[$1, i] = $i; n++ }
        END { for (i = 2; i <= 6; i++) { share = (m["moved", i] - m["first", i]) / (m["third", i] - m["first", i])
                  if (share < .75 || share > 1.25) { print i, share; exit 1 } } exit n != 3 }' means
    equal "wines moved" "$(grep -c . moved.csv)" 60
}

@test "examples/images.sh: clothes look like what they were, what is none is the oddest, a sheet of new ones" {
    sh "$ROOT/examples/images.sh" "$PWD" >said
    equal "the oddest, an anomaly" "$(head -n 1 said | cut -d, -f1,3)" others/chess.png,1
    equal "a file given back" "$(sed -n 4p said)" "$(printf 'back/others-000001.png\t28,28')"
    vae-cat -t u8 others.pgm >a && vae-cat -t u8 back/others-*.png >b
    perl -e 'local $/; for (@ARGV) { open F, "<:raw", $_; push @x, [unpack "C*", <F>] } $n = @{$x[0]}; $m += $_ / $n for @{$x[0]};
        for $i (0 .. $n - 1) { $e += ($x[0][$i] - $x[1][$i]) ** 2; $v += ($x[0][$i] - $m) ** 2 }
        print $e / $v, "\n"; exit !($n == 12 * 784 && $e / $v < .3)' a b
    equal "the sheet" "$(sed -n 6p said)" "$(printf 'new.png\t458,914')"
}

@test "examples/text.sh: new words, a walk, the odd word last, the odd lines of a log first" {
    sh "$ROOT/examples/text.sh" >said
    equal "new words" "$(sed -n 2p said | wc -w)" 8
    equal "words of the walk" "$(sed -n 4p said | wc -w)" 5
    equal "the oddest word" "$(sed -n 8p said | cut -d, -f2)" xqzzkwv
    grep -qx 'disk 4 failed: no space left' said
}

@test "every page with something to type is tested here" {
    for f in "$ROOT"/man/*.[1-9]; do
        f=${f##*/}
        [ -z "$(typed "$f" blocks)" ] || grep -q "typed $f" "$BATS_TEST_FILENAME" || { echo "$f"; return 1; }
    done
}
