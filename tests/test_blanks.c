/* test_blanks.c - are blanks at random? Tables where they are and where they are not, in every way that is looked for. */
#include "base/rng.h"
#include "fit/fit.h"
#include "schema/levels.h"
#include "test.h"

enum { ROWS = 2000, COLS = 4, TABLES = 200 };

/* Columns: 0 the blanks; 1 a number; 2 levels; 3 a number with blanks of its own. How a row's first cell is missing: */
enum why { CHANCE, BY_NUMBER, BY_LEVEL, BY_BLANK, BY_MIDDLE };

static double uniform(uint64_t table, size_t row, uint64_t what) {
    double u;
    rng_uniform(&u, 1, 5, RNG_TEST, what + 16 * table, row);
    return u;
}

static bool missing(enum why why, const double *row, double u) {
    switch (why) {
    case BY_NUMBER: return u < (row[1] > 0.8 ? 0.2 : 0.1);
    case BY_LEVEL: return u < (row[2] > 1 ? 0.2 : 0.1);
    case BY_BLANK: return u < (isnan(row[3]) ? 0.2 : 0.1);
    case BY_MIDDLE: return u < (fabs(row[1] - 0.5) < 0.1 ? 0.25 : 0.1);
    default: return u < 0.1;
    }
}

static bool at_random(struct schema *s, enum why why, uint64_t table) {
    static double raw[ROWS * COLS];
    struct fit_rows r = {.schema = s, .raw = raw, .n = ROWS};
    struct vae_err err = {0};
    bool random[COLS];
    double share[COLS];
    size_t gone = 0;
    for (size_t i = 0; i < ROWS; i++) {
        double *row = raw + i * COLS;
        row[1] = uniform(table, i, 1);
        row[2] = floor(4 * uniform(table, i, 2) * uniform(table, i, 3));
        row[3] = uniform(table, i, 4) < 0.3 ? NAN : uniform(table, i, 5);
        bool is = missing(why, row, uniform(table, i, 6));
        row[0] = is ? NAN : uniform(table, i, 7);
        gone += is;
    }
    CHECK(!fit_blanks(&r, random, share, &err), "%s", err.msg);
    CHECK(fabs(share[0] - (double)gone / ROWS) < 1e-12, "share %g of %zu", share[0], gone);
    return random[0];
}

int main(void) {
    struct vae_err err = {0};
    struct schema *s = schema_empty(COLS, 0, &err);
    for (size_t c = 0; c < COLS; c++)
        s->col[c].width = 1, s->col[c].missing = c == 0 || c == 3;
    for (const char *l = "abcd"; *l; l++)
        levels_add(&s->col[2].levels, l, 1, &err);
    CHECK(!schema_place(s, &err), "%s", err.msg);
    size_t alarms = 0;
    for (uint64_t t = 0; t < TABLES; t++)
        alarms += !at_random(s, CHANCE, t);
    CHECK(alarms <= 6, "%zu of %d tables of pure chance are taken for more; one in a hundred is right", alarms, TABLES);
    for (int why = BY_NUMBER; why <= BY_MIDDLE; why++) {
        size_t found = 0;
        for (uint64_t t = 0; t < 20; t++)
            found += !at_random(s, (enum why)why, t);
        CHECK(found >= 18, "reason %d is found in %zu of 20 tables", why, found);
    }
    schema_free(s);
    return test_done();
}
