/*
 * vae.h - variational autoencoders over streams of records: the public interface of libvae.
 *
 * Everything the commands do is done through this header: open a reader, make a filter from a model
 * (encode, decode, score, generate), run batches through it, put them to a writer. See libvae(3).
 *
 * Conventions
 *   - Functions return 0 (or a count) on success and a negative VAE_E* code on failure; constructors
 *     return NULL. Either way `struct vae_err` then holds one line that says what is wrong.
 *   - vae_*_free(NULL) does nothing. The caller keeps what it opened or passed in.
 *   - The library never prints, never exits and starts no thread before it is asked for work.
 *   - Log-probabilities are in nats, summed over values, one double per record.
 */
#ifndef VAE_H
#define VAE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VAE_VERSION "0.1"

/* ---- errors ------------------------------------------------------------------------------------------ */

enum {
    VAE_EUSAGE = -1,   /* an option or a call makes no sense                       exit status 64 */
    VAE_EDATA = -2,    /* bad data, a bad stream or a bad model                    65 */
    VAE_ENOINPUT = -3, /* a file that cannot be opened                             66 */
    VAE_EDIVERGED = -4, /* training failed                                         70 */
    VAE_EOS = -5,      /* out of memory, or the operating system refused           71 */
    VAE_ECREATE = -6,  /* a file that cannot be created                            73 */
    VAE_EIO = -7,      /* reading or writing failed                                74 */
    VAE_EAGAIN = -8,   /* somebody else holds what is needed                       75 */
    VAE_EROW = -9,     /* one record is bad; the next call goes on behind it       65 */
    VAE_ESTOP = -10,   /* the caller's callback asked to stop                      70 */
};

struct vae_err {
    int code;      /* one of VAE_E*, 0 where nothing failed */
    char msg[256]; /* one line, lower case, no full stop, control bytes as \xNN */
};

/* The <sysexits.h> status for a VAE_E* code; 0 for 0. */
int vae_exit_status(int code);

/* Copies n bytes to out as text that is safe to print, at most size-1 bytes and a NUL: control bytes and bytes that are
 * no UTF-8 as \xNN, "..." at the end where cut. Returns out. */
char *vae_quote(char *out, size_t size, const char *bytes, size_t n);

/* Writes text to a file so that at every instant the path holds the old one or the new one, whole. */
int vae_replace(const char *path, const char *text, struct vae_err *);

/* ---- records ----------------------------------------------------------------------------------------- */

struct vae_batch; /* some records: one array per field */
struct vae_head;  /* what the fields of a stream are: names, types, shapes, and where it came from */

size_t vae_batch_rows(const struct vae_batch *);

struct vae_in;  /* a reader of records from files or standard input, in any supported format */
struct vae_out; /* a writer of records in any supported format */
struct vae_model;
void vae_model_free(struct vae_model *);

/*
 * Where the last run stopped in tables that grow and are rotated. Open it, give it to vae_in_open() (and, for output that
 * is appended to and where each row is to stand once, to vae_out_open()), say vae_in_done() for what is done with, and
 * save; it must outlive both.
 */
struct vae_state;
/* VAE_EAGAIN: another run holds it, by a lock on path.lock. A file that is not there is the state of a first run. */
struct vae_state *vae_state_open(const char *path, struct vae_err *);
struct vae_state_stats {
    uint64_t rows;     /* saved so far: the next record's number */
    const char *model; /* id of the last run's model, NULL: this is the first run */
    const char *memory; /* what was saved so, "": nothing */
    const char *lost;  /* a file that is gone or was cut since, so that rows behind its byte lost_at may be missed; NULL: none */
    uint64_t lost_at;
    bool anew;         /* the last run kept no rows for windows like these, so the first rows of each series are partial */
};
void vae_state_stats(const struct vae_state *, struct vae_state_stats *);
/* Puts on the disk what went to `out` (may be NULL), and then, by rename, the state: what vae_in_done() was told of, the rows that
 * windows of `in` (may be NULL) go back to, the number of records, the id of the model, and a text for the next run
 * (vae_score_memory()). Where it fails the file holds the old state. 0 or VAE_E*; VAE_EDATA: those rows are too many. */
int vae_state_save(struct vae_state *, const char *model, const struct vae_in *in, struct vae_out *out, uint64_t rows,
                   const char *memory, struct vae_err *);
void vae_state_free(struct vae_state *);

