/*
 * vts.h - VTS, the stream between the filters: what its reader and its writer share. vts(5) is the specification.
 *
 *   stream = segment+      segment = SIG HEAD (DATA|META)* END      little-endian throughout
 *
 *   frame: 32 bytes of header, then `encoded` bytes of payload, zero-padded to a multiple of 8
 *      0  4  type "HEAD" "DATA" "META" "END "; one whose first letter is lower case may be skipped
 *      4  1  codec: 0 raw, 1 zlib, 2 shuffled, then zlib; only DATA may have another than 0
 *      5  3  zero
 *      8  4  number of the frame in its segment modulo 2^32, HEAD is 0
 *     12  4  records in this frame; 0 unless DATA
 *     16  4  raw length            20  4  encoded length
 *     24  4  CRC-32 of payload and padding     28  4  CRC-32 of bytes 0..27
 *
 *   The raw payload of DATA is one section for each field, in the order of HEAD, each zero-padded to a multiple of 8:
 *   numbers are rows * width items; text is u32 offsets[rows+1], the first 0, and then the bytes of the cells.
 *
 *   Codec 2 transposes bytes within a section before zlib: of m items of s bytes each, first the m lowest bytes, then
 *   the m next ones, and so on (the transpose of an m by s matrix of bytes). It applies to numbers (s = 1, 4, 8) and
 *   to the m = rows+1 offsets of text (s = 4); the bytes of cells and the padding stay where they are.
 *
 *   END is u64 records, u64 sum of the raw lengths of DATA, u64 DATA frames, all of this segment, u32 status (0, or
 *   the exit status of the producer that failed), u32 zero.
 *
 * Floats are passed on as they are, NaN and infinities included: NaN is a missing number.
 */
#ifndef STREAM_VTS_H
#define STREAM_VTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/rec.h"
#include "stream/format.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "VTS sections are used in place");

enum {
    VTS_SIG_BYTES = 8,
    VTS_FRAME_BYTES = 32,
    VTS_END_BYTES = 32,
    VTS_HEAD_MAX = 1 << 20,   /* bytes of a HEAD or META */
    VTS_FRAME_MAX = 64 << 20, /* bytes of a payload, raw and encoded */
    VTS_CELL_MAX = 16 << 20,
};

enum vts_codec { VTS_RAW, VTS_ZLIB, VTS_SHUFFLE, VTS_NCODECS };

extern const unsigned char vts_sig[VTS_SIG_BYTES];

struct vts_frame {
    char type[4];
    unsigned codec;
    uint32_t seq, rows, raw, encoded, crc;
};

/* The header as bytes, with its CRC; and back: NULL, or what is wrong with it ("header checksum differs"). */
void vts_frame_put(unsigned char out[VTS_FRAME_BYTES], const struct vts_frame *);
const char *vts_frame_get(const unsigned char in[VTS_FRAME_BYTES], struct vts_frame *);

/* May a reader that does not know this type pass over it? */
bool vts_may_skip(const struct vts_frame *);

uint32_t vts_get32(const unsigned char *);
uint64_t vts_get64(const unsigned char *);
void vts_put32(unsigned char *, uint32_t);
void vts_put64(unsigned char *, uint64_t);

/* n rounded up to a multiple of 8; n is at most VTS_FRAME_MAX or so. */
static inline size_t vts_pad(size_t n) {
    return (n + 7) & ~(size_t)7;
}

/* Appends the HEAD JSON of head. VAE_EUSAGE where it would be larger than VTS_HEAD_MAX or a name is no UTF-8. */
int vts_head_dump(const struct vae_head *head, bool quoted, bool no_model_path, struct buf *out, struct vae_err *);

/* The head in n bytes of JSON; members this version does not know are in ->extra. The caller's to free. what is for
 * messages. NULL and VAE_EDATA / VAE_EOS. */
struct vae_head *vts_head_load(const void *p, size_t n, bool *quoted, const char *what, struct vae_err *);

/* NULL where b may follow a in one stream, else what differs ("other fields"). */
const char *vts_head_differs(const struct vae_head *a, const struct vae_head *b);

/* Where the section of a field lies in a raw payload of n bytes. vts_span_open knows all but the bytes of the cells,
 * which vts_span_close reads from the offsets (of the payload before shuffling). false: it does not fit. */
struct vts_span {
    size_t at, items, size; /* items of size bytes from `at` on */
    size_t text, end;       /* bytes of cells behind them; where the next section begins */
    bool is_text;
};
bool vts_span_open(struct vts_span *, const struct rec_field *, size_t rows, size_t at, size_t n);
bool vts_span_close(struct vts_span *, const unsigned char *plain, size_t n);

/* The n bytes of a raw payload of rows records, shuffled or back. in and out differ. false: the sections do not fit. */
bool vts_shuffle(const struct vae_head *, size_t rows, const unsigned char *in, unsigned char *out, size_t n);
bool vts_unshuffle(const struct vae_head *, size_t rows, const unsigned char *in, unsigned char *out, size_t n);

/* stream_vts's functions. */
void *vts_open(struct source *, const struct stream_read_opts *, struct vae_err *);
const struct vae_head *vts_head(const void *);
int vts_next(void *, struct vae_batch *, struct vae_err *);
void vts_where(const void *, size_t row, char out[64]);
void vts_stats(const void *, struct vae_in_stats *);
void vts_close(void *);
void *vts_create(struct sink *, const struct vae_head *, const struct vae_out_opts *, struct vae_err *);
int vts_put(void *, const struct vae_batch *, struct vae_err *);
int vts_flush(void *, struct vae_err *);
int vts_finish(void *, int status, struct vae_err *);
void vts_destroy(void *);

#endif
