/* Diagnostics. The library never prints: it hands each line to the callback set here, if any. */
#ifndef GALEN_LOG_H
#define GALEN_LOG_H

#include <galen/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum galen_log_level { GALEN_LOG_DEBUG, GALEN_LOG_INFO, GALEN_LOG_WARNING } galen_log_level;

/* Called from any thread, never re-entered by the same thread. `line` is valid during the call only. */
typedef void (*galen_log_fn)(void *user, galen_log_level level, const char *line);

/* Sets the callback of the process; NULL silences it. Set it before other threads use the library. */
GALEN_API void galen_log_set(galen_log_fn fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
