/* cli_fit_report.c - what vae-fit tells at the end: what was fitted, and whether it earns its keep. */
#include "cli.h"

#include <math.h>
#include <string.h>

static void tell_kl(const struct vae_fit_report *rep) {
    char text[400];
    size_t n = 0, shown = 0;
    for (; rep->kl && shown < rep->latents && n + 24 < sizeof text; shown++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %.2f", rep->kl[shown]);
    if (shown > 0)
        cli_note("KL of each latent:%s%s", text, shown < rep->latents ? " ..." : "");
}

static void tell_codes(const struct vae_fit_report *rep) {
    if (rep->codes)
        cli_note("codes of %zu values, %.0f %% of them in use, perplexity %.2f; %.2f bits a record, %.2f if all were alike", rep->codes,
                 100 * rep->code_usage, rep->code_perplexity, rep->code_nats / log(2),
                 (double)rep->latents * log2((double)rep->codes));
}

/* Columns of one kind, or with NULL those of all kinds that nobody asked to keep and that have no line of their own, with their kinds
 * behind; how many there are. */
static size_t list_carried(const struct vae_model *m, const char *of, char *text, size_t size) {
    char name[64];
    const char *column, *kind;
    size_t at = 0, n = 0, more = 0;
    *text = 0;
    for (size_t i = 0; (column = vae_model_carried(m, i, &kind)); i++) {
        if (of ? strcmp(kind, of) != 0 : !strcmp(kind, "kept") || !strcmp(kind, "counter") || !strcmp(kind, "clock"))
            continue;
        vae_quote(name, sizeof name, column, strlen(column));
        n++;
        if (more || at + strlen(name) + sizeof ", 12345 (text)" > 200)
            more++;
        else if (of)
            at += (size_t)snprintf(text + at, size - at, "%s'%s'", at ? ", " : "", name);
        else
            at += (size_t)snprintf(text + at, size - at, "%s%s (%s)", at ? ", " : "", name, kind);
    }
    if (more)
        snprintf(text + at, size - at, " and %zu more", more);
    return n;
}

/* What was taken for a number or a time may have been meant as one. */
static void tell_carried(const struct vae_model *m) {
    char text[600];
    size_t n;
    if (list_carried(m, NULL, text, sizeof text))
        cli_note("carried, not modelled: %s", text);
    if ((n = list_carried(m, "counter", text, sizeof text)))
        cli_note("column%s %s only count%s up: carried, not modelled (--diff COL models the steps, --as COL=number %s)", n > 1 ? "s" : "",
                 text, n > 1 ? "" : "s", n > 1 ? "one" : "it");
    if ((n = list_carried(m, "clock", text, sizeof text)))
        cli_note("column%s %s only go%s forward: carried, and told where in the day, week and year a row stands, not modelled "
                 "(--as COL=time models %s)", n > 1 ? "s" : "", text, n > 1 ? "" : "es", n > 1 ? "one" : "it");
}

/* Whether the latents are idle, and what was done about that. */
static void tell_collapse(const struct vae_fit_report *rep, double beta) {
    if (rep->answered && !rep->collapsed)
        cli_note("the latents had collapsed; a second training, with a longer warm-up, has them carry something");
    else if (rep->answered)
        cli_warn("the latents have collapsed, and a second training with a longer warm-up did no better: they tell nothing of a row");
    else if (rep->collapsed && rep->chain)
        cli_note("the latents are idle: columns tell one another all there is to tell (new rows need no more; --for reduce has latents "
                 "that carry)");
    else if (rep->collapsed && (beta > 1 || isfinite(rep->asked)))
        cli_note("the latents are idle, as that weight of the KL asks for");
    else if (rep->collapsed)
        cli_note("the latents are idle: there seems to be nothing that columns could tell of one another");
}

/* What --capacity or --target-mse came to. */
static void tell_reached(const struct vae_fit_report *rep, bool capacity) {
    const char *what = capacity ? "KL" : "squared error", *option = capacity ? "--capacity" : "--target-mse";
    double off = rep->reached / rep->asked;
    if (off > 0.8 && off < 1.25)
        cli_note("%s %.4g where %s asks for %.4g", what, rep->reached, option, rep->asked);
    else if (isfinite(rep->asked))
        cli_warn("%s %.4g where %s asks for %.4g: it takes more steps, or more latents or units, or cannot be", what, rep->reached,
                 option, rep->asked);
}

static void judge(const struct vae_fit_report *rep) {
    double gain = rep->elbo - rep->independent, linear = rep->elbo - rep->ppca;
    double noise = isfinite(rep->elbo_se) ? 2 * rep->elbo_se : 0;
    if (!isfinite(gain))
        return;
    if (rep->chain && gain <= noise)
        cli_note("what columns tell of one another is not counted: the bound is that of the latents alone");
    else if (rep->chain)
        cli_note("latents alone explain %.4g nats a record more than independent columns; what columns tell of one another is not "
                 "counted", gain);
    else if (gain <= noise)
        cli_note("the model does not clearly explain more than independent columns do");
    else if (isfinite(linear) && linear < -noise)
        cli_note("the model explains %.4g nats a record more than independent columns, but %.4g less than a linear one",
                 gain, -linear);
    else
        cli_note("the model explains %.4g nats a record more than independent columns", gain);
}

/* What to try next, in one line; nothing where nothing stands out. */
static void tell_next(const struct vae_fit_report *rep, const struct vae_fit_opts *opts) {
    static const double used = 0.3, loose = 2; /* nats: a latent that is well in use; a bound that is far off */
    static const double late = 0.005;          /* of what there is to gain, in the last fifth of the steps */
    enum { SHORT = 100 };                      /* steps after which nothing else can be told */
    double least = INFINITY, gain = rep->elbo - rep->independent;
    bool clear = gain > 2 * rep->elbo_se, plain = opts->objective ? !strcmp(opts->objective, "elbo") : true;
    if (rep->collapsed)
        return;
    for (size_t j = 0; rep->kl && j < rep->latents; j++)
        least = rep->kl[j] < least ? rep->kl[j] : least;
    if (rep->best_step == rep->steps && (rep->steps < SHORT || rep->late_gain > late * fmax(gain, 0)))
        cli_note("next: it was still getting better at the end; give it more steps (--steps, --budget)");
    else if (!clear || !plain)
        return; /* what a bound would gain is not what was asked for, or not there */
    else if (!rep->chain && rep->latents > 1 && 2 * rep->active_units < rep->latents)
        cli_note("next: %zu latent%s would do (-l)", rep->active_units ? rep->active_units : 1, rep->active_units > 1 ? "s" : "");
    else if (!rep->chain && least > used && rep->latents < rep->values)
        cli_note("next: every latent is in use; try more of them (-l %zu)", 2 * rep->latents);
    else if (rep->iw - rep->elbo > loose)
        cli_note("next: the ELBO is %.1f nats below a better bound; a richer posterior would close that (--latent, --objective)",
                 rep->iw - rep->elbo);
}

void cli_fit_report(const struct vae_fit_report *rep, const struct vae_fit_opts *opts, const struct vae_model *m) {
    char beside[128] = "";
    size_t n = 0;
    if (rep->assumed)
        cli_warn("%s", rep->assumed);
    if (*rep->label)
        cli_warn("column '%s' looks like the labels, and the model has learnt it; -k %s keeps it out", rep->label, rep->label);
    if (rep->unknown)
        cli_warn("%llu cell%s no level the older model knows: taken for rare ones; a fit from nothing would learn them",
                 (unsigned long long)rep->unknown, rep->unknown == 1 ? " holds" : "s hold");
    if (rep->longer)
        cli_warn("%llu line%s longer than there is room for: what lies beyond is left out of the latents (--line-length)",
                 (unsigned long long)rep->longer, rep->longer == 1 ? " is" : "s are");
    tell_carried(m);
    const char *s = rep->latents == 1 ? "" : "s";
    cli_note("%llu rows of %llu value%s; %zu latent%s, %zu of them active; %llu weights; best of %zu steps: %zu",
             (unsigned long long)rep->rows, (unsigned long long)rep->values, rep->values == 1 ? "" : "s", rep->latents, s,
             rep->active_units, (unsigned long long)rep->weights, rep->steps, rep->best_step);
    if (isfinite(rep->independent))
        n = (size_t)snprintf(beside, sizeof beside, "; independent columns %.4f", rep->independent);
    if (isfinite(rep->ppca))
        snprintf(beside + n, sizeof beside - n, "; PCA with %zu latent%s %.4f", rep->latents, s, rep->ppca);
    cli_note("%s ELBO %.4f +- %.4f nats a record%s", rep->held_out ? "held-out" : "in-sample (too few rows)", rep->elbo,
             rep->elbo_se, beside);
    if (isfinite(rep->iw))
        cli_note("importance-weighted bound %.4f +- %.4f: %d draws for %llu rows, effective sample size %.1f", rep->iw,
                 rep->iw_se, rep->iw_draws, (unsigned long long)rep->iw_rows, rep->iw_ess);
    tell_kl(rep);
    tell_codes(rep);
    for (size_t i = 0; i < rep->nrate; i++)
        if (isnan(rep->rate[i].rate))
            cli_warn("at beta %g: training diverged", rep->rate[i].beta);
        else
            cli_note("at beta %g: rate %.4f, distortion %.4f nats a record", rep->rate[i].beta, rep->rate[i].rate,
                     rep->rate[i].distortion);
    tell_reached(rep, isnan(opts->target_mse));
    tell_collapse(rep, opts->beta);
    judge(rep);
    tell_next(rep, opts);
    if (rep->calibration_rows)
        cli_note("p-values from %llu rows; an anomaly is a row with p <= %.3g",
                 (unsigned long long)rep->calibration_rows, rep->alpha);
    cli_note("%s: model %.12s", cli.model, vae_model_id(m));
}
