/* op.c - what all filters share: panels over the pool, carried columns, the loop over a batch. */
#include "model/op.h"
#include "stream/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "model/spell.h"

struct vae_op *op_plain(const struct vae_head *in, const char *kind, struct vae_err *err) {
    struct vae_op *op = mem_array(1, sizeof *op);
    if (!op) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    op->in = in;
    op->head = rec_head_new(kind, err);
    if (op->head)
        return op;
    vae_op_free(op);
    return NULL;
}

struct vae_op *op_new(const struct vae_model *m, const struct vae_head *in, const char *kind,
                      const struct vae_op_opts *opts, struct vae_err *err) {
    struct vae_op *op = op_plain(in, kind, err);
    if (!op)
        return NULL;
    op->m = m, op->opts = *opts, op->row = opts->first_row;
    if (!mat_open(err) && (op->pool = pool_new(opts->threads, err)))
        return op;
    vae_op_free(op);
    return NULL;
}

void vae_op_free(struct vae_op *op) {
    if (!op)
        return;
    if (op->free_state)
        op->free_state(op->state);
    for (size_t i = 0; op->pass && i < op->nworkers; i++)
        model_pass_free(&op->pass[i]);
    for (size_t i = 0; op->spell && i < op->nworkers; i++)
        spell_free(&op->spell[i]);
    pool_free(op->pool);
    rec_build_free(op->build);
    rec_head_free(op->head);
    schema_map_free(&op->map);
    free(op->pass), free(op->spell), free(op->keep_in), free(op->keep_out), free(op->raw), free(op->x);
    free(op);
}

void vae_op_totals(const struct vae_op *op, struct vae_op_totals *t) {
    *t = op->totals;
    t->missing += op->seen.missing, t->unknown += op->seen.unknown, t->longer += op->seen.longer, t->next_row = op->row;
}

const struct vae_head *vae_op_head(const struct vae_op *op) { return op->head; }

static const struct schema_col *column_named(const struct schema *s, const char *name) {
    for (size_t c = 0; c < s->ncols; c++)
        if (!strcmp(s->col[c].name, name))
            return &s->col[c];
    return NULL;
}

bool op_is_condition(const struct vae_op *op, const char *name) {
    const struct schema_col *col = column_named(op->m->schema, name);
    return col && col->condition;
}

static bool is_label(const struct vae_op *op, const char *name) { return op->opts.label && !strcmp(op->opts.label, name); }

static bool is_clock(const struct vae_op *op, const char *name) {
    const struct schema_col *col = column_named(op->m->schema, name);
    return col && col->clock;
}

int op_keep(struct vae_op *op, const bool *keep, struct vae_err *err) {
    const struct vae_head *in = op->in;
    op->keep_in = mem_array(in->nfields + 1, sizeof(int));
    op->keep_out = mem_array(in->nfields + 1, sizeof(int));
    if (!op->keep_in || !op->keep_out)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t f = 0; f < in->nfields; f++)
        if (keep ? keep[f] : in->fields[f].keep) {
            const struct rec_field *from = &in->fields[f];
            if (op->m && !from->whole && column_named(op->m->schema, from->name) &&
                !op_is_condition(op, from->name) && !is_label(op, from->name)) {
                char name[80];
                return err_set(err, VAE_EUSAGE, "column '%s' is modelled, so it cannot be carried (-k) as well",
                               err_quote(name, sizeof name, from->name, strlen(from->name)));
            }
            struct rec_field *field = rec_head_add(op->head, from->name, from->type, from->ndim, from->shape, err);
            if (!field)
                return VAE_EOS;
            field->keep = true;
            field->whole = from->whole;
            field->decimals = from->decimals;
            op->keep_in[op->nkeep] = (int)f;
            op->keep_out[op->nkeep++] = (int)op->head->nfields - 1;
        }
    return 0;
}

int op_keep_or_row(struct vae_op *op, bool *row, struct vae_err *err) {
    bool *keep = mem_array(op->in->nfields + 1, sizeof *keep);
    if (!keep)
        return err_set(err, VAE_EOS, "out of memory");
    *row = true;
    size_t n = op->in->nfields, row_field = 0; /* of rows carried whole; behind it are columns that came beside the data */
    while (row_field < n && !op->in->fields[row_field].whole)
        row_field++;
    bool whole = row_field < n;
    const struct stream_format *format = stream_format_of(op->in);
    bool many = format && format->files && !format->single; /* a file has many records: its name does not tell which */
    for (size_t f = 0; f < n; f++) {
        const struct rec_field *field = &op->in->fields[f];
        bool condition = op_is_condition(op, field->name) && !is_clock(op, field->name);
        bool kept = is_label(op, field->name) || (field->keep && !condition);
        keep[f] = whole ? f == row_field || (f > row_field && kept) : kept;
        *row = *row && (!keep[f] || (many && !strcmp(field->name, "file")));
    }
    if (whole) /* what is appended to the rows is in their dialect */
        op->head->origin = json_incref(op->in->origin);
    int r = op_keep(op, keep, err);
    free(keep);
    struct rec_field *f = *row && !r ? rec_head_add(op->head, "row", REC_F64, 0, NULL, err) : NULL;
    if (f)
        f->decimals = 0;
    return !r && *row && !f ? VAE_EOS : r;
}

