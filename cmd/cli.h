/*
 * cli.h - what the commands share: option tables, messages, opening things, and the loop from reader to writer.
 *
 * A command is a table of options and a short main: cli_begin(), open, cli_pump(), cli_end(). The table is the only
 * source of parsing and of --help. Options that several commands have are rows defined here, so that they are
 * spelled and explained the same everywhere.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vae.h"

/* ---- options (cli_opt.c, cli_value.c, cli_help.c) ------------------------------------------------------ */

enum cli_kind {
    CLI_FLAG,    /* bool: becomes true */
    CLI_SET,     /* int: becomes `lo` */
    CLI_TEXT,    /* const char * */
    CLI_COUNT,   /* size_t, lo..hi */
    CLI_INT,     /* int, lo..hi */
    CLI_REAL,    /* double, lo..hi */
    CLI_BYTES,   /* uint64_t, with k, M, G or T for powers of 1024 */
    CLI_TIME,    /* double, seconds: a number with s, m or h behind it */
    CLI_SEED,    /* struct cli_seed */
    CLI_CHAR,    /* char; "tab" too */
    CLI_CHOICE,  /* int: which of `names` */
    CLI_NAME,    /* const char *: one of `names` */
    CLI_FORMAT,  /* the same, and perhaps a colon and a number behind it */
    CLI_LIST,    /* struct cli_list: texts between commas, several options add up */
    CLI_TEXTS,   /* struct cli_list: the whole value is one text, several options add up */
    CLI_COUNTS,  /* struct cli_counts: numbers between commas, lo..hi each */
    CLI_SIZES,   /* the same, with x between: 28x28 */
    CLI_REALS,   /* struct cli_reals: numbers between commas, lo..hi each */
    CLI_OF,      /* struct cli_of: two numbers, lo..hi each, with a slash between, the first at most the second */
    CLI_WINDOW,  /* struct cli_window: one number, or two with a colon between, lo..hi each */
    CLI_RANGE,   /* struct cli_range: two numbers, lo..hi each, with a colon between */
    CLI_HELP,
    CLI_VERSION,
};

struct cli_seed {
    uint64_t value;
    bool random; /* chosen by the system at start */
};
struct cli_list {
    char **item;
    size_t n;
};
struct cli_counts {
    size_t item[16];
    size_t n;
};

struct cli_reals {
    double item[16];
    size_t n;
};

struct cli_of {
    size_t k, n; /* k of n; both 0: not said */
};

struct cli_window {
    size_t rows, step; /* 0: not said */
};

struct cli_range {
    double from, to; /* both 0: not said */
};

/* Row i of a table of names, NULL behind the last. */
typedef const char *cli_names(size_t i);

struct cli_opt {
    char c;           /* short name, 0: none */
    const char *name; /* long name, without dashes; NULL ends the table */
    const char *arg;  /* what its value is called, NULL: takes none */
    enum cli_kind kind;
    void *to;         /* set from the value; what stands there before is the default that --help shows */
    const char *help; /* one line */
    double lo, hi;    /* range of numbers; lo = hi = 0: any that is not negative */
    cli_names *names;
    bool optional;    /* the value may be left out, and is given as --name=VALUE alone */
    bool *given;      /* set where the option was given; may be NULL */
};

struct cli_command {
    const char *name;
    const char *operands; /* "[FILE ...]", NULL: takes none */
    const char *about;    /* what it does, for --help */
    const struct cli_opt *options;
};

/* Values of the options that commands share. */
struct cli_shared {
    const char *model, *output, *from, *to, *text_label;
    char delim, delim_out; /* 0: as the content, or the origin of the data, says */
    int header, header_out; /* -1: likewise */
    struct cli_list keep, diff, group;
    struct cli_window window;
    const char *audio;
    bool audio_if_sound;
    size_t resample;
    struct cli_counts resize, grid;
    bool names; /* a column "file" beside images and sounds */
    bool whole; /* windows that are whole alone */
    bool values; /* what steps are of, beside them */
    const char *label_from;
    bool label_from_path;
    bool paste;
    bool plugin; /* standard output and exit status are those of a Nagios plugin */
    size_t threads;
    struct cli_seed seed;
    bool unbuffered, skip_bad, quiet, verbose;
    int level; /* -1: not said */
    size_t frame_rows;
    int log_format; /* enum cli_log_format */
};
extern struct cli_shared cli;

