/* Numbers as they were printed: how many digits stand there says what they may have been rounded from. */
#ifndef GAL_CLINIC_DECIMAL_H
#define GAL_CLINIC_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

enum { GAL_DECIMALS_MAX = 9 };

/* units / 10^decimals. */
typedef struct gal_decimal {
    int64_t units;
    int decimals; /* 0 to GAL_DECIMALS_MAX */
    bool given;   /* false: nothing was claimed */
    bool percent; /* a percent sign followed */
    bool cut;     /* more decimals stood there: it is between units and units + 1 */
} gal_decimal;

/*
 * Reads "95.8", "95,8", "95.8 %", "1 234" is refused. A decimal comma counts as a point. Empty text, "-", "n/a" and
 * "NA" give one that was not given. False for anything else: letters, exponents, a magnitude of 10^15 units or more.
 */
bool gal_decimal_read(const char *text, gal_decimal *out);

double gal_decimal_value(gal_decimal number);

/* How numbers may have been rounded when they were printed. */
typedef enum gal_rounding {
    GAL_ROUND_NEAREST,   /* to the nearest, halves either way */
    GAL_ROUND_HALF_UP,   /* halves away from zero */
    GAL_ROUND_HALF_EVEN, /* halves to the even digit */
    GAL_ROUND_TRUNCATE,  /* digits cut off */
    GAL_ROUND_ANY        /* any of these */
} gal_rounding;

/* The numbers that print as `number`, for number >= 0: from `low` to `high`, in half units of its last digit. */
typedef struct gal_printed {
    int64_t low, high;
    bool low_open, high_open; /* the end itself does not */
} gal_printed;

gal_printed gal_decimal_range(gal_decimal number, gal_rounding rounding);

/* The same as plain numbers, ends included. */
void gal_decimal_bounds(gal_decimal number, gal_rounding rounding, double *low, double *high);

#endif
