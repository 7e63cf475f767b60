/*
 * curve.c - training curves, as vae-fit --log writes them: panels above each other over the same steps.
 *
 * A panel shows all values, unless those of the first fifth of the points, where a fit warms up, would leave less than
 * a quarter of it to the others: then it ends half of their range above and below them. A line of many points becomes
 * the first, lowest, highest and last value of each pixel (M4: Jugel et al. 2014), which looks the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "report/axis.h"
#include "report/column.h"
#include "report/plot.h"

enum { WIDTH = 760, TOP = 60, LEFT = 84, RIGHT = 20, BOTTOM = 46, GAP = 36 };
enum {
    OTHERS = 6, /* columns of other names that are drawn */
    RUNS = 16,  /* times that steps begin anew, one fit behind the other */
};

/* BEST: its best value is what a fit looks for. WHOLE: nothing of it is cut off. */
enum how { USUAL, BEST, WHOLE };

/* Columns that are known, in the order of their panels; those of one title share one. */
static const struct {
    const char *column, *title, *name;
    double height;
    enum how how;
} known[] = {
    {"elbo", "bound (ELBO), nats a record", "training", 200, USUAL},
    {"valid", "bound (ELBO), nats a record", "held out", 200, BEST},
    {"recon", "reconstruction, nats a record", "", 120, USUAL},
    {"kl", "KL, nats a record", "", 120, USUAL},
    {"beta", "beta, weight of the KL", "", 70, WHOLE},
};
enum { KNOWN = sizeof known / sizeof known[0], OTHER_HEIGHT = 100 };

struct line {
    struct column column;
    char title[SVG_LABEL], name[SVG_LABEL]; /* of its panel; its own where it shares it */
    double height;
    enum how how;
    double *v; /* [n], NaN: none */
    size_t cap;
};

struct curve {
    const struct vae_head *head;
    const struct vae_plot_opts *opts;
    struct column steps;
    double *step; /* [n] */
    size_t n, cap, nlines, left_out;
    struct line line[KNOWN + OTHERS];
    char note[64];
};

static int find(const struct vae_head *h, const char *name) {
    int j = rec_head_find(h, name);
    return j >= 0 && !h->fields[j].ndim ? j : -1;
}

static bool curve_suits(const struct vae_head *h, const struct vae_plot_opts *o) {
    return !o->x && !o->colour && find(h, "step") >= 0 && (find(h, "elbo") >= 0 || find(h, "recon") >= 0);
}

static void add_line(struct curve *c, size_t field, const char *title, const char *name, double height) {
    struct line *l = &c->line[c->nlines++];
    *l = (struct line){.column = {.field = field}, .height = height};
    svg_label(l->title, title, strlen(title));
    svg_label(l->name, name, strlen(name));
}

static void list_lines(struct curve *c) {
    const struct vae_head *h = c->head;
    for (size_t k = 0; k < KNOWN; k++) {
        int j = find(h, known[k].column);
        if (j < 0)
            continue;
        add_line(c, (size_t)j, known[k].title, known[k].name, known[k].height);
        c->line[c->nlines - 1].how = known[k].how;
    }
    for (size_t j = 0, others = 0; j < h->nfields; j++) {
        bool taken = j == c->steps.field || h->fields[j].ndim || h->fields[j].keep;
        for (size_t k = 0; k < KNOWN && !taken; k++)
            taken = !strcmp(h->fields[j].name, known[k].column);
        if (!taken && others++ < OTHERS)
            add_line(c, j, h->fields[j].name, "", OTHER_HEIGHT);
        else
            c->left_out += !taken;
    }
}

static void *curve_open(const struct vae_head *h, const struct vae_plot_opts *o, struct vae_err *err) {
    struct curve *c = mem_array(1, sizeof *c);
    if (!c) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    *c = (struct curve){.head = h, .opts = o};
    if (column_find(h, "step", &c->steps, err)) {
        free(c);
        return NULL;
    }
    list_lines(c);
    return c;
}

static int curve_put(void *self, const struct vae_batch *b, struct vae_err *err) {
    struct curve *c = self;
    size_t need;
    if (!mem_add(c->n, b->rows, &need))
        return err_set(err, VAE_EOS, "too many records");
    if (mem_grow(&c->step, &c->cap, need, sizeof *c->step, err))
        return VAE_EOS;
    for (size_t k = 0; k < c->nlines; k++)
        if (mem_grow(&c->line[k].v, &c->line[k].cap, need, sizeof(double), err))
            return VAE_EOS;
    for (size_t i = 0; i < b->rows; i++) {
        double step = column_number(c->head, &c->steps, b, i, NULL);
        if (isnan(step))
            continue;
        for (size_t k = 0; k < c->nlines; k++)
            c->line[k].v[c->n] = column_number(c->head, &c->line[k].column, b, i, NULL);
        c->step[c->n++] = step;
    }
    return 0;
}

