#!/bin/sh
# one.sh DIR TEST: runs a C program or a bats file, tells how it went (where it failed, all it said), and leaves the numbers
# of what passed and what failed in DIR.
set -u
name=${2##*/} log=$1/${2##*/}.log
start=$(date +%s)
case $2 in
*.bats)
    bats --tap "$2" >"$log" 2>&1
    status=$?
    p=$(grep -c '^ok ' "$log") f=$(grep -c '^not ok ' "$log") s=", $(grep -c '^ok .* # skip' "$log") skipped"
    ;;
*)
    "$2" >"$log" 2>&1
    status=$?
    line=$(tail -n 1 "$log") s=
    p=$(echo "$line" | sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p')
    f=$(echo "$line" | sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p')
    ;;
esac
p=${p:-0} f=${f:-0}
# what dies before it has counted is a failure, too
[ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
[ "$f" = 0 ] && : >"$log"
echo "$p $f" >"$1/$name.count"
echo "$name: $p passed, $f failed$s, status $status ($(($(date +%s) - start)) s)" >>"$log"
cat "$log"
