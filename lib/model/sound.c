/* sound.c - a reader that makes of sound the records that a model learns from, and a writer that makes sound of them. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "front/audio.h"
#include "model/model.h"
#include "model/sound.h"
#include "stream/format.h"

static int run(void *ctx, const struct vae_batch *b, size_t *at, const struct vae_batch **out, struct vae_err *err) {
    return audio_run(ctx, b, at, out, err);
}
static size_t row(const void *ctx, size_t i) { return audio_row(ctx, i); }
static size_t overlap(const void *ctx) { return audio_overlap(ctx); }
static void cut(void *ctx, const char *name) {
    (void)name;
    audio_cut(ctx);
}
static int end(void *ctx, const struct vae_batch **out, struct vae_err *err) { return audio_end(ctx, out, err); }
static void drop(void *ctx) { audio_free(ctx); }

bool sound_is(const struct vae_head *head) { return json_object_get(head->origin, "rate") && rec_head_find(head, "sample") >= 0; }

int sound_front(struct vae_in *in, const char *text, const json_t *front, struct vae_err *err) {
    const struct vae_head *head = vae_in_head(in);
    struct audio_spec spec;
    int r = front ? audio_from_json(front, &spec, err) : 0;
    if (r < 0)
        return r;
    if (!front && !sound_is(head))
        return err_set(err, VAE_EUSAGE, "%s: is no sound, and --audio is for sound", stream_in_name(in));
    if ((r = front ? audio_suits(&spec, head, stream_in_name(in), err) : audio_parse(text, head->origin, &spec, err)))
        return r;
    struct audio *a = audio_new(head, &spec, err);
    if (!a)
        return VAE_EOS;
    stream_in_front(in, &(const struct stream_front){a, audio_head(a), run, row, overlap, cut, end, NULL, drop});
    return 0;
}

int sound_same(struct vae_in *in, const json_t *front, struct vae_err *err) {
    struct audio_spec is, as;
    int r = audio_from_json(json_object_get(vae_in_head(in)->origin, "front"), &is, err);
    r = r < 0 ? r : audio_from_json(front, &as, err);
    if (r < 0 || (is.kind == as.kind && is.rate == as.rate && is.channels == as.channels && is.hop == as.hop && is.frames == as.frames))
        return r < 0 ? r : 0;
    char made[AUDIO_TEXT], known[AUDIO_TEXT];
    return err_set(err, VAE_EDATA, "%s: records are %s, and the model knows %s", stream_in_name(in), audio_text(&is, made),
                   audio_text(&as, known));
}

size_t vae_model_seconds(const struct vae_model *m, double seconds) {
    struct audio_spec s;
    if (audio_from_json(json_object_get(m->schema->origin, "front"), &s, NULL) <= 0 || s.kind != AUDIO_MDCT)
        return 0;
    double hops = ceil(seconds * s.rate / (double)s.hop) + 1; /* the first one completes none */
    return (size_t)ceil(hops / (double)s.frames);
}

static int back_run(void *ctx, const struct vae_batch *b, const struct vae_batch **out, struct vae_err *err) {
    return audio_back_run(ctx, b, out, err);
}
static void back_free(void *ctx) { audio_back_free(ctx); }

struct vae_out *vae_out_open(const char *path, const struct vae_head *head, const struct vae_out_opts *opts, struct vae_err *err) {
    struct audio_spec spec;
    bool mdct = !strcmp(head->kind, "data") && audio_from_json(json_object_get(head->origin, "front"), &spec, NULL) > 0;
    if (!mdct || !stream_is_sound(stream_out_format(path, head, opts)))
        return stream_out_open(path, head, NULL, opts, err);
    struct audio_back *a = audio_back_new(head, err);
    return a ? stream_out_open(path, audio_back_head(a), &(const struct stream_back){a, back_run, back_free}, opts, err) : NULL;
}
