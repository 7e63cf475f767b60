/* spec.c - what a front does, in the header of a model file: {"window", "step", "group", "diff", "columns"}. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "front/front.h"

bool front_wanted(const struct front_spec *s) { return s->window > 1 || s->ndiff > 0; }

static json_t *names(char *const *name, size_t n) {
    json_t *j = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(j, json_string(name[i]));
    return j;
}

json_t *front_to_json(const struct front_spec *s, const struct vae_head *in) {
    json_t *columns = json_array();
    for (size_t f = 0; f < in->nfields; f++)
        json_array_append_new(columns, json_string(in->fields[f].name));
    return json_pack("{s:I, s:I, s:o, s:o, s:o}", "window", (json_int_t)(s->window ? s->window : 1), "step",
                     (json_int_t)(s->step ? s->step : 1), "group", names(s->group, s->ngroup), "diff", names(s->diff, s->ndiff),
                     "columns", columns);
}

/* The texts of a list; they live with it. */
static int texts(const json_t *j, const char *key, char *const **out, size_t *n, struct vae_err *err) {
    json_t *list;
    int r = js_array(j, key, &list, "front", err);
    *n = r ? 0 : json_array_size(list);
    char **text = mem_array(*n + 1, sizeof *text);
    *out = text;
    if (!r && !text)
        r = err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < *n && !r; i++)
        if (!(text[i] = (char *)(uintptr_t)json_string_value(json_array_get(list, i))))
            r = err_set(err, VAE_EDATA, "front: '%s' holds what is no text", key);
    return r;
}

int front_from_json(const json_t *j, struct front_spec *s, struct vae_err *err) {
    int64_t window, step;
    *s = (struct front_spec){0};
    int r = js_int(j, "window", 1, FRONT_WINDOW_MAX, &window, "front", err);
    if (!r)
        r = js_int(j, "step", 1, INT32_MAX, &step, "front", err);
    if (!r)
        r = texts(j, "group", &s->group, &s->ngroup, err);
    if (!r)
        r = texts(j, "diff", &s->diff, &s->ndiff, err);
    if (!r)
        s->window = (size_t)window, s->step = (size_t)step;
    return r;
}

void front_spec_free(struct front_spec *s) {
    free((void *)(uintptr_t)s->group), free((void *)(uintptr_t)s->diff);
    *s = (struct front_spec){0};
}
