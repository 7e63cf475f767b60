/* vts.c - frames of VTS: their headers, the sections of their payload, the byte shuffle (vts.h). */
#include "stream/vts.h"

#include <string.h>

const unsigned char vts_sig[VTS_SIG_BYTES] = {0x89, 'V', 'A', 'E', '\r', '\n', 0x1a, '\n'};

uint32_t vts_get32(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t vts_get64(const unsigned char *p) {
    return (uint64_t)vts_get32(p) | (uint64_t)vts_get32(p + 4) << 32;
}

void vts_put32(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

void vts_put64(unsigned char *p, uint64_t v) {
    vts_put32(p, (uint32_t)v);
    vts_put32(p + 4, (uint32_t)(v >> 32));
}

void vts_frame_put(unsigned char out[VTS_FRAME_BYTES], const struct vts_frame *f) {
    memset(out, 0, VTS_FRAME_BYTES);
    memcpy(out, f->type, 4);
    out[4] = (unsigned char)f->codec;
    vts_put32(out + 8, f->seq);
    vts_put32(out + 12, f->rows);
    vts_put32(out + 16, f->raw);
    vts_put32(out + 20, f->encoded);
    vts_put32(out + 24, f->crc);
    vts_put32(out + 28, (uint32_t)crc32_z(0, out, 28));
}

bool vts_may_skip(const struct vts_frame *f) {
    return f->type[0] >= 'a' && f->type[0] <= 'z';
}

static bool is_type(const struct vts_frame *f, const char *type) {
    return memcmp(f->type, type, 4) == 0;
}

const char *vts_frame_get(const unsigned char in[VTS_FRAME_BYTES], struct vts_frame *f) {
    memcpy(f->type, in, 4);
    f->codec = in[4];
    f->seq = vts_get32(in + 8);
    f->rows = vts_get32(in + 12);
    f->raw = vts_get32(in + 16);
    f->encoded = vts_get32(in + 20);
    f->crc = vts_get32(in + 24);
    if (vts_get32(in + 28) != (uint32_t)crc32_z(0, in, 28))
        return "header checksum differs";
    for (int i = 0; i < 4; i++)
        if (f->type[i] < 0x20 || f->type[i] > 0x7e)
            return "no frame type";
    if (f->raw > VTS_FRAME_MAX || f->encoded > VTS_FRAME_MAX)
        return "frame larger than 64 MiB";
    if (vts_may_skip(f))
        return NULL;
    bool data = is_type(f, "DATA"), end = is_type(f, "END "), head = is_type(f, "HEAD"), meta = is_type(f, "META");
    if (!data && !end && !head && !meta)
        return "unknown frame type, written by a newer vae";
    if (in[5] | in[6] | in[7])
        return "reserved bytes are not zero";
    if ((head || meta) && f->raw > VTS_HEAD_MAX)
        return "HEAD or META larger than 1 MiB";
    if (f->codec >= VTS_NCODECS)
        return "unknown codec, written by a newer vae";
    if (f->codec == VTS_RAW && f->raw != f->encoded)
        return "lengths of a raw frame differ";
    if ((head || meta || end) && (f->codec != VTS_RAW || f->rows != 0))
        return "codec or records in a frame without data";
    if (data && f->rows == 0)
        return "frame without records";
    if (end && f->raw != VTS_END_BYTES)
        return "END of a wrong length";
    return NULL;
}

bool vts_span_open(struct vts_span *s, const struct rec_field *f, size_t rows, size_t at, size_t n) {
    size_t bytes;
    s->is_text = f->type == REC_UTF8;
    s->size = s->is_text ? 4 : rec_type_size(f->type);
    s->at = at;
    s->text = 0;
    if (s->is_text)
        s->items = rows + 1;
    else if (!mem_mul(rows, f->width, &s->items))
        return false;
    if (at > n || !mem_mul(s->items, s->size, &bytes) || bytes > n - at)
        return false;
    s->end = vts_pad(at + bytes);
    return s->end <= n;
}

bool vts_span_close(struct vts_span *s, const unsigned char *plain, size_t n) {
    size_t bytes = s->items * s->size;
    if (s->is_text)
        s->text = vts_get32(plain + s->at + bytes - 4);
    if (s->text > n - s->at - bytes)
        return false;
    s->end = vts_pad(s->at + bytes + s->text);
    return s->end <= n;
}

/* out[size,items] is the transpose of in[items,size]. */
static void transpose(unsigned char *restrict out, const unsigned char *restrict in, size_t items, size_t size) {
    for (size_t b = 0; b < size; b++)
        for (size_t i = 0; i < items; i++)
            out[b * items + i] = in[i * size + b];
}

/* Both ways: the transpose of m by s is undone by the one of s by m. */
static bool reorder(const struct vae_head *head, size_t rows, const unsigned char *in, unsigned char *out, size_t n,
                    bool back) {
    size_t at = 0;
    for (size_t i = 0; i < head->nfields; i++) {
        struct vts_span s;
        if (!vts_span_open(&s, &head->fields[i], rows, at, n))
            return false;
        if (back)
            transpose(out + at, in + at, s.size, s.items);
        else
            transpose(out + at, in + at, s.items, s.size);
        if (!vts_span_close(&s, back ? out : in, n))
            return false;
        size_t done = at + s.items * s.size;
        memcpy(out + done, in + done, s.end - done);
        at = s.end;
    }
    return at == n;
}

bool vts_shuffle(const struct vae_head *head, size_t rows, const unsigned char *in, unsigned char *out, size_t n) {
    return reorder(head, rows, in, out, n, false);
}

bool vts_unshuffle(const struct vae_head *head, size_t rows, const unsigned char *in, unsigned char *out, size_t n) {
    return reorder(head, rows, in, out, n, true);
}

static bool vts_sniff(const unsigned char *p, size_t n) {
    return n >= VTS_SIG_BYTES && memcmp(p, vts_sig, VTS_SIG_BYTES) == 0;
}

const struct stream_format stream_vts = {
    .name = "vts",
    .about = "typed records with checksums, the stream between the filters",
    .sniff = vts_sniff,
    .open = vts_open,
    .head = vts_head,
    .next = vts_next,
    .where = vts_where,
    .stats = vts_stats,
    .close = vts_close,
    .create = vts_create,
    .put = vts_put,
    .flush = vts_flush,
    .finish = vts_finish,
    .destroy = vts_destroy,
};
