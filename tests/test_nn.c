/*
 * test_nn.c - every operation of the table against a plain reimplementation in double, its gradients against central
 * differences of that; whole networks likewise.
 */
#include "base/mat.h"
#include "base/rng.h"
#include "panels.h"
#include "refs.h"

static const double H = 1e-5; /* step of central differences in double: truncation and rounding below 1e-9 */

/* ---- one operation ---------------------------------------------------------------------------------------- */

struct shape {
    size_t in, out, n, ld;
};

static double *widen(const float *x, size_t rows, struct nn_cols c) {
    double *d = alloc(rows * c.n, sizeof *d);
    for (size_t f = 0; f < rows; f++)
        for (size_t i = 0; i < c.n; i++)
            d[f * c.n + i] = (double)x[f * c.ld + i];
    return d;
}

/* Worst error of got[rows,n] against want, relative to 1 + |want|; the gap between n and ld must hold `gap`. */
static double worst(const float *got, const double *want, size_t rows, struct nn_cols c, float gap) {
    double w = 0;
    for (size_t f = 0; f < rows; f++)
        for (size_t i = 0; i < c.ld; i++) {
            double g = (double)got[f * c.ld + i];
            double e = i < c.n ? fabs(g - want[f * c.n + i]) / (1 + fabs(want[f * c.n + i]))
                               : (got[f * c.ld + i] == gap ? 0 : INFINITY);
            w = e <= w ? w : e; /* a NaN stays */
        }
    return w;
}

/* d/dx of sum_o dy[o,i] y[o,i], for each column i alone: g[in,n]. `x` is one of the two inputs of y. */
static void differences(const struct ref *r, struct shape s, const double *w, double *x, double *skip, double *moved,
                        const double *dy, double *g) {
    double *y = alloc(2 * s.out * s.n, sizeof *y), *z = y + s.out * s.n;
    size_t features = moved == skip ? s.out : s.in;
    for (size_t f = 0; f < features; f++) {
        for (size_t i = 0; i < s.n; i++)
            moved[f * s.n + i] += H;
        r->fn(s.in, s.out, w, x, skip, y, s.n);
        for (size_t i = 0; i < s.n; i++)
            moved[f * s.n + i] -= 2 * H;
        r->fn(s.in, s.out, w, x, skip, z, s.n);
        for (size_t i = 0; i < s.n; i++) {
            moved[f * s.n + i] += H;
            double sum = 0;
            for (size_t o = 0; o < s.out; o++)
                sum += dy[o * s.n + i] * (y[o * s.n + i] - z[o * s.n + i]);
            g[f * s.n + i] = sum / (2 * H);
        }
    }
    free(y);
}

static void test_weights(const struct nn_node *v, const struct ref *r, struct shape s, double *w, double *x, double *skip, const float *xf,
                         const float *skipf, const float *yf, const double *dy, const float *dyf) {
    float *dw = filled(v->nw, NAN);
    for (size_t t = v->op->ntasks(v); t-- > 0;)
        v->op->grad(v, t, xf, skipf, yf, dyf, dw, (struct nn_cols){s.n, s.ld});
    double *y = alloc(2 * s.out * s.n, sizeof *y), *z = y + s.out * s.n, bad = 0;
    for (size_t i = 0; i < v->nw; i++) {
        double keep = w[i], sum = 0;
        w[i] = keep + H;
        r->fn(s.in, s.out, w, x, skip, y, s.n);
        w[i] = keep - H;
        r->fn(s.in, s.out, w, x, skip, z, s.n);
        w[i] = keep;
        for (size_t k = 0; k < s.out * s.n; k++)
            sum += dy[k] * (y[k] - z[k]) / (2 * H);
        double e = fabs((double)dw[i] - sum) / (1 + fabs(sum));
        bad = e <= bad ? bad : e;
    }
    CHECK(bad < 2e-5, "%s %zux%zu n %zu: weights' gradient off by %g", v->op->name, s.in, s.out, s.n, bad);
    free(dw), free(y);
}

