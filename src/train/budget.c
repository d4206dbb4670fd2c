/* Choosing a plan of a trainer by its planned bytes. */
#include "train/budget.h"

#include "base/error.h"

/* Of the program, its libraries and the small things of a training; measured on resnet18 and rounded up. */
static const size_t PROCESS = (size_t)32 << 20;

/* Numbers of segments that are tried. */
static const int64_t ladder[] = {2, 4, 8, 12, 16, 24, 32, 64};

typedef struct chooser {
    const gal_model *model;
    const gal_trainer_options *options;
    const gal_train_budget *budget;
    size_t least; /* bytes of the smallest plan seen */
} chooser;

static galen_status look_at(chooser *c, gal_train_plan *plan, galen_error *err) {
    gal_trainer_options options = *c->options;
    options.batch = plan->batch;
    options.segments = plan->segments;
    options.accumulate = plan->runs > 1;
    GAL_TRY(gal_trainer_plan(c->model, &options, &plan->needs, err));
    plan->bytes = PROCESS + plan->needs.training + plan->needs.beside + c->budget->fixed +
                  (size_t)plan->batch * c->budget->per_image;
    if (c->least == 0 || plan->bytes < c->least) c->least = plan->bytes;
    return GALEN_OK;
}

static bool fits(const chooser *c, const gal_train_plan *plan) {
    return plan->bytes <= c->budget->bytes;
}

/* Of all ladder steps that fit the one that computes least again; *smallest is the one with the fewest bytes. */
static galen_status climb(chooser *c, gal_train_plan *plan, int64_t *smallest, bool *found, galen_error *err) {
    gal_train_plan best = *plan;
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < sizeof ladder / sizeof *ladder; i++) {
        gal_train_plan now = *plan;
        now.segments = ladder[i];
        GAL_TRY(look_at(c, &now, err));
        if (now.bytes < fewest) fewest = now.bytes, *smallest = ladder[i];
        if (!fits(c, &now) || (*found && now.needs.share >= best.needs.share)) continue;
        best = now;
        *found = true;
    }
    *plan = best;
    return GALEN_OK;
}

/* One size of runs. What was smallest at the last size stands for all when even that does not fit. */
static galen_status try_size(chooser *c, bool any, gal_train_plan *plan, int64_t *smallest, bool *found,
                             galen_error *err) {
    if (any) plan->segments = 0;
    GAL_TRY(look_at(c, plan, err));
    *found = fits(c, plan);
    if (*found || !any) return GALEN_OK;
    if (*smallest > 0) {
        gal_train_plan least = *plan;
        least.segments = *smallest;
        GAL_TRY(look_at(c, &least, err));
        if (!fits(c, &least)) return GALEN_OK;
    }
    return climb(c, plan, smallest, found, err);
}

/* When even one picture a run is too much the sizes between need no look. */
static galen_status check_least(chooser *c, const gal_train_plan *plan, int64_t smallest, galen_error *err) {
    gal_train_plan one = {.batch = 1, .runs = plan->batch * plan->runs, .segments = plan->segments};
    if (smallest > 0) one.segments = smallest;
    GAL_TRY(look_at(c, &one, err));
    if (fits(c, &one)) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_ARGUMENT,
                    "memory of %zu MiB: even runs of one picture need %zu MiB; allow that much, or train a smaller "
                    "network or picture",
                    c->budget->bytes >> 20, (c->least + (1 << 20) - 1) >> 20);
}

bool gal_train_halve(int64_t *batch, int64_t *runs) {
    int64_t pictures = *batch * *runs, smaller = *batch / 2;
    if (smaller < 1) return false;
    while (pictures % smaller != 0) smaller--;
    *batch = smaller;
    *runs = pictures / smaller;
    return true;
}

galen_status gal_train_fit_budget(const gal_model *model, const gal_trainer_options *options,
                                  const gal_train_budget *budget, gal_train_plan *plan, galen_error *err) {
    chooser c = {.model = model, .options = options, .budget = budget};
    bool any = plan->segments == GAL_SEGMENTS_AUTO, found = false;
    int64_t smallest = 0;
    GAL_TRY(try_size(&c, any, plan, &smallest, &found, err));
    if (!found) GAL_TRY(check_least(&c, plan, smallest, err));
    while (!found && gal_train_halve(&plan->batch, &plan->runs))
        GAL_TRY(try_size(&c, any, plan, &smallest, &found, err));
    if (found) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_INTERNAL, "no plan of a training fits any more");
}
