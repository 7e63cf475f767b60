/*
 * csv_layout.c - which cell of a row is which column: by the names in header rows, or by position.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/csv.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static void trim(const char **p, size_t *n) {
    while (*n && is_blank((*p)[0])) {
        (*p)++;
        (*n)--;
    }
    while (*n && is_blank((*p)[*n - 1]))
        (*n)--;
}

size_t csv_name(const char *cell, size_t n, char *out) {
    trim(&cell, &n);
    if (n && cell[0] == '"')
        return rec_unquote(cell, n, out);
    if (n)
        memcpy(out, cell, n);
    return n;
}

static int by_name(const void *a, const void *b, void *cols) {
    const struct csv_col *c = cols;
    return strcmp(c[*(const size_t *)a].name, c[*(const size_t *)b].name);
}

/* Sorts the names for look-up. The first one that is there twice, NULL for none. */
static const char *sort_names(struct csv_layout *l) {
    memset(l->begin, 0, sizeof l->begin);
    l->longest = 0;
    for (size_t j = 0; j < l->ncols; j++) {
        size_t n = strlen(l->cols[j].name);
        l->order[j] = j;
        l->begin[(unsigned char)l->cols[j].name[0]] = true;
        l->longest = n > l->longest ? n : l->longest;
    }
    l->longest = 2 * l->longest + 2; /* every byte a doubled quote */
    qsort_r(l->order, l->ncols, sizeof *l->order, by_name, l->cols);
    for (size_t i = 1; i < l->ncols; i++)
        if (by_name(&l->order[i - 1], &l->order[i], l->cols) == 0)
            return l->cols[l->order[i]].name;
    return NULL;
}

static size_t find(const struct csv_layout *l, const char *name, size_t n) {
    size_t lo = 0, hi = l->ncols;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const char *have = l->cols[l->order[mid]].name;
        size_t m = strlen(have);
        int d = memcmp(have, name, m < n ? m : n);
        if (d == 0 && m == n)
            return l->order[mid];
        if (d == 0)
            d = m < n ? -1 : 1;
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return SIZE_MAX;
}

/* The column whose name is in this cell, SIZE_MAX for none. */
static size_t find_cell(const struct csv_layout *l, const char *p, const uint32_t *cell) {
    const char *name = p + cell[0];
    size_t n = cell[1] - cell[0];
    trim(&name, &n);
    if (n == 0 || n > l->longest || (name[0] != '"' && !l->begin[(unsigned char)name[0]]))
        return SIZE_MAX;
    if (name[0] == '"') {
        n = rec_unquote(name, n, l->buf);
        name = l->buf;
    }
    return find(l, name, n);
}

static int out_of_memory(struct vae_err *err) {
    return err_set(err, VAE_EOS, "out of memory");
}

static int allocate(struct csv_layout *l, size_t n, struct vae_err *err) {
    l->cols = mem_array(n, sizeof *l->cols);
    l->at = mem_array(n, sizeof *l->at);
    l->order = mem_array(n, sizeof *l->order);
    l->seen = mem_array(n, sizeof *l->seen);
    return l->cols && l->at && l->order && l->seen ? 0 : out_of_memory(err);
}

static struct csv_col *add_col(struct csv_layout *l, const char *name, size_t n) {
    struct csv_col *c = &l->cols[l->ncols];
    *c = (struct csv_col){.name = mem_text(name, n)};
    if (!c->name)
        return NULL;
    l->ncols++;
    return c;
}

static void drop_col(struct csv_layout *l, size_t j) {
    free(l->cols[j].name);
    memmove(l->cols + j, l->cols + j + 1, (l->ncols - j - 1) * sizeof *l->cols);
    memmove(l->at + j, l->at + j + 1, (l->ncols - j - 1) * sizeof *l->at);
    l->ncols--;
}