struct vae_in_opts {
    const char *format;       /* a name of vae_format(), NULL: told by the content */
    char delim;               /* cell delimiter of tables, 0: told by the content */
    int header;               /* 1 first row is a header, 0 it is not, -1 told by the content */
    char *const *keep;        /* names (or 1-based numbers) of columns to carry, never to model */
    size_t nkeep;
    bool whole_rows;          /* tables: also each row as it came, which scores are then appended to */
    size_t batch_rows;        /* at most so many records a batch, 0: a good number */
    const char *label_from; /* a file whose columns stand beside the records, row by row: the labels of images; NULL: none */
    bool names;             /* of images and sounds: a column "file" beside the records, the name of the file each is of */
    bool label_from_path;   /* or each record's label is the folder its file is in */
    struct vae_state *state; /* go on where it says: paths are regular files, tables; with a model. VAE_EAGAIN: nothing was there
                              * yet, now or before */
    bool offsets;            /* with a state: columns file (of several paths), inode and offset, of where each record begins */
    const struct vae_model *model; /* match columns to this model's, by name, and make windows as it does; NULL: take all as they come */
    char *const *diff;        /* [ndiff] columns that are replaced by their steps: the value minus that of the row before */
    size_t ndiff;
    size_t window;            /* rows of a series that make a record, named cpu, cpu@-1, ...; 0: one */
    size_t window_step;       /* rows from one record of a series to the next, 0: 1 */
    char *const *group;       /* [ngroup] columns whose cells name the series a row is of; else those of a file are one */
    size_t ngroup;
    const char *text_label;   /* of lines of text: each begins with a label of this name and a tab; NULL: none does */
    size_t resize[3];         /* images are made to be of this height, width and number of channels (0: theirs); all 0: left as they are */
    bool whole;               /* records of whole windows alone, as for a fit; else one for each row */
    uint32_t resample;        /* sound: to so many sample frames a second; 0: as it is */
    const char *audio;        /* sound: what is made of it, "mdct", "mel" or "centre", and perhaps ":MS" of a hop, ":FRAMES" of a
                               * record; NULL: with a model what that learnt from, else its sample frames as they are */
    bool audio_if_sound;      /* what is no sound is taken, too, as it is */
    bool values;              /* the values that columns of steps are of go along, carried */
};

/* Opens paths[0..n-1] one after the other ("-" is standard input; n = 0 too). NULL and err on failure. */
struct vae_in *vae_in_open(char *const *paths, size_t n, const struct vae_in_opts *, struct vae_err *);
const struct vae_head *vae_in_head(const struct vae_in *);

/* The next records: their number, 0 at the end, VAE_EROW for one bad record (call again to go on behind it),
 * or another VAE_E*. Returns early, with the whole records it has, rather than block on idle input.
 * The batch is the reader's and lives until the next call. */
int vae_in_next(struct vae_in *, const struct vae_batch **, struct vae_err *);

/* The first `rows` records of the last batch are done with (0 behind VAE_EROW: the bad one is), so a state is to go on behind
 * them. 0 or VAE_EOS. */
int vae_in_done(struct vae_in *, size_t rows, struct vae_err *);

struct vae_in_stats {
    uint64_t rows;          /* good records so far */
    uint64_t extra_columns; /* columns passed over because the model has no use for them */
    uint64_t headers;       /* header rows seen */
    bool header_assumed;    /* nothing told whether the first row is a header */
    bool has_input;         /* false: the last batch ended because the input is idle */
};
void vae_in_stats(const struct vae_in *, struct vae_in_stats *);
/* "data.csv:17" of record `row` (0-based) in the batch handed out last; valid until the next call. */
const char *vae_in_where(const struct vae_in *, size_t row);
void vae_in_free(struct vae_in *);

struct vae_out_opts {
    const char *format; /* a name of vae_format(); NULL: as the head's origin says */
    char delim;         /* of tables, 0: as the origin says */
    int header;         /* write a header row: 1, 0, -1 as the origin says */
    int level;          /* zlib level 0..9; -1: files 6, pipes 0 */
    uint32_t frame_rows; /* records in a VTS frame, 0: a good number */
    bool no_model_path; /* leave the model's path out of a VTS head */
    struct vae_state *state; /* append to the named table behind the rows that this tells of; what is behind them is cut off */
};

/* path NULL or "-" is standard output. A named file appears under its name when it is whole. A directory, or a path that ends in a
 * slash, gets a file for each file that the records came from. */
