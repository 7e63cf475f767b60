#!/bin/sh
# Words as latents: the words of the GNU GPL, which every Debian has. New words like them, a walk from one word to another,
# and which of some words are odd; then the lines of a log, which differ in numbers alone but for a few.
#
#   sh text.sh [DIRECTORY]      keeps what it makes there, else in a temporary one that is removed
# shellcheck source=examples/here.sh
. "$(dirname "$0")/here.sh"

grep -oE '[a-z]{4,}' /usr/share/common-licenses/GPL-3 | sort -u >words
vae-fit -q -m words.vae --text --hidden 64 -l 6 --steps 400 --lr .006 --no-calibrate words

echo "new words:"
vae-gen -m words.vae -n 8 --temperature .7 | paste -sd ' ' -
echo "from a word to another:"
printf '%s\n' copyright license | vae-enc -m words.vae | vae-walk --steps 5 | vae-dec --beam 4 | paste -sd ' ' -
echo "words, the oddest last:"
printf '%s\n' conditions xqzzkwv permission >some
vae-score -q -m words.vae some | tail -n +2 | paste -d , - some |
    sort -t, -k2,2g | cut -d, -f2,5

# a log of 600 lines, and two that are none of its kinds
awk 'BEGIN {
    for (i = 0; i < 600; i++)
        print i % 3 ? "job " 1000 + i * 7 " done in " i % 17 + 1 " s" : "user " i * 13 % 97 " logged in from 10.0." i % 7 "." i % 200
}' >log
vae-fit -q -m log.vae --text --mask-numbers --for detect --hidden 24 -l 2 --steps 120 --no-calibrate log
{ tail -n 20 log && echo "disk 4 failed: no space left" && echo "job 1007 killed after 3 s"; } >today
echo "odd lines of the log:"
vae-score -q -m log.vae today | tail -n +2 | paste -d , - today | sort -t, -k2,2gr | head -n 2 | cut -d, -f5-
