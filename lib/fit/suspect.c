/* suspect.c - a column that looks like the labels, left among what a detector learns: scores would tell what they were told. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fit/fit.h"

static bool named_so(const char *name) {
    static const char *const names[] = {"label", "labels", "class", "target", "y", "outcome", "anomaly", "is_anomaly", "anomalous",
                                        "outlier", "is_outlier", "fraud", "is_fraud", "attack", "is_attack", "ground_truth"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return false;
}

/* At most two different values in column j of raw. */
static bool two_valued(const struct fit_rows *r, size_t j) {
    double seen[2];
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        double v = r->raw[i * r->schema->d + j];
        if (isnan(v) || (n > 0 && v == seen[0]) || (n > 1 && v == seen[1]))
            continue;
        if (n == 2)
            return false;
        seen[n++] = v;
    }
    return true;
}

void fit_suspect(const struct fit_rows *r, char *name, size_t size) {
    *name = 0;
    for (size_t c = 0; c < r->schema->ncols; c++) {
        const struct schema_col *col = &r->schema->col[c];
        if (col->width == 1 && !col->condition && named_so(col->name) && two_valued(r, col->v0)) {
            snprintf(name, size, "%s", col->name); /* a name of the list: it needs no quotes */
            return;
        }
    }
}
