/* Making and decorating errors. */
#ifndef GAL_BASE_ERROR_H
#define GAL_BASE_ERROR_H

#include <galen/status.h>

/* Fills *err (may be NULL) with a one-line message and returns `status`, so that `return gal_fail(...)` reads as one
 * step. */
__attribute__((format(printf, 3, 4))) galen_status gal_fail(galen_error *err, galen_status status, const char *format,
                                                            ...);

/* Puts "what: " in front of the message already in *err; returns err's status (or `status` when err is NULL). */
galen_status gal_fail_in(galen_error *err, galen_status status, const char *what);

/* The one message for a failed allocation: `what` names the thing that did not fit. */
galen_status gal_fail_memory(galen_error *err, const char *what, unsigned long long bytes);

/* Evaluates a galen_status expression and returns it from the caller when it is not GALEN_OK. */
#define GAL_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        galen_status gal_try_ = (expr);                                                                                \
        if (gal_try_ != GALEN_OK) return gal_try_;                                                                     \
    } while (0)

#endif
