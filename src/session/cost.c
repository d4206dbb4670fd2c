/* The cost model of the schedule: see cost.h. */
#include "session/cost.h"

#include "base/error.h"
#include "base/mem.h"
#include "cpu/conv_f32.h"
#include "cpu/features.h"

#include <math.h>
#include <string.h>

/* Bytes a second that one core reads from the shared cache and from memory (Sapphire Rapids: 29 and 15 GB/s). */
static const double FAR_RATE = 29e9, MEMORY_RATE = 15e9;
/* Where arithmetic and memory overlap, the shorter of the two still shows by this share. */
static const double SHOWS = 0.3;
/* Seconds to call all threads for one step, and to set up one step of a group. */
static const double CALL = 4e-6, SET_UP = 0.5e-6, SEGMENT = 20e-6;
/* Caches where the chip does not tell; and the most of a shared cache, for each thread, that is ours: what a server's
 * cores have each (Zen 3 to 5: 32 MiB for eight). A virtual machine is told of all of it and shares it with others. */
static const double NEAR_DEFAULT = 1 << 20, FAR_DEFAULT = 8 << 20, FAR_MOST = 4 << 20;
/* Values and weights compete for the near cache with stacks, tables and the other hyper-thread's data. */
static const double NEAR_USABLE = 0.75;
/* Tiles that hold the same pixel of several images: from that many images on, that many rows (src/cpu/conv_f32_run.c).
 */
static const double POSITION_FROM = 6, POSITION_ROWS = 12;

/* Longer axes are not gone through tap by tap. */
static const double TAPS_MAX = 1 << 16;

static double speed_of(const gal_kernel *kernel) {
    if (kernel == NULL) return 2e9;
    bool integer = kernel->dtype == GALEN_I8 || kernel->dtype == GALEN_U8;
    switch (kernel->isa) {
    case GAL_ISA_AMX: return integer ? 3e12 : 1.5e12;
    case GAL_ISA_AVX512: return integer ? 6e11 : 2e11;
    default: return integer ? 2e11 : 1e11;
    }
}

static double tile_of(const gal_kernel *kernel) {
    if (kernel == NULL) return 1;
    return kernel->isa == GAL_ISA_AMX ? 32 : kernel->isa == GAL_ISA_AVX512 ? 12 : 6;
}

/* Share of the window's taps that meet the image along one axis. */
static double inside(int64_t out, int64_t size, int64_t window, int64_t stride, int64_t dilation, int64_t pad) {
    int64_t met = 0;
    for (int64_t o = 0; o < out; o++)
        for (int64_t k = 0; k < window; k++) met += (uint64_t)(o * stride - pad + k * dilation) < (uint64_t)size;
    return (double)met / (double)(out * window);
}

/* Chains cut their pixels into tiles within a row of each other, and share panels of weights among images. */
static bool is_chain(const gal_node *node) {
    return strcmp(node->op->name, "ExpandDepthwise") == 0 || strcmp(node->op->name, "GatedConv") == 0;
}

/* A convolution's arithmetic beyond its number of operations. */
static void read_conv(const gal_node *node, gal_load *load) {
    gal_conv conv;
    if (is_chain(node)) load->tile = 1;
    if (strcmp(node->op->domain, "galen") != 0 || strcmp(node->op->name, "Conv") != 0) return;
    if (gal_conv_f32_decode(node, 16, &conv) != NULL || conv.oh < 1 || conv.ow < 1) return;
    if ((double)conv.oh * (double)conv.r > TAPS_MAX || (double)conv.ow * (double)conv.s > TAPS_MAX) return;
    load->inner = inside(conv.oh, conv.h, conv.r, conv.sh, conv.dh, conv.top) *
                  inside(conv.ow, conv.w, conv.s, conv.sw, conv.dw, conv.left);
    if (conv.group > 1) load->speed *= 0.3, load->inner = 1; /* depthwise: few operations for each load */
}

