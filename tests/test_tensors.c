/* test_tensors.c - model files: round trip, fixed bytes, every truncation, every flipped bit, hostile headers. */
#include <unistd.h>
#include <zlib.h>

#include "model/tensors.h"
#include "test.h"

enum { CAP = 1 << 20 };

static const uint8_t bytes[3] = {1, 2, 255};
static const float weights[2][3] = {{1, 2, 3}, {-1, -0.5F, 0}};
static const double score[2] = {0.1, -1e300};
static const int32_t counts[1] = {-7};
static const int64_t steps[1] = {1LL << 40};

/* Data of every type; added so that the smallest items come first. */
static struct tensors *small(void) {
    struct tensors *t = tensors_new(NULL);
    tensors_meta_set(t, "seed", "1", NULL);
    tensors_meta_set(t, "config", "{\"crc32\":\"00000000\"} \xc3\xa9", NULL);
    tensors_add(t, "bytes", TENSOR_U8, 1, (const size_t[]){3}, bytes, NULL);
    tensors_add(t, "w", TENSOR_F32, 2, (const size_t[]){2, 3}, weights, NULL);
    tensors_add(t, "steps", TENSOR_I64, 0, NULL, steps, NULL);
    tensors_add(t, "counts", TENSOR_I32, 1, (const size_t[]){1}, counts, NULL);
    tensors_add(t, "none", TENSOR_F32, 2, (const size_t[]){0, 5}, NULL, NULL);
    tensors_add(t, "score", TENSOR_F64, 1, (const size_t[]){2}, score, NULL);
    return t;
}

static void check_small(const struct tensors *t) {
    static const char *const order[] = {"steps", "score", "w", "counts", "none", "bytes"};
    const void *p;
    struct vae_err err = {0};
    CHECK(tensors_count(t) == 6, "%zu", tensors_count(t));
    for (size_t i = 0; i < tensors_count(t); i++)
        CHECK(strcmp(tensors_at(t, i)->name, order[i]) == 0, "%s", tensors_at(t, i)->name);
    CHECK(!strcmp(tensors_meta_get(t, "seed"), "1") && !tensors_meta_get(t, "crc32"), "metadata");
    CHECK(tensors_get(t, "w", TENSOR_F32, 2, (const size_t[]){2, 3}, &p, &err) == 0 && !memcmp(p, weights, 24), "w");
    CHECK(tensors_get(t, "score", TENSOR_F64, 1, (const size_t[]){2}, &p, &err) == 0 && !memcmp(p, score, 16), "score");
    CHECK(tensors_get(t, "bytes", TENSOR_U8, 1, (const size_t[]){3}, &p, &err) == 0 && !memcmp(p, bytes, 3), "bytes");
    CHECK(tensors_get(t, "steps", TENSOR_I64, 0, NULL, &p, &err) == 0 && !memcmp(p, steps, 8), "steps");
    CHECK(tensors_get(t, "counts", TENSOR_I32, 1, (const size_t[]){1}, &p, &err) == 0 && !memcmp(p, counts, 4), "i32");
    CHECK(tensors_get(t, "none", TENSOR_F32, 2, (const size_t[]){0, 5}, &p, &err) == 0, "none");
    CHECK(tensors_get(t, "w", TENSOR_F32, 2, (const size_t[]){3, 2}, &p, &err) == VAE_EDATA, "another shape");
    CHECK(tensors_get(t, "w", TENSOR_I32, 2, (const size_t[]){2, 3}, &p, &err) == VAE_EDATA, "another type");
    CHECK(tensors_get(t, "v", TENSOR_F32, 0, NULL, &p, &err) == VAE_EDATA && strstr(err.msg, "missing"), "%s", err.msg);
}

static void test_round_trip(struct buf *file) {
    char id[TENSORS_ID_BYTES] = "";
    struct buf again = {0};
    struct vae_err err = {0};
    struct tensors *t = small();
    CHECK(tensors_dump(t, file, &err) == 0, "%s", err.msg);
    check_small(t);
    tensors_free(t);
    t = tensors_parse(file->p, file->n, "m.vae", id, &err);
    CHECK(t, "%s", err.msg);
    if (t) {
        check_small(t);
        CHECK(tensors_dump(t, &again, &err) == 0, "%s", err.msg);
        CHECK(again.n == file->n && !memcmp(again.p, file->p, again.n), "written again, other bytes");
    }
    CHECK(strlen(id) == 64, "%s", id);
    tensors_free(t);
    buf_free(&again);
}

