#!/usr/bin/env bats
# What the manuals and README.md show runs as it stands, in a directory with the sample tables.
load helper

# The lines of EXAMPLES of a manual: of .Dl, and between .Bd -literal and .Ed. \& and other mdoc escapes undone.
manual_examples() {
    awk '/^\.Sh /{ on = $2 == "EXAMPLES" } !on { next } /^\.Ed/ { lit = 0 } lit { print }
        /^\.Bd/ { lit = 1 } /^\.Dl / { sub(/^\.Dl /, ""); print }' "$1" | sed -e 's/\\&//g' -e 's/\\-/-/g' -e 's/\\e/\\/g'
}
# The blocks of a Markdown file between ```sh and ```. A line that begins with $ is a command, and what follows is output.
readme_examples() {
    awk '/^```sh/ { on = 1; next } /^```/ { on = 0; print "" } on { print }' "$1"
}
# Blocks that wait for ever get an end; a real log is not there.
tame() { sed -E 's/tail -F ([a-z.]+)/timeout 3 tail -n +1 -F \1/'; }

prepare() {
    cp "$ROOT"/examples/*.csv .
    cp wine.csv app.csv
    cp wine.csv data.csv
    vae-fit -q -m app.vae -k cultivar --steps 20 app.csv
    mkdir here bin
}

# runs FILE: it as a script that stops at the first failure; timeout ends tail -F.
runs() {
    bash -n "$1"
    # status 124 of a tail that was ended is no failure: only the last of each pipe counts
    timeout 170 bash -e "$1" >out 2>err || { echo "status $?"; cat "$1"; tail -n 5 err; return 1; }
}

one_manual() {
    prepare
    manual_examples "$ROOT/man/$1" | tame >example.sh
    [ -s example.sh ] || skip "$1 has no examples"
    runs example.sh
}

@test "examples of vae-fit(1)" { one_manual vae-fit.1; }
@test "examples of vae-enc(1)" { one_manual vae-enc.1; }
@test "examples of vae-dec(1)" { one_manual vae-dec.1; }
@test "examples of vae-score(1)" { one_manual vae-score.1; }
@test "examples of vae-gen(1)" { one_manual vae-gen.1; }
@test "examples of vae-cat(1)" { one_manual vae-cat.1; }
@test "examples of vae-info(1)" { one_manual vae-info.1; }
@test "examples of vts(5)" { one_manual vts.5; }

@test "every page with examples is tested here" {
    for f in "$ROOT"/man/*.[1-9]; do
        [ -z "$(manual_examples "$f")" ] || grep -q "${f##*/}" "$BATS_TEST_FILENAME" || { echo "$f"; return 1; }
    done
}
