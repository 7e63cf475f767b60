/* vae-score.c - records in, how odd each is out: a score, a p-value, a verdict. */
#include "cli.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    int by, iw, draws;
    bool iw_given, by_given, draws_given, parts, tail, only, check, mean_nll, classify, explain;
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
    bool warn_given, crit_given;
} o = {.alpha = NAN, .contamination = NAN, .fdr = NAN, .reasons = 3, .watch = {.drift_max = NAN, .warning = SIZE_MAX}};

static const char *by_name(size_t i) {
    static const char *const name[] = {"auto", "elbo", "iw", "recon", "mse", "near", "denoise"}; /* in the order of enum vae_by */
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
    {.name = "explain", .arg = "K", .kind = CLI_COUNT, .to = &o.reasons, .lo = 1, .hi = 1000, .optional = true, .given = &o.explain,
     .help = "columns for the K that carry the score: value, expected value, spread, share"},
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
    {.name = "warn", .arg = "N", .kind = CLI_COUNT, .to = &o.watch.warning, .hi = 1e9, .given = &o.warn_given,
     .help = "with --nagios: WARNING at more than N alarms, else never"},
    {.name = "crit", .arg = "N", .kind = CLI_COUNT, .to = &o.watch.critical, .hi = 1e9, .given = &o.crit_given,
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

/* Does anybody but the reader of the records want to know? */
static bool watched(void) {
    return o.watch.drift || o.watch.prom || !isnan(o.watch.drift_max) || cli.plugin;
}

/* Does the input end by itself: are all of it files? */
static bool ends(char *const *paths, size_t n) {
    struct stat st;
    bool all = n > 0 || (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode));
    for (size_t i = 0; i < n; i++) /* one that is not there is told of when it is opened */
        all = all && ((strcmp(paths[i], "-") ? stat(paths[i], &st) : fstat(STDIN_FILENO, &st)) != 0 || S_ISREG(st.st_mode));
    return all;
}

static void check_fdr(char *const *paths, size_t n) {
    if (o.batch && isnan(o.fdr))
        cli_usage("--batch goes with --fdr");
    if (isnan(o.fdr))
        return;
    if (!isnan(o.alpha) || !isnan(o.contamination))
        cli_usage("--fdr and %s both choose the anomalies; leave one out", isnan(o.alpha) ? "--contamination" : "--alpha");
    if (o.mean_nll)
        cli_usage("--mean-nll prints no records that --fdr could judge");
    if (o.only || cli.paste || o.persist.k || o.cooldown || o.benign || cli.plugin)
        cli_usage("--fdr judges records when they are scored already: --%s does not go with it",
                  o.only ? "only" : cli.paste ? "paste" : o.persist.k ? "persist" : o.cooldown ? "cooldown"
                  : o.benign ? "benign" : "nagios");
    if (!o.batch && !ends(paths, n))
        cli_usage("--fdr judges all records together, and this input may have no end: say --batch N, or give a file");
}

/* The label is carried, as with -k. */
static void check_label(void) {
    const struct cli_opt keep = {.kind = CLI_TEXTS, .to = &cli.keep};
    char expected[64];
    if (o.label && !cli_value_read(&keep, o.label, expected, sizeof expected))
        cli_usage("--label: expected the name of a column");
    if (!o.label && (o.positive || o.cost.from > 0))
        cli_usage("%s goes with --label", o.positive ? "--positive" : "--cost");
    if (o.label && (o.mean_nll || o.parts || o.check || o.explain || o.only || cli.paste || cli.plugin))
        cli_usage("--label prints a report instead of records: --%s does not go with it",
                  o.mean_nll ? "mean-nll" : o.parts ? "parts" : o.check ? "check" : o.explain ? "explain" : o.only ? "only"
                  : cli.paste ? "paste" : "nagios");
}

static void check_options(void) {
    if ((o.warn_given || o.crit_given) && !cli.plugin)
        cli_usage("--%s goes with --nagios", o.warn_given ? "warn" : "crit");
    if (cli.paste && cli.to)
        cli_usage("--paste gives the rows as they came: there is nothing for --to to change");
    if (o.iw_given && ((o.by_given && o.by != VAE_BY_IW) || o.draws_given))
        cli_usage("--iw says --by iw and --draws already; leave one out");
    if (o.iw_given)
        o.by = VAE_BY_IW, o.draws = o.iw;
    if (o.classify && (o.by_given || o.iw_given || o.parts || o.explain || o.only || o.persist.k || o.cooldown || o.benign || watched() ||
                       o.check || o.mean_nll || o.label || o.tail || !isnan(o.fdr) || !isnan(o.alpha) || !isnan(o.contamination)))
        cli_usage("--classify tells levels, not scores: of the options about scores only --draws goes with it");
    if (!isnan(o.alpha) && !isnan(o.contamination))
        cli_usage("--alpha and --contamination both choose the threshold; leave one out");
    if (o.class && !o.classify)
        cli_usage("--class goes with --classify");
    if (o.mean_nll && (o.parts || o.explain || o.only || cli.paste || cli.plugin))
        cli_usage("--mean-nll prints one line and no records: leave --%s out",
                  o.parts ? "parts" : o.explain ? "explain" : o.only ? "only" : cli.paste ? "paste" : "nagios");
    if (o.state && !isnan(o.fdr))
        cli_usage("--fdr holds records back until it has judged them: --state does not go with it");
    if (o.state && (o.mean_nll || o.label))
        cli_usage("--%s is over whole files: --state does not go with it", o.mean_nll ? "mean-nll" : "label");
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

static int take_labels(void *labels, const struct vae_batch *b, struct vae_err *err) { return vae_labels_put(labels, b, err); }

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
    if ((o.check || o.only || cli.plugin) && !isfinite(t.threshold)) { /* a watch that can never bark must not look like a quiet night */
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
    if (o.label) {
        compare(r);
        return;
    }
    if (!o.mean_nll && !(cli.plugin && !cli.output) && !cli_out(r, vae_op_head(r->then ? r->then : r->op), false))
        return;
    cli_pump(r);
    vae_score_totals(r->op, &t);
    if (r->then)
        vae_fdr_totals(r->then, &t);
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
    check_options();
    cli_one_standard(argv + 1, n, o.benign, "benign");
    check_fdr(argv + 1, n);
    check_label();
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
