/* Draws, jackknife and BCa intervals of any statistic. */
#include "clinic/stats/bootstrap.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a thread computes with. */
typedef struct desk {
    gal_weights *weight;
    double (*out)[GAL_LANES];
} desk;

typedef struct job {
    const gal_strata *strata;
    const gal_statistic *statistic;
    const gal_bootstrap_settings *settings;
    size_t units;
    size_t samples;      /* jackknife samples of all strata, and one of every unit once */
    uint32_t *order;     /* [units] each stratum's units shuffled, numbered within it */
    double *sample;      /* [figures][samples] */
    double *draw;        /* [figures][draws] */
    size_t sample_tasks; /* tasks before the first of draws */
    desk *desk;          /* [threads] */
    int threads;
} job;

static size_t groups_of(size_t units) {
    if (units < 2) return 0; /* nothing would be left of the stratum */
    return units <= GAL_LEAVE_ONE_OUT ? units : GAL_JACKKNIFE_GROUPS;
}

/* Takes jackknife sample `sample` out of one lane; the last sample leaves nothing out. */
static void leave_out(const job *j, size_t sample, gal_weights *weight, int lane) {
    const uint32_t *order = j->order;
    for (int k = 0; k < j->strata->count; k++) {
        size_t size = j->strata->size[k], groups = groups_of(size);
        for (size_t i = sample; sample < groups && i < size; i += groups) weight[order[i]][lane] = 0;
        if (sample < groups) return;
        sample -= groups;
        weight += size, order += size;
    }
}

static void run_task(void *context, size_t task) {
    const job *j = context;
    const desk *d = j->desk + gal_pool_self();
    bool jackknife = task < j->sample_tasks;
    size_t first = (jackknife ? task : task - j->sample_tasks) * GAL_LANES;
    size_t count = jackknife ? j->samples : j->settings->draws;
    if (jackknife) {
        memset(d->weight, 1, j->units * sizeof *d->weight);
        for (int lane = 0; lane < GAL_LANES; lane++) leave_out(j, first + (size_t)lane, d->weight, lane);
    } else {
        gal_draw_weights(j->strata, j->settings->seed, first, d->weight);
    }
    j->statistic->of(j->statistic->context, d->weight, d->out);
    double *to = jackknife ? j->sample : j->draw;
    for (int f = 0; f < j->statistic->figures; f++)
        for (size_t lane = 0; lane < GAL_LANES && first + lane < count; lane++)
            to[(size_t)f * count + first + lane] = d->out[f][lane];
}

/* Groups of the jackknife must be chosen by chance: units lie in the order of their scores, and every tenth of them is
 * like all of them. */
static void shuffle(job *j) {
    uint32_t *order = j->order;
    for (int k = 0; k < j->strata->count; order += j->strata->size[k++]) {
        gal_rng rng = gal_rng_make(j->settings->seed, UINT64_MAX - (uint64_t)k); /* no draw has such a stream */
        size_t size = j->strata->size[k];
        for (size_t i = 0; i < size; i++) {
            size_t other = (size_t)(gal_rng_uniform(&rng) * (double)(i + 1));
            order[i] = order[other];
            order[other] = (uint32_t)i;
        }
    }
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double normal_share(double x) {
    return (1 + gal_ref_erf(x / sqrt(2))) / 2;
}

static double percentile(const double *sorted, size_t count, double alpha) {
    double at = (double)(count + 1) * alpha;
    if (!(at > 1)) return sorted[0];
    if (at >= (double)count) return sorted[count - 1];
    size_t k = (size_t)at;
    /* Infinite neighbours have no difference. */
    return sorted[k] == sorted[k - 1] ? sorted[k] : sorted[k - 1] + (at - (double)k) * (sorted[k] - sorted[k - 1]);
}

/* Sums of the powers of one stratum's influences over those of its number of groups. */
static void add_influences(const double *sample, size_t groups, double *squares, double *cubes) {
    double sum = 0, defined = 0;
    for (size_t i = 0; i < groups; i++)
        if (isfinite(sample[i])) sum += sample[i], defined++;
    for (size_t i = 0; i < groups; i++) {
        if (!isfinite(sample[i])) continue;
        double influence = (defined - 1) * (sum / defined - sample[i]) / defined;
        *squares += influence * influence;
        *cubes += influence * influence * influence;
    }
}

static double acceleration_of(const job *j, const double *sample) {
    double squares = 0, cubes = 0;
    for (int k = 0; k < j->strata->count; k++) {
        size_t groups = groups_of(j->strata->size[k]);
        add_influences(sample, groups, &squares, &cubes);
        sample += groups;
    }
    return squares > 0 ? cubes / (6 * squares * sqrt(squares)) : 0;
}

/* The defined draws to the front of `draw` and sorted; how many they are. */
static size_t sort_defined(double *draw, size_t count) {
    size_t defined = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(draw[i])) draw[defined++] = draw[i];
    qsort(draw, defined, sizeof *draw, by_size);
    return defined;
}

