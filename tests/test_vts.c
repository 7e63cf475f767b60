/* test_vts.c - VTS: round trips, chunk independence, every truncation, every flipped bit, hostile frames. */
#include "stream/vts.h"
#include "streams.h"

static const struct vae_out_opts raw = {.level = 0}, tiny = {.level = 0, .frame_rows = 3},
                                 packed = {.level = 9, .frame_rows = 32};

/* The small streams that are cut and flipped, and written to tests/golden. */
static const struct small {
    const char *file;
    size_t width, rows;
    const struct vae_out_opts *opts;
    unsigned codecs;
} smalls[] = {{"raw.vts", 2, 7, &tiny, 1U << VTS_RAW},
              {"zlib.vts", 1, 40, &packed, 1U << VTS_ZLIB},
              {"shuffle.vts", 6, 40, &packed, 1U << VTS_SHUFFLE}};
enum { SMALLS = sizeof smalls / sizeof smalls[0] };

static struct vae_head *latent_head(size_t width) {
    struct vae_head *h = rec_head_new("latent", NULL);
    rec_head_add(h, "id", REC_UTF8, 0, NULL, NULL)->keep = true;
    rec_head_add(h, "mu", REC_F32, 1, &width, NULL);
    h->model = json_pack("{s:s,s:s}", "path", "m.vae", "id", "0123abcd");
    return h;
}

static void test_round_trip(void) {
    static const size_t chunks[] = {0, 1, 2, 7, 100}, frames[] = {0, 1, 3, 16, 1000}, reads[] = {0, 1, 13};
    struct rec_build *build;
    struct vae_head *h = every_type(), *back = NULL;
    const struct vae_batch *b = some_rows(h, 300, &build);
    struct buf want = {0};
    h->origin = json_pack("{s:s,s:b,s:[s,s]}", "format", "csv", "header", 1, "columns", "a", "b");
    h->extra = json_pack("{s:i}", "rate", 44100);
    h->model = json_pack("{s:s,s:s}", "path", "m.vae", "id", "12");
    h->fields[1].apart = true;
    canonical(&want, h, b);
    for (int level = 0; level <= 9; level += 3)
        for (size_t f = 0; f < 5; f++) {
            struct buf first = {0};
            for (size_t c = 0; c < 5; c++) {
                struct buf out = {0};
                struct vae_err err = {0};
                const struct vae_out_opts opts = {.level = level, .frame_rows = (uint32_t)frames[f]};
                CHECK(write_all(&stream_vts, h, b, chunks[c], 0, &opts, 0, &out, &err) == 0, "%s", err.msg);
                if (c == 0)
                    buf_put(&first, out.p, out.n, NULL);
                CHECK(same_bytes(&first, &out), "chunk %zu, frames of %zu, level %d", chunks[c], frames[f], level);
                buf_free(&out);
            }
            for (size_t r = 0; r < 3; r++) {
                const struct stream_read_opts opts = {.batch_rows = reads[r] * 3};
                struct result got = read_all(&stream_vts, first.p, first.n, reads[r], &opts, back ? NULL : &back);
                CHECK(got.rc == 0 && got.n == 300, "%d %zu %s", got.rc, got.n, got.err.msg);
                CHECK(same_bytes(&got.rows, &want), "records differ");
                buf_free(&got.rows);
            }
            buf_free(&first);
        }
    CHECK(back && vts_head_differs(h, back) == NULL, "head differs");
    CHECK(back && json_equal(back->origin, h->origin) && json_equal(back->model, h->model) &&
              json_equal(back->extra, h->extra),
          "head's JSON differs");
    CHECK(back && back->fields[1].decimals == 3 && back->fields[2].decimals == -1, "decimals differ");
    CHECK(back && back->fields[1].apart && !back->fields[2].apart, "what stands apart differs");
    rec_head_free(back);
    rec_head_free(h);
    rec_build_free(build);
    buf_free(&want);
}

