/* choose_model.c - latents, nets and scales, where the options leave them open, and what such a model costs. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "fit/fit.h"
#include "front/audio.h"

enum { WIDE = 256 /* values */, MANY_FRAMES = 20000, MANY_IMAGES = 20000 };
enum { IMAGE_LEAST = 8 /* pixels a side; smaller ones need no convolutions */ };
enum { RASTER_LOOKS = 48 /* outputs that cost what a raster does */ };

/* The power of two at or above n, within bounds. */
static size_t power_of_two(size_t n, size_t low, size_t high) {
    size_t p = low;
    while (p < n && p < high)
        p *= 2;
    return p;
}

/* Are the records images of bytes that convolutions suit? */
static bool pixels(const struct schema *s) {
    struct nn_image im;
    if (!model_image(s, &im) || im.h < IMAGE_LEAST || im.w < IMAGE_LEAST)
        return false;
    for (size_t c = 0; c < s->ncols; c++)
        if (!s->col[c].condition)
            return s->col[c].ndim > 1 && s->col[c].type == REC_U8;
    return false;
}

/* With convolutions: stages until the image is no larger than 8 x 8. */
static int choose_channels(const struct vae_fit_opts *o, const struct schema *s, struct model_config *c,
                           struct vae_err *err) {
    struct nn_image im;
    if (o->nchannels > NN_MAX_STAGES)
        return err_set(err, VAE_EUSAGE, "at most %d convolutions (--channels)", NN_MAX_STAGES);
    for (size_t i = 0; i < o->nchannels; i++)
        if (o->channels[i] < 1 || o->channels[i] > MODEL_MAX_CHANNELS)
            return err_set(err, VAE_EUSAGE, "a convolution has from 1 to %d channels", MODEL_MAX_CHANNELS);
    bool wanted = o->net && (!strcmp(o->net, "conv") || !strcmp(o->net, "raster"));
    if (o->net ? !wanted : !pixels(s))
        return o->nchannels ? err_set(err, VAE_EUSAGE, "--channels needs --net conv") : 0;
    if (!model_image(s, &im))
        return err_set(err, VAE_EUSAGE, "--net conv is for images: one array of H x W or H x W x C values a record; "
                                        "--net residual suits any data");
    c->nchannels = o->nchannels;
    memcpy(c->channels, o->channels, sizeof c->channels);
    if (!o->nchannels)
        for (size_t side = im.h > im.w ? im.h : im.w; c->nchannels < NN_MAX_STAGES && (side > 4 || !c->nchannels); c->nchannels++) {
            c->channels[c->nchannels] = c->nchannels ? 64 : 32;
            side = (side + 1) / 2;
        }
    return 0;
}

/* Conditions that somebody may draw by: nobody has a clock in mind. */
static bool conditions(const struct schema *s) {
    bool any = false;
    for (size_t c = 0; c < s->ncols; c++)
        any = any || (s->col[c].condition && !s->col[c].clock);
    return any;
}

/* The codes of a family that has such, and the prior over the latents. */
static int choose_latents(const struct vae_fit_opts *o, const struct fit_rows *r, struct fit_plan *p, struct vae_err *err) {
    struct model_config *c = &p->model;
    const struct latent_codes *codes = c->latent->codes;
    struct code_shape shape = {.k = c->latent_dim, .codes = o->codebook ? o->codebook : codes ? codes->codes : 0};
    p->prior = prior_by_name(o->prior ? o->prior : codes ? "autoregressive" : c->chain || conditions(r->schema) ? "flow" : "gmm");
    if (!p->prior)
        return err_set(err, VAE_EUSAGE, "no such prior: '%s'", o->prior);
    if (p->prior->codes != (codes != NULL))
        return err_set(err, VAE_EUSAGE, "a prior '%s' is one of %s, and %s latents are %s", p->prior->name,
                       codes ? "numbers" : "codes", c->latent->name, codes ? "codes" : "numbers");
    if (p->prior->joint && !c->latent->backward_logq)
        return err_set(err, VAE_EUSAGE, "a %s prior is trained with latents that are drawn, and those of %s are not", p->prior->name,
                       c->latent->name);
    if (p->prior->joint) {
        const struct prior_space space = {.k = model_top(c)};
        c->joint = p->prior;
        c->joint_size = p->prior->size(&space, r->n);
    }
    if (!codes && o->codebook)
        return err_set(err, VAE_EUSAGE, "%s latents are no codes: leave --codebook out, or choose another --latent", c->latent->name);
    if (!codes)
        return 0;
    if (shape.codes > CODES_MAX || !codes->shape(&shape))
        return err_set(err, VAE_EUSAGE, "a %s code cannot have %zu values%s", c->latent->name, shape.codes,
                       c->latent == &latent_fsq ? "; they must be a product of at most six numbers from 2 to 16" : "");
    if (shape.k * shape.codes > MODEL_MAX_WIDTH || shape.zdim > MODEL_MAX_LATENT)
        return err_set(err, VAE_EUSAGE, "%zu codes of %zu values are too many", shape.k, shape.codes);
    c->codes = shape.codes;
    c->code_prior = p->prior->net ? p->prior : NULL;
    return 0;
}

