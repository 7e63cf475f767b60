/* fuzz_idx.c - any bytes as an IDX file. */
#include "fuzz_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_idx, p, n, 0);
    fuzz_read(&stream_idx, p, n, 3);
    return 0;
}
