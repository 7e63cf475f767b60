/*
 * test_cells.c - columns cut in cells: every cut of tables of odd columns holds the values it was made of, in the shares they
 * had; places, values and shares of a cell agree with each other; levels are pooled as said; damage is refused. And
 * conditions on such columns, as users write them.
 */
#include <unistd.h>

#include "base/rng.h"
#include "gen/gen.h"
#include "schema/bins.h"
#include "test.h"

enum { MOST = 6000 };

/* Value i of n; u is uniform and e normal. */
typedef double value_fn(size_t i, size_t n, double u, double e);
#define VALUES(name, ...)                                        \
    static double name(size_t i, size_t n, double u, double e) { \
        (void)i, (void)n, (void)u, (void)e;                      \
        return (__VA_ARGS__);                                    \
    }
VALUES(normal, e)
VALUES(cents, nearbyint(e * 10000) / 100)
VALUES(money, nearbyint(exp(4 + 2 * e) * 100) / 100)
VALUES(spiked, u < 0.4 ? 0 : u < 0.5 ? 99 : exp(e))
VALUES(few, nearbyint(e * 2))
VALUES(one, 42)
VALUES(two, u < 0.003)
VALUES(all_different, (double)i)
VALUES(large, 1e15 + (double)i * 3)
VALUES(tiny, e * 1e-300)
VALUES(huge, e * 1e300)
VALUES(two_far, u < 0.5 ? -1e6 + e : 1e6 + e)
VALUES(ties, floor(u * u * u * 3000))
VALUES(runs, floor((double)i / 3))

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void draw(value_fn *f, size_t n, double *v) {
    for (size_t i = 0; i < n; i++) {
        double u;
        float e;
        rng_uniform(&u, 1, 5, RNG_TEST, 3, i);
        rng_normals(&e, 1, 1, 1, 5, RNG_TEST, 4, NULL, i);
        v[i] = f(i, n, u, (double)e);
    }
    qsort(v, n, sizeof *v, by_value);
}

/* How far a value may be off after a float has held its place: a part in 2^23 of all cells. */
static double slack(const struct cells *c, size_t i) {
    return (c->high[i] - c->low[i]) * ldexp((double)c->n, -22);
}

/* Every value has its place, in order, and comes back from there; a cell holds as many as its weight says. */
static void check_values(const char *name, const struct cells *c, const double *v, size_t n, size_t missing) {
    double *count = calloc(c->n, sizeof *count), total = (double)(n + (c->blank ? missing : 0)), off = 0;
    float before = -1;
    size_t lost = 0, disorder = 0;
    for (size_t i = 0; i < n; i++) {
        float x = cells_x(c, v[i]);
        size_t at = cells_at(c, x);
        count[at]++;
        disorder += x < before, before = x;
        lost += !(fabs(cells_value(c, x) - v[i]) <= slack(c, at));
        lost += !(c->low[at] <= v[i] && v[i] <= c->high[at]) || (size_t)x != at;
    }
    CHECK(!lost && !disorder, "%s: %zu values out of place, %zu out of order", name, lost, disorder);
    if (c->blank)
        count[c->n - 1] = (double)missing;
    for (size_t i = 0; i < c->n && total > 0; i++)
        off = fmax(off, fabs(count[i] / total - c->share[c->level[i]] * c->weight[i]));
    CHECK(off < 1e-9, "%s: shares are off by %g", name, off);
    CHECK(isnan(cells_x(c, NAN)) && isnan(cells_value(c, NAN)), "%s: NaN", name);
    CHECK(c->blank ? cells_at(c, cells_blank(c)) == c->n - 1 && isnan(cells_value(c, cells_blank(c))) : isnan(cells_blank(c)),
          "%s: the blank cell", name);
    /* beyond all, and between two */
    double range[2] = {v[0], v[n ? n - 1 : 0]};
    CHECK(!n || (cells_at(c, cells_x(c, -INFINITY)) == 0 && cells_at(c, cells_x(c, INFINITY)) == c->n - 1 - c->blank &&
                 cells_value(c, cells_x(c, -INFINITY)) >= range[0] && cells_value(c, cells_x(c, INFINITY)) <= range[1]),
          "%s: beyond the ends", name);
    free(count);
}

