/* test_base.c - messages, memory and records. */
#include <errno.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rec.h"
#include "test.h"

/* ---- messages -------------------------------------------------------------------------------------------- */

static void test_quote(void) {
    static const struct {
        size_t size;
        const char *bytes, *want;
    } quotes[] = {
        {64, "plain \"text\"", "plain \"text\""},
        {64, "a\tb\nc\x1b[31m\x7f", "a\\x09b\\x0ac\\x1b[31m\\x7f"},
        {64, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {64, "\xc2\x9b", "\\xc2\\x9b"},                              /* C1: CSI */
        {64, "\xc0\xaf \xe0\x80\xaf", "\\xc0\\xaf \\xe0\\x80\\xaf"}, /* overlong */
        {64, "\xed\xa0\x80", "\\xed\\xa0\\x80"},                     /* surrogate */
        {64, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},            /* beyond U+10FFFF */
        {64, "\xff\xc3", "\\xff\\xc3"},
        {64, "\xe2\x82", "\\xe2\\x82"},
        {8, "1234567", "1234567"},
        {8, "12345678", "1234..."},
        {8, "1234\n", "1234..."},
        {8,
         "123\xe2\x82\xac"
         "45",
         "123..."},
        {4, "12345", "..."},
        {3, "12345", ".."},
        {1, "12345", ""},
    };
    char out[64];
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        memset(out, '#', sizeof out);
        err_quote(out, quotes[i].size, quotes[i].bytes, strlen(quotes[i].bytes));
        CHECK(strcmp(out, quotes[i].want) == 0, "row %zu: \"%s\"", i, out);
        for (size_t j = quotes[i].size; j < sizeof out; j++)
            CHECK(out[j] == '#', "row %zu writes beyond its %zu bytes", i, quotes[i].size);
    }
    CHECK(err_quote(out, 0, "x", 1) == out, "size 0");
    err_quote(out, sizeof out, "a\0b", 3);
    CHECK(strcmp(out, "a\\x00b") == 0, "\"%s\"", out);
}

static void test_messages(void) {
    struct vae_err e = {0};
    char name[2000];
    CHECK(err_set(&e, VAE_EDATA, "%s:%d: bad \"%s\"", "data.csv", 17, "a\nb") == VAE_EDATA, "code");
    CHECK(e.code == VAE_EDATA && strcmp(e.msg, "data.csv:17: bad \"a\\x0ab\"") == 0, "%s", e.msg);
    CHECK(err_prefix(&e, "model %d", 3) == VAE_EDATA, "prefix");
    CHECK(strcmp(e.msg, "model 3: data.csv:17: bad \"a\\x0ab\"") == 0, "%s", e.msg);
    errno = ENOENT;
    CHECK(err_errno(&e, VAE_ENOINPUT, "%s", "x.csv") == VAE_ENOINPUT, "errno");
    CHECK(strcmp(e.msg, "x.csv: no such file or directory") == 0, "%s", e.msg);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    err_set(&e, VAE_EDATA, "%s", name);
    CHECK(strlen(e.msg) == sizeof e.msg - 1 && strcmp(e.msg + sizeof e.msg - 4, "...") == 0, "%s", e.msg);
    CHECK(err_set(NULL, VAE_EIO, "x") == VAE_EIO && err_errno(NULL, VAE_EIO, "x") == VAE_EIO, "NULL");
}

