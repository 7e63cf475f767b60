#!/usr/bin/env bats
# The surface: every command's options, their help, their manual page and what is refused.
load helper

# The long names of a command's options as --help lists them.
listed() { "$1" --help | sed -nE 's/^ +(-[a-zA-Z], )?--([a-z-]+).*/\2/p'; }
# Those of the manual's list, and of its synopsis; formatted: what a reader sees.
page() { mandoc -T ascii -O width=200 "$ROOT/man/$1.1" | col -bx; }
explained() { sed -nE '/^\.Sh DESCRIPTION/,/^\.Ss/s/^\.It (Fl . , )?Fl Fl ([a-z-]+).*/\2/p' "$ROOT/man/$1.1"; }
in_synopsis() { sed -nE '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.Op (Fl . \| )?Fl Fl ([a-z-]+).*/\2/p' "$ROOT/man/$1.1"; }

# refused TEXT COMMAND OPTION: status 64 and TEXT. Less thorough than fails, and quick.
refused() {
    local said status=0
    said=$("$2" "$3" 2>&1 >/dev/null) || status=$?
    [[ $status = 64 && $said =~ $1 ]] || { echo "$2 $3: status $status: $said" && return 1; }
}

@test "-h and --help: status 0, begins with usage, nothing on standard error, not wider than 120" {
    for c in $COMMANDS; do
        "$c" -h >h 2>err
        "$c" --help | cmp - h
        head -n 1 h | grep -q "^usage: $c \[options\]" || { head -n 1 h; false; }
        [ ! -s err ]
        equal "widest line of $c -h" "$(awk 'length > 120' h)" ""
        # what stands before -h is read, what stands behind is not
        "$c" -q -h --no-such-thing >/dev/null
    done
}

@test "--help names every option of the command: each one is taken" {
    for c in $COMMANDS; do
        [ "$(listed "$c" | wc -l)" -ge 9 ]
        equal "named twice by $c" "$(listed "$c" | sort | uniq -d)" ""
        for name in $(listed "$c"); do
            # a flag refuses a value and an option asks for one: neither is unknown
            refused 'takes no|expected|needs' "$c" "--$name="
        done
    done
}

@test "options of --help, of the manual's list and of its synopsis are the same, in the same order" {
    for c in $COMMANDS; do
        same <(listed "$c") <(explained "$c") || { echo "$c: list"; return 1; }
        same <(listed "$c") <(in_synopsis "$c") || { echo "$c: synopsis"; return 1; }
        # short names too
        same <("$c" -h | sed -nE 's/^ +-([a-zA-Z]), --([a-z-]+).*/\1 \2/p') \
            <(sed -nE 's/^\.It Fl (.) , Fl Fl ([a-z-]+).*/\1 \2/p' "$ROOT/man/$c.1") || { echo "$c: short"; return 1; }
    done
}

@test "an option is spelled the same everywhere" {
    for c in $COMMANDS; do "$c" -h | sed -nE 's/^ +-([a-zA-Z]), --([a-z-]+).*/\1 \2/p'; done | sort -u >pairs
    equal "letters with two names" "$(cut -d' ' -f1 pairs | sort | uniq -d)" ""
    equal "names with two letters" "$(cut -d' ' -f2 pairs | sort | uniq -d)" ""
}

@test "a default in the help is the one in force" {
    vae-gen -h | grep -q 'default 1000'
    vae-gen -h | grep -qE -- '--seed.*default 1\)'
    vae-fit -h | grep -qE -- '--for.*default generate'
}

@test "manuals: mandoc has nothing to say, and each names its exit statuses and examples" {
    command -v mandoc >/dev/null || skip "needs mandoc"
    run -0 mandoc -T lint -W warning "$ROOT"/man/*.[1-9]
    [ -z "$output" ]
    if command -v groff >/dev/null; then # which man(1) shows them with
        for f in "$ROOT"/man/*.[1-9]; do groff -mandoc -Tutf8 "$f" 2>&1 >/dev/null; done >said
        [ ! -s said ] || { cat said && return 1; }
    fi
    for c in $COMMANDS; do
        for section in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" EXAMPLES "SEE ALSO"; do
            page "$c" | grep -qx "$section" || { echo "$c has no $section"; return 1; }
        done
        page "$c" | grep -qE '^ +64 ' || { echo "$c does not name status 64"; return 1; }
    done
    # what is referred to is there
    for f in "$ROOT"/man/*.[1-9]; do
        sed -nE 's/^\.Xr ([a-z-]+) ([0-9]).*/\1.\2/p' "$f" | sort -u | while read -r p; do
            case $p in vae* | vts* | libvae*) [ -e "$ROOT/man/$p" ] || { echo "${f##*/}: no $p"; exit 1; } ;; esac
        done
    done
}

