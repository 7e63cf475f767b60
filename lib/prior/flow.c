/*
 * flow.c - a flow from the standard normal to the encoded training rows, learned by flow matching (Lipman et al. 2023,
 * 2210.02747) along straight paths:
 *
 *   z_t = (1-t) eps + t z        dz/dt = v(z_t, t)        loss = E |v(z_t, t) - (z - eps)|^2
 *
 * Latents are standardised. v is the velocity that a standard normal z would have, (2t-1)/(t^2+(1-t)^2) z_t, plus a net that
 * starts at 0: an untrained flow is the normal with the means and standard deviations of the rows. Draws follow the
 * equation from t = 0 to 1 (Runge-Kutta, 4th order); the density follows it back: log p(z) = log N(eps) - int div v dt.
 *
 * Where a model has conditions the net is told them, behind the time: p(z|c).
 *
 * Parameters: mean[k], sd[k], then the weights of the net.
 */
#include "prior/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vmath.h"

enum { BLOCKS = 3, ODE_STEPS = 10, NWIDTHS = 3 };
static const size_t widths[NWIDTHS] = {64, 128, 256};

static size_t width_for(size_t k, size_t n) { return n < 2000 ? widths[0] : k <= 4 ? widths[1] : widths[2]; }

int flow_net(struct nn_net *net, const struct prior_space *s, size_t width, struct vae_err *err) {
    const size_t hidden[BLOCKS] = {width, width, width};
    const struct nn_mlp m = {s->k + 2 * FLOW_WAVES + s->told, s->k, BLOCKS, hidden, &nn_silu, true, 0, 0};
    int r = nn_mlp(net, &m, err);
    if (!r) {
        net->node[net->n - 1].gain = 0;
        net->node[0].grad_in = s->k;
        nn_place(net, 0);
    }
    return r;
}

/* Weights of the net: as nn_mlp() makes it. */
static size_t net_size(const struct prior_space *s, size_t width) {
    size_t in = s->k + 2 * FLOW_WAVES + s->told;
    return (in + 1) * width + BLOCKS * 2 * (width + 1) * width + (width + 1) * s->k;
}

static size_t flow_size(const struct prior_space *s, size_t n) { return 2 * s->k + net_size(s, width_for(s->k, n)); }

size_t flow_width(const struct prior_space *s, size_t size) {
    for (size_t i = 0; i < NWIDTHS; i++)
        if (size == 2 * s->k + net_size(s, widths[i]))
            return widths[i];
    return 0;
}

static int flow_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    size_t k = s->k;
    bool ok = flow_width(s, size) > 0;
    for (size_t i = 0; i < size && ok; i++)
        ok = isfinite(param[i]);
    for (size_t j = 0; j < k && ok; j++)
        ok = param[k + j] > 0;
    return ok ? 0 : err_set(err, VAE_EDATA, "the flow prior does not fit the model");
}

void flow_time(const float *t, float *f, size_t n, size_t ld) {
    for (size_t w = 0; w < FLOW_WAVES; w++)
        for (size_t i = 0; i < n; i++) {
            float turns = t[i] * 0.5f * (float)(w + 1);
            vm_sincospi(&f[2 * w * ld + i], &f[(2 * w + 1) * ld + i], &turns, 1);
        }
}

float flow_drift(float t) { return (2 * t - 1) / (t * t + (1 - t) * (1 - t)); }

/* ---- following the equation ------------------------------------------------------------------------------- */

struct flow_work {
    struct nn_net net;
    struct nn_work pass;
    size_t k, told;
    float *z, *at, *slope, *sum; /* [k,MAT_PANEL] */
    double *div;                 /* [MAT_PANEL] */
};

static void flow_work_free(void *work) {
    struct flow_work *w = work;
    if (!w)
        return;
    nn_work_free(&w->pass);
    nn_net_free(&w->net);
    free(w->z), free(w->div), free(w);
}

static void *flow_work(const struct prior_space *s, size_t size, struct vae_err *err) {
    size_t k = s->k;
    struct flow_work *w = mem_array(1, sizeof *w);
    int r = w ? flow_net(&w->net, s, flow_width(s, size), err) : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        r = nn_work_init(&w->pass, &w->net, MAT_PANEL, true, err);
    if (!r) {
        w->k = k, w->told = s->told;
        w->z = mem_floats(4 * k * MAT_PANEL);
        w->div = mem_array(MAT_PANEL, sizeof *w->div);
        if (w->z && w->div) {
            w->at = w->z + k * MAT_PANEL, w->slope = w->at + k * MAT_PANEL, w->sum = w->slope + k * MAT_PANEL;
            return w;
        }
        err_set(err, VAE_EOS, "out of memory");
    }
    flow_work_free(w);
    return NULL;
}

