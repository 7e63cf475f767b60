/* vae-fit.c - records in, a model out. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

static struct vae_fit_opts fit; /* most options write straight into it */
static struct {
    const char *log;
    int purpose, progress;
    struct cli_counts hidden;
    struct cli_list as, levels, missing, condition;
    bool no_calibrate;
} o;

static const char *latent_name(size_t i) { return vae_latent(i, NULL); }
static const char *lik_name(size_t i) { return vae_likelihood(i, NULL); }
static const char *prior_name(size_t i) { return vae_prior(i, NULL); }

static const char *net_name(size_t i) {
    static const char *const name[] = {"residual", "mlp"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *sd_name(size_t i) {
    static const char *const name[] = {"column", "shared", "record"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *purpose_name(size_t i) {
    static const char *const name[] = {"generate", "detect", "reduce"}; /* in the order of enum vae_purpose */
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *progress_name(size_t i) {
    static const char *const name[] = {"auto", "always", "never"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const struct cli_opt options[] = {
    {.c = 'm', .name = "model", .arg = "FILE", .kind = CLI_TEXT, .to = &cli.model,
     .help = "the model file to write, else $VAE_MODEL"},
    {.name = "for", .arg = "PURPOSE", .kind = CLI_CHOICE, .to = &o.purpose, .names = purpose_name,
     .help = "what the model is for"},
    {.name = "as", .arg = "COL=KIND", .kind = CLI_LIST, .to = &o.as,
     .help = "what a column is: number, count, ordinal, binary, category, time, id, text"},
    {.name = "levels", .arg = "COL=A|B|C", .kind = CLI_TEXTS, .to = &o.levels,
     .help = "levels of a column, in their order"},
    {.name = "missing", .arg = "TEXTS", .kind = CLI_LIST, .to = &o.missing,
     .help = "cells that mean missing, else empty, NA, NaN, ?, null"},
    {.name = "schema", .arg = "FILE", .kind = CLI_TEXT, .to = &fit.schema,
     .help = "kinds and levels of columns, as vae-info --schema prints them"},
    {.c = 'c', .name = "condition", .arg = "COLS", .kind = CLI_LIST, .to = &o.condition,
     .help = "columns (names or numbers) the model is told and does not explain"},
    {.c = 'l', .name = "latent-dim", .arg = "N", .kind = CLI_COUNT, .to = &fit.latent_dim, .lo = 1, .hi = 4096,
     .help = "latents"},
    {.name = "latent", .arg = "KIND", .kind = CLI_NAME, .to = &fit.latent, .names = latent_name,
     .help = "family of the posterior"},
    {.name = "net", .arg = "KIND", .kind = CLI_NAME, .to = &fit.net, .names = net_name, .help = "network"},
    {.name = "hidden", .arg = "N,N...", .kind = CLI_COUNTS, .to = &o.hidden, .lo = 1, .hi = 65536,
     .help = "units of the encoder's layers; the decoder's are the same from the end"},
    {.name = "act", .arg = "NAME", .kind = CLI_NAME, .to = &fit.act, .names = vae_activation, .help = "activation"},
    {.name = "lik", .arg = "KIND", .kind = CLI_NAME, .to = &fit.lik, .names = lik_name, .help = "likelihood"},
    {.name = "sd", .arg = "KIND", .kind = CLI_NAME, .to = &fit.sd, .names = sd_name,
     .help = "standard deviations of gaussian and student likelihoods"},
    {.name = "prior", .arg = "KIND", .kind = CLI_NAME, .to = &fit.prior, .names = prior_name,
     .help = "what vae-gen draws latents from"},
    {.name = "beta", .arg = "B", .kind = CLI_REAL, .to = &fit.beta, .hi = 1e6, .help = "weight of the KL term"},
    {.name = "warmup", .arg = "SHARE", .kind = CLI_REAL, .to = &fit.warmup, .hi = 1,
     .help = "share of the steps over which beta rises"},
    {.name = "free-bits", .arg = "NATS", .kind = CLI_REAL, .to = &fit.free_bits, .hi = 1e6,
     .help = "KL a latent may have for nothing while beta rises"},
    {.name = "steps", .arg = "N", .kind = CLI_COUNT, .to = &fit.steps, .lo = 1, .help = "steps of the optimiser"},
    {.name = "epochs", .arg = "N", .kind = CLI_COUNT, .to = &fit.epochs, .lo = 1, .hi = 1e9,
     .help = "passes over the data, where --steps is not given"},
    {.name = "batch", .arg = "N", .kind = CLI_COUNT, .to = &fit.batch, .lo = 1, .hi = 65536, .help = "records a step"},
    {.name = "lr", .arg = "RATE", .kind = CLI_REAL, .to = &fit.lr, .lo = 1e-12, .hi = 10, .help = "learning rate"},
    {.name = "decay", .arg = "D", .kind = CLI_REAL, .to = &fit.decay, .hi = 10, .help = "weight decay"},
    {.name = "dropout", .arg = "P", .kind = CLI_REAL, .to = &fit.dropout, .hi = 0.95, .help = "share of units dropped"},
    {.name = "valid", .arg = "SHARE", .kind = CLI_REAL, .to = &fit.valid, .hi = 0.9,
     .help = "share of the rows held out to stop the training"},
    {.name = "patience", .arg = "N", .kind = CLI_COUNT, .to = &fit.patience, .hi = 1e9, .given = &fit.patience_set,
     .help = "points of the curve without a gain before it stops, 0: never"},
    {.name = "no-calibrate", .kind = CLI_FLAG, .to = &o.no_calibrate, .help = "keep no rows apart for p-values"},
    {.name = "max-memory", .arg = "SIZE", .kind = CLI_BYTES, .to = &fit.max_memory,
     .help = "for the data (k, M, G, T), else half of the machine's"},
    {.name = "log", .arg = "FILE", .kind = CLI_TEXT, .to = &o.log, .help = "write the curve to FILE as CSV"},
    {.name = "progress", .arg = "WHEN", .kind = CLI_CHOICE, .to = &o.progress, .names = progress_name,
     .help = "show how far it is"},
    CLI_OPT_SEED,
    CLI_OPT_KEEP,
    CLI_OPT_LABELS,
    CLI_OPT_FROM,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_THREADS,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-fit", "[FILE ...]",
    "Fits a variational autoencoder to records and writes it to a model file. What no\n"
    "option says is chosen from the data.",
    options,
};

/* ---- the curve ----------------------------------------------------------------------------------------- */

struct curve {
    FILE *file; /* NULL: none wanted, or lost */
    const char *name;
    struct vae_err err; /* why it was lost */
    bool show;          /* progress on standard error */
    size_t step;        /* the last one heard of */
};

/* Training goes on without the curve; the status tells in the end. */
static void lose_curve(struct curve *c) {
    cli_fail(&c->err, VAE_EIO, "%s: %s", c->name, cli_reason(errno));
    if (c->file != stdout)
        fclose(c->file);
    c->file = NULL;
    cli_progress_clear();
    cli_warn("%s; training goes on", c->err.msg);
}

static bool open_curve(struct curve *c, struct vae_err *err) {
    bool standard = o.log && !strcmp(o.log, "-");
    if (!o.log)
        return true;
    c->name = standard ? "standard output" : o.log;
    c->file = standard ? stdout : fopen(o.log, "we");
    if (!c->file)
        cli_fail(err, VAE_ECREATE, "%s: %s", c->name, cli_reason(errno));
    else if (fputs("step,recon,kl,beta,elbo,valid\n", c->file) < 0 || fflush(c->file) != 0)
        cli_fail(err, VAE_EIO, "%s: %s", c->name, cli_reason(errno));
    return err->code == 0;
}

static void add_point(struct curve *c, const struct vae_progress *p) {
    char valid[32] = "";
    if (isfinite(p->valid)) /* as an ELBO, to stand beside elbo */
        snprintf(valid, sizeof valid, "%.9g", -p->valid);
    if (fprintf(c->file, "%zu,%.9g,%.9g,%.9g,%.9g,%s\n", p->step, p->recon, p->kl, p->beta, p->elbo, valid) < 0 ||
        fflush(c->file) != 0)
        lose_curve(c);
}

static void close_curve(struct curve *c) {
    FILE *f = c->file;
    c->file = NULL;
    if (f && f != stdout && fclose(f) != 0)
        cli_fail(&c->err, VAE_EIO, "%s: %s", c->name, cli_reason(errno));
}

/* Called by vae_fit(). While it reads there is nothing to end in order, and a read that waits would not notice. */
static bool report(void *ctx, const struct vae_progress *p) {
    struct curve *c = ctx;
    static bool catching;
    if (!catching && strcmp(p->stage, "reading") != 0) {
        cli_signals_catch();
        catching = true;
    }
    c->step = p->step ? p->step : c->step;
    if (p->point && c->file)
        add_point(c, p);
    if (c->show)
        cli_progress(p);
    return cli_signal_caught();
}

/* ---- the report ---------------------------------------------------------------------------------------- */

static void tell_kl(const struct vae_fit_report *rep) {
    char text[400];
    size_t n = 0, shown = 0;
    for (; rep->kl && shown < rep->latents && n + 24 < sizeof text; shown++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %.2f", rep->kl[shown]);
    if (shown > 0)
        cli_note("KL of each latent:%s%s", text, shown < rep->latents ? " ..." : "");
}

/* Columns that nobody asked to keep: what was taken for a number may have been meant as one. */
static void tell_carried(const struct vae_model *m) {
    char text[600] = "", name[64];
    const char *column, *kind;
    size_t at = 0, more = 0;
    for (size_t i = 0; (column = vae_model_carried(m, i, &kind)); i++) {
        if (!strcmp(kind, "kept"))
            continue;
        vae_quote(name, sizeof name, column, strlen(column));
        if (more || at + strlen(name) + sizeof ", 12345 (text)" > 200)
            more++;
        else
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s (%s)", at ? ", " : "", name, kind);
    }
    if (more)
        snprintf(text + at, sizeof text - at, " and %zu more", more);
    if (at)
        cli_note("carried, not modelled: %s", text);
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

static void tell(const struct vae_fit_report *rep, const struct vae_model *m) {
    char beside[128] = "";
    size_t n = 0;
    if (rep->assumed)
        cli_warn("%s", rep->assumed);
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
    tell_kl(rep);
    judge(rep);
    if (rep->calibration_rows)
        cli_note("p-values from %llu rows; an anomaly is a row with p <= %.3g",
                 (unsigned long long)rep->calibration_rows, rep->alpha);
    cli_note("%s: model %.12s", cli.model, vae_model_id(m));
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static void resolve_options(void) {
    fit.purpose = (enum vae_purpose)o.purpose;
    fit.nhidden = o.hidden.n;
    memcpy(fit.hidden, o.hidden.item, sizeof o.hidden.item);
    fit.calibrate = !o.no_calibrate;
    fit.as = o.as.item, fit.nas = o.as.n;
    fit.levels = o.levels.item, fit.nlevels = o.levels.n;
    fit.condition = o.condition.item, fit.ncondition = o.condition.n;
    fit.missing = o.missing.item, fit.nmissing = o.missing.n;
    fit.skip_bad = cli.skip_bad;
    fit.seed = cli.seed.value;
    fit.threads = cli.threads;
    if (fit.steps && fit.epochs)
        cli_usage("--steps and --epochs say the same; leave one out");
}

/* Would the model take the place of a file that is to be read? */
static bool spares_data(struct cli_run *r, char *const *paths, size_t n) {
    struct stat model, data;
    if (stat(cli.model, &model) != 0 || !S_ISREG(model.st_mode))
        return true;
    for (size_t i = 0; i < n || i == 0; i++) {
        bool standard = n == 0 || !strcmp(paths[i], "-");
        if ((standard ? fstat(STDIN_FILENO, &data) : stat(paths[i], &data)) == 0 && data.st_dev == model.st_dev &&
            data.st_ino == model.st_ino)
            return cli_fail(&r->err, VAE_EUSAGE, "-m %s would overwrite the data; give the model another name", cli.model) == 0;
    }
    return true;
}

/* Trains and saves; r->model is there where that went well. */
static void train(struct cli_run *r, struct curve *c) {
    struct vae_fit_report rep = {0};
    c->show = o.progress == PROGRESS_ALWAYS || (o.progress == PROGRESS_AUTO && !cli.quiet && isatty(STDERR_FILENO) &&
                                                cli.log_format == CLI_LOG_TEXT);
    fit.report = report;
    fit.ctx = c;
    r->model = vae_fit(r->in, &fit, &rep, &r->err);
    cli_progress_clear();
    close_curve(c);
    r->rows = rep.rows;
    r->bad_rows = rep.bad_rows;
    if (cli_signal_caught() || r->err.code == VAE_ESTOP) {
        cli_fail(&r->err, VAE_ESTOP, "stopped at step %zu; %s is as it was", c->step, cli.model);
        return;
    }
    if (!r->model || vae_model_save(r->model, cli.model, &r->err) < 0)
        return;
    r->err = c->err;
    tell(&rep, r->model);
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    struct curve c = {0};
    vae_fit_defaults(&fit);
    size_t n = cli_begin(&command, argc, argv);
    resolve_options();
    if (!cli.model)
        cli_model(&r, NULL);
    else if (spares_data(&r, argv + 1, n) && vae_model_can_save(cli.model, &r.err) == 0 && open_curve(&c, &r.err) &&
             cli_in(&r, argv + 1, n, NULL))
        train(&r, &c);
    int status = cli_end(&r);
    cli_signal_raise();
    return status;
}
