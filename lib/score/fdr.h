/* fdr.h - false discoveries: which of many p-values are too small to be chance. */
#ifndef SCORE_FDR_H
#define SCORE_FDR_H

#include <stddef.h>

/* The largest of p[n], ascending, that the procedure of Benjamini & Hochberg rejects at level q, with all below; -1: none. */
double fdr_cut(const double *p, size_t n, double q);

#endif