int csv_layout_init(struct csv_layout *l, const struct stream_read_opts *opts, struct vae_err *err) {
    const struct stream_want *w = &opts->want;
    *l = (struct csv_layout){.all = w->n == 0};
    size_t n;
    if (l->all)
        return 0;
    if (!mem_add(w->n, opts->nkeep, &n) || allocate(l, n, err) < 0)
        return out_of_memory(err);
    for (size_t i = 0; i < w->n; i++) {
        struct csv_col *c = add_col(l, w->names[i], strlen(w->names[i]));
        if (!c)
            return out_of_memory(err);
        c->optional = c->keep = w->optional && w->optional[i];
        c->tells = !c->optional;
        l->tell += c->tells;
    }
    for (size_t j = 0; l->tell == 0 && j < l->ncols; j++)
        l->cols[j].tells = true;
    l->tell = l->tell ? l->tell : 1;
    const char *twice = sort_names(l);
    for (size_t i = 0; !twice && i < opts->nkeep; i++) {
        size_t j = find(l, opts->keep[i], strlen(opts->keep[i]));
        struct csv_col *c = j < l->ncols ? &l->cols[j] : add_col(l, opts->keep[i], strlen(opts->keep[i]));
        if (!c)
            return out_of_memory(err);
        c->extra |= j == SIZE_MAX;
        c->keep = true;
        twice = sort_names(l);
    }
    l->buf = mem_array(l->longest, 1);
    if (!l->buf)
        return out_of_memory(err);
    return twice ? err_set(err, VAE_EUSAGE, "column '%s' is asked for twice", twice) : 0;
}

void csv_layout_free(struct csv_layout *l) {
    for (size_t j = 0; j < l->ncols; j++)
        free(l->cols[j].name);
    free(l->cols);
    free(l->at);
    free(l->order);
    free(l->seen);
    free(l->buf);
}

bool csv_layout_tell(struct csv_layout *l, const char *p, const uint32_t *cells, size_t n) {
    if (l->tell == 0 || n < l->tell)
        return false;
    size_t others = n - l->tell; /* cells that may be something else */
    for (size_t i = 0; i < n; i++) {
        size_t j = find_cell(l, p, cells + 2 * i);
        if ((j == SIZE_MAX || !l->cols[j].tells) && others-- == 0)
            return false;
    }
    l->stamp++; /* rare: so many names; are they different ones? */
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = find_cell(l, p, cells + 2 * i);
        if (j < l->ncols && l->cols[j].tells && l->seen[j] != l->stamp) {
            l->seen[j] = l->stamp;
            hits++;
        }
    }
    return hits >= l->tell;
}

/* "column 'a' is missing", "columns 'a', 'b' are missing". */
static int say_missing(const struct csv_layout *l, const bool *missing, const char *where, struct vae_err *err) {
    char list[200];
    size_t n = 0, m = 0;
    for (size_t j = 0; j < l->ncols; j++) {
        if (!missing[j])
            continue;
        if (l->cols[j].extra)
            return err_set(err, VAE_EUSAGE, "%s: no column '%s' to keep", where, l->cols[j].name);
        int k = n < sizeof list ? snprintf(list + n, sizeof list - n, "%s'%s'", m ? ", " : "", l->cols[j].name) : 0;
        n += (size_t)k;
        m++;
    }
    return err_set(err, VAE_EDATA, "%s: column%s %s%s %s missing", where, m > 1 ? "s" : "", list,
                   n < sizeof list ? "" : "...", m > 1 ? "are" : "is");
}

/* Names go into models and streams as JSON. */
static int check_utf8(const char *name, size_t n, size_t column, const char *where, struct vae_err *err) {
    json_t *utf8 = json_stringn(name, n);
    json_decref(utf8);
    return utf8 ? 0
                : err_set(err, VAE_EDATA, "%s: the name of column %zu is no UTF-8; convert it with iconv(1)", where,
                          column);
}

