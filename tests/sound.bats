#!/usr/bin/env bats
# Sound from files and pipes to records, models and back.
load helper

# wav FILE [RATE [CHANNELS [SECONDS [HZ]]]]: 16-bit samples of a tone that swells, in each channel another, and some noise.
wav() {
    perl -e '($rate, $ch, $s, $hz) = @ARGV; srand 1; $n = int($rate * $s); print pack("a4Va4a4VvvVVvva4V", "RIFF", 36 + 2 * $ch * $n, "WAVE",
        "fmt ", 16, 1, $ch, $rate, 2 * $ch * $rate, 2 * $ch, 16, "data", 2 * $ch * $n);
        for $i (0 .. $n - 1) { for $c (1 .. $ch) {
            print pack "s<", 9000 * sin(6.2832 * $hz * $c * $i / $rate) * (1 + sin(9 * $i / $rate)) + rand 200 } }' \
        "${2:-8000}" "${3:-1}" "${4:-1}" "${5:-440}" >"$1"
}

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    wav tone.wav
    wav more.wav 8000 1 2 330
    vae-fit -q -m mdct.vae --for reduce -l 4 --hidden 16 --steps 40 --no-calibrate tone.wav
    vae-fit -q -m mel.vae --for detect --hidden 16 --steps 20 tone.wav more.wav
}
TONE=$BATS_FILE_TMPDIR/tone.wav
MDCT=$BATS_FILE_TMPDIR/mdct.vae
MEL=$BATS_FILE_TMPDIR/mel.vae

@test "each format keeps the samples; in files, from pipes, and through the MDCT" {
    wav x.wav 11025 2 0.3
    for format in wav au flac aiff caf; do
        vae-cat -o "x.$format" x.wav
        vae-cat -o back.wav "x.$format"
        same back.wav x.wav
        cat "x.$format" | vae-cat --audio=mdct:7:3 -t vts | vae-cat -o back.wav
        same back.wav x.wav
    done
    vae-cat -o x.ogg x.wav # with loss, but as long
    equal bytes "$(vae-cat -o ogg.wav x.ogg && wc -c <ogg.wav)" "$(wc -c <x.wav)"
}

@test "WAV and AU of unknown length: what is written to a pipe is read from it, and goes on until it ends" {
    vae-cat "$TONE" | cat >piped.wav
    equal size "$(od -An -tx4 -j40 -N4 piped.wav | tr -d ' ')" ffffffff
    vae-cat -o back.wav piped.wav && same back.wav "$TONE"
    vae-cat -t au "$TONE" | vae-cat | vae-cat -o back.wav && same back.wav "$TONE"
    perl -0777 -pe 'substr($_, 40, 4) = pack "V", 0x7fffff00' "$TONE" | vae-cat -o back.wav && same back.wav "$TONE"
    # a live one is answered at once, but for the seven windows that a record has behind its middle
    { head -c 10044 "$TONE" && sleep 1 && wc -l <live.csv >seen; } | vae-score -q -m "$MEL" >live.csv 2>/dev/null || true
    [ "$(cat seen)" -gt 10 ]
}

