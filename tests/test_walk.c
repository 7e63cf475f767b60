/* test_walk.c - walks among latents: where their points lie, against the formulas written down again; cut anywhere, the same. */
#include <unistd.h>

#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/walk.h"
#include "test.h"

enum { K = 5, N = 11 };

/* ---- between two records ------------------------------------------------------------------------------------------ */

static void normals(float *z, size_t k, uint64_t row) { rng_normals(z, k, 1, 1, 3, RNG_TEST, 5, NULL, row); }

/* u, v[k]: unit vectors, square to each other. */
static void plane(size_t k, uint64_t row, double *u, double *v) {
    float a[64], b[64];
    double la = 0, lb = 0, ab = 0;
    normals(a, k, 2 * row), normals(b, k, 2 * row + 1);
    for (size_t j = 0; j < k; j++)
        la += (double)a[j] * (double)a[j];
    for (size_t j = 0; j < k; j++)
        u[j] = (double)a[j] / sqrt(la), ab += u[j] * (double)b[j];
    for (size_t j = 0; j < k; j++)
        v[j] = (double)b[j] - ab * u[j], lb += v[j] * v[j];
    for (size_t j = 0; j < k; j++)
        v[j] /= sqrt(lb);
}

/* a at angle 0, b at `angle`, of these lengths: point t has angle t * angle and a length between theirs. */
static void test_sphere(void) {
    static const double angles[] = {1e-3, 0.1, 1, M_PI / 2, 3, M_PI - 1e-3};
    static const size_t dims[] = {2, 3, 64};
    for (size_t c = 0; c < 18; c++) {
        size_t k = dims[c % 3];
        double angle = angles[c / 3], la = 0.5 + (double)c, lb = 7, u[64], v[64], off = 0;
        float a[64], b[64], z[64];
        plane(k, c, u, v);
        for (size_t j = 0; j < k; j++) {
            a[j] = (float)(la * u[j]);
            b[j] = (float)(lb * (cos(angle) * u[j] + sin(angle) * v[j]));
        }
        for (uint64_t i = 0; i <= 10; i++) {
            double t = (double)i / 10, length = (1 - t) * la + t * lb;
            walk_between(a, b, k, i, 10, true, z);
            for (size_t j = 0; j < k; j++) {
                double want = length * (cos(t * angle) * u[j] + sin(t * angle) * v[j]);
                off = fmax(off, fabs((double)z[j] - want) / length);
            }
        }
        CHECK(off < 5e-7 / sin(angle), "%zu latents, angle %g: off by %g", k, angle, off);
    }
}

static void test_between(void) {
    float a[K], b[K], c[K], z[K], y[K], zero[K] = {0};
    normals(a, K, 100), normals(b, K, 101);
    for (size_t j = 0; j < K; j++)
        c[j] = -3 * a[j];
    for (uint64_t i = 0; i <= 7; i++) {
        walk_between(a, b, K, i, 7, false, z);
        walk_between(b, a, K, 7 - i, 7, false, y);
        CHECK(!memcmp(z, y, sizeof z), "step %d: not the same from the other end", (int)i);
        for (size_t j = 0; j < K; j++)
            CHECK(fabs((double)z[j] - ((double)a[j] + (double)i / 7 * ((double)b[j] - (double)a[j]))) < 1e-6, "step %d", (int)i);
        const float *ends[][2] = {{a, c}, {c, a}, {a, a}, {a, zero}, {zero, a}, {zero, zero}};
        for (size_t e = 0; e < 6; e++) { /* no way round: straight on */
            walk_between(ends[e][0], ends[e][1], K, i, 7, true, z);
            walk_between(ends[e][0], ends[e][1], K, i, 7, false, y);
            for (size_t j = 0; j < K; j++)
                CHECK(fabs((double)(z[j] - y[j])) < 1e-6, "ends %zu, step %d: %g, not %g", e, (int)i, (double)z[j], (double)y[j]);
        }
    }
    for (int spherical = 0; spherical < 2; spherical++) {
        walk_between(a, b, K, 0, 7, spherical, z), walk_between(a, b, K, 7, 7, spherical, y);
        CHECK(!memcmp(z, a, sizeof z) && !memcmp(y, b, sizeof y), "an end is another one");
    }
}

