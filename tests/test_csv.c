/* test_csv.c - tables of text: every rule of the dialect, of header rows and of matching by name; the writer. */
#include <stdint.h>

#include "base/mem.h"
#include "stream/csv.h"
#include "test.h"

/* What a reader makes of a text, as text: names (a * behind those kept), then "LINE:cell|cell" a record, "!CODE
 * MESSAGE" a fault, at the end how many headers and extra columns were seen. */
static char *dump(const char *p, size_t n, size_t chunk, const struct stream_read_opts *o, bool tsv) {
    const struct stream_format *f = tsv ? &stream_tsv : &stream_csv;
    struct buf b = {0};
    struct vae_err err = {0};
    struct source *src = source_memory(p, n, chunk);
    void *r = f->open(src, o, &err);
    int rows = r ? 1 : -1;
    if (!r)
        buf_printf(&b, NULL, "!%d %s\n", err.code, err.msg);
    for (size_t j = 0; r && j < f->head(r)->nfields; j++)
        buf_printf(&b, NULL, "%s%s%s", j ? "|" : "", f->head(r)->fields[j].name, f->head(r)->fields[j].keep ? "*" : "");
    if (r)
        buf_put(&b, "\n", 1, NULL);
    for (uint64_t first = 0; r && rows;) {
        struct vae_batch batch;
        rows = f->next(r, &batch, &err);
        if (rows < 0) {
            buf_printf(&b, NULL, "!%d %s\n", err.code, err.msg);
            if (err.code != VAE_EROW)
                break;
            continue;
        }
        if (rows > 0 && (batch.first != first || batch.rows != (size_t)rows || !batch.quoted))
            buf_printf(&b, NULL, "wrong batch\n");
        first += (uint64_t)rows;
        for (size_t i = 0; i < (size_t)rows; i++) {
            char at[64];
            f->where(r, i, at);
            buf_printf(&b, NULL, "%s:", at);
            for (size_t j = 0; j < batch.nfields; j++) {
                size_t len;
                const char *cell = rec_cell(&batch.cols[j], i, &len);
                buf_printf(&b, NULL, "%s%.*s", j ? "|" : "", (int)len, cell);
            }
            buf_put(&b, "\n", 1, NULL);
        }
    }
    if (r) {
        struct vae_in_stats st = {0};
        f->stats(r, &st);
        buf_printf(&b, NULL, "h%d x%d%s", (int)st.headers, (int)st.extra_columns, st.header_assumed ? " assumed" : "");
        f->close(r);
    }
    source_close(src);
    return b.p;
}

struct test_case {
    const char *what, *text, *expect;
    const char *want[4]; /* a ? in front: optional */
    const char *keep[3];
    int header; /* 0: by content, 1: yes, 2: no */
    char delim;
    bool tsv;
};

#define CASE(a, b, ...)                                                                                                \
    { .what = a, .text = b, .expect = __VA_ARGS__ }

/* ---- the dialect and headers, nothing asked for -------------------------------------------------------- */

