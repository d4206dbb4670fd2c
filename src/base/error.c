/* Making and decorating errors; names of status codes. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *galen_status_name(galen_status status) {
    static const char *const name[] = {
        [GALEN_OK] = "ok",
        [GALEN_ERR_ARGUMENT] = "wrong use",
        [GALEN_ERR_FORMAT] = "damaged input",
        [GALEN_ERR_UNSUPPORTED] = "not supported",
        [GALEN_ERR_LIMIT] = "beyond a limit",
        [GALEN_ERR_IO] = "input or output failed",
        [GALEN_ERR_MEMORY] = "out of memory",
        [GALEN_ERR_NUMERIC] = "not a number",
        [GALEN_ERR_INTERNAL] = "internal error",
        [GALEN_ERR_SPACE] = "no space left",
    };
    if ((unsigned)status >= sizeof name / sizeof name[0]) return "unknown status";
    return name[status];
}

/* Names inside files may hold anything: a message stays one printable line. */
static void make_one_line(char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f) *s = '?';
}

galen_status gal_fail(galen_error *err, galen_status status, const char *format, ...) {
    if (!err) return status;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n < 0) err->message[0] = '\0';
    make_one_line(err->message);
    err->status = status;
    return status;
}

galen_status gal_fail_in(galen_error *err, galen_status status, const char *what) {
    if (!err) return status;
    char message[GALEN_ERROR_MAX];
    memcpy(message, err->message, sizeof message);
    /* The end of a long message is worth less than its beginning. */
    size_t room = sizeof err->message - 1, lead = strlen(what);
    if (lead > room / 2) lead = room / 2;
    snprintf(err->message, sizeof err->message, "%.*s: %.*s", (int)lead, what, (int)(room - lead - 2), message);
    make_one_line(err->message);
    return err->status;
}

galen_status gal_fail_memory(galen_error *err, const char *what, unsigned long long bytes) {
    return gal_fail(err, GALEN_ERR_MEMORY, "out of memory: %s needs %llu bytes; free memory or raise the limit", what,
                    bytes);
}
