/* table.c - the likelihoods. */
#include <string.h>

#include "lik/lik.h"

const struct lik *const lik_table[] = {&lik_gaussian,   &lik_laplace,   &lik_student,     &lik_bernoulli,
                                     &lik_cbernoulli, &lik_dlogistic, &lik_negbinomial, &lik_categorical,
                                     &lik_binned,     &lik_ordinal,   NULL};

/* How many where `number` may be one of LIK_EACH_*. */
static size_t each(int number, const struct cells *cells) {
    if (number == LIK_EACH_LEVEL)
        return cells->nlevels;
    if (number == LIK_LEVEL_AND_BELL)
        return cells->nlevels + 3;
    if (number == LIK_EACH_CUT)
        return cells->nlevels - 1;
    return (size_t)number;
}

size_t lik_outputs(const struct lik *l, const struct cells *cells) { return each(l->outputs, cells); }
size_t lik_params(const struct lik *l, const struct cells *cells) { return each(l->params, cells); }

struct lik_block lik_value(const struct lik_block *b, size_t j) {
    struct lik_block v = *b;
    size_t no = b->no / b->nx, nw = b->tied ? 0 : b->nw / b->nx;
    v.nx = 1, v.no = no;
    v.x0 += j, v.o0 += j * no, v.w0 += j * nw;
    v.nw = b->tied ? b->nw : nw;
    return v;
}

const struct lik *lik_by_name(const char *name) {
    for (size_t i = 0; lik_table[i]; i++)
        if (!strcmp(lik_table[i]->name, name))
            return lik_table[i];
    return NULL;
}
