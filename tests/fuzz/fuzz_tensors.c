/* fuzz_tensors.c - any bytes as a model file: as they are, and with the checksum put right. */
#include <stdlib.h>
#include <string.h>

#include "../repair.h"
#include "model/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static volatile unsigned fuzz_sum; /* so that no look is optimised away */

/* Reads, and looks at every byte of what was read; writing it again must work too. */
static void try(const uint8_t *p, size_t n) {
    struct vae_err err = {0};
    char id[TENSORS_ID_BYTES];
    struct buf out = {0};
    struct tensors *t = tensors_parse(p, n, "fuzz", id, &err);
    if (!t && (err.code >= 0 || !err.msg[0])) /* a failure says why */
        __builtin_trap();
    for (size_t i = 0; t && i < tensors_count(t); i++) {
        const struct tensor *x = tensors_at(t, i);
        for (size_t k = 0; k < x->count * tensor_type_size(x->type); k++)
            fuzz_sum += ((const unsigned char *)x->data)[k];
    }
    if (t && tensors_dump(t, &out, &err))
        __builtin_trap();
    buf_free(&out);
    tensors_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    try(p, n);
    uint8_t *copy = malloc(n + 1);
    if (!copy)
        return 0;
    memcpy(copy, p, n);
    if (repair_model(copy, n))
        try(copy, n);
    free(copy);
    return 0;
}
