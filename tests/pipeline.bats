#!/usr/bin/env bats
# The main job end to end: fit, encode, decode, score, generate and convert, through real formats.
load helper

setup_file() { fit_wine; }

# A table with kept cells that are hard to carry: quotes, commas, umlauts, blanks, a line end. Numbers stand behind.
hard_table() {
    awk -F, -v OFS=, 'BEGIN { split("\"a \"\"b\"\", c\"|M\xc3\xbcller|  two blanks |\"two\nlines\"||\"\"|\"plain\"|NA|1e5|a\"b", k, "|") }
        { $1 = NR == 1 ? "\"the, name\"" : k[(NR - 2) % 10 + 1]; print }' "$WINE"
}
# What stands before the 13 numbers of each line.
kept() { sed -E 's/(,[^,]*){13}$//' "$1"; }

@test "there and back without -m: header, order, kept column and number of rows are those of the data" {
    cat "$WINE" | vae-enc -m "$MODEL" | vae-dec >out.csv
    equal header "$(head -n 1 out.csv)" "$(head -n 1 "$WINE")"
    same <(cut -d, -f1 out.csv) <(cut -d, -f1 "$WINE")
    equal rows "$(wc -l <out.csv)" "$(wc -l <"$WINE")"
    equal cells "$(awk -F, '{ print NF }' out.csv | sort -u)" 14
}

@test "what comes back is near what went in" {
    vae-enc -m "$MODEL" "$WINE" | vae-dec >out.csv
    # mean squared error of each column over its variance
    paste -d, "$WINE" out.csv | awk -F, 'NR > 1 { n++
        for (i = 2; i <= 14; i++) { s[i] += $i; q[i] += $i * $i; e[i] += ($i - $(i + 14)) ^ 2 } }
        END { for (i = 2; i <= 14; i++) r += e[i] / (q[i] - s[i] * s[i] / n); print r / 13; exit !(r / 13 < 0.6) }'
}

@test "kept cells come back byte for byte: quotes, commas, umlauts, blanks, line ends, nothing" {
    hard_table >in.csv
    vae-fit -q -m m.vae -k 1 --steps 1 --no-calibrate in.csv
    vae-enc -m m.vae in.csv | vae-dec >out.csv
    same <(kept in.csv) <(kept out.csv)
    vae-score -q -m m.vae in.csv | sed -E 's/(,[^,]*){3}$//' >scored
    same <(kept in.csv) scored
    vae-cat -t vts in.csv | vae-cat | cmp - in.csv
}

@test "a kept column stays in its place: first, last and in the middle" {
    for order in 1,2,3,4 2,1,3,4 4,3,2,1; do
        awk -F, -v OFS=, -v o=$order '{ split(o, i, ","); print $i[1], $i[2], $i[3], $i[4] }' "$WINE" >in.csv
        vae-fit -q -m m.vae -k cultivar -k ash --steps 1 --no-calibrate in.csv
        vae-enc -m m.vae in.csv | vae-dec >out.csv
        equal header "$(head -n 1 out.csv)" "$(head -n 1 in.csv)"
        for name in cultivar ash; do
            n=$(head -n 1 in.csv | tr , '\n' | grep -n "^$name$" | cut -d: -f1)
            same <(cut -d, -f"$n" out.csv) <(cut -d, -f"$n" in.csv)
        done
    done
}

@test "tab, semicolon and bar: data leaves with the delimiter it came with" {
    vae-enc -m "$MODEL" "$WINE" | vae-dec >want.csv
    for d in '\t' ';' '|'; do
        tr , "$d" <"$WINE" | vae-enc -m "$MODEL" | vae-dec >out
        same out <(tr , "$d" <want.csv)
    done
}

@test "CRLF, a byte order mark and no line end at the end change no latent; CRLF comes back" {
    vae-enc -m "$MODEL" -t csv "$WINE" >want.csv
    sed 's/$/\r/' "$WINE" >crlf.csv
    vae-enc -m "$MODEL" -t csv crlf.csv | tr -d '\r' | cmp - want.csv
    vae-enc -m "$MODEL" crlf.csv | vae-dec >out.csv
    equal "lines with CR" "$(grep -c $'\r$' out.csv)" 179
    (printf '\357\273\277' && head -c -1 "$WINE") | vae-enc -m "$MODEL" -t csv | cmp - want.csv
}

