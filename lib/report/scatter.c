/* scatter.c - records as points: two columns, or principal components; a third column as colour. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "report/axis.h"
#include "report/plot.h"
#include "report/points.h"

enum { WIDTH = 520, HEIGHT = 420, TOP = 62, RIGHT = 22, BOTTOM = 52, BAR = 16, BAR_HEIGHT = 240, IN_KEY = 32 };
static const double MARGIN = 0.04; /* of the axes, around the points */

struct scatter {
    const struct vae_plot_opts *opts;
    struct points points;
};

static bool scatter_suits(const struct vae_head *h, const struct vae_plot_opts *o) {
    (void)h, (void)o;
    return true;
}

static void *scatter_open(const struct vae_head *h, const struct vae_plot_opts *o, struct vae_err *err) {
    struct scatter *p = mem_array(1, sizeof *p);
    if (!p) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    p->opts = o;
    if (!points_init(&p->points, h, o, err))
        return p;
    points_free(&p->points);
    free(p);
    return NULL;
}

static int scatter_put(void *self, const struct vae_batch *b, struct vae_err *err) {
    struct scatter *p = self;
    (void)err;
    points_add(&p->points, b);
    return 0;
}

/* What the colours are. */
struct key {
    struct points_groups groups;
    struct axis shade; /* of numbers; missing ones are grey */
    double width;
    char title[COLUMN_NAME];
    size_t missing;
};

static int make_key(const struct points *p, struct key *k, struct vae_err *err) {
    double low = INFINITY, high = -INFINITY;
    if (!p->coloured)
        return 0;
    int rc = points_group(p, &k->groups, err);
    if (rc)
        return rc;
    column_name(p->head, &p->colour, k->title);
    k->width = svg_width(k->title);
    for (size_t i = 0; i < POINTS_KINDS; i++)
        k->width = fmax(k->width, k->groups.count[i] ? 20 + svg_width(k->groups.label[i]) : 0);
    for (size_t i = 0; i < p->n && k->groups.numbers; i++) {
        range_add(&low, &high, p->shade[i]);
        k->missing += isnan(p->shade[i]) ? 1 : 0;
    }
    if (k->groups.numbers) {
        axis_set(&k->shade, low, high, 0, TOP + 20 + BAR_HEIGHT, TOP + 20, 7);
        k->width = fmax(k->width, BAR + 8 + axis_text_width(&k->shade));
        k->width = fmax(k->width, k->missing ? 20 + svg_width("missing") : 0);
    }
    return 0;
}

/* Mark i of a group, or of what is missing, as `mark`. */
static void define_group(struct svg *s, size_t mark, size_t i, double r, double opacity) {
    if (i < POINTS_GROUPS)
        svg_define_mark(s, mark, i % SVG_SHAPES, i % SVG_COLOURS, r, opacity);
    else
        svg_define_mark(s, mark, i == POINTS_OTHER ? 0 : SVG_SHAPES - 1, SVG_GREY, 0.8 * r, opacity);
}

/* Marks of points: steps of the scale or groups, missing ones last; and the same larger, from IN_KEY, for the key. */
static void define_marks(struct svg *s, const struct points *p, const struct key *k) {
    double r = p->n <= 400 ? 3.4 : p->n <= 4000 ? 2.7 : 2, opacity = p->n <= 400 ? 0.85 : p->n <= 4000 ? 0.7 : 0.5;
    if (!p->coloured)
        svg_define_mark(s, 0, 0, 0, r, opacity);
    for (size_t i = 0; i < SVG_SHADES && k->groups.numbers; i++)
        svg_define_shade(s, i, i, r, opacity);
    if (k->missing) {
        define_group(s, SVG_SHADES, POINTS_NONE, r, opacity);
        define_group(s, IN_KEY + SVG_SHADES, POINTS_NONE, 4, 1);
    }
    for (size_t i = 0; i < POINTS_KINDS && !k->groups.numbers; i++) {
        if (!k->groups.count[i])
            continue;
        define_group(s, i, i, r, opacity);
        define_group(s, IN_KEY + i, i, 4, 1);
    }
}

static size_t mark_of(const struct points *p, const struct key *k, size_t i) {
    if (!p->coloured)
        return 0;
    if (!k->groups.numbers)
        return k->groups.group[i];
    if (isnan(p->shade[i]))
        return SVG_SHADES;
    double t = SVG_SHADES * (p->shade[i] - k->shade.low) / (k->shade.high - k->shade.low);
    return t < SVG_SHADES - 1 ? (size_t)t : SVG_SHADES - 1;
}

