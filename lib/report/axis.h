/*
 * axis.h - a scale from data to pixels, with ticks at round numbers: multiples of 1, 2 or 5 times a power of ten.
 */
#ifndef REPORT_AXIS_H
#define REPORT_AXIS_H

#include <stdint.h>

#include "report/svg.h"

struct axis {
    double low, high; /* data units, low < high */
    double from, to;  /* pixels of low and high */
    int64_t first;    /* tick i < n stands at (first + i) * mant * 10^exp */
    size_t n;
    int mant, exp;
};

enum { AXIS_TEXT = 32 };

/* Covers low..high (finite; a single value gets room on both sides), a share `margin` of it more at either end, with at
 * most `most` (2..100) ticks. */
void axis_set(struct axis *, double low, double high, double margin, double from, double to, size_t most);
/* The same for an axis whose ticks have their names side by side: as many as have room. */
void axis_set_across(struct axis *, double low, double high, double margin, double from, double to);
double axis_at(const struct axis *, double v);                         /* pixels */
double axis_tick(const struct axis *, size_t i, char text[AXIS_TEXT]); /* the value of tick i and its name */
double axis_text_width(const struct axis *);                           /* of the widest name, pixels */

/* Lines at the ticks, the frame, and the names of y's ticks; of x's, too, where `names`. */
void axes_draw(struct svg *, const struct axis *x, const struct axis *y, bool names);

/* Widens low..high to hold v where that is finite. Begin with INFINITY, -INFINITY. */
void range_add(double *low, double *high, double v);

#endif
