/* Writing .npz files for tests. */
#ifndef GAL_TEST_NPZ_H
#define GAL_TEST_NPZ_H

#include <stddef.h>

typedef struct test_array {
    const char *name, *descr, *shape; /* "probs", "<f4", "(2, 3)" */
    const void *data;
    size_t size;
} test_array;

/* A zip of stored .npy files (APPNOTE 4.3) in malloc'ed memory. */
unsigned char *test_npz(const test_array *arrays, size_t n, size_t *size);

#endif
