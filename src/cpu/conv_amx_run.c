/* One call of an AMX convolution: tasks taken by threads, each gathering its pixels and going through its panels. */
#include "base/whole.h"
#include "cpu/conv_amx_plan.h"

#include <stdatomic.h>
#include <string.h>

enum { MAX_TAPS = 256, NEAR = 512 << 10 /* bytes of an output that is likely still in L2 */ };

typedef struct amx_job {
    const gal_amx_call *call;
    const gal_amx_conv *amx;
    gal_amx_cut cut;
    gal_amx_slot slot;
    int64_t tasks;
    atomic_llong next; /* the task nobody has taken yet */
} amx_job;

/* One thread's work: a task's rows and where they come from. */
typedef struct task {
    const amx_job *job;
    int64_t group, image, images, row, rows, share;
    bool unread_padding;
    uint8_t *scratch;
    gal_amx_gather gather;
    int64_t tap[MAX_TAPS];
    gal_amx_rows *tile;
    int32_t *pixel_of;
    int64_t n_tile;
    const uint8_t *a;
    int64_t pixel; /* bytes between rows of a */
    int64_t first; /* output pixel that pixel_of counts from */
} task;

/* ---- gathering ---- */

/* What stands for the padding. Blocks of 32 rows that are the same pixel of as many images never read it. */
static void pad(const task *t, uint8_t *to, int64_t bytes) {
    if (!t->unread_padding && bytes > 0) memset(to, t->job->amx->padding, (size_t)bytes);
}

/* One line of one column phase: pixels wi of all images, or padding. */
static void gather_line(const task *t, const uint8_t *line, int64_t phase, uint8_t *to) {
    const gal_amx_conv *amx = t->job->amx;
    const gal_conv *cv = &amx->cv;
    const gal_amx_gather *g = &t->gather;
    int64_t pitch = t->job->call->x_pitch, image = cv->h * cv->w * pitch, step = g->images * amx->pixel;
    int64_t from = phase >= cv->left ? 0 : (cv->left - phase + cv->sw - 1) / cv->sw;
    int64_t to_end = gal_at_most(g->across, (cv->w + cv->left - phase + cv->sw - 1) / cv->sw);
    if (to_end < from) to_end = from = gal_at_most(from, g->across);
    pad(t, to, from * step);
    for (int64_t i = 0; i < g->images && from < to_end; i++)
        gal_amx_copy_pixels(to + from * step + i * amx->pixel, step,
                            line + i * image + (from * cv->sw + phase - cv->left) * pitch, cv->sw * pitch, cv->cg,
                            to_end - from);
    pad(t, to + to_end * step, (g->across - to_end) * step);
}

/* A whole line of a picture with few channels, its pixels side by side as the window rows need them. */
static void gather_segment_line(const task *t, const uint8_t *line, uint8_t *to) {
    const gal_conv *cv = &t->job->amx->cv;
    int64_t pitch = t->job->call->x_pitch, pixel = cv->c, room = t->gather.line;
    int64_t before = gal_at_most(cv->left * pixel, room), body = gal_at_most(cv->w, (room - before) / pixel);
    pad(t, to, before);
    for (int64_t w = 0; w < body && pitch != cv->c; w++)
        memcpy(to + before + w * pixel, line + w * pitch, (size_t)pixel);
    if (pitch == cv->c) memcpy(to + before, line, (size_t)(body * pixel));
    pad(t, to + before + body * pixel, room - before - body * pixel);
}

static void gather(task *t) {
    const gal_amx_conv *amx = t->job->amx;
    const gal_conv *cv = &amx->cv;
    const gal_amx_gather *g = &t->gather;
    int64_t pitch = t->job->call->x_pitch;
    const uint8_t *x = (const uint8_t *)t->job->call->x + t->image * cv->h * cv->w * pitch + t->group * cv->cg;
    for (int64_t p = 0; p < cv->sh; p++) {
        if (g->phase_h[p] < 0) continue;
        for (int64_t i = 0; i < g->down; i++) {
            int64_t h = (t->row + i) * cv->sh + p - cv->top;
            bool inside = (uint64_t)h < (uint64_t)cv->h;
            const uint8_t *line = x + h * cv->w * pitch;
            for (int64_t q = 0; q < (cv->merged ? 1 : cv->sw); q++) {
                if (!cv->merged && g->phase_w[q] < 0) continue;
                int64_t plane = (int64_t)g->phase_h[p] * g->phases_w + (cv->merged ? 0 : g->phase_w[q]);
                uint8_t *to = t->scratch + plane * g->plane + i * g->line;
                if (!inside)
                    pad(t, to, g->line);
                else if (cv->merged)
                    gather_segment_line(t, line, to);
                else
                    gather_line(t, line, q, to);
            }
        }
    }
    int64_t used = g->plane * g->phases_h * g->phases_w;
    memset(t->scratch + used, 0, (size_t)(g->bytes - used));
}

