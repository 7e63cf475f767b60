/* vae-walk.c - latents in, latents out: from record to record, along axes, in a direction, around records. */
#include "cli.h"

#include <string.h>
#include <sys/stat.h>

enum { BATCH = 4096 };

static struct {
    size_t steps, draws, rows, first_row;
    bool steps_given, spherical, pairs, range_given, logistic, jitter_given, draws_given, rows_given, mean, no_model_path;
    struct cli_list axes;
    struct cli_range range;
    const char *toward, *labelled;
    double jitter;
} o = {.steps = 9, .draws = 1, .jitter = -1};

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.name = "steps", .arg = "N", .kind = CLI_COUNT, .to = &o.steps, .lo = 2, .hi = 1 << 30, .given = &o.steps_given,
     .help = "points of a line, or from one record to the next, both ends counted"},
    {.name = "spherical", .kind = CLI_FLAG, .to = &o.spherical, .help = "from record to record by even turns, not straight"},
    {.name = "pairs", .kind = CLI_FLAG, .to = &o.pairs, .help = "a walk for every two records, not one through all"},
    {.name = "axes", .arg = "LIST", .kind = CLI_LIST, .to = &o.axes,
     .help = "along these latents (numbers from 1, or all), one after the other"},
    {.name = "toward", .arg = "COL=VALUE", .kind = CLI_TEXT, .to = &o.toward,
     .help = "in the direction of the records with that value"},
    {.name = "labelled", .arg = "FILE", .kind = CLI_TEXT, .to = &o.labelled,
     .help = "latents with the column of --toward, else the input files"},
    {.name = "logistic", .kind = CLI_FLAG, .to = &o.logistic,
     .help = "with --toward: by logistic regression, not from mean to mean"},
    {.name = "range", .arg = "A:B", .kind = CLI_RANGE, .to = &o.range, .lo = -1e6, .hi = 1e6, .given = &o.range_given,
     .help = "of a line: with --axes else -3:3, with --toward else 0:1"},
    {.name = "jitter", .arg = "SD", .kind = CLI_REAL, .to = &o.jitter, .hi = 1000, .given = &o.jitter_given,
     .help = "draws around each record, so many standard deviations wide"},
    {.name = "draws", .arg = "N", .kind = CLI_COUNT, .to = &o.draws, .lo = 1, .hi = 1 << 30, .given = &o.draws_given,
     .help = "with --jitter: so many draws of each record"},
    {.c = 'n', .name = "rows", .arg = "N", .kind = CLI_COUNT, .to = &o.rows, .lo = 1, .given = &o.rows_given,
     .help = "start from so many draws of the model's prior, reading nothing"},
    {.name = "mean", .kind = CLI_FLAG, .to = &o.mean, .help = "start from the prior's mean, 0, reading nothing"},
    {.name = "first-row", .arg = "N", .kind = CLI_COUNT, .to = &o.first_row,
     .help = "number of the first record, from 0, for draws"},
    CLI_OPT_SEED,
    CLI_OPT_OUTPUT_DIR,
    CLI_OPT_FROM,
    CLI_OPT_TO,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    {.name = "no-model-path", .kind = CLI_FLAG, .to = &o.no_model_path,
     .help = "do not name the model's file in the stream"},
    CLI_OPT_LEVEL,
    CLI_OPT_FRAME_ROWS,
    CLI_OPT_UNBUFFERED,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-walk", "[FILE ...]",
    "Walks among latents: from record to record, or with --axes, --toward or --jitter from\n"
    "each record. Writes latents again, for vae-dec.",
    options,
};

static enum vae_walk_kind kind(void) {
    return o.axes.n ? VAE_WALK_AXES : o.toward ? VAE_WALK_TOWARD : o.jitter_given ? VAE_WALK_NEAR : VAE_WALK_LINE;
}

