#!/usr/bin/env bats
# Walks among latents, as a user takes them: encoded, walked, decoded.
load helper

setup_file() {
    vae-fit -q -m "$MODEL" -k cultivar --for reduce --prior gmm --hidden 32 --steps 60 --no-calibrate "$WINE"
    vae-enc -m "$MODEL" "$WINE" >"$BATS_FILE_TMPDIR/z.vts"
    vae-enc -m "$MODEL" -t csv "$WINE" >"$BATS_FILE_TMPDIR/z.csv"
}
Z=$BATS_FILE_TMPDIR/z.vts
ZCSV=$BATS_FILE_TMPDIR/z.csv

pieces() { perl -e 'while (sysread STDIN, $b, $ARGV[0]) { syswrite STDOUT, $b }' "$1"; }
# Lines N.. of a table, with its header.
rows() { sed -n "1p;$(printf '%sp;' "${@:2}")" "$1"; }

@test "from record to record: the ends are the records, the middle lies between, decoded without -m" {
    rows "$WINE" 2 100 179 | vae-enc -m "$MODEL" | vae-walk --steps 5 | vae-dec >path.csv
    equal header "$(head -n 1 path.csv)" "$(head -n 1 "$WINE"),walk,walk_t"
    equal lines "$(wc -l <path.csv)" 10 # twice 5, the one between them once
    rows path.csv 2 6 10 | cut -d, -f1-14 | cmp - <(rows "$WINE" 2 100 179 | vae-enc -m "$MODEL" | vae-dec)
    equal steps "$(cut -d, -f16 path.csv | tail -n +2 | paste -sd' ')" "0 0.25 0.5 0.75 1 1.25 1.5 1.75 2"
    equal "kept cells of the nearer end" "$(cut -d, -f1 path.csv | tail -n +2 | paste -sd' ')" "1 1 2 2 2 2 3 3 3"
    vae-walk --steps 3 -t csv "$Z" | awk -F, 'NR > 1 { for (i = 4; i <= 16; i++) {
        if (NR > 3 && NR % 2 == 0) { e = a[i] + $i - 2 * b[i]; if (e * e > 1e-10) { print NR, i; exit 1 } }
        a[i] = b[i]; b[i] = $i } }'
}

@test "--spherical: lengths change evenly; between records of one length it is longer than the straight line there" {
    printf 'z1,z2\n3,0\n0,4\n' | vae-walk --spherical --steps 3 -t csv | tail -n +2 | cut -d, -f3- >got
    # half way: 45 degrees and a length of 3.5
    awk -F, 'NR == 2 { exit !(($1 - 3.5 / sqrt(2)) ^ 2 < 1e-10 && ($2 - $1) ^ 2 < 1e-10) }' got
    vae-walk --spherical --steps 3 -t csv "$Z" >s.csv
    vae-walk --steps 3 -t csv "$Z" >l.csv
    paste -d, s.csv l.csv | awk -F, 'NR > 1 { s = l = 0; for (i = 4; i <= 16; i++) { s += $i ^ 2; l += $(i + 16) ^ 2 }
        if (NR % 2 ? s < l * .99999 : (s - l) ^ 2 > 1e-8 * l) { print NR, s, l; exit 1 } n++ } END { exit n != 355 }'
}

@test "--pairs: a walk of its own for every two; an odd one has none to walk to" {
    rows "$WINE" 2 100 3 179 | vae-enc -m "$MODEL" | vae-walk --pairs --steps 2 -t csv >p.csv
    same <(cut -d, -f4- p.csv) <(rows "$ZCSV" 2 100 3 179 | cut -d, -f2-)
    equal numbers "$(cut -d, -f2,3 p.csv | tail -n +2 | paste -sd' ')" "1,0 1,1 2,0 2,1"
    fails 65 vae-walk 'even number' "sed -n 1,4p $ZCSV | vae-walk --pairs"
}

