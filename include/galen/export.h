/* Symbol visibility of the public functions. */
#ifndef GALEN_EXPORT_H
#define GALEN_EXPORT_H

#if defined(__GNUC__)
#define GALEN_API __attribute__((visibility("default")))
#else
#define GALEN_API
#endif

#endif
