#!/usr/bin/env bats
# Latents that are codes: from fit to generation, and as whole numbers on the way.
load helper

CODED=$BATS_FILE_TMPDIR/coded.vae
setup_file() { vae-fit -q -m "$CODED" -k cultivar --for detect --latent fsq -l 5 --codebook 6 --hidden 48 --steps 200 --no-calibrate "$WINE"; }

@test "every family goes from fit to new rows; usage and perplexity are told, and a bound that has the prior in it" {
    for q in fsq vq gumbel; do
        vae-fit -m "$q.vae" -k cultivar --for detect --latent "$q" -l 4 --codebook 8 --hidden 48 --steps 150 --no-calibrate "$WINE" 2>report
        grep -q '^vae-fit: codes of 8 values, [0-9]* % of them in use, perplexity [0-9.]*; [0-9.]* bits a record, 12.00 if all' report
        vae-enc -m "$q.vae" --codes -t csv "$WINE" >codes.csv
        equal header "$(head -n 1 codes.csv)" cultivar,code1,code2,code3,code4
        awk -F, 'NR > 1 { for (i = 2; i <= 5; i++) if ($i !~ /^[0-7]$/) bad = 1 } END { exit bad || NR != 179 }' codes.csv
        vae-dec -m "$q.vae" codes.csv >back.csv
        vae-enc -m "$q.vae" "$WINE" | vae-dec >again.csv
        same back.csv again.csv
        vae-score -m "$q.vae" --parts "$WINE" 2>/dev/null |
            awk -F, 'NR > 1 { d = $5 - $6 - $7; if (d > 1e-3 || d < -1e-3 || $7 < 0) bad = 1 } END { exit bad || NR != 179 }'
        [ "$q" = gumbel ] || equal "iw is the bound" "$(vae-score -m "$q.vae" --mean-nll --iw 8 "$WINE" | tail -n 1 | cut -d, -f2 | cut -c1-7)" \
            "$(vae-score -m "$q.vae" --mean-nll --by elbo "$WINE" | tail -n 1 | cut -d, -f2 | cut -c1-7)"
        equal rows "$(vae-gen -m "$q.vae" -n 20 | wc -l)" 21
    done
}

@test "codes as a VTS stream and as an array; -j and pieces change nothing" {
    vae-enc -m "$CODED" --codes "$WINE" >codes.vts
    vae-dec codes.vts >one.csv
    vae-enc -m "$CODED" -j 1 "$WINE" | vae-dec -j 1 >two.csv
    same one.csv two.csv
    cut -d, -f2- "$WINE" | vae-enc -m "$CODED" --codes -t npy >codes.npy
    vae-dec -m "$CODED" --codes -t csv codes.npy >three.csv
    same <(cut -d, -f1-13 three.csv) <(vae-enc -m "$CODED" --codes "$WINE" -t csv | cut -d, -f2- | vae-dec -m "$CODED")
}

@test "one thread and three, killed and resumed: the same model bytes" {
    for q in fsq vq gumbel; do
        o="-k cultivar --for detect --latent $q -l 3 --codebook 4 --steps 150 --hidden 24 --batch 40 --no-calibrate"
        vae-fit -q -m a.vae $o -j 1 "$WINE"
        vae-fit -q -m b.vae $o -j 3 "$WINE"
        same b.vae a.vae
        for wait in 0.2 0.3; do timeout -s 9 $wait vae-fit -q -m c.vae $o -j 2 --resume --checkpoint-every 0s "$WINE" || true; done
        vae-fit -q -m c.vae $o -j 2 --resume "$WINE"
        same c.vae a.vae
    done
}

@test "walks go between the places of codes, to their ends; codes themselves, and a mean, there are none to walk from" {
    vae-enc -m "$CODED" "$WINE" | vae-walk --steps 3 | vae-dec >path.csv
    same <(awk 'NR % 2 == 0' path.csv | cut -d, -f1-14) <(vae-enc -m "$CODED" "$WINE" | vae-dec | tail -n +2)
    vae-walk -m "$CODED" -n 20 --steps 2 | vae-dec | cut -d, -f1-13 | cmp - <(vae-gen -m "$CODED" -n 20 --mean | cut -d, -f2-)
    fails 65 vae-walk "these are codes" "vae-enc -m $CODED --codes $WINE | vae-walk"
    fails 65 vae-walk "these are codes" "vae-enc -m $CODED --codes -t csv $WINE | vae-walk"
    fails 64 vae-walk "no mean to start from" "vae-walk -m $CODED --mean --axes 1"
}

@test "conditions: codes are drawn given them, by a prior that was told them, and without" {
    vae-fit -q -m told.vae -c cultivar --for detect --latent fsq -l 3 --steps 400 --no-calibrate "$WINE"
    for c in 1 3; do # proline, the last column: 1116 and 630 on average
        vae-gen -m told.vae -n 300 --where cultivar=$c | awk -F, -v c=$c 'NR > 1 { sum += $NF; bad = bad || $1 != c }
            END { mean = sum / (NR - 1); exit bad || (c == 1 ? mean < 1000 || mean > 1230 : mean < 560 || mean > 720) }' || { echo $c; return 1; }
    done
    vae-gen -m told.vae -n 300 | awk -F, 'NR > 1 { seen[$1]++; sum += $NF } END { m = sum / (NR - 1); exit seen[1] < 60 || seen[3] < 40 || m < 660 || m > 840 }'
    vae-enc -m told.vae --codes "$WINE" | vae-dec -m told.vae --where cultivar=2 | awk -F, 'NR > 1 && $1 != 2 { bad = 1 } END { exit bad || NR != 179 }'
}

@test "what makes no sense" {
    printf 'code1,code2,code3,code4,code5\n0,1,2,3,6\n' >high.csv
    fails 65 vae-dec "code5: 6 is no code" "vae-dec -m $CODED high.csv"
    fails 64 vae-fit "no codes" "vae-fit -m x --codebook 8 $WINE"
    fails 64 vae-fit "prior" "vae-fit -m x --latent fsq --prior gmm $WINE"
    fails 64 vae-fit "prior" "vae-fit -m x --prior autoregressive $WINE"
    fails 64 vae-fit "product" "vae-fit -m x --latent fsq --codebook 17 $WINE"
    fails 64 vae-fit "too many" "vae-fit -m x --latent gumbel --codebook 4096 -l 2 $WINE"
    fails 64 vae-fit "free-bits" "vae-fit -m x --latent vq --free-bits 1 $WINE"
    fails 64 vae-enc "standard deviations" "vae-enc -m $CODED --with-sd $WINE"
    fails 64 vae-gen "one of numbers" "vae-gen -m $CODED --prior normal"
    printf 'code1,code2,code3,code4,code5\n0,1,2,3,1.5\n' >half.csv
    fails 65 vae-dec "code5: 1.5 is no code" "vae-dec -m $CODED half.csv"
    printf 'code1,code2,code3,code4\n0,1,2,3\n' >few.csv
    fails 65 vae-dec "'code5' is missing: this model has 5 codes" "vae-dec -m $CODED few.csv"
    fit_wine
    fails 64 vae-enc "codes" "vae-enc -m $MODEL --codes $WINE"
    fails 64 vae-dec "codes" "vae-enc -m $MODEL $WINE | vae-dec --codes"
}
