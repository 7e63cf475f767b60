/*
 * ladder.c - the lower level of a ladder: with d = m_e - m_p and a = v / v_e, the encoder's share,
 *
 *   z = m_p + a d + sqrt(v) eps        KL_j = (v / v_p + a^2 d^2 / v_p - 1 - log v + log v_p) / 2
 *
 * Log variances are held in the range of latent_logvar().
 */
#include "latent/ladder.h"

#include <math.h>

#include "base/vmath.h"
#include "latent/latent.h"

enum { RUN = 64 };

/* Of one latent of up to RUN records: log v_p, log v, 1 / v_p, v, and the encoder's share. */
struct mix {
    float lp[RUN], lv[RUN], pp[RUN], v[RUN], a[RUN];
};

VM_WIDE static void weigh(const float *h, const float *t, size_t m, struct mix *x) {
    float le[RUN], pe[RUN];
    latent_logvar(h, m, -1, le, pe);
    latent_logvar(t, m, -1, x->lp, x->pp);
    for (size_t i = 0; i < m; i++) {
        float both = pe[i] + x->pp[i];
        x->v[i] = 1 / both;
        x->a[i] = pe[i] / both;
        x->lv[i] = x->v[i];
    }
    vm_log(x->lv, x->lv, m);
}

static size_t run(size_t n, size_t at) { return n - at < RUN ? n - at : RUN; }

VM_WIDE void ladder_mean(size_t k, const float *h, const float *t, float *z, size_t n, size_t ld) {
    struct mix x;
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at;
            weigh(h + k * ld + p, t + k * ld + p, m, &x);
            for (size_t i = 0; i < m; i++)
                z[p + i] = t[p + i] + x.a[i] * (h[p + i] - t[p + i]);
        }
}

VM_WIDE void ladder_sd(size_t k, const float *h, const float *t, float *sd, size_t n, size_t ld) {
    struct mix x;
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at;
            weigh(h + k * ld + p, t + k * ld + p, m, &x);
            for (size_t i = 0; i < m; i++)
                sd[p + i] = sqrtf(x.v[i]);
        }
}

VM_WIDE void ladder_sample(size_t k, const float *h, const float *t, const float *eps, float *z, size_t n, size_t ld) {
    struct mix x;
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at;
            weigh(h + k * ld + p, t + k * ld + p, m, &x);
            for (size_t i = 0; i < m; i++)
                z[p + i] = t[p + i] + x.a[i] * (h[p + i] - t[p + i]) + sqrtf(x.v[i]) * eps[p + i];
        }
}

VM_WIDE void ladder_descend(size_t k, const float *t, float *z, size_t n, size_t ld) {
    float v[RUN], sd[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at;
            latent_logvar(t + k * ld + p, m, 0.5f, v, sd);
            for (size_t i = 0; i < m; i++)
                z[p + i] = t[p + i] + sd[i] * z[p + i];
        }
}

VM_WIDE void ladder_kl(size_t k, const float *h, const float *t, double *kl, double *by_latent, size_t n, size_t ld) {
    struct mix x;
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at;
            weigh(h + k * ld + p, t + k * ld + p, m, &x);
            for (size_t i = 0; i < m; i++) {
                double moved = (double)x.a[i] * ((double)h[p + i] - (double)t[p + i]);
                double kl_j =
                    0.5 * (((double)x.v[i] + moved * moved) * (double)x.pp[i] - 1 - (double)x.lv[i] + (double)x.lp[i]);
                kl[at + i] += kl_j;
                if (by_latent)
                    by_latent[j] += kl_j;
            }
        }
}

VM_WIDE void ladder_ratio(size_t k, const float *h, const float *t, const float *eps, const float *z, double *ratio,
                          size_t n, size_t ld) {
    struct mix x;
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at;
            weigh(h + k * ld + p, t + k * ld + p, m, &x);
            for (size_t i = 0; i < m; i++) {
                double d = (double)z[p + i] - (double)t[p + i], e = (double)eps[p + i];
                ratio[at + i] += 0.5 * ((double)x.lv[i] + e * e - (double)x.lp[i] - d * d * (double)x.pp[i]);
            }
        }
}

VM_WIDE void ladder_backward(size_t k, const float *h, const float *t, const float *eps, const float *dz, float scale,
                             float beta, float free, float *dh, float *dt, size_t n, size_t ld) {
    struct mix x;
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = run(n, at), p = j * ld + at, q = k * ld + p;
            weigh(h + q, t + q, m, &x);
            for (size_t i = 0; i < m; i++) {
                float a = x.a[i], d = h[p + i] - t[p + i], far = d * d * x.pp[i],
                      noise = 0.5f * sqrtf(x.v[i]) * eps[p + i];
                float kl = 0.5f * (x.v[i] * x.pp[i] + a * a * far - 1 - x.lv[i] + x.lp[i]);
                float pull = kl >= free ? scale * beta : 0, back = dz[p + i];
                float mean = pull * a * a * d * x.pp[i];
                /* of log v_p - log v_e, on which share and variance depend, and of log v_p besides */
                float ratio = back * a * ((1 - a) * d - noise) + pull * a * a * (0.5f + (1 - a) * far);
                dh[p + i] = back * a + mean;
                dt[p + i] = back * (1 - a) - mean;
                dh[q + i] = latent_logvar_back(h[q + i], -ratio);
                dt[q + i] = latent_logvar_back(t[q + i], ratio + back * noise - 0.5f * pull * a * a * far);
            }
        }
}
