/* Learning rates as functions of the step alone, so that a resumed training goes on with the same ones. */
#include "train/schedule.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846, start_share = 1.0 / 25, end_share = 1.0 / 25e4, rising = 0.3;

static const char *const names[] = {[GAL_SCHEDULE_CONSTANT] = "constant",
                                    [GAL_SCHEDULE_COSINE] = "cosine",
                                    [GAL_SCHEDULE_STEP] = "step",
                                    [GAL_SCHEDULE_ONE_CYCLE] = "one-cycle",
                                    [GAL_SCHEDULE_PLATEAU] = "plateau"};

galen_status gal_schedule_parse(const char *name, gal_schedule_kind *out, galen_error *err) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *out = (gal_schedule_kind)i;
        return GALEN_OK;
    }
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "unknown schedule '%.40s': use constant, cosine, step, one-cycle or plateau", name);
}

const char *gal_schedule_name(gal_schedule_kind kind) {
    return names[kind];
}

/* From a to b as half a cosine, `part` in [0, 1]. */
static double ease(double a, double b, double part) {
    return b + (a - b) * (1 + cos(pi * part)) / 2;
}

/* PyTorch's OneCycleLR: the peak is at step 0.3 * steps - 1, the end at the last step. */
static double one_cycle(const gal_schedule *s, double step) {
    double peak = rising * (double)s->steps - 1, last = (double)s->steps - 1;
    if (peak > 0 && step <= peak) return s->rate * ease(start_share, 1, step / peak);
    return s->rate * ease(1, end_share, last > peak ? (step - peak) / (last - peak) : 1);
}

static double warmed(const gal_schedule *s, const gal_plateau *plateau, int64_t step) {
    int64_t left = s->steps - s->warm_up;
    int64_t falls = step / (s->every > 0 ? s->every : 1);
    double part = left > 0 ? (double)(step - s->warm_up) / (double)left : 1;
    switch (s->kind) {
    case GAL_SCHEDULE_COSINE: return s->rate * ease(1, s->floor, part < 1 ? part : 1);
    case GAL_SCHEDULE_STEP: return s->rate * pow(s->factor, (double)falls);
    case GAL_SCHEDULE_PLATEAU: return s->rate * plateau->scale;
    case GAL_SCHEDULE_CONSTANT:
    case GAL_SCHEDULE_ONE_CYCLE: break;
    }
    return s->rate;
}

double gal_schedule_rate(const gal_schedule *s, const gal_plateau *plateau, int64_t step) {
    if (s->kind == GAL_SCHEDULE_ONE_CYCLE) return one_cycle(s, (double)step);
    if (step < s->warm_up) return s->rate * (double)(step + 1) / (double)s->warm_up;
    return warmed(s, plateau, step);
}

void gal_schedule_epoch(const gal_schedule *s, gal_plateau *plateau, double metric) {
    if (s->kind != GAL_SCHEDULE_PLATEAU) return;
    if (metric > plateau->best) {
        plateau->best = metric;
        plateau->waited = 0;
        return;
    }
    if (++plateau->waited <= s->patience) return;
    plateau->scale *= s->factor;
    plateau->waited = 0;
}
