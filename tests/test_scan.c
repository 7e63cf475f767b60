/*
 * test_scan.c - a table read for a fit: what kind each column is told to be, what users may say instead, codes, levels and
 * times as values, texts among numbers with their place, rows left out, and the table of the schema and back.
 */
#include <unistd.h>

#include "fit/fit.h"
#include "scans.h"
#include "schema/scan.h"

/* ---- columns ---------------------------------------------------------------------------------------------- */

#define COLUMN(name, ...)                       \
    static void name(char out[CELL], size_t i) { \
        (void)i;                                \
        snprintf(out, CELL, __VA_ARGS__);       \
    }
COLUMN(decimal, "%.2f", (double)(i * i % 997) / 7 - 3)
COLUMN(plain, "%zu", i * 7919 % 1009 + 100)
COLUMN(many, "%.4f", sin((double)i) * 1e3)
COLUMN(constant, "5")
COLUMN(zero_one, "%zu", i * i % 3 % 2)
COLUMN(half, "%s", i % 3 ? "0.50" : "1.25")
COLUMN(yes_no, "%s", i % 3 ? "yes" : "no")
COLUMN(one_one, "%s", i % 3 ? "1" : i % 2 ? "1.0" : "2")
COLUMN(grade, "%zu", i * 3 % 4 + 1)
COLUMN(gap, "%d", (int)(i % 3 == 0 ? 1 : i % 3 == 1 ? 2 : 9))
COLUMN(skewed, "%zu", i % 31 == 0 ? i % 97 : i % 4)
COLUMN(counter, "%zu", i + 17)
COLUMN(beyond, "9007199254740992")
COLUMN(counter_down, "%zu", 100000 - i)
COLUMN(zip, "%05zu", i % 7 * 501)
COLUMN(serial, "%08zu", i * 7919 % 99991)
COLUMN(ragged_zero, "%s%zu", i == 3 ? "0" : "", i * 37 % 1009 + 1)
COLUMN(colour, "%s", i % 4 == 0 ? "red" : i % 4 == 1 ? "\"green, dark\"" : i % 4 == 2 ? "gr\xc3\xbcn" : "blue")
COLUMN(name_like, "n%zu", i * 7919 % 99991)
COLUMN(sentence, "this is sentence %zu of a review that says things", i)
COLUMN(same_text, "same")
COLUMN(date, "20%02zu-%02zu-%02zu", i % 25, i % 12 + 1, i % 28 + 1)
COLUMN(stamp, "2024-02-%02zu 12:%02zu:%02zu", i % 28 + 1, i % 60, i * 7 % 60)
COLUMN(many_stamps, "2024-%02zu-%02zuT%02zu:%02zu:00Z", i % 12 + 1, i % 28 + 1, i % 23, i % 59)
COLUMN(epoch, "%zu", 1700000000 + i * 60)
COLUMN(epoch_ms, "%zu", (size_t)1700000000000 + i * 60)
COLUMN(epoch_same, "1700000000")
COLUMN(epoch_shuffled, "%zu", 1700000000 + i * 7919 % 1009)
COLUMN(empty, "%s", i % 2 ? "" : "NA")
COLUMN(gaps, "%s", i % 5 == 0 ? "?" : i % 5 == 1 ? "" : i % 5 == 2 ? "\"\"" : i % 2 ? "3.5" : "4.25")
COLUMN(plus, "%s", i % 10 == 9 ? "3+" : i % 2 ? "1" : "2")
COLUMN(odd, "%s%zu", i == 100 ? "many" : "", i * 37 % 1009)
COLUMN(infinite, "%s%zu", i == 100 ? "1e999" : "", i * 37 % 1009)
COLUMN(comma, "%zu%s%zu", i * 37 % 1009, i == 100 ? "," : ".", i % 10)
COLUMN(half_odd, "%s%zu", i % 2 ? "A" : "", i)
COLUMN(odd_date, "%s", i == 100 ? "n/a" : "")
COLUMN(late_word, "%s%zu", i >= 2500 ? "A" : "", i)
COLUMN(exponent, "%zue3", i % 50 + 1)
COLUMN(three_digits, "%zu", i * 7919 % 900 + 100)
COLUMN(tenths, "%.1f", (double)(i * 37 % 990) / 10)
COLUMN(dollars, "$%zu", i * 37 % 990)
COLUMN(unitless, "%zu%s", i * 37 % 1009, i == 100 ? "" : "%")
COLUMN(unitless_first, "%zu%s", i * 37 % 1009 + 5, i == 0 ? "" : "%")
COLUMN(some_dollars, "%s%zu", i % 9 == 4 ? "$" : "", i * 37 % 1009)
COLUMN(dollar_first, "%s%zu", i == 0 ? "$" : "", i * 37 % 1009)
COLUMN(other_unit, "%zu %s", i * 37 % 1009, i == 100 ? "lb" : "kg")
COLUMN(half_dollars, "%s%zu", i % 2 ? "$" : "", i)
COLUMN(comma_unit, "%zu%s%02zu EUR", i * 37 % 1009, i == 100 ? "," : ".", i % 100)

