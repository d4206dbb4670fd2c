/* Scoring data again and again, each time with worse pictures. */
#include "analyze/robustness.h"

#include "base/error.h"
#include "image/corrupt.h"

typedef struct step {
    gal_corruption kind;
    int severity;
} step;

/* FNV-1a: noise that differs between pictures, but not with their order. */
static uint64_t seed_of(const char *id) {
    uint64_t hash = 14695981039346656037u;
    for (; *id != '\0'; id++) hash = (hash ^ (unsigned char)*id) * 1099511628211u;
    return hash;
}

static galen_status corrupt(void *context, const char *id, const galen_image *picture, galen_image *out,
                            galen_error *err) {
    const step *s = context;
    return gal_corrupt(picture, s->kind, s->severity, seed_of(id), out, err);
}

static json_t *scores_json(const gal_case_set *cases) {
    json_t *out = json_array();
    int failed = out == NULL;
    for (size_t i = 0; i < cases->count && !failed; i++)
        failed = json_array_append_new(out, json_real(cases->score[i]));
    if (!failed) return out;
    json_decref(out);
    return NULL;
}

static galen_status run(const char *model, const char *data, const gal_score_options *options,
                        const gal_case_set *plain, const step *s, json_t *list, galen_error *err) {
    gal_scored scored;
    GAL_TRY(gal_score_cases(model, data, options, &scored, err));
    galen_status status = GALEN_OK;
    if (scored.cases.count != plain->count)
        status =
            gal_fail(err, GALEN_ERR_FORMAT, "%s: %zu pictures could be read, then %zu; leave the data alone meanwhile",
                     data, plain->count, scored.cases.count);
    json_t *one = status != GALEN_OK
                      ? NULL
                      : json_pack("{s:s, s:s, s:i, s:f, s:o}", "kind", gal_corruption_name(s->kind), "unit",
                                  gal_corruption_unit(s->kind), "severity", s->severity, "amount",
                                  gal_corruption_amount(s->kind, s->severity), "scores", scores_json(&scored.cases));
    if (status == GALEN_OK && json_array_append_new(list, one) != 0)
        status = gal_fail_memory(err, "scores", plain->count * sizeof(double));
    gal_scored_free(&scored);
    return status;
}

galen_status gal_robustness_runs(const char *model, const char *data, const gal_score_options *options,
                                 const gal_case_set *plain, json_t **out, galen_error *err) {
    step s;
    gal_score_options o = *options;
    o.change = corrupt, o.change_context = &s;
    *out = NULL;
    if (plain->kind != GAL_CASE_BINARY)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "robustness is measured of models that answer one yes-or-no question");
    json_t *list = json_array();
    galen_status status = list != NULL ? GALEN_OK : gal_fail_memory(err, "runs", 64);
    for (int kind = 0; kind < GAL_CORRUPTIONS; kind++)
        for (s.severity = 1; s.severity <= GAL_SEVERITIES && status == GALEN_OK; s.severity++) {
            s.kind = (gal_corruption)kind;
            status = run(model, data, &o, plain, &s, list, err);
        }
    if (status == GALEN_OK)
        *out = list;
    else
        json_decref(list);
    return status;
}
