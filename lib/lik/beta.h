/* beta.h - the regularised incomplete beta function, for the tails of Student's t and of counts. */
#ifndef LIK_BETA_H
#define LIK_BETA_H

/* log I_x(a,b), a and b > 0, y = 1 - x (which may be too small for 1 - x to tell): exact, however small it is. */
double beta_log(double a, double b, double x, double y);

#endif
