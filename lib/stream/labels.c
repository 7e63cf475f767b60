/* labels.c - see labels.h. */
#include "stream/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/format.h"

struct labels {
    struct vae_in *in;  /* NULL: folders */
    const char *path;
    const struct vae_batch *batch;
    size_t at;          /* its next row */
    struct vae_head *head; /* of text fields */
    struct rec_build *build;
    struct buf cell;
};

void labels_free(struct labels *l) {
    if (!l)
        return;
    vae_in_free(l->in);
    rec_build_free(l->build);
    rec_head_free(l->head);
    buf_free(&l->cell);
    free(l);
}

static int add_field(struct labels *l, struct vae_head *head, const char *name, struct vae_err *err) {
    char text[80];
    if (rec_head_find(head, name) >= 0)
        return err_set(err, VAE_EUSAGE, "the data has a column '%s' already: labels cannot be called so, too",
                       err_quote(text, sizeof text, name, strlen(name)));
    struct rec_field *f = rec_head_add(head, name, REC_UTF8, 0, NULL, err);
    if (!f || !rec_head_add(l->head, name, REC_UTF8, 0, NULL, err))
        return VAE_EOS;
    f->apart = true;
    return 0;
}

static struct labels *labels_new(struct vae_err *err) {
    struct labels *l = mem_array(1, sizeof *l);
    if (!l)
        err_set(err, VAE_EOS, "out of memory");
    else if ((l->head = rec_head_new("data", err)))
        return l;
    free(l);
    return NULL;
}

static struct labels *seal(struct labels *l, int r, struct vae_err *err) {
    if (!r && (l->build = rec_build_new(l->head, err)))
        return l;
    labels_free(l);
    return NULL;
}

struct labels *labels_from_folders(struct vae_head *head, struct vae_err *err) {
    struct labels *l = labels_new(err);
    return l ? seal(l, add_field(l, head, "label", err), err) : NULL;
}

struct labels *labels_open(const char *path, struct vae_head *head, struct vae_err *err) {
    static const struct vae_in_opts plain = {.header = -1};
    struct labels *l = labels_new(err);
    if (!l)
        return NULL;
    char *one[] = {(char *)(uintptr_t)path};
    int r = 0;
    l->path = path;
    l->in = stream_in_open(one, 1, &plain, NULL, err);
    const struct vae_head *own = l->in ? vae_in_head(l->in) : NULL;
    for (size_t f = 0; own && f < own->nfields && !r; f++) {
        bool table = own->fields[f].type == REC_UTF8;
        if (own->fields[f].width != 1)
            r = err_set(err, VAE_EDATA, "%s: a label is one value a record, not %zu", path, own->fields[f].width);
        else
            r = add_field(l, head, table && strcmp(own->fields[f].name, "x1") ? own->fields[f].name : "label", err);
    }
    return seal(l, own ? r : VAE_EDATA, err);
}

/* A text as a cell of a batch that is quoted or not. */
static int put(struct labels *l, size_t f, const char *p, size_t n, bool quoted, struct vae_err *err) {
    int r = 0;
    if (!quoted || !memchr(p, '"', n))
        return rec_build_text(l->build, f, p, n, err);
    l->cell.n = 0;
    r = buf_put(&l->cell, "\"", 1, err);
    for (size_t i = 0; i < n && !r; i++)
        r = p[i] == '"' ? buf_put(&l->cell, "\"\"", 2, err) : buf_put(&l->cell, p + i, 1, err);
    r = r ? r : buf_put(&l->cell, "\"", 1, err);
    return r ? r : rec_build_text(l->build, f, l->cell.p, l->cell.n, err);
}

/* Row l->at of the labels behind what is built. */
static int copy_row(struct labels *l, bool quoted, struct vae_err *err) {
    const struct vae_head *own = vae_in_head(l->in);
    int r = 0;
    for (size_t f = 0; f < own->nfields && !r; f++) {
        const struct rec_col *c = &l->batch->cols[f];
        char text[NUM_MAX];
        if (own->fields[f].type != REC_UTF8) {
            r = rec_build_text(l->build, f, text, num_put_double(text, rec_number(c, own->fields[f].type, l->at)), err);
            continue;
        }
        size_t n;
        const char *p = rec_cell(c, l->at, &n);
        struct buf plain = {0};
        if (l->batch->quoted && n > 1 && *p == '"') {
            r = buf_reserve(&plain, n, err);
            n = r ? 0 : rec_unquote(p, n, plain.p);
            p = plain.p;
        }
        r = r ? r : put(l, f, p, n, quoted, err);
        buf_free(&plain);
    }
    return r;
}

/* A row at hand: 1, 0 at the end, or a code. */
static int more(struct labels *l, struct vae_err *err) {
    while (!l->batch || l->at == l->batch->rows) {
        int n = vae_in_next(l->in, &l->batch, err);
        l->at = 0;
        if (n <= 0) {
            l->batch = NULL;
            return n;
        }
    }
    return 1;
}

static int from_file(struct labels *l, size_t n, bool quoted, size_t *got, struct vae_err *err) {
    for (; *got < n; ++*got, l->at++) {
        int r = more(l, err);
        if (r == 0)
            return err_set(err, VAE_EDATA, "%s: fewer labels than records", l->path);
        if (r < 0) /* a bad row, too: which record has none cannot be told by leaving records out */
            return err->code = r == VAE_EROW ? VAE_EDATA : r;
        r = copy_row(l, quoted, err);
        if (r)
            return r;
    }
    return 0;
}

/* "cat" of "images/cat/1.png". */
static int from_folder(struct labels *l, const char *path, size_t n, bool quoted, size_t *got, struct vae_err *err) {
    const char *end = strrchr(path, '/'), *from = end;
    while (from && from > path && from[-1] != '/')
        from--;
    if (!end || from == end)
        return err_set(err, VAE_EUSAGE, "%s: is in no folder whose name could be its label (--label-from-path)", path);
    int r = 0;
    for (; *got < n && !r; ++*got)
        r = put(l, 0, from, (size_t)(end - from), quoted, err);
    return r;
}

int labels_next(struct labels *l, const char *path, size_t *n, bool quoted, struct rec_col *cols, struct vae_err *err) {
    size_t got = 0;
    rec_build_reset(l->build);
    int r = l->in ? from_file(l, *n, quoted, &got, err) : from_folder(l, path, *n, quoted, &got, err);
    const struct vae_batch *b = rec_build_batch(l->build, got);
    memcpy(cols, b->cols, l->head->nfields * sizeof *cols);
    *n = got;
    return r;
}

int labels_end(struct labels *l, struct vae_err *err) {
    int r = l->in ? more(l, err) : 0;
    return r > 0 ? err_set(err, VAE_EDATA, "%s: more labels than records", l->path) : r;
}
