/*
 * test_schema.c - cells to numbers and back: what is read, what is refused and how it is said, what is learnt from
 * columns of all sizes, and the way to the model's units.
 */
#include <float.h>
#include <stdbool.h>

#include "schema/schema.h"
#include "test.h"

static bool close_to(double got, double want, double tol) {
    return fabs(got - want) <= tol * fmax(fabs(want), 1e-300);
}

/* A head of text columns a, b, ... (upper case: kept), as a table gives. */
static struct vae_head *text_head(const char *names) {
    struct vae_head *h = rec_head_new("data", NULL);
    for (; *names; names++) {
        struct rec_field *f = rec_head_add(h, (char[]){*names, 0}, REC_UTF8, 0, NULL, NULL);
        f->keep = *names < 'a';
    }
    return h;
}

/* A batch of text; cells row by row, '|' between cells, NULL at the end. */
static struct rec_build *text_batch(const struct vae_head *h, const char *const *rows, struct vae_batch *out) {
    struct rec_build *b = rec_build_new(h, NULL);
    size_t n = 0;
    for (; rows[n]; n++) {
        const char *p = rows[n];
        for (size_t f = 0; f < h->nfields; f++) {
            size_t len = strcspn(p, "|");
            rec_build_text(b, f, p, len, NULL);
            p += len + (p[len] == '|');
        }
    }
    *out = *rec_build_batch(b, n);
    return b;
}

