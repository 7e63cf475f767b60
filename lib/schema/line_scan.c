/* line_scan.c - lines while a table is read for a fit: kept as texts, until all are there and their symbols are known.
 */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "schema/levels.h"
#include "schema/line.h"
#include "schema/scan.h"

int scan_line_judge(const struct schema_scan *s, const struct scan_col *c, const char *p, size_t n, bool quoted,
                    struct vae_err *err) {
    const struct rec_field *f = &s->head->fields[c->field];
    const struct schema_col none = {.name = f->name, .width = 1, .bytes = s->bytes};
    double raw;
    if (n > UINT32_MAX)
        return err_set(err, VAE_EROW, "a line of %zu bytes", n);
    return line_read(&none, p, n, quoted, &raw, err);
}

int scan_line(const struct schema_scan *s, struct scan_col *c, const char *p, size_t n, bool quoted, double *v,
              struct vae_err *err) {
    struct line_text t = line_text(p, n, quoted, s->bytes, s->mask);
    size_t at = c->lines.n, symbols = 0, most = s->length ? s->length : LINE_LENGTH;
    uint32_t bytes = 0;
    const char *symbol;
    int r = buf_put(&c->lines, &bytes, sizeof bytes, err), m = 1;
    while (!r && (m = line_next(&t, &symbol)) > 0) {
        symbols++;
        if (symbols <= LINE_LENGTH_MAX) { /* no model has more positions */
            r = buf_put(&c->lines, symbol, (size_t)m, err);
            bytes += (uint32_t)m;
        }
    }
    if (!r)
        memcpy(c->lines.p + at, &bytes, sizeof bytes);
    size_t room = symbols + 1 < most ? symbols + 1 : most; /* with the end */
    c->longest = room > c->longest ? room : c->longest;
    *v = (double)at;
    return r;
}

static struct line_text kept(const struct scan_col *c, double at, bool bytes) {
    uint32_t n;
    const char *p = c->lines.p + (size_t)at;
    memcpy(&n, p, sizeof n);
    return line_text(p + sizeof n, n, false, bytes, false);
}

int scan_line_end(const struct schema_scan *s, const struct scan_col *c, struct schema_col *col, struct vae_err *err) {
    uint32_t now[LINE_SYMBOLS + 1];
    struct schema_levels all = {0};
    int r = 0;
    col->width = c->longest + 1, col->bytes = s->bytes, col->mask = s->mask;
    for (size_t i = 0; i < s->rows && !r; i++) {
        struct line_text t = kept(c, s->raw[i * s->stride + c->first], s->bytes);
        const char *p;
        size_t count = 1;
        for (int m; !r && (m = line_next(&t, &p)) > 0; count++) {
            long code = memchr(p, 0, (size_t)m) ? -1 : levels_add(&all, p, (size_t)m, err);
            if (code >= 0)
                all.count[code]++;
            else if (!memchr(p, 0, (size_t)m))
                r = (int)code;
        }
        col->longer += count > c->longest;
    }
    uint64_t often = LINE_OFTEN,
             next; /* those that are seen as often have a number of their own, the most frequent of many */
    size_t n = 0;
    for (bool many = true; many && !r; often = next + 1) {
        n = 0, next = UINT64_MAX;
        for (size_t i = 0; i < all.n; i++)
            if (all.count[i] >= often)
                n++, next = all.count[i] < next ? all.count[i] : next;
        many = n > LINE_SYMBOLS;
        if (!many)
            break;
    }
    for (size_t i = 0; i < all.n && !r; i++) {
        if (all.count[i] < often)
            continue;
        long code = levels_add(&col->levels, all.text[i], strlen(all.text[i]), err);
        if (code < 0)
            r = (int)code;
        else
            col->levels.count[code] = all.count[i];
    }
    schema_levels_free(&all);
    if (!r && !n)
        r = err_set(err, VAE_EDATA, "column '%s': no symbol stands in its lines twice: there is nothing to learn",
                    col->name);
    return r ? r : levels_sort(&col->levels, now, err);
}

int scan_line_values(const struct scan_col *c, const struct schema_col *col, double at, double *raw,
                     struct vae_err *err) {
    struct line_text t = kept(c, at, col->bytes);
    return line_read(col, t.p, t.n, false, raw, err);
}
