/* vae-compare.c - how good is a synthetic table? */
#include "cli.h"

#include <stdlib.h>

static struct {
    bool json;
    struct cli_list drop;
    size_t max_rows;
} o = {.max_rows = 20000};

static const struct cli_opt options[] = {
    {.name = "json", .kind = CLI_FLAG, .to = &o.json, .help = "one JSON document instead of text"},
    {.name = "drop", .arg = "NAMES", .kind = CLI_LIST, .to = &o.drop, .help = "columns to leave out"},
    {.name = "max-rows", .arg = "N", .kind = CLI_COUNT, .to = &o.max_rows, .lo = 100, .hi = 1e6,
     .help = "rows of each table that the classifier sees"},
    CLI_OPT_OUTPUT,
    CLI_OPT_SEED,
    CLI_OPT_FROM,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_THREADS,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-compare", "TRAIN TEST SYNTH",
    "Says how well the rows of SYNTH pass for rows like those of TRAIN, held-out TEST\nrows being the yardstick.",
    options,
};

enum { TABLES = 3 };

static void compare(struct cli_run run[TABLES]) {
    struct vae_in *in[TABLES] = {run[0].in, run[1].in, run[2].in};
    struct vae_compare_opts opts = {.drop = o.drop.item, .ndrop = o.drop.n, .max_rows = o.max_rows,
                                    .seed = cli.seed.value, .threads = cli.threads};
    struct vae_fidelity f;
    if (!vae_compare(in, &opts, &f, &run[0].err)) {
        char *text = vae_fidelity_describe(&f, o.json);
        if (text)
            cli_write(cli.output, text, &run[0].err);
        else
            cli_fail(&run[0].err, VAE_EOS, "out of memory");
        free(text);
    }
    run[0].rows = f.rows[0] + f.rows[1] + f.rows[2];
    vae_fidelity_free(&f);
}

int main(int argc, char **argv) {
    struct cli_run run[TABLES] = {{0}};
    size_t n = cli_begin(&command, argc, argv);
    if (n != TABLES)
        cli_usage("three tables are compared: TRAIN TEST SYNTH");
    size_t open = 0;
    while (open < TABLES && cli_in(&run[open], argv + 1 + open, 1, NULL))
        open++;
    if (open == TABLES)
        compare(run);
    else
        run[0].err = run[open].err;
    if (run[0].err.code) /* no table is compared without a row of it */
        run[0].err.msg[cli_told(run[0].err.msg)] = '\0';
    vae_in_free(run[1].in), vae_in_free(run[2].in);
    return cli_end(&run[0]);
}
