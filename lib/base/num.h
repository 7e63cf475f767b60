/* num.h - numbers as text: always C-locale, correctly rounded both ways. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum num_kind { NUM_NUMBER, NUM_MISSING, NUM_TEXT };

/* Reads a cell (blanks around it allowed): a decimal number, finite after rounding to double, to the nearest, ties
 * to even. NUM_MISSING for an empty cell, NA, NaN, ?, null (any case); inf, hex, overflow are NUM_TEXT. */
enum num_kind num_parse(const char *p, size_t n, double *out);

/* Digits behind the point of a cell that num_parse takes as a number; -1 where it has an exponent. */
int num_decimals(const char *p, size_t n);

enum { NUM_MAX = 32 }; /* bytes that are enough for any number written below */

/* The shortest text that reads back as the same float (double), "nan", "inf" and "-inf" for what is no number; no
 * exponent between 1e-5 and 1e15. Bytes written. */
size_t num_put_float(char *out, float);
size_t num_put_double(char *out, double);
/* With `decimals` (0..15) digits behind the point, rounded half away from zero of the exact value where that is
 * below 2^53 units, else as num_put_double. No "-0". */
size_t num_put_fixed(char *out, double, int decimals);
size_t num_put_u64(char *out, uint64_t);

#endif
