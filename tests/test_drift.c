/*
 * test_drift.c - counts of drift from run to run: rows in many small runs tell what they tell in one; from enough rows on those
 * of before are left; another model's counts are none; and what makes no sense is refused.
 */
#include <jansson.h>

#include "base/mem.h"
#include "columns.h"
#include "score/drift.h"

enum { ROWS = 4000, FITTED = 800, COLS = 3 };

/* From some row on it is another column. */
static void number(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", noise(i, 0) + (i < 2000 ? 0 : 0.5)); }

static bool same(const struct drift *a, const struct drift *b) {
    struct vae_drift x, y;
    bool is = drift_rows(a) == drift_rows(b);
    for (size_t i = 0; drift_column(a, i, &x); i++)
        is = is && drift_column(b, i, &y) && !(x.psi < y.psi) && !(x.psi > y.psi) && !(x.drift < y.drift) &&
             !(x.drift > y.drift) && !(x.missing < y.missing) && !(x.missing > y.missing) && (isnan(x.ks) || x.ks >= y.ks);
    return is;
}

static struct drift *over(const struct vae_model *m, const struct outcome *o, const float *x, size_t from, size_t to) {
    struct vae_err err = {0};
    struct drift *w = drift_new(m, &err);
    CHECK(w != NULL, "%s", err.msg);
    drift_add(w, o->raw + from * COLS, x + from * COLS, to - from);
    return w;
}

/* A run over these rows that goes on from *memory, and leaves its own. */
static struct drift *run(const struct vae_model *m, const struct outcome *o, const float *x, size_t from, size_t to,
                         json_t **memory) {
    struct vae_err err = {0};
    struct drift *w = drift_new(m, &err);
    CHECK(w && !drift_load(w, *memory, &err), "%s", err.msg);
    drift_add(w, o->raw + from * COLS, x + from * COLS, to - from);
    json_decref(*memory);
    CHECK((*memory = drift_save(w)), "out of memory");
    return w;
}

/* Ends of runs, and the row from which on the last of them tells. */
static void test_runs(const struct vae_model *m, const struct outcome *o, const float *x) {
    static const struct {
        size_t to, tells;
    } row[] = {{3, 0}, {3, 0}, {200, 0}, {999, 0}, {1000, 0}, {1030, 0}, {1990, 0}, {2100, 1000}, {2200, 1000}, {3400, 2100},
               {3401, 2100}, {4000, 2100}};
    json_t *memory = NULL;
    for (size_t i = 0, from = 0; i < sizeof row / sizeof *row; from = row[i++].to) {
        struct drift *w = run(m, o, x, from, row[i].to, &memory), *once = over(m, o, x, row[i].tells, row[i].to);
        CHECK(same(w, once), "up to row %zu: %zu rows, not those from %zu on", row[i].to, (size_t)drift_rows(w), row[i].tells);
        drift_free(w), drift_free(once);
    }
    json_decref(memory);
}

static void test_refused(struct vae_model *m, const struct outcome *o, const float *x) {
    struct vae_err err = {0};
    struct drift *w = over(m, o, x, 0, 90), *fresh = over(m, o, x, 0, 0);
    json_t *good = drift_save(w);
    static const char *const window[] = {"now", "before"};
    for (size_t k = 0; k < 2; k++) {
        size_t n = json_array_size(json_object_get(good, window[k]));
        for (size_t i = 0; i <= n; i++)
            for (int how = 0; how < 3; how++) {
                json_t *bad = json_deep_copy(good), *a = json_object_get(bad, window[k]);
                if (i == n)
                    json_array_append_new(a, json_integer(how));
                else if (how == 0)
                    json_array_set_new(a, i, json_integer(json_integer_value(json_array_get(a, i)) + 1));
                else if (how == 1)
                    json_array_set_new(a, i, json_integer(-1));
                else
                    json_array_remove(a, i);
                struct drift *to = over(m, o, x, 0, 0);
                CHECK(drift_load(to, bad, &err) == VAE_EDATA, "%s %zu, %d is taken", window[k], i, how);
                drift_free(to), json_decref(bad);
            }
    }
    CHECK(drift_load(fresh, json_null(), &err) == VAE_EDATA && drift_load(fresh, NULL, &err) == 0, "nothing, and no counts");
    m->id[0] = 'x';
    CHECK(drift_load(fresh, good, &err) == 0 && drift_rows(fresh) == 0, "counts of another model");
    m->id[0] = 0;
    CHECK(drift_load(fresh, good, &err) == 0 && same(fresh, w), "%s", err.msg);
    json_decref(good), drift_free(w), drift_free(fresh);
}

int main(void) {
    static cell_fn *const cells[COLS] = {number, category, gaps};
    struct outcome o = scan(cells, COLS, ROWS, NULL);
    CHECK(o.s && o.s->d == COLS, "%s", o.err.msg);
    learn(&o, FITTED);
    float *x = mem_floats(ROWS * COLS);
    struct vae_model m = {.schema = o.s};
    schema_to_model(o.s, o.raw, NULL, ROWS, x);
    struct drift *still = over(&m, &o, x, 0, 1500), *moved = over(&m, &o, x, 2000, 3500);
    struct vae_drift d;
    CHECK(drift_column(still, 0, &d) && !(d.drift > 0) && drift_column(moved, 0, &d) && d.drift > 0.25, "drift %g", d.drift);
    drift_free(still), drift_free(moved);
    test_runs(&m, &o, x);
    test_refused(&m, &o, x);
    free(x), done(&o);
    return test_done();
}
