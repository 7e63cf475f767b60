/* walk_direction.c - the direction toward a value of a column, from latents whose column is known. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/num.h"
#include "compare/compare.h"
#include "gen/walk.h"
#include "stream/format.h"

enum { TOLD = 8 }; /* columns or values that a message names */

struct labelled {
    struct vae_in *in;
    const struct vae_head *head;
    struct latents latents;
    bool *other; /* [fields] no latent and no sd */
    int field;   /* the column */
    const char *value;
    double number;        /* the value as one, NaN */
    struct buf cell;
    char told[TOLD][32];  /* other values there are */
    size_t ntold;
    bool more;
    size_t n[2], k;
    float *one;  /* [k] latents of a record */
    double *sum; /* [2,k] of the others, of those with the value */
    float *z;    /* [n,k] and which have it, where the plane between them is asked for */
    bool *is;
    size_t z_cap, is_cap;
};

/* "'a', 'b' and others" of texts; none: "". Returns out. */
static const char *list(char told[][32], size_t n, bool more, char *out, size_t size) {
    size_t at = 0;
    *out = 0;
    for (size_t i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s'%s'", i ? ", " : "", told[i]);
    if (more && at < size)
        snprintf(out + at, size - at, " and others");
    return out;
}

static int find_column(struct labelled *l, const char *name, size_t n, struct vae_err *err) {
    char text[40], names[160];
    l->field = -1;
    for (size_t f = 0; f < l->head->nfields; f++) {
        const struct rec_field *field = &l->head->fields[f];
        if (!l->other[f] || field->width != 1)
            continue;
        if (strlen(field->name) == n && !memcmp(field->name, name, n))
            l->field = (int)f;
        if (l->ntold < TOLD)
            err_quote(l->told[l->ntold++], sizeof *l->told, field->name, strlen(field->name));
        else
            l->more = true;
    }
    if (l->field < 0)
        return err_set(err, VAE_EUSAGE, "--toward: %s has no column '%s' beside the latents; %s%s", stream_in_name(l->in),
                       err_quote(text, sizeof text, name, n), l->ntold ? "there are " : "vae-enc -k carries some",
                       list(l->told, l->ntold, l->more, names, sizeof names));
    l->ntold = 0, l->more = false;
    return 0;
}

/* "column=value", the reader's head, and room. */
static int prepare(struct labelled *l, const struct vae_walk_opts *o, const struct vae_head *in, struct vae_err *err) {
    const char *equals = strchr(o->toward, '=');
    if (!equals || equals == o->toward || !equals[1])
        return err_set(err, VAE_EUSAGE, "--toward: expected COLUMN=VALUE, got '%s'", o->toward);
    l->value = equals + 1;
    if (num_parse(l->value, strlen(l->value), &l->number) != NUM_NUMBER)
        l->number = NAN;
    const char *mine = json_string_value(json_object_get(l->head->model, "id")),
               *id = in ? json_string_value(json_object_get(in->model, "id")) : NULL;
    if (mine && id && strcmp(mine, id))
        return err_set(err, VAE_EDATA, "%s: these latents are of model %.12s, those to walk from of %.12s",
                       stream_in_name(l->in), mine, id);
    int r = latents_find(&l->latents, l->head, l->k, err);
    if (r)
        return err_prefix(err, "%s", stream_in_name(l->in));
    l->other = mem_array(l->head->nfields, sizeof *l->other);
    l->one = mem_array(l->k, sizeof *l->one);
    l->sum = mem_array(l->k, 2 * sizeof *l->sum);
    if (!l->other || !l->one || !l->sum)
        return err_set(err, VAE_EOS, "out of memory");
    latents_others(&l->latents, l->head, l->other);
    return find_column(l, o->toward, (size_t)(equals - o->toward), err);
}

/* The cell of record i as text without quotes and blanks around, in l->cell. */
static int get_cell(struct labelled *l, const struct vae_batch *b, size_t i, struct vae_err *err) {
    const struct rec_col *c = &b->cols[l->field];
    enum rec_type type = l->head->fields[l->field].type;
    size_t n = 0;
    const char *p = type == REC_UTF8 ? rec_cell(c, i, &n) : "";
    l->cell.n = 0;
    int r = buf_reserve(&l->cell, n + NUM_MAX, err);
    if (r)
        return r;
    char *out = l->cell.p;
    if (type == REC_U8)
        n = num_put_u64(out, ((const uint8_t *)c->data)[i]);
    else if (type == REC_I32)
        n = num_put_double(out, ((const int32_t *)c->data)[i]);
    else if (type == REC_F32)
        n = num_put_float(out, ((const float *)c->data)[i]);
    else if (type == REC_F64)
        n = num_put_double(out, ((const double *)c->data)[i]);
    else if (b->quoted && n && *p == '"')
        n = rec_unquote(p, n, out);
    else
        memcpy(out, p, n);
    while (n && (out[n - 1] == ' ' || out[n - 1] == '\t'))
        n--;
    while (n && (*out == ' ' || *out == '\t'))
        memmove(out, out + 1, --n);
    l->cell.n = n;
    return 0;
}

/* Is it the value? 1, 0, or -1: the cell is missing. Numbers are equal however they are written. */
static int has_value(struct labelled *l) {
    double v;
    enum num_kind kind = num_parse(l->cell.p, l->cell.n, &v);
    if (strlen(l->value) == l->cell.n && !memcmp(l->value, l->cell.p, l->cell.n))
        return 1;
    if (kind != NUM_NUMBER)
        return kind == NUM_MISSING ? -1 : 0;
    return v >= l->number && v <= l->number;
}

static void remember(struct labelled *l) {
    char text[sizeof *l->told];
    err_quote(text, sizeof text, l->cell.p, l->cell.n);
    for (size_t i = 0; i < l->ntold; i++)
        if (!strcmp(l->told[i], text))
            return;
    if (l->ntold < TOLD)
        memcpy(l->told[l->ntold++], text, sizeof text);
    else
        l->more = true;
}

static int add(struct labelled *l, const struct vae_batch *b, size_t i, bool hold, struct vae_err *err) {
    int r = latents_read(&l->latents, l->head, b, i, l->one, NULL, err);
    if (!r)
        r = get_cell(l, b, i, err);
    int is = r ? -1 : has_value(l);
    if (is < 0)
        return r;
    if (!is)
        remember(l);
    size_t at = l->n[0] + l->n[1], values;
    l->n[is]++;
    for (size_t j = 0; j < l->k; j++)
        l->sum[(size_t)is * l->k + j] += (double)l->one[j];
    if (!hold)
        return 0;
    if (!mem_mul(at + 1, l->k, &values) || mem_grow(&l->z, &l->z_cap, values, sizeof *l->z, err) ||
        mem_grow(&l->is, &l->is_cap, at + 1, sizeof *l->is, err))
        return err_set(err, VAE_EOS, "out of memory for the labelled latents; without --logistic they need not be held");
    memcpy(l->z + at * l->k, l->one, l->k * sizeof *l->z);
    l->is[at] = is;
    return 0;
}

static int read_all(struct labelled *l, const struct vae_walk_opts *o, uint64_t *bad, struct vae_err *err) {
    const struct vae_batch *b;
    int n, r = 0;
    while (!r && (n = vae_in_next(l->in, &b, err))) {
        if (n < 0 && (n != VAE_EROW || !o->skip_bad))
            return n;
        *bad += n < 0;
        for (size_t i = 0; n > 0 && i < b->rows && !r; i++) {
            r = add(l, b, i, o->logistic, err);
            if (r == VAE_EROW && o->skip_bad)
                ++*bad, r = 0;
            else if (r == VAE_EROW)
                err_prefix(err, "%s", vae_in_where(l->in, i));
        }
    }
    return r;
}

int walk_logistic(const float *z, const bool *is, size_t n, size_t k, double *dir, struct vae_err *err) {
    float *w = mem_floats(k + 1), *f = mem_floats(n);
    bool *left_out = mem_array(n, sizeof *left_out);
    double along = 0, square = 0;
    int r = w && f && left_out ? mat_open(err) : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        r = compare_logistic(z, is, left_out, n, k, w, f, err);
    for (size_t j = 0; j < k && !r; j++)
        along += (double)w[j] * dir[j], square += (double)w[j] * (double)w[j];
    for (size_t j = 0; j < k && !r; j++)
        dir[j] = (double)w[j] * (square > 0 ? along / square : 0);
    free(w), free(f), free(left_out);
    return r;
}

static int direction(struct labelled *l, const struct vae_walk_opts *o, double *dir, struct vae_err *err) {
    char shown[60], values[160];
    double square = 0;
    err_quote(shown, sizeof shown, o->toward, strlen(o->toward));
    if (!l->n[1] && !l->n[0])
        return err_set(err, VAE_EUSAGE, "--toward %s: no record has anything in that column", shown);
    if (!l->n[1])
        return err_set(err, VAE_EUSAGE, "--toward %s: no record has that value; there are %s", shown,
                       list(l->told, l->ntold, l->more, values, sizeof values));
    if (!l->n[0])
        return err_set(err, VAE_EUSAGE, "--toward %s: all records have that value, there is none to come from", shown);
    for (size_t j = 0; j < l->k; j++)
        dir[j] = l->sum[l->k + j] / (double)l->n[1] - l->sum[j] / (double)l->n[0];
    int r = o->logistic ? walk_logistic(l->z, l->is, l->n[0] + l->n[1], l->k, dir, err) : 0;
    for (size_t j = 0; j < l->k; j++)
        square += dir[j] * dir[j];
    if (!r && !(square > 0))
        r = err_set(err, VAE_EUSAGE, "--toward %s: those records lie where the others do, there is no direction", shown);
    return r;
}

int walk_toward(const struct vae_walk_opts *o, const struct vae_head *in, size_t k, double *dir, uint64_t *bad,
                struct vae_err *err) {
    struct labelled *l = mem_array(1, sizeof *l);
    if (!l)
        return err_set(err, VAE_EOS, "out of memory");
    l->in = o->labelled, l->head = vae_in_head(o->labelled), l->k = k;
    int r = prepare(l, o, in, err);
    if (!r)
        r = read_all(l, o, bad, err);
    if (!r)
        r = direction(l, o, dir, err);
    buf_free(&l->cell);
    free(l->other), free(l->one), free(l->sum), free(l->z), free(l->is);
    free(l);
    return r;
}
