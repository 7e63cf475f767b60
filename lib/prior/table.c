/* table.c - the priors. */
#include <string.h>

#include "prior/prior.h"

const struct prior *const prior_table[] = {&prior_normal, &prior_gmm, &prior_flow, &prior_vamp, &prior_realnvp,
                                          &prior_uniform, &prior_autoregressive, NULL};

const struct prior *prior_by_name(const char *name) {
    for (size_t i = 0; prior_table[i]; i++)
        if (!strcmp(prior_table[i]->name, name))
            return prior_table[i];
    return NULL;
}
