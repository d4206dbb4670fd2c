/* The table of value names: FNV-1a and linear probing. */
#include "graph/names.h"

#include "base/mem.h"

#include <string.h>

static size_t hash(const char *s) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return (size_t)(h ^ h >> 29);
}

/* The slot that holds `name`, or the empty slot where it would go. */
static gal_value **locate(const gal_names *names, const char *name) {
    size_t i = hash(name) & (names->size - 1);
    while (names->slot[i] && strcmp(names->slot[i]->name, name) != 0) i = (i + 1) & (names->size - 1);
    return &names->slot[i];
}

gal_value *gal_names_find(const gal_names *names, const char *name) {
    return names->size ? *locate(names, name) : NULL;
}

static bool grow(gal_names *names) {
    gal_names bigger = {.size = names->size ? names->size * 2 : 64, .used = names->used};
    bigger.slot = gal_calloc(bigger.size, sizeof *bigger.slot);
    if (!bigger.slot) return false;
    for (size_t i = 0; i < names->size; i++)
        if (names->slot[i]) *locate(&bigger, names->slot[i]->name) = names->slot[i];
    gal_free(names->slot);
    *names = bigger;
    return true;
}

bool gal_names_add(gal_names *names, gal_value *value) {
    if (names->used * 2 >= names->size && !grow(names)) return false;
    *locate(names, value->name) = value;
    names->used++;
    return true;
}

void gal_names_swap(gal_names *names, gal_value *a, gal_value *b) {
    gal_value **at_a = locate(names, a->name), **at_b = locate(names, b->name);
    const char *name = a->name;
    a->name = b->name;
    b->name = name;
    *at_a = b;
    *at_b = a;
}

void gal_names_free(gal_names *names) {
    gal_free(names->slot);
    *names = (gal_names){0};
}