struct vae_out *vae_out_open(const char *path, const struct vae_head *, const struct vae_out_opts *, struct vae_err *);
int vae_out_put(struct vae_out *, const struct vae_batch *, struct vae_err *);
int vae_out_flush(struct vae_out *, struct vae_err *); /* everything put so far reaches the reader */
/* Ends the stream and frees the writer. status 0: all is well; else a VAE_E* that a later reader is told of. */
int vae_out_close(struct vae_out *, int status, struct vae_err *);

/* Row i of the table of formats, NULL behind the last; *readable and *writable (may be NULL) say what it does. */
const char *vae_format(size_t i, bool *readable, bool *writable);

/* ---- models ------------------------------------------------------------------------------------------ */

/* Loads and verifies a model file. NULL and err on failure. */
struct vae_model *vae_model_load(const char *path, struct vae_err *);
/* Writes it so that at every instant the path holds the old file or the new one, whole. */
int vae_model_save(struct vae_model *, const char *path, struct vae_err *);
/* Is the directory of `path` writable? Asked before hours of training. 0 or VAE_ECREATE; VAE_EUSAGE where a file is there that
 * is no model. */
int vae_model_can_save(const char *path, struct vae_err *);
/* Does a file that begins with these n bytes look like a model? Ten of them tell. */
bool vae_is_model(const void *first, size_t n);
/* Records that make so many seconds of sound; 0: those of the model are none. */
size_t vae_model_seconds(const struct vae_model *, double seconds);
const char *vae_model_id(const struct vae_model *);   /* SHA-256 of its file, as sha256sum prints it; "" if unsaved */
size_t vae_model_latents(const struct vae_model *);
size_t vae_model_window(const struct vae_model *);    /* rows of a series that a record is made of, 1 without windows */
/* What the model is, as text for people or as JSON; the caller frees it. NULL when out of memory. */
char *vae_model_describe(const struct vae_model *, bool json);
/* The columns, their kinds, likelihoods and levels, as CSV to be edited and given to a fit; the caller frees it. */
char *vae_model_schema(const struct vae_model *);
/* Column i of those that are carried and not modelled, NULL behind the last. *kind (may be NULL): "id", "text" or "counter", "clock"
 * of a time that only goes forward, of which the model is told where in the day, week and year it stands; "kept" where the user asked
 * for it. */
const char *vae_model_carried(const struct vae_model *, size_t i, const char **kind);
char *vae_head_describe(const struct vae_head *, bool json);
/* The model a stream of latents names in its head: its path (NULL where none is named). */
const char *vae_head_model_path(const struct vae_head *);

/* ---- filters: records in, records out ------------------------------------------------------------------- */

struct vae_op;

/* What `in` gives (a head of data for encoders and scores, of latents for decoders) -> a filter, or NULL and err.
 * The model and the head must outlive it. threads 0: one per processor. */
