/*
 * persist.h - from anomalies to alarms: K of the last N records, and none for a while after one.
 *
 * A record raises an alarm where it is an anomaly, at least k of the last n records (itself among them) are, and none of the
 * `cooldown` records before it raised one. Records before the first count as none.
 */
#ifndef SCORE_PERSIST_H
#define SCORE_PERSIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "vae.h"

enum { PERSIST_MAX = 1 << 16 }; /* records that may be looked back at */

struct persist {
    size_t k, n, cooldown;
    unsigned char *flag; /* [n] was it an anomaly: a ring, the oldest at `at` */
    size_t at, count;    /* count: of those that were */
    size_t quiet;        /* records to come that raise no alarm */
};

/* k and n from 1 up, k at most n (both 0: 1 of 1). VAE_EUSAGE, VAE_EOS. */
int persist_init(struct persist *, size_t k, size_t n, size_t cooldown, struct vae_err *);
void persist_free(struct persist *);
/* The next record: does it raise an alarm? */
bool persist_add(struct persist *, bool anomaly);

/* What the next run has to know: {"flags":"00101","quiet":3}, flags oldest first. NULL: out of memory. */
json_t *persist_save(const struct persist *);
/* And back, also where k, n or cooldown were others then: as much of it as there is room for. VAE_EDATA. */
int persist_load(struct persist *, const json_t *, struct vae_err *);

#endif
