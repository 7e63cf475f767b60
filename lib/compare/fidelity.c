/* fidelity.c - vae_compare(): all figures of a synthetic table, and the report. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mat.h"
#include "base/mem.h"
#include "compare/compare.h"

void vae_fidelity_free(struct vae_fidelity *f) {
    for (size_t j = 0; j < f->ncolumns && f->column; j++)
        free(f->column[j].name);
    free(f->column);
    *f = (struct vae_fidelity){0};
}

/* The columns one by one, and their mean; numbers that may be missing count twice, for their values and their gaps. */
static int shapes(const struct compare *c, struct vae_fidelity *f, struct vae_err *err) {
    static const size_t of[2] = {COMPARE_SYNTH, COMPARE_TEST};
    double sum[2] = {0, 0}, parts[2] = {0, 0};
    f->column = mem_array(c->ncols, sizeof *f->column);
    if (!f->column)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t j = 0; j < c->ncols; j++) {
        double shape[2];
        for (size_t k = 0; k < 2; k++) {
            shape[k] = compare_shape(c, j, of[k], err);
            if (isnan(shape[k]))
                return VAE_EOS;
            sum[k] += shape[k], parts[k]++;
            if (!c->col[j].number)
                continue;
            double gaps = compare_missing(c, j, of[k]);
            bool any = c->col[j].missing;
            for (size_t i = 0; i < c->n[of[k]] && !any; i++)
                any = isnan(c->col[j].value[of[k]][i]);
            if (any)
                sum[k] += gaps, parts[k]++;
        }
        f->column[j] = (struct vae_fidelity_column){mem_text(c->col[j].name, strlen(c->col[j].name)), c->col[j].number,
                                                    100 * shape[0], 100 * shape[1]};
        f->ncolumns++;
        if (!f->column[j].name)
            return err_set(err, VAE_EOS, "out of memory");
        f->numeric += c->col[j].number;
    }
    f->synth.shape = 100 * sum[0] / parts[0];
    f->floor.shape = 100 * sum[1] / parts[1];
    return 0;
}

/* What is asked of SYNTH and of TEST alike. */
static int figures(const struct compare *c, size_t t, struct vae_figures *f, struct vae_err *err) {
    int r = compare_trend(c, t, &f->trend, err);
    f->trend *= 100;
    f->invalid = compare_invalid(c, t);
    if (!r)
        r = compare_same_rows(c, t, &f->same_rows, err);
    return r ? r : compare_c2st(c, t, &f->c2st, err);
}

int vae_compare(struct vae_in *const in[3], const struct vae_compare_opts *o, struct vae_fidelity *f,
                struct vae_err *err) {
    struct compare c = {.seed = o->seed, .max_rows = o->max_rows ? o->max_rows : 20000};
    *f = (struct vae_fidelity){0};
    int r = compare_read(&c, in, o->drop, o->ndrop, err);
    if (!r)
        r = mat_open(err);
    if (!r && !(c.pool = pool_new(o->threads, err)))
        r = VAE_EOS;
    for (size_t t = 0; t < COMPARE_TABLES; t++)
        f->rows[t] = c.n[t];
    if (!r)
        r = shapes(&c, f, err);
    if (!r)
        r = figures(&c, COMPARE_SYNTH, &f->synth, err);
    if (!r)
        r = figures(&c, COMPARE_TEST, &f->floor, err);
    if (!r)
        r = compare_copied(&c, &f->copied, err);
    pool_free(c.pool);
    compare_free(&c);
    return r;
}

/* ---- the report ---------------------------------------------------------------------------------------------------- */

static json_t *real(double v) { return isfinite(v) ? json_real(v) : json_null(); }

static json_t *figures_json(const struct vae_figures *f) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "shape", real(f->shape), "trend", real(f->trend), "c2st", real(f->c2st),
                     "invalid", real(f->invalid), "same_rows", real(f->same_rows));
}

static char *as_json(const struct vae_fidelity *f) {
    json_t *columns = json_array();
    for (size_t j = 0; j < f->ncolumns; j++)
        json_array_append_new(columns, json_pack("{s:s, s:b, s:o, s:o}", "name", f->column[j].name, "number",
                                                 f->column[j].number, "shape", real(f->column[j].shape), "floor",
                                                 real(f->column[j].floor)));
    json_t *j = json_pack("{s:{s:I, s:I, s:I}, s:o, s:o, s:o, s:o}", "rows", "train", (json_int_t)f->rows[0], "test",
                          (json_int_t)f->rows[1], "synth", (json_int_t)f->rows[2], "synth", figures_json(&f->synth),
                          "floor", figures_json(&f->floor), "copied", real(f->copied), "columns", columns);
    struct buf b = {0};
    bool ok = j && !js_dump(j, &b, NULL) && !buf_put(&b, "\n", 2, NULL);
    json_decref(j);
    if (!ok)
        buf_free(&b);
    return b.p;
}

/* The column whose values differ most from TRAIN's, beyond what TEST's do. */
static const struct vae_fidelity_column *worst(const struct vae_fidelity *f) {
    const struct vae_fidelity_column *w = f->column;
    for (size_t j = 1; j < f->ncolumns; j++)
        w = f->column[j].floor - f->column[j].shape > w->floor - w->shape ? &f->column[j] : w;
    return w;
}

static char *as_text(const struct vae_fidelity *f) {
    struct buf b = {0};
    const struct vae_fidelity_column *w = worst(f);
    char name[80];
    err_quote(name, sizeof name, w->name, strlen(w->name));
    int r = buf_printf(&b, NULL, "rows       train %llu, test %llu, synth %llu; %zu column%s of numbers, %zu of categories\n",
                       (unsigned long long)f->rows[0], (unsigned long long)f->rows[1], (unsigned long long)f->rows[2],
                       f->numeric, f->numeric == 1 ? "" : "s", f->ncolumns - f->numeric);
    const struct {
        const char *name;
        double synth, floor;
        int digits;
    } row[] = {{"shape", f->synth.shape, f->floor.shape, 2},
               {"trend", f->synth.trend, f->floor.trend, 2},
               {"c2st", f->synth.c2st, f->floor.c2st, 1},
               {"invalid", f->synth.invalid, f->floor.invalid, 3},
               {"same_rows", f->synth.same_rows, f->floor.same_rows, 2}};
    for (size_t i = 0; i < sizeof row / sizeof *row && !r; i++)
        r = buf_printf(&b, NULL, "%-10s %.*f   test %.*f\n", row[i].name, row[i].digits, row[i].synth, row[i].digits,
                       row[i].floor);
    if (!r)
        r = buf_printf(&b, NULL, "copied     %.1f\nworst      %s: shape %.2f, test %.2f\n", f->copied, name, w->shape,
                       w->floor);
    if (r)
        buf_free(&b);
    return b.p;
}

char *vae_fidelity_describe(const struct vae_fidelity *f, bool json) { return json ? as_json(f) : as_text(f); }
