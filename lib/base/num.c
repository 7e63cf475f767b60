/*
 * num.c - decimal numbers to binary and back, in exact integer arithmetic.
 *
 * Reading: mantissas below 2^53 with powers up to 10^22 need one multiplication or division of doubles (Clinger,
 * "How to read floating point numbers accurately", PLDI 1990). Up to 19 digits and 10^+-27, the product or quotient
 * with a power of five (below 2^64) is exact or sticky in 128 bits and rounded once. The rest is strtod's.
 *
 * Writing: x = f 2^e is scaled to an integer m of p digits, m ~ x 10^k, as the ratio of two 128-bit integers, and m
 * is good when it lies nearer to x than half the gap to the next number. FLT_DIG (DBL_DIG) digits come first: where
 * that many are enough, cutting the zeros gives the shortest; else 3 more at most are tried.
 */
#include "base/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef unsigned __int128 u128;

enum { MAX5 = 27 }; /* 5^27 < 2^64 */
/* clang-format off */
static const uint64_t pow5[MAX5 + 1] = {
    1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625, 1220703125, 6103515625,
    30517578125, 152587890625, 762939453125, 3814697265625, 19073486328125, 95367431640625, 476837158203125,
    2384185791015625, 11920928955078125, 59604644775390625, 298023223876953125, 1490116119384765625,
    7450580596923828125,
};
/* clang-format on */

/* strtod in the C locale, whatever the program's is. glibc's "C" locale is static: nothing to free. */
static double c_strtod(const char *s) {
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return strtod_l(s, NULL, c);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

/* For digits (and a point) p[n] times 10^exp, of any length: 800 significant digits and a sticky one decide every
 * rounding (no halfway point between doubles has more than 767). */
static double parse_long(const char *p, size_t n, int64_t exp) {
    enum { KEEP = 800 };
    char text[KEEP + 32];
    size_t kept = 0;
    bool sticky = false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '.' || (kept == 0 && p[i] == '0'))
            continue;
        if (kept < KEEP)
            text[kept++] = p[i];
        else {
            exp++;
            sticky |= p[i] != '0';
        }
    }
    if (kept == 0)
        return 0;
    if (sticky) {
        text[kept++] = '1';
        exp--;
    }
    exp = exp > 99999 ? 99999 : exp < -99999 ? -99999 : exp;
    snprintf(text + kept, sizeof text - kept, "e%d", (int)exp);
    return c_strtod(text);
}

/* mant * 10^exp, rounded once; mant > 0, |exp| <= MAX5. */
static double parse_exact(uint64_t mant, int exp) {
    if (exp >= 0)
        return ldexp((double)((u128)mant * pow5[exp]), exp);
    int up = 64 + __builtin_clzll(mant);
    u128 n = (u128)mant << up, q = n / pow5[-exp];
    if (q * pow5[-exp] != n) /* q has 64 bits or more: its last is far below the rounding */
        q |= 1;
    return ldexp((double)q, exp - up);
}

/* The exponent at *p, an "e" and digits; *p is moved behind it. False where there are no digits. */
static bool parse_exponent(const char **p, const char *end, int64_t *exp) {
    const char *s = *p + 1;
    bool minus = s < end && *s == '-';
    int64_t e = 0;
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    if (s == end || !is_digit(*s))
        return false;
    for (; s < end && is_digit(*s); s++)
        if (e < (int64_t)1 << 50)
            e = e * 10 + (*s - '0');
    *exp = minus ? -e : e;
    *p = s;
    return true;
}

static bool is_missing(const char *p, size_t n) {
    static const char *const words[] = {"", "NA", "NaN", "?", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && (n == 0 || strncasecmp(words[i], p, n) == 0))
            return true;
    return false;
}

