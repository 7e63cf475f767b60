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

# Told: how many lines of which file were printed. A run that is killed here is made up for by the next one.
[ -s scores.csv ] || exit 0
inode=$(stat -c %i scores.csv)
lines=$(wc -l <scores.csv)
told=$(sed -n "s/^$inode //p" told 2>/dev/null || :)
awk -F, -v told="${told:-0}" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; header = $0; next }
    NR > told && $at["anomaly"] == 1 { if (!n++) print header; print } END { exit n > 0 }' scores.csv || status=1
echo "$inode $lines" >told.new
mv told.new told
exit $status
