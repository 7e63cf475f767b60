/*
 * expect.h - what a model expects of an item of a record, given all the others: what is odd in the item must not have a say in
 * it, or it would explain itself.
 *
 * An item is a column of a table, or one value of an array. Conditions are none.
 */
#ifndef MODEL_EXPECT_H
#define MODEL_EXPECT_H

#include "model/model.h"

enum { ITEM_WIDTH = 2 }; /* values of an item, at most: a time has a day and a second of it */

struct model_item {
    size_t column, v0, width;
};
/* All of them, in order; returns how many. item may be NULL. */
size_t model_items(const struct vae_model *, struct model_item *item);

/* The likelihood of value j, as a block of its own. */
struct lik_block model_value_block(const struct vae_model *, size_t j);

struct expected {
    float x[ITEM_WIDTH]; /* model units: the mean; over bins the median; of categories and ordinals the most probable level */
    double spread;       /* standard deviation in input units (times: seconds; dates: days), or the level's probability */
};

struct expect; /* a worker's room for one model */
/* noise[draws,neps] of the posterior draws. NULL and err. */
struct expect *expect_new(const struct vae_model *, const float *noise, size_t draws, struct vae_err *);
void expect_free(struct expect *);
/* Item item[i] of record x[rows[i],.], for n <= MAT_PANEL of them -> out[n]. The pass has MAT_PANEL columns. */
void expect_run(struct expect *, struct model_pass *, const float *x, const uint64_t *rows,
                const struct model_item *const *item, size_t n, struct expected *out);

#endif
