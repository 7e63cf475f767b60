#!/bin/sh
# Arithmetic with latents by the tools that tables have always had: what would the wines of the first cultivar be, were
# they of the third? Latents are a table; join(1) sets the labels beside them, awk(1) adds and subtracts, vae-dec(1) gives
# wines again. Prints means of some columns: of the first cultivar, of what became of it, and of the third one.
#
#   sh arithmetic.sh [DIRECTORY]      keeps what it makes there, else in a temporary one that is removed
# shellcheck source=examples/here.sh
. "$(dirname "$0")/here.sh"

# the data with a number for each wine, and the labels in a table of their own, in another order
awk -F, -v OFS=, 'NR == 1 { $1 = "wine" } NR > 1 { $1 = 1000 + NR } { print }' "$here/wine.csv" >wines.csv
awk -F, 'NR == 1 { print "wine,cultivar" } NR > 1 { print 1000 + NR "," $1 }' "$here/wine.csv" | sort -t, -k1,1 -r >labels.csv

vae-fit -q -m wine.vae --for reduce -k wine --no-calibrate --steps 300 wines.csv
vae-enc -m wine.vae -t csv wines.csv >latents.csv

# wine,cultivar,z1,...; letters sort behind digits, so the header is the last line
sort -t, -k1,1 latents.csv >by-wine.csv
sort -t, -k1,1 labels.csv | join -t, - by-wine.csv >labelled.csv

# z - mean(first) + mean(third), for each wine of the first
tail -n 1 labelled.csv | cut -d, -f1,3- >moved-latents.csv
awk -F, -v OFS=, '
    NR == FNR { if ($2 == 1 || $2 == 3) { n[$2]++; for (j = 3; j <= NF; j++) sum[$2, j] += $j } next }
    $2 == 1 { for (j = 3; j <= NF; j++) $j += sum[3, j] / n[3] - sum[1, j] / n[1]; print }' labelled.csv labelled.csv |
    cut -d, -f1,3- >>moved-latents.csv
vae-dec -m wine.vae moved-latents.csv >moved.csv

# means of five columns
summary() {
    awk -F, -v what="$1" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        { n++; for (c in at) sum[c] += $at[c] }
        END { printf "%-12s %8.2f %12.2f %11.2f %16.2f %8.0f\n", what, sum["alcohol"] / n, sum["malic_acid"] / n,
              sum["flavanoids"] / n, sum["color_intensity"] / n, sum["proline"] / n }'
}
echo "              alcohol   malic_acid  flavanoids  color_intensity  proline"
grep -e '^cultivar' -e '^1,' "$here/wine.csv" | summary first
summary moved <moved.csv
grep -e '^cultivar' -e '^3,' "$here/wine.csv" | summary third
