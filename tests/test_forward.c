/* test_forward.c - which columns only go forward (schema/forward.c), and which merely stand in order. */
#include <math.h>
#include <stdlib.h>

#include "scans.h"

#define COLUMN(name, format, ...) \
    static void name(char out[CELL], size_t i) { snprintf(out, CELL, format, __VA_ARGS__); }

/* Noise that is the same for a row, 0..1. */
static double noise(size_t i) { return fmod((double)(i * 2654435761u % 1000003) / 1000003, 1); }
/* The i-th of sorted exponentials: what a measured column looks like once a table was sorted by it. */
static double sorted(size_t i) {
    double sum = 0;
    for (size_t k = 0; k <= i; k++)
        sum -= log(noise(k) + 1e-9);
    return sum;
}

COLUMN(plain, "%zu", i * 37 % 1009)
COLUMN(total, "%.0f", 1000 + 500 * sorted(i))            /* of bytes, say */
COLUMN(sometimes_stands, "%.0f", 500 * sorted(i - (i % 50 == 49)))
COLUMN(often_stands, "%.0f", 500 * sorted(i - i % 2))
COLUMN(resets, "%zu", i * 7 % 1001)
COLUMN(falls_once, "%.0f", i == 77 ? 0 : 1000 + 500 * sorted(i))
COLUMN(measured, "%.3f", sorted(i))                      /* sorted by it */
COLUMN(ages, "%.0f", floor(18 + sorted(i) / 4))          /* the same, of whole numbers that repeat */
COLUMN(seconds, "%.2f", 0.25 * (double)i + 0.01 * noise(i))
COLUMN(seconds_with_gap, "%.2f", 0.25 * (double)i + (i > 50 ? 1000 : 0))
COLUMN(down, "%zu", 90000 - 7 * i)
COLUMN(same, "%zu", 5 + 0 * i)
COLUMN(same_epoch, "%zu", 1700000000 + 0 * i)
COLUMN(epoch, "%zu", 1700000000 + 900 * i)
COLUMN(epoch_ms, "%zu", (1700000000 + 900 * i) * 1000)
COLUMN(epoch_twice, "%zu", 1700000000 + 900 * (i / 2))   /* two hosts in one file */
COLUMN(stamp, "2024-%02zu-%02zuT%02zu:00:00", 1 + i / 672, 1 + i / 24 % 28, i % 24)
COLUMN(date, "%04zu-%02zu-%02zu", 2000 + i / 336, 1 + i / 28 % 12, 1 + i % 28)
COLUMN(stamp_once_back, "2024-01-%02zuT%02zu:00:00", 1 + i / 24 % 28, i == 60 ? 0 : i % 24)
static void total_with_gaps(char out[CELL], size_t i) {
    if (i % 3)
        total(out, i);
}

