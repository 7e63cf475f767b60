/* unit.c - numbers with a currency, a unit, or commas between thousands. */
#include "schema/unit.h"

#include <string.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_high(char c) { return (unsigned char)c >= 0x80; }

/* A currency: "$", "US$", "€ ". What begins with letters alone is a name with a number ("A-17"). */
static bool good_before(const char *p, size_t n) {
    if (n >= UNIT_SIZE)
        return false;
    while (n && p[n - 1] == ' ')
        n--;
    for (size_t i = 0; i < n; i++)
        if (!is_high(p[i]) && p[i] != '$' && (p[i] < 'A' || p[i] > 'Z'))
            return false;
    return n == 0 || p[n - 1] == '$' || is_high(p[n - 1]);
}

static bool good_after(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z');
        if (!letter && !is_high(p[i]) && !memchr("%/$ ", p[i], 4))
            return false;
    }
    return n < UNIT_SIZE;
}

/* Digits from p[*i], perhaps with commas, appended to plain; false where commas stand wrongly. */
static bool whole_part(const char *p, size_t n, size_t *i, char *plain, size_t *len, bool *grouped) {
    size_t first = *i, run = 0;
    *grouped = false;
    for (; *i < n && (is_digit(p[*i]) || (p[*i] == ',' && *i + 1 < n && is_digit(p[*i + 1]))); ++*i) {
        if (is_digit(p[*i])) {
            plain[(*len)++] = p[*i];
            run++;
            continue;
        }
        if (*grouped ? run != 3 : run < 1 || run > 3 || p[first] == '0')
            return false;
        *grouped = true, run = 0;
    }
    return !*grouped || run == 3;
}

/* The text taken apart: sign, before, number, after. */
static size_t take_apart(struct unit *u, const char *p, size_t n, char *plain) {
    size_t i = 0, len = 0;
    if (n >= UNIT_TEXT || n == 0)
        return 0;
    bool minus = p[0] == '-';
    i += minus;
    size_t from = i;
    while (i < n && !is_digit(p[i]) && p[i] != '.' && p[i] != '-')
        i++;
    if (!good_before(p + from, i - from))
        return 0;
    memcpy(u->before, p + from, i - from);
    if (i < n && p[i] == '-' && !minus)
        minus = true, i++;
    if (minus)
        plain[len++] = '-';
    size_t digits = len;
    if (!whole_part(p, n, &i, plain, &len, &u->group))
        return 0;
    digits = len - digits;
    if (i < n && p[i] == '.') {
        plain[len++] = p[i++];
        for (; i < n && is_digit(p[i]); i++, digits++)
            plain[len++] = p[i];
    }
    if (!digits || !good_after(p + i, n - i))
        return 0;
    memcpy(u->after, p + i, n - i);
    return len;
}

size_t unit_learn(struct unit *u, const char *p, size_t n, char *plain) {
    struct unit found = {0};
    size_t len = take_apart(&found, p, n, plain);
    if (len && unit_empty(&found)) /* what num_parse() did not want */
        len = 0;
    if (len)
        *u = found;
    return len;
}

size_t unit_strip(const struct unit *u, const char *p, size_t n, char *plain, bool *grouped) {
    struct unit found = {0};
    size_t len = take_apart(&found, p, n, plain);
    *grouped = found.group;
    return !strcmp(u->before, found.before) && !strcmp(u->after, found.after) ? len : 0;
}

size_t unit_put(const struct unit *u, const char *number, size_t n, char *out) {
    size_t len = 0, i = 0;
    if (n && number[0] == '-')
        out[len++] = number[i++];
    memcpy(out + len, u->before, strlen(u->before));
    len += strlen(u->before);
    size_t whole = i;
    while (whole < n && is_digit(number[whole]))
        whole++;
    bool fixed = whole == n || number[whole] == '.'; /* no exponent */
    for (; i < n; i++) {
        out[len++] = number[i];
        if (u->group && fixed && i + 1 < whole && (whole - i - 1) % 3 == 0)
            out[len++] = ',';
    }
    memcpy(out + len, u->after, strlen(u->after));
    return len + strlen(u->after);
}
