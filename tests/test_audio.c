/* test_audio.c - the MDCT against its definition, levels of mel bands against theirs, and samples through records and back. */
#include <math.h>

#include "base/rng.h"
#include "front/audio.h"
#include "front/mdct.h"
#include "front/mel.h"
#include "test.h"

static float *noise(size_t n, uint64_t seed) {
    double *u = calloc(n, sizeof *u);
    float *x = calloc(n, sizeof *x);
    rng_uniform(u, n, seed, 0, 0, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)u[i] - 0.5F;
    free(u);
    return x;
}

/* Each size: the sum that defines it, and the aliases of two frames that cancel. */
static void test_mdct(void) {
    static const size_t size[] = {2, 4, 6, 10, 160, 450};
    for (size_t s = 0; s < sizeof size / sizeof *size; s++) {
        size_t n = size[s];
        struct mdct *m = mdct_new(n, NULL);
        float *x = noise(3 * n, n), *X = calloc(2 * n, sizeof *X), *y = calloc(4 * n, sizeof *y);
        double worst = 0, back = 0;
        mdct_analyse(m, x, X);
        mdct_analyse(m, x + n, X + n);
        for (size_t k = 0; k < n; k++) {
            double sum = 0, d = (double)n;
            for (size_t i = 0; i < 2 * n; i++)
                sum += sin(M_PI / (2 * d) * ((double)i + 0.5)) * (double)x[i] *
                       cos(M_PI / d * ((double)i + 0.5 + d / 2) * ((double)k + 0.5));
            worst = fmax(worst, fabs(sqrt(2 / d) * sum - (double)X[k]));
        }
        mdct_synthesise(m, X, y);
        mdct_synthesise(m, X + n, y + 2 * n);
        for (size_t i = 0; i < n; i++)
            back = fmax(back, fabs((double)(y[n + i] + y[2 * n + i] - x[n + i])));
        CHECK(worst < 1e-6, "n %zu: a coefficient is %g off", n, worst);
        CHECK(back < 1e-6, "n %zu: a sample is %g off", n, back);
        mdct_free(m);
        free(x), free(X), free(y);
    }
}

static double hz(double mel) { return 700 * (pow(10, mel / 2595) - 1); }

/* Levels of noise by a Fourier sum, and the level of a sine of full scale, 0 dB in its bin. */
static void test_mel(void) {
    enum { N = 64, BANDS = 12 };
    const double rate = 8000, top = 2595 * log10(1 + rate / 2 / 700);
    float *x = noise(N, 3), db[BANDS];
    double power[N / 2 + 1], worst = 0;
    struct mel *m = mel_new(N, BANDS, rate, NULL);
    mel_levels(m, x, db);
    for (size_t k = 0; k <= N / 2; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < N; i++) {
            double w = (0.5 - 0.5 * cos(2 * M_PI * (double)i / N)) * 4 / N, a = 2 * M_PI * (double)(i * k) / N;
            re += w * (double)x[i] * cos(a), im += w * (double)x[i] * sin(a);
        }
        power[k] = re * re + im * im;
    }
    for (size_t b = 0; b < BANDS; b++) {
        double low = hz(top * (double)b / (BANDS + 1)), centre = hz(top * (double)(b + 1) / (BANDS + 1)),
               high = hz(top * (double)(b + 2) / (BANDS + 1)), sum = 1e-10;
        low = fmin(low, centre - rate / N), high = fmax(high, centre + rate / N);
        for (size_t k = 0; k <= N / 2; k++) {
            double f = rate / N * (double)k;
            sum += fmax(0, fmin((f - low) / (centre - low), (high - f) / (high - centre))) * power[k];
        }
        worst = fmax(worst, fabs(10 * log10(sum) - (double)db[b]));
    }
    CHECK(worst < 1e-3, "a level is %g dB off", worst);
    for (size_t i = 0; i < N; i++)
        x[i] = sinf(2 * (float)M_PI * 16 * (float)i / N);
    mel_levels(m, x, db);
    float loudest = db[0];
    for (size_t b = 1; b < BANDS; b++)
        loudest = db[b] > loudest ? db[b] : loudest;
    CHECK(loudest > -3 && loudest < 3, "a sine of full scale is %g dB", (double)loudest);
    memset(x, 0, N * sizeof *x);
    mel_levels(m, x, db);
    CHECK(fabsf(db[0] - MEL_FLOOR) < 1e-3F, "silence is %g dB", (double)db[0]);
    mel_free(m);
    free(x);
}

