/*
 * cli_state.c - runs that go on where the last one stopped.
 *
 * With a named output, rows are written to it exactly once: first the rows reach the disk, then the state that tells of
 * them; what a killed run wrote in between is cut off by the next. To standard output at least once: the state is saved
 * when the rows are out, and each row says where it begins in the input, so that one that comes again is known. Of a
 * plugin it is saved when its line is out: no alarm goes untold.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { SAVE_EVERY = 1 << 16 }; /* records; a run over a long log that is killed need not start over */

static bool appends(void) { return cli.output && strcmp(cli.output, "-"); }

bool cli_state(struct cli_run *r, const char *path, char *const *paths, size_t n) {
    struct vae_state_stats st;
    if (n == 0)
        cli_usage("--state goes on in files that are named, not in standard input");
    for (size_t i = 0; i < n; i++)
        if (!strcmp(paths[i], "-"))
            cli_usage("--state goes on in files that are named, not in standard input");
    r->state = vae_state_open(path, &r->err);
    if (!r->state)
        return false;
    cli_signals_catch();
    vae_state_stats(r->state, &st);
    r->saved_row = st.rows;
    if (st.model && strcmp(st.model, vae_model_id(r->model)))
        cli_note("another model than in the last run: from row %llu on scores are its own",
                 (unsigned long long)st.rows + 1);
    return true;
}

void cli_state_op(const struct cli_run *r, struct vae_op_opts *opts) {
    struct vae_state_stats st;
    if (!r->state)
        return;
    vae_state_stats(r->state, &st);
    opts->first_row = st.rows;
    opts->memory = st.memory;
}

void cli_state_in(const struct cli_run *r, struct vae_in_opts *opts) {
    opts->state = r->state;
    opts->offsets = r->state && !appends();
}

/* What the opened input tells of the files. */
bool cli_state_opened(struct cli_run *r) {
    struct vae_state_stats st;
    if (!r->state)
        return r->in != NULL;
    vae_state_stats(r->state, &st);
    if (st.lost)
        cli_warn("%s: the file read last time is gone or was cut; rows behind its byte %llu, if any, are missed",
                 st.lost, (unsigned long long)st.lost_at);
    if (st.anew)
        cli_note("the last run kept no rows for windows like these: the first ones of each series have no score");
    if (!r->in && r->err.code == VAE_EAGAIN) { /* a log that has not begun is no fault */
        cli_note("%s", r->err.msg);
        r->err.code = 0;
    }
    return r->in != NULL;
}

bool cli_state_out(struct cli_run *r, struct vae_out_opts *opts) {
    opts->state = appends() ? r->state : NULL;
    return opts->state != NULL;
}

bool cli_state_done(struct cli_run *r, size_t rows) {
    return !r->state || vae_in_done(r->in, rows, &r->err) == 0;
}

bool cli_state_save(struct cli_run *r, bool now) {
    struct vae_op_totals t;
    if (!r->state || !r->op)
        return true;
    vae_op_totals(r->op, &t);
    if (!now && (cli.plugin || t.next_row < r->saved_row + SAVE_EVERY)) /* a plugin tells of all at its end */
        return true;
    char *memory = r->scored ? vae_score_memory(r->op) : NULL;
    if (r->scored && !memory) {
        cli_fail(&r->err, VAE_EOS, "out of memory");
        return false;
    }
    r->saved_row = t.next_row;
    int rc = vae_state_save(r->state, vae_model_id(r->model), r->in, r->out, t.next_row, memory ? memory : "", &r->err);
    free(memory);
    return rc == 0;
}
