/* open.c - vae_in_open(): a reader that is asked for the columns of a model, and makes of its rows what the model learnt from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "front/front.h"
#include "model/model.h"
#include "model/sound.h"
#include "stream/format.h"
#include "stream/state.h"

/* Is `full` the column `name`, its steps, or one of these some rows before? */
static bool made_of(const char *full, const char *name) {
    size_t n = strlen(name);
    if (strncmp(full, name, n) != 0)
        return false;
    full += n;
    full += strncmp(full, ".step", 5) ? 0 : 5;
    return !*full || !strncmp(full, "@-", 2);
}

/* All columns in the order they stood in the training data, so that rows without a header can be taken by position. Those that
 * nothing is made of are left out. */
static size_t of_windows(const struct schema *s, const json_t *columns, char **names, bool *optional) {
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(columns); i++) {
        char *name = (char *)(uintptr_t)json_string_value(json_array_get(columns, i));
        bool needed = false, used = false;
        for (size_t c = 0; name && c < s->ncols && !needed; c++)
            if (made_of(s->col[c].name, name))
                used = true, needed = !s->col[c].condition;
        for (size_t k = 0; name && k < s->nkeep && !used; k++)
            used = !strcmp(s->keep[k], name);
        if (used)
            optional[n] = !needed, names[n++] = name;
    }
    return n;
}

/* The same without windows: modelled and kept columns are each in that order already. */
static size_t in_order(const struct schema *s, char **names, bool *optional) {
    const json_t *origin = json_object_get(s->origin, "columns");
    size_t c = 0, k = 0, n = 0;
    for (size_t i = 0; i < json_array_size(origin); i++) {
        const char *name = json_string_value(json_array_get(origin, i));
        if (name && c < s->ncols && !strcmp(name, s->col[c].name))
            optional[n] = s->col[c].condition, names[n++] = s->col[c++].name;
        else if (name && k < s->nkeep && !strcmp(name, s->keep[k]))
            optional[n] = true, names[n++] = s->keep[k++];
    }
    while (c < s->ncols)
        optional[n] = s->col[c].condition, names[n++] = s->col[c++].name;
    while (k < s->nkeep)
        optional[n] = true, names[n++] = s->keep[k++];
    return n;
}

static int run(void *ctx, const struct vae_batch *b, size_t *at, const struct vae_batch **out, struct vae_err *err) {
    return front_run(ctx, b, at, out, err);
}
static size_t row(const void *ctx, size_t i) { return front_row(ctx, i); }
static size_t overlap(const void *ctx) { return front_overlap(ctx); }
static void cut(void *ctx, const char *name) { front_cut(ctx, name); }
static int save(void *ctx, size_t done, struct buf *out, struct vae_err *err) { return front_save(ctx, done, out, err); }
static void drop(void *ctx) { front_free(ctx); }

/* now[fields of in]: the model has no use for earlier values of the column. */
static void wanted_now(const struct schema *s, const struct vae_head *in, bool *now) {
    for (size_t f = 0; f < in->nfields; f++) {
        now[f] = true;
        for (size_t c = 0; c < s->ncols && now[f]; c++)
            now[f] = !made_of(s->col[c].name, in->fields[f].name) || !strstr(s->col[c].name, "@-");
    }
}

/* The rows before are those of the last run. */
static int go_on(struct front *front, struct vae_state *s, struct vae_err *err) {
    struct vae_err why = {0};
    int r = front_load(front, s->held, s->nheld, &why);
    s->anew = r == 0 && s->model;
    if (r >= 0)
        return 0;
    err_prefix(&why, "%s", s->path);
    return r == VAE_EDATA ? state_refuse(why.msg, err) : err_set(err, r, "%s", why.msg);
}