int op_carry(struct vae_op *op, const struct vae_batch *b, size_t from, size_t n, struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < op->nkeep && !r; i++)
        r = rec_build_copy(op->build, (size_t)op->keep_out[i], &b->cols[op->keep_in[i]], from, n, 0, err);
    return r;
}

int op_carry_picked(struct vae_op *op, const struct vae_batch *b, size_t from, const size_t *pick, size_t n,
                    struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < op->nkeep; i++)
        for (size_t k = 0; k < n && !r; k++)
            r = rec_build_copy(op->build, (size_t)op->keep_out[i], &b->cols[op->keep_in[i]], from + pick[k], 1, k, err);
    return r;
}

int op_seal(struct vae_op *op, bool panels, struct vae_err *err) {
    if (op->opts.guided && !op->m->ncond)
        return err_set(err, VAE_EUSAGE, "--guidance is for models with conditions (vae-fit -c), and this has none");
    if (op->opts.guided && (op->m->line || op->m->config.raster))
        return err_set(err, VAE_EUSAGE,
                       "--guidance is not for lines of text, nor for images of --net raster: symbols and pixels are drawn one "
                       "after the other");
    op->build = rec_build_new(op->head, err);
    if (!op->build || !panels)
        return op->build ? 0 : VAE_EOS;
    size_t workers = pool_threads(op->pool);
    op->pass = mem_array(workers, sizeof *op->pass);
    op->spell = mem_array(workers, sizeof *op->spell);
    int r = op->pass && op->spell ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (; op->nworkers < workers && !r; op->nworkers++)
        r = model_pass_init(&op->pass[op->nworkers], op->m, MAT_PANEL, false, err);
    for (size_t i = 0; i < op->nworkers && !r; i++) {
        r = spell_init(&op->spell[i], op->m, op->opts.temperature, op->opts.beam, err);
        op->pass[i].spell = &op->spell[i];
    }
    for (size_t i = 0; i < op->nworkers && !r && op->opts.guided; i++)
        r = condition_guide(op->m, &op->pass[i], op->opts.guidance, err);
    return r;
}

int op_read(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    int r = schema_read(op->m->schema, &op->map, b, op->in, from, *n, op->raw, &op->seen, n, err);
    if (!r || r == VAE_EROW)
        schema_to_model(op->m->schema, op->raw, NULL, *n, op->x);
    return r;
}

int op_reserve(struct vae_op *op, size_t n, struct vae_err *err) {
    if (n <= op->cap || !op->m)
        return 0;
    size_t d = op->m->schema->d, k = op->m->zdim, values;
    free(op->raw), free(op->x);
    op->cap = 0;
    op->raw = mem_array(n, d * sizeof *op->raw);
    op->x = mem_mul(n, d > k ? d : k, &values) ? mem_floats(values) : NULL;
    if (!op->raw || !op->x)
        return err_set(err, VAE_EOS, "out of memory for %zu records", n);
    op->cap = n;
    return 0;
}

struct panels {
    struct vae_op *op;
    op_panel_fn *fn;
    size_t n;
};

static void panel_task(void *ctx, size_t task, size_t worker) {
    struct panels *p = ctx;
    size_t first = task * MAT_PANEL, n = p->n - first < MAT_PANEL ? p->n - first : MAT_PANEL;
    p->fn(p->op, &p->op->pass[worker], first, n);
}

void op_panels(struct vae_op *op, size_t n, op_panel_fn *fn) {
    struct panels p = {op, fn, n};
    pool_run(op->pool, (n + MAT_PANEL - 1) / MAT_PANEL, panel_task, &p);
}

void op_encode_panel(const struct vae_model *m, struct model_pass *p, const float *x, const uint64_t *rows, size_t n) {
    uint64_t panel[MAT_PANEL]; /* always full: the last record stands in for those that are not there */
    for (size_t i = 0; i < MAT_PANEL; i++) {
        size_t at = i < n ? i : n - 1;
        panel[i] = rows ? rows[at] : at;
    }
    model_load_rows(m, p, 0, MAT_PANEL, x, panel);
    nn_forward(&m->enc, m->w, &p->enc, 0, MAT_PANEL, NULL);
}

/* Decoder outputs -> values in input units. */
static const double DAY = 86400;

/* v[2], a day and a second of it. */
static void keep_in_span(const struct schema_col *col, double *v) {
    double at = v[0] * DAY, end = at + v[1] < col->earliest ? col->earliest : at + v[1] > col->latest ? col->latest : NAN;
    if (isnan(end))
        return;
    v[0] = floor(end / DAY);
    v[1] = end - v[0] * DAY;
}