/* A schema learnt from n rows of one column of the given type. */
static struct schema *learnt(enum rec_type type, size_t width, const struct schema_transform *t, const double *raw,
                             size_t n, int *result) {
    struct vae_head *h = rec_head_new("data", NULL);
    struct vae_err err = {0};
    rec_head_add(h, "x", type, width > 1, &width, NULL);
    struct schema *s = schema_new(h, &err);
    CHECK(s != NULL && s->d == width && s->ncols == 1, "%s", err.msg);
    s->col[0].transform = t;
    uint64_t rows[1000];
    for (size_t i = 0; i < n; i++)
        rows[i] = n - 1 - i; /* any order */
    int r = schema_learn(s, raw, rows, n, 16, &err);
    if (result)
        *result = r;
    else
        CHECK(!r, "%s", err.msg);
    CHECK((r != 0) == (*err.msg != 0), "a failure without a message, or the other way round");
    rec_head_free(h);
    return s;
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

static void test_text(void) {
    struct vae_head *h = text_head("aIbc");
    struct schema *s = schema_new(h, NULL);
    struct schema_map map = {0};
    struct vae_err err = {0};
    struct vae_batch b;
    static const char *const rows[] = {"1|id 1|-2.50|3e2", " 4 ||+0.125|-0", "\"5\"|\"x\"|\"6.25\"|7", NULL};
    struct rec_build *build = text_batch(h, rows, &b);
    b.quoted = true;
    CHECK(s->ncols == 3 && s->d == 3 && s->nkeep == 1 && !strcmp(s->keep[0], "I"), "columns %zu kept %zu", s->ncols,
          s->nkeep);
    CHECK(!schema_bind(s, h, &map, &err) && !map.whole && map.field[0] == 0 && map.field[1] == 2 && map.field[2] == 3,
          "%s", err.msg);
    double raw[9];
    size_t good = 99;
    CHECK(!schema_read(s, &map, &b, h, 0, 3, raw, NULL, &good, &err) && good == 3, "%s", err.msg);
    const double want[9] = {1, -2.5, 300, 4, 0.125, 0, 5, 6.25, 7};
    for (size_t i = 0; i < 9; i++)
        CHECK(raw[i] == want[i], "value %zu: %g, should be %g", i, raw[i], want[i]);
    CHECK(!schema_read(s, &map, &b, h, 2, 1, raw, NULL, &good, &err) && good == 1 && raw[0] == 5, "from the third row");
    b.quoted = false;
    CHECK(schema_read(s, &map, &b, h, 0, 3, raw, NULL, &good, &err) == VAE_EROW && good == 2, "a quote is no digit");
    rec_build_free(build), schema_map_free(&map), schema_free(s), rec_head_free(h);
}

/* The rows before a bad one are read, the message names column and cell. */
static void test_bad_cells(void) {
    static const struct {
        const char *cell, *says;
    } bad[] = {{"abc", "'abc'"},
               {"1.2.3", "'1.2.3'"},
               {"inf", "'inf'"},
               {"1e999", "'1e999'"},
               {"0x10", "'0x10'"},
               {"12 34", "'12 34'"},
               {"\001\033[2J", "\\x01\\x1b"},
               };
    struct vae_head *h = text_head("ab");
    struct schema *s = schema_new(h, NULL);
    struct schema_map map = {0};
    schema_bind(s, h, &map, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vae_err err = {0};
        struct vae_batch b;
        char row[40];
        snprintf(row, sizeof row, "3|%s", bad[i].cell);
        const char *rows[] = {"1|2", row, "5|6", NULL};
        struct rec_build *build = text_batch(h, rows, &b);
        b.quoted = true;
        double raw[6] = {0};
        size_t good = 99;
        CHECK(schema_read(s, &map, &b, h, 0, 3, raw, NULL, &good, &err) == VAE_EROW && good == 1, "cell '%s' passes",
              bad[i].cell);
        CHECK(raw[0] == 1 && raw[1] == 2, "the row before is not there");
        CHECK(strstr(err.msg, "column 'b'") && strstr(err.msg, bad[i].says), "cell '%s': %s", bad[i].cell, err.msg);
        CHECK(!schema_read(s, &map, &b, h, 2, 1, raw, NULL, &good, &err) && raw[0] == 5, "no going on behind it");
        rec_build_free(build);
    }
    schema_map_free(&map), schema_free(s), rec_head_free(h);
}

/* Columns are found by name in any order; a missing one is named; arrays without names go by position. */
static void test_bind(void) {
    struct vae_head *h = text_head("abc"), *other = text_head("xcbQa"), *less = text_head("ca"),
                    *none = text_head("AB");
    struct schema *s = schema_new(h, NULL);
    struct schema_map map = {0};
    struct vae_err err = {0};
    CHECK(!schema_bind(s, other, &map, &err) && map.field[0] == 4 && map.field[1] == 2 && map.field[2] == 1,
          "order: %s", err.msg);
    schema_map_free(&map);
    CHECK(schema_bind(s, less, &map, &err) == VAE_EDATA && strstr(err.msg, "'b' is missing"), "%s", err.msg);
    schema_map_free(&map);
    CHECK(!schema_new(none, &err) && err.code == VAE_EDATA, "a schema of nothing: %s", err.msg);

    size_t three = 3, four = 4;
    struct vae_head *array = rec_head_new("data", NULL), *wide = rec_head_new("data", NULL);
    rec_head_add(array, "whatever", REC_F32, 1, &three, NULL), rec_head_add(wide, "whatever", REC_F32, 1, &four, NULL);
    CHECK(!schema_bind(s, array, &map, &err) && map.whole, "an array of 3: %s", err.msg);
    struct rec_build *build = rec_build_new(array, NULL);
    rec_build_rows(build, 2, NULL);
    memcpy(rec_build_data(build, 0), (float[]){1, 2, 3, 4, 5, INFINITY}, 6 * sizeof(float));
    double raw[6];
    size_t good = 0;
    CHECK(schema_read(s, &map, rec_build_batch(build, 2), array, 0, 2, raw, NULL, &good, &err) == VAE_EROW && good == 1 &&
              raw[0] == 1 && raw[2] == 3,
          "an infinite value passes: %s", err.msg);
    schema_map_free(&map);
    CHECK(schema_bind(s, wide, &map, &err) == VAE_EDATA && strstr(err.msg, "expected 3 values a record, got 4"), "%s",
          err.msg);
    schema_map_free(&map), rec_build_free(build), schema_free(s);
    rec_head_free(h), rec_head_free(other), rec_head_free(less), rec_head_free(none), rec_head_free(array);
    rec_head_free(wide);
}

/* Numeric fields of every type, two a record, behind each other and as an image. */
static void test_types(void) {
    size_t two = 2;
    struct vae_head *h = rec_head_new("data", NULL);
    static const char *const name[] = {"u8", "i32", "f32", "f64"};
    for (size_t i = 0; i < 4; i++)
        rec_head_add(h, name[i], (enum rec_type)rec_type_by_name(name[i]), 1, &two, NULL);
    struct schema *s = schema_new(h, NULL);
    struct schema_map map = {0};
    struct rec_build *b = rec_build_new(h, NULL), *back = rec_build_new(h, NULL);
    rec_build_rows(b, 2, NULL);
    memcpy(rec_build_data(b, 0), (unsigned char[]){0, 255, 7, 8}, 4);
    memcpy(rec_build_data(b, 1), (int32_t[]){INT32_MIN, INT32_MAX, -1, 0}, 16);
    memcpy(rec_build_data(b, 2), (float[]){0.1f, -3e38f, 1, 2}, 16);
    memcpy(rec_build_data(b, 3), (double[]){0.1, -1e308, 3, 4}, 32);
    double raw[16];
    size_t good = 0;
    struct vae_err err = {0};
    CHECK(!schema_bind(s, h, &map, &err) && s->d == 8 && !map.whole, "%s", err.msg);
    CHECK(!schema_read(s, &map, rec_build_batch(b, 2), h, 0, 2, raw, NULL, &good, &err) && good == 2, "%s", err.msg);
    const double want[16] = {0, 255, INT32_MIN, INT32_MAX, (double)0.1f, (double)-3e38f, 0.1, -1e308, 7, 8, -1, 0,
                             1, 2,   3,         4};
    for (size_t i = 0; i < 16; i++)
        CHECK(raw[i] == want[i], "value %zu: %g, should be %g", i, raw[i], want[i]);
    /* and out again, the second batch behind the first; numbers too large for their type stay at its edge */
    CHECK(!schema_write(s, true, raw, 2, 0, back, &err), "%s", err.msg);
    for (size_t i = 0; i < 16; i++)
        raw[i] = i % 2 ? 1e30 : -1e30;
    raw[0] = 2.5, raw[1] = 254.6, raw[2] = -0.6, raw[3] = NAN, raw[8] = NAN;
    CHECK(!schema_write(s, true, raw, 2, 2, back, &err), "%s", err.msg);
    for (size_t f = 0; f < 4; f++)
        CHECK(!memcmp(rec_build_data(back, f), rec_build_data(b, f), 4 * rec_type_size(h->fields[f].type)),
              "%s: out again it differs", name[f]);
    const unsigned char *u = rec_build_data(back, 0);
    const int32_t *v = rec_build_data(back, 1);
    CHECK(u[4] == 2 && u[5] == 255 && u[6] == 0 && u[7] == 255, "bytes %d %d %d", u[4], u[5], u[7]);
    CHECK(v[4] == -1 && v[6] == INT32_MIN && v[7] == INT32_MAX, "integers %d %d %d", v[4], v[6], v[7]);
    schema_map_free(&map), schema_free(s), rec_build_free(b), rec_build_free(back), rec_head_free(h);
}

/* ---- learning --------------------------------------------------------------------------------------------- */

static void test_stats(void) {
    /* mean 5, population variance 4, whatever the unit and the offset */
    static const double x[8] = {2, 4, 4, 4, 5, 5, 7, 9};
    static const struct {
        double offset, unit, tol;
    } cases[] = {{0, 1, 1e-14},     {0, 1e-9, 1e-14},   {0, 1e150, 1e-14},  {0, 1e-150, 1e-14},
                 {1e9, 1, 1e-14},   {1e12, 1e-2, 1e-2}, {-5e4, 1e3, 1e-14}, {0, 1e200, 1e-14},
                 {0, 1e307, 1e-14}, {0, -1, 1e-14},     {0, 1e-200, 1e-14}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double raw[8], unit = cases[c].unit, m = cases[c].offset + 5 * unit;
        for (size_t i = 0; i < 8; i++)
            raw[i] = cases[c].offset + unit * x[i];
        int r;
        struct schema *s = learnt(REC_UTF8, 1, &schema_standard, raw, 8, &r);
        CHECK(r == 0, "case %zu (unit %g) cannot be learnt", c, unit);
        CHECK(close_to(s->stats.mean[0], m, 1e-14), "case %zu: mean %.17g", c, s->stats.mean[0]);
        CHECK(close_to(s->stats.sd[0], 2 * fabs(unit), cases[c].tol), "case %zu: sd %.17g", c, s->stats.sd[0]);
        CHECK(s->stats.low[0] == fmin(raw[0], raw[7]) && s->stats.high[0] == fmax(raw[0], raw[7]), "case %zu: range",
              c);
        CHECK(close_to(s->stats.step[0], fabs(unit), cases[c].tol * 100), "case %zu: step %g", c, s->stats.step[0]);
        CHECK(s->center[0] == s->stats.mean[0] && s->scale[0] == s->stats.sd[0], "case %zu: scale %g", c, s->scale[0]);
        CHECK(close_to(schema_log_jacobian(s, 0, 1), log(s->scale[0]), 1e-15), "case %zu: jacobian", c);
        float z[8];
        schema_to_model(s, raw, NULL, 8, z);
        for (size_t i = 0; i < 8; i++)
            CHECK(fabs((double)z[i] - (unit < 0 ? -1 : 1) * (x[i] - 5) / 2) < 1e-6 + cases[c].tol, "case %zu: value %g",
                  c, (double)z[i]);
        schema_free(s);
    }
}

static void test_constants(void) {
    static const double values[] = {0, 3, -1e-300, 0.1, 1e308};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t n = 1; n < 1000; n += 331)
            for (size_t t = 0; schema_transforms[t]; t++) {
        if (schema_transforms[t]->cut) /* test_cells.c */
            continue;
                double raw[1000], v = values[i];
                for (size_t k = 0; k < n; k++)
                    raw[k] = v;
                struct schema *s = learnt(REC_UTF8, 1, schema_transforms[t], raw, n, NULL);
                CHECK(s->stats.mean[0] == v && s->stats.sd[0] == 0 && s->stats.step[0] == 0 && s->scale[0] > 0,
                      "constant %g: mean %g sd %g step %g scale %g", v, s->stats.mean[0], s->stats.sd[0],
                      s->stats.step[0], s->scale[0]);
                float x[1];
                schema_to_model(s, raw, NULL, 1, x);
                CHECK(isfinite(x[0]), "constant %g becomes %g", v, (double)x[0]);
                schema_free(s);
            }
}

