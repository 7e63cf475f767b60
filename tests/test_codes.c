/*
 * test_codes.c - models whose latents are codes: the bound and its parts against the formula in double; the gradient
 * against central differences of what training takes for smooth; that a record's score is its own; and the model
 * file.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/mat.h"
#include "base/pool.h"
#include "models.h"
#include "score/score.h"

static const double H = 1e-5;
enum { K = 3, N = 7, LD = 16, ROWS = 37, D = 5 };
static const size_t widths[] = {1, 1, 2, 1, 0};

static struct vae_model *model_of(const struct latent *q, size_t codes, const struct prior *prior, const double *raw) {
    const struct model_config c = {.latent_dim = K, .codes = codes, .latent = q, .act = &nn_silu, .residual = true,
                                   .nhidden = 1, .hidden = {6}, .lik = &lik_bernoulli, .code_prior = prior};
    return models_new(&c, widths, raw, ROWS, 3);
}

/* ---- one record in double ------------------------------------------------------------------------------------- */

/* cost: what the codes cost, by the prior and, where they are drawn, log q; weight: log P - log q - nll of the draw. */
struct parts {
    double nll, cost, weight, z[MODELS_WIDE], mean[D];
};

/* A record half way: outputs h of the encoder, those of the weights that chose the codes, and what is given on. */
struct half {
    double h[MODELS_WIDE], h0[MODELS_WIDE];
    double e[MODELS_WIDE]; /* [K,codes] one-hot codes, for the prior */
    double q[MODELS_WIDE]; /* by how much each of them counts */
    size_t code[K];
};

/*
 * fsq: with h moved away from h0 the codes stay, but z moves on with what was rounded, and so does the one-hot code,
 * along the line between the values beside it: what training takes the gradient of.
 */
static void half_fsq(const struct vae_model *m, struct half *t, double *z) {
    const struct code_shape *s = &m->codes;
    for (size_t j = 0; j < K; j++) {
        double u0[CODES_MAX_DIMS], u[CODES_MAX_DIMS];
        size_t code = 0, below = 1;
        for (size_t a = 0; a < s->dims; a++) {
            double levels = (double)s->level[a];
            u0[a] = (levels * tanh(t->h0[j * s->dims + a]) + levels - 1) / 2;
            u[a] = (levels * tanh(t->h[j * s->dims + a]) + levels - 1) / 2;
            code = code * s->level[a] + (size_t)floor(u0[a] + 0.5);
        }
        double *e = t->e + j * s->codes;
        t->code[j] = code, e[code] += 1;
        for (size_t a = s->dims; a-- > 0; below *= s->level[a]) {
            size_t level = code / below % s->level[a];
            double levels = (double)s->level[a], moved = u[a] - u0[a];
            bool up = level + 1 < s->level[a], down = level > 0;
            z[j * s->dims + a] = ((double)level + moved - (levels - 1) / 2) / sqrt((levels * levels - 1) / 12);
            e[up ? code + below : code] += moved / (up && down ? 2 : 1);
            e[down ? code - below : code] -= moved / (up && down ? 2 : 1);
        }
    }
    memcpy(t->q, t->e, sizeof t->q);
}

/* The nearest vector of the codebook, and z moves on with h. */
static void half_vq(const struct vae_model *m, const double *w, struct half *t, double *z) {
    const struct code_shape *s = &m->codes;
    for (size_t j = 0; j < K; j++) {
        const double *book = w + m->wlatent + j * s->codes * (s->dims + 1);
        double best = INFINITY;
        for (size_t v = 0; v < s->codes; v++) {
            double d = 0;
            for (size_t a = 0; a < s->dims; a++)
                d += pow(t->h0[j * s->dims + a] - book[v * s->dims + a], 2);
            if (d < best)
                best = d, t->code[j] = v;
        }
        for (size_t a = 0; a < s->dims; a++)
            z[j * s->dims + a] = book[t->code[j] * s->dims + a] + t->h[j * s->dims + a] - t->h0[j * s->dims + a];
        t->e[j * s->codes + t->code[j]] = t->q[j * s->codes + t->code[j]] = 1;
    }
}