static const struct test_case plain_cases[] = {
    CASE("plain", "a,b\n1,2\n3,4\n", "a|b\n2:1|2\n3:3|4\nh1 x0"),
    CASE("no line end at the end", "a,b\n1,2\n3,4", "a|b\n2:1|2\n3:3|4\nh1 x0"),
    CASE("CRLF", "a,b\r\n1,2\r\n3,4\r\n", "a|b\n2:1|2\n3:3|4\nh1 x0"),
    CASE("CR", "a,b\r1,2\r3,4\r", "a|b\n2:1|2\n3:3|4\nh1 x0"),
    CASE("mixed line ends", "a,b\n1,2\r\n3,4\r5,6\n\r\n7,8", "a|b\n2:1|2\n3:3|4\n4:5|6\n6:7|8\nh1 x0"),
    CASE("byte order mark",
         "\xef\xbb\xbf"
         "a,b\n1,2\n",
         "a|b\n2:1|2\nh1 x0"),
    CASE("half a byte order mark", "\xef\xbb,b\n1,2\n", "x1|x2\n1:\xef\xbb|b\n2:1|2\nh0 x0", .header = 2),
    CASE("blank lines", "\n\na,b\n\n1,2\n \t \n3,4\n\n", "a|b\n5:1|2\n7:3|4\nh1 x0"),
    CASE("blank lines of a single column", "a\n1\n\n\"\"\n3\n", "a\n2:1\n4:\"\"\n5:3\nh1 x0"),
    CASE("empty cells", "a,b,c\n1,,\n,2,\n,,3\n,,\n", "a|b|c\n2:1||\n3:|2|\n4:||3\n5:||\nh1 x0"),
    CASE("blanks stay", "a,b\n 1 ,\t2\n", "a|b\n2: 1 |\t2\nh1 x0"),
    CASE("quoted cells", "a,b\n\"x,y\",1\n\"x\"\"y\",2\n\"\",3\n\"\"\"\",4\n\"a\",\"5\"\n",
         "a|b\n2:\"x,y\"|1\n3:\"x\"\"y\"|2\n4:\"\"|3\n5:\"\"\"\"|4\n6:\"a\"|\"5\"\nh1 x0"),
    CASE("line ends within quotes", "a,b\n\"x\ny\",1\n\"x\r\ny\rz\",2\nw,3\n",
         "a|b\n2:\"x\ny\"|1\n4:\"x\r\ny\rz\"|2\n7:w|3\nh1 x0"),
    CASE("quotes within a cell", "a,b\n5\" pipe,1\nx \"y\",2\n", "a|b\n2:5\" pipe|1\n3:x \"y\"|2\nh1 x0"),
    CASE("blanks behind a quote", "a,b\n\"x\" ,1\n\"y\"\t\n",
         "a|b\n2:\"x\"|1\n!-9 memory:3: expected 2 values, got 1; leave such rows out (--skip-bad)\nh1 x0"),
    CASE("text behind a quote", "a,b\n\"x\"y,1\n\"x\"\"y\"z\"\"w\",2\n1,3\n",
         "a|b\n!-9 memory:2: text behind the closing quote of a cell\n!-9 memory:3: text behind the closing quote of a "
         "cell\n4:1|3\nh1 x0"),
    CASE("an open quote", "a,b\nx,1\ny\n\"x\ny\",\"z\n\n",
         "a|b\n2:x|1\n!-9 memory:3: expected 2 values, got 1; leave such rows out (--skip-bad)\n"
         "!-9 memory:5: a quote is opened and never closed\nh1 x0"),
    CASE("an open quote alone", "a,b\nx,1\n\"", "a|b\n2:x|1\n!-9 memory:3: a quote is opened and never closed\nh1 x0"),
    CASE("ragged rows", "a,b\n1\n1,2\n1,2,3\n3,4\n",
         "a|b\n!-9 memory:2: expected 2 values, got 1; leave such rows out (--skip-bad)\n3:1|2\n"
         "!-9 memory:4: expected 2 values, got 3; leave such rows out (--skip-bad)\n5:3|4\nh1 x0"),
    CASE("bytes that are no UTF-8", "a,b\n\xff\xfe,1\n\xe9t\xe9,2\n", "a|b\n2:\xff\xfe|1\n3:\xe9t\xe9|2\nh1 x0"),
    CASE("names that are no UTF-8", "a,\xe9\n1,2\n",
         "!-2 memory:1: the name of column 2 is no UTF-8; convert it with iconv(1)\n"),
    CASE("names are trimmed and unquoted", " a ,\"b \"\"c\"\"\",\" d\" \n1,2,3\n", "a|b \"c\"| d\n2:1|2|3\nh1 x0"),
    CASE("nameless columns", ",b,\n1,2,3\n", "x1|b|x3\n2:1|2|3\nh1 x0"),
    CASE("the same name twice", "a,b,a\n1,2,3\n",
         "!-2 memory:1: there are two columns 'a'; if row 1 is data, say --no-header\n"),
    CASE("empty", "", "!-2 memory: no data\n"),
    CASE("only blank lines", "\n \n", "!-2 memory: no data\n"),
    CASE("only a header", "a,b\n", "a|b\nh1 x0 assumed"),
    CASE("numbers: no header", "1,2\n3,4\n", "x1|x2\n1:1|2\n2:3|4\nh0 x0"),
    CASE("numbers under nothing", ",2\n3,4\n", "x1|x2\n1:|2\n2:3|4\nh0 x0"),
    CASE("a single number", "7", "x1\n1:7\nh0 x0"),
    CASE("a word above numbers", "id,1990,1991\nx,1,2\ny,3,4\n", "x1|x2|x3\n1:id|1990|1991\n2:x|1|2\n3:y|3|4\nh0 x0"),
    CASE("quoted numbers", "\"a\",\"b\"\n\"1\",\"2\"\n", "a|b\n2:\"1\"|\"2\"\nh1 x0"),
    CASE("missing numbers", "a,b\nNA,x\n1,y\n", "a|b\n2:NA|x\n3:1|y\nh1 x0"),
    CASE("words only", "a,b\nx,y\nz,w\n", "a|b\n2:x|y\n3:z|w\nh1 x0 assumed"),
    CASE("words that come again", "p,x\nq,x\np,y\n", "x1|x2\n1:p|x\n2:q|x\n3:p|y\nh0 x0"),
    CASE("header said", "1,2\n3,4\n", "1|2\n2:3|4\nh1 x0", .header = 1),
    CASE("no header said", "a,b\n3,4\n", "x1|x2\n1:a|b\n2:3|4\nh0 x0", .header = 2),
    CASE("headers again", "a,b\n1,2\na,b\n3,4\r\na,b\r\n5,6\n", "a|b\n2:1|2\n4:3|4\n6:5|6\nh3 x0"),
    CASE("semicolons", "a;b\n1,5;2\n2,5;3\n", "a|b\n2:1,5|2\n3:2,5|3\nh1 x0"),
    CASE("tabs", "a\tb\n1\t2,3\n", "a|b\n2:1|2,3\nh1 x0"),
    CASE("bars", "a|b\n1|2\n", "a|b\n2:1|2\nh1 x0"),
    CASE("commas with semicolons in some cells", "a,b\nx;y,1\nz,2\nu;v;w,3\n", "a|b\n2:x;y|1\n3:z|2\n4:u;v;w|3\nh1 x0"),
    CASE("commas in quotes", "a;b\n\"1,2,3\";4\n\"5,6\";7\n", "a|b\n2:\"1,2,3\"|4\n3:\"5,6\"|7\nh1 x0"),
    CASE("delimiter said", "a:b\n1:2,3\n", "a|b\n2:1|2,3\nh1 x0", .delim = ':'),
    CASE("a bad delimiter", "a:b\n1:2,3\n", "!-1 a delimiter is one ASCII character, no quote and no line end\n",
         .delim = '"'),
    CASE("tsv", "a,c\tb\n1\t2\n", "a,c|b\n2:1|2\nh1 x0", .tsv = true),
    CASE("kept columns", "id,a,b\nx,1,2\n", "id*|a|b*\n2:x|1|2\nh1 x0", .keep = {"id", "3"}),
    CASE("an unknown one", "id,a,b\nx,1,2\n", "!-1 memory:1: no column 'ID' to keep\n", .keep = {"ID"}),
    CASE("a number too large", "id,a,b\nx,1,2\n", "!-1 memory:1: no column '4' to keep\n", .keep = {"4"}),
    CASE("a first row that is bad", "\"a\"b,c\n1,2\n", "!-2 memory:1: text behind the closing quote of a cell\n"),
    CASE("a first quote left open", "\"a,b\n1,2\n", "!-2 memory:1: a quote is opened and never closed\n"),
};

