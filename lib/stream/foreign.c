/* foreign.c - formats that are known and neither read nor written here: what makes a table or images of them. */
#include "stream/foreign.h"

#include <string.h>

#include "stream/format.h"

static const struct {
    const char *bytes;
    size_t n;
    const char *is, *way, *endings; /* of names of such files, NULL: none is known */
} foreign[] = {
    {"PAR1", 4, "a Parquet file", "duckdb -csv -c \"select * from 'FILE'\" makes CSV", "parquet pq"},
    {"ARROW1", 6, "an Arrow file", "duckdb or Python's pyarrow makes CSV", "arrow feather"},
    {"PK\3\4", 4, "a zip archive, or a spreadsheet", "unzip -p, or for xlsx and ods ssconvert FILE fd://1, makes CSV", "xlsx ods zip"},
    {"\xd0\xcf\x11\xe0", 4, "an old spreadsheet or document", "ssconvert FILE fd://1 makes CSV of xls", "xls"},
    {"SQLite format 3", 15, "an SQLite database", "sqlite3 -csv -header FILE 'select * from TABLE' makes CSV", "sqlite sqlite3 db"},
    {"\x89HDF", 4, "an HDF5 file", "Python's h5py makes NPY", "h5 hdf5"},
    {"CDF", 3, "a NetCDF file", "ncdump, or Python's netCDF4, makes text", "nc"},
    {"%PDF-1.", 7, "a PDF document", "pdftoppm makes images", "pdf"},
    {"\xff\xd8\xff", 3, "a JPEG image", "djpeg makes PNM", "jpg jpeg"},
    {"GIF8", 4, "a GIF image", "giftopnm makes PNM", "gif"},
    {"BM", 2, "a BMP image", "bmptopnm makes PNM", "bmp"},
    {"II*\0", 4, "a TIFF image", "tifftopnm makes PNM", "tif tiff"},
    {"MM\0*", 4, "a TIFF image", "tifftopnm makes PNM", NULL},
    {"\xfd" "7zXZ", 5, "compressed by xz", "xz -dc undoes it", "xz"},
    {"BZh", 3, "compressed by bzip2", "bzip2 -dc undoes it", "bz2"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd", "zstd -dc undoes it", "zst"},
    {"\x04\x22\x4d\x18", 4, "compressed by lz4", "lz4 -dc undoes it", "lz4"},
    {"\xff\xfe", 2, "text in UTF-16", "iconv -f UTF-16 -t UTF-8 makes text that is read", NULL},
    {"\xfe\xff", 2, "text in UTF-16", "iconv -f UTF-16 -t UTF-8 makes text that is read", NULL},
    {"[{\"", 3, "one list of JSON objects", "jq -c '.[]' FILE makes a line of each", NULL},
    {"\x80\x04\x95", 3, "a Python pickle", "numpy.save() makes NPY of an array", "pkl pickle"},
};

/* Text may begin with the same letters: then a control byte must stand among those behind them. */
static bool text(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n && i < 64; i++)
        if (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r')
            return false;
    return true;
}

/* What no text begins with by chance, nor do tables with a list of objects. */
enum { LONG = 7 };

bool stream_foreign(const unsigned char *p, size_t n, const char **is, const char **way) {
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (n >= foreign[i].n && !memcmp(p, foreign[i].bytes, foreign[i].n) &&
            (!text(p, n) || foreign[i].n >= LONG || p[0] >= 0x80 || p[0] == '[')) {
            *is = foreign[i].is, *way = foreign[i].way;
            return true;
        }
    return false;
}

const char *stream_foreign_name(const char *path) {
    size_t n = stream_plain_name(path);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (stream_ends_in(path, n, foreign[i].endings))
            return foreign[i].is;
    return NULL;
}