/* Bit c: codec c occurs in a DATA frame. */
static unsigned codecs_of(const struct buf *s) {
    unsigned seen = 0;
    struct vts_frame f;
    const unsigned char *p = (const unsigned char *)s->p + VTS_SIG_BYTES, *end = (const unsigned char *)s->p + s->n;
    for (; p < end; p += VTS_FRAME_BYTES + vts_pad(f.encoded)) {
        const char *why = vts_frame_get(p, &f);
        CHECK(!why, "%s", why);
        if (why)
            break;
        if (memcmp(f.type, "DATA", 4) == 0)
            seen |= 1U << f.codec;
    }
    return seen;
}

static void test_codecs(void) {
    static const struct {
        enum rec_type type;
        int level;
        unsigned want;
    } cases[] = {{REC_UTF8, 6, 1U << VTS_ZLIB},   {REC_U8, 6, 1U << VTS_ZLIB},     {REC_I32, 6, 1U << VTS_SHUFFLE},
                 {REC_F32, 6, 1U << VTS_SHUFFLE}, {REC_F64, 6, 1U << VTS_SHUFFLE}, {REC_F64, 0, 1U << VTS_RAW},
                 {REC_UTF8, 0, 1U << VTS_RAW}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vae_head *h = rec_head_new("data", NULL);
        struct rec_build *build;
        struct buf out = {0}, want = {0};
        struct vae_err err = {0};
        const struct vae_out_opts opts = {.level = cases[i].level};
        rec_head_add(h, "x", cases[i].type, 0, NULL, NULL);
        const struct vae_batch *b = some_rows(h, 4096, &build);
        CHECK(write_all(&stream_vts, h, b, 100, 0, &opts, 0, &out, &err) == 0, "%s", err.msg);
        CHECK(codecs_of(&out) == cases[i].want, "%s: codecs %u", rec_type_name(cases[i].type), codecs_of(&out));
        struct result got = read_all(&stream_vts, out.p, out.n, 0, NULL, NULL);
        canonical(&want, h, b);
        CHECK(got.rc == 0 && same_bytes(&got.rows, &want), "%s", got.err.msg);
        buf_free(&got.rows);
        buf_free(&out);
        buf_free(&want);
        rec_build_free(build);
        rec_head_free(h);
    }
}

/* Every cut and every flipped bit is an error, and what is handed out before it is a prefix of the records. */
static void test_damage(const struct small *small) {
    struct rec_build *build;
    struct vae_head *h = latent_head(small->width);
    const struct vae_batch *b = some_rows(h, small->rows, &build);
    struct buf s = {0}, want = {0};
    struct vae_err err = {0};
    canonical(&want, h, b);
    CHECK(write_all(&stream_vts, h, b, 0, 0, small->opts, 0, &s, &err) == 0, "%s", err.msg);
    CHECK(codecs_of(&s) & small->codecs, "%s: codecs %u", small->file, codecs_of(&s));
    for (size_t n = 0; n < s.n; n++) {
        char *exact = mem_text(s.p, n); /* on its own, so that a byte too far is seen */
        struct result r = read_all(&stream_vts, exact, n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && strstr(r.err.msg, "ends early"), "%zu bytes: %d %s", n, r.rc, r.err.msg);
        CHECK(r.rows.n <= want.n && (!r.rows.n || !memcmp(r.rows.p, want.p, r.rows.n)), "%zu bytes: records", n);
        buf_free(&r.rows);
        free(exact);
    }
    for (size_t bit = 0; bit < s.n * 8; bit++) {
        s.p[bit / 8] = (char)(s.p[bit / 8] ^ 1 << bit % 8);
        struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && r.err.msg[0], "bit %zu: %d", bit, r.rc);
        CHECK(r.rows.n <= want.n && (!r.rows.n || !memcmp(r.rows.p, want.p, r.rows.n)), "bit %zu: records", bit);
        buf_free(&r.rows);
        s.p[bit / 8] = (char)(s.p[bit / 8] ^ 1 << bit % 8);
    }
    buf_put(&s, "\n", 1, NULL);
    struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == VAE_EDATA && r.n == small->rows, "a byte behind the end");
    buf_free(&r.rows);
    buf_free(&s);
    buf_free(&want);
    rec_build_free(build);
    rec_head_free(h);
}

