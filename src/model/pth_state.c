/* The state dict of a PyTorch checkpoint, whatever its storages lie in. */
#include "model/pth_state.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

typedef struct taker {
    gal_pth_storage storage;
    void *context;
    gal_weights *weights;
} taker;

static bool is_contiguous(const gal_pickle_value *t) {
    int64_t expected = 1;
    for (int d = t->rank; d-- > 0;) {
        if (t->dim[d] != 1 && t->stride[d] != expected) return false;
        expected *= t->dim[d];
    }
    return true;
}

/* Element by element, in row-major order. */
static void gather(const gal_pickle_value *t, const uint8_t *from, uint8_t *to, size_t size, int64_t elements) {
    int64_t index[GALEN_MAX_RANK] = {0}, at = t->i;
    for (int64_t e = 0; e < elements; e++) {
        memcpy(to + (size_t)e * size, from + (size_t)at * size, size);
        for (int d = t->rank; d-- > 0;) {
            at += t->stride[d];
            if (++index[d] < t->dim[d]) break;
            at -= t->stride[d] * t->dim[d];
            index[d] = 0;
        }
    }
}

static galen_status add_tensor(const taker *to, const char *name, const gal_pickle_value *t, galen_error *err) {
    gal_weights *weights = to->weights;
    gal_weight *w = &weights->entry[weights->n];
    void *data = NULL;
    *w = (gal_weight){.name = name, .tensor = {.dtype = t->dtype, .rank = t->rank}};
    memcpy(w->tensor.dim, t->dim, sizeof w->tensor.dim);
    GAL_TRY(to->storage(to->context, t->storage, name, &data, err));
    size_t size = galen_dtype_size(t->dtype);
    int64_t elements = galen_tensor_elements(&w->tensor);
    weights->n++;
    if (elements == 0 || is_contiguous(t)) {
        w->tensor.data = elements ? (uint8_t *)data + (size_t)t->i * size : data;
        return GALEN_OK;
    }
    w->tensor.data = gal_arena_alloc_aligned(&weights->arena, (size_t)elements * size);
    if (!w->tensor.data) return gal_fail_memory(err, name, (unsigned long long)elements * size);
    gather(t, data, w->tensor.data, size, elements);
    return GALEN_OK;
}

static bool is_tensor_item(const gal_pickle_value *dict, size_t i) {
    return dict->item[i]->kind == GAL_PICKLE_TEXT && dict->item[i + 1]->kind == GAL_PICKLE_TENSOR;
}

static size_t count_tensors(const gal_pickle_value *value) {
    size_t n = 0;
    if (value->kind != GAL_PICKLE_DICT) return 0;
    for (size_t i = 0; i < value->n; i += 2) n += is_tensor_item(value, i);
    return n;
}

/* The dictionary of tensors in what was saved. */
static galen_status find_state(const gal_pickle_value *root, const gal_pickle_value **out, galen_error *err) {
    static const char *const preferred[] = {"model_state_dict", "state_dict", "model"};
    if (root->kind == GAL_PICKLE_DICT) {
        for (size_t p = 0; p < sizeof preferred / sizeof preferred[0]; p++) {
            for (size_t i = 0; i < root->n; i += 2) {
                bool named = root->item[i]->kind == GAL_PICKLE_TEXT && strcmp(root->item[i]->text, preferred[p]) == 0;
                if (!named || count_tensors(root->item[i + 1]) == 0) continue;
                *out = root->item[i + 1];
                return GALEN_OK;
            }
        }
    }
    *out = root;
    if (count_tensors(root) > 0) return GALEN_OK;
    return gal_fail(
        err, GALEN_ERR_UNSUPPORTED,
        "the checkpoint holds no state dict: save model.state_dict(), alone or under \"model_state_dict\", \"state_dict\" or \"model\"");
}

/* Length of a prefix "module." (left by DataParallel) that every name has. */
static size_t shared_prefix(const gal_pickle_value *state) {
    static const char prefix[] = "module.";
    for (size_t i = 0; i < state->n; i += 2)
        if (is_tensor_item(state, i) && strncmp(state->item[i]->text, prefix, sizeof prefix - 1) != 0) return 0;
    return sizeof prefix - 1;
}

static galen_status add_tensors(const taker *to, const gal_pickle_value *state, galen_error *err) {
    gal_weights *weights = to->weights;
    size_t count = count_tensors(state), skip = shared_prefix(state);
    if (count > GAL_WEIGHTS_MAX_TENSORS)
        return gal_fail(err, GALEN_ERR_LIMIT, "the checkpoint has more than %d tensors", GAL_WEIGHTS_MAX_TENSORS);
    weights->entry = gal_arena_alloc(&weights->arena, count, sizeof *weights->entry);
    if (!weights->entry) return gal_fail_memory(err, "the table of tensors", count * sizeof *weights->entry);
    for (size_t i = 0; i < state->n; i += 2) {
        if (!is_tensor_item(state, i)) continue;
        const char *text = state->item[i]->text + skip;
        if (strlen(text) > GAL_WEIGHTS_MAX_NAME) return gal_fail(err, GALEN_ERR_LIMIT, "a tensor's name is too long");
        const char *name = gal_arena_text(&weights->arena, text, strlen(text));
        if (!name) return gal_fail_memory(err, "a name", strlen(text));
        GAL_TRY(add_tensor(to, name, state->item[i + 1], err));
    }
    return GALEN_OK;
}

galen_status gal_pth_take_state(const gal_pickle_value *root, gal_pth_storage storage, void *context,
                                gal_weights *weights, galen_error *err) {
    const taker to = {storage, context, weights};
    const gal_pickle_value *state = NULL;
    GAL_TRY(find_state(root, &state, err));
    return add_tensors(&to, state, err);
}
