/*
 * audio.h - sound as records that a model can learn: frames of its samples, transformed; and from such records back to samples.
 *
 *   mdct  coefficients of frames of twice the hop that overlap by half, by default every 20 ms: invertible. Of each the root is
 *         taken, with its sign, so that what is soft counts, too.
 *   mel   levels of 64 mel bands in dB, of windows of twice the hop, by default every 32 ms, 15 windows a record, most of their
 *         mean apart from them: for scores
 *   centre  the same, five windows a record: the middle one is to be said of those around it, which are conditions
 *
 * Fields: `mdct` or `mel`, f32, of frames x channels x values (what is 1 is left out); of levels before it `level`, f32, dB, the mean
 * of the record's levels, of which all but AUDIO_LEVEL is taken from each. Of centre `mel` is the middle frame, `around` the others,
 * `level` theirs; these two are apart. Carried beside them
 *   file     levels: the file's name, - for standard input
 *   time     f64, s: mdct: where its first window begins, below 0 for the first record of a file; levels: the middle of the record
 *   samples  i32, mdct: sample frames that the record completes; before it, the first record of a file completes one hop less
 * and labels (fields that are apart, of texts), which are those of a file.
 * origin.front is the spec: {"audio":"mdct", "rate":8000 (Hz), "channels":1, "hop":160 (sample frames), "frames":1}.
 */
#ifndef FRONT_AUDIO_H
#define FRONT_AUDIO_H

#include <jansson.h>

#include "base/rec.h"

#define AUDIO_LEVEL 0.3F /* share of a record's mean level that is left in it */
enum { AUDIO_FRAMES = 63, AUDIO_HOP = 16384, AUDIO_BANDS = 64, AUDIO_VALUES = 1 << 20 /* of a record, at most */ };

enum audio_kind { AUDIO_MDCT, AUDIO_MEL, AUDIO_CENTRE, AUDIO_NKINDS };

struct audio_spec {
    enum audio_kind kind;
    uint32_t rate;
    size_t channels, hop, frames; /* of a record */
};

/* "mdct", "mel:10:7": the kind, milliseconds of a hop, frames of a record; for sound of that origin. VAE_EUSAGE. */
int audio_parse(const char *text, const json_t *origin, struct audio_spec *, struct vae_err *);
json_t *audio_to_json(const struct audio_spec *);
/* 1, 0 where the front is none of sound, VAE_EDATA for what makes no sense. `front` may be NULL. */
int audio_from_json(const json_t *front, struct audio_spec *, struct vae_err *);
enum { AUDIO_TEXT = 120 };
const char *audio_text(const struct audio_spec *, char text[AUDIO_TEXT]); /* in words, for messages */
/* Is this sound what the spec is for? VAE_EDATA names what differs. */
int audio_suits(const struct audio_spec *, const struct vae_head *sound, const char *name, struct vae_err *);

/* Samples to records. `sound` must outlive it. */
struct audio;
struct audio *audio_new(const struct vae_head *sound, const struct audio_spec *, struct vae_err *);
void audio_free(struct audio *);
const struct vae_head *audio_head(const struct audio *);
int audio_run(struct audio *, const struct vae_batch *, size_t *at, const struct vae_batch **out, struct vae_err *); /* as front_run() */
size_t audio_row(const struct audio *, size_t i);
size_t audio_overlap(const struct audio *); /* records before one that share samples with it */
void audio_cut(struct audio *); /* another file begins */
int audio_end(struct audio *, const struct vae_batch **out, struct vae_err *); /* what is held of the file: its last records */

/* Records of an MDCT, whose head this is, to samples; it must outlive it. VAE_EUSAGE where they are none. */
struct audio_back;
struct audio_back *audio_back_new(const struct vae_head *, struct vae_err *);
void audio_back_free(struct audio_back *);
const struct vae_head *audio_back_head(const struct audio_back *);
int audio_back_run(struct audio_back *, const struct vae_batch *, const struct vae_batch **out, struct vae_err *);

/* y = sign(x) sqrt|x|, and back */
void audio_soften(const float *x, size_t n, float *y);
void audio_harden(const float *x, size_t n, float *y);

#endif
