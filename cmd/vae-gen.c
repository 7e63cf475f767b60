/* vae-gen.c - new records like those a model was fitted to. */
#include "cli.h"

enum { BATCH = 1024, FRUITLESS = 16 };

static struct {
    size_t rows, first_row, draws, series;
    bool rows_given, first_given, mean, best, windows, series_given;
    const char *prior, *complete, *like, *avoid, *after;
    struct cli_list where;
    size_t beam;
    double temperature, guidance, seconds;
    bool guided, warm;
} o = {.rows = 1000, .draws = 1, .series = 1, .temperature = 1, .guidance = 1};

static const char *prior_name(size_t i) { return vae_prior(i, NULL); }

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.c = 'n', .name = "rows", .arg = "N", .kind = CLI_COUNT, .to = &o.rows, .lo = 1, .given = &o.rows_given,
     .help = "how many records"},
    {.name = "seconds", .arg = "S", .kind = CLI_REAL, .to = &o.seconds, .lo = 0.001, .hi = 1e6,
     .help = "of sound, instead of --rows"},
    {.name = "where", .arg = "CONDITIONS", .kind = CLI_TEXTS, .to = &o.where,
     .help = "only records like age>=60,sex=F"},
    {.name = "like", .arg = "FILE", .kind = CLI_TEXT, .to = &o.like, .help = "variations of the records in FILE"},
    CLI_OPT_LABEL_FROM,
    {.name = "complete", .arg = "FILE", .kind = CLI_TEXT, .to = &o.complete,
     .help = "the table in FILE with its missing cells filled"},
    {.name = "draws", .arg = "N", .kind = CLI_COUNT, .to = &o.draws, .lo = 1, .hi = 1000,
     .help = "with --complete: so many draws of each record"},
    {.name = "best", .kind = CLI_FLAG, .to = &o.best, .help = "with --complete: the single best values, no draws"},
    {.name = "min-distance", .arg = "FILE", .kind = CLI_TEXT, .to = &o.avoid,
     .help = "no near-copies of the records in FILE"},
    {.name = "beam", .arg = "N", .kind = CLI_COUNT, .to = &o.beam, .lo = 1, .hi = 16,
     .help = "lines of text with --mean: follow so many hypotheses"},
    {.name = "temperature", .arg = "T", .kind = CLI_REAL, .to = &o.temperature, .lo = 0.01, .hi = 10, .given = &o.warm,
     .help = "factor on the noise of the latents"},
    {.name = "guidance", .arg = "W", .kind = CLI_REAL, .to = &o.guidance, .hi = 100, .given = &o.guided,
     .help = "how much conditions count; above 1: more than they should"},
    {.name = "mean", .kind = CLI_FLAG, .to = &o.mean, .help = "means of the decoder instead of draws"},
    {.name = "prior", .arg = "KIND", .kind = CLI_NAME, .to = &o.prior, .names = prior_name,
     .help = "what latents are drawn from, else the model's own"},
    {.name = "series", .arg = "N", .kind = CLI_COUNT, .to = &o.series, .lo = 1, .hi = 65536, .given = &o.series_given,
     .help = "of a model of windows: so many series of --rows rows each"},
    {.name = "after", .arg = "FILE", .kind = CLI_TEXT, .to = &o.after,
     .help = "of a model of windows: rows behind the last ones of the series in FILE"},
    {.name = "windows", .kind = CLI_FLAG, .to = &o.windows, .help = "of a model of windows: single windows, each in a row"},
    {.name = "first-row", .arg = "N", .kind = CLI_COUNT, .to = &o.first_row, .given = &o.first_given,
     .help = "number of the first record, from 0"},
    CLI_OPT_KEEP,
    CLI_OPT_SEED,
    CLI_OPT_OUTPUT_DIR,
    CLI_OPT_TO,
    CLI_OPT_DELIM_OUT,
    CLI_OPT_HEADER_OUT,
    CLI_OPT_GRID,
    CLI_OPT_LEVEL,
    CLI_OPT_FRAME_ROWS,
    CLI_OPT_UNBUFFERED,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_THREADS,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-gen", NULL, "Generates new records like those the model was fitted to.", options,
};

