/* unit.h - numbers as people write them: "$1,234.50", "12.5%", "30 kg". */
#ifndef SCHEMA_UNIT_H
#define SCHEMA_UNIT_H

#include <stdbool.h>
#include <stddef.h>

enum { UNIT_SIZE = 12, UNIT_TEXT = 128 /* a number with its unit; longer ones are no numbers */ };

/* What stands around the numbers of a column, the same in every cell; and whether thousands have commas. */
struct unit {
    char before[UNIT_SIZE], after[UNIT_SIZE];
    bool group;
};

static inline bool unit_empty(const struct unit *u) { return !*u->before && !*u->after && !u->group; }

/*
 * A text that is no plain number -> *u, and the number in it as num_parse() reads it, in plain[UNIT_TEXT]; its length, or 0
 * where it is none. Before a number may stand what ends in '$' or a byte above ASCII (a currency); behind it letters, '%', '/',
 * '$', blanks and such bytes; commas stand before each three digits of whole thousands.
 */
size_t unit_learn(struct unit *, const char *p, size_t n, char *plain);
/* The same of a text with the unit given (commas or none); 0 where the unit is another. */
size_t unit_strip(const struct unit *, const char *p, size_t n, char *plain, bool *grouped);
/* The way back: number[n] as num_put_fixed() writes it, n < 64, -> out[UNIT_TEXT]; its length. */
size_t unit_put(const struct unit *, const char *number, size_t n, char *out);

#endif
