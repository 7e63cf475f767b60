/* test_stream.c - one reader over several operands, one writer in any format: what commands see of the formats. */
#include <stdint.h>
#include <unistd.h>

#include "base/mem.h"
#include "stream/format.h"
#include "test.h"

static char dir[] = P_tmpdir "/vae-test-XXXXXX";

/* A file of that name in dir; the path is the caller's to free. */
static char *file(const char *name, const char *text) {
    struct buf path = {0};
    buf_printf(&path, NULL, "%s/%s", dir, name);
    FILE *f = fopen(path.p, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
    return path.p;
}

/* All that a reader gives, dir left out: names, "FILE:LINE:cell|cell" a record, "!CODE MESSAGE" a fault, the counts. */
static char *dump(struct vae_in *in, const struct vae_err *failed) {
    struct buf b = {0};
    struct vae_err err = {0};
    const struct vae_batch *batch;
    uint64_t first = 0;
    if (!in) {
        buf_printf(&b, NULL, "!%d %s\n", failed->code, failed->msg);
    } else {
        const struct vae_head *h = vae_in_head(in);
        for (size_t j = 0; j < h->nfields; j++)
            buf_printf(&b, NULL, "%s%s%s", j ? "|" : "", h->fields[j].name, h->fields[j].keep ? "*" : "");
        buf_put(&b, "\n", 1, NULL);
    }
    for (int n = in ? 1 : 0; n > 0 || n == VAE_EROW;) {
        n = vae_in_next(in, &batch, &err);
        if (n < 0) {
            buf_printf(&b, NULL, "!%d %s\n", err.code, err.msg);
            CHECK(n == VAE_EROW || vae_in_next(in, &batch, &err) == n, "it went on");
        }
        if (n > 0 && (batch->first != first || batch->rows != (size_t)n))
            buf_printf(&b, NULL, "wrong batch\n");
        first += n > 0 ? (uint64_t)n : 0;
        for (size_t i = 0; n > 0 && i < (size_t)n; i++) {
            buf_printf(&b, NULL, "%s:", vae_in_where(in, i));
            for (size_t j = 0; j < batch->nfields; j++) {
                size_t len;
                const char *cell = rec_cell(&batch->cols[j], i, &len);
                buf_printf(&b, NULL, "%s%.*s", j ? "|" : "", (int)len, cell);
            }
            buf_put(&b, "\n", 1, NULL);
        }
    }
    if (in) {
        struct vae_in_stats st;
        vae_in_stats(in, &st);
        CHECK(st.rows == first, "%d rows", (int)st.rows);
        buf_printf(&b, NULL, "h%d x%d", (int)st.headers, (int)st.extra_columns);
        vae_in_free(in);
    }
    for (char *p; b.p && (p = strstr(b.p, dir)) != NULL;)
        memmove(p, p + strlen(dir) + 1, strlen(p + strlen(dir)));
    return b.p;
}

static const char *const files[][2] = {
    {"a.csv", "x,y\n1,2\n3,4\n"},   {"b.csv", "y;x\n5;6\n"},     {"bare.csv", "7,8\n"},
    {"more.csv", "y,x,z\n1,2,3\n"}, {"less.csv", "x\n1\n2\n"},   {"bad.csv", "x,y\n1\n2,3\n"},
    {"id.csv", "id,x,y\na,1,2\n"},  {"empty.csv", ""},           {"head.csv", "x,y\n"},
    {"binary", "\x01\x02"},         {"tab.tsv", "y\tx\n9\t0\n"},
};
enum { NFILES = sizeof files / sizeof *files };

static void test_operands(char *const *paths) {
    static const struct {
        const char *names[4], *want[4], *keep, *expect;
        const char *format;
    } cases[] = {
        {{"a.csv"}, {0}, NULL, "x|y\na.csv:2:1|2\na.csv:3:3|4\nh1 x0", NULL},
        {{"a.csv", "b.csv", "bare.csv", "tab.tsv"},
         {0},
         NULL,
         "x|y\na.csv:2:1|2\na.csv:3:3|4\nb.csv:2:6|5\nbare.csv:1:7|8\ntab.tsv:2:0|9\nh3 x0",
         NULL},
        {{"empty.csv", "a.csv", "empty.csv", "head.csv"}, {0}, NULL, "x|y\na.csv:2:1|2\na.csv:3:3|4\nh2 x0", NULL},
        {{"empty.csv", "empty.csv"}, {0}, NULL, "!-2 empty.csv: no data\n", NULL},
        {{"empty.csv"}, {"x", "y"}, NULL, "!-2 empty.csv: no data\n", NULL},
        {{"a.csv", "more.csv"},
         {0},
         NULL,
         "x|y\na.csv:2:1|2\na.csv:3:3|4\n!-2 more.csv: more columns than in a.csv\nh2 x1",
         NULL},
        {{"a.csv", "more.csv"}, {"y", "x"}, NULL, "y|x\na.csv:2:2|1\na.csv:3:4|3\nmore.csv:2:1|2\nh2 x1", NULL},
        {{"a.csv", "less.csv"},
         {0},
         NULL,
         "x|y\na.csv:2:1|2\na.csv:3:3|4\n!-2 less.csv:1: column 'y' is missing\nh1 x0",
         NULL},
        {{"a.csv", "no.csv", "b.csv"},
         {0},
         NULL,
         "x|y\na.csv:2:1|2\na.csv:3:3|4\n!-3 no.csv: no such file or directory\nh1 x0",
         NULL},
        {{"no.csv"}, {0}, NULL, "!-3 no.csv: no such file or directory\n", NULL},
        {{"bad.csv", "a.csv"},
         {0},
         NULL,
         "x|y\n!-9 bad.csv:2: expected 2 values, got 1; leave such rows out (--skip-bad)\nbad.csv:3:2|3\na.csv:2:1|2\na.csv:3:3|4\nh2 x0",
         NULL},
        {{"id.csv", "id.csv"}, {"x", "y"}, "id", "x|y|id*\nid.csv:2:1|2|a\nid.csv:2:1|2|a\nh2 x0", NULL},
        {{"id.csv", "id.csv"}, {0}, "1", "id*|x|y\nid.csv:2:a|1|2\nid.csv:2:a|1|2\nh2 x0", NULL},
        {{"id.csv", "a.csv"},
         {"x", "y"},
         "id",
         "x|y|id*\nid.csv:2:1|2|a\n!-1 a.csv:1: no column 'id' to keep\nh1 x0",
         NULL},
        {{"id.csv", "a.csv"},
         {"x", "y", "?id"},
         NULL,
         "x|y|id*\nid.csv:2:1|2|a\n!-2 a.csv: another number of columns than in id.csv\nh2 x0",
         NULL},
        {{"binary"}, {0}, NULL, "!-2 binary: unknown format; name it with -f\n", NULL},
        {{"a.csv"}, {0}, NULL, "!-1 no format 'xls' can be read\n", "xls"},
        {{"tab.tsv"}, {0}, NULL, "y|x\ntab.tsv:2:9|0\nh1 x0", "tsv"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char *operand[4], missing[64];
        const char *want[4];
        bool optional[4] = {0};
        size_t n = 0, nwant = 0;
        snprintf(missing, sizeof missing, "%s/no.csv", dir);
        for (; n < 4 && cases[k].names[n]; n++) {
            operand[n] = missing;
            for (size_t i = 0; i < NFILES; i++)
                if (!strcmp(files[i][0], cases[k].names[n]))
                    operand[n] = paths[i];
        }
        for (; nwant < 4 && cases[k].want[nwant]; nwant++) {
            optional[nwant] = cases[k].want[nwant][0] == '?';
            want[nwant] = cases[k].want[nwant] + optional[nwant];
        }
        for (size_t rows = 0; rows < 3; rows++) {
            struct vae_err err = {0};
            struct vae_in_opts o = {.header = -1,
                                    .batch_rows = rows,
                                    .nkeep = cases[k].keep != NULL,
                                    .format = cases[k].format,
                                    .keep = (char *const *)(uintptr_t)&cases[k].keep};
            struct stream_want w = {.n = nwant, .names = (char *const *)(uintptr_t)want, .optional = optional};
            char *got = dump(stream_in_open(operand, n, &o, &w, &err), &err);
            CHECK(!strcmp(got, cases[k].expect), "case %zu: got\n%s\nnot\n%s", k, got, cases[k].expect);
            free(got);
        }
    }
}

/* Records come out as soon as they are whole, and the reader says when more would have to be waited for. */
static void test_live(void) {
    static const struct {
        const char *put;
        int rows;
        bool more;
    } steps[] = {
        {"x,y\n1,2\n", 1, false},        {"3,4\n5,", 1, false},     {"6\n7,8\n9,10\n", 2, true}, {"", 1, false},
        {"\"a\nb\",1\n\"c\n", 1, false}, {"d\",2\n1,\n", 2, false}, {"1,2\nx\n", 1, true},       {"", VAE_EROW, false},
    };
    for (int batch = 0; batch <= 2; batch += 2) {
        int fd[2];
        struct vae_err err = {0};
        char name[64], *path = name;
        static const char *const want[] = {"x", "y"};
        struct stream_want w = {.n = 2, .names = (char *const *)(uintptr_t)want};
        struct vae_in_opts o = {.header = -1, .batch_rows = (size_t)batch};
        struct vae_in *in = NULL;
        CHECK(pipe(fd) == 0, "pipe");
        snprintf(name, sizeof name, "/dev/fd/%d", fd[0]);
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            const struct vae_batch *b;
            struct vae_in_stats st;
            if (batch == 0 && k == 3)
                continue; /* the three came together */
            size_t n = strlen(steps[k].put);
            CHECK(write(fd[1], steps[k].put, n) == (ssize_t)n, "write");
            if (!in)
                in = stream_in_open(&path, 1, &o, &w, &err);
            if (!in)
                break;
            bool all = batch == 0 && k == 2;
            int got = vae_in_next(in, &b, &err);
            vae_in_stats(in, &st);
            CHECK(got == steps[k].rows + all && st.has_input == (steps[k].more && !all),
                  "step %zu, batches of %d: %d rows, %s", k, batch, got, st.has_input ? "more" : "idle");
        }
        CHECK(in != NULL, "%s", err.msg);
        close(fd[1]);
        vae_in_free(in);
        close(fd[0]);
    }
}

/* A table through the public interface into a file of each format that can be written, and back. */
static void test_formats(char *from) {
    bool readable, writable;
    size_t n = 0;
    for (const char *name; (name = vae_format(n, &readable, &writable)) != NULL; n++) {
        CHECK(stream_format_by_name(name) == stream_formats[n], "%s is not found by its name", name);
        CHECK(readable || writable, "%s is of no use", name);
    }
    CHECK(n >= 5 && !vae_format(n + 7, NULL, NULL) && !stream_format_by_name("none"), "%zu formats", n);
    static const char *const formats[] = {"csv", "tsv", "vts", NULL};
    for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
        struct vae_err err = {0};
        struct vae_in_opts o = {.header = -1, .format = "csv"};
        struct vae_out_opts to = {.header = -1, .level = -1, .format = formats[k]};
        struct buf path = {0};
        buf_printf(&path, NULL, "%s/out.%s", dir, formats[k] ? formats[k] : "any");
        struct vae_in *in = stream_in_open(&from, 1, &o, NULL, &err);
        struct vae_out *out = in ? vae_out_open(path.p, vae_in_head(in), &to, &err) : NULL;
        const struct vae_batch *b;
        CHECK(out != NULL, "%s", err.msg);
        while (out && vae_in_next(in, &b, &err) > 0)
            CHECK(vae_out_put(out, b, &err) == 0 && vae_out_flush(out, &err) == 0, "%s", err.msg);
        CHECK(access(path.p, F_OK) < 0, "%s is there before it is whole", path.p);
        CHECK(!out || vae_out_close(out, 0, &err) == 0, "%s", err.msg);
        vae_in_free(in);
        o.format = NULL;
        in = stream_in_open(&path.p, 1, &o, NULL, &err);
        char *got = dump(in, &err), *rows = strchr(got, '\n');
        CHECK(!strncmp(got, "x|y\n", 4) && strstr(rows, ":1|2\n") && strstr(rows, ":3|4\n"), "%s: %s", path.p, got);
        free(got);
        unlink(path.p);
        buf_free(&path);
    }
}

