/* cell.c - one cell of a table, and what users say about its column. */
#include "schema/cell.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "schema/levels.h"

bool cell_is_missing(const struct cell_missing *m, const char *p, size_t n) {
    double v;
    if (n == 0)
        return true;
    if (!m->n) /* a digit or a sign cannot begin one: most cells are done here */
        return *p > '9' || *p == '?' || *p == ' ' || *p == '\t' ? num_parse(p, n, &v) == NUM_MISSING : false;
    for (size_t i = 0; i < m->n; i++)
        if (strlen(m->text[i]) == n && !strncasecmp(m->text[i], p, n))
            return true;
    return false;
}

const char *cell_text(const struct rec_col *c, size_t i, bool quoted, char *plain, size_t *n) {
    const char *p = rec_cell(c, i, n);
    if (quoted && *n && *p == '"' && *n <= CELL_PLAIN) {
        *n = rec_unquote(p, *n, plain);
        p = plain;
    }
    while (*n && (*p == ' ' || *p == '\t'))
        p++, --*n;
    while (*n && (p[*n - 1] == ' ' || p[*n - 1] == '\t'))
        --*n;
    return p;
}

/* "331,74 kg": would it be a number with its unit if the comma were a point, and points between thousands were not there? */
static bool has_decimal_comma(const char *p, size_t n) {
    char text[UNIT_TEXT], plain[UNIT_TEXT];
    struct unit u;
    double v;
    const char *comma = memchr(p, ',', n);
    if (!comma || n >= sizeof text || memchr(comma + 1, ',', n - (size_t)(comma + 1 - p)))
        return false;
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i] != '.')
            text[len++] = p[i] == ',' ? '.' : p[i];
    len = unit_learn(&u, text, len, plain);
    return len && num_parse(plain, len, &v) == NUM_NUMBER;
}

const char *cell_way(const char *p, size_t n) {
    char cell[60];
    err_quote(cell, sizeof cell, p, n);
    if (memchr(p, ',', n) && n > 1 && strspn(cell, "\"+-0123456789,") == strlen(cell))
        return "decimals are written with a point";
    if (has_decimal_comma(p, n))
        return "decimals are written with a point";
    if (strspn(cell, "\"+-0123456789.eEinfINF") == strlen(cell))
        return "it must be finite; leave such rows out (--skip-bad)";
    return NULL;
}

int cell_bad(const char *column, const char *p, size_t n, bool fitting, struct vae_err *err) {
    char name[80], cell[60];
    err_quote(name, sizeof name, column, strlen(column));
    err_quote(cell, sizeof cell, p, n);
    const char *way = cell_way(p, n);
    if (!way)
        way = fitting ? "leave such rows out (--skip-bad), or name what stands for a missing cell (--missing)"
                      : "leave such rows out (--skip-bad)";
    return err_set(err, VAE_EROW, "column '%s': '%s' is not a number; %s", name, cell, way);
}

int cell_bad_time(const char *column, const char *p, size_t n, struct vae_err *err) {
    char name[80], cell[60];
    return err_set(err, VAE_EROW, "column '%s': '%s' is no time; expected 2024-02-29 or 2024-02-29T12:34:56, or leave such "
                   "rows out (--skip-bad)", err_quote(name, sizeof name, column, strlen(column)),
                   err_quote(cell, sizeof cell, p, n));
}

int cell_numbers(const char *column, const struct rec_col *c, enum rec_type type, size_t at, size_t n, double *out,
                 struct vae_err *err) {
    for (size_t j = 0; j < n; j++) {
        out[j] = rec_number(c, type, at + j);
        if (!isfinite(out[j])) {
            char name[80];
            err_quote(name, sizeof name, column, strlen(column));
            return err_set(err, VAE_EROW, "column '%s': value %zu is %s", name, j + 1,
                           isnan(out[j]) ? "NaN (missing)" : "infinite");
        }
    }
    return 0;
}

int cell_wish(const char *text, const struct vae_head *head, const char **value) {
    const char *equals = strchr(text, '=');
    size_t longest = 0;
    int found = -1;
    for (size_t f = 0; f < head->nfields; f++) { /* a name may hold a sign of its own */
        size_t n = strlen(head->fields[f].name);
        if (n >= longest && !strncmp(text, head->fields[f].name, n) && text[n] == '=')
            longest = n, found = (int)f, *value = text + n + 1;
    }
    if (found >= 0 || !equals || *text < '1' || *text > '9')
        return found;
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *value = equals + 1;
    return end == equals && number <= head->nfields ? (int)(number - 1) : -1;
}

const char *cell_names(const struct vae_head *head, char *out, size_t size) {
    size_t at = 0;
    *out = 0;
    for (size_t f = 0; f < head->nfields; f++) {
        char name[40];
        const char *text = head->fields[f].name;
        err_quote(name, sizeof name, text, strlen(text));
        size_t need = strlen(name) + 4;
        if (at + need + 32 > size) {
            snprintf(out + at, size - at, " and %zu more", head->nfields - f);
            break;
        }
        at += (size_t)snprintf(out + at, size - at, "%s'%s'", f ? ", " : "", name);
    }
    return out;
}

int cell_levels(const char *text, struct schema_levels *l, struct vae_err *err) {
    struct buf level = {0};
    char quoted[120];
    int r = 0;
    for (const char *p = text; !r; p++) {
        if (*p && *p != '|') {
            p += *p == '\\' && (p[1] == '|' || p[1] == '\\');
            r = buf_put(&level, p, 1, err);
            continue;
        }
        size_t before = l->n;
        if (level.n && levels_add(l, level.p, level.n, err) < 0)
            r = VAE_EOS;
        else if (l->n == before)
            r = err_set(err, VAE_EUSAGE, "levels are different texts with | between, got '%s'",
                        err_quote(quoted, sizeof quoted, text, strlen(text)));
        level.n = 0;
        if (!*p)
            break;
    }
    buf_free(&level);
    return r;
}

struct number {
    double v;
    size_t code;
};

static int by_number(const void *a, const void *b) {
    const struct number *x = a, *y = b;
    if (x->v < y->v || x->v > y->v)
        return x->v < y->v ? -1 : 1;
    return x->code < y->code ? -1 : 1;
}

bool cell_unit_number(const struct unit *u, const char *p, size_t n, double *v) {
    char plain[UNIT_TEXT];
    bool grouped;
    if (num_parse(p, n, v) == NUM_NUMBER)
        return true;
    size_t len = unit_empty(u) ? 0 : unit_strip(u, p, n, plain, &grouped);
    return len && num_parse(plain, len, v) == NUM_NUMBER;
}

int cell_sort_numbers(struct schema_levels *l, const struct unit *unit, uint32_t *now, struct vae_err *err) {
    struct number *order = mem_array(l->n + 1, sizeof *order);
    struct schema_levels sorted = {0};
    size_t n = 0;
    if (!order)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < l->n; i++) {
        order[n].code = i;
        cell_unit_number(unit, l->text[i], strlen(l->text[i]), &order[n].v);
        n += l->count[i] > 0;
    }
    qsort(order, n, sizeof *order, by_number);
    int r = 0;
    for (size_t i = 0; i < n && !r; i++) {
        const char *text = l->text[order[i].code];
        r = levels_add(&sorted, text, strlen(text), err) < 0 ? VAE_EOS : 0;
        if (!r)
            sorted.count[i] = l->count[order[i].code], now[order[i].code] = (uint32_t)i;
    }
    free(order);
    schema_levels_free(r ? &sorted : l);
    if (!r)
        *l = sorted;
    return r;
}