struct vae_op_opts {
    size_t threads;
    uint64_t seed;
    bool sample;      /* encode: draw from the posterior; decode: draw from the likelihood; generate: do not, if mean */
    bool mean;        /* generate: means instead of draws */
    bool windows;     /* generate, decode, of a model of windows: these, each in a row; else rows of series */
    uint64_t rows;    /* generate, of series: rows of each */
    uint64_t series;  /* so many, 0: one; or */
    struct vae_in *after; /* one behind the rows of each that are read here (opts->values), to the end */
    bool with_sd;     /* encode: posterior standard deviations too */
    bool codes;       /* encode: the codes themselves, as whole numbers; decode: the latents are those */
    bool no_model_path;
    uint64_t first_row; /* number of the first record, for what is drawn */
    const char *prior;  /* generate: a name of vae_prior(), NULL: the model's own; one trained with the model rules others out */
    double temperature; /* generate: factor on the noise of the latents; of lines, also decoded ones, what the logits of symbols are
                           divided by; 0: 1 */
    size_t beam;        /* lines that are not drawn: hypotheses to follow, at most 16; 0: the most probable symbol each time */
    char *const *where; /* [nwhere] generate: conditions, "age>=60", "sex=F"; decode: of the columns that the model is told */
    size_t nwhere;
    bool guided;          /* generate, decode: conditions count `guidance` times as much as they should (1: as they should) */
    double guidance;
    struct vae_in *like;  /* generate: records to vary, read to their end */
    struct vae_in *avoid; /* generate: records that none may be a near-copy of, read to their end */
    struct vae_in *benign; /* score: records that are known: what is like one of them is no anomaly; read to their end */
    bool skip_bad;        /* leave bad records of those three out, counting them */
    bool best;          /* complete: the single best value instead of draws */
    enum vae_by { VAE_BY_AUTO, VAE_BY_ELBO, VAE_BY_IW, VAE_BY_RECON, VAE_BY_MSE, VAE_BY_NEAR, VAE_BY_DENOISE, VAE_BY_LINE } by; /* score */
    int draws;          /* score: posterior draws, 0: the model's own number */
    bool parts;         /* score: nll, recon, kl and mse too (and their totals) */
    size_t explain;     /* score: the columns that carry it, so many of them, 0: none */
    bool drift;         /* score: watch how the rows differ from those of the fit */
    double alpha;       /* score: threshold on p, 0: the model's own; VAE_EUSAGE where its calibration scores cannot show it */
    const char *label;  /* score: a column that is carried whatever it is to the model; NULL: none */
    bool tail;          /* score: p goes on below what they can show, by a tail fitted to them */
    bool only;          /* score: give the anomalies alone, or the alarms where there are any to tell; all count */
    const char *memory; /* score: what vae_score_memory() gave at the end of the run before, NULL or "": nothing */
    size_t persist[2];  /* score: {K, N}: an alarm where at least K of the last N records are anomalies; 0: at each one */
    size_t cooldown;    /* score: records after an alarm that raise none */
    const char *classify; /* classify: a condition, NULL: the only one */
};
struct vae_op *vae_encode(const struct vae_model *, const struct vae_head *in, const struct vae_op_opts *, struct vae_err *);
struct vae_op *vae_decode(const struct vae_model *, const struct vae_head *in, const struct vae_op_opts *, struct vae_err *);
struct vae_op *vae_score(const struct vae_model *, const struct vae_head *in, const struct vae_op_opts *, struct vae_err *);
/* Records -> which level of the categorical condition `classify` (NULL: the only one) they have, and the probability of each:
 * p(c|x) in proportion to p(x|c) p(c), p(x|c) by the importance-weighted bound of `draws` (0: 64). */
struct vae_op *vae_classify(const struct vae_model *, const struct vae_head *in, const struct vae_op_opts *, struct vae_err *);
struct vae_op *vae_generate(const struct vae_model *, const struct vae_op_opts *, struct vae_err *);
/* Rows of a table with missing cells -> the same rows, `draws` times each (0: once), those cells filled. */
struct vae_op *vae_complete(const struct vae_model *, const struct vae_head *in, const struct vae_op_opts *, struct vae_err *);

/*
 * Latents to latents. `in` has latents, as vae_encode() gives them or as columns z1, z2, ... of a table; the model may be NULL,
 * else they must be its own. With `in` NULL the walks start from the model's prior and vae_op_generate() gives their points, none
 * at the end. A record gives points, in the fields walk (which one, from 1), walk_t (where on it), with VAE_WALK_AXES walk_axis
 * (which latent, from 1), and mu; its kept cells go along.
 */
struct vae_walk_opts {
    enum vae_walk_kind {
        VAE_WALK_LINE,   /* from record to record; walk_t counts them from 0 */
        VAE_WALK_AXES,   /* a walk for each of the latents named: it takes the values from..to, the others stay; walk_t: its value */
        VAE_WALK_TOWARD, /* along a direction; walk_t: how far, from..to */
        VAE_WALK_NEAR,   /* draws around the record; walk_t: which one, from 1 */
    } kind;
    size_t steps;        /* points of a line, both ends counted, 0: 9 */
    double from, to;     /* the same: -3..3 along axes, 0..1 toward */
    bool spherical;      /* line: directions turn evenly and lengths change evenly */
    bool pairs;          /* line: from the first record to the second, the third to the fourth, ..., each a walk */
    char *const *axes;   /* [naxes] axes: numbers of latents from 1, or "all" */
    size_t naxes;
    const char *toward;  /* toward: "column=value" */
    struct vae_in *labelled; /* toward: latents with that column, read to their end. 1 is as far as the mean of the records with
                            that value is from the mean of the others. A record whose column is missing counts for neither. */
    bool logistic;       /* toward: square to the plane by which logistic regression tells them, as far as the means are apart in
                            that direction; else from mean to mean */
    bool skip_bad;       /* leave bad records of `labelled` out, counting them */
    double sd;           /* near: standard deviation, in those of the posterior where `in` has them, else as latents are */
    size_t draws;        /* near: of each record, 0: one */
    uint64_t seed, first_row; /* of what is drawn; number of the first record */
    size_t starts;       /* in NULL: draws of the prior to start from, 0: one start at 0, its mean */
};
struct vae_op *vae_walk(const struct vae_model *, const struct vae_head *in, const struct vae_walk_opts *, struct vae_err *);

