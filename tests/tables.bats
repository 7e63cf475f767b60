#!/usr/bin/env bats
# Tables as people have them: a column of every kind, blanks, quotes and umlauts, through every command. What must hold of
# the results is in tables.py.
load helper

TABLE=$BATS_FILE_TMPDIR/table.csv
PART=$BATS_FILE_TMPDIR/part.csv # of 240 of its 600 records: completion draws many times
MIXED=$BATS_FILE_TMPDIR/table.vae
QUICK="--steps 80 --hidden 48"
HASTE="--steps 5 --hidden 16 --no-calibrate --prior normal"

check() { "$PYTHON" "$ROOT/tests/tables.py" "$@"; }

setup_file() {
    check make 600 1 >"$TABLE"
    head -n 241 "$TABLE" >"$PART"
    vae-fit -q -m "$MIXED" $QUICK "$TABLE"
    fit_wine
}

# where CONDITIONS EXPRESSION: 64 records meet the conditions, which EXPRESSION says in Python.
where() {
    vae-gen -q -m "$MIXED" -n 64 --where "$1" >where.csv || return 1
    equal "records where $1" "$(wc -l <where.csv)" 65
    check holds where.csv "$2" || { echo "where $1"; return 1; }
}
# of NAME FILE: a number of the summary.
of() { sed -nE "s/.*[ ,]$1 ([0-9.]+).*/\1/p" "$2" | tail -n 1; }
# Is it true of numbers?
holds() { awk "BEGIN { exit !($1) }" || { echo "not so: $1"; return 1; }; }

@test "every kind of column is found from the data" {
    vae-info --schema "$MIXED" | cut -d, -f1,2 >kinds
    same kinds - <<'LIST'
column,kind
age,number
height,number
price,number
smoker,binary
city,category
grade,ordinal
visits,count
born,time
seen,time
epoch,time
constant,category
row,id
code,id
note,text
nothing,text
LIST
}

@test "every kind of column through vae-enc and vae-dec: a valid table of the same shape, ids and text byte for byte" {
    vae-enc -m "$MIXED" "$TABLE" | vae-dec >out.csv
    check back "$TABLE" out.csv
    vae-enc -m "$MIXED" "$TABLE" | vae-dec --sample >out.csv
    check back "$TABLE" out.csv
    vae-enc -m "$MIXED" -t csv "$TABLE" >latents.csv
    vae-cat -t tsv "$TABLE" >tabs
    "$PYTHON" -c 'import csv, sys; csv.writer(sys.stdout, delimiter=";", lineterminator="\n").writerows(csv.reader(sys.stdin))' <"$TABLE" >semicolons
    head -n 1 tabs | grep -q "	"
    head -n 1 semicolons | grep -q ';'
    vae-enc -m "$MIXED" -t csv tabs | cmp - latents.csv
    vae-enc -m "$MIXED" -t csv semicolons | "$PYTHON" -c 'import csv, sys
assert list(csv.reader(sys.stdin, delimiter=";")) == list(csv.reader(open("latents.csv")))'
}