/* Columns to keep that were given by number become those of the header row. */
static int resolve_numbers(struct csv_layout *l, const char *p, const uint32_t *cells, size_t n, const char *where,
                           struct vae_err *err) {
    for (size_t j = 0; j < l->ncols; j++) {
        size_t k = rec_column_number(l->cols[j].name);
        if (!l->cols[j].extra || l->at[j] != SIZE_MAX || k == 0 || k > n)
            continue;
        size_t other = 0;
        while (other < l->ncols && l->at[other] != k - 1)
            other++;
        if (other < l->ncols) {
            l->cols[other].keep = true;
            drop_col(l, j--);
            continue;
        }
        size_t len = cells[2 * k - 1] - cells[2 * k - 2];
        char *name = mem_array(len + 1, 1);
        if (!name)
            return out_of_memory(err);
        name[csv_name(p + cells[2 * k - 2], len, name)] = '\0';
        if (check_utf8(name, strlen(name), k, where, err) < 0) {
            free(name);
            return VAE_EDATA;
        }
        free(l->cols[j].name);
        l->cols[j].name = name;
        l->at[j] = k - 1;
    }
    return 0;
}

/* Looks every column up among the cells. */
static int match(struct csv_layout *l, const char *p, const uint32_t *cells, size_t n, const char *where,
                 struct vae_err *err) {
    for (size_t j = 0; j < l->ncols; j++)
        l->at[j] = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t j = find_cell(l, p, cells + 2 * i);
        if (j == SIZE_MAX)
            continue;
        if (l->at[j] != SIZE_MAX)
            return err_set(err, VAE_EDATA, "%s: there are two columns '%s'", where, l->cols[j].name);
        l->at[j] = i;
    }
    return 0;
}

int csv_layout_header(struct csv_layout *l, const char *p, const uint32_t *cells, size_t n, bool first,
                      const char *where, struct vae_err *err) {
    int rc = match(l, p, cells, n, where, err);
    if (rc == 0 && first)
        rc = resolve_numbers(l, p, cells, n, where, err);
    if (rc < 0)
        return rc;
    for (size_t j = 0; first && j < l->ncols; j++)
        if (l->cols[j].optional && l->at[j] == SIZE_MAX)
            drop_col(l, j--);
    bool *missing = mem_array(l->ncols, sizeof *missing), any = false;
    if (!missing)
        return out_of_memory(err);
    for (size_t j = 0; j < l->ncols; j++)
        any |= missing[j] = l->at[j] == SIZE_MAX;
    rc = any ? say_missing(l, missing, where, err) : 0;
    free(missing);
    if (rc == 0 && first) { /* names may have changed, and so the room that one needs */
        const char *twice = sort_names(l);
        free(l->buf);
        l->buf = mem_array(l->longest, 1);
        if (!l->buf)
            return out_of_memory(err);
        if (twice)
            return err_set(err, VAE_EDATA, "%s: there are two columns '%s'", where, twice);
    }
    l->width = n;
    return rc;
}

/* A row without numbers in which there is the name of a column was meant as a header. */
static bool meant_as_header(const struct csv_layout *l, const char *p, const uint32_t *cells, size_t n) {
    bool named = false;
    double x;
    for (size_t i = 0; i < n; i++) {
        if (num_parse(p + cells[2 * i], cells[2 * i + 1] - cells[2 * i], &x) == NUM_NUMBER)
            return false;
        named |= find_cell(l, p, cells + 2 * i) != SIZE_MAX;
    }
    return named;
}

/* Columns kept besides take the cells of their numbers, the `rest` wanted ones those that remain, in order. Where they
 * are not apart, the number is that of a wanted one. */