static void date_or_odd(char out[CELL], size_t i) {
    odd_date(out, i);
    if (!*out)
        stamp(out, i);
}
static void late_text(char out[CELL], size_t i) {
    many(out, i);
    if (i == 2700)
        snprintf(out, CELL, "oops");
}

static void test_kinds(void) {
    static const struct {
        const char *name;
        cell_fn *cell;
        size_t rows;
        enum schema_kind kind;
        size_t levels;
        int decimals;
        const char *time;
    } want[] = {
        {"decimals", decimal, 200, SCHEMA_NUMBER, 0, 2, ""},
        {"whole", plain, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"thousands of numbers", many, 5000, SCHEMA_NUMBER, 0, 4, ""},
        {"constant", constant, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"0 and 1", zero_one, 200, SCHEMA_BINARY, 2, 0, ""},
        {"two decimals", half, 200, SCHEMA_BINARY, 2, 2, ""},
        {"yes and no", yes_no, 200, SCHEMA_BINARY, 2, 0, ""},
        {"one number, two texts", one_one, 200, SCHEMA_NUMBER, 0, 1, ""},
        {"grades", grade, 200, SCHEMA_ORDINAL, 4, 0, ""},
        {"grades of few rows", grade, 40, SCHEMA_NUMBER, 0, 0, ""},
        {"few with a gap", gap, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"counts", skewed, 2000, SCHEMA_COUNT, 0, 0, ""},
        {"counting up", counter, 200, SCHEMA_ID, 0, 0, ""},
        {"counting up, very long", counter, 5000, SCHEMA_ID, 0, 0, ""},
        {"counting up, few rows", counter, 15, SCHEMA_NUMBER, 0, 0, ""},
        {"a constant beyond 2^53", beyond, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"counting down", counter_down, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"zip codes", zip, 200, SCHEMA_CATEGORY, 7, 0, ""},
        {"serial numbers", serial, 5000, SCHEMA_ID, 0, 0, ""},
        {"a zero now and then", ragged_zero, 500, SCHEMA_NUMBER, 0, 0, ""},
        {"colours", colour, 200, SCHEMA_CATEGORY, 4, 0, ""},
        {"names", name_like, 3000, SCHEMA_ID, 0, 0, ""},
        {"sentences", sentence, 200, SCHEMA_TEXT, 0, 0, ""},
        {"one text", same_text, 200, SCHEMA_CATEGORY, 1, 0, ""},
        {"dates", date, 500, SCHEMA_TIME, 0, 0, "d"},
        {"date and time", stamp, 500, SCHEMA_TIME, 0, 0, " s"},
        {"thousands of times", many_stamps, 9000, SCHEMA_TIME, 0, 0, "TsZ"},
        {"epoch", epoch, 200, SCHEMA_TIME, 0, 0, "e"},
        {"epoch, milliseconds", epoch_ms, 3000, SCHEMA_TIME, 0, 0, "E"},
        {"one epoch", epoch_same, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"epoch out of order", epoch_shuffled, 200, SCHEMA_NUMBER, 0, 0, ""},
        {"nothing", empty, 200, SCHEMA_TEXT, 0, 0, ""},
        {"two numbers and gaps", gaps, 200, SCHEMA_BINARY, 2, 2, ""},
        {"1, 2, 3+", plus, 200, SCHEMA_CATEGORY, 3, 0, ""},
        {"half numbers", half_odd, 300, SCHEMA_ID, 0, 0, ""},
        {"numbers, then words", late_word, 5000, SCHEMA_ID, 0, 0, ""},
        {"exponents", exponent, 200, SCHEMA_NUMBER, 0, -1, ""},
    };
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        cell_fn *const cells[] = {want[k].cell, plain};
        struct outcome o = scan(cells, 2, want[k].rows, NULL);
        CHECK(o.s != NULL && o.rows == want[k].rows, "%s: %s", want[k].name, o.err.msg);
        if (!o.s)
            continue;
        bool kept = want[k].kind == SCHEMA_ID || want[k].kind == SCHEMA_TEXT;
        CHECK(o.s->nkeep == kept && o.s->ncols == 2u - kept, "%s: %zu columns", want[k].name, o.s->ncols);
        enum schema_kind kind = o.s->nkeep ? o.s->keep_kind[0] : o.s->col[0].kind;
        CHECK(kind == want[k].kind, "%s: a %s", want[k].name, schema_kind_name(kind));
        const struct schema_col *c = &o.s->col[0];
        if (!kept && kind == want[k].kind) {
            bool level = want[k].levels > 0;
            CHECK(c->levels.n == want[k].levels, "%s: %zu levels", want[k].name, c->levels.n);
            CHECK(kind == SCHEMA_TIME || c->decimals == want[k].decimals, "%s: %d decimals", want[k].name, c->decimals);
            CHECK(!strcmp(c->time, want[k].time), "%s: style '%s'", want[k].name, c->time);
            CHECK(c->width == (kind == SCHEMA_TIME && *c->time != 'd' ? 2 : 1), "%s: width", want[k].name);
            for (size_t i = 0; i < o.rows && level; i++)
                CHECK(isnan(o.raw[i * o.s->d]) || o.raw[i * o.s->d] < (double)c->levels.n, "%s: code", want[k].name);
        }
        done(&o);
    }
}

