/* csv.c - tables of text as rows of the table of formats. */
#include "stream/csv.h"

/*
 * Nearly every sequence of bytes is a table, so this one is asked last, and looks no further than the first byte: what
 * it says must not depend on how many bytes have come already. Other binary files are caught by their NUL bytes.
 */
static bool csv_sniff(const unsigned char *p, size_t n) {
    return n > 0 && (p[0] >= 0x20 || p[0] == '\t' || p[0] == '\n' || p[0] == '\r') && p[0] != 0x7f;
}

/* A table with TABs is told by csv's reader, which looks for the delimiter anyway. */
static bool tsv_sniff(const unsigned char *p, size_t n) {
    (void)p;
    (void)n;
    return false;
}

const struct stream_format stream_csv = {
    .name = "csv",
    .about = "comma-separated values (or ; | TAB), quoted as in RFC 4180",
    .sniff = csv_sniff,
    .open = csv_open,
    .head = csv_head,
    .next = csv_next,
    .where = csv_where,
    .place = csv_place_of,
    .stats = csv_stats,
    .close = csv_close,
    .create = csv_create,
    .put = csv_put,
    .flush = csv_flush,
    .finish = csv_finish,
    .destroy = csv_destroy,
};

const struct stream_format stream_tsv = {
    .name = "tsv",
    .about = "the same, separated by TAB",
    .sniff = tsv_sniff,
    .open = tsv_open,
    .head = csv_head,
    .next = csv_next,
    .where = csv_where,
    .place = csv_place_of,
    .stats = csv_stats,
    .close = csv_close,
    .create = tsv_create,
    .put = csv_put,
    .flush = csv_flush,
    .finish = csv_finish,
    .destroy = csv_destroy,
};
