#!/bin/sh
# Images of clothes (Debian's dataset-fashion-mnist): a model of 2000 of them gives others back from eight numbers each and makes a
# sheet of new ones; another one tells which of some files is no piece of clothing. Prints a table of scores and of what was written.
#
#   sh images.sh [DIRECTORY]      keeps what it makes there, else in a temporary one that is removed
# shellcheck source=examples/here.sh
. "$(dirname "$0")/here.sh"
clothes=${CLOTHES:-/usr/share/datasets/fashion-mnist}
[ -e "$clothes/train-images-idx3-ubyte.gz" ] || { echo "images.sh: needs the package dataset-fashion-mnist" >&2 && exit 66; }

# as PGM images lie one behind the other, 13 bytes of header and 784 pixels each, head(1) takes as many as are wanted
vae-cat -q -t pnm "$clothes/train-images-idx3-ubyte.gz" | head -c $((2000 * 797)) >some.pgm
vae-cat -q -t pnm "$clothes/t10k-images-idx3-ubyte.gz" | head -c $((12 * 797)) >others.pgm
vae-cat -t png -o others/ others.pgm
awk 'BEGIN { print "P2 28 28 255"; for (i = 0; i < 784; i++) print int(i / 28 / 4) % 2 == int(i % 28 / 4) % 2 ? 255 : 0 }' >chess.pgm
vae-cat -o others/chess.png chess.pgm

vae-fit -q --for reduce -m clothes.vae --net residual --hidden 128 -l 8 --steps 500 --no-calibrate some.pgm
vae-enc -m clothes.vae others/others-*.png | vae-dec -o back/
vae-plot --beside others.pgm back/*.png >pairs.png
vae-gen -q -m clothes.vae --mean --grid 4x8 >new.png

vae-fit -q --for detect -m odd.vae --net conv --channels 8,16 --hidden 32 --steps 50 some.pgm
vae-score -q -m odd.vae others/*.png | tail -n +2 | sort -t, -k2,2gr | head -n 3 | cut -d, -f1,2,4
for f in back/others-000001.png pairs.png new.png; do
    printf '%s\t%s\n' "$f" "$(vae-info --json "$f" | tr -d ' \n' | sed 's/.*"shape":\[\([0-9,]*\)\].*/\1/')"
done