/* ---- values, and the way back -------------------------------------------------------------------------------- */

/* Every cell of a scanned table is written as it was read; reading with the schema gives the same values. */
static void test_values(void) {
    cell_fn *const cells[] = {decimal, zero_one, grade, colour, date, stamp, epoch, gaps, plain, half, epoch_ms, plus};
    enum { NCOLS = sizeof cells / sizeof *cells, ROWS = 210 };
    struct outcome o = scan(cells, NCOLS, ROWS, NULL);
    CHECK(o.s && o.s->ncols == NCOLS && o.s->nkeep == 0, "%s", o.err.msg);
    struct schema *copy = o.s ? schema_copy(o.s, &o.err) : NULL;
    CHECK(copy != NULL, "%s", o.err.msg);
    for (size_t c = 0; c < NCOLS && copy; c++) {
        const struct schema_col *col = &copy->col[c];
        CHECK(col->missing == (cells[c] == gaps), "column %zu: missing %d", c, col->missing);
        for (size_t i = 0; i < ROWS; i++) {
            char text[CELL], plain_text[CELL] = "";
            double again[2];
            bool unknown = true;
            const double *raw = o.raw + i * o.s->d + col->v0;
            struct buf out = {0};
            cells[c](text, i);
            plain_text[rec_unquote(text, strlen(text), plain_text)] = 0;
            bool gone = !*plain_text || !strcmp(plain_text, "?");
            CHECK(!schema_put_cell(copy, c, raw, &out, &o.err) && !buf_put(&out, "", 1, NULL), "%s", o.err.msg);
            CHECK(!strcmp(out.p, gone ? "" : text), "column %zu: '%s' comes back as '%s'", c, text, out.p);
            CHECK(!schema_get_cell(copy, c, plain_text, strlen(plain_text), again, &unknown, &o.err) && !unknown, "'%s': %s",
                  text, o.err.msg);
            for (size_t j = 0; j < col->width; j++)
                CHECK(gone ? isnan(again[j]) && isnan(raw[j]) : fabs(again[j] - raw[j]) < 1e-6, "'%s': %g, scanned %g", text,
                      again[j], raw[j]);
            buf_free(&out);
        }
        double far[2] = {(double)col->levels.n, 0};
        struct buf out = {0};
        CHECK(!col->levels.n || (!schema_put_cell(copy, c, far, &out, &o.err) && out.n == 0), "a code that is none");
        buf_free(&out);
    }
    if (copy) {
        uint64_t sum = 0;
        const struct schema_levels *l = &copy->col[3].levels;
        for (size_t i = 0; i < l->n; i++)
            sum += l->count[i];
        CHECK(sum == ROWS && !strcmp(l->text[0], "blue") && !strcmp(l->text[3], "red"), "levels are in order of their texts");
        double raw;
        bool unknown = false;
        CHECK(!schema_get_cell(copy, 3, "pink", 4, &raw, &unknown, NULL) && unknown && fabs(raw - 4) < 0.1, "code %g", raw);
        CHECK(schema_get_cell(copy, 4, "soon", 4, &raw, &unknown, &o.err) == VAE_EROW && strstr(o.err.msg, "'soon' is no time"),
              "%s", o.err.msg);
    }
    schema_free(copy);
    done(&o);
}

