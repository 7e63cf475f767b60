/* err.c - one-line error messages that are safe to print on a terminal, and their exit statuses. */
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { LONGEST = 1024 }; /* a message before it is cut to fit struct vae_err */

/* Bytes of the UTF-8 character at p (RFC 3629: no overlong forms, no surrogates), 0 where it is none or a
 * control character; C1 controls count, since terminals obey them. */
static size_t printable(const unsigned char *p, size_t n) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
        return 0;
    uint32_t c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c < 0xa0)
        return 0;
    return len;
}

char *err_quote(char *out, size_t size, const char *bytes, size_t n) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)bytes;
    size_t o = 0, cut = 0; /* cut: where "..." still fits */
    if (size == 0)
        return out;
    for (size_t i = 0; i < n;) {
        size_t len = printable(p + i, n - i), need = len ? len : 4;
        if (o + need > size - 1) {
            size_t dots = size - 1 - cut < 3 ? size - 1 - cut : 3;
            memcpy(out + cut, "...", dots);
            o = cut + dots;
            break;
        }
        if (len)
            memcpy(out + o, p + i, len);
        else
            memcpy(out + o, (char[4]){'\\', 'x', hex[p[i] >> 4], hex[p[i] & 15]}, 4);
        o += need;
        i += len ? len : 1;
        if (o + 3 <= size - 1)
            cut = o;
    }
    out[o] = 0;
    return out;
}

static int set(struct vae_err *err, int code, const char *text) {
    if (err) {
        err->code = code;
        err_quote(err->msg, sizeof err->msg, text, strlen(text));
    }
    return code;
}

int err_set(struct vae_err *err, int code, const char *fmt, ...) {
    char text[LONGEST];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return set(err, code, text);
}

int err_errno(struct vae_err *err, int code, const char *fmt, ...) {
    char text[LONGEST], why[128], lower[128];
    const char *reason = strerror_r(errno, why, sizeof why);
    va_list ap;
    if (reason[0] && islower((unsigned char)reason[1])) { /* messages are lower case; EIO's "Input/output" too */
        snprintf(lower, sizeof lower, "%c%s", tolower((unsigned char)reason[0]), reason + 1);
        reason = lower;
    }
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", reason);
    return set(err, code, text);
}

int err_prefix(struct vae_err *err, const char *fmt, ...) {
    char text[LONGEST];
    if (!err)
        return 0;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", err->msg);
    return set(err, err->code, text);
}

int vae_exit_status(int code) {
    switch (code) {
    case 0:
        return EX_OK;
    case VAE_EUSAGE:
        return EX_USAGE;
    case VAE_EDATA:
    case VAE_EROW:
        return EX_DATAERR;
    case VAE_ENOINPUT:
        return EX_NOINPUT;
    case VAE_EOS:
        return EX_OSERR;
    case VAE_ECREATE:
        return EX_CANTCREAT;
    case VAE_EIO:
        return EX_IOERR;
    case VAE_EAGAIN:
        return EX_TEMPFAIL;
    default: /* VAE_EDIVERGED, VAE_ESTOP */
        return EX_SOFTWARE;
    }
}

char *vae_quote(char *out, size_t size, const char *bytes, size_t n) {
    return err_quote(out, size, bytes, n);
}
