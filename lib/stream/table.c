/* table.c - the formats. Those with a signature are asked first; a table of text is nearly anything, so it is last. */
#include <string.h>

#include "stream/format.h"

const struct stream_format *const stream_formats[] = {
    &stream_vts,  &stream_npy, &stream_idx,   &stream_wav, &stream_flac, &stream_ogg, &stream_aiff,
    &stream_au,   &stream_caf, &stream_mp3,   &stream_sound, &stream_csv, &stream_tsv,  NULL};

const struct stream_format *stream_format_by_name(const char *name) {
    for (size_t i = 0; stream_formats[i]; i++)
        if (!strcmp(stream_formats[i]->name, name))
            return stream_formats[i];
    return NULL;
}

const char *vae_format(size_t i, bool *readable, bool *writable) {
    for (size_t k = 0; k < i; k++)
        if (!stream_formats[k])
            return NULL;
    if (!stream_formats[i])
        return NULL;
    if (readable)
        *readable = stream_formats[i]->open != NULL;
    if (writable)
        *writable = stream_formats[i]->create != NULL;
    return stream_formats[i]->name;
}
