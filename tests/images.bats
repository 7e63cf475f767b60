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
CONV="--net conv --lik gaussian --hidden 16 -l 3 --batch 40 --no-calibrate --prior normal"

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    images 200 9 7 >bars.idx
    vae-fit -q -m bars.vae $CONV --channels 6,8 --steps 150 --lr .005 --dropout 0 bars.idx
}
BARS=$BATS_FILE_TMPDIR/bars.idx
MODEL=$BATS_FILE_TMPDIR/bars.vae

@test "images of another shape are refused, though they have as many pixels" {
    perl -0777 -pe 'substr($_, 8, 8) = pack("N2", 7, 9)' "$BARS" >other.idx
    fails 65 vae-enc "expected images of 9x7x1 .height, width, channels., got 7x9x1" "vae-enc -m $MODEL other.idx"
    fails 65 vae-score "expected images of 9x7x1 .height, width, channels., got 7x9x1" "vae-score -m $MODEL other.idx"
    fails 65 vae-gen "expected images of 9x7x1 .height, width, channels., got 7x9x1" "vae-gen -m $MODEL -n 2 --like other.idx"
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
    perl -e '($n, $s) = (400, 12); print pack("C4N3", 0, 0, 8, 3, $n, $s, $s); srand 1;
        for (1 .. $n) { $p = rand 6; $q = rand(2) < 1 ? 1 : -1;
            for $y (0 .. $s - 1) { for $x (0 .. $s - 1) { print chr(($x + $q * $y + $p) % 6 < 3 ? 255 : 0) } } }' >stripes.idx
    R="-q --net raster --channels 8,16 --hidden 32 -l 4 --no-calibrate --steps 150 --lr .01 --dropout 0 --prior normal"
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
    vae-score -q -m m.vae --mean-nll stripes.idx | tail -n 1 | awk -F, '{ print; exit !($2 < 60) }' # of 144 bits
}

# colour N H W: a PPM stream of N images.
colour() {
    perl -e '($n, $h, $w) = @ARGV; srand 2; for (1 .. $n) { print "P6\n# made up\n$w $h 255\n", map { chr int rand 256 } 1 .. 3 * $h * $w }' "$@"
}

@test "every format of images takes what every other one gives: grey and colour, as bytes, text and bits" {
    colour 1 5 7 >rgb.pnm
    vae-cat --resize 5x7x1 rgb.pnm -t pnm >grey.pnm
    for f in pnm pam png; do
        for kind in rgb grey; do
            vae-cat -t $f -o "$kind.$f" $kind.pnm
            vae-cat -t pnm -o back.pnm $kind.$f
            cmp back.pnm <(vae-cat -t pnm $kind.pnm)
        done
    done
    equal "what leaves" "$(vae-cat rgb.png | head -n 1)" P7 # a stream of images, whatever the file was
    printf 'P2 3 1 4 # four is white\n0 2 4' >text.pgm
    printf 'P1\n3 1\n1 0\n1' >text.pbm
    printf 'P4\n3 1\n\xa0' >bits.pbm
    equal grey "$(vae-cat -t csv text.pgm | tail -n 1)" 0,128,255
    equal bits "$(vae-cat -t csv text.pbm bits.pbm | tail -n 2 | sort -u)" 0,255,0
    vae-cat -t png -o g.png text.pgm
    equal "many files" "$(vae-cat -t csv text.pgm g.png text.pgm | tail -n +2 | sort -u)" 0,128,255
}

@test "PNG of palettes, few bits and alpha, as numpy has it" {
    need_numpy
    "$PYTHON" - <<'END'
import struct, zlib
import numpy as np
def png(name, bits, colour, raw, w, h, more=b"", interlace=0):
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, colour, 0, 0, interlace)) +
                           more + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
