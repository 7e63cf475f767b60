/*
 * test_latent_codes.c - every family of codes of the table: codes, what the decoder is given for them, and the
 * gradient against that of a smooth function where there is one; the moving of a codebook, against sums by hand.
 */
#include "base/rng.h"
#include "latent/codes.h"
#include "test.h"

enum { K = 3 };
static const double H = 1e-5;

static struct code_shape shape_of(const struct latent *q, size_t k, size_t codes) {
    struct code_shape s = {.k = k, .codes = codes};
    CHECK(q->codes->shape(&s), "%s: no %zu codes of %zu values", q->name, k, codes);
    return s;
}

/* Codes are whole numbers in range, each of them comes up; different ones stand at different places, a place is that
 * of its code whoever else is there; nothing is written behind the columns. */
static void test_codes(const struct latent *q, size_t k, size_t codes, size_t n, size_t ld) {
    struct code_shape s = shape_of(q, k, codes);
    float *w = calloc(s.params + 1, sizeof *w), *h = calloc(s.outputs * ld, sizeof *h), *c = calloc(k * ld, sizeof *c);
    float *z = calloc(s.zdim * ld, sizeof *z), *all = calloc(s.zdim * codes, sizeof *all);
    float *each = calloc(k * codes, sizeof *each);
    size_t *seen = calloc(codes, sizeof *seen), bad = 0, missing = 0, same = 0, off = 0, dims = s.zdim / k;
    rng_normals(h, s.outputs, n, ld, 1, RNG_TEST, 11, NULL, 0);
    rng_normals(w, s.params, 1, 1, 1, RNG_TEST, 12, NULL, 0);
    for (size_t i = 0; i < k * ld; i++)
        c[i] = 77;
    for (size_t i = 0; i < s.zdim * ld; i++)
        z[i] = 77;
    for (size_t i = 0; i < s.outputs * ld; i++)
        h[i] *= 1.5f;
    q->codes->code(&s, w, h, NULL, c, n, ld);
    q->codes->place(&s, w, c, z, n, ld);
    for (size_t j = 0; j < k * codes; j++)
        each[j] = (float)(j % codes);
    q->codes->place(&s, w, each, all, codes, codes);
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < n; i++) {
            float v = c[j * ld + i];
            bool ok = v >= 0 && v < (float)codes && v == floorf(v);
            bad += !ok;
            if (!ok)
                continue;
            seen[(size_t)v]++;
            for (size_t a = 0; a < dims; a++)
                off += z[(j * dims + a) * ld + i] != all[(j * dims + a) * codes + (size_t)v];
        }
    for (size_t v = 0; v < codes; v++)
        missing += !seen[v];
    for (size_t u = 0; u < codes; u++)
        for (size_t v = 0; v < u; v++) {
            bool equal = true;
            for (size_t a = 0; a < dims; a++)
                equal = equal && all[a * codes + u] == all[a * codes + v];
            same += equal;
        }
    CHECK(bad == 0 && off == 0 && same == 0, "%s of %zu: %zu are no codes, %zu stand elsewhere, %zu at the same place",
          q->name, codes, bad, off, same);
    CHECK(n * k < 100 * codes || missing == 0, "%s of %zu: %zu never come up", q->name, codes, missing);
    for (size_t i = n; i < ld; i++)
        CHECK(c[i] == 77 && z[i] == 77, "%s: writes behind its columns", q->name);
    free(w), free(h), free(c), free(z), free(all), free(each), free(seen);
}

/* Level of each number of a code, by the formula; the first counts most. */
static double fsq_level(double h, double levels) {
    return fmin(fmax(floor((levels * tanh(h) + levels) / 2), 0), levels - 1);
}

static void test_fsq_values(size_t codes) {
    enum { N = 70 };
    const struct code_shape s = shape_of(&latent_fsq, K, codes);
    float h[K * CODES_MAX_DIMS * N], c[K * N], z[K * CODES_MAX_DIMS * N];
    rng_normals(h, s.outputs, N, N, 1, RNG_TEST, 13, NULL, 0);
    h[0] = -1000, h[1] = 1000, h[2] = 0;
    latent_fsq.codes->code(&s, NULL, h, NULL, c, N, N);
    latent_fsq.codes->place(&s, NULL, c, z, N, N);
    for (size_t j = 0; j < K; j++)
        for (size_t i = 0; i < N; i++) {
            double want = 0;
            for (size_t a = 0; a < s.dims; a++) {
                size_t p = (j * s.dims + a) * N + i;
                double levels = (double)s.level[a], level = fsq_level((double)h[p], levels);
                want = want * levels + level;
                double at = (level - (levels - 1) / 2) / sqrt((levels * levels - 1) / 12);
                CHECK(fabs((double)z[p] - at) < 1e-5, "fsq of %zu: number %zu at %g, should be %g", codes, a,
                      (double)z[p], at);
            }
            CHECK((double)c[j * N + i] == want, "fsq of %zu: code %g, should be %g", codes, (double)c[j * N + i], want);
        }
}

