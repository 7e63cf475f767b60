/* test.h - the smallest test frame that reports: CHECK counts, test_done() prints "N passed, N failed". */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_passed, test_failed;

/* Counts a check; on failure prints where and, printf-like, what. */
#define CHECK(cond, ...)                                                     \
    do {                                                                     \
        if (cond)                                                            \
            test_passed++;                                                   \
        else {                                                               \
            test_failed++;                                                   \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);       \
            fprintf(stderr, __VA_ARGS__);                                    \
            fputc('\n', stderr);                                             \
        }                                                                    \
    } while (0)

/* The last line of a test program; its exit status. */
static inline int test_done(void) {
    printf("%d passed, %d failed\n", test_passed, test_failed);
    return test_failed != 0;
}

#endif
