/* vae-cat.c - records from any supported format to any other. */
#include "cli.h"

static const struct cli_opt options[] = {
    CLI_OPT_FROM,
    CLI_OPT_TO,
    CLI_OPT_OUTPUT_DIR,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_WINDOWS,
    CLI_OPT_AUDIO,
    CLI_OPT_RESAMPLE,
    CLI_OPT_RESIZE,
    CLI_OPT_KEEP,
    CLI_OPT_LEVEL,
    CLI_OPT_FRAME_ROWS,
    CLI_OPT_UNBUFFERED,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-cat", "[FILE ...]", "Joins and converts streams of records.", options,
};

int main(int argc, char **argv) {
    struct cli_run r = {0};
    size_t n = cli_begin(&command, argc, argv);
    cli.whole = true;
    if (cli.group.n && cli.window.rows < 2 && !cli.diff.n)
        cli_usage("--group goes with --window or --diff");
    if (cli_in(&r, argv + 1, n, NULL) && cli_out(&r, vae_in_head(r.in), false))
        cli_pump(&r);
    return cli_end(&r);
}
