/*
 * test_prior_codes.c - every prior over codes of the table: the probabilities of all codes add up to one and are
 * those of the draws, whatever is told; odd numbers do not pass a load; and a known chain is learnt to near its
 * entropy.
 */
#include <stdbool.h>

#include "nn/adamw.h"
#include "prior/autoregressive.h"
#include "priors.h"

/* Parameters of a prior over codes: those of a net at random, the last layer too. */
static float *random_param(const struct prior *p, const struct prior_space *s, size_t *size) {
    *size = p->size(s, 100);
    float *param = alloc(*size + 1, sizeof *param);
    struct nn_net net = {0};
    if (p->net) {
        CHECK(!p->net(&net, s, 0.2f, NULL) && net.nw == *size, "%s: a net of %zu weights, said to be %zu", p->name,
              net.nw, *size);
        CHECK(nn_in(&net) == s->told + s->k * s->codes && nn_out(&net) == s->k * s->codes,
              "%s: %zu features in, %zu out", p->name, nn_in(&net), nn_out(&net));
    }
    nn_net_free(&net);
    rng_normals(param, *size, 1, 1, 3, RNG_TEST, 21, NULL, 0);
    for (size_t i = 0; i < *size; i++)
        param[i] *= 0.5f;
    return param;
}

/* Code number `at` of all there are, the first position counting most. */
static void nth_code(const struct prior_space *s, size_t at, float *z) {
    for (size_t j = s->k; j-- > 0; at /= s->codes)
        z[j] = (float)(at % s->codes);
}

enum { MOST_CODES = 1024, WIDE = 8 }; /* of all codes there are; numbers of a row */

/* A panel of rows whose codes are not set yet, told the same. */
static void tell(const struct prior_space *s, float told, float *z) {
    for (size_t i = 0; i < MAT_PANEL; i++)
        for (size_t a = 0; a < s->told; a++)
            z[i * (s->k + s->told) + s->k + a] = told * (float)(a + 1);
}

/* mass[all] = the probabilities of all codes; returns their sum. */
static double masses(const struct at_work *w, float told, size_t all, double *mass) {
    const struct prior_space *s = &w->space;
    float z[MAT_PANEL * WIDE];
    double logp[MAT_PANEL], sum = 0;
    tell(s, told, z);
    for (size_t i = 0; i < all; i += MAT_PANEL) {
        for (size_t r = 0; r < MAT_PANEL; r++)
            nth_code(s, i + r < all ? i + r : 0, z + r * (s->k + s->told));
        logp16(w, z, logp);
        for (size_t r = 0; r < MAT_PANEL && i + r < all; r++)
            sum += mass[i + r] = exp(logp[r]);
    }
    return sum;
}

/* Codes come as often as they should (chi squared); a draw is a function of its number. */
static void test_draws(const struct at_work *w, float told, size_t all, const double *mass) {
    enum { DRAWS = 40000 };
    const struct prior_space *s = &w->space;
    size_t width = s->k + s->told, wrong = 0;
    double count[MOST_CODES] = {0}, chi = 0;
    float z[MAT_PANEL * WIDE], again[MAT_PANEL * WIDE];
    tell(s, told, z), tell(s, told, again);
    for (size_t i = 0; i < DRAWS; i += MAT_PANEL) {
        draw16(w, 5, i, 1, z);
        for (size_t r = 0; r < MAT_PANEL; r++) {
            size_t at = 0;
            for (size_t j = 0; j < s->k; j++) {
                float v = z[r * width + j];
                wrong += !(v >= 0 && v < (float)s->codes && v == floorf(v));
                at = at * s->codes + (size_t)v;
            }
            count[at]++;
        }
        if (i % 4096 == 0) {
            draw16(w, 5, i + 3, 1, again);
            wrong += memcmp(z + 3 * width, again, (MAT_PANEL - 3) * width * sizeof *z) != 0;
        }
    }
    for (size_t i = 0; i < all; i++)
        chi += pow(count[i] - DRAWS * mass[i], 2) / (DRAWS * mass[i]);
    CHECK(wrong == 0, "%s: %zu draws are no codes, or not a function of their number", w->p->name, wrong);
    CHECK(fabs(chi - (double)(all - 1)) < 6 * sqrt(2 * (double)all),
          "%s: %zu codes of %zu values: chi squared %g of %zu", w->p->name, s->k, s->codes, chi, all - 1);
}

