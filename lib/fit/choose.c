/* choose.c - every choice that the options leave open, made from the shape of the data. The defaults stand here alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "fit/fit.h"
#include "fit/schedule.h"

enum { WIDE = 256, MANY_ROWS = 2000, FOLDS = 5, CAL_ROWS = 1000, AGAIN = 5 /* a model that begins with another needs fewer steps */ };
enum { DRAWS = 5 /* of z a record, where an objective takes several (1509.00519 has 1, 5 and 50) */ };
enum { MIN_BINS = 8, MAX_BINS = 128, ROWS_A_BIN = 50, MAX_LEVELS = 4096 /* of all numbers together */ };

/* Share of contaminated rows that is left out: more than most are odd, and those that are not do little harm by it. */
static const double TRIM = 0.1;
static const double ALPHA = 0.001;
static const double LINE_NATS = 6; /* that the latents of a line of text carry */

/* Floating-point operations of a fit, unless told: some five minutes of two cores of 2024. Those of convolutions take longer. */
static const double WORK = 1e14, CHAIN_WORK = 5e13, IMAGE_WORK = 3e13;
enum { RASTER_LOOKS = 48 /* outputs that cost what a raster does */ };
enum { MANY_FRAMES = 20000 };
enum { MANY_IMAGES = 20000, IMAGE_LEAST = 8 /* pixels a side; smaller ones need no convolutions */ };

void vae_fit_defaults(struct vae_fit_opts *o) {
    *o = (struct vae_fit_opts){.seed = 1, .calibrate = true, .exemplars = true, .beta = NAN, .warmup = NAN, .free_bits = NAN, .lr = NAN,
                               .decay = NAN, .capacity = NAN, .target_mse = NAN, .dropout = NAN, .word_dropout = NAN, .valid = NAN,
                               .checkpoint_every = NAN, .budget = NAN, .tc = NAN, .mmd = NAN, .alpha = NAN, .contamination = NAN};
}

