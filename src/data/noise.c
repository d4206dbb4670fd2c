/* Noise with a given radial spectrum: white noise, shaped between two Fourier transforms. */
#include "data/phantom.h"

#include <math.h>

enum { N = GAL_APPEARANCE_SIDE, LOG2_N = 7 };

/* e^(-2 pi i k / N) for all k: products of the N/2^b-th roots, which half-angle formulas give by square roots alone. */
static void roots(double w[N][2]) {
    double root[LOG2_N][2], c = -1, s = 0; /* the angle pi, halved each time */
    for (int b = LOG2_N - 1; b >= 0; b--) {
        root[b][0] = c;
        root[b][1] = -s;
        s = sqrt((1 - c) / 2);
        c = sqrt((1 + c) / 2);
    }
    for (int k = 0; k < N; k++) {
        double re = 1, im = 0;
        for (int b = 0; b < LOG2_N; b++) {
            if (!(k >> b & 1)) continue;
            double t = re * root[b][0] - im * root[b][1];
            im = re * root[b][1] + im * root[b][0];
            re = t;
        }
        w[k][0] = re;
        w[k][1] = im;
    }
}

static void swap_pair(double *a, double *b) {
    for (int i = 0; i < 2; i++) {
        double t = a[i];
        a[i] = b[i];
        b[i] = t;
    }
}

/* In place, N pairs `step` pairs apart; radix 2, decimation in time. */
static void transform(double (*v)[2], int step, const double w[N][2]) {
    for (int i = 1, j = 0; i < N; i++) {
        int bit = N / 2;
        for (; j & bit; bit /= 2) j ^= bit;
        j |= bit;
        if (i < j) swap_pair(v[i * step], v[j * step]);
    }
    for (int half = 1; half < N; half *= 2)
        for (int i = 0; i < N; i += 2 * half)
            for (int k = 0; k < half; k++) {
                const double *r = w[k * (N / 2 / half)];
                double *a = v[(i + k) * step], *b = v[(i + k + half) * step];
                double re = b[0] * r[0] - b[1] * r[1], im = b[0] * r[1] + b[1] * r[0];
                b[0] = a[0] - re;
                b[1] = a[1] - im;
                a[0] += re;
                a[1] += im;
            }
}

static void transform_2d(double (*v)[2], const double w[N][2]) {
    for (int y = 0; y < N; y++) transform(v + y * N, 1, w);
    for (int x = 0; x < N; x++) transform(v + x, N, w);
}

void gal_noise_field(gal_rng *rng, const double band[GAL_APPEARANCE_BANDS], double *out, double (*scratch)[2]) {
    double w[N][2];
    roots(w);
    for (int i = 0; i < N * N; i++) {
        scratch[i][0] = gal_rng_normal(rng);
        scratch[i][1] = 0;
    }
    transform_2d(scratch, w);
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++) {
            int fy = y < N / 2 ? y : N - y, fx = x < N / 2 ? x : N - x;
            int r = (int)(sqrt((double)(fx * fx + fy * fy)) + 0.5);
            double gain = band[r < GAL_APPEARANCE_BANDS ? r : GAL_APPEARANCE_BANDS - 1] / (N * N);
            scratch[y * N + x][0] *= gain;
            scratch[y * N + x][1] *= -gain; /* conjugate in: the forward transform then goes back */
        }
    transform_2d(scratch, w);
    for (int i = 0; i < N * N; i++) out[i] = scratch[i][0];
}
