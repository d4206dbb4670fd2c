/* A square of floats transposed in registers. Include only from *_neon*.c. */
#include <arm_neon.h>
#include <stdint.h>

enum { SIDE = 4 };

/* Four rows of x, `plane` floats apart, become four columns of y, whose rows are `pixel` apart. */
static void block(const float *x, int64_t plane, float *y, int64_t pixel) {
    float64x2_t low[2], high[2];
    for (int i = 0; i < 2; i++) {
        float32x4_t a = vld1q_f32(x + 2 * i * plane), b = vld1q_f32(x + (2 * i + 1) * plane);
        low[i] = vreinterpretq_f64_f32(vzip1q_f32(a, b));
        high[i] = vreinterpretq_f64_f32(vzip2q_f32(a, b));
    }
    vst1q_f32(y, vreinterpretq_f32_f64(vzip1q_f64(low[0], low[1])));
    vst1q_f32(y + pixel, vreinterpretq_f32_f64(vzip2q_f64(low[0], low[1])));
    vst1q_f32(y + 2 * pixel, vreinterpretq_f32_f64(vzip1q_f64(high[0], high[1])));
    vst1q_f32(y + 3 * pixel, vreinterpretq_f32_f64(vzip2q_f64(high[0], high[1])));
}
