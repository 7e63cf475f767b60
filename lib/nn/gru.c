/*
 * gru.c - gated recurrent units over the symbols of a text (Cho et al. 2014, 1406.1078, in the form of 1412.3555).
 *
 *   q = U_q h',  r = sigmoid(a_r + U_r h'),  u = sigmoid(a_u + U_u h'),  n = tanh(a_n + r q),  h = u h' + (1 - u) n
 *   a = W[symbol] + V lead + b
 *
 * h' is the state of the position before, 0 at the start. Rows from..from+blocks-1 of the input are symbols, each the
 * nearest whole number: 0..told-1, any other one is "not told", and NaN says that nothing stands there. All other rows
 * are the lead, which every position is given: latents, conditions.
 *
 *   strict (a decoder)   a position is given the symbol before it; the output is the state at each, blocks * H rows
 *   else (an encoder)    a position is given its own symbol, and one where nothing stands leaves the state as it is;
 * both ways through the text, the output is the last state of each: 2 H rows
 *
 * Of a panel of records nothing is computed behind the last position at which any of it, or of the panels after it, has
 * a symbol; states there are 0. Long records first, then, and what is computed is little more than there is.
 *
 * Weights of a way: W[3 H, told + 1] (the last one for what is not told), V[3 H, lead] (rows r, u, n), U[3 H, H] (rows
 * q, r, u); then the biases of the ways, [3 H] each. Rows of its own, of a way: V lead + b [3 H], of each position q,
 * r, u, n [4 H], and of an encoder its states [blocks * H]; in the gradients the same of those, before the squashing.
 * Behind those of the ways a row says how many positions of each record are computed.
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "base/vmath.h"
#include "nn/bias.h"

enum { BLOCK = 64, RUN = 64, WIDE = 256 /* values that a function of vmath.h is given at once */ };

static const float SYMBOL_SD = 0.5f, KEEP = 1; /* of start weights; u starts at sigmoid(KEEP) */

/* One way through the text. */
struct way {
    size_t H, S, lead; /* units, symbols and the one that is not told, inputs that are none */
    bool back;
    const float *w, *v, *u, *b;
    float *given, *gate, *h; /* of y, or of dy */
};

static size_t ways(const struct nn_node *v) {
    return v->strict ? 1 : 2;
}
size_t nn_gru_states(const struct nn_node *v) {
    return v->out / (v->strict ? v->blocks : 2);
}
static size_t way_weights(const struct nn_node *v) {
    size_t H = nn_gru_states(v);
    return 3 * H * (v->told + 1 + v->in - v->blocks + H);
}
static size_t way_room(const struct nn_node *v) {
    size_t H = nn_gru_states(v);
    return (3 + v->blocks * (v->strict ? 4 : 5)) * H;
}

static struct way way(const struct nn_node *v, size_t k, const float *w, float *y, size_t ld) {
    size_t H = nn_gru_states(v);
    struct way g = {.H = H, .S = v->told + 1, .lead = v->in - v->blocks, .back = k == 1};
    g.w = w + k * way_weights(v);
    g.v = g.w + 3 * H * g.S;
    g.u = g.v + 3 * H * g.lead;
    g.b = w + ways(v) * way_weights(v) + k * 3 * H;
    g.given = y + (v->out + k * way_room(v)) * ld;
    g.gate = g.given + 3 * H * ld;
    g.h = v->strict ? y : g.gate + v->blocks * 4 * H * ld;
    return g;
}

static float *lengths(const struct nn_node *v, const float *y, size_t ld) {
    return (float *)(uintptr_t)y + (v->out + ways(v) * way_room(v)) * ld;
}

VM_WIDE static bool any_symbol(const float *row, size_t n) {
    int any = 0;
    for (size_t i = 0; i < n; i++)
        any |= row[i] == row[i];
    return any;
}

/* length[n] = positions to be computed of each record, which never rise; returns the first. */
static size_t measure(const struct nn_node *v, const float *x, float *length, struct nn_cols c) {
    size_t T = 0;
    for (size_t end = c.n, at; end > 0; end = at) {
        at = (end - 1) / MAT_PANEL * MAT_PANEL;
        for (size_t t = v->blocks; t-- > T;)
            if (any_symbol(x + (v->from + t) * c.ld + at, end - at))
                T = t + 1;
        for (size_t i = at; i < end; i++)
            length[i] = (float)T;
    }
    return T;
}

