/*
 * fuzz_unit.c - any bytes as a number with a unit.
 *
 * What must hold: the number within is a plain one, and with its unit around it again it is a text that is read as the
 * same number with the same unit.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "schema/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "fuzz_unit: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct unit u = {0};
    char plain[UNIT_TEXT], text[UNIT_TEXT], again[UNIT_TEXT], *copy = malloc(n + 1); /* its end is watched, too */
    double v;
    bool grouped;
    if (!copy)
        return 0;
    memcpy(copy, p, n);
    size_t len = unit_learn(&u, copy, n, plain);
    if (len) {
        must(!unit_empty(&u), "no unit");
        must(num_parse(plain, len, &v) == NUM_NUMBER, "no number");
        must(unit_strip(&u, copy, n, again, &grouped) == len && grouped == u.group, "not its own unit");
        size_t m = len < 64 ? unit_put(&u, plain, len, text) : 0;
        must(!m || (unit_strip(&u, text, m, again, &grouped) == len && !memcmp(again, plain, len)), "written it is another");
    }
    free(copy);
    return 0;
}