@test "money, percentages and units are numbers, and are written as they came; a mixture of units is none" {
    "$PYTHON" - <<'CODE' >money.csv
import random
r = random.Random(3)
print("fee,share,weight,cost,mixed")
for i in range(400):
    fee = r.lognormvariate(6, 1.5)
    cost = "?" if i % 9 == 0 else f'"{-fee if i % 5 == 0 else 2 * fee:,.2f} \u20ac"'
    print(f'"${fee:,.2f}",{100 * r.random():.1f}%,{r.randint(1, 90)} kg,{cost},{r.choice(["5 kg", "7 lb", "3 g", "9", "n.a."])}')
CODE
    vae-fit -q -m money.vae $HASTE money.csv
    equal "kinds" "$(vae-info --schema money.vae | cut -d, -f1,2 | tr '\n' ' ')" \
        "column,kind fee,number share,number weight,number cost,number mixed,category "
    number='[0-9]{1,3}(,[0-9]{3})*'
    styled="^fee,|^(\\\$$number|\"\\\$$number)\.[0-9]{2}\"?,[0-9.]+%,[0-9]+ kg,(\"?-?$number\.[0-9]{2} €\"?)?,"
    vae-gen -q -m money.vae -n 300 >new.csv
    equal "new rows in another style" "$(grep -vcE "$styled" new.csv)" 0
    vae-enc -m money.vae money.csv | vae-dec >back.csv
    equal "decoded rows in another style" "$(grep -vcE "$styled" back.csv)" 0
    vae-gen -q -m money.vae --complete money.csv >full.csv
    equal "cells that are left blank" "$(grep -cE ',([?]|),' full.csv)" 0
    same <(grep -v '?' money.csv) <(paste -d'\t' money.csv full.csv | grep -v '?' | cut -f2)
    vae-gen -q -m money.vae -n 50 --where "fee>='\$1,000',share<50%" >rich.csv
    equal "fees below 1000" "$(tail -n +2 rich.csv | grep -vcE '^"\$[0-9]+,')" 0
    # a plain number is one, too; another unit is a mistake
    { head -n 1 money.csv; echo '12.5,3%,5 kg,,9'; } | vae-score -m money.vae >/dev/null
    run --separate-stderr vae-score -m money.vae <(head -n 1 money.csv; echo '€12,3%,5 kg,,9')
    equal "status" "$status" 65
    [[ $stderr == *"column 'fee': '"*"12' is not a number"* ]]
}

@test "the other purposes take the same table, give it back and complete it" {
    for purpose in detect reduce; do
        vae-fit -q --for $purpose -m m.vae $QUICK "$TABLE"
        vae-enc -m m.vae "$TABLE" | vae-dec >out.csv
        equal "ids of $purpose" "$(cut -d, -f1,2 out.csv)" "$(cut -d, -f1,2 "$TABLE")"
        check holds out.csv 'city in ("Köln", "Paris, TX", "the \"City\"", "São Paulo", "plain") and visits >= 0 and grade in "12345"'
        vae-gen -q -m m.vae --complete "$PART" >out.csv
        check complete "$PART" out.csv 1
    done
}

@test "new records: fresh ids, empty text, known levels, decimals and range of the data, dates that parse, some blanks" {
    vae-gen -m "$MIXED" -n 700 >out.csv
    check fresh "$TABLE" out.csv 700
    # in pieces they are the same
    vae-gen -m "$MIXED" -n 300 >parts.csv
    vae-gen -m "$MIXED" -n 400 --first-row 300 --no-header >>parts.csv
    same parts.csv out.csv
}

@test "gaps filled: a present cell is never changed, no blank is left; --draws; --best" {
    vae-gen -q -v -m "$MIXED" --complete "$PART" >out.csv 2>err
    check complete "$PART" out.csv 1
    blanks=$(of missing err)
    equal "cells filled" "$(of filled err)" "$blanks"
    holds "$blanks > 50 && $(of ess err) >= 1 && $(of ess err) <= $(of draws err) && $(of draws err) >= 16"
    vae-gen -q -v -m "$MIXED" --complete "$PART" --draws 3 >out.csv 2>err
    check complete "$PART" out.csv 3
    equal "cells filled, three times" "$(of filled err)" $((3 * blanks))
    vae-gen -q -m "$MIXED" --complete "$PART" --best >best.csv
    check complete "$PART" best.csv 1
    vae-gen -q -m "$MIXED" --complete "$PART" --best -s 7 | cmp - best.csv
    vae-gen -q -m "$MIXED" --complete "$PART" -s 7 | cmp -s - out.csv && return 1
    sed '2s/,[^,]*$/,/' "$WINE" | head -n 5 >gap.csv
    vae-gen -m "$MODEL" --complete gap.csv 2>&1 >/dev/null | grep -qx 'vae-gen: 1 cell filled'
    # nothing to fill: the table as it is
    vae-gen -q -m "$MIXED" --complete best.csv | cmp - best.csv
}