@test "gzip in, of any format, by name, by pipe, in pieces put together; gzip out by name" {
    vae-enc -m "$MODEL" "$WINE" | cat >want.vts # as into a pipe
    gzip -c "$WINE" >wine.csv.gz
    vae-enc -m "$MODEL" wine.csv.gz | cmp - want.vts
    gzip -c want.vts | vae-dec | cmp - <(vae-dec want.vts)
    (head -n 80 "$WINE" | gzip -c && tail -n +81 "$WINE" | gzip -c) | vae-enc -m "$MODEL" | vae-dec | cmp - <(vae-dec want.vts)
    vae-dec -o out.csv.gz want.vts
    gzip -t out.csv.gz
    zcat out.csv.gz | cmp - <(vae-dec want.vts)
}

@test "NPY in and out, float64, float32 and whole numbers" {
    need_numpy
    vae-enc -m "$MODEL" -t csv "$WINE" | cut -d, -f2- >want.csv
    tail -n +2 "$WINE" | cut -d, -f2- >numbers.csv
    "$PYTHON" - <<'PY'
import numpy as np
x = np.loadtxt("numbers.csv", delimiter=",")
np.save("f8.npy", x)
np.save("f4.npy", x.astype("f4"))
np.save("i4.npy", (x * 10).astype("i4"))
PY
    for type in f8 f4 i4; do
        vae-fit -q -m $type.vae --steps 20 --no-calibrate $type.npy
        vae-enc -m $type.vae -t npy $type.npy >z.npy
        vae-dec -m $type.vae -o back.npy z.npy
        vae-enc -m $type.vae $type.npy | vae-dec >back2.npy
        vae-gen -m $type.vae -n 7 >gen.npy
        "$PYTHON" - $type <<'PY'
import numpy as np, sys
x, z, y, y2, g = (np.load(f) for f in (sys.argv[1] + ".npy", "z.npy", "back.npy", "back2.npy", "gen.npy"))
assert z.shape == (178, 13) and z.dtype == np.float32, (z.shape, z.dtype)
for a in (y, y2, g):
    assert a.shape[1:] == x.shape[1:] and a.dtype == x.dtype, (a.shape, a.dtype, x.dtype)
assert y.shape == x.shape and g.shape[0] == 7 and (y == y2).all()
assert abs(y.astype("f8").mean(0) - x.mean(0)).max() < x.std(0).max(), "nothing like the data"
PY
    done
}

@test "IDX images in and out; as CSV they have as many cells as pixels" {
    need_numpy
    "$PYTHON" - <<'PY'
import numpy as np
r = np.random.default_rng(1)
x = np.clip(r.normal(100, 40, (200, 1, 1)) + r.normal(0, 20, (200, 4, 5)), 0, 255).astype("u1")
open("x.idx", "wb").write(bytes([0, 0, 8, 3]) + np.array(x.shape, ">u4").tobytes() + x.tobytes())
PY
    vae-cat -t csv x.idx >x.csv
    equal cells "$(tail -n 1 x.csv | awk -F, '{ print NF }')" 20
    vae-cat x.idx | cmp - x.idx
    gzip -c x.idx | vae-cat -o copy.idx
    same copy.idx x.idx
    vae-fit -q -m m.vae -l 2 --steps 50 --no-calibrate x.idx
    vae-enc -m m.vae x.idx | vae-dec >y.idx
    equal size "$(size y.idx)" "$(size x.idx)"
    same <(head -c 16 y.idx) <(head -c 16 x.idx)
    vae-gen -m m.vae -n 200 >g.idx
    equal size "$(size g.idx)" "$(size x.idx)"
}

@test "chunks without a header are taken by position and give the same latents" {
    vae-enc -m "$MODEL" -t csv "$WINE" | tail -n +2 >want
    tail -n +2 "$WINE" | split -l 50 - part.
    for p in part.*; do vae-enc -m "$MODEL" -t csv "$p" | grep -v '^cultivar,z1'; done >got
    same got want
    # without the kept column too
    for p in part.*; do cut -d, -f2- "$p" | vae-enc -m "$MODEL" -t csv | grep -v '^z1'; done >got
    same got <(cut -d, -f2- want)
}

