/*
 * sound.h - sound as records: one sample frame each, a field `sample` of one number a channel, full scale from -1 to 1.
 *
 * origin: {"format":"flac", "rate":8000 (sample frames a second, Hz), "channels":1, "sample":"s16"}. What is PCM in a WAV or AU
 * file is read and written here, also from and to pipes (sound_plain.c, sound_write.c); everything else is libsndfile's, which
 * seeks, so that what comes from a pipe goes to a temporary file first (sound_file.c).
 */
#ifndef STREAM_SOUND_H
#define STREAM_SOUND_H

#include <stdint.h>

#include "stream/format.h"

enum { SOUND_CHANNELS = 64, SOUND_RATE = 1000000 /* Hz */, SOUND_BATCH = 4096 /* sample frames */ };

/* How a sample is stored; a row of a table each. */
struct sound_kind {
    const char *name; /* "s16" */
    size_t bytes;     /* 0: compressed */
    bool real;
    int code;         /* SF_FORMAT_* of libsndfile, 0: none */
};
extern const struct sound_kind sound_kinds[]; /* ends with a name that is NULL */
const struct sound_kind *sound_kind_by_name(const char *); /* "s16" for what is compressed, NULL or unknown */

struct sound_spec {
    uint32_t rate;
    size_t channels;
    const struct sound_kind *kind;
};

/* Where sample frames come from. */
struct sound_input {
    void *ctx;
    /* Up to n sample frames, interleaved: their number, 0 at the end, or VAE_E*. Early where reading on would block. Frames before
     * a fault come first. */
    long (*read)(void *ctx, float *to, size_t n, struct vae_err *);
    void (*close)(void *ctx);
};

/* A WAV or AU file of plain samples: 1, 0 where it is none (nothing is taken then), or VAE_E*. */
int sound_plain_open(struct source *, struct sound_spec *, struct sound_input *, struct vae_err *);
/* Whatever libsndfile opens. 0 or VAE_E*. */
int sound_file_open(struct source *, struct sound_spec *, struct sound_input *, struct vae_err *);
/* `from` at another rate (spec->rate is set to it); takes it over, also on failure. */
int sound_rate_open(struct sound_input *from, struct sound_spec *spec, uint32_t rate, const char *name, struct sound_input *,
                    struct vae_err *);

/* n samples as they stand in a file -> to[n] */
void sound_decode(const struct sound_kind *, bool big, const unsigned char *p, size_t n, float *to);
/* x[n] -> their bytes, what is beyond full scale clipped to it (whole numbers) */
void sound_encode(const struct sound_kind *, bool big, const float *x, size_t n, unsigned char *to);

/* Writing; a stream_format's. */
void *sound_create(struct sink *, const struct vae_head *, const char *format, struct vae_err *);
int sound_put(void *, const struct vae_batch *, struct vae_err *);
int sound_finish(void *, int status, struct vae_err *);
void sound_destroy(void *);

#endif