/* ---- the filter ----------------------------------------------------------------------------------------------------- */

static struct vae_head *latent_head(bool with_sd) {
    struct vae_head *h = rec_head_new("latent", NULL);
    size_t k = K;
    rec_head_add(h, "name", REC_UTF8, 0, NULL, NULL)->keep = true;
    rec_head_add(h, "weight", REC_I32, 0, NULL, NULL)->keep = true;
    rec_head_add(h, "walk_t", REC_F64, 0, NULL, NULL)->keep = true; /* of an earlier walk: ours takes its place */
    rec_head_add(h, "mu", REC_F32, 1, &k, NULL);
    if (with_sd)
        rec_head_add(h, "sd", REC_F32, 1, &k, NULL);
    return h;
}

static struct rec_build *records(const struct vae_head *h, bool with_sd) {
    struct rec_build *b = rec_build_new(h, NULL);
    rec_build_rows(b, N, NULL);
    for (size_t i = 0; i < N; i++) {
        char name[8];
        rec_build_text(b, 0, name, (size_t)snprintf(name, sizeof name, "r%zu", i), NULL);
        ((int32_t *)rec_build_data(b, 1))[i] = (int32_t)i * 10;
        ((double *)rec_build_data(b, 2))[i] = 99;
        normals((float *)rec_build_data(b, 3) + i * K, K, 200 + i);
        for (size_t j = 0; j < K && with_sd; j++)
            ((float *)rec_build_data(b, 4))[i * K + j] = 0.01f * (float)(1 + j + i);
    }
    return b;
}

/* What a walk gave. */
struct points {
    size_t n, cap;
    struct {
        double walk, t, axis, weight;
        size_t name;
        float z[K];
    } *at;
};

static void gather(struct points *p, const struct vae_op *op, const struct vae_batch *b) {
    const struct vae_head *h = vae_op_head(op);
    int walk = rec_head_find(h, "walk"), t = rec_head_find(h, "walk_t"), axis = rec_head_find(h, "walk_axis"),
        mu = rec_head_find(h, "mu"), name = rec_head_find(h, "name"), weight = rec_head_find(h, "weight");
    mem_grow(&p->at, &p->cap, p->n + b->rows + 1, sizeof *p->at, NULL);
    memset(p->at + p->n, 0, b->rows * sizeof *p->at);
    for (size_t i = 0; i < b->rows; i++, p->n++) {
        size_t len;
        const char *cell = rec_cell(&b->cols[name], i, &len);
        p->at[p->n].walk = ((const double *)b->cols[walk].data)[i];
        p->at[p->n].t = ((const double *)b->cols[t].data)[i];
        p->at[p->n].axis = axis < 0 ? 0 : ((const double *)b->cols[axis].data)[i];
        p->at[p->n].weight = ((const int32_t *)b->cols[weight].data)[i];
        for (size_t c = 1; c < len; c++)
            p->at[p->n].name = p->at[p->n].name * 10 + (size_t)(cell[c] - '0');
        memcpy(p->at[p->n].z, (const float *)b->cols[mu].data + i * K, sizeof p->at->z);
    }
}

/* All records through a walk, `piece` at a time. */
static struct points run(const struct vae_walk_opts *o, bool with_sd, size_t piece) {
    struct points p = {0};
    struct vae_err err = {0};
    struct vae_head *h = latent_head(with_sd);
    struct rec_build *in = records(h, with_sd);
    struct vae_op *op = vae_walk(NULL, h, o, &err);
    CHECK(op != NULL, "%s", err.msg);
    for (size_t first = 0; op && first < N; first += piece) {
        struct rec_col cols[5];
        struct vae_batch b;
        rec_slice(rec_build_batch(in, N), h, first, first + piece < N ? piece : N - first, cols, &b);
        for (size_t from = 0; from < b.rows;) {
            const struct vae_batch *out;
            CHECK(!vae_op_run(op, &b, &from, &out, &err), "%s", err.msg);
            gather(&p, op, out);
        }
    }
    vae_op_free(op), rec_build_free(in), rec_head_free(h);
    return p;
}

