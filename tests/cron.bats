#!/usr/bin/env bats
# The scripts of examples/cron, run as cron would run them, on a log that grows, is rotated, and changes.
load helper

CRON=$ROOT/examples/cron
export VAE_DIR=$BATS_TEST_TMPDIR/here VAE_LOG=$BATS_TEST_TMPDIR/here/app.csv
export VAE_HISTORY="$VAE_LOG.1 $VAE_LOG" VAE_FIT="--for detect --steps 60 --hidden 16 --latent-dim 2" VAE_OPTIONS="--alpha .02"
ODD="9,9,9,90,900,9,9,9,9,99,9,9,9999"

setup_file() {
    cut -d, -f2- "$WINE" >"$BATS_FILE_TMPDIR/log.csv"
    vae-fit -q -m "$BATS_FILE_TMPDIR/app.vae" --for detect --steps 60 --hidden 16 --latent-dim 2 "$BATS_FILE_TMPDIR/log.csv"
}
rows() { sed -n "$(($1 + 1)),$(($2 + 1))p" "$BATS_FILE_TMPDIR/log.csv"; }
begin() {
    cp "$BATS_FILE_TMPDIR/app.vae" .
    head -n 1 "$BATS_FILE_TMPDIR/log.csv" >app.csv
    rows 1 "$1" >>app.csv
}
# score STATUS: one run, that ends so (a pattern); what it prints is in said.
score() {
    local status=0
    sh "$CRON/score-log.sh" >said 2>err || status=$?
    [[ $status = $1 ]] || { echo "status $status, not $1" && cat err && return 1; }
}

@test "score-log.sh: each anomaly is told once, a quiet log not at all, each row scored once over a rotation" {
    begin 30
    score "[01]" # a good row may be odd at this alpha
    score 0
    equal "what a quiet run says" "$(cat said err)" ""
    echo "$ODD" >>app.csv
    score 1
    equal "lines told" "$(wc -l <said)" 2
    grep -q '^31,.*,1$' said
    score 0
    equal "what the next run says" "$(cat said err)" ""
    echo "$ODD" >>app.csv
    mv app.csv app.csv.1
    (head -n 1 app.csv.1 && echo "$ODD") >app.csv
    mv scores.csv scores.csv.1
    score 1
    equal "numbers told" "$(cut -d, -f1 said | tr '\n' ' ')" "row 32 33 "
    equal "rows" "$(cat scores.csv.1 scores.csv | grep -v row | cut -d, -f1 | tr '\n' ' ')" "$(seq 33 | tr '\n' ' ')"
}

@test "score-log.sh: scores rotated away before they were told, a new file with the inode of an old one, alarms, commas" {
    begin 30
    score "[01]"
    echo "$ODD" >>app.csv
    # shellcheck disable=SC2086
    vae-score -q -m app.vae --state score.state -o scores.csv $VAE_OPTIONS app.csv # killed behind this
    mv scores.csv scores.csv.1
    score 1
    equal "numbers told" "$(cut -d, -f1 said | tr '\n' ' ')" "row 31 "
    score 0
    : >scores.csv # a new file that has the number of an old one
    echo "$ODD" >>app.csv
    score 1
    equal "numbers told" "$(cut -d, -f1 said | tr '\n' ' ')" "row 32 "
    rm -f scores.csv score.state told
    awk -F, -v OFS=, '{ print "\"a, b\"", $0 }' app.csv | sed '1s/"a, b"/note/' >noted.csv
    echo "\"a, b\",$ODD" >>noted.csv
    VAE_LOG=$PWD/noted.csv VAE_OPTIONS="--alpha .02 -k note --persist 3/3" score 1
    equal "alarms told" "$(cut -d, -f1,2,5- said | tail -n +2)" "\"a, b\",1,1"
}

@test "score-log.sh: a run while another one is at it says nothing; a failure has its status and its line" {
    begin 5
    exec 9<>score.state.lock
    flock 9
    sh "$CRON/score-log.sh" >said 2>err 9>&-
    grep -q "another run goes on from it" err
    [ ! -e scores.csv ]
    exec 9>&-
    score "[01]"
    rm app.vae
    score 66
    one_line err vae-score
}

