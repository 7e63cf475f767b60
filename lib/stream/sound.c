/* sound.c - files of sound: how they are told, and a reader of their sample frames. */
#include "stream/sound.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/pick.h"

/* What a file begins with: n bytes, and m more at byte `at`. In the order of the rows below; no text goes on as these do. */
static const struct signature {
    const char *format, *first;
    size_t n;
    const char *then;
    size_t m, at;
} signatures[] = {
    {"wav", "RIFF", 4, "WAVE", 4, 8},   {"wav", "RIFX", 4, "WAVE", 4, 8},  {"wav", "RF64", 4, "WAVE", 4, 8},
    {"flac", "fLaC", 4, "\0", 1, 4},    {"flac", "fLaC", 4, "\x80", 1, 4}, {"ogg", "OggS", 4, "\0", 1, 4},
    {"aiff", "FORM", 4, "AIFF", 4, 8},  {"aiff", "FORM", 4, "AIFC", 4, 8}, {"au", ".snd", 4, "\0", 1, 4},
    {"au", "dns.", 4, "\0", 1, 7},      {"caf", "caff", 4, "\0", 1, 4},    {"mp3", "ID3\2", 4, "", 0, 0},
    {"mp3", "ID3\3", 4, "", 0, 0},      {"mp3", "ID3\4", 4, "", 0, 0},     {"mp3", "\xff\xfb", 2, "", 0, 0},
    {"mp3", "\xff\xf3", 2, "", 0, 0},   {"mp3", "\xff\xf2", 2, "", 0, 0},  {"mp3", "\xff\xfa", 2, "", 0, 0},
    {"sound", "riff\x2e\x91", 6, "", 0, 0},     {"sound", "Creative Voice File\x1a", 20, "", 0, 0},
    {"sound", "NIST_1A\n", 8, "", 0, 0},        {"sound", "FORM", 4, "8SVX", 4, 8},
    {"sound", "\x64\xa3\x01\0", 4, "", 0, 0},   {"sound", "\0\1\xa3\x64", 4, "", 0, 0},
    {"sound", "2BIT\0", 5, "", 0, 0},           {"sound", "PVF1\n", 5, "", 0, 0}};

/* Are the first n bytes a file of this format (whole: all of the signature is there), or its beginning? */
static bool told(const char *format, const unsigned char *p, size_t n, bool whole) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *s = &signatures[i];
        size_t first = n < s->n ? n : s->n, then = n < s->at ? 0 : n - s->at < s->m ? n - s->at : s->m;
        bool all = first == s->n && then == s->m;
        if (!strcmp(s->format, format) && !memcmp(p, s->first, first) && !memcmp(p + (then ? s->at : 0), s->then, then) && all == whole)
            return true;
    }
    return false;
}

struct reader {
    struct source *src;
    struct vae_head *head;
    struct sound_spec spec;
    struct sound_input in;
    uint64_t given;
    bool odd; /* the next sample frame is no number */
    size_t batch_rows, last;
    float *samples; /* [batch_rows * channels] */
    struct rec_col col;
};

static void sound_close(void *reader) {
    struct reader *r = reader;
    if (r->in.close)
        r->in.close(r->in.ctx);
    rec_head_free(r->head);
    free(r->samples), free(r);
}

/* The head, with its one field. */
static int make_head(struct reader *r, const char *format, const struct stream_read_opts *opts, struct vae_err *err) {
    struct vae_head *all = rec_head_new("data", err);
    size_t *pick = NULL, channels = r->spec.channels;
    if (!all)
        return VAE_EOS;
    all->origin = json_pack("{s:s, s:I, s:I, s:s}", "format", format, "rate", (json_int_t)r->spec.rate, "channels", (json_int_t)channels,
                            "sample", r->spec.kind->name);
    int rc = all->origin ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!rc && !rec_head_add(all, "sample", REC_F32, channels > 1, &channels, err))
        rc = VAE_EOS;
    rc = rc ? rc : stream_pick(all, opts, true, source_name(r->src), &r->head, &pick, err);
    free(pick);
    rec_head_free(all);
    return rc;
}

