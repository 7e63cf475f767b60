/* table.c - the formats. Those with a signature are asked first; a table of text is nearly anything, so it is last. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "stream/array.h"
#include "stream/format.h"

const struct stream_format *const stream_formats[] = {
    &stream_vts, &stream_npy, &stream_idx, &stream_png, &stream_pnm, &stream_pam, &stream_wav, &stream_flac, &stream_ogg, &stream_aiff,
    &stream_au, &stream_caf, &stream_mp3, &stream_sound, &stream_ndjson, &stream_u8, &stream_s16, &stream_f32, &stream_f64,
    &stream_text, &stream_csv, &stream_tsv, NULL};

const struct stream_format *stream_format_by_name(const char *name) {
    for (size_t i = 0; stream_formats[i]; i++)
        if (!strcmp(stream_formats[i]->name, name))
            return stream_formats[i];
    return NULL;
}

const struct stream_format *stream_format_parse(const char *text, size_t *width, struct vae_err *err) {
    enum { MOST = ARRAY_RECORD_MAX / 8 };
    char name[16] = "", *end = NULL;
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    if (n < sizeof name)
        memcpy(name, text, n);
    const struct stream_format *f = stream_format_by_name(name);
    unsigned long w = colon ? strtoul(colon + 1, &end, 10) : 0;
    *width = w;
    if (!f || !f->open)
        err_set(err, VAE_EUSAGE, "no format '%s' can be read", text);
    else if (colon && !f->wide)
        err_set(err, VAE_EUSAGE, "%s: records of %s tell how long they are", text, name);
    else if (colon && (colon[1] < '0' || colon[1] > '9' || *end || w < 1 || w > MOST))
        err_set(err, VAE_EUSAGE, "%s: a record has from 1 to %d numbers", text, (int)MOST);
    else
        return f;
    return NULL;
}

bool stream_ends_in(const char *path, size_t n, const char *words) {
    size_t len = 0;
    while (len < n && path[n - len - 1] != '.' && path[n - len - 1] != '/')
        len++;
    for (const char *w = words; w && *w && len < n && path[n - len - 1] == '.'; w += strspn(w, " ")) {
        size_t word = strcspn(w, " ");
        if (word == len && !strncasecmp(w, path + n - len, len))
            return true;
        w += word;
    }
    return false;
}

size_t stream_plain_name(const char *path) {
    size_t n = strlen(path);
    return n > 3 && !strcmp(path + n - 3, ".gz") ? n - 3 : n;
}

const struct stream_format *stream_format_by_ending(const char *path) {
    size_t n = stream_plain_name(path);
    for (size_t i = 0; stream_formats[i]; i++)
        if (stream_ends_in(path, n, stream_formats[i]->name) || stream_ends_in(path, n, stream_formats[i]->endings))
            return stream_formats[i];
    return NULL;
}

const struct stream_format *stream_format_of(const struct vae_head *head) {
    const char *name = json_string_value(json_object_get(head->origin, "format"));
    return name ? stream_format_by_name(name) : NULL;
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
