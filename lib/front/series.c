/* series.c - series by their key: a hash table with open addressing (FNV-1a), at most half full. */
#include "front/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "front/front.h"

static uint64_t hash(const char *p, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Where it stands, or would. */
static struct series **place(const struct series_table *t, const char *key, size_t n) {
    size_t i = hash(key, n) & (t->nslots - 1);
    while (t->slot[i] && (t->slot[i]->key.n != n || (n && memcmp(t->slot[i]->key.p, key, n))))
        i = (i + 1) & (t->nslots - 1);
    return &t->slot[i];
}

static bool enlarge(struct series_table *t) {
    struct series_table more = *t;
    more.nslots = t->nslots ? 2 * t->nslots : 16;
    more.slot = mem_array(more.nslots, sizeof(struct series *));
    for (size_t i = 0; i < t->nslots && more.slot; i++)
        if (t->slot[i])
            *place(&more, t->slot[i]->key.p, t->slot[i]->key.n) = t->slot[i];
    if (!more.slot)
        return false;
    free(t->slot);
    *t = more;
    return true;
}

static void free_series(struct series *s, size_t back) {
    for (size_t k = 0; k < back && s->ring; k++)
        series_row_free(&s->ring[k]);
    free(s->ring), free(s->last), free(s->decimals);
    buf_free(&s->key);
    free(s);
}

struct series *series_find(struct series_table *t, const char *key, size_t n, struct vae_err *err) {
    bool room = 2 * t->n < t->nslots || enlarge(t);
    struct series **at = room ? place(t, key, n) : NULL, *s = NULL;
    if (at && *at)
        return *at;
    if (t->n == FRONT_SERIES_MAX) {
        err_set(err, VAE_EDATA, "more than %d series; is a column of --group different in each row?", (int)FRONT_SERIES_MAX);
        return NULL;
    }
    if (at && (s = mem_array(1, sizeof *s)) && buf_put(&s->key, key, n, NULL) == 0 && (s->ring = mem_array(t->back + 1, sizeof *s->ring)) &&
        (s->last = mem_array(t->nvalues + 1, sizeof *s->last)) && (s->decimals = mem_array(t->nvalues + 1, sizeof *s->decimals))) {
        t->n++;
        return *at = s;
    }
    if (s)
        free_series(s, t->back);
    err_set(err, VAE_EOS, "out of memory for %zu series", t->n + 1);
    return NULL;
}

void series_table_free(struct series_table *t) {
    for (size_t i = 0; i < t->nslots; i++)
        if (t->slot[i])
            free_series(t->slot[i], t->back);
    free(t->slot);
    *t = (struct series_table){0};
}

int series_row_put(struct series_row *r, size_t n, size_t i, const char *cell, size_t bytes, struct vae_err *err) {
    if (!r->end && !(r->end = mem_array(n, sizeof *r->end)))
        return err_set(err, VAE_EOS, "out of memory for a row");
    r->bytes.n = i ? r->bytes.n : 0;
    if (bytes > UINT32_MAX - r->bytes.n)
        return err_set(err, VAE_EDATA, "a row of more than 4 GiB");
    int rc = buf_put(&r->bytes, cell, bytes, err);
    r->end[i] = (uint32_t)r->bytes.n;
    return rc;
}

void series_row_free(struct series_row *r) {
    buf_free(&r->bytes), free(r->end);
    r->end = NULL;
}

int netstring_put(struct buf *b, const char *p, size_t n, struct vae_err *err) {
    char length[NUM_MAX];
    size_t digits = num_put_u64(length, n);
    length[digits++] = ':';
    int r = buf_put(b, length, digits, err);
    r = r ? r : buf_put(b, p, n, err);
    return r ? r : buf_put(b, ",", 1, err);
}

const char *netstring_take(const char **at, const char *end, size_t *n) {
    const char *p = *at;
    for (*n = 0; p < end && *p >= '0' && *p <= '9' && *n < (size_t)(end - p); p++)
        *n = 10 * *n + (size_t)(*p - '0');
    if (p == *at || p == end || *p++ != ':' || *n >= (size_t)(end - p) || p[*n] != ',')
        return NULL;
    *at = p + *n + 1;
    return p;
}