/*
 * Scores with p -> the same with another `anomaly`: 1 for the records that the procedure of Benjamini & Hochberg (1995) rejects at
 * level q, each `batch` of records for itself, 0: all of them. Of the anomalies of a batch a share of at most q is false in the
 * mean. Records are held back until their batch is whole; vae_op_end() gives the last ones. `scores` is a head of vae_score(),
 * which must outlive it.
 */
struct vae_op *vae_fdr(const struct vae_head *scores, double q, size_t batch, struct vae_err *);

/*
 * Scores with p -> one record for each file: the mean of the tenth of its scores that are highest, and a p that holds however its
 * records hang together (lib/score/files.c). An anomaly has p at or below alpha, or the smallest there is where records' p go down to
 * `least`. The last file's record comes from vae_op_end(). `scores` is a head of vae_score(), which must outlive it.
 */
struct vae_op *vae_files(const struct vae_head *scores, double alpha, double least, struct vae_err *);

const struct vae_head *vae_op_head(const struct vae_op *); /* of what it gives */

/* Runs records *from.. of a batch: *out are the results for those before the first bad one and live until the next
 * call. *from becomes the record to go on with. 0; VAE_EROW where record *from - 1 is bad (call again to go on behind it);
 * another VAE_E* on failure. */
int vae_op_run(struct vae_op *, const struct vae_batch *in, size_t *from, const struct vae_batch **out, struct vae_err *);
/* A bad record is left out, here or before it came here: those behind it keep the numbers that they have in the input. */
void vae_op_skip(struct vae_op *);
/* At the end of the input: the records that the filter has held back, none for most. They live until the next call. */
int vae_op_end(struct vae_op *, const struct vae_batch **out, struct vae_err *);
/* The next n records of vae_generate(), of series at most n of one and none at the end; at most n points of vae_walk(). */
int vae_op_generate(struct vae_op *, size_t n, const struct vae_batch **out, struct vae_err *);

struct vae_score_totals {
    uint64_t rows, anomalies;
    uint64_t benign;         /* would be anomalies, but are like a known record */
    uint64_t alarms;         /* of records by persist and cooldown; without them each anomaly */
    uint64_t partial;        /* more rows, without a score: those before them that their windows want are missing */
    double max_score;
    double missing;          /* share of the cells read that were missing */
    double drift;            /* the largest of a column; NaN: none is watched */
    const char *drift_column; /* whose it is; NULL: there is no drift */
    double mean_nll, se_nll; /* mean over records and its standard error, nats */
    double mean_ess;         /* effective sample size of the importance weights, of `draws` */
    int draws;
    double alpha, threshold; /* in force */
    bool alpha_raised;       /* the calibration rows are too few for the model's own alpha: the smallest attainable is used */
    bool approximate;        /* p is more than a count of calibration scores: a tail was fitted; or these are of windows */
    double fdr;              /* the level q of vae_fdr(), 0: without; */
    uint64_t batches;        /* and how many it has judged */
    uint64_t files;          /* that vae_files() has judged */
    double least_p;          /* that the calibration scores can show; NaN: they are none */
};
void vae_score_totals(const struct vae_op *, struct vae_score_totals *);
/* What the run over the records to come has to know of those before, as text; the caller frees it. NULL: out of memory. */
char *vae_score_memory(const struct vae_op *);
/* What vae_fdr() or vae_files() decided takes the place of what vae_score() did: anomalies, fdr and batches, files. */
void vae_verdict_totals(const struct vae_op *, struct vae_score_totals *);

/*
 * Scores against labels: open with the head of vae_score() or vae_fdr(), which must outlive it, put all batches, report, free.
 * The model tells which texts are missing labels.
 */
