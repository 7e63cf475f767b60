/* fuzz_text.c - any bytes as lines of text, with labels and without; and as one line, symbol by symbol and back. */
#include <math.h>

#include "fuzz_stream.h"
#include "schema/levels.h"
#include "schema/line.h"

enum { PLACES = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What a line is read as is what its text is read as, but for symbols that have no name and those beyond. */
static void one_line(const char *p, size_t n, unsigned how) {
    struct schema_col c = {.name = (char *)(uintptr_t) "line", .kind = SCHEMA_LINE, .width = PLACES + 1, .bytes = how & 1, .mask = how & 2};
    double raw[PLACES + 1], again[PLACES + 1];
    struct vae_err err = {0};
    struct buf out = {0};
    levels_add(&c.levels, "0", 1, NULL), levels_add(&c.levels, "\"", 1, NULL), levels_add(&c.levels, "a", 1, NULL);
    int r = line_read(&c, p, n, how & 4, raw, &err);
    if (r && (r != VAE_EROW || !err.msg[0]))
        __builtin_trap();
    bool named = !r && isnan(raw[PLACES]);
    for (size_t i = 0; i < PLACES && named; i++)
        named = !(fabs(raw[i] - (double)line_other(&c)) < .5);
    if (!r && line_put(&c, raw, &out, NULL))
        __builtin_trap();
    if (named && (line_read(&c, out.p, out.n, false, again, NULL) || memcmp(raw, again, PLACES * sizeof *raw)))
        __builtin_trap();
    schema_levels_free(&c.levels), buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_text, p, n, 0);
    fuzz_read(&stream_text, p, n, 3);
    for (unsigned how = 0; how < 8; how++)
        one_line((const char *)p, n, how);
    return 0;
}
