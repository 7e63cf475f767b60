/* fuzz_npy.c - any bytes as an NPY file. */
#include "fuzz_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_npy, p, n, 0);
    fuzz_read(&stream_npy, p, n, 3);
    return 0;
}