/* Of lines. Few of them are learnt by heart by a large net. */
static int choose_line(const struct vae_fit_opts *o, const struct fit_rows *r, struct model_config *c, struct vae_err *err) {
    double symbols = 0;
    const struct schema_col *line = schema_line(r->schema);
    for (size_t i = 0; i < line->levels.n; i++)
        symbols += (double)line->levels.count[i];
    if (fit_modelled(r->schema) > 1)
        return err_set(err, VAE_EUSAGE, "beside a line of text all other columns are conditions (-c), or carried (-k)");
    if (o->net && strcmp(o->net, "gru"))
        return err_set(err, VAE_EUSAGE, "--net %s is not for lines of text, which have a gru", o->net);
    if (o->nhidden > 1)
        return err_set(err, VAE_EUSAGE, "a gru has one layer (--hidden N)");
    if (o->act || o->lik || o->sd || o->nchannels)
        return err_set(err, VAE_EUSAGE, "%s is not for lines of text", o->act ? "--act" : o->lik ? "--lik" : o->sd ? "--sd" : "--channels");
    const struct prior *prior = o->prior ? prior_by_name(o->prior) : NULL;
    if (prior && prior->joint && prior->joint->encoded)
        return err_set(err, VAE_EUSAGE, "--prior %s is not for lines of text: half a symbol is none, so no such line can be learnt",
                       o->prior);
    c->recurrent = true;
    c->act = &nn_tanh, c->lik = &lik_categorical;
    c->sd = SD_COLUMN;
    c->latent_dim = o->latent_dim ? o->latent_dim : c->latent->levels > 16 ? c->latent->levels : 16;
    c->nhidden = 1;
    c->hidden[0] = o->nhidden ? o->hidden[0] : symbols < 3e4 ? 128 : symbols < 1e6 ? 192 : 256;
    c->dropout = (float)fit_or(o->dropout, 0); /* validation ends what is learnt by heart; names, messages and words gained by none */
    c->word_dropout = (float)fit_or(o->word_dropout, 0); /* held at its capacity, the KL needs no such help */
    return 0;
}

/* Frames of sound? */
static bool sound(const struct schema *s) { return json_object_get(json_object_get(s->origin, "front"), "audio") != NULL; }

bool fit_centre(const struct schema *s) {
    struct audio_spec spec;
    return audio_from_json(json_object_get(s->origin, "front"), &spec, NULL) > 0 && spec.kind == AUDIO_CENTRE;
}

/* Units of a hidden layer, for d values. Frames of sound are wide, and much alike: with 512 units a fit takes long, and what comes back
 * of new sound is no better. */
static size_t choose_width(const struct fit_rows *r, const struct model_config *c, size_t d) {
    size_t n = r->n;
    if (c->chain)
        return n < 2000 ? 128 : n < 10000 ? 256 : 512;
    return power_of_two(4 * d, 64, !sound(r->schema) ? 512 : n < MANY_FRAMES ? 128 : 256);
}