/* What is drawn of a cell lies in it and in what is allowed; shares are those of such draws. */
static void check_places(const char *name, const struct cells *c, double low, double high) {
    enum { DRAWS = 64 };
    const struct cells_part range = {low, high, NULL}, all = {-INFINITY, INFINITY, NULL};
    bool *set = calloc(c->n, sizeof *set);
    for (size_t i = 0; i < c->n; i++) {
        bool blank = c->blank && i + 1 == c->n;
        double share = cells_share(c, i, &range), in = 0;
        CHECK(fabs(cells_share(c, i, &all) - !blank) < 1e-12 && fabs(cells_share(c, i, NULL) - 1) < 1e-12, "%s: all of it", name);
        size_t out = 0;
        for (size_t k = 0; k < DRAWS; k++) {
            double u = ((double)k + 0.5) / DRAWS, some = cells_value(c, cells_place(c, i, NULL, u));
            out += cells_at(c, cells_place(c, i, NULL, u)) != i;
            in += some >= low && some <= high;
            if (share > 0) {
                double v = cells_value(c, cells_place(c, i, &range, u));
                out += cells_at(c, cells_place(c, i, &range, u)) != i;
                out += !(v >= low - slack(c, i) && v <= high + slack(c, i));
            }
        }
        /* a set takes cells away and adds nothing, but that the blank one is allowed by a set alone */
        set[i] = true;
        const struct cells_part both = {low, high, set}, alone = {-INFINITY, INFINITY, set};
        CHECK(fabs(cells_share(c, i, &both) - share) < 1e-12 && fabs(cells_share(c, i, &alone) - 1) < 1e-12, "%s: a set", name);
        for (size_t k = 0; k < DRAWS && share > 0; k++) {
            double u = ((double)k + 0.5) / DRAWS;
            out += cells_place(c, i, &both, u) < cells_place(c, i, &range, u) || cells_place(c, i, &both, u) > cells_place(c, i, &range, u);
        }
        set[i] = false;
        CHECK(cells_share(c, i, &both) <= 0, "%s: not in the set", name);
        CHECK(!out && fabs(in / DRAWS - share) <= 2.0 / DRAWS, "%s: cell %zu of %g..%g: %zu out, share %g, of draws %g", name, i,
              c->low[i], c->high[i], out, share, in / DRAWS);
    }
    free(set);
}

static void test_bins(void) {
    static const struct {
        const char *name;
        value_fn *value;
        bool atoms; /* every value a cell of its own */
    } columns[] = {{"normal", normal, false},   {"cents", cents, false},     {"money", money, false},     {"spiked", spiked, false},
                   {"few", few, true},          {"one", one, true},          {"two", two, true},
                   {"different", all_different, false},
                   {"large", large, false},     {"tiny", tiny, false},       {"huge", huge, false},       {"two far", two_far, false},
                   {"ties", ties, false},       {"runs", runs, false}};
    static const size_t rows[] = {0, 1, 2, 7, 100, MOST}, bins[] = {2, 10, 200};
    double *v = calloc(MOST, sizeof *v);
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            for (size_t b = 0; b < 2 * sizeof bins / sizeof *bins; b++) {
                size_t n = rows[r], missing = b % 2 ? n / 10 + 1 : 0;
                struct vae_err err = {0};
                struct cells c;
                char name[80];
                snprintf(name, sizeof name, "%s, %zu rows, %zu bins, %zu missing", columns[k].name, n, bins[b / 2], missing);
                draw(columns[k].value, n, v);
                CHECK(!bins_cut(v, n, missing, b % 2, bins[b / 2], 0.01, &c, &err), "%s: %s", name, err.msg);
                CHECK(!cells_check(&c, &err), "%s: %s", name, err.msg);
                CHECK(c.nlevels <= 4 * bins[b / 2] + 2 + 2 * (b % 2), "%s: %zu levels", name, c.nlevels);
                check_values(name, &c, v, n, missing);
                if (n < MOST || bins[b / 2] == 10)
                    check_places(name, &c, n ? v[n / 4] : 0, n ? v[n - 1 - n / 4] : 0);
                for (size_t i = 0; columns[k].atoms && n == MOST && i < c.n - c.blank; i++)
                    CHECK(!(c.high[i] > c.low[i]) && fabs(c.cost[i] + log(c.weight[i])) < 1e-12, "%s: cell %zu", name, i);
                cells_free(&c);
                CHECK(c.n == 0, "freed");
            }
    free(v);
}

