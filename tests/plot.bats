#!/usr/bin/env bats
# vae-plot as its users see it: SVG that parses and shows what it should, PNG with the right pixels.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    cp "$BATS_TEST_DIRNAME/picture.py" .
    vae-fit -q -m wine.vae --log curve.csv -k cultivar --steps 60 -l 5 --hidden 24 --no-calibrate "$WINE"
    vae-enc -m wine.vae "$WINE" >z.vts
    vae-cat -t csv z.vts >z.csv
    "$PYTHON" - <<'PY' || true
import numpy as np
r = np.random.default_rng(1)
np.save("bytes.npy", r.integers(0, 200, (7, 5, 4)).astype("u1"))
f = r.normal(size=(11, 3, 4)).astype("f4")
f[2, 1, 1] = np.nan
np.save("real.npy", f)
np.save("flat.npy", r.normal(size=(10, 64)).astype("f4"))
np.save("rgb.npy", r.integers(0, 256, (4, 3, 5, 3)).astype("u1"))
np.save("planes.npy", r.uniform(0, 1, (4, 3, 6, 5)).astype("f4"))
np.save("zeros.npy", np.zeros((300, 8, 8), "u1"))
PY
}
setup() {
    mkdir -p "$BATS_TEST_TMPDIR/here"
    cd "$BATS_TEST_TMPDIR/here" || return
    D=$BATS_FILE_TMPDIR
    export D PYTHONPATH=$D PYTHONDONTWRITEBYTECODE=1
}
# python SCRIPT: with numpy as np and picture.py's functions.
python() { "$PYTHON" -c "import csv, json, os; import numpy as np; from picture import *; D = os.environ['D']
$1"; }

@test "a curve: its panels, lines, last and best values are those of the log" {
    need_numpy
    vae-plot "$D/curve.csv" >a.svg
    python '
rows = list(csv.DictReader(open(D + "/curve.csv")))
step, valid = [np.array([float(r[k]) for r in rows]) for k in ("step", "valid")]
root = svg("a.svg")
text = words(root)
assert [t for t in text if "nats" in t or "beta" in t] == ["bound (ELBO), nats a record", "reconstruction, nats a record", "KL, nats a record", "beta, weight of the KL"], text
best = valid.argmax()
assert "held out %.6g, best %.6g at step %.0f" % (valid[-1], valid[best], step[best]) in text, text
assert "last %.6g" % float(rows[-1]["kl"]) in text
x = scale([p for p in ticks(root, "middle")])
lines = [p for p in root.iter(SVG + "path") if p.get("class", "").startswith("l ")]
frames = [r for r in root.iter(SVG + "rect") if r.get("class") == "f"]
assert len(lines) == 5 and len(frames) == 4
for line, name, frame in zip(lines, ("elbo", "valid", "recon", "kl", "beta"), [frames[i] for i in (0, 0, 1, 2, 3)]):
    top, bottom = float(frame.get("y")), float(frame.get("y")) + float(frame.get("height"))
    y = scale([p for p in ticks(root, "end") if top <= p[0] <= bottom])
    drawn, want = path(line), np.array([float(r[name]) for r in rows])
    assert len(drawn) == len(rows)
    assert abs(x(drawn[:, 0]) - step).max() <= 0.1 * (step[-1] - step[0]) / 600
    assert abs(y(drawn[:, 1]) - want).max() <= 0.003 * np.ptp(y([top, bottom])), name
'
}

@test "a curve: other columns get a panel, columns without numbers do not, gaps are passed over" {
    need_numpy
    printf 'step,elbo,tc,note,valid\n1,-3,5,,-9\n2,-2,4,,\n3,,3,,-7\n1,-4,2,,-8\n' >c.csv
    vae-plot c.csv >a.svg
    python '
root = svg("a.svg")
assert "tc" in words(root) and "note" not in words(root)
lines = [p.get("d") for p in root.iter(SVG + "path") if p.get("class", "").startswith("l ")]
assert [len(path(p)) for p in root.iter(SVG + "path") if p.get("class", "").startswith("l ")] == [3, 3, 4]
assert [d.count("M") for d in lines] == [2, 2, 2] # where steps begin anew
'
    seq -f '%.0f,1' 100 -1 1 | cat <(echo step,elbo) - >down.csv
    fails 65 vae-plot "begins anew 100 times" "vae-plot down.csv"
    (echo step,elbo,a,b,c,d,e,f,g,h && echo 1,1,1,1,1,1,1,1,1,1) >many.csv
    vae-plot many.csv 2>err >a.svg
    grep -q '^vae-plot: 2 columns not drawn$' err
    fails 65 vae-plot "no numbers" "printf 'step,elbo\n1,\n' | vae-plot"
    fails 65 vae-plot "no numbers" "printf 'step,elbo\n' | vae-plot -q"
    fails 64 vae-plot "no column 'step'" "vae-plot --kind curve $WINE"
}

@test "KL of latents: bars as high as vae-info says, in their order or sorted" {
    need_numpy
    vae-plot "$D/wine.vae" >a.svg
    vae-plot --sort --title 'x < y' - <"$D/wine.vae" >b.svg
    vae-info --json "$D/wine.vae" >info.json
    python '
kl = np.array(json.load(open("info.json"))["model"]["kl"])
for name, want in (("a.svg", kl), ("b.svg", np.sort(kl)[::-1])):
    root = svg(name)
    y = scale(ticks(root, "end"))
    bars = [path(p).reshape(-1, 4, 2) for p in root.iter(SVG + "path") if p.get("class", "").startswith("a ") and p.get("d")]
    bars = np.concatenate(bars)
    bars = bars[bars[:, 0, 0].argsort()]
    assert len(bars) == len(kl)
    assert abs(y(bars[:, 1, 1]) - np.maximum(want, y(bars[:, 0, 1] - 1))).max() < 0.004 * kl.max()
    names = [t for t in words(root) if t[0] == "z"]
    order = range(len(kl)) if name == "a.svg" else np.argsort(-kl, kind="stable")
    assert names == ["z%d" % (j + 1) for j in order], names
    assert words(root)[1].startswith("%d latents, %d of them" % (len(kl), (kl >= .01).sum()))
assert words(root)[0] == "x < y"
'
    VAE_MODEL=$D/wine.vae vae-plot "$D/curve.csv" | grep -q 'Training curve'
}

@test "two columns: every record where its numbers say, in the colour of its category" {
    need_numpy
    vae-plot --scatter alcohol,proline --colour cultivar "$WINE" >a.svg
    python '
rows = list(csv.DictReader(open(os.environ["WINE"])))
root = svg("a.svg")
kind, x, y = points(root)
fx, fy = scale(ticks(root, "middle")), scale(ticks(root, "end"))
assert len(kind) == len(rows)
assert abs(fx(x) - [float(r["alcohol"]) for r in rows]).max() < 0.01 and abs(fy(y) - [float(r["proline"]) for r in rows]).max() < 4
assert kind == ["#m%d" % (int(r["cultivar"]) - 1) for r in rows]
text = words(root)
assert text[:2] == ["Records by cultivar", "178 records"] and text[-4:] == ["cultivar", "1", "2", "3"], text
'
    printf 'x,y,c\n1,2,0.5\n3,4,\n5,,1\nNA,1,1\n7,8,2.5\n' | vae-plot --scatter x,y --colour c >a.svg
    python '
root = svg("a.svg")
kind, x, y = points(root)
assert kind == ["#m0", "#m24", "#m23"], kind
assert words(root)[1] == "3 of 5 records; 2 lack numbers" and "missing" in words(root), words(root)
'
}

@test "latents: the components are numpy's, of a stream and of a table alike" {
    need_numpy
    vae-plot --colour cultivar "$D/z.vts" >a.svg
    vae-plot --colour cultivar "$D/z.csv" >b.svg
    same a.svg b.svg
    vae-plot -k cultivar "$WINE" >c.svg
    python '
def check(name, x, what):
    w, v = np.linalg.eigh(np.cov(x.T, bias=True))
    root = svg(name)
    kind, px, py = points(root)
    assert len(kind) == len(x)
    for k, (got, p) in enumerate(((scale(ticks(root, "middle"))(px), "x"), (scale(ticks(root, "end"))(py), "y"))):
        u = v[:, -1 - k] * np.sign(v[abs(v[:, -1 - k]).argmax(), -1 - k])
        want = (x - x.mean(0)) @ u
        assert abs(got - want).max() < 0.004 * np.ptp(want), (name, k)
        label = "component %d of %d %s: %.0f %% of variance" % (k + 1, x.shape[1], what, 100 * w[-1 - k] / w.sum())
        assert label in words(root), (label, words(root))
z = np.array([[float(v) for k, v in r.items() if k[0] == "z"] for r in csv.DictReader(open(D + "/z.csv"))])
check("a.svg", z, "latents")
x = np.array([[float(v) for k, v in r.items() if k != "cultivar"] for r in csv.DictReader(open(os.environ["WINE"]))])
check("c.svg", (x - x.mean(0)) / x.std(0), "columns, standardised")
'
}

@test "names of columns, texts and constants; what cannot be drawn is one clear line" {
    printf 'a,b,c\n1,x,5\n2,y,5\n' >t.csv
    vae-plot t.csv >a.svg # the constant is the only other column
    grep -q '>c</text>' a.svg
    vae-plot --header - <<<$'x,y\n1,2' | grep -q '>1 record</text>'
    fails 65 vae-plot "two columns of numbers, there is one" "cut -d, -f1,2 t.csv | vae-plot"
    fails 65 vae-plot "two columns of numbers, there is none" "cut -d, -f2 t.csv | vae-plot --header"
    fails 65 vae-plot "no record has numbers in both" "vae-plot --scatter a,b t.csv"
    fails 64 vae-plot "no column 'z'; there are 'a', 'b', 'c'" "vae-plot --scatter a,z t.csv"
    fails 64 vae-plot "no column 'z'; there are 'cultivar', 'z1'..'z5'" "vae-plot --colour z $D/z.vts"
    fails 64 vae-plot "expected two columns" "vae-plot --scatter a t.csv"
    fails 65 vae-plot "no records" "printf 'x,y\n' | vae-plot -q --header"
    fails 65 vae-plot "no data" "vae-plot </dev/null"
    fails 65 vae-plot "4: expected 3 values" "(cat t.csv && echo 1) | vae-plot --scatter a,c -o kept.svg"
    (cat t.csv && echo 1) | vae-plot --skip-bad --scatter a,c -o new.svg 2>err
    grep -q '1 bad row skipped' err
    grep -q '>2 records</text>' new.svg
    printf 'x,y\n1e308,-1e308\n-1e308,1e-308\n0,1e308\n' | vae-plot >a.svg
    run ! grep -qiE '[" ]-?(nan|inf)' a.svg
    awk 'BEGIN { for (i = 0; i < 1600; i++) printf "%sc%d", i ? "," : "", i; print ""; for (i = 0; i < 1600; i++) printf "%s%d", i ? "," : "", i; print "" }' >wide.csv
    fails 64 vae-plot "more than 1500 columns" "vae-plot --header wide.csv"
    vae-plot --header --scatter c3,c1599 wide.csv >a.svg
}

@test "any bytes make good XML" {
    need_numpy
    { printf 'x,y,"<b>&\xc2\xa0"\n' && printf '1,2,"]]>\x01\xef\xbf\xbf"\n3,4,\xc3\xa4<!--\n' && printf '5,6,"a""b%0200d"\n' 7; } >t.csv
    vae-plot --header --title $'A & <b> "c" \x02' --scatter x,y --colour "$(printf '<b>&\xc2\xa0')" t.csv >a.svg
    python '
text = words(svg("a.svg"))
assert text[0] == "A & <b> \"c\" \\x02" and "<b>&\u00a0" in text and "ä<!--" in text and "]]>\\x01\ufffd" in text, text
assert [t for t in text if t.startswith("a\"b0") and t.endswith("0...")], text
'
}

@test "a million records and more: a sample, the same for any chunking, and a small file" {
    awk 'BEGIN { srand(1); print "x,y,c"; for (i = 0; i < 150000; i++) printf "%d,%.4f,k%d\n", i, rand(), i % 14 }' >big.csv
    vae-plot --scatter x,y --colour c big.csv >a.svg
    dd if=big.csv bs=997 status=none | vae-plot --scatter x,y --colour c >b.svg
    vae-cat -t vts --frame-rows 1234 big.csv | vae-plot --scatter x,y --colour c >c.svg
    same a.svg b.svg
    same a.svg c.svg
    grep -q '>10000 of 150000 records, drawn at random</text>' a.svg
    equal marks "$(grep -c '<use' a.svg)" 10011 # 10 categories and the others in the key
    [ "$(size a.svg)" -lt 600000 ]
}

@test "grids of images are right to the pixel" {
    need_numpy
    vae-plot --columns 3 --scale 2 "$D/bytes.npy" >a.png
    vae-plot --grid 2x4 --scale 1 --range -1:1.5 "$D/real.npy" >b.png 2>err
    grep -q 'the first 8 of 11 records' err
    vae-plot --scale 3 --columns 4 "$D/real.npy" >c.png
    vae-plot --scale 1 --columns 2 "$D/rgb.npy" >d.png
    vae-plot --scale 2 --columns 5 "$D/planes.npy" >e.png
    vae-plot --shape 4x16 --scale 1 --columns 10 "$D/flat.npy" >f.png
    vae-plot "$D/zeros.npy" >g.png 2>/dev/null
    vae-cat -t csv "$D/flat.npy" | awk -F, -v OFS=, 'NR == 1 { $1 = "a" } { print $0, NR == 1 ? "name" : "n" NR }' |
        vae-plot -k name --shape 8x8 --scale 1 --columns 10 >h.png
    vae-plot --scale 1 --columns 10 "$D/flat.npy" >i.png
    same h.png i.png
    python '
load = lambda name: np.load(D + "/" + name + ".npy")
def check(name, want):
    got = png(name)
    assert got.shape == want.shape and (got == want).all(), (name, got.shape, want.shape)
check("a.png", grid(load("bytes"), 3, 2, 0, 255))
real = load("real")
check("b.png", grid(real[:8], 4, 1, -1, 1.5))
check("c.png", grid(real, 4, 3, float(np.nanmin(real)), float(np.nanmax(real))))
check("d.png", grid(load("rgb"), 2, 1, 0, 255))
planes = load("planes").transpose(0, 2, 3, 1)
check("e.png", grid(planes, 4, 2, 0, float(planes.max())))
flat = load("flat")
check("f.png", grid(flat.reshape(-1, 4, 16), 10, 1, float(flat.min()), float(flat.max())))
check("g.png", grid(load("zeros")[:256], 16, 7, 0, 1))
check("h.png", grid(flat.reshape(-1, 8, 8), 10, 1, float(flat.min()), float(flat.max())))
'
}

@test "originals above what became of them; formats and chunks make no difference" {
    need_numpy
    python '
np.save("mine.npy", np.load(D + "/bytes.npy")[:6] // 2)
np.save("other.npy", np.load(D + "/real.npy"))'
    vae-plot --beside "$D/bytes.npy" --columns 2 --scale 2 mine.npy >a.png
    python '
a, b = np.load("mine.npy"), np.load(D + "/bytes.npy")[:6]
got, want = png("a.png"), grid(a, 2, 2, 0, 255, beside=b)
assert got.shape == want.shape and (got == want).all(), (got.shape, want.shape)'
    vae-cat -t idx "$D/bytes.npy" >bytes.idx
    vae-cat -t vts --frame-rows 2 mine.npy | vae-plot --beside bytes.idx --columns 2 --scale 2 >b.png
    same a.png b.png
    (dd if=mine.npy bs=7 status=none) | vae-plot --beside "$D/bytes.npy" --columns 2 --scale 2 - >b.png
    same a.png b.png
    fails 65 vae-plot "7 records, but only 6 originals" "vae-plot --beside mine.npy $D/bytes.npy"
    fails 64 vae-plot "the originals: a record has 12 values, not 5 x 4" "vae-plot --beside other.npy mine.npy"
    fails 66 vae-plot "absent.npy" "vae-plot --beside absent.npy mine.npy"
    fails 64 vae-plot "one stream" "vae-plot --beside - <mine.npy"
}

@test "walks, one a row: what says where on it they are is no part of the image" {
    need_numpy
    vae-fit -q -m m.vae -l 3 --hidden 8 --steps 5 --no-calibrate "$D/flat.npy"
    vae-enc -m m.vae "$D/flat.npy" | vae-walk --pairs --steps 4 | vae-dec -t vts >walk.vts
    vae-info walk.vts | grep -q 'walk_t.*kept'
    vae-plot --columns 4 --scale 2 --range -2:2 walk.vts >a.png
    vae-cat -t npy -o walk.npy walk.vts
    python '
got, want = png("a.png"), grid(np.load("walk.npy").reshape(20, 8, 8), 4, 2, -2, 2)
assert got.shape == want.shape and (got == want).all(), (got.shape, want.shape)'
}

@test "images that are too large, or none at all, are refused before there is anything" {
    fails 64 vae-plot "enlarged 1048576 times, are too many" "vae-plot --scale 1048576 $D/bytes.npy"
    fails 64 vae-plot "enlarged 4096 times, are too many" "vae-plot --scale 4096 $D/zeros.npy"
    fails 64 vae-plot "no square: vae-plot --shape" "vae-plot --grid 2x2 $WINE"
    fails 65 vae-plot "column 'diagnosis': '(benign|malignant)' is not a number; leave the column out" "vae-plot --shape 1x31 $CELLS"
    fails 64 vae-plot "31 values, not 67108864 x 67108864" "vae-plot --shape 67108864x67108864 $CELLS"
    # a header that promises two milliards of images of 2048 x 4096: nothing is allocated for what does not come
    printf '\x00\x00\x08\x03\x7f\xff\xff\xff\x00\x00\x08\x00\x00\x00\x10\x00' >bomb.idx
    case ${O:-} in *-san) limit=unlimited ;; *) limit=200000 ;; esac # kB; sanitizers reserve terabytes
    fails 65 vae-plot "ends early" "ulimit -v $limit; vae-plot --columns 1000 bomb.idx"
    printf '\x00\x00\x08\x03\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x08' >none.idx
    fails 65 vae-plot "no records" "vae-plot none.idx"
    for g in 1 1x2x3; do fails 64 vae-plot "--grid: expected rows and columns" "vae-plot --grid $g $D/bytes.npy"; done
    for g in 0x1 1x -1x2 9999999999x1 1,2; do fails 64 vae-plot "--grid: expected numbers" "vae-plot --grid $g $D/bytes.npy"; done
    for g in 5 5x4x3x1; do fails 64 vae-plot "--shape: expected height" "vae-plot --shape $g $D/bytes.npy"; done
    fails 64 vae-plot "--range: expected the smaller" "vae-plot --range 2:1 $D/bytes.npy"
    fails 64 vae-plot "1 or 3 channels" "vae-plot --shape 5x2x2 $D/bytes.npy"
}