@test "completion keeps quotes, blanks around cells, other columns, their order, the delimiter and line ends as they are" {
    head -n 40 "$TABLE" | awk 'NR == 1 { print "x," $0 ",\"y \"\"z\"\"\""; next } { print " a b ," $0 ",\"q\"\"\"" }' |
        sed -E 's/,no,/,"no",/; s/,0.00,/, 0 ,/' >in.csv
    vae-gen -q -m "$MIXED" -k x -k 17 --complete in.csv >out.csv
    equal "lines" "$(wc -l <out.csv)" 40
    # what is not blank is the same: the other cells taken out of both
    gaps() { "$PYTHON" -c 'import re, sys
for a, b in zip(open(sys.argv[1], newline=""), open(sys.argv[2], newline="")):
    x, y = (re.findall(r"(?:^|,)((?:\"(?:[^\"]|\"\")*\"|[^,])*)", s) for s in (a, b))
    assert len(x) == len(y) and all(p == q or p in ("", "?", "NA") for p, q in zip(x, y)), (a, b)' "$1" "$2"; }
    gaps in.csv out.csv
    sed 's/$/\r/' in.csv >crlf.csv
    vae-gen -q -m "$MIXED" -k x -k 17 --complete crlf.csv | cmp - <(sed 's/$/\r/' out.csv)
}

@test "blanks that come at random are strewn over new rows at their rate, and can be asked for" {
    awk 'BEGIN { srand(4); print "a,b,c"; for (i = 0; i < 1500; i++) {
        x = rand(); print (rand() < .25 ? "" : sprintf("%.2f", x)) "," sprintf("%.1f", x + rand()) "," (x > .5 ? "yes" : "no") } }' >gaps.csv
    vae-fit -q -m gaps.vae --steps 150 --hidden 32 --no-calibrate --prior normal gaps.csv
    vae-gen -q -m gaps.vae -n 4000 >new.csv
    holds "$(grep -c '^,' new.csv) > 880 && $(grep -c '^,' new.csv) < 1120"
    vae-gen -q -m gaps.vae -n 4000 -j 1 | cmp - new.csv
    equal "blanks in spite of a range" "$(vae-gen -q -m gaps.vae -n 300 --where 'a>.2' | grep -c '^,')" 0
    equal "blanks in spite of !=" "$(vae-gen -q -m gaps.vae -n 300 --where 'a!=' | grep -c '^,')" 0
    equal "blanks asked for" "$(vae-gen -q -m gaps.vae -n 300 --where 'a=,b>1' | grep -c '^,')" 300
    run --separate-stderr vae-gen -m gaps.vae --where 'a=,a>.5'
    equal "status" "$status" 64
}

@test "--where with =, !=, <, <=, >, >= on numbers, counts, levels, dates and blanks; several" {
    where 'age>=60' 'age >= 60'
    where 'age<30' 'age < 30'
    where 'age=33' 'age == 33'
    where 'age!=33' 'age != 33'
    where 'age>33,age<=35' 'age in (34, 35)'
    # != takes cells out of a range, whichever comes first
    where 'age!=33,age>30,age<36' 'age in (31, 32, 34, 35)'
    where 'price>0,price<=9,price!=0' '0 < price <= 9'
    where 'height!=,height>1.9' 'height != "" and height > 1.9'
    # between two numbers that can be written
    where 'height>=1.704,height<1.756' 'height != "" and 1.71 <= height <= 1.75'
    where 'age>30.5,age<=33.2' 'age in (31, 32, 33)'
    where 'height>1.9' 'height != "" and height > 1.9'
    where 'height<=1.70' 'height != "" and height <= 1.7'
    where 'height=' 'height == ""'
    where 'height!=NA' 'height != ""'
    where 'price=0' 'price == 0'
    where 'price>=200' 'price >= 200'
    where 'visits>=5' 'visits >= 5'
    where 'smoker=yes' 'smoker == "yes"'
    where 'grade>4' 'grade == "5"'
    where 'city=Köln' 'city == "Köln"'
    where 'city="Paris, TX"' 'city == "Paris, TX"'
    where "city='the \"City\"'" 'city == "the \"City\""'
    where 'city!=plain, city != ""' 'city not in ("plain", "")'
    where 'age>=50,age<60,smoker=yes,price=0,grade<=3' '50 <= age < 60 and smoker == "yes" and price == 0 and grade <= "3"'
    vae-gen -q -m "$MIXED" -n 200 --where 'age>=50' --where 'age<60,smoker=no' >out.csv
    check holds out.csv '50 <= age < 60 and smoker == "no"'
}

