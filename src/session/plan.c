/* Making a session: a step for each node with its kernel, the arena, and the packed weights. */
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "pass/pass.h"
#include "pass/rewrite.h"
#include "session/internal.h"

#include <string.h>

/* Far above any real plan; a hostile graph meets it before the machine does. */
static const size_t STORE_LIMIT = (size_t)4 << 30;
enum { WHY_MAX = 4 << 20 };

gal_session_options gal_session_default_options(void) {
    return (gal_session_options){.max_batch = 1, .threads = 0, .isa = gal_isa_detect(), .optimise = true, .pool = NULL};
}

/* Images of the largest run: a model whose batch is fixed has more of them than max_batch. */
static int64_t most_images(const gal_session *s, const gal_node *node) {
    const gal_shape *in = node->n_in > 0 && node->in[0] != NULL ? &node->in[0]->shape : NULL;
    bool fixed = in != NULL && in->rank == 4 && !in->dim[0].batch;
    return fixed && in->dim[0].size > s->max_batch ? in->dim[0].size : s->max_batch;
}

static galen_status choose_kernel(gal_session *s, gal_step *step, galen_error *err) {
    const gal_node *node = step->node;
    step->why = s->why.size;
    step->kernel = gal_kernel_pick(node, s->isa, &s->why);
    step->why_size = s->why.size - step->why;
    if (step->kernel != NULL) {
        gal_kernel_needs needs = {0};
        if (step->kernel->needs != NULL)
            step->kernel->needs(node, most_images(s, node), gal_pool_threads(s->pool), &needs);
        step->packed_bytes = needs.packed_bytes;
        step->outputs = needs.outputs;
        step->scratch_bytes = needs.scratch_bytes;
    } else if (node->op->run == NULL) {
        return gal_fail(err, GALEN_ERR_INTERNAL, "node '%s' (%s) has no kernel", node->name, node->op->name);
    } else if (node->op->scratch != NULL) {
        step->scratch_bytes = node->op->scratch(node, s->max_batch);
    }
    return GALEN_OK;
}

/* A step for each node, in order; those that `old` has already are kept. */
static galen_status list_steps(gal_session *s, const gal_step *old, galen_error *err) {
    s->step = gal_arena_alloc(&s->store, s->graph->n_node, sizeof *s->step);
    if (s->step == NULL)
        return gal_fail_memory(err, "the plan", (unsigned long long)s->graph->n_node * sizeof *s->step);
    s->n_step = 0;
    for (const gal_node *node = s->graph->first; node != NULL; node = node->next) {
        gal_step *step = &s->step[s->n_step++];
        if (old != NULL && old->node == node) {
            *step = *old++;
            continue;
        }
        step->node = node;
        step->is_view = gal_session_can_view(s, node);
        if (!step->is_view) GAL_TRY(choose_kernel(s, step, err));
    }
    return GALEN_OK;
}

/* Concatenations whose inputs are computed where they belong have nothing to run. */
static galen_status join_concats(gal_session *s, galen_error *err) {
    GAL_TRY(gal_session_join(s, err));
    if (s->slice == NULL) return GALEN_OK;
    if (s->n_step != s->graph->n_node) GAL_TRY(list_steps(s, s->step, err));
    for (uint32_t t = 0; t < s->n_step; t++) {
        gal_step *step = &s->step[t];
        const gal_value *out = step->node->n_out > 0 ? step->node->out[0] : NULL;
        step->is_joined = gal_is_op(step->node, "", "Concat") && s->slice[out->id].root != NULL;
        step->is_view |= step->is_joined;
    }
    return GALEN_OK;
}

static galen_status make_steps(gal_session *s, bool join, galen_error *err) {
    GAL_TRY(list_steps(s, NULL, err));
    if (join) GAL_TRY(join_concats(s, err));
    return gal_session_place(s, err);
}

/* Constants read by passes and packing stay in the page cache, but no longer count as this process's memory. */
static void release_files(const gal_session_options *options) {
    for (size_t i = 0; i < options->n_file; i++) gal_file_release_pages(&options->file[i]);
}

