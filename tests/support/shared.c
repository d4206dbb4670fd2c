/* Shared data, temporary folders and allocation failure for tests. */
#include "support/shared.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *test_shared(const char *relative) {
    static char path[4][PATH_MAX];
    static int turn;
    const char *root = getenv("GALEN_SHARED");
    char *out = path[turn++ & 3];
    snprintf(out, sizeof path[0], "%s/%s", root && *root ? root : "../shared/data", relative);
    struct stat st;
    if (stat(out, &st) != 0) {
        fprintf(stderr, "SKIPPED: %s is not there (set GALEN_SHARED to the folder of shared data)\n", out);
        skip();
    }
    return out;
}

static char tmp_folder[PATH_MAX];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_tmp(void) {
    nftw(tmp_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_tmp(void) {
    if (!tmp_folder[0]) {
        const char *root = getenv("TMPDIR");
        snprintf(tmp_folder, sizeof tmp_folder, "%s/galen-test-XXXXXX", root && *root ? root : "/tmp");
        if (!mkdtemp(tmp_folder)) fail_msg("cannot make a temporary folder: %s", strerror(errno));
        atexit(remove_tmp);
    }
    return tmp_folder;
}

unsigned char *test_read(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s: %s", path, strerror(errno));
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    unsigned char *bytes = malloc((size_t)n + 1);
    if (!bytes || fread(bytes, 1, (size_t)n, f) != (size_t)n) fail_msg("%s: cannot read", path);
    fclose(f);
    *size = (size_t)n;
    return bytes;
}

/* The linker sends every allocation of code linked into the test program here (--wrap); shared libraries keep their
 * own. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
int __real_posix_memalign(void **p, size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);

static atomic_long allocations, fail_at;
static atomic_int fail_on;

void test_fail_allocation(long n, int forever) {
    atomic_store(&allocations, 0);
    atomic_store(&fail_on, forever);
    atomic_store(&fail_at, n);
}

long test_allocations(void) {
    return atomic_load(&allocations);
}

void test_count_reset(void) {
    atomic_store(&allocations, 0);
}

static int must_fail(void) {
    long i = atomic_fetch_add(&allocations, 1) + 1, at = atomic_load(&fail_at);
    return at > 0 && (i == at || (i > at && atomic_load(&fail_on)));
}

void *__wrap_malloc(size_t n) {
    return must_fail() ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t count, size_t n) {
    return must_fail() ? NULL : __real_calloc(count, n);
}
void *__wrap_realloc(void *p, size_t n) {
    return must_fail() ? NULL : __real_realloc(p, n);
}
int __wrap_posix_memalign(void **p, size_t align, size_t n) {
    return must_fail() ? ENOMEM : __real_posix_memalign(p, align, n);
}