/* The records of which position t is computed: the first ones. */
static struct nn_cols at_position(const float *length, size_t t, struct nn_cols c) {
    while (c.n && length[c.n - 1] <= (float)t)
        c.n--;
    return c;
}

/* The symbols told at position t -> symbol[n], there[n]: 0 where the state is to stay. n <= RUN. */
static void symbols(const struct nn_node *v, size_t t, const float *x, size_t at, size_t n, size_t ld, int *symbol,
                    float *there) {
    const float *row = x + (v->from + t - v->strict) * ld + at;
    bool start = v->strict && t == 0;
    for (size_t i = 0; i < n; i++) {
        float s = start ? NAN : nearbyintf(row[i]);
        symbol[i] = s >= 0 && s < (float)v->told ? (int)s : (int)v->told;
        there[i] = v->strict || !isnan(s) ? 1 : 0;
    }
}

static void zero(float *x, size_t rows, struct nn_cols c) {
    for (size_t r = 0; r < rows && c.n; r++)
        memset(x + r * c.ld, 0, c.n * sizeof *x);
}

/* Columns from.. of c alone are set to 0. */
static void zero_behind(float *x, size_t rows, size_t from, struct nn_cols c) {
    zero(x + from, rows, (struct nn_cols){c.n - from, c.ld});
}

static void copy(const float *x, float *to, size_t rows, struct nn_cols c) {
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * c.ld, x + r * c.ld, c.n * sizeof *x);
}

/* C = beta C + A B, of matrices whose k may be 0. */
static void lead_product(const struct nn_node *v, const struct way *g, const float *x, struct nn_cols c) {
    size_t behind = g->lead - v->from;
    if (v->from)
        mat_gemm(false, false, 3 * g->H, c.n, v->from, g->v, g->lead, x, c.ld, 1, g->given, c.ld);
    if (behind)
        mat_gemm(false, false, 3 * g->H, c.n, behind, g->v + v->from, g->lead, x + (v->from + v->blocks) * c.ld, c.ld,
                 1, g->given, c.ld);
}

static void lead(const struct nn_node *v, const struct way *g, const float *x, struct nn_cols c) {
    bias_fill(g->b, 3 * g->H, g->given, 3 * g->H, c);
    lead_product(v, g, x, c);
}

/* to[rows, n] = what units j.. are given, and with `add` that: row k of the gates' 3 H. */
VM_WIDE static void given(const struct way *g, size_t k, size_t rows, const int *symbol, const float *add, float *to,
                          size_t at, size_t n, size_t ld) {
    for (size_t r = 0; r < rows; r++) {
        const float *w = g->w + (k + r) * g->S, *a = g->given + (k + r) * ld + at, *b = add + r * ld + at;
        float *o = to + r * n;
        for (size_t i = 0; i < n; i++)
            o[i] = a[i] + b[i] + w[symbol[i]];
    }
}

/* r and u -> their rows; a position where nothing stands keeps its state: u = 1. */
VM_WIDE static void gates(const float *ru, float *r, float *u, const float *there, size_t rows, size_t n, size_t ld) {
    for (size_t j = 0; j < rows; j++)
        for (size_t i = 0; i < n; i++) {
            r[j * ld + i] = ru[j * n + i];
            u[j * ld + i] = there[i] > 0 ? ru[(rows + j) * n + i] : 1;
        }
}

VM_WIDE static void candidates(const struct way *g, size_t j, size_t rows, const int *symbol, const float *q,
                               const float *r, float *to, size_t at, size_t n, size_t ld) {
    for (size_t k = 0; k < rows; k++) {
        const float *w = g->w + (2 * g->H + j + k) * g->S, *a = g->given + (2 * g->H + j + k) * ld + at;
        for (size_t i = 0; i < n; i++)
            to[k * n + i] = a[i] + w[symbol[i]] + r[k * ld + i] * q[k * ld + i];
    }
}

VM_WIDE static void states(const float *u, const float *new, const float *before, float *n, float *h, size_t rows,
                           size_t m, size_t ld) {
    for (size_t k = 0; k < rows; k++)
        for (size_t i = 0; i < m; i++) {
            float a = new[k * m + i], b = before ? before[k * ld + i] : 0;
            n[k * ld + i] = a;
            h[k * ld + i] = u[k * ld + i] * b + (1 - u[k * ld + i]) * a;
        }
}