/* A file in 16 bits is read as f32, and rounded where kernels want it; which is what the same file in f32 would be. */
static galen_status settle_precision(gal_session *s, bool optimise, galen_error *err) {
    galen_dtype own = optimise ? gal_graph_half_type(s->graph) : GALEN_DTYPE_NONE;
    if (own != GALEN_DTYPE_NONE) GAL_TRY(gal_pass_raise_half(s->graph, err));
    if (s->precision == GALEN_DTYPE_NONE) s->precision = own != GALEN_DTYPE_NONE ? own : GALEN_F32;
    return GALEN_OK;
}

static int level_of(const gal_session *s, const gal_node *node) {
    const gal_kernel *kernel = gal_kernel_pick(node, s->isa, NULL);
    return kernel != NULL ? (int)kernel->isa : GAL_ISA_REFERENCE;
}

/* Not where a layer alone has a row of a higher level: a tile of AMX makes more of it than staying in L2 does. */
static bool takes_chain(void *context, const gal_node *made, const gal_node *first, const gal_node *last) {
    int level = level_of(context, made);
    return level_of(context, first) <= level && level_of(context, last) <= level;
}

static galen_status build(gal_session *s, const gal_session_options *options, galen_error *err) {
    GAL_TRY(gal_session_check_constants(s->graph, err));
    release_files(options); /* what loading and hashing read */
    GAL_TRY(settle_precision(s, options->optimise, err));
    if (options->optimise) GAL_TRY(gal_pass_run_all(s->graph, false, err));
    if (s->precision != GALEN_F32) GAL_TRY(gal_pass_narrow(s->graph, s->precision, &(bool){false}, err));
    if (options->optimise) {
        GAL_TRY(gal_pass_fold_pixels(s->graph, &(bool){false}, err));
        const gal_chain_choice choice = {.takes = takes_chain, .context = s};
        GAL_TRY(gal_pass_chain(s->graph, &choice, &(bool){false}, err));
    }
    if (s->pool == NULL) {
        GAL_TRY(gal_pool_create(options->threads, &s->pool, err));
        s->owns_pool = true;
    }
    release_files(options);
    GAL_TRY(make_steps(s, !options->copy_concats, err));
    GAL_TRY(gal_session_schedule(s, options, err));
    GAL_TRY(gal_session_pack(s, options, err)); /* before the arena takes memory: the weights may let go of theirs */
    release_files(options);
    return gal_session_lay_out(s, err);
}

/* Hands the choice of kernels to whoever listens, a line each. */
static void log_choices(const gal_session *session) {
    gal_buf text;
    if (!gal_log_active()) return;
    gal_buf_init(&text, WHY_MAX);
    gal_session_explain(session, &text);
    for (char *line = (char *)text.data; line && *line;) {
        char *stop = strchr(line, '\n');
        if (stop) *stop = '\0';
        gal_log(GALEN_LOG_DEBUG, "%s", line);
        line = stop ? stop + 1 : NULL;
    }
    gal_buf_free(&text);
}

galen_status gal_session_create(gal_graph *graph, const gal_session_options *options, gal_session **out,
                                galen_error *err) {
    *out = NULL;
    if (options->max_batch < 1)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "batch %lld; it must be at least 1", (long long)options->max_batch);
    if (options->group < 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "groups of %lld images", (long long)options->group);
    galen_dtype precision = options->precision;
    bool half = precision == GALEN_BF16 || precision == GALEN_F16;
    if (precision != GALEN_F32 && precision != GALEN_DTYPE_NONE && (!half || !options->optimise))
        return gal_fail(err, GALEN_ERR_ARGUMENT, "precision %s%s; use f32, or bf16 or f16 with passes",
                        galen_dtype_name(precision), options->optimise ? "" : " without passes");
    gal_session *s = gal_calloc(1, sizeof *s);
    if (s == NULL) return gal_fail_memory(err, "the session", sizeof *s);
    s->graph = graph;
    s->isa = options->isa;
    s->precision = precision;
    s->max_batch = options->max_batch;
    s->unchecked = options->unchecked;
    s->plan_only = options->plan_only;
    s->pool = options->pool;
    gal_arena_init(&s->store, STORE_LIMIT);
    gal_buf_init(&s->why, WHY_MAX);
    galen_status status = build(s, options, err);
    if (status != GALEN_OK) {
        gal_session_destroy(s);
        return status;
    }
    log_choices(s);
    *out = s;
    return GALEN_OK;
}

