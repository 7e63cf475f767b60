/* fuzz_model.c - any bytes as a model, the checksum put right: loaded and described, or refused with a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    static const char mark[] = "\"crc32\":\"";
    char digits[9];
    struct vae_err err = {0};
    uint8_t *copy = malloc(n + 1);
    if (!copy)
        return 0;
    memcpy(copy, p, n);
    uint8_t *at = memmem(copy, n, mark, sizeof mark - 1);
    if (at && (size_t)(copy + n - at) >= sizeof mark - 1 + 8) {
        at += sizeof mark - 1;
        memset(at, '0', 8);
        snprintf(digits, sizeof digits, "%08lx", crc32_z(0, copy, n));
        memcpy(at, digits, 8);
    }
    struct vae_model *m = model_parse(copy, n, "fuzz", &err);
    if (!m && (err.code >= 0 || !err.msg[0]))
        __builtin_trap();
    if (m)
        free(vae_model_describe(m, true));
    vae_model_free(m);
    free(copy);
    return 0;
}