/* ---- one line ---------------------------------------------------------------------------------------------------- */

struct pen {
    struct svg *svg;
    const struct axis *x, *y;
    bool down;
};

static void pen_to(struct pen *p, double step, double v) {
    double x = axis_at(p->x, step), y = axis_at(p->y, v);
    (p->down ? svg_to : svg_move)(p->svg, x, y);
    p->down = true;
}

/* The points at[first..last] of one pixel, by what can be seen of them. */
static void draw_pixel(struct pen *p, const double *step, const double *v, size_t first, size_t last) {
    size_t low = first, high = first;
    for (size_t i = first; i <= last; i++) {
        low = v[i] < v[low] ? i : low; /* NaN is never lower nor higher */
        high = v[i] > v[high] ? i : high;
    }
    size_t a = low < high ? low : high, b = low < high ? high : low;
    pen_to(p, step[first], v[first]);
    if (a != first && a != last)
        pen_to(p, step[a], v[a]);
    if (b != a && b != first && b != last)
        pen_to(p, step[b], v[b]);
    if (last != first)
        pen_to(p, step[last], v[last]);
}

/* What is not there is passed over; where steps begin anew, so does the line. */
static void draw_points(struct pen *pen, const double *step, const double *v, size_t n) {
    size_t first = SIZE_MAX, last = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(v[i]))
            continue;
        bool anew = first != SIZE_MAX && step[i] < step[last];
        if (first != SIZE_MAX && (anew || floor(axis_at(pen->x, step[i])) > floor(axis_at(pen->x, step[first])))) {
            draw_pixel(pen, step, v, first, last);
            first = SIZE_MAX;
        }
        pen->down = pen->down && !anew;
        first = first == SIZE_MAX ? i : first;
        last = i;
    }
    if (first != SIZE_MAX)
        draw_pixel(pen, step, v, first, last);
}

/* ---- panels ------------------------------------------------------------------------------------------------------ */

static bool is_empty(const struct curve *c, const struct line *l) {
    for (size_t i = 0; i < c->n; i++)
        if (!isnan(l->v[i]))
            return false;
    return true;
}

/* How many lines share the panel of the first. */
static size_t panel_lines(const struct curve *c, size_t first) {
    size_t n = 1;
    while (first + n < c->nlines && !strcmp(c->line[first].title, c->line[first + n].title))
        n++;
    return n;
}

/* The values that lines first..first+n-1 show; are there others? */
static bool value_range(const struct curve *c, size_t first, size_t n, double *low, double *high) {
    double all_low = INFINITY, all_high = -INFINITY;
    *low = INFINITY, *high = -INFINITY;
    for (size_t k = first; k < first + n; k++)
        for (size_t i = 0; i < c->n; i++) {
            range_add(&all_low, &all_high, c->line[k].v[i]);
            if (i >= c->n / 5)
                range_add(low, high, c->line[k].v[i]);
        }
    double range = *high - *low, all = all_high - all_low;
    bool cut = c->line[first].how != WHOLE && range > 0 && all > 4 * range;
    *low = cut ? fmax(all_low, *low - range / 2) : all_low;
    *high = cut ? fmin(all_high, *high + range / 2) : all_high;
    return cut;
}

/* Its last value, and perhaps the best one, which gets a mark. Written to the left of `right`; returns where it begins. */
static double draw_legend(const struct curve *c, struct svg *s, const struct line *l, size_t colour, bool shared,
                          double right, const struct axis *x, const struct axis *y) {
    char text[128];
    size_t last = c->n - 1, best = 0;
    while (isnan(l->v[last]))
        last--;
    while (isnan(l->v[best]))
        best++;
    for (size_t i = best; i < c->n; i++) /* NaN is never higher */
        best = l->v[i] > l->v[best] ? i : best;
    int n = snprintf(text, sizeof text, "%s %.6g", shared ? l->name : "last", l->v[last]);
    if (l->how == BEST) {
        snprintf(text + n, sizeof text - (size_t)n, ", best %.6g at step %.0f", l->v[best], c->step[best]);
        if (l->v[best] <= y->high)
            svg_mark(s, colour, axis_at(x, c->step[best]), axis_at(y, l->v[best]));
    }
    svg_text(s, right, y->to - 8, SVG_END, text);
    right -= svg_width(text) + 10;
    if (shared)
        svg_mark(s, colour, right, y->to - 12);
    return right - 16;
}

