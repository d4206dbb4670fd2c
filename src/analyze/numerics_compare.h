/* One layer's result against the reference's, element by element, whatever its type and the order it lies in. */
#ifndef GAL_ANALYZE_NUMERICS_COMPARE_H
#define GAL_ANALYZE_NUMERICS_COMPARE_H

#include "graph/graph.h"

typedef enum gal_order { GAL_ORDER_SAME, GAL_ORDER_CHANNELS_LAST, GAL_ORDER_EITHER } gal_order;

typedef struct gal_comparison {
    const gal_value *truth;
    galen_dtype dtype;
    gal_order order;
    int64_t channels, area, in_row;   /* of the reference: C, H * W; elements of a row of the result's last dimension */
    const galen_tensor *scale, *zero; /* of the result: NULL when it is no quantised value */
    const galen_tensor *truth_scale, *truth_zero; /* of the reference, likewise */
    double elements, max_error, sum_error, largest, square, square_error, at_low, at_high, not_finite;
} gal_comparison;

/*
 * Prepares the comparison of a result of that shape and type with `truth`, the reference's value; `value` is the value
 * of the model under test that it is. False when their elements do not correspond.
 */
bool gal_comparison_make(gal_comparison *c, const gal_value *value, const gal_value *truth, const gal_shape *shape,
                         galen_dtype dtype);
/* Adds one item: `reference` as many elements as `truth` has, `got` with rows `pitch` elements apart. */
void gal_comparison_add(gal_comparison *c, const double *reference, const galen_tensor *got, int64_t pitch);

#endif