/* What cannot be averaged is refused, not turned into infinities. */
static void test_huge(void) {
    const double raw[4] = {1.7e308, -1.7e308, 1.7e308, -1.7e308};
    int r;
    struct schema *s = learnt(REC_UTF8, 1, &schema_standard, raw, 4, &r);
    CHECK(r == VAE_EDATA || (r == 0 && isfinite(s->scale[0]) && s->scale[0] > 0), "huge values: %d", r);
    schema_free(s);
    /* far out values of another stream stay finite */
    const double fit[4] = {1e-9, 2e-9, 3e-9, 4e-9}, far[3] = {1e308, -1e308, 1};
    float x[3];
    s = learnt(REC_UTF8, 1, &schema_standard, fit, 4, NULL);
    schema_to_model(s, far, NULL, 3, x);
    CHECK(x[0] == 1e6f && x[1] == -1e6f && x[2] == 1e6f, "far values %g %g", (double)x[0], (double)x[1]);
    schema_free(s);
    /* counts are not standardised: large ones are what they are */
    const double counts[4] = {3, 2e6, 5e9, 1e300};
    s = learnt(REC_UTF8, 1, &schema_none, counts, 3, NULL);
    float count[4];
    schema_to_model(s, counts, NULL, 4, count);
    CHECK(count[1] == 2e6f && count[2] == 5e9f && count[3] == FLT_MAX, "counts become %g %g %g", (double)count[1],
          (double)count[2], (double)count[3]);
    schema_free(s);
}

