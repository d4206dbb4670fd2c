/* Arena, buffer and checked allocation: alignment, limits, exhaustion. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "support/shared.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void arena_aligns_and_zeroes(void **state) {
    (void)state;
    gal_arena a;
    gal_arena_init(&a, 1 << 20);
    for (size_t n = 1; n < 300; n += 7) {
        unsigned char *p = gal_arena_alloc(&a, n, 1), *q = gal_arena_alloc_aligned(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_int_equal((uintptr_t)q % 64, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i] | q[i], 0);
        memset(p, 0xff, n);
        memset(q, 0xff, n + GAL_TAIL_PAD);
    }
    assert_string_equal(gal_arena_printf(&a, "%s-%d", "node", 7), "node-7");
    assert_string_equal(gal_arena_text(&a, "abcdef", 3), "abc");
    gal_arena_free(&a);
}

static void arena_keeps_its_limit(void **state) {
    (void)state;
    gal_arena a;
    gal_arena_init(&a, 10000);
    assert_null(gal_arena_alloc(&a, 10001, 1));
    assert_null(gal_arena_alloc(&a, SIZE_MAX, 2));
    size_t got = 0;
    while (gal_arena_alloc(&a, 100, 1)) got += 100;
    assert_in_range(got, 5000, 10000);
    gal_arena_free(&a);
    assert_non_null(gal_arena_alloc(&a, 9000, 1));
    gal_arena_free(&a);
}

static void arena_survives_no_memory(void **state) {
    (void)state;
    gal_arena a;
    gal_arena_init(&a, 1 << 20);
    assert_non_null(gal_arena_alloc(&a, 10, 1));
    test_fail_allocation(1, 1);
    assert_null(gal_arena_alloc(&a, 1 << 16, 1));
    assert_null(gal_arena_printf(&a, "%060000d", 1));
    test_fail_allocation(0, 0);
    assert_non_null(gal_arena_alloc(&a, 1 << 16, 1));
    gal_arena_free(&a);
}

static void buffer_grows_to_its_maximum(void **state) {
    (void)state;
    gal_buf b;
    gal_buf_init(&b, 1000);
    for (int i = 0; i < 100; i++) gal_buf_printf(&b, "%09d\n", i);
    assert_false(b.failed);
    assert_int_equal(b.size, 1000);
    assert_memory_equal(b.data + 990, "000000099\n", 11);
    gal_buf_text(&b, "x");
    assert_true(b.failed);
    assert_int_equal(b.size, 1000);
    gal_buf_free(&b);

    gal_buf_init(&b, 100);
    unsigned char *p = gal_buf_extend(&b, 40);
    assert_non_null(p);
    assert_int_equal(p[39], 0);
    gal_buf_free(&b);

    gal_buf_init(&b, 100);
    test_fail_allocation(1, 0);
    gal_buf_text(&b, "x");
    test_fail_allocation(0, 0);
    gal_buf_text(&b, "y");
    assert_true(b.failed);
    assert_null(b.data);
    gal_buf_free(&b);
}

static void sizes_are_checked(void **state) {
    (void)state;
    size_t n;
    assert_true(gal_size_mul(1 << 20, 1 << 20, &n));
    assert_int_equal(n, (size_t)1 << 40);
    assert_false(gal_size_mul(SIZE_MAX, 2, &n));
    assert_false(gal_size_add(SIZE_MAX, 1, &n));
    assert_null(gal_realloc(NULL, SIZE_MAX, 2));
    assert_null(gal_alloc_aligned(SIZE_MAX - 8));
    unsigned char *p = gal_alloc_aligned(100);
    assert_int_equal((uintptr_t)p % 64, 0);
    memset(p, 1, 100 + GAL_TAIL_PAD);
    gal_free(p);
    static const size_t sizes[] = {1, 100, (2 << 20) - GAL_TAIL_PAD, 2 << 20, (5 << 20) + 7};
    assert_null(gal_alloc_huge(SIZE_MAX - 8));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        p = gal_alloc_huge(sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (sizes[i] + GAL_TAIL_PAD < (2 << 20) ? 64 : 2 << 20), 0);
        memset(p, 1, sizes[i] + GAL_TAIL_PAD);
        gal_free(p);
    }
}

static void large_memory_is_zeroed(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 5000, (2 << 20) - GAL_TAIL_PAD, 2 << 20, (7 << 20) + 13};
    assert_null(gal_alloc_zeroed(SIZE_MAX - 8));
    assert_null(gal_alloc_zeroed((size_t)1 << 62));
    gal_free_zeroed(NULL, 5 << 20);
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t n = sizes[i] + GAL_TAIL_PAD;
            unsigned char *p = gal_alloc_zeroed(sizes[i]), any = 0;
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % (n < (2 << 20) ? 64 : 2 << 20), 0);
            for (size_t k = 0; k < n; k++) any |= p[k];
            assert_int_equal(any, 0);
            memset(p, 0xff, n);
            gal_free_zeroed(p, sizes[i]);
        }
    }
}

/* A large request has a block of its own and leaves the one in use open. */
static void arena_keeps_large_blocks_apart(void **state) {
    (void)state;
    gal_arena a;
    enum { LARGE = 3 << 20 };
    gal_arena_init(&a, 8 << 20);
    unsigned char *first = gal_arena_alloc_aligned(&a, LARGE), *small = gal_arena_alloc(&a, 100, 1);
    unsigned char *large = gal_arena_alloc_aligned(&a, LARGE), *next = gal_arena_alloc(&a, 100, 1);
    assert_non_null(first);
    assert_non_null(large);
    assert_int_equal((uintptr_t)large % 64, 0);
    assert_ptr_equal(next, small + 112);
    assert_null(gal_arena_alloc_aligned(&a, LARGE));
    assert_true(gal_arena_holds(&a, large, LARGE));
    assert_true(gal_arena_holds(&a, small + 50, 50));
    assert_false(gal_arena_holds(&a, large, 2 * LARGE));
    assert_false(gal_arena_holds(&a, &a, 1));
    memset(large, 1, LARGE);
    memset(first, 1, LARGE);
    gal_arena_discard(&a, large, LARGE);
    assert_int_equal(large[LARGE / 2], 0);
    assert_int_equal(first[LARGE / 2], 1);
    gal_arena_free(&a);
}

