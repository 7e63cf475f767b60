#!/usr/bin/env bats
# Likelihoods beyond the tables', from fit to gen: on a table, on images, against scipy (oracle.py); and losses by their names.
load helper

IMAGES=$BATS_FILE_TMPDIR/images.idx
TABLE=$BATS_FILE_TMPDIR/table.csv
HASTE="-q --steps 60 --hidden 24 -l 3 --no-calibrate --prior normal"

setup_file() {
    # bars at four places, of two brightnesses; every other image is noisy
    perl -e 'srand 5; print pack("NNNN", 0x803, 300, 8, 8);
        for $i (0 .. 299) { $at = 2 * ($i % 4); $bright = $i % 3 ? 200 : 90; for $k (0 .. 63) {
            $v = ($k % 8 >= $at && $k % 8 < $at + 2 ? $bright : 0) + ($i % 2 ? 90 * (rand() - .5) : 4 * (rand() - .5));
            print pack("C", $v < 0 ? 0 : $v > 255 ? 255 : $v + .5) } }' >"$IMAGES"
    awk 'BEGIN { srand(6); print "age,height,sex"; for (i = 0; i < 250; i++) { a = int(80 * rand() * rand()); s = rand() < .5
        printf "%d,%.1f,%s\n", a, (a < 20 ? 90 + 4 * a : 170) - 9 * s + 12 * rand(), s ? "f" : "m" } }' >"$TABLE"
}

# alike A B N SHARE: the squared difference of N images from others is at most such a share of their variance.
alike() {
    perl -e '($a, $b, $n, $most) = @ARGV; local $/; for ($a, $b) { open F, "<:raw", $_; push @x, [unpack "x16 C*", <F>] }
        $d = @{$x[0]} / $n;
        for $i (0 .. $#{$x[0]}) { $e += ($x[0][$i] - $x[1][$i]) ** 2; $m[$i % $d] += $x[0][$i] / $n }
        for $i (0 .. $#{$x[0]}) { $v += ($x[0][$i] - $m[$i % $d]) ** 2 }
        print $e / $v, "\n"; exit !($e / $v < $most)' "$@"
}

@test "--loss: the likelihood that it is the -log p of; another one beside it is refused" {
    fit="vae-fit -q --steps 3 --hidden 16 --no-calibrate --prior normal"
    while read -r loss same; do
        $fit --for detect -m a.vae --loss $loss "$TABLE"
        $fit --for detect -m b.vae $same "$TABLE"
        cmp a.vae b.vae || { echo "$loss is not $same"; return 1; }
    done <<'LIST'
mse --lik gaussian --sd shared
mse --lik gaussian --sd shared --loss mse
bce --lik bernoulli
ce --lik binned
ce --lik categorical --lik binned
LIST
    $fit -m a.vae --loss ce --lik categorical "$TABLE"
    $fit -m b.vae --lik categorical "$TABLE"
    cmp a.vae b.vae
    vae-fit -q -m c.vae --steps 3 --loss bce --no-calibrate --prior normal "$IMAGES"
    vae-info c.vae | grep -q bernoulli
    fails 64 vae-fit "mse is --lik gaussian, not student" "vae-fit -m m.vae --loss mse --lik student $TABLE"
    fails 64 vae-fit "bce is --lik bernoulli, not binned" "vae-fit -m m.vae --lik binned --loss bce $TABLE"
    fails 64 vae-fit "ce is --lik binned, not gaussian" "vae-fit -m m.vae --loss ce --lik gaussian $TABLE"
    fails 64 vae-fit "--sd unit.*student" "vae-fit -m m.vae --lik student --sd unit $TABLE"
    fails 64 vae-fit "no such scale" "vae-fit -m m.vae --lik binned --sd record $TABLE"
    fails 64 vae-fit "no such scale" "vae-fit -m m.vae --loss bce --sd shared $TABLE"
    fails 64 vae-fit "--sd shared, not --sd record" "vae-fit -m m.vae --loss mse --sd record $TABLE"
    fails 64 vae-fit "loss: expected mse, bce or ce" "vae-fit -m m.vae --loss mae $TABLE"
    fails 64 vae-fit "binned likelihood does not suit" "vae-fit -m m.vae --loss ce $IMAGES"
}

@test "a table through every command, with a chain and without" {
    for lik in laplace cbernoulli dlogistic; do
        for purpose in detect generate; do
            vae-fit $HASTE -m m.vae --for $purpose --lik $lik "$TABLE"
            vae-info --schema m.vae | grep -q "^height,number,$lik,"
            vae-enc -m m.vae "$TABLE" | vae-dec >back.csv
            equal "lines of $lik" "$(wc -l <back.csv)" 251
            vae-score -q -m m.vae --parts "$TABLE" | awk -F, 'NR > 1 && $2 !~ /^-?[0-9.e+-]+$/ { print "score " $2; exit 1 }'
            # a value far beyond those of the fit is odder than any of them
            (head -n 1 "$TABLE" && echo 79,999.9,f) | vae-score -q -m m.vae | tail -n 1 | cut -d, -f2 >odd
            vae-score -q -m m.vae "$TABLE" | tail -n +2 | cut -d, -f2 | sort -g | tail -n 1 |
                awk -v odd="$(cat odd)" '{ if (!(odd > $1)) { print "odd " odd ", most " $1; exit 1 } }' || { echo "$lik"; return 1; }
            vae-gen -q -m m.vae -n 300 >new.csv
            awk -F, 'NR > 1 && !($1 ~ /^[0-9]+$/ && $1 <= 80 && $2 ~ /^[0-9]+\.[0-9]$/ && $2 > 75 && $2 < 185 && $3 ~ /^[mf]$/) {
                print "line " NR ": " $0; exit 1 }' new.csv || { echo "$lik"; return 1; }
            vae-gen -q -m m.vae -n 100 --where 'age>=10,age<20,height>120.5' | awk -F, 'NR > 1 && !($1 >= 10 && $1 < 20 && $2 > 120.5) {
                print "line " NR ": " $0; exit 1 }' || { echo "$lik"; return 1; }
        done
    done
}

