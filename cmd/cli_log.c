/* cli_log.c - messages and the summary line on standard error, as text, logfmt or JSON lines. */
#include "cli.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static struct {
    const char *program;
    struct timespec start;
} the_log;

const char *cli_log_formats(size_t i) {
    static const char *const name[] = {"text", "logfmt", "json"};
    return i < sizeof name / sizeof *name ? name[i] : NULL;
}

void cli_log_start(const char *program) {
    static char line[4096];
    setvbuf(stderr, line, _IOLBF, sizeof line); /* a message is one write */
    the_log.program = program;
    clock_gettime(CLOCK_MONOTONIC, &the_log.start);
}

/* Text that vae_quote() made, between double quotes. */
static void put_quoted(FILE *f, const char *text) {
    putc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', f);
        putc(*text, f);
    }
    putc('"', f);
}

void cli_json_string(FILE *f, const char *text) {
    char safe[4096];
    put_quoted(f, vae_quote(safe, sizeof safe, text, strlen(text)));
}

__attribute__((format(printf, 2, 0))) static void say(const char *level, const char *fmt, va_list ap) {
    char text[1024], safe[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    vae_quote(safe, sizeof safe, text, strlen(text));
    flockfile(stderr);
    switch (cli.log_format) {
    case CLI_LOG_TEXT:
        fprintf(stderr, "%s: %s%s\n", the_log.program, strcmp(level, "warning") ? "" : "warning: ", safe);
        break;
    case CLI_LOG_LOGFMT:
        fprintf(stderr, "level=%s program=%s msg=", level, the_log.program);
        put_quoted(stderr, safe);
        putc('\n', stderr);
        break;
    case CLI_LOG_JSON:
        fprintf(stderr, "{\"level\":\"%s\",\"program\":\"%s\",\"msg\":", level, the_log.program);
        put_quoted(stderr, safe);
        fputs("}\n", stderr);
        break;
    }
    funlockfile(stderr);
}

void cli_error(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    say("error", fmt, ap);
    va_end(ap);
}

void cli_warn(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!cli.quiet)
        say("warning", fmt, ap);
    va_end(ap);
}

void cli_note(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!cli.quiet)
        say("note", fmt, ap);
    va_end(ap);
}

/* ---- the summary --------------------------------------------------------------------------------------- */

/* One pair of a summary line; the first one opens it. */
static void put_pair(FILE *f, bool first, const char *key, const char *value, bool is_text) {
    switch (cli.log_format) {
    case CLI_LOG_TEXT:
        fprintf(f, "%s %s %s", first ? "" : ",", key, value);
        break;
    case CLI_LOG_LOGFMT:
        fprintf(f, " %s=%s", key, value);
        break;
    case CLI_LOG_JSON:
        fprintf(f, is_text ? ",\"%s\":\"%s\"" : ",\"%s\":%s", key, value);
        break;
    }
}

static void put_count(FILE *f, const char *key, uint64_t v) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    put_pair(f, false, key, text, false);
}

static void put_real(FILE *f, const char *key, double v) {
    char text[32];
    snprintf(text, sizeof text, "%.6g", v);
    bool null = cli.log_format == CLI_LOG_JSON && !isfinite(v);
    put_pair(f, false, key, null ? "null" : text, false);
}

double cli_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - the_log.start.tv_sec) + 1e-9 * (double)(now.tv_nsec - the_log.start.tv_nsec);
}

void cli_summary(const struct cli_totals *t) {
    struct rusage use = {0};
    char rows[32];
    if (cli.log_format == CLI_LOG_TEXT && !cli.verbose)
        return;
    double seconds = cli_seconds();
    getrusage(RUSAGE_SELF, &use);
    FILE *f = stderr;
    flockfile(f);
    switch (cli.log_format) {
    case CLI_LOG_TEXT:
        fprintf(f, "%s:", the_log.program);
        break;
    case CLI_LOG_LOGFMT:
        fprintf(f, "level=summary program=%s", the_log.program);
        break;
    case CLI_LOG_JSON:
        fprintf(f, "{\"level\":\"summary\",\"program\":\"%s\"", the_log.program);
        break;
    }
    snprintf(rows, sizeof rows, "%llu", (unsigned long long)t->rows);
    put_pair(f, true, "rows", rows, false);
    put_count(f, "bad_rows", t->bad_rows);
    put_count(f, "extra_columns", t->extra_columns);
    const struct {
        const char *key;
        uint64_t count;
    } told[] = {{"missing", t->op.missing}, {"unknown_levels", t->op.unknown}, {"longer_lines", t->op.longer}, {"filled", t->op.filled},
                {"copies", t->op.copies}};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i].count)
            put_count(f, told[i].key, told[i].count);
    if (t->op.draws > 0) {
        put_real(f, "ess", t->op.ess);
        put_real(f, "draws", t->op.draws);
    }
    put_real(f, "seconds", seconds);
    put_real(f, "rows_per_s", seconds > 0 ? (double)t->rows / seconds : 0);
    if (t->score) {
        if (t->score->partial)
            put_count(f, "no_score", t->score->partial);
        put_count(f, "anomalies", t->score->anomalies);
        put_count(f, "alarms", t->score->alarms);
        put_count(f, "benign", t->score->benign);
        put_real(f, "max_score", t->score->max_score);
        put_real(f, "missing_rate", t->score->missing);
        put_real(f, "drift", t->score->drift);
        if (t->score->files)
            put_count(f, "files", t->score->files);
        if (t->score->fdr > 0) {
            put_real(f, "fdr", t->score->fdr);
            put_count(f, "batches", t->score->batches);
        } else {
            put_real(f, "alpha", t->score->alpha);
            put_real(f, "threshold", t->score->threshold);
        }
        if (t->score->approximate)
            put_pair(f, false, "p", "approximate", true);
    }
    if (t->model_id) {
        char id[13];
        snprintf(id, sizeof id, "%.12s", t->model_id);
        put_pair(f, false, "model", id, true);
    }
    put_real(f, "peak_mib", (double)use.ru_maxrss / 1024);
    put_pair(f, false, "blas", vae_blas_core(), true);
    put_count(f, "status", (uint64_t)t->status);
    fputs(cli.log_format == CLI_LOG_JSON ? "}\n" : "\n", f);
    funlockfile(f);
}

const char *cli_reason(int error) {
    static char text[128];
    snprintf(text, sizeof text, "%s", strerror(error));
    if (islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    return text;
}