/* Cold draws are the most probable ones, code by code, what may follow summed up. */
static void test_cold(const struct at_work *w, float told, size_t all, const double *mass) {
    const struct prior_space *s = &w->space;
    float cold[WIDE], z[MAT_PANEL * WIDE], c[WIDE];
    for (size_t j = 0; j < s->k; j++) {
        double best = -1;
        for (size_t v = 0; v < s->codes; v++) {
            double here = 0;
            for (size_t i = 0; i < all; i++) {
                nth_code(s, i, c);
                bool fits = c[j] == (float)v;
                for (size_t a = 0; a < j; a++)
                    fits = fits && c[a] == cold[a];
                here += fits ? mass[i] : 0;
            }
            if (here > best)
                best = here, cold[j] = (float)v;
        }
    }
    tell(s, told, z);
    draw16(w, 5, 0, 1e-4f, z);
    CHECK(!memcmp(z, cold, s->k * sizeof *z) && !memcmp(z + 15 * (s->k + s->told), cold, s->k * sizeof *z),
          "%s: cold draws differ", w->p->name);
}

/* All probabilities add up to 1, whatever is told, and that makes a difference. */
static void test_masses(const struct prior *p, size_t k, size_t codes, size_t told) {
    const struct prior_space s = {k, codes, told};
    size_t size, all = 1, differ = 0;
    for (size_t j = 0; j < k; j++)
        all *= codes;
    float *param = random_param(p, &s, &size);
    struct at_work w = start(p, s, size, param);
    double mass[MOST_CODES], other[MOST_CODES], sum = masses(&w, 0.5f, all, mass);
    masses(&w, -1, all, other);
    CHECK(fabs(sum - 1) < 1e-5, "%s: %zu codes of %zu values: probabilities add up to %.8f", p->name, k, codes, sum);
    test_draws(&w, 0.5f, all, mass);
    if (size)
        test_cold(&w, 0.5f, all, mass);
    for (size_t i = 0; i < all; i++)
        differ += fabs(mass[i] - other[i]) > 1e-3 * mass[i];
    CHECK(size && told ? 2 * differ > all : differ == 0, "%s told %zu: %zu of %zu differ", p->name, told, differ, all);
    end(&w);
    free(param);
}

static void test_check_codes(const struct prior *p) {
    const struct prior_space s = {3, 4, 1}, other = {4, 4, 1}, few = {3, 3, 1}, untold = {3, 4, 0};
    size_t size;
    float *param = random_param(p, &s, &size);
    struct vae_err err = {0};
    CHECK(!p->check(&s, size, param, &err), "%s: refuses its own: %s", p->name, err.msg);
    CHECK(p->check(&s, size + 1, param, &err) == VAE_EDATA && *err.msg, "%s: takes one too many", p->name);
    if (size) {
        const struct prior_space *const wrong[] = {&other, &few, &untold};
        CHECK(p->check(&s, size - 1, param, NULL) && p->check(&s, 0, param, NULL), "%s: takes too few", p->name);
        for (size_t i = 0; i < 3; i++)
            CHECK(p->check(wrong[i], size, param, NULL), "%s: takes what is of another size", p->name);
        param[size / 2] = INFINITY;
        CHECK(p->check(&s, size, param, NULL) == VAE_EDATA, "%s: takes an infinity", p->name);
    }
    free(param);
}

