/* fuzz_png.c - any bytes as PNG images. */
#include "fuzz_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_png, p, n, 0);
    fuzz_read(&stream_png, p, n, 3);
    return 0;
}
