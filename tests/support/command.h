/* Runs the real command as a user would, and keeps what it said. */
#ifndef GAL_TEST_COMMAND_H
#define GAL_TEST_COMMAND_H

#include <stddef.h>

typedef struct test_output {
    int exit;        /* exit code; 128 + n when signal n ended it */
    char *out, *err; /* NUL-terminated */
    size_t out_size, err_size;
} test_output;

typedef struct test_run_options {
    const char *environment;   /* one more "NAME=value", or NULL */
    unsigned long long memory; /* RLIMIT_AS in bytes; 0: none */
    unsigned long long file;   /* RLIMIT_FSIZE in bytes; 0: none */
    int as_nobody;             /* drop to an ordinary user first (only when the test runs as root) */
    const char *out_path;      /* send stdout there instead; NULL: kept */
} test_run_options;

/* Path of build/galen, beside the running test program's build folder. */
const char *test_galen(void);
/* Runs galen with arguments (NULL-terminated, without "galen"). options may be NULL. Ends the test on failure to start.
 */
void test_run(const char *const *argument, const test_run_options *options, test_output *output);
/* The same from one line split at blanks; `{file}` in it becomes `file`, `{dir}` the folder `dir`. */
void test_run_line(const char *line, const char *file, const char *dir, const test_run_options *options,
                   test_output *output);
void test_output_free(test_output *output);

#endif
