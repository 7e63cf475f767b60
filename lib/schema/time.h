/*
 * time.h - points in time and their texts.
 *
 * A style says how they are written: "d" a date; "e" and "E" seconds and milliseconds since 1970; else the separator (T or
 * blank), m or s for what ends it, and the zone: "Ts+01:00" is 2024-02-29T12:34:56+01:00.
 */
#ifndef SCHEMA_TIME_H
#define SCHEMA_TIME_H

#include <stdbool.h>
#include <stddef.h>

enum { TIME_MAX = 64, TIME_STYLE = 16, TIME_ZONE = 7 /* "+01:00" */ };

struct time_point {
    double day, second;      /* since 1970-01-01; of the day, both as written: in the zone that the style names */
    int decimals;            /* of the second */
    char style[TIME_STYLE];  /* schema_col.time */
};
/* False for what is no time as ISO 8601 writes it, and no day of the calendar. */
bool time_parse(const char *p, size_t n, struct time_point *);
/* The zone a style names: "Z", "+01:00"; "" for none. */
const char *time_zone(const char *style);
/* The same instant in another zone; a point without a zone is in any, and none is left. */
void time_to_zone(struct time_point *, const char *zone);
/* The text of a point in a style (out[TIME_MAX]), decimals 0..6; its bytes, 0 for a day before the year 0 or behind 9999. */
size_t time_put(char *out, const char *style, int decimals, double day, double second);
/* Is it one that time_parse() gives, or that of seconds or milliseconds? */
bool time_style(const char *style);
/* Seconds ("e") or milliseconds ("E") since 1970 as a day and its second, and back. */
void time_from_epoch(const char *style, double v, double *day, double *second);
double time_to_epoch(const char *style, double day, double second);

#endif
