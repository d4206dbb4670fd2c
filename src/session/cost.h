/*
 * What a schedule costs: an estimate from bytes and multiply-adds, so that the same model on the same machine is always
 * scheduled alike. Its constants are those of one kind of machine; a wrong guess costs time, never a bit of the result.
 */
#ifndef GAL_SESSION_COST_H
#define GAL_SESSION_COST_H

#include "session/internal.h"

/* A block that a step reads or writes. */
typedef struct gal_port {
    uint32_t block;
    double bytes; /* an image, moved by this step */
} gal_port;

/* One step's work for an image. */
typedef struct gal_load {
    bool apart;   /* may run on a few images at a time */
    double flop;  /* arithmetic */
    double inner; /* share of it left when tiles hold the same pixel of several images, so that padding is skipped */
    double rows;  /* of the left operand of its matrix product */
    double tile;  /* rows of a full register tile */
    double speed; /* arithmetic a second, one core */
    double weights;
    uint32_t port, n_port;
} gal_load;

typedef struct gal_cost_model {
    const gal_session *session;
    double threads, batch; /* the largest batch */
    double near, far;      /* bytes of a core's own cache, and of all own ones with the shared one, to count on */
    gal_load *load;        /* by step */
    gal_port *port;
} gal_cost_model;

/* A segment that grows step by step. */
typedef struct gal_estimate {
    uint32_t first;
    double group, share; /* images of a group; images a thread computes in all. group 0: the whole batch */
    double stay, again;  /* seconds an image when weights stay in the near cache, and when each group reads them */
    double weights, alive, peak; /* bytes of all weights; of values alive now, an image, and at most, a group */
} gal_estimate;

/* Reads the session's steps and blocks. Release with gal_cost_model_free, also on failure. */
galen_status gal_cost_model_make(const gal_session *session, gal_cost_model *model, galen_error *err);
void gal_cost_model_free(gal_cost_model *model);

/* An empty segment that begins with step `first`. group 0: whole batch of `share` images, all threads at each step. */
gal_estimate gal_estimate_start(uint32_t first, double group, double share);
/* Adds the next step. */
void gal_estimate_add(const gal_cost_model *model, gal_estimate *estimate, uint32_t step);
/* Seconds until all threads have computed their shares. */
double gal_estimate_seconds(const gal_cost_model *model, const gal_estimate *estimate);

#endif
