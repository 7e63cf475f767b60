/*
 * audio.c - samples in, frames of transformed samples out.
 *
 * Of each channel the samples that later frames need are held. Frame t of an MDCT is of the samples from (t - 1) hops to (t + 1) hops,
 * zeros before the first and behind the last one, so that each sample is in two frames. A record of levels is of the frames around one,
 * the first and last of a file standing for those that are missing; a file of less than a window is filled up with silence to one.
 */
#include "front/audio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"
#include "front/mdct.h"
#include "front/mel.h"

enum {
    VALUES = 1 << 18 /* of a batch, about */,
    ROWS = 1024,
    END = AUDIO_FRAMES / 2 + 1 /* records that the end of a file may give */,
    AHEAD = 1 << 14 /* samples held beyond a window */
};

/* A label: a text that stands beside the samples. A record has that of the last sample that was read. */
struct audio_label {
    size_t in, out; /* fields */
    struct buf cell;
};

struct audio {
    const struct vae_head *in;
    struct vae_head *head;
    struct rec_build *build;
    struct audio_spec spec;
    size_t values, width;   /* of a frame: of a channel, of all */
    struct mdct *mdct;
    struct mel *mel;
    size_t sample, data, around, level, file, time, samples; /* fields: of in; of head */
    float *held;            /* [channels * cap] */
    size_t at, have, cap;   /* of each channel held[at..have-1] is there, from where the next frame begins */
    uint64_t read, frames;  /* of the file so far: sample frames, frames made of them */
    float *ring;            /* mel: [spec.frames, width] the last frames, in the order of frames % spec.frames; mdct: the record begun */
    size_t begun;           /* mdct: frames in it */
    uint64_t done;          /* mdct: sample frames that records of the file completed */
    struct rec_file of;     /* the file it is */
    struct audio_label *label; /* [nlabels] */
    size_t nlabels;
    size_t most, n, *row;   /* [most] records of a batch */
    uint64_t given;
    struct vae_batch out;
};

void audio_free(struct audio *a) {
    if (!a)
        return;
    rec_head_free(a->head), rec_build_free(a->build);
    mdct_free(a->mdct), mel_free(a->mel);
    for (size_t i = 0; i < a->nlabels; i++)
        buf_free(&a->label[i].cell);
    free(a->label), free(a->held), free(a->ring), free(a->row), free(a);
}

const struct vae_head *audio_head(const struct audio *a) { return a->head; }
size_t audio_row(const struct audio *a, size_t i) { return a->row[i]; }
size_t audio_overlap(const struct audio *a) { return a->mel ? a->spec.frames : 1; }

/* ---- what comes out ---------------------------------------------------------------------------------------- */

static int add(struct audio *a, const char *name, enum rec_type type, bool keep, size_t ndim, const size_t *shape, size_t *at,
               struct vae_err *err) {
    struct rec_field *f = rec_head_add(a->head, name, type, ndim, shape, err);
    if (!f)
        return VAE_EOS;
    f->keep = keep, f->decimals = type == REC_F64 ? 3 : -1;
    *at = a->head->nfields - 1;
    return 0;
}

static int add_labels(struct audio *a, struct vae_err *err) {
    a->label = mem_array(a->in->nfields, sizeof *a->label);
    if (!a->label)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t f = 0; f < a->in->nfields; f++) {
        const struct rec_field *from = &a->in->fields[f];
        if (!from->apart || from->type != REC_UTF8)
            continue;
        struct audio_label *l = &a->label[a->nlabels++];
        l->in = f;
        if (add(a, from->name, REC_UTF8, from->keep, 0, NULL, &l->out, err))
            return VAE_EOS;
        a->head->fields[l->out].apart = true;
    }
    return 0;
}

static int make_head(struct audio *a, struct vae_err *err) {
    const struct audio_spec *s = &a->spec;
    size_t shape[3], n = 0;
    bool mel = s->kind != AUDIO_MDCT, centre = s->kind == AUDIO_CENTRE;
    if (s->frames > 1)
        shape[n++] = s->frames - centre;
    if (s->channels > 1)
        shape[n++] = s->channels;
    shape[n++] = a->values;
    a->head = rec_head_new("data", err);
    if (!a->head || (mel && add(a, "file", REC_UTF8, true, 0, NULL, &a->file, err)) ||
        add(a, "time", REC_F64, true, 0, NULL, &a->time, err) || (!mel && add(a, "samples", REC_I32, true, 0, NULL, &a->samples, err)) ||
        (mel && add(a, "level", REC_F32, false, 0, NULL, &a->level, err)) ||
        (centre && add(a, "around", REC_F32, false, n, shape, &a->around, err)) ||
        add(a, mel ? "mel" : "mdct", REC_F32, false, n - centre, shape + centre, &a->data, err) || add_labels(a, err))
        return VAE_EOS;
    if (centre)
        a->head->fields[a->level].apart = a->head->fields[a->around].apart = true;
    a->head->origin = json_deep_copy(a->in->origin);
    if (json_object_set_new(a->head->origin, "front", audio_to_json(s)))
        return err_set(err, VAE_EOS, "out of memory");
    a->build = rec_build_new(a->head, err);
    return a->build ? rec_build_rows(a->build, a->most, err) : VAE_EOS;
}

