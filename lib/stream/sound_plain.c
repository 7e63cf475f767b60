/*
 * sound_plain.c - WAV (RIFF, little-endian) and AU (".snd", big-endian) files of plain samples, read from first to last byte, so that
 * a pipe will do. A WAV file that was written to a pipe declares a size of 0xffffffff, or nearly 2 GiB, or none at all; an AU file
 * 0xffffffff: then it goes on until it ends. Else it must be as long as it says.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"
#include "stream/sound.h"

enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xfffe };
static const uint32_t UNKNOWN = 0xffffffff, LIVE = 0x7fff0000; /* recorders declare what a signed size holds at most, nearly */

struct plain {
    struct source *src;
    const struct sound_kind *kind;
    bool big, known;
    size_t item;            /* bytes of a sample frame */
    uint64_t frames, given; /* declared, and handed out */
    uint32_t rate;
    size_t have;            /* bytes of a frame that is not whole yet, in `part` */
    size_t channels;
    unsigned char *bytes;   /* [SOUND_BATCH * item] */
};

static uint32_t little(const unsigned char *p, size_t n) {
    uint32_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static uint32_t big(const unsigned char *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* ---- samples ----------------------------------------------------------------------------------------------- */

VM_WIDE static void scale(float *x, size_t n, float by, float less) {
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * by - less;
}

void sound_decode(const struct sound_kind *k, bool msb, const unsigned char *p, size_t n, float *to) {
    size_t b = k->bytes;
    for (size_t i = 0; i < n; i++, p += b) {
        uint64_t v = 0;
        for (size_t j = 0; j < b; j++)
            v |= (uint64_t)p[msb ? b - 1 - j : j] << 8 * j;
        if (k->real && b == 4) {
            uint32_t w = (uint32_t)v;
            memcpy(&to[i], &w, sizeof to[i]);
        } else if (k->real) {
            double d;
            memcpy(&d, &v, sizeof d);
            to[i] = (float)d;
        } else if (*k->name == 'u') {
            to[i] = (float)v;
        } else { /* the sign bit up, then down again */
            to[i] = (float)((int32_t)((uint32_t)v << (32 - 8 * b)) >> (32 - 8 * b));
        }
    }
    if (!k->real)
        scale(to, n, ldexpf(1, 1 - (int)(8 * b)), *k->name == 'u' ? 1 : 0);
}

void sound_encode(const struct sound_kind *k, bool msb, const float *x, size_t n, unsigned char *to) {
    size_t b = k->bytes;
    double full = ldexp(1, (int)(8 * b) - 1);
    for (size_t i = 0; i < n; i++, to += b) {
        uint64_t v;
        if (k->real && b == 4) {
            uint32_t w;
            memcpy(&w, &x[i], sizeof w);
            v = w;
        } else if (k->real) {
            double d = (double)x[i];
            memcpy(&v, &d, sizeof v);
        } else {
            double d = nearbyint((double)x[i] * full);
            d = d > full - 1 ? full - 1 : d >= -full ? d : -full; /* and what is no number */
            v = (uint64_t)(int64_t)(*k->name == 'u' ? d + full : d);
        }
        for (size_t j = 0; j < b; j++)
            to[msb ? b - 1 - j : j] = (unsigned char)(v >> 8 * j);
    }
}

/* Another file behind the samples of this one must not be lost without a word. */
static int behind(struct plain *s, struct vae_err *err) {
    const unsigned char *p;
    size_t pad = s->big ? 0 : s->frames * s->item % 2, need = pad + 4;
    long n = source_peek(s->src, need, &p, err);
    if (n < (long)need || memcmp(p + pad, s->big ? ".snd" : "RIFF", 4) != 0)
        return n < 0 ? (int)n : 0;
    return err_set(err, VAE_EDATA, "%s: another file begins behind %" PRIu64 " sample frames; vae-cat FILE ... joins files of sound",
                   source_name(s->src), s->given);
}

static long plain_read(void *ctx, float *to, size_t n, struct vae_err *err) {
    struct plain *s = ctx;
    n = n < SOUND_BATCH ? n : SOUND_BATCH;
    if (s->known && s->frames - s->given < n)
        n = (size_t)(s->frames - s->given);
    if (n == 0)
        return behind(s, err);
    size_t need = n * s->item;
    while (s->have < need && !(s->have >= s->item && source_idle(s->src))) {
        long got = source_read(s->src, s->bytes + s->have, need - s->have, err);
        if (got < 0 && s->have < s->item)
            return got;
        if (got <= 0)
            break; /* what is whole first; the source tells of its fault again */
        s->have += (size_t)got;
    }
    size_t whole = s->have / s->item;
    if (whole == 0 && (s->known || s->have))
        return err_set(err, VAE_EDATA, "%s: ends early, behind %" PRIu64 " sample frames%s", source_name(s->src), s->given,
                       s->known ? ", and declares more" : "");
    sound_decode(s->kind, s->big, s->bytes, whole * s->channels, to);
    s->have -= whole * s->item;
    memmove(s->bytes, s->bytes + whole * s->item, s->have);
    s->given += whole;
    return (long)whole;
}

static void plain_close(void *ctx) {
    struct plain *s = ctx;
    free(s->bytes), free(s);
}

/* ---- headers ----------------------------------------------------------------------------------------------- */

/* The first n bytes, NULL where there are not so many to be seen at once. */
static const unsigned char *peek(struct source *src, size_t n) {
    const unsigned char *p;
    return n <= SOURCE_PEEK && source_peek(src, n, &p, NULL) >= (long)n ? p : NULL;
}

static const struct sound_kind *kind_of(size_t bytes, bool real, bool is_unsigned) {
    const struct sound_kind *k = sound_kinds;
    while (k->name && !(k->bytes == bytes && k->real == real && (bytes > 1 || (*k->name == 'u') == is_unsigned)))
        k++;
    return k->name ? k : NULL;
}

/* Takes n bytes that say nothing. */
static int skip(struct source *src, uint64_t n, struct vae_err *err) {
    char waste[4096];
    while (n > 0) {
        int rc = source_exact(src, waste, n < sizeof waste ? (size_t)n : sizeof waste, err);
        if (rc <= 0)
            return rc ? rc : err_set(err, VAE_EDATA, "%s: ends early, within its header", source_name(src));
        n -= n < sizeof waste ? n : sizeof waste;
    }
    return 0;
}

/* The format chunk of a WAV file, which must be near its start: 1, or 0 for what is not plain. */
static int wav_format(struct source *src, struct plain *s) {
    const unsigned char *p = peek(src, 12);
    if (!p || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0)
        return 0;
    for (size_t at = 12; (p = peek(src, at + 8)) != NULL;) {
        uint32_t size = little(p + at + 4, 4);
        if (!memcmp(p + at, "fmt ", 4)) {
            if (size < 16 || !(p = peek(src, at + 8 + (size < 40 ? 16 : 40))))
                return 0;
            p += at + 8;
            uint32_t tag = little(p, 2), bits = little(p + 14, 2);
            if (tag == EXTENSIBLE && size >= 40)
                tag = little(p + 24, 2), bits = little(p + 18, 2) ? bits : 0;
            s->channels = little(p + 2, 2), s->rate = little(p + 4, 4), s->item = little(p + 12, 2);
            if ((tag != PCM && tag != FLOAT) || bits % 8 != 0 || s->item != s->channels * bits / 8)
                return 0;
            s->kind = kind_of(bits / 8, tag == FLOAT, true);
            return s->kind != NULL;
        }
        if (!memcmp(p + at, "data", 4) || size > SOURCE_PEEK)
            return 0;
        at += 8 + size + size % 2;
    }
    return 0;
}

/* Up to the samples of a WAV file. */
static int wav_data(struct source *src, struct plain *s, struct vae_err *err) {
    unsigned char p[12];
    int rc = source_exact(src, p, 12, err);
    bool open_end = rc > 0 && (little(p + 4, 4) == UNKNOWN || little(p + 4, 4) == 0);
    while (rc > 0 && (rc = source_exact(src, p, 8, err)) > 0) {
        uint32_t size = little(p + 4, 4);
        if (!memcmp(p, "data", 4)) {
            s->known = size < LIVE && !(size == 0 && open_end);
            s->frames = size / s->item;
            return s->known && size % s->item
                       ? err_set(err, VAE_EDATA, "%s: declares %" PRIu32 " bytes of samples, which are no whole sample frames of %zu",
                                 source_name(src), size, s->item)
                       : 0;
        }
        if ((rc = skip(src, (uint64_t)size + size % 2, err)) == 0)
            rc = 1;
    }
    return rc < 0 ? rc : err_set(err, VAE_EDATA, "%s: ends early, within its header", source_name(src));
}

/* The header of an AU file: magic, offset of the samples, their bytes, encoding, rate, channels; 1, or 0 for what is not plain. */
static int au_header(struct source *src, struct plain *s) {
    static const struct {
        size_t bytes;
        bool real;
    } encoding[] = {[2] = {1, false}, {2, false}, {3, false}, {4, false}, {4, true}, {8, true}};
    const unsigned char *p = peek(src, 24);
    if (!p || memcmp(p, ".snd", 4) != 0)
        return 0;
    uint32_t code = big(p + 12), size = big(p + 8);
    if (code < 2 || code >= sizeof encoding / sizeof *encoding || big(p + 4) < 24)
        return 0;
    s->kind = kind_of(encoding[code].bytes, encoding[code].real, false);
    s->rate = big(p + 16), s->channels = big(p + 20), s->big = true;
    s->known = size != UNKNOWN;
    s->frames = size; /* bytes, as yet */
    return s->kind != NULL;
}

static int au_data(struct source *src, struct plain *s, struct vae_err *err) {
    const unsigned char *p = peek(src, 8);
    uint64_t bytes = s->frames;
    s->item = s->channels * s->kind->bytes;
    s->frames = bytes / s->item;
    if (s->known && bytes % s->item)
        return err_set(err, VAE_EDATA, "%s: declares %" PRIu64 " bytes of samples, which are no whole sample frames of %zu",
                       source_name(src), bytes, s->item);
    return skip(src, big(p + 4), err);
}

int sound_plain_open(struct source *src, struct sound_spec *spec, struct sound_input *in, struct vae_err *err) {
    struct plain head = {.src = src};
    bool wav = wav_format(src, &head);
    if (!wav && !au_header(src, &head))
        return 0;
    if (head.channels < 1 || head.channels > SOUND_CHANNELS || head.rate < 1 || head.rate > SOUND_RATE)
        return err_set(err, VAE_EDATA, "%s: %zu channels at %" PRIu32 " Hz; from 1 to %d at up to %d Hz are read", source_name(src),
                       head.channels, head.rate, (int)SOUND_CHANNELS, (int)SOUND_RATE);
    int rc = wav ? wav_data(src, &head, err) : au_data(src, &head, err);
    if (rc < 0)
        return rc;
    struct plain *s = mem_array(1, sizeof *s);
    if (s)
        *s = head, s->bytes = mem_array(SOUND_BATCH, s->item);
    if (!s || !s->bytes) {
        free(s);
        return err_set(err, VAE_EOS, "out of memory");
    }
    *spec = (struct sound_spec){s->rate, s->channels, s->kind};
    *in = (struct sound_input){s, plain_read, plain_close};
    return 1;
}