static void *sound_open(struct source *src, const struct stream_read_opts *opts, const char *format, struct vae_err *err) {
    struct reader *r = mem_array(1, sizeof *r);
    if (!r) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    r->src = src;
    int rc = sound_plain_open(src, &r->spec, &r->in, err);
    if (rc == 0)
        rc = sound_file_open(src, &r->spec, &r->in, err);
    if (rc >= 0 && opts->resample && opts->resample != r->spec.rate) {
        struct sound_input from = r->in;
        r->in = (struct sound_input){0};
        rc = sound_rate_open(&from, &r->spec, opts->resample, source_name(src), &r->in, err);
    }
    r->batch_rows = opts->batch_rows && opts->batch_rows < SOUND_BATCH ? opts->batch_rows : SOUND_BATCH;
    if (rc >= 0 && !(r->samples = mem_array(r->batch_rows * r->spec.channels, sizeof *r->samples)))
        rc = err_set(err, VAE_EOS, "out of memory");
    if (rc >= 0 && make_head(r, format, opts, err) == 0)
        return r;
    sound_close(r);
    return NULL;
}

static const struct vae_head *sound_head(const void *reader) { return ((const struct reader *)reader)->head; }

/* The first of x[n] that is no number, n for none. */
static size_t odd_number(const float *x, size_t n) {
    float sum = 0;
    size_t i = 0;
    for (size_t k = 0; k < n; k++)
        sum += x[k] * 0;
    while (i < n && (sum != 0 || isnan(sum)) && isfinite(x[i]))
        i++;
    return sum != 0 || isnan(sum) ? i : n;
}

static int sound_next(void *reader, struct vae_batch *out, struct vae_err *err) {
    struct reader *r = reader;
    r->last = 0;
    long n = r->odd ? 1 : r->in.read(r->in.ctx, r->samples, r->batch_rows, err);
    if (n <= 0)
        return (int)n;
    size_t good = r->odd ? 0 : odd_number(r->samples, (size_t)n * r->spec.channels) / r->spec.channels;
    if (good == 0)
        return err_set(err, VAE_EDATA, "%s: sample frame %" PRIu64 " is no number", source_name(r->src), r->given + 1);
    r->odd = good < (size_t)n;
    r->col.data = r->samples;
    *out = (struct vae_batch){.rows = good, .first = r->given, .nfields = 1, .cols = &r->col};
    r->given += good, r->last = good;
    return (int)good;
}

static void sound_where(const void *reader, size_t row, char out[64]) {
    const struct reader *r = reader;
    snprintf(out, 64, "%.3f s", (double)(r->given - r->last + row) / r->spec.rate);
}

/* A row: what depends on the format is its name. */
#define ROW(id, text, make)                                                                                                   \
    static bool as_##id##_sniff(const unsigned char *p, size_t n) { return told(#id, p, n, true); }                                \
    static bool as_##id##_begins(const unsigned char *p, size_t n) { return told(#id, p, n, false); }                              \
    static void *as_##id##_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {                    \
        return sound_open(src, opts, #id, err);                                                                               \
    }                                                                                                                         \
    static void *as_##id##_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts, struct vae_err *err) { \
        (void)opts;                                                                                                           \
        return sound_create(sink, head, #id, err);                                                                              \
    }                                                                                                                         \
    const struct stream_format stream_##id = {                                                                                \
        .name = #id,           .about = text,        .files = true,        .sniff = as_##id##_sniff,   .begins = as_##id##_begins,         \
        .open = as_##id##_open,     .head = sound_head,   .next = sound_next,    .where = sound_where,                            \
        .close = sound_close,  .create = (make) ? as_##id##_create : NULL,       .put = (make) ? sound_put : NULL,                 \
        .finish = (make) ? sound_finish : NULL,      .destroy = (make) ? sound_destroy : NULL};

ROW(wav, "sound: RIFF WAVE", true)
ROW(au, "sound: Sun and NeXT", true)
ROW(flac, "sound: FLAC, compressed without loss", true)
ROW(ogg, "sound: Ogg (Vorbis; Opus and FLAC are read)", true)
ROW(aiff, "sound: Apple AIFF and AIFF-C", true)
ROW(caf, "sound: Apple Core Audio", true)
ROW(mp3, "sound: MPEG layer 3", false)
ROW(sound, "sound: whatever else libsndfile reads", false)
