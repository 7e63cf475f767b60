/* test_npy.c - NPY and IDX: round trips, every dtype and byte order, truncation at every byte, hostile headers. */
#include "streams.h"

/* An NPY file of a version, a header and n bytes of items. */
static void npy(struct buf *s, int version, const char *header, const void *items, size_t n) {
    size_t len = strlen(header);
    unsigned char size[4] = {(unsigned char)len, (unsigned char)(len >> 8), 0, 0};
    s->n = 0;
    buf_printf(s, NULL, "\x93NUMPY%c%c", version, 0);
    s->p[7] = 0;
    buf_put(s, size, version == 1 ? 2 : 4, NULL);
    buf_put(s, header, len, NULL);
    buf_put(s, items, n, NULL);
}

static void test_dtypes(void) {
    static const struct {
        const char *dtype;
        unsigned char items[16];
        size_t n;
        enum rec_type type;
        double want[2];
    } cases[] = {
        {"|u1", {7, 255}, 2, REC_U8, {7, 255}},
        {"|b1", {1, 0}, 2, REC_U8, {1, 0}},
        {"|i1", {7, 255}, 2, REC_I32, {7, -1}},
        {"<i2", {1, 2, 0xff, 0xff}, 4, REC_I32, {513, -1}},
        {">i2", {2, 1, 0xff, 0xfe}, 4, REC_I32, {513, -2}},
        {"<u2", {1, 2, 0xff, 0xff}, 4, REC_I32, {513, 65535}},
        {">u2", {2, 1, 0xff, 0xfe}, 4, REC_I32, {513, 65534}},
        {"<i4", {1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}, 8, REC_I32, {1, -2}},
        {">i4", {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe}, 8, REC_I32, {1, -2}},
        {"<u4", {1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 8, REC_F64, {1, 4294967295.}},
        {"<i8", {1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 16, REC_F64, {1, -1}},
        {"<u8", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}, 16, REC_F64, {1, 9223372036854775808.}},
        {"<f4", {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, 8, REC_F32, {1, -2}},
        {">f4", {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, 8, REC_F32, {1, -2}},
        {"<f8", {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0}, 16, REC_F64, {1, -2}},
        {">f8", {0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}, 16, REC_F64, {1, -2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int version = 1; version <= 3; version++) {
            struct buf s = {0};
            char header[128];
            struct vae_err err = {0};
            struct vae_batch b = {0};
            snprintf(header, sizeof header, "{\"descr\": '%s', 'fortran_order': False, 'shape': (2,), }  \n",
                     cases[i].dtype);
            npy(&s, version, header, cases[i].items, cases[i].n);
            struct source *src = source_memory(s.p, s.n, 3);
            void *in = stream_npy.open(src, &(struct stream_read_opts){0}, &err);
            const struct rec_field *f = in ? &stream_npy.head(in)->fields[0] : NULL;
            CHECK(in && f->type == cases[i].type && f->ndim == 0 && !strcmp(f->name, "x"), "%s", err.msg);
            CHECK(in && stream_npy.next(in, &b, &err) == 2, "%s: %s", cases[i].dtype, err.msg);
            for (size_t k = 0; k < b.rows; k++) {
                const void *p = b.cols[0].data;
                double v = f->type == REC_U8    ? ((const uint8_t *)p)[k]
                           : f->type == REC_I32 ? ((const int32_t *)p)[k]
                           : f->type == REC_F32 ? (double)((const float *)p)[k]
                                                : ((const double *)p)[k];
                CHECK(v == cases[i].want[k], "%s: %g", cases[i].dtype, v);
            }
            CHECK(in && stream_npy.next(in, &b, &err) == 0, "%s: %s", cases[i].dtype, err.msg);
            if (in)
                stream_npy.close(in);
            source_close(src);
            buf_free(&s);
        }
}

#define H "'descr': '<f4', 'fortran_order': False"

static void test_bad_headers(void) {
    static const struct {
        const char *header, *says;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", "ascontiguousarray"},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}", "astype"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "structured"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "'|O' is not read"},
        {"{" H ", 'shape': ()}", "single number"},
        {"{" H ", 'shape': (2, 0)}", "without values"},
        {"{" H ", 'shape': (1, 2, 3, 4, 5, 6)}", "more than 5 dimensions"},
        {"{" H ", 'shape': (1, 4294967296, 4294967296)}", "records of more than"},
        {"{" H ", 'shape': (1, 99999999999999999999999)}", "no dimension"},
        {"{" H ", 'shape': (1, 1000000000)}", "records of more than"},
        {"{" H ", 'shape': (-1,)}", "no dimension"},
        {"{" H ", 'shape': (2,)", "does not end"},
        {"{" H "}", "a key is missing"},
        {"{" H ", 'shape': (2,), 'shape': (2,)}", "repeated"},
        {"{" H ", 'shape': (2,), 'more': 1}", "unknown"},
        {"{" H ", 'shape': (2,)} x", "behind the dictionary"},
        {"  ", "no dictionary"},
        {"{" H ", 'shape': (2,)}", "ends early, 0 of 2 records"},
        {"{" H ", 'shape': (18446744073709551600,)}", "ends early, 0 of"},
    };
    struct buf s = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        npy(&s, 1, cases[i].header, "", 0);
        struct result r = read_all(&stream_npy, s.p, s.n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && r.n == 0 && strstr(r.err.msg, cases[i].says), "%s: %s", cases[i].header, r.err.msg);
        buf_free(&r.rows);
    }
    npy(&s, 4, "{" H ", 'shape': (2,)}", "12345678", 8);
    struct result r = read_all(&stream_npy, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == VAE_EDATA && strstr(r.err.msg, "version"), "%s", r.err.msg);
    npy(&s, 1, "{" H ", 'shape': (0, 3)}", "", 0);
    r = read_all(&stream_npy, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == 0 && r.n == 0, "%s", r.err.msg);
    buf_free(&s);
}

/* Writes b, reads it back; truncated anywhere, or with a byte more, it is an error behind a prefix of the records. */
static void round_trip(const struct stream_format *f, const struct vae_head *h, const struct vae_batch *b, bool cut) {
    struct buf s = {0}, again = {0}, want = {0};
    struct vae_head *back = NULL;
    struct vae_err err = {0};
    const struct vae_out_opts opts = {0};
    const struct rec_field *x = &h->fields[0];
    canonical(&want, h, b);
    CHECK(write_all(f, h, b, 0, 0, &opts, 0, &s, &err) == 0, "%s: %s", f->name, err.msg);
    CHECK(write_all(f, h, b, 3, 0, &opts, 0, &again, &err) == 0 && same_bytes(&s, &again), "%s: chunks", f->name);
    CHECK(f->sniff((unsigned char *)s.p, s.n), "%s: sniff", f->name);
    for (size_t chunk = 0; chunk < 12; chunk += 5) {
        const struct stream_read_opts read = {.batch_rows = chunk};
        struct result r = read_all(f, s.p, s.n, chunk, &read, back ? NULL : &back);
        CHECK(r.rc == 0 && r.n == b->rows && same_bytes(&r.rows, &want), "%s %s: %s", f->name, x->name, r.err.msg);
        buf_free(&r.rows);
    }
    CHECK(back && back->fields[0].type == x->type && back->fields[0].ndim == x->ndim &&
              !memcmp(back->fields[0].shape, x->shape, sizeof x->shape),
          "%s %s: field", f->name, x->name);
    rec_head_free(back);
    buf_put(&s, "", 1, NULL);
    for (size_t n = 0; cut && n <= s.n; n++) {
        if (n == s.n - 1)
            continue;
        char *exact = mem_text(s.p, n);
        struct result r = read_all(f, exact, n, 7, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && r.err.msg[0], "%s %s: %zu bytes: %d", f->name, x->name, n, r.rc);
        CHECK(r.rows.n <= want.n && (!r.rows.n || !memcmp(r.rows.p, want.p, r.rows.n)), "%zu bytes: records", n);
        buf_free(&r.rows);
        free(exact);
    }
    buf_free(&s);
    buf_free(&again);
    buf_free(&want);
}

static void test_round_trips(const struct stream_format *f) {
    static const size_t shape[REC_MAX_DIMS] = {2, 3, 1, 2};
    for (int t = REC_U8; t < REC_NTYPES; t++)
        for (size_t ndim = 0; ndim <= REC_MAX_DIMS; ndim++) {
            struct rec_build *build;
            struct vae_head *h = rec_head_new("data", NULL);
            rec_head_add(h, rec_type_name((enum rec_type)t), (enum rec_type)t, ndim, shape, NULL);
            round_trip(f, h, some_rows(h, 11, &build), ndim == 1);
            rec_build_free(build);
            round_trip(f, h, some_rows(h, 0, &build), false);
            rec_build_free(build);
            rec_head_free(h);
        }
}

/* Fields of several types become one array that holds them all. */
static void test_joined(void) {
    static const struct {
        enum rec_type a, b;
        const char *dtype;
    } cases[] = {{REC_U8, REC_U8, "|u1"},   {REC_U8, REC_I32, "<i4"},  {REC_F32, REC_U8, "<f4"},
                 {REC_I32, REC_F32, "<f8"}, {REC_F32, REC_F64, "<f8"}, {REC_F32, REC_F32, "<f4"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rec_build *build;
        struct buf s = {0};
        struct vae_err err = {0};
        struct vae_head *h = rec_head_new("data", NULL), *back = NULL;
        rec_head_add(h, "a", cases[i].a, 0, NULL, NULL);
        rec_head_add(h, "b", cases[i].b, 1, (const size_t[]){2}, NULL);
        const struct vae_batch *b = some_rows(h, 9, &build);
        write_all(&stream_npy, h, b, 4, 0, &(struct vae_out_opts){0}, 0, &s, &err);
        CHECK(s.n > 64 && strstr(s.p + 10, cases[i].dtype) && strstr(s.p + 10, "(9, 3)"), "%s", s.p ? s.p + 10 : "");
        struct result r = read_all(&stream_npy, s.p, s.n, 0, NULL, &back);
        CHECK(r.rc == 0 && r.n == 9 && back && back->fields[0].width == 3, "%s", r.err.msg);
        buf_free(&r.rows);
        buf_free(&s);
        rec_head_free(back);
        rec_head_free(h);
        rec_build_free(build);
    }
}

/* Tables: text cells are read as numbers; text that is kept cannot be held. */
static void test_text(void) {
    static const struct {
        const char *cell;
        int rc;
        double want;
    } cases[] = {{"1.5", 0, 1.5}, {"\"-2\"", 0, -2}, {"", 0, NAN}, {"NA", 0, NAN}, {"cat", VAE_EDATA, 0}};
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "age", REC_UTF8, 0, NULL, NULL);
    struct vae_err err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rec_build *build = rec_build_new(h, NULL);
        struct buf s = {0};
        double v = 0;
        err.msg[0] = 0;
        rec_build_text(build, 0, cases[i].cell, strlen(cases[i].cell), NULL);
        struct vae_batch b = *rec_build_batch(build, 1);
        b.quoted = true;
        CHECK(write_all(&stream_npy, h, &b, 0, 0, &(struct vae_out_opts){0}, 0, &s, &err) == cases[i].rc, "%s: %s",
              cases[i].cell, err.msg);
        if (!cases[i].rc && s.n >= sizeof v)
            memcpy(&v, s.p + s.n - sizeof v, sizeof v);
        CHECK(v == cases[i].want || (isnan(v) && isnan(cases[i].want)), "%s: %g", cases[i].cell, v);
        buf_free(&s);
        rec_build_free(build);
    }
    CHECK(strstr(err.msg, "record 1, column 'age': 'cat'"), "%s", err.msg);
    h->fields[0].keep = true;
    struct sink *sink = sink_memory();
    CHECK(!stream_npy.create(sink, h, &(struct vae_out_opts){0}, &err) && err.code == VAE_EUSAGE &&
              strstr(err.msg, "kept column 'age'"),
          "%s", err.msg);
    sink_close(sink, false, NULL);
    rec_head_free(h);
}

static void test_idx(void) {
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4},
                               labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9},
                               shorts[] = {0, 0, 0x0b, 1, 0, 0, 0, 2, 0, 1, 0xff, 0xfe};
    static const struct {
        unsigned char p[24];
        size_t n;
        const char *says;
    } bad[] = {
        {{0, 0, 8, 0}, 4, "dimensions"},
        {{0, 0, 8, 9}, 4, "dimensions"},
        {{0, 0, 7, 1, 0, 0, 0, 0}, 8, "not an IDX"},
        {{1, 0, 8, 1, 0, 0, 0, 0}, 8, "not an IDX"},
        {{0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0}, 12, "without values"},
        {{0, 0, 14, 3, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255}, 16, "records of more than"},
        {{0, 0, 8, 1, 255, 255, 255, 255}, 8, "0 of 4294967295"},
    };
    struct vae_head *head = NULL;
    struct result r = read_all(&stream_idx, images, sizeof images, 0, NULL, &head);
    CHECK(r.rc == 0 && r.n == 2 && !memcmp(r.rows.p, "\1\2\3\4", 4), "%s", r.err.msg);
    CHECK(head && !strcmp(head->fields[0].name, "pixel") && head->fields[0].shape[1] == 2, "images");
    buf_free(&r.rows);
    rec_head_free(head);
    r = read_all(&stream_idx, labels, sizeof labels, 0, NULL, &head);
    CHECK(r.rc == 0 && r.n == 2 && !memcmp(r.rows.p, "\7\11", 2), "%s", r.err.msg);
    CHECK(head && !strcmp(head->fields[0].name, "x") && head->fields[0].ndim == 0, "labels");
    buf_free(&r.rows);
    rec_head_free(head);
    r = read_all(&stream_idx, shorts, sizeof shorts, 0, NULL, NULL);
    CHECK(r.rc == 0 && !memcmp(r.rows.p, (const int32_t[]){1, -2}, 8), "%s", r.err.msg);
    buf_free(&r.rows);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        r = read_all(&stream_idx, bad[i].p, bad[i].n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && strstr(r.err.msg, bad[i].says), "%zu: %s", i, r.err.msg);
    }
}

/* A model's one column is the array, whatever the names. */
static void test_want(void) {
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    char *names[] = {(char[]){"pixel"}, (char[]){"more"}};
    struct stream_read_opts opts = {.want = {.n = 1, .names = names}};
    struct result r = read_all(&stream_idx, labels, sizeof labels, 0, &opts, NULL);
    CHECK(r.rc == 0 && r.n == 2, "%s", r.err.msg);
    buf_free(&r.rows);
    opts.want.n = 2;
    r = read_all(&stream_idx, labels, sizeof labels, 0, &opts, NULL);
    CHECK(!r.opened && r.rc == VAE_EDATA, "%s", r.err.msg);
}

int main(void) {
    test_dtypes();
    test_bad_headers();
    test_round_trips(&stream_npy);
    test_round_trips(&stream_idx);
    test_joined();
    test_text();
    test_idx();
    test_want();
    return test_done();
}