/* ---- tiles ---- */

/* Taps along one axis that meet the image for any output position in [from, to]. */
static void live_taps(int64_t from, int64_t to, int64_t stride, int64_t dilation, int64_t pad, int64_t size,
                      int64_t taps, int16_t *first, int16_t *end) {
    int64_t low = pad - to * stride, high = size + pad - from * stride; /* low <= tap * dilation < high */
    int64_t a = low <= 0 ? 0 : (low + dilation - 1) / dilation, b = high <= 0 ? 0 : (high + dilation - 1) / dilation;
    *first = (int16_t)gal_at_most(a, taps);
    *end = (int16_t)gal_at_most(b, taps);
    if (*end < *first) *end = *first;
}

/* The taps of a tile whose first and last rows are output pixels (from, to) of the task, counted with the gaps. */
static void set_taps(const task *t, int64_t from, int64_t to, gal_amx_rows *tile) {
    const gal_conv *cv = &t->job->amx->cv;
    *tile = (gal_amx_rows){.first = tile->first, .r1 = (int16_t)cv->r, .s1 = (int16_t)t->job->amx->tap_w};
    if (!t->job->amx->skips || cv->merged) return;
    int64_t line = t->gather.across, h0 = from / line, h1 = to / line;
    live_taps(t->row + h0, t->row + h1, cv->sh, cv->dh, cv->top, cv->h, cv->r, &tile->r0, &tile->r1);
    if (h0 == h1) live_taps(from % line, to % line, cv->sw, cv->dw, cv->left, cv->w, cv->s, &tile->s0, &tile->s1);
}

/* The output pixels of sixteen rows from m on; how many are real. */
static int find_pixels(const task *t, int64_t m, int32_t *pixel_of) {
    const gal_conv *cv = &t->job->amx->cv;
    const gal_amx_gather *g = &t->gather;
    int64_t area = cv->oh * cv->ow, p = m / g->images, image = m % g->images, oh = p / g->across, ow = p % g->across;
    int real = 0;
    for (int i = 0; i < GAL_AMX_ROWS; i++) {
        bool is = ow < cv->ow && oh < t->rows;
        pixel_of[i] = is ? (int32_t)(image * area + oh * cv->ow + ow) : -1;
        real += is;
        if (++image < g->images) continue;
        image = 0;
        if (++ow == g->across) ow = 0, oh++;
    }
    return real;
}

static void list_gathered(task *t) {
    const gal_amx_conv *amx = t->job->amx;
    for (int64_t m = 0; m < t->gather.m; m += GAL_AMX_ROWS) {
        gal_amx_rows *tile = &t->tile[t->n_tile];
        if (find_pixels(t, m, t->pixel_of + t->n_tile * GAL_AMX_ROWS) == 0) continue;
        tile->first = m * amx->pixel;
        int64_t last = gal_at_most(m + GAL_AMX_ROWS, t->gather.m) - 1;
        set_taps(t, m / t->gather.images, last / t->gather.images, tile);
        t->n_tile++;
    }
}

/* Runs of sixteen pixels of [0, count); a last short one begins earlier and leaves out what the one before has. */
static void list_direct(task *t, int64_t count) {
    for (int64_t m = 0; m < count; m += GAL_AMX_ROWS) {
        int64_t first = gal_at_most(m, count - GAL_AMX_ROWS);
        t->tile[t->n_tile] = (gal_amx_rows){.first = first * t->pixel, .r1 = 1, .s1 = 1};
        for (int64_t i = 0; i < GAL_AMX_ROWS; i++)
            t->pixel_of[t->n_tile * GAL_AMX_ROWS + i] = first + i < m ? -1 : (int32_t)(first + i);
        t->n_tile++;
    }
}

/* ---- a task ---- */

