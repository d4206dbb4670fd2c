/* Guarded buffers by mmap. */
#include "guard.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0xa5 };

bool guard_readable = false;

guarded guard_make(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (size + page - 1) / page * page + page;
    guarded g = {.size = size, .mapped = body + page};
    g.map = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED || mprotect((char *)g.map + body, page, guard_readable ? PROT_READ : PROT_NONE) != 0) {
        perror("galen-check: no memory for a guarded buffer");
        exit(4);
    }
    memset(g.map, PATTERN, body);
    g.data = (char *)g.map + body - size;
    return g;
}

bool guard_intact(const guarded *g) {
    for (const uint8_t *p = g->map; p < (const uint8_t *)g->data; p++) {
        if (*p != PATTERN) return false;
    }
    return true;
}

void guard_free(guarded *g) {
    munmap(g->map, g->mapped);
    *g = (guarded){0};
}
