/*
 * model.h - a variational autoencoder put together: schema, encoder, posterior, decoder, likelihoods, prior.
 *
 *   x -> encoder -> h -> posterior q(z given x) -> z -> decoder -> o -> likelihood p(x given z)
 *
 * All weights stand in one array: encoder, decoder, the net between the levels of a ladder or what a family of codes has, a prior
 * that is trained along, then the free parameters of the likelihoods.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <jansson.h>

#include "latent/codes.h"
#include "lik/lik.h"
#include "nn/nn.h"
#include "prior/prior.h"
#include "schema/schema.h"
#include "vae.h"

enum {
    MODEL_MAX_HIDDEN = 16,
    MODEL_MAX_LATENT = 4096,
    MODEL_MAX_WIDTH = 65536,
    MODEL_MAX_CHANNELS = 4096,
    MODEL_MAX_GROUPS = 32,
    MODEL_MAX_DRAWS = 256,         /* of z a record while training */
    MODEL_MAX_COLUMNS = 4096,      /* of a model with masks */
    MODEL_MAX_FEATURES = 1 << 26,
};

/* Scales of likelihoods (--sd): a set of parameters for each column, one for all, the decoder tells that of every record
 * (lik/spread.h), or it is 1 in model units, for good. In the order of model_sd_names. */
enum model_sd { SD_COLUMN, SD_SHARED, SD_RECORD, SD_UNIT, MODEL_NSD };

/* What a model is made of; enough, with a schema, to build it. */
struct model_config {
    size_t latent_dim;          /* latents, or codes of a record */
    size_t codes;               /* values of a code, 0: latents are numbers */
    const struct latent *latent;
    const struct prior *code_prior; /* of codes, its net trained with the model; NULL: all alike */
    const struct prior *joint;  /* trained with the model, of the (upper level of) latents; NULL: N(0,1) */
    size_t joint_size;          /* its parameters */
    const struct nn_op *act;
    bool residual;              /* --net residual, else plain mlp */
    size_t nhidden, hidden[MODEL_MAX_HIDDEN];
    size_t nchannels, channels[NN_MAX_STAGES]; /* --net conv: of each stage (nn/images.c); 0: no convolutions */
    bool raster;                /* --net raster: the same, and the decoder is told the pixels before each pixel */
    bool recurrent;             /* --net gru: of lines; hidden[0] units */
    float dropout;              /* of units */
    float word_dropout;         /* symbols of a line that a training step does not tell the decoder */
    const struct lik *lik;      /* of columns that name none themselves (schema_col.lik) */
    enum model_sd sd;
    bool masks;                 /* the encoder is told which columns are missing */
    bool chain;                 /* the decoder also sees the columns before (chain.c); goes with masks */
};

extern const char *const model_sd_names[MODEL_NSD];
/* VAE_EUSAGE where there is none of that name. */
int model_sd_by_name(const char *, enum model_sd *, struct vae_err *);
/* "gru", "raster", "conv", "residual" or "mlp" */
static inline const char *model_net(const struct model_config *c) {
    return c->recurrent ? "gru" : c->raster ? "raster" : c->nchannels ? "conv" : c->residual ? "residual" : "mlp";
}
/* Are the records images, but for conditions: one array of H x W or H x W x C values, or a flat one of H x H? */
bool model_image(const struct schema *, struct nn_image *);

/* How odd rows look that the model was not fitted to: what p-values are made of. */
struct model_calibration {
    size_t n;           /* calibration rows; 0: none were kept */
    float *score;       /* [MODEL_NBY,n]: their scores by each enum vae_by but auto, each ascending */
    double alpha;       /* rows with p at or below it are anomalies */
    const char *method; /* "held-out", "cross-conformal" or "none" */
    enum vae_by by;     /* what "auto" means */
    int draws;          /* posterior draws a score is made of */
};
enum { MODEL_NBY = 7 };

/* Training rows that records are compared with (score/exemplars.h), by their coordinates (score/gower.h). */
struct model_exemplars {
    size_t n, width; /* 0: none */
    float *u;        /* [n,width] */
    float *weight, *missing; /* [width] of a coordinate; what two rows differ by where one lacks it */
    float *sparse;   /* [n] mean distance to the nearest among the others; NULL where odd rows may be among them */
};
extern const char *const model_by_names[]; /* by enum vae_by */

/* A net that takes noise from records (score/denoise.h). */
struct model_denoiser {
    size_t n, width; /* values it sees, coordinates (score/gower.h) they come from; 0: none */
    float *weight, *mean, *size; /* [width] of coordinates; [n] of values; their root mean square */
    size_t nw;
    float *w;        /* [nw] */
};