static void test_op(const struct nn_op *op, const struct ref *r, struct shape s, bool acc) {
    struct nn_cols c = {s.n, s.ld};
    struct nn_node v = {.op = op, .in = s.in, .out = s.out, .src = 3, .acc = acc, .rate = 0.3f, .gain = 1, .win = the_window};
    v.from = told_from(s.out), v.told = s.out - v.from;
    v.blocks = the_blocks.blocks, v.lead = the_blocks.lead, v.strict = the_blocks.strict;
    if (r->kind == TEXT)
        v.from = the_blocks.from, v.told = the_blocks.told;
    if (r->kind == SAME)
        v.from = stencil_from(s.out);
    nn_size(&v);
    CHECK((v.nw > 0) == (op->grad != NULL) && (v.nw > 0) == (op->ntasks != NULL), "%s: weights without tasks", op->name);
    float *w = alloc(v.nw, sizeof *w), *x = alloc(s.in * s.ld, sizeof *x), *skip = alloc(s.out * s.ld, sizeof *skip);
    float *dy = alloc((s.out + v.room) * s.ld, sizeof *dy), *y = filled((s.out + v.room) * s.ld, 77), *one = filled(s.out * s.ld, 1);
    float *dx = filled(s.in * s.ld, NAN), *dskip = filled(s.out * s.ld, 77), *old = alloc(s.in * s.ld, sizeof *old);
    uint64_t *rows = alloc(s.n, sizeof *rows);
    for (size_t i = 0; i < s.n; i++)
        rows[i] = 1000 + 7 * i;
    struct nn_noise noise = {5, 11, rows};
    fill(w, v.nw, 1), fill(x, s.in * s.ld, 2), fill(skip, s.out * s.ld, 3), fill(dy, s.out * s.ld, 4);
    fill(old, s.in * s.ld, 5);
    /* texts of all lengths, in some panels no long ones, gaps, a symbol that is none */
    for (size_t t = 0; t < v.blocks && r->kind == TEXT; t++)
        for (size_t i = 0; i < s.n; i++) {
            size_t k = (5 * t + 3 * i + t * i) % (v.told + 2);
            size_t most = (i / MAT_PANEL * 4 + v.blocks) % (v.blocks + 1);
            x[(v.from + t) * s.ld + i] = t < (7 * i + 2) % (v.blocks + 1) && t < most && k <= v.told ? (float)k : NAN;
        }
    if (!strcmp(op->name, "dropout")) {
        op->forward(&v, w, one, skip, y, c, &noise);
        the_mask = widen(y, s.out, c);
    }
    for (size_t f = 0; f < s.in && acc; f++)
        memcpy(dx + f * s.ld, old + f * s.ld, s.n * sizeof *dx);
    for (size_t f = 0; f < s.in; f++)
        for (size_t i = s.n; i < s.ld; i++)
            dx[f * s.ld + i] = 77;
    double *dw = alloc(v.nw, sizeof *dw), *xd = widen(x, s.in, c), *sd = widen(skip, s.out, c);
    double *dyd = widen(dy, s.out, c), *want = alloc(s.out * s.n, sizeof *want), *g = alloc(s.in * s.n, sizeof *g);
    for (size_t i = 0; i < v.nw; i++)
        dw[i] = (double)w[i];

    r->fn(s.in, s.out, dw, xd, sd, want, s.n);
    op->forward(&v, w, x, skip, y, c, &noise);
    double e = worst(y, want, s.out, c, 77);
    CHECK(e < 1e-5, "%s %zux%zu n %zu ld %zu: forward off by %g", op->name, s.in, s.out, s.n, s.ld, e);

    op->backward(&v, w, x, y, dy, dx, dskip, c, &noise);
    differences(r, s, dw, xd, sd, xd, dyd, g);
    for (size_t f = 0; f < s.in && acc; f++)
        for (size_t i = 0; i < s.n; i++)
            g[f * s.n + i] += (double)old[f * s.ld + i];
    e = worst(dx, g, s.in, c, 77);
    CHECK(e < 2e-5, "%s %zux%zu n %zu ld %zu acc %d: backward off by %g", op->name, s.in, s.out, s.n, s.ld, acc, e);
    if (op == &nn_residual) {
        differences(r, s, dw, xd, sd, sd, dyd, g);
        e = worst(dskip, g, s.out, c, 77);
        CHECK(e < 1e-6, "%s: the other gradient off by %g", op->name, e);
    } else {
        CHECK(dskip[0] == 77, "%s writes to a gradient that is not its own", op->name);
    }
    if (v.nw)
        test_weights(&v, r, s, dw, xd, sd, x, skip, y, dyd, dy);
    if (the_mask) {
        free(the_mask);
        the_mask = NULL;
    }
    free(w), free(x), free(skip), free(dy), free(y), free(one), free(dx), free(dskip), free(old), free(rows);
    free(dw), free(xd), free(sd), free(dyd), free(want), free(g);
}

