/* sound_rate.c - sound at another rate, by libsamplerate's medium sinc converter: 121 dB of signal to noise, and no bandwidth above
 * .9 of the lower rate's half. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/sound.h"
#include "stream/sound_lib.h"

struct rate {
    const struct sound_rate_lib *lib;
    struct sound_input from;
    SRC_STATE *src;
    SRC_DATA data;
    const char *name;
    size_t channels, at, have;
    float *in; /* [SOUND_BATCH * channels]; frames at..have-1 are not converted yet */
    struct vae_err fault;
};

static long rate_read(void *ctx, float *to, size_t n, struct vae_err *err) {
    struct rate *r = ctx;
    for (;;) {
        if (r->at == r->have && !r->data.end_of_input) {
            long got = r->fault.code ? 0 : r->from.read(r->from.ctx, r->in, SOUND_BATCH, &r->fault);
            r->at = 0, r->have = got > 0 ? (size_t)got : 0;
            r->data.end_of_input = got <= 0;
        }
        r->data.data_in = r->in + r->at * r->channels, r->data.input_frames = (long)(r->have - r->at);
        r->data.data_out = to, r->data.output_frames = (long)n;
        int rc = r->lib->process(r->src, &r->data);
        if (rc)
            return err_set(err, VAE_EDATA, "%s: %s", r->name, r->lib->strerror(rc));
        r->at += (size_t)r->data.input_frames_used;
        if (r->data.output_frames_gen > 0)
            return r->data.output_frames_gen;
        if (r->data.end_of_input && r->at == r->have)
            break;
    }
    if (r->fault.code && err)
        *err = r->fault;
    return r->fault.code;
}

static void rate_close(void *ctx) {
    struct rate *r = ctx;
    if (r->src)
        r->lib->delete(r->src);
    r->from.close(r->from.ctx);
    free(r->in), free(r);
}

int sound_rate_open(struct sound_input *from, struct sound_spec *spec, uint32_t rate, const char *name, struct sound_input *in,
                    struct vae_err *err) {
    int rc = 0;
    const struct sound_rate_lib *lib = sound_rate_lib(err);
    struct rate *r = lib ? mem_array(1, sizeof *r) : NULL;
    if (!r) {
        from->close(from->ctx);
        return lib ? err_set(err, VAE_EOS, "out of memory") : VAE_EOS;
    }
    r->lib = lib, r->from = *from, r->name = name, r->channels = spec->channels;
    r->data.src_ratio = (double)rate / spec->rate;
    r->in = mem_array(SOUND_BATCH * spec->channels, sizeof *r->in);
    r->src = lib->new(SRC_SINC_MEDIUM_QUALITY, (int)spec->channels, &rc);
    *in = (struct sound_input){r, rate_read, rate_close};
    if (!r->in || !r->src)
        rc = err_set(err, VAE_EOS, "out of memory");
    else if (!lib->is_valid_ratio(r->data.src_ratio))
        rc = err_set(err, VAE_EUSAGE, "%s: --resample changes a rate by a factor of 256 at most, and this one is %u Hz", name, spec->rate);
    if (rc)
        rate_close(r);
    else
        spec->rate = rate;
    return rc;
}
