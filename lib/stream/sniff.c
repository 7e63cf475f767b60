/*
 * sniff.c - which format a source has (sniff.h). What text is, one byte tells; signatures are longer, but most of them begin with a
 * byte that no text in ASCII has, so that live input is not kept waiting. Of the others a format says how far the bytes there are may
 * be the beginning of one.
 */
#include "stream/sniff.h"

#include "base/err.h"
#include "stream/foreign.h"

/* Could these bytes be the beginning of a signature that looks like text? */
static bool begins(const unsigned char *p, size_t n) {
    for (size_t i = 0; stream_formats[i]; i++)
        if (stream_formats[i]->begins && stream_formats[i]->begins(p, n))
            return true;
    return false;
}

/* No text has so many bytes that nobody can see; a stray one is told of where it stands. */
static bool binary(const unsigned char *p, size_t n) {
    size_t odd = 0;
    for (size_t i = 0; i < n && i < 64; i++)
        odd += p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r';
    return odd > 2;
}

int stream_sniff(struct source *src, const struct stream_format *named, bool text, const struct stream_format **format,
                 struct vae_err *err) {
    const unsigned char *p;
    const char *is, *way;
    long n = source_peek(src, 1, &p, err);
    if (n > 0 && (p[0] < 0x20 || p[0] > 0x7e))
        n = source_peek(src, 16, &p, err);
    else if (n > 0 && (p[0] == 'P' || p[0] == '{')) /* but for the images of netpbm, and JSON */
        n = source_peek(src, 3, &p, err);
    for (long had = 0; n > had && begins(p, (size_t)n);) {
        had = n;
        n = source_peek(src, (size_t)n + 1, &p, err);
    }
    *format = NULL;
    if (n <= 0)
        return (int)n;
    if (vae_is_model(p, (size_t)n)) /* the first byte of some is text's, but a file gives all of them at once */
        return err_set(err, VAE_EDATA, "%s: is a model, not data", source_name(src));
    *format = named;
    if (!named && text) /* a line may begin like anything, but for what has been a stream of lines */
        *format = stream_vts.sniff(p, (size_t)n) ? &stream_vts : &stream_text;
    else if (!named && stream_foreign(p, (size_t)n, &is, &way))
        return err_set(err, VAE_EDATA, "%s: is %s, which is not read here: %s", source_name(src), is, way);
    for (size_t i = 0; !*format && stream_formats[i]; i++)
        if (stream_formats[i]->open && stream_formats[i]->sniff && stream_formats[i]->sniff(p, (size_t)n))
            *format = stream_formats[i];
    if ((!*format || *format == &stream_csv) && !named && binary(p, (size_t)n))
        return err_set(err, VAE_EDATA, "%s: no format that is known, and no text; bare numbers, N of them a record, need -f f32:N, or "
                       "u8, s16, f64", source_name(src));
    return *format ? 0 : err_set(err, VAE_EDATA, "%s: unknown format; name it with -f", source_name(src));
}
