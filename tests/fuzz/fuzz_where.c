/*
 * fuzz_where.c - any bytes as the conditions of vae-gen --where, on a model with a column of every kind.
 *
 * What must hold: conditions are refused with a reason, or leave something to draw; and the same text twice, or with the
 * same conditions repeated behind a comma, allows the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen/gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "fuzz_where: %s\n", what);
        abort();
    }
}

/* Fitted by one step: what the columns are is all that matters. */
static struct vae_model *make_model(void) {
    char path[] = "/tmp/fuzz_where.XXXXXX", *paths[] = {path};
    struct vae_fit_opts opts;
    struct vae_fit_report report;
    struct vae_err err = {0};
    const struct vae_in_opts in_opts = {.header = 1};
    FILE *f = fdopen(mkstemp(path), "w");
    must(f != NULL, "no temporary file");
    fputs("a,x,\"c, d\",o,n,t,s,e,z\n", f);
    for (int i = 0; i < 200; i++)
        fprintf(f, "%d,%.2f,%s,%d,%d,20%02d-0%d-11,2024-02-%02dT12:34:%02d,%d,%s\n", i * 7 % 60 + 20, i * i % 97 / 7.0,
                i % 5 ? i % 2 ? "\"b, \"\"c\"" : "a" : "", i * 3 % 4 + 1, i % 31 ? i % 4 : i % 97, i % 20, i % 9 + 1, i % 28 + 1, i % 60,
                1600000000 + i * 86411, i % 3 ? "?" : i % 2 ? "1.5" : "2.5");
    fclose(f);
    vae_fit_defaults(&opts);
    opts.steps = 1, opts.calibrate = false, opts.prior = "normal", opts.latent_dim = 2, opts.hidden[0] = 8, opts.nhidden = 1;
    opts.threads = 1;
    struct vae_in *in = vae_in_open(paths, 1, &in_opts, &err);
    struct vae_model *m = in ? vae_fit(in, &opts, &report, &err) : NULL;
    must(m != NULL, err.msg);
    vae_in_free(in), unlink(path);
    return m;
}

static void check_same(const struct vae_model *m, const struct gen_where *a, const struct gen_where *b) {
    for (size_t j = 0; j < a->d; j++) {
        const struct gen_condition *x = &a->value[j], *y = &b->value[j];
        must(x->on == y->on && x->low <= y->low && x->low >= y->low && x->high <= y->high && x->high >= y->high &&
                 !x->set == !y->set && (!x->set || !memcmp(x->set, y->set, m->schema->cells[j].n * sizeof *x->set)),
             "the same conditions allow something else");
    }
    must(a->nfirst == b->nfirst && !memcmp(a->order, b->order, a->ncols * sizeof *a->order), "another order");
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    static struct vae_model *m;
    struct vae_err err = {0};
    struct gen_where w, again;
    m = m ? m : make_model();
    char *text = malloc(n + 1), *twice = malloc(2 * n + 2);
    if (!text || !twice)
        abort();
    memcpy(text, p, n);
    text[n] = 0;
    sprintf(twice, "%s,%s", text, text);
    int r = gen_where_parse(&w, m, 1, &text, 1, &err);
    must(r ? r == err.code && r < 0 && *err.msg && !strchr(err.msg, '\n') : true, "refused without a reason");
    if (!r) {
        must(w.nfirst > 0 && w.nfirst <= w.ncols, "conditions on nothing");
        must(!gen_where_parse(&again, m, 1, &twice, 1, &err), "said twice it is refused");
        check_same(m, &w, &again);
        gen_where_free(&again);
        for (size_t j = 0; j < w.d; j++) {
            const struct cells *cells = &m->schema->cells[j];
            const struct cells_part part = {w.value[j].low, w.value[j].high, w.value[j].set};
            double left = cells->n ? 0 : w.value[j].low <= w.value[j].high;
            for (size_t i = 0; i < cells->n && w.value[j].on; i++)
                left += cells->weight[i] * cells_share(cells, i, &part);
            must(!w.value[j].on || left > 0, "nothing is left to draw");
        }
    }
    gen_where_free(&w);
    free(text), free(twice);
    return 0;
}