/* Where nothing is rounded: z and a cost that is a polynomial of second order in the levels, its slope taken at the
 * level. */
static void test_fsq_gradient(size_t codes) {
    enum { N = 70 };
    const struct code_shape s = shape_of(&latent_fsq, K, codes);
    float *h = calloc(4 * s.outputs * N, sizeof *h), *dz = h + s.outputs * N, *dh = dz + s.outputs * N, c[K * N];
    float *cost = calloc(2 * K * codes * N, sizeof *cost), *given = cost + K * codes * N;
    double line[CODES_MAX_DIMS] = {0.7, -1.1, 0.4, 0.2, -0.3, 0.9}, worst = 0;
    double curve[CODES_MAX_DIMS] = {0.2, 0.1, -0.3, 0.4, 0.1, 0.2};
    rng_normals(h, s.outputs, N, N, 1, RNG_TEST, 14, NULL, 0);
    rng_normals(dz, s.outputs, N, N, 1, RNG_TEST, 15, NULL, 0);
    latent_fsq.codes->code(&s, NULL, h, NULL, c, N, N);
    for (size_t v = 0; v < codes; v++)
        for (size_t a = s.dims, rest = v; a-- > 0; rest /= s.level[a]) {
            double level = (double)(rest % s.level[a]);
            for (size_t j = 0; j < K; j++)
                for (size_t i = 0; i < N; i++) {
                    cost[(j * codes + v) * N + i] += (float)(line[a] * level);
                    given[(j * codes + v) * N + i] += (float)(curve[a] * level * level);
                }
        }
    for (int felt = 0; felt < 2; felt++) {
        const struct code_back back = {dz, felt ? given : NULL, felt ? cost : NULL, 1};
        latent_fsq.codes->through(&s, NULL, h, c, &back, dh, N, N);
        for (size_t r = 0; r < s.outputs; r++)
            for (size_t i = 0; i < N; i++) {
                size_t a = r % s.dims, p = r * N + i;
                double levels = (double)s.level[a], x = (double)h[p], level = fsq_level(x, levels);
                double move = levels / 2 * (tanh(x + H) - tanh(x - H)) / (2 * H);
                double slope = line[a] + curve[a] * (level == 0 ? 1 : level + 1 == levels ? 2 * level - 1 : 2 * level);
                double want = ((double)dz[p] / sqrt((levels * levels - 1) / 12) + (felt ? slope : 0)) * move;
                worst = fmax(worst, fabs((double)dh[p] - want) / (1 + fabs(want)));
            }
    }
    CHECK(worst < 1e-5, "fsq of %zu: gradient off by %g", codes, worst);
    free(h), free(cost);
}

/* ---- vq ---------------------------------------------------------------------------------------------------- */

enum { DIMS = 8, VN = 70 };

/* |h - e|^2 of record i and vector v of position j. */
static double distance(const struct code_shape *s, const float *w, const float *h, size_t j, size_t v, size_t i) {
    double d = 0;
    for (size_t a = 0; a < DIMS; a++)
        d += pow((double)h[(j * DIMS + a) * VN + i] - (double)w[j * s->codes * (DIMS + 1) + v * DIMS + a], 2);
    return d;
}

static void test_vq_nearest(void) {
    const struct code_shape s = shape_of(&latent_vq, K, 5);
    float *w = calloc(s.params, sizeof *w), *h = calloc(s.outputs * VN, sizeof *h), c[K * VN];
    size_t wrong = 0;
    rng_normals(w, s.params, 1, 1, 1, RNG_TEST, 31, NULL, 0);
    rng_normals(h, s.outputs, VN, VN, 1, RNG_TEST, 32, NULL, 0);
    latent_vq.codes->code(&s, w, h, NULL, c, VN, VN);
    for (size_t j = 0; j < K; j++)
        for (size_t i = 0; i < VN; i++)
            for (size_t v = 0; v < s.codes; v++)
                wrong += distance(&s, w, h, j, v, i) < distance(&s, w, h, j, (size_t)c[j * VN + i], i) - 1e-5;
    CHECK(wrong == 0, "vq: %zu vectors are nearer than the one that is taken", wrong);
    free(w), free(h);
}