/* What the nets see of one value: features f0..f0+n-1 of the panel that model_features() fills. */
struct model_feature {
    size_t column; /* the value's */
    size_t f0, n;
    bool one_hot;  /* over cells: a feature for each of `hot`, then perhaps its place and its value */
    bool place;    /* of cells that have an order: where in them it stands, -1.7..1.7 */
    bool value;    /* and of a number also its value, in standard deviations */
    size_t nhot;
    uint32_t *hot; /* [nlevels] which of the nhot features a level has, UINT32_MAX for none */
    unsigned cycles; /* of a time, a pair of sine and cosine each: SCHEMA_WEEK and SCHEMA_YEAR of a day, SCHEMA_DAY of its second */
    size_t ncycles;  /* the last 2 ncycles of the n; a clock has no others */
};

/* The values of the condition columns, and what these were in some training rows: what new records are told where nobody says. */
struct model_conditions {
    size_t width, *value; /* [width] which values of a record */
    size_t n;
    float *x;             /* [n,width] model units */
};

struct vae_model {
    struct model_config config;
    struct schema *schema;
    struct nn_net enc, dec;
    size_t ncond;            /* features of the conditions: the last of those of a record, and of the decoder's inputs */
    struct nn_net down;      /* of a ladder: the latents above -> means and log variances of those below; else no nodes */
    size_t ntop;             /* latents of the upper level: all, where there is but one */
    struct code_shape codes; /* where latents are codes; its own codes are 0 where not */
    struct nn_net chances;   /* of codes, by their prior; no nodes where all are alike */
    struct prior_space space; /* what the prior to draw from is over */
    size_t zdim, neps;       /* rows of z that the decoder is given, and of the noise of a draw */
    bool kl_varies;          /* bottleneck_kl() is an estimate by the draw of z, no closed form */
    const struct schema_col *line; /* of texts: the column that is one, else NULL, */
    size_t npositions;       /* 0: what it has room for, */
    struct cells symbols;    /* and what may stand there */
    size_t raster_channels;  /* values of a pixel, where there is a raster */
    size_t noutputs;         /* of the decoder */
    size_t nblocks;
    struct lik_block *block; /* of the values, in order */
    size_t nw, wlik, wprior; /* weights; the first likelihood parameter; the first weight of a prior trained along */
    size_t wlatent;          /* the first parameter of a family of codes */
    size_t npseudo;          /* pseudo-inputs those are, where the prior is made of such */
    struct model_feature *feature; /* [d] */
    size_t nfeature;         /* of a record: those of its values, and of columns that may be absent: is it? Conditions last */
    size_t *absent;          /* [ncols] the feature that says so, SIZE_MAX: none */
    struct model_conditions conditions;
    size_t ngroups;          /* of the chain: column c is in group c % ngroups; 1 without */
    float *w;
    double *lik_mean, *lik_sd, *lik_floor; /* marginals in model units, [d] each */
    double *use;             /* KL per latent [k] on rows held out, NULL where not measured */
    double log_jacobian;     /* -log p in input units = in model units + this */

    const struct prior *prior; /* to draw from */
    size_t nprior;
    float *prior_param;      /* of a prior trained along without pseudo-inputs, weights */

    struct model_exemplars exemplars;
    struct model_denoiser denoiser;
    struct model_calibration cal;
    json_t *training;        /* provenance: options that shape the result, seed, rows, CRC, the end of the curve */
    char *path;              /* as it was opened, or NULL */
    char id[65];             /* SHA-256 of the file, hex; "" before it is written */
};

/* Kinds of scores it can be calibrated for: the first of enum vae_by behind auto. */
static inline size_t model_scores(const struct vae_model *m) {
    return m->line ? VAE_BY_LINE : m->denoiser.n ? VAE_BY_DENOISE : m->exemplars.n ? VAE_BY_NEAR : VAE_BY_MSE;
}
/* Are the parameters of the prior to draw from weights of the model, or made of such? */
static inline bool model_prior_trained(const struct vae_model *m) { return m->config.joint || m->config.code_prior; }
/* Latents of the upper level. */
size_t model_top(const struct model_config *);
/* Takes the schema over, also on failure. Weights are zero: model_start() or a file fills them. */
struct vae_model *model_new(const struct model_config *, struct schema *, struct vae_err *);
/* The same with a number of weights known: another one is VAE_EDATA, before there is room for them. */
#define MODEL_ANY_SIZE SIZE_MAX
struct vae_model *model_new_sized(const struct model_config *, struct schema *, size_t weights, struct vae_err *);
/* Random weights, output biases and likelihood parameters from the marginals; pseudo-inputs are left to pseudo_start(). */
void model_start(struct vae_model *, uint64_t seed);
/* lik_* from the schema's stats. Needs stats, center and scale. */
void model_marginals(struct vae_model *);
void model_project(struct vae_model *, float *w); /* likelihood parameters into their range */
struct lik_marginals model_block_marginals(const struct vae_model *, const struct lik_block *);

