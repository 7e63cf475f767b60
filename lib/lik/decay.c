/* decay.c - exp(-w x) over 0..1 for arrays of w (decay.h). */
#include "lik/decay.h"

#include "base/vmath.h"

enum { RUN = 64 };

/* Below w = 1 the series of log(sinh(w/2) / (w/2)) - w/2 and of its derivative; what is left out is below 1e-8. */
static inline float log_series(float w) {
    float q = w * w;
    return -0.5f * w + q * (1.0f / 24 - q * (1.0f / 2880 - q * (1.0f / 181440 - q * (1.0f / 9676800))));
}

static inline float mean_series(float w) {
    float q = w * w;
    float tail = 1.0f / 30240 - q * (1.0f / 1209600 - q * (1.0f / 47900160));
    return 0.5f - w * (1.0f / 12 - q * (1.0f / 720 - q * tail));
}

VM_WIDE void decay_log(float *y, const float *w, size_t n) {
    float e[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        size_t m = n - at < RUN ? n - at : RUN;
        for (size_t i = 0; i < m; i++)
            e[i] = -w[at + i];
        vm_exp(e, e, m);
        for (size_t i = 0; i < m; i++)
            e[i] = (1 - e[i]) / w[at + i];
        vm_log(e, e, m);
        for (size_t i = 0; i < m; i++)
            y[at + i] = w[at + i] < 1 ? log_series(w[at + i]) : e[i];
    }
}

VM_WIDE void decay_mean(float *y, const float *w, size_t n) {
    float e[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        size_t m = n - at < RUN ? n - at : RUN;
        for (size_t i = 0; i < m; i++)
            e[i] = -w[at + i];
        vm_exp(e, e, m);
        for (size_t i = 0; i < m; i++)
            y[at + i] = w[at + i] < 1 ? mean_series(w[at + i]) : 1 / w[at + i] - e[i] / (1 - e[i]);
    }
}