struct audio *audio_new(const struct vae_head *in, const struct audio_spec *s, struct vae_err *err) {
    int field = rec_head_find(in, "sample");
    struct audio *a = mem_array(1, sizeof *a);
    if (!a || field < 0) {
        free(a);
        err_set(err, a ? VAE_EDATA : VAE_EOS, a ? "these records are no sound" : "out of memory");
        return NULL;
    }
    a->in = in, a->spec = *s, a->sample = (size_t)field;
    a->values = s->kind == AUDIO_MDCT ? s->hop : AUDIO_BANDS, a->width = a->values * s->channels;
    if (s->kind == AUDIO_MDCT)
        a->mdct = mdct_new(s->hop, err);
    else
        a->mel = mel_new(2 * s->hop, AUDIO_BANDS, s->rate, err);
    size_t record = s->frames * a->width;
    a->most = VALUES / record < END ? END : VALUES / record > ROWS ? ROWS : VALUES / record;
    a->cap = 2 * s->hop + AHEAD;
    a->held = mem_array(s->channels * a->cap, sizeof *a->held);
    a->ring = mem_array(record, sizeof *a->ring);
    a->row = mem_array(a->most, sizeof *a->row);
    if ((!a->mel && !a->mdct) || make_head(a, err)) {
        audio_free(a);
        return NULL;
    }
    if (a->held && a->ring && a->row) {
        audio_cut(a);
        return a;
    }
    audio_free(a);
    err_set(err, VAE_EOS, "out of memory");
    return NULL;
}

void audio_cut(struct audio *a) {
    a->read = a->frames = a->done = 0, a->begun = 0;
    a->at = 0, a->have = a->spec.kind == AUDIO_MDCT ? a->spec.hop : 0;
    for (size_t c = 0; c < a->spec.channels; c++)
        memset(a->held + c * a->cap, 0, a->have * sizeof *a->held);
}

/* ---- a frame ----------------------------------------------------------------------------------------------- */

VM_WIDE void audio_soften(const float *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = __builtin_copysignf(__builtin_sqrtf(__builtin_fabsf(x[i])), x[i]);
}

VM_WIDE void audio_harden(const float *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * __builtin_fabsf(x[i]);
}

/* A record more, whose data is there. */
static int give(struct audio *a, double time, uint64_t samples, size_t row, struct vae_err *err) {
    ((double *)rec_build_data(a->build, a->time))[a->n] = time;
    if (a->mdct)
        ((int32_t *)rec_build_data(a->build, a->samples))[a->n] = (int32_t)samples;
    a->row[a->n++] = row;
    for (size_t i = 0; i < a->nlabels; i++) {
        const struct audio_label *l = &a->label[i];
        int r = rec_build_text(a->build, l->out, l->cell.p, l->cell.n, err);
        if (r)
            return r;
    }
    const char *name = a->of.name ? a->of.name : "-";
    return a->mel ? rec_build_text(a->build, a->file, name, strlen(name), err) : 0;
}

/* A record of an MDCT, the rest of it silent. */
static int give_block(struct audio *a, size_t row, struct vae_err *err) {
    uint64_t first = a->frames - a->begun, completed = (a->frames - 1) * a->spec.hop;
    size_t values = a->spec.frames * a->width;
    memset(a->ring + a->begun * a->width, 0, (a->spec.frames - a->begun) * a->width * sizeof *a->ring);
    completed = completed < a->read ? completed : a->read;
    memcpy((float *)rec_build_data(a->build, a->data) + a->n * values, a->ring, values * sizeof *a->ring);
    int r = give(a, ((double)first - 1) * (double)a->spec.hop / a->spec.rate, completed - a->done, row, err);
    a->done = completed, a->begun = 0;
    return r;
}

/* Most of the mean of x[n] from each, and from the frame[w] that is to be said of them; all of it is returned. What is left lets a
 * neighbour that is as loud be nearer. */
static float apart(float *x, size_t n, float *frame, size_t w) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    float mean = (float)(sum / (double)n);
    for (size_t i = 0; i < n; i++)
        x[i] -= (1 - AUDIO_LEVEL) * mean;
    for (size_t i = 0; i < w; i++)
        frame[i] -= (1 - AUDIO_LEVEL) * mean;
    return mean;
}

/* The record whose middle is half a record before the last frame, where there is one. */
static int give_levels(struct audio *a, size_t row, struct vae_err *err) {
    size_t n = a->spec.frames, half = n / 2, w = a->width, others = n;
    if (a->frames <= half)
        return 0;
    float *all = rec_build_data(a->build, a->data), *frame = NULL;
    if (a->spec.kind == AUDIO_CENTRE) {
        frame = all + a->n * w, others = n - 1;
        all = rec_build_data(a->build, a->around);
    }
    all += a->n * others * w;
    for (size_t t = 0, at = 0; t < n; t++)
        memcpy(frame && t == half ? frame : all + at++ * w, a->ring + (a->frames + t) % n * w, w * sizeof *all);
    ((float *)rec_build_data(a->build, a->level))[a->n] = apart(all, others * w, frame, frame ? w : 0);
    return give(a, (double)((a->frames - half) * a->spec.hop) / a->spec.rate, 0, row, err);
}

