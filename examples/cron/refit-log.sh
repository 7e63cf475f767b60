#!/bin/sh
# refit-log.sh: fits a model to the rows of the last weeks and puts it in the place of the old one, unless it explains the
# newest rows, which neither was fitted to, worse. For cron or a timer, once a week; see vae-cron(7).
#
#   VAE_DIR      where the model app.vae is                                   (/var/lib/vae)
#   VAE_HISTORY  the files to learn from, from old to new; .gz too, and those  (/var/log/app.csv.1 /var/log/app.csv)
#                that are not there, as of a log that was not yet rotated, are passed over
#   VAE_FIT      options of vae-fit                                           (--for detect)
#
# Status 0: there is a new model; 1: the old one was better and stays; 75: another run is at it; others: what failed, and
# the old one stays.
set -eu
history=${VAE_HISTORY:-/var/log/app.csv.1 /var/log/app.csv}
cd "${VAE_DIR:-/var/lib/vae}"
exec 9>refit.lock
flock -n 9 || exit 75

# The last seventh is held out. The names are fixed: what a run that was killed left behind, the next one overwrites.
set --
for f in $history; do
    [ ! -e "$f" ] || set -- "$@" "$f"
done
[ $# -gt 0 ] || { echo "refit-log.sh: no file of $history is there" >&2; exit 66; }
# a log that is being written to ends within a row
vae-cat -q --skip-bad -t csv "$@" >refit.rows
rows=$(($(wc -l <refit.rows) - 1))
[ "$rows" -ge 70 ] || { echo "refit-log.sh: $rows rows are too few" >&2; exit 65; }
(head -n 1 refit.rows && tail -n $((rows / 7)) refit.rows) >refit.held
head -n $((rows - rows / 7 + 1)) refit.rows >refit.fit

# shellcheck disable=SC2086
vae-fit -q --skip-bad ${VAE_FIT:---for detect} -m refit.vae refit.fit
vae-score -q -m refit.vae --skip-bad --mean-nll refit.held >refit.new
if [ -e app.vae ]; then
    # an old model that cannot read today's rows is no better one
    vae-score -q -m app.vae --skip-bad --mean-nll refit.held >refit.old || : >refit.old
else
    : >refit.old
fi
# worse: by more than two standard errors of the mean
status=0
awk -F, 'FNR == 2 { nll[FILENAME] = $2; se[FILENAME] = $3; n++ }
    END { exit n == 2 && nll["refit.new"] > nll["refit.old"] + 2 * se["refit.new"] }' refit.new refit.old || status=1
if [ $status = 0 ]; then
    mv refit.vae app.vae
else
    echo "refit-log.sh: the new model explains the newest rows worse: $(tail -n 1 refit.new) after $(tail -n 1 refit.old)"
fi
rm -f refit.rows refit.held refit.fit refit.new refit.old refit.vae
exit $status
