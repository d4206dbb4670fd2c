/* The restricted unpickler: a stack machine over a whitelist of opcodes. Opcodes: CPython's Lib/pickletools.py. */
#include "model/pickle.h"

#include "base/error.h"
#include "base/mem.h"
#include "model/pickle_call.h"

#include <string.h>

typedef struct machine {
    const uint8_t *at, *end;
    gal_arena *arena;
    gal_pickle_value **stack, **memo, **storage;
    size_t depth, stack_room, memo_room, memo_count, storages, storage_room;
} machine;

static galen_status cut_off(galen_error *err) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the pickle is cut off or damaged");
}

/* n bytes little-endian, n <= 8. */
static galen_status take_number(machine *m, size_t n, uint64_t *out, galen_error *err) {
    uint64_t value = 0;
    if ((size_t)(m->end - m->at) < n) return cut_off(err);
    for (size_t i = n; i-- > 0;) value = value << 8 | m->at[i];
    m->at += n;
    *out = value;
    return GALEN_OK;
}

static galen_status take_text(machine *m, uint64_t n, const char **out, galen_error *err) {
    if (n > (uint64_t)(m->end - m->at)) return cut_off(err);
    if (n > GAL_PICKLE_MAX_TEXT)
        return gal_fail(err, GALEN_ERR_LIMIT, "the pickle holds a text of %llu bytes", (unsigned long long)n);
    if (memchr(m->at, 0, (size_t)n)) return gal_fail(err, GALEN_ERR_FORMAT, "the pickle holds a text with a NUL byte");
    *out = gal_arena_text(m->arena, (const char *)m->at, (size_t)n);
    m->at += n;
    return *out ? GALEN_OK : gal_fail_memory(err, "a text", n);
}

static galen_status take_line(machine *m, const char **out, galen_error *err) {
    const uint8_t *newline = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!newline) return cut_off(err);
    GAL_TRY(take_text(m, (uint64_t)(newline - m->at), out, err));
    m->at++;
    return GALEN_OK;
}

/* Room for one more in a table that lives in the arena. */
static galen_status grow(machine *m, gal_pickle_value ***table, size_t *room, size_t need, size_t max, const char *what,
                         galen_error *err) {
    if (need <= *room) return GALEN_OK;
    if (need > max) return gal_fail(err, GALEN_ERR_LIMIT, "the pickle's %s grows beyond %zu entries", what, max);
    size_t more = *room ? *room : 4;
    while (more < need) more *= 2;
    gal_pickle_value **wider = gal_arena_alloc(m->arena, more, sizeof(gal_pickle_value *));
    if (!wider) return gal_fail_memory(err, what, more * sizeof *wider);
    if (*room) memcpy(wider, *table, *room * sizeof *wider);
    *table = wider;
    *room = more;
    return GALEN_OK;
}

static galen_status push(machine *m, gal_pickle_value *value, galen_error *err) {
    GAL_TRY(grow(m, &m->stack, &m->stack_room, m->depth + 1, GAL_PICKLE_MAX_STACK, "stack", err));
    m->stack[m->depth++] = value;
    return GALEN_OK;
}

static galen_status push_new(machine *m, gal_pickle_kind kind, gal_pickle_value **out, galen_error *err) {
    gal_pickle_value *value = gal_arena_alloc(m->arena, 1, sizeof *value);
    if (!value) return gal_fail_memory(err, "a value of the pickle", sizeof *value);
    value->kind = kind;
    if (out) *out = value;
    return push(m, value, err);
}

static galen_status pop(machine *m, gal_pickle_value **out, galen_error *err) {
    if (m->depth == 0 || m->stack[m->depth - 1]->kind == GAL_PICKLE_MARK) return cut_off(err);
    *out = m->stack[--m->depth];
    return GALEN_OK;
}

static galen_status push_int(machine *m, int64_t i, gal_pickle_kind kind, galen_error *err) {
    gal_pickle_value *value = NULL;
    GAL_TRY(push_new(m, kind, &value, err));
    value->i = i;
    return GALEN_OK;
}

static galen_status push_text(machine *m, size_t length_bytes, galen_error *err) {
    uint64_t n = 0;
    const char *text = NULL;
    gal_pickle_value *value = NULL;
    GAL_TRY(take_number(m, length_bytes, &n, err));
    GAL_TRY(take_text(m, n, &text, err));
    GAL_TRY(push_new(m, GAL_PICKLE_TEXT, &value, err));
    value->text = text;
    return GALEN_OK;
}

