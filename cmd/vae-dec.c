/* vae-dec.c - latents in, records out. */
#include "cli.h"

static struct {
    int sample;
    bool codes, windows;
    size_t first_row;
    struct cli_list where;
    bool guided;
    double guidance, temperature;
    bool warm;
    size_t beam;
} o = {.guidance = 1, .temperature = 1};

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.name = "mean", .kind = CLI_SET, .to = &o.sample, .lo = 0, .help = "means of the decoder (this is the default)"},
    {.name = "sample", .kind = CLI_SET, .to = &o.sample, .lo = 1, .help = "draws instead of means"},
    {.name = "beam", .arg = "N", .kind = CLI_COUNT, .to = &o.beam, .lo = 1, .hi = 16,
     .help = "lines of text: follow so many hypotheses, for the most probable line"},
    {.name = "temperature", .arg = "T", .kind = CLI_REAL, .to = &o.temperature, .lo = 0.01, .hi = 10, .given = &o.warm,
     .help = "lines of text that are drawn: below 1, more probable symbols"},
    {.name = "codes", .kind = CLI_FLAG, .to = &o.codes, .help = "the latents are codes, where their names do not tell"},
    {.name = "windows", .kind = CLI_FLAG, .to = &o.windows,
     .help = "of a model of windows these, each in a row, instead of their last rows"},
    {.name = "first-row", .arg = "N", .kind = CLI_COUNT, .to = &o.first_row,
     .help = "number of the first record, from 0, for draws"},
    {.name = "where", .arg = "CONDITIONS", .kind = CLI_TEXTS, .to = &o.where,
     .help = "conditions (vae-fit -c) to decode under, instead of those of the stream"},
    {.name = "guidance", .arg = "W", .kind = CLI_REAL, .to = &o.guidance, .hi = 100, .given = &o.guided,
     .help = "how much conditions count; above 1: more than they should"},
    CLI_OPT_SEED,
    CLI_OPT_OUTPUT_DIR,
    CLI_OPT_FROM,
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
    "vae-dec", "[FILE ...]",
    "Decodes latents into records like those the model was fitted to. Without -m and\n"
    "$VAE_MODEL the model is the one that the stream of latents names.",
    options,
};

/* The model named by option or environment, else by the stream. */
static bool open_both(struct cli_run *r, char *const *paths, size_t n) {
    if (cli.model)
        return cli_model(r, cli.model) && cli_in(r, paths, n, NULL);
    return cli_in(r, paths, n, NULL) && cli_model(r, vae_head_model_path(vae_in_head(r->in)));
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    size_t n = cli_begin(&command, argc, argv);
    cli_grid_check();
    const struct vae_op_opts opts = {
        .threads = cli.threads,
        .seed = cli.seed.value,
        .sample = o.sample != 0,
        .codes = o.codes,
        .windows = o.windows,
        .first_row = o.first_row,
        .where = o.where.item,
        .nwhere = o.where.n,
        .guided = o.guided,
        .guidance = o.guidance,
        .temperature = o.temperature,
        .beam = o.beam,
    };
    if (o.beam && o.sample)
        cli_usage("--beam finds the most probable line: leave --sample out");
    if (o.warm && !o.sample)
        cli_usage("--temperature goes with --sample");
    if (open_both(&r, argv + 1, n) && (r.op = vae_decode(r.model, vae_in_head(r.in), &opts, &r.err)) &&
        cli_out_or_grid(&r, vae_op_head(r.op)))
        cli_pump(&r);
    cli_grid_end(&r);
    return cli_end(&r);
}