cli_names cli_formats_in, cli_formats_out, cli_log_formats;

#define CLI_OPT_MODEL                                                                                                  \
    { .c = 'm', .name = "model", .arg = "FILE", .kind = CLI_TEXT, .to = &cli.model,                                    \
      .help = "the model file, else $VAE_MODEL" }
#define CLI_OPT_OUTPUT                                                                                                 \
    { .c = 'o', .name = "output", .arg = "FILE", .kind = CLI_TEXT, .to = &cli.output,                                  \
      .help = "write to FILE, else standard output" }
#define CLI_OPT_OUTPUT_DIR                                                                                             \
    { .c = 'o', .name = "output", .arg = "FILE", .kind = CLI_TEXT, .to = &cli.output,                                  \
      .help = "write to FILE, else standard output; DIR/: a file for each input file" }
#define CLI_OPT_FROM                                                                                                   \
    { .c = 'f', .name = "from", .arg = "FORMAT", .kind = CLI_FORMAT, .to = &cli.from, .names = cli_formats_in,           \
      .help = "format of the input, else told by its content" }
#define CLI_OPT_TO                                                                                                     \
    { .c = 't', .name = "to", .arg = "FORMAT", .kind = CLI_NAME, .to = &cli.to, .names = cli_formats_out,              \
      .help = "format of the output" }
#define CLI_OPT_DELIM                                                                                                  \
    { .c = 'd', .name = "delimiter", .arg = "C", .kind = CLI_CHAR, .to = &cli.delim,                                   \
      .help = "character between cells, or tab, else told by the content" }
#define CLI_OPT_HEADER                                                                                                 \
    { .name = "header", .kind = CLI_SET, .to = &cli.header, .lo = 1, .help = "the first row is a header" },            \
    { .name = "no-header", .kind = CLI_SET, .to = &cli.header, .lo = 0, .help = "the first row is a record" }
/* The same of what is written, where data leaves in its own form. */
#define CLI_OPT_DELIM_OUT                                                                                              \
    { .c = 'd', .name = "delimiter", .arg = "C", .kind = CLI_CHAR, .to = &cli.delim_out,                               \
      .help = "character between cells, or tab, else as the data came" }
#define CLI_OPT_HEADER_OUT                                                                                             \
    { .name = "header", .kind = CLI_SET, .to = &cli.header_out, .lo = 1, .help = "begin tables with a header row" },   \
    { .name = "no-header", .kind = CLI_SET, .to = &cli.header_out, .lo = 0, .help = "write no header row" }
#define CLI_OPT_KEEP                                                                                                   \
    { .c = 'k', .name = "keep", .arg = "COLS", .kind = CLI_LIST, .to = &cli.keep,                                      \
      .help = "carry these columns (names or numbers) unchanged" }
#define CLI_OPT_LABEL_FROM                                                                                             \
    { .name = "label-from", .arg = "FILE", .kind = CLI_TEXT, .to = &cli.label_from,                                    \
      .help = "conditions that stand in a file beside the data, row by row" }
#define CLI_OPT_LABELS                                                                                                 \
    CLI_OPT_LABEL_FROM,                                                                                                \
    { .name = "label-from-path", .kind = CLI_FLAG, .to = &cli.label_from_path,                                         \
      .help = "the condition is the folder that each file is in" }