static void check_options(size_t files) {
    bool line = kind() == VAE_WALK_LINE;
    if ((o.axes.n > 0) + (o.toward != NULL) + o.jitter_given > 1)
        cli_usage("--axes, --toward and --jitter are walks of their own: give one of them");
    if (!line && (o.spherical || o.pairs))
        cli_usage("--spherical and --pairs go with walks from record to record");
    if (o.range_given && !o.axes.n && !o.toward)
        cli_usage("--range goes with --axes and --toward");
    if (o.range_given && o.range.from == o.range.to)
        cli_usage("--range needs two different numbers");
    if (!o.toward && (o.labelled || o.logistic))
        cli_usage("--labelled and --logistic go with --toward");
    if (o.draws_given && !o.jitter_given)
        cli_usage("--draws goes with --jitter");
    if (o.steps_given && o.jitter_given)
        cli_usage("--jitter takes no steps; --draws says how many neighbours");
    if (o.rows_given && o.mean)
        cli_usage("--rows and --mean are two starts: give one of them");
    if ((o.rows_given || o.mean) && files)
        cli_usage("--rows and --mean start from the model's prior: leave the files out");
    if (o.mean && line)
        cli_usage("--mean is a single point: say where to with --axes, --toward or --jitter");
}

/* Where --toward learns the direction: FILE, or the input, which is then read twice. */
static bool open_labelled(struct cli_run *r, char *const *paths, size_t n, struct vae_in **in) {
    char *name = (char *)(uintptr_t)o.labelled;
    struct stat st;
    struct cli_run one = {0};
    if (!o.toward)
        return true;
    for (size_t i = 0; i < (n ? n : 1) && !o.labelled; i++)
        if (!n || !strcmp(paths[i], "-") || (stat(paths[i], &st) == 0 && !S_ISREG(st.st_mode)))
            return cli_fail(&r->err, VAE_EUSAGE, "--toward reads its records twice: name a file, or give --labelled FILE") == 0;
    bool ok = cli_in(&one, o.labelled ? &name : paths, o.labelled ? 1 : n, NULL);
    *in = one.in;
    r->err = ok ? r->err : one.err;
    return ok;
}

/* Points of walks that start from the prior. */
static void generate(struct cli_run *r) {
    const struct vae_batch *b;
    while (!vae_op_generate(r->op, BATCH, &b, &r->err)) {
        if (!vae_batch_rows(b)) {
            r->err.code = 0;
            return;
        }
        if (vae_out_put(r->out, b, &r->err) || (cli.unbuffered && vae_out_flush(r->out, &r->err)))
            return;
        r->rows += vae_batch_rows(b);
    }
}

/* A walk from record to record needs both ends. */
static void check_end(struct cli_run *r) {
    if (r->err.code || kind() != VAE_WALK_LINE)
        return;
    if (o.pairs && r->rows % o.steps == 1)
        cli_fail(&r->err, VAE_EDATA, "the last record has none to walk to: --pairs needs an even number");
    else if (r->rows <= 1)
        cli_fail(&r->err, VAE_EDATA, "a walk from record to record needs two of them, got %d", (int)r->rows);
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    struct vae_in *labelled = NULL;
    size_t n = cli_begin(&command, argc, argv);
    check_options(n);
    bool prior = o.rows_given || o.mean;
    if (!prior)
        cli_one_standard(argv + 1, n, o.labelled, "labelled");
    struct vae_walk_opts opts = {
        .kind = kind(),
        .steps = o.steps,
        .from = o.range.from,
        .to = o.range.to,
        .spherical = o.spherical,
        .pairs = o.pairs,
        .axes = o.axes.item,
        .naxes = o.axes.n,
        .toward = o.toward,
        .logistic = o.logistic,
        .skip_bad = cli.skip_bad,
        .sd = o.jitter,
        .draws = o.draws,
        .seed = cli.seed.value,
        .first_row = o.first_row,
        .starts = o.rows,
    };
    bool ok = (!cli.model && !prior) || cli_model(&r, cli.model);
    ok = ok && open_labelled(&r, argv + 1, n, &labelled) && (prior || cli_in(&r, argv + 1, n, NULL));
    opts.labelled = labelled;
    if (ok && (r.op = vae_walk(r.model, prior ? NULL : vae_in_head(r.in), &opts, &r.err)) &&
        cli_out(&r, vae_op_head(r.op), o.no_model_path)) {
        prior ? generate(&r) : cli_pump(&r);
        check_end(&r);
    }
    struct vae_op_totals t = {0};
    if (r.op)
        vae_op_totals(r.op, &t);
    r.bad_rows += t.bad_given;
    int status = cli_end(&r);
    vae_in_free(labelled);
    return status;
}
