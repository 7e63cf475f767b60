/* test_num.c - numbers as text, against strtod, strtof and printf. */
#include <locale.h>
#include <stdint.h>
#include <time.h>

#include "base/num.h"
#include "test.h"

static uint64_t state = 1;

/* The next random word: splitmix64. */
static uint64_t next(void) {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static uint64_t bits(double x) {
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double random_double(void) {
    double x;
    do {
        uint64_t u = next();
        memcpy(&x, &u, sizeof x);
    } while (!isfinite(x));
    return x;
}

static float random_float(void) {
    float x;
    do {
        uint32_t u = (uint32_t)next();
        memcpy(&x, &u, sizeof x);
    } while (!isfinite(x));
    return x;
}

static const struct {
    const char *cell;
    enum num_kind kind;
    double value;
    int decimals;
} cells[] = {
    {"0.4821", NUM_NUMBER, 0.4821, 4},
    {"-13.25", NUM_NUMBER, -13.25, 2},
    {"1042", NUM_NUMBER, 1042, 0},
    {"+7", NUM_NUMBER, 7, 0},
    {".5", NUM_NUMBER, 0.5, 1},
    {"5.", NUM_NUMBER, 5, 0},
    {" \t2.50 ", NUM_NUMBER, 2.5, 2},
    {"-0", NUM_NUMBER, -0.0, 0},
    {"-0.00000000000000000000000000000", NUM_NUMBER, -0.0, 29},
    {"1e3", NUM_NUMBER, 1000, -1},
    {"1.5E-3", NUM_NUMBER, 0.0015, -1},
    {"1e+2", NUM_NUMBER, 100, -1},
    {"0e999999999999999999999999", NUM_NUMBER, 0, -1},
    {"1e-999999999999999999999999", NUM_NUMBER, 0, -1},
    {"1.7976931348623157e308", NUM_NUMBER, 1.7976931348623157e308, -1},
    {"1.7976931348623159e308", NUM_TEXT, 0, 0},
    {"4.9406564584124654e-324", NUM_NUMBER, 4.9406564584124654e-324, -1},
    {"2.4703282292062327e-324", NUM_NUMBER, 0, -1},
    {"2.4703282292062328e-324", NUM_NUMBER, 4.9406564584124654e-324, -1},
    {"2.2250738585072012e-308", NUM_NUMBER, 2.2250738585072012e-308, -1},
    {"9007199254740993", NUM_NUMBER, 9007199254740992, 0}, /* halfway: even */
    {"9007199254740995", NUM_NUMBER, 9007199254740996, 0},
    {"9007199254740993.00000000000000000000000000000000001", NUM_NUMBER, 9007199254740994, 35},
    {"18446744073709551615", NUM_NUMBER, 18446744073709551616.0, 0},
    {"0.1000000000000000055511151231257827", NUM_NUMBER, 0.1, 34},
    {"00000000000000000000000000001.5", NUM_NUMBER, 1.5, 1},
    {"", NUM_MISSING, 0, 0},
    {"  ", NUM_MISSING, 0, 0},
    {"NA", NUM_MISSING, 0, 0},
    {"na", NUM_MISSING, 0, 0},
    {"NaN", NUM_MISSING, 0, 0},
    {" nan ", NUM_MISSING, 0, 0},
    {"?", NUM_MISSING, 0, 0},
    {"NULL", NUM_MISSING, 0, 0},
    {"inf", NUM_TEXT, 0, 0},
    {"-Infinity", NUM_TEXT, 0, 0},
    {"1e309", NUM_TEXT, 0, 0},
    {"0x10", NUM_TEXT, 0, 0},
    {"1e", NUM_TEXT, 0, 0},
    {"1e+", NUM_TEXT, 0, 0},
    {"1,5", NUM_TEXT, 0, 0},
    {"1.2.3", NUM_TEXT, 0, 0},
    {"--1", NUM_TEXT, 0, 0},
    {".", NUM_TEXT, 0, 0},
    {"-", NUM_TEXT, 0, 0},
    {"1 2", NUM_TEXT, 0, 0},
    {"12a", NUM_TEXT, 0, 0},
    {"e5", NUM_TEXT, 0, 0},
    {"\xc2\xa0"
     "1",
     NUM_TEXT, 0, 0},
};

static void test_cells(void) {
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        /* A copy without a NUL: nothing behind the cell may be read. */
        size_t n = strlen(cells[i].cell);
        char *cell = malloc(n ? n : 1);
        double x = 0;
        memcpy(cell, cells[i].cell, n);
        enum num_kind kind = num_parse(cell, n, &x);
        CHECK(kind == cells[i].kind, "\"%s\" is of kind %d", cells[i].cell, (int)kind);
        if (cells[i].kind == NUM_NUMBER) {
            CHECK(bits(x) == bits(cells[i].value), "\"%s\" reads as %.17g", cells[i].cell, x);
            CHECK(num_decimals(cell, n) == cells[i].decimals, "\"%s\" has %d", cells[i].cell, num_decimals(cell, n));
        }
        free(cell);
    }
}

/* Reads `cell` as strtod does. */
static int same_as_strtod(const char *cell) {
    double x = 0, want = strtod(cell, NULL);
    enum num_kind kind = num_parse(cell, strlen(cell), &x);
    return isfinite(want) ? kind == NUM_NUMBER && bits(x) == bits(want) : kind == NUM_TEXT;
}

static void test_random_cells(void) {
    char cell[128];
    int bad = 0;
    for (int i = 0; i < 1000000; i++) {
        int digits = 1 + (int)(next() % 24), point = (int)(next() % 26), n = 0;
        if (next() & 1)
            cell[n++] = '-';
        for (int d = 0; d < digits; d++) {
            if (d == point)
                cell[n++] = '.';
            cell[n++] = (char)('0' + next() % 10);
        }
        if (next() % 3 == 0) {
            int range = next() % 4 == 0 ? 340 : 30;
            n += sprintf(cell + n, "e%d", (int)(next() % (uint64_t)(2 * range)) - range);
        }
        cell[n] = 0;
        bad += !same_as_strtod(cell);
    }
    CHECK(bad == 0, "%d random cells differ from strtod", bad);
    bad = 0;
    for (int i = 0; i < 200000; i++) {
        sprintf(cell, "%.*g", 15 + (int)(next() % 6), random_double());
        bad += !same_as_strtod(cell);
    }
    CHECK(bad == 0, "%d random doubles differ from strtod", bad);
}

/* The decimal exactly between two neighbours, and a little more and less than it. */
static void test_halfway(void) {
    static char cell[1300];
    int bad = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t f = (next() >> 11) | (uint64_t)1 << 52;
        int e = (int)(next() % 61) - 50;
        long double half = ldexpl((long double)(2 * f + 1), e - 1);
        int n = snprintf(cell, sizeof cell, "%.60Lf", half); /* exact: at most 51 digits behind the point */
        bad += !same_as_strtod(cell);
        strcpy(cell + n, "1");
        bad += !same_as_strtod(cell);
    }
    for (int i = 0; i < 300; i++) { /* the longest: subnormals and small ones, 1080 digits behind the point */
        long double half = ldexpl((long double)(2 * (next() >> (11 + next() % 40)) + 1), -1075);
        int n = snprintf(cell, sizeof cell, "%.1090Lf", half);
        bad += !same_as_strtod(cell);
        cell[n - 1] = '1';
        bad += !same_as_strtod(cell);
    }
    CHECK(bad == 0, "%d halfway cells differ from strtod", bad);
}