static void draw_panel(const struct curve *c, struct svg *s, size_t first, size_t n, double top, const struct axis *x,
                       bool bottom) {
    const struct line *l = &c->line[first];
    struct axis y;
    double low, high, right = WIDTH - RIGHT;
    value_range(c, first, n, &low, &high);
    axis_set(&y, low, high, 0.05, top + l->height, top, 2 + (size_t)(l->height / 36));
    axes_draw(s, x, &y, bottom);
    svg_text(s, LEFT, top - 8, SVG_START, l->title);
    for (size_t k = 0; k < n; k++) {
        svg_line_path(s, k, first + k, LEFT, top, WIDTH - RIGHT - LEFT, l->height);
        draw_points(&(struct pen){s, x, &y, false}, c->step, c->line[first + k].v, c->n);
        svg_path_end(s);
        if (c->n == 1) /* too short a line to be seen */
            svg_mark(s, k, axis_at(x, c->step[0]), axis_at(&y, c->line[first + k].v[0]));
    }
    for (size_t k = n; k-- > 0;)
        right = draw_legend(c, s, &c->line[first + k], k, n > 1, right, x, &y);
}

/* Lines with nothing to show go; how many panels are left, and how high they are together. */
static size_t arrange(struct curve *c, double *height) {
    size_t n = 0, panels = 0;
    *height = 0;
    for (size_t k = 0; k < c->nlines; k++) {
        if (is_empty(c, &c->line[k]))
            free(c->line[k].v);
        else
            c->line[n++] = c->line[k];
    }
    c->nlines = n;
    for (size_t k = 0; k < n; k += panel_lines(c, k)) {
        *height += c->line[k].height;
        panels++;
    }
    return panels;
}

static int curve_draw(void *self, struct sink *sink, struct vae_err *err) {
    struct curve *c = self;
    struct svg s;
    struct axis x;
    char note[96];
    double height, low = INFINITY, high = -INFINITY;
    size_t panels = arrange(c, &height), runs = 1;
    if (!panels)
        return err_set(err, VAE_EDATA, "no numbers to draw a curve of");
    for (size_t i = 0; i < c->n; i++) {
        range_add(&low, &high, c->step[i]);
        runs += i > 0 && c->step[i] < c->step[i - 1];
    }
    if (runs > RUNS)
        return err_set(err, VAE_EDATA,
                       "column 'step' begins anew %zu times: this is no curve; draw it with --kind scatter", runs);
    bool cut = false;
    for (size_t k = 0, n; k < c->nlines; k += n) {
        n = panel_lines(c, k);
        cut = value_range(c, k, n, &(double){0}, &(double){0}) || cut;
    }
    snprintf(note, sizeof note, "%zu point%s, steps %.0f to %.0f%s", c->n, c->n == 1 ? "" : "s", low, high,
             cut ? "; the first ones are partly off the scale" : "");
    bool still = low >= high; /* steps are whole */
    axis_set_across(&x, still ? low - 1 : low, still ? high + 1 : high, 0, LEFT, WIDTH - RIGHT);
    svg_begin(&s, WIDTH, TOP + (double)panels * GAP + height + BOTTOM - GAP / 2,
              c->opts->title ? c->opts->title : "Training curve", note, err);
    for (size_t k = 0; k < 2; k++)
        svg_define_mark(&s, k, k, k, 4, 1);
    double top = TOP + GAP / 2;
    for (size_t k = 0, n; k < c->nlines; k += n) {
        n = panel_lines(c, k);
        draw_panel(c, &s, k, n, top, &x, k + n == c->nlines);
        top += c->line[k].height + GAP;
    }
    svg_text(&s, (LEFT + WIDTH - RIGHT) / 2.0, top - GAP + 34, SVG_MIDDLE, "step");
    return plot_finish(&s, sink, err);
}

static const char *curve_note(void *self) {
    struct curve *c = self;
    if (!c->left_out)
        return NULL;
    snprintf(c->note, sizeof c->note, "%zu column%s not drawn", c->left_out, c->left_out == 1 ? "" : "s");
    return c->note;
}

static void curve_close(void *self) {
    struct curve *c = self;
    for (size_t k = 0; k < c->nlines; k++)
        free(c->line[k].v);
    free(c->step);
    free(c);
}

const struct plot_kind plot_curve = {
    .name = "curve",
    .about = "training curves, of a table as vae-fit --log writes it",
    .suits = curve_suits,
    .open = curve_open,
    .put = curve_put,
    .draw = curve_draw,
    .note = curve_note,
    .close = curve_close,
};
