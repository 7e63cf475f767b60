/*
 * vmath_lanes.h - the loops of vmath.c for one vector width; included once for each, with these
 * defined:
 *
 *   LANES, V         floats in a vector, and its type
 *   NAME(f)          f's name for this width
 *   FORM             the declaration of the struct form to fill
 *   LOAD, STORE, SET1, ABSNEG (-|v|), CLAMP0 (v > 0 ? v : 0), PICK(v, a, b) (v >= 0 ? a : b)
 *   EXP, LOG, LOG1P, TANH, SINCOSPI: names of SLEEF's functions, declared here because <sleef.h> declares most of
 *                    them only to a file that is compiled for their instruction set, and knows no vectors of 1
 *
 * No guard: this is a template. A tail is computed in a whole vector of which only part is kept.
 */
struct NAME(pair) {
    V x, y;
};
V EXP(V);
V LOG(V);
V LOG1P(V);
V TANH(V);
struct NAME(pair) SINCOSPI(V);

static inline V NAME(sigmoid_v)(V v) {
    V e = EXP(ABSNEG(v));
    return PICK(v, SET1(1), e) / (SET1(1) + e);
}

static inline V NAME(softplus_v)(V v) {
    return CLAMP0(v) + LOG1P(EXP(ABSNEG(v)));
}

#define MAP(f, expr)                                                                                                   \
    static void NAME(f)(float *y, const float *x, size_t n) {                                                          \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= n; i += LANES) {                                                                           \
            V v = LOAD(x + i);                                                                                         \
            STORE(y + i, expr);                                                                                        \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            float t[LANES] = {0};                                                                                      \
            memcpy(t, x + i, (n - i) * sizeof *t);                                                                     \
            V v = LOAD(t);                                                                                             \
            STORE(t, expr);                                                                                            \
            memcpy(y + i, t, (n - i) * sizeof *t);                                                                     \
        }                                                                                                              \
    }

MAP(exp, EXP(v))
MAP(log, LOG(v))
MAP(tanh, TANH(v))
MAP(sigmoid, NAME(sigmoid_v)(v))
MAP(softplus, NAME(softplus_v)(v))

static void NAME(sincospi)(float *s, float *c, const float *x, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        struct NAME(pair) p = SINCOSPI(LOAD(x + i));
        STORE(s + i, p.x);
        STORE(c + i, p.y);
    }
    if (i < n) {
        float t[LANES] = {0}, u[LANES];
        memcpy(t, x + i, (n - i) * sizeof *t);
        struct NAME(pair) p = SINCOSPI(LOAD(t));
        STORE(t, p.x);
        STORE(u, p.y);
        memcpy(s + i, t, (n - i) * sizeof *t);
        memcpy(c + i, u, (n - i) * sizeof *u);
    }
}

FORM = {NAME(exp), NAME(log), NAME(tanh), NAME(sigmoid), NAME(softplus), NAME(sincospi)};

#undef MAP
#undef LANES
#undef V
#undef NAME
#undef FORM
#undef LOAD
#undef STORE
#undef SET1
#undef ABSNEG
#undef CLAMP0
#undef PICK
#undef EXP
#undef LOG
#undef LOG1P
#undef TANH
#undef SINCOSPI