static void test_concatenation(void) {
    struct rec_build *build;
    struct vae_head *h = latent_head(2);
    const struct vae_batch *b = some_rows(h, 7, &build);
    struct buf a = {0}, twice = {0}, other = {0};
    struct vae_err err = {0};
    write_all(&stream_vts, h, b, 0, 0, &tiny, 0, &a, &err);
    for (int i = 0; i < 2; i++)
        buf_put(&twice, a.p, a.n, NULL);
    struct result r = read_all(&stream_vts, twice.p, twice.n, 5, NULL, NULL);
    CHECK(r.rc == 0 && r.n == 14, "%s", r.err.msg);
    buf_free(&r.rows);

    json_object_set_new(h->model, "id", json_string("another"));
    buf_put(&other, a.p, a.n, NULL);
    write_all(&stream_vts, h, b, 0, 0, &tiny, 0, &other, &err);
    r = read_all(&stream_vts, other.p, other.n, 0, NULL, NULL);
    CHECK(r.rc == VAE_EDATA && r.n == 7 && strstr(r.err.msg, "another model"), "%s", r.err.msg);
    buf_free(&r.rows);

    json_object_set_new(h->model, "id", json_string("0123abcd"));
    h->fields[1].name[0] = 'n';
    other.n = a.n;
    write_all(&stream_vts, h, b, 0, 0, &tiny, 0, &other, &err);
    r = read_all(&stream_vts, other.p, other.n, 0, NULL, NULL);
    CHECK(r.rc == VAE_EDATA && r.n == 7 && strstr(r.err.msg, "other fields"), "%s", r.err.msg);
    buf_free(&r.rows);
    buf_free(&a);
    buf_free(&twice);
    buf_free(&other);
    rec_build_free(build);
    rec_head_free(h);
}

static void test_end(void) {
    struct rec_build *build;
    struct vae_head *h = latent_head(2), *back = NULL;
    const struct vae_batch *b = some_rows(h, 7, &build), none = {.nfields = 2};
    struct buf s = {0};
    struct vae_err err = {0};
    write_all(&stream_vts, h, b, 0, 0, &raw, VAE_EDATA, &s, &err);
    struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == VAE_EDATA && r.n == 7, "%d %zu", r.rc, r.n);
    CHECK(strcmp(r.err.msg, "memory: the producer failed after 7 records") == 0, "%s", r.err.msg);
    CHECK(vts_get32((unsigned char *)s.p + s.n - 8) == 65, "status is the exit status");
    buf_free(&r.rows);
    s.n = 0;
    write_all(&stream_vts, h, &none, 0, 0, &(struct vae_out_opts){.no_model_path = true}, 0, &s, &err);
    r = read_all(&stream_vts, s.p, s.n, 0, NULL, &back);
    CHECK(r.rc == 0 && r.n == 0, "no records: %s", r.err.msg);
    CHECK(back && !json_object_get(back->model, "path") && json_object_get(back->model, "id"), "path is left out");
    CHECK(json_object_get(h->model, "path") != NULL, "the caller's head is as it was");
    rec_head_free(back);
    s.n = 0; /* a flush cuts a frame, and nothing else */
    write_all(&stream_vts, h, b, 2, 3, &raw, 0, &s, &err);
    r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == 0 && r.n == 7 && vts_get64((unsigned char *)s.p + s.n - 16) == 2, "%s", r.err.msg);
    buf_free(&r.rows);
    buf_free(&s);
    rec_build_free(build);
    rec_head_free(h);
}

