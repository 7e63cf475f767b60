/*
 * vts_read.c - reads VTS (vts.h). Frames are taken whole and verified before a record is handed out: the header by its
 * CRC before anything is allocated, the payload by its CRC, inflate by both lengths, the sections by their sizes,
 * END by its counts. Segments follow one another where kind, fields and model agree.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "stream/pick.h"
#include "stream/vts.h"

struct vts_reader {
    struct source *src;
    struct vae_head *head;      /* as the stream has it */
    struct vae_head *shown;     /* what is handed out of it */
    size_t *pick;               /* field of head for each one shown */
    struct rec_col *cols;       /* of all fields of the frame; behind them those shown; behind them a slice */
    struct vae_batch frame;     /* the frame at hand, */
    size_t at;                  /* of which so many records are handed out */
    size_t last, batch_rows;    /* first record of the batch handed out last; the largest batch */
    uint64_t segment, good;     /* segments begun, records verified in all of them */
    bool quoted, ended;         /* cells of this segment; between segments */
    struct rec_file file;       /* what META told last; */
    char *file_name;            /* its name */
    json_t *names;              /* or the files of the records of the next frame; NULL: not told */
    struct rec_file *each;      /* those of the frame at hand */
    size_t cap;
    uint32_t seq;               /* the next frame's number */
    uint64_t rows, raw, frames; /* of this segment, as END must have them */
    struct buf payload, inflated, plain;
    z_stream z;
    bool z_open;
    struct vae_err failed;      /* why reading cannot go on */
};

static int early(const struct vts_reader *r, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s: stream ends early, %" PRIu64 " good records", source_name(r->src), r->good);
}

static int damaged(const struct vts_reader *r, const char *why, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s: damaged stream (%s), %" PRIu64 " good records", source_name(r->src), why,
                   r->good);
}

/* Exactly n bytes: 0, VAE_EDATA at the end of the file, or what the source says. */
static int take(struct vts_reader *r, void *p, size_t n, struct vae_err *err) {
    unsigned char *to = p;
    while (n > 0) {
        long got = source_read(r->src, to, n, err);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return early(r, err);
        to += got;
        n -= (size_t)got;
    }
    return 0;
}

/* Room for n bytes and nothing in them. */
static int room(struct buf *b, size_t n, struct vae_err *err) {
    b->n = 0;
    int rc = buf_reserve(b, n, err);
    if (!rc)
        b->n = n;
    return rc;
}

/* The next frame with its payload, both verified but for what the payload means. */
static int take_frame(struct vts_reader *r, struct vts_frame *f, struct vae_err *err) {
    unsigned char header[VTS_FRAME_BYTES];
    int rc = take(r, header, sizeof header, err);
    if (rc)
        return rc;
    const char *why = vts_frame_get(header, f);
    if (why)
        return damaged(r, why, err);
    if (f->seq != r->seq)
        return damaged(r, "a frame is missing or out of order", err);
    r->seq++;
    size_t n = vts_pad(f->encoded);
    rc = room(&r->payload, n, err);
    rc = rc ? rc : take(r, r->payload.p, n, err);
    if (rc)
        return rc;
    if ((uint32_t)crc32_z(0, (const unsigned char *)r->payload.p, n) != f->crc)
        return damaged(r, "payload checksum differs", err);
    for (size_t i = f->encoded; i < n; i++)
        if (r->payload.p[i] != 0)
            return damaged(r, "padding is not zero", err);
    return 0;
}

/* Inflates the payload to out: it must be used up exactly and fill raw bytes exactly. */
static int inflate_to(struct vts_reader *r, const struct vts_frame *f, struct buf *out, struct vae_err *err) {
    if (!r->z_open && inflateInit(&r->z) != Z_OK)
        return err_set(err, VAE_EOS, "out of memory");
    r->z_open = true;
    int rc = room(out, f->raw, err);
    if (rc)
        return rc;
    if (inflateReset(&r->z) != Z_OK)
        return err_set(err, VAE_EOS, "out of memory");
    r->z.next_in = (unsigned char *)r->payload.p;
    r->z.avail_in = f->encoded;
    r->z.next_out = (unsigned char *)out->p;
    r->z.avail_out = f->raw;
    int z = inflate(&r->z, Z_FINISH);
    if (z == Z_MEM_ERROR)
        return err_set(err, VAE_EOS, "out of memory");
    if (z != Z_STREAM_END || r->z.avail_in != 0 || r->z.avail_out != 0)
        return damaged(r, "compressed data do not have the declared lengths", err);
    return 0;
}

/* The raw payload of a DATA frame in *p. */
static int decode(struct vts_reader *r, const struct vts_frame *f, const unsigned char **p, struct vae_err *err) {
    int rc = 0;
    *p = (const unsigned char *)r->payload.p;
    if (f->codec == VTS_ZLIB) {
        rc = inflate_to(r, f, &r->plain, err);
        *p = (const unsigned char *)r->plain.p;
    } else if (f->codec == VTS_SHUFFLE) {
        rc = inflate_to(r, f, &r->inflated, err);
        rc = rc ? rc : room(&r->plain, f->raw, err);
        if (!rc &&
            !vts_unshuffle(r->head, f->rows, (const unsigned char *)r->inflated.p, (unsigned char *)r->plain.p, f->raw))
            rc = damaged(r, "records do not fit their frame", err);
        *p = (const unsigned char *)r->plain.p;
    }
    return rc;
}