@test "images through every command: back they look like what they were" {
    for o in "--lik laplace" "--lik cbernoulli" "--lik dlogistic" "--lik laplace --sd record" "--lik student --sd record"; do
        vae-fit $HASTE --net residual --steps 400 --lr .01 -m m.vae $o "$IMAGES"
        vae-enc -m m.vae "$IMAGES" | vae-dec >back.idx
        equal size "$(size back.idx)" "$(size "$IMAGES")"
        alike "$IMAGES" back.idx 300 .2 || { echo "$o"; return 1; }
        vae-score -q -m m.vae "$IMAGES" | awk -F, 'NR > 1 && $2 !~ /^-?[0-9.e+-]+$/ { print "score " $2; exit 1 }'
        vae-gen -q -m m.vae -n 20 >new.idx
        equal "size of 20 images" "$(size new.idx)" $((16 + 20 * 64))
    done
}

@test "real images: MNIST's by their 256 levels" {
    f=$VAE_DATA/mnist/t10k-images-idx3-ubyte.gz
    [ -r "$f" ] || skip "no $f"
    # every other pixel of every other line
    vae-cat "$f" | head -c $((16 + 784 * 600)) | perl -0777 -ne '@x = unpack "x16 C*"; print pack("NNNN", 0x803, 600, 14, 14);
        for $i (0 .. $#x) { print chr $x[$i] if $i % 2 == 0 && int($i / 28) % 2 == 0 }' >few.idx
    vae-fit $HASTE --net residual -m m.vae --lik dlogistic --steps 200 --lr .01 few.idx
    vae-enc -m m.vae few.idx | vae-dec >back.idx
    alike few.idx back.idx 600 .9
    vae-score -q -m m.vae --mean-nll few.idx | tail -n 1 | cut -d, -f2 | awk '{ print; exit !($1 > 100 && $1 < 400) }'
    vae-gen -q -m m.vae -n 5 >new.idx
    equal "size of 5 images" "$(size new.idx)" $((16 + 5 * 196))
}

@test "--sd record: rows with more noise than others are told so, on images, too" {
    for lik in gaussian laplace; do
        for sd in column record; do
            vae-fit $HASTE --net residual --steps 400 --lr .01 -m m.vae --lik $lik --sd $sd "$IMAGES"
            vae-score -q -m m.vae --mean-nll "$IMAGES" | tail -n 1 | cut -d, -f2
        done | paste -s | awk '{ print; exit !($2 < $1 - 10) }' || { echo "$lik"; return 1; }
    done
}

@test "values on no grid, or on too fine a one, are found before training" {
    need_numpy
    "$PYTHON" -c 'import numpy as np
np.save("two.npy", np.array([[0.0, 2], [2, 4], [5, 2], [2, 0]] * 20))
np.save("fine.npy", np.array([[0, 1], [1e-9, 0], [1, 1]] * 20))'
    fails 65 vae-fit "dlogistic.* equal steps, and 2 is on none of 2 from 0 to 5;.*--lik" "vae-fit $HASTE -m m.vae --lik dlogistic two.npy"
    fails 65 vae-fit "dlogistic.* up to 1048576 equal steps.*--lik" "vae-fit $HASTE -m m.vae --lik dlogistic fine.npy"
}

@test "scores and means are those of scipy" {
    need_numpy
    cut -d, -f1,2 "$TABLE" | head -n 151 >plain.csv
    for lik in laplace cbernoulli dlogistic; do vae-fit $HASTE -m $lik.vae --for detect --lik $lik plain.csv; done
    vae-fit $HASTE -m gaussian.vae --for detect --sd unit plain.csv
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests "$PYTHON" <<'PY'
import subprocess
import numpy as np
from oracle import Model, table
def run(out, *command):
    open(out, "wb").write(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return table(out)
rng = np.random.default_rng(1)
_, raw = table("plain.csv")
for lik in ("laplace", "cbernoulli", "dlogistic", "gaussian"):
    m = Model(lik + ".vae")
    assert m.config["lik"] == lik
    if lik == "gaussian":
        assert m.config["sd"] == "unit" and not m.array["likelihood"].any(), "--sd unit: a scale was learned"
    mean, sd = m.encode(raw)
    head, s = run("score.csv", "vae-score", "-q", "-m", lik + ".vae", "--parts", "--draws", "2000", "plain.csv")
    draws = np.array([m.recon(raw, mean + sd * rng.standard_normal(mean.shape)) for _ in range(400)])
    error = draws.std(0) * np.sqrt(1 / 400 + 1 / 2000)
    off = (s[:, head.index("recon")] - draws.mean(0)) / (error + 1e-4)
    print(lik, "recon: worst", np.abs(off).max(), "standard errors; they are about", error.mean())
    assert np.abs(off).max() < 6 and error.mean() < 0.1
    x = (raw - m.array["schema.center"]) / m.array["schema.scale"]
    want = ((x - m.decode_model(mean)) ** 2).mean(1)
    off = np.abs(s[:, head.index("mse")] - want) / (1 + want)
    print(lik, "mse: off by", off.max())
    assert off.max() < 1e-4
PY
}
