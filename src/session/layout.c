/*
 * Where everything of a run lies. Values that cross a border between segments, and whatever runs on the whole batch,
 * have room for the largest batch. What lives within one segment with groups has room for one group, once for each
 * lane: a lane's values of that segment lie together in a slice, so that a core meets the same few addresses again and
 * again.
 */
#include "base/error.h"
#include "base/mem.h"
#include "session/internal.h"
#include "session/memory.h"

/* The spans of one plan, and where their offsets go. */
typedef struct spans {
    gal_span *span;
    size_t **offset; /* NULL: to nobody */
    size_t n;
} spans;

static void add(spans *list, size_t bytes, uint32_t first, uint32_t last, size_t *offset) {
    list->offset[list->n] = offset;
    list->span[list->n++] = (gal_span){.bytes = bytes, .first = first, .last = last};
}

static galen_status solve(spans *list, size_t *total, galen_error *err) {
    size_t bound;
    GAL_TRY(gal_memory_plan(list->span, list->n, total, &bound, err));
    for (size_t i = 0; i < list->n; i++)
        if (list->offset[i] != NULL) *list->offset[i] = list->span[i].offset;
    return GALEN_OK;
}

static gal_segment *segment_at(gal_session *s, uint32_t step) {
    for (uint32_t i = 0; i < s->n_segment; i++)
        if (step < s->segment[i].end) return &s->segment[i];
    return NULL;
}

/*
 * A block is local when it lives and dies within a segment that has groups. Any other block that takes part in such a
 * segment is alive for all of it: the last group still reads what the first has read before.
 */
static void find_local(gal_session *s) {
    for (uint32_t i = 0; i < s->n_block; i++) {
        gal_block *block = &s->block[i];
        if (block->home != GAL_HOME_ARENA) continue;
        const gal_segment *from = segment_at(s, block->first), *to = segment_at(s, block->last);
        block->local = from != NULL && from == to && from->group > 0;
        if (block->local) continue;
        if (from != NULL && from->group > 0) block->first = from->first;
        if (to != NULL && to->group > 0) block->last = to->end - 1;
    }
}

/* Spans of what one lane holds in the segment, `copies` times over. */
static void list_slice(gal_session *s, const gal_segment *segment, size_t copies, spans *list) {
    for (uint32_t i = 0; i < s->n_block; i++) {
        gal_block *b = &s->block[i];
        if (!b->local || b->first < segment->first || b->last >= segment->end) continue;
        add(list, gal_session_item_bytes(s, b) * (size_t)segment->group * copies, b->first, b->last, &b->offset);
    }
    for (uint32_t t = segment->first; t < segment->end; t++)
        add(list, s->step[t].scratch_bytes * copies, t, t, &s->step[t].scratch_offset);
}

/* Spans of what has room for the whole batch. */
static void list_whole(gal_session *s, spans *list) {
    for (uint32_t i = 0; i < s->n_block; i++) {
        gal_block *b = &s->block[i];
        if (b->home == GAL_HOME_ARENA && !b->local) add(list, b->bytes, b->first, b->last, &b->offset);
    }
    for (uint32_t i = 0; i < s->n_segment; i++)
        for (uint32_t t = s->segment[i].first; t < s->segment[i].end && s->segment[i].group == 0; t++)
            add(list, s->step[t].scratch_bytes, t, t, &s->step[t].scratch_offset);
}

/* What must fit at each step however cleverly it is placed. */
static galen_status find_bound(gal_session *s, spans *list, galen_error *err) {
    list->n = 0;
    list_whole(s, list);
    for (uint32_t i = 0; i < s->n_segment; i++)
        if (s->segment[i].group > 0) list_slice(s, &s->segment[i], (size_t)s->n_lane, list);
    return gal_memory_bound(list->span, list->n, &s->lower_bound, err);
}

static galen_status place_all(gal_session *s, spans *list, galen_error *err) {
    GAL_TRY(find_bound(s, list, err));
    for (uint32_t i = 0; i < s->n_segment; i++) {
        gal_segment *segment = &s->segment[i];
        if (segment->group == 0) continue;
        list->n = 0;
        list_slice(s, segment, 1, list);
        GAL_TRY(solve(list, &segment->slice, err));
    }
    list->n = 0;
    list_whole(s, list);
    for (uint32_t i = 0; i < s->n_segment; i++) {
        gal_segment *segment = &s->segment[i];
        size_t bytes;
        if (!gal_size_mul(segment->slice, (size_t)s->n_lane, &bytes))
            return gal_fail_memory(err, "activations", SIZE_MAX);
        add(list, bytes, segment->first, segment->end - 1, &segment->offset);
    }
    return solve(list, &s->arena_bytes, err);
}