static void test_ids(void) {
    cell_fn *const cells[] = {counter, name_like, plain};
    struct outcome o = scan(cells, 3, 500, NULL);
    CHECK(o.s && o.s->nkeep == 2 && fabs(o.s->keep_next[0] - 517) < 0.1 && isnan(o.s->keep_next[1]), "%s", o.err.msg);
    done(&o);
    /* the user's ids go on behind the largest */
    char *as[] = {(char[]){"c3=id"}};
    const struct schema_wish wish = {.as = as, .nas = 1};
    o = scan(cells, 3, 500, &wish);
    CHECK(!o.s && strstr(o.err.msg, "no column is left"), "%s", o.err.msg);
    done(&o);
    cell_fn *const more[] = {decimal, plain};
    char *as2[] = {(char[]){"c2=id"}};
    const struct schema_wish wish2 = {.as = as2, .nas = 1};
    o = scan(more, 2, 500, &wish2);
    CHECK(o.s && o.s->nkeep == 1 && o.s->keep_kind[0] == SCHEMA_ID && o.s->keep_next[0] > 1000, "%s", o.err.msg);
    done(&o);
}

/* 61 seconds after the one before; by UTC clocks, some by those of India, a few without a zone. */
static void zoned(char out[CELL], size_t i) {
    struct time_point t;
    char text[TIME_MAX + 1];
    double day, second;
    time_from_epoch("e", 1700000000 + 61 * (double)i, &day, &second);
    text[time_put(text, "TsZ", 0, day, second)] = 0;
    CHECK(time_parse(text, strlen(text), &t), "'%s'", text);
    time_to_zone(&t, i % 4 ? "Z" : "+05:30");
    size_t n = time_put(out, t.style, 0, t.day, t.second);
    out[i % 10 == 3 ? n - 1 : n] = 0;
}

/* Instants stay, whether the texts were kept until the end or not. */
static void test_zones(void) {
    cell_fn *const cells[] = {zoned, plain};
    for (size_t rows = 300; rows <= 6000; rows += 5700) {
        struct outcome o = scan(cells, 2, rows, NULL);
        size_t wrong = 0;
        CHECK(o.s && !strcmp(o.s->col[0].time, "TsZ"), "style '%s' %s", o.s ? o.s->col[0].time : "", o.err.msg);
        for (size_t i = 0; i < rows && o.s; i++) {
            char text[CELL];
            double again[2], want = 1700000000 + 61 * (double)i, *raw = o.raw + i * o.s->d;
            bool unknown;
            zoned(text, i);
            wrong += fabs(raw[0] * 86400 + raw[1] - want) > 1e-6 || !(raw[1] >= 0 && raw[1] < 86400);
            wrong += schema_get_cell(o.s, 0, text, strlen(text), again, &unknown, NULL) != 0 || fabs(again[0] - raw[0]) > 0.1 ||
                     fabs(again[1] - raw[1]) > 1e-6;
        }
        CHECK(wrong == 0, "%zu of %zu times are other instants", wrong, rows);
        done(&o);
    }
}

/* ---- numbers with a unit and without ------------------------------------------------------------------------ */

