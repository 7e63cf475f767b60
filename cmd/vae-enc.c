/* vae-enc.c - records in, latents out. */
#include "cli.h"

static struct {
    bool with_sd, sample, codes, no_model_path;
    size_t first_row;
} o;

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.name = "with-sd", .kind = CLI_FLAG, .to = &o.with_sd, .help = "posterior standard deviations too"},
    {.name = "sample", .kind = CLI_FLAG, .to = &o.sample, .help = "a draw from the posterior instead of its mean"},
    {.name = "codes", .kind = CLI_FLAG, .to = &o.codes, .help = "the codes of a model that has such, as whole numbers"},
    {.name = "first-row", .arg = "N", .kind = CLI_COUNT, .to = &o.first_row,
     .help = "number of the first record, from 0, for draws"},
    CLI_OPT_SEED,
    CLI_OPT_KEEP,
    CLI_OPT_LABELS,
    CLI_OPT_OUTPUT_DIR,
    CLI_OPT_RESAMPLE,
    CLI_OPT_FROM,
    CLI_OPT_TO,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_RESIZE,
    {.name = "no-model-path", .kind = CLI_FLAG, .to = &o.no_model_path,
     .help = "do not name the model's file in the stream"},
    CLI_OPT_LEVEL,
    CLI_OPT_FRAME_ROWS,
    CLI_OPT_UNBUFFERED,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_THREADS,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-enc", "[FILE ...]", "Encodes records by a model into latents.", options,
};

int main(int argc, char **argv) {
    struct cli_run r = {0};
    size_t n = cli_begin(&command, argc, argv);
    cli.names = true;
    const struct vae_op_opts opts = {
        .threads = cli.threads,
        .seed = cli.seed.value,
        .sample = o.sample,
        .with_sd = o.with_sd,
        .codes = o.codes,
        .no_model_path = o.no_model_path,
        .first_row = o.first_row,
    };
    if (cli_model(&r, cli.model) && cli_in(&r, argv + 1, n, r.model) &&
        (r.op = vae_encode(r.model, vae_in_head(r.in), &opts, &r.err)) &&
        cli_out(&r, vae_op_head(r.op), o.no_model_path))
        cli_pump(&r);
    return cli_end(&r);
}
