/* crc.h - CRC-32 (IEEE 802.3, as in gzip and PNG), by zlib. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of the n bytes at p behind bytes whose checksum is crc (0 at the start). */
uint32_t crc_update(uint32_t crc, const void *p, size_t n);

#endif