@test "-V and --version: the command and its version" {
    version=$(sed -nE 's/^#define VAE_VERSION "(.*)"/\1/p' "$ROOT/include/vae.h")
    for c in $COMMANDS; do
        equal "$c -V" "$("$c" -V)" "$c $version"
        equal "$c --version" "$("$c" --version)" "$c $version"
    done
}

@test "unknown options are refused, and say where help is" {
    for c in $COMMANDS; do
        fails 64 "$c" "'--no-such-thing'.*$c -h" "$c --no-such-thing"
        fails 64 "$c" "'--no-such-thing'" "$c --no-such-thing=1 $WINE"
        fails 64 "$c" "'-Y'.*$c -h" "$c -Y"
        fails 64 "$c" "'-Y'" "$c -qY"
    done
    fails 64 vae-enc 'unknown option' "vae-enc --\$'\\e[31m'"
}

@test "abbreviations are refused, of every option" {
    local all
    for c in $COMMANDS; do
        all=" $(listed "$c" | paste -sd' ') "
        for name in $all; do
            short=${name%?}
            case $all in *" $short "*) continue ;; esac
            refused "unknown option '--$short'" "$c" "--$short"
        done
    done
}

@test "values out of range, of the wrong kind, missing or too many" {
    while read -r c option text; do
        fails 64 "$c" "$text" "VAE_MODEL=m.vae $c $option $WINE" || return 1
    done <<'LIST'
vae-fit -l=0 latent-dim.*number
vae-fit -l0 from.1.to.4096
vae-fit --latent-dim=5000 from.1.to.4096
vae-fit --latent-dim=2.5 number
vae-fit --latent-dim=-1 number
vae-fit --latent=cauchy vq.or.gumbel
vae-fit --net=cnn raster.or.gru
vae-fit --act=gelu silu,.relu.or.tanh
vae-fit --lik=poisson gaussian
vae-fit --prior=cauchy normal,.gmm,.flow,.vamp,.realnvp
vae-fit --as=alcohol expected.COLUMN=VALUE
vae-fit --as=alcohol=colour no.such.kind:.'colour'.*ordinal
vae-fit --as=nosuch=number no.column.'nosuch'.*'cultivar'
vae-fit --levels=alcohol expected.COLUMN=VALUE
vae-fit --levels=cultivar= different.texts
vae-fit --levels=nosuch=1 no.column.'nosuch'
vae-fit --missing=a,,b a,,b
vae-fit --schema= FILE
vae-fit --for=fun generate,.detect.or.reduce
vae-fit --hidden=64,,64 numbers.from.1
vae-fit --hidden=0 numbers.from.1
vae-fit --hidden=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1 up.to.16
vae-fit --beta=-1 number
vae-fit --beta=nan number
vae-fit --beta=0x10 number
vae-fit --beta=1,5 number
vae-fit --warmup=1.5 from.0.to.1
vae-fit --steps=0 number
vae-fit --steps=1e3 number
vae-fit --steps=99999999999999999999 number
vae-fit --budget=10 a.time.such.as.90s
vae-fit --budget=0s time
vae-fit --budget=m time
vae-fit --budget=-1m time
vae-fit --budget=1d time
vae-fit --resume=1 takes.no.value
vae-fit --checkpoint= FILE
vae-fit --checkpoint-every=soon time
vae-fit --lr=0 number
vae-fit --dropout=1 number
vae-fit --valid=1 number
vae-fit --max-memory=1Q size
vae-fit --max-memory=99999999999T size
vae-fit --progress=sometimes auto,.always.or.never
vae-fit --seed=-1 number
vae-fit --seed=18446744073709551616 number
vae-fit --seed=luck random
vae-fit --from=xlsx csv
vae-fit -d,, one.character
vae-fit --threads=2000 number
vae-fit --steps=5.--epochs=5 number
vae-fit --log-format=xml text,.logfmt.or.json
vae-enc -z10 from.0.to.9
vae-enc --to=idx2 csv
vae-enc --first-row=-1 number
vae-enc --frame-rows=0 number
vae-enc -k,a names
vae-score --by=magic auto,.elbo
vae-score --iw=0 number
vae-score --alpha=0 number
vae-score --alpha=2 number
vae-score --contamination=0 number
vae-score --contamination=.6 number
vae-fit --alpha=1 number
vae-fit --contamination=.6 number
vae-gen --rows=0 number
vae-gen --where= text
vae-gen --like= FILE
vae-gen --min-distance= FILE
vae-gen --complete= FILE
vae-gen --draws=0 from.1.to.1000
vae-gen --draws=1001 from.1.to.1000
vae-gen --draws=two number
vae-gen --temperature=0 from.0.01.to.10
vae-gen --temperature=11 from.0.01.to.10
vae-gen --temperature=hot number
vae-gen --prior=cauchy normal,.gmm,.flow,.vamp,.realnvp
vae-walk --steps=1 from.2.to
vae-walk --range=3 colon
vae-walk --range=1:x colon
vae-walk --range=-3:3: colon
vae-walk --range=:3 colon
vae-walk --range=-1e7:0 colon
vae-walk --jitter=-1 from.0.to.1000
vae-walk --draws=0 number
vae-walk --rows=0 number
vae-walk --axes=1,,2 texts
vae-walk --toward= COL=VALUE
vae-walk --labelled= FILE
vae-cat --level=x number
LIST
    fails 64 vae-fit "--quiet takes no value" "vae-fit --quiet=1"
    for c in vae-fit vae-enc vae-dec vae-score vae-gen; do
        fails 64 "$c" "needs a value" "$c -m"
        fails 64 "$c" "needs a value" "$c --model"
        fails 64 "$c" "no model|needs|expected" "$c --model="
    done
}

