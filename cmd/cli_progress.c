/* cli_progress.c - how far training is: one line that is rewritten in place, or a line for each point of the curve. */
#include "cli.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REDRAW_MS = 100 };

static struct {
    const char *stage;            /* NULL before the first */
    bool tty;
    struct timespec begun, drawn; /* the stage; the line */
    struct vae_progress point;    /* the last point of the curve */
    int width;                    /* of the line that stands there now */
} line;

static double seconds(struct timespec from, struct timespec to) {
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* Appends to text[size]; returns the new length. */
__attribute__((format(printf, 4, 5))) static size_t add(char *text, size_t size, size_t at, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text + at, size - at, fmt, ap);
    va_end(ap);
    return n < 0 || (size_t)n >= size - at ? size - 1 : at + (size_t)n;
}

static void describe(const struct vae_progress *p, double elapsed, char *text, size_t size) {
    size_t n = add(text, size, 0, "%s", p->stage);
    if (p->total)
        n = add(text, size, n, " %3.0f %%", 100 * (double)p->done / (double)p->total);
    else if (p->done)
        n = add(text, size, n, " %llu rows", (unsigned long long)p->done);
    if (line.point.point && line.point.total == p->total) {
        n = add(text, size, n, "  step %zu  ELBO %.2f", p->step, line.point.elbo);
        if (isfinite(line.point.valid))
            n = add(text, size, n, "  held out %.2f", -line.point.valid);
    }
    if (p->total && p->done > p->from && p->done < p->total) {
        double left = elapsed * (double)(p->total - p->done) / (double)(p->done - p->from);
        n = add(text, size, n, "  %.0f:%02.0f left", floor(left / 60), floor(fmod(left, 60)));
    }
}

void cli_progress(const struct vae_progress *p) {
    struct timespec now;
    char text[256];
    bool new_stage = !line.stage || strcmp(line.stage, p->stage) != 0;
    if (!line.stage)
        line.tty = isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (p->point)
        line.point = *p;
    if (new_stage)
        line.begun = now;
    if (!new_stage && (line.tty ? seconds(line.drawn, now) * 1000 < REDRAW_MS : !p->point))
        return;
    line.stage = p->stage;
    line.drawn = now;
    describe(p, seconds(line.begun, now), text, sizeof text);
    if (line.tty)
        fprintf(stderr, "\r%-*s", line.width, text); /* blanks over the rest of a longer line */
    else
        cli_note("%s", text);
    line.width = line.tty ? (int)strlen(text) : 0;
    fflush(stderr);
}

void cli_progress_clear(void) {
    if (line.width)
        fprintf(stderr, "\r%*s\r", line.width, "");
    line.width = 0;
    fflush(stderr);
}
