/*
 * test_modelfile.c - model files that were changed by somebody who can compute a checksum: every bit of a small model
 * flipped and its CRC put right. Each is refused with a reason, or is a model that can be described and that scores a
 * record without harm. (Flips that leave the CRC as it was are test_tensors' part: all of them are found.)
 */
#include <unistd.h>

#include "base/mat.h"
#include "models.h"
#include "repair.h"
#include "schema/levels.h"
#include "score/score.h"

static unsigned char *read_file(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    unsigned char *p = malloc(1 << 20);
    *n = f && p ? fread(p, 1, 1 << 20, f) : 0;
    if (f)
        fclose(f);
    return p;
}

/* A record through a model that was accepted. */
static void use(struct vae_model *m) {
    struct vae_err err = {0};
    float *x = mem_floats(m->schema->d + 1);
    struct score_parts part;
    struct scorer *s = scorer_new(m, VAE_BY_AUTO, SCORE_ONLY, 2, NULL, &err);
    if (s && x)
        scorer_run(s, x, NULL, 1, &part);
    scorer_free(s);
    free(x);
    free(vae_model_describe(m, true));
}

/* Replaces a text of the file by one of the same length. */
static void edit(unsigned char *p, size_t n, const char *from, const char *to) {
    unsigned char *at = memmem(p, n, from, strlen(from));
    CHECK(at && strlen(from) == strlen(to), "'%s' is not in the file", from);
    if (at)
        memcpy(at, to, strlen(to));
    repair_model(p, n);
}

struct change {
    const char *from, *to, *why;
};

/* The model at path with each of the changes alone is refused, and why is said. */
static void refuse_edits(const char *path, const struct change *t, size_t changes) {
    for (size_t i = 0; i < changes; i++) {
        struct vae_err err = {0};
        size_t n;
        unsigned char *p = read_file(path, &n);
        edit(p, n, t[i].from, t[i].to);
        struct vae_model *bad = model_parse(p, n, "changed", &err);
        CHECK(!bad && err.code == VAE_EDATA && strstr(err.msg, t[i].why), "%s: %s", t[i].to, err.msg);
        vae_model_free(bad);
        free(p);
    }
}

/* A copy is what the file would be; one that forgets is a model still, with the weights and without what was fitted behind them. */
static void test_copy(const char *path) {
    static const size_t widths[] = {1, 2, 1, 0};
    struct model_config c = {.latent_dim = 2, .latent = &latent_gauss, .act = &nn_silu, .nhidden = 1, .hidden = {3},
                             .lik = &lik_gaussian, .dropout = 0.25f};
    struct vae_err err = {0};
    double *raw = models_data(40, 4, false);
    struct vae_model *m = models_new(&c, widths, raw, 40, 1);
    const struct prior_space space = {2, 0, 0};
    m->nprior = prior_gmm.size(&space, 5), m->prior = &prior_gmm, m->prior_param = mem_floats(m->nprior);
    float z[10] = {1, 2, 0, 1, 3, 1, 1, 1, 0, 2};
    CHECK(!prior_gmm.fit(&space, 5, z, 1, NULL, m->prior_param, &err), "%s", err.msg);
    m->cal.n = 3, m->cal.score = mem_array(3 * MODEL_NBY, sizeof *m->cal.score);
    m->use = mem_array(2, sizeof *m->use);
    struct vae_model *copy = model_copy(m, &err);
    CHECK(copy && !vae_model_save(m, path, &err) && !vae_model_save(copy, path, &err), "%s", err.msg);
    CHECK(!strcmp(m->id, copy->id) && copy->w != m->w, "a copy is another model");
    model_forget(copy);
    CHECK(copy->prior == &prior_normal && !copy->cal.n && !copy->use && !memcmp(copy->w, m->w, m->nw * sizeof *m->w), "what it forgot");
    CHECK(!vae_model_save(copy, path, &err) && strcmp(m->id, copy->id), "%s", err.msg);
    vae_model_free(m), vae_model_free(copy);
    free(raw);
    unlink(path);
}

