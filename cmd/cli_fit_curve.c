/* cli_fit_curve.c - vae-fit --log: the curve as CSV, a row for each point. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Training goes on without the curve; the status tells in the end. */
static void lose(struct cli_curve *c) {
    cli_fail(&c->err, VAE_EIO, "%s: %s", c->name, cli_reason(errno));
    if (c->file != stdout)
        fclose(c->file);
    c->file = NULL;
    cli_progress_clear();
    cli_warn("%s; training goes on", c->err.msg);
}

bool cli_curve_open(struct cli_curve *c, const char *path, struct vae_err *err) {
    if (!path)
        return true;
    bool standard = !strcmp(path, "-");
    c->name = standard ? "standard output" : path;
    int fd = standard ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    c->file = standard ? stdout : fd < 0 ? NULL : fdopen(fd, "w");
    return c->file || cli_fail(err, VAE_ECREATE, "%s: %s", c->name, cli_reason(errno)) == 0;
}

void cli_curve_start(struct cli_curve *c) {
    struct stat st;
    if (!c->file || c->started)
        return;
    c->started = true;
    bool old = c->file != stdout && fstat(fileno(c->file), &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    if ((old && ftruncate(fileno(c->file), 0) != 0) || fputs("step,recon,kl,beta,elbo,valid\n", c->file) < 0 ||
        fflush(c->file) != 0)
        lose(c);
}

void cli_curve_add(struct cli_curve *c, const struct vae_progress *p) {
    char valid[32] = "";
    if (!c->file)
        return;
    if (isfinite(p->valid)) /* as an ELBO, to stand beside elbo */
        snprintf(valid, sizeof valid, "%.9g", -p->valid);
    if (fprintf(c->file, "%zu,%.9g,%.9g,%.9g,%.9g,%s\n", p->step, p->recon, p->kl, p->beta, p->elbo, valid) < 0 ||
        fflush(c->file) != 0)
        lose(c);
}

void cli_curve_close(struct cli_curve *c) {
    FILE *f = c->file;
    c->file = NULL;
    if (f && f != stdout && fclose(f) != 0)
        cli_fail(&c->err, VAE_EIO, "%s: %s", c->name, cli_reason(errno));
}
