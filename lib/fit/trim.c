/*
 * trim.c - rows that may be contaminated: the oddest are left out of all that is fitted (a trimmed likelihood, Neykov & Neytchev
 * 1990), told by the distance to the nearest fifth of all rows, in ranges of the middle nine tenths (score/exemplars.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "score/exemplars.h"

struct odd {
    double score;
    size_t place;
};

static int by_score(const void *a, const void *b) {
    const struct odd *x = a, *y = b;
    return x->score > y->score ? 1 : x->score < y->score ? -1 : (x->place > y->place) - (x->place < y->place);
}

/* How odd each of rows[n] is among them. */
static int score_rows(const struct fit_plan *p, const struct fit_rows *data, const uint64_t *rows, size_t n, struct pool *pool,
                      double *score, struct vae_err *err) {
    struct model_exemplars kept = {0};
    struct schema *s = schema_copy(data->schema, err);
    size_t values;
    float *x = s && mem_mul(n, s->d, &values) ? mem_floats(values) : NULL;
    int r = !s ? VAE_EOS : x ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r)
        r = schema_learn(s, data->raw, rows, n, p->bins, err);
    if (!r) {
        schema_to_model(s, data->raw, rows, n, x);
        r = exemplars_learn(&kept, s, x, n, EXEMPLARS_CONTAMINATED, p->train.seed, pool, err);
    }
    if (!r && kept.n)
        r = exemplars_left_out(&kept, s, x, n, pool, score, err);
    model_exemplars_free(&kept);
    schema_free(s);
    free(x);
    return r;
}

int fit_trim(const struct fit_plan *p, const struct fit_rows *data, const uint64_t *rows, size_t n, struct pool *pool, uint64_t *kept,
             size_t *nkept, struct vae_err *err) {
    double *score = mem_array(n, sizeof *score);
    struct odd *odd = mem_array(n, sizeof *odd);
    bool *out = mem_array(n, sizeof *out);
    int r = score && odd && out ? score_rows(p, data, rows, n, pool, score, err)
                                : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    for (size_t i = 0; i < n && !r; i++)
        odd[i] = (struct odd){score[i], i};
    if (!r) {
        qsort(odd, n, sizeof *odd, by_score);
        *nkept = n - (size_t)(p->trim * (double)n);
        for (size_t i = *nkept; i < n; i++)
            out[odd[i].place] = true;
        for (size_t i = 0, k = 0; i < n; i++)
            if (!out[i])
                kept[k++] = rows[i];
    }
    free(score), free(odd), free(out);
    return r;
}