/* Are the offsets from 0 up, with no cell over the limit? */
static bool good_offsets(const uint32_t *at, size_t rows) {
    bool good = at[0] == 0;
    for (size_t i = 0; i < rows; i++)
        good &= at[i] <= at[i + 1] && at[i + 1] - at[i] <= VTS_CELL_MAX;
    return good;
}

/* The columns of a raw payload, whose sections are verified. */
static int columns(struct vts_reader *r, size_t rows, const unsigned char *p, size_t n, struct vae_err *err) {
    size_t at = 0;
    for (size_t i = 0; i < r->head->nfields; i++) {
        struct vts_span s;
        if (!vts_span_open(&s, &r->head->fields[i], rows, at, n) || !vts_span_close(&s, p, n))
            return damaged(r, "records do not fit their frame", err);
        size_t behind = at + s.items * s.size + s.text;
        for (size_t k = behind; k < s.end; k++)
            if (p[k] != 0)
                return damaged(r, "padding is not zero", err);
        r->cols[i] = (struct rec_col){.data = p + at};
        if (s.is_text) {
            const uint32_t *offsets = (const void *)(p + at);
            if (!good_offsets(offsets, rows))
                return damaged(r, "bad offsets of cells", err);
            r->cols[i] = (struct rec_col){
                .text = (const char *)p + at + s.items * s.size, .begin = offsets, .end = offsets + 1, .stride = 1};
        }
        at = s.end;
    }
    return at == n ? 0 : damaged(r, "records do not fit their frame", err);
}

/* The files of the records of a frame, as META in front of it told them. */
static int name_each(struct vts_reader *r, size_t rows, struct vae_err *err) {
    if (json_array_size(r->names) != rows)
        return damaged(r, "as many files as records were told", err);
    int rc = mem_grow(&r->each, &r->cap, rows, sizeof *r->each, err);
    for (size_t i = 0; i < rows && !rc; i++) {
        const char *name = json_string_value(json_array_get(r->names, i));
        if (!name)
            return damaged(r, "a file without a name", err);
        r->each[i] = (struct rec_file){++r->file.number, *name ? name : NULL};
    }
    return rc;
}

static int take_data(struct vts_reader *r, const struct vts_frame *f, struct vae_err *err) {
    const unsigned char *p;
    int rc = decode(r, f, &p, err);
    rc = rc ? rc : columns(r, f->rows, p, f->raw, err);
    rc = rc || !r->names ? rc : name_each(r, f->rows, err);
    if (rc)
        return rc;
    struct rec_col *shown = r->cols + r->head->nfields;
    for (size_t i = 0; i < r->shown->nfields; i++)
        shown[i] = r->cols[r->pick[i]];
    r->frame = (struct vae_batch){
        .rows = f->rows, .first = r->good, .nfields = r->shown->nfields, .cols = shown, .quoted = r->quoted,
        .file = r->file, .each = r->names ? r->each : NULL};
    r->at = 0;
    r->rows += f->rows;
    r->raw += f->raw;
    r->frames++;
    r->good += f->rows;
    return 0;
}

static int take_meta(struct vts_reader *r, const struct vts_frame *f, struct vae_err *err) {
    char what[sizeof err->msg];
    snprintf(what, sizeof what, "%s: META", source_name(r->src));
    json_t *j = js_load(r->payload.p, f->raw, VTS_HEAD_MAX, what, err);
    json_t *file = json_object_get(j, "file"), *files = json_object_get(j, "files");
    int rc = j ? 0 : err->code;
    if (!rc && ((file && !json_is_string(file)) || (files && !json_is_array(files))))
        rc = damaged(r, "a file without a name", err);
    if (!rc && (file || files))
        json_decref(r->names), r->names = json_incref(files);
    if (!rc && file) {
        free(r->file_name);
        r->file_name = mem_text(json_string_value(file), json_string_length(file));
        if (!r->file_name)
            rc = err_set(err, VAE_EOS, "out of memory");
        r->file.number++;
        r->file.name = json_string_length(file) ? r->file_name : NULL;
    }
    json_decref(j);
    return rc;
}

static int take_end(struct vts_reader *r, struct vae_err *err) {
    const unsigned char *p = (const unsigned char *)r->payload.p;
    if (vts_get64(p) != r->rows || vts_get64(p + 8) != r->raw || vts_get64(p + 16) != r->frames)
        return damaged(r, "counts at its end differ", err);
    if (vts_get32(p + 28) != 0)
        return damaged(r, "reserved bytes are not zero", err);
    if (vts_get32(p + 24) != 0)
        return err_set(err, VAE_EDATA, "%s: the producer failed after %" PRIu64 " records", source_name(r->src),
                       r->good);
    r->ended = true;
    return 0;
}