@test "cut anywhere, by CSV or VTS, in pieces, from several files: the same bytes" {
    head -n 80 "$ZCSV" >a.csv && (head -n 1 "$ZCSV" && tail -n +81 "$ZCSV") >b.csv
    for o in "--steps 30" "--steps 60 --pairs --spherical" "--axes 2,5 --steps 15" "--jitter .3 --draws 30" \
        "--toward cultivar=2 --labelled $Z --range=-1:2"; do
        vae-walk $o "$Z" | cat >want.vts
        pieces 61 <"$Z" | vae-walk $o | cmp - want.vts || { echo "$o"; return 1; }
        cat b.csv | pieces 333 | vae-walk $o -t csv a.csv - | cmp - <(vae-cat -t csv want.vts) || { echo "$o"; return 1; }
    done
    vae-walk $o --frame-rows 5 -z 3 "$Z" | vae-cat -t csv | cmp - <(vae-cat -t csv want.vts)
}

@test "--axes: one latent takes the values, the others stay; about the mean nothing is read" {
    vae-walk -m "$MODEL" --mean --axes all --steps 7 -t csv >a.csv </dev/null
    equal header "$(head -n 1 a.csv)" "walk,walk_axis,walk_t,$(seq -s, -f z%g 13)"
    awk -F, 'NR > 1 { for (i = 4; i <= 16; i++) if ($i != (i - 3 == $2 ? $3 : 0)) { print NR, i; exit 1 }
        if ($3 != (NR - 2) % 7 - 3 || $1 != $2) exit 1 } END { exit NR != 92 }' a.csv
    vae-walk -m "$MODEL" --mean --axes all --steps 7 | vae-dec | head -n 1 | grep -q '^alcohol.*,walk,walk_axis,walk_t$'
    vae-walk --axes 3,1 --range 2:-2 --steps 2 -t csv "$Z" >b.csv
    equal columns "$(head -n 1 b.csv | cut -d, -f1-5)" "cultivar,walk,walk_axis,walk_t,z1"
    (cut -d, -f2- "$ZCSV" && cat b.csv) | awk -F, 'NR <= 179 { for (i = 1; i <= 13; i++) z[NR, i] = $i; next } NR > 180 {
        r = 2 + int((NR - 181) / 4); a = (NR - 181) % 4 < 2 ? 3 : 1; v = NR % 2 ? 2 : -2
        for (i = 1; i <= 13; i++) if ($(i + 4) != (i == a ? v : z[r, i])) { print NR, i; exit 1 }
        if ($3 != a || $4 != v || $2 != 2 * (r - 2) + (a == 1) + 1) { print NR; exit 1 } } END { exit NR != 180 + 4 * 178 }'
}

@test "-n: walks start from draws of the prior, those of vae-gen" {
    vae-walk -m "$MODEL" -n 40 --steps 2 | vae-dec | cut -d, -f1-13 >got
    same got <(vae-gen -m "$MODEL" -n 40 --mean | cut -d, -f2-)
    vae-walk -m "$MODEL" -n 40 --steps 2 -s 2 | vae-dec | cut -d, -f1-13 | run ! cmp -s - got
    vae-walk -m "$MODEL" -n 10 --first-row 30 --steps 2 -t csv | tail -n +2 | cut -d, -f3- >late
    same late <(vae-walk -m "$MODEL" -n 40 --steps 2 -t csv | tail -n 10 | cut -d, -f3-)
    equal lines "$(vae-walk -m "$MODEL" -n 3 --axes all --steps 1000 -t csv | wc -l)" 39001
    equal lines "$(vae-walk -m "$MODEL" -n 4 --pairs --steps 1000 -t csv | wc -l)" 2001
    fails 64 vae-walk 'no model' "vae-walk -n 3"
}

