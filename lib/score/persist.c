/* persist.c - see persist.h. */
#include "score/persist.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int persist_init(struct persist *p, size_t k, size_t n, size_t cooldown, struct vae_err *err) {
    k = k ? k : 1, n = n ? n : 1;
    if (k > n || n > PERSIST_MAX)
        return err_set(err, VAE_EUSAGE, "an alarm at %zu of %zu anomalies: 1 to N of at most %d records are possible", k, n,
                       (int)PERSIST_MAX);
    *p = (struct persist){.k = k, .n = n, .cooldown = cooldown, .flag = mem_array(n, 1)};
    return p->flag ? 0 : err_set(err, VAE_EOS, "out of memory");
}

void persist_free(struct persist *p) {
    free(p->flag);
    p->flag = NULL;
}

static void look_back(struct persist *p, bool anomaly) {
    p->count += anomaly;
    p->count -= p->flag[p->at];
    p->flag[p->at] = anomaly;
    p->at = p->at + 1 == p->n ? 0 : p->at + 1;
}

bool persist_add(struct persist *p, bool anomaly) {
    look_back(p, anomaly);
    bool alarm = anomaly && p->count >= p->k && p->quiet == 0;
    p->quiet = alarm ? p->cooldown : p->quiet ? p->quiet - 1 : 0;
    return alarm;
}

json_t *persist_save(const struct persist *p) {
    char *flags = mem_array(p->n + 1, 1);
    for (size_t i = 0; flags && i < p->n; i++)
        flags[i] = (char)('0' + p->flag[(p->at + i) % p->n]);
    json_t *j = flags ? json_pack("{s:s, s:I}", "flags", flags, "quiet", (json_int_t)p->quiet) : NULL;
    free(flags);
    return j;
}

int persist_load(struct persist *p, const json_t *j, struct vae_err *err) {
    const char *flags = json_string_value(json_object_get(j, "flags"));
    const json_t *quiet = json_object_get(j, "quiet");
    if (!flags || flags[strspn(flags, "01")] || strlen(flags) > PERSIST_MAX || !json_is_integer(quiet) ||
        json_integer_value(quiet) < 0)
        return err_set(err, VAE_EDATA, "what is kept of the last records makes no sense");
    memset(p->flag, 0, p->n);
    p->at = p->count = 0;
    for (; *flags; flags++)
        look_back(p, *flags == '1');
    size_t left = (size_t)json_integer_value(quiet);
    p->quiet = left < p->cooldown ? left : p->cooldown;
    return 0;
}
