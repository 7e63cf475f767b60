/* test_time.c - points in time as text: known days (from GNU date), every day of 800 years, styles, what is no time. */
#include "schema/time.h"
#include "test.h"

static void test_known(void) {
    static const struct {
        const char *text;
        double day, second;
        const char *style;
        int decimals;
    } known[] = {
        {"1970-01-01", 0, 0, "d", 0},
        {"1969-12-31", -1, 0, "d", 0},
        {"2000-02-29", 11016, 0, "d", 0},
        {"2024-02-29", 19782, 0, "d", 0},
        {"1900-03-01", -25508, 0, "d", 0},
        {"1600-12-31", -134775, 0, "d", 0},
        {"0001-01-01", -719162, 0, "d", 0},
        {"9999-12-31", 2932896, 0, "d", 0},
        {"2100-02-28", 47540, 0, "d", 0},
        {"1582-10-15", -141427, 0, "d", 0},
        {"2024-02-29T12:34:56", 19782, 45296, "Ts", 0},
        {"2024-02-29 12:34:56", 19782, 45296, " s", 0},
        {"2024-02-29T00:00", 19782, 0, "Tm", 0},
        {"2024-02-29T23:59:59.999Z", 19782, 86399.999, "TsZ", 3},
        {"1969-12-31T23:59:59.5", -1, 86399.5, "Ts", 1},
        {"2024-02-29 12:34+01:00", 19782, 45240, " m+01:00", 0},
        {"2024-02-29T12:34:56.123456-11:30", 19782, 45296.123456, "Ts-11:30", 6},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct time_point t;
        char back[TIME_MAX + 1];
        const char *text = known[i].text;
        CHECK(time_parse(text, strlen(text), &t), "'%s' is refused", text);
        CHECK(fabs(t.day - known[i].day) < 0.5 && fabs(t.second - known[i].second) < 1e-9, "'%s': day %g second %.9g",
              text, t.day, t.second);
        CHECK(!strcmp(t.style, known[i].style) && t.decimals == known[i].decimals, "'%s': style '%s', %d decimals", text,
              t.style, t.decimals);
        back[time_put(back, t.style, t.decimals, t.day, t.second)] = 0;
        CHECK(!strcmp(back, text), "'%s' comes back as '%s'", text, back);
        CHECK(time_style(t.style), "its own style '%s' is none", t.style);
    }
}

static void test_refused(void) {
    static const char *const bad[] = {
        "",           "2024",       "2024-02",          "2023-02-29",          "1900-02-29",       "2024-13-01",
        "2024-00-10", "2024-04-31", "2024-01-00",       "24-01-01",            "2024/01/01",       "2024-1-1",
        "20240101",   "2024-01-01T", "2024-01-01T1",    "2024-01-01T24:00",    "2024-01-01T12:60", "2024-01-01T12:34:61",
        "2024-01-01x", "2024-01-01T12:34:", "2024-01-01T12:34:5", "2024-01-01T12:34:56.", "2024-01-01T12:34:56Zx",
        "2024-01-01T12:34+1:00", "2024-01-01T12:34+01", "2024-01-01T12", "-2024-01-01", "2024-01-01T12:34:56.1234567890",
        "2024-01-01t12:34", "now"};
    struct time_point t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *exact = malloc(strlen(bad[i]) + 1); /* so that a sanitizer sees a read behind the end */
        memcpy(exact, bad[i], strlen(bad[i]));
        CHECK(!time_parse(exact, strlen(bad[i]), &t), "'%s' is taken", bad[i]);
        free(exact);
    }
    CHECK(!time_parse("2024-01-01\0", 11, &t), "a NUL behind the day is taken");
    static const char *const styles[] = {"", "x", "D", "T", "Tx", "TsZZ", "Ts+1:00", "Ts+01:0", "m", " ", "dd", "ee"};
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        CHECK(!time_style(styles[i]), "'%s' is a style", styles[i]);
    CHECK(time_style("e") && time_style("E") && time_style("d"), "styles");
}

/* Every day from 1600 to 2400 follows the one before, and reads back as itself. */
static void test_days(void) {
    char before[TIME_MAX + 1] = "", text[TIME_MAX + 1];
    size_t bad = 0;
    for (int day = -135140; day <= 157054; day++) {
        struct time_point t;
        size_t n = time_put(text, "d", 0, day, 0);
        text[n] = 0;
        bad += n != 10 || strcmp(before, text) >= 0 || !time_parse(text, n, &t) || fabs(t.day - day) > 0;
        memcpy(before, text, sizeof text);
    }
    CHECK(bad == 0, "%zu days are wrong", bad);
    CHECK(!strcmp(before, "2400-01-01"), "the last is %s", before);
}

