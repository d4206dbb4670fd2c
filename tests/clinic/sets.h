/* Case sets made from arrays, for tests of what two sets give. */
#ifndef GAL_TEST_CLINIC_SETS_H
#define GAL_TEST_CLINIC_SETS_H

#include "clinic/cases/cases.h"
#include "clinic/golden.h"

/* Ids "c000", "c001", ... from `first` on; binary. The caller frees the set. */
static inline void sets_binary(const double *score, const uint8_t *positive, size_t count, bool logits,
                               gal_case_set *out) {
    galen_error err;
    assert_ok(gal_case_set_make(GAL_CASE_BINARY, count, 1, out, &err), err);
    out->logits = logits;
    out->class_name[0] = "PNEUMONIA";
    out->negative = "NORMAL";
    for (size_t k = 0; k < count; k++) {
        out->id[k] = gal_arena_printf(&out->arena, "c%03zu", k);
        out->score[k] = score[k];
        out->positive[k] = positive[k];
    }
    assert_ok(gal_case_set_finish(out, NULL, &err), err);
}

/* score[count][classes]: probabilities; label[count]. */
static inline void sets_multiclass(const double *score, const uint32_t *label, size_t count, int classes,
                                   gal_case_set *out) {
    galen_error err;
    assert_ok(gal_case_set_make(GAL_CASE_MULTICLASS, count, classes, out, &err), err);
    for (int c = 0; c < classes; c++) out->class_name[c] = gal_arena_printf(&out->arena, "class %c", 'A' + c);
    for (size_t k = 0; k < count; k++) {
        out->id[k] = gal_arena_printf(&out->arena, "c%03zu", k);
        out->label[k] = label[k];
        memcpy(out->score + k * (size_t)classes, score + k * (size_t)classes, (size_t)classes * sizeof *score);
    }
    assert_ok(gal_case_set_finish(out, NULL, &err), err);
}

/* The shared folder's logits of two models on the 624 test X-rays: cxr64-small, cxr64-resnet18. */
static inline void sets_xrays(gal_case_set out[2]) {
    static const char *const model[] = {"cxr64-small", "cxr64-resnet18"};
    static golden_set drawn;
    for (int side = 0; side < 2; side++) {
        golden_logits(model[side], &drawn);
        sets_binary(drawn.score, drawn.positive, drawn.count, true, &out[side]);
    }
}

#endif
