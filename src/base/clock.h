/* Monotonic time. */
#ifndef GAL_BASE_CLOCK_H
#define GAL_BASE_CLOCK_H

/* Seconds since an arbitrary start; never goes back. */
double gal_clock_seconds(void);

#endif