@test "--where on times: by the day, however they are written" {
    where 'born>=1990-01-01' 'born >= "1990-01-01"'
    where 'born=1990-06-15' 'born == "1990-06-15"'
    where 'born<1960-06-15' '"" < born < "1960-06-15"'
    where 'seen>=2022-01-01' 'seen >= "2022-01-01"'
    where 'seen<=2022-01-01' 'seen < "2022-01-02"'
    where 'seen=2022-03-01' 'seen[:10] == "2022-03-01"'
    where 'seen>=2022-12-31T12:00:00Z' 'seen >= "2022-12-31T12:00:00Z"'
    where 'seen<=2021-04-01T12:00:00Z' 'seen <= "2021-04-01T12:00:00Z"'
    where 'epoch>=1630000000' 'epoch >= 1630000000'
    where 'epoch<2021-08-27' 'epoch < 1630022400'
    fails 64 vae-gen "by the day" "vae-gen -m $MIXED --where seen=2022-01-01T12:00:00Z"
}

@test "conditions that cannot be met, or make no sense: one line and status 64" {
    while IFS='|' read -r condition text; do
        fails 64 vae-gen "$text" "vae-gen -m $MIXED --where '$condition'" || return 1
    done <<'LIST'
age>200|no value of column 'age' meets
age<40,age>60|no value of column 'age' meets
age>33,age<34|no value of column 'age' meets
price=-1|no value of column 'price' meets
height=1.704|no value of column 'height' meets
age=33,age!=33|no value of column 'age' meets
height=,height>1|no value of column 'height' meets
grade>5|no value of column 'grade' meets
constant!=same|no value of column 'constant' meets
smoker=yes,smoker=no|no value of column 'smoker' meets
born<1800-01-01|no value of column 'born' meets
smoker=maybe|'maybe' is no level of column 'smoker'
smoker>no|no order
age=|column 'age' is never missing
age=old|'old' is no value of column 'age'
age=1e999|'1e999' is no value
age>=nan|never missing
born=soon|'soon' is no value of column 'born'
note=x|column 'note' is carried, not modelled
row=5|column 'row' is carried, not modelled
aged=5|no column 'aged'; there are 'age', 'height', 'price'
height<|never missing
city="plain|quote has no end
city="plain"x|quote has no end, or text
age|expected COLUMN=VALUE
age>=60,|expected COLUMN=VALUE
,|expected COLUMN=VALUE
=5|expected COLUMN=VALUE
age=>5|'>5' is no value
LIST
}

@test "the effective sample size is told; a rare class on request" {
    vae-gen -v -m "$MIXED" -n 50 --where 'city=plain,grade=1,visits=0,age<50' >out.csv 2>err
    grep -qE '^vae-gen: effective sample size [0-9.]+ of [0-9]+ draws a record$' err
    holds "$(of ess err) > 1 && $(of ess err) <= $(of draws err)"
    equal "records" "$(wc -l <out.csv)" 51
    check holds out.csv 'city == "plain" and grade == "1" and visits == 0 and age < 50'
    # without conditions there is none
    vae-gen -v -m "$MIXED" -n 5 2>&1 >/dev/null | grep -q 'effective' && return 1
    # one record in 300: as many as are asked for
    awk -F, -v OFS=, 'BEGIN { srand(2); print "kind,x"
        for (i = 0; i < 900; i++) { rare = i % 300 == 7; print rare ? "rare" : "usual", rare * 9 + int(100 * rand()) / 100 } }' >rare.csv
    vae-fit -q -m rare.vae $QUICK --no-calibrate rare.csv
    vae-gen -q -m rare.vae -n 1000 --where kind=rare >out.csv
    check holds out.csv 'kind == "rare"'
    equal "records" "$(wc -l <out.csv)" 1001
}

