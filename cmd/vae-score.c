/* vae-score.c - records in, how odd each is out: a score, a p-value, a verdict. */
#include "cli.h"

#include <math.h>

static struct {
    int by, iw, draws;
    bool iw_given, by_given, draws_given, parts, tail, only, check, mean_nll, classify;
    const char *class;
    double alpha, contamination;
    struct cli_of persist;
    size_t cooldown;
    const char *benign, *state;
} o = {.alpha = NAN, .contamination = NAN};

static const char *by_name(size_t i) {
    static const char *const name[] = {"auto", "elbo", "iw", "recon", "mse", "near"}; /* in the order of enum vae_by */
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.name = "by", .arg = "SCORE", .kind = CLI_CHOICE, .to = &o.by, .names = by_name, .given = &o.by_given,
     .help = "what is scored"},
    {.name = "iw", .arg = "K", .kind = CLI_INT, .to = &o.iw, .lo = 1, .hi = 1 << 16, .given = &o.iw_given,
     .help = "importance-weighted bound of K draws: --by iw --draws K"},
    {.name = "draws", .arg = "N", .kind = CLI_INT, .to = &o.draws, .lo = 1, .hi = 1 << 16, .given = &o.draws_given,
     .help = "posterior draws a score, else the model's own number"},
    {.name = "parts", .kind = CLI_FLAG, .to = &o.parts, .help = "columns nll, recon, kl and mse too"},
    {.name = "alpha", .arg = "A", .kind = CLI_REAL, .to = &o.alpha, .lo = 1e-12, .hi = 1,
     .help = "p at or below it is an anomaly, else the model's own"},
    {.name = "contamination", .arg = "C", .kind = CLI_REAL, .to = &o.contamination, .lo = 1e-6, .hi = 0.5,
     .help = "share of rows like the training data that are odd, instead of --alpha"},
    {.name = "tail", .kind = CLI_FLAG, .to = &o.tail,
     .help = "let p go on below what the calibration scores can show"},
    {.name = "only", .kind = CLI_FLAG, .to = &o.only, .help = "write the anomalies alone"},
    {.name = "persist", .arg = "K/N", .kind = CLI_OF, .to = &o.persist, .lo = 1, .hi = 1 << 16,
     .help = "an alarm only where K of the last N records are anomalies"},
    {.name = "cooldown", .arg = "N", .kind = CLI_COUNT, .to = &o.cooldown, .lo = 1, .hi = 1e9,
     .help = "no alarm for N records after one"},
    {.name = "benign", .arg = "FILE", .kind = CLI_TEXT, .to = &o.benign,
     .help = "records like these are known, and no anomalies"},
    {.name = "paste", .kind = CLI_FLAG, .to = &cli.paste, .help = "append the scores to the rows as they came"},
    {.name = "mean-nll", .kind = CLI_FLAG, .to = &o.mean_nll, .help = "no records, but one line: mean nll, its error"},
    {.name = "check", .kind = CLI_FLAG, .to = &o.check, .help = "exit with 1 where there were anomalies"},
    {.name = "classify", .kind = CLI_FLAG, .to = &o.classify,
     .help = "which level of its condition each record has, and the probabilities"},
    {.name = "class", .arg = "COL", .kind = CLI_TEXT, .to = &o.class,
     .help = "with --classify: the condition, where the model has several"},
    {.name = "state", .arg = "FILE", .kind = CLI_TEXT, .to = &o.state,
     .help = "go on where the last run stopped, and keep in FILE where this one does"},
    CLI_OPT_KEEP,
    CLI_OPT_LABELS,
    CLI_OPT_OUTPUT,
    CLI_OPT_FROM,
    CLI_OPT_TO,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_LEVEL,
    CLI_OPT_FRAME_ROWS,
    CLI_OPT_UNBUFFERED,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_THREADS,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-score", "[FILE ...]",
    "Scores records by a model: the higher, the odder. p is the share of rows like the\n"
    "training data that are as odd.",
    options,
};