struct vae_labels_opts {
    const char *column;   /* its name; opts->label of vae_score() */
    const char *positive; /* the odd ones have this value, all others are normal; NULL: there are two values, and the odd ones have
                             1 beside 0, true beside false, yes beside no, else the rarer one */
    double missed, alarm; /* what an odd record costs that is not found, and a normal one that is called odd; 0: nothing is said */
};
struct vae_labels;
struct vae_labels *vae_labels_open(const struct vae_head *, const struct vae_model *, const struct vae_labels_opts *, struct vae_err *);
int vae_labels_put(struct vae_labels *, const struct vae_batch *, struct vae_err *);
/* NaN where there is nothing to tell. */
struct vae_labels_report {
    uint64_t rows, unlabelled;     /* rows: with a label */
    uint64_t odd, flagged, found;  /* labelled so; called an anomaly; both */
    char positive[64];
    bool guessed;                  /* nobody said that this value is the odd one, nor does it */
    bool modelled;                 /* the column is one of those the model scores */
    double auroc, average_precision; /* of the score; ties count half; as scikit-learn's average_precision_score() */
    /* with costs, at the score from which on calling all odd costs least; its p, to be said as alpha */
    double threshold, alpha, cost;
    uint64_t cost_flagged, cost_found;
};
/* VAE_EDATA where all labels are alike. */
int vae_labels_report(struct vae_labels *, struct vae_labels_report *, struct vae_err *);
void vae_labels_free(struct vae_labels *);

/* How a column of the records scored differs from the rows of the fit; NaN where there is nothing to tell. */
struct vae_drift {
    const char *column;
    double psi;   /* population stability index over about ten parts */
    double drift; /* of that what is not chance: 0 where all of it may be */
    double ks;    /* largest difference of the distribution functions; of columns with an order */
    double missing, missing_fit; /* shares of the rows */
};
/* Column i of those that are watched; false behind the last, and without vae_op_opts.drift. */
bool vae_score_drift(const struct vae_op *, size_t i, struct vae_drift *);

/* What was seen on the way; all of it zero where it does not apply. */
struct vae_op_totals {
    uint64_t missing, unknown; /* cells read that were missing; texts that are no level the model knows */
    uint64_t longer;           /* lines read that are longer than the model has room for */
    uint64_t filled;           /* cells that vae_complete() filled */
    uint64_t copies;           /* generated records dropped as near-copies */
    uint64_t bad_given;        /* records of `like`, `avoid` and `benign` left out */
    double ess, draws;         /* mean effective sample size of the importance weights, and of how many draws */
    uint64_t next_row;         /* number of the next record, from first_row on */
};
void vae_op_totals(const struct vae_op *, struct vae_op_totals *);
void vae_op_free(struct vae_op *);

/* ---- training -------------------------------------------------------------------------------------------- */

enum vae_purpose { VAE_FOR_GENERATE, VAE_FOR_DETECT, VAE_FOR_REDUCE };

struct vae_progress {
    const char *stage; /* "reading", "planned" (`total` steps make good use of the budget), "training", "finishing" (what is fitted behind
                          it, and measured), "calibrating" */
    uint64_t done, total;
    double recon, kl, beta, elbo, valid;
    size_t step;
    size_t from; /* the step of a checkpoint that training goes on from, 0: from the start. The points before it come first */
    bool point; /* a point of the curve: recon to valid are set */
    const char *bad;     /* "reading": where a record is that is left out, and why; else NULL */
    const char *trouble; /* something failed that does not end the run (a checkpoint cannot be written): a line to tell; else NULL */
};

enum { VAE_FIT_RATES = 16 };