@test "columns are found by name: another order, and columns that the model does not know" {
    vae-enc -m "$MODEL" -t csv "$WINE" >want.csv
    awk -F, -v OFS=, '{ for (i = NF; i > 1; i--) printf "%s,", $i; print $1 }' "$WINE" >back.csv
    vae-enc -m "$MODEL" -t csv back.csv | cmp - want.csv
    awk -F, -v OFS=, '{ print (NR == 1 ? "note" : "some text"), $0, (NR == 1 ? "weight" : NR) }' "$WINE" >more.csv
    vae-enc -q -m "$MODEL" -t csv more.csv | cmp - want.csv
    vae-enc -q -v -m "$MODEL" -t csv more.csv 2>&1 >out.csv | grep -q 'extra_columns 2'
    vae-enc -q -m "$MODEL" -k cultivar,note -t csv more.csv | head -n 1 | grep -q 'note'
}

@test "a kept column may be called anything, even as a latent is" {
    for name in sdk zone z sd row score p mu x1; do
        sed "1s/cultivar/$name/" "$WINE" >in.csv
        vae-fit -q -m m.vae -k $name --steps 1 --hidden 8 --prior normal --no-calibrate in.csv
        vae-enc -m m.vae in.csv | vae-dec | cut -d, -f1 | cmp - <(cut -d, -f1 in.csv) || { echo "by VTS: $name"; return 1; }
        vae-enc -m m.vae -t csv in.csv | vae-dec -m m.vae | cut -d, -f1 | cmp - <(cut -d, -f1 in.csv) || { echo "by CSV: $name"; return 1; }
    done
}

@test "headers in the middle of files put together are no records" {
    vae-enc -m "$MODEL" -t csv "$WINE" >want.csv
    cat "$WINE" "$WINE" | vae-enc -m "$MODEL" -t csv >twice.csv
    same twice.csv <(cat want.csv && tail -n +2 want.csv)
    vae-enc -m "$MODEL" -t csv "$WINE" - "$WINE" <"$WINE" >thrice.csv
    same thrice.csv <(cat want.csv && tail -n +2 want.csv && tail -n +2 want.csv)
    # the second file has its columns in another order
    awk -F, -v OFS=, '{ for (i = NF; i > 1; i--) printf "%s,", $i; print $1 }' "$WINE" >back.csv
    cat "$WINE" back.csv | vae-enc -m "$MODEL" -t csv | cmp - twice.csv
}

@test "latents as CSV go through awk and join, and back" {
    vae-enc -m "$MODEL" "$WINE" | vae-dec >want.csv
    vae-enc -m "$MODEL" -t csv "$WINE" >z.csv
    equal header "$(head -n 1 z.csv)" "cultivar,$(seq -s, -f z%g 13)"
    vae-dec -m "$MODEL" z.csv | cmp - want.csv
    # numbered, split in two tables, joined again
    awk -F, -v OFS=, '{ print (NR == 1 ? "row" : 1000 + NR), $0 }' z.csv >n.csv
    (head -n 1 n.csv && tail -n +2 n.csv | tac) | cut -d, -f1-5 | (read -r h && echo "$h" && sort -t, -k1,1) >left.csv
    cut -d, -f1,6- n.csv >right.csv
    join -t, --header left.csv right.csv | cut -d, -f2- | vae-dec -m "$MODEL" | cmp - want.csv
    # a latent changed by awk changes the record, and only that record
    awk -F, -v OFS=, 'NR == 3 { $2 += 2 } { print }' z.csv | vae-dec -m "$MODEL" >moved.csv
    equal "changed lines" "$(diff want.csv moved.csv | grep -c '^>')" 1
}

@test "-o FILE: whole under its name or not there; an older file stays until then" {
    vae-enc -m "$MODEL" "$WINE" -o z.vts
    vae-dec -o out.csv z.vts
    same out.csv <(vae-dec z.vts)
    equal "files" "$(ls -A | tr '\n' ' ')" "out.csv z.vts "
    cp out.csv older.csv
    head -c 3000 z.vts >cut.vts
    run -65 vae-dec -o out.csv cut.vts
    same out.csv older.csv
    equal "files" "$(ls -A | tr '\n' ' ')" "cut.vts older.csv out.csv z.vts "
    # an output that is its own input
    cp "$WINE" self.csv
    vae-cat -o self.csv self.csv
    same self.csv "$WINE"
}