/* The decimal number that is all of p..end. */
static bool parse_number(const char *p, const char *end, double *out) {
    static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *start = p;
    uint64_t mant = 0;
    int64_t exp = 0;
    size_t fraction = 0;
    for (; p < end && is_digit(*p); p++)
        mant = mant * 10 + (uint64_t)(*p - '0');
    size_t digits = (size_t)(p - start);
    if (p < end && *p == '.') {
        const char *point = ++p;
        for (; p < end && is_digit(*p); p++)
            mant = mant * 10 + (uint64_t)(*p - '0');
        fraction = (size_t)(p - point);
        digits += fraction;
    }
    if (digits == 0)
        return false;
    size_t n = (size_t)(p - start);
    if (p < end && (*p == 'e' || *p == 'E') && !parse_exponent(&p, end, &exp))
        return false;
    if (p != end)
        return false;
    exp -= (int64_t)fraction;
    if (digits > 19)
        for (const char *z = start; digits > 0 && (*z == '0' || *z == '.'); z++)
            digits -= *z == '0';
    double x;
    if (digits > 19)
        x = parse_long(start, n, exp);
    else if (mant <= (uint64_t)1 << 53 && exp >= -22 && exp <= 22)
        x = exp < 0 ? (double)mant / pow10[-exp] : (double)mant * pow10[exp];
    else if (mant == 0)
        x = 0;
    else if (exp >= -MAX5 && exp <= MAX5)
        x = parse_exact(mant, (int)exp);
    else
        x = parse_long(start, n, exp);
    if (!isfinite(x))
        return false;
    *out = minus ? -x : x;
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

enum num_kind num_parse(const char *p, size_t n, double *out) {
    while (n > 0 && is_blank(*p))
        p++, n--;
    while (n > 0 && is_blank(p[n - 1]))
        n--;
    if (n > 0 && parse_number(p, p + n, out))
        return NUM_NUMBER;
    return is_missing(p, n) ? NUM_MISSING : NUM_TEXT;
}

int num_decimals(const char *p, size_t n) {
    const char *point = NULL, *end = p + n;
    while (end > p && is_blank(end[-1]))
        end--;
    for (; p < end; p++)
        if (*p == 'e' || *p == 'E')
            return -1;
        else if (*p == '.')
            point = p;
    return point ? (int)(end - point - 1) : 0;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* A positive number f 2^e of a type with `bits` bits of mantissa. */
struct binary {
    uint64_t f;
    int e;
    int bits;
    int dig, most; /* decimal digits that any number of the type preserves; that preserve any number of the type */
    bool subnormal;
};

/* m 10^-k */
struct decimal {
    uint64_t m;
    int k;
};

static size_t put_digits(char *out, uint64_t v) {
    char text[20];
    size_t n = sizeof text;
    do {
        text[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    memcpy(out, text + n, sizeof text - n);
    return sizeof text - n;
}

size_t num_put_u64(char *out, uint64_t v) {
    return put_digits(out, v);
}

/* Sets *m to b 10^k rounded to an integer, ties to even; whether m 10^-k reads back as b. |k| <= MAX5, m < 2^60. */
static bool scale(const struct binary *b, int k, uint64_t *m) {
    u128 n = b->f, d = 1, gap = 1; /* b 10^k = n/d, and gap/d is a unit in the last place of b */
    int two = b->e + k;
    if (k >= 0) {
        n *= pow5[k];
        gap = pow5[k];
    } else
        d = pow5[-k];
    if (two >= 0) {
        n <<= two;
        gap <<= two;
    } else
        d <<= -two;
    u128 q = k < 0 ? n / d : two < 0 ? n >> -two : n, low = n - q * d;
    bool up = low > d - low || (low == d - low && (q & 1));
    u128 off = up ? d - low : low;
    *m = (uint64_t)(q + up);
    /* Below a power of two the numbers lie twice as dense. An even mantissa wins ties. */
    bool dense = !up && b->f == (uint64_t)1 << (b->bits - 1) && !b->subnormal;
    u128 room = off << (dense ? 2 : 1);
    return room < gap || (room == gap && (b->f & 1) == 0);
}

/* The same where 128 bits are not enough: b with p digits, by printf. */
static bool print(const struct binary *b, int p, struct decimal *d) {
    char text[40], number[64];
    double x = ldexp((double)b->f, b->e);
    snprintf(text, sizeof text, "%.*e", p - 1, x);
    d->m = 0;
    const char *t = text;
    for (; *t != 'e'; t++) /* skips the point, which may be any locale's */
        if (is_digit(*t))
            d->m = d->m * 10 + (uint64_t)(*t - '0');
    d->k = p - 1 - (int)strtol(t + 1, NULL, 10);
    snprintf(number, sizeof number, "%llue%d", (unsigned long long)d->m, -d->k);
    if (b->bits == DBL_MANT_DIG)
        return c_strtod(number) == x;
    return strtof_l(number, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0)) == (float)x;
}

/* The shortest decimal that reads back as b. */
static struct decimal shortest(const struct binary *b) {
    static const uint64_t pow10[] = {1000000,           10000000,           100000000,          1000000000,
                                     1000000000000000u, 10000000000000000u, 100000000000000000u};
    const uint64_t *limit = b->bits == DBL_MANT_DIG ? pow10 + 4 : pow10; /* 10^p */
    struct decimal d = {0, 0};
    /* floor(log10 2^l), where b is in 2^l .. 2^(l+1): that of b, or one less. */
    int l = 63 - __builtin_clzll(b->f) + b->e, tens = (int)floor(l * 0.30102999566398119521);
    bool good = false;
    for (int p = b->subnormal ? 1 : b->dig; p <= b->most && !good; p++) {
        d.k = p - 1 - tens;
        if (b->subnormal || d.k > MAX5 || d.k <= -MAX5) {
            good = print(b, p, &d);
            continue;
        }
        good = scale(b, d.k, &d.m);
        if (d.m > limit[p - b->dig]) { /* equal: the zeros will be cut */
            tens++;
            good = scale(b, --d.k, &d.m);
        }
    }
    while (d.m && d.m % 10 == 0) {
        d.m /= 10;
        d.k--;
    }
    return d;
}

/* Writes m with a point before its last `k` digits (k > 0), or k zeros behind it (k <= 0). */
static size_t put_positional(char *out, struct decimal d) {
    char text[20];
    size_t n = put_digits(text, d.m), o = 0;
    if (d.k <= 0) {
        memcpy(out, text, n);
        memset(out + n, '0', (size_t)-d.k);
        return n + (size_t)-d.k;
    }
    size_t k = (size_t)d.k;
    if (n <= k) {
        out[o++] = '0';
        out[o++] = '.';
        memset(out + o, '0', k - n);
        o += k - n;
        memcpy(out + o, text, n);
        return o + n;
    }
    memcpy(out, text, n - k);
    out[n - k] = '.';
    memcpy(out + n - k + 1, text + n - k, k);
    return n + 1;
}

static size_t put_shortest(char *out, const struct binary *b) {
    struct decimal d = shortest(b);
    char text[20];
    size_t n = put_digits(text, d.m), o = 1;
    int exp = (int)n - 1 - d.k;
    if (exp >= -5 && exp < 15)
        return put_positional(out, d);
    out[0] = text[0];
    if (n > 1) {
        out[o++] = '.';
        memcpy(out + o, text + 1, n - 1);
        o += n - 1;
    }
    out[o++] = 'e';
    if (exp < 0)
        out[o++] = '-';
    return o + put_digits(out + o, (uint64_t)abs(exp));
}

/* "-" and what is no positive finite number: sets *done where nothing is left to write. */
static size_t put_special(char *out, double x, bool *done) {
    size_t o = 0;
    const char *word = isnan(x) ? "nan" : isinf(x) ? "inf" : x == 0 ? "0" : "";
    if (signbit(x) && !isnan(x))
        out[o++] = '-';
    *done = *word != 0;
    memcpy(out + o, word, strlen(word));
    return o + strlen(word);
}

static struct binary split_double(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    uint64_t f = u & (((uint64_t)1 << 52) - 1);
    int e = (int)(u >> 52 & 0x7ff);
    struct binary b = {f, -1074, DBL_MANT_DIG, DBL_DIG, DBL_DECIMAL_DIG, e == 0};
    if (e > 0) {
        b.f = f | (uint64_t)1 << 52;
        b.e = e - 1075;
    }
    return b;
}

size_t num_put_double(char *out, double x) {
    bool done;
    size_t o = put_special(out, x, &done);
    if (done)
        return o;
    struct binary b = split_double(x);
    return o + put_shortest(out + o, &b);
}

size_t num_put_float(char *out, float x) {
    bool done;
    size_t o = put_special(out, (double)x, &done);
    if (done)
        return o;
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint32_t f = u & 0x7fffff;
    int e = (int)(u >> 23 & 0xff);
    struct binary b = {f, -149, FLT_MANT_DIG, FLT_DIG, FLT_DECIMAL_DIG, e == 0};
    if (e > 0) {
        b.f = f | 0x800000;
        b.e = e - 150;
    }
    return o + put_shortest(out + o, &b);
}

size_t num_put_fixed(char *out, double x, int decimals) {
    static const u128 limit = (u128)1 << 53;
    if (!isfinite(x) || fabs(x) >= 0x1p53)
        return num_put_double(out, x);
    struct binary b = split_double(x);
    u128 m = (u128)b.f * pow5[decimals];
    int two = b.e + decimals; /* |x| 10^decimals = m 2^two, m < 2^88, two <= 15 */
    if (two >= 0)
        m <<= two;
    else if (two > -120)
        m = (m + ((u128)1 << (-two - 1))) >> -two;
    else
        m = 0;
    if (m >= limit)
        return num_put_double(out, x);
    size_t o = 0;
    if (m && x < 0)
        out[o++] = '-';
    return o + put_positional(out + o, (struct decimal){(uint64_t)m, decimals});
}