static void prepare_gathered(task *t, int64_t chunk) {
    const gal_amx_cut *cut = &t->job->cut;
    const gal_conv *cv = &t->job->amx->cv;
    t->image = chunk / cut->bands * cut->images;
    t->images = gal_at_most(cut->images, t->job->call->n - t->image);
    t->row = chunk % cut->bands * cut->rows;
    t->rows = gal_at_most(cut->rows, cv->oh - t->row);
    gal_amx_gather_make(t->job->amx, t->images, t->rows, &t->gather);
    t->unread_padding = t->job->amx->skips && t->images % (2 * GAL_AMX_ROWS) == 0;
    gather(t);
    for (int64_t r = 0; r < cv->r; r++) {
        for (int64_t s = 0; s < t->job->amx->tap_w; s++)
            t->tap[r * t->job->amx->tap_w + s] = gal_amx_tap_offset(t->job->amx, &t->gather, r, s);
    }
    t->a = t->scratch;
    t->pixel = t->job->amx->pixel;
    t->first = (t->image * cv->oh + t->row) * cv->ow;
    list_gathered(t);
}

static void prepare_direct(task *t, int64_t chunk) {
    const gal_amx_cut *cut = &t->job->cut;
    const gal_conv *cv = &t->job->amx->cv;
    int64_t first = chunk * cut->chunk, count = gal_at_most(cut->chunk, t->job->call->n * cv->oh * cv->ow - first);
    t->pixel = t->job->call->x_pitch;
    t->a = (const uint8_t *)t->job->call->x + first * t->pixel + t->group * cv->cg;
    t->tap[0] = 0;
    t->first = first;
    list_direct(t, count);
}

static void run_panels(const task *t) {
    const gal_amx_call *call = t->job->call;
    const gal_amx_conv *amx = t->job->amx;
    const gal_conv *cv = &amx->cv;
    const uint8_t *packed = call->packed;
    int64_t first = t->share * t->job->cut.share, k = t->group * cv->kg + first * GAL_AMX_PANEL;
    size_t element = call->kind->element, residual = call->kind->residual_element;
    gal_amx_product product = {
        .conv = amx,
        .a = t->a,
        .pixel = t->pixel,
        .tap = t->tap,
        .rows = t->tile,
        .pixel_of = t->pixel_of,
        .n_rows = t->n_tile,
        .b = packed + gal_amx_weight_at(amx, k, 0, 0),
        .panels = gal_at_most(t->job->cut.share, amx->panels - first),
        .parameter = {packed + gal_amx_column_at(amx, 0, k), packed + gal_amx_column_at(amx, 1, k)},
        .extra = packed + amx->extra_at,
        .y_pitch = call->y_pitch * (int64_t)element,
        .residual_pitch = call->residual_pitch * (int64_t)residual,
        .rows_outer = t->job->cut.rows_outer};
    product.columns = gal_at_most(product.panels * GAL_AMX_PANEL, cv->kg - first * GAL_AMX_PANEL);
    product.y = (uint8_t *)call->y + t->first * product.y_pitch + k * (int64_t)element;
    if (call->residual != NULL)
        product.residual = (const uint8_t *)call->residual + t->first * product.residual_pitch + k * (int64_t)residual;
    product.far = call->n * cv->oh * cv->ow * product.y_pitch > NEAR;
    call->kind->multiply(&product);
}

static void run_task(const amx_job *job, int64_t index, uint8_t *scratch) {
    task t;
    int64_t rest = index % (job->cut.chunks * job->cut.shares);
    t.job = job;
    t.group = index / (job->cut.chunks * job->cut.shares);
    t.share = rest % job->cut.shares;
    t.scratch = scratch;
    t.tile = (gal_amx_rows *)(void *)(scratch + job->slot.rows);
    t.pixel_of = (int32_t *)(void *)(scratch + job->slot.pixel_of);
    t.n_tile = 0;
    if (job->cut.direct)
        prepare_direct(&t, rest / job->cut.shares);
    else
        prepare_gathered(&t, rest / job->cut.shares);
    run_panels(&t);
}

/* One thread: its own part of the scratch, and tasks until none is left. */
static void run_slot(void *context, size_t slot) {
    amx_job *job = context;
    job->call->kind->begin();
    for (;;) {
        int64_t index = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (index >= job->tasks) break;
        run_task(job, index, (uint8_t *)job->call->scratch + slot * job->slot.bytes);
    }
    job->call->kind->end();
}

void gal_amx_conv_run(const gal_amx_call *call) {
    amx_job job = {.call = call, .amx = call->packed};
    if (call->n == 0) return;
    int threads = gal_pool_threads(call->pool);
    gal_amx_cut_make(job.amx, call->n, threads, &job.cut);
    gal_amx_slot_make(job.amx, call->n, &job.slot);
    job.tasks = job.cut.chunks * job.cut.shares * job.amx->cv.group;
    atomic_init(&job.next, 0);
    gal_pool_run(call->pool, run_slot, &job, (size_t)(threads < job.tasks ? threads : job.tasks));
}
