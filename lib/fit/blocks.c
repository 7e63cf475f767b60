/*
 * blocks.c - which records are held out where neighbours share rows, as windows do: a record beside one that was learnt is no new
 * one. The records, in the order of time, are cut in turns, and each turn is
 *
 *     learnt from 70 % | stops the training 10 % | p-values 20 %
 *
 * with a gap before each part in which as many records as share rows are left out. Several turns see the seasons come and go in all
 * parts; where records are few there are fewer, so that gaps take no more than a fifth.
 */
#include "fit/fit.h"

enum { PARTS = 3, GAP_SHARE = 5 };

/* Appends the records from..to - 1 without the first `gap` of them, unless they are the very first. */
static size_t append(uint64_t *order, size_t n, size_t from, size_t to, size_t gap) {
    for (size_t i = from + (from ? gap : 0); i < to; i++)
        order[n++] = i;
    return n;
}

/* Where in turn t part k begins. */
static size_t edge(size_t n, size_t turns, const double share[PARTS], size_t t, size_t k) {
    double before = 0;
    for (size_t i = 0; i < k; i++)
        before += share[i];
    return (size_t)(((double)t + (k == PARTS ? 1 : before)) / (double)turns * (double)n + 0.5);
}

/* There may be so many series that no gap is wide enough. */
size_t fit_gap(size_t n, size_t overlap) { return overlap > n / (PARTS * GAP_SHARE) ? n / (PARTS * GAP_SHARE) : overlap; }

void fit_blocks(size_t n, size_t overlap, size_t turns, const double share[PARTS], uint64_t *order, size_t part[PARTS]) {
    size_t room = n / (overlap * PARTS * GAP_SHARE + 1), gap = fit_gap(n, overlap), at = 0;
    turns = turns < room ? turns : room ? room : 1;
    for (size_t k = 0; k < PARTS; k++) {
        size_t first = at;
        for (size_t t = 0; t < turns && share[k] > 0; t++)
            at = append(order, at, edge(n, turns, share, t, k), edge(n, turns, share, t, k + 1), gap);
        part[k] = at - first;
    }
}
