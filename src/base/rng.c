/* Philox4x32-10 and what is drawn from it. */
#include "base/rng.h"

#include "base/refmath.h"

#include <math.h>

void gal_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

gal_rng gal_rng_make(uint64_t seed, uint64_t stream) {
    return (gal_rng){.seed = seed, .stream = stream};
}

static void block_at(const gal_rng *rng, uint64_t block, uint32_t out[4]) {
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)rng->stream,
                           (uint32_t)(rng->stream >> 32)};
    uint32_t key[2] = {(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)};
    gal_philox(counter, key, out);
}

uint32_t gal_rng_u32(gal_rng *rng) {
    uint32_t word[4];
    block_at(rng, rng->index >> 2, word);
    return word[rng->index++ & 3];
}

void gal_rng_block(gal_rng *rng, uint32_t out[4]) {
    uint64_t block = (rng->index + 3) >> 2;
    block_at(rng, block, out);
    rng->index = 4 * (block + 1);
}

double gal_rng_uniform(gal_rng *rng) {
    uint64_t high = gal_rng_u32(rng), low = gal_rng_u32(rng);
    return (double)((high << 21) ^ (low >> 11)) * 0x1p-53;
}

static double poly(const double *c, int n, double x) {
    double y = c[n - 1];
    for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
    return y;
}

/* Inverse of the standard normal distribution: algorithm AS 241 (PPND16), M. J. Wichura, Applied Statistics 37 (1988).
 */
static double normal_quantile(double p) {
    static const double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                               1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                               3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[] = {1.0,
                               4.2313330701600911252e1,
                               6.8718700749205790830e2,
                               5.3941960214247511077e3,
                               2.1213794301586595867e4,
                               3.9307895800092710610e4,
                               2.8729085735721942674e4,
                               5.2264952788528545610e3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                               3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                               2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * poly(a, 8, r) / poly(b, 8, r);
    }
    double r = sqrt(-gal_ref_log(q < 0 ? p : 1 - p)), x;
    if (r <= 5)
        x = poly(c, 8, r - 1.6) / poly(d, 8, r - 1.6);
    else
        x = poly(e, 8, r - 5) / poly(f, 8, r - 5);
    return q < 0 ? -x : x;
}

double gal_rng_normal(gal_rng *rng) {
    /* Half a step up keeps the argument inside (0, 1). */
    return normal_quantile(gal_rng_uniform(rng) + 0x1p-54);
}