@test "kinds of samples: 8 to 32 bits and floats; what is beyond full scale is clipped" {
    need_numpy
    "$PYTHON" - <<'P'
import numpy as np, subprocess
rng = np.random.default_rng(1)
x = np.clip(rng.standard_normal(500) * .4, -1.2, 1.2)
def head(tag, bits, n):
    b = bits // 8
    return (b"RIFF" + np.uint32(36 + n * b).tobytes() + b"WAVEfmt " + np.uint32(16).tobytes() + np.uint16([tag, 1]).tobytes() +
            np.uint32([8000, 8000 * b]).tobytes() + np.uint16([b, bits]).tobytes() + b"data" + np.uint32(n * b).tobytes())
def read(data):
    out = subprocess.run(["vae-cat", "-t", "csv"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return np.array(out.split()[1:], float)
for bits in 8, 16, 24, 32:
    full = 2.0 ** (bits - 1)
    v = np.clip(np.rint(x * full), -full, full - 1).astype(np.int64)
    raw = (v + 128).astype(np.uint8).tobytes() if bits == 8 else b"".join(int(i).to_bytes(bits // 8, "little", signed=True) for i in v)
    data = head(1, bits, len(v)) + raw
    assert np.abs(read(data) - v / full).max() < 1e-7, bits
    back = subprocess.run(["vae-cat"], input=data, stdout=subprocess.PIPE, check=True).stdout
    assert back[44:44 + len(raw)] == raw or bits == 32, bits
for tag, kind in (3, "<f4"), (3, "<f8"):
    v = x.astype(kind)
    assert np.array_equal(read(head(tag, v.itemsize * 8, len(v)) + v.tobytes()).astype("f4"), v.astype("f4"))
open("loud.wav", "wb").write(head(3, 32, len(x)) + x.astype("<f4").tobytes())
subprocess.run(["vae-cat", "-o", "loud.flac", "loud.wav"], check=True)
y = read(open("loud.flac", "rb").read())
assert np.abs(x).max() > 1 and np.abs(y - np.clip(x, -1, 1)).max() < 3e-7
P
}

@test "without libsndfile and libsamplerate: WAV all the same, what needs them says so" {
    wav x.wav
    vae-cat -o x.flac x.wav
    mkdir none
    : >none/libsndfile.so.1
    : >none/libsamplerate.so.0
    export LD_LIBRARY_PATH=$PWD/none
    vae-cat -o back.wav x.wav && same back.wav x.wav
    fails 71 vae-cat "cannot load libsndfile" "vae-cat x.flac"
    fails 71 vae-cat "cannot load libsndfile" "vae-cat -o y.flac x.wav"
    fails 71 vae-cat "cannot load libsamplerate" "vae-cat --resample 4000 x.wav"
}

@test "what does not go together is named: another rate, other channels, no sound; --resample makes rates one" {
    wav fast.wav 16000
    wav stereo.wav 8000 2
    fails 65 vae-cat "another rate" "vae-cat $TONE fast.wav"
    fails 65 vae-cat "stereo.wav: 2 channels, and .*tone.wav has 1; sox IN OUT channels 1" "vae-cat $TONE stereo.wav"
    fails 65 vae-cat "is no sound" "vae-cat $TONE $WINE"
    fails 65 vae-cat "sound" "vae-cat $WINE $TONE"
    fails 64 vae-cat "is no sound" "vae-cat --audio=mel $WINE"
    fails 64 vae-cat "audio" "vae-cat --audio=loud $TONE"
    fails 64 vae-cat "no file of sound, and --resample" "vae-cat --resample 4000 $WINE"
    fails 64 vae-cat "no file of sound, and --resample" "vae-cat -t vts $TONE | vae-cat --resample 4000"
    fails 65 vae-enc "16000 Hz" "vae-enc -m $MDCT fast.wav"
    fails 65 vae-enc "2 channels" "vae-enc -m $MDCT stereo.wav"
    fails 65 vae-score "is no sound" "vae-score -m $MEL $WINE"
    vae-cat --resample 8000 "$TONE" fast.wav -o both.wav
    equal bytes "$(wc -c <both.wav)" 32044
    equal records "$(vae-enc -m "$MDCT" --resample 8000 -t csv fast.wav | wc -l)" 52
}

@test "files that were cut: the samples before, then an error" {
    wav x.wav
    vae-cat -o x.flac x.wav && vae-cat -o x.aiff x.wav && vae-cat -o x.ogg x.wav && vae-cat -o x.au x.wav
    for f in x.*; do
        head -c 3001 "$f" >"cut-$f"
        fails 65 vae-cat "cut-$f: (ends early|damaged|no sound)" "vae-cat cut-$f"
    done
    vae-cat -t csv cut-x.wav >got 2>err || true
    equal samples "$(wc -l <got)" 1479
    one_line err vae-cat
    head -c 30 x.wav >head.wav
    fails 65 vae-cat "head.wav: .*(early|no sound)" "vae-cat head.wav"
}

@test "samples before one that is no number, and before another file in the same pipe, then an error" {
    perl -e 'print pack("a4Va4a4VvvVVvva4V", "RIFF", 24036, "WAVE", "fmt ", 16, 3, 1, 8000, 32000, 4, 32, "data", 24000);
        print pack "f<", $_ == 5000 ? "nan" : 0.5 for 0 .. 5999' >nan.wav
    vae-cat -t csv nan.wav >got 2>err && return 1
    one_line err vae-cat
    grep -q "nan.wav: sample frame 5001 is no number" err
    equal "samples before" "$(wc -l <got)" 5001
    for format in wav au; do
        vae-cat -o "x.$format" "$TONE"
        cat "x.$format" "x.$format" | vae-cat -t csv >got 2>err && return 1
        one_line err vae-cat
        grep -q "another file begins behind 8000 sample frames" err
        equal "samples of the first" "$(wc -l <got)" 8001
    done
}

@test "sound through latents: as long as it was, each file under its name, and new sound" {
    wav short.wav 8000 1 0.001
    wav loud.wav 8000 1 0.5
    vae-cat -o loud.flac loud.wav && rm loud.wav
    vae-enc -m "$MDCT" short.wav loud.flac | vae-dec -o back/
    equal files "$(ls back)" "$(printf 'loud.flac\nshort.wav')"
    equal bytes "$(wc -c <back/short.wav)" "$(wc -c <short.wav)"
    equal samples "$(vae-cat -t csv back/loud.flac | wc -l)" 4001
    vae-enc -m "$MDCT" -t csv "$TONE" >z.csv
    equal header "$(head -n 1 z.csv)" time,samples,z1,z2,z3,z4
    vae-gen -m "$MDCT" --seconds 0.55 >new.wav
    equal "new samples" "$(vae-cat -t csv new.wav | wc -l)" 4481 # whole hops
    fails 64 vae-gen "--seconds" "vae-gen -m $MEL --seconds 1"
}

@test "new sound is as loud and as soft by turns as what was learnt, and not on the average" {
    perl -e 'srand 2; print pack("a4Va4a4VvvVVvva4V", "RIFF", 128036, "WAVE", "fmt ", 16, 1, 1, 8000, 16000, 2, 16, "data", 128000);
        print pack "s<", (int($_ / 2000) % 2 ? 8000 : 80) * (rand(2) - 1) for 0 .. 63999' >bursts.wav
    vae-fit -q -m bursts.vae --hidden 32 -l 2 --lr .003 --no-calibrate --patience 0 --steps 400 bursts.wav
    vae-gen -m bursts.vae --seconds 2 | vae-cat -t csv | awk 'NR > 1 { e += $1 * $1 } NR % 160 == 1 { print e; e = 0 }' | sort -g >hops
    awk 'NR == 10 { soft = $1 } NR == 90 { exit !($1 > 4 * soft) }' hops # twice in amplitude; 1.4 with one scale for all
}

@test "the folder a file is in as its label: in the latents, in new sound, in scores" {
    mkdir low high
    wav low/a.wav 8000 1 1 200
    wav high/b.wav 8000 1 1 3000
    vae-fit -q -m label.vae --for reduce -l 2 --hidden 16 --steps 200 --no-calibrate --label-from-path low/a.wav high/b.wav
    vae-enc -m label.vae --label-from-path -t csv low/a.wav high/b.wav >z.csv
    equal header "$(head -n 1 z.csv)" time,samples,label,z1,z2
    equal labels "$(cut -d, -f3 z.csv | tail -n +2 | uniq -c | tr -s ' \n' ' ')" " 51 low 51 high "
    crossings() {
        vae-gen -m label.vae --where "label=$1" --seconds 0.5 | vae-cat -t csv | awk '($1 > 0) != (last > 0) { n++ } { last = $1 } END { print n }'
    }
    [ "$(crossings high)" -gt $((2 * $(crossings low))) ]
    vae-fit -q -m label.vae --for detect --hidden 16 --steps 20 --no-calibrate --label-from-path low/a.wav high/b.wav
    equal files "$(vae-score -q -m label.vae --per-file --label-from-path low/a.wav high/b.wav 2>/dev/null | wc -l)" 3
}

@test "scores: of records with their time, of files; clips shorter than a window, silence, stereo" {
    wav short.wav 8000 1 0.01
    perl -0777 -pe 'substr($_, 44) = "\0" x (length($_) - 44)' "$TONE" >silence.wav
    vae-score -q -m "$MEL" "$TONE" short.wav silence.wav >records.csv
    equal header "$(head -n 1 records.csv)" file,time,score,p,anomaly
    grep -q "^$TONE,0.032," records.csv
    equal "records of the short clip" "$(grep -c ^short.wav records.csv)" 1
    printf 'a,b\n1,2\n' >table.csv # what is no sound ends the run, or with --skip-bad is passed over; files before it are judged
    equal "files before one that is none" "$(vae-score -q -m "$MEL" --per-file "$TONE" table.csv short.wav 2>/dev/null | wc -l)" 2
    equal "files around it" "$(vae-score -q -m "$MEL" --per-file --skip-bad "$TONE" table.csv short.wav | wc -l)" 3
    vae-score -q -m "$MEL" --per-file "$TONE" short.wav silence.wav >files.csv
    equal header "$(head -n 1 files.csv)" file,records,time,score,p,anomaly
    equal files "$(cut -d, -f1 files.csv | tail -n +2 | tr '\n' ' ')" "$TONE short.wav silence.wav "
    awk -F, 'NR == 2 { tone = $4 } $1 == "silence.wav" { exit !($4 > 2 * tone && $6 == 1) }' files.csv
    # the mean of the tenth that is highest
    grep "^$TONE" records.csv | cut -d, -f3 | sort -g | tail -n 3 | awk '{ s += $1 / 3 } END { print s }' >want
    awk -F, 'NR == FNR { want = $1; next } FNR == 2 { exit !(($4 - want) ^ 2 < 1e-8 * want ^ 2) }' want files.csv
    wav stereo.wav 8000 2 1
    equal values "$(vae-cat --audio=mel:32:3 -t csv stereo.wav | head -n 1 | tr , "\n" | grep -c mel)" 384
}

@test "a tone at the wrong moment, as usual as any by itself, is the oddest by the frames around it, and not on its own" {
    tones() { # SECONDS SEED [WRONG]: four tones in turn, 64 ms each; number WRONG is another one
        perl -e '($s, $seed, $wrong) = (@ARGV, -1); srand $seed; $n = 8000 * $s; @hz = (300, 700, 1200, 2100);
            print pack("a4Va4a4VvvVVvva4V", "RIFF", 36 + 2 * $n, "WAVE", "fmt ", 16, 1, 1, 8000, 16000, 2, 16, "data", 2 * $n);
            for $i (0 .. $n - 1) { $k = int($i / 512); $at += 6.2832 * $hz[($k + 2 * ($k == $wrong)) % 4] / 8000;
                print pack "s<", 6000 * sin($at) + 400 * (rand(2) - 1) }' "$@"
    }
    tones 20 1 >good.wav
    tones 8 2 60 >bad.wav # from 3.84 s to 3.904 s
    vae-fit -q -m centre.vae --for detect --audio=centre --hidden 32 --steps 200 good.wav
    vae-score -q -m centre.vae bad.wav | sort -t, -k3,3gr | head -n 1 | awk -F, '{ exit !($2 > 3.8 && $2 < 3.95 && $5 == 1) }'
    vae-fit -q -m alone.vae --for detect --audio=mel:32:1 --hidden 8 --steps 1 good.wav
    vae-score -q -m alone.vae bad.wav | awk -F, '$2 > 3.8 && $2 < 3.95 { n += $5 == 0 } END { exit n != 5 }'
    vae-cat -t vts --audio=centre good.wav | vae-fit -q -m piped.vae --for detect --hidden 8 --steps 1 --no-calibrate
    equal sound "$(vae-info piped.vae | grep ^sound | tr -s ' ')" "sound centre of 5 frames, a hop of 32 ms, 8000 Hz and 1 channel"
    equal conditions "$(vae-info piped.vae | grep -c '^column .*: array, condition')" 2
    equal "fields of a stream" "$(vae-cat -t vts --audio=centre bad.wav | vae-info - | grep -c ', apart$')" 2
    # what is carried is not told
    vae-cat -t vts --audio=centre good.wav | vae-fit -q -m carried.vae -k level --for detect --hidden 8 --steps 1 --no-calibrate
    vae-info carried.vae | grep -q '^column *level: kept'
    # frames of another kind are not taken for those that were learnt
    for kind in mel centre:16 centre:32:7; do
        fails 65 vae-score "records are ${kind%%:*} of .*, and the model knows centre of 5 frames, a hop of 32 ms, 8000 Hz and 1 channel" \
            "vae-cat -t vts --audio=$kind bad.wav | vae-score -m centre.vae"
    done
    vae-cat -t vts --audio=centre bad.wav | vae-score -q -m centre.vae | cut -d, -f2- | same - <(vae-score -q -m centre.vae bad.wav | cut -d, -f2-)
    # it is coded and said of what is around, and reasons are told of the frame alone
    equal values "$(vae-enc -m centre.vae bad.wav | vae-dec -t csv | head -n 1 | tr , '\n' | grep -c '^mel')" 64
    vae-score -q -m centre.vae --explain=1 bad.wav | awk -F, 'NR > 1 && $6 !~ /^mel/ { bad = 1 } END { exit bad }'
    fails 64 vae-fit "at least 3" "vae-fit -m no.vae --audio=centre:32:1 good.wav"
}

@test "the example: a voice is told from what is none, and comes back as long as it was" {
    [ -e /usr/share/sounds/freedesktop/stereo/bell.oga ] || skip "needs sound-theme-freedesktop"
    sh "$ROOT/examples/sound.sh" >said
    awk '$1 == "voice.oga" { voice = $4 } $1 ~ /phone|suspend/ { n++; low = n == 1 || $4 < low ? $4 : low }
        END { exit !(n == 3 && voice < low) }' said
    equal samples "$(grep -c -e '^other/voice.oga.10826 ' -e '^back.wav.10826 ' -e '^new.wav.8000 ' said)" 3
}
