/* Files, threads, control groups and plug-ins. */
#include "base/cgroup.h"
#include "base/file.h"
#include "base/plugin.h"
#include "base/pool.h"
#include "support/shared.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void files_are_written_whole_and_mapped(void **state) {
    (void)state;
    galen_error err = {0};
    gal_file file;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/a.bin", test_tmp());
    assert_ok(gal_file_write(path, "hello", 5, &err), err);
    assert_ok(gal_file_write(path, "world!", 6, &err), err);
    assert_ok(gal_file_map(path, 100, &file, &err), err);
    assert_int_equal(file.size, 6);
    assert_memory_equal(file.data, "world!", 6);
    gal_file_release_pages(&file);
    gal_file_release_range(&file, file.data, file.size);
    gal_file_release_range(&file, &file, sizeof file); /* not in it: nothing happens */
    assert_memory_equal(file.data, "world!", 6);
    gal_file_unmap(&file);
    assert_int_equal(gal_file_map(path, 5, &file, &err), GALEN_ERR_LIMIT);
    assert_ok(gal_file_write(path, NULL, 0, &err), err);
    assert_ok(gal_file_map(path, 5, &file, &err), err);
    assert_null(file.data);
    gal_file_unmap(&file);
}

static void file_errors_name_the_file(void **state) {
    (void)state;
    galen_error err = {0};
    gal_file file;
    assert_int_equal(gal_file_map("/nonexistent/x.png", 100, &file, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "/nonexistent/x.png"));
    assert_int_equal(gal_file_map(test_tmp(), 100, &file, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "is a directory"));
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/pipe", test_tmp());
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(gal_file_map(path, 100, &file, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(gal_file_write("/nonexistent/x", "a", 1, &err), GALEN_ERR_IO);
    char longest[3000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(gal_file_map(longest, 100, &file, &err), GALEN_ERR_IO);
    assert_non_null(strstr(err.message, "File name too long"));
}

static atomic_int seen[1000];

static void mark(void *context, size_t i) {
    (void)context;
    atomic_fetch_add(&seen[i], 1);
}

static void pool_does_each_task_once(void **state) {
    (void)state;
    galen_error err = {0};
    for (int threads = 0; threads <= 4; threads++) {
        gal_pool *pool;
        assert_ok(gal_pool_create(threads, &pool, &err), err);
        assert_int_equal(gal_pool_threads(pool), threads ? threads : gal_pool_available_threads());
        for (int round = 0; round < 50; round++) {
            memset(seen, 0, sizeof seen);
            gal_pool_run(pool, mark, NULL, 1000);
            for (int i = 0; i < 1000; i++) assert_int_equal(seen[i], 1);
        }
        gal_pool_destroy(pool);
    }
    gal_pool *pool;
    assert_int_equal(gal_pool_create(-1, &pool, &err), GALEN_ERR_ARGUMENT);
    test_fail_allocation(1, 0);
    assert_int_equal(gal_pool_create(1, &pool, &err), GALEN_ERR_MEMORY);
    test_fail_allocation(0, 0);
}

typedef struct job {
    gal_pool *pool;
    long sum;
} job;

static void add_index(void *context, size_t i) {
    atomic_fetch_add((atomic_long *)context, (long)i);
}

static void *call_often(void *argument) {
    job *j = argument;
    for (int round = 0; round < 2000; round++) {
        atomic_long sum = 0;
        gal_pool_run(j->pool, add_index, &sum, 37);
        j->sum += sum;
    }
    return NULL;
}

/* Several sessions share one pool; short jobs follow each other with and without time to fall asleep in between. */
static void callers_take_turns(void **state) {
    (void)state;
    galen_error err = {0};
    gal_pool *pool;
    assert_ok(gal_pool_create(3, &pool, &err), err);
    pthread_t thread[3];
    job j[3] = {{pool, 0}, {pool, 0}, {pool, 0}};
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&thread[i], NULL, call_often, &j[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 3; i++) assert_int_equal(j[i].sum, 2000 * 36 * 37 / 2);
    for (int round = 0; round < 50; round++) {
        usleep(200);
        atomic_long sum = 0;
        gal_pool_run(pool, add_index, &sum, 100);
        assert_int_equal(sum, 4950);
    }
    gal_pool_destroy(pool);
}

typedef struct crowd {
    atomic_int busy[3];
    atomic_int clashes, wrong;
} crowd;

static void claim_number(void *context, size_t i) {
    crowd *c = context;
    int self = gal_pool_self();
    (void)i;
    if (self < 0 || self > 2) {
        atomic_fetch_add(&c->wrong, 1);
        return;
    }
    if (atomic_exchange(&c->busy[self], 1)) atomic_fetch_add(&c->clashes, 1);
    gal_pool_run(NULL, mark, NULL, 0); /* a serial job inside does not change who we are */
    if (gal_pool_self() != self) atomic_fetch_add(&c->wrong, 1);
    atomic_store(&c->busy[self], 0);
}

/* Within a job each thread has a number of its own; the caller has 0. */
static void threads_have_numbers(void **state) {
    (void)state;
    galen_error err = {0};
    gal_pool *pool;
    crowd c = {0};
    assert_int_equal(gal_pool_self(), 0);
    assert_ok(gal_pool_create(3, &pool, &err), err);
    for (int round = 0; round < 200; round++) gal_pool_run(pool, claim_number, &c, 50);
    gal_pool_run(pool, claim_number, &c, 1);
    assert_int_equal(c.clashes + c.wrong, 0);
    gal_pool_destroy(pool);
}

/* A pool nobody uses takes no processor time. */
static void idle_workers_sleep(void **state) {
    (void)state;
    galen_error err = {0};
    gal_pool *pool;
    assert_ok(gal_pool_create(4, &pool, &err), err);
    struct timespec before, after;
    usleep(20000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    usleep(200000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    double burnt = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) * 1e-9;
    assert_true(burnt < 0.01);
    gal_pool_destroy(pool);
}

static void quotas_are_understood(void **state) {
    (void)state;
    char path[256];
    assert_true(gal_cgroup_parse_cpu_max("250000 100000\n") == 2.5);
    assert_true(gal_cgroup_parse_cpu_max("max 100000\n") == 0);
    assert_true(gal_cgroup_parse_cpu_max("") == 0);
    const char *hybrid = "12:cpu,cpuacct:/docker/abc\n3:memory:/m\n0::/unified/x\n";
    assert_true(gal_cgroup_parse_path(hybrid, "cpu", path, sizeof path));
    assert_string_equal(path, "/docker/abc");
    assert_true(gal_cgroup_parse_path(hybrid, "", path, sizeof path));
    assert_string_equal(path, "/unified/x");
    assert_false(gal_cgroup_parse_path(hybrid, "cpuset", path, sizeof path));
    assert_false(gal_cgroup_parse_path("garbage", "cpu", path, sizeof path));
    assert_true(gal_pool_available_threads() >= 1);
}

static void missing_plugins_say_so(void **state) {
    (void)state;
    galen_error err = {0};
    const void *symbol;
    assert_int_equal(gal_plugin_load("nothing", &symbol, &err), GALEN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "libgalen-nothing.so"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_whole_and_mapped),
        cmocka_unit_test(file_errors_name_the_file),
        cmocka_unit_test(pool_does_each_task_once),
        cmocka_unit_test(callers_take_turns),
        cmocka_unit_test(threads_have_numbers),
        cmocka_unit_test(idle_workers_sleep),
        cmocka_unit_test(quotas_are_understood),
        cmocka_unit_test(missing_plugins_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
