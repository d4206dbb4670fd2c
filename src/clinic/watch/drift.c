/* Population stability, Kolmogorov-Smirnov, cumulative sums. */
#include "clinic/watch/drift.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_PRODUCT = 10000000 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *sorted_copy(const double *value, size_t n) {
    double *copy = gal_calloc(n, sizeof *copy);
    if (!copy) return NULL;
    memcpy(copy, value, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, ascending);
    return copy;
}

/* ---- population stability ---- */

galen_status gal_psi_edges(const double *value, size_t count, int bins, double *edge, int *edges, galen_error *err) {
    *edges = 0;
    if (bins < 2 || bins > GAL_PSI_MAX_BINS || count < (size_t)bins)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d bins of %zu numbers: from 2 to %d, and a number for each", bins,
                        count, GAL_PSI_MAX_BINS);
    double *sorted = sorted_copy(value, count);
    if (!sorted) return gal_fail_memory(err, "the bins of a distribution", count * sizeof *sorted);
    for (int b = 1; b < bins; b++) {
        double first = sorted[count * (size_t)b / (size_t)bins];
        if (first > sorted[0] && (*edges == 0 || first > edge[*edges - 1])) edge[(*edges)++] = first;
    }
    gal_free(sorted);
    return GALEN_OK;
}

void gal_psi_count(const double *value, size_t count, const double *edge, int edges, uint64_t *bin) {
    for (size_t i = 0; i < count; i++) {
        int b = 0;
        while (b < edges && value[i] >= edge[b]) b++;
        bin[b]++;
    }
}

double gal_chi_squared_tail(double x, int k) {
    if (!(x > 0) || k < 1) return isnan(x) ? x : 1;
    /* Q(k/2, x/2): from Q(1, y) = exp(-y) or Q(1/2, y) = erfc(sqrt y) up by y^a exp(-y) / Gamma(a + 1). */
    double y = x / 2, a = k % 2 ? 0.5 : 1;
    double q = k % 2 ? erfc(sqrt(y)) : exp(-y);
    for (; a < k / 2.0; a += 1) q += exp(a * log(y) - y - lgamma(a + 1));
    return fmin(q, 1);
}

gal_psi gal_psi_of(const uint64_t *then, const uint64_t *now, int bins) {
    double n = 0, m = 0;
    gal_psi out = {NAN, NAN};
    for (int b = 0; b < bins; b++) n += (double)then[b], m += (double)now[b];
    if (bins < 2 || n == 0 || m == 0) return out;
    out.index = 0;
    for (int b = 0; b < bins; b++) {
        double e = ((double)then[b] + 0.5) / (n + 0.5 * bins), a = ((double)now[b] + 0.5) / (m + 0.5 * bins);
        out.index += (a - e) * log(a / e);
    }
    out.p = gal_chi_squared_tail(out.index / (1 / n + 1 / m), bins - 1);
    return out;
}

/* ---- Kolmogorov and Smirnov ---- */

/*
 * Of all orders of the two samples, the share whose path from (0, 0) to (n, m) stays nearer to the diagonal than
 * `step`. inside[j] is that share of the paths to (i, j), which come from (i - 1, j) with the chance i / (i + j).
 */
static double share_inside(size_t n, size_t m, double step, double *inside) {
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            double di = (double)i, dj = (double)j;
            bool near = fabs(di * (double)m - dj * (double)n) < step;
            double left = i > 0 ? inside[j] * di / (di + dj) : 0, below = j > 0 ? inside[j - 1] * dj / (di + dj) : 0;
            inside[j] = !near ? 0 : i + j == 0 ? 1 : left + below;
        }
    return inside[m];
}

/* Kolmogorov's limit, 2 sum (-1)^(k-1) exp(-2 k^2 x^2). */
static double kolmogorov_tail(double x) {
    double sum = 0;
    if (x < 0.3) return 1; /* within 1e-5; the sum converges slowly there */
    for (int k = 1; k <= 100; k++) sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return fmin(fmax(sum, 0), 1);
}

static galen_status exact_p(size_t n, size_t m, double step, double *p, galen_error *err) {
    double *inside = gal_calloc(m + 1, sizeof *inside);
    if (!inside) return gal_fail_memory(err, "a test of two samples", (m + 1) * sizeof *inside);
    *p = step > 0 ? fmax(1 - share_inside(n, m, step, inside), 0) : 1;
    gal_free(inside);
    return GALEN_OK;
}

/* step: the distance times n m. */
static galen_status judge_step(size_t n, size_t m, double step, gal_ks *out, galen_error *err) {
    double dn = (double)n, dm = (double)m;
    out->distance = step / (dn * dm);
    out->exact = dn * dm <= EXACT_PRODUCT;
    out->p = kolmogorov_tail(out->distance * sqrt(dn * dm / (dn + dm)));
    return out->exact ? exact_p(n, m, step, &out->p, err) : GALEN_OK;
}

galen_status gal_ks_of(const uint64_t *then, const uint64_t *now, int bins, gal_ks *out, galen_error *err) {
    size_t n = 0, m = 0;
    double most = 0, i = 0, j = 0;
    *out = (gal_ks){NAN, NAN, false};
    for (int b = 0; b < bins; b++) n += then[b], m += now[b];
    if (n == 0 || m == 0) return gal_fail(err, GALEN_ERR_ARGUMENT, "a test of two samples needs numbers in both");
    for (int b = 0; b < bins; b++) {
        i += (double)then[b], j += (double)now[b];
        most = fmax(most, fabs(i * (double)m - j * (double)n));
    }
    return judge_step(n, m, most, out, err);
}

/* ---- cumulative sums ---- */

galen_status gal_cusum_start(double mean, double deviation, double slack, double limit, gal_cusum *out,
                             galen_error *err) {
    bool good = isfinite(mean) && isfinite(deviation) && isfinite(slack) && isfinite(limit) && deviation > 0 &&
                limit > 0 && slack >= 0;
    if (!good)
        return gal_fail(
            err, GALEN_ERR_ARGUMENT,
            "cumulative sums need a deviation and a limit above 0 and a slack of at least 0, not %g, %g and %g",
            deviation, limit, slack);
    *out = (gal_cusum){.mean = mean, .deviation = deviation, .slack = slack, .limit = limit};
    return GALEN_OK;
}

gal_drift gal_cusum_add(gal_cusum *cusum, double value) {
    double z = (value - cusum->mean) / cusum->deviation;
    if (!isfinite(z)) z = cusum->slack + cusum->limit + 1;
    cusum->count++;
    if (cusum->high <= cusum->limit) {
        cusum->high = fmax(cusum->high + z - cusum->slack, 0);
        cusum->high_run = cusum->high > 0 ? cusum->high_run + 1 : 0;
    }
    if (cusum->low <= cusum->limit) {
        cusum->low = fmax(cusum->low - z - cusum->slack, 0);
        cusum->low_run = cusum->low > 0 ? cusum->low_run + 1 : 0;
    }
    if (cusum->high > cusum->limit) return GAL_DRIFT_UP;
    return cusum->low > cusum->limit ? GAL_DRIFT_DOWN : GAL_DRIFT_NONE;
}