/* The density of a column integrates to one: each interval's exp(-cost) over its width, times its level's share. */
static void test_density(void) {
    double *v = calloc(MOST, sizeof *v), sum = 0;
    struct vae_err err = {0};
    struct cells c;
    draw(spiked, MOST, v);
    CHECK(!bins_cut(v, MOST, 0, false, 50, 0.25, &c, &err), "%s", err.msg);
    size_t spikes = 0;
    for (size_t i = 0; i < c.n; i++) {
        double width = c.high[i] > c.low[i] ? c.high[i] - c.low[i] : 0.25; /* a spike is as wide as a step */
        spikes += !(c.high[i] > c.low[i]) && c.share[c.level[i]] > 0.05;
        sum += c.share[c.level[i]] * exp(-c.cost[i]) * width;
    }
    CHECK(fabs(sum - 1) < 1e-9 && spikes == 2, "integral %.12f, %zu spikes", sum, spikes);
    cells_free(&c), free(v);
}

/* Cells at both ends of what a double holds cost something finite and have a value. */
static void test_ends(void) {
    static const double bounds[][2] = {{1.6e308, 1.7e308}, {-1.7e308, -1.6e308}, {1.7e308, 1.7e308}, {0, 2e-310}, {5e-324, 5e-324}};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        struct cells c;
        struct vae_err err = {0};
        CHECK(!cells_new(&c, 1, &err), "%s", err.msg);
        c.low[0] = bounds[i][0], c.high[0] = bounds[i][1];
        c.nlevels = 1, c.weight[0] = c.share[0] = 1;
        cells_finish(&c, 0, 1e-6);
        CHECK(!cells_check(&c, &err), "%g to %g costs %g, value %g", c.low[0], c.high[0], c.cost[0], c.value[0]);
        cells_free(&c);
    }
}

static void test_levels(void) {
    enum { CODES = 30, ROWS = 1000 };
    double v[ROWS];
    struct vae_err err = {0};
    struct cells c;
    for (size_t i = 0; i < ROWS; i++) /* codes 20 to 24 once or twice, 25 to 29 never */
        v[i] = i < 7 ? (double)(20 + i % 5) : (double)(i % 20);
    CHECK(!levels_cut(v, ROWS, 50, true, CODES, false, &c, &err) && !cells_check(&c, &err), "%s", err.msg);
    CHECK(c.n == CODES + 2 && c.nlevels == 22, "%zu cells, %zu levels", c.n, c.nlevels);
    for (size_t i = 0; i <= CODES; i++) {
        float x = cells_x(&c, (double)i);
        CHECK(cells_at(&c, x) == i && fabs(cells_value(&c, x) - (double)i) < 1e-9, "code %zu", i);
        CHECK((c.level[i] == 20) == (i >= 20), "code %zu is of level %u", i, c.level[i]);
        CHECK((c.weight[i] > 0) == (i < 25), "code %zu has the weight %g", i, c.weight[i]);
    }
    CHECK(fabs(c.share[20] - 7.0 / 1050) < 1e-9 && fabs(c.share[21] - 50.0 / 1050) < 1e-9, "%g %g", c.share[20], c.share[21]);
    CHECK(c.cost[CODES] > c.cost[20] && isfinite(c.cost[CODES]), "what is unknown costs more than what is rare");
    cells_free(&c);
    CHECK(!levels_cut(v, ROWS, 0, false, CODES, true, &c, &err) && !cells_check(&c, &err), "%s", err.msg);
    CHECK(c.nlevels == CODES && c.level[29] == 29 && c.level[CODES] == 10, "ordered: %zu levels, unknown %u", c.nlevels, c.level[CODES]);
    cells_free(&c);
    CHECK(!levels_cut(v, 0, 0, false, 1, false, &c, &err) && !cells_check(&c, &err), "one level, no rows: %s", err.msg);
    cells_free(&c);
    CHECK(levels_cut(v, ROWS, 0, false, CELLS_MAX, false, &c, &err) == VAE_EDATA, "too many levels");
    cells_free(&c);
}