#define CLI_OPT_WINDOWS                                                                                                \
    { .name = "diff", .arg = "COLS", .kind = CLI_LIST, .to = &cli.diff,                                                \
      .help = "columns that become their steps: the value minus that of the row before" },                             \
    { .name = "window", .arg = "N[:STEP]", .kind = CLI_WINDOW, .to = &cli.window, .lo = 1, .hi = 4096,                  \
      .help = "rows of a series that make one record, and from one to the next" },                                     \
    { .name = "group", .arg = "COLS", .kind = CLI_LIST, .to = &cli.group,                                              \
      .help = "columns whose cells name the series a row is of" }
#define CLI_OPT_AUDIO                                                                                                  \
    { .name = "audio", .arg = "KIND", .kind = CLI_TEXT, .to = &cli.audio,                                              \
      .help = "what is made of sound: mdct, mel or centre, perhaps :MS of a hop, :FRAMES of a record" }
#define CLI_OPT_RESAMPLE                                                                                               \
    { .name = "resample", .arg = "HZ", .kind = CLI_COUNT, .to = &cli.resample, .lo = 1, .hi = 1000000,                 \
      .help = "sample frames a second that sound of another rate is brought to" }
#define CLI_OPT_RESIZE                                                                                                 \
    { .name = "resize", .arg = "HxW[xC]", .kind = CLI_SIZES, .to = &cli.resize, .lo = 1, .hi = 1 << 20,                 \
      .help = "make images so high and so wide, of so many channels (1 grey, 3 RGB)" }
#define CLI_OPT_GRID                                                                                                   \
    { .name = "grid", .arg = "RxC", .kind = CLI_SIZES, .to = &cli.grid, .lo = 1, .hi = 1 << 20,                        \
      .help = "images as one PNG, R rows of C of them" }
#define CLI_OPT_THREADS                                                                                                \
    { .c = 'j', .name = "threads", .arg = "N", .kind = CLI_COUNT, .to = &cli.threads, .hi = 1024,                      \
      .help = "threads, 0: one per processor" }
#define CLI_OPT_SEED                                                                                                   \
    { .c = 's', .name = "seed", .arg = "N", .kind = CLI_SEED, .to = &cli.seed,                                         \
      .help = "seed of what is drawn, or random" }
#define CLI_OPT_UNBUFFERED                                                                                             \
    { .c = 'u', .name = "unbuffered", .kind = CLI_FLAG, .to = &cli.unbuffered, .help = "flush after every batch" }
#define CLI_OPT_LEVEL                                                                                                  \
    { .c = 'z', .name = "level", .arg = "0..9", .kind = CLI_INT, .to = &cli.level, .hi = 9,                            \
      .help = "zlib level, else 6 into files and 0 into pipes" }
#define CLI_OPT_FRAME_ROWS                                                                                             \
    { .name = "frame-rows", .arg = "N", .kind = CLI_COUNT, .to = &cli.frame_rows, .lo = 1, .hi = 1 << 24,              \
      .help = "records in a VTS frame" }
#define CLI_OPT_SKIP_BAD                                                                                               \
    { .name = "skip-bad", .kind = CLI_FLAG, .to = &cli.skip_bad, .help = "count bad records and go on behind them" }
/* What every command has; the last row of each table. */
#define CLI_OPT_COMMON                                                                                                 \
    { .c = 'q', .name = "quiet", .kind = CLI_FLAG, .to = &cli.quiet, .help = "no warnings and reports, only errors" }, \
    { .c = 'v', .name = "verbose", .kind = CLI_FLAG, .to = &cli.verbose, .help = "end with a summary line" },          \
    { .name = "log-format", .arg = "FORMAT", .kind = CLI_CHOICE, .to = &cli.log_format, .names = cli_log_formats,      \
      .help = "of messages; all but text end with a summary" },                                                        \
    { .c = 'h', .name = "help", .kind = CLI_HELP, .help = "print this and exit" },                                     \
    { .c = 'V', .name = "version", .kind = CLI_VERSION, .help = "print the version and exit" },                        \
    { .name = NULL }

/*
 * Makes file descriptors 0 to 2 safe, reads the options of argv and moves the operands to argv[1..n]; returns n.
 * Exits: 0 after -h and -V, 64 where the command line makes no sense.
 */
