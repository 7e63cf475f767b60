/* err.h - one-line error messages, filled in where the fact is known. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#include "vae.h"

/* Fills err (which may be NULL) with code and a message, control bytes as \xNN, cut to fit. Returns code. */
int err_set(struct vae_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_set with `: strerror(errno)` behind the message. */
int err_errno(struct vae_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the message that is already in err; returns its code. */
int err_prefix(struct vae_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Copies n bytes to out as printable text: control bytes and bytes that are no UTF-8 as \xNN, at most
 * size-1 bytes, "..." at the end where cut. Returns out. */
char *err_quote(char *out, size_t size, const char *bytes, size_t n);

#endif