/* Buffers for a pass over up to ld columns, a record each (or a draw of one, objective.h); with gradients there is room for
 * pseudo-inputs behind those. */
struct model_pass {
    size_t ld;      /* columns in all */
    size_t draws;   /* of z a record */
    struct nn_work enc, dec, down, chances;
    float *x;       /* [d,ld] values in model units; NaN: missing */
    float *seen;    /* [d,ld] what a chain's decoder sees of them, NaN where it does not */
    float *target;  /* [d,ld] what is to be explained: x, or with a chain x where it is not seen */
    float *spare;   /* [d,ld] where target stands with a chain; room while generating */
    float *eps;     /* [neps or zdim,ld] */
    float *code;    /* [k,ld] of codes; */
    float *share, *soft; /* [k * codes,ld] where they are drawn: q, and a draw of the training where no prior's net is given it */
    float *part;    /* [ld] of the divergence, the share of a prior trained along; then its pull */
    double *nll, *kl; /* [ld] */
    struct spell *spell; /* how lines are made; NULL: none are */
    float guidance, *unguided; /* condition_guide(); NULL: off */
    const struct prior *joint; /* trained along, and its room */
    void *prior;
    float *component, *dcomponent; /* pseudo-inputs as the encoder sees them while it is trained, and their gradient */
    size_t pseudo;  /* their first column */
    float *own;     /* what the objective keeps; NULL: nothing */
    const float *weight; /* [ld] what each column counts in the gradients of likelihood parameters; NULL: 1 each */
    void *mem;
};
int model_pass_init(struct model_pass *, const struct vae_model *, size_t ld, bool gradients, struct vae_err *);
void model_pass_free(struct model_pass *);

/* Columns col..col+n-1: rows of x[n,d] (row i at x + index(i)*d) -> pass->x and the encoder's input. */
void model_load_rows(const struct vae_model *, struct model_pass *, size_t col, size_t n, const float *x,
                     const uint64_t *rows);
/* The same for a training step, with its random masks where the model has masks. */
void model_load_masked(const struct vae_model *, struct model_pass *, size_t col, size_t n, const float *x,
                       const uint64_t *rows, uint64_t seed, uint64_t step);
/* pass->x -> what the encoder sees. model_load_rows() does it. */
void model_look(const struct vae_model *, struct model_pass *, size_t col, size_t n);
float *model_h(struct model_pass *); /* encoder outputs [k * heads, ld] */
float *model_z(struct model_pass *); /* decoder inputs [zdim, ld] */

/* features.c: columns col..col+n-1 of the values x[d,ld] -> f[nfeature,ld]. */
int model_place_features(struct vae_model *, struct vae_err *);
void model_features(const struct vae_model *, const float *x, float *f, size_t col, size_t n, size_t ld);
/* Those of value j, which is over cells, as they are in the training rows on average; of cycles there are none then. f: a record's
 * column of f[nfeature,ld]. */
void model_marginal_features(const struct vae_model *, size_t j, float *f, size_t ld);
/* The features of the conditions alone -> f[ncond,ld]. */
void model_condition_features(const struct vae_model *, const float *x, float *f, size_t col, size_t n, size_t ld);

/*
 * condition.c: columns that the nets are told. In a training step they are dropped from some records, so that one model knows
 * p(x given all of them), given some, and p(x).
 */
void condition_drop(const struct vae_model *, struct model_pass *, size_t col, size_t n, uint64_t seed, uint64_t step,
                    const uint64_t *rows);
/* The conditions in pass->x -> the decoder's input (a chain is told them with the columns it sees). */
void condition_look(const struct vae_model *, struct model_pass *, size_t col, size_t n);
/* Of records that the encoder has seen: the features [ncond,ld] of their conditions, with which its input ends. */
static inline const float *condition_told(const struct vae_model *m, const struct model_pass *p) {
    return p->enc.act[0] + (m->nfeature - m->ncond) * p->ld;
}
/* From now on the outputs o of a decoder are o(none) + guidance (o(c) - o(none)): the conditions count for more (guidance above 1)
 * or less (Ho & Salimans 2022, 2207.12598). */
