/* vae-score.c - records in, how odd each is out: a score, a p-value, a verdict. */
#include "cli.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    int by, iw, draws;
    bool parts, tail, per_file, only, check, mean_nll, classify, explain;
    size_t reasons;
    const char *class;
    double alpha, contamination, fdr;
    size_t batch;
    const char *label, *positive;
    struct cli_range cost;
    struct cli_of persist;
    size_t cooldown;
    const char *benign, *state;
    struct cli_watch watch;
} o = {.alpha = NAN, .contamination = NAN, .fdr = NAN, .reasons = 3,
       .watch = {.drift_max = NAN, .warning = SIZE_MAX}};

static const char *by_name(size_t i) {
    /* in the order of enum vae_by */
    static const char *const name[] = {"auto", "elbo", "iw", "recon", "mse", "near", "denoise", "line"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.name = "by", .arg = "SCORE", .kind = CLI_CHOICE, .to = &o.by, .names = by_name,
     .help = "what is scored"},
    {.name = "iw", .arg = "K", .kind = CLI_INT, .to = &o.iw, .lo = 1, .hi = 1 << 16,
     .help = "importance-weighted bound of K draws: --by iw --draws K"},
    {.name = "draws", .arg = "N", .kind = CLI_INT, .to = &o.draws, .lo = 1, .hi = 1 << 16,
     .help = "posterior draws a score, else the model's own number"},
    {.name = "parts", .kind = CLI_FLAG, .to = &o.parts, .help = "columns nll, recon, kl and mse too"},
    {.name = "explain", .arg = "K", .kind = CLI_COUNT, .to = &o.reasons, .lo = 1, .hi = 1000, .optional = true,
     .given = &o.explain, .help = "columns for the K that carry the score: value, expected value, spread, share"},
    {.name = "alpha", .arg = "A", .kind = CLI_REAL, .to = &o.alpha, .lo = 1e-12, .hi = 1,
     .help = "p at or below it is an anomaly, else the model's own"},
    {.name = "contamination", .arg = "C", .kind = CLI_REAL, .to = &o.contamination, .lo = 1e-6, .hi = 0.5,
     .help = "share of rows like the training data that are odd, instead of --alpha"},
    {.name = "tail", .kind = CLI_FLAG, .to = &o.tail,
     .help = "let p go on below what the calibration scores can show"},
    {.name = "per-file", .kind = CLI_FLAG, .to = &o.per_file, .help = "one row for each file, from the scores of its records"},
    {.name = "only", .kind = CLI_FLAG, .to = &o.only, .help = "write the anomalies alone"},
    {.name = "persist", .arg = "K/N", .kind = CLI_OF, .to = &o.persist, .lo = 1, .hi = 1 << 16,
     .help = "an alarm only where K of the last N records are anomalies"},
    {.name = "cooldown", .arg = "N", .kind = CLI_COUNT, .to = &o.cooldown, .lo = 1, .hi = 1e9,
     .help = "no alarm for N records after one"},
    {.name = "benign", .arg = "FILE", .kind = CLI_TEXT, .to = &o.benign,
     .help = "records like these are known, and no anomalies"},
    {.name = "paste", .kind = CLI_FLAG, .to = &cli.paste, .help = "append the scores to the rows as they came"},
    {.name = "fdr", .arg = "Q", .kind = CLI_REAL, .to = &o.fdr, .lo = 1e-6, .hi = 0.999,
     .help = "as many anomalies as keep the share of false ones at Q"},
    {.name = "batch", .arg = "N", .kind = CLI_COUNT, .to = &o.batch, .lo = 1, .hi = 1e9,
     .help = "with --fdr: of every N records, else of all"},
    {.name = "label", .arg = "COL", .kind = CLI_TEXT, .to = &o.label,
     .help = "no records, but how well the scores tell the labels in this column"},
    {.name = "positive", .arg = "VALUE", .kind = CLI_TEXT, .to = &o.positive,
     .help = "with --label: the label of odd records, else 1, or the rarer of two"},
    {.name = "cost", .arg = "MISSED:ALARM", .kind = CLI_RANGE, .to = &o.cost, .lo = 1e-9, .hi = 1e9,
     .help = "with --label: what an odd record missed and a false alarm cost; which threshold is cheapest?"},
    {.name = "mean-nll", .kind = CLI_FLAG, .to = &o.mean_nll, .help = "no records, but one line: mean nll, its error"},
    {.name = "check", .kind = CLI_FLAG, .to = &o.check, .help = "exit with 1 where there were anomalies"},
    {.name = "drift", .arg = "FILE", .kind = CLI_TEXT, .to = &o.watch.drift,
     .help = "write how the columns differ from those of the fit to FILE"},
    {.name = "drift-max", .arg = "X", .kind = CLI_REAL, .to = &o.watch.drift_max, .lo = 0, .hi = 1e6,
     .help = "warn where a column drifted by more, trouble for --check"},
    {.name = "nagios", .kind = CLI_FLAG, .to = &cli.plugin,
     .help = "the line and the exit status of a Nagios plugin, records only with -o"},
    {.name = "warn", .arg = "N", .kind = CLI_COUNT, .to = &o.watch.warning, .hi = 1e9,
     .help = "with --nagios: WARNING at more than N alarms, else never"},
    {.name = "crit", .arg = "N", .kind = CLI_COUNT, .to = &o.watch.critical, .hi = 1e9,
     .help = "with --nagios: CRITICAL at more than N alarms, else at any"},
    {.name = "prom", .arg = "FILE", .kind = CLI_TEXT, .to = &o.watch.prom,
     .help = "write figures of the run to FILE, for Prometheus"},
    {.name = "classify", .kind = CLI_FLAG, .to = &o.classify,
     .help = "which level of its condition each record has, and the probabilities"},
    {.name = "class", .arg = "COL", .kind = CLI_TEXT, .to = &o.class,
     .help = "with --classify: the condition, where the model has several"},
    {.name = "state", .arg = "FILE", .kind = CLI_TEXT, .to = &o.state,
     .help = "go on where the last run stopped, and keep in FILE where this one does"},
    CLI_OPT_KEEP,
    CLI_OPT_LABELS,
    CLI_OPT_OUTPUT_DIR,
    CLI_OPT_RESAMPLE,
    CLI_OPT_FROM,
    CLI_OPT_TO,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_RESIZE,
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

/* Does anybody but the reader of the records want to know? */
static bool watched(void) {
    return o.watch.drift || o.watch.prom || !isnan(o.watch.drift_max) || cli.plugin;
}

/* Does the input end by itself: are all of it files? */
static bool ends(char *const *paths, size_t n) {
    struct stat st;
    bool all = n > 0 || (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode));
    for (size_t i = 0; i < n; i++) /* one that is not there is told of when it is opened */
        if ((strcmp(paths[i], "-") ? stat(paths[i], &st) : fstat(STDIN_FILENO, &st)) == 0)
            all = all && S_ISREG(st.st_mode);
    return all;
}

