/* Curves from sorted scores, and their thinning. */
#include "clinic/measures/curves.h"

#include "base/error.h"
#include "base/mem.h"
#include "clinic/measures/precision.h"
#include "clinic/measures/ranked.h"

#include <math.h>
#include <stdbool.h>

void gal_curve_free(gal_curve *curve) {
    gal_free(curve->point);
    *curve = (gal_curve){0};
}

galen_status gal_roc_curve(const gal_scores *s, gal_curve *out, galen_error *err) {
    gal_ranked *r;
    size_t positives, found = 0, points = 0;
    GAL_TRY(gal_rank(s, &r, &positives, err));
    double p = (double)positives, n = (double)(s->count - positives);
    gal_curve_point *point = gal_calloc(s->count + 1, sizeof *point);
    if (point != NULL) point[points++] = (gal_curve_point){INFINITY, 0, 0};
    for (size_t i = 0; point != NULL && i < s->count; i++) {
        found += r[i].positive;
        if (i + 1 < s->count && r[i + 1].score == r[i].score) continue;
        point[points++] = (gal_curve_point){r[i].score, (double)(i + 1 - found) / n, (double)found / p};
    }
    gal_free(r);
    if (point == NULL) return gal_fail_memory(err, "a ROC curve", (s->count + 1) * sizeof *point);
    *out = (gal_curve){point, points, points};
    return GALEN_OK;
}

galen_status gal_recall_curve(const gal_scores *s, gal_curve *out, galen_error *err) {
    gal_precision_point *exact;
    size_t count;
    GAL_TRY(gal_precision_curve(s, &exact, &count, err));
    gal_curve_point *point = gal_calloc(count, sizeof *point);
    for (size_t i = 0; point != NULL && i < count; i++)
        point[i] = (gal_curve_point){exact[i].threshold, exact[i].recall, exact[i].precision};
    gal_free(exact);
    if (point == NULL) return gal_fail_memory(err, "a precision-recall curve", count * sizeof *point);
    *out = (gal_curve){point, count, count};
    return GALEN_OK;
}

/* Does b lie on or below the straight line from a to c? */
static bool below(const gal_curve_point *a, const gal_curve_point *b, const gal_curve_point *c) {
    return (b->x - a->x) * (c->y - a->y) >= (c->x - a->x) * (b->y - a->y);
}

/* Indices of the upper hull's corners, ends included; Andrew, Information Processing Letters 9, 1979. */
static size_t hull_of(const gal_curve *curve, size_t *corner) {
    size_t corners = 0;
    for (size_t i = 0; i < curve->count; i++) {
        while (corners >= 2 &&
               below(&curve->point[corner[corners - 2]], &curve->point[corner[corners - 1]], &curve->point[i]))
            corners--;
        corner[corners++] = i;
    }
    return corners;
}

static double step_to(const gal_curve_point *p) {
    return fabs(p[1].x - p[0].x) + fabs(p[1].y - p[0].y);
}

/* Marks the first point at or behind each of `steps` even steps of the curve's length. */
static void mark_even(const gal_curve *curve, size_t steps, uint8_t *kept) {
    double length = 0, passed = 0;
    for (size_t i = 0; i + 1 < curve->count; i++) length += step_to(curve->point + i);
    for (size_t i = 0, next = 1; i + 1 < curve->count && next <= steps; i++) {
        passed += step_to(curve->point + i);
        if (passed * (double)(steps + 1) < length * (double)next) continue;
        kept[i + 1] = 1;
        while (next <= steps && passed * (double)(steps + 1) >= length * (double)next) next++;
    }
}

galen_status gal_curve_thin(gal_curve *curve, size_t most, galen_error *err) {
    if (most < 8) return gal_fail(err, GALEN_ERR_ARGUMENT, "a curve of %zu points; at least 8 are needed", most);
    if (curve->count <= most) return GALEN_OK;
    uint8_t *kept = gal_calloc(curve->count, sizeof *kept);
    size_t *corner = gal_calloc(curve->count, sizeof *corner);
    if (kept == NULL || corner == NULL) {
        gal_free(kept);
        gal_free(corner);
        return gal_fail_memory(err, "thinning a curve", curve->count * (sizeof *kept + sizeof *corner));
    }
    size_t corners = hull_of(curve, corner), room = corners < most / 2 ? corners : most / 2, left = 0;
    size_t last = room > 1 ? room - 1 : 1; /* ends are always corners, so there are two */
    for (size_t k = 0; k <= last; k++) kept[corner[k * (corners - 1) / last]] = 1;
    mark_even(curve, most - room, kept);
    for (size_t i = 0; i < curve->count; i++)
        if (kept[i]) curve->point[left++] = curve->point[i];
    curve->count = left;
    gal_free(kept);
    gal_free(corner);
    return GALEN_OK;
}
