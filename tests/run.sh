#!/bin/sh
# Runs all tests: the C programs, then the bats files. The last line is "N passed, N failed".
#
#   O     where the programs were built        BIN   where the commands are
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
export BIN O VAE_DATA="${VAE_DATA:-$PWD/../shared/data}"
dir=$(mktemp -d) || exit 1
log=$dir/log
trap 'rm -rf "$dir"' EXIT

# count NAME PASSED FAILED STATUS: a program that dies before it has counted is a failure too.
count() {
    passed=$((passed + $2)) failed=$((failed + $3))
    [ "$4" = 0 ] || [ "$3" -gt 0 ] || { failed=$((failed + 1)); echo "$1: exit status $4"; }
}

# The C programs, two at a time; each leaves its output, its status and its seconds in a file of its own.
# shellcheck disable=SC2016
one='start=$(date +%s); "$1" >"$0/${1##*/}" 2>&1; echo "$? $(($(date +%s) - start))" >"$0/${1##*/}.end"'
for t in "$O"/tests/test_*; do
    case $t in *.o | *.d) continue ;; esac
    printf '%s\0' "$t"
done | xargs -0 -n 1 -P 2 sh -c "$one" "$dir"
for t in "$dir"/test_*.end; do
    t=${t%.end}
    read -r status seconds <"$t.end"
    line=$(tail -n 1 "$t")
    p=$(echo "$line" | sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p')
    f=$(echo "$line" | sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p')
    [ "$status" = 0 ] || cat "$t"
    count "${t##*/}" "${p:-0}" "${f:-0}" "$status"
    echo "${t##*/}: ${line} ($seconds s)"
done
for b in tests/*.bats; do
    [ -e "$b" ] || continue
    start=$(date +%s)
    bats --tap "$b" >"$log" 2>&1
    status=$?
    [ "$status" = 0 ] || cat "$log"
    p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log")
    count "$b" "$p" "$f" "$status"
    echo "${b##*/}: $p passed, $f failed ($(grep -c '^ok .* # skip' "$log") skipped, $(($(date +%s) - start)) s)"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
