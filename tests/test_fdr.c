/*
 * test_fdr.c - false discoveries: the procedure against its definition, and what it is for: the mean share of false ones among
 * conformal p-values that share their calibration rows; and AUROC, average precision and costs against their definitions.
 */
#include <stdbool.h>

#include "base/rec.h"
#include "base/rng.h"
#include "score/fdr.h"
#include "score/score.h"
#include "test.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The largest p with p <= q #{p_j <= p} / n, by counting. */
static double counted(const double *p, size_t n, double q) {
    double cut = -1;
    for (size_t i = 0; i < n; i++) {
        size_t below = 0;
        for (size_t j = 0; j < n; j++)
            below += p[j] <= p[i];
        if (p[i] <= q * (double)below / (double)n * (1 + 1e-7) && p[i] > cut)
            cut = p[i];
    }
    return cut;
}

static void test_cut(void) {
    enum { MOST = 60 };
    double p[MOST];
    size_t some = 0;
    for (uint64_t rep = 0; rep < 4000; rep++) {
        size_t n = 1 + rep % MOST, steps = rep % 3 ? 20 : 1 << 20; /* with ties, and without */
        double q = (double)(rep % 7 + 1) * 0.07;
        rng_uniform(p, n, 3, RNG_TEST, 1, rep);
        for (size_t i = 0; i < n; i++)
            p[i] = ceil(p[i] * (i % 4 ? 1 : 0.1) * (double)steps) / (double)steps;
        qsort(p, n, sizeof *p, by_value);
        double cut = fdr_cut(p, n, q);
        some += cut > 0;
        CHECK(cut == counted(p, n, q), "n %zu q %g: %g, should be %g", n, q, cut, counted(p, n, q));
    }
    CHECK(some > 400 && some < 3900, "%zu cuts: this test cannot fail", some);
    const double exact[] = {0.01, 0.02, 0.03}, none[] = {0.5, 1, 1};
    CHECK(fdr_cut(exact, 3, 0.03) == 0.03 && fdr_cut(none, 3, 0.4) == -1 && fdr_cut(none, 0, 0.4) == -1, "edges");
    const double rounded[] = {(double)0.0005f * 5};
    CHECK(fdr_cut(rounded, 1, 0.0025) > 0, "a p that a float rounds up is lost");
}

/* Normal scores against `cal` calibration scores, a share of them moved up: mean share of false ones, and found. */
static void test_share(void) {
    enum { CAL = 2000, ROWS = 500, ODD = 25, REPEATS = 300 };
    static float z[CAL + ROWS];
    double p[ROWS], sorted[ROWS], share = 0, square = 0, found = 0, uncorrected = 0;
    for (uint64_t rep = 0; rep < REPEATS; rep++) {
        rng_normals(z, 1, CAL + ROWS, CAL + ROWS, 4, RNG_TEST, 2, NULL, rep * (CAL + ROWS));
        conformal_sort(z, CAL);
        double false_ones = 0, true_ones = 0, small = 0;
        for (size_t i = 0; i < ROWS; i++)
            p[i] = sorted[i] = conformal_p(z, CAL, z[CAL + i] + (i < ODD ? 4 : 0));
        qsort(sorted, ROWS, sizeof *sorted, by_value);
        double cut = fdr_cut(sorted, ROWS, 0.1);
        for (size_t i = 0; i < ROWS; i++)
            if (p[i] <= cut)
                *(i < ODD ? &true_ones : &false_ones) += 1;
        for (size_t i = ODD; i < ROWS; i++)
            small += p[i] <= 0.1;
        double s = false_ones / fmax(false_ones + true_ones, 1);
        share += s / REPEATS, square += s * s / REPEATS, found += true_ones / (ODD * REPEATS);
        uncorrected += small / (small + ODD) / REPEATS;
    }
    double se = sqrt((square - share * share) / REPEATS);
    CHECK(share <= 0.095 + 3 * se && share > 0.05, "share of false ones %g +- %g", share, se);
    CHECK(found > 0.8, "%g of the odd ones found", found);
    CHECK(uncorrected > 0.5, "p <= .1 alone has a share of %g: this test cannot fail", uncorrected);
}

/* ---- labels --------------------------------------------------------------------------------------------- */

enum { LROWS = 400 };

