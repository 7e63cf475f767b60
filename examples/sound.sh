#!/bin/sh
# Sound in, sound out: a voice that reads the names of loudspeakers (the sound theme of freedesktop.org, Debian's
# sound-theme-freedesktop). A model of eight clips tells a ninth one from sounds that are no voice; another one takes that clip through
# eight numbers a frame and gives it back, and makes a second of new sound. Prints a table of scores and of what was written.
#
#   sh sound.sh [DIRECTORY]      keeps what it makes there, else in a temporary one that is removed
# shellcheck source=examples/here.sh
. "$(dirname "$0")/here.sh"
sounds=${SOUNDS:-/usr/share/sounds/freedesktop/stereo}
[ -e "$sounds/audio-channel-side-right.oga" ] || { echo "sound.sh: needs the package sound-theme-freedesktop" >&2 && exit 66; }

# all of them at the rate of a telephone: the clips have 8000, 44100 and 48000 Hz. They are mono, like the odd ones
mkdir voice other
vae-cat --resample 8000 -o voice/ "$sounds"/audio-channel-*.oga
vae-cat --resample 8000 -o other/ "$sounds"/phone-outgoing-*.oga "$sounds"/suspend-error.oga
mv voice/audio-channel-side-right.oga other/voice.oga

vae-fit -q --for detect -m odd.vae --steps 100 --hidden 64 voice/*
vae-score -q -m odd.vae --per-file other/* >scores.csv
awk -F, -v OFS='\t' '{ sub(".*/", "", $1); print $1, $2, $3, $4 }' scores.csv

vae-fit -q --for reduce -m voice.vae -l 8 --steps 100 --hidden 64 --no-calibrate voice/*
vae-enc -m voice.vae other/voice.oga | vae-dec -o back.wav
vae-gen -m voice.vae --seconds 1 -o new.wav
for f in other/voice.oga back.wav new.wav; do
    printf '%s\t%s samples\n' "$f" "$(vae-cat -t csv "$f" | tail -n +2 | wc -l | tr -d ' ')"
done
