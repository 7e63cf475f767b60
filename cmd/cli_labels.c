/* cli_labels.c - how well scores tell labels, as a table of two columns (vae-score --label). */
#include "cli.h"

#include <math.h>
#include <string.h>

struct table {
    char text[2048];
    size_t n;
};

static void put(struct table *t, const char *metric, double value) {
    int n = isfinite(value) ? snprintf(t->text + t->n, sizeof t->text - t->n, "%s,%.9g\n", metric, value)
                            : snprintf(t->text + t->n, sizeof t->text - t->n, "%s,\n", metric);
    t->n += (size_t)n;
}

/* A text as a cell. */
static void put_text(struct table *t, const char *metric, const char *value) {
    bool quote = strpbrk(value, ",\"\r\n") != NULL;
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s,%s", metric, quote ? "\"" : "");
    for (; *value; value++) {
        t->text[t->n++] = *value;
        if (*value == '"')
            t->text[t->n++] = '"';
    }
    t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%s\n", quote ? "\"" : "");
}

static double ratio(uint64_t a, uint64_t b) { return b ? (double)a / (double)b : (double)NAN; }

void cli_labels_print(struct cli_run *r, struct vae_labels *labels, const struct vae_labels_opts *o, double threshold) {
    struct vae_labels_report rep;
    struct table t = {.n = 0};
    if (vae_labels_report(labels, &rep, &r->err))
        return;
    if (rep.modelled)
        cli_warn("the model was fitted with the labels among its features: what it scores, it has seen (vae-fit -k %s)",
                 o->column);
    if (rep.guessed)
        cli_note("the odd ones are taken to be those with '%s', which are fewer (--positive says otherwise)",
                 rep.positive);
    t.n = (size_t)snprintf(t.text, sizeof t.text, "metric,value\n");
    put_text(&t, "positive", rep.positive);
    put(&t, "rows", (double)rep.rows);
    put(&t, "unlabelled", (double)rep.unlabelled);
    put(&t, "prevalence", ratio(rep.odd, rep.rows));
    put(&t, "auroc", rep.auroc);
    put(&t, "average_precision", rep.average_precision);
    put(&t, "threshold", threshold);
    put(&t, "flagged", (double)rep.flagged);
    put(&t, "precision", ratio(rep.found, rep.flagged));
    put(&t, "recall", ratio(rep.found, rep.odd));
    put(&t, "f1", ratio(2 * rep.found, rep.flagged + rep.odd));
    if (o->missed > 0) {
        put(&t, "cost_threshold", rep.threshold);
        put(&t, "cost_alpha", rep.alpha * 1.00001); /* rounded up, for --alpha */
        put(&t, "cost_flagged", (double)rep.cost_flagged);
        put(&t, "cost_precision", ratio(rep.cost_found, rep.cost_flagged));
        put(&t, "cost_recall", ratio(rep.cost_found, rep.odd));
        put(&t, "cost", rep.cost);
    }
    cli_write(cli.output, t.text, &r->err);
}
