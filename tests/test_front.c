/*
 * test_front.c - windows and steps (lib/front): every cell of every record is that of the row of its series so many rows before,
 * however the stream is cut in batches and in runs; series of a group never meet; files end them. And blocks of rows that are held out.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rec.h"
#include "fit/fit.h"
#include "front/front.h"
#include "test.h"

enum { N = 60, HOSTS = 3 };

/* Host of row i, its value and its count. */
static size_t host(size_t i) { return i * i % 7 % HOSTS; }
static double value(size_t i) { return (double)(i * 31 % 17) / 4; }
static double count(size_t i) { return (double)(i * i); }

static struct vae_head *head(void) {
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "host", REC_UTF8, 0, NULL, NULL)->keep = true;
    rec_head_add(h, "x", REC_F32, 0, NULL, NULL);
    rec_head_add(h, "n", REC_UTF8, 0, NULL, NULL);
    return h;
}

/* Rows from.. as a batch. Host 2 is written with quotes now and then, which are no part of it. */
static const struct vae_batch *rows(struct rec_build *b, size_t from, size_t n) {
    char text[32];
    rec_build_reset(b);
    rec_build_rows(b, n, NULL);
    for (size_t i = from; i < from + n; i++) {
        bool quoted = host(i) == 2 && i % 2;
        snprintf(text, sizeof text, quoted ? "\"h%zu\"" : "h%zu", host(i));
        rec_build_text(b, 0, text, strlen(text), NULL);
        ((float *)rec_build_data(b, 1))[i - from] = (float)value(i);
        snprintf(text, sizeof text, "%.1f", count(i));
        rec_build_text(b, 2, text, strlen(text), NULL);
    }
    rec_build_quoted(b, true);
    return rec_build_batch(b, n);
}

static double number(const struct vae_batch *b, size_t field, size_t i) {
    size_t n;
    const char *p = rec_cell(&b->cols[field], i, &n);
    char text[40];
    snprintf(text, sizeof text, "%.*s", (int)n, p);
    return n ? atof(text) : NAN;
}

/* The rows of the same series before row i, nearest first: list[most]; how many there are. */
static size_t history(size_t i, size_t begin, bool grouped, size_t *list, size_t most) {
    size_t n = 0;
    for (size_t j = i; j-- > begin && n < most;)
        if (!grouped || host(j) == host(i))
            list[n++] = j;
    return n;
}

struct outcome {
    size_t records, bad;
};

/* Records by batches of `size`; a new file begins at row `cut` (N: none). */
static struct outcome check(size_t window, size_t step, bool grouped, bool diff, bool whole, size_t size, size_t cut) {
    static char h[] = "host", c[] = "n";
    char *const group[] = {h}, *const steps[] = {c};
    const struct front_spec spec = {window, step, group, steps, grouped, diff};
    struct vae_err err;
    struct vae_head *in = head();
    struct rec_build *b = rec_build_new(in, NULL);
    struct front *f = front_new(in, &spec, &(const struct front_opts){.whole = whole}, &err);
    CHECK(f != NULL, "%s", err.msg);
    struct outcome o = {0};
    size_t need = window - 1 + (diff ? (size_t)1 : 0), seen = 0, list[16];
    for (size_t from = 0; from < N; from += size) {
        size_t n = N - from < size ? N - from : size, at = 0;
        n = from < cut && from + n > cut ? cut - from : n;
        if (from == cut)
            front_cut(f, NULL);
        const struct vae_batch *batch = rows(b, from, n), *out = NULL;
        while (at < n) {
            int got = front_run(f, batch, &at, &out, &err);
            CHECK(got >= 0, "%s", err.msg);
            for (size_t k = 0; k < (size_t)got; k++) {
                size_t i = from + front_row(f, k), begin = i >= cut ? cut : 0;
                size_t have = history(i, begin, grouped, list, need), all = history(i, begin, grouped, (size_t[N]){0}, N);
                o.bad += out->partial[k] != (have < need) || (whole && (have < need || (all - need) % step));
                o.bad += fabs((double)((const float *)out->cols[1].data)[k] - value(i)) > 0;
                double want = !diff ? count(i) : have ? count(i) - count(list[0]) : NAN, cell = number(out, 2, k);
                o.bad += (size_t)(isnan(want) ? !isnan(cell) : !(fabs(cell - want) < 1e-9));
                for (size_t lag = 1; lag < window; lag++) {
                    size_t j = have >= lag ? list[lag - 1] : have ? list[have - 1] : i;
                    o.bad += fabs((double)((const float *)out->cols[3 + 2 * (lag - 1)].data)[k] - value(j)) > 0;
                    if (!diff)
                        o.bad += fabs(number(out, 4 + 2 * (lag - 1), k) - count(j)) > 0;
                    else if (have >= lag + 1)
                        o.bad += fabs(number(out, 4 + 2 * (lag - 1), k) - (count(j) - count(list[lag]))) > 0;
                }
                o.records++;
            }
            seen += (size_t)got;
        }
        if (from < cut && from + size > cut)
            from = cut - size;
    }
    CHECK(whole || seen == N, "%zu records of %d rows", seen, (int)N);
    front_free(f), rec_build_free(b), rec_head_free(in);
    return o;
}