@test "VAE_MODEL names the model for all; -m wins over it" {
    vae-enc -m "$MODEL" "$WINE" | cat >want.vts
    VAE_MODEL=$MODEL vae-enc "$WINE" | cmp - want.vts
    VAE_MODEL=nowhere vae-enc -m "$MODEL" "$WINE" | cmp - want.vts
    VAE_MODEL=$MODEL vae-score -q "$WINE" | cmp - <(vae-score -q -m "$MODEL" "$WINE")
    VAE_MODEL=$MODEL vae-gen -n 3 | cmp - <(vae-gen -n 3 -m "$MODEL")
    VAE_MODEL=env.vae vae-fit -q --steps 1 --no-calibrate -k 1 "$WINE"
    [ -s env.vae ]
}

@test "a stream names its model by path and id; another model is refused, a moved one is taken by -m" {
    cp "$MODEL" here.vae
    vae-enc -m here.vae "$WINE" >z.vts
    vae-enc -m here.vae --no-model-path "$WINE" >anon.vts
    (cd / && vae-dec "$BATS_TEST_TMPDIR/here/z.vts") >want.csv
    fails 64 vae-dec "no model" "vae-dec anon.vts"
    vae-dec -m here.vae anon.vts | cmp - want.csv
    mv here.vae moved.vae
    fails 66 vae-dec here.vae "vae-dec z.vts"
    vae-dec -m moved.vae z.vts | cmp - want.csv
    VAE_MODEL=moved.vae vae-dec z.vts | cmp - want.csv
    vae-fit -q -m here.vae -k cultivar --steps 1 --no-calibrate -s 2 "$WINE"
    fails 65 vae-dec "model" "vae-dec z.vts"
    fails 65 vae-dec "model" "vae-dec -m here.vae z.vts"
    fails 65 vae-cat "model" "cat z.vts <(vae-enc -m here.vae $WINE) | vae-cat -t csv"
}

@test "streams of one model put together are a stream" {
    vae-enc -m "$MODEL" "$WINE" >z.vts
    cat z.vts z.vts | vae-dec >twice.csv
    same twice.csv <(vae-dec z.vts && vae-dec z.vts | tail -n +2)
    vae-dec z.vts z.vts | cmp - twice.csv
}

@test "--with-sd adds positive columns sd1.. and the decoder does not mind" {
    vae-enc -m "$MODEL" --with-sd -t csv "$WINE" >sd.csv
    equal header "$(head -n 1 sd.csv)" "cultivar,$(seq -s, -f z%g 13),$(seq -s, -f sd%g 13)"
    same <(cut -d, -f1-14 sd.csv) <(vae-enc -m "$MODEL" -t csv "$WINE")
    tail -n +2 sd.csv | cut -d, -f15- | tr , '\n' | awk '!($1 > 0 && $1 <= 21) { exit 1 }'
    vae-dec -m "$MODEL" sd.csv | cmp - <(vae-enc -m "$MODEL" "$WINE" | vae-dec)
    vae-enc -m "$MODEL" --with-sd "$WINE" | vae-dec | cmp - <(vae-enc -m "$MODEL" "$WINE" | vae-dec)
}

@test "--sample: by the seed, around the mean, by the row's number" {
    for c in "vae-enc -t csv -m $MODEL --sample $WINE" "vae-dec -m $MODEL --sample z.vts"; do
        vae-enc -m "$MODEL" "$WINE" >z.vts
        $c >default.csv
        $c -s 1 | cmp - default.csv
        $c -s 2 >two.csv
        run ! cmp -s two.csv default.csv
        $c -s random 2>/dev/null >r1.csv
        $c -s random 2>/dev/null >r2.csv
        run ! cmp -s r1.csv r2.csv
    done
    # (draw - mean) / sd of all latents has mean 0 and variance 1
    vae-enc -m "$MODEL" --with-sd -t csv "$WINE" | tail -n +2 >sd.csv
    vae-enc -m "$MODEL" --sample -t csv "$WINE" | tail -n +2 >draw.csv
    paste -d, sd.csv draw.csv | awk -F, '{ for (i = 2; i <= 14; i++) { e = ($(27 + i) - $i) / $(i + 13); s += e; q += e * e; n++ } }
        END { print s / n, q / n; exit !(s / n < .1 && s / n > -.1 && q / n > .9 && q / n < 1.1) }'
}

