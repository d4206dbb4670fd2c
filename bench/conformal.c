/*
 * Do conformal sets hold the true label as often as promised? build/bench/conformal [ROUNDS] >
 * bench/results/conformal.jsonl
 *
 * In each of 2,000 rounds a calibration on half the cases and a look at the other half. Cases: the 624 test X-rays as
 * the two golden models score them (../shared/data/golden), dealt anew each time, and three classes drawn afresh, of
 * which one is rare. A line for each alpha, over all and by class; exit 1 where the mean coverage is below 1 - alpha by
 * more than three standard errors.
 */
#include "clinic/watch/conformal.h"

#include "base/file.h"
#include "base/refmath.h"
#include "base/rng.h"
#include "data/npz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096, CLASSES = 3 };

static galen_error err;

static void must(galen_status status) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "conformal: %s\n", err.message);
    exit(3);
}

typedef struct cases {
    const char *name;
    size_t count;
    int columns;
    double probability[MOST * CLASSES];
    uint32_t label[MOST];
} cases;

static void load(const char *path, cases *out) {
    gal_file file;
    gal_npz *npz;
    const galen_tensor *logit, *label;
    must(gal_file_map(path, SIZE_MAX / 2, &file, &err));
    must(gal_npz_read(file.data, file.size, NULL, &npz, &err));
    must(gal_npz_find(npz, "logit_f64", &logit, &err));
    must(gal_npz_find(npz, "label", &label, &err));
    *out = (cases){.name = path, .count = (size_t)logit->dim[0], .columns = 1};
    for (size_t i = 0; i < out->count; i++) {
        out->probability[i] = gal_ref_sigmoid(((const double *)logit->data)[i]);
        out->label[i] = ((const int64_t *)label->data)[i] != 0;
    }
    gal_npz_free(npz);
    gal_file_unmap(&file);
}

/* Overconfident scores of classes that 70, 25 and 5 % of cases have. */
static void draw(gal_rng *rng, cases *out) {
    *out = (cases){.name = "drawn", .count = 600, .columns = CLASSES};
    for (size_t i = 0; i < out->count; i++) {
        double u = gal_rng_uniform(rng), sum = 0, *p = &out->probability[i * CLASSES];
        out->label[i] = u < 0.7 ? 0 : u < 0.95 ? 1 : 2;
        for (uint32_t k = 0; k < CLASSES; k++) sum += p[k] = exp(2 * (gal_rng_normal(rng) + (k == out->label[i])));
        for (uint32_t k = 0; k < CLASSES; k++) p[k] /= sum;
    }
}

static void shuffle(gal_rng *rng, cases *c) {
    for (size_t i = c->count - 1; i > 0; i--) {
        size_t k = (size_t)(gal_rng_uniform(rng) * (double)(i + 1));
        uint32_t label = c->label[i];
        c->label[i] = c->label[k];
        c->label[k] = label;
        for (size_t j = 0; j < (size_t)c->columns; j++) {
            double p = c->probability[i * (size_t)c->columns + j];
            c->probability[i * (size_t)c->columns + j] = c->probability[k * (size_t)c->columns + j];
            c->probability[k * (size_t)c->columns + j] = p;
        }
    }
}

/* Means over rounds. */
typedef struct tally {
    double coverage, square, size, answered, wrong, by_class[CLASSES];
    size_t rounds, class_rounds[CLASSES];
} tally;

static void look(const cases *c, double alpha, bool by_class, tally *t) {
    size_t half = c->count / 2, of[CLASSES], in[CLASSES];
    gal_conformal_quality q = {.class_cases = of, .class_covered = in};
    gal_conformal conformal;
    must(gal_conformal_fit(&(gal_class_cases){c->probability, c->label, half, c->columns}, alpha, by_class, &conformal,
                           &err));
    must(gal_conformal_measure(
        &conformal,
        &(gal_class_cases){c->probability + half * (size_t)c->columns, c->label + half, c->count - half, c->columns},
        &q, &err));
    double share = (double)q.covered / (double)q.cases;
    t->coverage += share, t->square += share * share, t->rounds++;
    t->size += q.mean_size;
    t->answered += (double)q.answered / (double)q.cases;
    t->wrong += (double)q.wrong / (double)q.cases;
    for (int k = 0; k < conformal.classes; k++)
        if (of[k] > 0) t->by_class[k] += (double)in[k] / (double)of[k], t->class_rounds[k]++;
    gal_conformal_free(&conformal);
}

static bool print(const cases *c, double alpha, bool by_class, const tally *t) {
    double n = (double)t->rounds, mean = t->coverage / n, error = sqrt(fmax(t->square / n - mean * mean, 0) / n),
           least = 1;
    for (int k = 0; k < CLASSES; k++)
        if (t->class_rounds[k] > 0) least = fmin(least, t->by_class[k] / (double)t->class_rounds[k]);
    printf(
        "{\"cases\": \"%s\", \"alpha\": %g, \"by_class\": %s, \"rounds\": %zu, \"coverage\": %.5f, \"standard_error\": %.5f, "
        "\"worst_class\": %.5f, \"mean_size\": %.4f, \"answered\": %.4f, \"wrong\": %.5f}\n",
        c->name, alpha, by_class ? "true" : "false", t->rounds, mean, error, least, t->size / n, t->answered / n,
        t->wrong / n);
    return mean >= 1 - alpha - 3 * error;
}

int main(int argc, char **argv) {
    static const char *const files[] = {"../shared/data/golden/cxr64-small.expected.npz",
                                        "../shared/data/golden/cxr64-resnet18.expected.npz"};
    static const double alphas[] = {0.2, 0.1, 0.05, 0.02};
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    static cases c;
    bool kept = true;
    for (int set = 0; set < 3; set++)
        for (int a = 0; a < 8; a++) {
            gal_rng rng = gal_rng_make(7, (uint64_t)(set * 8 + a));
            tally t = {0};
            if (set < 2) load(files[set], &c);
            for (size_t r = 0; r < rounds; r++) {
                if (set < 2)
                    shuffle(&rng, &c);
                else
                    draw(&rng, &c);
                look(&c, alphas[a / 2], a % 2, &t);
            }
            kept = print(&c, alphas[a / 2], a % 2, &t) && kept;
        }
    return kept ? 0 : 1;
}