static void draw_key(struct svg *s, const struct key *k, double x) {
    double y = TOP + 6;
    char text[AXIS_TEXT];
    svg_text(s, x, y, SVG_START, k->title);
    y += 22;
    if (k->groups.numbers) {
        svg_scale(s, x, TOP + 20, BAR, BAR_HEIGHT);
        for (size_t i = 0; i < k->shade.n; i++) {
            double at = axis_at(&k->shade, axis_tick(&k->shade, i, text));
            svg_line(s, x + BAR, at, x + BAR + 4, at);
            svg_text(s, x + BAR + 8, at + 4, SVG_START, text);
        }
        y += BAR_HEIGHT + 22;
        if (k->missing)
            svg_mark(s, IN_KEY + SVG_SHADES, x + 5, y - 4), svg_text(s, x + 20, y, SVG_START, "missing");
        return;
    }
    for (size_t i = 0; i < POINTS_KINDS; i++) {
        if (!k->groups.count[i])
            continue;
        svg_mark(s, IN_KEY + i, x + 5, y - 4);
        svg_text(s, x + 20, y, SVG_START, k->groups.label[i]);
        y += 20;
    }
}

/* Axes around all points, and the width of the picture. */
static double set_axes(const struct points *p, const struct points_axes *a, const struct key *k, struct axis *x,
                       struct axis *y) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * p->n; i++)
        range_add(&low[i % 2], &high[i % 2], a->xy[i]);
    axis_set(y, low[1], high[1], MARGIN, TOP + HEIGHT, TOP, 9);
    double left = 44 + axis_text_width(y);
    axis_set_across(x, low[0], high[0], MARGIN, left, left + WIDTH);
    return left + WIDTH + RIGHT + (p->coloured ? RIGHT + k->width : 0);
}

/* How many records are in the picture, and why not all. */
static void tell(const struct points *p, char *out, size_t size) {
    uint64_t all = p->seen + p->without;
    int n = snprintf(out, size, "%zu", p->n);
    if (all > p->n)
        n += snprintf(out + n, size - (size_t)n, " of %" PRIu64, all);
    n += snprintf(out + n, size - (size_t)n, " record%s%s", all == 1 ? "" : "s",
                  p->seen > p->n ? ", drawn at random" : "");
    if (p->without)
        snprintf(out + n, size - (size_t)n, "; %" PRIu64 " %s numbers", p->without, p->without == 1 ? "lacks" : "lack");
}

static void draw_points(struct svg *s, const struct points *p, const struct key *k, const struct points_axes *a,
                        const struct axis *x, const struct axis *y) {
    axes_draw(s, x, y, true);
    svg_text(s, (x->from + x->to) / 2, y->from + 38, SVG_MIDDLE, a->name[0]);
    svg_text_up(s, 20, (y->from + y->to) / 2, a->name[1]);
    define_marks(s, p, k);
    for (size_t i = 0; i < p->n; i++)
        svg_mark(s, mark_of(p, k, i), axis_at(x, a->xy[2 * i]), axis_at(y, a->xy[2 * i + 1]));
    if (p->coloured)
        draw_key(s, k, x->to + RIGHT);
}

static int scatter_draw(void *self, struct sink *sink, struct vae_err *err) {
    struct scatter *p = self;
    struct points_axes a = {0};
    struct key k = {0};
    struct axis x, y;
    struct svg s;
    char note[160], title[COLUMN_NAME + 32];
    int rc = points_place(&p->points, &a, err);
    rc = rc ? rc : make_key(&p->points, &k, err);
    if (!rc) {
        tell(&p->points, note, sizeof note);
        double width = set_axes(&p->points, &a, &k, &x, &y);
        snprintf(title, sizeof title, "%s%s%s", p->points.latents ? "Latents" : "Records",
                 p->points.coloured ? " by " : "", k.title);
        svg_begin(&s, width, TOP + HEIGHT + BOTTOM, p->opts->title ? p->opts->title : title, note, err);
        draw_points(&s, &p->points, &k, &a, &x, &y);
        rc = plot_finish(&s, sink, err);
    }
    free(a.xy), free(k.groups.group);
    return rc;
}

static void scatter_close(void *self) {
    struct scatter *p = self;
    points_free(&p->points);
    free(p);
}

const struct plot_kind plot_scatter = {
    .name = "scatter",
    .about = "points: two columns, or the first two principal components; a third one as colour",
    .suits = scatter_suits,
    .open = scatter_open,
    .put = scatter_put,
    .draw = scatter_draw,
    .close = scatter_close,
};