/* What a model file may say about cells: each of these is senseless. */
static void test_damage(void) {
    double v[100];
    struct vae_err err = {0};
    for (size_t i = 0; i < 100; i++)
        v[i] = (double)(i * i);
    for (int k = 0; k < 14; k++) {
        struct cells c;
        CHECK(!bins_cut(v, 100, 5, true, 10, 1, &c, &err) && !cells_check(&c, &err) && c.n > 5, "%s", err.msg);
        switch (k) {
        case 0: c.level[1] = (uint32_t)c.nlevels; break;
        case 1: c.low[2] = NAN; break;
        case 2: c.high[2] = INFINITY; break;
        case 3: c.low[2] = c.low[1] - 1; break;
        case 4: c.high[2] = c.low[2] - 1; break;
        case 5: c.weight[0] = -0.5; break;
        case 6: c.weight[0] = NAN; break;
        case 7: c.weight[0] += 0.5; break;
        case 8: c.share[0] = NAN; break;
        case 9: c.share[0] += 0.1; break;
        case 10: c.cost[3] = NAN; break;
        case 11: c.value[3] = c.high[3] + 1; break;
        case 12: c.nlevels = c.n + 1; break;
        default: c.nlevels = 0; break;
        }
        CHECK(cells_check(&c, &err) == VAE_EDATA && strstr(err.msg, "no sense"), "damage %d passes", k);
        cells_free(&c);
    }
    struct cells c;
    CHECK(cells_new(&c, 0, &err) == VAE_EDATA && cells_new(&c, CELLS_MAX + 1, &err) == VAE_EDATA, "a senseless number");
    cells_free(&c);
}

/* ---- conditions ---------------------------------------------------------------------------------------------- */

/* A model of a number, a category with a blank, an ordered one, a date and a number of two digits, fitted by one step. */
static struct vae_model *small_model(enum vae_purpose purpose) {
    char path[] = "/tmp/test_cells.XXXXXX", *paths[] = {path};
    struct vae_err err = {0};
    struct vae_fit_opts opts;
    struct vae_in_opts in_opts = {.header = 1};
    struct vae_fit_report report;
    FILE *f = fdopen(mkstemp(path), "w");
    fputs("age,\"odd, name\",grade,born,height\n", f);
    for (int i = 0; i < 300; i++)
        fprintf(f, "%d,%s,%d,20%02d-0%d-11,%.2f\n", i * 7 % 60 + 20, i % 5 ? i % 2 ? "b c" : "a" : "", i * 3 % 4 + 1, i % 20,
                i % 9 + 1, 1.5 + i * 7 % 50 * 0.01);
    fclose(f);
    vae_fit_defaults(&opts);
    opts.steps = 1, opts.calibrate = false, opts.prior = "normal", opts.latent_dim = 2, opts.hidden[0] = 8, opts.nhidden = 1;
    opts.threads = 1, opts.purpose = purpose;
    struct vae_in *in = vae_in_open(paths, 1, &in_opts, &err);
    struct vae_model *m = in ? vae_fit(in, &opts, &report, &err) : NULL;
    CHECK(m != NULL, "%s", err.msg);
    vae_in_free(in), unlink(path);
    return m;
}

/* Cells that are allowed, as bits of the first 30. */
static unsigned long allowed(const struct gen_condition *c, const struct cells *cells) {
    const struct cells_part part = {c->low, c->high, c->set};
    unsigned long bits = 0;
    for (size_t i = 0; i < cells->n && i < 30; i++)
        bits |= (unsigned long)(cells_share(cells, i, &part) > 0) << i;
    return bits;
}

