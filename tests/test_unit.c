/* test_unit.c - numbers with a currency, a unit or commas: what is read, what is refused, and that it is written back. */
#include "base/num.h"
#include "schema/unit.h"
#include "test.h"

static void test_read(void) {
    static const struct {
        const char *text, *plain, *before, *after;
        bool group;
    } known[] = {
        {"$5", "5", "$", "", false},
        {"$1,234.50", "1234.50", "$", "", true},
        {"-$1,234,567", "-1234567", "$", "", true},
        {"$-5.25", "-5.25", "$", "", false},
        {"US$ 12", "12", "US$ ", "", false},
        {"\xe2\x82\xac" "12.00", "12.00", "\xe2\x82\xac", "", false},
        {"12.00 \xe2\x82\xac", "12.00", "", " \xe2\x82\xac", false},
        {"\x80" "12", "12", "\x80", "", false}, /* no UTF-8 */
        {"12.5%", "12.5", "", "%", false},
        {".5%", ".5", "", "%", false},
        {"-3 km/h", "-3", "", " km/h", false},
        {"21\xc2\xb0" "C", "21", "", "\xc2\xb0" "C", false},
        {"1,234", "1234", "", "", true},
        {"12,345,678.25 kg", "12345678.25", "", " kg", true},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct unit u = {0};
        char plain[UNIT_TEXT], back[UNIT_TEXT], again[UNIT_TEXT];
        const char *text = known[i].text;
        size_t n = unit_learn(&u, text, strlen(text), plain);
        bool grouped;
        CHECK(n == strlen(known[i].plain) && !memcmp(plain, known[i].plain, n), "'%s' is read as '%.*s'", text, (int)n, plain);
        CHECK(!strcmp(u.before, known[i].before) && !strcmp(u.after, known[i].after) && u.group == known[i].group,
              "'%s': before '%s', after '%s', commas %d", text, u.before, u.after, u.group);
        size_t m = unit_put(&u, plain, n, back);
        CHECK(unit_strip(&u, back, m, again, &grouped) == n && !memcmp(again, plain, n), "'%s' comes back as '%.*s'", text,
              (int)m, back);
        if (text[0] != '$' || text[1] != '-') /* a sign goes in front of all */
            CHECK(m == strlen(text) && !memcmp(back, text, m), "'%s' is written '%.*s'", text, (int)m, back);
    }
}

static void test_refused(void) {
    static const char *const bad[] = {
        "",       "$",       "kg",        "12",      "-3.5",    "A-17",       "N5",      "INV 12", "12,34",   "1,2345",
        "0,123",  "1234,567", ",123",     "1,23,456", "1.5,000", "12:30",      "1e5",     "1e999",  "0x1F",    "3+",
        "15/08/2021", "2024-02-29", "5 st.", "12 34",  "$$ 5 $5", "--5",        "-$-5",    "1,234,", "5 kilometres long",
        "(5)",    "<5",      "12.3.4",    "#5",      "inf",     "12\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct unit u = {0};
        char plain[UNIT_TEXT], *exact = malloc(strlen(bad[i]) + 1); /* so that a sanitizer sees a read behind the end */
        memcpy(exact, bad[i], strlen(bad[i]));
        CHECK(!unit_learn(&u, exact, strlen(bad[i]), plain), "'%s' is taken", bad[i]);
        CHECK(unit_empty(&u), "'%s' leaves a unit", bad[i]);
        free(exact);
    }
    char longer[UNIT_TEXT + 2], plain[UNIT_TEXT];
    memset(longer, '1', sizeof longer);
    longer[0] = '$';
    struct unit u = {0};
    CHECK(!unit_learn(&u, longer, UNIT_TEXT, plain), "a text too long to keep is taken");
    CHECK(unit_learn(&u, longer, UNIT_TEXT - 1, plain) == UNIT_TEXT - 2, "the longest one is not");
}

static void test_other_unit(void) {
    struct unit dollars = {.before = "$"};
    char plain[UNIT_TEXT];
    bool grouped;
    CHECK(unit_strip(&dollars, "$5", 2, plain, &grouped) == 1 && !grouped, "its own unit");
    CHECK(unit_strip(&dollars, "$5,000", 6, plain, &grouped) == 4 && grouped, "commas are free");
    CHECK(!unit_strip(&dollars, "$5 kg", 5, plain, &grouped), "more behind it");
    CHECK(!unit_strip(&dollars, "5%", 2, plain, &grouped), "another unit");
}

/* Commas from num_put_fixed()'s digits, beside C's own way of placing them. */
static void test_groups(void) {
    struct unit u = {.group = true};
    for (int digits = 1; digits < 14; digits++)
        for (int sign = 0; sign < 2; sign++) {
            char number[NUM_MAX], out[UNIT_TEXT], want[64];
            double v = 1;
            for (int k = 1; k < digits; k++)
                v = v * 10 + (k + 1) % 10;
            size_t n = num_put_fixed(number, sign ? -v : v, 2), len = 0;
            for (size_t i = 0; i < n; i++) {
                size_t left = n - 3 - i; /* digits of the whole part from here on */
                if (i > (size_t)sign && i < n - 3 && left % 3 == 0)
                    want[len++] = ',';
                want[len++] = number[i];
            }
            size_t m = unit_put(&u, number, n, out);
            CHECK(m == len && !memcmp(out, want, m), "'%.*s' for '%.*s'", (int)m, out, (int)len, want);
        }
    char out[UNIT_TEXT];
    CHECK(unit_put(&u, "1e+20", 5, out) == 5 && !memcmp(out, "1e+20", 5), "an exponent is no place for commas");
}

int main(void) {
    test_read();
    test_refused();
    test_other_unit();
    test_groups();
    return test_done();
}