/* Zero (NULL, NaN for the floats set so by vae_fit_defaults()) means: chosen from the data. */
struct vae_fit_opts {
    const struct vae_model *init; /* begin with its columns, sizes and weights, and for its purpose; `in` was opened to match it */
    enum vae_purpose purpose;
    size_t latent_dim;
    size_t codebook; /* values of a code where latents are codes */
    const char *latent, *net, *act, *lik, *prior; /* names of the tables; NULL: chosen */
    const char *objective;  /* a name of vae_objective(), NULL: "elbo" */
    size_t samples;         /* draws a record of "iwae", 0: chosen */
    double tc, mmd;         /* weights of the terms of these objectives, NaN: chosen */
    const char *sd; /* of the likelihood: "column", one for each column, "shared", "record" or "unit"; NULL: chosen */
    size_t hidden[16], nhidden;
    size_t channels[16], nchannels; /* of the convolutions, from the image on, at most 8; 0: chosen where net is "conv" */
    double beta, warmup, free_bits, lr, decay, dropout, word_dropout, valid; /* NaN: chosen */
    size_t cycles;               /* how often beta rises, 0: once */
    double capacity, target_mse; /* NaN: none; else what the KL or the squared error of a record is held at, by beta */
    size_t steps, epochs, batch, patience;
    double budget;       /* seconds that the fit may take, from which the steps are found; NaN: none */
    bool patience_set;
    uint64_t seed;
    size_t threads;
    uint64_t max_memory; /* bytes of data held, 0: half of the machine's */
    char *const *as;     /* [nas] "column=kind" */
    size_t nas;
    char *const *levels; /* [nlevels] "column=a|b|c" */
    size_t nlevels;
    char *const *condition; /* [ncondition] columns (names, or numbers from 1) that the model is told and does not explain */
    size_t ncondition;
    char *const *missing; /* [nmissing] texts that stand for a missing cell; 0: empty, NA, NaN, ?, null */
    size_t nmissing;
    bool text_bytes;      /* symbols of lines are bytes, not characters of UTF-8 */
    bool mask_numbers;    /* of lines: a run of digits is one 0 */
    size_t line_length;   /* symbols of a line that the model has room for, its end among them; 0: as the longest has, up to 256 */
    const char *schema;  /* a file as vae_model_schema() gives it, or NULL */
    const char *checkpoint; /* a file for the state of training, to go on from after a kill; NULL: none. The caller's to remove when
                             * the model is saved */
    double checkpoint_every; /* seconds between two; NaN: a minute */
    bool resume;         /* go on from the checkpoint where it is there, else that is VAE_EUSAGE */
    double rates[VAE_FIT_RATES]; /* [nrates] measure the rate and the distortion at these weights of the KL, too */
    size_t nrates;
    bool calibrate;      /* keep rows apart for p-values */
    bool contaminated;   /* detect: odd rows are among the training rows */
    bool exemplars;      /* detect: keep training rows in the model that others are compared with */
    const char *split_by; /* a column, modelled or not: rows with the same value of it are held out together or not at all; NULL */
    bool split_time;     /* the last rows are held out, instead of some at random */
    double alpha;        /* p at or below it is an anomaly; NaN: .001, or what the calibration rows can show */
    double contamination; /* the share of the rows that are odd, and the same threshold by that name; NaN: not said */
    bool skip_bad;       /* leave bad rows out, counting them */
    /* Progress, perhaps from another thread, but one call at a time; returning true stops with VAE_ESTOP. */
    bool (*report)(void *ctx, const struct vae_progress *);
    void *ctx;
};
void vae_fit_defaults(struct vae_fit_opts *);
/* Do the options contradict each other? VAE_EUSAGE; asked before anything is read. vae_fit() asks, too. */
int vae_fit_check(const struct vae_fit_opts *, struct vae_err *);

/* A point of the rate-distortion curve: means per record in nats at a weight of the KL; NaN where training diverged there. */
struct vae_fit_rate {
    double beta, rate, distortion;
};

/* Whether the model earns its keep, on rows held out. Nats per record; NaN where not known. */
struct vae_fit_report {
    uint64_t rows, bad_rows, values, weights;
    uint64_t longer;              /* lines of text that are longer than there is room for */
    uint64_t unknown;             /* with init: cells that hold no level that model knows */
    bool chain;                   /* the bounds are those of the latents alone: what columns tell of one another is not in them */
    bool held_out;                /* false: so few rows that none were; the bounds are those of the fitted rows */
    double elbo, elbo_se;         /* the model */
    double iw, iw_se, iw_ess;     /* importance-weighted bound, mean effective sample size of its weights */
    int iw_draws;
    uint64_t iw_rows;             /* of the rows held out: as many as a second or two allow */
    double independent, ppca;     /* best independent-columns model; probabilistic PCA with as many latents */
    size_t latents, active_units; /* active: variance of the posterior mean above 0.01 (Burda et al. 2016), of a ladder the KL, too */
    const double *kl;             /* [latents], lives with the model */
    size_t codes;                 /* values of a code; 0: latents are numbers, and there is nothing in the next three */
    double code_usage, code_perplexity; /* share of the values in use, and exp(entropy): means over the codes */
    double code_nats;             /* what the codes of a record cost */
    bool collapsed;               /* the latents are idle: none active, or below 0.05 nats in all */
    bool answered;                /* they were after a first training; the better one of two is kept */
    size_t steps, best_step;
    double late_gain;             /* what the last fifth of the steps added to the bound of rows held out; NaN: none are */
    double asked, reached;        /* of capacity or target_mse; NaN without */
    uint64_t calibration_rows;    /* behind the p-values; 0: none */
    double alpha;                 /* p at or below it is an anomaly */
    size_t kept;                  /* the step that the checkpoint left behind is of, also after a failure; 0: there is none */
    struct vae_fit_rate rate[VAE_FIT_RATES];
    size_t nrate;
    char label[64];               /* detect: a modelled column that looks like the labels; "" for none */
    const char *assumed;          /* a line to tell, or NULL */
};
/* Reads all of `in`, trains, calibrates. NULL and err on failure. */
struct vae_model *vae_fit(struct vae_in *in, const struct vae_fit_opts *, struct vae_fit_report *, struct vae_err *);