/* Cells in CSV form are said to be, and a change of form is another segment. */
static void test_quoted(void) {
    struct rec_build *build;
    struct vae_head *h = latent_head(2);
    struct vae_batch b = *some_rows(h, 7, &build);
    struct vae_err err = {0};
    struct sink *sink = sink_memory();
    void *w = stream_vts.create(sink, h, &tiny, &err);
    size_t n;
    int rc = 0;
    for (int i = 0; i < 3; i++) {
        b.quoted = i > 0;
        rc |= stream_vts.put(w, &b, &err);
    }
    rc |= stream_vts.finish(w, 0, &err);
    sink_flush(sink, &err);
    const unsigned char *p = sink_bytes(sink, &n);
    struct result r = read_all(&stream_vts, p, n, 0, NULL, NULL);
    CHECK(rc == 0 && r.rc == 0 && r.n == 21 && r.quoted, "%s %s", err.msg, r.err.msg);
    CHECK(vts_get64(p + n - 32) == 14, "records of the second segment");
    buf_free(&r.rows);
    stream_vts.destroy(w);
    sink_close(sink, true, NULL);
    rec_build_free(build);
    rec_head_free(h);
}

/* ---- hostile frames with good checksums ------------------------------------------------------------------ */

static void add_frame(struct buf *s, const char *type, unsigned codec, uint32_t seq, uint32_t rows, uint32_t len,
                      const void *payload, size_t n) {
    unsigned char header[VTS_FRAME_BYTES];
    struct vts_frame f = {.codec = codec, .seq = seq, .rows = rows, .raw = len, .encoded = (uint32_t)n};
    memcpy(f.type, type, 4);
    f.crc = (uint32_t)crc32_z(crc32_z(0, payload, n), (const unsigned char *)"\0\0\0\0\0\0\0", vts_pad(n) - n);
    vts_frame_put(header, &f);
    buf_put(s, header, sizeof header, NULL);
    buf_put(s, payload, n, NULL);
    buf_put(s, "\0\0\0\0\0\0\0", vts_pad(n) - n, NULL);
}

static void add_head(struct buf *s, const char *json) {
    buf_put(s, vts_sig, sizeof vts_sig, NULL);
    add_frame(s, "HEAD", 0, 0, 0, (uint32_t)strlen(json), json, strlen(json));
}

static void add_end(struct buf *s, uint32_t seq, uint64_t rows, uint64_t bytes, uint64_t frames) {
    unsigned char p[VTS_END_BYTES] = {0};
    vts_put64(p, rows);
    vts_put64(p + 8, bytes);
    vts_put64(p + 16, frames);
    add_frame(s, "END ", 0, seq, 0, sizeof p, p, sizeof p);
}

#define X "{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f64\"}]}"
#define T "{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"t\",\"dtype\":\"utf8\"}]}"

static void test_bad_heads(void) {
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"", "head: "},
        {"[]", "not a JSON object"},
        {"{\"vts\":1,\"vts\":1}", "duplicate"},
        {"{\"kind\":\"k\"}", "member 'vts' is missing"},
        {"{\"vts\":2}", "newer vae"},
        {"{\"vts\":1}", "member 'kind' is missing"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[]}", "no fields"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[1]}", "field 1: member 'name' is missing"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f16\"}]}", "'f16' is unknown"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[0]}]}", "bad dimension"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[67108864,67108864,"
         "67108864]}]}",
         "larger than a frame"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f32\",\"shape\":[1,1,1,1,1]}]}",
         "5 dimensions"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"utf8\",\"shape\":[2]}]}", "text with"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f32\",\"keep\":1}]}", "true or false"},
        {"{\"vts\":1,\"kind\":\"k\",\"fields\":[{\"name\":\"x\",\"dtype\":\"f32\",\"apart\":1}]}", "true or false"},
        {"{\"vts\":1,\"kind\":\"k\",\"model\":7,\"fields\":[{\"name\":\"x\",\"dtype\":\"f32\"}]}", "not an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf s = {0};
        add_head(&s, cases[i].json);
        struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
        CHECK(!r.opened && r.rc == VAE_EDATA && strstr(r.err.msg, cases[i].says), "%s: %s", cases[i].json, r.err.msg);
        buf_free(&s);
    }
    struct buf deep = {0}, s = {0};
    for (int i = 0; i < 100000; i++)
        buf_put(&deep, "[", 1, NULL);
    buf_put(&deep, "", 1, NULL);
    add_head(&s, deep.p);
    struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
    CHECK(!r.opened && strstr(r.err.msg, "nested"), "%s", r.err.msg);
    buf_free(&s);
    buf_free(&deep);
}

