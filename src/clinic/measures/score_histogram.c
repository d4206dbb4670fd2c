/* Histograms of scores by class. */
#include "clinic/measures/score_histogram.h"

#include <math.h>

void gal_score_histogram(const gal_scores *s, size_t bins, double *negative, double *positive, size_t cases[2]) {
    double *share[2] = {negative, positive};
    cases[0] = cases[1] = 0;
    for (size_t k = 0; k < bins; k++) negative[k] = positive[k] = 0;
    for (size_t i = 0; i < s->count; i++) {
        double at = fmin(fmax(floor(s->score[i] * (double)bins), 0), (double)(bins - 1));
        share[s->positive[i] != 0][(size_t)at] += 1;
        cases[s->positive[i] != 0]++;
    }
    for (int kind = 0; kind < 2; kind++)
        for (size_t k = 0; k < bins && cases[kind] > 0; k++) share[kind][k] /= (double)cases[kind];
}