size_t cli_begin(const struct cli_command *, int argc, char **argv);
/* Was the option of this name given? */
bool cli_given(const char *name);

/* With `why`: the option does not go with any of the others (names with blanks between), for this reason. Without: it needs
 * one of them. A table ends with an empty row. */
struct cli_rule {
    const char *option, *others, *why;
};
/* Ends the run with status 64 at the first rule that is broken. */
void cli_rules(const struct cli_rule *);
/* For a command line whose options contradict each other: says so and exits with 64. */
_Noreturn void cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same where both an operand (none: standard input) and the file of an option are standard input. */
void cli_one_standard(char *const *paths, size_t n, const char *file, const char *option);

/* The text of a value -> *opt->to. false where it is no good value; then expected says what would be ("a number from
 * 1 to 9"). */
bool cli_value_read(const struct cli_opt *opt, const char *value, char *expected, size_t size);
/* What stands in *opt->to as text; "" for what is not set. Returns out. */
char *cli_value_show(const struct cli_opt *opt, char *out, size_t size);
/* The names of a table: "a, b or c". Returns out. */
char *cli_names_list(cli_names *names, char *out, size_t size);
void cli_help(const struct cli_command *);

/* ---- messages on standard error (cli_log.c) ------------------------------------------------------------ */

enum cli_log_format { CLI_LOG_TEXT, CLI_LOG_LOGFMT, CLI_LOG_JSON };

void cli_log_start(const char *program); /* its name for messages; starts the clock of the summary */
/* One line each. Notes and warnings are not shown with -q. Control bytes are shown as \xNN. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* strerror() as our messages have it: lower case. Valid until the next call. */
const char *cli_reason(int error);
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct cli_totals {
    uint64_t rows, bad_rows, extra_columns;
    const char *model_id;                 /* NULL: no model was used */
    const struct vae_score_totals *score; /* NULL: nothing was scored */
    struct vae_op_totals op;
    int status;                           /* exit status */
};
double cli_seconds(void); /* since cli_log_start() */
/* The line that ends a run with -v or another log format than text; nothing without. */
void cli_summary(const struct cli_totals *);

/* Text as a JSON string with its quotes; bytes that are no text become \xNN. */
void cli_json_string(FILE *, const char *text);

/* ---- progress on a terminal (cli_progress.c) ----------------------------------------------------------- */

/* Shows one line that is rewritten in place (where standard error is no terminal: a line for each point). */
void cli_progress(const struct vae_progress *);
void cli_progress_clear(void); /* before anything else is written to standard error */

/* ---- signals (cli_signal.c) ---------------------------------------------------------------------------- */

/* From now on SIGINT and SIGTERM, unless ignored, are only noted; a second one of a kind ends the process. */
void cli_signals_catch(void);
bool cli_signal_caught(void);
void cli_signal_raise(void); /* the one that was caught, with its default action: ends the process; else nothing */

/* ---- what vae-fit writes (cli_fit_curve.c, cli_fit_report.c) --------------------------------------------- */

struct cli_curve {
    FILE *file; /* NULL: none wanted, or lost */
    const char *name;
    struct vae_err err; /* why it was lost */
    bool started;
};
/* path NULL: none is wanted. An old file is kept until training starts. false with err set. */
bool cli_curve_open(struct cli_curve *, const char *path, struct vae_err *);
void cli_curve_start(struct cli_curve *); /* with its header; does nothing the second time */
void cli_curve_add(struct cli_curve *, const struct vae_progress *);
void cli_curve_close(struct cli_curve *);

void cli_fit_report(const struct vae_fit_report *, const struct vae_fit_opts *, const struct vae_model *);

/* ---- a run from reader to writer (cli_run.c, cli_pump.c) ----------------------------------------------- */

