/* Texts that are numbered in order of appearance, each kept once. */
#ifndef GAL_DATA_TEXTS_H
#define GAL_DATA_TEXTS_H

#include "base/arena.h"

#include <galen/status.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct gal_texts {
    gal_arena *arena; /* owns the texts; must outlive this */
    const char **name;
    size_t count, capacity; /* of name */
    size_t *slot;           /* open addressing: index + 1, 0 for none; twice `capacity` of them */
} gal_texts;

void gal_texts_init(gal_texts *names, gal_arena *arena);
/* Frees all but the texts. */
void gal_texts_free(gal_texts *names);

/* The number of a text of n bytes, which is added when it is new (*fresh, which may be NULL). */
galen_status gal_texts_add(gal_texts *names, const char *text, size_t n, size_t *index, bool *fresh, galen_error *err);

#endif