@test "--like: the same columns, new records near the given ones, as many as asked for" {
    vae-gen -q -m "$MIXED" --like "$TABLE" -n 600 >near.csv
    vae-gen -q -m "$MIXED" -n 600 >far.csv
    vae-gen -q -m "$MIXED" --like "$TABLE" -n 600 --temperature 0.1 >nearer.csv
    check fresh "$TABLE" near.csv 600
    near=$(check like "$TABLE" near.csv) far=$(check like "$TABLE" far.csv) nearer=$(check like "$TABLE" nearer.csv)
    holds "$nearer < 0.5 * $near && $near < 0.8 * $far && $near > 0.05"
    head -n 30 "$TABLE" >few.csv
    equal "more than there are" "$(vae-gen -q -m "$MIXED" --like few.csv -n 100 | wc -l)" 101
    head -n 1 "$TABLE" >none.csv
    fails 65 vae-gen "none.csv: no rows, and --like" "vae-gen -m $MIXED --like none.csv"
    fails 65 vae-gen "standard input: no rows, and --min-distance" "vae-gen -m $MIXED --min-distance - <none.csv"
    fails 65 vae-gen "expected 15 values" "vae-gen -m $MIXED --like $WINE"
}

@test "--min-distance drops near-copies and counts them; as many records as asked for are written" {
    vae-gen -q -m "$MODEL" -n 300 >first.csv
    vae-gen -q -v -m "$MODEL" -n 400 --min-distance first.csv >out.csv 2>err
    equal "records" "$(wc -l <out.csv)" 401
    # every record of the first run is one of itself
    holds "$(of copies err) >= 300"
    equal "copies among them" "$(sort first.csv | uniq | comm -12 - <(sort out.csv) | grep -vc cultivar)" 0
    # what is drawn for the dropped ones would be numbered as the next shard's
    fails 64 vae-gen "leave --first-row out" "vae-gen -m $MODEL -n 10 --first-row 10 --min-distance first.csv"
    # a model of one value gives nothing else: it ends, and says so
    printf 'a,b\n' >one.csv && for i in $(seq 50); do echo x,3; done >>one.csv
    vae-fit -q -m one.vae $HASTE one.csv
    fails 65 vae-gen "near-copies of those in one.csv" "vae-gen -m one.vae -n 20 --min-distance one.csv"
}

@test "--temperature below 1 narrows, above 1 widens" {
    spread() { vae-gen -q -m "$MODEL" -n 1000 --like "$WINE" --temperature "$1" >out.csv && paste -d, <(yes "$(tail -n +2 "$WINE")" | head -n 1000) <(tail -n +2 out.csv) |
        awk -F, '{ e += ($2 - $16) ^ 2 } END { print e / NR }'; }
    holds "$(spread 0.3) < 0.7 * $(spread 1)"
    wide() { vae-gen -m "$MODEL" -n 2000 --mean --temperature "$1" | awk -F, 'NR > 1 { s += $14; q += $14 * $14; n++ } END { print sqrt(q / n - (s / n) ^ 2) }'; }
    holds "$(wide 0.3) < 0.8 * $(wide 1) && $(wide 1) < $(wide 1.5)"
}