/* LONG1: a two's complement number of up to 8 bytes. */
static galen_status push_long(machine *m, galen_error *err) {
    uint64_t n = 0, value = 0;
    GAL_TRY(take_number(m, 1, &n, err));
    if (n > 8)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the pickle holds an integer of %llu bytes", (unsigned long long)n);
    GAL_TRY(take_number(m, (size_t)n, &value, err));
    if (n && n < 8 && value >> (8 * n - 1)) value |= UINT64_MAX << (8 * n);
    return push_int(m, (int64_t)value, GAL_PICKLE_INT, err);
}

static galen_status push_float(machine *m, galen_error *err) {
    uint64_t bits = 0;
    gal_pickle_value *value = NULL;
    GAL_TRY(take_number(m, 8, &bits, err));
    bits = __builtin_bswap64(bits); /* stored big-endian */
    GAL_TRY(push_new(m, GAL_PICKLE_FLOAT, &value, err));
    memcpy(&value->f, &bits, sizeof value->f);
    return GALEN_OK;
}

/* Index of the topmost mark. */
static galen_status find_mark(const machine *m, size_t *out, galen_error *err) {
    for (size_t i = m->depth; i-- > 0;) {
        if (m->stack[i]->kind != GAL_PICKLE_MARK) continue;
        *out = i;
        return GALEN_OK;
    }
    return cut_off(err);
}

/* Appends the stack's top n values to a container below them and takes them off. */
static galen_status append_top(machine *m, gal_pickle_value *to, size_t n, galen_error *err) {
    GAL_TRY(grow(m, &to->item, &to->capacity, to->n + n, 2 * (size_t)GAL_PICKLE_MAX_STACK, "container", err));
    if (n) memcpy(to->item + to->n, m->stack + m->depth - n, n * sizeof(gal_pickle_value *));
    to->n += n;
    m->depth -= n;
    return GALEN_OK;
}

static galen_status make_tuple(machine *m, size_t n, bool has_mark, galen_error *err) {
    gal_pickle_value *tuple = gal_arena_alloc(m->arena, 1, sizeof *tuple);
    if (!tuple) return gal_fail_memory(err, "a tuple", sizeof *tuple);
    tuple->kind = GAL_PICKLE_TUPLE;
    for (size_t i = 0; i < n; i++)
        if (m->depth < n || m->stack[m->depth - n + i]->kind == GAL_PICKLE_MARK) return cut_off(err);
    GAL_TRY(append_top(m, tuple, n, err));
    if (has_mark) m->depth--;
    return push(m, tuple, err);
}

static galen_status tuple_to_mark(machine *m, galen_error *err) {
    size_t mark = 0;
    GAL_TRY(find_mark(m, &mark, err));
    return make_tuple(m, m->depth - mark - 1, true, err);
}

/* The top n values go into the list or dict below them. */
static galen_status fill(machine *m, size_t n, gal_pickle_kind kind, bool has_mark, galen_error *err) {
    size_t below = n + (has_mark ? 1 : 0);
    if (m->depth <= below || (kind == GAL_PICKLE_DICT && n % 2)) return cut_off(err);
    gal_pickle_value *to = m->stack[m->depth - below - 1];
    if (to->kind != kind) return gal_fail(err, GALEN_ERR_FORMAT, "the pickle fills something that is no container");
    for (size_t i = 1; i <= n; i++)
        if (m->stack[m->depth - i]->kind == GAL_PICKLE_MARK) return cut_off(err);
    GAL_TRY(append_top(m, to, n, err));
    if (has_mark) m->depth--;
    return GALEN_OK;
}

static galen_status fill_to_mark(machine *m, gal_pickle_kind kind, galen_error *err) {
    size_t mark = 0;
    GAL_TRY(find_mark(m, &mark, err));
    return fill(m, m->depth - mark - 1, kind, true, err);
}

static galen_status pop_to_mark(machine *m, galen_error *err) {
    GAL_TRY(find_mark(m, &m->depth, err));
    return GALEN_OK;
}

static galen_status memo_put(machine *m, uint64_t index, galen_error *err) {
    if (m->depth == 0 || m->stack[m->depth - 1]->kind == GAL_PICKLE_MARK) return cut_off(err);
    if (index >= GAL_PICKLE_MAX_MEMO)
        return gal_fail(err, GALEN_ERR_LIMIT, "the pickle's memo grows beyond %d entries", GAL_PICKLE_MAX_MEMO);
    GAL_TRY(grow(m, &m->memo, &m->memo_room, (size_t)index + 1, GAL_PICKLE_MAX_MEMO, "memo", err));
    if (!m->memo[index]) m->memo_count++;
    m->memo[index] = m->stack[m->depth - 1];
    return GALEN_OK;
}

