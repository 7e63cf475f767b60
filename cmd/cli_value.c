/* cli_value.c - values of options: from text, checked against their range, and as text again for --help. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const size_t MOST = (size_t)1 << 53; /* counts are exact as doubles */

static double highest(const struct cli_opt *o) {
    return o->hi > 0 || o->lo < 0 ? o->hi : o->kind == CLI_REAL ? INFINITY : (double)MOST;
}

static void expect_number(const struct cli_opt *o, char *out, size_t size) {
    double hi = highest(o);
    if (!(hi < (double)MOST))
        snprintf(out, size, "a number from %.16g up", o->lo);
    else
        snprintf(out, size, "a number from %.16g to %.16g", o->lo, hi);
}

/* The n bytes at p as a decimal count in the range of o. */
static bool read_count(const struct cli_opt *o, const char *p, size_t n, size_t *out) {
    size_t v = 0;
    if (n == 0 || n > 18)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (size_t)(p[i] - '0');
    }
    *out = v;
    return (double)v >= o->lo && (double)v <= highest(o);
}

static bool read_real(const struct cli_opt *o, const char *text, double *out) {
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false;
    *out = strtod(text, &end);
    return !*end && *out >= o->lo && *out <= highest(o) && isfinite(*out);
}

static bool read_range(const struct cli_opt *o, const char *text, struct cli_range *out) {
    char from[64];
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : sizeof from;
    if (n >= sizeof from)
        return false;
    memcpy(from, text, n);
    from[n] = 0;
    return read_real(o, from, &out->from) && read_real(o, colon + 1, &out->to);
}

static bool read_window(const struct cli_opt *o, const char *text, struct cli_window *out) {
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    out->step = 0;
    return read_count(o, text, n, &out->rows) && (!colon || read_count(o, colon + 1, strlen(colon + 1), &out->step));
}

static bool read_bytes(const char *text, uint64_t *out) {
    size_t digits = strspn(text, "0123456789"), v;
    const struct cli_opt any = {.kind = CLI_COUNT};
    static const char suffix[] = "kMGT";
    const char *s = text[digits] ? strchr(suffix, text[digits]) : NULL;
    if (!read_count(&any, text, digits, &v) || v == 0 || (text[digits] && (!s || text[digits + 1])))
        return false;
    unsigned shift = s ? 10 * (unsigned)(s - suffix + 1) : 0;
    *out = (uint64_t)v << shift;
    return *out >> shift == v;
}

static bool read_time(const struct cli_opt *o, const char *text, double *out) {
    static const char suffix[] = "smh";
    static const double seconds[] = {1, 60, 3600};
    char number[32];
    size_t n = strlen(text);
    const char *s = n > 1 && n <= sizeof number ? strchr(suffix, text[n - 1]) : NULL;
    if (!s)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)(n - 1), text);
    if (!read_real(o, number, out))
        return false;
    *out *= seconds[s - suffix];
    return true;
}

static bool read_reals(const struct cli_opt *o, const char *text, struct cli_reals *out) {
    static const size_t most = sizeof out->item / sizeof *out->item;
    for (out->n = 0; text && out->n < most; out->n++) {
        const char *comma = strchr(text, ',');
        char number[32];
        size_t n = comma ? (size_t)(comma - text) : strlen(text);
        if (n >= sizeof number)
            return false;
        snprintf(number, sizeof number, "%.*s", (int)n, text);
        if (!read_real(o, number, &out->item[out->n]))
            return false;
        text = comma ? comma + 1 : NULL;
    }
    return !text;
}