static void test_where(void) {
    /* cells of the name: a, "b c", unknown, blank; of the grade: 1 to 4 and unknown */
    static const struct {
        const char *text;
        size_t value;
        unsigned long cells; /* where it has levels */
        double low, high;    /* where it is a number: what is first and last allowed, about */
    } good[] = {
        {"age>=60", 0, 0, 59.5, INFINITY},
        {"age>60", 0, 0, 60.5, INFINITY},
        {"  age  <  30  ", 0, 0, -INFINITY, 29.5},
        {"age<=30", 0, 0, -INFINITY, 30.5},
        {"age==30", 0, 0, 29.5, 30.5},
        {"age=30", 0, 0, 29.5, 30.5},
        {"\"age\"='30'", 0, 0, 29.5, 30.5},
        {"age>=30,age<40,age>=35", 0, 0, 34.5, 39.5},
        {"\"odd, name\"=a", 1, 1, 0, 0},
        {"'odd, name' = \"b c\"", 1, 2, 0, 0},
        {"'odd, name'='b c','odd, name'!=a", 1, 2, 0, 0},
        {"'odd, name'!=a", 1, 14, 0, 0},
        {"'odd, name'=", 1, 8, 0, 0},
        {"'odd, name'=NA", 1, 8, 0, 0},
        {"'odd, name'!=", 1, 7, 0, 0},
        {"grade>=3", 2, 28, 0, 0},
        {"grade<3", 2, 3, 0, 0},
        {"grade>1,grade<=3", 2, 6, 0, 0},
        {"grade!=2", 2, 29, 0, 0},
        {"born>=2010-01-01", 3, 0, 14610, INFINITY},
        {"born<2010-01-01", 3, 0, -INFINITY, 14610},
        {"born=2010-01-01", 3, 0, 14610, 14611},
        {"height>=1.7", 4, 0, 1.695, INFINITY},
        {"height>=1.704", 4, 0, 1.705, INFINITY}, /* between two that can be written */
        {"height>1.704", 4, 0, 1.705, INFINITY},
        {"height<=1.706", 4, 0, -INFINITY, 1.705},
        {"height<1.706", 4, 0, -INFINITY, 1.705},
        {"age>29.5,age<=30.5", 0, 0, 29.5, 30.5},
    };
    static const char *const bad[] = {"", "age", "age>", "age=>5", "nosuch=1", "=1", ",", "age=1,", "age=1,,age=2", "'age=1", "age='1",
                                      "age='1'x", "age=x", "age>=1e999", "age=nan", "'odd, name'=c", "'odd, name'>a", "grade=5",
                                      "grade>4", "age>30,age<30", "age>31,age<32", "born=2010-02-30", "born=5", "age~5", "age!5",
                                      "height=1.704",
                                      "age!=33,age>32,age<34", "age=33,age!=33", "grade!=4,grade>3", "'odd, name'=a,'odd, name'="};
    struct vae_model *m = small_model(VAE_FOR_GENERATE);
    struct gen_where w;
    struct vae_err err = {0};
    for (size_t i = 0; m && i < sizeof good / sizeof *good; i++) {
        char *text = strdup(good[i].text);
        size_t j = good[i].value;
        CHECK(!gen_where_parse(&w, m, 1, &text, 1, &err), "%s: %s", text, err.msg);
        const struct gen_condition *c = &w.value[j];
        CHECK(c->on && w.nfirst == 1 && w.order[0] == j, "%s: which column", text);
        if (good[i].cells)
            CHECK(allowed(c, &m->schema->cells[j]) == good[i].cells, "%s: cells %lx", text, allowed(c, &m->schema->cells[j]));
        else
            CHECK(!(fabs(c->low - good[i].low) > 1e-3 * (j == 4 ? 0.1 : 1)) && !(fabs(c->high - good[i].high) > 1e-3 * (j == 4 ? 0.1 : 1)),
                  "%s: %g to %g", text, c->low, c->high);
        double raw[5] = {-1e9, NAN, 2, 1e9, 1.7};
        gen_where_hold(&w, 1, raw);
        CHECK(raw[0] >= c->low || j, "%s: held at %g", text, raw[0]);
        gen_where_free(&w), free(text);
    }
    for (size_t i = 0; m && i < sizeof bad / sizeof *bad; i++) {
        char *text = strdup(bad[i]);
        err = (struct vae_err){0};
        CHECK(gen_where_parse(&w, m, 1, &text, 1, &err) == VAE_EUSAGE && strstr(err.msg, "--where: "), "%s passes: %s", text, err.msg);
        gen_where_free(&w), free(text);
    }
    /* a set and a range of one column: the range holds what is drawn, the set takes a number out of it */
    char *odd = (char[]){"age!=33,age>30,age<36"};
    CHECK(m && !gen_where_parse(&w, m, 1, &odd, 1, &err), "%s", err.msg);
    for (int age = 20; age < 80; age++) {
        const struct cells *cells = &m->schema->cells[0];
        const struct cells_part part = {w.value[0].low, w.value[0].high, w.value[0].set};
        double raw[5] = {age, NAN, 2, 1e9, 1.7}, share = cells_share(cells, cells_at(cells, cells_x(cells, age)), &part);
        CHECK((share > 0) == (age > 30 && age < 36 && age != 33), "%s: %d", odd, age);
        gen_where_hold(&w, 1, raw);
        CHECK(raw[0] > 30 && raw[0] < 36, "%s: %d is held at %g", odd, age, raw[0]);
    }
    gen_where_free(&w);
    char *both[] = {(char[]){"age>=30"}, (char[]){"grade=2,age<=40"}};
    CHECK(m && !gen_where_parse(&w, m, 2, both, 2, &err) && w.nfirst == 2, "%s", err.msg);
    gen_where_free(&w);
    vae_model_free(m);
}

