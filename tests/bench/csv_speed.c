/* csv_speed.c - a numeric table in memory to cells, and to numbers: MB per second of processor time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/num.h"
#include "stream/format.h"

enum { COLUMNS = 10, SIZE = 200 << 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Rows of numbers with 5 digits behind the point, some SIZE bytes of them. */
static size_t make_table(char *p) {
    size_t n = 0;
    uint64_t x = 1;
    while (n < SIZE - COLUMNS * 16)
        for (int j = 0; j < COLUMNS; j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            double v = ((double)(x >> 40) / (1 << 24) - 0.5) * 100;
            n += num_put_fixed(p + n, v, 5);
            p[n++] = j == COLUMNS - 1 ? '\n' : ',';
        }
    return n;
}

/* Seconds to read it all; *sum of the numbers if `parse`. */
static double run(const char *p, size_t n, bool parse, double *sum, struct vae_err *err) {
    double start = now();
    struct source *src = source_memory(p, n, 0);
    struct stream_read_opts opts = {.header = 0};
    void *r = stream_csv.open(src, &opts, err);
    struct vae_batch b;
    int rows = r ? 1 : -1;
    *sum = 0;
    while (rows > 0 && (rows = stream_csv.next(r, &b, err)) > 0)
        for (size_t i = 0; parse && i < b.rows; i++)
            for (size_t j = 0; j < b.nfields; j++) {
                size_t len;
                double v;
                const char *cell = rec_cell(&b.cols[j], i, &len);
                if (num_parse(cell, len, &v) == NUM_NUMBER)
                    *sum += v;
            }
    if (r)
        stream_csv.close(r);
    source_close(src);
    return rows < 0 ? -1 : now() - start;
}

int main(void) {
    char *p = malloc(SIZE);
    struct vae_err err = {0};
    double sum;
    if (!p)
        return 1;
    size_t n = make_table(p);
    for (int parse = 0; parse <= 1; parse++) {
        double s = run(p, n, parse, &sum, &err);
        if (s < 0) {
            fprintf(stderr, "csv_speed: %s\n", err.msg);
            return 1;
        }
        printf("%s: %.0f MB/s (sum %g)\n", parse ? "cells and numbers" : "cells", (double)n / s * 1e-6, sum);
    }
    free(p);
    return 0;
}
