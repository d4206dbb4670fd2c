/* The tiny protocol of measured processes: a line of JSON when ready, then an answer to each request read. */
#ifndef PEERS_PEER_H
#define PEERS_PEER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct peer_work {
    void *context;
    void (*run)(void *context);                     /* once; ends the process when it fails */
    bool (*write)(void *context, const char *path); /* the outputs as raw f32; NULL: has none */
} peer_work;

/*
 * Answers "run SECONDS" with {"ms": [...]}, the time of every run of about that many seconds, and "write PATH" with {}
 * after writing the outputs of one run there. Returns the exit code at the end of the input.
 */
int peer_serve(const peer_work *work);

#endif