@test "score-log.sh: killed where it tells, it tells again; with a full disk nothing is lost" {
    begin 5
    score "[01]"
    echo "$ODD" >>app.csv
    # shellcheck disable=SC2086
    vae-score -q -m app.vae --state score.state -o scores.csv $VAE_OPTIONS app.csv # as if it had been killed behind this
    score 1
    grep -q '^6,.*,1$' said
    for _ in {1..40}; do rows 1 178; done >>app.csv
    status=0
    (trap '' XFSZ && ulimit -f 16 && exec sh "$CRON/score-log.sh") >said 2>err || status=$?
    equal "status with a full disk" $status 74
    score "[01]"
    equal "rows" "$(wc -l <scores.csv)" $((1 + 6 + 40 * 178))
    equal "their numbers" "$(tail -n +2 scores.csv | cut -d, -f1)" "$(seq $((6 + 40 * 178)))"
}

@test "refit-log.sh: a model to begin with, one that is better, and not one that is worse" {
    begin 170
    rm app.vae
    rows 1 170 >app.csv.1 && sed -i "1i $(head -n 1 app.csv)" app.csv.1
    sed -i '3s/[^,]*$/oops/; 9s/,.*//' app.csv.1 # bad rows, and the log ends within one
    mv app.csv later && sh "$CRON/refit-log.sh" 9>&- && rm app.vae && mv later app.csv # it was not yet rotated
    echo -n "1,2,3" >>app.csv
    sh "$CRON/refit-log.sh" 9>&-
    vae-info app.vae | grep -q "^column .*proline: number"
    sed -i '$d' app.csv
    score "[01]"
    # rows in another unit from now on: the old model explains them worse
    mv app.csv app.csv.1
    (head -n 1 app.csv.1 && rows 1 170 | awk -F, -v OFS=, '{ $13 *= 10 } 1') >app.csv
    cp app.vae before.vae
    sh "$CRON/refit-log.sh" 9>&-
    run -1 cmp -s app.vae before.vae
    score "[01]"
    equal "rows" "$(wc -l <scores.csv)" 341
    grep -q "vae-score: another model than in the last run: from row 171 on" err
    # a fit that went wrong
    cp app.vae before.vae
    status=0
    VAE_FIT="--for detect --steps 1 --hidden 2 --latent-dim 1 --lr 1e-9" sh "$CRON/refit-log.sh" >said 9>&- || status=$?
    equal "status of a worse model" $status 1
    grep -q "the new model explains the newest rows worse" said
    same app.vae before.vae
    status=0
    VAE_FIT="--no-such-option" sh "$CRON/refit-log.sh" 2>err 9>&- || status=$?
    equal "status of a fit that fails" $status 64
    same app.vae before.vae
    exec 8>refit.lock
    flock 8
    status=0
    sh "$CRON/refit-log.sh" 8>&- 9>&- || status=$?
    equal "status of two at once" $status 75
}

@test "the crontab and the units name scripts that are there, and systemd takes the units" {
    grep -vE '^(#|$|[A-Z_]+=)' "$CRON/crontab" >lines
    equal lines "$(wc -l <lines)" 2
    while read -r _ _ _ _ _ _ script; do [ -x "$CRON/$script" ]; done <lines
    cp "$CRON"/*.service "$CRON"/*.timer .
    sed -i "s|/usr/local/bin/|$CRON/|" ./*.service
    for f in vae-score.service vae-refit.service; do
        script=$(sed -n 's/^ExecStart=//p' "$f")
        [ -x "$script" ]
    done
    command -v systemd-analyze >/dev/null || skip "the rest needs systemd"
    systemd-analyze verify --man=no ./vae-score.timer ./vae-refit.timer ./vae-score.service ./vae-refit.service 2>err || {
        grep -q 'Failed to \(initialize\|connect\|create\)\|runtime scope' err && skip "systemd-analyze does not run here"
        cat err
        return 1
    }
}