@test "options that contradict each other" {
    for two in "steps 5 epochs 5" "steps 5 budget 1m" "epochs 5 budget 1m" "capacity 2 target-mse 1" "capacity 2 beta 1" \
        "capacity 2 cycles 4" "capacity 2 free-bits 1" "target-mse 1 beta 1" "target-mse 1 cycles 4" \
        "target-mse 1 free-bits 1"; do
        set -- $two
        fails 64 vae-fit "--$1 and --$3 .*leave one out" "vae-fit -m m.vae --$1 $2 --$3 $4 no-such-file"
    done
    fails 64 vae-score "--iw" "vae-score -m m.vae --iw 5 --draws 6 $WINE"
    fails 64 vae-score "--iw" "vae-score -m m.vae --iw 5 --by mse $WINE"
    fails 64 vae-score "--mean-nll" "vae-score -m m.vae --mean-nll --parts $WINE"
    fails 64 vae-gen "takes no files" "vae-gen $WINE"
    fails 64 vae-gen "--complete" "vae-gen -m m.vae --draws 2"
    fails 64 vae-gen "--complete" "vae-gen -m m.vae --best"
    fails 64 vae-gen "--draws" "vae-gen -m m.vae --complete $WINE --best --draws 2"
    for with in '--where ash=2' '-n 5' "--like $WINE" "--min-distance $WINE" --mean '--prior normal' '--temperature 1'; do
        fails 64 vae-gen "--complete" "vae-gen -m m.vae --complete $WINE $with"
    done
    fails 64 vae-gen "--prior and --like" "vae-gen -m m.vae --like $WINE --prior normal"
    fails 64 vae-gen "--keep goes with --complete" "vae-gen -m m.vae -k 1 --like $WINE"
    fails 64 vae-gen "--mean and --like" "vae-gen -m m.vae --like $WINE --mean"
    for two in '--axes 1 --jitter 1' '--axes all --toward a=1' '--toward a=1 --jitter .1' '--axes 1 --spherical' '--jitter 1 --pairs' \
        '--range 0:1' '--axes 1 --range 2:2' '--jitter 1 --range 0:1' '--labelled x' '--axes 1 --logistic' '--draws 3' '--jitter 1 --steps 3' \
        '-n 3 --mean --axes 1' '--mean' "-n 3 $WINE" "--mean --axes 1 $WINE"; do
        fails 64 vae-walk '--' "vae-walk -m m.vae $two"
    done
}