static double rows_of(const gal_value *out) {
    double rows = 1;
    for (int i = 1; i + 1 < out->shape.rank; i++) rows *= (double)out->shape.dim[i].size;
    return rows;
}

static double item_bytes(const gal_value *value) {
    galen_tensor tensor;
    gal_shape_at(&value->shape, value->dtype, 1, &tensor);
    return (double)galen_tensor_bytes(&tensor);
}

/* Adds the value's block to the step's ports, once. */
static void add_port(const gal_session *s, gal_port *port, gal_load *load, const gal_value *value) {
    if (value == NULL || gal_shape_is_fixed(&value->shape)) return;
    uint32_t block = s->slot[s->slot_of[value->id]].block;
    for (uint32_t i = 0; i < load->n_port; i++)
        if (port[i].block == block) {
            port[i].bytes += item_bytes(value);
            return;
        }
    port[load->n_port++] = (gal_port){.block = block, .bytes = item_bytes(value)};
}

static void read_step(const gal_session *s, const gal_step *step, gal_port *port, gal_load *load) {
    const gal_node *node = step->node;
    gal_cost one, two;
    load->apart = gal_session_treats_items_apart(node);
    load->inner = load->rows = load->tile = load->speed = 1;
    for (uint32_t i = 0; i < node->n_in; i++) add_port(s, port, load, node->in[i]);
    for (uint32_t i = 0; i < node->n_out; i++) add_port(s, port, load, node->out[i]);
    if (step->is_view) {
        for (uint32_t i = 0; i < load->n_port; i++) port[i].bytes = 0;
        return;
    }
    gal_node_cost(node, 1, &one);
    gal_node_cost(node, 2, &two);
    load->flop = (double)(two.flop - one.flop);
    load->weights = (double)step->packed_bytes;
    for (uint32_t i = 0; i < node->n_in && step->packed_bytes == 0; i++)
        if (node->in[i] != NULL && node->in[i]->constant != NULL) load->weights += item_bytes(node->in[i]);
    load->speed = speed_of(step->kernel);
    load->tile = tile_of(step->kernel);
    if (node->n_out > 0 && node->out[0] != NULL) load->rows = rows_of(node->out[0]);
    read_conv(node, load);
}

static void read_caches(gal_cost_model *model) {
    double near = (double)gal_cache_bytes(2), far = (double)gal_cache_bytes(3);
    if (near <= 0) near = NEAR_DEFAULT;
    model->near = NEAR_USABLE * near;
    /* The shared cache takes what the near ones give up, and holds nothing of theirs. */
    model->far = far > 0 ? fmin(far, FAR_MOST * model->threads) + near * model->threads : FAR_DEFAULT;
}

galen_status gal_cost_model_make(const gal_session *session, gal_cost_model *model, galen_error *err) {
    size_t n = session->n_step, ports = 0;
    *model = (gal_cost_model){
        .session = session, .threads = (double)gal_pool_threads(session->pool), .batch = (double)session->max_batch};
    for (size_t t = 0; t < n; t++) ports += session->step[t].node->n_in + session->step[t].node->n_out;
    model->load = gal_calloc(n, sizeof *model->load);
    model->port = gal_calloc(ports, sizeof *model->port);
    if (model->load == NULL || model->port == NULL) return gal_fail_memory(err, "the schedule", n * sizeof(gal_load));
    uint32_t at = 0;
    for (size_t t = 0; t < n; t++) {
        model->load[t].port = at;
        read_step(session, &session->step[t], model->port + at, &model->load[t]);
        at += model->load[t].n_port;
    }
    read_caches(model);
    return GALEN_OK;
}

void gal_cost_model_free(gal_cost_model *model) {
    gal_free(model->load);
    gal_free(model->port);
}

gal_estimate gal_estimate_start(uint32_t first, double group, double share) {
    return (gal_estimate){.first = first, .group = group, .share = share};
}

