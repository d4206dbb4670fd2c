/* Which build of Galen this is. */
#ifndef GAL_BASE_BUILD_H
#define GAL_BASE_BUILD_H

#include <stdbool.h>

enum { GAL_BUILD_ID_HEX = 65 };

/* The linker's build id of the program or library that holds this code, in hex: two builds that differ in a byte of
 * code differ in it. False when it was linked without one. */
bool gal_build_id(char out[GAL_BUILD_ID_HEX]);

#endif