static void test_bad_frames(void) {
    static const double x = 1;
    static const uint32_t back[4] = {0, 4, 2, 0}, late[4] = {4, 5, 0x41414141, 0x41}, far[2] = {0, 999},
                          dirty[3] = {0, 1, 0x11000041};
    static const struct {
        const char *head, *type;
        unsigned codec;
        uint32_t seq, rows, raw;
        const void *payload;
        size_t n;
        const char *says;
    } cases[] = {
        {X, "DATA", 0, 1, 2, 8, &x, 8, "do not fit"},
        {X, "DATA", 0, 1, 0xffffffff, 8, &x, 8, "do not fit"},
        {X, "DATA", 0, 1, 0, 8, &x, 8, "without records"},
        {X, "DATA", 0, 1, 1, 16, &x, 8, "lengths of a raw frame"},
        {X, "DATA", 3, 1, 1, 8, &x, 8, "unknown codec"},
        {X, "DATA", 0, 2, 1, 8, &x, 8, "out of order"},
        {X, "DATA", 1, 1, 1, 8, &x, 8, "declared lengths"},
        {X, "DATA", 2, 1, 1, 8, &x, 8, "declared lengths"},
        {X, "DATA", 0, 1, 1, 0xfffffff0, &x, 8, "64 MiB"},
        {X, "NEWS", 0, 1, 0, 8, &x, 8, "unknown frame type"},
        {X, "HEAD", 0, 1, 0, sizeof X - 1, X, sizeof X - 1, "second HEAD"},
        {X, "META", 0, 1, 0, 2, "{]", 2, "META"},
        {X, "META", 0, 1, 1, 2, "{}", 2, "without data"},
        {X, "META", 1, 1, 0, 2, "{}", 2, "without data"},
        {X, "END ", 0, 1, 0, 8, &x, 8, "wrong length"},
        {T, "DATA", 0, 1, 2, 16, back, 16, "offsets"},
        {T, "DATA", 0, 1, 1, 16, late, 16, "offsets"},
        {T, "DATA", 0, 1, 1, 8, far, 8, "do not fit"},
        {T, "DATA", 0, 1, 1, 12, dirty, 12, "do not fit"},
        {T, "DATA", 0, 1, 0xffffffff, 8, far, 8, "do not fit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf s = {0};
        add_head(&s, cases[i].head);
        add_frame(&s, cases[i].type, cases[i].codec, cases[i].seq, cases[i].rows, cases[i].raw, cases[i].payload,
                  cases[i].n);
        add_end(&s, 2, 1, 8, 1);
        struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && r.n == 0 && strstr(r.err.msg, cases[i].says), "%zu: %s", i, r.err.msg);
        buf_free(&r.rows);
        buf_free(&s);
    }
}

/* Compressed frames whose data are longer or shorter than declared, or end before the payload does. */
static void test_bad_zlib(void) {
    static const double x[100];
    static const struct { size_t raw_more, tail; } cases[] = {{0, 0}, {8, 0}, {(size_t)-8, 0}, {0, 1}};
    for (size_t i = 0; i < 4; i++)
        for (unsigned codec = 1; codec <= 2; codec++) {
            struct buf s = {0};
            unsigned char z[256] = {0};
            uLongf n = sizeof z;
            compress(z, &n, (const unsigned char *)x, sizeof x);
            add_head(&s, X);
            add_frame(&s, "DATA", codec, 1, 100, (uint32_t)(sizeof x + cases[i].raw_more), z, n + cases[i].tail);
            add_end(&s, 2, 100, sizeof x, 1);
            struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
            CHECK(i == 0 ? r.rc == 0 && r.n == 100 : r.rc == VAE_EDATA && r.n == 0, "%zu: %s", i, r.err.msg);
            buf_free(&r.rows);
            buf_free(&s);
        }
}

