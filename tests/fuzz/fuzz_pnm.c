/* fuzz_pnm.c - any bytes as images of netpbm. */
#include "fuzz_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_pnm, p, n, 0);
    fuzz_read(&stream_pam, p, n, 3);
    return 0;
}