/* n sample frames in batches of `chunk` through records of these frames and back; their number, the largest error in *worst. */
static size_t there_and_back(size_t n, size_t channels, size_t frames, size_t chunk, double *worst, size_t *records) {
    struct vae_err err = {0};
    struct vae_head *head = rec_head_new("data", NULL);
    rec_head_add(head, "sample", REC_F32, channels > 1, &channels, NULL);
    head->origin = json_pack("{s:s, s:i, s:i}", "format", "wav", "rate", 8000, "channels", (int)channels);
    struct audio_spec spec = {AUDIO_MDCT, 8000, channels, 20, frames};
    struct audio *a = audio_new(head, &spec, &err);
    struct audio_back *back = a ? audio_back_new(audio_head(a), &err) : NULL;
    float *x = noise(n * channels + 1, n);
    size_t got = 0;
    *worst = 0, *records = 0;
    CHECK(a && back, "%s", err.msg);
    for (size_t from = 0; back && from <= n;) { /* the last turn is the end */
        struct rec_col col = {.data = x + from * channels};
        struct vae_batch b = {.rows = n - from < chunk ? n - from : chunk, .nfields = 1, .cols = &col};
        const struct vae_batch *made, *y;
        size_t at = 0;
        bool end = b.rows == 0;
        while (at < b.rows || end) {
            int r = end ? audio_end(a, &made, &err) : audio_run(a, &b, &at, &made, &err);
            *records += r > 0 ? (size_t)r : 0;
            int m = r > 0 ? audio_back_run(back, made, &y, &err) : 0;
            CHECK(r >= 0 && m >= 0, "%s", err.msg);
            for (size_t i = 0; m > 0 && i < (size_t)m * channels && got * channels + i < n * channels; i++)
                *worst = fmax(*worst, fabs((double)(((const float *)y->cols[0].data)[i] - x[got * channels + i])));
            got += m > 0 ? (size_t)m : 0;
            if (end)
                break;
        }
        from += b.rows;
        if (end)
            break;
    }
    audio_back_free(back), audio_free(a), rec_head_free(head);
    free(x);
    return got;
}

static void test_lengths(void) {
    static const size_t length[] = {0, 1, 19, 20, 21, 40, 399, 1000};
    for (size_t i = 0; i < sizeof length / sizeof *length; i++)
        for (size_t channels = 1; channels <= 2; channels++)
            for (size_t frames = 1; frames <= 4; frames += 3) {
                double one, all;
                size_t records, same, n = length[i], want = n ? ((n + 19) / 20 + 1 + frames - 1) / frames : 0;
                size_t got = there_and_back(n, channels, frames, 7, &one, &records);
                there_and_back(n, channels, frames, 4096, &all, &same);
                CHECK(got == n, "%zu samples come back as %zu", n, got);
                CHECK(one < 1e-6 && one == all && records == same, "%zu samples, %zu frames: %g and %g off", n, frames, one, all);
                CHECK(records == want, "%zu samples are %zu records, not %zu", n, records, want);
            }
}

/* Records of levels: one for each frame, the ends standing for what is beyond; less than a window is one frame. */
static void test_context(void) {
    static const size_t length[] = {1, 39, 40, 60, 500};
    for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
        struct vae_err err = {0};
        struct vae_head *head = rec_head_new("data", NULL);
        rec_head_add(head, "sample", REC_F32, 0, NULL, NULL);
        head->origin = json_pack("{s:s, s:i, s:i}", "format", "wav", "rate", 8000, "channels", 1);
        struct audio_spec spec = {AUDIO_MEL, 8000, 1, 20, 3};
        struct audio *a = audio_new(head, &spec, &err);
        float *x = noise(length[i], 5);
        struct rec_col col = {.data = x};
        struct vae_batch b = {.rows = length[i], .nfields = 1, .cols = &col};
        const struct vae_batch *made;
        size_t at = 0, n = 0, want = length[i] < 40 ? 1 : (length[i] - 40) / 20 + 1;
        int data = rec_head_find(audio_head(a), "mel"), time = rec_head_find(audio_head(a), "time"), r = audio_run(a, &b, &at, &made, &err);
        for (int turn = 0; turn < 2; turn++) {
            for (int k = 0; k < r; k++, n++) {
                const float *mel = (const float *)made->cols[data].data + (size_t)k * 3 * AUDIO_BANDS;
                CHECK(n || !memcmp(mel, mel + AUDIO_BANDS, AUDIO_BANDS * sizeof *mel), "the first frame does not stand for the one before");
                CHECK(n + 1 < want || !memcmp(mel + 2 * AUDIO_BANDS, mel + AUDIO_BANDS, AUDIO_BANDS * sizeof *mel), "nor the last one");
                double mean = 0;
                for (size_t j = 0; j < 3 * AUDIO_BANDS; j++)
                    mean += (double)mel[j] / (3 * AUDIO_BANDS);
                double level = (double)((const float *)made->cols[rec_head_find(audio_head(a), "level")].data)[k];
                CHECK(fabs(mean - 0.3 * level) < 1e-4, "of a mean of %g is left %g", level, mean);
                double t = ((const double *)made->cols[time].data)[k];
                CHECK(fabs(t - (double)(n + 1) * 20 / 8000) < 1e-9, "record %zu is at %g s", n, t);
            }
            r = turn ? 0 : audio_end(a, &made, &err);
        }
        CHECK(n == want && r == 0, "%zu samples are %zu records, not %zu", length[i], n, want);
        audio_free(a), rec_head_free(head), free(x);
    }
}

