/* table.c - the posterior families. */
#include <string.h>

#include "latent/latent.h"

const struct latent *const latent_table[] = {&latent_gauss, &latent_ladder, &latent_fsq, &latent_vq, &latent_gumbel, NULL};

const struct latent *latent_by_name(const char *name) {
    for (size_t i = 0; latent_table[i]; i++)
        if (!strcmp(latent_table[i]->name, name))
            return latent_table[i];
    return NULL;
}
