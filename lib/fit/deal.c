/*
 * deal.c - the order of the records of a batch. Long lines of text stand first in each shard, and are dealt out to all of them
 * like cards: a shard then computes little more than its lines have (nn/gru.c), and all take about as long.
 */
#include <stdlib.h>

#include "fit/train.h"

/* Longest first; no two different rows are alike, so that the order is one of the rows alone. */
static int longer(const void *a, const void *b) {
    const struct train_card *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

void train_deal(const struct vae_model *m, const float *x, struct train_card *card, uint64_t *rows, size_t n, size_t shard) {
    if (!m->line)
        return;
    for (size_t i = 0; i < n; i++)
        card[i] = (struct train_card){rows[i], lines_length(m, x + rows[i] * m->schema->d)};
    qsort(card, n, sizeof *card, longer);
    for (size_t place = 0, next = 0; place < shard; place++)
        for (size_t at = place; at < n; at += shard)
            rows[at] = card[next++].row;
}