/* ---- columns asked for by name ------------------------------------------------------------------------- */

#define XY .want = {"x", "y"}
static const struct test_case want_cases[] = {
    CASE("as it is", "x,y\n1,2\n", "x|y\n2:1|2\nh1 x0", XY),
    CASE("another order", "y,x\n1,2\n", "x|y\n2:2|1\nh1 x0", XY),
    CASE("quoted names", " \"y\" , x\n1,2\n", "x|y\n2:2|1\nh1 x0", XY),
    CASE("more columns", "a,y,b,x,c\n1,2,3,4,5\n", "x|y\n2:4|2\nh1 x3", XY),
    CASE("no header", "1,2\n3,4\n", "x|y\n1:1|2\n2:3|4\nh0 x0", XY),
    CASE("a header later", "1,2\n3,4\ny,x\n5,6\n", "x|y\n1:1|2\n2:3|4\n4:6|5\nh1 x0", XY),
    CASE("a wider header later", "1,2\ny,a,x\n5,6,7\n8,9\nx,y\n1,2\n",
         "x|y\n1:1|2\n3:7|5\n!-9 memory:4: expected 3 values, got 2; leave such rows out (--skip-bad)\n6:1|2\nh2 x1", XY),
    CASE("headers between", "x,y\n1,2\nx,y\n3,4\ny,x\n5,6\nx,y\n", "x|y\n2:1|2\n4:3|4\n6:6|5\nh4 x0", XY),
    CASE("header refused", "1,2\nx,y\n", "x|y\n1:1|2\n2:x|y\nh0 x0", XY, .header = 2),
    CASE("one missing", "x,z\n1,2\n", "!-2 memory:1: column 'y' is missing\n", XY),
    CASE("two missing", "z,x,a\n1,2\n", "!-2 memory:1: columns 'y', 'w' are missing\n", .want = {"x", "y", "w"}),
    CASE("a number besides a name is no header", "x,1\n1,2\n", "x|y\n1:x|1\n2:1|2\nh0 x0", XY),
    CASE("header said, names missing", "a,b\n1,2\n", "!-2 memory:1: columns 'x', 'y' are missing\n", XY, .header = 1),
    CASE("too many values", "1,2,3\n", "!-2 memory:1: expected 2 values or a row of column names, got 3 values\n", XY),
    CASE("one name twice", "x,y,x\n1,2,3\n", "!-2 memory:1: there are two columns 'x'\n", XY),
    CASE("the same value twice", "1,2\nx,x\n3,4\n", "x|y\n1:1|2\n2:x|x\n3:3|4\nh0 x0", XY),
    CASE("no rows", "", "!-2 memory: no data\n", XY),
    CASE("no rows, optional", "\n", "!-2 memory: no data\n", .want = {"x", "?id", "y"}),
    CASE("optional there", "id,y,x\na,1,2\n", "x|y|id*\n2:2|1|a\nh1 x0", .want = {"x", "y", "?id"}),
    CASE("optional not there", "y,x\n1,2\n", "x|y\n2:2|1\nh1 x0", .want = {"x", "y", "?id"}),
    CASE("optional by position", "1,2,a\n", "x|y|id*\n1:1|2|a\nh0 x0", .want = {"x", "y", "?id"}),
    CASE("optional not there by position", "1,2\n", "x|y\n1:1|2\nh0 x0", .want = {"x", "?id", "y"}),
    CASE("optional gone later", "id,y,x\na,1,2\ny,x\n", "x|y|id*\n2:2|1|a\n!-2 memory:3: column 'id' is missing\nh1 x0",
         .want = {"x", "y", "?id"}),
    CASE("keep another", "id,y,x\na,1,2\n", "x|y|id*\n2:2|1|a\nh1 x0", XY, .keep = {"id"}),
    CASE("keep by number", "id,y,x\na,1,2\nx,id,y\n3,b,4\n", "x|y|id*\n2:2|1|a\n4:3|4|b\nh2 x0", XY, .keep = {"1"}),
    CASE("keep a wanted one", "y,x\n1,2\n", "x*|y\n2:2|1\nh1 x0", XY, .keep = {"x"}),
    CASE("keep a wanted one by number", "y,x\n1,2\n", "x|y*\n2:2|1\nh1 x0", XY, .keep = {"1"}),
    CASE("keep by number, no header", "a,1,2\nb,3,4\n", "x|y|x1*\n1:1|2|a\n2:3|4|b\nh0 x0", XY, .keep = {"1"}),
    CASE("keep a wanted one by number, no header", "1,2\n", "x|y*\n1:1|2\nh0 x0", XY, .keep = {"2"}),
    CASE("keep what is not there", "y,x\n1,2\n", "!-1 memory:1: no column 'id' to keep\n", XY, .keep = {"id"}),
    CASE("keep by name without names", "1,2\n", "!-1 memory:1: no column 'id' to keep\n", XY, .keep = {"id"}),
    CASE("semicolons by names", "x;a,y;y\n1;2;3\n", "x|y\n2:1|3\nh1 x1", XY),
    CASE("semicolons by position", "1,5;2\n", "x|y\n1:1,5|2\nh0 x0", XY),
    CASE("a single column", "x\na,b\n", "x\n!-9 memory:2: expected 1 value, got 2; leave such rows out (--skip-bad)\nh1 x0", .want = {"x"}),
    CASE("a quoted line end in the header", "\"a;\nb\";x;y\n1;2;3\n", "x|y\n3:2|3\nh1 x1", XY),
};