void gal_session_destroy(gal_session *session) {
    if (session == NULL) return;
    if (session->owns_pool) gal_pool_destroy(session->pool);
    gal_free(session->arena);
    if (session->packed_map.data != NULL)
        gal_file_unmap(&session->packed_map);
    else
        gal_free_zeroed(session->packed, session->packed_bytes);
    gal_buf_free(&session->why);
    gal_arena_free(&session->store);
    gal_free(session);
}

size_t gal_session_steps(const gal_session *session) {
    return session->n_step;
}

gal_step_info gal_session_step(const gal_session *session, size_t index) {
    const gal_step *step = &session->step[index];
    const char *kernel = step->is_joined        ? "in place"
                         : step->is_view        ? "view"
                         : step->kernel != NULL ? step->kernel->name
                                                : "reference";
    const char *why = session->why.data != NULL ? (const char *)session->why.data + step->why : "";
    return (gal_step_info){.node = step->node,
                           .row = step->kernel,
                           .kernel = kernel,
                           .why = why,
                           .why_size = step->why_size,
                           .is_view = step->is_view};
}

size_t gal_session_segments(const gal_session *session) {
    return session->n_segment;
}

gal_segment_info gal_session_segment(const gal_session *session, size_t index) {
    const gal_segment *segment = &session->segment[index];
    return (gal_segment_info){.first = segment->first,
                              .end = segment->end,
                              .group = segment->group,
                              .least = segment->least,
                              .slice_bytes = segment->slice};
}

size_t gal_session_arena_bytes(const gal_session *session) {
    return session->arena_bytes;
}

size_t gal_session_lower_bound(const gal_session *session) {
    return session->lower_bound;
}

size_t gal_session_packed_bytes(const gal_session *session) {
    return session->packed_bytes;
}

gal_isa gal_session_isa(const gal_session *session) {
    return session->isa;
}

galen_dtype gal_session_precision(const gal_session *session) {
    return session->precision;
}

/* A convolution or product of bytes: what a quantised file asks for, whatever the precision of the rest. */
static bool multiplies_bytes(const gal_node *node) {
    static const char *const ops[] = {"ConvInteger", "DynConv", "DynGemm",     "MatMulInteger",
                                      "QConv",       "QGemm",   "QLinearConv", "QLinearMatMul"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(node->op->name, ops[i]) == 0) return true;
    return false;
}

const char *gal_session_precision_name(const gal_session *session) {
    for (uint32_t t = 0; t < session->n_step; t++)
        if (multiplies_bytes(session->step[t].node)) return "int8";
    return galen_dtype_name(session->precision);
}

galen_status gal_precision_parse(const char *name, galen_dtype *out, galen_error *err) {
    static const galen_dtype known[] = {GALEN_F32, GALEN_BF16, GALEN_F16};
    *out = GALEN_DTYPE_NONE;
    if (name == NULL) return GALEN_OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, galen_dtype_name(known[i])) != 0) continue;
        *out = known[i];
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_ARGUMENT, "unknown precision '%.40s': use f32, bf16 or f16", name);
}

static void explain_segment(const gal_session *session, size_t index, gal_buf *out) {
    gal_segment_info info = gal_session_segment(session, index);
    const char *from = session->step[info.first].node->name, *to = session->step[info.end - 1].node->name;
    gal_buf_printf(out, "segment %zu, steps %zu to %zu (%s to %s): ", index, info.first, info.end - 1, from, to);
    if (info.group == 0) {
        gal_buf_text(out, "each step for the whole batch, with all threads\n");
        return;
    }
    gal_buf_printf(out, "groups of %lld images, %.2f MiB a thread; a thread each from %lld images a thread\n",
                   (long long)info.group, (double)info.slice_bytes / (1 << 20), (long long)info.least);
}

void gal_session_explain(const gal_session *session, gal_buf *out) {
    for (size_t i = 0; i < session->n_segment; i++) explain_segment(session, i, out);
    for (uint32_t t = 0; t < session->n_step; t++) {
        gal_step_info info = gal_session_step(session, t);
        gal_buf_printf(out, "%s (%s): %s\n", info.node->name, info.node->op->name, info.kernel);
        const char *line = info.why, *end = line + info.why_size;
        while (line < end) {
            const char *stop = memchr(line, '\n', (size_t)(end - line));
            if (stop == NULL) stop = end;
            gal_buf_printf(out, "    %.*s\n", (int)(stop - line), line);
            line = stop + 1;
        }
    }
}