/* The frames of a record, apart[5] of them 2 channels, from where each kind has them, all of their mean back in them; no: its number. */
static size_t frames_of(enum audio_kind kind, const float *x, size_t n, size_t records, float *frame) {
    struct vae_err err = {0};
    struct vae_head *head = rec_head_new("data", NULL);
    rec_head_add(head, "sample", REC_F32, 1, &(size_t){2}, NULL);
    head->origin = json_pack("{s:s, s:i, s:i}", "format", "wav", "rate", 8000, "channels", 2);
    struct audio *a = audio_new(head, &(struct audio_spec){kind, 8000, 2, 20, 5}, &err);
    struct rec_col col = {.data = x};
    struct vae_batch b = {.rows = n, .nfields = 1, .cols = &col};
    const struct vae_batch *made;
    const struct vae_head *out = audio_head(a);
    int around = rec_head_find(out, "around"), mel = rec_head_find(out, "mel"), level = rec_head_find(out, "level");
    size_t at = 0, w = 2 * AUDIO_BANDS, given = 0;
    for (int turn = 0; turn < 2; turn++) {
        int r = turn ? audio_end(a, &made, &err) : audio_run(a, &b, &at, &made, &err);
        for (size_t k = 0; (int)k < r && given < records; k++, given++) {
            float *to = frame + given * 5 * w, less = 0.7F * ((const float *)made->cols[level].data)[k];
            const float *all = made->cols[mel].data, *others = around < 0 ? NULL : made->cols[around].data;
            for (size_t t = 0, o = 0; t < 5; t++, to += w) {
                memcpy(to, !others ? all + (k * 5 + t) * w : t == 2 ? all + k * w : others + (k * 4 + o++) * w, w * sizeof *to);
                for (size_t i = 0; i < w; i++)
                    to[i] += less;
            }
        }
    }
    const struct rec_field *f = out->fields;
    CHECK(around < 0 || (f[around].apart && f[level].apart && !f[mel].apart), "what is around is no condition");
    audio_free(a), rec_head_free(head);
    return given;
}

/* The middle frame and those around it are the frames of a record of levels; the level that is told knows nothing of the middle one. */
static void test_centre(void) {
    enum { N = 400, RECORDS = 19, W = 2 * AUDIO_BANDS };
    static float a[RECORDS * 5 * W], b[RECORDS * 5 * W];
    float *x = noise(2 * N, 9), worst = 0;
    size_t na = frames_of(AUDIO_MEL, x, N, RECORDS, a), nb = frames_of(AUDIO_CENTRE, x, N, RECORDS, b);
    for (size_t i = 0; i < RECORDS * 5 * W; i++)
        worst = fmaxf(worst, fabsf(a[i] - b[i]));
    CHECK(na == RECORDS && nb == RECORDS && worst < 1e-4F, "%zu and %zu records, %g dB off", na, nb, (double)worst);
    free(x);
}