static const struct vae_walk_opts line = {.kind = VAE_WALK_LINE, .steps = 1000};

/* Every kind of walk, with more points than a batch has room for: cut anywhere, the same. Returns them whole. */
static struct points test_cuts(const struct vae_walk_opts *o, bool with_sd, size_t expected) {
    struct points whole = run(o, with_sd, N);
    CHECK(whole.n == expected, "kind %d: %zu points, not %zu", o->kind, whole.n, expected);
    for (size_t piece = 1; piece < N; piece += 3) {
        struct points p = run(o, with_sd, piece);
        CHECK(p.n == whole.n && !memcmp(p.at, whole.at, p.n * sizeof *p.at), "kind %d: cut into %zu, another walk", o->kind,
              piece);
        free(p.at);
    }
    return whole;
}

static void test_line(bool pairs) {
    struct vae_walk_opts o = line;
    o.pairs = pairs;
    struct points p = test_cuts(&o, false, pairs ? 5 * 1000 + 1 : 1 + 10 * 999);
    size_t wrong = 0;
    for (size_t i = 0; i < p.n; i++) {
        size_t leg = pairs ? i / 1000 : i ? (i - 1) / 999 : 0, at = pairs ? i % 1000 : i - leg * 999, a = pairs ? 2 * leg : leg;
        size_t b = a + 1 < N ? a + 1 : a, near = at < 500 ? a : b;
        float x[K], y[K];
        normals(x, K, 200 + a), normals(y, K, 200 + b);
        for (size_t j = 0; j < K; j++)
            wrong += fabs((double)p.at[i].z[j] - ((double)x[j] * (double)(999 - at) + (double)y[j] * (double)at) / 999) > 1e-6;
        wrong += fabs(p.at[i].t - (pairs ? 0 : (double)leg) - (double)at / 999) > 1e-12;
        wrong += (size_t)p.at[i].walk != (pairs ? leg + 1 : 1) || p.at[i].name != near || p.at[i].weight != 10.0 * (double)near;
    }
    CHECK(wrong == 0, "pairs %d: %zu things are wrong", pairs, wrong);
    free(p.at);
}

static void test_axes(void) {
    static char a[] = "4", b[] = "1";
    char *axes[] = {a, b};
    struct vae_walk_opts o = {.kind = VAE_WALK_AXES, .steps = 301, .axes = axes, .naxes = 2, .first_row = 7};
    struct points p = test_cuts(&o, false, N * 2 * 301);
    size_t wrong = 0;
    for (size_t i = 0; i < p.n; i++) {
        size_t record = i / 602, axis = i / 301 % 2 ? 0 : 3;
        float z[K];
        normals(z, K, 200 + record);
        double v = -3 + 6 * (double)(i % 301) / 300;
        z[axis] = (float)v;
        for (size_t j = 0; j < K; j++)
            wrong += fabs((double)(z[j] - p.at[i].z[j])) > (j == axis ? 1e-6 : 0);
        wrong += fabs(p.at[i].t - v) > 1e-12 || (size_t)p.at[i].walk != 14 + i / 301 + 1 || p.at[i].name != record;
        wrong += (size_t)p.at[i].axis != axis + 1;
    }
    CHECK(wrong == 0, "%zu things are wrong", wrong);
    free(p.at);
}