static void test_windows(void) {
    static const size_t window[] = {1, 2, 5}, step[] = {1, 3}, size[] = {1, 7, N}, cut[] = {N, 23};
    for (size_t i = 0; i < 3 * 2 * 2 * 2 * 2 * 2; i++) {
        size_t w = window[i % 3], s = step[i / 3 % 2], c = cut[i / 6 % 2];
        bool grouped = i / 12 % 2, diff = i / 24 % 2, whole = i / 48 % 2;
        if (w == 1 && !diff)
            continue;
        struct outcome one = {0};
        for (size_t k = 0; k < 3; k++) {
            struct outcome o = check(w, s, grouped, diff, whole, size[k], c);
            CHECK(!o.bad, "window %zu:%zu grouped %d diff %d whole %d cut %zu batch %zu: %zu of %zu wrong", w, s, grouped, diff, whole, c,
                  size[k], o.bad, o.records);
            CHECK(!k || o.records == one.records, "window %zu:%zu: %zu records by %zu, %zu by one", w, s, o.records, size[k], one.records);
            one = o;
        }
    }
    CHECK(check(5, 3, false, false, true, 7, N).records == (N - 5) / 3 + 1, "a record every three rows");
}

static void test_names(void) {
    static char n[] = "n", none[] = "none", host_name[] = "host";
    char *const diff[] = {n}, *const missing[] = {none}, *const carried[] = {host_name};
    struct vae_err err;
    struct vae_head *in = head();
    struct front *f = front_new(in, &(const struct front_spec){.window = 2, .diff = diff, .ndiff = 1}, &(const struct front_opts){0}, &err);
    static const char *const want[] = {"host", "x", "n.step", "x@-1", "n.step@-1"};
    for (size_t i = 0; f && i < 5; i++)
        CHECK(!strcmp(front_head(f)->fields[i].name, want[i]), "%s", front_head(f)->fields[i].name);
    CHECK(f && front_head(f)->nfields == 5, "%s", err.msg);
    if (f) { /* what a model keeps is read back */
        struct front_spec back;
        const json_t *j = json_object_get(front_head(f)->origin, "front");
        CHECK(!front_from_json(j, &back, &err) && back.window == 2 && back.step == 1 && back.ndiff == 1 && !strcmp(back.diff[0], "n"), "%s",
              err.msg);
        front_spec_free(&back);
    }
    front_free(f);
    const bool now[] = {false, true, false};
    f = front_new(in, &(const struct front_spec){.window = 3}, &(const struct front_opts){.now = now}, &err);
    CHECK(f && front_head(f)->nfields == 5 && !strcmp(front_head(f)->fields[4].name, "n@-2"), "%s", err.msg);
    front_free(f);
    CHECK(!front_new(in, &(const struct front_spec){.diff = missing, .ndiff = 1}, &(const struct front_opts){0}, &err), "no such column");
    CHECK(!front_new(in, &(const struct front_spec){.diff = carried, .ndiff = 1}, &(const struct front_opts){0}, &err),
          "steps of a carried one");
    CHECK(!front_new(in, &(const struct front_spec){.window = 2, .group = missing, .ngroup = 1}, &(const struct front_opts){0}, &err),
          "group");
    rec_head_add(in, "x@-1", REC_F32, 0, NULL, NULL);
    CHECK(!front_new(in, &(const struct front_spec){.window = 2}, &(const struct front_opts){0}, &err), "a name that is taken");
    rec_head_free(in);
}

