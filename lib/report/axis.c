/* axis.c - scales and their ticks. */
#include "report/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static const double MOST = 1e300, FINEST = 1e-12; /* magnitude of a value; span of a scale, of its values */

/* q 10^exp, correctly rounded. */
static double decimal(int64_t q, int exp) {
    char text[48];
    double v = 0;
    num_parse(text, (size_t)snprintf(text, sizeof text, "%llde%d", (long long)q, exp), &v);
    return v;
}

/* The ticks of the axis, all within low..high, for steps of mant 10^exp; false where they are more than `most`. */
static bool place(struct axis *a, int mant, int exp, size_t most) {
    double step = decimal(mant, exp), first = ceil(a->low / step), last = floor(a->high / step);
    if (last - first >= (double)most)
        return false;
    a->mant = mant, a->exp = exp;
    a->first = (int64_t)first;
    a->n = last < first ? 0 : (size_t)(last - first) + 1;
    return true;
}

void axis_set(struct axis *a, double low, double high, double margin, double from, double to, size_t most) {
    static const int mant[] = {1, 2, 5};
    low = low < -MOST ? -MOST : low > MOST ? MOST : low;
    high = high < low ? low : high > MOST ? MOST : high;
    double size = fmax(fabs(low), fabs(high)), least = fmax(FINEST * size, 1e-290);
    double room = margin * (high - low);
    if (high - low < least)
        room = size > 0 ? 0.05 * size : 0.5;
    *a = (struct axis){.low = low - room, .high = high + room, .from = from, .to = to};
    int exp = (int)floor(log10((a->high - a->low) / (double)most)) - 1;
    for (size_t i = 0; !place(a, mant[i % 3], exp + (int)(i / 3), most);)
        i++;
}

void axis_set_across(struct axis *a, double low, double high, double margin, double from, double to) {
    for (size_t most = 12; most >= 2; most--) {
        axis_set(a, low, high, margin, from, to, most);
        if ((double)a->n * (axis_text_width(a) + 14) <= to - from)
            return;
    }
}

double axis_at(const struct axis *a, double v) {
    return a->from + (v - a->low) / (a->high - a->low) * (a->to - a->from);
}

double axis_tick(const struct axis *a, size_t i, char text[AXIS_TEXT]) {
    int64_t q = (a->first + (int64_t)i) * a->mant;
    double v = decimal(q, a->exp), most = fmax(fabs(a->low), fabs(a->high));
    if (a->exp >= -6 && most < 1e7) {
        text[num_put_fixed(text, v, a->exp < 0 ? -a->exp : 0)] = 0;
        return v;
    }
    int exp = a->exp; /* as 1.5e7 */
    for (; q && q % 10 == 0; q /= 10)
        exp++;
    char digits[24];
    size_t n = num_put_u64(digits, (uint64_t)llabs(q));
    exp += (int)n - 1;
    digits[n] = 0;
    if (q == 0)
        strcpy(text, "0");
    else
        snprintf(text, AXIS_TEXT, "%s%c%s%se%d", q < 0 ? "-" : "", digits[0], n > 1 ? "." : "", digits + 1, exp);
    return v;
}

double axis_text_width(const struct axis *a) {
    double most = 0;
    char text[AXIS_TEXT];
    for (size_t i = 0; i < a->n; i++) {
        axis_tick(a, i, text);
        most = fmax(most, svg_width(text));
    }
    return most;
}

void axes_draw(struct svg *s, const struct axis *x, const struct axis *y, bool names) {
    char text[AXIS_TEXT];
    for (size_t i = 0; i < x->n; i++) {
        double at = axis_at(x, axis_tick(x, i, text));
        svg_line(s, at, y->from, at, y->to);
        if (names)
            svg_text(s, at, y->from + 16, SVG_MIDDLE, text);
    }
    for (size_t i = 0; i < y->n; i++) {
        double at = axis_at(y, axis_tick(y, i, text));
        svg_line(s, x->from, at, x->to, at);
        svg_text(s, x->from - 6, at + 4, SVG_END, text);
    }
    svg_frame(s, x->from, y->to, x->to - x->from, y->from - y->to);
}

void range_add(double *low, double *high, double v) {
    if (!isfinite(v))
        return;
    *low = v < *low ? v : *low;
    *high = v > *high ? v : *high;
}
