/*
 * vts_write.c - writes VTS (vts.h). Records are gathered to frames of a fixed number of records, so that the bytes do
 * not depend on how the records come in; only flush() cuts a frame short, and contents that would not fit a frame.
 *
 * A frame is compressed where that gains 5 %: by codec 2 where more than half of its raw bytes are numbers of more
 * than one byte, else by codec 1. Heads without text take zlib's Z_RLE for them: after the shuffle, runs are all that
 * there is to find in floats, and it is several times faster.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "stream/vts.h"

/* bytes of a frame aimed at, bytes a text cell is taken to have; of a file's name */
enum { FRAME_NEAR = 65536, TEXT_GUESS = 20, NAME = 4096 };

struct gather {        /* one field of the frame being filled */
    struct buf bytes;  /* numbers, or the bytes of cells */
    uint32_t *offsets; /* [rows + 1] of text */
    size_t cap;
};

struct vts_writer {
    struct sink *sink;
    struct vae_head *head;
    struct gather *fields;
    size_t row_bytes, overhead; /* of a record without its cells; of a frame, at most */
    size_t wide_bytes;          /* of a record in numbers of more than one byte */
    size_t text_bytes;          /* bytes of cells gathered */
    size_t rows, frame_rows;    /* gathered, in a full frame */
    uint64_t put;               /* records put in all */
    bool text;                  /* there are text fields */
    bool begun, quoted, no_model_path;
    uint64_t file;              /* number of the one that META told of last, 0: none */
    json_t *each;               /* the files of the records gathered, where each is one of its own; else NULL */
    size_t each_bytes;          /* of their names */
    uint32_t seq;
    uint64_t seg_rows, seg_raw, seg_frames;
    struct buf raw, shuffled, encoded;
    int level;
    z_stream z;
};

static int write_frame(struct vts_writer *w, const char *type, enum vts_codec codec, size_t rows, size_t raw,
                       const void *payload, size_t n, struct vae_err *err) {
    static const unsigned char zero[8];
    unsigned char header[VTS_FRAME_BYTES];
    size_t padding = vts_pad(n) - n;
    struct vts_frame f = {
        .codec = codec, .seq = w->seq++, .rows = (uint32_t)rows, .raw = (uint32_t)raw, .encoded = (uint32_t)n};
    memcpy(f.type, type, 4);
    f.crc = (uint32_t)crc32_z(crc32_z(0, payload, n), zero, padding);
    vts_frame_put(header, &f);
    int rc = sink_write(w->sink, header, sizeof header, err);
    rc = rc ? rc : sink_write(w->sink, payload, n, err);
    return rc ? rc : sink_write(w->sink, zero, padding, err);
}

static int begin(struct vts_writer *w, bool quoted, struct vae_err *err) {
    struct buf json = {0};
    w->seq = 0;
    w->seg_rows = w->seg_raw = w->seg_frames = 0;
    w->begun = true;
    w->file = 0;
    w->quoted = quoted;
    int rc = vts_head_dump(w->head, quoted, w->no_model_path, &json, err);
    rc = rc ? rc : sink_write(w->sink, vts_sig, sizeof vts_sig, err);
    rc = rc ? rc : write_frame(w, "HEAD", VTS_RAW, 0, json.n, json.p, json.n, err);
    buf_free(&json);
    return rc;
}

static int end(struct vts_writer *w, uint32_t status, struct vae_err *err) {
    unsigned char p[VTS_END_BYTES] = {0};
    vts_put64(p, w->seg_rows);
    vts_put64(p + 8, w->seg_raw);
    vts_put64(p + 16, w->seg_frames);
    vts_put32(p + 24, status);
    return write_frame(w, "END ", VTS_RAW, 0, sizeof p, p, sizeof p, err);
}

/* Puts the sections of the gathered records into w->raw. */
static int assemble(struct vts_writer *w, struct vae_err *err) {
    static const char zero[8];
    w->raw.n = 0;
    int rc = buf_reserve(&w->raw, w->overhead + w->rows * w->row_bytes + w->text_bytes, err);
    for (size_t i = 0; !rc && i < w->head->nfields; i++) {
        struct gather *g = &w->fields[i];
        if (w->head->fields[i].type == REC_UTF8)
            rc = buf_put(&w->raw, g->offsets, (w->rows + 1) * sizeof g->offsets[0], err);
        rc = rc ? rc : buf_put(&w->raw, g->bytes.p, g->bytes.n, err);
        rc = rc ? rc : buf_put(&w->raw, zero, vts_pad(w->raw.n) - w->raw.n, err);
        g->bytes.n = 0;
    }
    return rc;
}