/* ---- synthetic tables ------------------------------------------------------------------------------------- */

/* Of a table beside the rows TRAIN that a model learnt from, in per cent. NaN where there is nothing to tell. */
struct vae_figures {
    double shape; /* mean over columns of 1 - Kolmogorov-Smirnov distance (numbers), 1 - total variation (categories) */
    double trend; /* mean over pairs of columns of 1 - |r - r'|/2 (numbers), 1 - total variation of the joint table */
    double c2st;  /* 2 - 2 AUC of a logistic regression that tells it from TRAIN: 100 is "cannot" */
    double invalid, same_rows; /* cells that TRAIN rules out; rows that stand in TRAIN as they are */
};
struct vae_fidelity_column {
    char *name;
    bool number;
    double shape, floor;
};
struct vae_fidelity {
    uint64_t rows[3];                /* TRAIN, TEST, SYNTH */
    struct vae_figures synth, floor; /* floor: of TEST, what perfect sampling scores */
    double copied;                   /* share of SYNTH that is near-copies of TRAIN rows, up to noise */
    size_t ncolumns, numeric;
    struct vae_fidelity_column *column;
};
struct vae_compare_opts {
    char *const *drop; /* [ndrop] names of columns to leave out */
    size_t ndrop, max_rows; /* rows of each that a classifier sees, 0: 20000 */
    uint64_t seed;
    size_t threads;
};
/* Reads TRAIN, TEST and SYNTH to their ends and compares them; vae_fidelity_free() whatever comes of it. */
int vae_compare(struct vae_in *const in[3], const struct vae_compare_opts *, struct vae_fidelity *, struct vae_err *);
void vae_fidelity_free(struct vae_fidelity *);
/* As text for people or as JSON; the caller frees it. NULL when out of memory. */
char *vae_fidelity_describe(const struct vae_fidelity *, bool json);

/* ---- pictures ----------------------------------------------------------------------------------------------- */

struct vae_plot; /* a picture in the making */

/* All zero: chosen by what the records are. */
struct vae_plot_opts {
    const char *kind;           /* a name of vae_plot_kind(), NULL: told by the options and the head */
    const char *title;          /* of an SVG */
    bool sort;                  /* KL of latents: in falling order */
    const char *x, *y, *colour; /* scatter: names of columns. x and y NULL: the first two principal components */
    size_t rows, columns;       /* grid: how many images, columns alone: all of them in so many columns */
    size_t shape[3], nshape;    /* grid: height, width and perhaps channels of a record */
    size_t scale;               /* grid: pixels that a value is wide and high */
    double low, high;           /* grid: values that are black and white, where low < high */
    struct vae_in *beside;      /* grid: originals, which go above the records; as many are read */
};

/* A picture of records with this head, to path (NULL or "-": standard output; no terminal). Head and options must outlive it.
 * NULL and err. */
struct vae_plot *vae_plot_open(const struct vae_head *, const struct vae_plot_opts *, const char *path, struct vae_err *);
int vae_plot_put(struct vae_plot *, const struct vae_batch *, struct vae_err *);
/* What there is to tell of records that are not in the picture, NULL: nothing. */
const char *vae_plot_note(const struct vae_plot *);
/* Draws, writes and frees it. status: as of vae_out_close(), only for 0 there is a picture. */
int vae_plot_close(struct vae_plot *, int status, struct vae_err *);
/* The KL of each latent of a model; nothing is put to it. */
struct vae_plot *vae_plot_model(const struct vae_model *, const struct vae_plot_opts *, const char *path, struct vae_err *);
/* Kinds of pictures of records, row i; NULL behind the last. */
const char *vae_plot_kind(size_t i, const char **about);

/* Names and descriptions of the tables, row i; NULL behind the last. */
const char *vae_likelihood(size_t i, const char **about);
const char *vae_latent(size_t i, const char **about);
const char *vae_prior(size_t i, const char **about);
const char *vae_objective(size_t i, const char **about);
const char *vae_activation(size_t i);
/* The BLAS kernels in use, "none" before the first product. */
const char *vae_blas_core(void);

#endif