static void test_mixed_units(void) {
    static const struct {
        cell_fn *cell;
        size_t left_out;
        const char *says, *unit;
    } row[] = {{unitless, 1, "t.csv:4: column 'c1': '673' lacks the '%' that other cells have; leave such rows out", "%"},
               {unitless_first, 1, "column 'c1': '5' lacks the '%' that other cells have", "%"},
               {some_dollars, 44, "column 'c1': '$148' has a unit that other cells lack", ""},
               {dollar_first, 1, "column 'c1': '$0' has a unit that other cells lack", ""},
               {other_unit, 1, "'673 lb' has not the ' kg' that other cells have", " kg"},
               {comma_unit, 1, "EUR' is not a number; decimals are written with a point", " EUR"}};
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        cell_fn *const cells[] = {row[k].cell, plain};
        struct outcome o = scan(cells, 2, 400, NULL);
        CHECK(!o.s && o.err.code == VAE_EDATA && strstr(o.err.msg, row[k].says), "row %zu: %s", k, o.err.msg);
        done(&o);
        const struct schema_wish skip = {.skip_bad = true};
        o = scan(cells, 2, 400, &skip);
        CHECK(o.s && o.left_out == row[k].left_out && o.s->ncols == 2 && o.s->col[0].kind == SCHEMA_NUMBER &&
                  !strcmp(o.s->col[0].unit.after, row[k].unit) && !*o.s->col[0].unit.before,
              "row %zu: %zu left out, %s", k, o.left_out, o.err.msg);
        done(&o);
    }
    cell_fn *const half[] = {half_dollars, plain}; /* no mistake: another thing */
    struct outcome o = scan(half, 2, 400, NULL);
    CHECK(o.s && o.s->ncols == 1 && o.s->keep_kind[0] == SCHEMA_ID, "%s", o.err.msg);
    done(&o);
    char *number[] = {(char[]){"c1=number"}};
    const struct schema_wish wish = {.as = number, .nas = 1};
    cell_fn *const said[] = {unitless, plain};
    o = scan(said, 2, 400, &wish);
    CHECK(!o.s && strstr(o.err.msg, "'673' lacks the '%' that other cells have"), "%s", o.err.msg);
    done(&o);
}

/* ---- texts among numbers ------------------------------------------------------------------------------------- */

static void test_odd(void) {
    static const struct {
        cell_fn *cell;
        size_t rows;
        const char *says[4];
    } odd_ones[] = {{odd, 400, {"t.csv:4: column 'c1': 'many673'", "--missing", "--as 'c1=category'", "-k"}},
                    {infinite, 400, {"'1e999", "must be finite", "", ""}},
                    {comma, 400, {"decimals are written with a point", "", "", ""}},
                    {date_or_odd, 400, {"'n/a' is not a time", "--missing", "", ""}},
                    {late_text, 3000, {"'oops'", "is not a number", "", ""}}};
    for (size_t k = 0; k < sizeof odd_ones / sizeof *odd_ones; k++) {
        cell_fn *const cells[] = {odd_ones[k].cell, plain};
        struct outcome o = scan(cells, 2, odd_ones[k].rows, NULL);
        CHECK(!o.s && o.err.code == VAE_EDATA, "row %zu passes", k);
        for (size_t i = 0; i < 4 && odd_ones[k].says[i]; i++)
            CHECK(strstr(o.err.msg, odd_ones[k].says[i]), "row %zu: %s", k, o.err.msg);
        done(&o);
        /* left out, the column is what it is without; the other rows stay as they are */
        const struct schema_wish skip = {.skip_bad = true};
        o = scan(cells, 2, odd_ones[k].rows, &skip);
        size_t bad = k == 4 ? 2700 : 100;
        CHECK(o.s && o.left_out == 1 && o.rows == odd_ones[k].rows - 1 && o.s->ncols == 2, "row %zu: %s", k, o.err.msg);
        if (o.s) {
            size_t at = o.s->col[1].v0;
            CHECK(o.s->col[0].kind == (k == 3 ? SCHEMA_TIME : SCHEMA_NUMBER), "row %zu: a %s", k,
                  schema_kind_name(o.s->col[0].kind));
            for (size_t i = 0; i < o.rows; i++)
                CHECK(isfinite(o.raw[i * o.s->d]) &&
                          fabs(o.raw[i * o.s->d + at] - (double)((i + (i >= bad)) * 7919 % 1009 + 100)) < 0.5,
                      "row %zu is another", i);
        }
        done(&o);
    }
    /* named as missing, it is no error */
    char text[CELL];
    odd(text, 100);
    text[0] = 'M'; /* the case does not matter */
    char *missing[] = {(char[]){"-"}, text};
    const struct schema_wish wish = {.missing = missing, .nmissing = 2};
    cell_fn *const cells[] = {odd, plain};
    struct outcome o = scan(cells, 2, 400, &wish);
    CHECK(o.s && o.s->nmissing == 2 && o.s->col[0].missing && isnan(o.raw[100 * o.s->d]), "%s", o.err.msg);
    done(&o);
    cell_fn *const named[] = {gaps, plain};
    const struct schema_wish dash = {.missing = missing, .nmissing = 1}; /* '?' is a text then */
    o = scan(named, 2, 200, &dash);
    CHECK(o.s && o.s->col[0].kind == SCHEMA_CATEGORY && o.s->col[0].levels.n == 3, "%s", o.err.msg);
    done(&o);
}

