/*
 * format.h - what a file format is to the rest of the program: one row of a table.
 *
 * A format reads bytes from a source (source.h: files, pipes, gzip told and undone) and gives batches of typed
 * records (rec.h), or takes batches and writes bytes to a sink (sink.h). A new format is a file and a row.
 */
#ifndef STREAM_FORMAT_H
#define STREAM_FORMAT_H

#include "base/mem.h"
#include "base/rec.h"
#include "stream/sink.h"
#include "stream/source.h"
#include "vae.h"

/* The columns a reader is asked for, in this order; the batch has them in this order, kept ones behind. */
struct stream_want {
    size_t n;             /* 0: take every column as it comes */
    char *const *names;
    const bool *optional; /* kept columns may be missing: an optional one that is, is left out of the head */
    bool text;            /* what has no signature is lines of text */
    const char *label;    /* and each begins with a label of this name and a tab; NULL: none does */
};

/* Where a reader stands in a table that grows, and what it takes to go on there. */
struct stream_place {
    uint64_t offset, line; /* of the next record: the bytes before it, and its line from 1 */
    size_t cells;          /* in a row; 0: the table has not begun, and nothing of the rest is known */
    char delim;
    bool crlf;
    const char *header;    /* [nheader] the header row in force, NULL: columns are taken by position */
    size_t nheader;
};

struct stream_read_opts {
    char delim;          /* as in struct vae_in_opts */
    int header;
    char *const *keep;
    size_t nkeep;
    size_t batch_rows;   /* 0: the format's own choice */
    const char *label;   /* of lines of text: each begins with one of this name and a tab; NULL: none does */
    size_t width;        /* numbers of a record, where the format is `wide`; 0: not said */
    size_t resize[3];    /* images are made to be so high, so wide, of so many channels (0: as many as they have); 0: as they are */
    bool whole;          /* of tables: rows as they came as a last field that is `whole` */
    struct stream_want want;
    uint32_t resample;   /* sound: to so many sample frames a second; 0: as it is */
    /* The input is a table that grows, from here on: what has no line end yet is no row. NULL: it is whole. */
    const struct stream_place *from;
};

struct stream_format {
    const char *name, *about;
    const char *endings; /* of file names, beside its own name: "pgm ppm"; may be NULL */
    bool files;  /* files are told apart even where there is but one: -o DIR/ gives each back */
    bool wide;   /* how many numbers a record has must be said: -f f32:784 */
    bool single; /* a file holds one record: -o DIR/ makes one of each */
    /* Does a stream that begins with these n bytes (up to SOURCE_PEEK) look like this format? Rows are asked in order. NULL: any
     * bytes may be it, and it has to be said. */
    bool (*sniff)(const unsigned char *p, size_t n);
    /* Of a signature that begins as text does: could it be one that more bytes would tell? NULL: none does. */
    bool (*begins)(const unsigned char *p, size_t n);

    /* Reading; NULL where the format cannot be read. The head is the reader's own. open() reads no further than it
     * must to know the head. next() gives up to batch_rows rows: their number, 0 at the (clean) end, VAE_EROW for one
     * bad record (the next call goes on behind it), VAE_EDATA / VAE_EIO when it cannot go on. Rows before a fault
     * are always handed out first. It returns early with what it has when source_idle() says that reading on
     * would block. where() writes "17" (the line of row i of the last batch) or "record 17". place() says where that row
     * begins, or where the last batch (and a bad record that was told) ends for the number of its rows. open() of a table
     * that grows and has no whole row yet: VAE_EAGAIN. */
    void *(*open)(struct source *, const struct stream_read_opts *, struct vae_err *);
    const struct vae_head *(*head)(const void *);
    int (*next)(void *, struct vae_batch *, struct vae_err *);
    void (*where)(const void *, size_t row, char out[64]);
    void (*place)(const void *, size_t row, struct stream_place *); /* NULL where the format cannot grow */
    void (*stats)(const void *, struct vae_in_stats *); /* adds to it; may be NULL */
    void (*close)(void *);

