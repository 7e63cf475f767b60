/*
 * json.h - strict JSON: small helpers over jansson for the heads of streams and model files.
 *
 * Reading refuses duplicate keys, text behind the document and nesting deeper than JS_MAX_DEPTH. Writing is
 * deterministic: compact, keys in the order of strcmp, reals as the shortest text that reads back as the same double
 * (jansson itself prints %.17g: 0.1 as 0.10000000000000001).
 *
 * `what` goes in front of messages: "data.vts: head" gives "data.vts: head: member 'rate' is not a number".
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "vae.h"

enum { JS_MAX_DEPTH = 64 };

/* The object in the n bytes at p, at most cap of them. The caller's to json_decref; NULL and VAE_EDATA (VAE_EOS). */
json_t *js_load(const void *p, size_t n, size_t cap, const char *what, struct vae_err *);

/* Members of obj that must be there, of their type; VAE_EDATA else. Strings and containers are borrowed from obj. */
int js_string(const json_t *obj, const char *key, const char **out, const char *what, struct vae_err *);
int js_int(const json_t *obj, const char *key, int64_t least, int64_t most, int64_t *out, const char *what,
           struct vae_err *);
int js_number(const json_t *obj, const char *key, double *out, const char *what, struct vae_err *);
int js_bool(const json_t *obj, const char *key, bool *out, const char *what, struct vae_err *);
int js_array(const json_t *obj, const char *key, json_t **out, const char *what, struct vae_err *);
int js_object(const json_t *obj, const char *key, json_t **out, const char *what, struct vae_err *);

/* Is the member there? Optional ones are asked for before they are got. */
bool js_has(const json_t *obj, const char *key);

/* Appends j as text. 0, VAE_EOS, or VAE_EUSAGE where j is nested too deeply. */
int js_dump(json_t *j, struct buf *out, struct vae_err *);

#endif
