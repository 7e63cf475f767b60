/*
 * state_text.c - the state as a file: a line "vae-state 1 CRC32" and a JSON object, of which that is the checksum.
 *
 * Inodes are written in hexadecimal, as JSON here has no whole numbers beyond 2^63; header rows and cells, which may have
 * bytes that are no UTF-8, with each byte as the code point of its number.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/json.h"
#include "stream/csv.h"
#include "stream/state.h"

static const char magic[] = "vae-state 1 ";
enum { HEX = 16, CRC = 8, LINE = sizeof magic - 1 + CRC + 1, TEXT_MAX = 256 << 20 };

/* ---- writing --------------------------------------------------------------------------------------------- */

static json_t *hex(uint64_t v, int digits) {
    char text[HEX + 1];
    snprintf(text, sizeof text, "%0*" PRIx64, digits, v);
    return json_string(text);
}

static json_t *mark(const struct state_mark *m) {
    return json_pack("{so sI so so}", "inode", hex(m->inode, 1), "size", (json_int_t)m->size, "head",
                     hex(m->head, CRC), "tail", hex(m->tail, CRC));
}

/* Bytes as code points. */
static json_t *latin1(const char *p, size_t n) {
    struct buf b = {0};
    json_t *j = NULL;
    if (buf_reserve(&b, 2 * n + 1, NULL) == 0) {
        for (size_t i = 0; i < n; i++) {
            unsigned char c = (unsigned char)p[i];
            if (c >= 0x80)
                b.p[b.n++] = (char)(0xc0 | c >> 6);
            b.p[b.n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
        }
        j = json_stringn(b.p, b.n);
    }
    buf_free(&b);
    return j;
}

static json_t *file(const struct state_file *f) {
    const struct stream_place *p = &f->place;
    char delim[2] = {p->delim, 0};
    json_t *j = mark(&f->mark);
    int bad = json_object_set_new(j, "path", latin1(f->path, strlen(f->path)));
    bad |= json_object_set_new(j, "offset", json_integer((json_int_t)p->offset));
    bad |= json_object_set_new(j, "line", json_integer((json_int_t)p->line));
    if (p->cells) {
        bad |= json_object_set_new(j, "cells", json_integer((json_int_t)p->cells));
        bad |= json_object_set_new(j, "delim", json_string(delim));
        bad |= json_object_set_new(j, "crlf", json_boolean(p->crlf));
        if (p->header)
            bad |= json_object_set_new(j, "header", latin1(p->header, p->nheader));
    }
    if (!bad)
        return j;
    json_decref(j);
    return NULL;
}

int state_format(const struct vae_state *s, struct buf *out, struct vae_err *err) {
    json_t *files = json_array(), *j = json_pack("{sI}", "rows", (json_int_t)s->rows);
    int bad = json_object_set_new(j, "model", json_string(s->model ? s->model : ""));
    bad |= json_object_set_new(j, "memory", json_string(s->memory ? s->memory : ""));
    if (s->nheld)
        bad |= json_object_set_new(j, "held", latin1(s->held, s->nheld));
    for (size_t i = 0; i < s->nfiles; i++)
        bad |= json_array_append_new(files, file(&s->file[i]));
    bad |= json_object_set(j, "files", files);
    json_decref(files);
    if (s->has_out) {
        json_t *o = mark(&s->out);
        bad |= json_object_set_new(o, "columns", hex(s->columns, CRC));
        bad |= json_object_set_new(j, "output", o);
    }
    struct buf text = {0};
    int rc = bad ? err_set(err, VAE_EOS, "out of memory") : js_dump(j, &text, err);
    json_decref(j);
    out->n = 0;
    if (rc == 0)
        rc = buf_put(&text, "\n", 1, err);
    if (rc == 0)
        rc = buf_printf(out, err, "%s%08x\n", magic, (unsigned)crc_update(0, text.p, text.n));
    if (rc == 0)
        rc = buf_put(out, text.p, text.n, err);
    buf_free(&text);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

static int get_hex(const json_t *obj, const char *key, int most, uint64_t *out, const char *what, struct vae_err *err) {
    const char *text;
    int rc = js_string(obj, key, &text, what, err);
    if (rc < 0)
        return rc;
    size_t n = strlen(text);
    if (n < 1 || n > (size_t)most || strspn(text, "0123456789abcdef") != n)
        return err_set(err, VAE_EDATA, "%s: member '%s' is no hexadecimal number", what, key);
    *out = strtoull(text, NULL, 16);
    return 0;
}

static int get_mark(const json_t *obj, struct state_mark *m, const char *what, struct vae_err *err) {
    int64_t size = 0;
    uint64_t head = 0, tail = 0;
    int rc = js_int(obj, "size", 0, INT64_MAX, &size, what, err);
    rc = rc < 0 ? rc : get_hex(obj, "inode", HEX, &m->inode, what, err);
    rc = rc < 0 ? rc : get_hex(obj, "head", CRC, &head, what, err);
    rc = rc < 0 ? rc : get_hex(obj, "tail", CRC, &tail, what, err);
    m->size = (uint64_t)size;
    m->head = (uint32_t)head;
    m->tail = (uint32_t)tail;
    return rc;
}

/* The bytes of a string that latin1() made; the caller's to free, *n of them. */
static char *get_bytes(const json_t *obj, const char *key, size_t *n, const char *what, struct vae_err *err) {
    const char *text;
    if (js_string(obj, key, &text, what, err) < 0)
        return NULL;
    size_t len = strlen(text);
    char *p = mem_array(len + 1, 1);
    *n = 0;
    for (size_t i = 0; p && i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0xc4) { /* beyond U+00FF; jansson has seen to it that it is UTF-8 */
            free(p);
            err_set(err, VAE_EDATA, "%s: member '%s' is no text of bytes", what, key);
            return NULL;
        }
        p[(*n)++] = (char)(c < 0x80 ? c : (c & 3) << 6 | ((unsigned char)text[++i] & 0x3f));
    }
    if (!p)
        err_set(err, VAE_EOS, "out of memory");
    return p;
}

static int get_place(const json_t *obj, struct stream_place *p, const char *what, struct vae_err *err) {
    const char *delim = "";
    int64_t offset = 0, line = 1, cells = 0;
    int rc = js_int(obj, "offset", 0, INT64_MAX, &offset, what, err);
    rc = rc < 0 ? rc : js_int(obj, "line", 1, INT64_MAX, &line, what, err);
    if (rc == 0 && js_has(obj, "cells"))
        rc = js_int(obj, "cells", 1, CSV_ROW_MAX, &cells, what, err);
    p->offset = (uint64_t)offset;
    p->line = (uint64_t)line;
    p->cells = (size_t)cells;
    if (rc < 0 || !cells)
        return rc;
    rc = js_string(obj, "delim", &delim, what, err);
    rc = rc < 0 ? rc : js_bool(obj, "crlf", &p->crlf, what, err);
    if (rc < 0)
        return rc;
    p->delim = delim[0];
    if (strlen(delim) != 1 || strchr("\"\n\r", delim[0]) || (unsigned char)delim[0] >= 0x80)
        return err_set(err, VAE_EDATA, "%s: no delimiter", what);
    if (js_has(obj, "header") && !(p->header = get_bytes(obj, "header", &p->nheader, what, err)))
        return err ? err->code : VAE_EDATA;
    return 0;
}

static int get_file(struct vae_state *s, const json_t *obj, const char *what, struct vae_err *err) {
    struct state_mark m = {0};
    size_t n;
    int rc = get_mark(obj, &m, what, err);
    if (rc < 0)
        return rc;
    char *path = get_bytes(obj, "path", &n, what, err);
    struct state_file *f = path ? state_add(s, s->nfiles, path, m.inode, err) : NULL;
    free(path);
    if (!f)
        return err ? err->code : VAE_EDATA;
    f->mark = m;
    return get_place(obj, &f->place, what, err);
}

int state_parse(struct vae_state *s, const char *p, size_t n, struct vae_err *err) {
    char line[LINE + 1];
    const char *what = s->path, *model, *memory;
    int64_t rows = 0;
    if (n > LINE)
        snprintf(line, sizeof line, "%s%08x\n", magic, (unsigned)crc_update(0, p + LINE, n - LINE));
    if (n <= LINE || memcmp(p, line, LINE))
        return err_set(err, VAE_EDATA, "%s: is no state", what);
    json_t *j = js_load(p + LINE, n - LINE, TEXT_MAX, what, err), *files, *output;
    int rc = j ? js_int(j, "rows", 0, INT64_MAX, &rows, what, err) : VAE_EDATA;
    rc = rc < 0 ? rc : js_string(j, "model", &model, what, err);
    rc = rc < 0 ? rc : js_string(j, "memory", &memory, what, err);
    rc = rc < 0 ? rc : js_array(j, "files", &files, what, err);
    s->rows = (uint64_t)rows;
    if (rc == 0 && (!(s->model = mem_text(model, strlen(model))) || !(s->memory = mem_text(memory, strlen(memory)))))
        rc = err_set(err, VAE_EOS, "out of memory");
    if (rc == 0 && js_has(j, "held") && !(s->held = get_bytes(j, "held", &s->nheld, what, err)))
        rc = err ? err->code : VAE_EDATA;
    for (size_t i = 0; rc == 0 && i < json_array_size(files); i++) {
        const json_t *one = json_array_get(files, i);
        rc = json_is_object(one) ? get_file(s, one, what, err) : err_set(err, VAE_EDATA, "%s: a file is no object", what);
    }
    if (rc == 0 && js_has(j, "output")) {
        uint64_t columns = 0;
        rc = js_object(j, "output", &output, what, err);
        rc = rc < 0 ? rc : get_mark(output, &s->out, what, err);
        rc = rc < 0 ? rc : get_hex(output, "columns", CRC, &columns, what, err);
        s->columns = (uint32_t)columns;
        s->has_out = true;
    }
    json_decref(j);
    return rc;
}
