/* classify.c - the two-sample test by a classifier (Lopez-Paz & Oquab 2017): how well can rows be told from TRAIN's? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "compare/compare.h"

enum { FOLDS = 3, MEMORY = 10, ITERATIONS = 300, MOST_VALUES = 1 << 28 };
static const double ENOUGH = 1e-2; /* of the gradient's largest part, in nats of all rows */

/* ---- logistic regression ----------------------------------------------------------------------------------------- */

struct problem {
    const float *x;
    const bool *is, *left_out;
    size_t n, d;
    float *f;        /* [n] x w + intercept of the last point */
    float *residual; /* [n] */
    float *part;     /* [d] */
};

/* The loss at w and its gradient g[d + 1]. */
static double loss(struct problem *p, const float *w, double *g) {
    double sum = 0, intercept = 0;
    mat_gemm(false, false, p->n, 1, p->d, p->x, p->d, w, 1, 0, p->f, 1);
    for (size_t i = 0; i < p->n; i++) {
        p->f[i] += w[p->d];
        double f = p->is[i] ? (double)p->f[i] : -(double)p->f[i], e = exp(-fabs(f));
        double wrong = f > 0 ? e / (1 + e) : 1 / (1 + e); /* probability of the other answer */
        bool used = !p->left_out[i];
        sum += used ? log1p(e) + (f > 0 ? 0 : -f) : 0;
        double r = used ? (p->is[i] ? -wrong : wrong) : 0;
        p->residual[i] = (float)r;
        intercept += r;
    }
    mat_gemm(true, false, p->d, 1, p->n, p->x, p->d, p->residual, 1, 0, p->part, 1);
    for (size_t j = 0; j < p->d; j++) {
        sum += 0.5 * (double)w[j] * (double)w[j];
        g[j] = (double)p->part[j] + (double)w[j];
    }
    g[p->d] = intercept;
    return sum;
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Steps s and changes of the gradient y of the last MEMORY iterations, in a ring. */
struct history {
    double *s, *y, rho[MEMORY];
    size_t n, size;
};

/* dir = -H g by the two loops of Nocedal (1980). */
static void direction(const struct history *h, const double *g, double *dir) {
    double alpha[MEMORY];
    size_t m = h->n < MEMORY ? h->n : MEMORY, size = h->size;
    for (size_t i = 0; i < size; i++)
        dir[i] = -g[i];
    for (size_t k = 0; k < m; k++) {
        size_t i = (h->n - 1 - k) % MEMORY;
        alpha[i] = h->rho[i] * dot(h->s + i * size, dir, size);
        for (size_t j = 0; j < size; j++)
            dir[j] -= alpha[i] * h->y[i * size + j];
    }
    size_t last = (h->n - 1) % MEMORY;
    double scale = m ? 1 / (h->rho[last] * dot(h->y + last * size, h->y + last * size, size)) : 1 / sqrt(dot(g, g, size));
    for (size_t j = 0; j < size; j++)
        dir[j] *= scale;
    for (size_t k = m; k-- > 0;) {
        size_t i = (h->n - 1 - k) % MEMORY;
        double beta = h->rho[i] * dot(h->y + i * size, dir, size);
        for (size_t j = 0; j < size; j++)
            dir[j] += h->s[i * size + j] * (alpha[i] - beta);
    }
}

/* A step along dir that makes the loss smaller (Armijo's rule); false where there is none. */
static bool descend(struct problem *p, const double *dir, double slope, float *w, double *value, float *next, double *g) {
    size_t size = p->d + 1;
    for (double step = 1; step > 1e-8; step /= 2) {
        for (size_t j = 0; j < size; j++)
            next[j] = (float)((double)w[j] + step * dir[j]);
        double now = loss(p, next, g);
        if (now <= *value + 1e-4 * step * slope) {
            *value = now;
            return true;
        }
    }
    return false;
}

static void minimise(struct problem *p, struct history *h, float *w, float *next, double *g, double *before, double *dir) {
    size_t size = h->size;
    double value = loss(p, w, g);
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        double top = 0;
        for (size_t j = 0; j < size; j++)
            top = fmax(top, fabs(g[j]));
        direction(h, g, dir);
        double slope = dot(g, dir, size);
        memcpy(before, g, size * sizeof *g);
        if (top < ENOUGH || !(slope < 0) || !descend(p, dir, slope, w, &value, next, g))
            break;
        size_t i = h->n % MEMORY;
        for (size_t j = 0; j < size; j++) {
            h->s[i * size + j] = (double)next[j] - (double)w[j];
            h->y[i * size + j] = g[j] - before[j];
        }
        memcpy(w, next, size * sizeof *w);
        double sy = dot(h->s + i * size, h->y + i * size, size);
        if (sy > 0) {
            h->rho[i] = 1 / sy;
            h->n++;
        }
    }
    loss(p, w, g); /* f of the last point */
}

