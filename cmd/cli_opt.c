/*
 * cli_opt.c - reads a command line by the command's table of options.
 *
 * Short options may be clustered (-uq) and their value may follow at once or as the next word (-mFILE, -m FILE); long
 * ones are never abbreviated (--opt VAL, --opt=VAL). Options and operands mix; behind -- all are operands; - is one.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_shared cli = {.header = -1, .header_out = -1, .level = -1, .seed = {1, false}};

static const char *program;
static const struct cli_opt *the_options;
static bool the_given[256]; /* by their place in the table */

const char *cli_formats_in(size_t i) {
    const char *name;
    bool readable;
    for (size_t row = 0; (name = vae_format(row, &readable, NULL)); row++)
        if (readable && i-- == 0)
            return name;
    return NULL;
}

const char *cli_formats_out(size_t i) {
    const char *name;
    bool writable;
    for (size_t row = 0; (name = vae_format(row, NULL, &writable)); row++)
        if (writable && i-- == 0)
            return name;
    return NULL;
}

void cli_usage(const char *fmt, ...) {
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cli_error("%s", text);
    if (cli.plugin)
        exit(cli_plugin_unknown(text));
    exit(vae_exit_status(VAE_EUSAGE));
}

/*
 * A closed standard descriptor is opened on /dev/null, for the direction it is not used in: no file gets its number,
 * and using it still fails.
 */
static void guard_descriptors(void) {
    static const int mode[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd]) != fd)
            exit(vae_exit_status(VAE_EOS));
}

bool cli_given(const char *name) {
    for (size_t i = 0; the_options[i].name; i++)
        if (!strcmp(the_options[i].name, name))
            return the_given[i];
    return false;
}

/* Ends after what went to standard output. */
static _Noreturn void leave(void) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_error("standard output: %s", cli_reason(errno));
        exit(vae_exit_status(VAE_EIO));
    }
    exit(0);
}

/* How a message calls an option. */
static const char *called(const struct cli_opt *o, char out[64]) {
    snprintf(out, 64, "--%s", o->name);
    return out;
}

/* Does what an option says. value: NULL where it takes none, or none is given. */
static void apply(const struct cli_command *c, const struct cli_opt *o, const char *value) {
    char expected[256], name[64];
    the_given[o - c->options] = true;
    if (o->given)
        *o->given = true;
    if (o->optional && !value)
        return;
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)o->to = true;
        return;
    case CLI_SET:
        *(int *)o->to = (int)o->lo;
        return;
    case CLI_HELP:
        cli_help(c);
        leave();
    case CLI_VERSION:
        printf("%s %s\n", c->name, VAE_VERSION);
        leave();
    default:
        if (!cli_value_read(o, value, expected, sizeof expected))
            cli_usage("%s: expected %s, got '%s'", called(o, name), expected, value);
    }
}

/* --name, --name=VAL or --name VAL in argv[i]; returns the index of the last word it took. A value that may be left out is never
 * the next word. */
static int long_option(const struct cli_command *c, int argc, char **argv, int i) {
    const char *word = argv[i] + 2, *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    for (const struct cli_opt *o = c->options; o->name; o++) {
        if (strlen(o->name) != n || strncmp(o->name, word, n) != 0)
            continue;
        if (equals && !o->arg)
            cli_usage("--%s takes no value", o->name);
        bool next = o->arg && !equals && !o->optional;
        if (next && i + 1 == argc)
            cli_usage("--%s needs a value (%s)", o->name, o->arg);
        apply(c, o, equals ? equals + 1 : next ? argv[i + 1] : NULL);
        return next ? i + 1 : i;
    }
    cli_usage("unknown option '--%.*s'; see %s -h", (int)(n < 200 ? n : 200), word, program);
}

/* -abc, -mVAL or -m VAL in argv[i]; the same. */
static int short_options(const struct cli_command *c, int argc, char **argv, int i) {
    for (const char *p = argv[i] + 1; *p; p++) {
        const struct cli_opt *o = c->options;
        while (o->name && o->c != *p)
            o++;
        if (!o->name)
            cli_usage("unknown option '-%c'; see %s -h", *p, program);
        if (!o->arg) {
            apply(c, o, NULL);
            continue;
        }
        if (!p[1] && i + 1 == argc)
            cli_usage("-%c needs a value (%s)", o->c, o->arg);
        apply(c, o, p[1] ? p + 1 : argv[i + 1]);
        return p[1] ? i : i + 1;
    }
    return i;
}

void cli_one_standard(char *const *paths, size_t n, const char *file, const char *option) {
    bool standard = n == 0;
    for (size_t i = 0; i < n; i++)
        standard = standard || !strcmp(paths[i], "-");
    if (standard && file && !strcmp(file, "-"))
        cli_usage("standard input is one stream: name a file for the records or for --%s", option);
}

size_t cli_begin(const struct cli_command *c, int argc, char **argv) {
    int n = 0;
    bool options = true;
    guard_descriptors();
    program = c->name;
    the_options = c->options;
    cli_log_start(c->name);
    const char *model = getenv("VAE_MODEL");
    cli.model = model && *model ? model : NULL;
    for (int i = 1; i < argc; i++) {
        if (options && !strcmp(argv[i], "--"))
            options = false;
        else if (options && !strncmp(argv[i], "--", 2))
            i = long_option(c, argc, argv, i);
        else if (options && argv[i][0] == '-' && argv[i][1])
            i = short_options(c, argc, argv, i);
        else
            argv[++n] = argv[i];
    }
    if (n > 0 && !c->operands)
        cli_usage("takes no files, got '%s'; see %s -h", argv[1], program);
    if (cli.label_from && cli.label_from_path)
        cli_usage("--label-from and --label-from-path both say the labels; leave one out");
    if (c->operands)
        cli_one_standard(argv + 1, (size_t)n, cli.label_from, "label-from");
    if (cli.seed.random)
        cli_note("seed %llu", (unsigned long long)cli.seed.value);
    return (size_t)n;
}