/* Draws around a record: standard normal once the record and the width are taken out; numbered, so a shard gives its own. */
static void test_near(bool with_sd) {
    struct vae_walk_opts o = {.kind = VAE_WALK_NEAR, .sd = 0.5, .draws = 1000, .seed = 9}, late = o;
    struct points p = test_cuts(&o, with_sd, N * 1000);
    double sum = 0, square = 0, n = 0;
    for (size_t i = 0; i < p.n; i++) {
        float z[K];
        normals(z, K, 200 + i / 1000);
        for (size_t j = 0; j < K; j++) {
            double sd = 0.5 * (with_sd ? 0.01 * (double)(1 + j + i / 1000) : 1), e = ((double)p.at[i].z[j] - (double)z[j]) / sd;
            sum += e, square += e * e, n++;
        }
        CHECK((size_t)p.at[i].walk == i / 1000 + 1 && (size_t)p.at[i].t == i % 1000 + 1, "draw %zu is numbered otherwise", i);
    }
    CHECK(fabs(sum) < 5 * sqrt(n) && fabs(square - n) < 5 * sqrt(2 * n), "mean %g, mean square %g", sum / n, square / n);
    late.first_row = 1;
    struct points q = run(&late, with_sd, N);
    float x[K], y[K];
    normals(x, K, 201), normals(y, K, 200);
    for (size_t j = 0; j < K && !with_sd; j++) /* noise by the record's number, whatever the record */
        CHECK(fabs((double)((p.at[1000].z[j] - x[j]) - (q.at[0].z[j] - y[j]))) < 1e-6, "noise does not go by the number");
    free(p.at), free(q.at);
}

/* A bad record: what came before it is given, the walk goes on behind it from the last good one. */
static void test_bad(void) {
    struct vae_head *h = latent_head(false);
    struct rec_build *in = records(h, false);
    struct vae_walk_opts o = {.steps = 3};
    struct vae_err err = {0};
    struct vae_op *op = vae_walk(NULL, h, &o, &err);
    const struct vae_batch *out, *b = rec_build_batch(in, 5);
    struct points p = {0};
    size_t from = 0;
    ((float *)rec_build_data(in, 3))[2 * K + 1] = NAN;
    int rc = vae_op_run(op, b, &from, &out, &err);
    CHECK(rc == VAE_EROW && from == 3 && out->rows == 3 && strstr(err.msg, "z2"), "%d, record %zu: %s", rc, from, err.msg);
    gather(&p, op, out);
    CHECK(!vae_op_run(op, b, &from, &out, &err) && from == 5 && out->rows == 4, "%s", err.msg);
    gather(&p, op, out);
    float x[K], y[K];
    normals(x, K, 201), normals(y, K, 203);
    for (size_t j = 0; j < K; j++)
        CHECK(fabs((double)p.at[3].z[j] - ((double)x[j] + (double)y[j]) / 2) < 1e-6, "not half way from good to good");
    CHECK(p.at[6].t >= 3 && p.at[6].t <= 3, "the good ones are not counted");
    vae_op_free(op), rec_build_free(in), rec_head_free(h), free(p.at);
}

/* ---- directions ------------------------------------------------------------------------------------------------------- */

/* Solves a[m,m] x = b[m] in place, by Gauss-Jordan elimination; a is positive definite. */
static void solve(double *a, double *b, size_t m) {
    for (size_t c = 0; c < m; c++)
        for (size_t r = 0; r < m; r++) {
            double f = a[r * m + c] / a[c * m + c];
            for (size_t j = 0; j < m && r != c; j++)
                a[r * m + j] -= f * a[c * m + j];
            b[r] -= r != c ? f * b[c] : 0;
        }
    for (size_t c = 0; c < m; c++)
        b[c] /= a[c * m + c];
}

