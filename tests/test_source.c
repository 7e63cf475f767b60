/* test_source.c - bytes in and out: gzip whole, cut and damaged, peeking, idle pipes, files that appear when whole. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "stream/sink.h"
#include "stream/source.h"
#include "test.h"

/* Appends text as a gzip member. */
static void gzip_put(struct buf *b, const char *p, size_t n) {
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    buf_reserve(b, deflateBound(&z, n) + 64, NULL);
    z.next_in = (Bytef *)(size_t)p;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)b->p + b->n;
    z.avail_out = (uInt)(b->cap - b->n);
    deflate(&z, Z_FINISH);
    b->n += z.total_out;
    deflateEnd(&z);
}

/* Reads all, `step` bytes at a time, after peeking for `peek`. The code it ended with, 0 at the end. */
static int slurp(struct source *s, size_t step, size_t peek, struct buf *out, struct vae_err *err) {
    const unsigned char *p;
    long n = peek ? source_peek(s, peek, &p, err) : 1;
    out->n = 0;
    while (n > 0) {
        buf_reserve(out, step, NULL);
        n = source_read(s, out->p + out->n, step, err);
        if (n > 0)
            out->n += (size_t)n;
    }
    return (int)n;
}

static int slurp_memory(const void *p, size_t n, size_t chunk, size_t step, struct buf *out, struct vae_err *err) {
    *err = (struct vae_err){0};
    struct source *s = source_memory(p, n, chunk);
    int rc = slurp(s, step, n % 3 ? chunk : 0, out, err);
    source_close(s);
    return rc;
}

static void test_gzip(void) {
    struct buf text = {0}, gz = {0}, out = {0};
    struct vae_err err;
    for (int i = 0; i < 40; i++)
        buf_printf(&text, NULL, "%d,%d\n", i, i * i * 7919 % 1000);
    gzip_put(&gz, text.p, 100);
    gzip_put(&gz, "", 0);
    size_t second = gz.n;
    gzip_put(&gz, text.p + 100, text.n - 100);
    for (size_t chunk = 0; chunk <= gz.n; chunk++)
        for (size_t step = 1; step < 600; step = step * 5 + 2) {
            int rc = slurp_memory(gz.p, gz.n, chunk, step, &out, &err);
            CHECK(rc == 0 && out.n == text.n && !memcmp(out.p, text.p, out.n), "chunk %zu, step %zu: %s", chunk, step,
                  err.msg);
        }
    for (size_t n = 1; n < gz.n; n++)
        for (size_t chunk = 0; chunk < 3; chunk++) {
            char *cut = malloc(n); /* its own block: reading beyond is seen */
            memcpy(cut, gz.p, n);
            int rc = slurp_memory(cut, n, chunk, 50, &out, &err);
            bool prefix = out.n <= text.n && !memcmp(out.p ? out.p : "", text.p, out.n);
            if (n == second) /* whole members */
                CHECK(rc == 0 && out.n == 100, "%d %s", rc, err.msg);
            else if (n > 60 && n < second && rc == 0) /* between the first and the empty one */
                CHECK(out.n == 100 && (unsigned char)gz.p[n] == 0x1f, "cut at %zu passes", n);
            else
                CHECK(rc == VAE_EDATA && prefix && !strcmp(err.msg, "memory: gzip data ends early"),
                      "cut at %zu: %d %s", n, rc, err.msg);
            free(cut);
        }
    for (size_t i = 10; i < gz.n; i++) { /* damage is found, or was in a byte without meaning (time, system) */
        gz.p[i] ^= 0x40;
        int rc = slurp_memory(gz.p, gz.n, 0, 4096, &out, &err);
        bool same = rc == 0 && out.n == text.n && !memcmp(out.p, text.p, out.n);
        CHECK(rc == VAE_EDATA || same, "damage at %zu: %d %s", i, rc, err.msg);
        gz.p[i] ^= 0x40;
    }
    for (size_t chunk = 0; chunk < 4; chunk++) {
        size_t n = gz.n;
        buf_put(&gz, "garbage", 7, NULL);
        int rc = slurp_memory(gz.p, gz.n, chunk, 100, &out, &err);
        CHECK(rc == VAE_EDATA && out.n == text.n && !strcmp(err.msg, "memory: garbage behind the gzip data"), "%d %s",
              rc, err.msg);
        gz.n = n;
    }
    buf_free(&text);
    buf_free(&gz);
    buf_free(&out);
}

static void test_plain(void) {
    static const char text[] = "\x1f no gzip, though it starts with the first byte of one";
    struct buf out = {0};
    struct vae_err err = {0};
    for (size_t n = 0; n < sizeof text; n++)
        for (size_t chunk = 0; chunk < 5; chunk++) {
            int rc = slurp_memory(text, n, chunk, 7, &out, &err);
            if (n == 1)
                CHECK(rc == VAE_EDATA, "a cut gzip file: %d", rc);
            else
                CHECK(rc == 0 && out.n == n && !memcmp(out.p ? out.p : "", text, n), "%zu bytes, chunk %zu: %s", n,
                      chunk, err.msg);
        }
    buf_free(&out);
}