static galen_status memo_get(machine *m, uint64_t index, galen_error *err) {
    if (index >= m->memo_room || !m->memo[index])
        return gal_fail(err, GALEN_ERR_FORMAT, "the pickle refers to what it has not made");
    return push(m, m->memo[index], err);
}

/* PUT and GET with an index of n bytes. */
static galen_status memo(machine *m, size_t n, galen_status (*act)(machine *, uint64_t, galen_error *),
                         galen_error *err) {
    uint64_t index = 0;
    GAL_TRY(take_number(m, n, &index, err));
    return act(m, index, err);
}

static galen_status push_global(machine *m, const char *module, const char *name, galen_error *err) {
    gal_pickle_value *value = NULL;
    GAL_TRY(push_new(m, GAL_PICKLE_GLOBAL, &value, err));
    return gal_pickle_find_global(module, name, value, err);
}

static galen_status global_lines(machine *m, galen_error *err) {
    const char *module = NULL, *name = NULL;
    GAL_TRY(take_line(m, &module, err));
    GAL_TRY(take_line(m, &name, err));
    return push_global(m, module, name, err);
}

static galen_status global_stack(machine *m, galen_error *err) {
    gal_pickle_value *module = NULL, *name = NULL;
    GAL_TRY(pop(m, &name, err));
    GAL_TRY(pop(m, &module, err));
    if (module->kind != GAL_PICKLE_TEXT || name->kind != GAL_PICKLE_TEXT) return cut_off(err);
    return push_global(m, module->text, name->text, err);
}

static galen_status reduce(machine *m, galen_error *err) {
    gal_pickle_value *args = NULL, *callee = NULL, *result = NULL;
    GAL_TRY(pop(m, &args, err));
    GAL_TRY(pop(m, &callee, err));
    GAL_TRY(push_new(m, GAL_PICKLE_NONE, &result, err));
    return gal_pickle_call(m->arena, callee, args, &m->stack[m->depth - 1], err);
}

static galen_status persistent(machine *m, galen_error *err) {
    gal_pickle_value *id = NULL, *result = NULL;
    GAL_TRY(pop(m, &id, err));
    GAL_TRY(push_new(m, GAL_PICKLE_STORAGE, &result, err));
    GAL_TRY(gal_pickle_storage(id, result, err));
    GAL_TRY(grow(m, &m->storage, &m->storage_room, m->storages + 1, GAL_PICKLE_MAX_STACK, "list of storages", err));
    m->storage[m->storages++] = result;
    return GALEN_OK;
}

/* NEWOBJ: PyTorch of 2017 wrote parameters so. */
static galen_status new_object(machine *m, galen_error *err) {
    gal_pickle_value *args = NULL, *class = NULL;
    GAL_TRY(pop(m, &args, err));
    GAL_TRY(pop(m, &class, err));
    if (class->kind != GAL_PICKLE_GLOBAL || class->global != GAL_GLOBAL_PARAMETER_CLASS)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the pickle makes an object that is no parameter: refused");
    if (args->kind != GAL_PICKLE_TUPLE || args->n < 1 || args->item[0]->kind != GAL_PICKLE_TENSOR)
        return gal_fail(err, GALEN_ERR_FORMAT, "the pickle makes a parameter from the wrong parts");
    return push(m, args->item[0], err);
}

/* BUILD sets attributes: PyTorch does so on the state dict (its versions) and on old parameters (whether they learn),
 * which is of no use here. */
static galen_status build(machine *m, galen_error *err) {
    gal_pickle_value *state = NULL, *object = NULL;
    GAL_TRY(pop(m, &state, err));
    GAL_TRY(pop(m, &object, err));
    if (object->kind != GAL_PICKLE_DICT && object->kind != GAL_PICKLE_TENSOR)
        return gal_fail(err, GALEN_ERR_UNSUPPORTED, "the pickle sets attributes of an object: refused");
    return push(m, object, err);
}

static galen_status duplicate(machine *m, galen_error *err) {
    gal_pickle_value *top = NULL;
    GAL_TRY(pop(m, &top, err));
    GAL_TRY(push(m, top, err));
    return push(m, top, err);
}

