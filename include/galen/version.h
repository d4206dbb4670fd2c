/* The library's version. */
#ifndef GALEN_VERSION_H
#define GALEN_VERSION_H

#include <galen/export.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GALEN_VERSION_MAJOR 0
#define GALEN_VERSION_MINOR 1
#define GALEN_VERSION_PATCH 0

/* "MAJOR.MINOR.PATCH" of the library that is loaded. Static storage. */
GALEN_API const char *galen_version(void);

#ifdef __cplusplus
}
#endif
#endif