/* The bytes of a tiny file, and the sha256 of them that sha256sum prints. */
static void test_golden(void) {
    static const char want[] =
        "\xd0\0\0\0\0\0\0\0"
        "{\"__metadata__\":{\"crc32\":\"b683a361\",\"format\":\"vae\",\"oldest_reader\":"
        "\"1\",\"seed\":\"1\",\"version\":\"1\"},\"b\":{\"data_offsets\":[0,4],\"dtype\":\"F32\","
        "\"shape\":[1]},\"a\":{\"data_offsets\":[4,5],\"dtype\":\"U8\",\"shape\":[1]}}    "
        "  \0\0\x80\x3f\x07";
    static const char want_id[] = "f90e4132ca2e9fbd3a9da22ea56a5f04ddac862dd1e1b4dcc8ff09efa4e0b338";
    char id[TENSORS_ID_BYTES] = "";
    struct buf file = {0};
    struct tensors *t = tensors_new(NULL);
    tensors_meta_set(t, "seed", "1", NULL);
    tensors_add(t, "a", TENSOR_U8, 1, (const size_t[]){1}, "\7", NULL);
    tensors_add(t, "b", TENSOR_F32, 1, (const size_t[]){1}, &(float){1}, NULL);
    CHECK(tensors_dump(t, &file, NULL) == 0, "dump");
    CHECK(file.n == sizeof want - 1 && !memcmp(file.p, want, file.n), "%.*s", (int)file.n - 8, file.p + 8);
    tensors_free(t);
    t = tensors_parse(file.p, file.n, "m.vae", id, NULL);
    CHECK(t && strcmp(id, want_id) == 0, "%s", id);
    tensors_free(t);
    buf_free(&file);
}

static void test_damage(const struct buf *file) {
    struct vae_err err;
    for (size_t n = 0; n < file->n; n++) {
        char *exact = mem_text(file->p, n);
        struct tensors *t = tensors_parse(exact, n, "m.vae", NULL, &err);
        CHECK(!t && err.code == VAE_EDATA && !strcmp(err.msg, "m.vae: ends early"), "%zu bytes: %s", n, err.msg);
        tensors_free(t);
        free(exact);
    }
    char *p = mem_text(file->p, file->n);
    for (size_t bit = 0; bit < file->n * 8; bit++) {
        p[bit / 8] = (char)(p[bit / 8] ^ 1 << bit % 8);
        struct tensors *t = tensors_parse(p, file->n, "m.vae", NULL, &err);
        CHECK(!t && err.code == VAE_EDATA && err.msg[0], "bit %zu: %s", bit, err.msg);
        tensors_free(t);
        p[bit / 8] = (char)(p[bit / 8] ^ 1 << bit % 8);
    }
    struct tensors *t = tensors_parse(p, file->n + 1, "m.vae", NULL, &err);
    CHECK(!t && strstr(err.msg, "behind its end"), "%s", err.msg);
    free(p);
}

#define META "\"__metadata__\":{\"crc32\":\"00000000\",\"format\":\"vae\",\"oldest_reader\":\"1\",\"version\":\"1\"}"

/* A file of a header and n bytes of data, its checksum put right. */
static void make(struct buf *s, const char *json, const void *data, size_t n) {
    static const char mark[] = "\"crc32\":\"";
    char digits[9];
    size_t len = (strlen(json) + 7) / 8 * 8;
    s->n = 0;
    buf_put(s, "\0\0\0\0\0\0\0\0", 8, NULL);
    s->p[0] = (char)(len & 255);
    s->p[1] = (char)(len >> 8);
    buf_printf(s, NULL, "%-*s", (int)len, json);
    buf_put(s, data, n, NULL);
    char *at = memmem(s->p, s->n, mark, sizeof mark - 1);
    if (!at)
        return;
    snprintf(digits, sizeof digits, "%08lx", crc32_z(0, (unsigned char *)s->p, s->n));
    memcpy(at + sizeof mark - 1, digits, 8);
}