static void check_options(void) {
    if (cli.paste && cli.to)
        cli_usage("--paste gives the rows as they came: there is nothing for --to to change");
    if (o.iw_given && ((o.by_given && o.by != VAE_BY_IW) || o.draws_given))
        cli_usage("--iw says --by iw and --draws already; leave one out");
    if (o.iw_given)
        o.by = VAE_BY_IW, o.draws = o.iw;
    if (o.classify && (o.by_given || o.iw_given || o.parts || o.only || o.persist.k || o.cooldown || o.benign || o.check || o.mean_nll ||
                       o.tail || !isnan(o.alpha) || !isnan(o.contamination)))
        cli_usage("--classify tells levels, not scores: of the options about scores only --draws goes with it");
    if (!isnan(o.alpha) && !isnan(o.contamination))
        cli_usage("--alpha and --contamination both choose the threshold; leave one out");
    if (o.class && !o.classify)
        cli_usage("--class goes with --classify");
    if (o.mean_nll && (o.parts || o.only || cli.paste))
        cli_usage("--mean-nll prints no records: leave --%s out", o.parts ? "parts" : o.only ? "only" : "paste");
    if (o.mean_nll && o.state)
        cli_usage("--mean-nll is over whole files: --state does not go with it");
}

static void warn(const struct vae_op *op) {
    struct vae_score_totals t;
    vae_score_totals(op, &t);
    if (t.alpha_raised)
        cli_warn("the calibration rows are too few for the model's alpha; %.6g is used", t.alpha);
    else if (!isfinite(t.threshold))
        cli_warn("the model has no calibration for this score: no p, no anomalies");
}

/* The one line of --mean-nll. */
static void print_mean(struct cli_run *r) {
    struct vae_score_totals t;
    char text[256], se[32] = "", ess[32] = "";
    vae_score_totals(r->op, &t);
    if (t.rows == 0) {
        cli_fail(&r->err, VAE_EDATA, "no records to average over");
        return;
    }
    if (isfinite(t.se_nll))
        snprintf(se, sizeof se, "%.9g", t.se_nll);
    if (isfinite(t.mean_ess))
        snprintf(ess, sizeof ess, "%.6g", t.mean_ess);
    snprintf(text, sizeof text, "rows,mean_nll,se,ess,draws\n%llu,%.9g,%s,%s,%d\n", (unsigned long long)t.rows,
             t.mean_nll, se, ess, t.draws);
    cli_write(cli.output, text, &r->err);
}

/* Scores of all records; anomalies may set the status. */
static void score(struct cli_run *r) {
    struct vae_score_totals t;
    r->scored = true;
    vae_score_totals(r->op, &t);
    if ((o.check || o.only) && !isfinite(t.threshold)) { /* a watch that can never bark must not look like a quiet night */
        cli_fail(&r->err, VAE_EDATA, "the model has no calibration for this score: --%s cannot tell",
                 o.check ? "check" : "only");
        return;
    }
    if (!o.mean_nll)
        warn(r->op);
    if (!o.mean_nll && !cli_out(r, vae_op_head(r->op), false))
        return;
    cli_pump(r);
    vae_score_totals(r->op, &t);
    if (o.check && t.alarms)
        r->status = 1;
    if (o.mean_nll && !r->err.code)
        print_mean(r);
}

/* The records of --benign; *in NULL where there are none. */
static bool open_benign(struct cli_run *r, struct vae_in **in) {
    char *path = (char *)(uintptr_t)o.benign;
    const struct vae_in_opts opts = {.header = -1, .model = r->model};
    return !path || (*in = vae_in_open(&path, 1, &opts, &r->err));
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    size_t n = cli_begin(&command, argc, argv);
    check_options();
    cli_one_standard(argv + 1, n, o.benign, "benign");
    struct vae_op_opts opts = {
        .threads = cli.threads,
        .seed = cli.seed.value,
        .by = (enum vae_by)o.by,
        .draws = o.draws,
        .parts = o.parts || o.mean_nll,
        .only = o.only,
        .persist = {o.persist.k, o.persist.n},
        .cooldown = o.cooldown,
        .skip_bad = cli.skip_bad,
        .alpha = !isnan(o.contamination) ? o.contamination : isnan(o.alpha) ? 0 : o.alpha,
        .tail = o.tail,
        .classify = o.class,
    };
    bool open = cli_model(&r, cli.model) && (!o.state || cli_state(&r, o.state, argv + 1, n)) &&
                cli_in(&r, argv + 1, n, r.model);
    opts.first_row = r.saved_row;
    if (open && o.classify) {
        if ((r.op = vae_classify(r.model, vae_in_head(r.in), &opts, &r.err)) && cli_out(&r, vae_op_head(r.op), false))
            cli_pump(&r);
    } else if (open && open_benign(&r, &opts.benign) && (r.op = vae_score(r.model, vae_in_head(r.in), &opts, &r.err)))
        score(&r);
    vae_in_free(opts.benign);
    int status = cli_end(&r);
    if (o.state)
        cli_signal_raise();
    return status;
}
