/* choose.c - every choice that the options leave open, made from the shape of the data: here how long and by what a model is trained,
 * and what it keeps for scores; choose_columns.c and choose_model.c say the rest. Defaults stand in these three alone. */
#include <math.h>

#include "base/err.h"
#include "fit/fit.h"
#include "fit/schedule.h"

enum { MANY_ROWS = 2000, COSTLY_ROWS = 200 /* where a fit is slow: of images */ };
enum { FOLDS = 5, CAL_ROWS = 1000, AGAIN = 5 /* a model that begins with another needs fewer steps */ };
enum { DRAWS = 5 /* of z a record, where an objective takes several (1509.00519 has 1, 5 and 50) */ };

/* Share of contaminated rows that is left out: more than most are odd, and those that are not do little harm by it. */
static const double TRIM = 0.1;
static const double ALPHA = 0.001;
static const double LINE_NATS = 6; /* that the latents of a line of text carry */

/* Floating-point operations of a fit, unless told: some five minutes of two cores of 2024. Those of convolutions take longer. */
static const double WORK = 1e14, CHAIN_WORK = 5e13, IMAGE_WORK = 3e13;

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

/* Features of a record, nearly: what bins and levels will be. */
static size_t features(const struct schema *s, const struct fit_plan *p) {
    size_t n = 0;
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        n += col->transform == &schema_level ? col->levels.n : col->width * (col->transform == &schema_bins ? p->bins : 1);
    }
    return n;
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
        double most = work / (3 * (1 + (double)c->draws) * fit_weights(m, r->schema, nfeatures) * (double)c->batch);
        steps = steps > most ? most : steps;
        double least = m->recurrent ? 500 : o->purpose == VAE_FOR_DETECT ? 1000 : 2000;
        steps = steps < least ? least : steps > 20000 ? 20000 : steps;
        steps = o->init ? steps / AGAIN : steps;
    }
    fit_set_steps(c, (size_t)steps);
    c->patience = o->patience_set ? o->patience : 12;
    c->lr = (float)fit_or(o->lr, m->recurrent ? 5e-3 : m->nchannels ? 2e-3 : 1e-3);
    c->decay = (float)fit_or(o->decay, 0.01);
    /* latents that carry more, where what comes back is what counts */
    c->beta = (float)fit_or(o->beta, o->purpose == VAE_FOR_REDUCE ? 0.1 : 1);
    c->cycles = o->cycles;
    c->capacity = fit_or(o->capacity, 0), c->target_mse = fit_or(o->target_mse, 0);
    /* symbols tell one another so much that latents would be left idle */
    bool said = o->cycles || !isnan(o->beta) || !isnan(o->target_mse) || !isnan(o->free_bits) || !isnan(o->capacity);
    if (m->recurrent && o->purpose == VAE_FOR_GENERATE && !said)
        c->capacity = LINE_NATS;
    c->warmup = (float)fit_or(o->warmup, c->cycles ? 0.5 : schedule_watches(c) ? 0.3 : o->init ? 0 : 0.2);
    c->free_nats = (float)fit_or(o->free_bits, 0);
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
        c->weight = (float)(kind == weight[i].of ? fit_or(weight[i].value, kind->weight) : (double)c->weight);
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
        e = fit_choose_columns(o, r, p, err);
        e = e ? e : fit_choose_model(o, r, p, err);
    }
    if (!e)
        e = choose_objective(o, &p->model, &p->train, err);
    if (e)
        return e;
    choose_training(o, r, &p->model, o->init ? o->init->nfeature : features(r->schema, p), &p->train);
    p->valid = fit_or(o->valid, 0.1);
    p->alpha = fit_or(o->contamination, fit_or(o->alpha, ALPHA));
    bool detect = o->purpose == VAE_FOR_DETECT;
    bool rows = detect && !schema_line(r->schema) && !fit_centre(r->schema); /* are to be compared with others */
    p->exemplars = rows && o->exemplars, p->denoiser = rows && !o->exemplars;
    p->trim = o->contaminated ? fit_or(o->contamination, TRIM) : 0;
    if (o->contaminated && !detect)
        return err_set(err, VAE_EUSAGE, "--contaminated goes with --for detect");
    if (o->calibrate && r->n >= (p->model.nchannels ? COSTLY_ROWS : MANY_ROWS)) {
        /* new rows want all the rows there are more than p-values do */
        p->ncal = r->n / (p->model.chain ? 20 : 5);
        if (!detect && p->ncal > CAL_ROWS)
            p->ncal = CAL_ROWS;
    } else if (o->calibrate && r->n >= 4 * FOLDS) {
        p->folds = FOLDS;
    }
    return 0;
}
