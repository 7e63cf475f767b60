/* repair.h - puts the checksum of a changed model file right, as somebody would who means harm. */
#ifndef TESTS_REPAIR_H
#define TESTS_REPAIR_H

#include <stdio.h>
#include <string.h>

#include "base/crc.h"

/* Returns whether the n bytes have a checksum to put right. */
static inline int repair_model(unsigned char *p, size_t n) {
    static const char mark[] = "\"crc32\":\"";
    char digits[9];
    unsigned char *at = memmem(p, n, mark, sizeof mark - 1);
    if (!at || (size_t)(p + n - at) < sizeof mark - 1 + 8)
        return 0;
    memset(at + sizeof mark - 1, '0', 8);
    snprintf(digits, sizeof digits, "%08x", crc_update(0, p, n));
    memcpy(at + sizeof mark - 1, digits, 8);
    return 1;
}

#endif