@test "--as, --levels and --missing are obeyed" {
    vae-fit -q -m m.vae $HASTE --as grade=category --as visits=number --as city=text --as row=number --as note=id \
        --levels 'smoker=yes|no|never' --missing '?,NA,0.00' "$TABLE"
    vae-info --schema m.vae >schema.csv
    for line in grade,category visits,number city,text row,number note,id smoker,ordinal; do
        grep -q "^$line," schema.csv || { echo "no $line in:" && cat schema.csv && return 1; }
    done
    grep -q '^smoker,.*,yes|no|never$' schema.csv
    vae-info m.vae | grep -q 'price: .*may be missing'
    vae-score -q -v -m m.vae "$TABLE" 2>err >/dev/null
    # 0.00 counts as missing now, wherever it stands in a modelled column
    zeros=$(cut -d, -f4- "$TABLE" | grep -o ',0\.00,' | wc -l)
    vae-score -q -v -m "$MIXED" "$TABLE" 2>err2 >/dev/null
    cities=$("$PYTHON" -c 'import csv, sys; print(sum(r["city"] in ("", "?", "NA") for r in csv.DictReader(open(sys.argv[1]))))' "$TABLE")
    equal "missing cells" "$(of missing err)" $(($(of missing err2) + zeros - cities))
    fails 65 vae-fit "column 'note' is no|column 'note': " "vae-fit -m n.vae --as note=number $TABLE"
    fails 65 vae-fit "column 'price' is no count: expected whole numbers" "vae-fit -m n.vae --as price=count $TABLE"
    fails 65 vae-fit "column 'age' is no binary: it has" "vae-fit -m n.vae --as age=binary $TABLE"
    fails 65 vae-fit "--levels" "vae-fit -m n.vae --as city=ordinal $TABLE"
}

@test "the report names what is carried unasked, and gives no verdict on a chain" {
    awk -v OFS=, 'BEGIN { print "key,day,x,y,label"; for (i = 0; i < 60; i++)
        print "k" i, i % 28 + 1 ".12.2022", i * 7 % 31 / 10, i * 7 % 31 + i % 2, "l" i }' >t.csv
    sed -i '1s/day/Straße \x01/; s/\([0-9]*\)[.]12[.]2022/& no \1 of these days and another one/' t.csv
    vae-fit -m m.vae $HASTE -k label t.csv 2>err
    grep -qx 'vae-fit: carried, not modelled: key (id), Straße \\x01 (text)' err
    grep -q '^vae-fit: .*what columns tell of one another is not counted' err
    run ! grep -q 'does not clearly' err
    vae-fit -m m.vae $HASTE --for detect -l 1 -k key,label,2 t.csv 2>err # what was asked for is not told
    run ! grep -q 'carried' err
    grep -qE 'explain|linear' err
    grep -q '; 1 latent, ' err
    vae-fit -q -m m.vae $HASTE t.csv 2>err
    [ ! -s err ]
    awk 'BEGIN { for (r = 0; r < 30; r++) { for (c = 0; c < 40; c++) printf r ? "k%d%d," : "column%d,", r ? r : c, c
        print r ? r * 7 % 31 / 10 : "x" } }' >wide.csv
    vae-fit -m m.vae $HASTE wide.csv 2>err
    grep -qE '^vae-fit: carried, not modelled: column0 \(id\), .* and [23][0-9] more$' err
}

@test "--where: of many columns some are named" {
    vae-fit -q -m m.vae $HASTE -k diagnosis "$CELLS"
    fails 64 vae-gen "no column 'x'; there are '[a-z_]+', '[a-z_]+'.* and 2[0-9] more" "vae-gen -m m.vae --where x=1"
    fails 64 vae-gen "column 'diagnosis' is carried, not modelled" "vae-gen -m m.vae --where diagnosis=benign"
}

@test "what the model file holds is told by vae-info as it is" {
    vae-info "$MODEL" | grep -q '^stored .*scores of the calibration rows'
    vae-fit -q -m m.vae -k 1 --steps 1 --no-calibrate "$WINE"
    vae-info m.vae >said
    grep -q '^stored ' said
    run ! grep -q 'scores of the calibration rows' said
    vae-info --json m.vae | grep -q '"stored"'
    vae-info --json m.vae | run ! grep -q 'scores of the calibration rows'
}

@test "a text that is named as missing is missing in a column of times too" {
    awk 'BEGIN { print "when,x"; for (i = 0; i < 200; i++) printf "%s,%.2f\n", i % 4 ? sprintf("20%02d-0%d-1%d", i % 23, i % 9 + 1, i % 10) : "1900-01-01", i * i % 97 / 7 }' >in.csv
    vae-fit -q -m m.vae $HASTE --missing 1900-01-01 in.csv
    vae-score -q -v -m m.vae in.csv 2>err >/dev/null
    equal "missing cells" "$(of missing err)" 50
    vae-gen -q -m m.vae --complete in.csv | grep -c 1900 && return 1
    vae-gen -m m.vae -n 200 | grep -c 1900 && return 1
    true
}