static void test_json(void) {
    static const char *const bad[] = {
        "{}", "{\"window\":0,\"step\":1,\"group\":[],\"diff\":[]}", "{\"window\":4097,\"step\":1,\"group\":[],\"diff\":[]}",
        "{\"window\":2,\"step\":0,\"group\":[],\"diff\":[]}", "{\"window\":2,\"step\":1,\"group\":[7],\"diff\":[]}",
        "{\"window\":2,\"step\":1,\"group\":[],\"diff\":{}}", "{\"window\":2.5,\"step\":1,\"group\":[],\"diff\":[]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct front_spec s;
        struct vae_err err;
        json_t *j = json_loads(bad[i], 0, NULL);
        CHECK(j && front_from_json(j, &s, &err) == VAE_EDATA, "%s was taken", bad[i]);
        front_spec_free(&s);
        json_decref(j);
    }
}

/* Bad cells: the rows before come out, the row is told, the next ones go on. */
static void test_bad(void) {
    static char n[] = "n";
    char *const diff[] = {n};
    struct vae_err err;
    struct vae_head *in = rec_head_new("data", NULL);
    rec_head_add(in, "n", REC_UTF8, 0, NULL, NULL);
    struct rec_build *b = rec_build_new(in, NULL);
    static const char *const cell[] = {"1", "3", "4x", "6", "", "9", "11"};
    for (size_t i = 0; i < 7; i++)
        rec_build_text(b, 0, cell[i], strlen(cell[i]), NULL);
    const struct vae_batch *batch = rec_build_batch(b, 7), *out;
    struct front *f = front_new(in, &(const struct front_spec){.diff = diff, .ndiff = 1}, &(const struct front_opts){0}, &err);
    size_t at = 0;
    CHECK(front_run(f, batch, &at, &out, &err) == 2 && at == 2, "%zu", at);
    CHECK(front_run(f, batch, &at, &out, &err) == VAE_EROW && at == 3 && strstr(err.msg, "'4x' is not a number"), "%s", err.msg);
    CHECK(front_run(f, batch, &at, &out, &err) == 4 && at == 7, "%zu", at);
    static const double want[] = {3, NAN, NAN, 2};
    for (size_t i = 0; i < 4; i++) {
        double v = number(out, 0, i);
        CHECK(isnan(want[i]) ? isnan(v) : fabs(v - want[i]) < 1e-12, "step %zu is %g", i, v);
    }
    front_free(f), rec_build_free(b), rec_head_free(in);
}

struct runner {
    struct rec_build *rows;
    struct front *front;
};

static struct runner runner(const struct vae_head *in, const struct front_spec *spec) {
    struct runner r = {rec_build_new(in, NULL), front_new(in, spec, &(const struct front_opts){0}, NULL)};
    front_cut(r.front, "app.csv");
    return r;
}

static void runner_free(struct runner *r) { front_free(r->front), rec_build_free(r->rows); }

