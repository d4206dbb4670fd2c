/* A hash table of texts. */
#include "data/texts.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo), folded. */
static size_t hash(const char *text, size_t n) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

void gal_texts_init(gal_texts *names, gal_arena *arena) {
    *names = (gal_texts){.arena = arena};
}

void gal_texts_free(gal_texts *names) {
    gal_free(names->name);
    gal_free(names->slot);
    *names = (gal_texts){.arena = names->arena};
}

/* Where a text is, or the empty slot for it. */
static size_t *find(const gal_texts *names, const char *text, size_t n) {
    size_t mask = 2 * names->capacity - 1, at = hash(text, n) & mask;
    for (;; at = (at + 1) & mask) {
        if (names->slot[at] == 0) return &names->slot[at];
        const char *known = names->name[names->slot[at] - 1];
        if (!strncmp(known, text, n) && known[n] == 0) return &names->slot[at];
    }
}

static galen_status grow(gal_texts *names, galen_error *err) {
    size_t capacity = names->capacity ? 2 * names->capacity : 64; /* a power of two */
    const char **name = gal_realloc(names->name, capacity, sizeof *name);
    if (!name) return gal_fail_memory(err, "a list of names", capacity * sizeof *name);
    names->name = name;
    size_t *slot = gal_calloc(2 * capacity, sizeof *slot);
    if (!slot) return gal_fail_memory(err, "a list of names", 2 * capacity * sizeof *slot);
    gal_free(names->slot);
    names->slot = slot;
    names->capacity = capacity;
    for (size_t i = 0; i < names->count; i++) *find(names, name[i], strlen(name[i])) = i + 1;
    return GALEN_OK;
}

galen_status gal_texts_add(gal_texts *names, const char *text, size_t n, size_t *index, bool *fresh, galen_error *err) {
    if (names->count == names->capacity) GAL_TRY(grow(names, err));
    size_t *slot = find(names, text, n);
    if (fresh) *fresh = *slot == 0;
    if (*slot == 0) {
        char *copy = gal_arena_text(names->arena, text, n);
        if (!copy) return gal_fail_memory(err, "a name", n);
        names->name[names->count] = copy;
        *slot = ++names->count;
    }
    *index = *slot - 1;
    return GALEN_OK;
}
