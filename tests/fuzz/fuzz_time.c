/*
 * fuzz_time.c - any bytes as a point in time, as its style, and as numbers to be written as one.
 *
 * What must hold: a time that is read is written as another text of the same time, which is written as itself; a style is
 * one that something can be written and read in; and a text written from numbers is a time, of that day.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "fuzz_time: %s\n", what);
        abort();
    }
}

/* A text written in a style of dates is read again: the same day and, as far as its digits go, second. */
static void check_written(const char *style, int decimals, double day, double second) {
    char text[TIME_MAX], again[TIME_MAX];
    struct time_point t;
    size_t n = time_put(text, style, decimals, day, second), m;
    if (!n || *style == 'e' || *style == 'E')
        return;
    must(n < TIME_MAX && time_parse(text, n, &t), "what was written is no time");
    must(!strcmp(t.style, style), "it has another style");
    must(t.day <= floor(day) && t.day >= floor(day), "it is of another day");
    m = time_put(again, t.style, t.decimals, t.day, t.second);
    must(m == n && !memcmp(text, again, n), "read and written again it is another text");
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct time_point t;
    double number[2] = {0, 0};
    char *copy = malloc(n + 1); /* its end is watched, too */
    if (!copy)
        return 0;
    memcpy(copy, p, n);
    if (time_parse(copy, n, &t)) {
        must(time_style(t.style), "the style of what was read is none");
        must(t.second >= 0 && t.second <= 86400 && t.decimals >= 0 && t.decimals <= 6, "odd numbers");
        check_written(t.style, t.decimals, t.day, t.second);
    }
    copy[n] = 0;
    bool style = time_style(copy);
    must(!style || strlen(copy) < TIME_STYLE, "a style too long to keep");
    if (n >= sizeof number) {
        memcpy(number, p, sizeof number);
        for (int decimals = -1; decimals < 8; decimals += 4) {
            check_written("d", decimals, number[0], number[1]);
            check_written("Ts+01:00", decimals, number[0], number[1]);
            check_written(" m", decimals, number[0], number[1]);
        }
        double day, second;
        time_from_epoch("e", number[0], &day, &second);
        if (fabs(number[0]) < 1e11)
            must(second > -1e-9 && second <= 86400 && fabs(time_to_epoch("e", day, second) - number[0]) < 1e-4, "an epoch changes");
        char text[TIME_MAX];
        must(time_put(text, "E", 6, day, second) < TIME_MAX, "an epoch that is too long");
    }
    free(copy);
    return 0;
}
