/*
 * chain.c - a decoder that sees columns: p(x|z) = prod_g p(x_g | z, x_<g), the columns of a table cut in groups.
 *
 * Latents alone would have to carry every dependence between columns that a generated row should show; a decoder that is
 * also given the columns before leaves to them what a few numbers say well (compare PixelVAE, Gulrajani et al. 2017,
 * 1611.05013). It is trained with random sets of columns in sight (Germain et al. 2015 use the prefixes of random orders,
 * 1502.03509; Hoogeboom et al. 2022, 2110.02037), so any columns can be given: prefixes when rows are generated,
 * whatever is there when blanks are filled. In a share of the rows z is switched off, so that there is a p(some columns | others), too.
 *
 * Of windows half of the rows of a step ask for what a new series is drawn by: the row itself, column after column, given the rows
 * before it, z off.
 *
 * The decoder's input: z[k], 1 where z is switched off, then the features of what is seen.
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "model/model.h"

/* Shares of the rows of a training step. */
static const double HIDE = 0.2;  /* random cells are taken for missing: the encoder must do without them */
static const double Z_OFF = 0.3; /* and each column is seen with a random probability */
static const double PREFIX = 0.35, NOTHING = 0.45; /* what is seen with z; else each column with a random probability */
static const double NEXT = 0.5, WHOLE = 0.75; /* of windows: the row itself is to be told by rows before it; by all of them */

static bool sees_columns(const struct vae_model *m) { return m->config.chain; }

static float *z_off(const struct vae_model *m, struct model_pass *p) {
    return p->dec.act[0] + m->zdim * p->ld;
}

static void set_column(const struct vae_model *m, float *to, const float *from, size_t c, size_t i, size_t ld) {
    const struct schema_col *col = &m->schema->col[c];
    for (size_t j = col->v0; j < col->v0 + col->width; j++)
        to[j * ld + i] = from ? from[j * ld + i] : NAN;
}

/* 32 bits as a number in [0,1). */
static double share(uint32_t bits) { return (double)bits * 0x1p-32; }

/* Is column c told to the decoder in any case? */
static bool is_told(const struct vae_model *m, size_t c) { return m->schema->col[c].condition; }

/* Is the cell known to be blank? Without z, where gaps are filled, that is as good as unknown. */
static bool is_blank(const struct vae_model *m, const struct model_pass *p, size_t c, size_t i) {
    size_t j = m->schema->col[c].v0;
    const struct cells *cells = &m->schema->cells[j];
    float x = p->x[j * p->ld + i];
    return cells->blank && x == x && cells_at(cells, x) + 1 == cells->n;
}

/* Is the row itself to be told by rows before it: *rows of them and, of its own columns, the first *groups of the chain? By u and v
 * in [0,1). */
static bool asks_next(const struct vae_model *m, double u, double v, size_t *rows, size_t *groups) {
    const struct schema *s = m->schema;
    size_t own = 0, lags = schema_window(s) - 1;
    if (!lags || !sees_columns(m) || u >= NEXT)
        return false;
    while (!s->col[own].lag)
        own++;
    *groups = (size_t)(v * (double)(own < m->ngroups ? own : m->ngroups));
    *rows = u < WHOLE * NEXT ? lags : (size_t)((u - WHOLE * NEXT) / (NEXT - WHOLE * NEXT) * (double)lags);
    return true;
}

/* One record: words[0..3] choose what kind of mask it gets, bits 16 a column which columns. */
static void mask_record(const struct vae_model *m, struct model_pass *p, size_t i, const uint32_t *words,
                        const uint32_t *bits) {
    size_t ncols = m->schema->ncols, ld = p->ld;
    double hide = share(words[0]) < HIDE ? share(words[0]) / HIDE : 0;
    size_t back = 0, own = 0;
    bool chain = sees_columns(m), next = asks_next(m, share(words[3]), share(words[2]), &back, &own);
    bool off = next || share(words[1]) < Z_OFF;
    double kind = off ? PREFIX + NOTHING + (1 - PREFIX - NOTHING) * share(words[2]) : share(words[2]);
    double keep = kind >= PREFIX + NOTHING ? (kind - PREFIX - NOTHING) / (1 - PREFIX - NOTHING) : 0;
    size_t prefix = kind < PREFIX ? (size_t)(kind / PREFIX * (double)m->ngroups) : 0;
    for (size_t c = 0; c < ncols; c++) {
        if (share(bits[c] << 16) < hide && !is_told(m, c))
            set_column(m, p->x, NULL, c, i, ld);
        if (!chain)
            continue;
        size_t lag = m->schema->col[c].lag;
        bool seen = next && lag ? lag <= back : next ? model_group(m, c) < own : kind < PREFIX ? model_group(m, c) < prefix
                                                                               : share(bits[c] & 0xffff0000u) < keep;
        bool unknown = off && !next && is_blank(m, p, c, i);
        seen = seen || is_told(m, c);
        set_column(m, p->seen, seen && !unknown ? p->x : NULL, c, i, ld);
        set_column(m, p->target, seen || unknown ? NULL : p->x, c, i, ld);
    }
    if (chain)
        z_off(m, p)[i] = off;
}