/* Many records of few samples: a batch of them is more than there is room for at once, and the end of the file has its own. */
static void test_many(void) {
    enum { N = 4096, HOP = 8, WANT = (N - 2 * HOP) / HOP + 1 };
    struct vae_err err = {0};
    struct vae_head *head = rec_head_new("data", NULL);
    rec_head_add(head, "sample", REC_F32, 0, NULL, NULL);
    head->origin = json_pack("{s:s, s:i, s:i}", "format", "wav", "rate", 8000, "channels", 1);
    struct audio_spec spec = {AUDIO_MEL, 8000, 1, HOP, AUDIO_FRAMES};
    struct audio *a = audio_new(head, &spec, &err);
    float *x = noise(N, 5);
    struct rec_col col = {.data = x};
    struct vae_batch b = {.rows = N, .nfields = 1, .cols = &col};
    const struct vae_batch *made;
    size_t n = 0, most = 0;
    int r;
    for (size_t at = 0; at < N; n += (size_t)r, most = (size_t)r > most ? (size_t)r : most)
        if ((r = audio_run(a, &b, &at, &made, &err)) < 0)
            break;
    CHECK(r >= 0 && n == WANT - AUDIO_FRAMES / 2 && most < n, "%zu records, up to %zu of them at once", n, most);
    r = audio_end(a, &made, &err);
    CHECK(r == AUDIO_FRAMES / 2, "the end gives %d", r);
    audio_free(a), rec_head_free(head), free(x);
}

/* What a stream or a model file says of a front is checked; so is what a record claims to complete. */
static void test_hostile(void) {
    static const char *const bad[] = {
        "{\"audio\":\"mdct\"}",
        "{\"audio\":7,\"rate\":8000,\"channels\":1,\"hop\":160,\"frames\":1}",
        "{\"audio\":\"x\",\"rate\":8000,\"channels\":1,\"hop\":160,\"frames\":1}",
        "{\"audio\":\"mdct\",\"rate\":0,\"channels\":1,\"hop\":160,\"frames\":1}",
        "{\"audio\":\"mdct\",\"rate\":8000,\"channels\":65,\"hop\":160,\"frames\":1}",
        "{\"audio\":\"mdct\",\"rate\":8000,\"channels\":1,\"hop\":161,\"frames\":1}",
        "{\"audio\":\"mdct\",\"rate\":8000,\"channels\":1,\"hop\":99999999,\"frames\":1}",
        "{\"audio\":\"mel\",\"rate\":8000,\"channels\":1,\"hop\":160,\"frames\":2}",
        "{\"audio\":\"mel\",\"rate\":8000,\"channels\":1,\"hop\":160,\"frames\":0}",
        "{\"audio\":\"mdct\",\"rate\":8000,\"channels\":64,\"hop\":16384,\"frames\":63}",
        "{\"audio\":\"centre\",\"rate\":8000,\"channels\":1,\"hop\":160,\"frames\":1}"};
    struct audio_spec s, t;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vae_err err = {0};
        json_t *j = json_loads(bad[i], 0, NULL);
        CHECK(audio_from_json(j, &s, &err) == VAE_EDATA && *err.msg, "%s was taken", bad[i]);
        json_decref(j);
    }
    CHECK(audio_from_json(NULL, &s, NULL) == 0, "no front is one of sound");
    json_t *origin = json_pack("{s:i, s:i}", "rate", 44100, "channels", 2);
    CHECK(audio_parse("mel:10:7", origin, &s, NULL) == 0 && s.hop == 450 && s.frames == 7 && s.channels == 2 && s.rate == 44100,
          "mel:10:7 is a hop of %zu", s.hop);
    json_t *j = audio_to_json(&s);
    CHECK(audio_from_json(j, &t, NULL) == 1 && !memcmp(&s, &t, sizeof s), "a spec is another one after JSON");
    static const char *const none[] = {"mel:10:6", "mdct:0", "mdct:20:", "mdctx", "centre:9:1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK(audio_parse(none[i], origin, &s, NULL) == VAE_EUSAGE, "%s is taken", none[i]);
    json_decref(j), json_decref(origin);
}

static void test_soft(void) {
    static const float x[] = {0, 4, -4, 1e-30F, -0.25F, 1e10F}, want[] = {0, 2, -2, 1e-15F, -0.5F, 1e5F};
    float y[6], z[6];
    audio_soften(x, 6, y);
    audio_harden(y, 6, z);
    for (size_t i = 0; i < 6; i++)
        CHECK(fabsf(y[i] - want[i]) <= 1e-6F * fabsf(want[i]) && fabsf(z[i] - x[i]) <= 1e-6F * fabsf(x[i]), "%g: %g, %g", (double)x[i],
              (double)y[i], (double)z[i]);
}

int main(void) {
    test_mdct();
    test_mel();
    test_lengths();
    test_context();
    test_centre();
    test_many();
    test_hostile();
    test_soft();
    return test_done();
}