static int add_front(struct vae_in *in, const struct front_spec *spec, const struct vae_in_opts *o, struct vae_err *err) {
    const struct vae_head *head = vae_in_head(in);
    bool *now = o->model ? mem_array(head->nfields + 1, sizeof *now) : NULL;
    if (o->model && !now)
        return err_set(err, VAE_EOS, "out of memory");
    if (now)
        wanted_now(o->model->schema, head, now);
    struct front *front = front_new(head, spec, &(const struct front_opts){.now = now, .values = o->values, .whole = o->whole}, err);
    free(now);
    if (!front)
        return VAE_EUSAGE;
    stream_in_front(in, &(const struct stream_front){front, front_head(front), run, row, overlap, cut, NULL, save, drop});
    return o->state ? go_on(front, o->state, err) : 0;
}

/* A reader of what the model asks for. */
static struct vae_in *open_matched(char *const *paths, size_t n, const struct vae_in_opts *opts, const json_t *front, struct vae_err *err) {
    const struct schema *s = opts->model->schema;
    const json_t *columns = json_object_get(front, "columns");
    size_t most = s->ncols + s->nkeep + json_array_size(columns);
    char **names = mem_array(most + 1, sizeof *names);
    bool *optional = mem_array(most + 1, sizeof *optional);
    struct vae_in *in = NULL;
    if (names && optional) {
        struct stream_want want = {.names = names, .optional = optional};
        const char *format = json_string_value(json_object_get(s->origin, "format"));
        want.text = format && !strcmp(format, "text");
        for (size_t c = 0; c < s->ncols && want.text; c++)
            want.label = s->col[c].condition && !s->col[c].apart ? s->col[c].name : want.label;
        want.n = front ? of_windows(s, columns, names, optional) : in_order(s, names, optional);
        if (want.n)
            in = stream_in_open(paths, n, opts, &want, err);
        else
            err_set(err, VAE_EDATA, "the model does not say of which columns its windows are");
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    free(names), free(optional);
    return in;
}

/* The reader gives what --audio or a model makes of sound. Records that were made of it already (VTS) are taken as they are, where
 * they are of that kind. */
static struct vae_in *add_sound(struct vae_in *in, const struct vae_in_opts *o, const json_t *front, struct vae_err *err) {
    const json_t *made = in ? json_object_get(json_object_get(vae_in_head(in)->origin, "front"), "audio") : NULL;
    bool sound = in && sound_is(vae_in_head(in));
    int r = in && front && made ? sound_same(in, front, err)
            : in && (sound || !o->audio_if_sound) ? sound_front(in, o->audio, front, err) : 0;
    if (r) {
        vae_in_free(in);
        return NULL;
    }
    return in;
}

struct vae_in *vae_in_open(char *const *paths, size_t n, const struct vae_in_opts *opts, struct vae_err *err) {
    const json_t *front = opts->model ? json_object_get(opts->model->schema->origin, "front") : NULL;
    if (json_object_get(front, "audio"))
        return add_sound(stream_in_open(paths, n, opts, NULL, err), opts, front, err);
    struct front_spec spec = {opts->window, opts->window_step, opts->group, opts->diff, opts->ngroup, opts->ndiff};
    if (opts->window > FRONT_WINDOW_MAX) {
        err_set(err, VAE_EUSAGE, "a window is at most %d rows", (int)FRONT_WINDOW_MAX);
        return NULL;
    }
    if (opts->model)
        spec = (struct front_spec){0};
    if (front && front_from_json(front, &spec, err)) {
        front_spec_free(&spec);
        return NULL;
    }
    if (opts->state && opts->whole && front_wanted(&spec)) { /* what is done is told in records, so each row is to be one */
        err_set(err, VAE_EUSAGE, "a run that goes on has a record for each row, not one for each whole window");
        front_spec_free(&spec);
        return NULL;
    }
    struct vae_in *in = opts->model ? open_matched(paths, n, opts, front, err) : stream_in_open(paths, n, opts, NULL, err);
    if (in && front_wanted(&spec) && add_front(in, &spec, opts, err)) {
        vae_in_free(in);
        in = NULL;
    }
    if (front)
        front_spec_free(&spec);
    return opts->audio && !opts->model ? add_sound(in, opts, NULL, err) : in;
}
