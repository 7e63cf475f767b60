#!/bin/sh
# make demo: the main job on real data. A table of 178 wines (examples/DATA.md), then the 60000 images of Fashion-MNIST
# from Debian's package dataset-fashion-mnist. Everything is written to a temporary directory.
set -eu
cd "$(dirname "$0")/.."
PATH=$(cd "${BIN:-build/bin}" && pwd):$PATH
data=$PWD/examples fashion=/usr/share/datasets/fashion-mnist
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

say() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
run() {
    printf '$ %s\n' "$1"
    sh -c "$1"
}
# 28x28 images of a CSV, side by side, as characters.
# shellcheck disable=SC2016
show='function dot(v) { return substr(" .:-=+*#%@", 1 + int(v / 25.6), 1) }
NR > 1 { n++; for (i = 1; i <= NF; i++) px[n, i] = $i }
END { for (y = 0; y < 28; y += 2) { s = ""; for (k = 1; k <= n; k++) {
    for (x = 1; x <= 28; x++) s = s dot((px[k, y * 28 + x] + px[k, y * 28 + 28 + x]) / 2); s = s "  " } print s } }'

cp "$data/wine.csv" wine.csv
say "A table: learn what 178 wines look like; the column cultivar is carried along, not modelled"
run 'vae-fit -q -k cultivar -m wine.vae wine.csv && vae-info wine.vae | head -n 7'
say "Squeeze 13 columns to latents and back: the same table as far as the latents can hold it"
run 'cut -d, -f1-9 wine.csv | head -n 3'
run 'vae-enc -m wine.vae wine.csv | vae-dec | cut -d, -f1-9 | head -n 3'
say "What is odd here? Learn benign cells of a breast, then score all: anomalies by diagnosis"
cp "$data/breast_cancer.csv" cells.csv
run 'grep -v malignant cells.csv | vae-fit -q -k diagnosis --for detect -m cells.vae'
run "vae-score -q -m cells.vae --alpha .01 cells.csv | awk -F, 'NR > 1 { n[\$1]++; a[\$1] += \$4 } END { for (d in n) print d \": \" a[d] \" of \" n[d] }'"
say "New rows like these"
run 'vae-gen -m wine.vae -n 3 | cut -d, -f2-9'

if [ ! -r "$fashion/train-images-idx3-ubyte.gz" ]; then
    echo "demo: Fashion-MNIST is not installed (dataset-fashion-mnist); the pictures are left out"
    exit 0
fi
ln -s "$fashion" fashion
say "Images: 60000 pictures of clothes, 784 pixels each, to 32 numbers (two minutes on 2 cores)"
run 'vae-fit -m fashion.vae --net conv --steps 300 fashion/train-images-idx3-ubyte.gz'
say "Five pictures it has never seen, and what comes back through 32 numbers"
vae-cat -t csv fashion/t10k-images-idx3-ubyte.gz 2>/dev/null | head -n 6 | awk -F, "$show"
printf '$ vae-enc -m fashion.vae fashion/t10k-images-idx3-ubyte.gz | vae-dec -t csv | head -n 6\n'
vae-enc -m fashion.vae fashion/t10k-images-idx3-ubyte.gz 2>/dev/null | vae-dec -t csv 2>/dev/null | head -n 6 | awk -F, "$show"
say "The oddest of 10000 test pictures"
run 'vae-score -m fashion.vae fashion/t10k-images-idx3-ubyte.gz | sort -t, -k2,2gr | head -n 3'
say "Five new ones"
printf '$ vae-gen -m fashion.vae -n 5 --mean -t csv\n'
vae-gen -m fashion.vae -n 5 --mean -t csv | awk -F, "$show"