/* How much longer the arithmetic takes than at full tiles, for so many images at once. */
static double stretch(const gal_load *load, double images) {
    double rows = load->rows * images, by_rows = load->tile * ceil(rows / load->tile) / rows;
    if (images < POSITION_FROM || load->inner > 0.95) return by_rows;
    return fmin(by_rows, load->inner * POSITION_ROWS * ceil(images / POSITION_ROWS) / images);
}

static double join(double compute, double memory) {
    return fmax(compute, memory) + SHOWS * fmin(compute, memory);
}

/* Seconds to move bytes of values that take `room` in all. */
static double move(const gal_cost_model *model, double bytes, double room) {
    return bytes / (room > model->far ? MEMORY_RATE : FAR_RATE);
}

/* It is made within the segment. */
static bool is_inner(const gal_estimate *e, const gal_block *block) {
    return block->home != GAL_HOME_INPUT && block->home != GAL_HOME_CONSTANT && block->first >= e->first;
}

static double image_bytes(const gal_cost_model *model, const gal_block *block) {
    return (double)block->bytes / model->batch;
}

/* All threads at one step for the whole batch: what does not fit all near caches together comes from further away. */
static void add_whole(const gal_cost_model *model, gal_estimate *e, const gal_load *load) {
    double bytes = 0;
    for (uint32_t i = 0; i < load->n_port; i++) bytes += model->port[load->port + i].bytes;
    double room = bytes * e->share, hit = room <= model->near * model->threads ? 0.5 : 1;
    double memory = hit * move(model, bytes, room) / model->threads;
    double each = load->rows * e->share < 64 * model->threads ? load->weights / model->threads : load->weights;
    double compute = load->flop * stretch(load, e->share) / load->speed / model->threads;
    double call = model->threads > 1 && load->flop > 0 ? CALL / e->share : 0;
    e->stay += join(compute, memory + each / FAR_RATE / e->share) + call;
}

static void add_group(const gal_cost_model *model, gal_estimate *e, const gal_load *load, uint32_t step) {
    const gal_port *port = model->port + load->port;
    const gal_block *blocks = model->session->block;
    double local = 0, border = 0, memory = 0;
    for (uint32_t i = 0; i < load->n_port; i++) {
        const gal_block *block = &blocks[port[i].block];
        if (is_inner(e, block)) {
            local += port[i].bytes;
            if (block->first == step) e->alive += image_bytes(model, block);
        } else {
            border += port[i].bytes;
            memory += move(model, port[i].bytes, port[i].bytes * e->share * model->threads);
        }
    }
    double values = (e->alive + border) * e->group, spilled = (values + load->weights - model->near) / model->near * 2;
    memory += fmin(fmax(spilled, 0), 1) * move(model, local, values * model->threads);
    double compute = load->flop * stretch(load, e->group) / load->speed;
    e->stay += join(compute, memory + load->weights / FAR_RATE / e->share) + SET_UP / e->group;
    e->again += join(compute, memory + load->weights / FAR_RATE / e->group) + SET_UP / e->group;
    e->weights += load->weights;
    e->peak = fmax(e->peak, values);
    for (uint32_t i = 0; i < load->n_port; i++) {
        const gal_block *block = &blocks[port[i].block];
        if (block->last == step && is_inner(e, block)) e->alive -= image_bytes(model, block);
    }
}

void gal_estimate_add(const gal_cost_model *model, gal_estimate *estimate, uint32_t step) {
    if (estimate->group > 0)
        add_group(model, estimate, &model->load[step], step);
    else
        add_whole(model, estimate, &model->load[step]);
}

double gal_estimate_seconds(const gal_cost_model *model, const gal_estimate *e) {
    if (e->group <= 0) return e->stay * e->share;
    double image = e->weights + e->peak <= model->near ? e->stay : e->again;
    image += move(model, e->alive, e->alive * e->share * model->threads); /* written for later segments */
    return image * e->share + SEGMENT;
}