/* Drawn by eps, NULL: the most probable; temperature 0: hard. */
static void half_gumbel(const struct vae_model *m, const double *eps, double temperature, struct half *t, double *z) {
    size_t codes = m->codes.codes;
    for (size_t j = 0; j < K; j++) {
        double best = -INFINITY, sum = 0, total = 0;
        for (size_t v = 0; v < codes; v++) {
            double h = t->h[j * codes + v], g = eps ? -log(-log(0.5 * erfc(-eps[j * codes + v] / sqrt(2)))) : 0;
            t->e[j * codes + v] = temperature > 0 ? exp((h + g) / temperature) : 0;
            total += t->e[j * codes + v], sum += exp(h);
            if (h + g > best)
                best = h + g, t->code[j] = v;
        }
        for (size_t v = 0; v < codes; v++) {
            double *e = &t->e[j * codes + v];
            *e = temperature > 0 ? *e / total : v == t->code[j];
            z[j * codes + v] = sqrt((double)codes) * *e;
            t->q[j * codes + v] = exp(t->h[j * codes + v]) / sum;
        }
    }
}

static struct parts record(const struct vae_model *m, const double *from, const double *w, const float *x,
                           const double *eps, double temperature) {
    size_t codes = m->codes.codes;
    bool drawn = m->config.latent->codes->spread != NULL;
    double in[MODELS_WIDE], l[MODELS_WIDE] = {0}, o[MODELS_WIDE];
    struct parts r = {0};
    struct half t = {0};
    for (size_t j = 0; j < D; j++)
        in[j] = (double)x[j];
    models_forward(&m->enc, from, in, t.h0);
    models_forward(&m->enc, w, in, t.h);
    if (drawn)
        half_gumbel(m, eps, temperature, &t, r.z);
    else if (m->config.latent->codes->learn)
        half_vq(m, w, &t, r.z);
    else
        half_fsq(m, &t, r.z);
    if (m->chances.n)
        models_forward(&m->chances, w, t.e, l);
    for (size_t j = 0; j < K; j++) {
        double sum = 0;
        for (size_t v = 0; v < codes; v++)
            sum += exp(l[j * codes + v]);
        for (size_t v = 0; v < codes; v++) {
            double q = t.q[j * codes + v], logp = l[j * codes + v] - log(sum), logq = drawn ? log(q) : 0;
            r.cost += q * (logq - logp);
            r.weight += v == t.code[j] ? logp - logq : 0;
        }
    }
    models_forward(&m->dec, w, r.z, o);
    for (size_t j = 0; j < D; j++) {
        r.mean[j] = 1 / (1 + exp(-o[j]));
        r.nll -= x[j] > 0 ? log(r.mean[j]) : log(1 - r.mean[j]);
    }
    r.weight -= r.nll;
    return r;
}

/* ---- the gradient ---------------------------------------------------------------------------------------------- */

static void noise_of(const struct vae_model *m, const struct model_pass *p, size_t i, double *eps) {
    for (size_t j = 0; j < m->neps; j++)
        eps[j] = (double)p->eps[j * p->ld + i];
}

static double objective(const struct vae_model *m, const double *from, const double *w, const float *x,
                        const struct model_pass *p, const struct model_objective *o, double beta) {
    double sum = 0, eps[64];
    for (size_t i = 0; i < N; i++) {
        noise_of(m, p, i, eps);
        struct parts r = record(m, from, w, x + i * D, eps, (double)o->temperature);
        sum += (double)o->scale * (r.nll + beta * r.cost);
    }
    return sum;
}