static void test_transforms(void) {
    const double pixels[] = {0, 10, 20, 30, 255, 40}, unit[] = {0.25, 0.75}, binary[] = {0, 1, 1, 0}, wide[] = {-3, 5};
    struct schema *s = learnt(REC_U8, 3, &schema_standard, pixels, 2, NULL);
    double v[3] = {225, 15007.25 * 4, 100}; /* twice the sds, squared: 30, 245, 20 */
    v[0] = 15 * 15, v[1] = 122.5 * 122.5, v[2] = 10 * 10;
    for (size_t j = 0; j < 3; j++) {
        CHECK(close_to(s->scale[j], sqrt((v[0] + v[1] + v[2]) / 3), 1e-14), "one scale for an image: %g", s->scale[j]);
        CHECK(close_to(s->stats.sd[j], sqrt(v[j]), 1e-14) && s->stats.step[j] == 1, "pixel %zu: sd %g step %g", j,
              s->stats.sd[j], s->stats.step[j]);
    }
    CHECK(s->center[0] == 15 && s->center[1] == 132.5 && s->center[2] == 30, "centres");
    schema_free(s);
    s = learnt(REC_U8, 3, &schema_unit, pixels, 2, NULL);
    CHECK(s->center[1] == 0 && s->scale[1] == 255, "bytes: %g", s->scale[1]);
    schema_free(s);
    s = learnt(REC_UTF8, 1, &schema_unit, unit, 2, NULL);
    CHECK(s->center[0] == 0 && s->scale[0] == 1, "values in 0..1 stay: %g %g", s->center[0], s->scale[0]);
    schema_free(s);
    s = learnt(REC_U8, 1, &schema_unit, binary, 4, NULL);
    CHECK(s->center[0] == 0 && s->scale[0] == 1, "bits stay: %g %g", s->center[0], s->scale[0]);
    schema_free(s);
    s = learnt(REC_UTF8, 1, &schema_unit, wide, 2, NULL);
    CHECK(s->center[0] == -3 && s->scale[0] == 8, "the range: %g %g", s->center[0], s->scale[0]);
    schema_free(s);
    for (size_t t = 0; schema_transforms[t]; t++)
        CHECK(schema_transform_by_name(schema_transforms[t]->name) == schema_transforms[t] &&
                  schema_transforms[t]->about,
              "%s: not found by its name", schema_transforms[t]->name);
    CHECK(!schema_transform_by_name("no such"), "an unknown name is found");
}