static void run_cases(const struct test_case *c, size_t ncases) {
    for (; ncases-- > 0; c++) {
        bool optional[4] = {0};
        const char *want[4], *keep[3];
        struct stream_read_opts o = {.delim = c->delim, .header = c->header == 0 ? -1 : c->header == 1};
        for (; o.want.n < 4 && c->want[o.want.n]; o.want.n++) {
            optional[o.want.n] = c->want[o.want.n][0] == '?';
            want[o.want.n] = c->want[o.want.n] + optional[o.want.n];
        }
        for (; o.nkeep < 3 && c->keep[o.nkeep]; o.nkeep++)
            keep[o.nkeep] = c->keep[o.nkeep];
        o.want.names = (char *const *)(uintptr_t)want;
        o.want.optional = optional;
        o.keep = (char *const *)(uintptr_t)keep;
        size_t n = strlen(c->text);
        for (size_t rows = 0; rows <= 3; rows += rows + 1)
            for (size_t chunk = 0; chunk <= n; chunk++) {
                o.batch_rows = rows;
                char *got = dump(c->text, n, chunk, &o, c->tsv);
                CHECK(got && !strcmp(got, c->expect), "%s, chunk %zu, %zu rows: got\n%s\nnot\n%s", c->what, chunk, rows,
                      got, c->expect);
                free(got);
            }
    }
}

