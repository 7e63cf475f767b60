/*
 * test_split.c - rows held out: every row once, no group on both sides of any cut, shares near what they should be, time in its
 * order, the same for a seed and another for another.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fit/split.h"
#include "test.h"

enum { N = 200 };

/* Row i is of a group of its own size: few large ones and many small ones; groups stand anywhere in the data. */
static void make_groups(struct fit_rows *data, size_t groups, uint64_t seed) {
    double u[N];
    rng_uniform(u, N, seed, RNG_TEST, 1, groups);
    data->n = N;
    data->groups.of = mem_array(N, sizeof *data->groups.of);
    for (size_t i = 0; i < N; i++)
        data->groups.of[i] = i < groups ? i << 20 : (uint64_t)(u[i] * u[i] * (double)groups) << 20;
}

static bool is_permutation(const uint64_t *order) {
    bool seen[N] = {false};
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        if (order[i] < N && !seen[order[i]])
            seen[order[i]] = true, n++;
    return n == N;
}

/* Is a group on both sides of a cut? */
static bool torn(const struct fit_rows *data, const uint64_t *order, size_t n, size_t at) {
    for (size_t i = 0; i < at; i++)
        for (size_t j = at; j < n; j++)
            if (data->groups.of[order[i]] == data->groups.of[order[j]])
                return true;
    return false;
}

static size_t groups_in(const struct fit_rows *data, const uint64_t *order, size_t n) {
    size_t groups = n > 0;
    for (size_t i = 1; i < n; i++)
        groups += data->groups.of[order[i]] != data->groups.of[order[i - 1]];
    return groups;
}

static void test_groups(void) {
    for (size_t groups = 3; groups <= N; groups = groups * 3 / 2 + 1)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct fit_rows data = {0};
            struct fit_plan plan = {.opts = {.seed = seed, .split_by = "host"}};
            struct vae_err err = {0};
            uint64_t order[N], again[N];
            make_groups(&data, groups, seed);
            CHECK(!split_order(&plan, &data, 0, order, &err) && is_permutation(order), "%s", err.msg);
            CHECK(groups_in(&data, order, N) == groups, "groups do not stand together");
            CHECK(!split_order(&plan, &data, 0, again, &err) && !memcmp(order, again, sizeof order), "another order of the same seed");
            plan.opts.seed += 10;
            CHECK(!split_order(&plan, &data, 0, again, &err) && (groups < 6 || memcmp(order, again, sizeof order) != 0),
                  "the seed does not change the order");
            for (size_t at = 10; at < N; at += 38)
                for (size_t least = 1; least <= 2; least++) {
                    size_t cut = split_cut(&data, order, N, at, least), nearer = 0;
                    CHECK(cut > 0 && cut < N && !torn(&data, order, N, cut), "%zu groups: cut at %zu", groups, cut);
                    CHECK(groups_in(&data, order, cut) >= least, "%zu groups before %zu", groups_in(&data, order, cut), cut);
                    for (size_t i = 1; i < N; i++)
                        nearer += fabs((double)i - (double)at) < fabs((double)cut - (double)at) && !torn(&data, order, N, i) &&
                                  groups_in(&data, order, i) >= least;
                    CHECK(nearer == 0, "%zu groups: %zu places are nearer to %zu than %zu", groups, nearer, at, cut);
                    /* what is left is cut again, for the rows that stop the training */
                    size_t inner = split_cut(&data, order, cut, cut - cut / 10 - 1, 1);
                    CHECK((inner > 0 || cut == 1) && !torn(&data, order, cut, inner), "cut at %zu of %zu", inner, cut);
                    CHECK(inner < cut || cut == 1 || groups_in(&data, order, cut) == 1, "nothing is held out of %zu rows", cut);
                }
            free(data.groups.of);
        }
}

struct seen {
    const struct fit_rows *data;
    size_t tests, torn;
};

static int fold(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out, size_t stride,
                struct vae_err *err) {
    struct seen *s = ctx;
    (void)stride;
    for (size_t i = 0; i < ntest; i++) {
        out[i] = (float)test[i];
        for (size_t j = 0; j < n && s->data->groups.of; j++)
            s->torn += s->data->groups.of[rows[j]] == s->data->groups.of[test[i]];
        for (size_t j = 0; j < ntest && !s->data->groups.of; j++)
            s->torn += test[j] - test[0] != j; /* by time: a stretch */
    }
    s->tests += ntest;
    return n + ntest == N ? 0 : err_set(err, VAE_EDATA, "%zu rows", n + ntest);
}

