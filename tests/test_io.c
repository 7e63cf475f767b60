/* test_io.c - a name holds the old file or the new one, whole, and nothing else is left behind. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "test.h"

static bool named; /* as if there was no O_TMPFILE */

/* In place of the C library's. */
int access(const char *path, int how) {
    if (named && !strcmp(path, "/proc/self/fd"))
        return -1;
    return faccessat(AT_FDCWD, path, how, 0);
}

static char root[] = "/tmp/test_io.XXXXXX";

/* How many entries the directory has. */
static int entries(void) {
    DIR *d = opendir(".");
    int n = -2;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static bool holds(const char *path, const char *want) {
    char text[64];
    struct vae_err e;
    int fd = open(path, O_RDONLY);
    long n = fd < 0 ? -1 : io_read(fd, text, sizeof text, path, &e);
    close(fd);
    return n == (long)strlen(want) && memcmp(text, want, (size_t)n) == 0;
}

static mode_t mode(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

/* Replaces path; 0 or the error of any step. */
static int put(const char *path, const char *text, struct vae_err *e) {
    struct io_replace *r = io_replace_open(path, e);
    if (!r)
        return e->code;
    int rc = io_write(io_replace_fd(r), text, strlen(text), path, e);
    if (rc == 0)
        return io_replace_commit(r, e);
    io_replace_abandon(r);
    return rc;
}

static void test_replace(void) {
    struct vae_err e = {0};
    umask(027);
    CHECK(put("new", "first", &e) == 0 && holds("new", "first") && mode("new") == 0640, "%s, %o", e.msg, mode("new"));
    chmod("new", 0604);
    CHECK(put("new", "second", &e) == 0 && holds("new", "second") && mode("new") == 0604, "%s, %o", e.msg, mode("new"));
    CHECK(entries() == 1, "%d entries", entries());
    struct io_replace *r = io_replace_open("new", &e);
    CHECK(r && io_write(io_replace_fd(r), "third", 5, "new", &e) == 0, "%s", e.msg);
    CHECK(holds("new", "second"), "changed before the commit");
    io_replace_abandon(r);
    CHECK(holds("new", "second") && entries() == 1, "changed by abandoning");
    /* A file that appears while another is written is replaced as well. */
    r = io_replace_open("late", &e);
    CHECK(r && io_write(io_replace_fd(r), "mine", 4, "late", &e) == 0, "%s", e.msg);
    CHECK(put("late", "theirs", &e) == 0 && holds("late", "theirs"), "%s", e.msg);
    CHECK(io_replace_commit(r, &e) == 0 && holds("late", "mine") && entries() == 2, "%s", e.msg);
    unlink("late");
    io_replace_abandon(NULL);
}

static void test_links(void) {
    struct vae_err e = {0};
    struct stat st;
    mkdir("dir", 0777);
    CHECK(symlink("dir/target", "link") == 0 && symlink("link", "link2") == 0 && symlink("loop", "loop") == 0, "links");
    CHECK(put("link2", "one", &e) == 0 && holds("dir/target", "one"), "a dangling link: %s", e.msg);
    CHECK(put("link2", "two", &e) == 0 && holds("dir/target", "two"), "a link: %s", e.msg);
    CHECK(lstat("link2", &st) == 0 && S_ISLNK(st.st_mode) && lstat("link", &st) == 0 && S_ISLNK(st.st_mode),
          "a link is gone");
    CHECK(put("loop", "x", &e) == VAE_ECREATE, "a loop of links");
    unlink("dir/target");
    rmdir("dir");
    unlink("link");
    unlink("link2");
    unlink("loop");
}

static void test_refused(void) {
    struct vae_err e = {0};
    CHECK(put("none/file", "x", &e) == VAE_ECREATE && strstr(e.msg, "no such file"), "%s", e.msg);
    CHECK(put(".", "x", &e) == VAE_ECREATE && strstr(e.msg, "is a directory"), "%s", e.msg);
    CHECK(put("", "x", &e) == VAE_ECREATE, "an empty name");
    CHECK(put("file/", "x", &e) == VAE_ECREATE, "a name that ends in /");
    CHECK(put("new/file", "x", &e) == VAE_ECREATE && strstr(e.msg, "not a directory"), "%s", e.msg);
    if (geteuid() != 0) {
        mkdir("locked", 0555);
        CHECK(put("locked/file", "x", &e) == VAE_ECREATE && strstr(e.msg, "permission denied"), "%s", e.msg);
        rmdir("locked");
        chmod("new", 0444);
        CHECK(put("new", "x", &e) == VAE_ECREATE && holds("new", "second"), "a protected file is replaced");
        chmod("new", 0644);
    }
    CHECK(put("/dev/null", "x", &e) == 0, "%s", e.msg);
    CHECK(put("/dev/full", "x", &e) == VAE_EIO && strstr(e.msg, "no space"), "%s", e.msg);
    struct stat st;
    CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode), "/dev/null is replaced");
    CHECK(entries() == 1, "%d entries", entries());
}

static void touch(const char *path, const char *text) {
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0, "%s", path);
}

