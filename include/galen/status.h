/* Status codes and the error object of every fallible function in libgalen. */
#ifndef GALEN_STATUS_H
#define GALEN_STATUS_H

#include <galen/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numeric values are frozen: programs may store and compare them. */
typedef enum galen_status {
    GALEN_OK = 0,
    GALEN_ERR_ARGUMENT = 1,    /* the caller passed something that can never work */
    GALEN_ERR_FORMAT = 2,      /* a file or message is damaged or breaks its own format */
    GALEN_ERR_UNSUPPORTED = 3, /* well-formed, but Galen does not do it; the message names what */
    GALEN_ERR_LIMIT = 4,       /* larger than the limit set for untrusted input */
    GALEN_ERR_IO = 5,          /* the operating system said no: missing, no permission, disk full */
    GALEN_ERR_MEMORY = 6,      /* out of memory */
    GALEN_ERR_NUMERIC = 7,     /* NaN or infinity where a number is required */
    GALEN_ERR_INTERNAL = 8,    /* a bug in Galen */
    GALEN_ERR_SPACE = 9        /* no room left to write: disk, quota or file size limit */
} galen_status;

enum { GALEN_ERROR_MAX = 512 };

/*
 * Filled on failure, untouched on success. Owned by the caller, usually on the stack; needs no release.
 * `message` is one line without a newline that names the file, place and remedy.
 * Every function that takes a `galen_error *` accepts NULL.
 */
typedef struct galen_error {
    galen_status status;
    char message[GALEN_ERROR_MAX];
} galen_error;

/* A short lower-case name such as "out of memory". Static storage; never NULL. */
GALEN_API const char *galen_status_name(galen_status status);

#ifdef __cplusplus
}
#endif
#endif
