#!/bin/sh
# make soak: what takes longer than make check may. Every parser under libFuzzer (clang) for TIME seconds each, then
# kill -9 of fits at random moments: the model file must always be whole, and one fit killed twenty times and more and
# resumed must give the bytes of one that nothing happened to; 1000 runs of vae-score --state, killed and with the log
# rotated, must score each row once. Then 300 random tables of every unpleasant shape.
set -eu
cd "$(dirname "$0")/.."
TIME=${TIME:-120}
ROUNDS=${ROUNDS:-50}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

if command -v clang >/dev/null 2>&1; then
    for f in tests/fuzz/fuzz_*.c; do
        name=$(basename "$f" .c)
        clang -O1 -g -w -std=c11 -D_GNU_SOURCE -Iinclude -Ilib -Itests -pthread -ffp-contract=off \
            -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o "$dir/$name" "$f" lib/*/*.c \
            -ljansson -lsleef -lnettle -lspng -lkissfft-float -lz -ldl -lm
        mkdir -p "$dir/corpus"
        echo "soak: $name for $TIME s"
        (cd "$dir" && "./$name" -max_total_time="$TIME" -verbosity=0 -print_final_stats=1 corpus 2>&1 | grep -E 'number_of_executed|ERROR' || true)
        if ls "$dir"/crash-* "$dir"/timeout-* "$dir"/oom-* >/dev/null 2>&1; then
            echo "soak: $name found something:" && ls "$dir"
            exit 1
        fi
        rm -rf "$dir/corpus"
    done
else
    echo "soak: no clang, no fuzzing"
fi

bin=build/bin
i=0
"$bin/vae-fit" -q -k cultivar --steps 50 -m "$dir/m.vae" examples/wine.csv
while [ "$i" -lt "$ROUNDS" ]; do
    i=$((i + 1))
    "$bin/vae-fit" -q -k cultivar --steps 50 -s "$i" -m "$dir/m.vae" examples/wine.csv &
    sleep "0.$((i * 7 % 10))$((i * 3 % 10))"
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    "$bin/vae-info" "$dir/m.vae" >/dev/null || { echo "soak: a model was damaged by kill -9"; exit 1; }
done
echo "soak: $ROUNDS fits killed, the model whole each time"

fit="--steps 1500 --log"
# shellcheck disable=SC2086
"$bin/vae-fit" -q $fit "$dir/a.csv" -m "$dir/a.vae" examples/breast_cancer.csv
killed=0
while [ ! -e "$dir/b.vae" ]; do
    # shellcheck disable=SC2086
    "$bin/vae-fit" -q $fit "$dir/b.csv" --resume --checkpoint-every 0s -m "$dir/b.vae" examples/breast_cancer.csv &
    seconds=$((killed / 2)) # longer and longer: at last to the end, however slow the machine is
    sleep "$seconds.$((killed * 7 % 10))$((killed * 3 % 10))"
    kill -9 $! 2>/dev/null && killed=$((killed + 1))
    wait $! 2>/dev/null || true
done
[ "$killed" -ge 20 ] || { echo "soak: only $killed kills; more steps are needed"; exit 1; }
cmp "$dir/a.vae" "$dir/b.vae" && cmp "$dir/a.csv" "$dir/b.csv" || { echo "soak: a resumed fit gave another model"; exit 1; }
echo "soak: a fit killed $killed times and resumed: the same bytes"

cut -d, -f2- examples/wine.csv >"$dir/log.csv"
"$bin/vae-fit" -q -m "$dir/log.vae" --for detect --steps 30 --hidden 16 --latent-dim 2 "$dir/log.csv"
mkdir "$dir/runs"
echo "soak: $(cd "$dir/runs" && PATH=$OLDPWD/$bin:$PATH WINE=$OLDPWD/examples/wine.csv /usr/bin/python3 \
    "$OLDPWD/tests/state_runs.py" "${RUNS:-1000}" "${SEED:-1}" "$dir/log.vae")" || exit 1

PATH=$PWD/$bin:$PATH /usr/bin/python3 tests/random_tables.py 0 "${TABLES:-300}" 20000 --steps 150 || exit 1
