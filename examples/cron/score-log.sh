#!/bin/sh
# score-log.sh: scores what was added to a log since the last run, and prints the anomalies among it that were not told yet.
# For cron, which mails what is printed, or a timer; see vae-cron(7).
#
#   VAE_DIR      where the model app.vae is, and where state and scores are kept     (/var/lib/vae)
#   VAE_LOG      the log, a table                                                    (/var/log/app.csv)
#   VAE_OPTIONS  further options of vae-score
#
# Status 0: nothing odd, or another run is at it; 1: anomalies; others: what failed, as in vae-score(1).
set -eu
log=${VAE_LOG:-/var/log/app.csv}
cd "${VAE_DIR:-/var/lib/vae}"

status=0
# shellcheck disable=SC2086
vae-score -m app.vae --state score.state -o scores.csv --skip-bad --check ${VAE_OPTIONS:-} "$log" || status=$?
case $status in
0 | 1) ;;
75) exit 0 ;; # the run before is still at it: the next one goes on behind it
*) exit $status ;;
esac

# Told: how many lines of a file, and their checksum, by which it is known whatever its name is by now. Its inode would not
# do: a new file may get that of one that was removed. A run that is killed here is made up for by the next one.
tell() { # FILE FROM
    lines=$(wc -l <"$1")
    head -n "$lines" "$1" | awk -v from="$2" '
        { row = $0; gsub(/"([^"]|"")*"/, "", row); n = split(row, cell, ",") } # commas in quotes are none
        NR == 1 { for (i = 1; i <= n; i++) if (cell[i] == "alarm" || cell[i] == "anomaly") at = i; header = $0; next }
        !at { print "score-log.sh: no column anomaly in scores.csv" > "/dev/stderr"; exit 65 }
        NR >= from && cell[at] == 1 { if (!told++) print header; print }
        END { if (told) exit 1 }' || status=$?
    [ $status -le 1 ] || exit $status
    echo "$lines $(head -n "$lines" "$1" | cksum)" >told.new
    mv told.new told
}
lines=0 sum='' last=''
[ ! -s told ] || read -r lines sum <told
for f in scores.csv scores.csv?*; do
    if [ "$lines" -gt 0 ] && [ -f "$f" ] && [ "$(head -n "$lines" "$f" | cksum)" = "$sum" ]; then
        last=$f
        break
    fi
done
[ -z "$last" ] || tell "$last" $((lines + 1)) # perhaps rotated away in between
[ "$last" = scores.csv ] || [ ! -s scores.csv ] || tell scores.csv 1
exit $status
