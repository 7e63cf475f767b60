/* vae-fit.c - records in, a model out. */
#include "cli.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

static struct vae_fit_opts fit; /* most options write straight into it */
static struct {
    const char *log, *loss, *checkpoint, *init;
    int purpose, progress, split, symbols;
    bool text;
    bool purpose_given;
    struct cli_counts hidden, channels;
    struct cli_reals rates;
    struct cli_list as, levels, missing, condition;
    bool no_calibrate, contaminated, no_exemplars;
} o;

static const char *latent_name(size_t i) { return vae_latent(i, NULL); }
static const char *lik_name(size_t i) { return vae_likelihood(i, NULL); }
static const char *objective_name(size_t i) { return vae_objective(i, NULL); }
static const char *prior_name(size_t i) { return vae_prior(i, NULL); }

/* Losses in the words people know: the likelihoods that they are -log p of, the first one where nothing says which. */
static const struct {
    const char *name, *lik[2], *sd;
} losses[] = {{.name = "mse", .lik = {"gaussian"}, .sd = "shared"},
              {.name = "bce", .lik = {"bernoulli"}},
              {.name = "ce", .lik = {"binned", "categorical"}}};

static const char *loss_name(size_t i) { return i < sizeof losses / sizeof *losses ? losses[i].name : NULL; }

