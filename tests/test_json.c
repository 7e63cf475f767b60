/* test_json.c - strict reading, typed members, deterministic text. */
#include "base/json.h"
#include "test.h"

static void test_load(void) {
    static const struct {
        const char *text, *says; /* NULL: it is read */
    } cases[] = {
        {"{}", NULL},
        {" {\"a\":[1,2.5,\"x\",null,true]} ", NULL},
        {"{\"a\":\"[[[[{{{{\\\"[[\"}", NULL},
        {"", "w: "},
        {"[1]", "not a JSON object"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{} {}", "w: "},
        {"{\"a\":1e999}", "w: "},
        {"{\"a\":\"\\u0000\"}", "w: "},
        {"{\"a\":\"\xff\"}", "w: "},
        {"{\"a\":NaN}", "w: "},
    };
    struct vae_err err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *j = js_load(cases[i].text, strlen(cases[i].text), 100, "w", &err);
        CHECK(cases[i].says ? !j && err.code == VAE_EDATA && strstr(err.msg, cases[i].says) : j != NULL, "%s: %s",
              cases[i].text, err.msg);
        json_decref(j);
    }
    char deep[2 * JS_MAX_DEPTH + 32];
    for (int depth = JS_MAX_DEPTH; depth <= JS_MAX_DEPTH + 1; depth++) {
        snprintf(deep, sizeof deep, "{\"a\":%.*s%.*s}", depth - 1,
                 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth - 1,
                 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        json_t *j = js_load(deep, strlen(deep), 1000, "w", &err);
        CHECK((j != NULL) == (depth == JS_MAX_DEPTH), "depth %d: %s", depth, err.msg);
        json_decref(j);
    }
    CHECK(!js_load("{}        ", 10, 9, "w", &err) && strstr(err.msg, "at most 9"), "%s", err.msg);
}

static void test_members(void) {
    static const char text[] = "{\"s\":\"x\",\"i\":7,\"r\":2.5,\"b\":true,\"a\":[],\"o\":{}}";
    struct vae_err err = {0};
    json_t *j = js_load(text, strlen(text), 100, "head", &err), *c;
    const char *s;
    int64_t i = 0;
    double r = 0;
    bool b = false;
    CHECK(js_string(j, "s", &s, "head", &err) == 0 && !strcmp(s, "x"), "%s", err.msg);
    CHECK(js_int(j, "i", 0, 7, &i, "head", &err) == 0 && i == 7, "%s", err.msg);
    CHECK(js_number(j, "r", &r, "head", &err) == 0 && r == 2.5, "%s", err.msg);
    CHECK(js_number(j, "i", &r, "head", &err) == 0 && r == 7, "%s", err.msg);
    CHECK(js_bool(j, "b", &b, "head", &err) == 0 && b, "%s", err.msg);
    CHECK(js_array(j, "a", &c, "head", &err) == 0 && json_is_array(c), "%s", err.msg);
    CHECK(js_object(j, "o", &c, "head", &err) == 0 && json_is_object(c), "%s", err.msg);
    CHECK(js_has(j, "o") && !js_has(j, "z"), "has");
    CHECK(js_number(j, "s", &r, "head", &err) == VAE_EDATA && !strcmp(err.msg, "head: member 's' is not a number"),
          "%s", err.msg);
    CHECK(js_string(j, "z", &s, "head", &err) == VAE_EDATA && !strcmp(err.msg, "head: member 'z' is missing"), "%s",
          err.msg);
    CHECK(js_int(j, "i", 8, 9, &i, "head", &err) == VAE_EDATA && strstr(err.msg, "8..9"), "%s", err.msg);
    CHECK(js_int(j, "r", 0, 9, &i, "head", &err) == VAE_EDATA && js_bool(j, "i", &b, "head", &err) == VAE_EDATA &&
              js_array(j, "o", &c, "head", &err) == VAE_EDATA && js_object(j, "a", &c, "head", &err) == VAE_EDATA,
          "types");
    json_decref(j);
}

static void test_dump(void) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{\"b\": 1, \"a\": {\"z\": [ ], \"y\": null}}", "{\"a\":{\"y\":null,\"z\":[]},\"b\":1}"},
        {"{\"a\":[0.1,1.0,-2.5e-300,1e300,100,true,false]}", "{\"a\":[0.1,1.0,-2.5e-300,1e300,100,true,false]}"},
        {"{\"\\u00e9\\n\":\"\\\"\\\\\"}", "{\"\xc3\xa9\\n\":\"\\\"\\\\\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};
        struct vae_err err = {0};
        json_t *j = js_load(cases[i].in, strlen(cases[i].in), 100, "w", &err);
        CHECK(j && js_dump(j, &out, &err) == 0, "%s", err.msg);
        CHECK(out.n == strlen(cases[i].out) && !memcmp(out.p, cases[i].out, out.n), "%.*s", (int)out.n, out.p);
        json_t *again = js_load(out.p, out.n, 100, "w", &err);
        CHECK(json_equal(j, again), "%s", cases[i].in);
        json_decref(again);
        json_decref(j);
        buf_free(&out);
    }
}

int main(void) {
    test_load();
    test_members();
    test_dump();
    return test_done();
}