/* ---- wishes -------------------------------------------------------------------------------------------------- */

static void test_wishes(void) {
    static const struct {
        cell_fn *cell;
        const char *as, *levels;
        enum schema_kind kind;
        size_t nlevels;
        const char *says; /* an error, else NULL */
        int code;
    } rows[] = {
        {zero_one, "c1=number", NULL, SCHEMA_NUMBER, 0, NULL, 0},
        {zip, "c1=number", NULL, SCHEMA_NUMBER, 0, NULL, 0},
        {plain, "1=category", NULL, SCHEMA_CATEGORY, 200, NULL, 0},
        {plain, "c1=count", NULL, SCHEMA_COUNT, 0, NULL, 0},
        {gap, "c1=ordinal", NULL, SCHEMA_ORDINAL, 3, NULL, 0},
        {colour, NULL, "c1=blue|gr\xc3\xbcn|green, dark|red|pink", SCHEMA_ORDINAL, 5, NULL, 0},
        {colour, "c1=category", "c1=red|blue|gr\xc3\xbcn|green, dark", SCHEMA_CATEGORY, 4, NULL, 0},
        {yes_no, NULL, "c1=yes|no", SCHEMA_BINARY, 2, NULL, 0},
        {plain, "c1=time", NULL, SCHEMA_TIME, 0, NULL, 0},
        {decimal, "c1=count", NULL, 0, 0, "column 'c1' is no count", VAE_EDATA},
        {colour, "c1=ordinal", NULL, 0, 0, "--levels", VAE_EDATA},
        {colour, "c1=number", NULL, 0, 0, "'red' is not a number", VAE_EROW},
        {colour, "c1=time", NULL, 0, 0, "'red' is no time", VAE_EROW},
        {colour, "c1=binary", NULL, 0, 0, "it has 4 levels", VAE_EDATA},
        {empty, "c1=number", NULL, 0, 0, "all its cells are missing", VAE_EDATA},
        {yes_no, NULL, "c1=yes|maybe", 0, 0, "'no' is none of the levels that were given; name it, as one or as missing "
                                             "(--missing 'no')", VAE_EROW},
        {yes_no, "c1=colour", NULL, 0, 0, "no such kind: 'colour'; there are number, count", VAE_EUSAGE},
        {yes_no, "c9=number", NULL, 0, 0, "no column 'c9' in the data; there are 'c1', 'c2'", VAE_EUSAGE},
        {yes_no, "3=number", NULL, 0, 0, "no column '3'", VAE_EUSAGE},
        {yes_no, "number", NULL, 0, 0, "expected COLUMN=VALUE", VAE_EUSAGE},
        {yes_no, NULL, "c1=yes||no", 0, 0, "levels are different texts", VAE_EUSAGE},
        {yes_no, NULL, "c1=yes|yes", 0, 0, "levels are different texts", VAE_EUSAGE},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char as[80], levels[80];
        snprintf(as, sizeof as, "%s", rows[k].as ? rows[k].as : "");
        snprintf(levels, sizeof levels, "%s", rows[k].levels ? rows[k].levels : "");
        char *as_list[] = {as}, *levels_list[] = {levels};
        const struct schema_wish w = {.as = as_list, .nas = rows[k].as != NULL, .levels = levels_list,
                                      .nlevels = rows[k].levels != NULL};
        cell_fn *const cells[] = {rows[k].cell, decimal};
        struct outcome o = scan(cells, 2, 200, &w);
        if (rows[k].says) {
            CHECK(!o.s && o.err.code == rows[k].code && strstr(o.err.msg, rows[k].says), "row %zu: %s", k, o.err.msg);
        } else {
            CHECK(o.s && o.s->col[0].kind == rows[k].kind && o.s->col[0].levels.n == rows[k].nlevels, "row %zu: %s", k,
                  o.err.msg);
        }
        done(&o);
    }
    /* the levels' own order, and the escapes */
    char text[] = "c1=a\\|b|\\\\|c";
    struct schema_levels l = {0};
    CHECK(!cell_levels(text + 3, &l, NULL) && l.n == 3 && !strcmp(l.text[0], "a|b") && !strcmp(l.text[1], "\\"), "escapes");
    schema_levels_free(&l);
}

