/* Test data: the shared folder of real files, and small helpers every test uses. */
#ifndef GAL_TEST_SHARED_H
#define GAL_TEST_SHARED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <galen/status.h>

/*
 * The path of a file or folder in the shared data ("golden/zoo.json"), or skips the calling test, loudly, when it is
 * not there. The folder is $GALEN_SHARED, else ../shared/data seen from the project's root. Static buffer, valid for
 * four calls.
 */
const char *test_shared(const char *relative);

/* A fresh temporary folder for this process, removed at exit. */
const char *test_tmp(void);

/* Fails the calling test with the error's message unless status is GALEN_OK. */
#define assert_ok(call, error)                                                                                         \
    do {                                                                                                               \
        if ((call) != GALEN_OK) fail_msg("%s: %s", galen_status_name((error).status), (error).message);                \
    } while (0)

/* Allocation failure: the n-th allocation from now on (1 = the next) returns NULL, and all later ones too if `forever`.
 * 0 turns it off. */
void test_fail_allocation(long n, int forever);
/* Allocations by the library since the last call of test_fail_allocation or test_count_reset. */
long test_allocations(void);
void test_count_reset(void);

/* Reads a whole file into malloc'ed memory (fails the test when it cannot). */
unsigned char *test_read(const char *path, size_t *size);

#endif
