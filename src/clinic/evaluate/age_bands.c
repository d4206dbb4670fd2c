/* Ages in bands. */
#include "base/error.h"
#include "clinic/evaluate/subgroups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    double below; /* years */
    const char *name;
} bands[] = {{18, "0-17"}, {40, "18-39"}, {65, "40-64"}, {80, "65-79"}, {INFINITY, "80+"}};

enum { BANDS = sizeof bands / sizeof *bands };

static const double OLDEST = 130;

static bool is_age(const char *name) {
    static const char *const names[] = {"age", "patient age", "patient_age", "PatientAge"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0) return true;
    return false;
}

/* Years, or -1. */
static double years_of(const char *text) {
    static const struct {
        char letter;
        double years;
    } units[] = {{'\0', 1}, {'Y', 1}, {'M', 1.0 / 12}, {'W', 7 / 365.25}, {'D', 1 / 365.25}};
    char *end;
    if (!strchr("0123456789", *text) || *text == '\0' || strpbrk(text, "xXpPnN")) return -1;
    double value = strtod(text, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (*end != units[i].letter || (*end != '\0' && end[1] != '\0')) continue;
        double years = value * units[i].years;
        return years <= OLDEST ? years : -1;
    }
    return -1;
}

static uint32_t band_of(double years) {
    uint32_t band = 0;
    while (years >= bands[band].below) band++;
    return band;
}

galen_status gal_age_bands(const gal_attribute *a, size_t count, gal_arena *arena, gal_attribute *out, bool *made,
                           galen_error *err) {
    bool any = false;
    *made = false;
    for (uint32_t i = 0; is_age(a->name) && i < a->levels && !any; i++) any = years_of(a->level[i]) >= 0;
    if (!any) return GALEN_OK;
    uint32_t *band = gal_arena_alloc(arena, a->levels, sizeof *band), *of = gal_arena_alloc(arena, count, sizeof *of);
    const char **level = gal_arena_alloc(arena, BANDS, sizeof *level);
    if (!band || !of || !level) return gal_fail_memory(err, "bands of age", count * sizeof *of);
    for (uint32_t i = 0; i < a->levels; i++) {
        double years = years_of(a->level[i]);
        band[i] = years >= 0 ? band_of(years) : GAL_NO_LEVEL;
    }
    for (size_t i = 0; i < BANDS; i++) level[i] = bands[i].name;
    for (size_t i = 0; i < count; i++) of[i] = a->of[i] == GAL_NO_LEVEL ? GAL_NO_LEVEL : band[a->of[i]];
    *out = (gal_attribute){.name = a->name, .levels = BANDS, .level = level, .of = of};
    *made = true;
    return GALEN_OK;
}
