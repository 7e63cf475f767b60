#!/bin/sh
# make lint: the arrows, no warning by gcc or clang, manuals and scripts that their linters like.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
step() {
    name=$1
    shift
    if out=$("$@" 2>&1) && [ -z "$out" ]; then
        echo "lint: $name: ok"
    else
        bad=1
        printf 'lint: %s:\n%s\n' "$name" "$out"
    fi
}
warn=$(sed -n '/^WARN :=/,/[^\\]$/p' Makefile | sed 's/^WARN :=//; s/\\$//' | tr '\n' ' ')
compile() {
    cc=$1
    shift
    for f in lib/*/*.c cmd/*.c tests/*.c tests/bench/*.c tests/fuzz/*.c; do
        case $f in *_avx2.c) isa="-mavx2 -mfma" ;; *_avx512f.c) isa=-mavx512f ;; *) isa= ;; esac
        # shellcheck disable=SC2086
        $cc -fsyntax-only -O2 -std=c11 -D_GNU_SOURCE -Iinclude -Ilib -Itests $warn -Werror $isa "$@" "$f"
    done
}
lines() {
    for f in lib/*/*.[ch] cmd/*.[ch] tests/*.[ch]; do
        [ "$(wc -l <"$f")" -le 600 ] || echo "$f: $(wc -l <"$f") lines"
        LC_ALL=C.UTF-8 grep -nE '^.{141}' "$f" | sed "s|^\([0-9]*\):.*|$f:\1: above 140 columns|"
    done
    grep -nwE 'TODO|FIXME|HACK' lib/*/*.[ch] cmd/*.[ch] include/*.h tests/*.[ch] man/* README.md
    return 0
}
# In mdoc, a word behind the comma of an .Fl is a flag, too, of one dash.
flags() {
    grep -nE '^\.(Pq .*)?Fl Fl [a-z-]+ (, ([a-z]{2,}|Fl [a-z-]{2,})|[a-z])' man/*.[1-9]
    return 0
}
step arrows sh tests/lint/arrows.sh
step gcc compile gcc
command -v clang >/dev/null && step clang compile clang
step lines lines
step flags flags
step manuals mandoc -T lint -W warning man/*.[1-9]
command -v shellcheck >/dev/null && step shell shellcheck -S warning -s sh tests/*.sh tests/lint/*.sh tests/bench/*.sh examples/*.sh examples/cron/*.sh
exit $bad