static galen_status skip(machine *m, size_t n, uint64_t max, galen_error *err) {
    uint64_t value = 0;
    GAL_TRY(take_number(m, n, &value, err));
    return value > max
               ? gal_fail(err, GALEN_ERR_UNSUPPORTED, "the pickle has protocol %llu; save it with protocol 2 to 5",
                          (unsigned long long)value)
               : GALEN_OK;
}

static galen_status push_number(machine *m, size_t n, galen_error *err) {
    uint64_t value = 0;
    GAL_TRY(take_number(m, n, &value, err));
    return push_int(m, n == 4 ? (int32_t)(uint32_t)value : (int64_t)value, GAL_PICKLE_INT, err);
}

static galen_status discard(machine *m, galen_error *err) {
    gal_pickle_value *unused = NULL;
    if (m->depth && m->stack[m->depth - 1]->kind == GAL_PICKLE_MARK) {
        m->depth--;
        return GALEN_OK;
    }
    return pop(m, &unused, err);
}

static galen_status step(machine *m, uint8_t opcode, galen_error *err) {
    switch (opcode) {
    case 0x80: return skip(m, 1, 5, err);          /* PROTO */
    case 0x95: return skip(m, 8, UINT64_MAX, err); /* FRAME */
    case '(': return push_new(m, GAL_PICKLE_MARK, NULL, err);
    case '0': return discard(m, err);
    case '1': return pop_to_mark(m, err);
    case '2': return duplicate(m, err);
    case 'N': return push_new(m, GAL_PICKLE_NONE, NULL, err);
    case 0x88: return push_int(m, 1, GAL_PICKLE_BOOL, err);
    case 0x89: return push_int(m, 0, GAL_PICKLE_BOOL, err);
    case 'K': return push_number(m, 1, err);
    case 'M': return push_number(m, 2, err);
    case 'J': return push_number(m, 4, err);
    case 0x8a: return push_long(m, err);
    case 'G': return push_float(m, err);
    case 'X': return push_text(m, 4, err);
    case 0x8c: return push_text(m, 1, err);
    case 0x8d: return push_text(m, 8, err);
    case 'U': return push_text(m, 1, err); /* SHORT_BINSTRING and BINSTRING: text of Python 2 */
    case 'T': return push_text(m, 4, err);
    case ')': return make_tuple(m, 0, false, err);
    case 0x85: return make_tuple(m, 1, false, err);
    case 0x86: return make_tuple(m, 2, false, err);
    case 0x87: return make_tuple(m, 3, false, err);
    case 't': return tuple_to_mark(m, err);
    case ']': return push_new(m, GAL_PICKLE_LIST, NULL, err);
    case 'a': return fill(m, 1, GAL_PICKLE_LIST, false, err);
    case 'e': return fill_to_mark(m, GAL_PICKLE_LIST, err);
    case '}': return push_new(m, GAL_PICKLE_DICT, NULL, err);
    case 's': return fill(m, 2, GAL_PICKLE_DICT, false, err);
    case 'u': return fill_to_mark(m, GAL_PICKLE_DICT, err);
    case 'h': return memo(m, 1, memo_get, err);
    case 'j': return memo(m, 4, memo_get, err);
    case 'q': return memo(m, 1, memo_put, err);
    case 'r': return memo(m, 4, memo_put, err);
    case 0x94: return memo_put(m, m->memo_count, err);
    case 'c': return global_lines(m, err);
    case 0x93: return global_stack(m, err);
    case 'R': return reduce(m, err);
    case 0x81: return new_object(m, err);
    case 'b': return build(m, err);
    case 'Q': return persistent(m, err);
    default:
        return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                        "the pickle uses opcode 0x%02x, which no file of plain tensors needs: refused", opcode);
    }
}

galen_status gal_pickle_read(const void *bytes, size_t size, gal_arena *arena, gal_pickle *out, galen_error *err) {
    const uint8_t *at = bytes;
    machine m = {.at = at, .end = size ? at + size : at, .arena = arena};
    while (m.at != m.end) {
        uint8_t opcode = *m.at++;
        if (opcode == '.') {
            gal_pickle_value *top = NULL;
            GAL_TRY(pop(&m, &top, err));
            *out = (gal_pickle){top, (size_t)(m.at - at), m.storage, m.storages};
            return GALEN_OK;
        }
        GAL_TRY(step(&m, opcode, err));
    }
    return cut_off(err);
}