/* Where near-copies are dropped, more are drawn; a model that gives nothing else is told of. */
static void generate(struct cli_run *r) {
    const struct vae_batch *b;
    size_t fruitless = 0;
    for (size_t left = o.rows; left > 0;) {
        size_t n = left < BATCH ? left : BATCH;
        if (vae_op_generate(r->op, n, &b, &r->err) || !cli_put(r, b) ||
            (cli.unbuffered && r->out && vae_out_flush(r->out, &r->err)))
            return;
        size_t got = vae_batch_rows(b);
        fruitless = got ? 0 : fruitless + 1;
        if (fruitless == FRUITLESS) {
            cli_fail(&r->err, VAE_EDATA, "nearly all records are near-copies of those in %s; %zu were written", o.avoid,
                     (size_t)r->rows);
            return;
        }
        left -= got;
    }
    r->err.code = 0;
}

/* Rows of series, one after the other. */
static void generate_series(struct cli_run *r) {
    const struct vae_batch *b;
    while (!vae_op_generate(r->op, BATCH, &b, &r->err) && vae_batch_rows(b))
        if (!cli_put(r, b) || (cli.unbuffered && r->out && vae_out_flush(r->out, &r->err)))
            return;
}

/* How far the weights may be trusted, and what was dropped. */
static void tell(struct cli_run *r) {
    struct vae_op_totals t;
    vae_op_totals(r->op, &t);
    r->bad_rows += t.bad_given;
    if (t.draws > 0)
        cli_note("effective sample size %.1f of %.0f draws a record", t.ess, t.draws);
    if (t.draws > 0 && t.ess < 2 && o.where.n)
        cli_warn("the conditions are rare under the model: the records may not be as likely as they should be");
    if (o.avoid)
        cli_note("%llu near-cop%s dropped", (unsigned long long)t.copies, t.copies == 1 ? "y" : "ies");
    if (t.filled || o.complete)
        cli_note("%llu cell%s filled", (unsigned long long)t.filled, t.filled == 1 ? "" : "s");
    if (t.unknown)
        cli_warn("%llu cell%s no level the model knows: taken for rare ones", (unsigned long long)t.unknown,
                 t.unknown == 1 ? " holds" : "s hold");
}

/* Series have no records that stand for themselves. */
static void check_series(const struct vae_model *m) {
    const struct {
        bool given;
        const char *name, *why;
    } alone[] = {{o.like, "--like", ""}, {o.avoid, "--min-distance", ""}, {cli.grid.n, "--grid", ""},
                 {o.mean, "--mean", ""}, {o.warm, "--temperature", ""},
                 {o.first_given, "--first-row", ": rows of a series follow from those before them; give each run a --seed of its own"}};
    bool windows = m && vae_model_window(m) > 1;
    for (size_t i = 0; i < sizeof alone / sizeof *alone && windows && !o.windows && !o.complete; i++)
        if (alone[i].given)
            cli_usage("%s goes with --windows where the model is one of windows%s", alone[i].name, alone[i].why);
    if (m && !windows && (o.windows || o.after || o.series_given))
        cli_usage("%s is for models of windows (vae-fit --window), and this is none",
                  o.windows ? "--windows" : o.after ? "--after" : "--series");
}

/* The reader of an option's file with these labels, or true where it was not given. */
static bool open_given(struct cli_run *r, const char *path, const char *labels, struct vae_in **in) {
    char *name = (char *)(uintptr_t)path;
    struct cli_run one = {.model = r->model};
    if (!path)
        return true;
    cli.label_from = labels;
    cli.values = path == o.after;
    bool ok = cli_in(&one, &name, 1, r->model);
    *in = one.in;
    r->err = ok ? r->err : one.err;
    return ok;
}