/* Against Newton's method in double on sum log(1 + exp(-+f)) + |w|^2 / 2, the intercept free. */
static void test_logistic(void) {
    enum { ROWS = 400, M = K + 1 };
    float z[ROWS * K];
    bool is[ROWS];
    double w[M] = {0}, mean[2][K] = {{0}}, n[2] = {0}, dir[K], along = 0, square = 0, off = 0, size = 0;
    for (size_t i = 0; i < ROWS; i++) {
        normals(z + i * K, K, 1000 + i);
        is[i] = i % 3 == 0;
        z[i * K] += is[i] ? 1.5f : 0;
        z[i * K + 1] += z[i * K] * 0.9f; /* the means differ in two, the plane tells that one of them says nothing */
        n[is[i]]++;
        for (size_t j = 0; j < K; j++)
            mean[is[i]][j] += (double)z[i * K + j];
    }
    for (int step = 0; step < 20; step++) {
        double h[M * M] = {0}, g[M] = {0};
        for (size_t i = 0; i < ROWS; i++) {
            double x[M], f = 0;
            for (size_t j = 0; j < M; j++)
                x[j] = j < K ? (double)z[i * K + j] : 1, f += w[j] * x[j];
            double p = 1 / (1 + exp(-f));
            for (size_t j = 0; j < M; j++) {
                g[j] += (p - is[i]) * x[j];
                for (size_t l = 0; l < M; l++)
                    h[j * M + l] += p * (1 - p) * x[j] * x[l];
            }
        }
        for (size_t j = 0; j < K; j++)
            g[j] += w[j], h[j * M + j]++;
        solve(h, g, M);
        for (size_t j = 0; j < M; j++)
            w[j] -= g[j];
    }
    for (size_t j = 0; j < K; j++) {
        dir[j] = mean[1][j] / n[1] - mean[0][j] / n[0];
        along += w[j] * dir[j], square += w[j] * w[j];
    }
    CHECK(!walk_logistic(z, is, ROWS, K, dir, NULL), "it failed");
    for (size_t j = 0; j < K; j++) {
        double want = w[j] * along / square;
        off = fmax(off, fabs(dir[j] - want)), size = fmax(size, fabs(want));
    }
    CHECK(off < 0.005 * size && fabs(dir[1]) < 0.5 * fabs(dir[0]), "off by %g of %g", off, size);
}

/* A table of labelled latents on the two corners of a box each: the means are known. */
static void test_toward(void) {
    char path[] = "/tmp/vae-walk-XXXXXX", *paths[] = {path};
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs("smile,z1,note,z2,z3,z4,z5\n1,1,a,0,0,0,2\n 1.0,3,b,0,0,0,4\n\"1\",2,c,3,0,0,0\n0,1,d,1,1,1,1\nNA,9,e,9,9,9,9\n"
          "no,0,f,0,0,0,0\n,5,g,5,5,5,5\n", f);
    fclose(f);
    static const double want[K] = {2 - 0.5, 1 - 0.5, -0.5, -0.5, 2 - 0.5};
    struct vae_in_opts in = {.header = -1};
    struct vae_err err = {0};
    struct vae_walk_opts o = {.kind = VAE_WALK_TOWARD, .toward = "smile=1", .from = -1, .to = 2, .steps = 1201};
    double dir[K], off = 0;
    uint64_t bad = 0;
    o.labelled = vae_in_open(paths, 1, &in, &err);
    CHECK(o.labelled && !walk_toward(&o, NULL, K, dir, &bad, &err), "%s", err.msg);
    for (size_t j = 0; j < K; j++)
        off = fmax(off, fabs(dir[j] - want[j]));
    CHECK(off < 1e-12, "off by %g", off);
    vae_in_free(o.labelled);
    struct points p[2] = {{0}};
    for (size_t cut = 0; cut < 2; cut++) { /* its reader is read to the end, so another one each time */
        o.labelled = vae_in_open(paths, 1, &in, &err);
        p[cut] = run(&o, false, cut ? N : 4);
        vae_in_free(o.labelled);
    }
    CHECK(p[0].n == N * 1201 && p[1].n == p[0].n && !memcmp(p[0].at, p[1].at, p[0].n * sizeof *p[0].at), "cut, another walk");
    for (size_t i = 0; i < p[0].n; i += 400) {
        float z[K];
        double t = -1 + 3 * (double)(i % 1201) / 1200;
        normals(z, K, 200 + i / 1201);
        for (size_t j = 0; j < K; j++)
            CHECK(fabs((double)p[0].at[i].z[j] - (double)z[j] - t * want[j]) < 1e-5, "point %zu is elsewhere", i);
    }
    free(p[0].at), free(p[1].at);
    unlink(path);
}

int main(void) {
    struct vae_err err = {0};
    if (mat_open(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    test_sphere();
    test_between();
    test_line(false);
    test_line(true);
    test_axes();
    test_near(false);
    test_near(true);
    test_bad();
    test_logistic();
    test_toward();
    return test_done();
}
