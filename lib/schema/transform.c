/* transform.c - choosing center and scale: one small function and one row each. */
#include <string.h>

#include "schema/bins.h"
#include "schema/schema.h"

/* Mean 0 and standard deviation 1; one scale for all values of an image or a frame, so that squared error keeps
 * its meaning there. A constant has 1 for a scale. */
static void standard(const struct schema_col *c, const struct schema_stats *s, double *center, double *scale) {
    double square = 0;
    for (size_t j = 0; j < c->width; j++)
        square += s->sd[c->v0 + j] * s->sd[c->v0 + j];
    double shared = __builtin_sqrt(square / (double)c->width);
    for (size_t j = c->v0; j < c->v0 + c->width; j++) {
        double sd = c->width > 1 ? shared : s->sd[j];
        center[j] = s->mean[j];
        scale[j] = sd > 0 ? sd : 1;
    }
}

/* Into 0..1: by 255 for bytes with more than two levels, as they are where they already lie there, else by their range. */
static void unit(const struct schema_col *c, const struct schema_stats *s, double *center, double *scale) {
    double low = s->low[c->v0], high = s->high[c->v0];
    for (size_t j = c->v0; j < c->v0 + c->width; j++) {
        low = s->low[j] < low ? s->low[j] : low;
        high = s->high[j] > high ? s->high[j] : high;
    }
    if (low >= 0 && high <= 1)
        low = 0, high = 1;
    else if (c->type == REC_U8)
        low = 0, high = 255;
    for (size_t j = c->v0; j < c->v0 + c->width; j++) {
        center[j] = low;
        scale[j] = high > low ? high - low : 1;
    }
}

static void none(const struct schema_col *c, const struct schema_stats *s, double *center, double *scale) {
    (void)s;
    for (size_t j = c->v0; j < c->v0 + c->width; j++)
        center[j] = 0, scale[j] = 1;
}

static int cut_bins(const struct schema_col *c, const double *v, size_t n, size_t missing, size_t bins, double step,
                    struct cells *cells, struct vae_err *err) {
    return bins_cut(v, n, missing, c->blank, bins, step, cells, err);
}

static int cut_levels(const struct schema_col *c, const double *v, size_t n, size_t missing, size_t bins, double step,
                      struct cells *cells, struct vae_err *err) {
    (void)bins, (void)step;
    return levels_cut(v, n, missing, c->blank, c->levels.n, !strcmp(c->lik, "ordinal"), cells, err);
}

const struct schema_transform schema_standard = {"standard", "mean 0, standard deviation 1", standard, NULL};
const struct schema_transform schema_unit = {"unit", "into 0..1", unit, NULL};
const struct schema_transform schema_none = {"none", "as they are", none, NULL};
const struct schema_transform schema_level = {"levels", "a cell for each level", NULL, cut_levels};
const struct schema_transform schema_bins = {"bins", "cells at quantiles and at values that repeat", NULL, cut_bins};

const struct schema_transform *const schema_transforms[] = {&schema_standard, &schema_unit, &schema_none,
                                                            &schema_level,    &schema_bins, NULL};

const struct schema_transform *schema_transform_by_name(const char *name) {
    for (size_t i = 0; schema_transforms[i]; i++)
        if (!strcmp(schema_transforms[i]->name, name))
            return schema_transforms[i];
    return NULL;
}
