/* cli_run.c - opening what a run is made of, and ending it: the stream, the messages, the exit status. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cli_fail(struct vae_err *err, int code, const char *fmt, ...) {
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err->code = code;
    vae_quote(err->msg, sizeof err->msg, text, strlen(text));
    return code;
}

bool cli_model(struct cli_run *r, const char *path) {
    if (!path)
        cli_fail(&r->err, VAE_EUSAGE, "no model: give -m MODEL or set $VAE_MODEL");
    else
        r->model = vae_model_load(path, &r->err);
    return r->model != NULL;
}

bool cli_is_model(const char *path) {
    unsigned char p[10];
    bool standard = !strcmp(path, "-");
    struct stat st; /* a named pipe must not be opened twice: its writer would take that for the whole read */
    bool regular = !standard && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    int fd = standard ? STDIN_FILENO : regular ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool yes = fd >= 0 && pread(fd, p, sizeof p, 0) == (ssize_t)sizeof p && vae_is_model(p, sizeof p);
    if (fd >= 0 && !standard)
        close(fd);
    return yes;
}

bool cli_in(struct cli_run *r, char *const *paths, size_t n, const struct vae_model *match) {
    struct vae_in_opts opts = {
        .format = cli.from,
        .delim = cli.delim,
        .header = cli.header,
        .keep = cli.keep.item,
        .nkeep = cli.keep.n,
        .label_from = cli.label_from,
        .label_from_path = cli.label_from_path,
        .names = cli.names,
        .whole_rows = cli.paste,
        .model = match,
        .text_label = cli.text_label,
        .diff = cli.diff.item,
        .ndiff = cli.diff.n,
        .window = cli.window.rows,
        .window_step = cli.window.step,
        .group = cli.group.item,
        .ngroup = cli.group.n,
        .whole = cli.whole,
        .resample = (uint32_t)cli.resample,
        .audio = cli.audio,
        .audio_if_sound = cli.audio_if_sound,
        .values = cli.values,
    };
    if (cli.resize.n == 1 || cli.resize.n > 3 || (cli.resize.n == 3 && cli.resize.item[2] > 4))
        cli_usage("--resize: expected height and width like 28x28, and perhaps channels, 1 to 4, like 32x32x3");
    memcpy(opts.resize, cli.resize.item, cli.resize.n * sizeof *opts.resize);
    cli_state_in(r, &opts);
    r->in = vae_in_open(paths, n, &opts, &r->err);
    return cli_state_opened(r);
}

bool cli_out(struct cli_run *r, const struct vae_head *head, bool no_model_path) {
    struct vae_out_opts opts = {
        .format = cli.to,
        .delim = cli.delim_out,
        .header = cli.header_out,
        .level = cli.level,
        .frame_rows = (uint32_t)cli.frame_rows,
        .no_model_path = no_model_path,
    };
    bool append = cli_state_out(r, &opts);
    r->out = vae_out_open(cli.output, head, &opts, &r->err);
    return r->out && (!append || cli_state_save(r, true)); /* which file it is, before there are rows in it */
}

int cli_write(const char *path, const char *text, struct vae_err *err) {
    if (path && strcmp(path, "-") && strcmp(path, "/dev/stdout"))
        return vae_replace(path, text, err);
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 || ferror(stdout) /* of what was printed before, too */
               ? cli_fail(err, VAE_EIO, "standard output: %s", cli_reason(errno)) : 0;
}

/* What was read, for the summary. */
static void count(const struct cli_run *r, struct cli_totals *t) {
    struct vae_in_stats stats = {0};
    if (r->in)
        vae_in_stats(r->in, &stats);
    t->rows = r->rows;
    t->bad_rows = r->bad_rows;
    t->extra_columns = stats.extra_columns;
    t->model_id = r->model ? vae_model_id(r->model) : NULL;
}

bool cli_close(struct cli_run *r) {
    struct vae_err first = r->err, err = {0};
    bool ran = r->out || (cli.plugin && !first.code); /* a plugin may have no records to write */
    if (ran && !cli_state_save(r, true) && first.code) /* what failed first is what is told */
        r->err = first;
    if (r->out && vae_out_close(r->out, r->err.code, &err) < 0 && !r->err.code)
        r->err = err;
    r->out = NULL;
    return !r->err.code;
}

int cli_end(struct cli_run *r) {
    struct cli_totals totals = {0};
    struct vae_score_totals score;
    if (!cli.plugin || !r->state)
        cli_close(r);
    else if (r->out && !r->err.code) /* the state is saved when a line told of the alarms (cli_watch_end) */
        vae_out_flush(r->out, &r->err);
    if (r->err.code) {
        cli_error("%s", r->err.msg);
        r->status = vae_exit_status(r->err.code);
    }
    if (cli.skip_bad && r->bad_rows)
        cli_note("%llu bad row%s skipped", (unsigned long long)r->bad_rows, r->bad_rows == 1 ? "" : "s");
    count(r, &totals);
    if (r->op)
        vae_op_totals(r->op, &totals.op);
    if (totals.op.longer)
        cli_warn("%llu line%s longer than the model has room for: %s", (unsigned long long)totals.op.longer,
                 totals.op.longer == 1 ? " is" : "s are",
                 r->scored ? "symbols beyond count alike" : "what lies beyond is lost");
    if (r->scored) {
        vae_score_totals(r->op, &score);
        if (r->then)
            vae_verdict_totals(r->then, &score);
        totals.score = &score;
        totals.rows = score.rows; /* not all of them need be written */
    }
    if (r->watch)
        cli_watch_end(r, &totals);
    totals.status = r->status;
    cli_summary(&totals);
    if (r->out)
        vae_out_close(r->out, r->err.code, NULL);
    vae_op_free(r->then);
    vae_op_free(r->op);
    vae_in_free(r->in);
    vae_state_free(r->state);
    vae_model_free(r->model);
    return r->status;
}
