/*
 * How long the binary evaluation takes: build/bench/clinic_speed [CASES [DRAWS [THREADS [PATIENTS]]]]
 * Defaults: 1,000,000 cases, 2,000 draws, all threads, each case its own patient. Prints seconds, and figures to see
 * that they are those of another run.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/refmath.h"
#include "base/rng.h"
#include "clinic/evaluate/evaluate.h"

#include <stdio.h>
#include <stdlib.h>

/* One in five is positive; logits are normal, those of positives 1.5 higher. */
static void draw_cases(size_t count, size_t patients, double *probability, uint8_t *positive, uint32_t *patient) {
    gal_rng rng = gal_rng_make(5, 0);
    for (size_t i = 0; i < count; i++) {
        positive[i] = gal_rng_uniform(&rng) < 0.2;
        probability[i] = gal_ref_sigmoid(gal_rng_normal(&rng) + (positive[i] ? 0.5 : -1));
        patient[i] = i < patients ? (uint32_t)i : (uint32_t)(gal_rng_uniform(&rng) * (double)patients);
    }
}

static void show(const gal_evaluation *e) {
    for (int f = 0; f < GAL_FIGURES; f++) {
        const gal_estimate *figure = &e->binary.figure[f];
        if (figure->method != NULL)
            printf("%-22s %.9f  %.9f to %.9f  %s\n", figure->name, figure->value, figure->interval.low,
                   figure->interval.high, figure->method);
    }
}

static size_t argument(int argc, char **argv, int i, size_t otherwise) {
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    size_t count = argument(argc, argv, 1, 1000000), draws = argument(argc, argv, 2, 2000);
    size_t patients = argument(argc, argv, 4, 0);
    galen_error err;
    gal_pool *pool;
    gal_evaluation e;
    double *probability = gal_calloc(count, sizeof *probability);
    uint8_t *positive = gal_calloc(count, sizeof *positive);
    uint32_t *patient = gal_calloc(count, sizeof *patient);
    if (probability == NULL || positive == NULL || patient == NULL) return 4;
    if (gal_pool_create((int)argument(argc, argv, 3, 0), &pool, &err) != GALEN_OK) return 4;
    draw_cases(count, patients, probability, positive, patient);
    gal_case_set cases = {.kind = GAL_CASE_BINARY, .count = count, .classes = 1, .score = probability};
    cases.probability = probability, cases.positive = positive;
    cases.patient = patients > 0 ? patient : NULL, cases.patients = patients;
    gal_eval_settings settings = gal_eval_defaults();
    settings.has_threshold = true, settings.threshold = 0.5, settings.draws = draws;
    double start = gal_clock_seconds();
    if (gal_evaluate(&cases, &settings, pool, &e, &err) != GALEN_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    double seconds = gal_clock_seconds() - start;
    show(&e);
    printf("%zu cases, %zu draws, %d threads: %.3f s\n", count, draws, gal_pool_threads(pool), seconds);
    gal_evaluation_free(&e);
    gal_pool_destroy(pool);
    gal_free(probability);
    gal_free(positive);
    gal_free(patient);
    return 0;
}
