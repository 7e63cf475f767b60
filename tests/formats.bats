#!/usr/bin/env bats
# NDJSON, bare numbers, and formats that are not read.
load helper

@test "JSON objects are rows of a table: there and back, nested names, blanks, texts that look like numbers" {
    vae-cat -t ndjson "$WINE" >w.ndjson
    vae-cat -t csv w.ndjson | cmp - "$WINE"
    cat >in.ndjson <<'END'
{"id":"007","host":"a \"q\", ü","req":{"bytes":120,"ms":1.5},"ok":true,"note":null}

{"id":"8","host":"b","req":{"bytes":-3e2},"later":"x"}
END
    equal back "$(vae-cat in.ndjson | tail -n 1)" \
        '{"id":"8","host":"b","req.bytes":-300,"req.ms":null,"ok":null,"note":null,"later":"x"}'
    equal text "$(vae-cat in.ndjson | head -n 1 | cut -d, -f1)" '{"id":"007"'
    equal csv "$(vae-cat -t csv in.ndjson | tail -n 1)" '8,b,-300,,,,x'
    equal csv "$(vae-cat -t csv in.ndjson | sed -n 2p)" '007,"a ""q"", ü",120,1.5,true,,'
    need_numpy
    vae-cat -t ndjson "$CELLS" | "$PYTHON" -c 'import json, sys
rows = [json.loads(l) for l in sys.stdin]
head, *cells = [l.rstrip("\n").split(",") for l in open(sys.argv[1])]
assert all([r[k] if isinstance(r[k], str) else float(r[k]) for k in head] == [c if i == head.index("diagnosis") else float(c)
           for i, c in enumerate(row)] for r, row in zip(rows, cells, strict=True))' "$CELLS"
}

@test "JSON objects through the filters, and scores with their reasons as JSON" {
    vae-cat -t ndjson "$WINE" >w.ndjson
    vae-fit -q -m a.vae --steps 30 w.ndjson
    vae-fit -q -m b.vae --steps 30 "$WINE"
    cmp <(vae-enc -m a.vae -t csv w.ndjson) <(vae-enc -m b.vae -t csv "$WINE")
    cmp <(vae-score -q -m b.vae w.ndjson) <(vae-score -q -m b.vae "$WINE") # a model of the table, too
    vae-enc -m a.vae w.ndjson | vae-dec -m a.vae | head -n 1 | grep -q '^{"cultivar":[123],"alcohol":1[0-9.]*,'
    vae-score -q -m a.vae --explain=1 -t ndjson w.ndjson | head -n 1 |
        grep -Eq '^\{"row":1,"score":[0-9.-]+,"p":[0-9.]+,"anomaly":[01],"why1":"[a-z_0-9]+","why1_value":[0-9.]+,'
    vae-fit -q -m k.vae -k malic_acid --steps 1 --no-calibrate w.ndjson # what is carried stays in its place
    vae-enc -m k.vae w.ndjson | vae-dec | head -n 1 | grep -q '^{"cultivar":[123],"alcohol":1[0-9.]*,"malic_acid":1.71,"ash":'
    equal rows "$(vae-gen -m a.vae -n 4 | grep -c '^{"cultivar":[123],.*}$')" 4
    sed 's/"ash":[0-9.]*,//' w.ndjson | vae-score -q -m a.vae | cmp - <(sed 's/"ash":[0-9.]*,/"ash":null,/' w.ndjson | vae-score -q -m a.vae)
    cat w.ndjson "$WINE" >mixed
    fails 65 vae-cat "mixed:179: is no JSON" "vae-cat mixed"
    vae-cat w.ndjson "$WINE" | cmp - <(cat w.ndjson w.ndjson)
}