/* A bad row in the middle leaves nothing behind: no level that only it has. */
static void test_bad_rows(void) {
    char *as[] = {(char[]){"c2=number"}};
    const struct schema_wish w = {.as = as, .nas = 1, .skip_bad = true};
    cell_fn *const cells[] = {name_like, odd, colour}; /* c1 is carried, c3 is read behind the bad cell */
    struct outcome o = scan(cells, 3, 400, &w);
    CHECK(o.s && o.rows == 399 && o.s->ncols == 2, "%s: %zu rows", o.err.msg, o.rows);
    done(&o);
    cell_fn *const first[] = {plus, odd}; /* every level has its rows, none is counted twice */
    o = scan(first, 2, 400, &w);
    uint64_t sum = 0;
    for (size_t i = 0; o.s && i < o.s->col[0].levels.n; i++)
        sum += o.s->col[0].levels.count[i];
    CHECK(o.s && sum == 399, "%s: %llu cells counted", o.err.msg, (unsigned long long)sum);
    done(&o);
}

/* The first row is another than all below. */
static void first_odd(char out[CELL], size_t i, const char *first, cell_fn *rest) {
    rest(out, i);
    if (i == 0)
        snprintf(out, CELL, "%s", first);
}
static void junk_first(char out[CELL], size_t i) { first_odd(out, i, "junk", tenths); }
static void foo_first(char out[CELL], size_t i) { first_odd(out, i, "foo", date); }
static void exponent_first(char out[CELL], size_t i) { first_odd(out, i, "1e-3", tenths); }
static void kilos_first(char out[CELL], size_t i) { first_odd(out, i, "5 kg", dollars); }
static void padded_first(char out[CELL], size_t i) { first_odd(out, i, "007", three_digits); }
static void odd_first(char out[CELL], size_t i) { first_odd(out, i, "x", plain); }

/* Rows that are left out have no say in what the columns are, neither those that are bad when they are read nor those that
 * turn out bad at the end. */
static void test_no_say(void) {
    char *as[] = {(char[]){"c2=number"}}, *time[] = {(char[]){"c1=time"}};
    const struct schema_wish reading = {.as = as, .nas = 1, .skip_bad = true}, end = {.skip_bad = true},
                             wished = {.as = time, .nas = 1, .skip_bad = true};
    static const struct {
        cell_fn *cell;
        enum schema_kind kind;
        int decimals;
        const char *unit;
    } cols[] = {{junk_first, SCHEMA_NUMBER, 1, ""}, {foo_first, SCHEMA_TIME, 0, ""}, {exponent_first, SCHEMA_NUMBER, 1, ""},
                {kilos_first, SCHEMA_NUMBER, 0, "$"}, {padded_first, SCHEMA_NUMBER, 0, ""}};
    for (size_t k = 0; k < sizeof cols / sizeof *cols; k++)
        for (int late = 0; late < 2; late++) {
            cell_fn *const cells[] = {cols[k].cell, odd_first};
            struct outcome o = scan(cells, 2, 301, late ? &end : &reading);
            CHECK(o.s && o.rows == 300, "%s: %zu rows", o.err.msg, o.rows);
            CHECK(o.s && o.s->ncols == 2 && o.s->col[0].kind == cols[k].kind &&
                      o.s->col[0].decimals == cols[k].decimals && !strcmp(o.s->col[0].unit.before, cols[k].unit) &&
                      !*o.s->col[0].unit.after,
                  "column %zu, late %d: a %s with %d decimals and the unit '%s'", k, late,
                  o.s && o.s->ncols ? schema_kind_name(o.s->col[0].kind) : "none", o.s && o.s->ncols ? o.s->col[0].decimals : 0,
                  o.s && o.s->ncols ? o.s->col[0].unit.before : "");
            done(&o);
        }
    cell_fn *const times[] = {foo_first, decimal};
    struct outcome o = scan(times, 2, 301, &wished);
    CHECK(o.s && o.rows == 300 && o.s->col[0].kind == SCHEMA_TIME, "%s: %zu rows", o.err.msg, o.rows);
    done(&o);
}

/* ---- arrays -------------------------------------------------------------------------------------------------- */

