/* The rows of optimizer.def: tasks of fixed size, each by the level's inner loop. */
#include "cpu/levels.h"
#include "cpu/optimizer.h"
#include "cpu/rows.h"
#include "graph/ops/optimizer.h"
#include "graph/ops/types.h"

#include <math.h>
#include <string.h>

enum { TASK = 16384 /* elements: what a task reads and writes stays in L2 */ };

typedef struct job {
    const gal_optimizer_f32 *level;
    const gal_call *call;
    gal_step_f32 step;
    size_t n;
    bool skip; /* everything stays as it was */
} job;

static gal_step_f32 read_step(const gal_node *node, const double *hyper, const double *control) {
    bool decay = gal_attr_int(node, "decay", 0) != 0, decoupled = gal_attr_int(node, "decoupled", 0) != 0;
    double rate = hyper[GAL_HYPER_RATE], wd = decay ? hyper[GAL_HYPER_DECAY] : 0;
    bool adam = strcmp(node->op->name, "Adam") == 0;
    return (gal_step_f32){.factor = (float)control[GAL_CONTROL_FACTOR],
                          .decay = decoupled ? 0 : (float)wd,
                          .shrink = decoupled ? (float)(1 - rate * wd) : 1,
                          .rate = (float)(adam ? rate / hyper[GAL_HYPER_BIAS1] : rate),
                          .beta1 = (float)hyper[GAL_HYPER_BETA1],
                          .beta2 = (float)hyper[GAL_HYPER_BETA2],
                          .rest1 = (float)(1 - hyper[GAL_HYPER_BETA1]),
                          .rest2 = (float)(1 - hyper[GAL_HYPER_BETA2]),
                          .root = (float)(1 / sqrt(hyper[GAL_HYPER_BIAS2])),
                          .epsilon = (float)hyper[GAL_HYPER_EPSILON],
                          .nesterov = gal_attr_int(node, "nesterov", 0) != 0};
}

static const float *in(const job *j, uint32_t k, size_t at) {
    return (const float *)j->call->in[k]->data + at;
}

static float *out(const job *j, uint32_t k, size_t at) {
    return (float *)j->call->out[k]->data + at;
}

static void keep(const job *j, uint32_t to, uint32_t from, size_t at, size_t n) {
    memmove(out(j, to, at), in(j, from, at), n * sizeof(float));
}

/* The optional form of the parameter in 16 bits. */
static void narrow(const job *j, uint32_t k, size_t at, size_t n) {
    if (k >= j->call->node->n_out || j->call->out[k] == NULL) return;
    gal_f32_to_half_row(j->call->out[k]->dtype, out(j, 0, at), (uint16_t *)j->call->out[k]->data + at, n);
}

static void adam_task(const job *j, size_t at, size_t n) {
    if (j->skip)
        keep(j, 0, 0, at, n), keep(j, 1, 2, at, n), keep(j, 2, 3, at, n);
    else
        j->level->adam(&j->step, n, in(j, 0, at), in(j, 1, at), in(j, 2, at), in(j, 3, at), out(j, 0, at),
                       out(j, 1, at), out(j, 2, at));
    narrow(j, 3, at, n);
}

static void sgd_task(const job *j, size_t at, size_t n) {
    if (j->skip)
        keep(j, 0, 0, at, n), keep(j, 1, 2, at, n);
    else
        j->level->sgd(&j->step, n, in(j, 0, at), in(j, 1, at), in(j, 2, at), out(j, 0, at), out(j, 1, at));
    narrow(j, 2, at, n);
}

static void ema_task(const job *j, size_t at, size_t n) {
    if (j->skip)
        keep(j, 0, 0, at, n);
    else
        j->level->ema(&j->step, n, in(j, 0, at), in(j, 1, at), out(j, 0, at));
}

typedef void (*task_fn)(const job *j, size_t at, size_t n);

typedef struct tasks {
    job j;
    task_fn fn;
} tasks;

static void some(void *context, size_t index) {
    const tasks *t = context;
    size_t at = index * TASK, n = t->j.n - at < TASK ? t->j.n - at : TASK;
    t->fn(&t->j, at, n);
}

/* hyper is input `h`, control the one behind it. */
static galen_status run(const gal_call *call, const gal_optimizer_f32 *level, uint32_t h, task_fn fn) {
    const double *hyper = call->in[h]->data, *control = call->in[h + 1]->data;
    tasks t = {.j = {.level = level, .call = call, .step = read_step(call->node, hyper, control)}, .fn = fn};
    if (fn == ema_task) {
        t.j.step.beta1 = (float)hyper[GAL_HYPER_EMA];
        t.j.step.rest1 = (float)(1 - hyper[GAL_HYPER_EMA]);
    }
    t.j.skip = control[GAL_CONTROL_FACTOR] == 0;
    t.j.n = (size_t)galen_tensor_elements(call->in[0]);
    gal_pool_run(t.j.n > TASK ? call->pool : NULL, some, &t, (t.j.n + TASK - 1) / TASK);
    return GALEN_OK;
}

#define STEP(what, h, level)                                                                                           \
    const char *gal_##what##_f32_##level##_reject(const gal_node *node) {                                              \
        (void)node;                                                                                                    \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    galen_status gal_##what##_f32_##level##_run(const gal_call *call, galen_error *err) {                              \
        (void)err;                                                                                                     \
        return run(call, &gal_optimizer_##level, h, what##_task);                                                      \
    }
#define LEVEL(level) STEP(adam, 4, level) STEP(sgd, 3, level) STEP(ema, 2, level)
GAL_EACH_LEVEL(LEVEL)
