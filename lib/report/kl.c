/*
 * kl.c - bars: the KL of each latent of a model from its prior, nats a record, mean over rows held out. A latent whose
 * KL is near 0 carries nothing (grey).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/model.h"
#include "report/axis.h"
#include "report/plot.h"

enum {
    WIDTH = 760,
    HEIGHT = 380,
    TOP = 66,
    LEFT = 70,
    RIGHT = 20,
    BOTTOM = 52,
    NAMED = 32, /* bars that have a name each */
};
static const double IDLE = 0.01; /* nats */

struct bar {
    double kl;
    size_t latent;
};

struct kl {
    const struct vae_plot_opts *opts;
    char id[13];
    size_t n;
    struct bar bar[];
};

static int by_kl(const void *a, const void *b) {
    const struct bar *x = a, *y = b;
    int falling = (x->kl < y->kl) - (x->kl > y->kl);
    return falling ? falling : (x->latent > y->latent) - (x->latent < y->latent);
}

void *kl_open(const struct vae_model *m, const struct vae_plot_opts *o, struct vae_err *err) {
    size_t n = m->config.latent_dim, bytes;
    struct kl *p = NULL;
    if (!m->use) {
        err_set(err, VAE_EDATA, "the model does not tell the KL of its latents");
        return NULL;
    }
    if (!mem_mul(n, sizeof p->bar[0], &bytes) || !mem_add(bytes, sizeof *p, &bytes) || !(p = mem_array(1, bytes))) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    *p = (struct kl){.opts = o, .n = n};
    snprintf(p->id, sizeof p->id, "%.12s", m->id);
    for (size_t j = 0; j < n; j++)
        p->bar[j] = (struct bar){m->use[j] > 0 ? m->use[j] : 0, j};
    if (o->sort)
        qsort(p->bar, n, sizeof p->bar[0], by_kl);
    return p;
}

/* All bars of one colour as one path. */
static void draw_bars(struct svg *s, const struct kl *p, const struct axis *x, const struct axis *y, bool idle) {
    double half = p->n > 200 ? 0.5 : 0.38;
    svg_area_path(s, idle ? SVG_GREY : 0);
    for (size_t i = 0; i < p->n; i++) {
        double v = p->bar[i].kl, left = axis_at(x, (double)i + 1 - half), right = axis_at(x, (double)i + 1 + half);
        if ((v < IDLE) != idle)
            continue;
        double top = fmin(axis_at(y, v), y->from - 1); /* that it is there can be seen */
        svg_move(s, left, y->from), svg_to(s, left, top), svg_to(s, right, top), svg_to(s, right, y->from);
    }
    svg_path_end(s);
}

/* Names under the bars: latents, or ranks where they are too many. */
static void draw_names(struct svg *s, const struct kl *p, const struct axis *x, double y) {
    char text[AXIS_TEXT];
    for (size_t i = 0; i < p->n && p->n <= NAMED; i++) {
        snprintf(text, sizeof text, "%s%zu", p->n <= 20 ? "z" : "", p->bar[i].latent + 1);
        svg_text(s, axis_at(x, (double)i + 1), y + 16, SVG_MIDDLE, text);
    }
    for (size_t i = 0; i < x->n && p->n > NAMED; i++) {
        double at = axis_tick(x, i, text);
        if (at >= 1 && x->exp >= 0)
            svg_text(s, axis_at(x, at), y + 16, SVG_MIDDLE, text);
    }
    svg_text(s, (LEFT + WIDTH - RIGHT) / 2.0, y + 38, SVG_MIDDLE,
             !p->opts->sort  ? "latent"
             : p->n <= NAMED ? "latent, in falling order"
                             : "rank of the latent");
}

static int kl_draw(void *self, struct sink *sink, struct vae_err *err) {
    struct kl *p = self;
    struct svg s;
    struct axis x, y, none = {.from = LEFT, .to = WIDTH - RIGHT};
    double sum = 0, most = 0;
    size_t used = 0;
    char note[128];
    for (size_t i = 0; i < p->n; i++) {
        sum += p->bar[i].kl;
        most = fmax(most, p->bar[i].kl);
        used += p->bar[i].kl >= IDLE;
    }
    snprintf(note, sizeof note, "%zu latent%s, %zu of them with %g nats or more; %.4g nats in all%s%s", p->n,
             p->n == 1 ? "" : "s", used, IDLE, sum, *p->id ? "; model " : "", p->id);
    axis_set_across(&x, 0.4, (double)p->n + 0.6, 0, LEFT, WIDTH - RIGHT);
    axis_set(&y, 0, most > 0 ? 1.05 * most : 1, 0, HEIGHT - BOTTOM, TOP, 8);
    svg_begin(&s, WIDTH, HEIGHT, p->opts->title ? p->opts->title : "KL of each latent", note, err);
    axes_draw(&s, &none, &y, false);
    draw_bars(&s, p, &x, &y, false);
    draw_bars(&s, p, &x, &y, true);
    draw_names(&s, p, &x, HEIGHT - BOTTOM);
    svg_text_up(&s, 20, (TOP + HEIGHT - BOTTOM) / 2.0, "nats a record");
    return plot_finish(&s, sink, err);
}

const struct plot_kind plot_kl = {
    .name = "kl", .about = "KL of each latent, of a model", .draw = kl_draw, .close = free};