@test "shards with --first-row equal the whole: drawn latents, drawn records, generated ones" {
    head -n 101 "$WINE" >a.csv
    (head -n 1 "$WINE" && tail -n +102 "$WINE") >b.csv
    vae-enc -m "$MODEL" --sample -t csv "$WINE" >whole.csv
    (vae-enc -m "$MODEL" --sample -t csv a.csv && vae-enc -m "$MODEL" --sample -t csv --first-row 100 b.csv | tail -n +2) >parts.csv
    same parts.csv whole.csv
    vae-enc -m "$MODEL" "$WINE" | vae-dec --sample >whole.csv
    (vae-enc -m "$MODEL" a.csv | vae-dec --sample && vae-enc -m "$MODEL" b.csv | vae-dec --sample --first-row=100 --no-header) >parts.csv
    same parts.csv whole.csv
}

@test "vae-gen: -n records with the data's header, within its ranges, whole numbers where the data has them" {
    vae-gen -m "$MODEL" -n 2500 >g.csv
    equal lines "$(wc -l <g.csv)" 2501
    equal header "$(head -n 1 g.csv)" "$(head -n 1 "$WINE")"
    equal "default" "$(vae-gen -m "$MODEL" | wc -l)" 1001
    equal "one" "$(vae-gen -m "$MODEL" -n 1 --no-header | wc -l)" 1
    tail -n +2 "$WINE" | cut -d, -f14 | sort -n | sed -n '1p;$p' >range
    tail -n +2 g.csv | cut -d, -f14 | awk -v lo="$(head -n 1 range)" -v hi="$(tail -n 1 range)" '
        $1 != int($1) || $1 < lo || $1 > hi || /\./ { print "bad: " $1; exit 1 }'
    # means and spreads like the data's
    (tail -n +2 "$WINE" | sed 's/^/w,/' && tail -n +2 g.csv | sed 's/^/g,/') | awk -F, '
        { n[$1]++; for (i = 3; i <= 15; i++) { s[$1, i] += $i; q[$1, i] += $i * $i } }
        END { for (i = 3; i <= 15; i++) { mw = s["w", i] / n["w"]; sw = sqrt(q["w", i] / n["w"] - mw * mw)
                  mg = s["g", i] / n["g"]; sg = sqrt(q["g", i] / n["g"] - mg * mg)
                  if ((mg - mw) / sw > .5 || (mw - mg) / sw > .5 || sg / sw > 1.5 || sg / sw < .5) { print i, mw, mg, sw, sg; exit 1 } } }'
    vae-gen -m "$MODEL" -n 10 --mean >mean.csv
    vae-gen -m "$MODEL" -n 10 --prior normal >normal.csv
    vae-gen -m "$MODEL" -n 10 >draws.csv
    run ! cmp -s mean.csv draws.csv
    run ! cmp -s normal.csv draws.csv
}

@test "vae-score: columns, p and anomaly agree; alpha, --check, --mean-nll, --by" {
    vae-score -q -m "$MODEL" "$WINE" >s.csv
    equal header "$(head -n 1 s.csv)" "cultivar,score,p,anomaly"
    same <(cut -d, -f1 s.csv) <(cut -d, -f1 "$WINE")
    vae-score -q -m "$MODEL" --alpha .2 "$WINE" | awk -F, 'NR > 1 { if (($3 <= .2) != $4) { print; exit 1 } a += $4 }
        END { exit !(a > 0 && a < 80) }'
    # a higher score never has a higher p
    tail -n +2 s.csv | sort -t, -k2,2g | awk -F, 'NR > 1 && $3 > last { print; exit 1 } { last = $3 }'
    vae-score -q -m "$MODEL" --parts "$WINE" >parts.csv
    equal header "$(head -n 1 parts.csv)" "cultivar,score,p,anomaly,nll,recon,kl,mse"
    awk -F, 'NR > 1 && ($5 - $6 - $7 > 1e-3 || $5 - $6 - $7 < -1e-3 || $7 < 0 || $8 < 0) { print; exit 1 }' parts.csv
    cut -d, -f2- "$WINE" | vae-score -q -m "$MODEL" | cut -d, -f2- | cmp - <(cut -d, -f2- s.csv)
    equal "first row" "$(cut -d, -f2- "$WINE" | vae-score -q -m "$MODEL" | head -n 1)" "row,score,p,anomaly"
    run -1 vae-score -q -m "$MODEL" --check --alpha .2 -o /dev/null "$WINE"
    head -n 2 "$WINE" | run -0 vae-score -q -m "$MODEL" --check
    vae-score -q -m "$MODEL" --mean-nll "$WINE" >mean.csv
    equal header "$(head -n 1 mean.csv)" "rows,mean_nll,se,ess,draws"
    awk -F, 'NR > 1 { s += $5; n++ } END { print s / n }' parts.csv >want
    awk -F, -v want="$(cat want)" 'NR == 2 && ($1 != 178 || ($2 - want) ^ 2 > 1e-4) { print $2, want; exit 1 }' mean.csv
    vae-score -q -m "$MODEL" --by mse "$WINE" | cut -d, -f2 | tail -n +2 | cmp - <(cut -d, -f8 parts.csv | tail -n +2)
    # more draws make the bound tighter on the whole: of some models, as all records share the noise
    for s in 1 2 3 4; do
        vae-fit -q -s $s -m m.vae -k cultivar --for detect --hidden 48 --steps 200 --no-calibrate --prior normal "$WINE"
        for k in 1 100; do vae-score -q -m m.vae --mean-nll --iw $k "$WINE" | tail -n 1 | cut -d, -f2; done | paste -s
    done | awk '{ a += $1; b += $2; print } END { exit !(b < a) }'
}