/* The frame at the beginning of what is held, and the record that it makes whole. */
static int frame(struct audio *a, size_t row, struct vae_err *err) {
    size_t n = a->spec.frames;
    float *to = a->ring + (a->mdct ? a->begun : (size_t)(a->frames % n)) * a->width;
    for (size_t c = 0; c < a->spec.channels; c++) {
        const float *x = a->held + c * a->cap + a->at;
        float *y = to + c * a->values;
        if (a->mel) {
            mel_levels(a->mel, x, y);
        } else {
            mdct_analyse(a->mdct, x, y);
            audio_soften(y, a->values, y);
        }
    }
    for (size_t i = 1; a->mel && a->frames == 0 && i < n; i++) /* it stands for those before the first, too */
        memcpy(a->ring + i * a->width, a->ring, a->width * sizeof *a->ring);
    a->at += a->spec.hop, a->frames++;
    if (a->mel)
        return give_levels(a, row, err);
    return ++a->begun == n ? give_block(a, row, err) : 0;
}

/* ---- the stage --------------------------------------------------------------------------------------------- */

/* Sample frames from..from+n-1 of the batch to where they are held. */
static int hold(struct audio *a, const struct vae_batch *b, size_t from, size_t n, struct vae_err *err) {
    size_t channels = a->spec.channels, len;
    const float *x = (const float *)b->cols[a->sample].data + from * channels;
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < n; i++)
            a->held[c * a->cap + a->have + i] = x[i * channels + c];
    a->have += n, a->read += n;
    int r = 0;
    for (struct audio_label *l = a->label; l < a->label + a->nlabels && !r; l++) {
        const char *cell = rec_cell(&b->cols[l->in], from + n - 1, &len);
        l->cell.n = 0;
        r = buf_put(&l->cell, cell, len, err);
    }
    return r;
}

/* n samples of silence, or (n 0) what is done with goes, so that there is room. */
static void make_room(struct audio *a, size_t silence) {
    for (size_t c = 0; c < a->spec.channels; c++) {
        float *x = a->held + c * a->cap;
        memmove(x, x + a->at, (a->have - a->at) * sizeof *x);
        memset(x + a->have - a->at, 0, silence * sizeof *x);
    }
    a->have += silence - a->at, a->at = 0;
}

static int batch(struct audio *a, const struct vae_batch **out) {
    if (!a->n)
        return 0;
    a->out = *rec_build_batch(a->build, a->n);
    a->out.first = a->given, a->out.file = a->of;
    a->given += a->n;
    *out = &a->out;
    return (int)a->n;
}

int audio_run(struct audio *a, const struct vae_batch *b, size_t *at, const struct vae_batch **out, struct vae_err *err) {
    size_t window = 2 * a->spec.hop;
    a->of = b->file;
    rec_build_reset(a->build);
    a->n = 0;
    for (;;) {
        while (a->have - a->at >= window) {
            int r = frame(a, *at ? *at - 1 : 0, err);
            if (r)
                return r;
        }
        if (*at == b->rows || a->n == a->most)
            return batch(a, out);
        make_room(a, 0);
        size_t n = a->cap - a->have < b->rows - *at ? a->cap - a->have : b->rows - *at, room = (a->most - a->n) * a->spec.hop;
        n = n < room ? n : room; /* of no more frames than there is room for */
        int r = hold(a, b, *at, n, err);
        if (r)
            return r;
        *at += n;
    }
}

/* Frames of an MDCT until each sample is in two; of levels one at least, and those that stand for the ones behind the last. */
int audio_end(struct audio *a, const struct vae_batch **out, struct vae_err *err) {
    size_t hop = a->spec.hop, half = a->spec.frames / 2, w = a->width, n = a->spec.frames;
    uint64_t all = a->mdct ? (a->read + hop - 1) / hop + 1 : a->frames > 0 ? a->frames : 1;
    int r = 0;
    rec_build_reset(a->build);
    a->n = 0;
    if (!a->read)
        return 0;
    while (a->frames < all && !r) {
        size_t have = a->have - a->at;
        make_room(a, have < 2 * hop ? 2 * hop - have : 0);
        r = frame(a, 0, err);
    }
    if (a->mdct && a->begun && !r)
        r = give_block(a, 0, err);
    for (size_t i = 0; a->mel && i < half && !r; i++) {
        memcpy(a->ring + a->frames % n * w, a->ring + (a->frames - 1) % n * w, w * sizeof *a->ring);
        a->frames++;
        r = give_levels(a, 0, err);
    }
    a->read = 0;
    return r ? r : batch(a, out);
}