@test "--toward: records become like those with the value, by as much as asked for" {
    vae-walk --toward cultivar=3 --steps 2 -t csv "$Z" >t.csv
    same <(awk 'NR % 2 == 0' t.csv | cut -d, -f4-) <(tail -n +2 "$ZCSV" | cut -d, -f2-)
    # the others moved by 1 have the mean of those with the value
    (cat "$ZCSV" && cat t.csv) | awk -F, 'NR > 1 && NR < 180 && $1 == 3 { n++; for (i = 2; i <= 14; i++) m[i] += $i }
        NR > 180 && $1 != 3 && $3 == 1 { k++; for (i = 2; i <= 14; i++) s[i] += $(i + 2) }
        END { for (i = 2; i <= 14; i++) { e = m[i] / n - s[i] / k; if (e * e > 1e-9) { print i, e; exit 1 } } exit n != 48 }'
    # a classifier of its own: which of two means is nearer
    (cat "$ZCSV" && cat t.csv) | awk -F, 'NR > 1 && NR < 180 && $1 != 2 { n[$1]++; for (i = 2; i <= 14; i++) m[$1, i] += $i }
        NR > 180 && $1 == 1 && $3 == 1 { d = 0; k++
            for (i = 2; i <= 14; i++) d += ($(i + 2) - m[1, i] / n[1]) ^ 2 - ($(i + 2) - m[3, i] / n[3]) ^ 2
            near += d > 0 } END { print near, k; exit !(k == 59 && near > 40) }'
    # another direction by regression; square to it nothing moves, along it the others come as far as those with the value are
    vae-walk --toward cultivar=3 --logistic --steps 2 -t csv "$Z" >l.csv
    (cat "$ZCSV" && cat l.csv && cat t.csv) | awk -F, '
        NR > 1 && NR < 180 { g = $1 == 3; n[g]++; for (i = 2; i <= 14; i++) m[g, i] += $i }
        NR == 181 || NR == 538 { for (i = 2; i <= 14; i++) z[NR, i] = $(i + 2) }
        NR == 182 || NR == 539 { for (i = 2; i <= 14; i++) d[NR > 300, i] = $(i + 2) - z[NR - 1, i] }
        END { for (i = 2; i <= 14; i++) { e = m[1, i] / n[1] - m[0, i] / n[0]
                  dd += d[0, i] ^ 2; de += d[0, i] * e; ee += e ^ 2; me += (d[1, i] - e) ^ 2 }
              print dd, de, ee, me; exit !((de / dd - 1) ^ 2 < 1e-6 && me < 1e-8 * ee && dd < .95 * ee) }'
}

@test "--toward: the labelled latents may be another file, of any format; labels joined to them" {
    vae-walk --toward cultivar=2 --steps 3 -t csv "$Z" >want.csv
    vae-walk --toward cultivar=2 --steps 3 -t csv --labelled "$ZCSV" "$Z" | cmp - want.csv
    vae-walk --toward cultivar=2 --steps 3 -t csv --labelled <(cat "$Z") <"$ZCSV" | cmp - want.csv
    awk -F, -v OFS=, '{ print (NR == 1 ? "id" : 1000 + NR), $0 }' "$ZCSV" >id.csv
    awk -F, -v OFS=, 'NR > 1 { $2 = $2 == 2 ? "\" yes \"" : $2 == 1 ? "no" : "" } { print $1, $2 }' id.csv >labels.csv
    join -t, --header labels.csv <(cut -d, -f1,3- id.csv) | vae-walk --toward cultivar=yes --steps 3 -t csv --labelled /dev/stdin "$Z" >two.csv
    # those without a label count for neither
    (cat "$ZCSV" && cat two.csv) | awk -F, 'NR > 1 && NR < 180 && $1 != 3 { n[$1]++; m[$1] += $2 } NR == 181 { a = $4 }
        NR == 183 { e = $4 - a - m[2] / n[2] + m[1] / n[1]; exit !(e * e < 1e-10) }'
}

@test "--jitter: draws by the seed and the record's number, as wide as asked for; around the posterior's mean by its sd" {
    vae-walk --jitter .5 --draws 3 -t csv "$Z" >j.csv
    equal lines "$(wc -l <j.csv)" 535
    vae-walk --jitter .5 --draws 3 -t csv "$Z" | cmp - j.csv
    run ! cmp -s j.csv <(vae-walk --jitter .5 --draws 3 -s 2 -t csv "$Z")
    (vae-walk --jitter .5 --draws 3 -t csv <(head -n 101 "$ZCSV") &&
        vae-walk --jitter .5 --draws 3 --first-row 100 -t csv <(sed -n '1p;102,$p' "$ZCSV") | tail -n +2) | cmp - j.csv
    vae-walk --jitter 0 -t csv "$Z" | cut -d, -f4- | cmp - <(cut -d, -f2- "$ZCSV")
    vae-enc -m "$MODEL" --with-sd "$WINE" | vae-walk --jitter 2 --draws 3 -t csv >sd.csv
    equal columns "$(head -n 1 sd.csv)" "$(head -n 1 j.csv)"
    vae-enc -m "$MODEL" --with-sd -t csv "$WINE" | vae-walk --jitter 2 --draws 3 -t csv | cmp - sd.csv
    # (draw - mean) / width: the noise is the same one
    vae-enc -m "$MODEL" --with-sd -t csv "$WINE" | tail -n +2 | awk '{ for (i = 0; i < 3; i++) print }' >m.csv
    paste -d, m.csv <(tail -n +2 j.csv) <(tail -n +2 sd.csv) | awk -F, '{ for (i = 2; i <= 14; i++) {
        a = ($(i + 29) - $i) / .5; b = ($(i + 45) - $i) / 2 / $(i + 13); if ((a - b) ^ 2 > 1e-6) { print NR, i, a, b; exit 1 }
        s += a; q += a * a; n++ } } END { print s / n, q / n; exit !(s / n < .05 && s / n > -.05 && q / n > .95 && q / n < 1.05) }'
}