@test "bad lines of JSON: one message each, those before are out, --skip-bad goes on" {
    printf '{"a":1}\n{"a":\n{"a":2}\n[1]\n{"a":[1]}\n{"a":1,"a":2}\n{"a":1e999}\n{"a":3}' >bad
    fails 65 vae-cat "bad:2: is no JSON" "vae-cat bad"
    equal before "$(vae-cat bad 2>/dev/null)" '{"a":1}'
    equal rest "$(vae-cat --skip-bad -q bad 2>/dev/null | paste -sd' ')" '{"a":1} {"a":2} {"a":3}'
    vae-cat --skip-bad bad 2>err >/dev/null
    for what in "4: is no JSON object" "5: 'a' is a list" "6: is no JSON: duplicate" "7: is no JSON: real number overflow"; do
        grep -q "bad:$what" err
    done
    fails 65 vae-cat "objects in one another" "perl -e 'print qq({\"a\":1}\\n), q({\"a\":) x 40, 1, q(}) x 40' | vae-cat"
    fails 65 vae-cat "longer than 16 MiB" "perl -e 'print qq({\"a\":\"), q(x) x (17 << 20), qq(\"}\\n)' | vae-cat -f ndjson"
    # where the model knows the members of an object, what is none would be a record without anything
    for i in 1 2 3 4; do echo '{"a":{"b":'"$i"'}}'; done >nested
    vae-fit -q -m nested.vae --steps 1 --no-calibrate nested
    printf '%s\n' '{"a":null}' '{"a":[3]}' '{"b":[1],"a":{"b":1}}' >more
    fails 65 vae-enc "more:2: 'a' is a list, and has members elsewhere" "vae-enc -m nested.vae -t csv more"
    equal "lines but that" "$(vae-enc -q -m nested.vae --skip-bad -t csv more 2>/dev/null | wc -l)" 3
    equal "a name with a dot of its own" "$(echo '{"a":7,"a.b":2}' | vae-enc -q -m nested.vae -t csv | wc -l)" 2
    equal behind "$(perl -e 'print qq({"a":1}\n{"a":"), q(x) x (17 << 20), qq("}\n{"a":2}\n)' | vae-cat -q --skip-bad | paste -sd' ')" '{"a":1} {"a":2}'
    fails 65 vae-cat "no JSON object" "printf '\\n\\n' | vae-cat -f ndjson"
    fails 65 vae-cat "standard input:2: is no JSON: too big integer" "printf '\\n{\"a\":18446744073709551615}\\n' | vae-cat -f ndjson"
    fails 65 vae-cat "standard input:1: 'a.b' comes twice" "printf '{\"a\":{\"b\":1},\"a.b\":2}\\n' | vae-cat"
}

@test "the columns of JSON objects are those of the first 1024, however they are read" {
    perl -e 'print qq({"a":1}\n) x 1023, qq({"a":1,"b":2}\n), qq({"a":1,"b":2,"c":3}\n)' >late.ndjson
    equal file "$(vae-cat late.ndjson | tail -n 1)" '{"a":1,"b":2}'
    equal "line by line" "$(perl -pe 'BEGIN { $| = 1 }' late.ndjson | vae-cat | tail -n 1)" '{"a":1,"b":2}'
    perl -e 'print qq({"a":"), q(x) x (1 << 20), qq("}\n), qq({"b":2}\n)' >long.ndjson # a MiB of lines, and the first one in any case
    equal long "$(vae-cat -t csv long.ndjson | sed -n '1p;3p' | paste -sd' ')" 'a ""'
}

@test "bare numbers: so many a record, both ways" {
    perl -e 'print pack "f<*", map { $_ / 4 } 0 .. 11' >x.f32
    equal floats "$(vae-cat -f f32:4 -t csv x.f32 | tail -n 1)" 2,2.25,2.5,2.75
    vae-cat -f f32:4 x.f32 | cmp - x.f32
    perl -e 'print pack "s<*", -32768, 32767, -5, 7' >x.s16
    equal shorts "$(vae-cat -f s16:2 -t csv x.s16 | tail -n +2 | paste -sd' ')" "-32768,32767 -5,7"
    vae-cat -f s16:2 x.s16 | cmp - x.s16
    vae-cat -f s16:2 -t f64 x.s16 | vae-cat -f f64:2 -t s16 | cmp - x.s16
    printf 'a,b\n1.5,300\n-2,nan\n' | vae-cat -t vts | vae-cat -t npy >x.npy
    equal "brought into range" "$(vae-cat -t u8 x.npy | od -An -tu1 | tr -s ' ')" " 2 255 0 0"
    fails 64 vae-cat "how many numbers is a record" "vae-cat -f f32 x.f32"
    fails 64 vae-cat "from 1 to" "vae-cat -f f32:0 x.f32"
    fails 64 vae-cat "tell how long they are" "vae-cat -f csv:3 x.f32"
    fails 65 vae-cat "x.f32: ends within record 3" "vae-cat -f f32:5 x.f32 -t csv"
    vae-fit -q -m m.vae --steps 5 --no-calibrate -f f32:2 x.f32
    equal width "$(vae-enc -m m.vae -f f32:2 x.f32 | vae-dec -m m.vae | wc -c)" 48
}