static void files_are_hashed_meanwhile(void **state) {
    (void)state;
    char path[] = "/tmp/galen-hash-XXXXXX", hex[GAL_SHA256_HEX];
    static const size_t sizes[] = {1, 1 << 20, (5 << 20) + 77};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        gal_file file;
        gal_sha256_job *job;
        unsigned char *bytes = malloc(sizes[i]);
        for (size_t k = 0; k < sizes[i]; k++) bytes[k] = (unsigned char)(k * 31 >> 3);
        assert_int_equal(pwrite(fd, bytes, sizes[i], 0), sizes[i]);
        assert_int_equal(gal_sha256_hex(bytes, sizes[i], hex, NULL), GALEN_OK);
        assert_int_equal(gal_file_map(path, SIZE_MAX, &file, NULL), GALEN_OK);
        assert_int_equal(gal_sha256_start(&file, true, &job, NULL), GALEN_OK);
        gal_sha256_end(job); /* before it is done, perhaps */
        assert_int_equal(gal_sha256_start(&file, true, &job, NULL), GALEN_OK);
        assert_memory_equal(file.data, bytes, sizes[i]);
        assert_string_equal(gal_sha256_wait(job), hex);
        assert_string_equal(gal_sha256_wait(job), hex);
        gal_sha256_end(job);
        assert_int_equal(gal_sha256_start(&(gal_file){bytes, sizes[i]}, false, &job, NULL), GALEN_OK);
        assert_string_equal(gal_sha256_wait(job), hex);
        assert_memory_equal(file.data, bytes, sizes[i]);
        gal_sha256_end(job);
        gal_file_unmap(&file);
        free(bytes);
    }
    close(fd);
    unlink(path);
}

static void errors_are_one_line(void **state) {
    (void)state;
    galen_error err = {0};
    assert_int_equal(gal_fail(&err, GALEN_ERR_FORMAT, "bad %s\nname", "file"), GALEN_ERR_FORMAT);
    assert_string_equal(err.message, "bad file?name");
    assert_int_equal(gal_fail_in(&err, err.status, "a.png"), GALEN_ERR_FORMAT);
    assert_string_equal(err.message, "a.png: bad file?name");
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    gal_fail(&err, GALEN_ERR_IO, "%s", big);
    assert_int_equal(strlen(err.message), GALEN_ERROR_MAX - 1);
    gal_fail_in(&err, GALEN_ERR_IO, big);
    assert_true(strlen(err.message) < GALEN_ERROR_MAX);
    assert_int_equal(gal_fail(NULL, GALEN_ERR_MEMORY, "nobody listens"), GALEN_ERR_MEMORY);
    for (int s = GALEN_OK; s <= GALEN_ERR_SPACE; s++)
        assert_string_not_equal(galen_status_name((galen_status)s), "unknown status");
    assert_string_equal(galen_status_name((galen_status)99), "unknown status");
}

static long allocations_left;

static void *scarce_malloc(size_t size, const char *file, int line) {
    (void)file, (void)line;
    return allocations_left-- == 0 ? NULL : malloc(size);
}

static void *scarce_realloc(void *old, size_t size, const char *file, int line) {
    (void)file, (void)line;
    return allocations_left-- == 0 ? NULL : realloc(old, size);
}

static void plain_free(void *memory, const char *file, int line) {
    (void)file, (void)line;
    free(memory);
}

/* In a process that has not used libcrypto yet: 0 hashed, 1 out of memory, 2 anything else. */
static int hash_with(long allocations, bool as_job) {
    char hex[GAL_SHA256_HEX];
    gal_sha256_job *job = NULL;
    galen_error err = {0};
    allocations_left = allocations;
    if (CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, plain_free) != 1) return 2;
    const gal_file file = {(const uint8_t *)"abc", 3};
    galen_status status = as_job ? gal_sha256_start(&file, false, &job, &err) : gal_sha256_hex("abc", 3, hex, &err);
    gal_sha256_end(job);
    return status == GALEN_OK ? 0 : status == GALEN_ERR_MEMORY ? 1 : 2;
}

static void sha256_survives_no_memory(void **state) {
    int status = 0, refused = 0;
    (void)state;
    for (long n = 0; n < 800; n++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) _exit(hash_with(n / 2, n % 2 == 1));
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("allocation %ld: status %x", n / 2, (unsigned)status);
        refused += WEXITSTATUS(status);
    }
    assert_true(refused > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_aligns_and_zeroes),
        cmocka_unit_test(arena_keeps_its_limit),
        cmocka_unit_test(arena_survives_no_memory),
        cmocka_unit_test(buffer_grows_to_its_maximum),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(large_memory_is_zeroed),
        cmocka_unit_test(arena_keeps_large_blocks_apart),
        cmocka_unit_test(errors_are_one_line),
        cmocka_unit_test(sha256_survives_no_memory), /* before anything here uses libcrypto */
        cmocka_unit_test(files_are_hashed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
