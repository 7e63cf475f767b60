#!/bin/sh
# The house's one-way arrows: a room may include the rooms below it, never one above and never a sibling.
#   cmd -> vae.h -> report -> fit -> {score, gen} -> model -> {latent, lik, prior, schema, front, stream} -> nn -> base
#   compare stands beside model; front is joined to stream by model
set -eu
cd "$(dirname "$0")/../.."
level() {
    case $1 in
    base) echo 0 ;;
    nn) echo 1 ;;
    latent | lik | prior | schema | front | stream) echo 2 ;;
    model | compare) echo 3 ;;
    score | gen) echo 4 ;;
    fit) echo 5 ;;
    report) echo 6 ;;
    *) echo 99 ;;
    esac
}
bad=$(
    for f in lib/*/*.[ch]; do
        room=${f#lib/} room=${room%%/*}
        sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f" | while read -r inc; do
            case $inc in
            vae.h | "$room"/*) continue ;;
            */*) ;;
            *) echo "$f: \"$inc\" names no room" && continue ;;
            esac
            other=${inc%%/*}
            # the only sibling stream may serve is model's: nothing of one level includes another of it
            [ "$(level "$other")" -lt "$(level "$room")" ] || echo "$f: $room must not include $other ($inc)"
        done
    done
    grep -nE '^#include "' cmd/*.[ch] | grep -vE '"(vae|cli)\.h"' || true
    grep -nE '^#include <(cblas|lapacke?)\.h>' lib/*/*.c cmd/*.c || true
    grep -nE '\bdlopen *\(' lib/*/*.c cmd/*.c | grep -v '^lib/base/dl.c' || true
    grep -nE '\b(inflate|deflate)[A-Z(]|\bspng_' lib/*/*.c | grep -v '^lib/stream/' || true
    grep -nE '\b(printf|fprintf|puts|perror|exit|abort|getenv|setlocale) *\(' lib/*/*.c | grep -v '^lib/base/mat.c' || true
)
[ -z "$bad" ] || { printf '%s\n' "$bad"; exit 1; }