static void test_gradient(const struct latent *q, size_t codes, const struct prior *prior, const double *raw) {
    const char *name = prior ? prior->name : "uniform";
    struct vae_model *m = model_of(q, codes, prior, raw);
    struct model_pass p;
    struct vae_err err = {0};
    CHECK(!model_pass_init(&p, m, LD, true, &err), "%s", err.msg);
    float *x = models_rows(m, raw, ROWS), *dw = mem_floats(m->nw);
    uint64_t rows[N] = {0, 1, 2, 3, 4, 5, 6};
    const struct model_objective o = {.scale = 0.25f, .beta = 0.7f, .temperature = 0.6f};
    for (size_t i = 0; i < m->nw; i++)
        dw[i] = i >= m->wlatent && i < m->wprior ? 0 : NAN;
    rng_normals(p.eps, m->neps, N, LD, 1, RNG_TEST, 5, NULL, 0);
    for (size_t at = 0; at < N; at += 4) { /* in shards */
        size_t n = N - at < 4 ? N - at : 4;
        model_load_rows(m, &p, at, n, x, rows + at);
        model_train_shard(m, m->w, &p, at, n, &o, NULL);
    }
    for (size_t t = model_grad_tasks(m); t-- > 0;)
        model_grad(m, m->w, &p, t, N, o.scale, dw);
    double *w = models_weights(m), *from = models_weights(m), size[2] = {0}, eps[64];
    for (size_t i = 0; i < N; i++) {
        noise_of(m, &p, i, eps);
        struct parts r = record(m, from, from, x + i * D, eps, (double)o.temperature);
        CHECK(fabs(p.nll[i] - r.nll) < 1e-4 && fabs(p.kl[i] - r.cost) < 1e-4,
              "%s of %zu, %s, record %zu: nll %g kl %g, should be %g %g", q->name, codes, name, i, p.nll[i], p.kl[i],
              r.nll, r.cost);
    }
    for (size_t i = 0; i < m->nw; i += i >= m->wprior && i < m->wlik ? 13 : 1) {
        /* the prior learns as if beta were 1 */
        double beta = i >= m->wprior && i < m->wlik ? 1 : (double)o.beta, up, down;
        bool encoder = i < m->dec.node[0].w0, own = i >= m->wlatent && i < m->wprior;
        w[i] = from[i] + H, up = objective(m, from, w, x, &p, &o, beta);
        w[i] = from[i] - H, down = objective(m, from, w, x, &p, &o, beta);
        w[i] = from[i];
        double want = own ? 0 : (up - down) / (2 * H), e = fabs((double)dw[i] - want) / (1 + fabs(want));
        if (!(e < 3e-4) && !(q->codes->learn && encoder)) /* vq's encoder is also pulled to its codes: test_latent */
            CHECK(0, "%s of %zu, %s: weight %zu of %zu (decoder's end %zu, prior's %zu): gradient %g, should be %g",
                  q->name, codes, name, i, m->nw, m->wlatent, m->wlik, (double)dw[i], want);
        size[i >= m->wprior] += fabs(want);
    }
    CHECK(size[0] > 1 && (size[1] > 0.1) == (prior != NULL), "%s: gradients vanish (%g, %g)", q->name, size[0],
          size[1]);
    free(x), free(dw), free(w), free(from);
    model_pass_free(&p);
    vae_model_free(m);
}

/* ---- scores and files ------------------------------------------------------------------------------------------ */