static void test_status(void) {
    static const int status[][2] = {
        {0, 0},         {VAE_EUSAGE, 64},  {VAE_EDATA, 65}, {VAE_ENOINPUT, 66}, {VAE_EDIVERGED, 70},
        {VAE_EOS, 71},  {VAE_ECREATE, 73}, {VAE_EIO, 74},   {VAE_EAGAIN, 75},   {VAE_EROW, 65},
        {VAE_ESTOP, 70}};
    for (size_t i = 0; i < sizeof status / sizeof *status; i++)
        CHECK(vae_exit_status(status[i][0]) == status[i][1], "%d: %d", status[i][0], vae_exit_status(status[i][0]));
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

static void test_memory(void) {
    size_t n, cap = 0;
    double *p = NULL;
    struct vae_err e = {0};
    CHECK(mem_mul(6, 7, &n) && n == 42 && !mem_mul(SIZE_MAX / 2, 3, &n), "product");
    CHECK(mem_add(6, 7, &n) && n == 13 && !mem_add(SIZE_MAX, 1, &n), "sum");
    CHECK(mem_array(SIZE_MAX / 4, 8) == NULL && mem_floats(SIZE_MAX / 4) == NULL, "overflow");
    float *f = mem_floats(5);
    CHECK(f && (uintptr_t)f % 64 == 0 && f[0] == 0 && f[4] == 0, "floats");
    free(f);
    for (size_t i = 0; i < 1000; i++) {
        CHECK(mem_grow(&p, &cap, i + 1, sizeof *p, &e) == 0 && cap > i, "grow to %zu: %zu", i, cap);
        p[i] = (double)i;
    }
    CHECK(p[0] == 0 && p[999] == 999 && cap < 3000, "contents, %zu", cap);
    size_t old = cap;
    CHECK(mem_grow(&p, &cap, SIZE_MAX / 4, sizeof *p, &e) == VAE_EOS && cap == old && p[999] == 999, "a failed grow");
    free(p);
    char *t = mem_text("abcdef", 3);
    CHECK(strcmp(t, "abc") == 0, "%s", t);
    free(t);
    t = mem_text(NULL, 0);
    CHECK(t && *t == 0, "empty text");
    free(t);
}

static void test_buf(void) {
    struct buf b = {0};
    struct vae_err e = {0};
    for (int i = 0; i < 100; i++)
        CHECK(buf_printf(&b, &e, "%d,", i) == 0, "%s", e.msg);
    CHECK(buf_put(&b, "end", 3, &e) == 0 && b.n == 293 && memcmp(b.p, "0,1,2,", 6) == 0, "%zu bytes", b.n);
    CHECK(memcmp(b.p + b.n - 6, "99,end", 6) == 0, "the end");
    CHECK(buf_put(&b, NULL, 0, &e) == 0 && buf_reserve(&b, SIZE_MAX, &e) == VAE_EOS && b.n == 293, "too much");
    buf_free(&b);
    CHECK(b.p == NULL && b.n == 0 && b.cap == 0, "freed");
}

/* ---- records --------------------------------------------------------------------------------------------- */

static void test_types(void) {
    for (int i = 0; i < REC_NTYPES; i++)
        CHECK(rec_type_by_name(rec_type_name((enum rec_type)i)) == i, "type %d", i);
    CHECK(rec_type_by_name("f16") == -1 && rec_type_by_name("") == -1, "no type");
    CHECK(rec_type_size(REC_F64) == 8 && rec_type_size(REC_U8) == 1 && rec_type_size(REC_UTF8) == 0, "sizes");
}

static void test_head(void) {
    struct vae_err e = {0};
    struct vae_head *h = rec_head_new("data", &e);
    static const size_t widths[] = {1, 3, 12, 60};
    size_t shape[3] = {3, 4, 5}, zero[2] = {3, 0}, large[3] = {SIZE_MAX / 8, 2, 2}, huge[2] = {SIZE_MAX, 2};
    char name[16];
    for (int i = 0; i < 100; i++) {
        sprintf(name, "f%d", i);
        struct rec_field *f = rec_head_add(h, name, i % 2 ? REC_F32 : REC_U8, (size_t)i % 4, shape, &e);
        CHECK(f && f->width == widths[i % 4] && f->decimals == -1 && !f->keep, "field %d", i);
    }
    CHECK(rec_head_add(h, "id", REC_UTF8, 0, NULL, &e) != NULL, "%s", e.msg);
    CHECK(rec_head_find(h, "f57") == 57 && rec_head_find(h, "id") == 100 && rec_head_find(h, "g") == -1, "find");
    CHECK(!rec_head_add(h, "x", REC_F32, 2, zero, &e) && e.code == VAE_EDATA, "a dimension of 0");
    CHECK(!rec_head_add(h, "x", REC_F32, 3, large, &e) && e.code == VAE_EDATA, "too large");
    CHECK(!rec_head_add(h, "x", REC_F32, 2, huge, &e) && e.code == VAE_EDATA, "overflow");
    CHECK(!rec_head_add(h, "x", REC_F32, 5, shape, &e) && e.code == VAE_EDATA, "5 dimensions");
    CHECK(!rec_head_add(h, "x", REC_UTF8, 1, shape, &e) && e.code == VAE_EDATA, "text with a shape");
    h->origin = json_pack("{s:s}", "format", "csv");
    h->fields[7].keep = true;
    h->fields[8].decimals = 3;
    struct vae_head *c = rec_head_copy(h, &e);
    rec_head_free(h);
    CHECK(c && c->nfields == 101 && strcmp(c->kind, "data") == 0 && c->fields[7].keep && c->fields[8].decimals == 3 &&
              c->fields[7].ndim == 3 && c->fields[7].shape[2] == 5,
          "copy");
    CHECK(strcmp(json_string_value(json_object_get(c->origin, "format")), "csv") == 0 && !c->model && !c->extra,
          "the copy's origin");
    rec_head_free(c);
    rec_head_free(NULL);
}

static void test_unquote(void) {
    static const char *const cells[][2] = {
        {"abc", "abc"},         {"", ""},         {"\"abc\"", "abc"}, {"\"a\"\"b\"", "a\"b"}, {"\"\"", ""},
        {"\"\"\"\"", "\""},     {"\"", ""},       {"\"abc", "abc"},   {"\"a\"bc", "abc"},     {"a\"b\"", "a\"b\""},
        {"\"a,b\n\"", "a,b\n"}, {"\"\"\"", "\""},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        size_t n = strlen(cells[i][0]);
        char *cell = mem_text(cells[i][0], n), *out = malloc(n + 1);
        size_t got = rec_unquote(cell, n, out);
        CHECK(got == strlen(cells[i][1]) && memcmp(out, cells[i][1], got) == 0, "%s: %.*s", cell, (int)got, out);
        got = rec_unquote(cell, n, cell);
        CHECK(got == strlen(cells[i][1]) && memcmp(cell, cells[i][1], got) == 0, "in place: %s", cells[i][0]);
        free(cell);
        free(out);
    }
}

static const char *const texts[] = {"", "one", "\"two, 2\"", "three", "4"};
enum { NTEXTS = sizeof texts / sizeof *texts };

static void check_rows(const struct vae_batch *b, size_t first) {
    for (size_t i = 0; i < b->rows; i++) {
        const char *want = texts[(i + first) % NTEXTS];
        size_t n;
        const char *cell = rec_cell(&b->cols[1], i, &n);
        const float *x = (const float *)b->cols[0].data + 3 * i;
        const uint8_t *u = (const uint8_t *)b->cols[2].data + i;
        CHECK(n == strlen(want) && memcmp(cell, want, n) == 0, "row %zu: %.*s", i, (int)n, cell);
        CHECK(x[0] == (float)(i + first) && x[2] == x[0] + 2 && *u == (uint8_t)(i + first), "row %zu: %g", i,
              (double)x[0]);
    }
}

static void test_build(void) {
    struct vae_err e = {0};
    struct vae_head *h = rec_head_new("data", &e);
    size_t three = 3;
    rec_head_add(h, "x", REC_F32, 1, &three, &e);
    rec_head_add(h, "id", REC_UTF8, 0, NULL, &e);
    rec_head_add(h, "u", REC_U8, 0, NULL, &e);
    struct rec_build *b = rec_build_new(h, &e), *c = rec_build_new(h, &e);
    CHECK(b && c, "%s", e.msg);
    const struct vae_batch *batch = rec_build_batch(b, 0);
    CHECK(batch->rows == 0 && vae_batch_rows(batch) == 0 && batch->nfields == 3, "empty");
    for (size_t round = 0; round < 3; round++) {
        size_t rows = 20 + 70 * round;
        CHECK(rec_build_rows(b, rows, &e) == 0, "%s", e.msg);
        for (size_t i = 0; i < rows; i++) {
            for (size_t j = 0; j < 3; j++)
                ((float *)rec_build_data(b, 0))[3 * i + j] = (float)(i + j);
            ((uint8_t *)rec_build_data(b, 2))[i] = (uint8_t)i;
            CHECK(rec_build_text(b, 1, texts[i % NTEXTS], strlen(texts[i % NTEXTS]), &e) == 0, "%s", e.msg);
        }
        batch = rec_build_batch(b, rows);
        CHECK(vae_batch_rows(batch) == rows, "%zu rows", vae_batch_rows(batch));
        check_rows(batch, 0);
        struct rec_col cols[3];
        struct vae_batch part;
        rec_slice(batch, h, 7, 11, cols, &part);
        CHECK(part.rows == 11 && part.first == batch->first + 7, "slice");
        check_rows(&part, 7);
        rec_build_reset(c);
        CHECK(rec_build_copy(c, 1, &part.cols[1], 2, 5, 0, &e) == 0, "%s", e.msg);
        for (size_t i = 0; i < 5; i++) {
            size_t n;
            const char *cell = rec_cell(&rec_build_batch(c, 5)->cols[1], i, &n), *want = texts[(i + 9) % NTEXTS];
            CHECK(n == strlen(want) && memcmp(cell, want, n) == 0, "copied row %zu: %.*s", i, (int)n, cell);
        }
        rec_build_reset(b);
    }
    rec_build_free(b);
    rec_build_free(c);
    rec_build_free(NULL);
    rec_head_free(h);
}

int main(void) {
    test_quote();
    test_messages();
    test_status();
    test_memory();
    test_buf();
    test_types();
    test_head();
    test_unquote();
    test_build();
    return test_done();
}
