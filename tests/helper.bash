# What the bats files share: the sample tables, a model fitted once per file, and how a failure must look.
#
#   BIN        directory of the commands        VAE_DATA   real data, may be absent
#   WINE, CELLS      the sample tables          MODEL      fitted to WINE, the class kept

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
PATH=$(cd "${BIN:-$ROOT/build/bin}" && pwd):$PATH
WINE=$ROOT/examples/wine.csv
CELLS=$ROOT/examples/breast_cancer.csv
MODEL=$BATS_FILE_TMPDIR/wine.vae
PYTHON=/usr/bin/python3
COMMANDS="vae-fit vae-enc vae-dec vae-score vae-gen vae-walk vae-cat vae-info vae-compare vae-plot"
unset VAE_MODEL
shopt -s nullglob
export LC_ALL=C.UTF-8 WINE

fit_wine() { vae-fit -q -m "$MODEL" -k cultivar --hidden 32 --steps 200 "$WINE"; }

# Each test has a directory of its own, with nothing else in it.
setup() {
    mkdir -p "$BATS_TEST_TMPDIR/here"
    cd "$BATS_TEST_TMPDIR/here" || return
}

need_numpy() { "$PYTHON" -c 'import numpy' 2>/dev/null || skip "needs python3-numpy"; }
# Sanitizers reserve terabytes of addresses and are slow: what measures memory or time is not for them.
no_sanitizer() { case ${O:-} in *-san) skip "not with sanitizers" ;; esac; }

# same A B: the two files are equal; shows how not.
same() { cmp "$1" "$2" || { diff "$1" "$2" | head -n 6; return 1; }; }
# equal WHAT A B: two texts.
equal() { [ "$2" = "$3" ] || { printf '%s: "%s" is not "%s"\n' "$1" "$2" "$3"; return 1; }; }

# one_line FILE NAME: the messages of the command NAME in FILE are one line of the house's grammar. Bash alone: the
# tests call it hundreds of times.
one_line() {
    local line found=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        "$2: "*) [ -z "$found" ] || { echo "two lines of $2:" && cat "$1" && return 1; } && found=$line ;;
        vae-*:\ *) ;;
        *) echo "a line of nobody: $line" && return 1 ;;
        esac
    done <"$1"
    case $found in
    '') echo "no line of $2" && cat "$1" && return 1 ;;
    *.) echo "ends with a stop: $found" && return 1 ;;
    "$2: "[A-Z][a-z]*) echo "begins with a capital: $found" && return 1 ;;
    *[[:cntrl:]]*) echo "control bytes: $found" && return 1 ;;
    esac
    [ ${#found} -lt 330 ] || { echo "too long: $found" && return 1; }
}
# The names in this directory.
names() {
    local IFS=/
    local -a all=(.[!.]* *)
    echo "${all[*]}"
}

# fails STATUS NAME TEXT SCRIPT: SCRIPT ends with STATUS after one line by NAME that has TEXT (a regular expression of
# bash), and leaves no litter. Its standard output is in ../out, its messages in ../err.
fails() {
    local status=0 before after said
    before=$(names)
    timeout 60 bash -c "$4" >../out 2>../err || status=$?
    after=$(names)
    if [ "$status" != "$1" ]; then echo "$4: status $status, not $1" && head -n 3 ../err && return 1; fi
    one_line ../err "$2" || { echo "of $4" && return 1; }
    said=$(<../err)
    [[ $said =~ $3 ]] || { echo "$4: nothing of '$3' in: $said" && return 1; }
    equal "files after $4" "$after" "$before"
}

# Writes byte number $2 of file $1 with bit $3 turned to standard output.
flip() { perl -e 'local $/; open F, "<:raw", $ARGV[0]; $_ = <F>; substr($_, $ARGV[1], 1) ^= chr(1 << $ARGV[2]); print' "$@"; }
size() { stat -c %s "$1"; }