static struct vae_head *label_head(void) {
    struct vae_head *h = rec_head_new("score", NULL);
    rec_head_add(h, "label", REC_UTF8, 0, NULL, NULL);
    for (size_t i = 0; i < 3; i++)
        rec_head_add(h, ((const char *const[]){"score", "p", "anomaly"})[i], REC_F32, 0, NULL, NULL);
    return h;
}

/* Against pairs and thresholds counted one by one. steps: different scores. */
static void check_labels(const struct vae_model *m, size_t steps, uint64_t rep) {
    struct vae_err err = {0};
    struct vae_head *h = label_head();
    struct rec_build *b = rec_build_new(h, NULL);
    struct vae_labels_opts o = {"label", NULL, 7, 2};
    struct vae_labels *l = vae_labels_open(h, m, &o, &err);
    struct vae_labels_report r;
    double u[2 * LROWS], score[LROWS], n = 0, odd = 0, auc = 0, ap = 0, best = INFINITY, at = NAN;
    int label[LROWS];
    rng_uniform(u, 2 * LROWS, 8, RNG_TEST, 3, rep);
    rec_build_rows(b, LROWS, NULL);
    float *cell[3] = {rec_build_data(b, 1), rec_build_data(b, 2), rec_build_data(b, 3)};
    for (size_t i = 0; i < LROWS; i++) {
        label[i] = i % 50 == 3 ? -1 : u[i] < 0.2;
        score[i] = floor((u[LROWS + i] + (label[i] > 0 ? 0.3 : 0)) * (double)steps);
        cell[0][i] = (float)score[i], cell[1][i] = (float)(1 / (2 + score[i])), cell[2][i] = score[i] > 0.8 * (double)steps;
        rec_build_text(b, 0, label[i] < 0 ? "NA" : label[i] ? "1" : "0", label[i] < 0 ? 2 : 1, NULL);
        n += label[i] >= 0, odd += label[i] > 0;
    }
    CHECK(l && !vae_labels_put(l, rec_build_batch(b, LROWS), &err) && !vae_labels_report(l, &r, &err), "%s", err.msg);
    for (size_t i = 0; i < LROWS; i++) {
        double hits = 0, flagged = 0;
        for (size_t j = 0; j < LROWS; j++) {
            auc += label[i] == 1 && label[j] == 0 ? (score[i] > score[j]) + (score[i] == score[j]) / 2.0 : 0;
            hits += label[j] == 1 && score[j] >= score[i], flagged += label[j] >= 0 && score[j] >= score[i];
        }
        ap += label[i] == 1 ? hits / flagged / odd : 0; /* of each odd one: the precision where it is found */
        double cost = 7 * (odd - hits) + 2 * (flagged - hits);
        if (label[i] >= 0 && (cost < best || (cost == best && score[i] > at)))
            best = cost, at = score[i];
    }
    auc /= odd * (n - odd);
    CHECK(r.rows == (uint64_t)n && r.odd == (uint64_t)odd && r.unlabelled == 8 && !r.guessed && !strcmp(r.positive, "1"), "counts");
    CHECK(fabs(r.auroc - auc) < 1e-12, "%zu steps: AUROC %.9g, should be %.9g", steps, r.auroc, auc);
    CHECK(fabs(r.average_precision - ap) < 1e-12, "%zu steps: average precision %.9g, should be %.9g", steps, r.average_precision, ap);
    CHECK(best < 7 * odd ? r.threshold == at && r.cost == best : isnan(r.threshold) && r.cost == 7 * odd,
          "%zu steps: threshold %g, cost %g, should be %g, %g", steps, r.threshold, r.cost, at, best);
    CHECK(isnan(r.threshold) || fabs(r.alpha - 1 / (2 + at)) < 1e-6, "alpha %g", r.alpha);
    vae_labels_free(l), rec_build_free(b), rec_head_free(h);
}

int main(void) {
    test_cut();
    test_share();
    struct schema schema = {0}; /* which texts are missing is all that is asked of the model */
    const struct vae_model m = {.schema = &schema};
    for (uint64_t rep = 0; rep < 3; rep++)
        for (size_t steps = 2; steps < 100000; steps *= 6)
            check_labels(&m, steps, rep);
    return test_done();
}