void chain_mask(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, uint64_t seed, uint64_t step,
                const uint64_t *rows) {
    size_t ncols = m->schema->ncols;
    for (size_t i = 0; i < n; i++) {
        uint32_t word[4][RNG_BLOCK], words[4], bits[MODEL_MAX_COLUMNS];
        rng_words(word, 1, seed, RNG_MASK, step, rows + i, 0, 0);
        for (size_t k = 0; k < 4; k++)
            words[k] = word[k][0];
        for (size_t c = 0; c < ncols; c++) {
            if (c % 4 == 0)
                rng_words(word, 1, seed, RNG_MASK, step, rows + i, 0, 1 + c / 4);
            bits[c] = word[c % 4][0];
        }
        mask_record(m, p, col + i, words, bits);
    }
}

void chain_see_none(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    for (size_t c = 0; c < m->schema->ncols && sees_columns(m); c++)
        for (size_t i = col; i < col + n; i++)
            set_column(m, p->seen, is_told(m, c) ? p->x : NULL, c, i, p->ld);
}

void chain_z_off(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, bool off) {
    for (size_t i = col; i < col + n && sees_columns(m); i++)
        z_off(m, p)[i] = off;
}

/* z of the columns where it is switched off. */
static void hide_z(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    const float *off = z_off(m, p);
    for (size_t j = 0; j < m->zdim; j++)
        for (size_t i = col; i < col + n; i++)
            if (off[i] > 0)
                model_z(p)[j * p->ld + i] = 0;
}

void chain_look(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    if (!sees_columns(m))
        return;
    hide_z(m, p, col, n);
    model_features(m, p->seen, p->dec.act[0] + (m->zdim + 1) * p->ld, col, n, p->ld);
}

void chain_repeat(const struct vae_model *m, struct model_pass *p, size_t from, size_t to, size_t n) {
    for (size_t j = 0; j < m->schema->d; j++)
        memcpy(p->target + j * p->ld + to, p->target + j * p->ld + from, n * sizeof *p->target);
    for (size_t j = m->zdim; j < nn_in(&m->dec); j++)
        memcpy(p->dec.act[0] + j * p->ld + to, p->dec.act[0] + j * p->ld + from, n * sizeof *p->target);
    if (sees_columns(m))
        hide_z(m, p, to, n);
}

void chain_z_gradient(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    const float *off = z_off(m, p);
    for (size_t j = 0; j < m->zdim && sees_columns(m); j++)
        for (size_t i = col; i < col + n; i++)
            if (off[i] > 0)
                p->dec.grad[0][j * p->ld + i] = 0;
}

void model_decode(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    chain_look(m, p, col, n);
    nn_forward(&m->dec, w, &p->dec, col, n, NULL);
    if (p->unguided)
        condition_guided(m, w, p, col, n);
}

void chain_nll(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    double total[MAT_PANEL];
    size_t ld = p->ld;
    for (size_t at = col; at < col + n; at += MAT_PANEL) {
        size_t here = col + n - at < MAT_PANEL ? col + n - at : MAT_PANEL;
        memset(total, 0, sizeof total);
        chain_see_none(m, p, at, here);
        for (size_t g = 0; g < m->ngroups; g++) {
            for (size_t c = 0; c < m->schema->ncols; c++)
                for (size_t i = at; i < at + here; i++)
                    set_column(m, p->target, model_group(m, c) == g ? p->x : NULL, c, i, ld);
            model_decode(m, w, p, at, here);
            model_nll(m, w, p, at, here);
            for (size_t i = 0; i < here; i++)
                total[i] += p->nll[at + i];
            for (size_t c = g; c < m->schema->ncols; c += m->ngroups)
                for (size_t i = at; i < at + here; i++)
                    set_column(m, p->seen, p->x, c, i, ld);
        }
        memcpy(p->nll + at, total, here * sizeof *total);
    }
}

void chain_nll_once(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                    const uint64_t *rows) {
    for (size_t i = 0; i < n; i++) {
        size_t group = (size_t)(rng_permute(rows[i] % 4096, 4096, 1, RNG_MASK, rows[i] / 4096) % m->ngroups);
        for (size_t c = 0; c < m->schema->ncols; c++) {
            size_t g = model_group(m, c);
            set_column(m, p->seen, g < group || is_told(m, c) ? p->x : NULL, c, col + i, p->ld);
            set_column(m, p->target, g == group ? p->x : NULL, c, col + i, p->ld);
        }
    }
    model_decode(m, w, p, col, n);
    model_nll(m, w, p, col, n);
    for (size_t i = col; i < col + n; i++)
        p->nll[i] *= (double)m->ngroups;
}
