/* The thread pool, sized from affinity and the cgroup quota; idle workers sleep. */
#ifndef GAL_BASE_POOL_H
#define GAL_BASE_POOL_H

#include <galen/status.h>
#include <stddef.h>

typedef struct gal_pool gal_pool;

/* Cores this process may use: min(affinity mask, ceil(cgroup v1/v2 CPU quota)), at least 1. */
int gal_pool_available_threads(void);

/* threads 0 means gal_pool_available_threads(). A pool of 1 runs everything on the calling thread. */
galen_status gal_pool_create(int threads, gal_pool **out, galen_error *err);
void gal_pool_destroy(gal_pool *pool);
int gal_pool_threads(const gal_pool *pool); /* 1 for NULL */

typedef void (*gal_task_fn)(void *context, size_t index);

/* for (i = 0; i < count; i++) fn(context, i), in any order and on any thread; returns when all are done. NULL pool:
 * serial. */
void gal_pool_run(gal_pool *pool, gal_task_fn fn, void *context, size_t count);

/* Who runs this: 0 for the thread that called gal_pool_run, 1 to gal_pool_threads() - 1 for the pool's own threads.
 * Within one job no two tasks run under the same number at a time. */
int gal_pool_self(void);

#endif