/* Plain numbers, without cells, are asked for in the range of the data, as all numbers are drawn there. */
static void test_where_plain(void) {
    static const char *const bad[] = {"age>79", "age>=80", "age<20", "age=19", "height>1.99", "height>=1.995", "height=1.704"},
                      *const good[] = {"age>=79", "age<=20", "age=20", "height>=1.984", "height<1.505", "age>20,age<79"};
    struct vae_model *m = small_model(VAE_FOR_DETECT);
    struct gen_where w;
    struct vae_err err = {0};
    CHECK(m && !m->schema->cells[0].n && !m->schema->cells[4].n, "numbers have cells");
    for (size_t i = 0; m && i < sizeof bad / sizeof *bad; i++) {
        char *text = strdup(bad[i]);
        CHECK(gen_where_parse(&w, m, 1, &text, 1, &err) == VAE_EUSAGE && strstr(err.msg, "no value of column"), "%s passes", text);
        gen_where_free(&w), free(text);
    }
    for (size_t i = 0; m && i < sizeof good / sizeof *good; i++) {
        char *text = strdup(good[i]);
        CHECK(!gen_where_parse(&w, m, 1, &text, 1, &err), "%s: %s", text, err.msg);
        gen_where_free(&w), free(text);
    }
    vae_model_free(m);
}

/* A file whose cells of a level are not its code: the codes become indices. */
static void test_codes(void) {
    for (int k = 0; k < 4; k++) {
        struct vae_model *m = small_model(VAE_FOR_GENERATE), *again;
        char path[] = "/tmp/test_cells.XXXXXX";
        struct vae_err err = {0};
        int fd = mkstemp(path);
        if (!m)
            return;
        struct cells *c = &m->schema->cells[1];
        if (k == 1)
            c->low[0] = c->high[0] = c->value[0] = -5e8;
        else if (k == 2)
            c->low[2] = c->high[2] = c->value[2] = 1e12;
        else if (k == 3)
            c->high[1] = 1.5;
        CHECK(fd >= 0 && !vae_model_save(m, path, &err), "%s", err.msg);
        again = vae_model_load(path, &err);
        CHECK(k ? !again && err.code == VAE_EDATA && strstr(err.msg, "codes") : again != NULL, "damage %d: %s", k, err.msg);
        vae_model_free(m), vae_model_free(again);
        close(fd), unlink(path);
    }
}

int main(void) {
    test_bins();
    test_density();
    test_ends();
    test_levels();
    test_damage();
    test_where();
    test_where_plain();
    test_codes();
    return test_done();
}
