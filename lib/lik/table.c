/* table.c - the likelihoods. */
#include <string.h>

#include "lik/lik.h"

const struct lik *const lik_table[] = {&lik_gaussian, &lik_bernoulli, NULL};

const struct lik *lik_by_name(const char *name) {
    for (size_t i = 0; lik_table[i]; i++)
        if (!strcmp(lik_table[i]->name, name))
            return lik_table[i];
    return NULL;
}