/* A decoder that is larger than the file says is refused before there is room for it; the encoder is as it should be. */
static void test_size(const char *path) {
    static const size_t widths[] = {1, 1, 1, 1, 0};
    struct model_config c = {.latent_dim = 1, .latent = &latent_gauss, .act = &nn_silu, .nhidden = 2, .hidden = {1, 2},
                             .lik = &lik_gaussian, .masks = true, .chain = true};
    struct vae_err err = {0};
    double *raw = models_data(40, 4, false);
    struct vae_model *m = models_new(&c, widths, raw, 40, 1);
    CHECK(m && !vae_model_save(m, path, &err), "%s", err.msg);
    size_t n;
    unsigned char *p = read_file(path, &n);
    edit(p, n, "\\\"hidden\\\":[1,2]", "\\\"hidden\\\":[1,9]");
    struct vae_model *t = model_parse(p, n, "large", &err);
    CHECK(!t && err.code == VAE_EDATA && strstr(err.msg, "do not fit the configuration"), "%s", err.msg);
    vae_model_free(t), vae_model_free(m);
    free(p), free(raw);
}

/* Channels that are no sizes, are too many, or do not fit the image or the weights. */
static void test_channels(const char *path) {
    static const struct change t[] = {
        {"\\\"channels\\\":[3,2]", "\\\"channels\\\":[3,4]", "do not fit the configuration"},
        {"\\\"channels\\\":[3,2]", "\\\"channels\\\":[3  ]", "do not fit the configuration"},
        {"\\\"channels\\\":[3,2]", "\\\"channels\\\":[0,2]", "senseless width"},
        {"\\\"channels\\\":[3,2]", "\\\"channels\\\":[9e9]", "senseless width"},
        {"\\\"channels\\\":[3,2]", "\\\"channels\\\":[   ]", "without channels"},
        {"\\\"channels\\\":[3,2]", "\\\"Channels\\\":[3,2]", "channels"},
        {"\\\"net\\\":\\\"conv\\\"", "\\\"net\\\":\\\"cone\\\"", "unknown to this version"},
        {"\\\"shape\\\":[25]", "\\\"shape\\\":[24]", ""},
    };
    static const size_t widths[] = {25, 0};
    struct model_config c = {.latent_dim = 1, .latent = &latent_gauss, .act = &nn_silu, .residual = true, .nhidden = 1,
                             .hidden = {2}, .nchannels = 2, .channels = {3, 2}, .lik = &lik_gaussian};
    struct vae_err err = {0};
    double *raw = models_data(40, 25, false);
    struct vae_model *m = models_new(&c, widths, raw, 40, 1);
    CHECK(m && !vae_model_save(m, path, &err), "%s", err.msg);
    refuse_edits(path, t, sizeof t / sizeof *t);
    vae_model_free(m);
    static const size_t flat[] = {24, 0};
    m = model_new(&c, models_schema(flat, &schema_standard, raw, 40), &err);
    CHECK(!m && err.code == VAE_EDATA && strstr(err.msg, "records that are images"), "%s", err.msg);
    for (size_t i = 0; i < 40; i++) /* pixels over cells, the first of which has fewer outputs than the others */
        raw[i * 25] = (double)(i % 2);
    c.lik = &lik_binned;
    m = model_new(&c, models_schema(widths, &schema_bins, raw, 40), &err);
    CHECK(!m && err.code == VAE_EDATA && strstr(err.msg, "images of plain numbers"), "%s", err.msg);
    vae_model_free(m);
    free(raw);
}

