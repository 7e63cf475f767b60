/* gather.c - files of one record each made into batches (gather.h): the records and the names of their files are copied. */
#include "stream/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { NEAR = 1 << 20, ROWS_MOST = 1024, ROWS_LEAST = 16 }; /* bytes of a batch aimed at, and records */

struct gather {
    const struct vae_head *head;
    struct rec_build *build;
    struct rec_file *each; /* [most], their names in `names` */
    size_t *name;          /* [most] where in it */
    struct buf names;
    size_t n, most;
    const struct vae_batch *pending; /* with more records than there was room for: it comes next, as it is */
    int ended; /* what next() said behind the records at hand: 0 or a code; 1: nothing yet */
    struct vae_err fault;
};

void gather_free(struct gather *g) {
    if (!g)
        return;
    rec_build_free(g->build), buf_free(&g->names);
    free(g->each), free(g->name), free(g);
}

struct gather *gather_new(const struct vae_head *head, size_t rows, struct vae_err *err) {
    struct gather *g = mem_array(1, sizeof *g);
    size_t bytes = 1;
    if (!g) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < head->nfields; i++)
        bytes += head->fields[i].width * rec_type_size(head->fields[i].type);
    g->most = NEAR / bytes < ROWS_LEAST ? ROWS_LEAST : NEAR / bytes > ROWS_MOST ? ROWS_MOST : NEAR / bytes;
    g->most = rows && rows < g->most ? rows : g->most;
    g->head = head, g->ended = 1;
    g->build = rec_build_new(head, err);
    g->each = mem_array(g->most, sizeof *g->each);
    g->name = mem_array(g->most, sizeof *g->name);
    if (g->build && g->each && g->name && !rec_build_rows(g->build, g->most, err))
        return g;
    err_set(err, VAE_EOS, "out of memory");
    gather_free(g);
    return NULL;
}

/* A record of b behind those at hand. */
static int take(struct gather *g, const struct vae_batch *b, size_t i, struct vae_err *err) {
    const struct rec_file *file = b->each ? &b->each[i] : &b->file;
    int r = 0;
    for (size_t f = 0; f < g->head->nfields && !r; f++)
        r = rec_build_copy(g->build, f, &b->cols[f], i, 1, g->n, err);
    g->each[g->n] = *file, g->name[g->n] = g->names.n;
    if (!r && file->name)
        r = buf_put(&g->names, file->name, strlen(file->name) + 1, err);
    g->n += !r;
    return r;
}

int gather_run(struct gather *g, gather_next *next, void *ctx, const struct vae_batch **out, struct vae_err *err) {
    const struct vae_batch *b = g->pending;
    uint64_t first = 0;
    g->pending = NULL;
    if (b) {
        *out = b;
        return (int)b->rows;
    }
    rec_build_reset(g->build);
    g->n = g->names.n = 0;
    while (g->n < g->most && g->ended > 0) {
        int n = g->ended = next(ctx, &b, &g->fault);
        if (n <= 0)
            break;
        if (b->rows > g->most - g->n) {
            g->pending = b;
            break;
        }
        first = g->n ? first : b->first;
        for (size_t i = 0; i < b->rows; i++) {
            int r = take(g, b, i, err);
            if (r)
                return r;
        }
    }
    if (!g->n && g->pending)
        return gather_run(g, next, ctx, out, err);
    if (!g->n) {
        if (g->ended < 0)
            *err = g->fault;
        int code = g->ended;
        g->ended = code == VAE_EROW ? 1 : code;
        return code;
    }
    for (size_t i = 0; i < g->n; i++)
        g->each[i].name = g->each[i].name ? g->names.p + g->name[i] : NULL;
    rec_build_each(g->build, first, g->each);
    *out = rec_build_batch(g->build, g->n);
    return (int)g->n;
}