@test "odd rows get higher scores than the rest" {
    grep -v malignant "$CELLS" | vae-fit -q -m cells.vae -k diagnosis --for detect --hidden 32 --steps 200
    vae-score -q -m cells.vae "$CELLS" | tail -n +2 | sort -t, -k2,2g | awk -F, '
        { r++ } $1 == "malignant" { n++; s += r } END { auc = (s - n * (n + 1) / 2) / (n * (r - n)); print auc; exit !(auc > .9) }'
}

@test "vae-info: a model, a stream on its way, a table; text and JSON" {
    vae-info "$MODEL" >info.txt
    grep -q "^model *$(sha256sum "$MODEL" | cut -d' ' -f1)$" info.txt
    vae-info <"$MODEL" | grep -q "$(sha256sum "$MODEL" | cut -d' ' -f1)"
    vae-enc -m "$MODEL" "$WINE" | vae-info | grep -q '^rows *178$'
    vae-info "$WINE" | grep -q '^rows *178$'
    vae-info --json "$MODEL" "$WINE" >info.json
    equal documents "$(wc -l <info.json)" 2
    ! command -v "$PYTHON" >/dev/null || "$PYTHON" -c '
import json, sys
model, table = (json.loads(line) for line in open("info.json"))
assert model["ok"] and table["ok"] and table["rows"] == 178 and model["model"]["latents"] == 13'
}

@test "vae-cat: each format to each other and back gives the same records" {
    cut -d, -f2- "$WINE" >n.csv
    vae-cat -t vts n.csv >n.vts
    vae-cat -t vts -z 9 --frame-rows 7 n.csv >z.vts
    vae-cat -t npy n.csv >n.npy
    vae-cat -t tsv n.csv | tr '\t' , | cmp - n.csv
    for f in n.vts z.vts; do vae-cat "$f" | cmp - n.csv; done
    vae-cat -t csv --no-header n.npy >back.csv 2>/dev/null || vae-cat -t csv n.npy >back.csv
    grep -v '^x' back.csv | awk -F, -v OFS=, '{ for (i = 1; i <= NF; i++) $i += 0; print }' |
        cmp - <(tail -n +2 n.csv | awk -F, -v OFS=, '{ for (i = 1; i <= NF; i++) $i += 0; print }')
    vae-cat -t npy -o file.npy n.csv
    same file.npy n.npy
    vae-cat n.csv n.csv | wc -l | grep -qx 357
}

@test "-k in the encoder carries a column that the model does not know, through to the end" {
    awk -F, -v OFS=, '{ print $0, (NR == 1 ? "id" : "\"no. " NR "\"") }' "$WINE" >id.csv
    vae-enc -q -m "$MODEL" -k cultivar,id id.csv | vae-dec >out.csv
    head -n 1 out.csv | tr , '\n' | grep -qx id
    same <(awk -F, '{ print $NF }' id.csv) <(awk -F, -v n="$(head -n 1 out.csv | tr , '\n' | grep -nx id | cut -d: -f1)" '{ print $n }' out.csv)
    vae-score -q -m "$MODEL" -k id id.csv | head -n 1 | grep -q id
}