/* SIG and HEAD. */
static int take_head(struct vts_reader *r, struct vae_head **head, struct vae_err *err) {
    unsigned char sig[VTS_SIG_BYTES];
    struct vts_frame f;
    char what[sizeof err->msg];
    r->seq = 0;
    r->rows = r->raw = r->frames = 0;
    int rc = take(r, sig, sizeof sig, err);
    if (rc)
        return rc;
    if (memcmp(sig, vts_sig, sizeof sig) != 0)
        return r->segment == 0 ? err_set(err, VAE_EDATA, "%s: not a VTS stream", source_name(r->src))
                               : damaged(r, "no segment behind the end of the one before", err);
    rc = take_frame(r, &f, err);
    if (rc)
        return rc;
    if (memcmp(f.type, "HEAD", 4) != 0)
        return damaged(r, "no HEAD at its beginning", err);
    snprintf(what, sizeof what, "%s: head", source_name(r->src));
    *head = vts_head_load(r->payload.p, f.raw, &r->quoted, what, err);
    if (!*head)
        return err->code;
    r->segment++;
    r->ended = false;
    return 0;
}

/* Behind END: the end of the stream, 0, or the next segment, 1. */
static int next_segment(struct vts_reader *r, struct vae_err *err) {
    const unsigned char *p;
    struct vae_head *head = NULL;
    long n = source_peek(r->src, 1, &p, err);
    if (n <= 0)
        return (int)n;
    int rc = take_head(r, &head, err);
    if (rc)
        return rc;
    const char *what = vts_head_differs(r->head, head);
    rec_head_free(head);
    if (r->file.number) /* of a stream that was put behind another */
        r->file.number++, r->file.name = NULL;
    if (what)
        return err_set(err, VAE_EDATA, "%s: segment %" PRIu64 " has %s than the ones before", source_name(r->src),
                       r->segment, what);
    return 1;
}

/* One frame on: 1, 0 at the end of the stream, or VAE_E*. */
static int step(struct vts_reader *r, struct vae_err *err) {
    struct vts_frame f;
    if (r->ended)
        return next_segment(r, err);
    int rc = take_frame(r, &f, err);
    if (r->frame.each) { /* the names were those of the frame before */
        json_decref(r->names);
        r->names = NULL, r->frame.each = NULL;
    }
    if (!rc && memcmp(f.type, "DATA", 4) == 0)
        rc = take_data(r, &f, err);
    else if (!rc && memcmp(f.type, "META", 4) == 0)
        rc = take_meta(r, &f, err);
    else if (!rc && memcmp(f.type, "END ", 4) == 0)
        rc = take_end(r, err);
    else if (!rc && memcmp(f.type, "HEAD", 4) == 0)
        rc = damaged(r, "a second HEAD", err);
    return rc ? rc : 1;
}

int vts_next(void *reader, struct vae_batch *out, struct vae_err *err) {
    struct vts_reader *r = reader;
    int rc = 1;
    while (!r->failed.code && r->at == r->frame.rows && (rc = step(r, &r->failed)) > 0)
        ;
    if (r->failed.code) {
        if (err)
            *err = r->failed;
        return r->failed.code;
    }
    if (rc == 0)
        return 0;
    size_t n = r->frame.rows - r->at;
    if (r->batch_rows > 0 && n > r->batch_rows)
        n = r->batch_rows;
    rec_slice(&r->frame, r->shown, r->at, n, r->frame.cols + r->frame.nfields, out);
    r->last = r->at;
    r->at += n;
    return (int)n;
}

void *vts_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    struct vts_reader *r = mem_array(1, sizeof *r);
    if (!r) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    r->src = src;
    r->batch_rows = opts->batch_rows;
    struct vae_err *e = &r->failed;
    if (take_head(r, &r->head, e) || stream_pick(r->head, opts, false, source_name(src), &r->shown, &r->pick, e))
        goto fail;
    r->cols = mem_array(r->head->nfields + 2 * r->shown->nfields, sizeof *r->cols);
    if (r->cols)
        return r;
    err_set(e, VAE_EOS, "out of memory");
fail:
    if (err)
        *err = *e;
    vts_close(r);
    return NULL;
}

const struct vae_head *vts_head(const void *reader) {
    return ((const struct vts_reader *)reader)->shown;
}

/* Records are numbered from 1, as lines are. */
void vts_where(const void *reader, size_t row, char out[64]) {
    const struct vts_reader *r = reader;
    snprintf(out, 64, "record %" PRIu64, r->frame.first + r->last + row + 1);
}

void vts_stats(const void *reader, struct vae_in_stats *stats) {
    const struct vts_reader *r = reader;
    stats->extra_columns += r->head->nfields - r->shown->nfields;
}

void vts_close(void *reader) {
    struct vts_reader *r = reader;
    if (!r)
        return;
    if (r->z_open)
        inflateEnd(&r->z);
    buf_free(&r->payload);
    buf_free(&r->inflated);
    buf_free(&r->plain);
    rec_head_free(r->head);
    rec_head_free(r->shown);
    json_decref(r->names);
    free(r->each);
    free(r->file_name);
    free(r->pick);
    free(r->cols);
    free(r);
}
