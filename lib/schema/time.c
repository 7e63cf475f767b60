/*
 * time.c - points in time as people write them (ISO 8601): 2024-02-29, 2024-02-29T12:34, 2024-02-29 12:34:56.789Z,
 * ...+01:00; seconds or milliseconds since 1970 where a column is said, or found, to hold those.
 */
#include "schema/time.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

static const double DAY = 86400, FIRST_DAY = -719528, LAST_DAY = 2932896; /* 0000-01-01, 9999-12-31 */
enum { MOST_DECIMALS = 6 /* of a double that counts the seconds of a century */ };

/* Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
static long days_from_civil(long y, int m, int d) {
    y -= m <= 2;
    long era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    long doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(long z, long *y, int *m, int *d) {
    z += 719468;
    long era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    long mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

/* n digits at p as a number, -1 where there are others. */
static int digits(const char *p, const char *end, int n) {
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (p + i >= end || !isdigit((unsigned char)p[i]))
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

static bool parse_zone(const char *p, const char *end, char *zone) {
    size_t n = (size_t)(end - p);
    bool offset = (n == 6 && (*p == '+' || *p == '-') && digits(p + 1, end, 2) >= 0 && p[3] == ':' && digits(p + 4, end, 2) >= 0);
    if (n != 0 && !(n == 1 && *p == 'Z') && !offset)
        return false;
    memcpy(zone, p, n);
    zone[n] = 0;
    return true;
}

static bool parse_clock(const char *p, const char *end, struct time_point *t) {
    int hour = digits(p, end, 2), minute = p + 2 < end && p[2] == ':' ? digits(p + 3, end, 2) : -1, second = 0;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    p += 5;
    t->style[1] = 'm';
    double parts = 0, unit = 1; /* of a second */
    if (p < end && *p == ':') {
        second = digits(p + 1, end, 2);
        if (second < 0 || second > 60)
            return false;
        p += 3;
        t->style[1] = 's';
        if (p < end && *p == '.') {
            const char *point = p++;
            for (; p < end && isdigit((unsigned char)*p) && p - point <= 9; p++, unit *= 10)
                parts = parts * 10 + (*p - '0');
            int k = (int)(p - point) - 1;
            if (!k)
                return false;
            t->decimals = k > MOST_DECIMALS ? MOST_DECIMALS : k;
        }
    }
    t->second = hour * 3600 + minute * 60 + second + parts / unit;
    return parse_zone(p, end, t->style + 2);
}

bool time_parse(const char *p, size_t n, struct time_point *t) {
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *end = p + n;
    *t = (struct time_point){0};
    while (p < end && *p == ' ')
        p++;
    while (end > p && end[-1] == ' ')
        end--;
    int year = digits(p, end, 4), month = end - p >= 10 && p[4] == '-' ? digits(p + 5, end, 2) : -1;
    int day = month >= 1 && p[7] == '-' ? digits(p + 8, end, 2) : -1;
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
        return false;
    if (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400)))
        return false;
    t->day = (double)days_from_civil(year, month, day);
    p += 10;
    if (p == end) {
        strcpy(t->style, "d");
        return true;
    }
    t->style[0] = *p;
    return (*p == 'T' || *p == ' ') && parse_clock(p + 1, end, t);
}

const char *time_zone(const char *style) { return strlen(style) > 2 ? style + 2 : ""; }

/* Seconds that clocks of a zone are ahead. */
static double ahead(const char *zone) {
    const char *end = zone + strlen(zone);
    if (*zone != '+' && *zone != '-')
        return 0;
    return (*zone == '-' ? -60 : 60) * (60.0 * digits(zone + 1, end, 2) + digits(zone + 4, end, 2));
}

void time_to_zone(struct time_point *t, const char *zone) {
    const char *own = time_zone(t->style);
    if (!*own || !*zone || !strcmp(own, zone))
        return;
    double second = t->second + ahead(zone) - ahead(own), days = floor(second / DAY);
    t->day += days;
    t->second = second - days * DAY;
    memcpy(t->style + 2, zone, strlen(zone) + 1);
}

bool time_style(const char *style) {
    char text[TIME_MAX];
    struct time_point t;
    if (!strcmp(style, "e") || !strcmp(style, "E"))
        return true;
    if (!*style || strlen(style) >= TIME_STYLE) /* a model file may say anything */
        return false;
    size_t n = time_put(text, style, 0, 0, 0);
    return n && time_parse(text, n, &t) && !strcmp(t.style, style);
}

void time_from_epoch(const char *style, double v, double *day, double *second) {
    double unit = *style == 'E' ? 1000 : 1;
    *day = floor(v / (DAY * unit));
    *second = (v - *day * DAY * unit) / unit;
}

double time_to_epoch(const char *style, double day, double second) {
    double unit = *style == 'E' ? 1000 : 1;
    return floor(day) * DAY * unit + second * unit;
}

size_t time_put(char *out, const char *style, int decimals, double day, double second) {
    long y;
    int m, d, k = decimals < 0 ? 0 : decimals > MOST_DECIMALS ? MOST_DECIMALS : decimals;
    day = floor(day);
    if (!(day >= FIRST_DAY && day <= LAST_DAY))
        return 0;
    if (*style == 'e' || *style == 'E')
        return num_put_fixed(out, time_to_epoch(style, day, second), k);
    long long unit = 1;
    for (int i = 0; i < k; i++)
        unit *= 10;
    double parts = floor(second * (double)unit + 0.5), last = DAY * (double)unit - 1;
    long long at = (long long)(!(parts > 0) ? 0 : parts > last ? last : parts);
    int whole = (int)(at / unit);
    civil_from_days((long)day, &y, &m, &d);
    int n = snprintf(out, TIME_MAX, "%04ld-%02d-%02d", y, m, d);
    if (*style == 'd')
        return (size_t)n;
    n += snprintf(out + n, TIME_MAX - (size_t)n, "%c%02d:%02d", *style, whole / 3600, whole / 60 % 60);
    if (style[1] == 's')
        n += snprintf(out + n, TIME_MAX - (size_t)n, ":%02d", whole % 60);
    if (style[1] == 's' && k)
        n += snprintf(out + n, TIME_MAX - (size_t)n, ".%0*lld", k, at % unit);
    n += snprintf(out + n, TIME_MAX - (size_t)n, "%s", style[1] ? style + 2 : "");
    return (size_t)n;
}
