/* test_persist.c - alarms against their definition, counted afresh for each record; kept and taken up at every place. */
#include <jansson.h>

#include "base/rng.h"
#include "score/persist.h"
#include "test.h"

enum { ROWS = 200 };

/* Does record i raise an alarm, by the words of persist.h? */
static bool by_words(const bool *anomaly, const bool *alarm, size_t i, size_t k, size_t n, size_t cooldown) {
    size_t count = 0;
    for (size_t j = 0; j < n && j <= i; j++)
        count += anomaly[i - j];
    for (size_t j = 1; j <= cooldown && j <= i; j++)
        if (alarm[i - j])
            return false;
    return anomaly[i] && count >= k;
}

static void alarms(size_t k, size_t n, size_t cooldown) {
    bool anomaly[ROWS], alarm[ROWS];
    struct persist p, q;
    CHECK(persist_init(&p, k, n, cooldown, NULL) == 0 && persist_init(&q, k, n, cooldown, NULL) == 0, "%zu of %zu", k, n);
    for (size_t i = 0; i < ROWS; i++) {
        double u;
        rng_uniform(&u, 1, 7, RNG_SPLIT, k * 100 + n, i);
        anomaly[i] = u < (i / 25 % 2 ? 0.6 : 0.1);
        json_t *kept = persist_save(&p); /* every record may be the first of a run */
        CHECK(kept && persist_load(&q, kept, NULL) == 0, "record %zu", i);
        json_decref(kept);
        alarm[i] = persist_add(&p, anomaly[i]);
        CHECK(alarm[i] == by_words(anomaly, alarm, i, k, n, cooldown), "record %zu, %zu of %zu, %zu quiet", i, k, n, cooldown);
        CHECK(alarm[i] == persist_add(&q, anomaly[i]), "record %zu of a run taken up, %zu of %zu", i, k, n);
    }
    persist_free(&p), persist_free(&q);
}

static void other_settings(void) {
    struct persist p, q;
    struct vae_err err;
    CHECK(persist_init(&p, 1, 5, 9, NULL) == 0 && persist_init(&q, 2, 3, 4, NULL) == 0, "no memory");
    persist_add(&p, true), persist_add(&p, false), persist_add(&p, true);
    json_t *kept = persist_save(&p);
    CHECK(persist_load(&q, kept, NULL) == 0, "not taken up");
    CHECK(q.count == 2 && q.quiet == 4, "%zu anomalies, %zu quiet", q.count, q.quiet); /* the last 3 are kept, and the shorter rest */
    json_decref(kept);
    static const char *const bad[] = {"{}", "[]", "{\"flags\":\"012\",\"quiet\":0}", "{\"flags\":\"01\",\"quiet\":-1}",
                                      "{\"flags\":\"01\",\"quiet\":\"3\"}", "{\"flags\":1,\"quiet\":3}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *j = json_loads(bad[i], 0, NULL);
        CHECK(persist_load(&q, j, &err) == VAE_EDATA, "%s", bad[i]);
        CHECK(q.count == 2, "%s changed it", bad[i]); /* as it was */
        json_decref(j);
    }
    persist_free(&p), persist_free(&q);
    CHECK(persist_init(&p, 3, 2, 0, &err) == VAE_EUSAGE, "3 of 2");
    CHECK(persist_init(&p, 1, PERSIST_MAX + 1, 0, &err) == VAE_EUSAGE, "a very long memory");
}

int main(void) {
    static const size_t of[][3] = {{0, 0, 0}, {1, 1, 5}, {2, 3, 0}, {3, 5, 10}, {5, 5, 1}, {4, 50, 20}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        alarms(of[i][0] ? of[i][0] : 1, of[i][1] ? of[i][1] : 1, of[i][2]);
    other_settings();
    return test_done();
}