static const struct cli_rule rules[] = {
    {"batch", "fdr", NULL},
    {"positive", "label", NULL},
    {"cost", "label", NULL},
    {"warn", "nagios", NULL},
    {"crit", "nagios", NULL},
    {"class", "classify", NULL},
    {"classify",
     "by iw parts explain only persist cooldown benign drift drift-max prom nagios check mean-nll label tail fdr alpha "
     "contamination",
     "tells levels, not scores, and of the options about scores only --draws matters"},
    {"alpha", "contamination", "is what chooses the threshold"},
    {"iw", "draws", "says --draws already"},
    {"mean-nll", "parts explain only paste nagios to", "prints one line and no records"},
    {"label", "mean-nll parts check explain only persist cooldown paste nagios to", "prints a report and no records"},
    {"paste", "to", "gives the rows as they came"},
    {"fdr", "alpha contamination", "is what chooses the anomalies"},
    {"fdr", "mean-nll only paste persist cooldown benign nagios", "judges records when they are scored already"},
    {"per-file", "fdr only explain parts persist cooldown paste mean-nll nagios state", "gives rows of files, not of records"},
    {"state", "fdr", "needs records that are written as they come"},
    {"state", "mean-nll label", "goes on, and does not look at whole files"},
    {NULL, NULL, NULL},
};