void op_to_input_units(const struct schema *s, const struct model_pass *p, size_t n, bool sample, double *raw) {
    const struct schema_col *line = schema_line(s);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < s->d; j++) {
            double v = schema_raw(s, j, p->x[j * p->ld + i]);
            /* draws stay where data was seen, constants are constant */
            bool symbol = line && j >= line->v0 && j < line->v0 + line->width;
            if (!s->cells[j].n && !symbol && (sample || s->stats.low[j] == s->stats.high[j]))
                v = v < s->stats.low[j] ? s->stats.low[j] : v > s->stats.high[j] ? s->stats.high[j] : v;
            raw[i * s->d + j] = v;
        }
    for (size_t c = 0; c < s->ncols; c++) /* a day that was told is one, whatever a float makes of it */
        for (size_t i = 0; i < n && s->col[c].condition && s->col[c].kind == SCHEMA_TIME; i++)
            raw[i * s->d + s->col[c].v0] = nearbyint(raw[i * s->d + s->col[c].v0]);
    for (size_t c = 0; c < s->ncols && sample; c++)
        if (s->col[c].kind == SCHEMA_TIME && s->col[c].width == 2)
            for (size_t i = 0; i < n; i++)
                keep_in_span(&s->col[c], raw + i * s->d + s->col[c].v0);
}

/* Values of the columns of group g that are absent in pass->seen (all of them where there is no chain): means, or draws. */
static void fill_group(const struct vae_model *m, struct model_pass *p, size_t g, bool sample, uint64_t seed,
                       const uint64_t *rows) {
    for (size_t i = 0; i < m->nblocks; i++) {
        const struct lik_block *b = &m->block[i];
        const float *o = model_o(p) + b->o0 * p->ld;
        float *out = p->x + b->x0 * p->ld;
        if (m->config.chain && model_group(m, b->col) != g)
            continue;
        if (sample)
            b->lik->sample(b, o, m->w + b->w0, out, seed, rows, MAT_PANEL, p->ld);
        else
            b->lik->mean(b, o, m->w + b->w0, out, MAT_PANEL, p->ld);
    }
}

void op_fill(const struct vae_model *m, struct model_pass *p, bool sample, uint64_t seed, const uint64_t *rows) {
    bool chain = m->config.chain && sample;
    condition_look(m, p, 0, MAT_PANEL);
    if (m->line) {
        spell_lines(m, p, p->spell, sample, seed, rows);
        return;
    }
    if (m->config.raster) {
        raster_paint(m, p, sample, seed, rows);
        return;
    }
    chain_see_none(m, p, 0, MAT_PANEL);
    chain_z_off(m, p, 0, MAT_PANEL, false);
    for (size_t g = 0; g < (m->config.chain ? m->ngroups : 1); g++) {
        if (g == 0 || chain)
            model_decode(m, m->w, p, 0, MAT_PANEL);
        fill_group(m, p, g, sample, seed, rows);
        for (size_t c = g; c < m->schema->ncols && chain; c += m->ngroups)
            for (size_t j = m->schema->col[c].v0; j < m->schema->col[c].v0 + m->schema->col[c].width; j++)
                memcpy(p->seen + j * p->ld, p->x + j * p->ld, MAT_PANEL * sizeof *p->x);
    }
}

int vae_op_run(struct vae_op *op, const struct vae_batch *in, size_t *from, const struct vae_batch **out,
               struct vae_err *err) {
    size_t begin = *from, n = in->rows - *from, good = n;
    if (!op->held)
        rec_build_reset(op->build);
    int r = op_reserve(op, n, err);
    op->given = SIZE_MAX;
    if (!r)
        r = op->run(op, in, *from, &good, err);
    if (r && r != VAE_EROW)
        return r;
    rec_build_quoted(op->build, in->quoted); /* kept cells are as they came */
    rec_build_dialect(op->build, in->dialect);
    rec_build_file(op->build, in->each ? in->each[begin] : in->file);
    rec_build_each(op->build, 0, in->each && op->given == SIZE_MAX && !op->held ? in->each + begin : NULL);
    *out = rec_build_batch(op->build, op->given == SIZE_MAX ? good : op->given);
    op->row += good;
    *from += good + (r == VAE_EROW);
    return r;
}

void vae_op_skip(struct vae_op *op) { op->row++; }

int vae_op_end(struct vae_op *op, const struct vae_batch **out, struct vae_err *err) {
    size_t n = op->held;
    int r = n ? op->end(op, err) : 0;
    op->held = 0;
    *out = rec_build_batch(op->build, r ? 0 : n);
    return r;
}

void vae_verdict_totals(const struct vae_op *op, struct vae_score_totals *t) { op->judged(op, t); }

int vae_op_generate(struct vae_op *op, size_t n, const struct vae_batch **out, struct vae_err *err) {
    return op->generate(op, n, out, err);
}
