#!/usr/bin/env bats
# Two levels of latents, and priors that are trained with the model, as somebody uses them.
load helper

KINDS="gauss-realnvp ladder-vamp ladder-gmm gauss-vamp"
Q="-q -k cultivar --steps 30 --hidden 32 --no-calibrate -l 6"
fit() { vae-fit $Q --latent "${1%-*}" --prior "${1#*-}" "${@:2}" "$WINE"; }

setup_file() { for k in $KINDS; do fit "$k" -m "$BATS_FILE_TMPDIR/$k.vae"; done; }
setup() {
    mkdir -p "$BATS_TEST_TMPDIR/here"
    cd "$BATS_TEST_TMPDIR/here" || return
    cp "$BATS_FILE_TMPDIR"/*.vae .
}

@test "each fits, encodes, decodes, scores, generates and fills gaps" {
    sed '3,40s/,[0-9.]*$/,/' "$WINE" >holes.csv
    for k in $KINDS; do
        vae-enc -m $k.vae --with-sd -t csv "$WINE" | awk -F, -v k=$k 'NR == 1 && NF != 13 { exit 1 }
            NR > 1 { for (j = 8; j < 14; j++) if (!($j > 0)) { print k ": sd " $j; exit 1 } }'
        vae-enc -m $k.vae "$WINE" | vae-dec >back.csv
        vae-enc -m $k.vae --sample -s 2 "$WINE" | vae-dec | cmp - back.csv | grep -q differ
        equal "rows back of $k" "$(wc -l <back.csv)" "$(wc -l <"$WINE")"
        vae-score -q -m $k.vae --parts "$WINE" | awk -F, 'NR > 1 && !($2 + 0 == $2) { print; exit 1 }'
        vae-gen -m $k.vae -n 20 >new.csv
        equal "rows of $k" "$(wc -l <new.csv)" 21
        vae-gen -m $k.vae --complete holes.csv | awk -F, '$14 == "" { exit 1 }'
        vae-walk -m $k.vae -n 6 --steps 2 | vae-dec | cut -d, -f1-13 | cmp - <(vae-gen -m $k.vae -n 6 --mean | cut -d, -f2-)
    done
    vae-fit $Q -m told.vae -c hue --latent ladder --prior vamp "$WINE"
    vae-gen -m told.vae -n 20 --where 'hue=1.04' | awk -F, 'NR > 1 && $12 != 1.04 { exit 1 } END { exit NR != 21 }'
}

@test "the model, its scores and its draws are the same for any number of threads, and a draw is one of its number" {
    for k in gauss-realnvp ladder-vamp; do
        fit $k -m two.vae -j 2
        cmp two.vae $k.vae
        vae-score -q -m $k.vae --draws 3 -j 1 "$WINE" >one.csv
        vae-score -q -m $k.vae --draws 3 -j 3 "$WINE" | cmp - one.csv
        vae-gen -m $k.vae -n 50 -j 1 --no-header >one.csv
        vae-gen -m $k.vae -n 50 -j 3 --no-header | cmp - one.csv
        vae-gen -m $k.vae -n 9 --first-row 41 --no-header | cut -d, -f2- | cmp - <(tail -n 9 one.csv | cut -d, -f2-)
    done
}

@test "hardly any noise: realnvp and both levels of a ladder give nearly one row, a mixture still its components" {
    # deviation of the flavanoids of generated means
    spread() { vae-gen -n 100 --mean --no-header "$@" | awk -F, '{ s += $8; q += $8 * $8 } END { print sqrt(q / NR - (s / NR) ^ 2) }'; }
    for k in $KINDS; do
        prior=${k#*-}
        [ $prior != gmm ] || prior=normal
        awk -v k=$k -v all="$(spread -m $k.vae --prior $prior)" -v less="$(spread -m $k.vae --prior $prior --temperature .01)" 'BEGIN {
            print k, all, less; exit !(k ~ /vamp/ ? less > .03 * all && less < all : less < .03 * all && all > 0) }'
    done
}

@test "a prior trained along rules out the others; one fitted afterwards does not" {
    for k in gauss-realnvp ladder-vamp; do
        fails 64 vae-gen "own, ${k#*-}: " "vae-gen -m $k.vae -n 1 --prior normal"
        vae-gen -m $k.vae -n 9 --prior ${k#*-} | cmp - <(vae-gen -m $k.vae -n 9)
    done
    fails 64 vae-gen "no 'vamp' prior" "vae-gen -m ladder-gmm.vae -n 1 --prior vamp"
    vae-gen -m ladder-gmm.vae -n 9 --prior normal >normal.csv
    vae-gen -m ladder-gmm.vae -n 9 | cmp - normal.csv | grep -q differ
}

@test "walks from the mean: of a ladder each level is at its own; a prior trained along has none" {
    vae-walk -m ladder-gmm.vae --mean --jitter 0 | vae-dec --no-header | cut -d, -f1-13 >mean
    vae-gen -m ladder-gmm.vae --prior normal --temperature .01 --mean -n 1 --no-header | cut -d, -f2- >near
    vae-gen -m ladder-gmm.vae --prior normal --mean -n 1 --no-header | cut -d, -f2- >far
    paste -d, mean near far | awk -F, '{ for (i = 1; i <= 13; i++) { n += ($i / $(i + 13) - 1) ^ 2; f += ($i / $(i + 26) - 1) ^ 2 } }
        END { print n, f; exit !(n < .01 * f) }'
    equal "latents at 0, the upper level" "$(vae-walk -m ladder-gmm.vae --mean --jitter 0 -t csv | tail -n 1 | tr , '\n' | tail -n 6 | grep -cx 0)" 1
    for k in gauss-realnvp ladder-vamp; do fails 64 vae-walk "no mean to start from: .*own, ${k#*-}" "vae-walk -m $k.vae --mean --axes 1"; done
}

@test "vae-info tells family and prior, and that pseudo-inputs are stored" {
    vae-info gauss-vamp.vae | grep -q '^latents  *6 gauss, drawn from: vamp, trained with them'
    vae-info ladder-gmm.vae | grep -q '^latents  *6 ladder, drawn from: gmm$'
    for k in $KINDS; do
        case $k in *-vamp) n=1 ;; *) n=0 ;; esac
        equal "pseudo-inputs of $k" "$(vae-info --json $k.vae | grep -c 'pseudo-inputs')" $n
    done
}

@test "a ladder of one latent" {
    fails 64 vae-fit "ladder.*2 levels.*--latent-dim" "vae-fit -m m.vae --latent ladder -l 1 $WINE"
    for prior in vamp realnvp; do # but one latent may have any prior
        vae-fit -q -m m.vae -k cultivar --steps 5 --hidden 8 --no-calibrate -l 1 --prior $prior "$WINE"
        vae-gen -m m.vae -n 3 | awk 'END { exit NR != 4 }'
    done
}