/* A cell of a megabyte of digits. */
static void test_long(void) {
    size_t n = 1 << 20;
    char *cell = malloc(n + 32);
    double x = 0;
    memset(cell, '0', n);
    cell[1] = '.';
    strcpy(cell + n, "1e1048575");
    CHECK(num_parse(cell, strlen(cell), &x) == NUM_NUMBER && x == 1, "0.000...1e1048575 reads as %g", x);
    memset(cell, '9', n);
    strcpy(cell + n, "e-1048576");
    CHECK(num_parse(cell, strlen(cell), &x) == NUM_NUMBER && x == 1, "999...e-1048576 reads as %g", x);
    CHECK(num_parse(cell, n, &x) == NUM_TEXT, "999... is a number");
    free(cell);
}

/* Digits without sign, point, exponent and outer zeros. */
static int significant(const char *text) {
    int n = 0, zeros = 0;
    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9') {
            if (*text == '0')
                zeros += n > 0;
            else {
                n += zeros + 1;
                zeros = 0;
            }
        }
    return n;
}

static int float_is_shortest(float x, char *text) {
    char other[64];
    size_t n = num_put_float(text, x);
    text[n] = 0;
    float back = strtof(text, NULL);
    if (n > NUM_MAX || memcmp(&back, &x, sizeof x) != 0)
        return 0;
    for (int p = 1; p < 9; p++) {
        sprintf(other, "%.*e", p - 1, (double)x);
        if (strtof(other, NULL) == x)
            return significant(text) <= p;
    }
    return 1;
}