/* Position t; before: the state before it, NULL at the start. */
static void step(const struct nn_node *v, const struct way *g, size_t t, const float *x, const float *before,
                 struct nn_cols c) {
    float *gate = g->gate + t * 4 * g->H * c.ld, *h = g->h + t * g->H * c.ld, a[2 * WIDE], there[RUN];
    int symbol[RUN];
    if (before)
        mat_gemm(false, false, 3 * g->H, c.n, g->H, g->u, g->H, before, c.ld, 0, gate, c.ld);
    else
        zero(gate, 3 * g->H, c);
    for (size_t at = 0; at < c.n; at += RUN) {
        size_t n = c.n - at < RUN ? c.n - at : RUN, most = WIDE / n;
        symbols(v, t, x, at, n, c.ld, symbol, there);
        for (size_t j = 0; j < g->H; j += most) {
            size_t rows = g->H - j < most ? g->H - j : most;
            float *q = gate + j * c.ld, *r = q + g->H * c.ld, *u = r + g->H * c.ld, *m = u + g->H * c.ld;
            given(g, j, rows, symbol, r, a, at, n, c.ld);
            given(g, g->H + j, rows, symbol, u, a + rows * n, at, n, c.ld);
            vm_sigmoid(a, a, 2 * rows * n);
            gates(a, r + at, u + at, there, rows, n, c.ld);
            candidates(g, j, rows, symbol, q + at, r + at, a, at, n, c.ld);
            vm_tanh(a, a, rows * n);
            states(u + at, a, before ? before + j * c.ld + at : NULL, m + at, h + j * c.ld + at, rows, n, c.ld);
        }
    }
}

/* The state before the s-th position on the way, of T; NULL at the start. */
static float *state(const struct way *g, size_t s, size_t T, size_t ld) {
    return s ? g->h + (g->back ? T - s : s - 1) * g->H * ld : NULL;
}

void nn_gru_lead(const struct nn_node *v, const float *w, const float *x, float *y, struct nn_cols c) {
    struct way g = way(v, 0, w, y, c.ld);
    lead(v, &g, x, c);
}

void nn_gru_step(const struct nn_node *v, size_t t, const float *w, const float *x, float *y, struct nn_cols c) {
    struct way g = way(v, 0, w, y, c.ld);
    step(v, &g, t, x, state(&g, t, 0, c.ld), c);
}

/* The state in which a way ends <-> what it gives, y[H]: of each record where its own positions end; 0 where it has none. */
static void ends(const struct way *g, const float *length, float *y, bool into, struct nn_cols c) {
    for (size_t at = 0; at < c.n; at += MAT_PANEL) {
        size_t last = (size_t)length[at], t = g->back || !last ? 0 : last - 1;
        struct nn_cols panel = {c.n - at < MAT_PANEL ? c.n - at : MAT_PANEL, c.ld};
        float *h = g->h + t * g->H * c.ld + at;
        if (last)
            copy(into ? y + at : h, into ? h : y + at, g->H, panel);
        else if (!into)
            zero(y + at, g->H, panel);
    }
}

static void gru_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                        struct nn_cols c, const struct nn_noise *noise) {
    (void)skip, (void)noise;
    float *length = lengths(v, y, c.ld);
    size_t T = measure(v, x, length, c), H = nn_gru_states(v);
    for (size_t k = 0; k < ways(v); k++) {
        struct way g = way(v, k, w, y, c.ld);
        lead(v, &g, x, c);
        for (size_t s = 0; s < T; s++) {
            size_t t = g.back ? T - 1 - s : s;
            struct nn_cols now = at_position(length, t, c);
            step(v, &g, t, x, state(&g, s, T, c.ld), now);
            zero_behind(g.h + t * H * c.ld, H, now.n, c);
        }
        if (v->strict)
            zero(y + T * H * c.ld, (v->blocks - T) * H, c);
        else
            ends(&g, length, y + k * H * c.ld, false, c);
    }
}

/* Gates and what they are made of -> the gradients of what was before the squashing, those of the lead, and into the
 * state before. */