static void test_score(const struct latent *q, size_t codes, const struct prior *prior, const double *raw) {
    enum { DRAWS = 5 };
    struct vae_model *m = model_of(q, codes, prior, raw);
    struct scorer *s = scorer_new(m, VAE_BY_IW, SCORE_ONLY, DRAWS, NULL, NULL);
    float *x = models_rows(m, raw, ROWS);
    double *w = models_weights(m);
    static struct score_parts parts[ROWS], again[ROWS];
    size_t wrong = 0;
    float noise[DRAWS * 64];
    score_noise(noise, DRAWS, m->neps, false);
    scorer_run(s, x, NULL, ROWS, parts);
    for (size_t i = 0; i < ROWS; i++) {
        double recon = 0, kl = 0, mse = 0, sum = 0, square = 0, eps[64];
        for (int a = 0; a < DRAWS; a++) {
            for (size_t j = 0; j < m->neps; j++)
                eps[j] = (double)noise[(size_t)a * m->neps + j];
            struct parts r = record(m, w, w, x + i * D, eps, 0);
            recon += r.nll / DRAWS, kl += r.cost / DRAWS;
            sum += exp(r.weight) / DRAWS, square += exp(2 * r.weight) / DRAWS;
        }
        struct parts r = record(m, w, w, x + i * D, NULL, 0);
        for (size_t j = 0; j < D; j++)
            mse += pow((double)x[i * D + j] - r.mean[j], 2) / D;
        double want[] = {recon, kl, -recon - kl, log(sum), mse, DRAWS * sum * sum / square};
        double got[] = {parts[i].recon, parts[i].kl, parts[i].elbo, parts[i].iw, parts[i].mse, parts[i].ess};
        static const char *const name[] = {"recon", "kl", "elbo", "iw", "mse", "ess"};
        for (size_t k = 0; k < 6; k++)
            CHECK(fabs(got[k] - want[k]) < 2e-4, "%s of %zu record %zu: %s %g, should be %g", q->name, codes, i,
                  name[k], got[k], want[k]);
        CHECK(q->codes->spread || fabs(parts[i].iw - parts[i].elbo) < 1e-9, "%s: iw %g, elbo %g", q->name,
              parts[i].iw, parts[i].elbo);
        scorer_run(s, x + i * D, NULL, 1, again);
        wrong += memcmp(again, parts + i, sizeof *again) != 0;
    }
    CHECK(wrong == 0, "%s: %zu records score otherwise alone", q->name, wrong);
    scorer_free(s), free(x), free(w);
    vae_model_free(m);
}

static void test_file(const struct latent *q, size_t codes, const struct prior *prior, const double *raw,
                      const char *path) {
    struct vae_model *m = model_of(q, codes, prior, raw), *back = NULL;
    struct vae_err err = {0};
    CHECK(!vae_model_save(m, path, &err) && (back = vae_model_load(path, &err)), "%s", err.msg);
    if (back) {
        CHECK(back->nw == m->nw && !memcmp(back->w, m->w, m->nw * sizeof *m->w) && back->prior == m->prior &&
              back->nprior == m->nprior && back->space.k == K && back->space.codes == codes &&
              back->config.code_prior == prior, "%s: another model comes back", q->name);
        CHECK(!vae_model_save(back, path, &err) && !strcmp(vae_model_id(m), vae_model_id(back)), "%s: saved again: %s",
              q->name, err.msg);
    }
    vae_model_free(m), vae_model_free(back);
    unlink(path);
}

int main(void) {
    struct vae_err err = {0};
    char dir[] = "/tmp/test_codes.XXXXXX", path[64];
    if (mat_open(&err) || !mkdtemp(dir)) {
        fprintf(stderr, "cannot start: %s\n", err.msg);
        return 1;
    }
    snprintf(path, sizeof path, "%s/m.vae", dir);
    double *raw = models_data(ROWS, D, true);
    for (size_t t = 0; latent_table[t]; t++)
        for (size_t codes = 3; codes <= 9 && latent_table[t]->codes; codes += 6)
            for (size_t i = 0; i < 2; i++) {
                const struct prior *prior = i ? NULL : &prior_autoregressive;
                test_gradient(latent_table[t], codes, prior, raw);
                test_score(latent_table[t], codes, prior, raw);
                test_file(latent_table[t], codes, prior, raw, path);
            }
    free(raw);
    rmdir(dir);
    return test_done();
}