/* w->raw by zlib to w->encoded; *codec is VTS_RAW where that does not gain enough. */
static int encode(struct vts_writer *w, enum vts_codec *codec, struct vae_err *err) {
    const struct buf *in = &w->raw;
    bool shuffle = w->wide_bytes * w->rows * 2 > w->raw.n;
    *codec = VTS_RAW;
    if (shuffle) {
        w->shuffled.n = 0;
        int rc = buf_reserve(&w->shuffled, w->raw.n, err);
        if (rc)
            return rc;
        if (!vts_shuffle(w->head, w->rows, (const unsigned char *)w->raw.p, (unsigned char *)w->shuffled.p, w->raw.n))
            return err_set(err, VAE_EUSAGE, "the records do not fit their head");
        w->shuffled.n = w->raw.n;
        in = &w->shuffled;
    }
    size_t worth = w->raw.n / 20 * 19;
    w->encoded.n = 0;
    int rc = buf_reserve(&w->encoded, worth + 1, err);
    if (rc)
        return rc;
    if (deflateReset(&w->z) != Z_OK)
        return err_set(err, VAE_EOS, "out of memory");
    w->z.next_in = (unsigned char *)in->p;
    w->z.avail_in = (uInt)in->n;
    w->z.next_out = (unsigned char *)w->encoded.p;
    w->z.avail_out = (uInt)worth;
    if (deflate(&w->z, Z_FINISH) == Z_STREAM_END) { /* else it has run out of the room that would be a gain */
        w->encoded.n = worth - w->z.avail_out;
        *codec = shuffle ? VTS_SHUFFLE : VTS_ZLIB;
    }
    return 0;
}

/* The name of a file as JSON: without its folder where no paths of this machine are wanted. */
static json_t *file_name(const struct vts_writer *w, const struct rec_file *file) {
    char name[NAME];
    const char *path = file->name ? file->name : "", *base = strrchr(path, '/');
    path = w->no_model_path && base ? base + 1 : path;
    return json_string(vae_quote(name, sizeof name, path, strlen(path)));
}

/* META {key:value}; takes the value. */
static int write_meta(struct vts_writer *w, const char *key, json_t *value, struct vae_err *err) {
    struct buf json = {0};
    json_t *j = json_pack("{s:o}", key, value);
    int rc = j ? js_dump(j, &json, err) : err_set(err, VAE_EOS, "out of memory");
    rc = rc ? rc : write_frame(w, "META", VTS_RAW, 0, json.n, json.p, json.n, err);
    json_decref(j), buf_free(&json);
    return rc;
}

/* The gathered records as a DATA frame. */
static int emit(struct vts_writer *w, struct vae_err *err) {
    enum vts_codec codec = VTS_RAW;
    if (w->rows == 0)
        return 0;
    int rc = w->each ? write_meta(w, "files", json_incref(w->each), err) : 0;
    json_decref(w->each), w->each = NULL, w->each_bytes = 0;
    rc = rc ? rc : assemble(w, err);
    if (!rc && w->level > 0)
        rc = encode(w, &codec, err);
    const struct buf *payload = codec == VTS_RAW ? &w->raw : &w->encoded;
    rc = rc ? rc : write_frame(w, "DATA", codec, w->rows, w->raw.n, payload->p, payload->n, err);
    w->seg_rows += w->rows;
    w->seg_raw += w->raw.n;
    w->seg_frames++;
    w->rows = w->text_bytes = 0;
    return rc;
}

/* From here on records are of that file: META says so. */
static int begin_file(struct vts_writer *w, const struct rec_file *file, struct vae_err *err) {
    int rc = emit(w, err);
    w->file = file->number;
    return rc ? rc : write_meta(w, "file", file_name(w, file), err);
}

