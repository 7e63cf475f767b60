/* foreign.h - formats that are known and neither read nor written here. */
#ifndef STREAM_FOREIGN_H
#define STREAM_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

/* Do these first bytes of a file tell such a format? What it is, and what makes of it something that is read. */
bool stream_foreign(const unsigned char *p, size_t n, const char **is, const char **way);
/* Does the name of a file say so? What it is, or NULL. */
const char *stream_foreign_name(const char *path);

#endif
