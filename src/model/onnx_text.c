/* Texts and names of an ONNX file: checked, copied, and looked up by hash. */
#include "base/error.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/onnx_proto.h"

#include <string.h>

/* Longest walk through the hash table: beyond it, the names were chosen to collide. */
enum { MAX_PROBES = 1024 };

static bool has_control(const uint8_t *at, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (at[i] < 0x20 || at[i] == 0x7f) return true;
    return false;
}

galen_status gal_onnx_text(gal_wire body, size_t max, gal_arena *arena, const char *what, const char **out,
                           galen_error *err) {
    size_t size = gal_wire_left(body);
    if (size > max) return gal_fail(err, GALEN_ERR_LIMIT, "%s has %zu bytes, more than %zu", what, size, max);
    if (has_control(body.at, size) || !gal_utf8_valid_bytes(body.at, size))
        return gal_fail(err, GALEN_ERR_FORMAT, "%s is not plain UTF-8 text: the file is damaged", what);
    char *text = gal_arena_text(arena, size ? (const char *)body.at : "", size);
    if (!text) return gal_fail_memory(err, what, size);
    *out = text;
    return GALEN_OK;
}

galen_status gal_onnx_names_init(gal_onnx_names *names, size_t max, gal_arena *arena, galen_error *err) {
    size_t slots = 16;
    while (slots < 2 * (max + 1)) slots *= 2;
    names->entry = gal_arena_alloc(arena, max + 1, sizeof *names->entry);
    names->slot = gal_arena_alloc(arena, slots, sizeof *names->slot);
    if (!names->entry || !names->slot)
        return gal_fail_memory(err, "the table of names", (unsigned long long)slots * sizeof *names->slot);
    names->entry[0].text = "";
    names->n_entry = 1;
    names->max_entry = max + 1;
    names->n_slot = slots;
    return GALEN_OK;
}

static uint64_t hash_of(gal_wire text) {
    uint64_t h = 0xcbf29ce484222325u;
    for (const uint8_t *p = text.at; p != text.end; p++) h = (h ^ *p) * 0x100000001b3u;
    return h ^ h >> 29;
}

static galen_status add_name(gal_onnx_reader *reader, gal_wire text, uint32_t *slot, uint32_t *id, galen_error *err) {
    gal_onnx_names *names = &reader->names;
    if (names->n_entry == names->max_entry) return gal_fail(err, GALEN_ERR_INTERNAL, "more names than were counted");
    gal_onnx_name *entry = &names->entry[names->n_entry];
    GAL_TRY(gal_onnx_text(text, GAL_ONNX_MAX_TEXT, &reader->scratch, "the name of a value", &entry->text, err));
    entry->size = gal_wire_left(text);
    *id = *slot = (uint32_t)names->n_entry++;
    return GALEN_OK;
}

galen_status gal_onnx_name_id(gal_onnx_reader *reader, gal_wire text, uint32_t *id, galen_error *err) {
    gal_onnx_names *names = &reader->names;
    size_t size = gal_wire_left(text), mask = names->n_slot - 1;
    *id = 0;
    if (size == 0) return GALEN_OK;
    size_t at = (size_t)hash_of(text) & mask;
    for (int probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) & mask) {
        uint32_t found = names->slot[at];
        if (found == 0) return add_name(reader, text, &names->slot[at], id, err);
        const gal_onnx_name *entry = &names->entry[found];
        if (entry->size == size && memcmp(entry->text, text.at, size) == 0) {
            *id = found;
            return GALEN_OK;
        }
    }
    return gal_fail(err, GALEN_ERR_LIMIT, "too many names of values collide: the file was made to be slow");
}