static int double_is_shortest(double x, char *text) {
    char other[64];
    size_t n = num_put_double(text, x);
    text[n] = 0;
    if (n > NUM_MAX || bits(strtod(text, NULL)) != bits(x))
        return 0;
    for (int p = 1; p < 17; p++) {
        sprintf(other, "%.*e", p - 1, x);
        if (strtod(other, NULL) == x)
            return significant(text) <= p;
    }
    return 1;
}

static void test_shortest(void) {
    char text[NUM_MAX + 1] = "";
    for (int e = -149; e < 128; e++) /* the gaps differ on both sides of a power of two */
        for (int d = -1; d <= 1; d++) {
            float x = d ? nextafterf(ldexpf(1, e), d > 0 ? INFINITY : 0) : ldexpf(1, e);
            CHECK(float_is_shortest(x, text), "%.9g as %s", (double)x, text);
        }
    for (int e = -1074; e < 1024; e++)
        for (int d = -1; d <= 1; d++) {
            double x = d ? nextafter(ldexp(1, e), d > 0 ? INFINITY : 0) : ldexp(1, e);
            CHECK(double_is_shortest(x, text), "%.17g as %s", x, text);
        }
    for (int i = 0; i < 300000; i++) {
        float x = i % 2 ? random_float()
                        : (float)ldexp(random_float() > 0 ? 1 : -1, (int)(next() % 60) - 30) *
                              (float)(next() % 100000) / 1000;
        if (!float_is_shortest(x, text))
            CHECK(0, "%.9g as %s", (double)x, text);
    }
    for (int i = 0; i < 60000; i++) {
        double x = i % 3 == 0 ? random_double() : ldexp((double)(next() >> 11), (int)(next() % 90) - 100);
        if (i % 3 == 1)
            x = (double)(int64_t)(next() % 2000000000000) / 1e6;
        if (!double_is_shortest(x, text))
            CHECK(0, "%.17g as %s", x, text);
    }
}

static void test_form(void) {
    static const struct {
        double x;
        const char *text, *as_float;
    } forms[] = {
        {0, "0", "0"},
        {-0.0, "-0", "-0"},
        {0.1, "0.1", "0.1"},
        {-2.5, "-2.5", "-2.5"},
        {100, "100", "100"},
        {1e14, "100000000000000", "100000000000000"},
        {1e15, "1e15", "1e15"},
        {123456789, "123456789", "123456790"},
        {0.00001, "0.00001", "0.00001"},
        {0.0000099, "9.9e-6", "9.9e-6"},
        {1.5e-300, "1.5e-300", "0"},
        {9.9999999, "9.9999999", "10"},
        {0.99999994, "0.99999994", "0.99999994"},
        {16777216, "16777216", "16777216"},
        {INFINITY, "inf", "inf"},
        {-INFINITY, "-inf", "-inf"},
        {NAN, "nan", "nan"},
    };
    char text[NUM_MAX + 1];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        text[num_put_double(text, forms[i].x)] = 0;
        CHECK(strcmp(text, forms[i].text) == 0, "%g as %s", forms[i].x, text);
        text[num_put_float(text, (float)forms[i].x)] = 0;
        CHECK(strcmp(text, forms[i].as_float) == 0, "%g as float %s", forms[i].x, text);
    }
    static const uint64_t whole[] = {0, 9, 10, 12345, UINT64_MAX};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        char want[32];
        sprintf(want, "%llu", (unsigned long long)whole[i]);
        text[num_put_u64(text, whole[i])] = 0;
        CHECK(strcmp(text, want) == 0, "%s as %s", want, text);
    }
}