static void test_peek(void) {
    struct buf text = {0}, gz = {0};
    struct vae_err err = {0};
    const unsigned char *p;
    for (int i = 0; text.n < 3 * SOURCE_PEEK; i++)
        buf_printf(&text, NULL, "%d\n", i);
    gzip_put(&gz, text.p, text.n);
    for (int zipped = 0; zipped <= 1; zipped++) {
        const struct buf *b = zipped ? &gz : &text;
        struct source *s = source_memory(b->p, b->n, 10);
        char part[100];
        for (size_t least = 1; least <= 2 * SOURCE_PEEK; least *= 2) {
            long n = source_peek(s, least, &p, &err);
            size_t need = least < SOURCE_PEEK ? least : SOURCE_PEEK;
            CHECK(n >= (long)need && n <= SOURCE_PEEK && !memcmp(p, text.p, (size_t)n), "peek %zu: %ld", least, n);
        }
        CHECK(source_exact(s, part, 100, &err) == 1 && !memcmp(part, text.p, 100), "%s", err.msg);
        long n = source_peek(s, SOURCE_PEEK, &p, &err);
        CHECK(n == SOURCE_PEEK && !memcmp(p, text.p + 100, (size_t)n), "peek behind a read: %ld", n);
        source_close(s);
    }
    struct source *s = source_memory("abc", 3, 0);
    char part[4];
    CHECK(source_peek(s, 10, &p, &err) == 3, "peek at less");
    CHECK(source_exact(s, part, 2, &err) == 1 && source_exact(s, part, 2, &err) == VAE_EDATA, "exact");
    CHECK(source_exact(s, part, 2, &err) == 0 && source_read(s, part, 2, &err) == 0, "the end");
    source_close(s);
    buf_free(&text);
    buf_free(&gz);
}

/* Idle: what was written came out, and nothing more is there. */
static void test_idle(void) {
    static const char text[] = "one\ntwo\n";
    struct buf gz = {0};
    z_stream z = {0}; /* with a flush in between, as a live compressor would do it */
    unsigned char packed[256];
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(size_t)text;
    z.avail_in = 8;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    deflate(&z, Z_SYNC_FLUSH);
    size_t half = z.total_out;
    deflate(&z, Z_FINISH);
    buf_put(&gz, packed, z.total_out, NULL);
    deflateEnd(&z);
    for (int zipped = 0; zipped <= 1; zipped++) {
        int fd[2];
        struct vae_err err = {0};
        char name[64], part[16];
        CHECK(pipe(fd) == 0, "pipe");
        snprintf(name, sizeof name, "/dev/fd/%d", fd[0]);
        struct source *s = source_open(name, &err);
        CHECK(s && source_idle(s), "nothing was written: %s", err.msg);
        ssize_t put = zipped ? write(fd[1], gz.p, half) : write(fd[1], text, 8);
        CHECK(put > 0 && !source_idle(s), "something was written");
        CHECK(source_exact(s, part, 5, &err) == 1 && !source_idle(s), "there is a rest");
        CHECK(source_exact(s, part, 3, &err) == 1 && !memcmp(part, "wo\n", 3) && source_idle(s), "all was read");
        if (zipped)
            put = write(fd[1], gz.p + half, gz.n - half);
        close(fd[1]);
        CHECK(!source_idle(s) && source_read(s, part, 1, &err) == 0, "the end: %s", err.msg);
        close(fd[0]);
        source_close(s);
    }
    buf_free(&gz);
}

static void test_open(const char *dir) {
    struct vae_err err = {0};
    CHECK(!source_open("no/such/file", &err) && err.code == VAE_ENOINPUT && strstr(err.msg, "no/such/file: "), "%s",
          err.msg);
    CHECK(!source_open(dir, &err) && err.code == VAE_ENOINPUT && strstr(err.msg, "is a directory"), "%s", err.msg);
}

/* ---- sinks ----------------------------------------------------------------------------------------------- */

static void slurp_file(const char *path, struct buf *out) {
    struct vae_err err = {0};
    struct source *s = source_open(path, &err);
    out->n = 0;
    if (s)
        CHECK(slurp(s, 1000, 0, out, &err) == 0, "%s", err.msg);
    source_close(s);
}

