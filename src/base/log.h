/* Internal side of galen/log.h. */
#ifndef GAL_BASE_LOG_H
#define GAL_BASE_LOG_H

#include <galen/log.h>
#include <stdbool.h>

/* Whether anybody listens at all; false saves the work of making lines. */
bool gal_log_active(void);

__attribute__((format(printf, 2, 3))) void gal_log(galen_log_level level, const char *format, ...);

#endif