    /* Writing; NULL where the format cannot be written. */
    void *(*create)(struct sink *, const struct vae_head *, const struct vae_out_opts *, struct vae_err *);
    int (*put)(void *, const struct vae_batch *, struct vae_err *);
    int (*flush)(void *, struct vae_err *);              /* whole records out to the sink; may be NULL */
    int (*finish)(void *, int status, struct vae_err *); /* ends the stream; the sink is closed by the caller. May be NULL */
    void (*destroy)(void *);
};

extern const struct stream_format stream_csv, stream_tsv, stream_vts, stream_npy, stream_idx, stream_png, stream_pnm, stream_pam,
    stream_ndjson, stream_u8, stream_s16, stream_f32, stream_f64, stream_text, stream_wav, stream_au, stream_flac, stream_ogg, stream_aiff,
    stream_caf, stream_mp3, stream_sound;

/* The table; ends with NULL. */
extern const struct stream_format *const stream_formats[];
const struct stream_format *stream_format_by_name(const char *); /* NULL for none */
/* The same of "f32:784", *width: 784, or 0 where there is none. VAE_EUSAGE. */
const struct stream_format *stream_format_parse(const char *, size_t *width, struct vae_err *);

/* [nfields] Fields of a table as it is written: those first that the origin names, in that order. Only data is put back so. The
 * caller's to free; NULL: out of memory. */
size_t *stream_order(const struct vae_head *, struct vae_err *);

/* That of a file's name, x.csv or x.csv.gz; NULL where it tells none. */
const struct stream_format *stream_format_by_ending(const char *path);
/* Length of a name without the .gz that may be behind it. */
size_t stream_plain_name(const char *path);
/* Is the ending of path[n] one of the words, in letters of any case? words may be NULL. */
bool stream_ends_in(const char *path, size_t n, const char *words);

/* That of the files that data came from; NULL where nothing tells. */
const struct stream_format *stream_format_of(const struct vae_head *);


/* What makes other records of those that were read, before they are handed out; functions as those of front/front.h. */
struct stream_front {
    void *ctx;
    const struct vae_head *head;
    int (*run)(void *ctx, const struct vae_batch *, size_t *at, const struct vae_batch **out, struct vae_err *);
    size_t (*row)(const void *ctx, size_t i);
    size_t (*overlap)(const void *ctx);
    void (*cut)(void *ctx, const char *name);
    int (*end)(void *ctx, const struct vae_batch **out, struct vae_err *); /* a file ends: records held back, 0 for none; may be NULL */
    int (*save)(void *ctx, size_t done, struct buf *, struct vae_err *); /* may be NULL */
    void (*free)(void *ctx);
};
/* From now on the reader hands out what `front` makes; it is the reader's to free. */
void stream_in_front(struct vae_in *, const struct stream_front *);

/* What makes other records of those that are put to a writer. */
struct stream_back {
    void *ctx;
    int (*run)(void *ctx, const struct vae_batch *, const struct vae_batch **out, struct vae_err *); /* their number, or VAE_E* */
    void (*free)(void *ctx);
};
/* The format that vae_out_open() would choose; NULL where it is not known, or not written. */
const struct stream_format *stream_out_format(const char *path, const struct vae_head *, const struct vae_out_opts *);
bool stream_is_sound(const struct stream_format *);
/* vae_out_open() for the records that `back` (may be NULL; the writer's to free, also on failure) makes, whose head this is. */
struct vae_out *stream_out_open(const char *path, const struct vae_head *, const struct stream_back *back, const struct vae_out_opts *,
                                struct vae_err *);

/* Records before one that may share rows with it, of what was read so far. */
size_t stream_in_overlap(const struct vae_in *);

/* What the front has to know to go on behind the records that are done, appended to the buffer; nothing where there is no front. */
int stream_in_save(const struct vae_in *, struct buf *, struct vae_err *);

/* The name of the input whose fields are those of the reader, for messages: "data.csv". */
const char *stream_in_name(const struct vae_in *);

/* vae_in_open without the model: `want` says what is asked for instead. */
struct vae_in *stream_in_open(char *const *paths, size_t n, const struct vae_in_opts *, const struct stream_want *,
                              struct vae_err *);

#endif