static int place(struct csv_layout *l, size_t rest, bool apart, struct vae_err *err) {
    bool *taken = mem_array(l->width, sizeof *taken);
    if (!taken)
        return out_of_memory(err);
    for (size_t j = l->ncols; j-- > 0 && l->cols[j].extra;) {
        size_t k = rec_column_number(l->cols[j].name) - 1;
        if (!apart) {
            l->cols[k].keep = true;
            drop_col(l, j);
            continue;
        }
        char name[32];
        char *copy = mem_text(name, (size_t)snprintf(name, sizeof name, "x%zu", k + 1));
        if (!copy) {
            free(taken);
            return out_of_memory(err);
        }
        free(l->cols[j].name);
        l->cols[j].name = copy;
        taken[k] = true;
        l->at[j] = k;
    }
    for (size_t j = 0, i = 0; j < rest; j++, i++) {
        while (taken[i])
            i++;
        l->at[j] = i;
    }
    free(taken);
    const char *twice = sort_names(l);
    return twice ? err_set(err, VAE_EUSAGE, "there are two columns '%s'", twice) : 0;
}

int csv_layout_position(struct csv_layout *l, const char *p, const uint32_t *cells, size_t n, bool may_name,
                        const char *where, struct vae_err *err) {
    if (may_name && meant_as_header(l, p, cells, n))
        return csv_layout_header(l, p, cells, n, true, where, err);
    size_t all = 0, must = 0, kept = 0; /* columns wanted, those that are not optional, those to be kept besides */
    for (size_t j = 0; j < l->ncols; j++) {
        all += !l->cols[j].extra;
        must += !l->cols[j].extra && !l->cols[j].optional;
        size_t k = l->cols[j].extra ? rec_column_number(l->cols[j].name) : 1;
        if (k == 0 || k > n)
            return err_set(err, VAE_EUSAGE, "%s: no column '%s' to keep", where, l->cols[j].name);
        kept += l->cols[j].extra;
    }
    bool apart = n != all && n != must; /* the kept ones are not among the wanted ones */
    size_t rest = apart && n >= kept ? n - kept : n;
    if (rest != all && rest != must)
        return err_set(err, VAE_EDATA, "%s: expected %zu values or a row of column names, got %zu values", where,
                       all + (apart ? kept : 0), n);
    for (size_t j = 0; rest != all && j < l->ncols; j++)
        if (l->cols[j].optional)
            drop_col(l, j--);
    l->width = n;
    return place(l, rest, apart, err);
}

/* Marks the columns to be kept, given by name or number. */
static int mark_kept(struct csv_layout *l, const struct stream_read_opts *opts, const char *where,
                     struct vae_err *err) {
    for (size_t i = 0; i < opts->nkeep; i++) {
        size_t j = find(l, opts->keep[i], strlen(opts->keep[i])), k = rec_column_number(opts->keep[i]);
        if (j == SIZE_MAX && k && k <= l->ncols)
            j = k - 1;
        if (j == SIZE_MAX)
            return err_set(err, VAE_EUSAGE, "%s: no column '%s' to keep", where, opts->keep[i]);
        l->cols[j].keep = true;
    }
    return 0;
}

int csv_layout_all(struct csv_layout *l, const char *p, const uint32_t *cells, size_t n, bool header,
                   const struct stream_read_opts *opts, const char *where, struct vae_err *err) {
    size_t longest = 32; /* "x18446744073709551615" */
    for (size_t i = 0; header && i < n; i++)
        longest = cells[2 * i + 1] - cells[2 * i] > longest ? cells[2 * i + 1] - cells[2 * i] : longest;
    l->buf = mem_array(longest, 1);
    if (!l->buf || allocate(l, n, err) < 0)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++) {
        size_t len = header ? csv_name(p + cells[2 * i], cells[2 * i + 1] - cells[2 * i], l->buf) : 0;
        if (len == 0)
            len = (size_t)snprintf(l->buf, longest, "x%zu", i + 1);
        if (check_utf8(l->buf, len, i + 1, where, err) < 0)
            return VAE_EDATA;
        if (!add_col(l, l->buf, len))
            return out_of_memory(err);
        l->at[i] = i;
    }
    const char *twice = sort_names(l);
    if (twice)
        return err_set(err, VAE_EDATA, "%s: there are two columns '%s'; if row 1 is data, say --no-header", where,
                       twice);
    l->width = n;
    return mark_kept(l, opts, where, err);
}
