/* text.c - the schema as a table for people: column,kind,likelihood,levels. */
#include <string.h>

#include "schema/schema.h"

/* A cell of this table, which is always comma-separated. */
static int put(struct buf *out, const char *text, struct vae_err *err) {
    if (!strpbrk(text, ",\"\r\n"))
        return buf_put(out, text, strlen(text), err);
    int r = buf_put(out, "\"", 1, err);
    for (; *text && !r; text++) {
        if (*text == '"')
            r = buf_put(out, "\"", 1, err);
        r = r ? r : buf_put(out, text, 1, err);
    }
    return r ? r : buf_put(out, "\"", 1, err);
}

/* "a|b|c", the bytes | and \ behind a \. */
static int join(const struct schema_levels *l, struct buf *out, struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < l->n && !r; i++) {
        r = i ? buf_put(out, "|", 1, err) : 0;
        for (const char *p = l->text[i]; *p && !r; p++) {
            if (*p == '|' || *p == '\\')
                r = buf_put(out, "\\", 1, err);
            r = r ? r : buf_put(out, p, 1, err);
        }
    }
    return r ? r : buf_put(out, "", 1, err);
}

static int row(struct buf *out, const char *name, enum schema_kind kind, const char *lik, const char *levels,
               struct vae_err *err) {
    int r = put(out, name, err);
    r = r ? r : buf_printf(out, err, ",%s,%s,", schema_kind_name(kind), lik);
    r = r ? r : put(out, levels, err);
    return r ? r : buf_put(out, "\n", 1, err);
}

int schema_table(const struct schema *s, struct buf *out, struct vae_err *err) {
    int r = buf_printf(out, err, "column,kind,likelihood,levels\n");
    for (size_t c = 0; c < s->ncols && !r; c++) {
        struct buf levels = {0};
        r = s->col[c].kind == SCHEMA_LINE ? buf_put(&levels, "", 1, err) : join(&s->col[c].levels, &levels, err);
        r = r ? r : row(out, s->col[c].name, s->col[c].kind, s->col[c].lik, levels.p, err);
        buf_free(&levels);
    }
    for (size_t i = 0; i < s->nkeep && !r; i++)
        r = row(out, s->keep[i], s->keep_kind[i] == SCHEMA_ARRAY ? SCHEMA_TEXT : s->keep_kind[i], "", "", err);
    return r;
}
