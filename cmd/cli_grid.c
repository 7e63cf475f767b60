/* cli_grid.c - records that are images as one picture (--grid RxC), instead of a stream of them. */
#include "cli.h"

#include <string.h>

static int take(void *plot, const struct vae_batch *b, struct vae_err *err) { return vae_plot_put(plot, b, err); }

void cli_grid_check(void) {
    if (!cli.grid.n)
        return;
    if (cli.grid.n != 2)
        cli_usage("--grid: expected rows and columns, like 10x10");
    if (cli.to && strcmp(cli.to, "png"))
        cli_usage("--grid makes a PNG image; leave --to %s out", cli.to);
}

bool cli_out_or_grid(struct cli_run *r, const struct vae_head *head) {
    static struct vae_plot_opts p = {.kind = "grid"}; /* outlives the plot */
    if (!cli.grid.n)
        return cli_out(r, head, false);
    p.rows = cli.grid.item[0], p.columns = cli.grid.item[1];
    r->taker = vae_plot_open(head, &p, cli.output, &r->err);
    r->take = take;
    return r->taker != NULL;
}

void cli_grid_end(struct cli_run *r) {
    struct vae_err err = {0};
    if (cli.grid.n && r->taker && vae_plot_close(r->taker, r->err.code, &err) < 0 && !r->err.code)
        r->err = err;
}