/* Bytes that must be zero and are not, under good checksums. */
static void test_zeros(void) {
    static const uint32_t cell[4] = {0, 1, 'A', 0};
    static const struct {
        size_t at; /* of the byte, from the DATA frame on */
        const char *says;
    } cases[] = {{VTS_FRAME_BYTES + 9, "padding"}, {5, "reserved"}, {7, "reserved"}};
    for (size_t i = 0; i < 4; i++) {
        struct buf s = {0};
        add_head(&s, T);
        size_t data = s.n;
        add_frame(&s, "DATA", 0, 1, 1, 16, cell, 16);
        unsigned char *p = (unsigned char *)s.p + data;
        if (i < 3)
            p[cases[i].at] = 1;
        vts_put32(p + 24, (uint32_t)crc32_z(0, p + VTS_FRAME_BYTES, 16));
        vts_put32(p + 28, (uint32_t)crc32_z(0, p, 28));
        add_end(&s, 2, 1, 16, 1);
        struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
        CHECK(i < 3 ? r.rc == VAE_EDATA && r.n == 0 && strstr(r.err.msg, cases[i].says) : r.rc == 0 && r.n == 1,
              "%zu: %s", i, r.err.msg);
        buf_free(&r.rows);
        buf_free(&s);
    }
    struct buf s = {0}; /* the padding of META, {} and six bytes */
    add_head(&s, T);
    size_t meta = s.n;
    add_frame(&s, "META", 0, 1, 0, 2, "{}", 2);
    unsigned char *p = (unsigned char *)s.p + meta;
    p[VTS_FRAME_BYTES + 7] = 1;
    vts_put32(p + 24, (uint32_t)crc32_z(0, p + VTS_FRAME_BYTES, 8));
    vts_put32(p + 28, (uint32_t)crc32_z(0, p, 28));
    add_end(&s, 2, 0, 0, 0);
    struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == VAE_EDATA && strstr(r.err.msg, "padding"), "%s", r.err.msg);
    buf_free(&s);
}

static void test_frame_kinds(void) {
    static const double x = 1;
    struct buf s = {0};
    add_head(&s, X);
    add_frame(&s, "META", 0, 1, 0, 14, "{\"file\":\"a.b\"}", 14);
    add_frame(&s, "news", 77, 2, 5, 9, "anything", 8);
    add_frame(&s, "DATA", 0, 3, 1, 8, &x, 8);
    size_t before = s.n;
    add_end(&s, 4, 1, 8, 1);
    struct result r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
    CHECK(r.rc == 0 && r.n == 1, "META and a frame to skip: %s", r.err.msg);
    buf_free(&r.rows);
    for (int i = 0; i < 3; i++) {
        s.n = before;
        add_end(&s, 4, 1 + (i == 0), 8 + (i == 1), 1 + (i == 2));
        r = read_all(&stream_vts, s.p, s.n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && r.n == 1 && strstr(r.err.msg, "counts"), "%d: %s", i, r.err.msg);
        buf_free(&r.rows);
    }
    buf_free(&s);
}

/* A cell or a record that VTS cannot hold is refused; the records before it are written. */
static void test_limits(void) {
    struct vae_head *h = rec_head_new("data", NULL);
    struct rec_build *build;
    for (int i = 0; i < 5; i++)
        rec_head_add(h, "t", REC_UTF8, 0, NULL, NULL);
    char *big = mem_array(VTS_CELL_MAX + 1, 1);
    for (int cells = 1; cells <= 5; cells += 4) {
        struct vae_err err = {0};
        struct sink *sink = sink_memory();
        size_t n;
        build = rec_build_new(h, NULL);
        for (int row = 0; row < 3; row++)
            for (int i = 0; i < 5; i++)
                rec_build_text(build, (size_t)i, big, row == 1 && i < cells ? VTS_CELL_MAX + (cells == 1) : 1, NULL);
        void *w = stream_vts.create(sink, h, &raw, &err);
        int rc = stream_vts.put(w, rec_build_batch(build, 3), &err);
        CHECK(rc == VAE_EDATA && strncmp(err.msg, "record 2", 8) == 0, "%s", err.msg);
        stream_vts.finish(w, rc, &err);
        sink_flush(sink, &err);
        const unsigned char *p = sink_bytes(sink, &n);
        struct result r = read_all(&stream_vts, p, n, 0, NULL, NULL);
        CHECK(r.rc == VAE_EDATA && r.n == 1 && strstr(r.err.msg, "failed after 1 records"), "%s", r.err.msg);
        buf_free(&r.rows);
        stream_vts.destroy(w);
        sink_close(sink, false, NULL);
        rec_build_free(build);
    }
    free(big);
    rec_head_free(h);
}