static void check_options(void) {
    cli_grid_check();
    if (cli.grid.n == 2 && !o.rows_given)
        o.rows = cli.grid.item[0] * cli.grid.item[1];
    if (cli.grid.n && o.complete)
        cli_usage("--grid draws new images; --complete fills tables");
    char *like = (char *)(uintptr_t)o.like;
    if (o.complete && (o.like || o.avoid || o.where.n || o.rows_given || o.mean || o.prior || o.warm))
        cli_usage("--complete goes with --draws and --best, not with options of new records");
    if (!o.complete && (o.best || o.draws > 1))
        cli_usage("--draws and --best go with --complete");
    if (o.seconds > 0 && (o.rows_given || o.complete))
        cli_usage("--seconds goes without --rows and --complete");
    if (o.best && o.draws > 1)
        cli_usage("--best is one value a cell; leave --draws out");
    if (!o.complete && cli.keep.n)
        cli_usage("--keep goes with --complete: nothing is known of the carried columns of new records");
    if (o.beam && !o.mean)
        cli_usage("--beam goes with --mean: it finds the most probable line");
    if (o.prior && o.like)
        cli_usage("--prior and --like do not go together: variations have the latents of their records");
    if (o.mean && o.like)
        cli_usage("--mean and --like do not go together");
    if (cli.label_from && !o.like)
        cli_usage("--label-from goes with --like, whose records they are the labels of");
    if (o.like)
        cli_one_standard(&like, 1, cli.label_from, "label-from");
    if (o.like)
        cli_one_standard(&like, 1, o.avoid, "min-distance");
    if (o.avoid && o.first_given)
        cli_usage("--min-distance draws others for what it drops, so records have no fixed numbers: leave --first-row out and "
                  "give each run a --seed of its own");
    if ((o.after || o.series_given) && (o.windows || o.complete))
        cli_usage("%s makes series, and %s does not", o.after ? "--after" : "--series", o.windows ? "--windows" : "--complete");
    if (o.windows && o.complete)
        cli_usage("--windows goes without --complete, which gives the table back");
    if (o.after && (o.series_given || o.where.n || o.prior))
        cli_usage("--after goes on with the series of its file, without --series, --where and --prior");
    if (cli.skip_bad && !o.complete && !o.like && !o.avoid && !o.after)
        cli_usage("--skip-bad goes with --complete, --like, --min-distance and --after: nothing else is read");
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    struct vae_in *like = NULL, *avoid = NULL, *after = NULL;
    cli_begin(&command, argc, argv);
    check_options();
    struct vae_op_opts opts = {
        .threads = cli.threads,
        .seed = cli.seed.value,
        .mean = o.mean,
        .first_row = o.first_row,
        .prior = o.prior,
        .temperature = o.temperature,
        .beam = o.beam,
        .where = o.where.item,
        .nwhere = o.where.n,
        .guided = o.guided,
        .guidance = o.guidance,
        .draws = (int)o.draws,
        .best = o.best,
        .windows = o.windows,
        .rows = o.rows,
        .series = o.series,
        .skip_bad = cli.skip_bad,
    };
    char *table = (char *)(uintptr_t)o.complete;
    bool opened = cli_model(&r, cli.model);
    check_series(r.model);
    if (!opened) {
        ;
    } else if (o.complete) {
        if (cli_in(&r, &table, 1, r.model) && (r.op = vae_complete(r.model, vae_in_head(r.in), &opts, &r.err)) &&
            cli_out(&r, vae_op_head(r.op), false))
            cli_pump(&r);
    } else if (open_given(&r, o.like, cli.label_from, &like) && open_given(&r, o.avoid, NULL, &avoid) &&
               open_given(&r, o.after, NULL, &after)) {
        opts.like = like, opts.avoid = avoid, opts.after = after;
        if (o.seconds > 0 && !(o.rows = vae_model_seconds(r.model, o.seconds)))
            cli_fail(&r.err, VAE_EUSAGE, "--seconds is for models that make sound (vae-fit --audio=mdct); say --rows");
        else if ((r.op = vae_generate(r.model, &opts, &r.err)) && cli_out_or_grid(&r, vae_op_head(r.op)))
            (vae_model_window(r.model) > 1 && !o.windows ? generate_series : generate)(&r);
        cli_grid_end(&r);
    }
    if (r.op && !r.err.code)
        tell(&r);
    int status = cli_end(&r);
    vae_in_free(like), vae_in_free(avoid), vae_in_free(after);
    return status;
}