/* dz . h - pull * log sum exp(-L |h - e|^2 - cost), costs in nats, of one position and record. */
static double vq_energy(const struct code_shape *s, const float *w, const float *h, const float *dz, const float *cost,
                        double pull, size_t j, size_t i) {
    double sum = 0, at = 0;
    for (size_t v = 0; v < s->codes; v++)
        sum += exp(-0.25 * distance(s, w, h, j, v, i) - (cost ? (double)cost[(j * s->codes + v) * VN + i] / pull : 0));
    for (size_t a = 0; a < DIMS; a++)
        at += (double)dz[(j * DIMS + a) * VN + i] * (double)h[(j * DIMS + a) * VN + i];
    return at - pull * log(sum);
}

static void test_vq_gradient(void) {
    const struct code_shape s = shape_of(&latent_vq, K, 5);
    const float step = 0x1p-9f;
    float *w = calloc(s.params, sizeof *w), *h = calloc(3 * s.outputs * VN, sizeof *h), *dz = h + s.outputs * VN;
    float *dh = dz + s.outputs * VN, *cost = calloc(2 * K * 5 * VN, sizeof *cost), *half = cost + K * 5 * VN, c[K * VN];
    double worst = 0;
    rng_normals(w, s.params, 1, 1, 1, RNG_TEST, 31, NULL, 0);
    rng_normals(h, 2 * s.outputs, VN, VN, 1, RNG_TEST, 32, NULL, 0);
    rng_normals(cost, K * 5, VN, VN, 1, RNG_TEST, 33, NULL, 0);
    for (size_t i = 0; i < K * 5 * VN; i++)
        half[i] = cost[i] / 2;
    latent_vq.codes->code(&s, w, h, NULL, c, VN, VN);
    const struct code_back none = {dz, half, half, 0}; /* beta 0 */
    latent_vq.codes->through(&s, w, h, c, &none, dh, VN, VN);
    CHECK(!memcmp(dh, dz, s.outputs * VN * sizeof *dh), "vq: codes are felt where they count nothing");
    for (int felt = 0; felt < 2; felt++) {
        const struct code_back back = {dz, felt ? half : NULL, felt ? half : NULL, 0.7f};
        latent_vq.codes->through(&s, w, h, c, &back, dh, VN, VN);
        for (size_t r = 0; r < s.outputs; r++)
            for (size_t i = 0; i < VN; i++) {
                float keep = h[r * VN + i];
                h[r * VN + i] = keep + step;
                double up = vq_energy(&s, w, h, dz, felt ? cost : NULL, (double)0.7f, r / DIMS, i);
                h[r * VN + i] = keep - step;
                double down = vq_energy(&s, w, h, dz, felt ? cost : NULL, (double)0.7f, r / DIMS, i);
                h[r * VN + i] = keep;
                double want = (up - down) / (2 * (double)step);
                worst = fmax(worst, fabs((double)dh[r * VN + i] - want) / (1 + fabs(want)));
            }
    }
    CHECK(worst < 1e-4, "vq: gradient off by %g", worst);
    free(w), free(h), free(cost);
}

/* Three records of one position: the mean of a vector's moves to what it got, its count to how much that was; what
 * has got next to nothing starts anew at a record, but only where that is asked for; other positions stay as they
 * are. */
