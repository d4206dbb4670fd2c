/*
 * Functions on vectors whose results are rounded to 16 bits at once: f32 in and out, relative error at most 2^-14 or
 * so, which moves a rounding to bf16 (half a unit is 2^-9) in one case of thirty and by one unit at most. A third of
 * the time of vec_math.h, whose division alone takes longer. Include after vec_math.h. NEON has no such scaling and a
 * reciprocal of eight bits only: there they are those of vec_math.h; in f16 too (GAL_TILE_F16), whose half unit of
 * 2^-12 they would move in one case of four.
 */
#if defined(__aarch64__) || defined(GAL_TILE_F16)
static inline vf vf_sigmoid_short(vf x) {
    return vf_sigmoid(x);
}
#else

/*
 * 2^t: a minimax polynomial of degree 4 for the fraction of t in [0, 1), relative error 2.6e-6, times 2^floor(t).
 * Overflows to infinity, underflows to zero, NaN stays NaN.
 */
static inline vf vf_exp2_short(vf t) {
    vf f = _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); /* t - floor(t) */
    vf p = vf_set(0.013534167911698657f);
    p = vf_fma(p, f, vf_set(0.05201146061904796f));
    p = vf_fma(p, f, vf_set(0.24144275688619402f));
    p = vf_fma(p, f, vf_set(0.6930038344710632f));
    p = vf_fma(p, f, vf_set(1.0000025933706653f));
    return _mm512_scalef_ps(p, t); /* takes floor(t) itself */
}

/* The reciprocal is the instruction's, within 2^-14. */
static inline vf vf_sigmoid_short(vf x) {
    vf e = vf_exp2_short(vf_mul(x, vf_set(-1.44269504088896341f)));
    return _mm512_rcp14_ps(vf_add(vf_set(1), e));
}
#endif