static void test_fixed(void) {
    static const struct {
        double x;
        int decimals;
        const char *text;
    } forms[] = {
        {0, 0, "0"},
        {0, 2, "0.00"},
        {-0.0, 1, "0.0"},
        {-0.004, 2, "0.00"},
        {-0.005, 2, "-0.01"},
        {0.5, 0, "1"},
        {1.5, 0, "2"},
        {2.5, 0, "3"},
        {-2.5, 0, "-3"},
        {0.125, 2, "0.13"},
        {1.005, 2, "1.00"},
        {99.995, 2, "100.00"},
        {1e-300, 15, "0.000000000000000"},
        {1e15, 0, "1000000000000000"},
        {1e22, 3, "1e22"},
        {5e-324, 0, "0"},
        {123.456, 1, "123.5"},
        {9007199254740991, 0, "9007199254740991"},
        {9007199254740992, 0, "9.007199254740992e15"},
    };
    char text[NUM_MAX + 1], want[64];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        text[num_put_fixed(text, forms[i].x, forms[i].decimals)] = 0;
        CHECK(strcmp(text, forms[i].text) == 0, "%.17g, %d: %s", forms[i].x, forms[i].decimals, text);
    }
    int bad = 0;
    for (int i = 0; i < 500000; i++) { /* random doubles are no ties, so printf rounds the same way */
        int decimals = (int)(next() % 16);
        double x = ldexp((double)(int64_t)next(), -63) * pow(10, (int)(next() % 14) - (double)decimals);
        text[num_put_fixed(text, x, decimals)] = 0;
        sprintf(want, "%.*f", decimals, x);
        const char *w = want + (*want == '-' && strspn(want, "-0.") == strlen(want));
        bad += fabs(x) * pow(10, decimals) < 0x1p52 && strcmp(text, w) != 0;
    }
    CHECK(bad == 0, "%d numbers differ from printf's", bad);
}

/* What takes how long; looked at by people, checked only for being sane. */
static double ns(clock_t start, double n) {
    return (double)(clock() - start) / CLOCKS_PER_SEC * 1e9 / n;
}

static void test_speed(void) {
    static const char *const typical[] = {"0.4821", "-13.25", "1042", "7.0", "0.039215686", "-1.2345678901234567"};
    enum { ROUNDS = 300000, CELLS = sizeof typical / sizeof *typical };
    double sum = 0, bytes = 0, x;
    char text[NUM_MAX + 1];
    clock_t t = clock();
    for (int i = 0; i < ROUNDS; i++)
        for (size_t c = 0; c < CELLS; c++) {
            num_parse(typical[c], strlen(typical[c]), &x);
            sum += x;
        }
    for (size_t c = 0; c < CELLS; c++)
        bytes += (double)strlen(typical[c]) + 1;
    double read = ns(t, ROUNDS);
    size_t length = 0;
    t = clock();
    for (int i = 0; i < ROUNDS; i++)
        length += num_put_float(text, (float)(i * 0.37) - 1000);
    double put_float = ns(t, ROUNDS);
    t = clock();
    for (int i = 0; i < ROUNDS; i++)
        length += num_put_double(text, i * 0.37 - 1000);
    double put_double = ns(t, ROUNDS);
    t = clock();
    for (int i = 0; i < ROUNDS; i++)
        length += num_put_fixed(text, i * 0.37 - 1000, 2);
    double put_fixed = ns(t, ROUNDS);
    printf("read %.0f MB/s; write float %.0f ns, double %.0f ns, fixed %.0f ns\n", bytes * 1e3 / read, put_float,
           put_double, put_fixed);
    CHECK(put_float < 5000 && put_double < 10000 && isfinite(sum) && length > 0, "too slow: %g", put_float);
}

int main(void) {
    test_cells();
    test_random_cells();
    test_halfway();
    test_long();
    test_shortest();
    test_form();
    test_fixed();
    if (setlocale(LC_ALL, "de_DE.UTF-8")) { /* a decimal comma changes nothing, where there is such a locale */
        test_cells();
        test_form();
        setlocale(LC_ALL, "C");
    }
    test_speed();
    return test_done();
}
