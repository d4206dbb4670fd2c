/*
 * One tap of a NEON register tile: four positions of each row come as one vector, whose lanes are multiplied one after
 * the other. Included once by each type after it defines MR and STEP(acc, w, x, lane).
 */
/* acc += a[lane] * w for all rows and vectors. */
#define LANE(lane)                                                                                                     \
    do {                                                                                                               \
        vf w_[2];                                                                                                      \
        GAL_UNROLL                                                                                                     \
        for (int j = 0; j < nv; j++) w_[j] = vf_load(b + ((lane)*nv + j) * VF);                                        \
        GAL_UNROLL                                                                                                     \
        for (int i = 0; i < mr; i++) {                                                                                 \
            GAL_UNROLL                                                                                                 \
            for (int j = 0; j < nv; j++) acc[i][j] = STEP(acc[i][j], w_[j], a[i], lane);                               \
        }                                                                                                              \
    } while (0)

static inline __attribute__((always_inline)) void tile_segment(const float *const *row, const float *b, size_t seg,
                                                               vf acc[MR][2], const int mr, const int nv) {
    vf a[MR];
    size_t k = 0;
    for (; k + VF <= seg; k += VF, b += VF * nv * VF) {
        GAL_UNROLL
        for (int i = 0; i < mr; i++) a[i] = vf_load(row[i] + k);
        LANE(0);
        LANE(1);
        LANE(2);
        LANE(3);
    }
    for (; k < seg; k++, b += nv * VF) {
        GAL_UNROLL
        for (int i = 0; i < mr; i++) a[i] = vf_set(row[i][k]);
        LANE(0);
    }
}

#undef LANE