static void test_vq_learn(void) {
    enum { CODES = 3, N = 3, BOOK = CODES * (DIMS + 1) };
    const struct code_shape s = shape_of(&latent_vq, 2, CODES);
    float w[2 * BOOK], was[2 * BOOK], again[2 * BOOK], h[2 * DIMS * N], c[2 * N] = {0, 0, 1, 1, 0, 1};
    rng_normals(w, 2 * BOOK, 1, 1, 1, RNG_TEST, 34, NULL, 0);
    rng_normals(h, 2 * DIMS, N, N, 1, RNG_TEST, 35, NULL, 0);
    float *book = w + BOOK, *count = book + CODES * DIMS;
    count[0] = 4, count[1] = 2, count[2] = 0.001f;
    memcpy(was, w, sizeof w);
    latent_vq.codes->learn(&s, w, h, c, 1, false, 1, 1, N, N);
    CHECK(!memcmp(w, was, BOOK * sizeof *w), "vq: learns at a position that is not its own");
    for (size_t v = 0; v < CODES; v++) {
        double keep = 0.99 * (double)was[BOOK + CODES * DIMS + v], here = 0;
        for (size_t i = 0; i < N; i++)
            here += 0.01 * (c[N + i] == (float)v);
        CHECK(fabs((double)count[v] - keep - here) < 1e-6, "vq: count %zu is %g, should be %g", v, (double)count[v],
              keep + here);
        for (size_t a = 0; a < DIMS; a++) {
            double sum = keep * (double)was[BOOK + v * DIMS + a];
            for (size_t i = 0; i < N; i++)
                sum += 0.01 * (c[N + i] == (float)v) * (double)h[(DIMS + a) * N + i];
            CHECK(fabs((double)book[v * DIMS + a] - sum / (keep + here)) < 1e-5,
                  "vq: vector %zu at %g, should be at %g", v, (double)book[v * DIMS + a], sum / (keep + here));
        }
    }
    memcpy(w, was, sizeof w), memcpy(again, was, sizeof w);
    latent_vq.codes->learn(&s, w, h, c, 1, true, 1, 9, N, N);
    latent_vq.codes->learn(&s, again, h, c, 1, true, 1, 9, N, N);
    CHECK(!memcmp(w, again, sizeof w), "vq: a step is not reproducible");
    size_t from = N;
    for (size_t i = 0; i < N; i++) {
        bool same = true;
        for (size_t a = 0; a < DIMS; a++)
            same = same && book[2 * DIMS + a] == h[(DIMS + a) * N + i];
        from = same ? i : from;
    }
    CHECK(from < N && count[2] == 1, "vq: a vector out of use does not start anew at a record");
    CHECK(fabs((double)count[0] - 3.97) < 1e-6, "vq: one in use starts anew");
    size_t other = 0;
    for (uint64_t step = 10; step < 30; step++) {
        memcpy(again, was, sizeof w);
        latent_vq.codes->learn(&s, again, h, c, 1, true, 1, step, N, N);
        other += memcmp(again + BOOK + 2 * DIMS, book + 2 * DIMS, DIMS * sizeof *again) != 0;
    }
    CHECK(other > 3 && other < 20, "vq: of 20 steps %zu start elsewhere", other);
    memset(w, 0, sizeof w); /* as a training begins */
    latent_vq.codes->learn(&s, w, h, c, 0, false, 1, 1, N, N);
    for (size_t i = 0; i < BOOK; i++)
        CHECK(isfinite(w[i]), "vq: parameter %zu is %g", i, (double)w[i]);
}

/* ---- gumbel ------------------------------------------------------------------------------------------------ */

enum { GC = 4, GN = 70 };

static double gumbel_noise(double eps) {
    return -log(-(eps > 0 ? log1p(-0.5 * erfc(eps / sqrt(2))) : log(0.5 * erfc(-eps / sqrt(2)))));
}

/* p[GC] = softmax((h + g) / temperature) of code j of record i. */
static void gumbel_soft(const float *h, const float *eps, double temperature, size_t j, size_t i, double *p) {
    double sum = 0;
    for (size_t v = 0; v < GC; v++) {
        size_t at = (j * GC + v) * GN + i;
        sum += p[v] = exp(((double)h[at] + (eps ? gumbel_noise((double)eps[at]) : 0)) / temperature);
    }
    for (size_t v = 0; v < GC; v++)
        p[v] /= sum;
}