@test "a column that another one tells exactly is told so in new records, with likelihoods of one number, too" {
    awk 'BEGIN { srand(5); print "a,b"; for (i = 0; i < 1000; i++) {
        a = rand() + rand() + rand() - 1.5; printf "%.4f,%.4f\n", a, 2 * a + .02 * rand() } }' >ab.csv
    for lik in gaussian student; do
        vae-fit -q -m ab.vae --lik $lik --steps 1200 --hidden 32,32 --no-calibrate ab.csv
        vae-gen -q -m ab.vae -n 1000 >new.csv
        awk -F, -v lik=$lik 'NR > 1 { s += ($2 - 2 * $1) ^ 2 } END { e = sqrt(s / (NR - 1))
            if (e > .3) { print lik ": b is off by " e; exit 1 } }' new.csv
    done
}

@test "the schema as printed and fed back gives the same model; edited, the edit" {
    vae-info --schema "$MIXED" >schema.csv
    vae-fit -q -m again.vae $QUICK --schema schema.csv "$TABLE"
    cmp "$MIXED" again.vae
    sed -E 's/^grade,ordinal,[a-z]*,.*/grade,category,,/; s/^visits,count,[a-z]*/visits,number,/; s/^note,text/note,id/; s/^nothing,.*//' schema.csv |
        grep . >edited.csv
    vae-fit -q -m m.vae $HASTE --schema edited.csv "$TABLE"
    vae-info --schema m.vae | cut -d, -f1,2 >kinds
    for line in grade,category visits,number note,id city,category nothing,text; do grep -qx "$line" kinds; done
    # an option wins over the file
    vae-fit -q -m m.vae $HASTE --schema edited.csv --as grade=ordinal "$TABLE"
    vae-info --schema m.vae | grep -q '^grade,ordinal,'
    for edit in 's/^age,number/age,numeral/|numeral' 's/^age,/aged,/|aged' 's/binned/binnde/|binnde' 's/^column,kind/colunm,kind/|column'; do
        sed "${edit%|*}" schema.csv >bad.csv
        run vae-fit -q -m n.vae $HASTE --schema bad.csv "$TABLE"
        [[ $status = 6[45] && $output = *"${edit#*|}"* ]] || { echo "$edit: $status $output" && return 1; }
    done
}

@test "a level the model does not know: counted in the summary, scored, carried through" {
    sed 's/Köln/Bonn/' "$TABLE" >in.csv
    n=$("$PYTHON" -c 'import csv, sys; print(sum(r["city"] == "Bonn" for r in csv.DictReader(open(sys.argv[1]))))' in.csv)
    for c in vae-score vae-enc; do
        $c -q -v -m "$MIXED" in.csv >out 2>err
        equal "unknown levels of $c" "$(of unknown_levels err)" "$n"
    done
    vae-score -q -m "$MIXED" in.csv >odd.csv
    equal "records scored" "$(wc -l <odd.csv)" 601
    run ! grep -q nan odd.csv
    vae-gen -m "$MIXED" --complete in.csv 2>err >out.csv
    grep -q "warning: $n cells hold no level the model knows" err
    check complete in.csv out.csv 1
}

@test "the same seed gives the same bytes, whatever the number of threads" {
    for o in "-n 300" "-n 50 --where age>=60,city=Köln" "-n 100 --like $TABLE" "-n 100 --min-distance $TABLE" \
        "--complete $PART --draws 2" "--complete $PART --best" "-n 100 --temperature 0.5"; do
        vae-gen -q -m "$MIXED" -j 1 $o >one.csv
        vae-gen -q -m "$MIXED" -j 2 $o | cmp - one.csv
    done
    vae-fit -q -j 1 -m one.vae --steps 20 --hidden 32 --no-calibrate "$TABLE"
    vae-fit -q -j 2 -m two.vae --steps 20 --hidden 32 --no-calibrate "$TABLE"
    cmp one.vae two.vae
}