static void check_options(char *const *paths, size_t n) {
    const struct cli_opt keep = {.kind = CLI_TEXTS, .to = &cli.keep};
    char expected[64];
    cli_rules(rules);
    if (cli_given("iw") && cli_given("by") && o.by != VAE_BY_IW)
        cli_usage("--iw says --by iw already; leave one out");
    if (cli_given("iw"))
        o.by = VAE_BY_IW, o.draws = o.iw;
    if (cli_given("fdr") && !o.batch && !ends(paths, n))
        cli_usage("--fdr judges all records together, and this input may have no end: say --batch N, or give a file");
    if (o.label && !cli_value_read(&keep, o.label, expected, sizeof expected)) /* it is carried, as with -k */
        cli_usage("--label: expected the name of a column");
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

static int take_labels(void *labels, const struct vae_batch *b, struct vae_err *err) {
    return vae_labels_put(labels, b, err);
}

/* Scores against labels, as a report. */
static void compare(struct cli_run *r) {
    const struct vae_labels_opts opts = {o.label, o.positive, o.cost.from, o.cost.to};
    const struct vae_head *head = vae_op_head(r->then ? r->then : r->op);
    struct vae_labels *labels = vae_labels_open(head, r->model, &opts, &r->err);
    struct vae_score_totals t;
    r->take = take_labels, r->taker = labels;
    if (labels)
        cli_pump(r);
    vae_score_totals(r->op, &t);
    if (!r->err.code)
        cli_labels_print(r, labels, &opts, r->then ? (double)NAN : t.threshold);
    vae_labels_free(labels);
}

/* Scores of all records; anomalies may set the status. */
static void score(struct cli_run *r) {
    struct vae_score_totals t;
    r->scored = true;
    vae_score_totals(r->op, &t);
    /* a watch that can never bark must not look like a quiet night */
    if ((o.check || o.only || cli.plugin) && !isfinite(t.threshold)) {
        cli_fail(&r->err, VAE_EDATA, "the model has no calibration for this score: --%s cannot tell",
                 o.check ? "check" : o.only ? "only" : "nagios");
        return;
    }
    if (!isnan(o.fdr) && !isfinite(t.threshold)) {
        cli_fail(&r->err, VAE_EDATA, "the model has no calibration for this score: --fdr has no p to go by");
        return;
    }
    if (!o.mean_nll)
        warn(r->op);
    if (!isnan(o.fdr) && !(r->then = vae_fdr(vae_op_head(r->op), o.fdr, o.batch, &r->err)))
        return;
    if (o.per_file && !(r->then = vae_files(vae_op_head(r->op), t.alpha, o.tail ? 0 : t.least_p, &r->err)))
        return;
    if (o.label) {
        compare(r);
        return;
    }
    if (!o.mean_nll && !(cli.plugin && !cli.output) && !cli_out(r, vae_op_head(r->then ? r->then : r->op), false))
        return;
    cli_pump(r);
    vae_score_totals(r->op, &t);
    if (r->then)
        vae_verdict_totals(r->then, &t);
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
    for (int i = 1; i < argc; i++) /* a plugin has its own status for a command line that makes no sense, too */
        cli.plugin = cli.plugin || !strcmp(argv[i], "--nagios");
    size_t n = cli_begin(&command, argc, argv);
    cli.names = true;
    check_options(argv + 1, n);
    cli_one_standard(argv + 1, n, o.benign, "benign");
    struct vae_op_opts opts = {
        .threads = cli.threads,
        .seed = cli.seed.value,
        .by = (enum vae_by)o.by,
        .draws = o.draws,
        .parts = o.parts || o.mean_nll,
        .explain = o.explain ? o.reasons : 0,
        .only = o.only,
        .persist = {o.persist.k, o.persist.n},
        .cooldown = o.cooldown,
        .skip_bad = cli.skip_bad,
        .alpha = !isnan(o.contamination) ? o.contamination : isnan(o.alpha) ? 0 : o.alpha,
        .tail = o.tail,
        .label = o.label,
        .classify = o.class,
    };
    opts.drift = watched() || cli.verbose || cli.log_format != CLI_LOG_TEXT;
    o.watch.check = o.check;
    r.watch = watched() ? &o.watch : NULL;
    bool open = cli_model(&r, cli.model) && (!o.state || cli_state(&r, o.state, argv + 1, n)) &&
                cli_in(&r, argv + 1, n, r.model);
    cli_state_op(&r, &opts);
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
