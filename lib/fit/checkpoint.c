/* checkpoint.c - see checkpoint.h; what the tensors are is in state.c. */
#include "fit/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

static const size_t FILE_MAX = (size_t)24 << 30; /* six arrays where a model has one */
static const double MINUTE = 60;

struct checkpoint {
    char *path;
    struct tensors *loaded; /* until it is restored */
    json_t *plan;
    double every, last;     /* seconds; of the clock */
    size_t kept;
    struct vae_err trouble;
    bool told;
};

/* Why the file at path cannot be gone on from: the way out behind the message. */
static int refuse(int code, const char *path, const char *why, struct vae_err *err) {
    return err_set(err, code, "%s %s; remove it to start anew", path, why);
}

static int load(struct checkpoint *c, bool resume, struct vae_err *err) {
    if (access(c->path, F_OK) != 0) {
        struct io_replace *probe = io_replace_open(c->path, err);
        io_replace_abandon(probe);
        return probe ? 0 : VAE_ECREATE;
    }
    if (!resume)
        return err_set(err, VAE_EUSAGE, "%s is there; --resume goes on from it, or remove it", c->path);
    struct vae_err why = {0};
    c->loaded = tensors_load(c->path, FILE_MAX, NULL, &why);
    if (!c->loaded && why.code != VAE_EDATA)
        return err_set(err, why.code, "%s", why.msg);
    if (!c->loaded)
        return err_set(err, VAE_EDATA, "%s; remove it to start anew", why.msg);
    if (!tensors_meta_get(c->loaded, "checkpoint"))
        return err_set(err, VAE_EDATA, "%s is a model, no checkpoint; give the checkpoint another name", c->path);
    return 0;
}