/* Values in the model's units and back, to the bits of a float. */
static void test_round_trip(void) {
    double raw[40];
    uint64_t rows[10];
    for (size_t i = 0; i < 40; i++)
        raw[i] = sin((double)i) * pow(10, (double)(i % 4) * 3 - 6) + (double)(i % 4) * 100;
    struct vae_head *h = text_head("abcd");
    for (size_t t = 0; schema_transforms[t]; t++) {
        if (schema_transforms[t]->cut) /* test_cells.c */
            continue;
        struct schema *s = schema_new(h, NULL);
        float x[40];
        double sum = 0;
        for (size_t i = 0; i < 10; i++)
            rows[i] = i;
        for (size_t c = 0; c < 4; c++)
            s->col[c].transform = schema_transforms[t];
        CHECK(!schema_learn(s, raw, rows, 10, 16, NULL), "not learnt");
        for (size_t i = 0; i < 10; i++)
            rows[i] = (i + 3) % 10;
        schema_to_model(s, raw, rows, 10, x);
        for (size_t i = 0; i < 10; i++)
            for (size_t j = 0; j < 4; j++) {
                double back = (double)x[i * 4 + j] * s->scale[j] + s->center[j], want = raw[rows[i] * 4 + j];
                CHECK(fabs(back - want) < 1e-6 * fmax(s->scale[j], fabs(want)), "%s: %g comes back as %g", schema_transforms[t]->name,
                      want, back);
            }
        for (size_t j = 0; j < 4; j++)
            sum += log(s->scale[j]);
        CHECK(close_to(schema_log_jacobian(s, 0, 4), sum, 1e-12) &&
                  close_to(schema_log_jacobian(s, 1, 2), log(s->scale[1]) + log(s->scale[2]), 1e-12),
              "jacobian");
        schema_free(s);
    }
    rec_head_free(h);
}

