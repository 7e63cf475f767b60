/* points.c - the columns of a scatter, and the sample of its records. */
#include "report/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

enum { VALUES_MOST = 1 << 23 }; /* of the sample, in all */

/* "z12": a latent in a table. */
static bool is_latent_name(const char *name) {
    return name[0] == 'z' && name[1] >= '1' && name[1] <= '9' && strspn(name + 1, "0123456789") == strlen(name + 1);
}

/* Is field j one of those whose components are drawn? */
static bool is_drawn(const struct vae_head *h, size_t j, bool latents) {
    const struct rec_field *f = &h->fields[j];
    if (f->keep || (f->ndim && f->type == REC_UTF8))
        return false;
    if (!strcmp(h->kind, "latent"))
        return !strcmp(f->name, "mu");
    return !latents || is_latent_name(f->name);
}

static int all_columns(struct points *p, struct vae_err *err) {
    const struct vae_head *h = p->head;
    size_t names = 0, n = 0;
    for (size_t j = 0; j < h->nfields; j++)
        names += is_latent_name(h->fields[j].name) && !h->fields[j].keep;
    p->latents = names > 1 || !strcmp(h->kind, "latent");
    for (size_t j = 0; j < h->nfields; j++)
        if (is_drawn(h, j, p->latents) &&
            (h->fields[j].width > POINTS_COLUMNS || (n += h->fields[j].width) > POINTS_COLUMNS))
            return err_set(err, VAE_EUSAGE, "more than %d columns to take components of; name two (--scatter X,Y)",
                           POINTS_COLUMNS);
    p->column = mem_array(n, sizeof *p->column);
    if (!p->column)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t j = 0; j < h->nfields; j++)
        for (size_t k = 0; k < h->fields[j].width && is_drawn(h, j, p->latents); k++)
            p->column[p->d++] = (struct column){j, k};
    return 0;
}

static int named_columns(struct points *p, const struct vae_plot_opts *o, struct vae_err *err) {
    p->named = true;
    p->d = 2;
    p->column = mem_array(2, sizeof *p->column);
    if (!p->column)
        return err_set(err, VAE_EOS, "out of memory");
    int rc = column_find(p->head, o->x, &p->column[0], err);
    return rc ? rc : column_find(p->head, o->y, &p->column[1], err);
}

int points_init(struct points *p, const struct vae_head *h, const struct vae_plot_opts *o, struct vae_err *err) {
    *p = (struct points){.head = h, .coloured = o->colour != NULL};
    int rc = o->x && o->y ? named_columns(p, o, err) : all_columns(p, err);
    if (!rc && p->coloured)
        rc = column_find(h, o->colour, &p->colour, err);
    if (rc)
        return rc;
    p->most = p->d > VALUES_MOST / POINTS_MOST ? VALUES_MOST / p->d : POINTS_MOST;
    p->v = mem_array(p->most * p->d, sizeof *p->v);
    p->text = mem_array(p->d, sizeof *p->text);
    p->shade = mem_array(p->most, sizeof *p->shade);
    p->label = mem_array(p->most, sizeof *p->label);
    return p->v && p->text && p->shade && p->label ? 0 : err_set(err, VAE_EOS, "out of memory");
}

void points_free(struct points *p) {
    free(p->column), free(p->v), free(p->text), free(p->shade), free(p->label);
    *p = (struct points){0};
}

/* The place in the sample of the next record, SIZE_MAX for none. */
static size_t draw_place(struct points *p) {
    if (p->n < p->most)
        return p->n++;
    double u;
    rng_uniform(&u, 1, 0, RNG_PLOT, 0, p->seen);
    double place = floor(u * (double)(p->seen + 1));
    return place < (double)p->most ? (size_t)place : SIZE_MAX;
}

void points_add(struct points *p, const struct vae_batch *b) {
    for (size_t i = 0; i < b->rows; i++) {
        double xy[2];
        for (size_t k = 0; k < 2 && p->named; k++)
            xy[k] = column_number(p->head, &p->column[k], b, i, &p->text[k]);
        if (p->named && (isnan(xy[0]) || isnan(xy[1]))) {
            p->without++;
            continue;
        }
        size_t at = draw_place(p);
        p->seen++;
        if (at == SIZE_MAX)
            continue;
        for (size_t k = 0; k < p->d; k++)
            p->v[at * p->d + k] = p->named ? xy[k] : column_number(p->head, &p->column[k], b, i, &p->text[k]);
        if (!p->coloured)
            continue;
        p->shade[at] = column_number(p->head, &p->colour, b, i, NULL);
        column_text(p->head, &p->colour, b, i, p->label[at], sizeof p->label[at]);
    }
}