png("bits.png", 1, 0, b"\x00\xa0", 3, 1)
palette = chunk(b"PLTE", bytes([9, 8, 7, 1, 2, 3]))
png("palette.png", 8, 3, b"\x00\x01\x00", 2, 1, palette)
png("clear.png", 8, 3, b"\x00\x01\x00", 2, 1, palette + chunk(b"tRNS", bytes([5])))
png("alpha.png", 8, 4, bytes([0, 1, 2, 3, 4]), 2, 1)
png("deep.png", 16, 0, bytes([0, 1, 2]), 1, 1)
END
    equal bits "$(vae-cat -t csv bits.png | tail -n 1)" 255,0,255
    equal palette "$(vae-cat -t csv palette.png | tail -n 1)" 1,2,3,9,8,7
    equal clear "$(vae-cat -t csv clear.png | tail -n 1)" 1,2,3,255,9,8,7,5
    equal alpha "$(vae-cat -t csv alpha.png | tail -n 1)" 1,2,3,4
    equal "alpha dropped" "$(vae-cat --resize 1x2x1 -t csv alpha.png | tail -n 1)" 1,3
    fails 65 vae-cat "deep.png: 16 bits a value, 8 are read" "vae-cat deep.png"
    cat alpha.png alpha.png | vae-cat -t pam | cmp - <(vae-cat -t pam alpha.png alpha.png)
}

@test "--resize: sizes and colours, means of what is smaller, and only where it is said" {
    colour 1 8 8 >a.ppm
    colour 1 4 6 >b.ppm
    fails 65 vae-cat "b.ppm: height x width x channels are 4x6x3, in a.ppm 8x8x3; --resize 8x8x3 makes them alike" "vae-cat a.ppm b.ppm"
    fails 65 vae-cat "standard input: image 2: height x width x channels are 4x6x3, before it 8x8x3" "cat a.ppm b.ppm | vae-cat"
    equal pixels "$(vae-cat --resize 2x2x1 -t csv a.ppm b.ppm | tail -n +2 | tr , '\n' | wc -l)" 8
    printf 'P5 4 4 255\n%s' "aaaabbbbaaaabbbb" >flat.pgm
    vae-cat --resize 2x2 -t csv flat.pgm | tail -n 1 | awk -F, '{ for (i = 1; i <= 4; i++) if ($i != 97 && $i != 98) exit 1 }'
    fails 64 vae-cat "expected height and width like 28x28" "vae-cat --resize 7 a.ppm"
    fails 64 vae-cat "channels, 1 to 4" "vae-cat --resize 7x7x5 a.ppm"
}

