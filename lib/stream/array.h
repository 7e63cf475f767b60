/*
 * array.h - what NPY and IDX share: a header that tells item type and shape, then count records of numbers.
 *
 * Reading gives one field of REC_U8 (u8, bool), REC_I32 (i8, i16, u16, i32), REC_F32 or REC_F64 (f64; u32, i64 and u64
 * rounded to the nearest double). The size of the file must be as its header says.
 *
 * Writing joins all fields along the record, as one type that holds them all: one type stays itself, u8 goes into
 * i32 and f32, anything else is f64. Text that is not kept is read as numbers (f64, a missing one is NaN). Numbers that are
 * kept are left out: an array of images stays one.
 */
#ifndef STREAM_ARRAY_H
#define STREAM_ARRAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "stream/format.h"

enum array_item {
    ARRAY_U8,
    ARRAY_I8,
    ARRAY_I16,
    ARRAY_U16,
    ARRAY_I32,
    ARRAY_U32,
    ARRAY_I64,
    ARRAY_U64,
    ARRAY_F32,
    ARRAY_F64,
    ARRAY_NITEMS
};
enum { ARRAY_RECORD_MAX = 64 << 20 }; /* bytes of one record */

struct array_spec {
    enum array_item item;
    bool big;                         /* big-endian */
    bool endless;                     /* nothing tells how many records there are: up to the end of the file */
    uint64_t count;                   /* records */
    size_t ndim, shape[REC_MAX_DIMS]; /* of one record */
};

size_t array_item_size(enum array_item);

/* A reader of the items that follow the header in src. field names the one field; origin is
 * taken over, also on failure. Then head, next, where and close are a stream_format's. */
void *array_open(struct source *, const struct array_spec *, const char *field, json_t *origin,
                 const struct stream_read_opts *, struct vae_err *);
const struct vae_head *array_head(const void *);
int array_next(void *, struct vae_batch *, struct vae_err *);
void array_where(const void *, size_t row, char out[64]);
void array_close(void *);

/* Appends the header of spec: as many bytes for any count. VAE_EUSAGE where the format cannot hold it. */
typedef int array_header(const struct array_spec *, struct buf *, struct vae_err *);

/* A writer: header() now with count 0, and again by array_finish with the real one (pipes are spooled). Then put,
 * finish and destroy are a stream_format's. format is for messages. */
void *array_create(struct sink *, const struct vae_head *, bool big, array_header *header, const char *format,
                   struct vae_err *);
int array_put(void *, const struct vae_batch *, struct vae_err *);
int array_finish(void *, int status, struct vae_err *);
void array_destroy(void *);

#endif