@test "the curve is CSV; -v ends with one line; --log-format json is JSON" {
    vae-fit -q -m m.vae -k cultivar --hidden 16 --steps 100 --log curve.csv "$WINE"
    equal header "$(head -n 1 curve.csv)" "step,recon,kl,beta,elbo,valid"
    awk -F, 'NR > 1 && (NF != 6 || $1 + 0 <= last) { print; exit 1 } { last = $1 + 0 } END { exit !(NR > 5) }' curve.csv
    vae-enc -q -v -m m.vae -o z.vts "$WINE" 2>err
    equal lines "$(wc -l <err)" 1
    grep -q 'rows 178' err
    vae-enc -m m.vae --log-format json -o z.vts "$WINE" 2>err
    ! command -v "$PYTHON" >/dev/null || "$PYTHON" -c 'import json; assert json.loads(open("err").read())["rows"] == 178'
    vae-fit -q -m m.vae -k cultivar --hidden 16 --steps 50 --log - "$WINE" | head -n 1 | grep -qx "$(head -n 1 curve.csv)"
}

@test "real images: MNIST's files go through, an image looks like its reconstruction" {
    f=$VAE_DATA/mnist/t10k-images-idx3-ubyte.gz
    [ -r "$f" ] || skip "no $f"
    vae-cat "$f" | head -c $((16 + 784 * 2000)) | perl -0777 -pe 'substr($_, 4, 4) = pack("N", 2000)' >few.idx
    vae-fit -q -m m.vae --net residual --steps 200 --no-calibrate --prior normal few.idx
    vae-enc -m m.vae few.idx | vae-dec >back.idx
    equal size "$(size back.idx)" "$(size few.idx)"
    perl -e 'local $/; for (@ARGV) { open F, "<:raw", $_; push @x, [unpack "x16 C*", <F>] }
        for $i (0 .. $#{$x[0]}) { $e += ($x[0][$i] - $x[1][$i]) ** 2; $m[$i % 784] += $x[0][$i] / 2000 }
        for $i (0 .. $#{$x[0]}) { $v += ($x[0][$i] - $m[$i % 784]) ** 2 }
        print $e / $v, "\n"; exit !($e / $v < .7)' few.idx back.idx
}

@test "-o DIR/ gives each file back under its name, through the filters too" {
    mkdir -p in/deep
    head -n 60 "$WINE" >in/a.csv
    { head -n 1 "$WINE"; tail -n 30 "$WINE"; } >in/deep/b.csv
    vae-cat -o same/ in/a.csv in/deep/b.csv
    same in/a.csv same/a.csv
    same in/deep/b.csv same/b.csv
    vae-enc -m "$MODEL" in/a.csv in/deep/b.csv | vae-dec -o back/
    for f in a b; do
        same <(cut -d, -f1 back/$f.csv) <(cut -d, -f1 same/$f.csv)
    done
    vae-enc -m "$MODEL" -o latents/ -t vts in/a.csv in/deep/b.csv
    cmp <(vae-enc -m "$MODEL" -t csv in/deep/b.csv) <(vae-cat -t csv latents/b.vts) # nothing depends on the file before
    vae-score -q -m "$MODEL" -o scores/ <in/a.csv
    same <(ls latents scores) <(printf 'latents:\na.vts\nb.vts\n\nscores:\nrecords.csv\n')
    vae-cat --frame-rows 7 -t vts in/a.csv in/deep/b.csv | vae-cat -t tsv -o tsv/
    tr '\t' , <tsv/b.tsv | cmp - in/deep/b.csv
}

@test "-o DIR/: one name twice is refused, and no name leads out of the directory" {
    mkdir -p in/x in/y out
    cp "$WINE" in/x/a.csv
    cp "$WINE" in/y/a.csv
    fails 73 vae-cat "a.csv: two files have this name, in/x/a.csv and in/y/a.csv" "vae-cat -o out/ in/x/a.csv in/y/a.csv"
    same in/x/a.csv out/a.csv
    (cd in/x && vae-cat -t vts ../y/../y/a.csv ../x/a.csv) >two.vts
    mkdir deep
    fails 73 vae-cat "two files have this name" "vae-cat -o deep/ two.vts"
    same <(ls deep) <(echo a.csv)
    [ ! -e y ]
    fails 73 vae-cat "none/of/: no such file or directory" "vae-cat -o none/of/ $WINE"
}