static const char *net_name(size_t i) {
    static const char *const name[] = {"residual", "mlp", "conv", "raster", "gru"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *sd_name(size_t i) {
    static const char *const name[] = {"column", "shared", "record", "unit"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *purpose_name(size_t i) {
    static const char *const name[] = {"generate", "detect", "reduce"}; /* in the order of enum vae_purpose */
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *split_name(size_t i) {
    static const char *const name[] = {"random", "time"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *symbols_name(size_t i) {
    static const char *const name[] = {"chars", "bytes"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const char *progress_name(size_t i) {
    static const char *const name[] = {"auto", "always", "never"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const struct cli_opt options[] = {
    {.c = 'm', .name = "model", .arg = "FILE", .kind = CLI_TEXT, .to = &cli.model,
     .help = "the model file to write, else $VAE_MODEL"},
    {.name = "init", .arg = "FILE", .kind = CLI_TEXT, .to = &o.init,
     .help = "begin with this model: its columns, its sizes, its weights"},
    {.name = "for", .arg = "PURPOSE", .kind = CLI_CHOICE, .to = &o.purpose, .names = purpose_name, .given = &o.purpose_given,
     .help = "what the model is for"},
    {.name = "as", .arg = "COL=KIND", .kind = CLI_LIST, .to = &o.as,
     .help = "what a column is: number, count, ordinal, binary, category, time, line, id, text"},
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
    {.name = "codebook", .arg = "N", .kind = CLI_COUNT, .to = &fit.codebook, .lo = 2, .hi = 4096,
     .help = "values of a code, where latents are codes"},
    {.name = "net", .arg = "KIND", .kind = CLI_NAME, .to = &fit.net, .names = net_name, .help = "network"},
    {.name = "hidden", .arg = "N,N...", .kind = CLI_COUNTS, .to = &o.hidden, .lo = 1, .hi = 65536,
     .help = "units of the encoder's layers; the decoder's are the same from the end"},
    {.name = "channels", .arg = "N,N...", .kind = CLI_COUNTS, .to = &o.channels, .lo = 1, .hi = 4096,
     .help = "channels of the encoder's convolutions, each of which halves the image"},
    {.name = "act", .arg = "NAME", .kind = CLI_NAME, .to = &fit.act, .names = vae_activation, .help = "activation"},
    {.name = "lik", .arg = "KIND", .kind = CLI_NAME, .to = &fit.lik, .names = lik_name, .help = "likelihood"},
    {.name = "loss", .arg = "NAME", .kind = CLI_NAME, .to = &o.loss, .names = loss_name,
     .help = "likelihood by its common name"},
    {.name = "sd", .arg = "KIND", .kind = CLI_NAME, .to = &fit.sd, .names = sd_name,
     .help = "scales of gaussian, laplace and student likelihoods"},
    {.name = "prior", .arg = "KIND", .kind = CLI_NAME, .to = &fit.prior, .names = prior_name,
     .help = "what vae-gen draws latents from"},
    {.name = "objective", .arg = "KIND", .kind = CLI_NAME, .to = &fit.objective, .names = objective_name,
     .help = "what training makes small"},
    {.name = "samples", .arg = "K", .kind = CLI_COUNT, .to = &fit.samples, .lo = 1, .hi = 256,
     .help = "draws of the latents a record and step, for --objective iwae"},
    {.name = "tc", .arg = "W", .kind = CLI_REAL, .to = &fit.tc, .hi = 1e6,
     .help = "weight of the total correlation, for --objective tc"},
    {.name = "mmd", .arg = "W", .kind = CLI_REAL, .to = &fit.mmd, .hi = 1e9,
     .help = "weight of the discrepancy from the prior, for --objective mmd"},
    {.name = "beta", .arg = "B", .kind = CLI_REAL, .to = &fit.beta, .hi = 1e6, .help = "weight of the KL term"},
    {.name = "warmup", .arg = "SHARE", .kind = CLI_REAL, .to = &fit.warmup, .hi = 1,
     .help = "share of the steps over which beta rises"},
    {.name = "free-bits", .arg = "NATS", .kind = CLI_REAL, .to = &fit.free_bits, .hi = 1e6,
     .help = "KL a latent may have for nothing while beta rises"},
    {.name = "cycles", .arg = "N", .kind = CLI_COUNT, .to = &fit.cycles, .lo = 1, .hi = 1000,
     .help = "let beta rise so many times"},
    {.name = "capacity", .arg = "NATS", .kind = CLI_REAL, .to = &fit.capacity, .lo = 1e-3, .hi = 1e6,
     .help = "hold the KL at so much, instead of --beta"},
    {.name = "target-mse", .arg = "X", .kind = CLI_REAL, .to = &fit.target_mse, .lo = 1e-30, .hi = 1e30,
     .help = "hold the squared error of a value at X, instead of --beta"},
    {.name = "steps", .arg = "N", .kind = CLI_COUNT, .to = &fit.steps, .lo = 1, .help = "steps of the optimiser"},
    {.name = "epochs", .arg = "N", .kind = CLI_COUNT, .to = &fit.epochs, .lo = 1, .hi = 1e9,
     .help = "passes over the data, where --steps is not given"},
    {.name = "budget", .arg = "TIME", .kind = CLI_TIME, .to = &fit.budget, .lo = 1e-3,
     .help = "time the whole fit may take (s, m, h), instead of --steps"},
    {.name = "batch", .arg = "N", .kind = CLI_COUNT, .to = &fit.batch, .lo = 1, .hi = 65536, .help = "records a step"},
    {.name = "lr", .arg = "RATE", .kind = CLI_REAL, .to = &fit.lr, .lo = 1e-12, .hi = 10, .help = "learning rate"},
    {.name = "decay", .arg = "D", .kind = CLI_REAL, .to = &fit.decay, .hi = 10, .help = "weight decay"},
    {.name = "dropout", .arg = "P", .kind = CLI_REAL, .to = &fit.dropout, .hi = 0.95, .help = "share of units dropped"},
    {.name = "word-dropout", .arg = "P", .kind = CLI_REAL, .to = &fit.word_dropout, .hi = 1,
     .help = "share of symbols of a line that the decoder is not told while it learns"},
    {.name = "valid", .arg = "SHARE", .kind = CLI_REAL, .to = &fit.valid, .hi = 0.9,
     .help = "share of the rows held out to stop the training"},
    {.name = "split", .arg = "HOW", .kind = CLI_CHOICE, .to = &o.split, .names = split_name,
     .help = "rows held out, to stop the training and for p-values: at random, or the last ones"},
    {.name = "split-by", .arg = "COL", .kind = CLI_TEXT, .to = &fit.split_by,
     .help = "hold rows with the same value of this column out together"},
    {.name = "patience", .arg = "N", .kind = CLI_COUNT, .to = &fit.patience, .hi = 1e9, .given = &fit.patience_set,
     .help = "points of the curve without a gain before it stops, 0: never"},
    {.name = "rates", .arg = "B,B...", .kind = CLI_REALS, .to = &o.rates, .hi = 1e6,
     .help = "also tell the rate and the distortion at these weights of the KL"},
    {.name = "contaminated", .kind = CLI_FLAG, .to = &o.contaminated,
     .help = "with --for detect: odd rows are among the training rows"},
    {.name = "no-exemplars", .kind = CLI_FLAG, .to = &o.no_exemplars,
     .help = "with --for detect: keep no training rows in the model to compare with"},
    {.name = "no-calibrate", .kind = CLI_FLAG, .to = &o.no_calibrate, .help = "keep no rows apart for p-values"},
    {.name = "alpha", .arg = "A", .kind = CLI_REAL, .to = &fit.alpha, .lo = 1e-12, .hi = 0.999,
     .help = "p at or below it is an anomaly, else .001 or the least there is"},
    {.name = "contamination", .arg = "C", .kind = CLI_REAL, .to = &fit.contamination, .lo = 1e-6, .hi = 0.5,
     .help = "share of the rows that are odd: the threshold is there, instead of --alpha"},
    {.name = "max-memory", .arg = "SIZE", .kind = CLI_BYTES, .to = &fit.max_memory,
     .help = "for the data (k, M, G, T), else half of the machine's"},
    {.name = "resume", .kind = CLI_FLAG, .to = &fit.resume,
     .help = "go on from the checkpoint of a run that was killed, and keep one (MODEL.ckpt)"},
    {.name = "checkpoint", .arg = "FILE", .kind = CLI_TEXT, .to = &o.checkpoint,
     .help = "keep what is needed to go on in FILE until the model is written"},
    {.name = "checkpoint-every", .arg = "TIME", .kind = CLI_TIME, .to = &fit.checkpoint_every,
     .help = "time between two checkpoints (s, m, h), else 1m"},
    {.name = "log", .arg = "FILE", .kind = CLI_TEXT, .to = &o.log, .help = "write the curve to FILE as CSV"},
    {.name = "progress", .arg = "WHEN", .kind = CLI_CHOICE, .to = &o.progress, .names = progress_name,
     .help = "show how far it is"},
    {.name = "text", .arg = "SYMBOLS", .kind = CLI_CHOICE, .to = &o.symbols, .names = symbols_name, .optional = true, .given = &o.text,
     .help = "records are lines of text; with -c each begins with a label and a tab"},
    {.name = "line-length", .arg = "N", .kind = CLI_COUNT, .to = &fit.line_length, .lo = 2, .hi = 4096,
     .help = "symbols of a line there is room for, else as the longest has, up to 256"},
    {.name = "mask-numbers", .kind = CLI_FLAG, .to = &fit.mask_numbers, .help = "take each run of digits in a line for one 0"},
    CLI_OPT_SEED,
    CLI_OPT_WINDOWS,
    CLI_OPT_AUDIO,
    CLI_OPT_RESAMPLE,
    CLI_OPT_RESIZE,
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

/* ---- the run ------------------------------------------------------------------------------------------- */

struct watch {
    struct cli_curve curve;
    bool show;         /* progress on standard error */
    bool went_on;      /* from a checkpoint: told */
    const char *stage; /* the last that was heard of: */
    size_t step;
    uint64_t bad;      /* records left out */
    time_t begun;      /* the training, by the clock of seconds(); 0: it has not */
    bool told;         /* that p-values take their time */
};

enum { LONG = 20 /* seconds of training, behind which more of it is announced */ };

static time_t seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* Called by vae_fit(). While it reads there is nothing to end in order, and a read that waits would not notice. */
static bool report(void *ctx, const struct vae_progress *p) {
    struct watch *w = ctx;
    static bool catching;
    if (!catching && strcmp(p->stage, "reading") != 0) {
        cli_signals_catch();
        catching = true;
    }
    w->stage = p->stage;
    w->step = p->step ? p->step : w->step;
    if (!strcmp(p->stage, "planned")) {
        cli_note("time for %llu steps; --steps %llu gives the same model", (unsigned long long)p->total, (unsigned long long)p->total);
        return cli_signal_caught();
    }
    if (p->bad)
        cli_progress_clear(), cli_tell_bad(w->bad++, "", p->bad);
    if (!strcmp(p->stage, "training"))
        cli_curve_start(&w->curve), w->begun = w->begun ? w->begun : seconds();
    if (!strcmp(p->stage, "calibrating") && p->total && !w->told && seconds() - w->begun > LONG) {
        cli_progress_clear();
        cli_note("trained; p-values take %llu more fits (--no-calibrate leaves them out)", (unsigned long long)p->total);
        w->told = true;
    }
    if (p->from && !w->went_on) {
        cli_note("goes on behind step %zu of %llu", p->from, (unsigned long long)p->total);
        w->went_on = true;
    }
    if (p->trouble) {
        cli_progress_clear();
        cli_warn("%s; training goes on without a checkpoint", p->trouble);
    }
    if (p->point)
        cli_curve_add(&w->curve, p);
    if (w->show)
        cli_progress(p);
    return cli_signal_caught();
}

/* Beside the model, unless it is said where. */
static void resolve_checkpoint(void) {
    static char name[PATH_MAX];
    fit.checkpoint = o.checkpoint;
    if (!o.checkpoint && !fit.resume && !isnan(fit.checkpoint_every))
        cli_usage("--checkpoint-every goes with --resume or --checkpoint");
    if (!o.checkpoint && fit.resume && cli.model) {
        if (snprintf(name, sizeof name, "%s.ckpt", cli.model) >= (int)sizeof name)
            cli_usage("-m %s: too long a name", cli.model);
        fit.checkpoint = name;
    }
    if (o.checkpoint && cli.model && !strcmp(o.checkpoint, cli.model))
        cli_usage("--checkpoint and -m name the same file");
    if (o.log && cli.model && (!strcmp(o.log, cli.model) || (o.init && !strcmp(o.log, o.init))))
        cli_usage("--log and %s name the same file", strcmp(o.log, cli.model) ? "--init" : "-m");
}

static void resolve_loss(void) {
    size_t i = 0;
    if (!o.loss)
        return;
    while (strcmp(losses[i].name, o.loss) != 0)
        i++;
    const char *const *lik = losses[i].lik, *sd = losses[i].sd;
    if (fit.lik && strcmp(fit.lik, lik[0]) != 0 && !(lik[1] && !strcmp(fit.lik, lik[1])))
        cli_usage("--loss %s is --lik %s, not %s; leave one out", o.loss, lik[0], fit.lik);
    if (fit.sd && sd && strcmp(fit.sd, sd) != 0)
        cli_usage("--loss %s is --lik %s --sd %s, not --sd %s; leave one out", o.loss, lik[0], sd, fit.sd);
    fit.lik = fit.lik ? fit.lik : lik[0];
    fit.sd = fit.sd ? fit.sd : sd;
}

/* The columns of --group are carried, unless the model is told them. */
static void resolve_windows(void) {
    cli.whole = true;
    if (cli.group.n && cli.window.rows < 2 && !cli.diff.n)
        cli_usage("--group goes with --window or --diff");
    if (!cli.group.n)
        return;
    char **keep = calloc(cli.keep.n + cli.group.n, sizeof *keep);
    if (!keep)
        cli_usage("out of memory");
    for (size_t k = 0; k < cli.keep.n; k++)
        keep[k] = cli.keep.item[k];
    for (size_t i = 0; i < cli.group.n; i++) {
        bool known = false;
        for (size_t k = 0, n = cli.keep.n + o.condition.n; k < n; k++)
            known = known || !strcmp(cli.group.item[i], k < cli.keep.n ? keep[k] : o.condition.item[k - cli.keep.n]);
        if (!known)
            keep[cli.keep.n++] = cli.group.item[i];
    }
    cli.keep.item = keep;
}

/* Lines, and what each begins with. */
static void resolve_text(void) {
    fit.text_bytes = o.symbols == 1;
    if (!o.text)
        return;
    if (cli.from && strcmp(cli.from, "text") != 0)
        cli_usage("--text is --from text, not %s; leave one out", cli.from);
    if (o.condition.n > 1)
        cli_usage("with --text there is one label (-c)");
    cli.from = "text";
    cli.text_label = o.condition.n ? o.condition.item[0] : NULL;
}

static void resolve_options(void) {
    resolve_loss();
    resolve_text();
    fit.purpose = (enum vae_purpose)o.purpose;
    fit.nhidden = o.hidden.n;
    memcpy(fit.hidden, o.hidden.item, sizeof o.hidden.item);
    fit.nchannels = o.channels.n;
    memcpy(fit.channels, o.channels.item, sizeof o.channels.item);
    fit.calibrate = !o.no_calibrate;
    fit.contaminated = o.contaminated, fit.exemplars = !o.no_exemplars;
    fit.split_time = o.split == 1;
    fit.nrates = o.rates.n;
    memcpy(fit.rates, o.rates.item, sizeof o.rates.item);
    fit.as = o.as.item, fit.nas = o.as.n;
    fit.levels = o.levels.item, fit.nlevels = o.levels.n;
    fit.condition = o.condition.item, fit.ncondition = o.condition.n;
    fit.missing = o.missing.item, fit.nmissing = o.missing.n;
    fit.skip_bad = cli.skip_bad;
    fit.seed = cli.seed.value;
    fit.threads = cli.threads;
    const struct {
        bool given;
        const char *name;
    } own[] = {{o.purpose_given, "--for"}, {cli.keep.n, "--keep"}, {cli.diff.n, "--diff"}, {cli.window.rows, "--window"},
               {cli.group.n, "--group"}, {cli.audio, "--audio"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (o.init && own[i].given)
            cli_usage("%s goes without --init, which begins with a model that has its own", own[i].name);
    resolve_windows();
    cli.audio_if_sound = !cli.audio;
    cli.audio = cli.audio || o.init ? cli.audio : fit.purpose == VAE_FOR_DETECT ? "mel" : "mdct";
    struct vae_err err;
    if (vae_fit_check(&fit, &err))
        cli_usage("%s", err.msg);
    resolve_checkpoint();
}

/* Would what this option writes take the place of a file that is to be read? */
static bool spares_data(struct cli_run *r, const char *option, const char *path, char *const *paths, size_t n) {
    const char *const beside[] = {n ? NULL : "-", cli.label_from, fit.schema};
    struct stat written, data;
    if (!path || !strcmp(path, "-") || stat(path, &written) != 0 || !S_ISREG(written.st_mode))
        return true;
    for (size_t i = 0; i < n + sizeof beside / sizeof *beside; i++) {
        const char *from = i < n ? paths[i] : beside[i - n];
        if (from && (strcmp(from, "-") ? stat(from, &data) : fstat(STDIN_FILENO, &data)) == 0 &&
            data.st_dev == written.st_dev && data.st_ino == written.st_ino)
            return cli_fail(&r->err, VAE_EUSAGE, "%s %s would overwrite the data; give it another name", option, path) == 0;
    }
    return true;
}

/* Where it was stopped, and how to go on. */
static void say_stopped(struct cli_run *r, const struct watch *w, const struct vae_fit_report *rep) {
    char where[64], on[PATH_MAX + 64] = "";
    if (w->stage && strcmp(w->stage, "training") != 0)
        snprintf(where, sizeof where, "while %s", w->stage);
    else
        snprintf(where, sizeof where, "at step %zu", w->step);
    if (rep->kept)
        snprintf(on, sizeof on, "; with --resume it goes on behind step %zu (%s)", rep->kept, fit.checkpoint);
    else if (!fit.checkpoint)
        snprintf(on, sizeof on, "; run with --resume, a stopped fit can go on");
    cli_fail(&r->err, VAE_ESTOP, "stopped %s; %s is %s%s", where, cli.model, access(cli.model, F_OK) ? "not written" : "as it was", on);
}

/* Trains and saves; r->model is there where that went well. */
static void train(struct cli_run *r, struct watch *w) {
    struct vae_fit_report rep = {0};
    w->show = o.progress == PROGRESS_ALWAYS || (o.progress == PROGRESS_AUTO && !cli.quiet && isatty(STDERR_FILENO) &&
                                                cli.log_format == CLI_LOG_TEXT);
    fit.report = report;
    fit.ctx = w;
    r->model = vae_fit(r->in, &fit, &rep, &r->err);
    cli_progress_clear();
    cli_curve_close(&w->curve);
    r->rows = rep.rows;
    r->bad_rows = rep.bad_rows;
    struct vae_in_stats in;
    vae_in_stats(r->in, &in);
    if (in.extra_columns && r->model)
        cli_warn("%llu column%s of the data %s not known to %s: left out", (unsigned long long)in.extra_columns,
                 in.extra_columns == 1 ? "" : "s", in.extra_columns == 1 ? "is" : "are", o.init);
    if (cli_signal_caught() || r->err.code == VAE_ESTOP) {
        say_stopped(r, w, &rep);
        return;
    }
    if (!r->model || vae_model_save(r->model, cli.model, &r->err) < 0)
        return;
    if (rep.kept)
        unlink(fit.checkpoint);
    r->err = w->curve.err;
    cli_fit_report(&rep, &fit, r->model);
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    struct watch w = {0};
    vae_fit_defaults(&fit);
    size_t n = cli_begin(&command, argc, argv);
    struct vae_model *init = o.init ? vae_model_load(o.init, &r.err) : NULL;
    fit.init = init;
    resolve_options();
    cli_one_standard(argv + 1, n, fit.schema, "schema");
    if (!cli.model)
        cli_model(&r, NULL);
    else if (!r.err.code && spares_data(&r, "-m", cli.model, argv + 1, n) && spares_data(&r, "--log", o.log, argv + 1, n) &&
             vae_model_can_save(cli.model, &r.err) == 0 && cli_curve_open(&w.curve, o.log, &r.err) &&
             cli_in(&r, argv + 1, n, init))
        train(&r, &w);
    int status = cli_end(&r);
    vae_model_free(init);
    cli_signal_raise();
    return status;
}
