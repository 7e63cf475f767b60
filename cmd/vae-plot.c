/* vae-plot.c - pictures: training curves, KL of latents, scatters, grids of images. */
#include "cli.h"

#include <string.h>

static struct {
    const char *kind, *title, *colour, *beside;
    struct cli_list scatter;
    struct cli_counts grid, shape;
    struct cli_range range;
    bool sort, range_given;
    size_t columns, scale;
} o;

static const char *kind_name(size_t i) { return vae_plot_kind(i, NULL); }

static const struct cli_opt options[] = {
    {.name = "kind", .arg = "KIND", .kind = CLI_NAME, .to = &o.kind, .names = kind_name,
     .help = "of picture, else told by options and records"},
    {.name = "title", .arg = "TEXT", .kind = CLI_TEXT, .to = &o.title, .help = "title of an SVG"},
    {.name = "sort", .kind = CLI_FLAG, .to = &o.sort, .help = "of a model: latents in falling order of their KL"},
    {.name = "scatter", .arg = "X,Y", .kind = CLI_LIST, .to = &o.scatter,
     .help = "points of two columns, else of the first two principal components"},
    {.name = "colour", .arg = "COL", .kind = CLI_TEXT, .to = &o.colour, .help = "points coloured by a column"},
    {.name = "grid", .arg = "RxC", .kind = CLI_SIZES, .to = &o.grid, .lo = 1, .hi = 1 << 20,
     .help = "at most R rows of C images"},
    {.name = "columns", .arg = "N", .kind = CLI_COUNT, .to = &o.columns, .lo = 1, .hi = 1 << 20,
     .help = "all images, N in a row"},
    {.name = "beside", .arg = "FILE", .kind = CLI_TEXT, .to = &o.beside, .help = "originals, one above each image"},
    {.name = "shape", .arg = "HxW", .kind = CLI_SIZES, .to = &o.shape, .lo = 1, .hi = 1 << 26,
     .help = "of an image, or HxWx3, else as the records are, or square"},
    {.name = "scale", .arg = "N", .kind = CLI_COUNT, .to = &o.scale, .lo = 1, .hi = 1 << 20,
     .help = "pixels that a value is wide and high"},
    {.name = "range", .arg = "LOW:HIGH", .kind = CLI_RANGE, .to = &o.range, .lo = -1e30, .hi = 1e30,
     .given = &o.range_given,
     .help = "values that are black and white, else told by the data"},
    {.c = 'k', .name = "keep", .arg = "COLS", .kind = CLI_LIST, .to = &cli.keep,
     .help = "columns (names or numbers) that are drawn only where named"},
    CLI_OPT_OUTPUT,
    CLI_OPT_FROM,
    CLI_OPT_DELIM,
    CLI_OPT_HEADER,
    CLI_OPT_SKIP_BAD,
    CLI_OPT_COMMON,
};

static const struct cli_command command = {
    "vae-plot", "[FILE ...]",
    "Draws a curve of vae-fit --log, a model's KL per latent, latents or other columns as\n"
    "points (SVG), or images (PNG).",
    options,
};

/* What the options say; exits where they contradict each other. */
static struct vae_plot_opts resolve_options(void) {
    struct vae_plot_opts p = {.kind = o.kind, .title = o.title, .sort = o.sort, .colour = o.colour, .columns = o.columns,
                              .scale = o.scale, .low = o.range.from, .high = o.range.to, .nshape = o.shape.n};
    bool image = o.grid.n || o.columns || o.beside || o.shape.n || o.scale || o.range_given;
    bool points = o.scatter.n || o.colour;
    if (o.scatter.n && o.scatter.n != 2)
        cli_usage("--scatter: expected two columns, X,Y");
    if (o.scatter.n)
        p.x = o.scatter.item[0], p.y = o.scatter.item[1];
    if (o.grid.n && o.grid.n != 2)
        cli_usage("--grid: expected rows and columns, like 8x8");
    if (o.grid.n && o.columns)
        cli_usage("--grid says how many columns; leave --columns out");
    if (o.grid.n)
        p.rows = o.grid.item[0], p.columns = o.grid.item[1];
    if (o.shape.n == 1 || o.shape.n > 3)
        cli_usage("--shape: expected height and width like 28x28, and perhaps channels like 32x32x3");
    memcpy(p.shape, o.shape.item, sizeof p.shape);
    if (o.range_given && !(p.low < p.high))
        cli_usage("--range: expected the smaller number first");
    if (image && points)
        cli_usage("--scatter and --colour make points, the other options images; choose");
    if ((image && o.kind && strcmp(o.kind, "grid")) || (points && o.kind && strcmp(o.kind, "scatter")))
        cli_usage("--kind %s does not go with options of another kind", o.kind);
    if (o.sort && (image || points || o.kind))
        cli_usage("--sort is for the latents of a model");
    return p;
}

static struct vae_plot *draw_model(struct cli_run *r, const char *path, const struct vae_plot_opts *p) {
    if (o.kind || p->x || p->colour || p->columns || p->nshape || p->scale || p->beside || p->low < p->high)
        cli_fail(&r->err, VAE_EUSAGE,
                 "%s is a model: its picture is the KL of its latents, and takes --sort and --title only", path);
    else if (cli_model(r, strcmp(path, "-") ? path : "/dev/stdin"))
        return vae_plot_model(r->model, p, cli.output, &r->err);
    return NULL;
}

static int take(void *plot, const struct vae_batch *b, struct vae_err *err) { return vae_plot_put(plot, b, err); }

static struct vae_plot *draw_records(struct cli_run *r, char *const *paths, size_t n, const struct vae_plot_opts *p) {
    if (o.sort)
        cli_fail(&r->err, VAE_EUSAGE, "--sort is for the latents of a model, and no model is given");
    else if (cli_in(r, paths, n, NULL))
        r->taker = vae_plot_open(vae_in_head(r->in), p, cli.output, &r->err);
    if (!r->taker)
        return NULL;
    r->take = take;
    cli_pump(r);
    return r->taker;
}

/* Draws where nothing has failed. */
static void end(struct cli_run *r, struct vae_plot *plot) {
    struct vae_err err = {0};
    char text[256] = "";
    const char *note = plot ? vae_plot_note(plot) : NULL;
    if (note)
        snprintf(text, sizeof text, "%s", note);
    if (vae_plot_close(plot, r->err.code, &err) < 0 && !r->err.code)
        r->err = err;
    if (*text && !r->err.code)
        cli_note("%s", text);
}

int main(int argc, char **argv) {
    static char standard_input[] = "-";
    struct cli_run r = {0}, originals = {0};
    size_t n = cli_begin(&command, argc, argv);
    struct vae_plot_opts p = resolve_options();
    char *path = n ? argv[1] : standard_input, *beside = (char *)(uintptr_t)o.beside;
    cli_one_standard(argv + 1, n, beside, "beside");
    bool ok = !beside || cli_in(&originals, &beside, 1, NULL);
    p.beside = originals.in;
    r.err = originals.err;
    if (ok)
        end(&r, n <= 1 && cli_is_model(path) ? draw_model(&r, path, &p) : draw_records(&r, argv + 1, n, &p));
    int status = cli_end(&r);
    vae_in_free(originals.in);
    return status;
}