@test "no model named: status 64, and how to name one" {
    for c in vae-fit vae-enc vae-score; do
        fails 64 "$c" '-m MODEL or set \$VAE_MODEL' "$c $WINE"
    done
    fails 64 vae-gen '-m MODEL or set \$VAE_MODEL' "vae-gen"
    fails 64 vae-dec '-m MODEL or set \$VAE_MODEL' "vae-dec $WINE"
}

@test "-- ends the options; - is standard input; options and files mix; short ones cluster" {
    cp "$WINE" ./-q
    vae-cat -- -q | cmp - "$WINE"
    vae-cat - <"$WINE" | cmp - "$WINE"
    vae-cat -t csv "$WINE" -q | cmp - "$WINE"
    vae-cat "$WINE" -uqttsv | cmp - <(tr , '\t' <"$WINE")
    vae-cat "$WINE" --to=tsv | cmp - <(tr , '\t' <"$WINE")
    vae-cat "$WINE" --to tsv | cmp - <(tr , '\t' <"$WINE")
    fails 66 vae-cat 'here-is-none' "vae-cat -- here-is-none"
}

@test "a model never takes the place of the data, or of another file that is no model" {
    cp "$WINE" data.csv
    ln -s data.csv link.csv
    for run in "-m data.csv data.csv" "-m ./data.csv $WINE data.csv" "-m link.csv data.csv" "-m data.csv link.csv" \
        "-m data.csv <data.csv" "-m data.csv - <data.csv"; do
        fails 64 vae-fit 'would overwrite the data' "vae-fit $run"
    done
    fails 64 vae-fit 'data.csv is there and is no model' "vae-fit -m data.csv $WINE"
    for run in "data.csv" "$WINE --label-from link.csv" "$WINE --schema data.csv" "<data.csv"; do
        fails 64 vae-fit '--log data.csv would overwrite the data' "vae-fit -m n.vae --log data.csv $run"
    done
    fails 64 vae-fit '--log and -m name' "vae-fit -m n.vae --log n.vae data.csv"
    same data.csv "$WINE"
    : >empty.vae
    for i in 1 2; do vae-fit -q -m empty.vae -k 1 --steps 1 --no-calibrate "$WINE"; done # the second one in place of the first
    for c in "vae-fit -m n.vae" "vae-enc -m empty.vae" "vae-score -m empty.vae" vae-cat "vae-gen -m empty.vae --complete"; do
        fails 65 "${c%% *}" 'empty.vae: is a model, not data' "$c empty.vae"
    done
}

@test "a file that cannot be opened: status 66, its name" {
    vae-fit -q -m m.vae -k 1 --steps 1 --no-calibrate "$WINE"
    for c in "vae-fit -m n.vae" "vae-enc -m m.vae" "vae-dec -m m.vae" "vae-score -m m.vae" vae-cat vae-info "vae-info --schema"; do
        fails 66 "${c%% *}" 'here-is-none.*no such file' "$c here-is-none"
    done
    for c in vae-enc vae-dec vae-score vae-gen; do fails 66 "$c" 'here-is-none' "$c -m here-is-none"; done
    mkdir dir
    fails 66 vae-cat 'dir.*directory' "vae-cat dir"
}

@test "no command reads the locale: a comma is never a decimal point" {
    command -v localedef >/dev/null || skip "needs localedef"
    mkdir loc && localedef -i de_DE -f UTF-8 "$PWD/loc/de_DE.UTF-8" 2>/dev/null || skip "needs the source of a locale (locales)"
    vae-fit -q -m m.vae -k 1 --steps 1 --no-calibrate "$WINE"
    vae-enc -m m.vae -t csv "$WINE" >want
    LOCPATH=$PWD/loc LC_ALL=de_DE.UTF-8 vae-enc -m m.vae -t csv "$WINE" | cmp - want
}
