/* audio_back.c - frames of an MDCT to samples: each is transformed back, and its first half added to the second one of the frame before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "front/audio.h"
#include "front/mdct.h"

struct audio_back {
    const struct vae_head *in;
    struct vae_head *head;
    struct audio_spec spec;
    struct mdct *mdct;
    size_t data;
    int time, samples; /* fields, -1: none */
    float *X, *y, *over; /* [hop], [2 hop], [channels, hop] the second half of the last frame */
    bool begun;          /* there was a frame */
    float *x;            /* [cap * channels] sample frames */
    size_t cap;
    struct rec_col col;
    struct vae_batch out;
};

void audio_back_free(struct audio_back *a) {
    if (!a)
        return;
    rec_head_free(a->head), mdct_free(a->mdct);
    free(a->X), free(a->y), free(a->over), free(a->x), free(a);
}

const struct vae_head *audio_back_head(const struct audio_back *a) { return a->head; }

struct audio_back *audio_back_new(const struct vae_head *in, struct vae_err *err) {
    struct audio_spec s = {0};
    int f = rec_head_find(in, "mdct"), rc = audio_from_json(json_object_get(in->origin, "front"), &s, err);
    if (rc < 0)
        return NULL;
    if (rc == 0 || s.kind != AUDIO_MDCT || f < 0 || in->fields[f].type != REC_F32 || in->fields[f].width != s.hop * s.channels * s.frames) {
        err_set(err, VAE_EUSAGE, "only frames of an MDCT (--audio=mdct) become sound again, and these records are none");
        return NULL;
    }
    struct audio_back *a = mem_array(1, sizeof *a);
    if (a) {
        a->in = in, a->spec = s, a->data = (size_t)f;
        a->time = rec_head_find(in, "time"), a->samples = rec_head_find(in, "samples");
        a->X = mem_array(s.hop, sizeof *a->X), a->y = mem_array(2 * s.hop, sizeof *a->y);
        a->over = mem_array(s.channels * s.hop, sizeof *a->over);
        a->head = rec_head_new("data", err);
        a->mdct = mdct_new(s.hop, err);
    }
    if (a && a->head)
        a->head->origin = json_deep_copy(in->origin);
    if (!a || !a->X || !a->y || !a->over || !a->mdct || !a->head || !a->head->origin || json_object_del(a->head->origin, "front") ||
        !rec_head_add(a->head, "sample", REC_F32, s.channels > 1, &s.channels, err)) {
        audio_back_free(a);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    return a;
}

/* The number in a carried field, NaN where there is none. */
static double number(const struct audio_back *a, int field, const struct vae_batch *b, size_t i) {
    double v;
    size_t n;
    if (field < 0)
        return NAN;
    if (a->in->fields[field].type != REC_UTF8)
        return rec_number(&b->cols[field], a->in->fields[field].type, i);
    const char *cell = rec_cell(&b->cols[field], i, &n);
    return num_parse(cell, n, &v) == NUM_NUMBER ? v : NAN;
}

/* The hop of samples between the frame before and this one -> to, every channels-th. */
static void overlap(struct audio_back *a, const float *data, size_t channel, float *to) {
    size_t hop = a->spec.hop, channels = a->spec.channels;
    float *over = a->over + channel * hop;
    audio_harden(data, hop, a->X);
    mdct_synthesise(a->mdct, a->X, a->y);
    for (size_t i = 0; to && i < hop; i++)
        to[i * channels + channel] = over[i] + a->y[i];
    memcpy(over, a->y + hop, hop * sizeof *over);
}

int audio_back_run(struct audio_back *a, const struct vae_batch *b, const struct vae_batch **out, struct vae_err *err) {
    size_t hop = a->spec.hop, channels = a->spec.channels, frames = a->spec.frames, n = 0;
    int r = mem_grow(&a->x, &a->cap, b->rows * frames * hop, channels * sizeof *a->x, err);
    for (size_t i = 0; i < b->rows && !r; i++) {
        const float *data = (const float *)b->cols[a->data].data + i * frames * channels * hop;
        double time = number(a, a->time, b, i), samples = number(a, a->samples, b, i);
        bool first = !a->begun || time < 0;
        size_t at = n, most = (frames - first) * hop;
        for (size_t f = 0; f < frames; f++) {
            bool silent = first && f == 0;
            for (size_t c = 0; c < channels; c++, data += hop)
                overlap(a, data, c, silent ? NULL : a->x + at * channels);
            at += silent ? 0 : hop;
        }
        a->begun = true;
        if (samples < 0 || samples > (double)most)
            return err_set(err, VAE_EDATA, "record %llu: a record of %zu frames does not complete %.0f samples",
                           (unsigned long long)(b->first + i + 1), frames, samples);
        n += isnan(samples) ? most : (size_t)samples;
    }
    a->col.data = a->x;
    a->out = (struct vae_batch){.rows = n, .nfields = 1, .cols = &a->col, .file = b->file};
    *out = &a->out;
    return r ? r : (int)n;
}