/* Cuts of an ordinal likelihood that do not ascend are refused. */
static void test_cuts(const char *path) {
    enum { ROWS = 40, CUTS = 3 };
    struct model_config c = {.latent_dim = 1, .latent = &latent_gauss, .act = &nn_silu, .nhidden = 1, .hidden = {2},
                             .lik = &lik_ordinal};
    static const size_t widths[] = {1, 0};
    struct vae_err err = {0};
    double raw[ROWS];
    uint64_t rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        raw[i] = (double)(i % (CUTS + 1)), rows[i] = i;
    struct schema *s = models_schema(widths, &schema_standard, raw, ROWS);
    s->col[0].transform = &schema_level, s->col[0].kind = SCHEMA_ORDINAL, s->col[0].type = REC_UTF8;
    strcpy(s->col[0].lik, "ordinal");
    for (size_t l = 0; l <= CUTS; l++) {
        char text[2] = {(char)('a' + l), 0};
        CHECK(levels_add(&s->col[0].levels, text, 1, &err) == (long)l, "%s", err.msg);
    }
    CHECK(!schema_learn(s, raw, rows, ROWS, 8, &err), "%s", err.msg);
    struct vae_model *m = model_new(&c, s, &err);
    CHECK(m != NULL, "%s", err.msg);
    if (!m)
        return;
    model_marginals(m);
    model_start(m, 1);
    for (int swapped = 0; swapped < 2; swapped++) {
        float *cut = m->w + m->wlik, low = cut[0];
        cut[0] = swapped ? cut[1] : low, cut[1] = swapped ? low : cut[1];
        CHECK(!vae_model_save(m, path, &err), "%s", err.msg);
        struct vae_model *t = vae_model_load(path, &err);
        CHECK((t == NULL) == swapped && (t || (err.code == VAE_EDATA && strstr(err.msg, "ordinal"))), "%s", err.msg);
        vae_model_free(t);
    }
    vae_model_free(m);
}

/* Every so manyth bit of a small model flipped, and the model cut at every byte. */
static void test_damage(const struct models_kind *kind, size_t latents, size_t every, const char *path) {
    static const size_t widths[] = {1, 1, 3, 0};
    struct model_config c = {
        .latent_dim = latents, .act = &nn_silu, .residual = true, .nhidden = 1, .hidden = {3}, .lik = &lik_gaussian};
    struct vae_err err = {0};
    double *raw = models_data(40, 5, false);
    models_set_kind(&c, kind);
    if (kind->latent->codes)
        c.codes = 3, c.code_prior = &prior_autoregressive;
    struct vae_model *m = models_new(&c, widths, raw, 40, 1);
    CHECK(m && !vae_model_save(m, path, &err), "%s", err.msg);
    size_t n, tried = 0, accepted = 0, silent = 0;
    unsigned char *whole = read_file(path, &n), *copy = malloc(n + 1);
    struct vae_model *same = model_parse(whole, n, "whole", &err);
    CHECK(same != NULL, "%s", err.msg);
    vae_model_free(same);
    for (size_t bit = 0; bit < 8 * n; bit += every, tried++) {
        memcpy(copy, whole, n);
        copy[bit / 8] ^= (unsigned char)(1u << bit % 8);
        repair_model(copy, n);
        err = (struct vae_err){0};
        struct vae_model *t = model_parse(copy, n, "flipped", &err);
        silent += !t && (err.code >= 0 || !err.msg[0]);
        accepted += t != NULL;
        if (t && bit % 8 == 0)
            use(t);
        vae_model_free(t);
    }
    CHECK(silent == 0, "%zu files were refused without a reason", silent);
    CHECK(accepted > 0 && accepted < tried, "%zu of %zu flipped files were taken", accepted, tried);
    for (size_t cut = 0; cut < n; cut += (every + 7) / 8) {
        memcpy(copy, whole, cut);
        repair_model(copy, cut);
        struct vae_model *t = model_parse(copy, cut, "cut", &err);
        CHECK(!t, "a model cut to %zu of %zu bytes was taken", cut, n);
        vae_model_free(t);
    }
    vae_model_free(m);
    free(raw), free(whole), free(copy);
}