static void set_pointers(gal_session *s) {
    for (uint32_t i = 0; i < s->n_block; i++)
        if (s->block[i].home == GAL_HOME_ARENA && !s->block[i].local) s->block[i].data = s->arena + s->block[i].offset;
    for (uint32_t t = 0; t < s->n_step; t++)
        if (s->step[t].scratch_bytes > 0) s->step[t].scratch = s->arena + s->step[t].scratch_offset;
    for (uint32_t i = 0; i < s->n_slot; i++) {
        uint8_t *data = s->block[s->slot[i].block].data;
        s->slot[i].tensor.data = data != NULL ? data + s->slot[i].offset : NULL;
    }
}

static galen_status plan_arena(gal_session *s, galen_error *err) {
    size_t room = (size_t)s->n_block + s->n_step + s->n_segment;
    spans list = {.span = gal_calloc(room, sizeof *list.span), .offset = gal_calloc(room, sizeof(size_t *))};
    galen_status status = GALEN_OK;
    if (list.span == NULL || list.offset == NULL)
        status = gal_fail_memory(err, "the plan of the arena", room * sizeof *list.span);
    if (status == GALEN_OK) status = place_all(s, &list, err);
    if (status == GALEN_OK && !s->plan_only) {
        s->arena = gal_alloc_huge(s->arena_bytes);
        if (s->arena == NULL) status = gal_fail_memory(err, "activations", s->arena_bytes);
    }
    if (status == GALEN_OK && !s->plan_only) set_pointers(s);
    gal_free(list.span);
    gal_free(list.offset);
    return status;
}

/* A lane's tensors: types and dimensions behind the batch are set once and for all. */
static galen_status make_lane(gal_session *s, gal_lane *lane, galen_error *err) {
    lane->tensor = gal_arena_alloc_aligned(&s->store, (size_t)s->n_slot * sizeof *lane->tensor);
    lane->seconds = gal_arena_alloc_aligned(&s->store, (size_t)s->n_step * sizeof *lane->seconds);
    if (lane->tensor == NULL || lane->seconds == NULL)
        return gal_fail_memory(err, "the plan", (size_t)s->n_slot * sizeof *lane->tensor);
    for (uint32_t i = 0; i < s->n_slot; i++) {
        gal_shape_at(&s->slot[i].value->shape, s->slot[i].value->dtype, 1, &lane->tensor[i]);
        lane->tensor[i].data = s->block[s->slot[i].block].data; /* of constants, for good */
    }
    return GALEN_OK;
}

static galen_status make_lanes(gal_session *s, galen_error *err) {
    bool any = false;
    for (uint32_t i = 0; i < s->n_segment; i++) any |= s->segment[i].group > 0;
    if (!any) return GALEN_OK;
    int n = gal_pool_threads(s->pool);
    s->lane = gal_arena_alloc(&s->store, (size_t)n, sizeof *s->lane);
    if (s->lane == NULL) return gal_fail_memory(err, "the plan", (size_t)n * sizeof *s->lane);
    for (; s->n_lane < n; s->n_lane++) GAL_TRY(make_lane(s, &s->lane[s->n_lane], err));
    return GALEN_OK;
}

/* The pointers to slot tensors that a step's calls take: those for the whole batch, then each lane's. */
static galen_tensor *tensor_of(gal_session *s, const gal_value *value, int lane) {
    if (value == NULL) return NULL;
    uint32_t slot = s->slot_of[value->id];
    return lane < 0 ? &s->slot[slot].tensor : &s->lane[lane].tensor[slot];
}

/* Of value i of n; 0: dense. */
static int64_t pitch_of(const gal_session *s, gal_value *const *value, uint32_t n, uint32_t i) {
    return i < n && value[i] != NULL ? s->slot[s->slot_of[value[i]->id]].pitch : 0;
}

static galen_status link_tensors(gal_session *s, galen_error *err) {
    size_t sets = 1 + (size_t)s->n_lane;
    for (uint32_t t = 0; t < s->n_step; t++) {
        gal_step *step = &s->step[t];
        const gal_node *node = step->node;
        step->in = gal_arena_alloc(&s->store, node->n_in * sets, sizeof *step->in);
        step->out = gal_arena_alloc(&s->store, node->n_out * sets, sizeof *step->out);
        if (step->in == NULL || step->out == NULL) return gal_fail_memory(err, "the plan", s->store.total);
        step->in_pitch = pitch_of(s, node->in, node->n_in, step->kernel != NULL ? step->kernel->pitched_in : 0);
        step->out_pitch = pitch_of(s, node->out, node->n_out, 0);
        for (int k = 0; k < (int)sets; k++) {
            for (uint32_t i = 0; i < node->n_in; i++)
                step->in[(uint32_t)k * node->n_in + i] = tensor_of(s, node->in[i], k - 1);
            for (uint32_t i = 0; i < node->n_out; i++)
                step->out[(uint32_t)k * node->n_out + i] = tensor_of(s, node->out[i], k - 1);
        }
    }
    return GALEN_OK;
}

galen_status gal_session_lay_out(gal_session *s, galen_error *err) {
    find_local(s);
    GAL_TRY(make_lanes(s, err));
    GAL_TRY(link_tensors(s, err));
    return plan_arena(s, err);
}
