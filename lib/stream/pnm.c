/*
 * pnm.c - the images of netpbm: P1 to P6 (PBM, PGM, PPM: bits, grey, RGB, as text or as bytes) and P7 (PAM), any number of them one
 * behind the other (https://netpbm.sourceforge.net/doc/pnm.html). Values are brought to 0..255; those of more than 8 bits are refused.
 * Written are P5 and P6 where that says it all, else P7.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "stream/image.h"

enum { LINE = 256 };

static int bad(const struct source *src, const char *what, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s: no good PNM image: %s", source_name(src), what);
}

/* The next byte, or VAE_E* (the end is one). */
static int byte(struct source *src, struct vae_err *err) {
    unsigned char c;
    long n = source_read(src, &c, 1, err);
    return n < 0 ? (int)n : n == 0 ? bad(src, "it ends early", err) : c;
}

/* A byte that is no blank and in no comment. */
static int token(struct source *src, struct vae_err *err) {
    int c = byte(src, err);
    while (c >= 0 && (isspace(c) || c == '#')) {
        while (c >= 0 && c == '#')
            do
                c = byte(src, err);
            while (c >= 0 && c != '\n');
        c = byte(src, err);
    }
    return c;
}

/* A whole number up to `most`, and the byte behind it in *next (may be NULL; -1 at the end of the file). */
static int number(struct source *src, unsigned most, size_t *out, struct vae_err *err) {
    int c = token(src, err);
    unsigned v = 0;
    if (c < 0)
        return c;
    if (!isdigit(c))
        return bad(src, "a number is missing", err);
    while (isdigit(c)) {
        v = 10 * v + (unsigned)(c - '0');
        if (v > most)
            return bad(src, "a number is too large", err);
        unsigned char b;
        long n = source_read(src, &b, 1, err);
        if (n < 0)
            return (int)n;
        c = n == 0 ? ' ' : b; /* the last number of a file of text needs no end */
    }
    *out = v;
    return isspace(c) ? 0 : bad(src, "a number is followed by no blank", err);
}

/* Brings v[n] from 0..most to 0..255. */
static int spread(const struct source *src, unsigned char *v, size_t n, size_t most, struct vae_err *err) {
    for (size_t i = 0; i < n; i++) {
        if (v[i] > most)
            return bad(src, "a value is above the largest that its header declares", err);
        v[i] = (unsigned char)((v[i] * 255u + most / 2) / most);
    }
    return 0;
}

static int exact(struct source *src, void *p, size_t n, struct vae_err *err) {
    int rc = source_exact(src, p, n, err);
    return rc < 0 ? rc : rc ? 0 : bad(src, "it ends early", err);
}

/* Rows of bits, 1 is black, each begun at a byte. */
static int bits(struct source *src, struct image *m, struct vae_err *err) {
    size_t stride = (m->width + 7) / 8;
    unsigned char *row = mem_array(stride, 1);
    int rc = row ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t y = 0; y < m->height && !rc; y++) {
        rc = exact(src, row, stride, err);
        for (size_t x = 0; x < m->width && !rc; x++)
            m->v[y * m->width + x] = row[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
    }
    free(row);
    return rc;
}

static int text(struct source *src, struct image *m, char kind, size_t most, struct vae_err *err) {
    size_t n = image_bytes(m), v;
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        if (kind == '1') { /* digits need no blanks between */
            int c = token(src, err);
            rc = c < 0 ? c : c == '0' || c == '1' ? 0 : bad(src, "a bit is neither 0 nor 1", err);
            m->v[i] = c == '0' ? 255 : 0;
        } else if (!(rc = number(src, (unsigned)most, &v, err)))
            m->v[i] = (unsigned char)v;
    }
    return rc || kind == '1' ? rc : spread(src, m->v, n, most, err);
}

/* The header of a PAM image, a line an entry, behind its first line. */
static int pam_header(struct source *src, size_t of[4], struct vae_err *err) {
    static const char *const keys[] = {"WIDTH", "HEIGHT", "DEPTH", "MAXVAL"};
    char line[LINE], key[32];
    unsigned value;
    for (;;) {
        size_t n = 0;
        int c;
        while ((c = byte(src, err)) >= 0 && c != '\n')
            if (n + 1 < sizeof line)
                line[n++] = (char)c;
        line[n] = 0;
        if (c < 0)
            return c;
        if (!strcmp(line, "ENDHDR"))
            return 0;
        for (size_t k = 0; k < 4; k++)
            if (sscanf(line, "%31s %9u", key, &value) == 2 && !strcmp(key, keys[k]))
                of[k] = value;
    }
}

