/*
 * test_raster.c - images whose decoder is told the pixels before each pixel: p(x|z) over all images of a few bits sums to 1, what is
 * painted is drawn as often as it says, means are told on, and a pixel knows nothing of those behind it.
 */
#include "base/mat.h"
#include "models.h"
#include "model/objective.h"

enum { H = 2, W = 3, PIXELS = H * W, IMAGES = 1 << PIXELS, Z = 2 };

static struct schema *the_schema(void) {
    struct schema *s = schema_empty(1, 0, NULL);
    s->col[0] = (struct schema_col){.name = mem_text("pixel", 5), .kind = SCHEMA_ARRAY, .type = REC_U8, .ndim = 2, .shape = {H, W},
                                    .width = PIXELS, .decimals = -1, .transform = &schema_unit};
    snprintf(s->col[0].lik, sizeof s->col[0].lik, "bernoulli");
    s->rows = 10;
    CHECK(!schema_place(s, NULL), "no place");
    for (size_t j = 0; j < s->d; j++)
        s->scale[j] = 1, s->stats.mean[j] = .4, s->stats.sd[j] = .5, s->stats.high[j] = 1, s->stats.step[j] = 1;
    return s;
}

/* A model whose every weight counts: those that start at 0, too. */
static struct vae_model *the_model(void) {
    struct vae_err err = {0};
    struct model_config c = {.latent_dim = Z, .latent = &latent_gauss, .act = &nn_tanh, .nhidden = 1, .hidden = {5}, .residual = true,
                             .nchannels = 1, .channels = {3}, .raster = true, .lik = &lik_bernoulli};
    struct vae_model *m = model_new(&c, the_schema(), &err);
    CHECK(m != NULL, "%s", err.msg);
    model_marginals(m);
    model_start(m, 4);
    float *e = mem_floats(m->nw);
    rng_normals(e, m->nw, 1, 1, 5, RNG_TEST, 3, NULL, 0);
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] += .4f * e[i];
    free(e);
    return m;
}

static void bits(size_t code, float x[PIXELS]) {
    for (size_t j = 0; j < PIXELS; j++)
        x[j] = (float)(code >> j & 1);
}

static void tell(struct model_pass *p, const float z[Z]) {
    for (size_t k = 0; k < Z; k++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            model_z(p)[k * p->ld + i] = z[k];
}

/* p[IMAGES] of every image given z; o (may be NULL) the decoder's outputs of the last one. */
static void densities(const struct vae_model *m, struct model_pass *p, const float z[Z], double *density) {
    for (size_t code = 0; code < IMAGES; code++) {
        float x[PIXELS];
        uint64_t row = 0;
        bits(code, x);
        model_load_rows(m, p, 0, 1, x, &row);
        tell(p, z);
        model_decode(m, m->w, p, 0, 1);
        model_nll(m, m->w, p, 0, 1);
        density[code] = exp(-p->nll[0]);
    }
}

int main(void) {
    enum { PANELS = 2000, DRAWS = PANELS * MAT_PANEL };
    CHECK(!mat_open(NULL), "no BLAS");
    struct vae_model *m = the_model();
    struct model_pass p;
    const float z[Z] = {-.4f, 1.2f};
    double density[IMAGES], sum = 0, dependent = 0;
    size_t count[IMAGES] = {0};
    uint64_t rows[MAT_PANEL];
    CHECK(!model_pass_init(&p, m, MAT_PANEL, false, NULL), "no pass");
    densities(m, &p, z, density);
    for (size_t code = 0; code < IMAGES; code++)
        sum += density[code];
    CHECK(fabs(sum - 1) < 1e-5, "p of all images sums to %.9g", sum);

    /* were the pixels independent given z, p(x) p(y) = p(x and y) p(x or y) for bits */
    for (size_t a = 0; a < IMAGES; a++)
        dependent = fmax(dependent, fabs(log(density[a] * density[0x2a]) - log(density[a & 0x2a] * density[a | 0x2a])));
    CHECK(dependent > .1, "the pixels are independent");

    for (size_t at = 0; at < PANELS; at++) {
        for (size_t i = 0; i < MAT_PANEL; i++)
            rows[i] = at * MAT_PANEL + i;
        tell(&p, z);
        raster_paint(m, &p, true, 7, rows);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            size_t code = 0;
            for (size_t j = 0; j < PIXELS; j++)
                code |= (size_t)(p.x[j * p.ld + i] > .5f) << j;
            count[code]++;
        }
    }
    double chi = 0;
    for (size_t code = 0; code < IMAGES; code++) {
        double want = DRAWS * density[code];
        chi += ((double)count[code] - want) * ((double)count[code] - want) / want;
    }
    CHECK(chi < IMAGES - 1 + 5 * sqrt(2. * (IMAGES - 1)), "what is painted is not what p says: chi square %.1f of %d", chi, IMAGES - 1);

    /* means: each pixel is the probability given the means before it, which one pass over them has, too */
    tell(&p, z);
    raster_paint(m, &p, false, 7, rows);
    float mean[PIXELS];
    for (size_t j = 0; j < PIXELS; j++)
        mean[j] = p.x[j * p.ld + 3];
    rows[0] = 0;
    model_load_rows(m, &p, 0, 1, mean, rows);
    tell(&p, z);
    model_decode(m, m->w, &p, 0, 1);
    for (size_t j = 0; j < PIXELS; j++) {
        double o = (double)model_o(&p)[j * p.ld];
        CHECK(fabs(1 / (1 + exp(-o)) - (double)mean[j]) < 1e-5, "pixel %zu was painted %g, in one pass it is %g", j, (double)mean[j],
              1 / (1 + exp(-o)));
    }
    model_pass_free(&p), vae_model_free(m);
    return test_done();
}
