/* fuzz_wav.c - any bytes as a WAV or AU file of plain samples. */
#include "fuzz_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_wav, p, n, 0);
    fuzz_read(&stream_wav, p, n, 3);
    return 0;
}
