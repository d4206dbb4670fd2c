/* pthreadpool behind our own handle. */
#include "base/pool.h"

#include "base/cgroup.h"
#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <pthreadpool.h>
#include <sched.h>

enum { MAX_THREADS = 1024 };

struct gal_pool {
    pthreadpool_t workers; /* NULL: one thread */
    int threads;
};

int gal_pool_available_threads(void) {
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    double quota = gal_cgroup_cpus();
    if (quota > 0 && ceil(quota) < cores) cores = (int)ceil(quota);
    return cores < 1 ? 1 : cores;
}

galen_status gal_pool_create(int threads, gal_pool **out, galen_error *err) {
    *out = NULL;
    if (threads < 0 || threads > MAX_THREADS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d threads; ask for 0 (all available) to %d", threads, MAX_THREADS);
    if (threads == 0) threads = gal_pool_available_threads();
    gal_pool *pool = gal_calloc(1, sizeof *pool);
    if (!pool) return gal_fail_memory(err, "thread pool", sizeof *pool);
    pool->threads = threads;
    if (threads > 1 && !(pool->workers = pthreadpool_create((size_t)threads))) {
        gal_free(pool);
        return gal_fail(err, GALEN_ERR_MEMORY, "cannot start %d threads; ask for fewer", threads);
    }
    *out = pool;
    return GALEN_OK;
}

void gal_pool_destroy(gal_pool *pool) {
    if (!pool) return;
    if (pool->workers) pthreadpool_destroy(pool->workers);
    gal_free(pool);
}

int gal_pool_threads(const gal_pool *pool) {
    return pool ? pool->threads : 1;
}

void gal_pool_run(gal_pool *pool, gal_task_fn fn, void *context, size_t count) {
    if (!pool || !pool->workers || count < 2) {
        for (size_t i = 0; i < count; i++) fn(context, i);
        return;
    }
    pthreadpool_parallelize_1d(pool->workers, fn, context, count, 0);
}