static int choose_model(const struct vae_fit_opts *o, const struct fit_rows *r, struct model_config *c,
                        struct vae_err *err) {
    size_t d = 0, n = r->n;
    for (size_t i = 0; i < r->schema->ncols; i++)
        d += r->schema->col[i].condition ? 0 : r->schema->col[i].width;
    bool detect = o->purpose == VAE_FOR_DETECT;
    c->latent = latent_by_name(o->latent ? o->latent : "gauss");
    c->lik = lik_by_name(o->lik ? o->lik : "gaussian");
    c->act = nn_op_by_name(o->act ? o->act : "silu");
    if (!c->latent || !c->lik || !c->act || !c->act->act)
        return err_set(err, VAE_EUSAGE, "no such %s: '%s'", !c->latent ? "latent" : !c->lik ? "likelihood" : "activation",
                       !c->latent ? o->latent : !c->lik ? o->lik : o->act);
    if (o->latent_dim > MODEL_MAX_LATENT || o->nhidden > MODEL_MAX_HIDDEN || o->dropout < 0 || o->dropout >= 1)
        return err_set(err, VAE_EUSAGE, "at most %d latents and %d hidden layers, and a dropout from 0 to below 1",
                       MODEL_MAX_LATENT, MODEL_MAX_HIDDEN);
    for (size_t i = 0; i < o->nhidden; i++)
        if (o->hidden[i] < 1 || o->hidden[i] > MODEL_MAX_WIDTH)
            return err_set(err, VAE_EUSAGE, "a hidden layer has from 1 to %d units", MODEL_MAX_WIDTH);
    if (schema_line(r->schema))
        return choose_line(o, r, c, err);
    if (o->net && !strcmp(o->net, "gru"))
        return err_set(err, VAE_EUSAGE, "--net gru is for lines of text (--text)");
    if (!isnan(o->word_dropout) || o->text_bytes || o->mask_numbers || o->line_length)
        return err_set(err, VAE_EUSAGE, "--%s is for lines of text (--text)", !isnan(o->word_dropout) ? "word-dropout" :
                       o->text_bytes ? "text=bytes" : o->mask_numbers ? "mask-numbers" : "line-length");
    if (o->net && strcmp(o->net, "mlp") && strcmp(o->net, "residual") && strcmp(o->net, "conv") && strcmp(o->net, "raster"))
        return err_set(err, VAE_EUSAGE, "no such net: '%s'; there are mlp, residual and conv", o->net);
    bool told = o->sd && !strcmp(o->sd, "record"); /* two outputs a value: a raster has no such */
    c->raster = o->net ? !strcmp(o->net, "raster") : o->purpose == VAE_FOR_GENERATE && !told && pixels(r->schema);
    c->residual = !o->net || strcmp(o->net, "mlp");
    int e = choose_channels(o, r->schema, c, err);
    if (e)
        return e;
    /* with one sd for all, every column's error counts alike; with its own, a column that can be predicted well
       counts more, which is what a density wants; in a chain a column is told by nothing at first and perhaps exactly by
       the columns before; what latents can tell of sound are not its waves but how loud each frequency is, and that is a scale; and
       what is around a frame tells how well it can be said */
    bool frames = o->purpose == VAE_FOR_GENERATE ? sound(r->schema) : fit_centre(r->schema);
    c->sd = o->purpose == VAE_FOR_REDUCE ? SD_SHARED : c->chain || (frames && c->lik->spreads) ? SD_RECORD : SD_COLUMN;
    if (o->sd && (e = model_sd_by_name(o->sd, &c->sd, err)) != 0)
        return e;
    if (o->sd && o->lik && !c->lik->spreads)
        return err_set(err, VAE_EUSAGE, "--sd is for gaussian, laplace and student likelihoods; %s has no such scale",
                       c->lik->name);
    if (c->sd == SD_UNIT && c->lik->spreads && c->lik->params != 1)
        return err_set(err, VAE_EUSAGE, "--sd unit has no meaning for %s, which has more than a scale", c->lik->name);
    size_t half = (d + 1) / 2;
    c->latent_dim = o->latent_dim ? o->latent_dim : detect ? (half < 32 ? half : 32) : d < 16 ? d : d < WIDE ? 16 : 32;
    if (!o->latent_dim && c->latent_dim < c->latent->levels)
        c->latent_dim = c->latent->levels;
    if (c->latent_dim < c->latent->levels)
        return err_set(err, VAE_EUSAGE, "a %s has %zu levels and needs as many latents (--latent-dim)", c->latent->name,
                       c->latent->levels);
    c->nhidden = o->nhidden;
    memcpy(c->hidden, o->hidden, sizeof c->hidden);
    if (!c->nhidden) {
        c->nhidden = 2;
        c->hidden[0] = c->hidden[1] = choose_width(r, c, d);
    }
    /* it makes odd rows less odd, and many images need none */
    c->dropout = (float)fit_or(o->dropout, detect || (c->nchannels && n >= MANY_IMAGES) ? 0 : 0.1);
    return 0;
}

int fit_choose_model(const struct vae_fit_opts *o, const struct fit_rows *r, struct fit_plan *p, struct vae_err *err) {
    int e = choose_model(o, r, &p->model, err);
    return e ? e : choose_latents(o, r, p, err);
}

/* What multiplies in the convolutions of a record, in and out: each weight at every place of its window. *left: features behind
 * them, which the rest sees instead of the image. */
static double convolutions(const struct model_config *c, const struct schema *s, size_t *left) {
    struct nn_image im;
    double sum = 0;
    if (!c->nchannels || !model_image(s, &im))
        return 0;
    size_t outputs = 1;
    for (size_t i = 0; i < s->ncols; i++)
        if (!s->col[i].condition && lik_by_name(s->col[i].lik)->outputs > 1)
            outputs = (size_t)lik_by_name(s->col[i].lik)->outputs;
    for (size_t i = 0; i < c->nchannels; i++) {
        struct nn_window w = nn_window(im, c->channels[i], i ? 3 : 5, 2);
        double places = (double)(w.small.h * w.small.w) * (double)(w.k * w.k) * (double)w.small.c;
        sum += places * (double)im.c * (i ? 2 : 1 + (c->raster ? RASTER_LOOKS : (double)outputs));
        im = w.small;
    }
    *left = im.h * im.w * im.c;
    return sum;
}

double fit_weights(const struct model_config *c, const struct schema *s, size_t d) {
    if (c->recurrent) /* of all positions, half of which a line has */
        return 6.0 * (double)(c->hidden[0] * c->hidden[0] * d) / 2;
    double sum = convolutions(c, s, &d) / 2;
    size_t before = 0;
    for (size_t i = 0; i < c->nhidden; i++) {
        double in = (double)before, w = (double)c->hidden[i];
        bool enter = i == 0 || c->hidden[i] != before;
        sum += c->residual ? (enter ? in * w : 0) + 2 * w * w : in * w;
        before = c->hidden[i];
    }
    double ends = c->nhidden ? (double)c->hidden[0] : (double)c->latent_dim;
    return 2 * (sum + ends * ((double)d + (double)c->latent_dim));
}

