/* What speaks against trusting a score on one picture. */
#ifndef GALEN_GATE_H
#define GALEN_GATE_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One finding, named in a word ("blank", "unusual"; docs/watching.md has all). It says that the picture is not as the
 * model's pictures were, not that the score is wrong.
 */
typedef struct galen_gate {
    const char *name;    /* static */
    double value, limit; /* what was measured, and where the finding begins */
} galen_gate;

#ifdef __cplusplus
}
#endif
#endif