/* A text cut anywhere gives the same records up to the last that is whole, and at most one fault. */
static void test_truncation(void) {
    static const char text[] = "a,b\r\n1,\"x\"\"\r\ny\"\n22,z\r\n\n\"3\",\"\"\na,b\n4,w\n";
    struct stream_read_opts o = {.delim = ',', .header = 1};
    char *whole = dump(text, sizeof text - 1, 0, &o, false);
    for (size_t n = 1; n < sizeof text; n++) {
        char *first = dump(text, n, 0, &o, false), *copy = mem_text(text, n);
        char *again = dump(copy, n, 1, &o, false);
        CHECK(!strcmp(first, again), "cut at %zu: one byte at a time\n%s\nnot\n%s", n, again, first);
        size_t same = 0, lines = 0, left = 0;
        while (first[same] && first[same] == whole[same])
            lines += first[same++] == '\n';
        for (const char *p = first + same; *p; p++)
            left += *p == '\n';
        CHECK(left <= 1 && (n < 5 || lines >= 1), "cut at %zu:\n%s", n, first);
        free(first);
        free(again);
        free(copy);
    }
    free(whole);
}

static void test_nul(void) {
    static const char text[] = "a,b\n1,\0\n2,3\n\"\0\n\",4\n\0\n5,6\n7,8\0", head[] = "a\0,b\n1,2\n";
    static const char expect[] =
        "a|b\n!-9 memory:2: NUL byte in a text table\n3:2|3\n!-9 memory:4: NUL byte in a text table\n"
        "!-9 memory:6: NUL byte in a text table\n7:5|6\n!-9 memory:8: NUL byte in a text table\nh1 x0";
    struct stream_read_opts o = {.header = 1};
    for (size_t chunk = 0; chunk < sizeof text; chunk++) {
        char *got = dump(text, sizeof text - 1, chunk, &o, false);
        CHECK(!strcmp(got, expect), "chunk %zu: %s", chunk, got);
        free(got);
    }
    char *got = dump(head, sizeof head - 1, 0, &o, false);
    CHECK(!strcmp(got, "!-2 memory:1: NUL byte in a text table\n"), "%s", got);
    free(got);
}

/* ---- sizes ----------------------------------------------------------------------------------------------- */