struct cli_run {
    struct vae_model *model;
    struct vae_in *in;
    struct vae_op *op, *then; /* then: a second filter behind op, NULL: none */
    struct vae_out *out;
    int (*take)(void *taker, const struct vae_batch *, struct vae_err *); /* where records go, too; NULL: nowhere */
    void *taker;
    const struct cli_watch *watch; /* who wants to know how it ended; NULL: nobody but the summary */
    struct vae_state *state; /* where the last run stopped, NULL: this one has none */
    uint64_t saved_row;      /* the next row's number at the last save */
    bool scored;        /* op is vae_score()'s: its totals belong to the summary */
    uint64_t rows, bad_rows; /* records that went through, and that did not */
    int status;         /* to exit with where nothing failed */
    struct vae_err err; /* code 0 while nothing has failed */
};

/* What those that watch vae-score are told (cli_watch.c). */
struct cli_watch {
    const char *drift, *prom; /* files, NULL: none */
    double drift_max;         /* of a column, above it there is trouble; NaN: never */
    bool check;               /* trouble sets the status */
    size_t warning, critical; /* alarms above which a plugin says so; SIZE_MAX: never */
};
/* Tells them; may set run->err and run->status. */
void cli_watch_end(struct cli_run *, const struct cli_totals *);
/* A plugin's line where nothing is known; its status. */
int cli_plugin_unknown(const char *why);

/* Each opens one part and returns true, or false with run->err set. */
bool cli_model(struct cli_run *, const char *path); /* path NULL: says that no model was named */
bool cli_in(struct cli_run *, char *const *paths, size_t n, const struct vae_model *match);
bool cli_out(struct cli_run *, const struct vae_head *, bool no_model_path);
/* The same, or with --grid a picture of them all; cli_grid_end() draws it where nothing has failed. cli_grid_check(): exits where
 * the option makes no sense. */
bool cli_out_or_grid(struct cli_run *, const struct vae_head *);
void cli_grid_end(struct cli_run *);
void cli_grid_check(void);

/* ---- runs that go on where the last one stopped (cli_state.c); without run->state they do nothing and return true --- */

/* Opens the state for these operands, the model being there already. false with err set. */
bool cli_state(struct cli_run *, const char *path, char *const *paths, size_t n);
void cli_state_op(const struct cli_run *, struct vae_op_opts *);
void cli_state_in(const struct cli_run *, struct vae_in_opts *);
bool cli_state_opened(struct cli_run *); /* after vae_in_open(): is there a reader? */
bool cli_state_out(struct cli_run *, struct vae_out_opts *); /* is the output appended to? */
bool cli_state_done(struct cli_run *, size_t rows); /* as vae_in_done() */
bool cli_state_save(struct cli_run *, bool now); /* now and then, or now */

/* Does the file there look like a model? Pipes are streams. */
bool cli_is_model(const char *path);

/* The report of vae-score --label, to the output; threshold: the score that anomalies begin at, not finite where there is
 * none. */
void cli_labels_print(struct cli_run *, struct vae_labels *, const struct vae_labels_opts *, double threshold);

/* All records of run->in, through run->op and run->then where they are there, to run->out and run->take where there is
 * one. */
void cli_pump(struct cli_run *);
bool cli_put(struct cli_run *, const struct vae_batch *); /* to the writer and whoever takes records; false with err set */
/* How much of a message on a bad record is not about leaving it out: where that is done, or cannot be. */
size_t cli_told(const char *why);
/* A record is left out that so many were before: the first few are told, but not what could be done about it. */
void cli_tell_bad(uint64_t before, const char *at, const char *why);
/* A record is bad: at `where`, or NULL where the message tells. true: go on, with --skip-bad. */
bool cli_bad_row(struct cli_run *, const char *where);

/* Saves the state and closes the output; false and r->err: what failed first. */
bool cli_close(struct cli_run *);
/* Ends the stream, says what failed, prints the summary, frees all; the exit status. */
int cli_end(struct cli_run *);

/* Writes text to path (NULL or "-": standard output) with every call checked. 0 or VAE_E*. */
int cli_write(const char *path, const char *text, struct vae_err *);
/* err = code and a message. Returns code. */
int cli_fail(struct vae_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
