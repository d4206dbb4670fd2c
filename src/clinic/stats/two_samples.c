/* Independent groups. */
#include "clinic/stats/two_samples.h"

#include <math.h>

gal_interval gal_newcombe_independent(const gal_two_shares *s, double z) {
    if (s->cases[0] == 0 || s->cases[1] == 0) return (gal_interval){-1, 1};
    double p[2], low[2], high[2];
    for (int i = 0; i < 2; i++) {
        gal_interval wilson = gal_wilson(s->hits[i], s->cases[i], z);
        p[i] = (double)s->hits[i] / (double)s->cases[i];
        low[i] = p[i] - wilson.low, high[i] = wilson.high - p[i];
    }
    double difference = p[0] - p[1];
    return (gal_interval){difference - hypot(low[0], high[1]), difference + hypot(high[0], low[1])};
}

/* Tables with the margins of one, by the first group's hits; the likeliest has weight 1. */
typedef struct tables {
    double hits, misses, first, least, most, likeliest;
} tables;

/* The weight of k + 1 over that of k. */
static double ratio(const tables *t, double k) {
    return (t->hits - k) * (t->first - k) / ((k + 1) * (t->misses - t->first + k + 1));
}

/* The sum of weights from the likeliest on in one direction, beyond it; of those at most `limit`. */
static double sum_beyond(const tables *t, int step, double limit) {
    double sum = 0, weight = 1;
    for (double k = t->likeliest; step > 0 ? k < t->most : k > t->least; k += step) {
        weight *= step > 0 ? ratio(t, k) : 1 / ratio(t, k - 1);
        if (weight <= limit) sum += weight;
        if (weight < 1e-30 * sum || weight == 0) break;
    }
    return sum;
}

static double weight_of(const tables *t, double at) {
    double weight = 1;
    for (double k = t->likeliest; k < at && weight > 0; k++) weight *= ratio(t, k);
    for (double k = t->likeliest; k > at && weight > 0; k--) weight /= ratio(t, k - 1);
    return weight;
}

double gal_fisher_exact(const gal_two_shares *s) {
    tables t = {.hits = (double)s->hits[0] + (double)s->hits[1], .first = (double)s->cases[0]};
    t.misses = (double)s->cases[0] + (double)s->cases[1] - t.hits;
    t.least = fmax(0, t.first - t.misses), t.most = fmin(t.first, t.hits);
    if (t.least == t.most) return 1;
    t.likeliest = floor((t.first + 1) * (t.hits + 1) / (t.hits + t.misses + 2));
    t.likeliest = fmin(fmax(t.likeliest, t.least), t.most);
    double limit = weight_of(&t, (double)s->hits[0]) * (1 + 1e-7);
    if (limit >= 1) return 1;
    double all = 1 + sum_beyond(&t, -1, 2) + sum_beyond(&t, 1, 2);
    return fmin((sum_beyond(&t, -1, limit) + sum_beyond(&t, 1, limit)) / all, 1);
}

size_t gal_holm(const double *p, size_t count, double *adjusted) {
    size_t tested = 0, done = 0;
    double last = -1, highest = 0;
    for (size_t i = 0; i < count; i++) tested += !isnan(p[i]);
    if (adjusted != p)
        for (size_t i = 0; i < count; i++) adjusted[i] = p[i];
    /* The smallest left, again and again; a sign marks those that are done, so that p may be adjusted in place. */
    while (done < tested) {
        double least = INFINITY;
        size_t equal = 0;
        for (size_t i = 0; i < count; i++)
            if (adjusted[i] > last) least = fmin(least, adjusted[i]);
        for (size_t i = 0; i < count; i++) equal += adjusted[i] == least;
        highest = fmax(highest, fmin((double)(tested - done) * least, 1));
        for (size_t i = 0; i < count; i++)
            if (adjusted[i] == least) adjusted[i] = -highest;
        done += equal;
        last = least;
    }
    for (size_t i = 0; i < count; i++) adjusted[i] = fabs(adjusted[i]);
    return tested;
}
