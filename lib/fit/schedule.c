/*
 * schedule.c - see schedule.h.
 *
 * Learning rate: up over a twentieth of the steps, then down a cosine to a hundredth.
 *
 * beta rises from 0 over the first `warmup` of the steps; with `cycles` over that part of each of so many equal parts of the run,
 * from 0 each time (Fu et al. 2019, 1903.10145). KL is free, up to free_nats a latent, while it rises.
 *
 * Constraints. Burgess et al. (2018, 1804.03599) hold the KL at a capacity C by a penalty gamma |KL - C|, GECO (Rezende & Viola 2018,
 * 1810.00597) an error at a target by a multiplier learnt beside the weights. Here both are one controller of beta, as Adam
 * knows nothing but the balance of the two terms: of the KL v, whose target rises to C over `warmup`, or of the squared error v
 * with its target X, looked at every four steps,
 *
 *   e = +-(log(v1 / target) + D log(v1 / v2)), within -1..1        log beta = i + P e        i += 4 I sqrt(rate / its peak) e
 *
 * + for a KL (too much of it asks for more weight), - for an error. v1 and v2 are running means over some 7 and 20 looks: their
 * ratio says where v is going, which takes hundreds of steps to follow beta, and keeps i from running too far. As the rate falls, beta
 * comes to rest.
 */
#include "fit/schedule.h"

#include <math.h>

static const double P = 1, D = 2, QUICK = 0.85, SLOW = 0.95;
static const double REACH = 7, LEAST_I = 0.002, MOST_I = 0.05; /* i within -REACH..REACH, which it can cross in a tenth of the run */

static double learning_rate(const struct train_config *c, size_t step) {
    double warm = (double)c->steps / 20 < 10 ? 10 : (double)c->steps / 20 > 500 ? 500 : (double)c->steps / 20;
    double s = (double)step;
    if (s < warm)
        return (double)c->lr * s / warm;
    double u = (s - warm) / ((double)c->steps - warm + 1);
    return (double)c->lr * (0.01 + 0.99 * 0.5 * (1 + cos(M_PI * u)));
}

bool schedule_watches(const struct train_config *c) { return c->capacity > 0 || c->target_mse > 0; }

/* e of the formula. */
static double error(const struct train_config *c, const struct schedule_state *s, size_t step) {
    if (!s->watched)
        return 0;
    double rise = (double)step / ((double)c->warmup * (double)c->steps), target = c->target_mse;
    if (c->capacity > 0)
        target = c->capacity * (rise < 1 ? rise : 1);
    double e = log(s->seen / target) + D * log(s->seen / s->slow);
    e = e > -1 ? e < 1 ? e : 1 : -1; /* log 0 too */
    return c->capacity > 0 ? e : -e;
}

struct schedule schedule_at(const struct train_config *c, const struct schedule_state *s, size_t step) {
    struct schedule now = {.lr = learning_rate(c, step)};
    if (schedule_watches(c)) {
        now.beta = exp(s->weight + P * error(c, s, step));
        return now;
    }
    double length = (double)c->steps / (double)(c->cycles ? c->cycles : 1), at = (double)step;
    if (c->cycles) {
        double cycle = ceil(at / length) - 1;
        now.settled = cycle + 1 >= (double)c->cycles;
        at -= cycle * length;
    }
    double up = c->warmup > 0 ? at / ((double)c->warmup * length) : 1;
    bool rising = up < 1;
    now.beta = (double)(c->beta * (float)(rising ? up : 1));
    now.free_nats = rising ? (double)c->free_nats : 0;
    now.settled = (now.settled || !c->cycles) && !rising;
    return now;
}

void schedule_watch(const struct train_config *c, struct schedule_state *s, size_t step, double kl, double mse) {
    double v = c->capacity > 0 ? kl : mse;
    if (!isfinite(v))
        return;
    /* the first looks are weighed alike */
    double all = (double)s->watched / ((double)s->watched + 1), quick = fmin(all, QUICK), slow = fmin(all, SLOW);
    s->seen = quick * s->seen + (1 - quick) * v;
    s->slow = slow * s->slow + (1 - slow) * v;
    s->watched++;
    double rate = fmin(fmax(20 * REACH / (double)c->steps, LEAST_I), MOST_I);
    s->weight += SCHEDULE_WATCH * rate * sqrt(learning_rate(c, step) / (double)c->lr) * error(c, s, step);
    s->weight = fmin(fmax(s->weight, -REACH), REACH);
}
