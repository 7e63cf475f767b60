/*
 * drift.h - are the rows that come by still like those the model was fitted to, column by column?
 *
 * A column is cut in parts: tenths of its numbers (schema/tenths.h), or its cells, neighbours together where they have an order,
 * else all but the commonest nine together; missing is a part, too. With e and a the shares of a part among the N rows of the
 * fit and the n rows seen, half a row added to each part,
 *
 *     PSI = sum over parts (a - e) log(a / e)            (population stability index; Jeffreys' divergence)
 *
 * By chance alone, PSI / (1/n + 1/N) has nearly the chi-square distribution with parts - 1 degrees of freedom (Yurdakul 2018).
 * `drift` is PSI less what is expected of chance, or 0 as long as PSI is not above the chi-square's 1 - .001/columns. Rows
 * of an hour may well differ from those of a week: no two rows are taken to tell of one another.
 *
 * KS = largest difference of the shares below an edge, of columns with an order, rows with a value.
 *
 * A few rows say nothing of drift. So where a run goes on from another, counts are carried along, in two parts: `now`, which grows,
 * and `before`, which counts beside it until there are DRIFT_ROWS of now; the next run then begins with that as its before.
 */
#ifndef SCORE_DRIFT_H
#define SCORE_DRIFT_H

#include <jansson.h>

#include "model/model.h"

enum { DRIFT_ROWS = 1000 };

struct drift;
/* Of the columns that are one number or level, and not a time. NULL: out of memory, or (err->code 0) there is none. */
struct drift *drift_new(const struct vae_model *, struct vae_err *);
void drift_free(struct drift *);
/* Records raw[n,d] in input units, x[n,d] in the model's. */
void drift_add(struct drift *, const double *raw, const float *x, size_t n);
/* The rows that columns are told of. */
uint64_t drift_rows(const struct drift *);
/* Column i; false behind the last. */
bool drift_column(const struct drift *, size_t i, struct vae_drift *);
/* The counts for a later run, and back: of another model they are left. NULL: out of memory; VAE_EDATA: they make no sense. */
json_t *drift_save(const struct drift *);
int drift_load(struct drift *, const json_t *, struct vae_err *);

#endif
