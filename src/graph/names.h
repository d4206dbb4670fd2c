/* The table of value names of a graph. */
#ifndef GAL_GRAPH_NAMES_H
#define GAL_GRAPH_NAMES_H

#include "graph/graph.h"

/* Open addressing over values; the names themselves belong to the values. */
typedef struct gal_names {
    gal_value **slot;
    size_t size, used; /* size is a power of two */
} gal_names;

gal_value *gal_names_find(const gal_names *names, const char *name);
/* `value` is found under its name from now on; false when out of memory. The name must be new. */
bool gal_names_add(gal_names *names, gal_value *value);
/* Exchanges the names of two values that are both in the table. */
void gal_names_swap(gal_names *names, gal_value *a, gal_value *b);
void gal_names_free(gal_names *names);

#endif