static void test_hostile(void) {
    static const union {
        double d[2];
        float f[4];
    } one = {{1, 2}}, nan = {.f = {NAN, 1, 1, 1}};
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"{" META ",\"a\":{\"data_offsets\":[0,16],\"dtype\":\"F32\",\"shape\":[4]}}", NULL},
        {"{" META ",\"a\":{\"data_offsets\":[0,16],\"dtype\":\"F64\",\"shape\":[2]}}", NULL},
        {"{}", "not a model file"},
        {"{\"__metadata__\":[]}", "not a model file"},
        {"{\"__metadata__\":{\"format\":\"pt\"}}", "not a model file"},
        {"{\"__metadata__\":{\"format\":\"vae\",\"x\":1}}", "no strings"},
        {"{\"__metadata__\":{\"format\":\"vae\",\"version\":\"1\"}}", "no version"},
        {"{\"__metadata__\":{\"format\":\"vae\",\"version\":\"1\",\"oldest_reader\":\"one\"}}", "no version"},
        {"{\"__metadata__\":{\"format\":\"vae\",\"version\":\"2\",\"oldest_reader\":\"2\"}}",
         "written by a newer vae (format 2, this one reads 1)"},
        {"{\"__metadata__\":{\"format\":\"vae\",\"version\":\"2\",\"oldest_reader\":\"1\"},\"a\":{\"data_offsets\":[0,"
         "16],"
         "\"dtype\":\"F32\",\"shape\":[4]}}",
         "no checksum"},
        {"{" META ",\"x\\\"crc32\":\"00000000\"}", "member 'dtype'"},
        {"{" META "," META "}", "duplicate"},
        {"{" META ",\"a\":1}", "member 'dtype' is missing"},
        {"{" META ",\"a\":{\"dtype\":\"F16\",\"shape\":[8],\"data_offsets\":[0,16]}}", "'F16' is unknown"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}", "ends early"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}", "behind its end"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[4,16]}}", "gap"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,12]}}", "gap"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}",
         "overlap"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,0]}}", "gap"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,-16]}}", "bad shape"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}", "bad shape"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967297],\"data_offsets\":[0,16]}}", "bad shape"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", "bad shape"},
        {"{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", "bad shape"},
        {"{" META ",\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[4,12]}}",
         "aligned"},
    };
    struct buf s = {0};
    struct vae_err err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err.msg[0] = 0;
        make(&s, cases[i].json, &one, sizeof one);
        struct tensors *t = tensors_parse(s.p, s.n, "m.vae", NULL, &err);
        CHECK(cases[i].says ? !t && err.code == VAE_EDATA && strstr(err.msg, cases[i].says) : t != NULL, "%s: %s",
              cases[i].json, err.msg);
        tensors_free(t);
    }
    make(&s, cases[0].json, &nan, sizeof nan);
    CHECK(!tensors_parse(s.p, s.n, "m.vae", NULL, &err) && strstr(err.msg, "not finite"), "%s", err.msg);
    buf_free(&s);
    CHECK(!tensors_parse("id,age,name\n17,3,x\n", 19, "m.vae", NULL, &err) && strstr(err.msg, "not a model"), "%s",
          err.msg);
}

static void test_writer(void) {
    struct vae_err err = {0};
    struct buf s = {0};
    struct tensors *t = tensors_new(&err);
    CHECK(tensors_meta_set(t, "crc32", "x", &err) == VAE_EUSAGE, "own key");
    CHECK(tensors_meta_set(t, "a\"b", "x", &err) == VAE_EUSAGE, "bad key");
    CHECK(tensors_meta_set(t, "k", "\xff", &err) == VAE_EUSAGE, "bad value");
    static const float infinite = INFINITY; /* must live until the dump */
    CHECK(tensors_add(t, "a", TENSOR_F32, 1, (const size_t[]){1}, &infinite, &err) == 0, "%s", err.msg);
    CHECK(tensors_add(t, "a", TENSOR_F32, 1, (const size_t[]){1}, &(float){0}, &err) == VAE_EUSAGE, "twice");
    CHECK(tensors_add(t, "b", TENSOR_F32, 2, (const size_t[]){SIZE_MAX, 2}, NULL, &err) == VAE_EUSAGE, "too large");
    CHECK(tensors_dump(t, &s, &err) == VAE_EDATA && strstr(err.msg, "not finite"), "%s", err.msg);
    tensors_free(t);
    buf_free(&s);
}

static void test_files(const struct buf *file) {
    char dir[] = "test_tensors.XXXXXX", path[64], saved[TENSORS_ID_BYTES] = "a", loaded[TENSORS_ID_BYTES] = "b";
    struct vae_err err = {0};
    CHECK(mkdtemp(dir), "no directory");
    snprintf(path, sizeof path, "%s/m.vae", dir);
    struct tensors *t = small();
    for (int i = 0; i < 2; i++)
        CHECK(tensors_save(t, path, saved, &err) == 0, "%s", err.msg);
    tensors_free(t);
    t = tensors_load(path, CAP, loaded, &err);
    CHECK(t && strcmp(saved, loaded) == 0, "%s %s %s", saved, loaded, err.msg);
    if (t)
        check_small(t);
    tensors_free(t);
    CHECK(!tensors_load(path, file->n - 1, NULL, &err) && strstr(err.msg, "larger than"), "%s", err.msg);
    t = tensors_load(path, file->n, NULL, &err);
    CHECK(t, "at the cap: %s", err.msg);
    tensors_free(t);
    unlink(path);
    CHECK(!tensors_load(path, CAP, NULL, &err) && err.code == VAE_ENOINPUT, "%s", err.msg);
    CHECK(!tensors_load(dir, CAP, NULL, &err) && err.code == VAE_ENOINPUT, "%s", err.msg);
    rmdir(dir);
}

int main(void) {
    struct buf file = {0};
    test_round_trip(&file);
    test_golden();
    test_damage(&file);
    test_hostile();
    test_writer();
    test_files(&file);
    buf_free(&file);
    return test_done();
}
