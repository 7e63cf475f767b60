/* audio_spec.c - what is made of sound, as text, and in the header of a model file or a stream. */
#include <kissfft/kiss_fft.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "front/audio.h"

static const struct {
    const char *name;
    double hop; /* s */
    size_t frames, least;
    bool middle; /* a record is of the frames around one */
} kinds[AUDIO_NKINDS] = {[AUDIO_MDCT] = {"mdct", 0.020, 1, 1, false},
                         [AUDIO_MEL] = {"mel", 0.032, 15, 1, true},
                         [AUDIO_CENTRE] = {"centre", 0.032, 5, 3, true}};

static bool frames_suit(size_t kind, int64_t n) {
    return n >= (int64_t)kinds[kind].least && n <= AUDIO_FRAMES && (!kinds[kind].middle || n % 2 == 1);
}

/* No more for a record than there is room for. */
static bool values_suit(size_t channels, size_t hop, size_t frames) { return channels * hop * frames <= AUDIO_VALUES; }

int audio_parse(const char *text, const json_t *origin, struct audio_spec *s, struct vae_err *err) {
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text), k = 0;
    double ms = 0;
    unsigned frames = 0;
    int used = 0;
    while (k < AUDIO_NKINDS && !(strlen(kinds[k].name) == n && !memcmp(text, kinds[k].name, n)))
        k++;
    bool good = k < AUDIO_NKINDS && (!colon || (sscanf(colon, ":%lf%n", &ms, &used) == 1 && ms >= 1 && ms <= 1000));
    colon = good && colon ? colon + used : NULL;
    good = good && (!colon || !*colon || (sscanf(colon, ":%u%n", &frames, &used) == 1 && !colon[used] && frames_suit(k, frames)));
    if (!good)
        return err_set(err, VAE_EUSAGE,
                       "--audio is mdct, mel or centre, and perhaps :MS (from 1 to 1000, of a hop) and :FRAMES (up to %d a record, of mel "
                       "and centre an odd number, of centre at least 3), as in mel:10:7",
                       (int)AUDIO_FRAMES);
    *s = (struct audio_spec){.kind = (enum audio_kind)k, .rate = (uint32_t)json_integer_value(json_object_get(origin, "rate"))};
    s->channels = (size_t)json_integer_value(json_object_get(origin, "channels"));
    s->frames = frames ? frames : kinds[k].frames;
    double hop = (ms > 0 ? ms / 1000 : kinds[k].hop) * s->rate / 2;
    s->hop = 2 * (size_t)kiss_fft_next_fast_size(hop < 4 ? 4 : hop < AUDIO_HOP / 2 ? (int)lround(hop) : AUDIO_HOP / 2);
    if (!values_suit(s->channels, s->hop, s->frames))
        return err_set(err, VAE_EUSAGE, "--audio: %zu frames of %zu samples and %zu channels are too much for a record; at most %d in all",
                       s->frames, s->hop, s->channels, (int)AUDIO_VALUES);
    return 0;
}

json_t *audio_to_json(const struct audio_spec *s) {
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "audio", kinds[s->kind].name, "rate", (json_int_t)s->rate, "channels",
                     (json_int_t)s->channels, "hop", (json_int_t)s->hop, "frames", (json_int_t)s->frames);
}

int audio_from_json(const json_t *front, struct audio_spec *s, struct vae_err *err) {
    const char *name;
    int64_t rate, channels, hop, frames;
    size_t k = 0;
    if (!json_object_get(front, "audio"))
        return 0;
    int r = js_string(front, "audio", &name, "front", err);
    while (!r && k < AUDIO_NKINDS && strcmp(kinds[k].name, name) != 0)
        k++;
    if (!r && k == AUDIO_NKINDS)
        r = err_set(err, VAE_EDATA, "front: sound is made into what is not known here; a newer version made it");
    if (r || (r = js_int(front, "rate", 1, 1000000, &rate, "front", err)) ||
        (r = js_int(front, "channels", 1, 64, &channels, "front", err)) || (r = js_int(front, "hop", 2, AUDIO_HOP, &hop, "front", err)) ||
        (r = js_int(front, "frames", 1, AUDIO_FRAMES, &frames, "front", err)))
        return r;
    if (hop % 2 || !frames_suit(k, frames))
        return err_set(err, VAE_EDATA,
                       "front: a hop is an even number of samples, levels are of an odd number of frames, of centre at least 3");
    if (!values_suit((size_t)channels, (size_t)hop, (size_t)frames))
        return err_set(err, VAE_EDATA, "front: a record of more than %d samples", (int)AUDIO_VALUES);
    *s = (struct audio_spec){(enum audio_kind)k, (uint32_t)rate, (size_t)channels, (size_t)hop, (size_t)frames};
    return 1;
}

const char *audio_text(const struct audio_spec *s, char text[AUDIO_TEXT]) {
    snprintf(text, AUDIO_TEXT, "%s of %zu frames, a hop of %.4g ms, %u Hz and %zu channel%s", kinds[s->kind].name, s->frames,
             1000 * (double)s->hop / s->rate, s->rate, s->channels, s->channels == 1 ? "" : "s");
    return text;
}

int audio_suits(const struct audio_spec *s, const struct vae_head *head, const char *name, struct vae_err *err) {
    json_int_t rate = json_integer_value(json_object_get(head->origin, "rate")),
               channels = json_integer_value(json_object_get(head->origin, "channels"));
    if (rec_head_find(head, "sample") < 0 || rate < 1 || channels < 1)
        return err_set(err, VAE_EDATA, "%s: is no sound, and sound is asked for", name);
    if (rate != s->rate)
        return err_set(err, VAE_EDATA, "%s: %lld Hz, and the model knows sound of %u; --resample %u makes it so", name, (long long)rate,
                       s->rate, s->rate);
    if (channels != (json_int_t)s->channels)
        return err_set(err, VAE_EDATA, "%s: %lld channels, and the model knows sound of %zu (sox -c makes them so)", name,
                       (long long)channels, s->channels);
    return 0;
}
