/* line.c - text to symbols and back. */
#include "schema/line.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "schema/levels.h"

struct line_text line_text(const char *p, size_t n, bool quoted, bool bytes, bool mask) {
    bool quotes = quoted && n > 1 && p[0] == '"' && p[n - 1] == '"';
    return (struct line_text){p + quotes, n - (quotes ? 2 : 0), 0, bytes, mask, quotes};
}

static bool digit(char c) {
    return c >= '0' && c <= '9';
}

/* Bytes of the character that begins there, -1 for none: no overlong form, no surrogate, nothing above U+10FFFF. */
static int character(const unsigned char *p, size_t n) {
    size_t m = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (!m || m > n)
        return -1;
    for (size_t i = 1; i < m; i++)
        if ((p[i] & 0xc0) != 0x80)
            return -1;
    bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
               (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? -1 : (int)m;
}

int line_next(struct line_text *t, const char **p) {
    if (t->at >= t->n)
        return 0;
    *p = t->p + t->at;
    if (t->mask && digit(**p)) {
        while (t->at < t->n && digit(t->p[t->at]))
            t->at++;
        *p = "0";
        return 1;
    }
    int m = t->bytes ? 1 : character((const unsigned char *)*p, t->n - t->at);
    if (m < 0)
        return -1;
    t->at += (size_t)m;
    t->at += t->quoted && **p == '"' && t->at < t->n && t->p[t->at] == '"';
    return m;
}

int line_read(const struct schema_col *c, const char *cell, size_t n, bool quoted, double *raw, struct vae_err *err) {
    struct line_text t = line_text(cell, n, quoted, c->bytes, c->mask);
    size_t room = line_positions(c), count = 0;
    const char *p;
    int m;
    while ((m = line_next(&t, &p)) > 0) {
        long code = count < room ? levels_find(&c->levels, p, (size_t)m) : 0;
        if (count < room)
            raw[count] = code < 0 ? (double)line_other(c) : (double)code;
        count++;
    }
    if (m < 0) {
        char name[80];
        return err_set(
            err, VAE_EROW,
            "column '%s': byte %zu is no UTF-8; leave such lines out (--skip-bad), or take bytes as they are "
            "(vae-fit --text=bytes)",
            err_quote(name, sizeof name, c->name, strlen(c->name)), t.at + 1);
    }
    if (count < room)
        raw[count] = (double)line_end(c);
    for (size_t j = ++count; j < room; j++)
        raw[j] = NAN;
    raw[room] = count > room ? (double)(count - room) : NAN;
    return 0;
}

int line_put(const struct schema_col *c, const double *raw, struct buf *out, struct vae_err *err) {
    int r = 0;
    for (size_t j = 0; j < line_positions(c) && !r; j++) {
        double code = floor(raw[j]);
        if (!(code >= 0 && code <= (double)line_other(c)))
            break;
        const char *text = code < (double)line_other(c) ? c->levels.text[(size_t)code]
                           : c->bytes                   ? "?"
                                                        : "\xef\xbf\xbd";
        r = buf_put(out, text, strlen(text), err);
    }
    return r;
}

int line_cells(const struct schema_col *c, size_t rows, struct cells *out, struct vae_err *err) {
    size_t n = line_symbols(c);
    double all = (double)rows + 1;
    int r = cells_new(out, n, err);
    if (r)
        return r;
    for (size_t i = 0; i < c->levels.n; i++)
        all += (double)c->levels.count[i];
    out->nlevels = n;
    for (size_t i = 0; i < n; i++) {
        out->level[i] = (uint32_t)i;
        out->low[i] = out->high[i] = out->value[i] = (double)i;
        out->weight[i] = 1;
        out->share[i] = (i < c->levels.n ? (double)c->levels.count[i] : i == line_end(c) ? (double)rows : 1) / all;
    }
    cells_finish(out, 0, 1);
    return 0;
}
