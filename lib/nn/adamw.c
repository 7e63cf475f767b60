/* adamw.c - see adamw.h; beta1 = 0.9, beta2 = 0.99 (short memory suits a noisy variational gradient), epsilon 1e-8. */
#include "nn/adamw.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"

static const float BETA1 = 0.9f, BETA2 = 0.99f, EPSILON = 1e-8f;

int adamw_init(struct adamw *a, size_t n, struct vae_err *err) {
    size_t total;
    *a = (struct adamw){.n = n, .mem = mem_mul(n, 3, &total) ? mem_floats(total) : NULL};
    if (!a->mem)
        return err_set(err, VAE_EOS, "out of memory for the optimiser of %zu weights", n);
    a->m = a->mem, a->v = a->m + n, a->ema = a->v + n;
    return 0;
}

void adamw_free(struct adamw *a) {
    free(a->mem);
    *a = (struct adamw){0};
}

VM_WIDE void adamw_update(struct adamw *a, const struct adamw_step *s, float *w, const float *g, float rate,
                          size_t from, size_t n) {
    float c1 = (float)(1 / (1 - pow((double)BETA1, (double)s->t)));
    float c2 = (float)(1 / (1 - pow((double)BETA2, (double)s->t)));
    float *restrict m = a->m + from, *restrict v = a->v + from, *restrict wf = w + from, *restrict e = a->ema + from;
    const float *restrict gf = g + from;
    float lr = s->lr * rate;
    for (size_t i = 0; i < n; i++) {
        float x = gf[i] * s->clip;
        m[i] = BETA1 * m[i] + (1 - BETA1) * x;
        v[i] = BETA2 * v[i] + (1 - BETA2) * x * x;
        wf[i] -= lr * (m[i] * c1 / (sqrtf(v[i] * c2) + EPSILON) + s->decay * wf[i]);
    }
    if (s->ema < 1)
        for (size_t i = 0; i < n; i++)
            e[i] = s->ema * e[i] + (1 - s->ema) * wf[i];
}

VM_WIDE double adamw_square(const float *g, size_t n) {
    double part[8] = {0}; /* eight lanes: vectorised, and one order whatever the compiler does */
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            part[k] += (double)g[i + k] * (double)g[i + k];
    for (size_t k = 0; i < n; i++, k++)
        part[k] += (double)g[i] * (double)g[i];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}