/* ---- style and JSON ------------------------------------------------------------------------------------------ */

static void test_json(void) {
    size_t shape[2] = {2, 3};
    struct vae_head *h = rec_head_new("data", NULL);
    struct vae_err err = {0};
    rec_head_add(h, "image", REC_U8, 2, shape, NULL);
    rec_head_add(h, "a \"b\"", REC_UTF8, 0, NULL, NULL);
    rec_head_add(h, "kept", REC_UTF8, 0, NULL, NULL)->keep = true;
    h->origin = json_pack("{s:s}", "format", "csv");
    struct schema *s = schema_new(h, NULL);
    s->col[1].decimals = 4, s->col[0].transform = &schema_unit;
    struct schema *c = schema_copy(s, &err);
    CHECK(c != NULL, "%s", err.msg);
    json_t *a = schema_to_json(s), *b = c ? schema_to_json(c) : NULL;
    CHECK(c && json_equal(a, b) && c->d == 7 && c->col[0].width == 6 && c->col[0].shape[1] == 3 && c->col[1].v0 == 6 &&
              c->col[1].decimals == 4 && c->col[0].transform == &schema_unit && c->nkeep == 1,
          "a copy differs");
    struct vae_head *out = schema_head(s, true, NULL);
    CHECK(out->nfields == 2 && out->fields[0].type == REC_U8 && out->fields[0].width == 6 &&
              out->fields[1].type == REC_F64 && out->fields[1].decimals == 4,
          "fields of what is generated");
    static const char *const senseless[] = {
        "{}",
        "{\"columns\":[],\"keep\":[],\"origin\":{}}",
        "{\"columns\":[{}],\"keep\":[],\"origin\":{}}",
        "{\"columns\":[{\"name\":\"x\",\"dtype\":\"f99\",\"shape\":[],\"decimals\":0,\"transform\":\"standard\"}],"
        "\"keep\":[],\"origin\":{}}",
        "{\"columns\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[0],\"decimals\":0,\"transform\":\"standard\"}],"
        "\"keep\":[],\"origin\":{}}",
        "{\"columns\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[2147483647,2147483647,2147483647],\"decimals\":0,"
        "\"transform\":\"standard\"}],\"keep\":[],\"origin\":{}}",
        "{\"columns\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[],\"decimals\":0,\"transform\":\"no "
        "such\"}],\"keep\":[],\"origin\":{}}",
        "{\"columns\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[],\"decimals\":0,\"transform\":\"unit\"}],\"keep\":"
        "[7],\"origin\":{}}",
    };
    for (size_t i = 0; i < sizeof senseless / sizeof *senseless; i++) {
        json_t *j = json_loads(senseless[i], 0, NULL);
        struct vae_err e = {0};
        CHECK(j && !schema_from_json(j, &e) && e.code == VAE_EDATA && *e.msg, "takes %s", senseless[i]);
        json_decref(j);
    }
    json_decref(a), json_decref(b), schema_free(s), schema_free(c), rec_head_free(h), rec_head_free(out);
}

int main(void) {
    test_text();
    test_bad_cells();
    test_bind();
    test_types();
    test_stats();
    test_constants();
    test_huge();
    test_transforms();
    test_round_trip();
    test_json();
    return test_done();
}
