/* series.c - series by their key: a hash table with open addressing (FNV-1a), at most half full. */
#include "front/series.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash(const char *p, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Where it stands, or would. */
static struct series **place(const struct series_table *t, const struct buf *key) {
    size_t i = hash(key->p, key->n) & (t->nslots - 1);
    while (t->slot[i] && (t->slot[i]->key.n != key->n || (key->n && memcmp(t->slot[i]->key.p, key->p, key->n))))
        i = (i + 1) & (t->nslots - 1);
    return &t->slot[i];
}

static bool enlarge(struct series_table *t) {
    struct series_table more = {.nslots = t->nslots ? 2 * t->nslots : 16, .n = t->n};
    more.slot = mem_array(more.nslots, sizeof(struct series *));
    for (size_t i = 0; i < t->nslots && more.slot; i++)
        if (t->slot[i])
            *place(&more, &t->slot[i]->key) = t->slot[i];
    if (!more.slot)
        return false;
    free(t->slot);
    *t = more;
    return true;
}

struct series *series_find(struct series_table *t, const struct buf *key) {
    if (2 * t->n >= t->nslots && !enlarge(t))
        return NULL;
    struct series **at = place(t, key);
    if (*at)
        return *at;
    struct series *s = mem_array(1, sizeof *s);
    if (!s || buf_put(&s->key, key->p, key->n, NULL)) {
        free(s);
        return NULL;
    }
    t->n++;
    return *at = s;
}

void series_table_free(struct series_table *t, size_t rows) {
    for (size_t i = 0; i < t->nslots; i++) {
        struct series *s = t->slot[i];
        if (!s)
            continue;
        for (size_t k = 0; k < rows && s->ring; k++)
            buf_free(&s->ring[k].bytes), free(s->ring[k].end);
        free(s->ring), free(s->last), free(s->decimals);
        buf_free(&s->key);
        free(s);
    }
    free(t->slot);
    *t = (struct series_table){0};
}