static const struct vae_batch *run(struct runner *r, size_t from, size_t n) {
    const struct vae_batch *out = NULL;
    size_t at = 0;
    CHECK(front_run(r->front, rows(r->rows, from, n), &at, &out, NULL) == (int)n, "rows %zu to %zu", from, from + n);
    return out;
}

/* Cells of records a that are not those of records from.. of all. */
static size_t differ(const struct vae_batch *a, const struct vae_batch *all, size_t from) {
    size_t bad = 0, n, m;
    for (size_t i = 0; i < a->rows; i++) {
        bad += a->partial[i] != all->partial[from + i];
        for (size_t f = 0; f < a->nfields; f++)
            if (a->cols[f].data) {
                bad += memcmp((const float *)a->cols[f].data + i, (const float *)all->cols[f].data + from + i, sizeof(float)) != 0;
            } else {
                const char *p = rec_cell(&a->cols[f], i, &n), *q = rec_cell(&all->cols[f], from + i, &m);
                bad += n != m || memcmp(p, q, n) != 0;
            }
    }
    return bad;
}

/* Text that was cut anywhere is refused, or is that of fewer series. */
static void load_cut(const struct vae_head *in, const struct front_spec *spec, const struct buf *text) {
    struct vae_err err;
    for (size_t n = 0; n < text->n; n++) {
        struct runner r = runner(in, spec);
        char *copy = malloc(n + 1); /* of its own, so that a sanitizer knows its end */
        memcpy(copy, text->p, n);
        int rc = front_load(r.front, copy, n, &err);
        CHECK(rc == 0 || rc == 1 || (rc == VAE_EDATA && strstr(err.msg, "makes no sense")), "%d: %s", rc, err.msg);
        free(copy), runner_free(&r);
    }
}

/* One that stops at any row, within a batch too, and another that goes on with what it kept: the records of one that never stopped.
 * The first one can go on as well. */
static void test_held(void) {
    enum { SIZE = 13 };
    static const size_t window[] = {1, 2, 5};
    static char h[] = "host", c[] = "n";
    char *const group[] = {h}, *const steps[] = {c};
    struct vae_err err;
    struct vae_head *in = head();
    for (size_t k = 0; k < 3 * 4; k++) {
        const struct front_spec spec = {window[k / 4], 2, group, steps, k % 2, k / 2 % 2};
        if (!front_wanted(&spec))
            continue;
        struct runner whole = runner(in, &spec);
        const struct vae_batch *all = run(&whole, 0, N);
        struct buf text = {0};
        for (size_t stop = 0; stop < N; stop++) {
            struct runner one = runner(in, &spec), two = runner(in, &spec);
            size_t from = stop / SIZE * SIZE, to = from + SIZE < N ? from + SIZE : N, bad;
            for (size_t at = 0; at < from; at += SIZE)
                run(&one, at, SIZE);
            run(&one, from, to - from);
            text.n = 0;
            CHECK(!front_save(one.front, stop - from, &text, &err), "%s", err.msg);
            CHECK(front_load(two.front, text.p, text.n, &err) == 1, "%s", err.msg);
            bad = differ(run(&two, stop, N - stop), all, stop);
            bad += to < N ? differ(run(&one, to, N - to), all, to) : 0;
            CHECK(!bad, "window %zu grouped %zu diff %zu stop %zu: %zu cells are others", spec.window, spec.ngroup, spec.ndiff, stop, bad);
            runner_free(&one), runner_free(&two);
        }
        load_cut(in, &spec, &text);
        struct front_spec wider = spec;
        wider.window++;
        struct runner other = runner(in, &wider);
        CHECK(front_load(other.front, text.p, text.n, &err) == 0, "rows of another window");
        runner_free(&whole), runner_free(&other), buf_free(&text);
    }
    rec_head_free(in);
}