/* The cost of shares of codes, and its gradient in the logits, by differences. */
static void test_cost(void) {
    enum { KK = 2, C = 3, N = 70, LD = 72 };
    const struct prior_space s = {KK, C, 0};
    float logits[KK * C * LD], left[KK * C * LD], share[KK * C * LD], d[KK * C * LD];
    double cost[N], by[KK] = {0}, worst = 0, sum[KK] = {0};
    rng_normals(logits, KK * C, N, LD, 1, RNG_TEST, 22, NULL, 0);
    rng_normals(share, KK * C, N, LD, 1, RNG_TEST, 23, NULL, 0);
    for (size_t j = 0; j < KK; j++)
        for (size_t i = 0; i < N; i++) {
            float *at = share + j * C * LD + i, total = fabsf(at[0]) + fabsf(at[LD]) + fabsf(at[2 * LD]);
            for (size_t v = 0; v < C; v++)
                at[v * LD] = fabsf(at[v * LD]) / total;
        }
    for (size_t i = 0; i < N; i++)
        cost[i] = 5;
    memcpy(left, logits, sizeof left);
    ar_cost(&s, left, share, cost, by, d, 0.5f, N, LD);
    for (size_t i = 0; i < N; i++) {
        double want = 5;
        for (size_t j = 0; j < KK; j++) {
            double l[C], t[C], z = 0;
            for (size_t v = 0; v < C; v++)
                l[v] = (double)logits[(j * C + v) * LD + i], t[v] = (double)share[(j * C + v) * LD + i], z += exp(l[v]);
            for (size_t v = 0; v < C; v++) {
                double p = exp(l[v]) / z, here = -t[v] * log(p);
                want += here, sum[j] += here;
                worst = fmax(worst, fabs((double)left[(j * C + v) * LD + i] - log(p)));
                worst = fmax(worst, fabs((double)d[(j * C + v) * LD + i] - 0.5 * (p - t[v])));
            }
        }
        worst = fmax(worst, fabs(cost[i] - want));
    }
    CHECK(worst < 1e-5 && fabs(by[0] - sum[0]) < 1e-4 && fabs(by[1] - sum[1]) < 1e-4, "cost of codes: off by %g",
          worst);
}

/* A chain in which each code depends on the one before, on the first, and on what is told: trained on draws, what fresh
 * ones cost comes near the entropy. */
static void test_chain(void) {
    enum { KK = 4, C = 3, N = 2048, B = 256, STEPS = 300 };
    const struct prior_space s = {KK, C, 1};
    static const double chance[C] = {0.7, 0.2, 0.1};
    struct nn_net net = {0};
    struct nn_work k;
    struct adamw a;
    struct vae_err err = {0};
    CHECK(!prior_autoregressive.net(&net, &s, 0, &err) && !nn_work_init(&k, &net, B, true, &err) &&
              !adamw_init(&a, net.nw, &err), "%s", err.msg);
    float *w = alloc(net.nw, sizeof *w), *g = alloc(net.nw, sizeof *g), c[KK * B], *told = k.act[0], *e = told + B;
    double entropy = 0, cost[B], fresh = 0;
    for (size_t v = 0; v < C; v++)
        entropy -= KK * chance[v] * log(chance[v]);
    nn_init(&net, w, 1, 0);
    for (size_t t = 1; t <= STEPS + N / B; t++) { /* in the end without learning */
        for (size_t i = 0; i < B; i++) {
            size_t row = t * B + i;
            told[i] = (float)(row * row % 7 % 3) - 1;
            for (size_t j = 0; j < KK; j++) {
                double u;
                size_t v = 0;
                rng_uniform(&u, 1, 1, RNG_TEST, 24 + j, row);
                while (v + 1 < C && (u -= chance[v]) >= 0)
                    v++;
                size_t before = j ? (size_t)c[(j - 1) * B + i] + 2 * (size_t)c[i] : (size_t)(told[i] + 1);
                c[j * B + i] = (float)((v + before) % C);
            }
        }
        memset(cost, 0, sizeof cost);
        ar_hot(&s, c, e, B, B);
        nn_forward(&net, w, &k, 0, B, NULL);
        ar_cost(&s, k.act[net.n], e, cost, NULL, k.grad[net.n], 1.0f / B, B, B);
        for (size_t i = 0; i < B && t > STEPS; i++)
            fresh += cost[i] / N;
        if (t > STEPS)
            continue;
        nn_backward(&net, w, &k, 0, B, false, NULL);
        for (size_t task = 0; task < nn_grad_tasks(&net); task++)
            nn_grad(&net, &k, task, B, g);
        adamw_update(&a, &(struct adamw_step){.t = t, .lr = 3e-3f, .clip = 1, .ema = 1}, w, g, 1, 0, net.nw);
    }
    CHECK(fresh > entropy - 0.1 && fresh < entropy + 0.15, "a chain of entropy %g costs %g", entropy, fresh);
    nn_net_free(&net), nn_work_free(&k), adamw_free(&a);
    free(w), free(g);
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    for (size_t t = 0; prior_table[t]; t++) {
        const struct prior *p = prior_table[t];
        if (!p->codes)
            continue;
        CHECK(prior_by_name(p->name) == p && p->about && *p->about, "%s: not found by its name", p->name);
        test_masses(p, 3, 4, 0);
        test_masses(p, 1, 5, 2);
        test_masses(p, 6, 2, 1);
        test_check_codes(p);
    }
    test_cost();
    test_chain();
    return test_done();
}