VM_WIDE static void gate_gradients(const float *gate, const float *before, const float *dh, float *d, float *dgiven,
                                   float *dbefore, size_t H, struct nn_cols c) {
    size_t ld = c.ld, block = H * ld;
    for (size_t j = 0; j < H; j++) {
        const float *q = gate + j * ld, *r = q + block, *u = r + block, *m = u + block,
                    *b = before ? before + j * ld : NULL;
        float *dq = d + j * ld, *dr = dq + block, *du = dr + block, *dn = du + block, *g = dgiven + j * ld;
        for (size_t i = 0; i < c.n; i++) {
            float up = dh[j * ld + i], new = up *(1 - u[i]) * (1 - m[i] * m[i]);
            float keep = up * ((b ? b[i] : 0) - m[i]) * u[i] * (1 - u[i]), reset = new *q[i] * r[i] * (1 - r[i]);
            dq[i] = new *r[i], dr[i] = reset, du[i] = keep, dn[i] = new;
            g[i] += reset, g[block + i] += keep, g[2 * block + i] += new;
        }
        for (size_t i = 0; i < c.n && dbefore; i++)
            dbefore[j * ld + i] += dh[j * ld + i] * u[i];
    }
}

/* Back through one way: dh of its states -> d of all that is before the squashing. */
static void way_backward(const struct way *g, const struct way *d, const float *length, struct nn_cols c) {
    size_t H = g->H, T = (size_t)length[0];
    zero(d->given, 3 * H, c);
    for (size_t s = T; s-- > 0;) {
        size_t t = g->back ? T - 1 - s : s;
        float *to = state(d, s, T, c.ld), *gate = d->gate + t * 4 * H * c.ld;
        struct nn_cols now = at_position(length, t, c);
        gate_gradients(g->gate + t * 4 * H * c.ld, state(g, s, T, c.ld), d->h + t * H * c.ld, gate, d->given, to, H, now);
        if (to)
            mat_gemm(true, false, H, now.n, 3 * H, g->u, H, gate, c.ld, 1, to, c.ld);
    }
}

/* Rows f.. of dx: the gradient of inputs that are no symbols, from all ways. */
static void lead_backward(const struct nn_node *v, const float *w, float *dy, size_t f, size_t rows, size_t first,
                          float *dx, struct nn_cols c) {
    for (size_t k = 0; k < ways(v) && rows; k++) {
        struct way g = way(v, k, w, dy, c.ld);
        mat_gemm(true, false, rows, c.n, 3 * g.H, g.v + first, g.lead, g.given, c.ld, k || v->acc ? 1 : 0,
                 dx + f * c.ld, c.ld);
    }
}

static void gru_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy, float *dx,
                         float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)x, (void)dskip, (void)noise;
    const float *length = lengths(v, y, c.ld);
    size_t H = nn_gru_states(v);
    for (size_t k = 0; k < ways(v); k++) {
        struct way g = way(v, k, w, (float *)(uintptr_t)y, c.ld), d = way(v, k, w, dy, c.ld);
        if (!v->strict) {
            zero(d.h, (size_t)length[0] * H, c);
            ends(&d, length, dy + k * H * c.ld, true, c);
        }
        way_backward(&g, &d, length, c);
    }
    size_t front = v->grad_in && v->grad_in < v->from ? v->grad_in : v->from, behind = v->from + v->blocks;
    lead_backward(v, w, dy, 0, front, 0, dx, c);
    if (v->grad_in)
        return;
    zero(dx + v->from * c.ld, v->acc ? 0 : v->blocks, c);
    lead_backward(v, w, dy, behind, v->in - behind, v->from, dx, c);
}

/* ---- gradients of the weights: blocks of the 3 H rows, way after way ---------------------------------------- */

static size_t gru_ntasks(const struct nn_node *v) {
    return ways(v) * ((3 * nn_gru_states(v) + BLOCK - 1) / BLOCK);
}

/* The next records, from *at on, of which position t is computed: how many, 0 where there are no more. */
static size_t run(const float *length, size_t t, size_t *at, size_t n) {
    while (*at < n && length[*at] <= (float)t)
        ++*at;
    size_t end = *at;
    while (end < n && length[end] > (float)t)
        end++;
    return end - *at;
}

