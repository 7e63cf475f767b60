#!/usr/bin/env bats
# --net conv: records that are images, from fit to generation.
load helper

# images N H W: an IDX file of N images of H x W bytes with a bright bar, on the left in even ones, on the right in odd ones.
images() {
    perl -e '($n, $h, $w) = @ARGV; print pack("C4N3", 0, 0, 8, 3, $n, $h, $w); srand 1;
        for $i (0 .. $n - 1) { for $y (0 .. $h - 1) { for $x (0 .. $w - 1) {
            $on = $i % 2 ? $x >= $w - 2 : $x < 2; print chr(int(($on ? 200 : 20) + rand 40)) } } }' "$@"
}
# halves FILE H W: of each image of an IDX file, L or R: which half is brighter.
halves() {
    perl -0777 -ne 'BEGIN { $h = pop; $w = 0 + $h; ($h, $w) = split "x", $h }
        $_ = substr $_, 16; for $i (0 .. length($_) / ($h * $w) - 1) { @s = (0, 0);
            for $p (0 .. $h * $w - 1) { $s[$p % $w < $w / 2 ? 0 : 1] += ord substr $_, $i * $h * $w + $p, 1 }
            print $s[0] > $s[1] ? "L" : "R" } print "\n"' "$1" "$2"
}
CONV="--net conv --hidden 16 -l 3 --batch 40 --no-calibrate --prior normal"

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    images 200 9 7 >bars.idx
    vae-fit -q -m bars.vae $CONV --channels 6,8 --steps 150 --lr .005 --dropout 0 bars.idx
}
BARS=$BATS_FILE_TMPDIR/bars.idx
MODEL=$BATS_FILE_TMPDIR/bars.vae

@test "images of another shape are refused, though they have as many pixels" {
    perl -0777 -pe 'substr($_, 8, 8) = pack("N2", 7, 9)' "$BARS" >other.idx
    fails 65 vae-enc "expected images of 9 x 7, got 7 x 9" "vae-enc -m $MODEL other.idx"
    fails 65 vae-score "expected images of 9 x 7, got 7 x 9" "vae-score -m $MODEL other.idx"
    fails 65 vae-gen "expected images of 9 x 7, got 7 x 9" "vae-gen -m $MODEL -n 2 --like other.idx"
}

@test "images of any size: latents and back, new ones, scores" {
    vae-enc -m "$MODEL" "$BARS" | vae-dec >back.idx
    equal size "$(size back.idx)" "$(size "$BARS")"
    equal "brighter halves" "$(halves back.idx 9x7)" "$(halves "$BARS" 9x7)"
    vae-gen -m "$MODEL" -n 60 >new.idx
    halves new.idx 9x7 | grep -q LR # both kinds
    vae-score -q -m "$MODEL" "$BARS" | tail -n +2 | cut -d, -f2 | sort -g | tail -n 1 >worst
    images 1 9 7 | perl -0777 -pe 'substr($_, 16) =~ s/./chr(255 - ord $&)/ges' >odd.idx # a dark bar
    vae-score -q -m "$MODEL" odd.idx | tail -n 1 | cut -d, -f2 >odd
    awk '{ if (NR == FNR) w = $1; else exit !($1 > w + 100) }' worst odd
    vae-info "$MODEL" | grep -q '^network *conv, silu, channels 6,8, hidden 16;'
    vae-info --json "$MODEL" | grep -q '"channels":\[6,8\].*"net":"conv"'
}

@test "labels go round the convolutions" {
    perl -e 'print "side\n"; print $_ % 2 ? "right\n" : "left\n" for 0 .. 199' >side.csv
    vae-fit -q -m m.vae $CONV --channels 6 --steps 300 --lr .005 --beta 4 --warmup 0 --dropout 0 --label-from side.csv "$BARS"
    for side in left right; do
        vae-gen -m m.vae -n 40 --mean --where side=$side >$side.idx
        halves $side.idx 9x7 >$side
    done
    [ "$(tr -dc L <left | wc -c)" -ge 36 ] && [ "$(tr -dc R <right | wc -c)" -ge 36 ] || { cat left right; return 1; }
}

