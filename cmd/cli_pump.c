/*
 * cli_pump.c - the loop of the filters: records from the reader, through the filter, to the writer.
 *
 * The prefix rule: when a record is bad, the output of all records before it has been put to the writer, whole, and
 * then the run fails. With --skip-bad it is counted instead. What is done is flushed before the reader waits for
 * more, so that an idle input never holds answers back.
 */
#include <string.h>

#include "cli.h"

enum { SHOWN = 5 }; /* bad records that are told one by one */

size_t cli_told(const char *why) {
    const char *way = strstr(why, "; leave such");
    way = way ? way : strstr(why, ", or leave such");
    return way ? (size_t)(way - why) : strlen(why);
}

void cli_tell_bad(uint64_t before, const char *at, const char *why) {
    if (before < SHOWN)
        cli_warn("%s%.*s", at, (int)cli_told(why), why);
}

bool cli_bad_row(struct cli_run *r, const char *where) {
    char at[256] = "";
    if (where)
        snprintf(at, sizeof at, "%s: ", where);
    if (!cli.skip_bad) {
        struct vae_err why = r->err;
        cli_fail(&r->err, why.code, "%s%s", at, why.msg);
        return false;
    }
    cli_tell_bad(r->bad_rows++, at, r->err.msg);
    if (r->op)
        vae_op_skip(r->op);
    r->err.code = 0;
    return true;
}

bool cli_put(struct cli_run *r, const struct vae_batch *b) {
    size_t n = vae_batch_rows(b);
    if (r->out && n > 0 && vae_out_put(r->out, b, &r->err) < 0)
        return false;
    if (r->take && n > 0 && r->take(r->taker, b, &r->err) < 0)
        return false;
    r->rows += n;
    return true;
}

/* What the filter made through the one behind it, where there is one; that one cannot find a record bad. */
static bool pass(struct cli_run *r, const struct vae_batch *b) {
    const struct vae_batch *done;
    size_t from = 0, n = vae_batch_rows(b);
    if (!r->then)
        return cli_put(r, b);
    while (from < n)
        if (vae_op_run(r->then, b, &from, &done, &r->err) || !cli_put(r, done))
            return false;
    return true;
}

/* At the end of the input: what was held back. */
static bool finish(struct cli_run *r) {
    const struct vae_batch *rest;
    return !r->then || (vae_op_end(r->then, &rest, &r->err) == 0 && cli_put(r, rest));
}

/* A batch through the filter; false and r->err where the run is over. */
static bool filter(struct cli_run *r, const struct vae_batch *b) {
    const struct vae_batch *done;
    size_t from = 0, n = vae_batch_rows(b);
    while (from < n) {
        int rc = vae_op_run(r->op, b, &from, &done, &r->err);
        if (rc && rc != VAE_EROW)
            return false;
        struct vae_err bad = r->err; /* why a record is bad outlives writing those before it */
        if (!pass(r, done))
            return false;
        if (!cli_state_done(r, from - (rc == VAE_EROW)))
            return false;
        r->err = bad;
        if (rc == VAE_EROW && !cli_bad_row(r, vae_in_where(r->in, from - 1)))
            return false;
        if (rc == VAE_EROW && !cli_state_done(r, from))
            return false;
    }
    return true;
}

/* Everything put so far to whom it may concern, where the input pauses. */
static bool flush(struct cli_run *r) {
    struct vae_in_stats stats;
    vae_in_stats(r->in, &stats);
    if (!r->out || (stats.has_input && !cli.unbuffered))
        return true;
    return vae_out_flush(r->out, &r->err) == 0;
}

/* What is odd about the input although nothing is wrong with it. */
static void warn(const struct cli_run *r) {
    struct vae_in_stats stats;
    vae_in_stats(r->in, &stats);
    if (stats.header_assumed)
        cli_warn("nothing tells whether the first row is a header; it was taken for %s (say --header or --no-header)",
                 stats.headers ? "one" : "a record");
    if (stats.extra_columns && !cli.paste)
        cli_warn("%llu column%s that the model does not use: left out (-k carries columns)",
                 (unsigned long long)stats.extra_columns, stats.extra_columns == 1 ? "" : "s");
}

void cli_pump(struct cli_run *r) {
    const struct vae_batch *b;
    int rc;
    warn(r);
    while (!(r->state && cli_signal_caught()) && (rc = vae_in_next(r->in, &b, &r->err)) != 0) {
        if (rc < 0 && (rc != VAE_EROW || !cli_bad_row(r, NULL) || !cli_state_done(r, 0))) {
            struct vae_err bad = r->err;
            if (rc != VAE_EROW || finish(r)) /* a file that came before one that cannot be read is whole */
                r->err = bad;
            return;
        }
        if (rc > 0 && !(r->op ? filter(r, b) : cli_put(r, b)))
            return;
        if (!flush(r) || !cli_state_save(r, false))
            return;
    }
    if (finish(r))
        r->err.code = 0; /* whatever was tried on the way, it ended well */
}