@test "latents of a table name no model: -m does, for all that follow; a walk of a walk is numbered anew" {
    vae-walk "$Z" --steps 2 | vae-dec >want.csv
    vae-walk -m "$MODEL" "$ZCSV" --steps 2 | vae-dec | cmp - want.csv
    vae-walk "$ZCSV" --steps 2 | vae-dec -m "$MODEL" | cmp - want.csv
    fails 64 vae-dec 'no model' "vae-walk --steps 2 $ZCSV | vae-dec"
    fails 64 vae-dec 'no model' "vae-walk --steps 2 --no-model-path $Z | vae-dec"
    VAE_MODEL=$MODEL vae-walk --steps 2 "$ZCSV" | vae-info | grep -q "$(sha256sum "$MODEL" | cut -c1-12)"
    vae-walk --steps 2 "$Z" | vae-walk --jitter 0 -t csv | head -n 1 | cmp - <(vae-walk --jitter 0 -t csv "$Z" | head -n 1)
    vae-walk --steps 2 -t csv "$Z" | vae-walk --jitter 0 -t csv | cmp - <(vae-walk --jitter 0 -t csv "$Z")
}

@test "images stay images: IDX and NPY hold the decoded steps and no numbers of theirs" {
    need_numpy
    "$PYTHON" - <<'PY'
import numpy as np
r = np.random.default_rng(1)
x = np.clip(r.normal(100, 40, (200, 1, 1)) + r.normal(0, 20, (200, 4, 5)), 0, 255).astype("u1")
open("x.idx", "wb").write(bytes([0, 0, 8, 3]) + np.array(x.shape, ">u4").tobytes() + x.tobytes())
np.save("x.npy", x)
PY
    vae-fit -q -m m.vae -l 2 --for reduce --steps 20 --no-calibrate x.idx
    vae-enc -m m.vae x.idx >z.vts
    vae-walk --steps 4 z.vts | vae-dec >y.idx
    vae-walk --steps 4 z.vts | vae-dec -t npy >y.npy
    vae-walk --steps 4 -t npy z.vts >w.npy
    vae-dec -m m.vae w.npy >y2.npy
    vae-walk --steps 2 z.vts | vae-dec | cmp - <(vae-dec z.vts)
    "$PYTHON" - <<'PY'
import numpy as np
y, w, y2 = np.load("y.npy"), np.load("w.npy"), np.load("y2.npy")
assert y.shape == (598, 4, 5) and y.dtype == np.uint8 and w.shape == (598, 2) and w.dtype == np.float32, (y.shape, w.shape)
assert open("y.idx", "rb").read() == bytes([0, 0, 8, 3]) + np.array(y.shape, ">u4").tobytes() + y.tobytes()
assert (y2.reshape(y.shape) == y).all()
PY
}