static void test_forward(void) {
    static const struct {
        const char *name;
        cell_fn *cell;
        size_t rows;
        enum schema_kind kind;
        unsigned clock;
    } want[] = {
        {"total", total, 400, SCHEMA_COUNTER, 0},
        {"total of many rows", total, 2600, SCHEMA_COUNTER, 0},
        {"total of few rows", total, 99, SCHEMA_NUMBER, 0},
        {"missing ones do not count", total_with_gaps, 400, SCHEMA_COUNTER, 0},
        {"stands now and then", sometimes_stands, 400, SCHEMA_COUNTER, 0},
        {"stands at every second row", often_stands, 400, SCHEMA_NUMBER, 0},
        {"falls back", resets, 400, SCHEMA_NUMBER, 0},
        {"falls once", falls_once, 400, SCHEMA_NUMBER, 0},
        {"sorted by a measured column", measured, 400, SCHEMA_NUMBER, 0},
        {"sorted by whole numbers that repeat", ages, 400, SCHEMA_NUMBER, 0},
        {"parts of a second", seconds, 400, SCHEMA_COUNTER, 0},
        {"parts of a second with a gap", seconds_with_gap, 400, SCHEMA_COUNTER, 0},
        {"down", down, 400, SCHEMA_NUMBER, 0},
        {"constant", same, 400, SCHEMA_NUMBER, 0},
        {"constant, like an epoch", same_epoch, 400, SCHEMA_NUMBER, 0},
        {"epoch of four days", epoch, 400, SCHEMA_TIME, SCHEMA_DAY},
        {"epoch of 31 days", epoch, 3000, SCHEMA_TIME, SCHEMA_DAY | SCHEMA_WEEK},
        {"epoch of a day", epoch, 100, SCHEMA_COUNTER, 0},
        {"milliseconds", epoch_ms, 400, SCHEMA_TIME, SCHEMA_DAY},
        {"epoch of two hosts", epoch_twice, 800, SCHEMA_TIME, SCHEMA_DAY},
        {"times", stamp, 400, SCHEMA_TIME, SCHEMA_DAY | SCHEMA_WEEK},
        {"thousands of times", stamp, 2600, SCHEMA_TIME, SCHEMA_DAY | SCHEMA_WEEK},
        {"dates", date, 1000, SCHEMA_TIME, SCHEMA_WEEK | SCHEMA_YEAR},
        {"times that once go back", stamp_once_back, 400, SCHEMA_TIME, 0},
    };
    const struct schema_wish forward = {.forward = true};
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        cell_fn *const cells[] = {want[k].cell, plain};
        struct outcome o = scan(cells, 2, want[k].rows, &forward), usual = scan(cells, 2, want[k].rows, NULL);
        CHECK(o.s != NULL && usual.s != NULL, "%s: %s", want[k].name, o.err.msg);
        if (o.s && usual.s) {
            enum schema_kind kind = o.s->nkeep ? o.s->keep_kind[0] : o.s->col[0].kind;
            CHECK(kind == want[k].kind, "%s: a %s", want[k].name, schema_kind_name(kind));
            const struct schema_col *c = &o.s->col[0];
            CHECK(c->clock == want[k].clock && c->condition == (c->clock != 0), "%s: clock %u", want[k].name, c->clock);
            CHECK(usual.s->nkeep == 0 && !usual.s->col[0].clock && !usual.s->col[0].condition, "%s: unasked", want[k].name);
        }
        done(&o), done(&usual);
    }
}

/* What the user says holds. */
static void test_wishes(void) {
    char number[] = "c1=number", time[] = "c1=time", counter[] = "c1=counter";
    const struct {
        char *as;
        cell_fn *cell;
        enum schema_kind kind;
    } want[] = {{number, total, SCHEMA_NUMBER}, {time, stamp, SCHEMA_TIME}, {counter, plain, SCHEMA_COUNTER}};
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        char *const as[] = {want[k].as};
        const struct schema_wish wish = {.as = as, .nas = 1, .forward = true};
        cell_fn *const cells[] = {want[k].cell, plain};
        struct outcome o = scan(cells, 2, 400, &wish);
        CHECK(o.s != NULL, "%s: %s", want[k].as, o.err.msg);
        if (o.s) {
            enum schema_kind kind = o.s->nkeep ? o.s->keep_kind[0] : o.s->col[0].kind;
            CHECK(kind == want[k].kind && !o.s->col[0].clock, "%s: a %s", want[k].as, schema_kind_name(kind));
        }
        done(&o);
    }
}

/* Clocks in a model file; what is no clock is refused. */
static void test_json(void) {
    cell_fn *const cells[] = {stamp, plain};
    struct outcome o = scan(cells, 2, 400, &(const struct schema_wish){.forward = true});
    json_t *j = schema_to_json(o.s), *first = json_array_get(json_object_get(j, "columns"), 0);
    struct schema *back = schema_from_json(j, &o.err);
    CHECK(back && back->col[0].clock == (SCHEMA_DAY | SCHEMA_WEEK) && back->col[0].condition, "%s", o.err.msg);
    schema_free(back);
    static const int bad[] = {0, -1, 8, 1 << 20};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_object_set_new(first, "clock", json_integer(bad[i]));
        CHECK(!schema_from_json(j, &o.err), "a clock of %d was taken", bad[i]);
    }
    json_object_set_new(first, "clock", json_integer(1));
    json_object_del(first, "condition");
    CHECK(!schema_from_json(j, &o.err), "a clock that is no condition was taken");
    json_decref(j);
    done(&o);
}

int main(void) {
    test_forward();
    test_wishes();
    test_json();
    return test_done();
}