/* A process killed while it writes leaves the old file; what else it left, if anything, is gone after the next. */
static void test_killed(void) {
    struct vae_err e = {0};
    pid_t child = fork();
    if (child == 0) {
        struct io_replace *r = io_replace_open("new", &e);
        io_write(io_replace_fd(r), "half", 4, "new", &e);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    CHECK(holds("new", "second"), "changed");
    CHECK(entries() == 1 + named, "%d entries", entries());
    CHECK(put("new", "second", &e) == 0 && entries() == 1, "%d entries", entries());
    touch(".new.vae-tmp0", "as if killed before it was renamed");
    CHECK(put("new", "third", &e) == 0 && holds("new", "third") && entries() == 1, "%s, %d entries", e.msg, entries());
}

/* What has such a name and is nobody's litter stays. */
static void test_taken(void) {
    struct vae_err e = {0};
    touch("victim", "mine");
    CHECK(symlink("victim", ".new.vae-tmp0") == 0 && mkfifo(".new.vae-tmp1", 0600) == 0 && mkdir(".new.vae-tmp2", 0700) == 0,
          "names");
    touch(".new.vae-tmp3", "of a process that writes");
    int fd = open(".new.vae-tmp3", O_RDWR);
    CHECK(flock(fd, LOCK_EX) == 0, "lock");
    CHECK(put("new", "second", &e) == 0 && holds("new", "second") && mode("new") == 0604, "%s", e.msg);
    CHECK(entries() == 6 && holds("victim", "mine") && holds(".new.vae-tmp3", "of a process that writes"), "%d entries",
          entries());
    close(fd);
    unlink(".new.vae-tmp0"), unlink(".new.vae-tmp1"), rmdir(".new.vae-tmp2"), unlink(".new.vae-tmp3"), unlink("victim");
}

/* Many at one time, some of them killed: each time one of their files, whole, and in the end nothing else. */
static void test_crowd(void) {
    enum { CROWD = 6, TIMES = 30 };
    pid_t child[CROWD];
    struct vae_err e = {0};
    for (int i = 0; i < CROWD; i++) {
        if ((child[i] = fork()) == 0) {
            char text[] = "000000000000000000000000";
            memset(text, 'a' + i, strlen(text));
            for (int k = 0; k < TIMES || i < CROWD / 2; k++)
                if (put("new", text, &e))
                    _exit(1);
            _exit(0);
        }
    }
    for (int i = CROWD; i-- > 0;) {
        int status;
        if (i < CROWD / 2)
            kill(child[i], SIGKILL);
        waitpid(child[i], &status, 0);
        CHECK(i < CROWD / 2 ? WIFSIGNALED(status) : status == 0, "a process fails: %x", status);
    }
    char text[64] = "";
    int fd = open("new", O_RDONLY);
    CHECK(read(fd, text, sizeof text) == 24 && strspn(text, (char[]){text[0], 0}) == 24, "not whole: %s", text);
    close(fd);
    /* a place that was taken beside another is looked at only where the others are taken again */
    char name[32];
    for (int i = 1; i < CROWD; i++)
        snprintf(name, sizeof name, ".new.vae-tmp%d", i), unlink(name);
    CHECK(put("new", "second", &e) == 0 && entries() == 1, "%s, %d entries", e.msg, entries());
}

/* More than a pipe holds, one end not blocking, and a reader that is slow. */
static void test_pipe(void) {
    enum { N = 300000 };
    static char out[N], in[N];
    struct vae_err e = {0};
    int ends[2];
    for (size_t i = 0; i < N; i++)
        out[i] = (char)(i * 7919 % 251);
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        CHECK(pipe(ends) == 0, "pipe");
        if (nonblocking) {
            fcntl(ends[0], F_SETFL, O_NONBLOCK);
            fcntl(ends[1], F_SETFL, O_NONBLOCK);
        }
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            usleep(20000);
            _exit(io_write(ends[1], out, N, "pipe", &e) != 0);
        }
        close(ends[1]);
        long n = io_read(ends[0], in, N, "pipe", &e);
        CHECK(n == N && memcmp(in, out, N) == 0, "%ld bytes", n);
        CHECK(io_read(ends[0], in, N, "pipe", &e) == 0, "no end");
        close(ends[0]);
        int status;
        waitpid(child, &status, 0);
        CHECK(status == 0, "the writer fails");
    }
    CHECK(pipe(ends) == 0, "pipe");
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    CHECK(io_write(ends[1], out, N, "standard output", &e) == VAE_EIO &&
              strcmp(e.msg, "standard output: broken pipe") == 0,
          "%s", e.msg);
    close(ends[1]);
    CHECK(io_read(-1, in, 1, "nothing", &e) == VAE_EIO, "reads from no file");
}

int main(void) {
    if (!mkdtemp(root) || chdir(root) < 0)
        return 1;
    for (int i = 0; i < 2; i++) {
        named = i;
        test_replace();
        test_links();
        test_refused();
        test_killed();
        test_taken();
        test_crowd();
        unlink("new");
    }
    test_pipe();
    CHECK(chdir("/") == 0 && rmdir(root) == 0, "the directory is not empty");
    return test_done();
}