static void test_gumbel_values(void) {
    const struct code_shape s = shape_of(&latent_gumbel, K, GC);
    size_t n = s.outputs * GN;
    float *h = calloc(5 * n, sizeof *h), *eps = h + n, *e = eps + n, *z = e + n, *q = z + n, c[K * GN], mode[K * GN];
    double kl[GN] = {0}, logq[GN] = {0}, by[K] = {0}, worst[5] = {0};
    rng_normals(h, 2 * s.outputs, GN, GN, 1, RNG_TEST, 41, NULL, 0);
    eps[0] = -6, eps[1] = 6, eps[2] = 3.001f, eps[3] = 2.999f;
    latent_gumbel.codes->soften(&s, h, eps, 0.6f, e, z, GN, GN);
    latent_gumbel.codes->spread(&s, h, q, kl, by, GN, GN);
    latent_gumbel.codes->code(&s, NULL, h, eps, c, GN, GN);
    latent_gumbel.codes->code(&s, NULL, h, NULL, mode, GN, GN);
    latent_gumbel.codes->log_chance(&s, h, c, logq, GN, GN);
    double by_want[K] = {0};
    size_t wrong = 0;
    for (size_t i = 0; i < GN; i++) {
        double want_kl = 0, want_q = 0;
        for (size_t j = 0; j < K; j++) {
            double p[GC], soft[GC];
            gumbel_soft(h, NULL, 1, j, i, p);
            gumbel_soft(h, eps, 0.6, j, i, soft);
            for (size_t v = 0; v < GC; v++) {
                size_t at = (j * GC + v) * GN + i;
                worst[0] = fmax(worst[0], fabs((double)e[at] - soft[v]));
                worst[1] = fmax(worst[1], fabs((double)z[at] - 2 * soft[v]));
                worst[2] = fmax(worst[2], fabs((double)q[at] - p[v]));
                want_kl += p[v] * log(p[v]), by_want[j] += p[v] * log(p[v]);
                wrong += soft[v] > soft[(size_t)c[j * GN + i]] + 1e-5;
                wrong += p[v] > p[(size_t)mode[j * GN + i]] + 1e-6;
            }
            want_q += log(p[(size_t)c[j * GN + i]]);
        }
        worst[3] = fmax(worst[3], fabs(kl[i] - want_kl));
        worst[4] = fmax(worst[4], fabs(logq[i] - want_q));
    }
    CHECK(worst[0] < 2e-5 && worst[1] < 4e-5, "gumbel: soft draws off by %g, z by %g", worst[0], worst[1]);
    CHECK(worst[2] < 1e-6 && worst[3] < 1e-5 && worst[4] < 1e-5 && fabs(by[1] - by_want[1]) < 1e-4,
          "gumbel: q off by %g, its entropy by %g, log q by %g", worst[2], worst[3], worst[4]);
    CHECK(wrong == 0, "gumbel: %zu codes are not the most probable, or not those of the noise", wrong);
    latent_gumbel.codes->soften(&s, h, eps, 0.01f, e, z, GN, GN); /* cold: the hard draw */
    size_t off = 0;
    for (size_t j = 0; j < K; j++)
        for (size_t i = 0; i < GN; i++)
            off += e[(j * GC + (size_t)c[j * GN + i]) * GN + i] < 0.99f;
    CHECK(off <= K * GN / 20, "gumbel: %zu of %d cold draws are not those of the hard ones", off, K * GN);
    free(h);
}

/* Draws come as often as q says. */
static void test_gumbel_draws(void) {
    enum { DRAWS = 100000 };
    const struct code_shape s = shape_of(&latent_gumbel, 1, GC);
    const double p[GC] = {0.1, 0.2, 0.3, 0.4};
    float *h = calloc(2 * GC * DRAWS, sizeof *h), *eps = h + GC * DRAWS, *c = calloc(DRAWS, sizeof *c);
    double count[GC] = {0}, chi = 0;
    for (size_t v = 0; v < GC; v++)
        for (size_t i = 0; i < DRAWS; i++)
            h[v * DRAWS + i] = (float)log(p[v]) + 3;
    rng_normals(eps, GC, DRAWS, DRAWS, 1, RNG_TEST, 42, NULL, 0);
    latent_gumbel.codes->code(&s, NULL, h, eps, c, DRAWS, DRAWS);
    for (size_t i = 0; i < DRAWS; i++)
        count[(size_t)c[i]]++;
    for (size_t v = 0; v < GC; v++)
        chi += pow(count[v] - DRAWS * p[v], 2) / (DRAWS * p[v]);
    CHECK(chi < 20, "gumbel: draws are not of q: %g %g %g %g, chi squared %g", count[0], count[1], count[2], count[3],
          chi);
    free(h), free(c);
}

