/* fuzz_ndjson.c - any bytes as lines of JSON. */
#include "fuzz_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_ndjson, p, n, 0);
    fuzz_read(&stream_ndjson, p, n, 3);
    return 0;
}