/* What a writer chooses, seen from the first bytes; and that a failure leaves no file. */
static void test_choice(void) {
    static const struct {
        const char *kind, *origin, *begins;
    } cases[] = {
        {"data", NULL, "a\n"},        {"data", "tsv", "a\n"},  {"latent", NULL, "\x89VAE"},
        {"latent", "csv", "\x89VAE"}, {"score", "npy", "a\n"}, {"data", "npy", "\x93NUMPY"},
    };
    char *path = file("choice", "old");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct vae_err err = {0};
        char got[16] = "";
        struct vae_head *h = rec_head_new(cases[k].kind, NULL);
        rec_head_add(h, "a", REC_F32, 0, NULL, NULL);
        h->origin = cases[k].origin ? json_pack("{ss}", "format", cases[k].origin) : NULL;
        for (int status = -2; status <= 0; status += 2) {
            struct vae_out *out = vae_out_open(path, h, NULL, &err);
            CHECK(out && vae_out_close(out, status, &err) == 0, "%s", err.msg);
            FILE *f = fopen(path, "r");
            size_t n = f ? fread(got, 1, 15, f) : 0;
            const char *expect = status ? "old" : cases[k].begins;
            CHECK(n >= strlen(expect) && !memcmp(got, expect, strlen(expect)), "%s from %s, status %d: %s",
                  cases[k].kind, cases[k].origin, status, got);
            if (f)
                fclose(f);
        }
        rec_head_free(h);
        free(path);
        path = file("choice", "old");
    }
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "a", REC_F32, 0, NULL, NULL);
    CHECK(!vae_out_open(path, h, &(struct vae_out_opts){.format = "xls"}, &err) && err.code == VAE_EUSAGE, "%s",
          err.msg);
    struct vae_out *out = vae_out_open("/dev/full", h, NULL, &err);
    CHECK(out && vae_out_flush(out, &err) == VAE_EIO && !strcmp(err.msg, "/dev/full: no space left on device"), "%s",
          err.msg);
    CHECK(vae_out_close(out, 0, &err) == VAE_EIO, "closed as if nothing had been: %s", err.msg);
    rec_head_free(h);
    unlink(path);
    free(path);
}

int main(void) {
    char *paths[NFILES];
    if (!mkdtemp(dir))
        return 1;
    for (size_t i = 0; i < NFILES; i++)
        paths[i] = file(files[i][0], files[i][1]);
    test_operands(paths);
    test_live();
    test_formats(paths[0]);
    test_choice();
    for (size_t i = 0; i < NFILES; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
    rmdir(dir);
    return test_done();
}