int vae_fit_check(const struct vae_fit_opts *o, struct vae_err *err) {
    /* options of a row say the same, or what another one leaves no room for */
    const struct {
        bool given[2];
        const char *name[2], *why;
    } clash[] = {
        {{o->steps, o->epochs}, {"--steps", "--epochs"}, "say the same"},
        {{o->steps, !isnan(o->budget)}, {"--steps", "--budget"}, "say the same"},
        {{o->epochs, !isnan(o->budget)}, {"--epochs", "--budget"}, "say the same"},
        {{!isnan(o->capacity), !isnan(o->target_mse)}, {"--capacity", "--target-mse"}, "both choose the weight of the KL"},
        {{!isnan(o->capacity), !isnan(o->beta)}, {"--capacity", "--beta"}, "both choose the weight of the KL"},
        {{!isnan(o->capacity), o->cycles}, {"--capacity", "--cycles"}, "both choose the weight of the KL"},
        {{!isnan(o->capacity), !isnan(o->free_bits)}, {"--capacity", "--free-bits"}, "contradict each other"},
        {{!isnan(o->target_mse), !isnan(o->beta)}, {"--target-mse", "--beta"}, "both choose the weight of the KL"},
        {{!isnan(o->target_mse), o->cycles}, {"--target-mse", "--cycles"}, "both choose the weight of the KL"},
        {{!isnan(o->target_mse), !isnan(o->free_bits)}, {"--target-mse", "--free-bits"}, "contradict each other"},
        {{o->split_by, o->split_time}, {"--split-by", "--split time"}, "both say which rows are held out"},
        {{!isnan(o->alpha), !isnan(o->contamination)}, {"--alpha", "--contamination"}, "both choose the threshold"},
        {{!isnan(o->alpha), !o->calibrate}, {"--alpha", "--no-calibrate"}, "contradict each other"},
        {{!isnan(o->contamination), !o->calibrate}, {"--contamination", "--no-calibrate"}, "contradict each other"},
    };
    const struct {
        bool given;
        const char *name;
    } own[] = {{o->latent_dim, "--latent-dim"}, {o->latent, "--latent"}, {o->codebook, "--codebook"}, {o->net, "--net"},
               {o->nhidden, "--hidden"}, {o->nchannels, "--channels"}, {o->act, "--act"}, {o->lik, "--lik"}, {o->sd, "--sd"},
               {o->prior, "--prior"}, {!isnan(o->dropout), "--dropout"}, {o->nas, "--as"}, {o->nlevels, "--levels"},
               {o->nmissing, "--missing"}, {o->schema, "--schema"}, {o->ncondition, "--condition"}, {o->text_bytes, "--text=bytes"},
               {o->mask_numbers, "--mask-numbers"}, {o->line_length, "--line-length"}, {!isnan(o->word_dropout), "--word-dropout"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (o->init && own[i].given)
            return err_set(err, VAE_EUSAGE, "%s goes without --init, which begins with a model that has its own", own[i].name);
    if (o->alpha <= 0 || o->alpha >= 1 || o->contamination <= 0 || o->contamination >= 1)
        return err_set(err, VAE_EUSAGE, "an alpha and a contamination are shares, above 0 and below 1");
    for (size_t i = 0; i < sizeof clash / sizeof *clash; i++)
        if (clash[i].given[0] && clash[i].given[1])
            return err_set(err, VAE_EUSAGE, "%s and %s %s; leave one out", clash[i].name[0], clash[i].name[1], clash[i].why);
    return 0;
}

static double or_else(double v, double otherwise) { return isnan(v) ? otherwise : v; }

/* The power of two at or above n, within bounds. */
static size_t power_of_two(size_t n, size_t low, size_t high) {
    size_t p = low;
    while (p < n && p < high)
        p *= 2;
    return p;
}

/* A numeric column whose few values were taken for levels becomes a plain number again: how far off an odd value is
 * matters where rows are scored or squeezed. */
static void as_number(struct fit_rows *r, struct schema_col *col) {
    size_t d = r->schema->d;
    double value[SCHEMA_FEW_LEVELS];
    if (col->levels.n > SCHEMA_FEW_LEVELS)
        return;
    for (size_t i = 0; i < col->levels.n; i++)
        if (num_parse(col->levels.text[i], strlen(col->levels.text[i]), &value[i]) != NUM_NUMBER)
            return;
    for (size_t i = 0; i < r->n; i++) {
        double *v = &r->raw[i * d + col->v0];
        *v = isnan(*v) ? *v : value[(size_t)*v];
    }
    for (size_t i = 0; i < col->levels.n && col->decimals >= 0; i++) {
        int k = num_decimals(col->levels.text[i], strlen(col->levels.text[i]));
        col->decimals = k < 0 ? -1 : k > col->decimals ? k : col->decimals;
    }
    schema_levels_free(&col->levels);
    col->kind = SCHEMA_NUMBER;
}

/* Cells where there are levels or an order, so that a range of it can be drawn from. */
static void choose_condition(struct schema_col *col) {
    *col->lik = 0;
    col->transform = col->levels.n ? &schema_level : col->kind == SCHEMA_ARRAY || col->clock ? &schema_standard : &schema_bins;
}

/* What an array is drawn from: bytes that are an image have a probability mass, and if all are black or white, two levels. */
static const char *array_lik(const struct vae_fit_opts *o, const struct fit_rows *r, const struct schema_col *col) {
    if (o->purpose != VAE_FOR_GENERATE || col->type != REC_U8 || col->ndim < 2)
        return "gaussian";
    double low = INFINITY, high = -INFINITY;
    size_t d = r->schema->d;
    for (size_t i = 0; i < r->n; i++)
        for (const double *v = &r->raw[i * d + col->v0], *end = v + col->width; v < end; v++) {
            if (*v > low && *v < high)
                return "dlogistic";
            double l = fmin(low, *v), h = fmax(high, *v);
            if ((l < low && low < h) || (h > high && high > l)) /* a third value */
                return "dlogistic";
            low = l, high = h;
        }
    return low < high ? "bernoulli" : "gaussian";
}

/* The likelihood and the transform of a column, where the schema file does not say. */
static int choose_column(const struct vae_fit_opts *o, const struct fit_rows *r, struct schema_col *col, struct vae_err *err) {
    if (col->kind == SCHEMA_LINE) {
        snprintf(col->lik, sizeof col->lik, "%s", lik_categorical.name);
        col->transform = &schema_none;
        return 0;
    }
    bool number = col->kind != SCHEMA_CATEGORY && col->kind != SCHEMA_BINARY && col->kind != SCHEMA_ORDINAL;
    const char *name = col->lik;
    if (!*name && col->kind == SCHEMA_ARRAY)
        name = o->lik ? o->lik : array_lik(o, r, col);
    else if (!*name && number)
        name = o->lik ? o->lik : o->purpose == VAE_FOR_GENERATE ? "binned" : "gaussian";
    else if (!*name)
        name = col->kind == SCHEMA_ORDINAL && o->purpose == VAE_FOR_DETECT ? "ordinal" : "categorical";
    const struct lik *lik = lik_by_name(name);
    if (!lik)
        return err_set(err, VAE_EUSAGE, "no such likelihood: '%s'", name);
    bool whole = col->kind == SCHEMA_COUNT || (col->kind == SCHEMA_NUMBER && col->decimals == 0),
         counts = !lik->cells && lik->mass && lik->max > 1;
    if ((lik->cells && col->kind == SCHEMA_ARRAY) || (!lik->cells && !number) ||
        (counts && !whole && col->kind != SCHEMA_ARRAY)) {
        char text[80];
        return err_set(err, VAE_EUSAGE, "column '%s' is a %s: a %s likelihood does not suit it",
                       err_quote(text, sizeof text, col->name, strlen(col->name)), schema_kind_name(col->kind), name);
    }
    if (name != col->lik)
        snprintf(col->lik, sizeof col->lik, "%s", name);
    col->transform = lik->cells ? (number ? &schema_bins : &schema_level)
                     : lik->max <= 1 ? &schema_unit : lik->mass ? &schema_none : &schema_standard;
    return 0;
}

/* Blanks that come at random are strewn over new rows; others are a level of their own, to be learnt. */
static int choose_blanks(const struct fit_rows *r, struct vae_err *err) {
    struct schema *s = r->schema;
    bool *random = mem_array(s->ncols, sizeof *random);
    double *share = mem_array(s->ncols, sizeof *share);
    int e = random && share ? fit_blanks(r, random, share, err) : err_set(err, VAE_EOS, "out of memory");
    for (size_t c = 0; c < s->ncols && !e; c++)
        if (share[c] > 0 && random[c] && !s->col[c].condition)
            s->col[c].blank_share = share[c];
        else if (share[c] > 0)
            s->col[c].blank = *s->col[c].lik && lik_by_name(s->col[c].lik)->cells;
    free(random), free(share);
    return e;
}

static size_t modelled(const struct schema *s) {
    size_t n = 0;
    for (size_t c = 0; c < s->ncols; c++)
        n += !s->col[c].condition;
    return n;
}

/* Of all columns; and whether the decoder is a chain over them. */
static int choose_columns(const struct vae_fit_opts *o, struct fit_rows *r, struct fit_plan *p, struct vae_err *err) {
    struct schema *s = r->schema;
    bool table = modelled(s) > 1 && s->ncols <= MODEL_MAX_COLUMNS, missing = false;
    int e = 0;
    for (size_t c = 0; c < s->ncols && !e; c++) {
        struct schema_col *col = &s->col[c];
        if (col->condition) {
            choose_condition(col);
            continue;
        }
        if (o->purpose != VAE_FOR_GENERATE && (col->kind == SCHEMA_BINARY || col->kind == SCHEMA_ORDINAL) &&
            !col->said && !*col->lik)
            as_number(r, col);
        e = choose_column(o, r, col, err);
        table = table && col->kind != SCHEMA_ARRAY && col->kind != SCHEMA_LINE;
        missing = missing || col->missing;
    }
    if (!e && missing && o->purpose == VAE_FOR_GENERATE)
        e = choose_blanks(r, err);
    p->model.chain = table && o->purpose == VAE_FOR_GENERATE;
    p->model.masks = p->model.chain || (missing && s->ncols <= MODEL_MAX_COLUMNS);
    size_t most = MAX_LEVELS / s->ncols, bins = r->n / ROWS_A_BIN;
    bins = bins > MAX_BINS ? MAX_BINS : bins;
    p->bins = bins > most ? most : bins;
    p->bins = p->bins < MIN_BINS ? MIN_BINS : p->bins;
    return e;
}

/* Features of a record, nearly: what bins and levels will be. */
static size_t features(const struct schema *s, const struct fit_plan *p) {
    size_t n = 0;
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        n += col->transform == &schema_level ? col->levels.n : col->width * (col->transform == &schema_bins ? p->bins : 1);
    }
    return n;
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
    if (modelled(r->schema) > 1)
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
    c->dropout = (float)or_else(o->dropout, 0); /* validation ends what is learnt by heart; names, messages and words gained by none */
    c->word_dropout = (float)or_else(o->word_dropout, 0); /* held at its capacity, the KL needs no such help */
    return 0;
}

/* Frames of sound? */
static bool sound(const struct schema *s) { return json_object_get(json_object_get(s->origin, "front"), "audio") != NULL; }

/* Is the middle one to be said of those around it? */
static bool centre(const struct schema *s) {
    const char *name = json_string_value(json_object_get(json_object_get(s->origin, "front"), "audio"));
    return name && !strcmp(name, "centre");
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
    bool frames = o->purpose == VAE_FOR_GENERATE ? sound(r->schema) : centre(r->schema);
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
    c->dropout = (float)or_else(o->dropout, detect || (c->nchannels && n >= MANY_IMAGES) ? 0 : 0.1);
    return 0;
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

/* Weights of the two nets, nearly. */
static double weights(const struct model_config *c, const struct schema *s, size_t d) {
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

/* A point of the curve is a fiftieth of the steps. */
void fit_set_steps(struct train_config *c, size_t steps) {
    c->steps = steps ? steps : 1;
    c->valid_every = c->steps / 50 ? c->steps / 50 : 1;
}

static void choose_training(const struct vae_fit_opts *o, const struct fit_rows *r, const struct model_config *m,
                            size_t nfeatures, struct train_config *c) {
    size_t n = r->n;
    c->seed = o->seed;
    c->batch = o->batch ? o->batch : m->recurrent ? 128 : n >= 20000 && !m->raster ? 512 : n >= 4000 ? 256 : 128;
    c->batch = c->batch > n ? n : c->batch;
    double per_epoch = (double)n / (double)c->batch;
    /* a chain sees a row in many ways; what is odd shows early; lines are learnt by heart soon, and a rate that has not fallen by
       then leaves the weights astir */
    double epochs = o->epochs ? (double)o->epochs : m->chain ? 500 : m->recurrent ? 20 : o->purpose == VAE_FOR_DETECT ? 60 : 200;
    double steps = o->steps ? (double)o->steps : epochs * per_epoch;
    if (!o->steps && !o->epochs) { /* few rows more often; large models no longer than WORK allows */
        double work = m->chain ? CHAIN_WORK : m->nchannels ? IMAGE_WORK : WORK;
        double most = work / (3 * (1 + (double)c->draws) * weights(m, r->schema, nfeatures) * (double)c->batch);
        steps = steps > most ? most : steps;
        double least = m->recurrent ? 500 : o->purpose == VAE_FOR_DETECT ? 1000 : 2000;
        steps = steps < least ? least : steps > 20000 ? 20000 : steps;
        steps = o->init ? steps / AGAIN : steps;
    }
    fit_set_steps(c, (size_t)steps);
    c->patience = o->patience_set ? o->patience : 12;
    c->lr = (float)or_else(o->lr, m->recurrent ? 5e-3 : m->nchannels ? 2e-3 : 1e-3);
    c->decay = (float)or_else(o->decay, 0.01);
    /* latents that carry more, where what comes back is what counts */
    c->beta = (float)or_else(o->beta, o->purpose == VAE_FOR_REDUCE ? 0.1 : 1);
    c->cycles = o->cycles;
    c->capacity = or_else(o->capacity, 0), c->target_mse = or_else(o->target_mse, 0);
    /* symbols tell one another so much that latents would be left idle */
    bool said = o->cycles || !isnan(o->beta) || !isnan(o->target_mse) || !isnan(o->free_bits) || !isnan(o->capacity);
    if (m->recurrent && o->purpose == VAE_FOR_GENERATE && !said)
        c->capacity = LINE_NATS;
    c->warmup = (float)or_else(o->warmup, c->cycles ? 0.5 : schedule_watches(c) ? 0.3 : o->init ? 0 : 0.2);
    c->free_nats = (float)or_else(o->free_bits, 0);
}

/* What is optimised. A number that only another objective has a use for is a mistake. */
static int choose_objective(const struct vae_fit_opts *o, const struct model_config *m, struct train_config *c,
                            struct vae_err *err) {
    const struct objective *kind = objective_by_name(o->objective ? o->objective : "elbo");
    const struct {
        const char *name;
        const struct objective *of;
        double value;
    } weight[] = {{"tc", &objective_tc, o->tc}, {"mmd", &objective_mmd, o->mmd}};
    if (!kind)
        return err_set(err, VAE_EUSAGE, "no such objective: '%s'", o->objective);
    c->weight = (float)kind->weight;
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++) {
        if (!isnan(weight[i].value) && kind != weight[i].of)
            return err_set(err, VAE_EUSAGE, "--%s is for --objective %s: %s has no such term", weight[i].name,
                           weight[i].of->name, kind->name);
        c->weight = (float)(kind == weight[i].of ? or_else(weight[i].value, kind->weight) : (double)c->weight);
    }
    if (kind->suits && !kind->suits(m))
        return err_set(err, VAE_EUSAGE, "--objective %s goes with --latent gauss and a prior that is not trained with the model "
                       "(normal, gmm, flow)", kind->name);
    if (o->samples && !kind->draws)
        return err_set(err, VAE_EUSAGE, "--samples is for --objective iwae: %s takes one draw a record", kind->name);
    if (o->samples > MODEL_MAX_DRAWS)
        return err_set(err, VAE_EUSAGE, "at most %d draws a record", MODEL_MAX_DRAWS);
    if (m->codes && o->free_bits > 0)
        return err_set(err, VAE_EUSAGE, "--free-bits is for latents that are numbers");
    if (kind->draws && o->free_bits > 0)
        return err_set(err, VAE_EUSAGE, "--free-bits is a share of the KL term, and --objective %s has none", kind->name);
    if (kind->couples && o->batch == 1)
        return err_set(err, VAE_EUSAGE, "--objective %s compares the records of a batch: --batch 1 leaves it none", kind->name);
    c->objective = kind;
    c->draws = !kind->draws ? 1 : o->samples ? o->samples : DRAWS;
    return 0;
}

int fit_choose(const struct vae_fit_opts *opts, struct fit_rows *r, struct fit_plan *p, struct vae_err *err) {
    *p = (struct fit_plan){.opts = *opts};
    struct vae_fit_opts *o = &p->opts;
    int e = 0;
    if (o->init) {
        o->purpose = init_purpose(o->init);
        p->model = o->init->config, p->prior = o->init->prior;
    } else {
        e = choose_columns(o, r, p, err);
        e = e ? e : choose_model(o, r, &p->model, err);
        e = e ? e : choose_latents(o, r, p, err);
    }
    if (!e)
        e = choose_objective(o, &p->model, &p->train, err);
    if (e)
        return e;
    choose_training(o, r, &p->model, o->init ? o->init->nfeature : features(r->schema, p), &p->train);
    p->valid = or_else(o->valid, 0.1);
    p->alpha = or_else(o->contamination, or_else(o->alpha, ALPHA));
    bool detect = o->purpose == VAE_FOR_DETECT;
    bool rows = detect && !schema_line(r->schema) && !centre(r->schema); /* are to be compared with others */
    p->exemplars = rows && o->exemplars, p->denoiser = rows && !o->exemplars;
    p->trim = o->contaminated ? or_else(o->contamination, TRIM) : 0;
    if (o->contaminated && !detect)
        return err_set(err, VAE_EUSAGE, "--contaminated goes with --for detect");
    if (o->calibrate && r->n >= MANY_ROWS) { /* new rows want all the rows there are more than p-values do */
        p->ncal = r->n / (p->model.chain ? 20 : 5);
        if (!detect && p->ncal > CAL_ROWS)
            p->ncal = CAL_ROWS;
    } else if (o->calibrate && r->n >= 4 * FOLDS) {
        p->folds = FOLDS;
    }
    return 0;
}
