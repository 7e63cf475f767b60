/* tensors_in.h - the inside of struct tensors, for tensors.c and tensors_load.c alone. */
#ifndef MODEL_TENSORS_IN_H
#define MODEL_TENSORS_IN_H

#include <jansson.h>
#include <nettle/sha2.h>

#include "model/tensors.h"

struct item {
    struct tensor t;
    char *name;
};

struct tensors {
    json_t *meta; /* strings, without the file's own */
    struct item *items;
    size_t n, cap;
    size_t bytes;     /* of all arrays */
    struct buf image; /* the file, where it was loaded */
};

/* Metadata that the file has of its own; ends with NULL. */
extern const char *const tensors_own_keys[];

/* tensors_add at the end, without a look at the names: a file may hold very many, and JSON has told them apart. */
int tensors_append(struct tensors *, const char *name, enum tensor_type, size_t ndim, const size_t *shape,
                   const void *data, struct vae_err *);

/* No NaN and no infinity inside? */
bool tensors_finite(const struct tensor *);

/* Ends sha and writes it to id (may be NULL) in hex. */
void tensors_put_id(struct sha256_ctx *sha, char id[TENSORS_ID_BYTES]);

#endif
