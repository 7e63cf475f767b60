/* pick.c - sampling-importance-resampling as a weighted reservoir of one (Chao 1982). */
#include <math.h>

#include "gen/gen.h"

void gen_pick_start(struct gen_pick *p) { *p = (struct gen_pick){.top = -INFINITY}; }

bool gen_pick_offer(struct gen_pick *p, double logw, double u) {
    p->offered++;
    if (!(logw > -INFINITY)) /* impossible, or no number; still something where nothing else is */
        return p->offered == 1;
    if (logw > p->top) {
        double f = exp(p->top - logw);
        p->sum *= f, p->square *= f * f;
        p->top = logw;
    }
    double w = exp(logw - p->top);
    p->sum += w, p->square += w * w;
    return u * p->sum <= w;
}

double gen_pick_ess(const struct gen_pick *p) { return p->square > 0 ? p->sum * p->sum / p->square : 0; }