@test "what is no walk is refused, and told what would be one" {
    fails 65 vae-walk "'z1' is missing" "vae-walk $WINE"
    fails 65 vae-walk "these are codes" "printf 'code1,code2\n1,2\n3,0\n' | vae-walk"
    fails 64 vae-walk "one stream" "vae-walk --toward cultivar=1 --labelled - <$Z"
    fails 65 vae-walk "ends early, 0 good" "head -c 900 $Z | vae-walk"
    fails 65 vae-walk "stdin: stream ends early" "head -c 900 $Z | vae-walk --toward cultivar=1 --labelled /dev/stdin $Z"
    fails 65 vae-walk 'needs two.*got 1' "head -n 2 $ZCSV | vae-walk"
    fails 65 vae-walk 'needs two.*got 0' "head -n 1 $ZCSV | vae-walk -q"
    fails 65 vae-walk 'z3.*missing: this model has 13' "cut -d, -f1-3 $ZCSV | vae-walk -m $MODEL"
    fails 65 vae-walk '5: latent z2.*nan' "sed '5s/^\([^,]*,[^,]*\),[^,]*/\1,nan/' $ZCSV | vae-walk"
    fails 65 vae-walk "12: latent z1: 'x'" "sed '12s/^\([^,]*\),[^,]*/\1,x/' $ZCSV | vae-walk --toward cultivar=1 --labelled /dev/stdin $Z"
    fails 64 vae-walk "from 1 to 13, got '14'" "vae-walk --axes 14 $Z"
    fails 64 vae-walk "got 'x'" "vae-walk --axes 1,x $Z"
    fails 64 vae-walk "got '0'" "vae-walk --axes 0 $Z"
    fails 64 vae-walk "COLUMN=VALUE, got 'smile'" "vae-walk --toward smile $Z"
    fails 64 vae-walk "no column 'smile'.*'cultivar'" "vae-walk --toward smile=1 $Z"
    fails 64 vae-walk "'1', '2', '3'" "vae-walk --toward cultivar=4 $Z"
    fails 64 vae-walk "all records have" "awk -F, 'NR == 1 || \$1 == 1' $ZCSV | vae-walk --toward cultivar=1 --labelled /dev/stdin $Z"
    fails 64 vae-walk "there is no direction" "(head -n 2 $ZCSV && sed -n '2s/^1/2/p' $ZCSV) | vae-walk --toward cultivar=1 --labelled /dev/stdin $Z"
    fails 64 vae-walk "reads its records twice" "vae-walk --toward cultivar=1 <$Z"
    fails 64 vae-walk "reads its records twice" "vae-walk --toward cultivar=1 <(cat $Z)"
    fails 66 vae-walk "here-is-none" "vae-walk --toward cultivar=1 here-is-none"
    fails 66 vae-walk "here-is-none" "vae-walk --toward cultivar=1 --labelled here-is-none $Z"
    vae-fit -q -m other.vae -k cultivar --for reduce --steps 1 --no-calibrate -s 2 "$WINE"
    vae-enc -m other.vae "$WINE" >other.vts
    fails 65 vae-walk "of model" "vae-walk -m other.vae $Z"
    fails 65 vae-walk "of model" "vae-walk --toward cultivar=1 --labelled other.vts $Z"
    vae-fit -q -m small.vae -l 3 -k cultivar --for reduce --steps 1 --no-calibrate "$WINE"
    fails 65 vae-walk "expected 13 latents, got 3" "vae-enc -m small.vae --no-model-path $WINE | vae-walk --toward cultivar=1 --labelled <(vae-enc -m small.vae -t npy <(cut -d, -f2- $WINE)) $Z"
}

@test "a bad record ends a walk behind the good ones, and its reader knows; --skip-bad walks on" {
    sed '5s/^\([^,]*\),[^,]*/\1,x/' "$ZCSV" >bad.csv
    run -65 bash -c "vae-walk -m $MODEL --steps 3 bad.csv 2>/dev/null | vae-dec 2>err >out.csv; exit \${PIPESTATUS[1]}"
    grep -q 'the producer failed after 5 records' err
    vae-walk --steps 3 "$Z" | vae-dec | head -n 6 | cmp - out.csv
    vae-walk --skip-bad --steps 3 -t csv bad.csv 2>err | cmp - <(sed 5d "$ZCSV" | vae-walk --steps 3 -t csv)
    grep -q '1 bad row skipped' err
    sed 5d "$ZCSV" >good.csv
    vae-walk --skip-bad --toward cultivar=2 --labelled bad.csv -t csv "$Z" 2>err | cmp - <(vae-walk --toward cultivar=2 --labelled good.csv -t csv "$Z")
    grep -q '1 bad row skipped' err
}
