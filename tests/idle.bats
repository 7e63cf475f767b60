#!/usr/bin/env bats
# A writer that pauses: the answer to what it wrote comes before it writes more.
load helper

setup_file() { fit_wine; }

# Runs SCRIPT behind a writer that sends the header and three rows, one every second, and then stays for two seconds
# more. Standard output: for each line of the answer, the tenths of a second since the start at which it came.
slowly() {
    perl -e '
        use Time::HiRes qw(time sleep); $| = 1; open F, $ARGV[0]; my $t0 = time;
        pipe(IN, my $w) or die; pipe(my $r, OUT) or die;
        if (!(my $pid = fork)) { open STDIN, "<&IN"; open STDOUT, ">&OUT"; close $w; close $r; exec "bash", "-c", $ARGV[1] }
        close IN; close OUT; select $w; $| = 1; select STDOUT;
        if (!fork) { close $r; print $w scalar <F>; for (1 .. 3) { print $w scalar <F>; sleep 1 } sleep 2; exit }
        close $w; while (<$r>) { printf "%d %s", 10 * (time - $t0), $_ } wait; wait' "$WINE" "$1"
}

@test "a row's score arrives before the next row is written" {
    no_sanitizer
    slowly "vae-score -q -m $MODEL" >out
    cat out
    equal lines "$(wc -l <out)" 4
    # row n is written at n - 1 seconds; the input ends at 5
    awk 'NR > 1 && $1 > 10 * (NR - 2) + 20 { exit 1 } NR == 4 && $1 >= 48 { exit 1 }' out
}

@test "through the whole line: encode and decode, frames and all" {
    no_sanitizer
    slowly "vae-enc -m $MODEL | vae-cat -t vts | vae-dec" >out
    cat out
    equal lines "$(wc -l <out)" 4
    awk 'NR > 1 && $1 > 10 * (NR - 2) + 20 { exit 1 } NR == 4 && $1 >= 48 { exit 1 }' out
}

@test "a whole row counts before its neighbour is complete" {
    no_sanitizer
    (head -n 3 "$WINE" && printf '1,14.2' && sleep 3) | vae-score -q -m "$MODEL" 2>err >out &
    sleep 2
    equal lines "$(wc -l <out)" 3
    status=0
    wait $! || status=$?
    equal "status of a row cut off" "$status" 65
}

@test "tail -F of a file that grows and is rotated" {
    no_sanitizer
    head -n 2 "$WINE" >log.csv
    (timeout 6 tail -n +1 -F log.csv 2>/dev/null || true) | vae-score -q -m "$MODEL" >out &
    for _ in {1..50}; do [ "$(wc -l <out)" = 2 ] && break || sleep .1; done
    equal "the first row" "$(wc -l <out)" 2
    sed -n 3p "$WINE" >>log.csv
    for _ in {1..30}; do [ "$(wc -l <out)" = 3 ] && break || sleep .1; done
    equal "an appended row" "$(wc -l <out)" 3
    mv log.csv log.csv.1
    (head -n 1 "$WINE" && sed -n 4p "$WINE") >log.csv
    wait $!
    same out <(head -n 4 "$WINE" | vae-score -q -m "$MODEL")
}

@test "a line that is written to a log has its score within 50 ms" {
    no_sanitizer
    "$PYTHON" "$ROOT/tests/bench/latency.py" 11 "$MODEL" "$WINE" >out
    cat out
    awk '{ for (i = 1; i < NF; i++) if ($i == "median") { n++; if ($(i + 1) > 50) exit 1 } } END { exit n != 3 }' out
}
