/* How far a session's numbers lie from the model computed in f64, layer by layer: the layers of a numerics passport. */
#ifndef GAL_ANALYZE_NUMERICS_H
#define GAL_ANALYZE_NUMERICS_H

#include "session/session.h"

typedef struct gal_numerics gal_numerics;

typedef struct gal_numerics_layer {
    gal_step_info step; /* of the session under test */
    const char *value;  /* the model's value that the step's first output is compared with */
    galen_dtype dtype;  /* of that output */
    double elements;    /* compared, all images together */
    double max_error;   /* |got - reference|, largest */
    double mean_error;  /* and on average */
    double scale;       /* largest |reference| */
    double snr_db;      /* 10 log10(sum reference^2 / sum (got - reference)^2); infinite when every bit agrees */
    double at_low;      /* elements at the lowest value of an integer type, unless that stands for 0 */
    double at_high;     /* elements at the highest value of an integer type, or at the largest half */
    double not_finite;  /* infinite or NaN where the reference is finite */
} gal_numerics_layer;

typedef struct gal_numerics_options {
    gal_isa isa;
    galen_dtype precision;
    int threads; /* 0: all this process may use */
} gal_numerics_options;

/*
 * `tested` is planned as galen predict plans it, in that precision. `plain` is the same model loaded again; `parent` is
 * NULL, or the model it was quantised from. The parent, or else `plain`, is run in f64 by the plain C references: it is
 * what layers are compared with. All graphs are rewritten; the caller keeps the model files mapped and destroys the
 * graphs after the numerics. Layers are matched by the names of the model's values, which survive the passes
 * (gal_graph_note_origins); what a pass merged is compared at its end. With a parent also by the names of what was
 * quantised. A quantised value is compared as the real number it stands for.
 */
galen_status gal_numerics_create(gal_graph *tested, gal_graph *plain, gal_graph *parent,
                                 const gal_numerics_options *options, gal_numerics **out, galen_error *err);
void gal_numerics_destroy(gal_numerics *numerics);

/*
 * Runs one item (batch 1) in both and adds it to every layer. in[i] is input i as the tested graph takes it. Numbers
 * that are not finite are counted, not refused.
 */
galen_status gal_numerics_add(gal_numerics *numerics, const void *const *in, galen_error *err);

/* Layers that could be matched, in the order they run; steps that could not are counted by *unmatched. */
size_t gal_numerics_layers(const gal_numerics *numerics, size_t *unmatched);
gal_numerics_layer gal_numerics_layer_at(const gal_numerics *numerics, size_t index);

/* The first output of the last item: as many scores in f64 as the session gives; NULL before the first item. */
size_t gal_numerics_scores(const gal_numerics *numerics, const double **reference, const double **got);

const gal_session *gal_numerics_session(const gal_numerics *numerics);

#endif