/* The record to be gathered next is a file of its own, like the others of its frame. */
static int add_file(struct vts_writer *w, const struct rec_file *file, struct vae_err *err) {
    int rc = (w->rows && !w->each) || w->each_bytes > VTS_HEAD_MAX / 4 ? emit(w, err) : 0;
    json_t *name = rc ? NULL : file_name(w, file);
    if (!rc && !w->each)
        w->each = json_array();
    w->each_bytes += 3 + json_string_length(name);
    w->file = 0;
    return rc ? rc : json_array_append_new(w->each, name) ? err_set(err, VAE_EOS, "out of memory") : 0;
}

/* Appends rows from..from+n-1 of a column. */
static int append(struct vts_writer *w, size_t field, const struct rec_col *c, size_t from, size_t n,
                  struct vae_err *err) {
    struct gather *g = &w->fields[field];
    const struct rec_field *f = &w->head->fields[field];
    if (f->type != REC_UTF8) {
        size_t row = f->width * rec_type_size(f->type);
        return buf_put(&g->bytes, (const char *)c->data + from * row, n * row, err);
    }
    int rc = mem_grow(&g->offsets, &g->cap, w->rows + n + 1, sizeof g->offsets[0], err);
    if (!rc)
        g->offsets[0] = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        size_t len;
        const char *cell = rec_cell(c, from + i, &len);
        rc = buf_put(&g->bytes, cell, len, err);
        g->offsets[w->rows + i + 1] = (uint32_t)g->bytes.n;
    }
    return rc;
}

/* The bytes of all cells of a record in *n. */
static int cells(const struct vts_writer *w, const struct vae_batch *b, size_t row, size_t *n, struct vae_err *err) {
    *n = 0;
    for (size_t i = 0; i < w->head->nfields; i++) {
        size_t len;
        if (w->head->fields[i].type != REC_UTF8)
            continue;
        rec_cell(&b->cols[i], row, &len);
        if (len > VTS_CELL_MAX)
            return err_set(err, VAE_EDATA, "record %" PRIu64 ", column '%s': a cell of %zu bytes, VTS holds 16 MiB",
                           w->put + 1, w->head->fields[i].name, len);
        *n += len;
    }
    if (w->overhead + w->row_bytes + *n > VTS_FRAME_MAX)
        return err_set(err, VAE_EDATA, "record %" PRIu64 ": %zu bytes, a frame of VTS holds 64 MiB", w->put + 1,
                       w->row_bytes + *n);
    return 0;
}

/* How many records from `from` on go into the frame at hand (0: it is full), and the bytes of their cells. */
static int fitting(struct vts_writer *w, const struct vae_batch *b, size_t from, size_t *n, size_t *text,
                   struct vae_err *err) {
    size_t most = b->each ? 1 : w->frame_rows - w->rows;
    size_t left = VTS_FRAME_MAX - w->overhead - w->rows * w->row_bytes - w->text_bytes;
    *n = *text = 0;
    if (!w->text) { /* all records are of one size */
        *n = left / w->row_bytes < most ? left / w->row_bytes : most;
        *n = *n < b->rows - from ? *n : b->rows - from;
        w->put += *n;
        return 0;
    }
    while (*n < most && from + *n < b->rows) {
        size_t more;
        int rc = cells(w, b, from + *n, &more, err);
        if (rc)
            return *n > 0 ? 0 : rc; /* those before it first */
        if (w->row_bytes + more > left)
            break;
        left -= w->row_bytes + more;
        *text += more;
        w->put++;
        ++*n;
    }
    return 0;
}

int vts_put(void *writer, const struct vae_batch *b, struct vae_err *err) {
    struct vts_writer *w = writer;
    int rc = 0;
    if (w->begun && b->quoted != w->quoted) { /* cells in another form are another segment */
        rc = emit(w, err);
        rc = rc ? rc : end(w, 0, err);
        w->begun = false;
    }
    if (!rc && !w->begun)
        rc = begin(w, b->quoted, err);
    if (!rc && !b->each && w->each)
        rc = emit(w, err);
    if (!rc && !b->each && b->file.number != w->file)
        rc = begin_file(w, &b->file, err);
    for (size_t from = 0; !rc && from < b->rows;) {
        size_t n, text;
        rc = fitting(w, b, from, &n, &text, err);
        if (!rc && n && b->each)
            rc = add_file(w, &b->each[from], err);
        for (size_t i = 0; !rc && i < w->head->nfields; i++)
            rc = append(w, i, &b->cols[i], from, n, err);
        if (rc)
            return rc;
        w->rows += n;
        w->text_bytes += text;
        from += n;
        if (n == 0 || w->rows == w->frame_rows)
            rc = emit(w, err);
    }
    return rc;
}