static struct shape window_shape(enum shape_kind kind, size_t n, size_t ld) {
    struct nn_image l = the_window.large, s = the_window.small;
    size_t large = l.h * l.w * l.c, small = s.h * s.w * s.c;
    if (kind == SAME)
        return (struct shape){small, small, n, ld};
    return (struct shape){kind == DOWN ? large : small, kind == DOWN ? small : large, n, ld};
}

static void test_windows(const struct nn_op *op, const struct ref *r) {
    static const struct {
        struct nn_image large;
        size_t c, k, stride, n, ld;
    } t[] = {{{1, 1, 1}, 1, 1, 1, 1, 1},  {{4, 5, 3}, 2, 3, 1, 7, 16},  {{7, 6, 1}, 4, 3, 2, 16, 16},
             {{5, 9, 2}, 3, 5, 2, 3, 5},  {{3, 3, 20}, 5, 3, 2, 13, 16}, {{2, 3, 2}, 2, 7, 2, 2, 2},
             {{5, 8, 1}, 3, 2, 2, 5, 9},  {{4, 3, 16}, 2, 3, 1, 5, 5},   {{3, 2, 2}, 2, 3, 2, 131, 140},
             {{2, 1, 15}, 66, 3, 2, 2, 3}, {{2, 2, 2}, 66, 2, 2, 2, 2},  {{4, 4, 33}, 3, 2, 2, 131, 131}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (int acc = 0; acc < 2; acc++) {
            the_window = nn_window(t[i].large, t[i].c, t[i].k, t[i].stride);
            test_op(op, r, window_shape(r->kind, t[i].n, t[i].ld), acc);
        }
}

/* What a stencil looks at: one pixel, a row, a column, windows wider than the image, several channels. */
static void test_stencils(const struct nn_op *op, const struct ref *r) {
    static const struct {
        struct nn_image large;
        size_t c, k, n, ld;
    } t[] = {{{1, 1, 1}, 2, 3, 1, 1},  {{4, 5, 1}, 3, 7, 5, 7},    {{1, 6, 2}, 2, 5, 16, 16}, {{7, 1, 3}, 4, 3, 3, 3},
             {{3, 4, 4}, 5, 7, 2, 2},  {{5, 3, 1}, 1, 3, 131, 140}, {{6, 7, 1}, 24, 7, 9, 9},  {{2, 2, 1}, 3, 7, 70, 70}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (int acc = 0; acc < 2; acc++) {
            the_window = nn_window(t[i].large, t[i].c, t[i].k, 1);
            test_op(op, r, window_shape(SAME, t[i].n, t[i].ld), acc);
        }
}

/* Positions of several features, with and without inputs in front of them; the walk over the table has one position. */
static void test_causal(void) {
    static const struct {
        struct shape shape;
        struct nn_node blocks;
    } cases[] = {{{6, 9, 5, 7}, {.blocks = 3, .strict = true}},       {{6, 9, 33, 33}, {.blocks = 3}},
                 {{8, 4, 16, 16}, {.blocks = 2, .lead = 4, .strict = true}}, {{9, 12, 5, 5}, {.blocks = 4, .lead = 5}},
                 {{5, 5, 70, 80}, {.blocks = 5, .strict = true}}, {{1, 3, 4, 4}, {.blocks = 1, .strict = true}},
                 {{40, 120, 65, 66}, {.blocks = 20, .strict = true}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int acc = 0; acc < 2; acc++) {
            the_blocks = cases[i].blocks;
            test_op(&nn_causal, ref_of(&nn_causal), cases[i].shape, acc);
        }
}

/* One block of the output alone is the same as in the whole; the weights start at variance 1 / inputs. */
static void test_causal_block(void) {
    enum { BLOCKS = 20, IN = 2 * BLOCKS, OUT = 30 * BLOCKS };
    struct nn_net net = {0};
    CHECK(!nn_add_node(&net, (struct nn_node){.op = &nn_causal, .in = IN, .out = OUT, .blocks = BLOCKS, .strict = true}, NULL), "no node");
    const struct nn_node *v = net.node;
    float *w = filled(net.nw, NAN), *x = alloc(IN * 16, sizeof *x), *all = filled(OUT * 16, 0), *one = filled(OUT * 16, 77);
    nn_init(&net, w, 4, 0);
    fill(x, IN * 16, 71);
    nn_causal.forward(v, w, x, NULL, all, (struct nn_cols){16, 16}, NULL);
    nn_causal_block(v, 7, w, x, one, (struct nn_cols){16, 16});
    for (size_t i = 0; i < OUT * 16; i++)
        CHECK(one[i] == (i / 16 / 30 == 7 ? all[i] : 77), "block 7 alone: %g at %zu, not %g", (double)one[i], i, (double)all[i]);
    const float *at = w;
    for (size_t g = 1; g < BLOCKS; g++) {
        size_t n = 30 * 2 * g;
        double square = 0;
        for (size_t i = 0; i < n; i++, at++)
            square += (double)*at * (double)*at;
        CHECK(fabs(square / 30 - 1) < 5 * sqrt(2 / (double)n), "block %zu starts with variance %g of 1/in", g, square / 30);
    }
    for (; at < w + net.nw; at++)
        CHECK(*at == 0, "a bias starts at %g", (double)*at);
    free(w), free(x), free(all), free(one);
    nn_net_free(&net);
}

/* Encoders and decoders, latents before the symbols and conditions behind them, more records than a run. */
static void test_texts(const struct nn_op *op, const struct ref *r) {
    static const struct {
        struct shape shape;
        struct nn_node blocks;
    } t[] = {{{4, 6, 5, 7}, {.blocks = 3, .from = 1, .told = 4, .strict = true}},     {{3, 4, 9, 9}, {.blocks = 3, .told = 2}},
             {{12, 30, 16, 16}, {.blocks = 6, .from = 3, .told = 9, .strict = true}}, {{9, 10, 16, 16}, {.blocks = 5, .told = 6}},
             {{7, 8, 131, 140}, {.blocks = 4, .from = 2, .told = 3, .strict = 1}}, {{6, 14, 70, 80}, {.blocks = 5, .from = 1, .told = 3}}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        for (int acc = 0; acc < 2; acc++) {
            the_blocks = t[i].blocks;
            test_op(op, r, t[i].shape, acc);
        }
}

static void test_table(void) {
    static const struct shape shapes[] = {{1, 1, 1, 1},     {5, 3, 1, 7},     {7, 4, 13, 16},
                                          {16, 16, 16, 16}, {3, 9, 67, 80},   {131, 5, 33, 33},
                                          {4, 259, 65, 66}, {8, 3, 300, 300}, {8, 3, 521, 530}};
    for (size_t t = 0; nn_ops[t]; t++) {
        const struct ref *r = ref_of(nn_ops[t]);
        CHECK(r != NULL, "operation '%s' has no reference in this test", nn_ops[t]->name);
        CHECK(nn_op_by_name(nn_ops[t]->name) == nn_ops[t], "%s is not found by its name", nn_ops[t]->name);
        if (r && (r->kind == DOWN || r->kind == UP))
            test_windows(nn_ops[t], r);
        if (r && r->kind == TEXT)
            test_texts(nn_ops[t], r);
        if (r && r->kind == SAME)
            test_stencils(nn_ops[t], r);
        the_blocks = (struct nn_node){.blocks = 1};
        for (size_t i = 0; r && r->kind < DOWN && i < sizeof shapes / sizeof *shapes; i++)
            for (int acc = 0; acc < 2; acc++) {
                struct shape s = shapes[i];
                s.out = r->kind == SQUARE ? s.in : s.out;
                test_op(nn_ops[t], r, s, acc);
            }
    }
    CHECK(!nn_op_by_name("no such"), "an unknown name is found");
}

/* A record's bits are its own in any column of a panel, whatever stands beside it. */
static void test_place(const struct nn_op *op, struct shape s) {
    struct nn_node v = {.op = op, .in = s.in, .out = s.out, .gain = 1, .win = the_window, .told = s.out, .blocks = 1};
    if (op == &nn_gru)
        v.from = 3, v.told = 2, v.blocks = 20, v.strict = s.out > 2 * s.in;
    nn_size(&v);
    size_t big = (s.in > s.out ? s.in : s.out) + v.room, differ = 0, ld = MAT_PANEL;
    float *w = alloc(v.nw, sizeof *w), *x = alloc(big * ld, sizeof *x), *y = alloc(big * ld, sizeof *y);
    float *record = alloc(big, sizeof *record), *want = alloc(big, sizeof *want);
    fill(w, v.nw, 61), fill(record, big, 62);
    for (size_t at = 0; at < MAT_PANEL; at += 3) {
        fill(x, big * ld, 63 + at);
        for (size_t f = 0; f < big; f++)
            x[f * ld + at] = record[f];
        op->forward(&v, w, x, x, y, (struct nn_cols){MAT_PANEL, ld}, NULL);
        for (size_t f = 0; f < s.out; f++) {
            want[f] = at ? want[f] : y[f * ld];
            differ += memcmp(&want[f], &y[f * ld + at], sizeof *want) != 0;
        }
    }
    CHECK(differ == 0, "%s %zux%zu: %zu values depend on the record's place", op->name, s.in, s.out, differ);
    free(w), free(x), free(y), free(record), free(want);
}

static void test_places(void) {
    static const struct nn_image images[] = {{28, 28, 1}, {14, 14, 32}, {7, 7, 64}, {9, 5, 3}, {30, 17, 3}};
    static const size_t channels[] = {32, 64, 64, 5, 16};
    for (size_t t = 0; nn_ops[t]; t++) {
        const struct ref *r = ref_of(nn_ops[t]);
        for (size_t i = 0; r && i < sizeof images / sizeof *images; i++)
            for (size_t k = 3; k <= 5; k += 2) {
                the_window = nn_window(images[i], channels[i], k, r->kind == SAME ? 1 : 1 + (i + k) % 2);
                if (r->kind == SAME && images[i].c > 4)
                    continue;
                struct shape s = r->kind == DOWN || r->kind == UP || r->kind == SAME ? window_shape(r->kind, 0, 0)
                                                                  : (struct shape){97 * i + 300, 128 * i + 300, 0, 0};
                s.in = r->kind == SQUARE ? s.out : s.in;
                if (r->kind == TEXT) /* an encoder and a decoder */
                    s = (struct shape){20 + 4 + 30 * i, k == 3 ? 2 * 64 + 2 : 20 * 96, 0, 0};
                test_place(nn_ops[t], s);
            }
    }
}

/* ---- dropout ---------------------------------------------------------------------------------------------- */

/* How many of the masks of two nodes agree, of 64 records and 32 features; a rate of 1/2. */
static int agreement(const struct nn_node *a, const struct nn_noise *na, const struct nn_node *b,
                     const struct nn_noise *nb) {
    float *one = filled(32 * 64, 1), x[32 * 64], y[32 * 64];
    int same = 0;
    nn_dropout.forward(a, NULL, one, one, x, (struct nn_cols){64, 64}, na);
    nn_dropout.forward(b, NULL, one, one, y, (struct nn_cols){64, 64}, nb);
    for (size_t i = 0; i < 32 * 64; i++)
        same += (x[i] > 0) == (y[i] > 0);
    free(one);
    return same;
}

static void test_dropout(void) {
    enum { F = 100, N = 2000 };
    struct nn_node v = {.op = &nn_dropout, .in = F, .out = F, .rate = 0.25f};
    float *one = filled(F * N, 1), *y = filled(F * N, 0);
    uint64_t *rows = alloc(N, sizeof *rows), *late = alloc(N, sizeof *late);
    for (size_t i = 0; i < N; i++)
        rows[i] = i, late[i] = i + 1;
    struct nn_noise noise = {1, 1, rows}, eval = {1, 0, rows};
    nn_dropout.forward(&v, NULL, one, one, y, (struct nn_cols){N, N}, &noise);
    size_t zero = 0, other = 0;
    double sum = 0;
    for (size_t i = 0; i < F * N; i++) {
        zero += y[i] == 0;
        other += y[i] != 0 && fabsf(y[i] - 4 / 3.0f) > 1e-6f;
        sum += (double)y[i] / (F * N);
    }
    CHECK(other == 0, "%zu values are neither 0 nor 1/(1-rate)", other);
    CHECK(fabs((double)zero / (F * N) - 0.25) < 5 * sqrt(0.1875 / (F * N)), "share dropped: %g",
          (double)zero / (F * N));
    CHECK(fabs(sum - 1) < 0.005, "the mean is not kept: %g", sum);
    nn_dropout.forward(&v, NULL, one, one, y, (struct nn_cols){N, N}, &eval);
    CHECK(!memcmp(y, one, F * N * sizeof *y), "step 0 drops values");
    nn_dropout.forward(&v, NULL, one, one, y, (struct nn_cols){N, N}, NULL);
    CHECK(!memcmp(y, one, F * N * sizeof *y), "evaluation drops values");

    /* half of 2048 agree by chance, within 5 sd of 22.6 */
    struct nn_node a = {.op = &nn_dropout, .in = 32, .out = 32, .src = 2, .w0 = 100, .rate = 0.5f}, b = a;
    struct nn_noise next = {1, 2, rows}, seed = {2, 1, rows}, shifted = {1, 1, late};
    CHECK(agreement(&a, &noise, &b, &noise) == 2048, "a mask is not drawn again the same");
    b.w0 = 5000; /* what tells layers, and encoder from decoder, is where their weights stand */
    CHECK(abs(agreement(&a, &noise, &b, &noise) - 1024) < 113, "two nodes share their mask");
    CHECK(abs(agreement(&a, &noise, &a, &next) - 1024) < 113, "two steps share their mask");
    CHECK(abs(agreement(&a, &noise, &a, &seed) - 1024) < 113, "two seeds share their mask");
    CHECK(abs(agreement(&a, &noise, &a, &shifted) - 1024) < 113, "two records share their mask");
    free(one), free(y), free(rows), free(late);
}

/* ---- whole networks --------------------------------------------------------------------------------------- */

/* y = mask * act(W x + b + C told), y not x; moves w and mask behind what it used. told is NULL in the first layer. */
static void ref_layer(const struct nn_mlp *m, size_t in, size_t out, const double **w, const double **mask,
                      const double *x, const double *told, double *y, size_t n) {
    ref_dense(in, out, *w, x, NULL, y, n);
    *w += in * out + out;
    for (size_t o = 0; o < out && told; o++)
        for (size_t f = 0; f < m->told; f++)
            for (size_t i = 0; i < n; i++)
                y[o * n + i] += (*w)[o * m->told + f] * told[f * n + i];
    *w += told ? out * m->told : 0;
    ref_of(m->act)->fn(out, out, NULL, y, NULL, y, n);
    for (size_t j = 0; j < out * n && *mask; j++)
        y[j] *= (*mask)[j];
    *mask += *mask ? out * n : 0;
}

/* The network as nn.h describes it. mask: one [width,n] a hidden layer, behind each other, or NULL. */
static void ref_mlp(const struct nn_mlp *m, const double *w, const double *mask, const double *x, double *y, size_t n) {
    enum { MAX = 64 * 64 };
    static double h[MAX], t[MAX], a[MAX];
    size_t width = m->in;
    memcpy(h, x, width * n * sizeof *h);
    for (size_t i = 0; i < m->nhidden; i++) {
        size_t out = m->hidden[i];
        const double *told = x + (m->in - m->told) * n;
        if (!m->residual) {
            ref_layer(m, width, out, &w, &mask, h, i ? told : NULL, a, n);
            memcpy(h, a, out * n * sizeof *h);
        } else {
            if (i == 0 || out != width) {
                ref_dense(width, out, w, h, NULL, a, n);
                w += width * out + out;
                memcpy(h, a, out * n * sizeof *h);
            }
            ref_layernorm(out, out, NULL, h, NULL, t, n);
            ref_layer(m, out, out, &w, &mask, t, told, a, n);
            ref_dense(out, out, w, a, NULL, t, n);
            w += out * out + out;
            for (size_t j = 0; j < out * n; j++)
                h[j] += t[j];
        }
        width = out;
    }
    ref_dense(width, m->out, w, h, NULL, y, n);
}

static double *masks(const struct nn_net *net, const struct nn_noise *noise, size_t n) {
    double *all = alloc(64 * 64, sizeof *all), *at = all;
    for (size_t i = 0; i < net->n; i++)
        if (net->node[i].op == &nn_dropout) {
            size_t f = net->node[i].out;
            float *one = filled(f * n, 1), *y = filled(f * n, 0);
            nn_dropout.forward(&net->node[i], NULL, one, one, y, (struct nn_cols){n, n}, noise);
            for (size_t j = 0; j < f * n; j++)
                *at++ = (double)y[j];
            free(one), free(y);
        }
    return all;
}

static double functional(const struct nn_mlp *m, const double *w, const double *mask, const double *x, const double *dy,
                         size_t n) {
    double y[16 * 16], s = 0;
    ref_mlp(m, w, mask, x, y, n);
    for (size_t i = 0; i < m->out * n; i++)
        s += dy[i] * y[i];
    return s;
}

static void test_net(const struct nn_mlp *m, const char *what) {
    enum { N = 7, LD = 11, COL = 3, W0 = 5 };
    struct nn_net net = {0};
    struct nn_work k;
    struct vae_err err = {0};
    CHECK(!nn_mlp(&net, m, &err) && !nn_work_init(&k, &net, LD, true, &err), "%s: %s", what, err.msg);
    size_t nw = net.nw, end = nn_place(&net, W0);
    CHECK(end == W0 + nw && nn_in(&net) == m->in && nn_out(&net) == m->out, "%s: sizes", what);
    float *w = alloc(end + 1, sizeof *w), *dw = filled(end + 1, 77);
    uint64_t rows[N];
    for (size_t i = 0; i < N; i++)
        rows[i] = i * i + 4;
    struct nn_noise noise = {3, 8, rows}, rest = {3, 8, rows + COL};
    fill(w, end, 21);
    for (size_t i = 0; i < end; i++)
        w[i] *= 0.5f; /* 1/sqrt(in) or so */
    float x[16 * LD], dy[16 * LD];
    fill(x, m->in * LD, 22), fill(dy, m->out * LD, 23);
    memcpy(k.act[0], x, m->in * LD * sizeof *x);
    nn_forward(&net, w, &k, 0, COL, &noise);
    nn_forward(&net, w, &k, COL, N - COL, &rest);

    struct nn_cols c = {N, LD};
    double *xd = widen(x, m->in, c), *dyd = widen(dy, m->out, c), *wd = alloc(nw, sizeof *wd), want[16 * N];
    double *mask = m->dropout > 0 ? masks(&net, &noise, N) : NULL, g[16 * N], bad = 0;
    for (size_t i = 0; i < nw; i++)
        wd[i] = (double)w[W0 + i];
    ref_mlp(m, wd, mask, xd, want, N);
    for (size_t f = 0; f < m->out; f++)
        for (size_t i = 0; i < N; i++) {
            double e = fabs((double)k.act[net.n][f * LD + i] - want[f * N + i]) / (1 + fabs(want[f * N + i]));
            bad = e <= bad ? bad : e;
        }
    CHECK(bad < 1e-5, "%s: forward off by %g", what, bad);

    for (size_t i = 0; i <= net.n; i++) /* nothing may be read before it is written */
        for (size_t j = 0; j < (i ? net.node[i - 1].out : m->in) * LD; j++)
            k.grad[i][j] = NAN;
    memcpy(k.grad[net.n], dy, m->out * LD * sizeof *dy);
    nn_backward(&net, w, &k, 0, COL, false, &noise);
    CHECK(isnan(k.grad[0][0]), "%s: a gradient of the input nobody asked for", what);
    nn_backward(&net, w, &k, 0, COL, true, &noise);
    nn_backward(&net, w, &k, COL, N - COL, true, &rest);
    for (size_t t = 0; t < nn_grad_tasks(&net); t++)
        nn_grad(&net, &k, t, N, dw);

    double scale = 0, off = 0, at_input = 0;
    for (size_t i = 0; i < nw; i++) {
        double keep = wd[i], up, down;
        wd[i] = keep + H, up = functional(m, wd, mask, xd, dyd, N);
        wd[i] = keep - H, down = functional(m, wd, mask, xd, dyd, N);
        wd[i] = keep;
        double want_w = (up - down) / (2 * H), e = fabs((double)dw[W0 + i] - want_w) / (1 + fabs(want_w));
        off = e <= off ? off : e;
        scale += fabs(want_w) / (double)nw;
    }
    CHECK(off < 1e-4 && scale > 0.01, "%s: weights' gradient off by %g (size %g)", what, off, scale);
    CHECK(dw[0] == 77 && dw[W0 - 1] == 77 && dw[end] == 77, "%s: writes to the weights of others", what);
    for (size_t i = 0; i < (m->in - m->told) * N; i++) { /* what is told is data */
        double keep = xd[i], up, down;
        xd[i] = keep + H, up = functional(m, wd, mask, xd, dyd, N);
        xd[i] = keep - H, down = functional(m, wd, mask, xd, dyd, N);
        xd[i] = keep;
        g[i] = (up - down) / (2 * H);
        double e = fabs((double)k.grad[0][i / N * LD + i % N] - g[i]) / (1 + fabs(g[i]));
        at_input = e <= at_input ? at_input : e;
    }
    CHECK(at_input < 1e-4, "%s: input's gradient off by %g", what, at_input);
    free(w), free(dw), free(xd), free(dyd), free(wd), free(mask);
    nn_work_free(&k);
    nn_net_free(&net);
}

static void test_nets(void) {
    static const struct {
        size_t n, hidden[4];
    } layouts[] = {{0, {0}}, {1, {6}}, {2, {6, 6}}, {2, {6, 9}}, {3, {6, 6, 6}}, {4, {5, 8, 8, 5}}, {4, {7, 7, 4, 4}}};
    for (size_t t = 0; nn_ops[t]; t++)
        for (size_t l = 0; nn_ops[t]->act && l < sizeof layouts / sizeof *layouts; l++)
            for (int i = 0; i < 8; i++) {
                struct nn_mlp m = {5, 3, layouts[l].n, layouts[l].hidden, nn_ops[t], i & 1, i & 2 ? 0.4f : 0, i & 4 ? 2 : 0};
                char what[80];
                snprintf(what, sizeof what, "%s of %zu layers (%zu) %s%s%s", i & 1 ? "residual" : "mlp", l, m.nhidden,
                         nn_ops[t]->name, i & 2 ? ", dropout" : "", i & 4 ? ", told" : "");
                test_net(&m, what);
            }
}

static void test_init(void) {
    enum { IN = 50, OUT = 400 };
    struct nn_net net = {0};
    size_t hidden[] = {OUT, IN};
    struct nn_mlp m = {IN, OUT, 2, hidden, &nn_relu, false, 0, 0};
    CHECK(!nn_mlp(&net, &m, NULL), "no net");
    float *w = filled(nn_place(&net, 0), NAN), *again = filled(net.nw, NAN);
    nn_init(&net, w, 4, 0), nn_init(&net, again, 4, 0);
    CHECK(!memcmp(w, again, net.nw * sizeof *w), "start weights are not reproducible");
    nn_init(&net, again, 5, 0);
    CHECK(memcmp(w, again, net.nw * sizeof *w) != 0, "the seed does nothing");
    for (size_t i = 0; i < net.n; i++) {
        const struct nn_node *v = &net.node[i];
        size_t n = v->in * v->out;
        double sum = 0, square = 0, bias = 0;
        if (!v->nw)
            continue;
        for (size_t j = 0; j < n; j++)
            sum += (double)w[v->w0 + j], square += (double)w[v->w0 + j] * (double)w[v->w0 + j];
        for (size_t j = n; j < v->nw; j++)
            bias += fabs((double)w[v->w0 + j]);
        double var = square / (double)n * (double)v->in;
        CHECK(fabs(sum / (double)n) * sqrt((double)v->in) < 5 / sqrt((double)n), "mean of node %zu: %g", i,
              sum / (double)n);
        CHECK(fabs(var - 1) < 5 * sqrt(2 / (double)n), "variance of node %zu: %g of 1/in", i, var);
        CHECK(bias == 0, "bias of node %zu", i);
    }
    CHECK(memcmp(w + net.node[0].w0, w + net.node[net.n - 1].w0, IN * sizeof *w) != 0, "two layers start alike");
    free(w), free(again);
    nn_net_free(&net);
}

/* An untrained residual network is linear: f(x) + f(y) = f(x + y). */
static void test_linear_start(void) {
    struct nn_net net = {0};
    struct nn_work k;
    size_t hidden[] = {9, 9, 6};
    struct nn_mlp m = {4, 5, 3, hidden, &nn_silu, true, 0, 0};
    CHECK(!nn_mlp(&net, &m, NULL) && !nn_work_init(&k, &net, 3, false, NULL), "no net");
    float *w = filled(nn_place(&net, 0), NAN);
    nn_init(&net, w, 4, 0);
    for (size_t f = 0; f < m.in; f++) {
        float *x = k.act[0] + 3 * f;
        fill(x, 2, 50 + f);
        x[2] = x[0] + x[1];
    }
    nn_forward(&net, w, &k, 0, 3, NULL);
    for (size_t f = 0; f < m.out; f++) {
        const float *y = k.act[net.n] + 3 * f;
        CHECK(y[0] != 0 && close_to((double)y[0] + (double)y[1], (double)y[2], 1e-5), "untrained and not linear");
    }
    free(w);
    nn_work_free(&k);
    nn_net_free(&net);
}

int main(void) {
    struct vae_err err = {0};
    if (mat_open(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    test_table();
    test_places();
    test_causal();
    test_causal_block();
    test_dropout();
    test_nets();
    test_init();
    test_linear_start();
    return test_done();
}