@test "columns of blanks, of one level, of a thousand; twice the same name" {
    # nothing but blanks is carried, and alone nothing to model
    printf 'a,b\n' >in.csv && for i in $(seq 60); do echo ',?'; done >>in.csv
    fails 65 vae-fit "no column is left to model" "vae-fit -m n.vae in.csv"
    # one level, one number
    printf 'a,b\n' >in.csv && for i in $(seq 60); do echo 'x,3'; done >>in.csv
    vae-fit -q -m m.vae $HASTE in.csv
    equal "the only record" "$(vae-gen -m m.vae -n 30 | sort | uniq -c | sort -n | tail -n 1 | tr -s ' ')" " 30 x,3"
    vae-enc -m m.vae in.csv | vae-dec | cmp - in.csv
    # a thousand levels, some of them of one row
    awk 'BEGIN { srand(3); print "town,n"; for (i = 0; i < 5000; i++) { k = int(1000 * rand()); printf "t%d,%.1f\n", k, k / 100 + rand() } }' >in.csv
    vae-fit -q -m m.vae --steps 20 --hidden 32 --no-calibrate --prior normal in.csv
    vae-gen -m m.vae -n 2000 >out.csv
    equal "towns that are none" "$(comm -13 <(cut -d, -f1 in.csv | sort -u) <(cut -d, -f1 out.csv | sort -u))" ""
    holds "$(cut -d, -f1 out.csv | sort -u | wc -l) > 500"
    town=$(sed -n 2p in.csv | cut -d, -f1)
    vae-gen -q -m m.vae -n 20 --where town="$town" >out.csv
    check holds out.csv "town == '$town'"
    # names
    printf 'a,b,a\n1,2,3\n4,5,7\n' >in.csv
    fails 65 vae-fit "in.csv:1: there are two columns 'a'" "vae-fit -m n.vae in.csv"
}

@test "--complete is for tables; a model without a column of the table says so" {
    tail -n +2 "$WINE" | cut -d, -f2-14 | vae-cat --no-header -t npy >a.npy
    fails 65 vae-gen "an array has no names" "vae-gen -m $MODEL --complete a.npy"
    cut -d, -f1-5 "$WINE" >narrow.csv
    fails 65 vae-gen "columns 'magnesium', .* are missing" "vae-gen -m $MODEL --complete narrow.csv"
    fails 66 vae-gen "here-is-none" "vae-gen -m $MODEL --complete here-is-none"
    awk -F, -v OFS=, 'NR == 30 { $5 = "much" } { print }' "$WINE" >bad.csv
    fails 65 vae-gen "bad.csv:30: column 'alcalinity_of_ash': 'much'" "vae-gen -m $MODEL --complete bad.csv"
}

@test "vae-gen --skip-bad leaves bad records out of what it completes, varies and keeps away from" {
    head -n 41 "$WINE" >few.csv
    awk -F, -v OFS=, 'NR == 5 { $5 = "much" } NR == 9 { print "1,2" } { print }' few.csv >bad.csv
    sed 5d few.csv >good.csv
    for option in complete "rows=100 --like" "rows=100 --min-distance"; do
        fails 65 vae-gen "bad.csv:5: column 'alcalinity_of_ash': 'much'.*--skip-bad" "vae-gen -m $MODEL --$option bad.csv"
        vae-gen -v -m "$MODEL" --skip-bad --$option bad.csv >out.csv 2>err
        equal "bad rows with --$option" "$(of bad_rows err)" 2
        grep -q '^vae-gen: 2 bad rows skipped$' err
        vae-gen -q -m "$MODEL" --$option good.csv | cmp - out.csv
    done
    vae-gen -q -m "$MODEL" --skip-bad --complete bad.csv 2>&1 | cmp - good.csv
    { head -n 1 "$WINE" && echo 1,2; } >worse.csv
    fails 65 vae-gen "no good rows, and --like" "vae-gen -m $MODEL --skip-bad --like worse.csv"
    fails 64 vae-gen "--skip-bad goes with" "vae-gen -m $MODEL --skip-bad"
}
