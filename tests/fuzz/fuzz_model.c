/* fuzz_model.c - any bytes as a model, the checksum put right: loaded and described, or refused with a reason. */
#include <stdlib.h>
#include <string.h>

#include "../repair.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct vae_err err = {0};
    uint8_t *copy = malloc(n + 1);
    if (!copy)
        return 0;
    memcpy(copy, p, n);
    repair_model(copy, n);
    struct vae_model *m = model_parse(copy, n, "fuzz", &err);
    if (!m && (err.code >= 0 || !err.msg[0]))
        __builtin_trap();
    if (m)
        free(vae_model_describe(m, true));
    vae_model_free(m);
    free(copy);
    return 0;
}