/* "a,b\n1,2\n" CELL,2 "\n3,4\n" where the cell has n bytes; quoted ones hold delimiters and line ends. */
static char *with_cell(size_t n, bool quoted, size_t *size) {
    char *p = malloc(n + 32);
    size_t at = 8;
    memcpy(p, "a,b\n1,2\n", 8);
    memset(p + at, 'x', n);
    if (quoted) {
        p[at] = p[at + n - 1] = '"';
        for (size_t i = 1; i + 1 < n; i += 97)
            p[at + i] = i % 2 ? ',' : '\n';
    }
    memcpy(p + at + n, ",2\n3,4\n", 7);
    *size = at + n + 7;
    return p;
}

static void test_large_cells(void) {
    static const size_t sizes[] = {(1 << 20) - 9, 1 << 20, 3 << 20, CSV_CELL_MAX, CSV_CELL_MAX + 1, 40 << 20};
    for (size_t k = 0; k < 2 * sizeof sizes / sizeof *sizes; k++) {
        size_t n = sizes[k / 2], size, seen = 0;
        char *p = with_cell(n, k % 2, &size);
        struct stream_read_opts o = {.header = 1};
        struct vae_err err = {0};
        struct vae_batch b;
        struct source *src = source_memory(p, size, 65536);
        void *r = csv_open(src, &o, &err);
        int rows = 1;
        while (rows > 0 && (rows = csv_next(r, &b, &err)) > 0)
            for (size_t i = 0; i < b.rows; i++, seen++) {
                size_t len;
                const char *cell = rec_cell(&b.cols[0], i, &len);
                CHECK(len == (seen == 1 ? n : 1) && cell[0] == p[seen == 0   ? 4
                                                                 : seen == 1 ? 8
                                                                             : size - 4],
                      "row %zu has a cell of %zu bytes", seen, len);
            }
        if (n <= CSV_CELL_MAX)
            CHECK(rows == 0 && seen == 3, "a cell of %zu bytes: %d, %zu rows", n, rows, seen);
        else
            CHECK(rows == VAE_EDATA && seen == 1 && !strcmp(err.msg, "memory:3: a cell is longer than 16 MiB"),
                  "a cell of %zu bytes: %d, %zu rows, %s", n, rows, seen, err.msg);
        CHECK(rows == 0 || csv_next(r, &b, &err) == VAE_EDATA, "it went on");
        csv_close(r);
        source_close(src);
        free(p);
    }
}

/* Rows of many cells: in the limit, and beyond. */
static void test_wide_rows(void) {
    for (int over = 0; over <= 1; over++) {
        size_t cells = (size_t)(over ? 64 << 20 : 20 << 20) / 4 + 2, n = 4 * cells;
        char *p = malloc(2 * n);
        for (size_t i = 0; i < 2 * cells; i++)
            memcpy(p + 4 * i, i % cells == cells - 1 ? "123\n" : "123,", 4);
        struct stream_read_opts o = {.header = 0};
        struct vae_err err = {0};
        struct vae_batch b;
        struct source *src = source_memory(p, 2 * n, 1 << 16);
        void *r = csv_open(src, &o, &err);
        if (over) {
            CHECK(!r && !strcmp(err.msg, "memory:1: row longer than 64 MiB"), "%s", err.msg);
        } else {
            int rows = r ? 0 : -1;
            for (int k = 1; r && k > 0; rows += k)
                k = csv_next(r, &b, &err);
            CHECK(rows == 2, "%d rows, %s", rows, err.msg);
            csv_close(r);
        }
        source_close(src);
        free(p);
    }
}