@test "H x W x C arrays, flat squares, one row or column of pixels" {
    need_numpy
    "$PYTHON" - <<'PY'
import numpy as np
r = np.random.default_rng(1)
for name, shape in ("rgb", (5, 6, 3)), ("square", (36,)), ("row", (1, 9)), ("column", (9, 1)):
    np.save(name, (r.normal(0, 1, (60,) + tuple(1 for _ in shape)) + r.normal(0, .3, (60,) + shape)).astype("f4"))
PY
    for f in rgb square row column; do
        vae-fit -q -m m.vae $CONV --steps 20 $f.npy
        vae-enc -m m.vae $f.npy | vae-dec >back.npy
        equal "size of $f" "$(size back.npy)" "$(size $f.npy)"
        same <(head -c 128 back.npy) <(head -c 128 $f.npy)
    done
}

@test "the same bytes for any number of threads, and for an image wherever it stands" {
    for j in 1 2 3; do vae-fit -q -m $j.vae $CONV --channels 6,8 --dropout .2 --steps 20 --batch 150 -j $j "$BARS"; done
    same 2.vae 1.vae
    same 3.vae 1.vae
    vae-enc -m "$MODEL" --with-sd -t csv "$BARS" >z.csv
    vae-score -q -m "$MODEL" --parts "$BARS" | cut -d, -f2- >s.csv
    for n in 1 16 17 100; do # alone
        { images 1 9 7 | head -c 16; tail -c +$((17 + 63 * (n - 1))) "$BARS" | head -c 63; } >one.idx
        equal "latents of $n" "$(vae-enc -m "$MODEL" --with-sd -t csv one.idx | tail -n 1)" "$(sed -n "$((n + 1))p" z.csv)"
        equal "scores of $n" "$(vae-score -q -m "$MODEL" --parts one.idx | tail -n 1 | cut -d, -f2-)" "$(sed -n "$((n + 1))p" s.csv)"
    done
    perl -e 'local $/; $_ = <>; substr($_, 7, 1) = chr 195; substr($_, 16, 5 * 63) = ""; print' "$BARS" >rest.idx # five fewer
    vae-enc -m "$MODEL" --with-sd -t csv -j 2 rest.idx | tail -n +2 | cmp - <(tail -n +7 z.csv)
}

@test "no images: the way out" {
    fails 64 vae-fit 'conv is for images.*--net residual' "vae-fit -m m.vae --net conv $WINE"
    fails 64 vae-fit 'channels needs --net conv' "vae-fit -m m.vae --channels 8 $BARS"
    fails 64 vae-fit 'at most 8 convolutions' "vae-fit -m m.vae --net conv --channels 1,1,1,1,1,1,1,1,1 $BARS"
    vae-enc -m "$MODEL" "$BARS" | vae-cat -t npy >vectors.npy # of 3
    fails 64 vae-fit 'conv is for images' "vae-fit -m m.vae --net conv vectors.npy"
}

@test "--net raster: each pixel is told those before it: same bytes for any -j, images with what pixels share, latents and back" {
    # diagonal stripes of random slope and shift: where a pixel is bright, the ones beside it along the stripe are, too
    perl -e '($n, $s) = (300, 12); print pack("C4N3", 0, 0, 8, 3, $n, $s, $s); srand 1;
        for (1 .. $n) { $p = rand 6; $q = rand(2) < 1 ? 1 : -1;
            for $y (0 .. $s - 1) { for $x (0 .. $s - 1) { print chr(($x + $q * $y + $p) % 6 < 3 ? 200 : 30) } } }' >stripes.idx
    R="-q --net raster --channels 8,16 --hidden 32 -l 4 --no-calibrate --steps 120 --lr .01 --dropout 0 --prior normal"
    vae-fit $R -j1 -m m.vae stripes.idx
    vae-fit $R -j2 -m two.vae stripes.idx
    cmp m.vae two.vae
    vae-info m.vae | grep -q "decoder *a raster: each pixel is given those above it and left of it"
    vae-gen -m m.vae -n 200 -j1 >new.idx
    vae-gen -m m.vae -n 200 -j2 | cmp - new.idx
    # shares of pairs of neighbours, across, that differ by more than half: of stripes a third
    edges() { perl -0777 -ne '$_ = substr $_, 16; @p = unpack "C*"; for $i (0 .. $#p) { next if $i % 12 == 11; $n++; $d += abs($p[$i] - $p[$i + 1]) > 85 }
        printf "%.3f\n", $d / $n' "$1"; }
    edges stripes.idx >old
    edges new.idx >new
    paste old new | awk '{ print; exit !($2 > $1 - .06 && $2 < $1 + .06) }'
    vae-enc -m m.vae stripes.idx | vae-dec >back.idx
    cmp -n 16 back.idx stripes.idx
    vae-score -q -m m.vae --mean-nll stripes.idx | tail -n 1 | awk -F, '{ print; exit !($2 < 250) }' # of 144 pixels
}
