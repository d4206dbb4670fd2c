/* What a trainer knows, seen from outside: the tensors of a checkpoint, and the model with its present weights. */
#include "base/error.h"
#include "train/internal.h"

#include <string.h>

enum { KINDS = 4 }; /* of a slot */

static gal_train_state of_slot(const gal_train_slot *slot, size_t kind) {
    static const char *const name[KINDS] = {"parameter", "momentum", "square", "average"};
    const galen_tensor *const tensor[KINDS] = {&slot->parameter, &slot->momentum, &slot->square, &slot->average};
    return (gal_train_state){name[kind], slot->name, *tensor[kind]};
}

static size_t kinds_of(const gal_train_slot *slot) {
    size_t n = 0;
    for (size_t k = 0; k < KINDS; k++) n += of_slot(slot, k).tensor.data != NULL;
    return n;
}

/* Live memory, as all states are. */
static gal_train_state scale_of(const gal_trainer *t) {
    const galen_tensor tensor = {
        .dtype = GALEN_F64, .rank = 1, .dim = {GAL_SCALE_COUNT}, .data = (void *)(uintptr_t)t->scale};
    return (gal_train_state){"scale", "loss", tensor};
}

/* All slots have the same kinds. */
size_t gal_trainer_states(const gal_trainer *t) {
    return t->n_slot * kinds_of(&t->slot[0]) + t->n_running + t->is_scaled;
}

gal_train_state gal_trainer_state(const gal_trainer *t, size_t index) {
    size_t kinds = kinds_of(&t->slot[0]), in_slots = t->n_slot * kinds, k = index % kinds;
    if (index == in_slots + t->n_running) return scale_of(t);
    if (index >= in_slots) {
        const gal_train_running *running = &t->running[index - in_slots];
        return (gal_train_state){"statistic", running->name, running->tensor};
    }
    const gal_train_slot *slot = &t->slot[index / kinds];
    for (size_t kind = 0; kind < KINDS; kind++) {
        gal_train_state state = of_slot(slot, kind);
        if (state.tensor.data != NULL && k-- == 0) return state;
    }
    return (gal_train_state){0};
}

galen_tensor gal_trainer_gradient(const gal_trainer *t, size_t index) {
    size_t kinds = kinds_of(&t->slot[0]);
    if (index >= t->n_slot * kinds || index % kinds != 0) return (galen_tensor){0};
    return t->slot[index / kinds].gradient;
}

static galen_status put_back(gal_graph *graph, const char *name, const galen_tensor *from, galen_error *err) {
    const gal_value *value = gal_graph_find(graph, name);
    if (value == NULL || value->constant == NULL || value->dtype != from->dtype ||
        galen_tensor_bytes(value->constant) != galen_tensor_bytes(from))
        return gal_fail(err, GALEN_ERR_INTERNAL, "parameter '%s' has no place in the model", name);
    memcpy(value->constant->data, from->data, (size_t)galen_tensor_bytes(from));
    return GALEN_OK;
}

galen_status gal_trainer_set_meta(gal_trainer *t, const char *key, const char *value, galen_error *err) {
    return gal_model_set_meta(t->base, key, value, err);
}

galen_status gal_trainer_export(gal_trainer *t, bool averaged, gal_buf *out, galen_error *err) {
    gal_graph *graph = t->base->graph;
    if (averaged && !t->options.average)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "no average of the parameters was kept");
    for (size_t i = 0; i < t->n_slot; i++) {
        const gal_train_slot *slot = &t->slot[i];
        GAL_TRY(put_back(graph, slot->name, averaged ? &slot->average : &slot->parameter, err));
    }
    for (size_t i = 0; i < t->n_running; i++) GAL_TRY(put_back(graph, t->running[i].name, &t->running[i].tensor, err));
    return gal_onnx_write(t->base, out, err);
}