/* Folds of groups, also fewer of these than folds; and of time. */
static void test_folds(void) {
    static const size_t groups[] = {3, 4, 30, N, 0};
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++) {
        struct fit_rows data = {.n = N};
        struct fit_plan plan = {.folds = 5, .opts = {.seed = 1, .split_by = groups[k] ? "host" : NULL, .split_time = !groups[k]}};
        struct seen seen = {.data = &data};
        struct vae_err err = {0};
        float cal[N];
        size_t wrong = 0;
        if (groups[k])
            make_groups(&data, groups[k], 4);
        CHECK(!split_cross(&plan, &data, NULL, fold, &seen, 1, cal, &err), "%s", err.msg);
        CHECK(seen.tests == N && seen.torn == 0, "%zu groups: %zu rows scored, %zu pairs torn", groups[k], seen.tests, seen.torn);
        for (size_t i = 0; i < N; i++)
            wrong += cal[i] != (float)i;
        CHECK(wrong == 0, "%zu groups: %zu rows were not scored once", groups[k], wrong);
        free(data.groups.of);
    }
}

static void test_others(void) {
    struct fit_rows data = {.n = N};
    struct fit_plan plan = {.opts = {.seed = 1, .split_time = true}};
    struct vae_err err = {0};
    uint64_t order[N];
    size_t wrong = 0, still = 0;
    CHECK(!split_order(&plan, &data, 0, order, &err), "%s", err.msg);
    for (size_t i = 0; i < N; i++)
        wrong += order[i] != i;
    CHECK(wrong == 0 && split_cut(&data, order, N, 800, 2) == 800, "time has another order");
    plan.opts.split_time = false;
    CHECK(!split_order(&plan, &data, 0, order, &err) && is_permutation(order), "%s", err.msg);
    for (size_t i = 0; i < N; i++)
        still += order[i] == i;
    CHECK(still < 10, "%zu rows stay where they are", still);
    plan.opts.split_by = "host";
    for (size_t groups = 1; groups <= 2; groups++) {
        make_groups(&data, groups, 1);
        CHECK(split_order(&plan, &data, 0, order, &err) == VAE_EDATA && strstr(err.msg, "3 are needed"), "%zu groups: %s", groups, err.msg);
        free(data.groups.of);
    }
}

static int fold_apart(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out, size_t stride,
                      struct vae_err *err) {
    const struct fit_rows *data = ctx;
    (void)stride;
    for (size_t i = 0; i < ntest; i++) {
        out[i] = (float)test[i];
        for (size_t j = 0; j < n; j++)
            if (rows[j] + data->overlap >= test[i] && rows[j] <= test[i] + data->overlap)
                return err_set(err, VAE_EDATA, "%d is fitted and shares rows with %d", (int)rows[j], (int)test[i]);
    }
    return n + ntest + 2 * data->overlap >= N ? 0 : err_set(err, VAE_EDATA, "%zu rows", n + ntest);
}

/* Windows: folds, and rows held out at once, share no rows with those that are fitted; by time they are behind them, too. */
static void test_windows(void) {
    for (size_t overlap = 1; overlap <= 9; overlap += 4)
        for (int time = 0; time < 2; time++) {
            struct fit_rows data = {.n = N, .overlap = overlap};
            struct fit_plan plan = {.folds = 5, .valid = .1, .ncal = N / 5, .opts = {.seed = 1, .split_time = time}};
            struct vae_err err = {0};
            float cal[N];
            uint64_t order[N];
            size_t nfit = 0, near = 0, before = 0;
            CHECK(!split_cross(&plan, &data, NULL, fold_apart, &data, 1, cal, &err), "%s", err.msg);
            CHECK(!split_rows(&plan, &data, order, &nfit, &err), "%s", err.msg);
            CHECK(plan.whole_valid && plan.ncal > N / 10 && nfit > N / 2 && nfit + plan.ncal <= N, "%zu and %zu", nfit, plan.ncal);
            for (size_t i = nfit; i < nfit + plan.ncal; i++)
                for (size_t j = 0; j < nfit; j++) {
                    near += order[j] + overlap >= order[i] && order[j] <= order[i] + overlap;
                    before += order[i] < order[j];
                }
            CHECK(near == 0, "overlap %zu: %zu pairs share rows", overlap, near);
            CHECK(!time || before == 0, "%zu pairs are in another order", before);
        }
}

int main(void) {
    test_groups();
    test_folds();
    test_others();
    test_windows();
    return test_done();
}
