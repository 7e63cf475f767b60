/* fuzz_vts.c - any bytes as a VTS stream: as they are, and with the checksums put right so that what lies behind them
 * is reached. */
#include <stdlib.h>

#include "fuzz_stream.h"
#include "stream/vts.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Signature, sequence numbers and both CRCs of every frame whose length fits. */
static void repair(unsigned char *p, size_t n) {
    uint32_t seq = 0;
    size_t at = VTS_SIG_BYTES;
    if (n < VTS_SIG_BYTES)
        return;
    memcpy(p, vts_sig, VTS_SIG_BYTES);
    while (n - at >= VTS_FRAME_BYTES) {
        size_t room = n - at - VTS_FRAME_BYTES;
        if (room >= VTS_SIG_BYTES && memcmp(p + at, vts_sig, VTS_SIG_BYTES) == 0) {
            seq = 0;
            at += VTS_SIG_BYTES;
            continue;
        }
        uint32_t encoded = vts_get32(p + at + 20);
        if (encoded > room || vts_pad(encoded) > room)
            return;
        vts_put32(p + at + 8, seq++);
        vts_put32(p + at + 24, (uint32_t)crc32_z(0, p + at + VTS_FRAME_BYTES, vts_pad(encoded)));
        vts_put32(p + at + 28, (uint32_t)crc32_z(0, p + at, 28));
        at += VTS_FRAME_BYTES + vts_pad(encoded);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    fuzz_read(&stream_vts, p, n, 0);
    unsigned char *copy = malloc(n + 1);
    if (!copy)
        return 0;
    memcpy(copy, p, n);
    repair(copy, n);
    fuzz_read(&stream_vts, copy, n, 0);
    fuzz_read(&stream_vts, copy, n, 3);
    free(copy);
    return 0;
}