/* dz . z + codes . e + sum q (pull log q + cost) of one code and record. */
static double gumbel_objective(const float *h, const float *eps, const float *dz, const float *codes,
                               const float *cost, size_t j, size_t i) {
    double p[GC], soft[GC], sum = 0;
    gumbel_soft(h, NULL, 1, j, i, p);
    gumbel_soft(h, eps, (double)0.6f, j, i, soft);
    for (size_t v = 0; v < GC; v++) {
        size_t at = (j * GC + v) * GN + i;
        sum += 2 * (double)dz[at] * soft[v] + (double)0.7f * p[v] * log(p[v]);
        sum += codes ? (double)codes[at] * soft[v] + (double)cost[at] * p[v] : 0;
    }
    return sum;
}

static void test_gumbel_gradient(void) {
    const struct code_shape s = shape_of(&latent_gumbel, K, GC);
    const float step = 0x1p-9f;
    size_t n = s.outputs * GN;
    float *h = calloc(9 * n, sizeof *h), *eps = h + n, *dz = eps + n, *codes = dz + n, *cost = codes + n,
        *e = cost + n, *z = e + n;
    float *q = z + n, *dh = q + n;
    double kl[GN] = {0}, worst = 0;
    rng_normals(h, 5 * s.outputs, GN, GN, 1, RNG_TEST, 43, NULL, 0);
    latent_gumbel.codes->soften(&s, h, eps, 0.6f, e, z, GN, GN);
    latent_gumbel.codes->spread(&s, h, q, kl, NULL, GN, GN);
    for (int felt = 0; felt < 2; felt++) {
        const struct code_back back = {dz, felt ? codes : NULL, felt ? cost : NULL, 0.7f};
        latent_gumbel.codes->through_soft(&s, e, q, 0.6f, &back, dh, GN, GN);
        for (size_t r = 0; r < s.outputs; r++)
            for (size_t i = 0; i < GN; i++) {
                float keep = h[r * GN + i];
                h[r * GN + i] = keep + step;
                double up = gumbel_objective(h, eps, dz, back.codes, cost, r / GC, i);
                h[r * GN + i] = keep - step;
                double down = gumbel_objective(h, eps, dz, back.codes, cost, r / GC, i);
                h[r * GN + i] = keep;
                double want = (up - down) / (2 * (double)step);
                worst = fmax(worst, fabs((double)dh[r * GN + i] - want) / (1 + fabs(want)));
            }
    }
    CHECK(worst < 1e-4, "gumbel: gradient off by %g", worst);
    free(h);
}

static void test_fsq_levels(void) {
    static const struct {
        size_t codes, dims, level[CODES_MAX_DIMS];
    } good[] = {{2, 1, {2}},   {8, 1, {8}},   {16, 2, {4, 4}},       {240, 3, {8, 6, 5}},
                {11, 1, {11}}, {22, 2, {11, 2}}, {4096, 4, {8, 8, 8, 8}}, {64, 2, {8, 8}}};
    static const size_t bad[] = {0, 1, 17, 34, 4093};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct code_shape s = shape_of(&latent_fsq, 2, good[i].codes);
        CHECK(s.dims == good[i].dims && !memcmp(s.level, good[i].level, s.dims * sizeof *s.level) &&
              s.zdim == 2 * s.dims && s.outputs == s.zdim && s.noise == 0 && s.params == 0,
              "fsq of %zu: %zu numbers, the first of %zu levels", good[i].codes, s.dims, s.level[0]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct code_shape s = {.k = 2, .codes = bad[i]};
        CHECK(!latent_fsq.codes->shape(&s), "fsq takes codes of %zu values", bad[i]);
    }
}

int main(void) {
    for (size_t t = 0; latent_table[t]; t++) {
        const struct latent *q = latent_table[t];
        struct code_shape none = {.k = K};
        if (!q->codes)
            continue;
        CHECK(latent_by_name(q->name) == q && q->about && *q->about, "%s: not found by its name", q->name);
        CHECK(!q->codes->shape(&none), "%s: codes of no values", q->name);
        test_codes(q, 1, q->codes->codes, 1, 1);
        test_codes(q, 3, q->codes->codes, 700, 705);
        test_codes(q, 2, 4, 1000, 1000);
    }
    test_vq_nearest();
    test_vq_gradient();
    test_vq_learn();
    test_gumbel_values();
    test_gumbel_draws();
    test_gumbel_gradient();
    test_fsq_levels();
    for (size_t codes = 2; codes <= 60; codes = codes == 12 ? 60 : codes + 1) {
        test_fsq_values(codes);
        test_fsq_gradient(codes);
    }
    return test_done();
}