@test "a model of PNG files: names beside latents and scores, the files back, grids" {
    mkdir pngs
    vae-cat -t png -o pngs/ "$BARS"
    equal files "$(ls pngs | wc -l)" 200
    vae-fit -q -m p.vae $CONV --channels 6,8 --steps 150 --lr .005 --dropout 0 pngs/*.png
    cmp <(vae-score -q -m p.vae pngs/*.png | cut -d, -f 2-) <(vae-score -q -m "$MODEL" "$BARS" | cut -d, -f 2-) # the same model
    equal names "$(vae-score -q -m p.vae pngs/*-00000[12].png | cut -d, -f1 | paste -sd' ')" \
        "file pngs/bars-000001.png pngs/bars-000002.png"
    equal latents "$(vae-enc -m p.vae -t csv pngs/*-000009.png | cut -d, -f1 | tail -n 1)" pngs/bars-000009.png
    vae-enc -m p.vae pngs/*.png | vae-dec -m p.vae -o back/
    same <(ls pngs) <(ls back)
    cmp <(vae-cat -t idx back/*.png) <(vae-enc -m p.vae pngs/*.png | vae-dec -m p.vae -t idx)
    vae-gen -m p.vae --grid 2x3 -t png >grid.png
    [ "$(head -c 4 grid.png | tail -c 3)" = PNG ]
    vae-gen -m p.vae -n 6 | vae-plot --grid 2x3 | cmp - grid.png
    vae-enc -m p.vae pngs/*.png | vae-dec -m p.vae --grid 2x3 -o dec.png
    [ -s dec.png ]
    vae-gen -m p.vae -n 3 -o new/
    equal new "$(ls new | paste -sd' ')" "000001.png 000002.png 000003.png"
    fails 64 vae-gen "holds one image" "vae-gen -m p.vae -n 3 -t png"
    fails 65 vae-enc "expected images of 9x7x1 .height, width, channels., got 5x5x1; --resize makes them so" \
        "vae-cat --resize 5x5 $BATS_TEST_TMPDIR/here/pngs/bars-000001.png -t pam | vae-enc -m p.vae"
}

@test "bad images: truncated anywhere, bombs, wrong numbers, other things among them" {
    colour 1 3 2 >a.ppm
    vae-cat -t png -o a.png a.ppm
    for f in a.ppm a.png; do
        n=$(wc -c <$f)
        for ((i = 1; i < n; i++)); do
            head -c "$i" $f >cut
            ! vae-cat -f "${f/*.ppm/pnm}" cut >out 2>err || { echo "$f cut at $i"; return 1; }
        done 2>/dev/null
    done
    fails 65 vae-cat "cut: no good PNG image: it ends early" "head -c 60 a.png >cut; vae-cat cut"
    fails 65 vae-cat "an image of 30000x30000 pixels, at most 64 MiB of them are read" "printf 'P5 30000 30000 255\n' | vae-cat"
    fails 65 vae-cat "a number is too large" "printf 'P5 99999999999999999999 3 255\n' | vae-cat -f pnm"
    fails 65 vae-cat "16 bits a value" "printf 'P5 1 1 65535\nab' | vae-cat"
    fails 65 vae-cat "above the largest" "printf 'P5 1 1 7\nz' | vae-cat"
    fails 65 vae-cat "an image without pixels" "printf 'P5 0 1 255\n' | vae-cat"
    fails 65 vae-cat "a.png: is png, and $WINE is csv" "vae-cat $WINE a.png"
    fails 65 vae-cat "is no image, and a.png is; leave such files out" "vae-cat a.png $WINE"
    "$PYTHON" - <<'END'
import struct, zlib
chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
open("profile.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) +
    chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(40 << 20))) + chunk(b"IDAT", zlib.compress(b"\0\7")) + chunk(b"IEND", b""))
END
    fails 65 vae-cat "profile.png: no good PNG image: reached chunk" "vae-cat profile.png" # 40 MiB
    perl -e 'print "P5 2 1048576 255\n", "a" x (2 << 20)' >high.pgm
    fails 65 vae-cat "too high for one of 1x4096" "vae-cat --resize 1x4096 high.pgm" # stb's sizes would overflow
    vae-cat -t png -o b.png a.ppm # one of many that is broken, or is something else, is a bad record
    fails 65 vae-cat "cut: no good PNG image: it ends early" "vae-cat -t csv a.png cut b.png"
    equal "lines before it" "$(vae-cat -t csv a.png cut b.png 2>/dev/null | wc -l)" 2
    equal "lines of the good ones" "$(vae-cat -q --skip-bad -t csv a.png cut $WINE b.png cut | wc -l)" 3
    printf 'P1\nx\n' | vae-cat | grep -q P1 # a table with a column of that name
}

@test "what is chosen for images of bytes: convolutions, a mass of 256 levels, or two" {
    what() { vae-fit -q -m m.vae --steps 1 --no-calibrate "$@" && vae-info m.vae | grep -Eo '^network *[a-z]+|dlogistic|bernoulli|gaussian' |
        sed 's/network *//' | sort -u | paste -sd' '; }
    images 50 8 8 >eight.idx
    perl -0777 -pe 'substr($_, 16) =~ s/./ord $& > 127 ? chr 255 : chr 0/ges' eight.idx >two.idx
    equal bytes "$(what eight.idx)" "dlogistic raster"
    equal "black and white" "$(what two.idx)" "bernoulli raster"
    equal detect "$(what --for detect eight.idx)" "conv gaussian"
    equal reduce "$(what --for reduce eight.idx)" "conv gaussian"
    equal small "$(what "$BARS")" "dlogistic residual"
    equal said "$(what --net residual --lik gaussian eight.idx)" "gaussian residual"
    # p-values of few by fits across folds, of more by a fifth that is held out, as fits take long
    images 200 8 8 >many.idx
    for n in "50 cross-conformal" "200 held-out"; do
        vae-cat many.idx | vae-cat -t f32 | head -c $((${n% *} * 64 * 4)) | vae-cat -f f32:64 -t npy >n.npy
        vae-fit -q -m n.vae --net conv --channels 4 --hidden 8 --steps 1 n.npy
        equal "of ${n% *}" "$(vae-info n.vae | sed -n 's/^calibration *\([a-z-]*\),.*/\1/p')" "${n#* }"
    done
}