/* v(at, t) -> slope; with div its divergence, a way back through the net for each latent. */
static void velocity(struct flow_work *w, const float *weights, float t, bool div) {
    size_t n = w->k * MAT_PANEL, last = w->net.n;
    float *in = w->pass.act[0], times[MAT_PANEL], drift = flow_drift(t);
    for (size_t i = 0; i < MAT_PANEL; i++)
        times[i] = t;
    memcpy(in, w->at, n * sizeof *in);
    flow_time(times, in + n, MAT_PANEL, MAT_PANEL);
    nn_forward(&w->net, weights, &w->pass, 0, MAT_PANEL, NULL);
    for (size_t i = 0; i < n; i++)
        w->slope[i] = w->pass.act[last][i] + drift * w->at[i];
    for (size_t i = 0; i < MAT_PANEL && div; i++)
        w->div[i] = (double)w->k * (double)drift;
    for (size_t j = 0; j < w->k && div; j++) {
        float *d = w->pass.grad[last];
        memset(d, 0, n * sizeof *d);
        for (size_t i = 0; i < MAT_PANEL; i++)
            d[j * MAT_PANEL + i] = 1;
        nn_backward(&w->net, weights, &w->pass, 0, MAT_PANEL, true, NULL);
        for (size_t i = 0; i < MAT_PANEL; i++)
            w->div[i] += (double)w->pass.grad[0][j * MAT_PANEL + i];
    }
}

/* w->z from time `from` to `to`; with total, the integral of the divergence. */
static void follow(struct flow_work *w, const float *weights, float from, float to, double *total) {
    static const float part[4] = {0, 0.5f, 0.5f, 1}, share[4] = {1, 2, 2, 1};
    size_t n = w->k * MAT_PANEL;
    float h = (to - from) / ODE_STEPS;
    for (int step = 0; step < ODE_STEPS; step++) {
        memset(w->sum, 0, n * sizeof *w->sum);
        memset(w->slope, 0, n * sizeof *w->slope);
        for (int s = 0; s < 4; s++) {
            for (size_t i = 0; i < n; i++)
                w->at[i] = w->z[i] + part[s] * h * w->slope[i];
            velocity(w, weights, from + h * ((float)step + part[s]), total != NULL);
            for (size_t i = 0; i < n; i++)
                w->sum[i] += share[s] * w->slope[i];
            for (size_t i = 0; i < MAT_PANEL && total; i++)
                total[i] += (double)(share[s] * h / 6) * w->div[i];
        }
        for (size_t i = 0; i < n; i++)
            w->z[i] += h / 6 * w->sum[i];
    }
}

/* What is told, behind the k latents of each row of z, into the net: it stays there while the equation is followed. */
static void tell(struct flow_work *w, const float *z) {
    float *in = w->pass.act[0] + (w->k + 2 * FLOW_WAVES) * MAT_PANEL;
    for (size_t j = 0; j < w->told; j++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            in[j * MAT_PANEL + i] = z[i * (w->k + w->told) + w->k + j];
}

static void flow_sample(const struct prior_space *s, size_t size, const float *param, uint64_t seed,
                        const uint64_t *rows, float temperature, void *work, float *z) {
    (void)size;
    size_t k = s->k;
    struct flow_work *w = work;
    rng_normals(w->z, k, MAT_PANEL, MAT_PANEL, seed, RNG_PRIOR, 0, rows, 0);
    for (size_t i = 0; i < k * MAT_PANEL; i++)
        w->z[i] *= temperature;
    tell(w, z);
    follow(w, param + 2 * k, 0, 1, NULL);
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            z[i * (k + s->told) + j] = param[j] + param[k + j] * w->z[j * MAT_PANEL + i];
}

static void flow_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                      double *logp) {
    (void)size;
    size_t k = s->k;
    struct flow_work *w = work;
    double total[MAT_PANEL] = {0};
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            w->z[j * MAT_PANEL + i] = (z[i * (k + s->told) + j] - param[j]) / param[k + j];
    tell(w, z);
    follow(w, param + 2 * k, 1, 0, total);
    for (size_t i = 0; i < MAT_PANEL; i++) {
        logp[i] = total[i]; /* back in time: the sign is in the steps */
        for (size_t j = 0; j < k; j++) {
            double e = (double)w->z[j * MAT_PANEL + i];
            logp[i] -= 0.5 * e * e + 0.91893853320467274178 + log((double)param[k + j]);
        }
    }
}

const struct prior prior_flow = {
    .name = "flow", .about = "a flow from the normal to the encoded training rows", .told = true,
    .size = flow_size, .fit = flow_fit, .rounds = flow_rounds,
    .check = flow_check, .work = flow_work, .work_free = flow_work_free, .sample = flow_sample, .logp = flow_logp,
};
