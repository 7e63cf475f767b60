/* test_grow.c - tables that grow: a reader that goes on at any record gives what one that read on would have given. */
#include "base/mem.h"
#include "stream/csv.h"
#include "test.h"

static char a[] = "a", b[] = "b", c[] = "c";
static char *const names[] = {a, b, c};
static const bool must[3];

/* What a reader gave. */
struct got {
    struct buf text; /* "offset line a|b|c\n" for each record */
    size_t rows, at[64]; /* where the line of each begins in it */
    struct stream_place place[64], end;
    char header[65][64];
    int rc;
};

static void copy_header(struct stream_place *p, char room[64]) {
    if (!p->header)
        return;
    memcpy(room, p->header, p->nheader);
    p->header = room;
}

/* Reads what stands from the place on, `chunk` bytes a read, `batch` rows at most a batch; bad records are passed over. */
static void read_on(const char *p, size_t n, struct stream_place from, size_t chunk, size_t batch, struct got *g) {
    struct stream_read_opts o = {.header = -1, .batch_rows = batch, .want = {.n = 3, .names = names, .optional = must}, .from = &from};
    struct source *src = source_memory(p + from.offset, n - from.offset, chunk);
    struct vae_err err = {0};
    struct vae_batch rows;
    void *r = stream_csv.open(src, &o, &err);
    g->text.n = 0;
    g->rows = 0;
    g->end = from;
    g->rc = r ? 0 : err.code;
    while (r && (g->rc = stream_csv.next(r, &rows, &err)) != 0 && (g->rc > 0 || g->rc == VAE_EROW)) {
        for (size_t i = 0; g->rc > 0 && i < rows.rows; i++) {
            struct stream_place *at = &g->place[g->rows];
            stream_csv.place(r, i, at);
            copy_header(at, g->header[g->rows]);
            g->at[g->rows++] = g->text.n;
            buf_printf(&g->text, NULL, "%llu %llu ", (unsigned long long)at->offset, (unsigned long long)at->line);
            for (size_t j = 0; j < 3; j++) {
                size_t len;
                const char *cell = rec_cell(&rows.cols[j], i, &len);
                buf_printf(&g->text, NULL, "%.*s%c", (int)len, cell, j < 2 ? '|' : '\n');
            }
        }
        if (g->rc == VAE_EROW)
            buf_printf(&g->text, NULL, "bad\n");
    }
    if (r) {
        stream_csv.place(r, SIZE_MAX, &g->end);
        copy_header(&g->end, g->header[64]);
    }
    stream_csv.close(r);
    source_close(src);
}

/* Each text holds what makes going on hard: the name of the case, the text, and how many records it has. */
static const struct {
    const char *what, *text;
    size_t rows;
} cases[] = {
    {"a header", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n", 3},
    {"no header", "1,2,3\n4,5,6\n7,8,9\n", 3},
    {"another order, another column, and a header again",
     "c,x,b,a\n3,.,2,1\n6,.,5,4\nc,x,b,a\n9,.,8,7\nb,a,c\n11,10,12\n", 4},
    {"CRLF, blank lines, a byte order mark", "\xef\xbb\xbf" "a,b,c\r\n1,2,3\r\n\r\n4,5,6\r\n  \r\n7,8,9\r\n", 3},
    {"CR", "a,b,c\r1,2,3\r4,5,6\r", 2},
    {"quotes, line ends within", "\"a\";b;c\n\"1\n1\";\"2;2\";3\n4;\"5\"\"\n\";6\n7;8;9\n", 3},
    {"bad records", "a,b,c\n1,2,3\n1,2\n4,5,6\n\"x\"y,1,2\n7,8,9\n", 3},
    {"other bytes in names that nobody asked for", "a,\xff\xfe,b,c\n1,.,2,3\n4,.,5,6\n", 2},
};

static void test_going_on(void) {
    static struct got whole, part;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (size_t chunk = 0; chunk < 8; chunk++) {
            const char *p = cases[k].text;
            size_t n = strlen(p);
            read_on(p, n, (struct stream_place){.line = 1}, chunk, 1 + chunk % 3, &whole);
            CHECK(whole.rc == 0 && whole.rows == cases[k].rows && whole.end.offset == n, "%s: %d, %zu rows, to %llu", cases[k].what,
                  whole.rc, whole.rows, (unsigned long long)whole.end.offset);
            for (size_t i = 0; i < whole.rows; i++) {
                read_on(p, n, whole.place[i], chunk, 2, &part);
                const char *want = whole.text.p + whole.at[i];
                size_t left = whole.text.n - whole.at[i];
                CHECK(part.rc == 0 && part.text.n == left && !memcmp(part.text.p, want, left),
                      "%s, from record %zu, chunks of %zu: %d\n%.*s\ninstead of\n%.*s", cases[k].what, i, chunk, part.rc,
                      (int)part.text.n, part.text.p, (int)left, want);
            }
            read_on(p, n, whole.end, chunk, 2, &part);
            CHECK(part.rc == 0 && part.text.n == 0 && part.end.offset == n, "%s: at its end: %d", cases[k].what, part.rc);
        }
    buf_free(&whole.text);
    buf_free(&part.text);
}

/* However much was there at first: the records of both runs are those of one. */
static void test_cut(void) {
    static struct got whole, first, second;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (size_t cut = 0; cut <= strlen(cases[k].text); cut++) {
            const char *p = cases[k].text;
            size_t n = strlen(p);
            bool lf = cut < n && cut > 0 && p[cut] == '\n' && p[cut - 1] == '\r'; /* then its line is counted twice */
            read_on(p, n, (struct stream_place){.line = 1}, 0, 0, &whole);
            read_on(p, cut, (struct stream_place){.line = 1}, 0, 0, &first);
            CHECK(first.rc == 0 || first.rc == VAE_EAGAIN, "%s, cut at %zu: %d", cases[k].what, cut, first.rc);
            read_on(p, n, first.end, 0, 0, &second);
            buf_put(&first.text, second.text.p, second.text.n, NULL);
            CHECK(second.rc == 0 && first.rows + second.rows == whole.rows &&
                      (lf || (first.text.n == whole.text.n && !memcmp(first.text.p, whole.text.p, whole.text.n))),
                  "%s, cut at %zu: %d\n%.*s\ninstead of\n%.*s", cases[k].what, cut, second.rc, (int)first.text.n, first.text.p,
                  (int)whole.text.n, whole.text.p);
        }
    buf_free(&whole.text);
    buf_free(&first.text);
    buf_free(&second.text);
}

int main(void) {
    test_going_on();
    test_cut();
    return test_done();
}