@test "the kind is told by options and records, or said; options of several kinds are refused" {
    for k in curve scatter grid; do vae-plot -h | grep -q "$k"; done
    vae-plot --kind scatter "$D/bytes.npy" | grep -q 'component 1 of 20 columns, standardised'
    vae-plot --scatter step,kl "$D/curve.csv" | grep -q '>kl</text>'
    fails 64 vae-plot "choose" "vae-plot --columns 2 --colour x $WINE"
    fails 64 vae-plot "does not go" "vae-plot --kind curve --columns 2 $WINE"
    fails 64 vae-plot "does not go" "vae-plot --kind grid --scatter a,b $WINE"
    fails 64 vae-plot "leave --columns out" "vae-plot --columns 2 --grid 2x2 $D/bytes.npy"
    fails 64 vae-plot "no title" "vae-plot --title x $D/bytes.npy"
    fails 64 vae-plot "no model is given" "vae-plot --sort $WINE"
    fails 64 vae-plot "is a model" "vae-plot --kind curve $D/wine.vae"
    fails 64 vae-plot "is a model" "vae-plot --scale 2 $D/wine.vae"
}

@test "a picture is whole or not there, and never for a terminal" {
    vae-plot -o a.svg "$D/curve.csv"
    vae-plot "$D/curve.csv" | cmp - a.svg
    vae-plot -o a.svg.gz "$D/curve.csv"
    zcat a.svg.gz | cmp - a.svg
    cp a.svg before
    head -c 900 "$D/z.vts" >cut.vts
    fails 65 vae-plot "cut.vts" "vae-plot -o a.svg cut.vts"
    [ ! -s ../out ]
    same a.svg before
    fails 73 vae-plot "nowhere" "vae-plot -o nowhere/a.svg $D/curve.csv"
    fails 74 vae-plot "" "vae-plot $D/curve.csv >/dev/full"
    fails 66 vae-plot "absent" "vae-plot absent.csv"
    fails 65 vae-plot "the producer failed" "sed '4s/13.16/abc/' $WINE | vae-enc -q -m $D/wine.vae 2>/dev/null | vae-plot"
    "$PYTHON" - "$D/curve.csv" <<'PY'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("vae-plot", ["vae-plot", sys.argv[1]])
said = b""
try:
    while True:
        said += os.read(fd, 4096)
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert status == 64 and said.strip() == b"vae-plot: a picture is nothing for a terminal; name a file (-o FILE)", (status, said)
PY
}