/* dW[m, S] = sum over positions of d[m, n] (one-hot symbols)^T */
static void symbol_gradient(const struct nn_node *v, const float *x, const float *d, const float *length, size_t T, size_t m,
                            float *dw, struct nn_cols c) {
    float hot[(NN_MAX_SYMBOLS + 1) * RUN], there[RUN];
    int symbol[RUN];
    size_t S = v->told + 1, H = nn_gru_states(v);
    memset(dw, 0, m * S * sizeof *dw);
    for (size_t t = 0; t < T; t++)
        for (size_t at = 0, n; (n = run(length, t, &at, c.n)) != 0; at += n) {
            n = n < RUN ? n : RUN;
            symbols(v, t, x, at, n, c.ld, symbol, there);
            memset(hot, 0, S * n * sizeof *hot);
            for (size_t i = 0; i < n; i++)
                hot[(size_t)symbol[i] * n + i] = 1;
            mat_gemm(false, true, m, S, n, d + t * 4 * H * c.ld + at, c.ld, hot, n, 1, dw, S);
        }
}

static void gru_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                     const float *dy, float *dw, struct nn_cols c) {
    (void)skip;
    size_t T = 0, H = nn_gru_states(v), each = gru_ntasks(v) / ways(v), k = task / each, o = task % each * BLOCK;
    size_t m = 3 * H - o < BLOCK ? 3 * H - o : BLOCK, first = v->from, behind = v->in - v->blocks - first;
    const float *length = lengths(v, y, c.ld);
    for (size_t i = 0; i < c.n; i++)
        T = (size_t)length[i] > T ? (size_t)length[i] : T;
    struct way g = way(v, k, dw, (float *)(uintptr_t)y, c.ld), d = way(v, k, dw, (float *)(uintptr_t)dy, c.ld);
    float *to = dw + k * way_weights(v), *dv = to + 3 * H * g.S + o * g.lead, *du = to + 3 * H * (g.S + g.lead) + o * H;
    memset(du, 0, m * H * sizeof *du);
    for (size_t s = 1; s < T; s++) {
        size_t t = g.back ? T - 1 - s : s;
        const float *gate = d.gate + (t * 4 * H + o) * c.ld, *before = state(&g, s, T, c.ld);
        for (size_t at = 0, n; (n = run(length, g.back ? t + 1 : t, &at, c.n)) != 0; at += n)
            mat_gemm(false, true, m, H, n, gate + at, c.ld, before + at, c.ld, 1, du, H);
    }
    symbol_gradient(v, x, d.gate + (H + o) * c.ld, length, T, m, to + o * g.S, c);
    if (first)
        mat_gemm(false, true, m, first, c.n, d.given + o * c.ld, c.ld, x, c.ld, 0, dv, g.lead);
    if (behind)
        mat_gemm(false, true, m, behind, c.n, d.given + o * c.ld, c.ld, x + (first + v->blocks) * c.ld, c.ld, 0,
                 dv + first, g.lead);
    bias_grad(d.given + o * c.ld, 1, 0, dw + v->nw - v->nb + k * 3 * H + o, m, c);
}

static size_t gru_shape(const struct nn_node *v, size_t shape[NN_MAX_DIMS], size_t *nb) {
    *shape = ways(v) * way_weights(v);
    *nb = ways(v) * 3 * nn_gru_states(v);
    return 1;
}

static size_t gru_room(const struct nn_node *v) {
    return ways(v) * way_room(v) + 1;
}

static void gru_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    size_t H = nn_gru_states(v), S = v->told + 1, count = v->in - v->blocks, n = v->nw - v->nb;
    rng_normals(w, n, 1, 1, seed, RNG_INIT, block, NULL, 0);
    for (size_t k = 0; k < ways(v); k++) {
        float *from = w + k * way_weights(v);
        for (size_t i = 0; i < way_weights(v); i++)
            from[i] *= v->gain * (i < 3 * H * S             ? SYMBOL_SD
                                  : i < 3 * H * (S + count) ? 1 / sqrtf((float)count)
                                                            : 1 / sqrtf((float)H));
        for (size_t i = 0; i < 3 * H; i++)
            w[n + k * 3 * H + i] = i / H == 1 ? KEEP : 0;
    }
}

const struct nn_op nn_gru = {
    .name = "gru",
    .shape = gru_shape,
    .room = gru_room,
    .init = gru_init,
    .forward = gru_forward,
    .backward = gru_backward,
    .ntasks = gru_ntasks,
    .grad = gru_grad,
};
