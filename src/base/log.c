/* Hands diagnostic lines to the program's callback. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static galen_log_fn callback;
static void *callback_user;

void galen_log_set(galen_log_fn fn, void *user) {
    callback = fn;
    callback_user = user;
}

bool gal_log_active(void) {
    return callback != NULL;
}

void gal_log(galen_log_level level, const char *format, ...) {
    if (!callback) return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    callback(callback_user, level, line);
}
