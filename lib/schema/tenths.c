/* tenths.c - see tenths.h. */
#include "schema/tenths.h"

#include <math.h>

#include "base/err.h"

static void add_edge(struct tenths *t, double at) {
    if (!t->n || at > t->edge[t->n - 1])
        t->edge[t->n++] = at;
}

size_t tenths_part(const struct tenths *t, double v) {
    size_t i = 0;
    while (i < t->n && t->edge[i] < v)
        i++;
    return i;
}

void tenths_learn(struct tenths *t, const double *v, size_t n) {
    *t = (struct tenths){0};
    double decile[11];
    for (size_t k = 0; k <= 10 && n; k++)
        decile[k] = v[k * (n - 1) / 10];
    for (size_t k = 1; k <= 9 && n; k++) {
        bool spike = !(decile[k - 1] < decile[k]) || !(decile[k] < decile[k + 1]);
        if (spike)
            add_edge(t, nextafter(decile[k], -INFINITY));
        add_edge(t, decile[k]);
    }
    for (size_t i = 0; i < n && t->n; i++)
        t->share[tenths_part(t, v[i])] += 1 / (double)n;
}

json_t *tenths_to_json(const struct tenths *t) {
    json_t *edges = json_array(), *shares = json_array();
    for (size_t i = 0; i < t->n; i++)
        json_array_append_new(edges, json_real(t->edge[i]));
    for (size_t i = 0; i < t->n + 1; i++)
        json_array_append_new(shares, json_real(t->share[i]));
    return json_pack("{s:o, s:o}", "edges", edges, "shares", shares);
}

int tenths_from_json(const json_t *j, struct tenths *t, struct vae_err *err) {
    const json_t *edges = json_object_get(j, "edges"), *shares = json_object_get(j, "shares");
    size_t n = json_array_size(edges);
    bool ok = n > 0 && n <= TENTHS_EDGES && json_array_size(shares) == n + 1;
    double sum = 0;
    *t = (struct tenths){.n = ok ? n : 0};
    for (size_t i = 0; i < n && ok; i++) {
        const json_t *edge = json_array_get(edges, i);
        t->edge[i] = json_number_value(edge);
        ok = json_is_number(edge) && isfinite(t->edge[i]) && (i == 0 || t->edge[i] > t->edge[i - 1]);
    }
    for (size_t i = 0; i <= n && ok; i++) {
        const json_t *share = json_array_get(shares, i);
        t->share[i] = json_number_value(share);
        ok = json_is_number(share) && t->share[i] >= 0 && t->share[i] <= 1 + 1e-9;
        sum += t->share[i];
    }
    return ok && fabs(sum - 1) < 1e-6 ? 0 : err_set(err, VAE_EDATA, "schema: the tenths of a column make no sense");
}
