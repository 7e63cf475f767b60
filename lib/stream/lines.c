/* lines.c - see lines.h. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "stream/lines.h"

enum { READ = 1 << 16 };

size_t lines_end(struct lines *l) {
    const char *p = l->bytes.n > l->looked ? memchr(l->bytes.p + l->looked, '\n', l->bytes.n - l->looked) : NULL;
    l->looked = p ? (size_t)(p - l->bytes.p) : l->bytes.n;
    return p || (l->eof && l->bytes.n > l->at) ? l->looked : SIZE_MAX;
}

void lines_pass(struct lines *l, size_t end) {
    l->at = l->looked = end < l->bytes.n ? end + 1 : end;
    l->number++;
}

static int more(struct lines *l, struct vae_err *err) {
    int rc = buf_reserve(&l->bytes, READ, err);
    long got = rc ? rc : source_read(l->src, l->bytes.p + l->bytes.n, READ, err);
    if (got < 0)
        return (int)got;
    l->eof = got == 0;
    l->bytes.n += (size_t)got;
    return 0;
}

/* With as little of it in memory as can be. */
static int skip_long(struct lines *l, struct vae_err *err) {
    char place[160];
    while (lines_end(l) == SIZE_MAX && !l->eof) {
        l->at = l->looked = l->bytes.n = 0;
        int rc = more(l, err);
        if (rc < 0)
            return rc;
    }
    int rc = err_set(err, VAE_EROW, "%s: a line is longer than 16 MiB", lines_place(l, place));
    lines_pass(l, l->looked);
    return rc;
}

int lines_fill(struct lines *l, struct vae_err *err) {
    if (l->at) {
        memmove(l->bytes.p, l->bytes.p + l->at, l->bytes.n - l->at);
        l->bytes.n -= l->at, l->looked -= l->at, l->at = 0;
    }
    return l->bytes.n > LINES_MAX_BYTES ? skip_long(l, err) : more(l, err);
}

const char *lines_place(const struct lines *l, char out[160]) {
    snprintf(out, 160, "%s:%llu", source_name(l->src), (unsigned long long)l->number);
    return out;
}

void lines_free(struct lines *l) {
    buf_free(&l->bytes);
}
