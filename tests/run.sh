#!/bin/sh
# Runs all tests, the C programs and the bats files, two at a time. The last line is "N passed, N failed".
#
#   O     where the programs were built        BIN   where the commands are
set -u
cd "$(dirname "$0")/.." || exit 1
export BIN O VAE_DATA="${VAE_DATA:-$PWD/../shared/data}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# The large ones first, so that none is left for the end; idle.bats, which measures an idle machine, alone.
{
    find tests -maxdepth 1 -name '*.bats' ! -name idle.bats -size +0 -exec ls -S {} +
    for t in "$O"/tests/test_*; do
        case $t in *.o | *.d) ;; *) echo "$t" ;; esac
    done
} | tr '\n' '\0' | xargs -0 -n 1 -P 2 sh tests/one.sh "$dir" || echo 0 1 >"$dir/lost.count"
sh tests/one.sh "$dir" tests/idle.bats || echo 0 1 >"$dir/idle.count"

cat "$dir"/*.count | awk '{ passed += $1; failed += $2 }
    END { print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 || passed == 0 }'