static void test_arrays(void) {
    size_t three = 3, good = 0;
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "image", REC_F32, 1, &three, NULL);
    const struct schema_wish none = {0};
    struct rec_build *b = rec_build_new(h, NULL);
    rec_build_rows(b, 3, NULL);
    memcpy(rec_build_data(b, 0), (float[]){1, 2, 3, 4, NAN, 6, 7, 8, 9}, 9 * sizeof(float));
    struct schema_scan *s = schema_scan_new(h, &none, NULL, NULL, &err);
    CHECK(schema_scan_add(s, rec_build_batch(b, 3), 0, 3, &good, &err) == VAE_EROW && good == 1 && strstr(err.msg, "NaN"), "%s",
          err.msg);
    CHECK(!schema_scan_add(s, rec_build_batch(b, 3), 2, 1, &good, &err) && good == 1 && schema_scan_bytes(s) == 48, "%s",
          err.msg);
    double *raw;
    struct schema *schema = schema_scan_end(s, &raw, &err);
    CHECK(schema && schema->col[0].kind == SCHEMA_ARRAY && schema->d == 3 && !schema->col[0].missing, "%s", err.msg);
    CHECK(raw && raw[2] > 2.9 && raw[3] > 6.9 && raw[5] > 8.9, "values");
    free(raw), schema_free(schema), schema_scan_free(s);
    char *as[] = {(char[]){"image=number"}};
    const struct schema_wish w = {.as = as, .nas = 1};
    CHECK(!schema_scan_new(h, &w, NULL, NULL, &err) && err.code == VAE_EUSAGE, "%s", err.msg);
    rec_build_free(b), rec_head_free(h);
}

/* ---- the schema file ------------------------------------------------------------------------------------------- */

static void test_file(void) {
    cell_fn *const cells[] = {decimal, zero_one, grade, colour, date, name_like};
    char path[] = "/tmp/test_scan.XXXXXX";
    struct outcome o = scan(cells, 6, 210, NULL), again;
    struct buf table = {0}, second = {0};
    CHECK(o.s && !schema_table(o.s, &table, &o.err), "%s", o.err.msg);
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, table.p, table.n) == (ssize_t)table.n, "no temporary file");
    struct vae_fit_opts opts;
    struct fit_wishes w;
    struct vae_err err = {0};
    vae_fit_defaults(&opts);
    opts.schema = path;
    CHECK(!fit_wishes_make(&w, &opts, &err) && w.wish.nas == 6 && w.wish.nlevels == 3, "%s", err.msg);
    again = scan(cells, 6, 210, &w.wish);
    CHECK(again.s && !fit_wishes_likelihoods(&w, again.s, &err) && !schema_table(again.s, &second, &err), "%s %s",
          again.err.msg, err.msg);
    CHECK(table.n == second.n && !memcmp(table.p, second.p, table.n), "the schema comes back as another:\n%.*s",
          (int)second.n, second.p ? second.p : "");
    done(&again), fit_wishes_free(&w);
    /* an option wins over the file, and takes its likelihood away */
    static const char edited[] = "levels,column,kind,likelihood\n,c1,count,binned\n,,,\n";
    static const char edit2[] = "levels,column,kind,likelihood\n,c1,count,binned\nb|a,c4,,no such\n";
    char *as[] = {(char[]){"c1=number"}};
    opts.as = as, opts.nas = 1;
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, edit2, sizeof edit2 - 1, 0) > 0, "not written");
    CHECK(!fit_wishes_make(&w, &opts, &err) && w.wish.nas == 2 && !strcmp(w.wish.as[1], "c1=number") && w.nlik == 1, "%s",
          err.msg);
    CHECK(fit_wishes_likelihoods(&w, o.s, &err) == VAE_EUSAGE && strstr(err.msg, "'no such'; there are gaussian"), "%s", err.msg);
    fit_wishes_free(&w);
    CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, edited, sizeof edited - 1, 0) > 0, "not written");
    CHECK(fit_wishes_make(&w, &opts, &err) == VAE_EDATA && strstr(err.msg, ":3: a row names no column"), "%s", err.msg);
    fit_wishes_free(&w);
    unlink(path);
    CHECK(fit_wishes_make(&w, &opts, &err) == VAE_ENOINPUT, "%s", err.msg);
    fit_wishes_free(&w), close(fd), buf_free(&table), buf_free(&second);
    done(&o);
}

int main(void) {
    test_kinds();
    test_values();
    test_ids();
    test_odd();
    test_mixed_units();
    test_wishes();
    test_bad_rows();
    test_no_say();
    test_zones();
    test_arrays();
    test_file();
    return test_done();
}