static void test_want(void) {
    struct rec_build *build;
    struct vae_head *h = every_type(), *got = NULL;
    const struct vae_batch *b = some_rows(h, 20, &build);
    struct buf s = {0};
    struct vae_err err = {0};
    char *names[] = {(char[]){"note"}, (char[]){"f64"}, (char[]){"gone"}}, *keep[] = {(char[]){"2"}};
    const bool optional[] = {false, false, true};
    write_all(&stream_vts, h, b, 0, 0, &tiny, 0, &s, &err);
    struct stream_read_opts opts = {.keep = keep, .nkeep = 1, .want = {.n = 3, .names = names, .optional = optional}};
    struct result r = read_all(&stream_vts, s.p, s.n, 0, &opts, &got);
    CHECK(r.rc == 0 && r.n == 20, "%s", r.err.msg);
    CHECK(got && got->nfields == 4 && !strcmp(got->fields[0].name, "note") && !strcmp(got->fields[1].name, "f64") &&
              !strcmp(got->fields[2].name, "u8") && got->fields[2].keep && !strcmp(got->fields[3].name, "id"),
          "wanted, kept by option, kept by the stream");
    buf_free(&r.rows);
    opts.want.optional = NULL;
    r = read_all(&stream_vts, s.p, s.n, 0, &opts, NULL);
    CHECK(!r.opened && strstr(r.err.msg, "column 'gone' is missing"), "%s", r.err.msg);
    rec_head_free(got);
    rec_head_free(h);
    rec_build_free(build);
    buf_free(&s);
}

/* The bytes are fixed: a stream written today is read by every later version. --write makes the files anew. */
static void test_golden(const char *dir, bool write) {
    for (const struct small *small = smalls; small < smalls + SMALLS; small++) {
        struct rec_build *build;
        struct vae_head *h = latent_head(small->width);
        const struct vae_batch *b = some_rows(h, small->rows, &build);
        struct buf s = {0}, file = {0}, want = {0};
        struct vae_err err = {0};
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, small->file);
        write_all(&stream_vts, h, b, 0, 0, small->opts, 0, &s, &err);
        canonical(&want, h, b);
        FILE *f = fopen(path, write ? "wb" : "rb");
        CHECK(f, "%s", path);
        if (f && write)
            CHECK(fwrite(s.p, 1, s.n, f) == s.n, "%s", path);
        if (f && !write) {
            buf_reserve(&file, 1 << 16, NULL);
            file.n = fread(file.p, 1, file.cap, f);
            if (small->opts->level == 0) /* compressed bytes are another zlib's business */
                CHECK(same_bytes(&file, &s), "%s differs", path);
            struct result r = read_all(&stream_vts, file.p, file.n, 0, NULL, NULL);
            CHECK(r.rc == 0 && same_bytes(&r.rows, &want), "%s: %s", path, r.err.msg);
            buf_free(&r.rows);
        }
        if (f)
            fclose(f);
        buf_free(&file);
        buf_free(&s);
        buf_free(&want);
        rec_build_free(build);
        rec_head_free(h);
    }
}

int main(int argc, char **argv) {
    test_round_trip();
    test_codecs();
    for (size_t i = 0; i < SMALLS; i++)
        test_damage(&smalls[i]);
    test_concatenation();
    test_end();
    test_quoted();
    test_bad_heads();
    test_bad_frames();
    test_bad_zlib();
    test_zeros();
    test_frame_kinds();
    test_limits();
    test_want();
    test_golden("tests/golden", argc > 1 && strcmp(argv[1], "--write") == 0);
    return test_done();
}
