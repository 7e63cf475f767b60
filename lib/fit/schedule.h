/*
 * schedule.h - what changes from step to step: the learning rate, the weight of the KL (beta), the KL that is free. A function of the
 * step, and for --capacity and --target-mse of what is watched on the way.
 */
#ifndef FIT_SCHEDULE_H
#define FIT_SCHEDULE_H

#include "fit/train.h"

/* Of a controller; the rest of the schedule remembers nothing. Part of a checkpoint. */
struct schedule_state {
    double weight;  /* log beta, its integral part */
    double seen, slow; /* running means of what is watched, a quick and a slow one */
    size_t watched; /* how often it was */
};

struct schedule {
    double lr, beta, free_nats;
    bool settled; /* beta is what it stays: points of the curve can be compared, and patience counts */
};

enum { SCHEDULE_WATCH = 4 }; /* steps between two looks of a controller */

/* At a step, from 1 on. */
struct schedule schedule_at(const struct train_config *, const struct schedule_state *, size_t step);
/* Is there a controller, that wants schedule_watch() each SCHEDULE_WATCH steps? */
bool schedule_watches(const struct train_config *);
/* After a step: the mean KL and squared error (input units) of some records. */
void schedule_watch(const struct train_config *, struct schedule_state *, size_t step, double kl, double mse);

#endif