struct checkpoint *checkpoint_open(const char *path, bool resume, double every, struct vae_err *err) {
    struct checkpoint *c = mem_array(1, sizeof *c);
    if (c && (c->path = mem_text(path, strlen(path)))) {
        c->every = isnan(every) ? MINUTE : every;
        c->last = clock_seconds();
        if (!load(c, resume, err))
            return c;
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    checkpoint_free(c);
    return NULL;
}

void checkpoint_free(struct checkpoint *c) {
    if (!c)
        return;
    tensors_free(c->loaded);
    json_decref(c->plan);
    free(c->path);
    free(c);
}

/* ---- the plan -------------------------------------------------------------------------------------------------- */

static json_t *loaded_plan(const struct checkpoint *c, struct vae_err *err) {
    struct vae_err why = {0};
    json_t *j = tensors_get_json(c->loaded, "checkpoint", &why);
    if (!j)
        refuse(why.code, c->path, "is damaged", err);
    return j;
}

size_t checkpoint_steps(const struct checkpoint *c) {
    json_t *j = c && c->loaded ? loaded_plan(c, NULL) : NULL;
    json_int_t steps = json_integer_value(json_object_get(j, "steps"));
    json_decref(j);
    return steps > 0 ? (size_t)steps : 0;
}

/* A member's value as people read it. */
static const char *shown(const json_t *j, char *out, size_t size) {
    struct buf text = {0};
    if (json_is_string(j))
        return err_quote(out, size, json_string_value(j), json_string_length(j));
    if (json_is_number(j))
        snprintf(out, size, "%.7g", json_number_value(j));
    else if (json_is_boolean(j))
        snprintf(out, size, json_is_true(j) ? "yes" : "no");
    else if (json_is_array(j) && !js_dump((json_t *)(uintptr_t)j, &text, NULL))
        err_quote(out, size, text.p, text.n);
    else
        snprintf(out, size, "none");
    buf_free(&text);
    return out;
}

/* What tells that the rows themselves, or their columns, are others. */
static bool is_data(const char *key) {
    return !strcmp(key, "data_crc32") || !strcmp(key, "rows") || !strcmp(key, "values") || !strcmp(key, "columns");
}

/* Equal as written and read again: 1.0 comes back as 1. */
static bool same(const json_t *a, const json_t *b) {
    bool reals = json_is_number(a) && json_is_number(b) && (json_is_real(a) || json_is_real(b));
    return reals ? json_number_value(a) == json_number_value(b) : json_equal(a, b);
}

/* The first member of the plans that differs: those of the data before the others, objects member by member. */
static int compare(const struct checkpoint *c, const json_t *old, const json_t *new, bool data, struct vae_err *err) {
    const char *key;
    json_t *all = json_copy((json_t *)(uintptr_t)old), *v;
    int r = all && !json_object_update(all, (json_t *)(uintptr_t)new) ? 0 : err_set(err, VAE_EOS, "out of memory");
    json_object_foreach(all, key, v) {
        const json_t *was = json_object_get(old, key), *is = json_object_get(new, key);
        char a[48], b[48];
        if (r)
            break;
        if (json_is_object(is) && json_is_object(was)) {
            r = data ? 0 : compare(c, was, is, false, err);
        } else if (data == is_data(key) && !same(is, was)) {
            r = data ? refuse(VAE_EDATA, c->path, "is of other data, or its columns were taken for something else", err)
                     : err_set(err, VAE_EUSAGE, "%s is of a fit with %s %s, not %s; give the same options, or remove it to start anew",
                               c->path, key, shown(was, a, sizeof a), shown(is, b, sizeof b));
        }
    }
    json_decref(all);
    return r;
}

int checkpoint_plan(struct checkpoint *c, json_t *plan, struct vae_err *err) {
    if (!plan)
        return err_set(err, VAE_EOS, "out of memory");
    json_decref(c->plan);
    c->plan = plan;
    json_t *old = c->loaded ? loaded_plan(c, err) : NULL;
    int r = !c->loaded ? 0 : !old ? VAE_EDATA : compare(c, old, plan, true, err);
    if (!r && old)
        r = compare(c, old, plan, false, err);
    json_decref(old);
    return r;
}

/* ---- the state ------------------------------------------------------------------------------------------------- */

int checkpoint_restore(struct checkpoint *c, struct train_state *s, size_t steps, struct vae_err *err) {
    if (!c || !c->loaded)
        return 0;
    struct vae_err why = {0};
    int r = train_state_get(s, c->loaded, steps, &why);
    if (r == VAE_EDATA)
        refuse(r, c->path, "is damaged", err);
    else if (r)
        err_set(err, r, "%s", why.msg);
    c->kept = s->step;
    tensors_free(c->loaded);
    c->loaded = NULL;
    return r;
}

int checkpoint_before(const struct checkpoint *c, size_t nw, struct train_trial *before, struct vae_err *err) {
    struct vae_err why = {0};
    int r = c && c->loaded ? train_trial_get(before, c->loaded, nw, &why) : 0;
    return r == VAE_EDATA ? refuse(r, c->path, "is damaged", err) : r ? err_set(err, r, "%s", why.msg) : 0;
}

bool checkpoint_due(const struct checkpoint *c) { return c && clock_seconds() - c->last >= c->every; }

void checkpoint_save(struct checkpoint *c, const struct train_state *s) {
    struct vae_err err = {0};
    int64_t *bits = NULL;
    if (!c)
        return;
    struct tensors *t = tensors_new(&err);
    int r = t ? tensors_set_json(t, "checkpoint", json_incref(c->plan), &err) : VAE_EOS;
    if (!r)
        r = train_state_put(s, t, &bits, &err);
    if (!r && !(r = tensors_save(t, c->path, NULL, &err)))
        c->kept = s->step;
    if (r && r != VAE_EDATA)
        c->trouble = err;
    tensors_free(t);
    free(bits);
    c->last = clock_seconds();
}

size_t checkpoint_kept(const struct checkpoint *c) { return c ? c->kept : 0; }

const char *checkpoint_trouble(struct checkpoint *c) {
    if (!c || !c->trouble.code || c->told)
        return NULL;
    c->told = true;
    return c->trouble.msg;
}

void checkpoint_remove(struct checkpoint *c) {
    if (c && c->kept && unlink(c->path) == 0)
        c->kept = 0;
}