/* Series that no run wrote, each refused behind what is right. */
static void test_held_bad(void) {
    static const char *const bad[] = {
        "x", "1", "1:", "1:k", "-1:k,", "2:k,", "99999999999999999999999:k,", "1:k,",
        "1:k,1:0,2:-1,1:0,1:x,", "1:k,1:4,2:-1,1:0,1:x,", "1:k,3:1.5,2:-1,1:0,1:x,", "1:k,3:nan,2:-1,1:0,1:x,", "1:k,1:q,2:-1,1:0,1:x,",
        "1:k,1:1,2:1x,1:0,1:x,", "1:k,1:1,2:-1,2:99,1:x,", "1:k,1:1,2:-1,2:-2,1:x,", "1:k,1:1,2:-1,1:0,", "1:k,1:2,2:-1,1:0,1:x,",
        "1:k,1:1,2:-1,1:0,1:x,1:k,1:1,2:-1,1:0,1:x,"};
    static char h[] = "host";
    char *const steps[] = {h};
    struct vae_err err;
    struct vae_head *in = rec_head_new("data", NULL);
    rec_head_add(in, "host", REC_UTF8, 0, NULL, NULL);
    const struct front_spec spec = {.window = 3, .diff = steps, .ndiff = 1};
    struct runner r = runner(in, &spec);
    struct buf text = {0};
    CHECK(!front_save(r.front, 0, &text, &err), "%s", err.msg);
    runner_free(&r);
    size_t form = text.n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        text.n = form;
        buf_put(&text, bad[i], strlen(bad[i]), NULL);
        r = runner(in, &spec);
        int rc = front_load(r.front, text.p, text.n, &err);
        CHECK(rc == VAE_EDATA && strstr(err.msg, "makes no sense"), "'%s': %d", bad[i], rc);
        runner_free(&r);
    }
    buf_free(&text), rec_head_free(in);
}

/* A row of this host; 1: its window is partial, 0: it is not, or a code. */
static int row_of(struct runner *r, const char *host, const char *cell, size_t bytes, struct vae_err *err) {
    const struct vae_batch *out;
    size_t at = 0;
    rec_build_reset(r->rows);
    rec_build_text(r->rows, 0, host, strlen(host), NULL);
    rec_build_text(r->rows, 1, cell, bytes, NULL);
    int n = front_run(r->front, rec_build_batch(r->rows, 1), &at, &out, err);
    return n == 1 ? out->partial[0] : n;
}

/* A run that goes on from *text, and the text that it leaves. */
static struct runner next(struct runner *r, const struct vae_head *in, const struct front_spec *spec, struct buf *text) {
    struct vae_err err = {0};
    struct runner to = runner(in, spec);
    text->n = 0;
    CHECK(!front_save(r->front, 1, text, &err) && front_load(to.front, text->p, text->n, &err) == 1, "%s", err.msg);
    runner_free(r);
    return to;
}

/* Where there are too many series, in number or in bytes, those of runs before are forgotten that no row came of for longest; so many
 * in one run are refused. */
