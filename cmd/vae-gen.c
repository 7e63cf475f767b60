/* vae-gen.c - new records like those a model was fitted to. */
#include "cli.h"

enum { BATCH = 1024 };

static struct {
    size_t rows, first_row;
    bool mean;
    const char *prior;
} o = {.rows = 1000};

static const char *prior_name(size_t i) { return vae_prior(i, NULL); }

static const struct cli_opt options[] = {
    CLI_OPT_MODEL,
    {.c = 'n', .name = "rows", .arg = "N", .kind = CLI_COUNT, .to = &o.rows, .lo = 1, .help = "how many records"},
    {.name = "mean", .kind = CLI_FLAG, .to = &o.mean, .help = "means of the decoder instead of draws"},
    {.name = "prior", .arg = "KIND", .kind = CLI_NAME, .to = &o.prior, .names = prior_name,
     .help = "what latents are drawn from, else the model's own"},
    {.name = "first-row", .arg = "N", .kind = CLI_COUNT, .to = &o.first_row,
     .help = "number of the first record, from 0"},
    CLI_OPT_SEED,
    CLI_OPT_OUTPUT,
    CLI_OPT_TO,
    CLI_OPT_DELIM_OUT,
    CLI_OPT_HEADER_OUT,
    CLI_OPT_LEVEL,
    CLI_OPT_FRAME_ROWS,
    CLI_OPT_UNBUFFERED,
    CLI_OPT_THREADS,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-gen", NULL, "Generates new records like those the model was fitted to.", options,
};

static void generate(struct cli_run *r) {
    const struct vae_batch *b;
    for (size_t left = o.rows; left > 0;) {
        size_t n = left < BATCH ? left : BATCH;
        if (vae_op_generate(r->op, n, &b, &r->err) || vae_out_put(r->out, b, &r->err) ||
            (cli.unbuffered && vae_out_flush(r->out, &r->err)))
            return;
        r->rows += n;
        left -= n;
    }
    r->err.code = 0;
}

int main(int argc, char **argv) {
    struct cli_run r = {0};
    cli_begin(&command, argc, argv);
    const struct vae_op_opts opts = {
        .threads = cli.threads,
        .seed = cli.seed.value,
        .mean = o.mean,
        .first_row = o.first_row,
        .prior = o.prior,
    };
    if (cli_model(&r, cli.model) && (r.op = vae_generate(r.model, &opts, &r.err)) &&
        cli_out(&r, vae_op_head(r.op), false))
        generate(&r);
    return cli_end(&r);
}