int vts_flush(void *writer, struct vae_err *err) {
    return emit(writer, err);
}

int vts_finish(void *writer, int status, struct vae_err *err) {
    struct vts_writer *w = writer;
    int rc = w->begun ? 0 : begin(w, false, err);
    rc = rc ? rc : emit(w, err);
    return rc ? rc : end(w, (uint32_t)vae_exit_status(status), err);
}

/* The sizes of a record and, where the caller has no wish, the records of a frame. */
static int measure(struct vts_writer *w, uint32_t frame_rows, struct vae_err *err) {
    const struct vae_head *h = w->head;
    size_t guess = 0;
    for (size_t i = 0; i < h->nfields; i++) {
        const struct rec_field *f = &h->fields[i];
        size_t size = f->type == REC_UTF8 ? 4 : rec_type_size(f->type), bytes;
        if (!mem_mul(f->width, size, &bytes) || !mem_add(w->row_bytes, bytes, &w->row_bytes) ||
            w->row_bytes > VTS_FRAME_MAX / 2)
            return err_set(err, VAE_EUSAGE, "records of more than %d MiB do not fit VTS", VTS_FRAME_MAX >> 21);
        w->text |= f->type == REC_UTF8;
        if (f->type != REC_UTF8 && size > 1)
            w->wide_bytes += bytes;
        guess += f->type == REC_UTF8 ? TEXT_GUESS : bytes;
        w->overhead += 16; /* padding, the offset behind the last cell */
    }
    if (h->nfields == 0 || w->overhead > VTS_FRAME_MAX / 2)
        return err_set(err, VAE_EUSAGE, "VTS holds 1 to %d fields", VTS_FRAME_MAX / 32);
    w->frame_rows = frame_rows;
    if (frame_rows == 0) {
        w->frame_rows = 65536;
        while (w->frame_rows > 16 && w->frame_rows * guess > FRAME_NEAR)
            w->frame_rows /= 2;
    }
    return 0;
}

static int start_zlib(struct vts_writer *w, const struct vae_out_opts *opts, struct vae_err *err) {
    w->level = opts->level;
    if (w->level == -1)
        w->level = sink_is_pipe(w->sink) ? 0 : 6;
    if (w->level < 0 || w->level > 9)
        return err_set(err, VAE_EUSAGE, "%s: compression level %d, 0 to 9 are known", sink_name(w->sink), w->level);
    int strategy = !w->text && w->wide_bytes > 0 ? Z_RLE : Z_DEFAULT_STRATEGY;
    if (w->level > 0 && deflateInit2(&w->z, w->level, Z_DEFLATED, 15, 8, strategy) != Z_OK) {
        w->level = 0;
        return err_set(err, VAE_EOS, "out of memory");
    }
    return 0;
}

void *vts_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts, struct vae_err *err) {
    struct vts_writer *w = mem_array(1, sizeof *w);
    if (!w) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    w->sink = sink;
    w->no_model_path = opts->no_model_path;
    w->head = rec_head_copy(head, err);
    if (!w->head || measure(w, opts->frame_rows, err) || start_zlib(w, opts, err))
        goto fail;
    w->fields = mem_array(head->nfields, sizeof *w->fields);
    if (w->fields)
        return w;
    err_set(err, VAE_EOS, "out of memory");
fail:
    vts_destroy(w);
    return NULL;
}

void vts_destroy(void *writer) {
    struct vts_writer *w = writer;
    if (!w)
        return;
    for (size_t i = 0; w->fields && i < w->head->nfields; i++) {
        buf_free(&w->fields[i].bytes);
        free(w->fields[i].offsets);
    }
    if (w->level > 0)
        deflateEnd(&w->z);
    buf_free(&w->raw);
    buf_free(&w->shuffled);
    buf_free(&w->encoded);
    free(w->fields);
    json_decref(w->each);
    rec_head_free(w->head);
    free(w);
}
