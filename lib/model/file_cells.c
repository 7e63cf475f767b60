/*
 * file_cells.c - the cells of all values (cells.h) as tensors of the model file: those of one value behind those of the
 * other, with how many there are of each. The cell that stands for a missing value has 0 for the NaN it is.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/file_cells.h"

enum { NDOUBLES = 6 };
static const char *const double_name[NDOUBLES] = {"cells.low",  "cells.high",  "cells.weight",
                                                  "cells.cost", "cells.value", "cells.share"};

static double *part(const struct cells *c, size_t k) {
    double *const p[NDOUBLES] = {c->low, c->high, c->weight, c->cost, c->value, c->share};
    return p[k];
}

/* Items of part k of these cells. */
static size_t part_size(const struct cells *c, size_t k) { return k + 1 == NDOUBLES ? c->nlevels : c->n; }

void file_cells_free(struct file_cells *f) {
    for (size_t k = 0; k < NDOUBLES; k++)
        free(f->number[k]);
    free(f->count), free(f->level);
    *f = (struct file_cells){0};
}

int file_cells_add(struct tensors *t, const struct schema *s, struct file_cells *f, struct vae_err *err) {
    size_t total[NDOUBLES] = {0}, shape[2] = {3, s->d};
    *f = (struct file_cells){0};
    for (size_t k = 0; k < NDOUBLES; k++)
        for (size_t j = 0; j < s->d; j++)
            total[k] += s->cells[j].n ? part_size(&s->cells[j], k) : 0;
    if (!total[0])
        return 0;
    f->count = mem_array(3 * s->d, sizeof *f->count);
    f->level = mem_array(total[0], sizeof *f->level);
    bool ok = f->count && f->level;
    for (size_t k = 0; k < NDOUBLES && ok; k++)
        ok = (f->number[k] = mem_array(total[k], sizeof(double))) != NULL;
    if (!ok)
        return err_set(err, VAE_EOS, "out of memory");
    size_t at[NDOUBLES] = {0};
    for (size_t j = 0; j < s->d; j++) {
        const struct cells *c = &s->cells[j];
        f->count[j] = (int32_t)c->n, f->count[s->d + j] = (int32_t)c->nlevels, f->count[2 * s->d + j] = c->blank;
        for (size_t i = 0; i < c->n; i++)
            f->level[at[0] + i] = (int32_t)c->level[i];
        for (size_t k = 0; k < NDOUBLES && c->n; k++)
            for (size_t i = 0; i < part_size(c, k); i++) {
                double v = part(c, k)[i];
                f->number[k][at[k]++] = isnan(v) ? 0 : v;
            }
    }
    int r = tensors_add(t, "cells.count", TENSOR_I32, 2, shape, f->count, err);
    if (!r)
        r = tensors_add(t, "cells.level", TENSOR_I32, 1, &total[0], f->level, err);
    for (size_t k = 0; k < NDOUBLES && !r; k++)
        r = tensors_add(t, double_name[k], TENSOR_F64, 1, &total[k], f->number[k], err);
    return r;
}

/* The cells of value j from the arrays, from cell `at` and level `level_at` on. */
static int get_one(struct cells *c, const int32_t *count, size_t d, size_t j, const int32_t *level,
                   const double *const *number, size_t at, size_t level_at, struct vae_err *err) {
    int r = cells_new(c, (size_t)count[j], err);
    if (r)
        return r;
    c->nlevels = (size_t)count[d + j];
    c->blank = count[2 * d + j] != 0;
    for (size_t i = 0; i < c->n; i++)
        c->level[i] = (uint32_t)level[at + i];
    for (size_t k = 0; k < NDOUBLES; k++)
        memcpy(part(c, k), number[k] + (k + 1 == NDOUBLES ? level_at : at), part_size(c, k) * sizeof(double));
    if (c->blank)
        c->low[c->n - 1] = c->high[c->n - 1] = c->value[c->n - 1] = NAN;
    r = cells_check(c, err);
    if (!r)
        cells_moments(c);
    return r;
}

/* A column with levels has a cell for each code and one for what is unknown: codes from a file become indices elsewhere. */
static int check_codes(const struct schema *s, struct vae_err *err) {
    for (size_t i = 0; i < s->ncols; i++) {
        const struct cells *c = &s->cells[s->col[i].v0];
        size_t n = s->col[i].levels.n;
        bool ok = !n || !c->n || c->n - c->blank == n + 1;
        for (size_t k = 0; n && c->n && ok && k <= n; k++)
            ok = c->low[k] >= (double)k && c->high[k] <= (double)k;
        if (!ok)
            return err_set(err, VAE_EDATA, "the cells of a column are not the codes of its levels");
    }
    return 0;
}

int file_cells_get(const struct tensors *t, struct schema *s, struct vae_err *err) {
    size_t shape[2] = {3, s->d}, cells = 0, levels = 0;
    const void *p, *lv, *num[NDOUBLES];
    if (!tensors_find(t, "cells.count"))
        return 0;
    int r = tensors_get(t, "cells.count", TENSOR_I32, 2, shape, &p, err);
    if (r)
        return r;
    const int32_t *count = p;
    for (size_t j = 0; j < s->d; j++) {
        if (count[j] < 0 || count[j] > CELLS_MAX || count[s->d + j] < 0 || count[s->d + j] > count[j])
            return err_set(err, VAE_EDATA, "the cells of a column have a senseless count");
        cells += (size_t)count[j], levels += (size_t)count[s->d + j];
    }
    r = tensors_get(t, "cells.level", TENSOR_I32, 1, &cells, &lv, err);
    for (size_t k = 0; k < NDOUBLES && !r; k++)
        r = tensors_get(t, double_name[k], TENSOR_F64, 1, k + 1 == NDOUBLES ? &levels : &cells, &num[k], err);
    const double *number[NDOUBLES];
    for (size_t k = 0; k < NDOUBLES && !r; k++)
        number[k] = num[k];
    size_t at = 0, level_at = 0;
    for (size_t j = 0; j < s->d && !r; j++) {
        if (count[j])
            r = get_one(&s->cells[j], count, s->d, j, lv, number, at, level_at, err);
        at += (size_t)count[j], level_at += (size_t)count[s->d + j];
    }
    return r ? r : check_codes(s, err);
}
