/*
 * cli_watch.c - what a run of vae-score leaves for those that watch it: a table of drift, a file for the textfile
 * collector of Prometheus, the line and the status of a Nagios plugin.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- drift ------------------------------------------------------------------------------------------------ */

static void put_cell(FILE *f, const char *text) {
    bool quote = strpbrk(text, ",\"\r\n") || !*text;
    if (quote)
        putc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', f);
        putc(*text, f);
    }
    if (quote)
        putc('"', f);
}

/* ",1.5", or "," for what is not known. */
static void put_figure(FILE *f, double v) {
    putc(',', f);
    if (isfinite(v))
        fprintf(f, "%.6g", v);
}

/* What was printed to *text, to a file that is replaced whole. */
static bool replace(FILE *f, char **text, const char *path, struct vae_err *err) {
    bool ok = f && fclose(f) == 0 && *text;
    if (!ok)
        cli_fail(err, VAE_EOS, "out of memory");
    ok = ok && vae_replace(path, *text, err) == 0;
    free(*text);
    return ok;
}

static bool write_drift(const struct cli_run *r, const char *path, struct vae_err *err) {
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    struct vae_drift d;
    if (f)
        fputs("column,psi,drift,ks,missing_rate,missing_rate_fit\n", f);
    for (size_t i = 0; f && r->op && vae_score_drift(r->op, i, &d); i++) {
        put_cell(f, d.column);
        put_figure(f, d.psi), put_figure(f, d.drift), put_figure(f, d.ks);
        put_figure(f, d.missing), put_figure(f, d.missing_fit);
        putc('\n', f);
    }
    return replace(f, &text, path, err);
}

/* ---- Prometheus ------------------------------------------------------------------------------------------- */

/* name="cells", of a file /x/cells.prom: two files must not have the same series. */
static void put_label(FILE *f, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    fputs("{name=\"", f);
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '"' || name[i] == '\\')
            putc('\\', f);
        if (name[i] == '\n')
            fputs("\\n", f);
        else
            putc(name[i], f);
    }
    putc('"', f);
}

static void put_metric(FILE *f, const char *path, const char *name, const char *help, double v) {
    fprintf(f, "# HELP vae_%s %s\n# TYPE vae_%s gauge\nvae_%s", name, help, name, name);
    put_label(f, path);
    if (isfinite(v))
        fprintf(f, "} %.15g\n", v);
    else
        fprintf(f, "} %s\n", isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
}

static bool write_prom(const char *path, const struct cli_totals *t, const struct vae_score_totals *s, int status,
                       struct vae_err *err) {
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    const struct {
        const char *name, *help;
        double value;
    } metric[] = {
        {"exit_status", "Status that the last run ended with, 0 and 1 are no failures.", status},
        {"last_run_timestamp_seconds", "When the last run ended, in seconds since 1970.", (double)time(NULL)},
        {"run_seconds", "How long the last run took.", cli_seconds()},
        {"rows", "Records that the last run scored.", (double)s->rows},
        {"bad_rows", "Records that the last run left out.", (double)t->bad_rows},
        {"anomalies", "Records that were anomalies.", (double)s->anomalies},
        {"alarms", "Anomalies that were alarms.", (double)s->alarms},
        {"unknown_levels", "Cells with a text that is no level the model knows.", (double)t->op.unknown},
        {"missing_ratio", "Share of the cells that were missing.", s->missing},
        {"max_score", "Highest score of a record.", s->rows ? s->max_score : NAN},
        {"drift_max", "Drift of the column that differs most from the fit.", s->drift},
    };
    for (size_t i = 0; f && i < sizeof metric / sizeof *metric; i++)
        put_metric(f, path, metric[i].name, metric[i].help, metric[i].value);
    if (f && t->model_id) {
        fputs("# HELP vae_model_info The model that scored, by its id.\n", f);
        fputs("# TYPE vae_model_info gauge\nvae_model_info", f);
        put_label(f, path);
        fprintf(f, ",id=\"%s\"} 1\n", t->model_id);
    }
    return replace(f, &text, path, err);
}

/* ---- Nagios ----------------------------------------------------------------------------------------------- */

enum { OK, WARNING, CRITICAL, UNKNOWN };
static const char *const level_name[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

int cli_plugin_unknown(const char *why) {
    printf("VAE %s - ", level_name[UNKNOWN]);
    for (; *why; why++) /* behind a bar come figures */
        putchar(*why == '|' ? '/' : *why);
    putchar('\n');
    fflush(stdout);
    return UNKNOWN;
}

static int plugin_level(const struct cli_watch *w, const struct vae_score_totals *t, bool drifted) {
    return t->alarms > w->critical ? CRITICAL : t->alarms > w->warning || drifted ? WARNING : OK;
}

static bool print_plugin(const struct cli_run *r, const struct vae_score_totals *t, bool drifted, struct vae_err *err) {
    const struct cli_watch *w = r->watch;
    unsigned long long alarms = t->alarms, anomalies = t->anomalies, rows = t->rows;
    char told[64] = "", warning[32] = "", drift[64] = "", most[64] = "", text[512];
    if (alarms != anomalies)
        snprintf(told, sizeof told, "%llu alarm%s, ", alarms, alarms == 1 ? "" : "s");
    if (w->warning != SIZE_MAX)
        snprintf(warning, sizeof warning, "%zu", w->warning);
    if (isfinite(t->drift))
        snprintf(drift, sizeof drift, " drift=%.6g", t->drift);
    if (rows && isfinite(t->max_score))
        snprintf(most, sizeof most, " max_score=%.6g", t->max_score);
    snprintf(text, sizeof text,
             "VAE %s - %s%llu anomal%s in %llu row%s%s | alarms=%llu;%s;%zu;0 anomalies=%llu rows=%llu%s%s\n",
             level_name[r->status], told, anomalies, anomalies == 1 ? "y" : "ies", rows, rows == 1 ? "" : "s",
             drifted ? ", drift" : "", alarms, warning, w->critical, anomalies, rows, most, drift);
    return cli_write(NULL, text, err) == 0;
}

/* ---- all of it -------------------------------------------------------------------------------------------- */

static void fail(struct cli_run *r, const struct vae_err *err) {
    cli_error("%s", err->msg);
    if (!r->err.code) {
        r->err = *err;
        r->status = vae_exit_status(err->code);
    }
}

void cli_watch_end(struct cli_run *r, const struct cli_totals *t) {
    static const struct vae_score_totals none = {.max_score = NAN, .drift = NAN, .missing = NAN};
    const struct vae_score_totals *s = t->score ? t->score : &none; /* none: it failed early, or a log has not begun */
    const struct cli_watch *w = r->watch;
    struct vae_err err = {0};
    bool drifted = s->drift > w->drift_max;
    if (w->drift && r->scored && !write_drift(r, w->drift, &err))
        fail(r, &err);
    if (drifted) {
        cli_warn("column '%s' has drifted: %.4g is above --drift-max %g", s->drift_column, s->drift, w->drift_max);
        if (w->check && !r->err.code)
            r->status = 1;
    }
    if (cli.plugin)
        r->status = r->err.code ? UNKNOWN : plugin_level(w, s, drifted);
    if (w->prom && !write_prom(w->prom, t, s, r->status, &err))
        fail(r, &err);
    if (cli.plugin && r->err.code)
        r->status = cli_plugin_unknown(r->err.msg);
    else if (cli.plugin && !(print_plugin(r, s, drifted, &r->err) && cli_close(r))) {
        cli_error("%s", r->err.msg);
        r->status = UNKNOWN;
        if (w->prom)
            write_prom(w->prom, t, s, r->status, &err);
    }
}
