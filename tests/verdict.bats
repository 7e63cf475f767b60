#!/usr/bin/env bats
# What a score means: thresholds, p beyond the sample, false discoveries, labels, and the rows that are held out for it.
load helper

setup_file() { fit_wine; }

@test "an alpha that the calibration scores cannot show is refused, the smallest is named and works; the model's own stays" {
    fails 64 vae-score "178 calibration scores cannot show an alpha of 0.001.*0\.00[0-9]+ at least.*--alpha.*more rows" \
        "vae-score -m $MODEL --alpha .001 $WINE"
    least=$(sed -E 's/.* but ([0-9.]+) at least.*/\1/' ../err)
    vae-score -m "$MODEL" --alpha "$least" "$WINE" >s.csv 2>err
    [ ! -s err ]
    awk -F, 'NR > 1 && ($3 <= 1 / 179 + 1e-9) != $4 { print; exit 1 }' s.csv
    fails 64 vae-score "cannot show an alpha of 0.0055," "vae-score -m $MODEL --alpha .0055 $WINE"
    # vae-fit has told what the model's own is
    vae-fit -m m.vae -k cultivar --steps 20 "$WINE" 2>&1 | grep -q 'p <= 0.00559'
    vae-score -m m.vae "$WINE" 2>err >s.csv
    [ ! -s err ]
}