static bool read_seed(const char *text, struct cli_seed *out) {
    char *end;
    out->random = !strcmp(text, "random");
    if (out->random)
        return getrandom(&out->value, sizeof out->value, 0) == (ssize_t)sizeof out->value;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    out->value = v;
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static bool read_char(const char *text, char *out) {
    bool tab = !strcmp(text, "tab");
    *out = tab ? '\t' : *text;
    return tab || (*text && !text[1] && !strchr("\"\r\n", *text));
}

static bool read_name(const struct cli_opt *o, const char *text) {
    const char *name;
    size_t n = o->kind == CLI_FORMAT ? strcspn(text, ":") : strlen(text); /* what is behind it is for the library */
    for (size_t i = 0; (name = o->names(i)); i++)
        if (!strncmp(name, text, n) && !name[n]) {
            if (o->kind == CLI_CHOICE)
                *(int *)o->to = (int)i;
            else
                *(const char **)o->to = text;
            return true;
        }
    return false;
}

static bool add_text(const char *text, size_t n, struct cli_list *out) {
    char **more = realloc(out->item, (out->n + 1) * sizeof *more);
    if (more)
        out->item = more;
    if (!more || !(out->item[out->n] = strndup(text, n)))
        return false;
    out->n++;
    return true;
}

static bool read_list(const char *text, struct cli_list *out) {
    while (text) {
        const char *comma = strchr(text, ',');
        size_t n = comma ? (size_t)(comma - text) : strlen(text);
        if (n == 0 || !add_text(text, n, out))
            return false;
        text = comma ? comma + 1 : NULL;
    }
    return true;
}

static bool read_counts(const struct cli_opt *o, const char *text, char between, struct cli_counts *out) {
    out->n = 0;
    while (text) {
        const char *end = strchr(text, between);
        size_t n = end ? (size_t)(end - text) : strlen(text);
        if (out->n == sizeof out->item / sizeof *out->item || !read_count(o, text, n, &out->item[out->n++]))
            return false;
        text = end ? end + 1 : NULL;
    }
    return true;
}

static bool read_of(const struct cli_opt *o, const char *text, struct cli_of *out) {
    const char *slash = strchr(text, '/');
    return slash && read_count(o, text, (size_t)(slash - text), &out->k) &&
           read_count(o, slash + 1, strlen(slash + 1), &out->n) && out->k <= out->n;
}

char *cli_names_list(cli_names *names, char *out, size_t size) {
    size_t at = 0;
    *out = 0;
    for (size_t i = 0; names(i) && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i == 0 ? "" : names(i + 1) ? ", " : " or ", names(i));
    return out;
}

bool cli_value_read(const struct cli_opt *o, const char *value, char *expected, size_t size) {
    size_t count;
    bool ok;
    expect_number(o, expected, size);
    switch (o->kind) {
    case CLI_TEXT:
        *(const char **)o->to = value;
        snprintf(expected, size, "a %s", o->arg);
        return *value;
    case CLI_COUNT:
        return read_count(o, value, strlen(value), o->to);
    case CLI_INT:
        ok = read_count(o, value, strlen(value), &count) && count <= 1 << 30;
        if (ok)
            *(int *)o->to = (int)count;
        return ok;
    case CLI_REAL:
        return read_real(o, value, o->to);
    case CLI_BYTES:
        snprintf(expected, size, "a size such as 500M or 2G");
        return read_bytes(value, o->to);
    case CLI_TIME:
        snprintf(expected, size, "a time such as 90s, 10m or 1.5h");
        return read_time(o, value, o->to);
    case CLI_SEED:
        snprintf(expected, size, "a number from 0 to 18446744073709551615, or random");
        return read_seed(value, o->to);
    case CLI_CHAR:
        snprintf(expected, size, "one character, or tab");
        return read_char(value, o->to);
    case CLI_CHOICE:
    case CLI_NAME:
    case CLI_FORMAT:
        cli_names_list(o->names, expected, size);
        return read_name(o, value);
    case CLI_LIST:
        snprintf(expected, size, "%s with commas between",
                 strcmp(o->arg, "COLS") ? "texts" : "names or numbers of columns");
        return read_list(value, o->to);
    case CLI_TEXTS:
        snprintf(expected, size, "a text");
        return *value && add_text(value, strlen(value), o->to);
    case CLI_COUNTS:
        snprintf(expected, size, "up to %zu numbers from %g to %g with commas between",
                 sizeof((struct cli_counts *)0)->item / sizeof(size_t), o->lo, o->hi);
        return read_counts(o, value, ',', o->to);
    case CLI_REALS:
        snprintf(expected, size, "up to %zu numbers from %g to %g with commas between",
                 sizeof((struct cli_reals *)0)->item / sizeof(double), o->lo, o->hi);
        return read_reals(o, value, o->to);
    case CLI_SIZES:
        snprintf(expected, size, "numbers from %g to %g like 28x28", o->lo, o->hi);
        return read_counts(o, value, 'x', o->to);
    case CLI_OF:
        snprintf(expected, size, "K/N such as 3/5, both from %g to %g", o->lo, o->hi);
        return read_of(o, value, o->to);
    case CLI_WINDOW:
        snprintf(expected, size, "a number from %g to %g, or two with a colon between, such as 20:5", o->lo, o->hi);
        return read_window(o, value, o->to);
    case CLI_RANGE:
        snprintf(expected, size, "two numbers from %g to %g with a colon between, such as %s", o->lo, o->hi, o->lo < 0 ? "-3:3" : "20:1");
        return read_range(o, value, o->to);
    case CLI_FLAG:
    case CLI_SET:
    case CLI_HELP:
    case CLI_VERSION:
        break;
    }
    return false; /* takes no value */
}

char *cli_value_show(const struct cli_opt *o, char *out, size_t size) {
    const struct cli_counts *counts = o->to;
    const struct cli_seed *seed = o->to;
    *out = 0;
    switch (o->kind) {
    case CLI_TEXT:
    case CLI_NAME:
    case CLI_FORMAT:
        snprintf(out, size, "%s", *(const char *const *)o->to ? *(const char *const *)o->to : "");
        break;
    case CLI_COUNT: /* no count below its range, no negative number and no NaN is a value: chosen later */
        if ((double)*(const size_t *)o->to >= o->lo && *(const size_t *)o->to > 0 && *(const size_t *)o->to < SIZE_MAX)
            snprintf(out, size, "%zu", *(const size_t *)o->to);
        break;
    case CLI_INT:
        if (*(const int *)o->to >= (int)o->lo)
            snprintf(out, size, "%d", *(const int *)o->to);
        break;
    case CLI_REAL:
        if (*(const double *)o->to >= o->lo)
            snprintf(out, size, "%g", *(const double *)o->to);
        break;
    case CLI_TIME:
        if (*(const double *)o->to > 0)
            snprintf(out, size, "%gs", *(const double *)o->to);
        break;
    case CLI_BYTES:
        if (*(const uint64_t *)o->to)
            snprintf(out, size, "%lluM", (unsigned long long)(*(const uint64_t *)o->to >> 20));
        break;
    case CLI_SEED:
        snprintf(out, size, "%llu", (unsigned long long)seed->value);
        break;
    case CLI_CHAR:
        snprintf(out, size, "%.1s", (const char *)o->to);
        break;
    case CLI_CHOICE:
        snprintf(out, size, "%s", o->names((size_t)*(const int *)o->to));
        break;
    case CLI_COUNTS:
        for (size_t i = 0, at = 0; i < counts->n && at < size; i++)
            at += (size_t)snprintf(out + at, size - at, "%s%zu", i ? "," : "", counts->item[i]);
        break;
    case CLI_FLAG:
    case CLI_SET:
    case CLI_LIST:
    case CLI_TEXTS:
    case CLI_REALS:
    case CLI_SIZES:
    case CLI_OF:
    case CLI_WINDOW:
    case CLI_RANGE: /* what it is without one depends on other options */
    case CLI_HELP:
    case CLI_VERSION:
        break;
    }
    return out;
}