/* A prior that is trained along has as many parameters as fit it, and sensible ones; a ladder has two latents. */
static void test_priors(const char *path) {
    static const size_t widths[] = {1, 1, 3, 0};
    struct vae_err err = {0};
    struct models_kind kind;
    double *raw = models_data(40, 5, false);
    for (size_t q = 0; models_kind(q, &kind); q++) {
        struct model_config c = {.latent_dim = 5, .act = &nn_silu, .nhidden = 1, .hidden = {3}, .lik = &lik_gaussian};
        models_set_kind(&c, &kind);
        struct vae_model *m = models_new(&c, widths, raw, 40, 1), *t = NULL;
        CHECK(m && !vae_model_save(m, path, &err) && (t = vae_model_load(path, &err)), "%s: %s",
              models_kind_name(&kind), err.msg);
        if (!t)
            return;
        CHECK(t->nw == m->nw && t->config.joint == kind.joint && t->npseudo == m->npseudo && t->ntop == m->ntop &&
                  !memcmp(t->w, m->w, m->nw * sizeof *m->w) &&
                  (!m->nprior || !memcmp(t->prior_param, m->prior_param, m->nprior * sizeof(float))),
              "%s comes back as another model", models_kind_name(&kind));
        vae_model_free(t);
        size_t n;
        unsigned char *p;
        if (kind.latent->levels > 1) {
            p = read_file(path, &n);
            edit(p, n, "\\\"latent_dim\\\":5", "\\\"latent_dim\\\":1");
            CHECK(!model_parse(p, n, "one", &err) && err.code == VAE_EDATA, "a ladder of one latent: %s", err.msg);
            free(p);
        }
        if (kind.joint) {
            char size[40], other[40];
            snprintf(size, sizeof size, "\\\"size\\\":%zu", m->nprior);
            snprintf(other, sizeof other, "\\\"size\\\":%zu", m->nprior - 1);
            p = read_file(path, &n);
            edit(p, n, size, other);
            CHECK(!model_parse(p, n, "size", &err) && strstr(err.msg, "prior"), "%s", err.msg);
            free(p);
        }
        if (m->npseudo) {
            m->prior_param[2 * m->ntop - 1] = 31;
            CHECK(!vae_model_save(m, path, &err) && !vae_model_load(path, &err) && strstr(err.msg, "vamp"), "%s",
                  err.msg);
        }
        vae_model_free(m);
    }
    free(raw);
}

/* Codes of other values than the weights are for, of none, of families and with priors that have none. */
static void test_codes(const char *path) {
    static const struct change t[] = {
        {"\\\"codes\\\":4", "\\\"codes\\\":6", "do not fit the configuration"},
        {"\\\"codes\\\":4", "\\\"codes\\\":1", "codes"},
        {"\\\"codes\\\":4", "\\\"codes\\\":0", "codes"},
        {"\\\"codes\\\":4", "\\\"Codes\\\":4", "cannot be 3 codes of 0 values"},
        {"\\\"latent_dim\\\":3", "\\\"latent_dim\\\":2", "fit"},
        {"\\\"latent\\\":\\\"vq\\\"", "\\\"latent\\\":\\\"qv\\\"", "unknown to this version"},
        {"\\\"kind\\\":\\\"autoregressive\\\"", "\\\"kind\\\":\\\"uniform\\\"       ", "no parameters"},
        {"\\\"kind\\\":\\\"autoregressive\\\"", "\\\"kind\\\":\\\"normal\\\"        ", "prior does not fit"},
        {"latent.codebook", "latent.codebooK", "codebook"},
    };
    static const size_t widths[] = {1, 1, 3, 0};
    const struct model_config c = {.latent_dim = 3, .codes = 4, .latent = &latent_vq, .code_prior = &prior_autoregressive,
                                   .act = &nn_silu, .nhidden = 1, .hidden = {3}, .lik = &lik_gaussian};
    struct vae_err err = {0};
    double *raw = models_data(40, 5, false);
    struct vae_model *m = models_new(&c, widths, raw, 40, 1);
    CHECK(m && !vae_model_save(m, path, &err), "%s", err.msg);
    refuse_edits(path, t, sizeof t / sizeof *t);
    vae_model_free(m);
    free(raw);
}

int main(void) {
    struct vae_err err = {0};
    char path[] = "/tmp/test_modelfile.XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && !mat_open(&err), "%s", err.msg);
    test_damage(&(struct models_kind){&latent_gauss, NULL}, 2, 1, path);
    test_damage(&(struct models_kind){&latent_ladder, &prior_vamp}, 4, 13, path);
    test_damage(&(struct models_kind){&latent_gauss, &prior_realnvp}, 1, 67, path);
    test_copy(path);
    test_damage(&(struct models_kind){&latent_vq, NULL}, 1, 331, path);
    test_size(path);
    test_codes(path);
    test_channels(path);
    test_cuts(path);
    test_priors(path);
    close(fd);
    unlink(path);
    return test_done();
}
