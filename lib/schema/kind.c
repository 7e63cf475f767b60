/*
 * kind.c - the kinds of columns, and the rules that tell one from the cells:
 *
 *   nothing but missing cells    text (carried, never modelled)
 *   all numbers                  category or id where they are padded with zeros to one length ("00501");
 *                                id: whole, each one more than the one before, more than 20 rows;
 *                                time: whole, never falling, 1e9..4e9 (seconds) or 1e12..4e12 (milliseconds) since 1970;
 *                                binary: two values;
 *                                ordinal: 3 to 10 whole numbers without a gap, 50 rows or more;
 *                                count: whole, more than 10 different, from 0 or 1 up, mean below a third of the largest;
 *                                else number
 *   all dates or times           time
 *   other texts                  binary: two; category: they repeat; else text where most are long or hold blanks, or id
 *
 * Numbers with a few other texts among them are a mistake (kind_has_odd), unless the numbers are few and repeat
 * ("1", "2", "3+").
 */
#include <string.h>

#include "schema/scan.h"

enum { MANY_ROWS = 50, SOME_ROWS = 20, MOST_ORDINALS = 10, LEAST_ORDINALS = 3, FEW_TEXTS = 20, OFTEN = 5 };
static const double EPOCH_FROM = 1e9, EPOCH_TO = 4e9; /* September 2001 to October 2096 */

static const char *const names[SCHEMA_NKINDS] = {"array",    "number", "count", "ordinal", "binary",
                                                 "category", "time",   "line",  "id",      "text",   "counter"};

const char *schema_kind_name(enum schema_kind k) { return names[k]; }

int schema_kind_by_name(const char *name) {
    for (int k = 0; k < SCHEMA_NKINDS; k++)
        if (!strcmp(names[k], name))
            return k;
    return -1;
}

bool kind_has_odd(const struct scan_facts *f, size_t fitting, size_t texts) {
    bool levels = texts <= FEW_TEXTS && fitting >= OFTEN * texts;
    return fitting < f->cells && (double)fitting >= 0.8 * (double)f->cells && !levels;
}

static bool epoch(const struct scan_facts *f, double unit) {
    return f->low >= EPOCH_FROM * unit && f->high <= EPOCH_TO * unit && f->high > f->low;
}

/* All cells are numbers. */
static enum schema_kind kind_of_numbers(const struct scan_col *c, const struct scan_facts *f) {
    bool codes = c->mode == SCAN_CODES && f->values == f->different; /* else 1 and 1.0, say: no levels */
    if (c->leading_zero && c->text_bytes != SIZE_MAX)
        return f->different <= FEW_TEXTS || f->different * 2 <= f->cells ? SCHEMA_CATEGORY : SCHEMA_ID;
    bool plain = unit_empty(&c->unit);
    if (plain && f->whole && f->counts_up && f->rows > SOME_ROWS)
        return SCHEMA_ID;
    if (plain && f->whole && f->never_falls && f->rows > SOME_ROWS && (epoch(f, 1) || epoch(f, 1000)))
        return SCHEMA_TIME;
    if (codes && f->values == 2)
        return SCHEMA_BINARY;
    bool in_a_row = f->whole && f->high - f->low + 1 <= (double)f->values;
    if (codes && in_a_row && f->values >= LEAST_ORDINALS && f->values <= MOST_ORDINALS && f->rows >= MANY_ROWS)
        return SCHEMA_ORDINAL;
    if (f->whole && f->values > MOST_ORDINALS && f->low >= 0 && f->low <= 1 && f->mean > 0 && f->mean * 3 < f->high)
        return SCHEMA_COUNT;
    return SCHEMA_NUMBER;
}

enum schema_kind kind_tell(const struct scan_col *c, const struct scan_facts *f) {
    size_t n = f->cells;
    if (c->array)
        return SCHEMA_ARRAY;
    if (c->wish >= 0)
        return (enum schema_kind)c->wish;
    bool wordy = c->long_cells * 2 > n || c->blanks * 2 > n;
    if (!n && c->mode != SCAN_LOST)
        return SCHEMA_TEXT;
    if (c->mode == SCAN_NUMBERS || (c->all_numbers && c->mode == SCAN_CODES))
        return kind_of_numbers(c, f);
    if (c->mode == SCAN_TIMES || (c->all_times && c->mode == SCAN_CODES))
        return SCHEMA_TIME;
    if (c->mode == SCAN_LOST) /* its cells were not counted */
        return c->long_cells * 2 > f->rows || c->blanks * 2 > f->rows ? SCHEMA_TEXT : SCHEMA_ID;
    if (f->different == 2)
        return SCHEMA_BINARY;
    bool repeats = f->different <= FEW_TEXTS / 2 || f->different * 10 <= n || (f->different * 2 <= n && !wordy);
    if (repeats && (f->different < n || n <= FEW_TEXTS / 2))
        return SCHEMA_CATEGORY;
    return wordy ? SCHEMA_TEXT : SCHEMA_ID;
}