/* Values that no cell had: of a model, between and beyond. */
static void test_put(void) {
    static const struct {
        const char *style;
        int decimals;
        double day, second;
        const char *text;
    } put[] = {
        {"d", 0, 0.9, 99999, "1970-01-01"},
        {"Ts", 0, 0, -5, "1970-01-01T00:00:00"},
        {"Ts", 0, 0, 86399.7, "1970-01-01T23:59:59"},
        {"Ts", 3, 0, 1e9, "1970-01-01T23:59:59.999"},
        {"Ts", 2, 0, 1.239, "1970-01-01T00:00:01.24"},
        {"Ts", 99, 0, 0.5, "1970-01-01T00:00:00.500000"},
        {"Ts", -1, 0, 59.6, "1970-01-01T00:01:00"},
        {" mZ", 0, 0, 119, "1970-01-01 00:01Z"},
        {"Ts", 0, 0, NAN, "1970-01-01T00:00:00"},
        {"d", 0, 2932896.5, 0, "9999-12-31"},
        {"d", 0, 2932897, 0, ""},
        {"d", 0, -719528, 0, "0000-01-01"},
        {"d", 0, -719529, 0, ""},
        {"d", 0, NAN, 0, ""},
        {"d", 0, INFINITY, 0, ""},
        {"e", 0, 19782, 45296, "1709210096"},
        {"e", 1, -1, 86399.5, "-0.5"},
        {"E", 0, 19782, 45296.789, "1709210096789"},
        {"e", 0, 1e9, 0, ""},
    };
    for (size_t i = 0; i < sizeof put / sizeof *put; i++) {
        char text[TIME_MAX + 1];
        text[time_put(text, put[i].style, put[i].decimals, put[i].day, put[i].second)] = 0;
        CHECK(!strcmp(text, put[i].text), "row %zu: '%s', should be '%s'", i, text, put[i].text);
    }
}

static void test_epoch(void) {
    static const double seconds[] = {0, 1, 86399, 86400, -1, -86400, -86401, 1709210096, 1709210096.25};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        for (int millis = 0; millis < 2; millis++) {
            const char *style = millis ? "E" : "e";
            double day, second, v = seconds[i] * (millis ? 1000 : 1);
            time_from_epoch(style, v, &day, &second);
            CHECK(fabs(day - floor(seconds[i] / 86400)) < 0.5 && second >= 0 && second < 86400, "%g: day %g second %g", v,
                  day, second);
            CHECK(fabs(time_to_epoch(style, day, second) - v) < 1e-6, "%g does not come back", v);
        }
}

/* The same instant by other clocks. */
static void test_zones(void) {
    static const struct {
        const char *text, *zone, *want;
    } move[] = {
        {"2024-02-29T23:30:00Z", "+01:00", "2024-03-01T00:30:00+01:00"},
        {"2024-03-01T00:30:00.5+01:00", "Z", "2024-02-29T23:30:00.5Z"},
        {"2024-01-01 02:00+05:30", "-03:30", "2023-12-31 17:00-03:30"},
        {"2024-01-01T02:00:00Z", "+00:00", "2024-01-01T02:00:00+00:00"},
        {"2024-01-01T02:00:00Z", "", "2024-01-01T02:00:00Z"},
        {"2024-01-01T02:00:00", "+01:00", "2024-01-01T02:00:00"},
        {"2024-01-01", "+01:00", "2024-01-01"},
        {"2016-12-31T23:59:60Z", "Z", "2016-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < sizeof move / sizeof *move; i++) {
        struct time_point t;
        char text[TIME_MAX + 1];
        CHECK(time_parse(move[i].text, strlen(move[i].text), &t), "'%s'", move[i].text);
        time_to_zone(&t, move[i].zone);
        text[time_put(text, t.style, t.decimals, t.day, t.second)] = 0;
        CHECK(!strcmp(text, move[i].want), "'%s' in '%s' is '%s'", move[i].text, move[i].zone, text);
    }
    CHECK(!*time_zone("e") && !*time_zone("d") && !*time_zone("Ts") && !strcmp(time_zone("Tm+01:00"), "+01:00"), "zones of styles");
}

int main(void) {
    test_known();
    test_refused();
    test_days();
    test_put();
    test_epoch();
    test_zones();
    return test_done();
}
