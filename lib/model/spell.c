/*
 * spell.c - a line from the decoder: p(x_t | z, x_<t), one position after the other, each symbol told to the next.
 *
 * Beam search keeps the `beam` most probable beginnings of a line, ended ones among them, until none that is open can
 * overtake the best that has ended: log p only falls. With as many as there are beginnings it finds the most probable
 * line.
 */
#include "model/spell.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/vmath.h"
#include "schema/line.h"

static const float NEVER = -1e30f;

int spell_init(struct spell *s, const struct vae_model *m, double temperature, size_t beam, struct vae_err *err) {
    *s = (struct spell){.temperature = temperature > 0 ? temperature : 1, .beam = beam ? beam : 1};
    if (beam && !m->line)
        return err_set(err, VAE_EUSAGE,
                       "--beam is for lines of text, and this model was not fitted to such (vae-fit --text)");
    if (beam > SPELL_BEAM_MAX)
        return err_set(err, VAE_EUSAGE, "a beam has at most %d hypotheses", SPELL_BEAM_MAX);
    return s->beam > 1 ? nn_work_init(&s->work, &m->dec, MAT_PANEL, false, err) : 0;
}

void spell_free(struct spell *s) {
    nn_work_free(&s->work);
}

/* Position t of all columns: its logits -> o[symbols, MAT_PANEL] of the decoder's outputs. */
static float *say(const struct vae_model *m, struct nn_work *k, size_t t) {
    const struct nn_node *states = &m->dec.node[0], *out = &m->dec.node[m->dec.n - 1];
    struct nn_cols c = {MAT_PANEL, k->ld};
    float *o = k->act[m->dec.n] + t * m->symbols.nlevels * k->ld;
    if (t == 0)
        nn_gru_lead(states, m->w + states->w0, k->act[0], k->act[1], c);
    nn_gru_step(states, t, m->w + states->w0, k->act[0], k->act[1], c);
    nn_conv_pixel(out, t, m->w + out->w0, k->act[1], k->act[m->dec.n], c);
    for (size_t i = 0; i < MAT_PANEL; i++)
        o[line_other(m->line) * k->ld + i] = NEVER;
    return o;
}

static void wipe(const struct vae_model *m, struct model_pass *p) {
    for (size_t j = m->line->v0; j < m->line->v0 + m->line->width; j++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            p->x[j * p->ld + i] = NAN;
}

/* ---- one line a column -------------------------------------------------------------------------------------- */

static void spell_each(const struct vae_model *m, struct model_pass *p, double temperature, bool sample, uint64_t seed,
                       const uint64_t *rows) {
    bool ended[MAT_PANEL] = {false};
    size_t left = MAT_PANEL, ld = p->ld;
    for (size_t t = 0; t < m->npositions && left; t++) {
        const struct lik_block *b = &m->block[t];
        float *o = say(m, &p->dec, t), *x = p->x + b->x0 * ld, *told = p->dec.act[0] + (m->zdim + t) * ld;
        for (size_t j = 0; j < b->no * ld && sample; j++)
            o[j] /= (float)temperature;
        if (sample)
            b->lik->sample(b, o, NULL, x, seed, rows, MAT_PANEL, ld);
        else
            b->lik->mean(b, o, NULL, x, MAT_PANEL, ld);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            float symbol = floorf(x[i]);
            x[i] = ended[i] ? NAN : symbol;
            told[i] = symbol;
            if (!ended[i] && symbol >= (float)line_end(m->line))
                ended[i] = true, left--;
        }
    }
}

/* ---- beam search: the hypotheses of one line are the columns of a panel ------------------------------------- */

struct hypothesis {
    double logp;
    size_t column, symbol; /* goes on from there with it; SIZE_MAX: a line that has ended, */
    size_t ended;          /* which has so many symbols, the end among them; 0: it is open */
};

struct beam {
    size_t n, size;
    struct hypothesis h[SPELL_BEAM_MAX];
};

/* Among the best so far? The first of equals stays in front. */
static void offer(struct beam *b, struct hypothesis h) {
    size_t at = b->n;
    while (at > 0 && h.logp > b->h[at - 1].logp)
        at--;
    if (at == b->size)
        return;
    b->n += b->n < b->size;
    memmove(b->h + at + 1, b->h + at, (b->n - at - 1) * sizeof *b->h);
    b->h[at] = h;
}

/* Columns become those that the hypotheses go on from: rows of x. */
static void rearrange(float *x, size_t rows, size_t ld, const struct beam *b) {
    for (size_t r = 0; r < rows; r++) {
        float old[MAT_PANEL];
        memcpy(old, x + r * ld, sizeof old);
        for (size_t k = 0; k < b->n; k++)
            x[r * ld + k] = old[b->h[k].column];
    }
}

/* Open hypotheses of `now` and each symbol behind them, beside those that have ended. */
static struct beam grow(const struct vae_model *m, const struct beam *now, const float *o, size_t t, size_t ld) {
    struct beam next = {.size = now->size};
    float total[MAT_PANEL];
    vm_logsumexp(total, o, m->symbols.nlevels, MAT_PANEL, ld);
    for (size_t k = 0; k < now->n; k++) {
        if (now->h[k].ended)
            offer(&next, (struct hypothesis){now->h[k].logp, k, SIZE_MAX, now->h[k].ended});
        for (size_t s = 0; s < m->symbols.nlevels && !now->h[k].ended; s++)
            if (s != line_other(m->line))
                offer(&next, (struct hypothesis){now->h[k].logp + (double)o[s * ld + k] - (double)total[k], k, s,
                                                 s == line_end(m->line) ? t + 1 : 0});
    }
    return next;
}

/* Column `at` of the panel. */
static void spell_beam(const struct vae_model *m, struct model_pass *p, struct spell *s, size_t at) {
    struct nn_work *k = &s->work;
    struct beam b = {.n = 1, .size = s->beam};
    size_t H = nn_gru_states(&m->dec.node[0]), ld = k->ld, T = m->npositions;
    float *told = k->act[0] + m->zdim * ld;
    for (size_t j = 0; j < nn_in(&m->dec); j++)
        for (size_t i = 0; i < ld; i++)
            k->act[0][j * ld + i] = p->dec.act[0][j * p->ld + at];
    for (size_t t = 0; t < T && !b.h[0].ended; t++) {
        b = grow(m, &b, say(m, k, t), t, ld);
        rearrange(told, t, ld, &b);
        rearrange(k->act[1] + t * H * ld, H, ld, &b);
        for (size_t i = 0; i < b.n; i++)
            told[t * ld + i] = b.h[i].symbol == SIZE_MAX ? -1 : (float)b.h[i].symbol;
    }
    size_t n = b.h[0].ended ? b.h[0].ended : T;
    for (size_t t = 0; t < n; t++)
        p->x[(m->line->v0 + t) * p->ld + at] = told[t * ld];
}

void spell_lines(const struct vae_model *m, struct model_pass *p, struct spell *s, bool sample, uint64_t seed,
                 const uint64_t *rows) {
    wipe(m, p);
    if (sample || s->beam < 2)
        spell_each(m, p, s->temperature, sample, seed, rows);
    for (size_t i = 0; i < MAT_PANEL && !sample && s->beam > 1; i++)
        spell_beam(m, p, s, i);
}