static int pnm_load(struct source *src, struct image *m, struct vae_err *err) {
    unsigned char magic[3];
    size_t of[4] = {0, 0, 0, 1}; /* width, height, channels, largest value */
    int rc;
    do { /* images of text may have blanks behind them */
        rc = source_exact(src, magic, 1, err);
        if (rc <= 0)
            return rc;
    } while (isspace(magic[0]));
    if ((rc = exact(src, magic + 1, 2, err)))
        return rc;
    char kind = (char)magic[1];
    if (magic[0] != 'P' || kind < '1' || kind > '7' || !isspace(magic[2]))
        return bad(src, "it does not begin with P1 to P7", err);
    if (kind == '7')
        rc = pam_header(src, of, err);
    else {
        of[2] = kind == '3' || kind == '6' ? 3 : 1;
        rc = number(src, IMAGE_SIDE_MAX, &of[0], err);
        rc = rc ? rc : number(src, IMAGE_SIDE_MAX, &of[1], err);
        if (!rc && kind != '1' && kind != '4')
            rc = number(src, 65535, &of[3], err);
    }
    if (!rc && (of[2] < 1 || of[2] > IMAGE_CHANNELS_MAX))
        rc = bad(src, "it has not 1 to 4 channels", err);
    if (!rc && of[3] > 255)
        rc = err_set(err, VAE_EDATA, "%s: 16 bits a value, 8 are read (pamdepth 255 makes such)", source_name(src));
    if (!rc && of[3] == 0)
        rc = bad(src, "its largest value is 0", err);
    rc = rc ? rc : image_room(m, of[1], of[0], of[2], source_name(src), err);
    if (rc)
        return rc;
    if (kind == '4')
        rc = bits(src, m, err);
    else if (kind < '4')
        rc = text(src, m, kind, of[3], err);
    else if (!(rc = exact(src, m->v, image_bytes(m), err)) && of[3] != 255)
        rc = spread(src, m->v, image_bytes(m), of[3], err);
    return rc ? rc : 1;
}

static int pam_save(struct sink *s, const struct image *m, struct vae_err *err) {
    static const char *const type[] = {"GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"};
    char head[LINE];
    int n = snprintf(head, sizeof head, "P7\nWIDTH %zu\nHEIGHT %zu\nDEPTH %zu\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n", m->width, m->height,
                     m->channels, type[m->channels - 1]);
    int rc = sink_write(s, head, (size_t)n, err);
    return rc ? rc : sink_write(s, m->v, image_bytes(m), err);
}

static int pnm_save(struct sink *s, const struct image *m, struct vae_err *err) {
    char head[LINE];
    if (m->channels % 2 == 0)
        return pam_save(s, m, err);
    int n = snprintf(head, sizeof head, "P%c\n%zu %zu\n255\n", m->channels == 1 ? '5' : '6', m->width, m->height);
    int rc = sink_write(s, head, (size_t)n, err);
    return rc ? rc : sink_write(s, m->v, image_bytes(m), err);
}

/* "P5 28 28 255": a table whose header is P5 has other things behind it. */
static bool pnm_sniff(const unsigned char *p, size_t n) {
    if (n < 3 || p[0] != 'P' || p[1] < '1' || p[1] > '6' || !isspace(p[2]))
        return false;
    size_t i = 2, numbers = 0;
    while (i < n && numbers < 2) {
        if (p[i] == '#')
            while (i < n && p[i] != '\n')
                i++;
        else if (isspace(p[i]))
            i++;
        else if (isdigit(p[i])) {
            while (i < n && isdigit(p[i]))
                i++;
            numbers++;
        } else
            return false;
    }
    return true;
}
static bool pam_sniff(const unsigned char *p, size_t n) { return n >= 3 && !memcmp(p, "P7\n", 3); }

static void *pnm_open(struct source *src, const struct stream_read_opts *o, struct vae_err *err) {
    return image_open(src, pnm_load, "pnm", o, err);
}
static void *pam_open(struct source *src, const struct stream_read_opts *o, struct vae_err *err) {
    return image_open(src, pnm_load, "pam", o, err);
}
static void *pnm_create(struct sink *s, const struct vae_head *h, const struct vae_out_opts *o, struct vae_err *err) {
    (void)o;
    return image_create(s, h, pnm_save, 0, "pnm", err);
}
static void *pam_create(struct sink *s, const struct vae_head *h, const struct vae_out_opts *o, struct vae_err *err) {
    (void)o;
    return image_create(s, h, pam_save, 0, "pam", err);
}

#define IMAGES .files = true, .head = image_head, .next = image_next, .where = image_where, .close = image_close, \
    .put = image_put, .destroy = image_destroy
const struct stream_format stream_pnm = {.name = "pnm", .about = "PBM, PGM and PPM images", .endings = "pbm pgm ppm", .sniff = pnm_sniff,
                                         .open = pnm_open,
                                         .create = pnm_create, IMAGES};
const struct stream_format stream_pam = {.name = "pam", .about = "PAM images", .sniff = pam_sniff, .open = pam_open,
                                         .create = pam_create, IMAGES};