int compare_logistic(const float *x, const bool *is, const bool *left_out, size_t n, size_t d, float *w, float *f,
                     struct vae_err *err) {
    size_t size = d + 1;
    struct problem p = {x, is, left_out, n, d, f, mem_floats(n), mem_floats(size)};
    double *mem = mem_array(size, (2 * MEMORY + 3) * sizeof *mem);
    float *next = mem_floats(size);
    int r = p.residual && p.part && mem && next ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!r) {
        struct history h = {.s = mem, .y = mem + MEMORY * size, .size = size};
        double *g = mem + 2 * MEMORY * size;
        memset(w, 0, size * sizeof *w);
        minimise(&p, &h, w, next, g, g + size, g + 2 * size);
    }
    free(p.residual), free(p.part), free(mem), free(next);
    return r;
}

/* ---- the test ------------------------------------------------------------------------------------------------------ */

struct ranked {
    float score;
    bool is;
};
static int by_score(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

double compare_auc(const float *score, const bool *is, size_t n) {
    struct ranked *r = mem_array(n, sizeof *r);
    double sum = 0, positive = 0;
    if (!r)
        return NAN;
    for (size_t i = 0; i < n; i++)
        r[i] = (struct ranked){score[i], is[i]}, positive += is[i];
    qsort(r, n, sizeof *r, by_score);
    for (size_t i = 0, k; i < n; i = k) { /* equal scores share their mean rank */
        for (k = i; k < n && !(r[k].score > r[i].score);)
            k++;
        for (size_t j = i; j < k; j++)
            sum += r[j].is ? 0.5 * (double)(i + k + 1) : 0;
    }
    free(r);
    return (sum - positive * (positive + 1) / 2) / (positive * ((double)n - positive));
}

struct test {
    const float *x;
    const bool *is;
    size_t n, d; /* n of each kind */
    float *score;
    bool failed[FOLDS];
};

/* Rows come in random order, so that every third is a fold of its own, with as many of either kind. */
static void fold_task(void *ctx, size_t fold, size_t worker) {
    (void)worker;
    struct test *t = ctx;
    size_t n = 2 * t->n;
    bool *out = mem_array(n, sizeof *out);
    float *w = mem_floats(t->d + 1), *f = mem_floats(n);
    for (size_t i = 0; i < n && out; i++)
        out[i] = i % t->n % FOLDS == fold;
    t->failed[fold] = !out || !w || !f || compare_logistic(t->x, t->is, out, n, t->d, w, f, NULL);
    for (size_t i = 0; i < n && !t->failed[fold]; i++)
        if (out[i])
            t->score[i] = f[i];
    free(out), free(w), free(f);
}

int compare_c2st(const struct compare *c, size_t table, double *c2st, struct vae_err *err) {
    size_t d = compare_dimensions(c), n = c->n[COMPARE_TRAIN] < c->n[table] ? c->n[COMPARE_TRAIN] : c->n[table], values;
    n = n < c->max_rows ? n : c->max_rows;
    n = 2 * n > MOST_VALUES / d ? MOST_VALUES / d / 2 : n; /* of wide tables fewer */
    *c2st = NAN;
    if (n < 2 * FOLDS)
        return 0; /* too few to tell */
    float *x = mem_mul(2 * n, d, &values) ? mem_floats(values) : NULL, *score = mem_floats(2 * n);
    bool *is = mem_array(2 * n, sizeof *is);
    uint64_t *rows = mem_array(n, sizeof *rows);
    int r = x && score && is && rows ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t k = 0; k < 2 && !r; k++) {
        size_t t = k ? table : COMPARE_TRAIN;
        for (size_t i = 0; i < n; i++)
            rows[i] = compare_sample(c, t, 2, i), is[k * n + i] = k;
        r = compare_place(c, t, rows, n, x + k * n * d, err);
    }
    if (!r) {
        struct test test = {x, is, n, d, score, {false}};
        pool_run(c->pool, FOLDS, fold_task, &test);
        bool failed = test.failed[0] || test.failed[1] || test.failed[2];
        double auc = failed ? NAN : compare_auc(score, is, 2 * n);
        *c2st = 100 * (2 - 2 * fmax(auc, 0.5));
        r = failed || isnan(auc) ? err_set(err, VAE_EOS, "out of memory") : 0;
    }
    free(x), free(score), free(is), free(rows);
    return r;
}
