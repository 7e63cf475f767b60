/* benign.c - see benign.h. */
#include "score/benign.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/op.h"
#include "score/score.h"

enum { PANELS = 4, DRAWS = PANELS * MAT_PANEL, SEED = 1 };
static const double SURE = 0.99;

struct benign {
    size_t n, d;
    double *raw;   /* [n,d] the records */
    double *reach; /* [n,d] how far off a value may be */
    bool *any;     /* [d] may be whatever it is: the day of a time */
};

void benign_free(struct benign *b) {
    if (!b)
        return;
    free(b->raw), free(b->reach), free(b->any);
    free(b);
}

/* The factor on sd of so many numbers. */
static double factor(size_t numbers) {
    return numbers ? score_half_normal(pow(SURE, 1 / (double)numbers)) * M_SQRT2 : 0;
}

/* sd[j] of value j over draws[DRAWS,d] of it. */
static void spread(const double *draws, size_t d, double *sd) {
    for (size_t j = 0; j < d; j++) {
        double mean = 0, off = 0, n = 0;
        for (size_t a = 0; a < DRAWS; a++)
            if (isfinite(draws[a * d + j]))
                mean += (draws[a * d + j] - mean) / ++n;
        for (size_t a = 0; a < DRAWS; a++)
            off += isfinite(draws[a * d + j]) ? fabs(draws[a * d + j] - mean) : 0;
        sd[j] = n > 0 ? sqrt(M_PI / 2) * off / n : 0;
    }
}

/* Draws from p(x|z) at the latents of the record x[d]; record: its number. */
static void draw_again(const struct vae_model *m, struct model_pass *p, const float *x, size_t record, double *draws) {
    uint64_t rows[MAT_PANEL];
    for (size_t a = 0; a < PANELS; a++) {
        for (size_t i = 0; i < MAT_PANEL; i++)
            rows[i] = record * DRAWS + a * MAT_PANEL + i;
        op_encode_panel(m, p, x, NULL, 1);
        bottleneck_mean(m, m->w, p, 0, MAT_PANEL);
        op_fill(m, p, true, SEED, rows);
        op_to_input_units(m->schema, p, MAT_PANEL, false, draws + a * MAT_PANEL * m->schema->d);
    }
}

/* What each value may be off by: levels and conditions by nothing. */
static int find_reach(struct benign *b, const struct vae_model *m, struct vae_err *err) {
    const struct schema *s = m->schema;
    size_t d = s->d, numbers = 0;
    struct model_pass p;
    double *draws = mem_array(DRAWS * d, sizeof *draws);
    float *x = mem_floats(d);
    int r = draws && x ? model_pass_init(&p, m, MAT_PANEL, false, err) : err_set(err, VAE_EOS, "out of memory");
    if (r)
        goto out;
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        b->any[col->v0] = col->kind == SCHEMA_TIME;
        numbers += col->condition || col->levels.n ? 0 : col->width - (col->kind == SCHEMA_TIME);
    }
    double by = factor(numbers);
    for (size_t i = 0; i < b->n; i++) {
        double *reach = b->reach + i * d;
        schema_to_model(s, b->raw + i * d, NULL, 1, x);
        draw_again(m, &p, x, i, draws);
        spread(draws, d, reach);
        for (size_t c = 0; c < s->ncols; c++)
            for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
                reach[j] *= s->col[c].condition || s->col[c].levels.n ? 0 : by;
    }
    model_pass_free(&p);
out:
    free(draws), free(x);
    return r;
}

struct benign *benign_new(const struct vae_model *m, struct vae_in *in, uint64_t *bad, struct vae_err *err) {
    if (lines_refuse(m, "comparing with known rows (--benign)", err))
        return NULL;
    struct benign *b = mem_array(1, sizeof *b);
    size_t values;
    if (!b) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    int r = op_read_all(m, in, "--benign", bad, &b->raw, &b->n, err);
    b->d = m->schema->d;
    b->reach = !r && mem_mul(b->n, b->d, &values) ? mem_array(values, sizeof *b->reach) : NULL;
    b->any = mem_array(b->d, sizeof *b->any);
    if (!r && (!b->reach || !b->any))
        r = err_set(err, VAE_EOS, "out of memory for %zu rows", b->n);
    if (!r && !find_reach(b, m, err))
        return b;
    benign_free(b);
    return NULL;
}

bool benign_like(const struct benign *b, const double *raw) {
    for (size_t i = 0; i < b->n; i++) {
        const double *of = b->raw + i * b->d, *reach = b->reach + i * b->d;
        size_t j = 0;
        while (j < b->d && (b->any[j] || fabs(raw[j] - of[j]) <= reach[j] || (isnan(raw[j]) && isnan(of[j]))))
            j++;
        if (j == b->d)
            return true;
    }
    return false;
}
