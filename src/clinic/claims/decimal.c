/* Printed numbers. */
#include "clinic/claims/decimal.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const int64_t powers[GAL_DECIMALS_MAX + 1] = {1,      10,      100,      1000,      10000,
                                                     100000, 1000000, 10000000, 100000000, 1000000000};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_nothing(const char *text) {
    static const char *const words[] = {"", "-", "n/a", "na", "nan", "none", "\xe2\x80\x93", "\xe2\x80\x94"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcasecmp(text, words[i])) return true;
    return false;
}

/* Digits with one point or comma among them; NULL when there is no digit or there are too many. */
static const char *digits(const char *s, gal_decimal *out) {
    const int64_t most = 1000000000000000;
    bool fraction = false, any = false;
    for (;; s++) {
        if (!fraction && (*s == '.' || *s == ',')) {
            fraction = true;
            continue;
        }
        if (!is_digit(*s)) break;
        any = true;
        if (fraction && out->decimals == GAL_DECIMALS_MAX) {
            out->cut = true;
            continue;
        }
        out->units = out->units * 10 + (*s - '0');
        out->decimals += fraction;
        if (out->units >= most) return NULL;
    }
    return any ? s : NULL;
}

bool gal_decimal_read(const char *text, gal_decimal *out) {
    *out = (gal_decimal){0};
    while (*text == ' ') text++;
    if (is_nothing(text)) return true;
    bool negative = *text == '-';
    text = digits(text + (negative || *text == '+'), out);
    if (!text) return false;
    while (*text == ' ') text++;
    if (*text == '%') out->percent = true, text++;
    while (*text == ' ') text++;
    if (negative) out->units = -out->units;
    out->given = true;
    return *text == 0;
}

double gal_decimal_value(gal_decimal number) {
    return (double)number.units / (double)powers[number.decimals];
}

gal_printed gal_decimal_range(gal_decimal number, gal_rounding rounding) {
    int64_t twice = 2 * number.units;
    bool odd = number.units % 2 != 0;
    if (number.cut) return (gal_printed){twice - 1, twice + 3, false, false};
    switch (rounding) {
    case GAL_ROUND_NEAREST: return (gal_printed){twice - 1, twice + 1, false, false};
    case GAL_ROUND_HALF_UP: return (gal_printed){twice - 1, twice + 1, false, true};
    case GAL_ROUND_HALF_EVEN: return (gal_printed){twice - 1, twice + 1, odd, odd};
    case GAL_ROUND_TRUNCATE: return (gal_printed){twice, twice + 2, false, true};
    case GAL_ROUND_ANY: break;
    }
    return (gal_printed){twice - 1, twice + 2, false, true};
}

void gal_decimal_bounds(gal_decimal number, gal_rounding rounding, double *low, double *high) {
    gal_printed range = gal_decimal_range(number, rounding);
    *low = (double)range.low / (2.0 * (double)powers[number.decimals]);
    *high = (double)range.high / (2.0 * (double)powers[number.decimals]);
}