/* Many rows through a small number of buffers, against a count made here. */
static void test_many_rows(void) {
    struct buf b = {0};
    size_t n = 60000, seen = 0, wrong = 0;
    buf_put(&b, "i,t\n", 4, NULL);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, NULL, i % 3 ? "%zu,\"t,%zu\"\n" : "%zu,%zu\r\n", i, i * i);
    struct stream_read_opts o = {.header = -1, .batch_rows = 1000};
    struct vae_batch batch;
    struct vae_err err = {0};
    struct source *src = source_memory(b.p, b.n, 7777);
    void *r = csv_open(src, &o, &err);
    while (csv_next(r, &batch, &err) > 0)
        for (size_t i = 0; i < batch.rows; i++, seen++) {
            char expect[64], at[64];
            size_t len;
            const char *cell = rec_cell(&batch.cols[1], i, &len);
            snprintf(expect, sizeof expect, seen % 3 ? "\"t,%zu\"" : "%zu", seen * seen);
            csv_where(r, i, at);
            wrong += len != strlen(expect) || memcmp(cell, expect, len) != 0 || strtoul(at, NULL, 10) != seen + 2;
        }
    CHECK(seen == n && wrong == 0, "%zu rows, %zu wrong", seen, wrong);
    csv_close(r);
    source_close(src);
    buf_free(&b);
}

/* ---- writing --------------------------------------------------------------------------------------------- */

/* A table, read and written again; NULL where that failed. */
static char *rewrite(const char *text, const struct stream_read_opts *o, const struct stream_format *to,
                     const struct vae_out_opts *out) {
    struct vae_err err = {0};
    struct source *src = source_memory(text, strlen(text), 0);
    struct sink *sink = sink_memory();
    void *r = csv_open(src, o, &err), *w = r ? to->create(sink, csv_head(r), out, &err) : NULL;
    struct vae_batch b;
    int n = w ? 1 : -1;
    while (n > 0 && (n = csv_next(r, &b, &err)) > 0)
        if (to->put(w, &b, &err) < 0)
            n = -1;
    if (w && to->finish && to->finish(w, 0, &err) < 0)
        n = -1;
    sink_flush(sink, &err);
    size_t size;
    const unsigned char *p = sink_bytes(sink, &size);
    char *copy = n < 0 ? NULL : mem_text((const char *)p, size);
    to->destroy(w);
    csv_close(r);
    sink_close(sink, true, &err);
    source_close(src);
    return copy;
}

static void test_round_trip(void) {
    static const char *const same[] = {
        "a,b\n1,2\n3,4\n",
        "a;b\r\n1,5;2\r\n\"x;y\";\"\"\"\"\r\n",
        "a\tb\nx,y\t5\" pipe\n \tz \n",
        "1,2\n3,4\n",
        "a\n1\n\"\"\n2\n",
        "\"x,1\",\" y\",\"\"\"z\"\n1,2,3\n\"two\r\nlines\",,NA\n",
        "a,b\n\xff,1\n",
    };
    struct stream_read_opts o = {.header = -1};
    struct vae_out_opts out = {.header = -1};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char *got = rewrite(same[i], &o, strchr(same[i], '\t') ? &stream_tsv : &stream_csv, &out);
        CHECK(got && !strcmp(got, same[i]), "got\n%s\nnot\n%s", got, same[i]);
        free(got);
    }
    char *got = rewrite("a;b\n1,5;2\n\"x,y\";\"p;\"\"q\"\n", &o, &stream_csv,
                        &(struct vae_out_opts){.header = -1, .delim = ','});
    CHECK(got && !strcmp(got, "a,b\n\"1,5\",2\n\"x,y\",\"p;\"\"q\"\n"), "other delimiter: %s", got);
    free(got);
    got = rewrite("a\tb\n1,5\t2\n", &o, &stream_csv, &(struct vae_out_opts){.header = 0});
    CHECK(got && !strcmp(got, "\"1,5\",2\n"), "tsv to csv: %s", got);
    free(got);
    static const char *const names[] = {"y", "x"};
    o.want = (struct stream_want){.n = 2, .names = (char *const *)(uintptr_t)names};
    got = rewrite("x,a,y\n1,2,3\n", &o, &stream_csv, &out);
    CHECK(got && !strcmp(got, "x,y\n1,3\n"), "the order of the file: %s", got);
    free(got);
}

static char *written(const struct vae_head *head, const struct vae_batch *b, const struct vae_out_opts *o) {
    struct vae_err err = {0};
    struct sink *sink = sink_memory();
    void *w = csv_create(sink, head, o, &err);
    size_t n;
    CHECK(w && csv_put(w, b, &err) == 0 && csv_finish(w, 0, &err) == 0 && sink_flush(sink, &err) == 0, "%s", err.msg);
    const unsigned char *p = sink_bytes(sink, &n);
    char *copy = mem_text((const char *)p, n);
    csv_destroy(w);
    sink_close(sink, true, &err);
    return copy;
}