static gal_bootstrap_figure conclude(const job *j, int f) {
    size_t draws = j->settings->draws;
    const double *sample = j->sample + (size_t)f * j->samples;
    double *draw = j->draw + (size_t)f * draws, alpha = (1 - j->settings->level) / 2, below = 0;
    size_t defined = sort_defined(draw, draws);
    gal_bootstrap_figure out = {
        .value = sample[j->samples - 1], .interval = {(double)NAN, (double)NAN}, .undefined = draws - defined};
    if (2 * defined < draws || !isfinite(out.value)) return out;
    for (size_t i = 0; i < defined; i++) below += draw[i] < out.value ? 1 : draw[i] == out.value ? 0.5 : 0;
    out.bias = gal_ref_normal_quantile(below / (double)defined);
    out.acceleration = acceleration_of(j, sample);
    double end[2], share[2];
    for (int side = 0; side < 2; side++) {
        double from = out.bias + gal_ref_normal_quantile(side == 0 ? alpha : 1 - alpha);
        double stretch = 1 - out.acceleration * from;
        if (!isfinite(out.bias) || stretch <= 0) out.basic = true;
        share[side] = normal_share(out.bias + from / stretch);
    }
    if (out.basic) share[0] = 1 - alpha, share[1] = alpha;
    for (int side = 0; side < 2; side++) {
        end[side] = percentile(draw, defined, share[side]);
        if (out.basic) end[side] = 2 * out.value - end[side];
    }
    out.interval = (gal_interval){end[0], end[1]};
    return out;
}

static galen_status take_memory(job *j, galen_error *err) {
    size_t figures = (size_t)j->statistic->figures, draws = j->settings->draws;
    j->order = gal_calloc(j->units, sizeof *j->order);
    j->sample = gal_calloc(figures * j->samples, sizeof *j->sample);
    j->draw = gal_calloc(figures * draws, sizeof *j->draw);
    j->desk = gal_calloc((size_t)j->threads, sizeof *j->desk);
    bool all = j->order != NULL && j->sample != NULL && j->draw != NULL && j->desk != NULL;
    for (int t = 0; all && t < j->threads; t++) {
        j->desk[t].weight = gal_alloc_huge(j->units * sizeof *j->desk->weight);
        j->desk[t].out = gal_calloc(figures, sizeof *j->desk->out);
        all = j->desk[t].weight != NULL && j->desk[t].out != NULL;
    }
    if (all) return GALEN_OK;
    return gal_fail_memory(err, "bootstrap draws",
                           figures * (draws + j->samples) * sizeof(double) +
                               (size_t)j->threads * j->units * sizeof(gal_weights));
}

static void give_memory(job *j) {
    for (int t = 0; j->desk != NULL && t < j->threads; t++) {
        gal_free(j->desk[t].weight);
        gal_free(j->desk[t].out);
    }
    gal_free(j->desk);
    gal_free(j->order);
    gal_free(j->sample);
    gal_free(j->draw);
}

galen_status gal_bootstrap(const gal_strata *strata, const gal_statistic *statistic,
                           const gal_bootstrap_settings *settings, gal_pool *pool, gal_bootstrap_figure *out,
                           galen_error *err) {
    job j = {.strata = strata, .statistic = statistic, .settings = settings, .samples = 1};
    j.threads = gal_pool_threads(pool);
    for (int k = 0; k < strata->count; k++) j.units += strata->size[k], j.samples += groups_of(strata->size[k]);
    if (j.units == 0 || settings->draws == 0 || j.units > UINT32_MAX)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%zu draws of %zu units; both must be 1 or more, units below 2^32",
                        settings->draws, j.units);
    galen_status status = take_memory(&j, err);
    if (status == GALEN_OK) {
        shuffle(&j);
        j.sample_tasks = (j.samples + GAL_LANES - 1) / GAL_LANES;
        gal_pool_run(pool, run_task, &j, j.sample_tasks + (settings->draws + GAL_LANES - 1) / GAL_LANES);
        for (int f = 0; f < statistic->figures; f++) out[f] = conclude(&j, f);
    }
    give_memory(&j);
    return status;
}
