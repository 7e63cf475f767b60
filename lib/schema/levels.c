/* levels.c - the texts of a column and their codes: an open hash table (FNV-1a). */
#include "schema/levels.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static uint64_t hash(const char *p, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    return h ^ (h >> 29);
}

void schema_levels_free(struct schema_levels *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->text[i]);
    free(l->text), free(l->count), free(l->slot);
    *l = (struct schema_levels){0};
}

/* The slot of a text: its own, or the free one it would get. */
static size_t place(const struct schema_levels *l, const char *p, size_t n) {
    size_t at = (size_t)hash(p, n) & (l->nslots - 1);
    while (l->slot[at]) {
        const char *text = l->text[l->slot[at] - 1];
        if (!strncmp(text, p, n) && !text[n])
            break;
        at = (at + 1) & (l->nslots - 1);
    }
    return at;
}

long levels_find(const struct schema_levels *l, const char *p, size_t n) {
    if (!l->nslots || memchr(p, 0, n))
        return -1;
    return (long)l->slot[place(l, p, n)] - 1;
}

/* Room for one more text, at most half of the slots taken. */
static int grow(struct schema_levels *l, struct vae_err *err) {
    if (2 * (l->n + 1) <= l->nslots)
        return 0;
    size_t nslots = l->nslots ? 2 * l->nslots : 32;
    char **text = realloc(l->text, nslots * sizeof *text);
    if (text)
        l->text = text;
    uint64_t *count = realloc(l->count, nslots * sizeof *count);
    if (count)
        l->count = count;
    uint32_t *slot = mem_array(nslots, sizeof *slot);
    if (!text || !count || !slot) {
        free(slot);
        return err_set(err, VAE_EOS, "out of memory for %zu different texts", l->n);
    }
    free(l->slot);
    l->slot = slot, l->nslots = nslots;
    for (size_t i = 0; i < l->n; i++)
        l->slot[place(l, l->text[i], strlen(l->text[i]))] = (uint32_t)i + 1;
    return 0;
}

long levels_add(struct schema_levels *l, const char *p, size_t n, struct vae_err *err) {
    if (memchr(p, 0, n))
        return err_set(err, VAE_EROW, "a cell holds a NUL byte");
    if (grow(l, err))
        return VAE_EOS;
    size_t at = place(l, p, n);
    if (!l->slot[at]) {
        l->text[l->n] = mem_text(p, n);
        if (!l->text[l->n])
            return err_set(err, VAE_EOS, "out of memory for %zu different texts", l->n);
        l->count[l->n] = 0;
        l->slot[at] = (uint32_t)++l->n;
    }
    return (long)l->slot[at] - 1;
}

struct named {
    const char *text;
    size_t code;
};

static int by_text(const void *a, const void *b) {
    return strcmp(((const struct named *)a)->text, ((const struct named *)b)->text);
}

int levels_sort(struct schema_levels *l, uint32_t *now, struct vae_err *err) {
    struct named *order = mem_array(l->n + 1, sizeof *order);
    struct schema_levels sorted = {0};
    size_t n = 0;
    int r = order ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < l->n && !r; i++)
        if (l->count[i])
            order[n++] = (struct named){l->text[i], i};
    if (n)
        qsort(order, n, sizeof *order, by_text);
    for (size_t i = 0; i < n && !r; i++) {
        r = levels_add(&sorted, order[i].text, strlen(order[i].text), err) < 0 ? VAE_EOS : 0;
        if (r)
            break;
        sorted.count[i] = l->count[order[i].code];
        now[order[i].code] = (uint32_t)i;
    }
    free(order);
    schema_levels_free(r ? &sorted : l);
    if (!r)
        *l = sorted;
    return r;
}
