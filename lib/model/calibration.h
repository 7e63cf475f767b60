/*
 * calibration.h - what a score means beside those of rows that the model was not fitted to: cal[n], ascending.
 */
#ifndef MODEL_CALIBRATION_H
#define MODEL_CALIBRATION_H

#include <stddef.h>

/* The conformal p-value (Vovk et al. 2005): (1 + #{cal >= s}) / (n + 1). A score that is no number is above all. */
double conformal_p(const float *cal, size_t n, float s);
/* The score at which p falls to alpha or below; +infinity where n is too small for that: then *smallest is the least alpha
 * that n scores can reach, 1/(n + 1). */
double conformal_threshold(const float *cal, size_t n, double alpha, double *smallest);

#endif
