/* beside.c - see beside.h. */
#include "stream/beside.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/labels.h"
#include "stream/offsets.h"

struct beside {
    struct vae_head *head;
    size_t own;           /* fields of the records */
    struct labels *labels;
    struct offsets *offsets;
    bool named;           /* the last column is the name of the file, */
    uint32_t name_bytes;  /* of this length */
    struct rec_col *cols; /* [fields of head] */
};

struct beside *beside_open(const struct vae_head *records, const struct beside_opts *o, struct vae_err *err) {
    bool labels = o->label_from || o->label_from_path;
    if (!labels && !o->offsets && !o->names)
        return NULL;
    struct beside *b = mem_array(1, sizeof *b);
    if (!b) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    *b = (struct beside){.own = records->nfields, .named = o->names, .head = rec_head_copy(records, err)};
    bool ok = b->head != NULL;
    if (ok && o->offsets)
        ok = (b->offsets = offsets_open(b->head, o->several, err)) != NULL;
    else if (ok && labels)
        ok = (b->labels = o->label_from ? labels_open(o->label_from, b->head, err) : labels_from_folders(b->head, err)) != NULL;
    struct rec_field *name = ok && b->named ? rec_head_add(b->head, "file", REC_UTF8, 0, NULL, err) : NULL;
    if (name)
        name->keep = true;
    ok = ok && (name || !b->named);
    if (ok && !(b->cols = mem_array(b->head->nfields, sizeof *b->cols)))
        err_set(err, VAE_EOS, "out of memory");
    if (ok && b->cols)
        return b;
    beside_free(b);
    return NULL;
}

void beside_free(struct beside *b) {
    if (!b)
        return;
    labels_free(b->labels), offsets_free(b->offsets);
    rec_head_free(b->head);
    free(b->cols), free(b);
}

const struct vae_head *beside_head(const struct beside *b) { return b->head; }

static int add_labels(struct beside *b, const struct vae_batch *batch, int n, const struct beside_place *at, struct vae_err *dead,
                      struct vae_err *err) {
    size_t got = n < 0 ? 1 : (size_t)n;
    struct vae_err own = {0};
    int r = n == 0 ? labels_end(b->labels, &own)
                   : labels_next(b->labels, at->path, &got, n > 0 && batch->quoted, b->cols + b->own, &own);
    if (r >= 0)
        return n;
    *(n > 0 && got ? dead : err) = own;
    return n > 0 && got ? (int)got : r;
}

int beside_add(struct beside *b, struct vae_batch *batch, int n, const struct beside_place *at, struct vae_err *dead, struct vae_err *err) {
    static const uint32_t begin = 0;
    if (b->labels)
        n = add_labels(b, batch, n, at, dead, err);
    if (n <= 0)
        return n;
    memcpy(b->cols, batch->cols, b->own * sizeof *b->cols);
    int rc = b->offsets ? offsets_next(b->offsets, at->file, at->format, at->reader, (size_t)n, b->cols + b->own, err) : 0;
    if (b->named) { /* one cell for all */
        const char *name = batch->file.name ? batch->file.name : "";
        b->name_bytes = (uint32_t)strlen(name);
        b->cols[b->head->nfields - 1] = (struct rec_col){.text = name, .begin = &begin, .end = &b->name_bytes, .stride = 0};
    }
    batch->cols = b->cols, batch->nfields = b->head->nfields, batch->rows = (size_t)n;
    return rc < 0 ? rc : n;
}
