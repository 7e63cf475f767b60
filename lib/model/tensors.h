/*
 * tensors.h - named arrays and a map of strings in one file: the container of model files and checkpoints.
 *
 * The file is in the safetensors format (https://github.com/huggingface/safetensors):
 *
 *   u64 N | N bytes of JSON | the arrays, little-endian, without gaps
 *
 *   {"__metadata__":{"crc32":"0badcafe","format":"vae",...},
 *    "NAME":{"data_offsets":[0,4096],"dtype":"F32","shape":[8,128]},...}
 *
 * The JSON is padded with spaces so that 8 + N is a multiple of 8. Arrays of the largest items come first, so that each
 * is aligned to its items; among equals they keep the order they were added in. Metadata keys are sorted. The file has
 * these members of its own: "format":"vae", "version" and "oldest_reader" (whole numbers), and "crc32": the
 * CRC-32 of the whole file as eight lower-case hex digits, computed with them as zeros. The same contents give the
 * same bytes.
 */
#ifndef MODEL_TENSORS_H
#define MODEL_TENSORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "vae.h"

enum tensor_type { TENSOR_F64, TENSOR_I64, TENSOR_F32, TENSOR_I32, TENSOR_U8, TENSOR_NTYPES };
enum {
    TENSORS_MAX_DIMS = 6,
    TENSORS_VERSION = 1,            /* what is written, and the newest that is read */
    TENSORS_HEADER_MAX = 100 << 20, /* bytes of JSON, as safetensors has it */
    TENSORS_ID_BYTES = 65,          /* sha256 in hex, and a NUL */
};

/* "F32" and the item size; tensor_type_by_name gives -1 for none. */
const char *tensor_type_name(enum tensor_type);
size_t tensor_type_size(enum tensor_type);
int tensor_type_by_name(const char *);

struct tensor {
    const char *name;
    enum tensor_type type;
    size_t ndim, shape[TENSORS_MAX_DIMS]; /* ndim 0 is a single number */
    size_t count;                         /* items: the product of shape */
    const void *data;                     /* [count], row-major, aligned to its items */
};

struct tensors;
struct tensors *tensors_new(struct vae_err *); /* NULL when out of memory */
void tensors_free(struct tensors *);

/* A string of the metadata; both are copied, a key that is there is replaced. Keys are of [a-z0-9_.]; the file's own
 * are refused (VAE_EUSAGE), values must be UTF-8. */
int tensors_meta_set(struct tensors *, const char *key, const char *value, struct vae_err *);
const char *tensors_meta_get(const struct tensors *, const char *key); /* NULL for none; the tensors' */

/* The same for an object: its text, deterministic; j is given away, NULL means that memory ran out. And back, the caller's. */
int tensors_set_json(struct tensors *, const char *key, json_t *j, struct vae_err *);
json_t *tensors_get_json(const struct tensors *, const char *key, struct vae_err *);

/* Adds an array. name is copied; data[product of shape] is NOT: it stays the caller's and must live until tensors_free
 * or the last save. Names are unique, UTF-8, and not "__metadata__". */
int tensors_add(struct tensors *, const char *name, enum tensor_type, size_t ndim, const size_t *shape,
                const void *data, struct vae_err *);

size_t tensors_count(const struct tensors *);
/* In the order of the file. */
const struct tensor *tensors_at(const struct tensors *, size_t i);
const struct tensor *tensors_find(const struct tensors *, const char *name); /* NULL for none */
/* Must be there, of that type and shape: VAE_EDATA else. */
int tensors_get(const struct tensors *, const char *name, enum tensor_type, size_t ndim, const size_t *shape,
                const void **data, struct vae_err *);

/* Appends the file's bytes to out. VAE_EDATA where a float is not finite. */
int tensors_dump(struct tensors *, struct buf *out, struct vae_err *);

/* Writes the file: path holds the old one or the new one at every instant (io.h). id, which may be NULL, becomes the
 * sha256 of the file in hex, as sha256sum prints it. */
int tensors_save(struct tensors *, const char *path, char id[TENSORS_ID_BYTES], struct vae_err *);

/* Reads and verifies a file of at most cap bytes; data points into memory that the result owns. NULL and VAE_ENOINPUT,
 * VAE_EIO, VAE_EOS or VAE_EDATA: "NAME: not a model file", "ends early", "damaged (...)", "written by a newer vae". */
struct tensors *tensors_load(const char *path, size_t cap, char id[TENSORS_ID_BYTES], struct vae_err *);

/* The same from n bytes, which are copied; name is for messages. */
struct tensors *tensors_parse(const void *p, size_t n, const char *name, char id[TENSORS_ID_BYTES], struct vae_err *);

#endif