static void test_files(const char *dir) {
    static const char *const names[] = {"plain", "packed.gz"};
    struct buf out = {0}, text = {0};
    for (size_t i = 0; i < 40000; i++)
        buf_printf(&text, NULL, "%zu\n", i * i);
    for (size_t k = 0; k < 2; k++) {
        char path[256];
        struct vae_err err = {0};
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", dir, names[k]);
        struct sink *s = sink_open(path, 6, &err);
        CHECK(s && sink_is_pipe(s) == (k == 1) && !sink_is_tty(s), "%s", err.msg);
        for (size_t at = 0, n = 1; at < text.n; at += n, n = n * 3 % 100003)
            CHECK(sink_write(s, text.p + at, n < text.n - at ? n : text.n - at, &err) == 0, "%s", err.msg);
        CHECK(sink_flush(s, &err) == 0 && stat(path, &st) < 0, "it has its name before it is whole");
        CHECK(sink_close(s, true, &err) == 0 && stat(path, &st) == 0 && (k == 1) == (st.st_size < (off_t)text.n), "%s",
              err.msg);
        slurp_file(path, &out);
        CHECK(out.n == text.n && !memcmp(out.p, text.p, text.n), "%s: %zu bytes", path, out.n);
        s = sink_open(path, 6, &err); /* a failure leaves the old one */
        CHECK(sink_write(s, "x", 1, &err) == 0 && sink_close(s, false, &err) == 0, "%s", err.msg);
        slurp_file(path, &out);
        CHECK(out.n == text.n, "%s changed", path);
        unlink(path);
    }
    struct vae_err err = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/no/dir", dir);
    CHECK(!sink_open(path, 0, &err) && err.code == VAE_ECREATE, "%d %s", err.code, err.msg);
    buf_free(&out);
    buf_free(&text);
}

/* Bytes patched in memory, in a file, in a gzip file by way of a spool. */
static void test_patch(const char *dir) {
    static const char *const names[] = {NULL, "plain", "packed.gz"};
    for (size_t k = 0; k < 3; k++) {
        char path[256];
        struct vae_err err = {0};
        struct buf out = {0};
        snprintf(path, sizeof path, "%s/%s", dir, k ? names[k] : "");
        struct sink *s = k ? sink_open(path, 1, &err) : sink_memory();
        CHECK(s && sink_spool(s, &err) == 0 && sink_write(s, "0123456789", 10, &err) == 0, "%s", err.msg);
        CHECK(sink_patch(s, 2, "xyz", 3, &err) == 0 && sink_write(s, "ab", 2, &err) == 0, "%s", err.msg);
        CHECK(sink_patch(s, 11, "uv", 2, &err) == VAE_EUSAGE, "patched beyond the end");
        if (k == 0) {
            CHECK(sink_flush(s, &err) == 0, "%s", err.msg);
            size_t n;
            const unsigned char *p = sink_bytes(s, &n);
            buf_put(&out, p, n, NULL);
        }
        CHECK(sink_close(s, true, &err) == 0, "%s", err.msg);
        if (k)
            slurp_file(path, &out);
        CHECK(out.n == 12 && !memcmp(out.p, "01xyz56789ab", 12), "%.*s", (int)out.n, out.p);
        unlink(path);
        buf_free(&out);
    }
}

/* In a child, with standard output as `how` makes it: 0 closed, 1 /dev/full, 2 a pipe that is patched. */
static int child(int how, int to) {
    struct vae_err err = {0};
    if (how == 0)
        close(STDOUT_FILENO);
    else
        dup2(how == 1 ? open("/dev/full", O_WRONLY) : to, STDOUT_FILENO);
    struct sink *s = sink_open("-", 0, &err);
    if (how == 0)
        return s || err.code != VAE_EIO || strcmp(err.msg, "standard output: bad file descriptor") != 0;
    if (!s)
        return 1;
    if (how == 1) {
        int rc = sink_write(s, "x", 1, &err);
        return rc || sink_flush(s, &err) != VAE_EIO ||
               strcmp(err.msg, "standard output: no space left on device") != 0 || sink_close(s, true, &err) != VAE_EIO;
    }
    return !sink_is_pipe(s) || sink_patch(s, 0, "x", 1, &err) != VAE_EUSAGE || sink_write(s, "ab", 2, &err) ||
           sink_spool(s, &err) || sink_write(s, "cdef", 4, &err) || sink_patch(s, 1, "x", 1, &err) != VAE_EUSAGE ||
           sink_patch(s, 3, "X", 1, &err) || sink_close(s, true, &err);
}

static void test_stdout(void) {
    for (int how = 0; how < 3; how++) {
        int fd[2], status = -1;
        char got[16] = "";
        CHECK(pipe(fd) == 0, "pipe");
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            _exit(child(how, fd[1]));
        close(fd[1]);
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "case %d", how);
        if (how == 2)
            CHECK(read(fd[0], got, sizeof got) == 6 && !memcmp(got, "abcXef", 6), "%s", got);
        close(fd[0]);
    }
}

int main(void) {
    char dir[] = P_tmpdir "/vae-test-XXXXXX";
    if (!mkdtemp(dir))
        return 1;
    test_gzip();
    test_plain();
    test_peek();
    test_idle();
    test_open(dir);
    test_files(dir);
    test_patch(dir);
    test_stdout();
    rmdir(dir);
    return test_done();
}