static void test_numbers(void) {
    struct vae_head *h = rec_head_new("latent", NULL);
    rec_head_add(h, "id", REC_UTF8, 0, NULL, NULL);
    rec_head_add(h, "mu", REC_F32, 1, (size_t[]){2}, NULL);
    rec_head_add(h, "sd", REC_F64, 1, (size_t[]){1}, NULL);
    rec_head_add(h, "code", REC_I32, 1, (size_t[]){2}, NULL);
    rec_head_add(h, "n", REC_U8, 0, NULL, NULL)->decimals = 2;
    rec_head_add(h, "cost", REC_F64, 0, NULL, NULL)->decimals = 2;
    static const char text[] = "abxy\"q,r";
    static const uint32_t at[] = {0, 4, 8};
    static const float mu[] = {0.1f, -2, NAN, 1e30f};
    static const double sd[] = {0.25, 1.0 / 3}, cost[] = {1.005, -0.001};
    static const int32_t code[] = {INT32_MIN, 7, 0, -1};
    static const uint8_t u[] = {0, 255};
    struct rec_col cols[] = {{.text = text, .begin = at, .end = at + 1, .stride = 1},
                             {.data = mu},
                             {.data = sd},
                             {.data = code},
                             {.data = u},
                             {.data = cost}};
    struct vae_batch b = {.rows = 2, .nfields = 6, .cols = cols};
    char *got = written(h, &b, &(struct vae_out_opts){.header = -1});
    const char *expect = "id,z1,z2,sd1,code1,code2,n,cost\n"
                         "abxy,0.1,-2,0.25,-2147483648,7,0,1.00\n\"\"\"q,r\",,1e30,0.3333333333333333,0,-1,255,0.00\n";
    CHECK(!strcmp(got, expect), "got\n%s\nnot\n%s", got, expect);
    free(got);
    rec_head_free(h);

    h = rec_head_new("data", NULL);
    rec_head_add(h, "v", REC_F64, 0, NULL, NULL);
    b = (struct vae_batch){.rows = 2, .nfields = 1, .cols = &(struct rec_col){.data = (double[]){NAN, 1}}};
    got = written(h, &b, &(struct vae_out_opts){.header = 1});
    CHECK(!strcmp(got, "v\n\"\"\n1\n"), "a missing number alone: %s", got);
    free(got);
    rec_head_free(h);
}

/* Raw cells from elsewhere cannot break a table. */
static void test_hostile_cells(void) {
    static const char *const cells[][2] = {{"\"a\"", "\"a\""},
                                           {"\"a,b", "\"\"\"a,b\""},
                                           {"\"a\"b\"", "\"\"\"a\"\"b\"\"\""},
                                           {"a\nb", "\"a\nb\""},
                                           {"\"", "\"\"\"\""},
                                           {"5\" x", "5\" x"},
                                           {"", ""}};
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "a", REC_UTF8, 0, NULL, NULL);
    rec_head_add(h, "b", REC_UTF8, 0, NULL, NULL);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        uint32_t at[2] = {0, (uint32_t)strlen(cells[i][0])};
        struct rec_col c = {.text = cells[i][0], .begin = at, .end = at + 1, .stride = 1};
        struct vae_batch b = {.rows = 1, .nfields = 2, .cols = (struct rec_col[]){c, c}, .quoted = true};
        char expect[64], *got = written(h, &b, &(struct vae_out_opts){.header = 0});
        snprintf(expect, sizeof expect, "%s,%s\n", cells[i][1], cells[i][1]);
        CHECK(!strcmp(got, expect), "got %s not %s", got, expect);
        free(got);
    }
    rec_head_free(h);
}

int main(void) {
    run_cases(plain_cases, sizeof plain_cases / sizeof *plain_cases);
    run_cases(want_cases, sizeof want_cases / sizeof *want_cases);
    test_truncation();
    test_nul();
    test_large_cells();
    test_wide_rows();
    test_many_rows();
    test_round_trip();
    test_numbers();
    test_hostile_cells();
    return test_done();
}