int condition_guide(const struct vae_model *, struct model_pass *, double guidance, struct vae_err *);
/* Does that; model_decode() asks for it. */
void condition_guided(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* Keeps the conditions of some of the rows x[n,d] that have all of them with the model. */
int condition_keep_rows(struct vae_model *, const float *x, size_t n, struct vae_err *);

/* Where the conditions stand in the decoder's input. */
static inline size_t model_told_at(const struct vae_model *m) { return nn_in(&m->dec) - m->dec.more - m->ncond; }

/* raster.c: images of which each pixel is told those before it; else these do nothing. */
void raster_look(const struct vae_model *, struct model_pass *, size_t col, size_t n);
/* z of a full panel -> pass->x, pixel by pixel: means, each given the means before it, or draws. */
void raster_paint(const struct vae_model *, struct model_pass *, bool sample, uint64_t seed, const uint64_t *rows);

/*
 * lines.c: records that are texts; else these do nothing. The decoder is given, behind z, the symbols of the line.
 */
size_t lines_length(const struct vae_model *, const float *x); /* symbols of the line of x[d], its end and those beyond among them */
void lines_look(const struct vae_model *, struct model_pass *, size_t col, size_t n);
/* Of those, a training step keeps some to itself. */
void lines_drop(const struct vae_model *, struct model_pass *, size_t col, size_t n, uint64_t seed, uint64_t step, const uint64_t *rows);
/* VAE_EUSAGE for what a model of lines cannot do, else 0. */
int lines_refuse(const struct vae_model *, const char *what, struct vae_err *);
/* nll[col..] += what lies beyond the positions. */
void lines_beyond(const struct vae_model *, struct model_pass *, size_t col, size_t n);

/*
 * chain.c. p(x|z) = prod over groups g of p(x_g | z, x of the groups before g). The decoder sees any set of columns, as it
 * was trained with random ones, and can do without z (so that p(some columns | others) needs no latents).
 */
static inline size_t model_group(const struct vae_model *m, size_t c) { return c % m->ngroups; }
/* Random masks of a training step for columns col..: hides cells of pass->x, chooses seen and target, switches z off. */
void chain_mask(const struct vae_model *, struct model_pass *, size_t col, size_t n, uint64_t seed, uint64_t step,
                const uint64_t *rows);
/* Nothing is seen, all is target. */
void chain_see_none(const struct vae_model *, struct model_pass *, size_t col, size_t n);
/* seen (and z_off, which it leaves alone) -> the decoder's input behind z. */
void chain_look(const struct vae_model *, struct model_pass *, size_t col, size_t n);
void chain_z_off(const struct vae_model *, struct model_pass *, size_t col, size_t n, bool off);
/* After chain_look(): columns to..to+n-1 have the same records as columns from.., with other draws of z. */
void chain_repeat(const struct vae_model *, struct model_pass *, size_t from, size_t to, size_t n);
/* After the way back: no gradient reaches a z that was switched off. */
void chain_z_gradient(const struct vae_model *, struct model_pass *, size_t col, size_t n);
/* nll[col..] = -log p(x | z) of all values of pass->x by the chain, ngroups passes; z is set. */
void chain_nll(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* An unbiased estimate of it in one pass: a group of each record, chosen by its number. */
void chain_nll_once(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                    const uint64_t *rows);
/* The decoder on what is seen -> outputs. */
void model_decode(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
float *model_o(struct model_pass *); /* decoder outputs */
/* nll[col..] = -log p(target | o), input units. */
void model_nll(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* The same, and dec.grad[dec.n] = its gradient times scale, guides included. */
void model_nll_gradient(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, float scale);

/* errors.c: mse[n] = mean over values of the squared error of the means of the decoder's outputs, which they take the place of; in
 * units of the model, or of the input. */
void model_errors(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, bool input, double *mse);

/* nll and kl of the records in columns col..col+n-1, with the draws of z that pass->eps gives; rows: their numbers. */
void model_bound(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                 const uint64_t *rows);

/*
 * bottleneck.c: columns col..col+n-1 of a pass from the encoder's outputs to z, and what that costs. Each wants what the ones
 * above it leave.
 */
void bottleneck_mean(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* sd[zdim,ld] of the posterior. */
void bottleneck_sd(const struct vae_model *, const float *w, struct model_pass *, float *sd, size_t col, size_t n);
/* z by the noise in pass->eps. */
void bottleneck_draw(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* z by the prior of the objective: the lower level of a ladder holds noise, and then is drawn given the upper one. */
void bottleneck_descend(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* pass->kl = KL(q(z|x) || p(z)), where kl_varies an estimate by the draw; by_latent[latent_dim] (may be NULL) +=
 * its parts, summed over the records. */
void bottleneck_kl(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, double *by_latent);
/* ratio[n] = log p(z) - log q(z|x) of the draw. */
void bottleneck_ratio(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, double *ratio);
/* dec.grad[0] += weight[n] * d(log q(z|x) - log p(z))/dz, h held. Needs latent->slope. */
void bottleneck_slope(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                      const float *weight);
/* A pass of the training: z and pass->kl; and the gradient in dec.grad[0], that of z from behind, -> enc.grad[enc.n], with
 * scale * beta * KL. */
struct model_objective;
void bottleneck_train(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                      const struct model_objective *, const struct nn_noise *);
void bottleneck_backward(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                         const struct model_objective *, const struct nn_noise *);
/* Weights of its own: tasks of their gradient over columns 0..n-1, and one of them. */
size_t bottleneck_grad_tasks(const struct vae_model *);
void bottleneck_grad(const struct vae_model *, const float *w, struct model_pass *, size_t task, size_t n, float *dw);
/* What a prior trained along sees of columns. */
struct prior_panel bottleneck_panel(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);

/*
 * pseudo.c: where the prior is made of pseudo-inputs; else these do nothing. n records stand in columns 0..n-1.
 */
/* Before the shards of a batch, of training or validation; and behind those of training. */
void pseudo_forward(const struct vae_model *, const float *w, struct model_pass *, size_t n, struct pool *);
void pseudo_backward(const struct vae_model *, const float *w, struct model_pass *, struct pool *);
void pseudo_grad(const struct vae_model *, const struct model_pass *, float *dw);
/* They start as random rows of x[n,d]; and are encoded for good: prior_param. 0 or VAE_EOS. */
int pseudo_start(struct vae_model *, const float *x, size_t n, uint64_t seed, struct vae_err *);
int pseudo_settle(struct vae_model *, struct vae_err *);

/* What a step makes small: scale * sum over records of (nll + beta KL), or what another row of the table says. */
struct objective;
struct model_objective {
    float scale, beta, free_nats;
    const struct objective *kind; /* NULL: the ELBO */
    float weight;                 /* of its own term */
    size_t batch;                 /* records of the step, in columns 0..batch-1 */
    size_t population;            /* training rows they are from */
    float temperature; /* of codes that are drawn */
};
/* Room in the pass for what it keeps, and for `draws` draws a record (ld must be that many times the records). */
int model_pass_serve(struct model_pass *, const struct vae_model *, const struct objective *, size_t draws, struct vae_err *);
/* A training pass over columns of loaded records, by the noise in pass->eps: leaves nll and kl for them, and in the
 * activations gradients that are ready for model_grad(). */
void model_train_shard(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                       const struct model_objective *, const struct nn_noise *);
/* The same in three, for objectives in which the records of a step know of one another: all columns are through one part before
 * any is in the next. */
bool model_couples(const struct model_objective *);
void model_train_encode(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                        const struct model_objective *, const struct nn_noise *);
void model_train_couple(const struct vae_model *, struct model_pass *, size_t col, size_t n, const struct model_objective *);
void model_train_decode(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                        const struct model_objective *, const struct nn_noise *);
/* nll + kl of the records in columns col.. = minus the bound that the objective is judged by; rows: their numbers. */
void model_judge(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                 const struct model_objective *, const uint64_t *rows);
/* Tasks of the gradient of all weights over the n records in columns 0..n-1, and one of them. */
size_t model_grad_tasks(const struct vae_model *);
void model_grad(const struct vae_model *, const float *w, struct model_pass *, size_t task, size_t n, float scale,
                float *dw);


json_t *model_config_json(const struct model_config *); /* as a model file has it; NULL when out of memory */
/* The same model once more: what its file would say. */
struct vae_model *model_copy(const struct vae_model *, struct vae_err *);
/* What a prior of this model is over. */
struct prior_space model_prior_space(const struct vae_model *, const struct prior *);
/* The prior to draw from, and what it is over. */
void model_set_prior(struct vae_model *, const struct prior *);
void model_exemplars_free(struct model_exemplars *); /* leaves none */
void model_denoiser_free(struct model_denoiser *);
/* Forgets what was fitted and measured behind the training: the prior to draw from, scores for p-values, kept conditions. */
void model_forget(struct vae_model *);
/* The model in the n bytes of a file (vae_model_load() reads one); name is for messages. NULL and err. */
struct vae_model *model_parse(const void *p, size_t n, const char *name, struct vae_err *);

#endif