@test "bare numbers without a word of it are no table" {
    perl -e 'print pack "f<*", map { sin } 1 .. 640' >x.f32
    vae-fit -q -m raw.vae -f f32:64 --steps 1 --no-calibrate x.f32
    fails 65 vae-cat "x.f32: no format that is known, and no text; .* -f f32:N" "vae-cat x.f32"
    fails 65 vae-score "no format that is known.* -f f32:N" "vae-score -m raw.vae <x.f32"
    fails 65 vae-cat "no format that is known.* -f f32:N" "perl -e 'print pack q(f<2), 1, 2' | vae-cat" # begins with a NUL
}

@test "what is not read: the converter is named" {
    while read -r bytes what; do
        printf "$bytes" >file
        fails 65 vae-cat "file: is .*$what" "vae-cat file"
    done <<'END'
PAR1\x15\x04 Parquet.*duckdb
PK\x03\x04\x14 spreadsheet.*ssconvert
SQLite\x20format\x203\x00 sqlite3.*-csv
\xff\xd8\xff\xe0 JPEG.*djpeg
\xfd7zXZ\x00 xz.*-dc
BZh91AY\x01 bzip2
END
    for name in BM,GIF PAR1,x GIF8,y ARROW1,z; do # a table that begins with such letters
        printf '%s\n1,2\n' $name | vae-cat | head -n 1 | grep -qx $name
    done
}

@test "the ending of a file's name says its format, -t wins over it, and where it says none data leaves as it came" {
    printf 'a,b\n1,2\n' >x.csv
    printf 'P2 2 1 255\n7 9\n' >x.pgm
    vae-cat -o x.tsv x.csv && equal tsv "$(tail -n 1 x.tsv)" "$(printf '1\t2')"
    vae-cat -o back.csv x.tsv && cmp x.csv back.csv
    vae-cat -o x.jsonl x.csv && equal json "$(cat x.jsonl)" '{"a":1,"b":2}'
    vae-cat -o x.npy x.csv && equal numpy "$(head -c 6 x.npy | tail -c 5)" NUMPY
    vae-cat -o x.csv.gz x.tsv && equal gzip "$(gzip -dc x.csv.gz | head -n 1)" a,b
    vae-cat -o x.png x.pgm && equal png "$(head -c 4 x.png | tail -c 3)" PNG
    vae-cat -o x.ppm x.png && equal pnm "$(head -c 2 x.ppm)" P5
    vae-cat -o x.log x.tsv && cmp x.log x.tsv
    vae-cat -t csv -o x.npy x.tsv && cmp x.npy x.csv
    fails 64 vae-cat "png: records are no images" "vae-cat -o y.png x.csv"
    vae-cat -o X.NPY x.csv && cmp X.NPY <(vae-cat -t npy x.csv)
    perl -e 'print pack("A4VA8VvvVVvvA4V", "RIFF", 56, "WAVEfmt ", 16, 1, 1, 8000, 16000, 2, 16, "data", 20), pack("s<*", 1 .. 10)' >x.wav
    vae-cat -o s.csv x.wav && cmp s.csv <(vae-cat -t csv x.wav)
    vae-cat -o s.vts x.wav && vae-cat s.vts | cmp - <(vae-cat x.wav)
    equal sound "$(vae-cat -o s.FLAC x.wav && head -c 4 s.FLAC)" fLaC
    fails 64 vae-cat "s.mp3: mp3 is read, not written" "vae-cat -o s.mp3 x.wav"
    fails 64 vae-cat "s.wav: levels are no sound" "vae-cat --audio=mel -o s.wav x.wav"
    for f in s.XLSX:spreadsheet s.csv.xz:xz s.parquet:Parquet s.jpeg:JPEG s.xlsx.gz:spreadsheet; do
        fails 64 vae-cat "${f%:*}: by its ending it is .*${f#*:}.* not written here" "vae-cat -o ${f%:*} x.wav"
        [ ! -e "${f%:*}" ]
    done
    vae-cat -t csv -o s.xlsx x.wav && same s.xlsx s.csv
    mkdir sounds.db # a folder is none, whatever it is called
    vae-cat -o sounds.db x.wav && cmp sounds.db/x.wav x.wav
}