static void test_forgotten(void) {
    enum { LONG = 1 << 20, FIT = FRONT_HELD_MAX / LONG - 1 };
    static char h[] = "host";
    char *const group[] = {h}, *cell = malloc(LONG), name[24];
    const struct front_spec spec = {.window = 2, .group = group, .ngroup = 1};
    struct vae_err err;
    struct vae_head *in = rec_head_new("data", NULL);
    rec_head_add(in, "host", REC_UTF8, 0, NULL, NULL), rec_head_add(in, "text", REC_UTF8, 0, NULL, NULL);
    struct runner r = runner(in, &spec);
    struct buf text = {0};
    memset(cell, 'x', LONG);
    for (int i = 0; i < FIT; i++) {
        snprintf(name, sizeof name, "a%d", i);
        CHECK(row_of(&r, name, cell, LONG, &err) == 1, "%s", err.msg);
    }
    r = next(&r, in, &spec, &text);
    CHECK(row_of(&r, "a0", cell, LONG, &err) == 0 && row_of(&r, "b0", cell, LONG, &err) == 1, "%s", err.msg);
    r = next(&r, in, &spec, &text); /* there is no room for a1 */
    CHECK(text.n <= FRONT_HELD_MAX && row_of(&r, "a0", "", 0, &err) == 0 && row_of(&r, "a2", "", 0, &err) == 0, "too many are forgotten");
    CHECK(row_of(&r, "b0", "", 0, &err) == 0 && row_of(&r, "a1", "", 0, &err) == 1, "the wrong one is forgotten");
    for (int i = 0; i <= FIT; i++)
        snprintf(name, sizeof name, "c%d", i), row_of(&r, name, cell, LONG, &err);
    text.n = 0;
    CHECK(front_save(r.front, 1, &text, &err) == VAE_EDATA && strstr(err.msg, "series, are more than 32 MiB"), "%s", err.msg);
    runner_free(&r), r = runner(in, &spec);
    for (int i = 0; i < FRONT_SERIES_MAX; i++)
        snprintf(name, sizeof name, "%d", i), row_of(&r, name, "", 0, &err);
    CHECK(row_of(&r, "7", "", 0, &err) == 0, "a series that is there");
    CHECK(row_of(&r, "x", "", 0, &err) == VAE_EDATA && strstr(err.msg, "more than 65536 series"), "%s", err.msg);
    r = next(&r, in, &spec, &text);
    CHECK(row_of(&r, "8", "", 0, &err) == 0 && row_of(&r, "x", "", 0, &err) == 1 && row_of(&r, "x", "", 0, &err) == 0, "%s", err.msg);
    static const struct {
        const char *name;
        int partial;
    } want[] = {{"7", 0}, {"8", 0}, {"65535", 0}, {"32770", 0}, {"32769", 1}, {"0", 1}}; /* the half of 65535 */
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        CHECK(row_of(&r, want[i].name, "", 0, &err) == want[i].partial, "series %s: %s", want[i].name,
              want[i].partial ? "kept" : "forgotten");
    free(cell), runner_free(&r), buf_free(&text), rec_head_free(in);
}

/* No record that is held out is nearer than the gap to one that is learnt from, nor to one that stops the training. */
static void test_blocks(void) {
    static const size_t ns[] = {100, 2000, 23685}, gaps[] = {1, 9, 40};
    static const double share[][3] = {{.72, .08, .2}, {.9, .1, 0}};
    for (size_t k = 0; k < 18; k++) {
        size_t n = ns[k % 3], gap = gaps[k / 3 % 3], part[3], all = 0;
        const double *s = share[k / 9];
        uint64_t *order = calloc(n, sizeof *order);
        int *of = calloc(n, sizeof *of);
        fit_blocks(n, gap, k % 2 ? 5 : 1, s, order, part);
        for (size_t p = 0, at = 0; p < 3; p++)
            for (size_t i = 0; i < part[p]; i++, at++)
                of[order[at]] += 1 + (int)p, all++;
        size_t narrow = n < 15 * gap ? n / 15 : gap, near = 0, twice = 0;
        for (size_t i = 0; i < n; i++) {
            twice += of[i] > 3;
            for (size_t j = i + 1; j <= i + narrow && j < n && of[i]; j++)
                near += of[j] && of[j] != of[i];
        }
        CHECK(!near && !twice && all <= n, "%zu records, gap %zu: %zu pairs are near", n, gap, near);
        CHECK((double)all >= 0.75 * (double)n, "%zu records, gap %zu: %zu are left", n, gap, all);
        for (size_t p = 0; p < 3; p++)
            CHECK(fabs((double)part[p] - s[p] * (double)n) <= 0.17 * (double)n && (part[p] > 0) == (s[p] > 0), "part %zu: %zu of %zu", p,
                  part[p], n);
        free(order), free(of);
    }
}

int main(void) {
    test_windows();
    test_names();
    test_json();
    test_bad();
    test_held();
    test_held_bad();
    test_forgotten();
    test_blocks();
    return test_done();
}
