/*
 * How fast pictures come: loader DATA SIDE BATCH WORKERS [PICTURES [PRESET [CACHE_MIB [NETWORK [PRECISION]]]]].
 * Decodes, prepares and changes training pictures of a data set (1 channel, all of it where it has no splits) and
 * prints images/s. With a network of the zoo, trains it on them (2 threads, Adam) and prints which part of the time it
 * waits for pictures, and how much faster it is when it gets the same batch again and again and nothing is decoded.
 */
#include "data/loader.h"
#include "base/clock.h"
#include "base/mem.h"
#include "data/split.h"
#include "model/zoo/zoo.h"
#include "session/session.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM = 2 };

static galen_error err;

static void must(galen_status status) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "loader: %s\n", err.message);
    exit(1);
}

/* The next batch, of the next epoch where one ends. */
static gal_loader_batch next(gal_loader *loader, uint64_t *epoch) {
    gal_loader_batch batch;
    must(gal_loader_next(loader, &batch, &err));
    if (batch.count > 0) return batch;
    must(gal_loader_start(loader, ++*epoch, &err));
    must(gal_loader_next(loader, &batch, &err));
    return batch;
}

static void print_pace(gal_loader *loader, size_t pictures) {
    uint64_t epoch = 0;
    size_t done = 0;
    must(gal_loader_start(loader, 0, &err));
    double start = gal_clock_seconds();
    while (done < pictures) done += next(loader, &epoch).count;
    printf("%.0f images/s (%zu pictures)\n", (double)done / (gal_clock_seconds() - start), done);
}

static gal_trainer *make_trainer(const char *network, int side, int batch, const char *precision) {
    gal_zoo_options zoo = {.channels = 1, .height = side, .width = side, .classes = 2, .seed = 1};
    gal_trainer_options options = gal_trainer_default_options();
    gal_model *model;
    gal_trainer *t;
    options.batch = batch;
    options.threads = 2;
    options.loss.categorical = true;
    must(gal_precision_parse(precision, &options.precision, &err));
    must(gal_zoo_build(network, &zoo, NULL, &model, &err));
    must(gal_trainer_create(model, &options, &t, &err));
    gal_model_destroy(model);
    return t;
}

static void step(gal_trainer *t, const gal_loader_batch *batch, const float *targets, int i) {
    const gal_train_hyper hyper = {.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    double loss, norm;
    bool skipped;
    must(gal_trainer_run(t, (int64_t)batch->count, batch->images, targets, i, &loss, &err));
    must(gal_trainer_step(t, &hyper, 1, &norm, &skipped, &err));
}

static void print_training(gal_loader *loader, gal_trainer *t, size_t pictures, int batch) {
    uint64_t epoch = 0;
    size_t done = 0;
    double waited = 0, all = 0;
    gal_loader_batch last = {0};
    float *targets = gal_calloc(2 * (size_t)batch, sizeof *targets);
    if (targets == NULL) exit(1);
    for (int i = 0; i < batch; i++) targets[2 * i + (i & 1)] = 1;
    must(gal_loader_start(loader, 0, &err));
    for (int i = 0; done < pictures; i++) {
        double start = gal_clock_seconds();
        last = next(loader, &epoch);
        double got = gal_clock_seconds();
        step(t, &last, targets, i);
        if (i < WARM) continue;
        waited += got - start;
        all += gal_clock_seconds() - start;
        done += last.count;
    }
    size_t again = 0;
    double start = 0;
    for (int i = 0; again < pictures; i++) { /* the ring is full by now: the workers sleep */
        if (i == WARM) start = gal_clock_seconds();
        step(t, &last, targets, i);
        if (i >= WARM) again += last.count;
    }
    double with = (double)done / all, without = (double)again / (gal_clock_seconds() - start);
    printf("%.1f images/s, %.2f %% of the time waiting; %.1f images/s on one batch: %.1f %% for pictures\n", with,
           100 * waited / all, without, 100 * (1 - with / without));
    gal_free(targets);
}

static long number(int argc, char **argv, int at, long otherwise) {
    return argc > at ? strtol(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "use: loader DATA SIDE BATCH WORKERS [PICTURES [PRESET [CACHE_MIB [NETWORK [PRECISION]]]]]\n");
        return 2;
    }
    gal_dataset *set;
    gal_loader *loader;
    int side = (int)number(argc, argv, 2, 0), batch = (int)number(argc, argv, 3, 0);
    must(gal_dataset_open(argv[1], NULL, &set, &err));
    must(gal_dataset_split(set, 0, 0, 1, &err));
    gal_loader_options options = {.split = GAL_SPLIT_TRAIN,
                                  .recipe = {.channels = 1,
                                             .width = side,
                                             .height = side,
                                             .filter = GALEN_FILTER_BILINEAR,
                                             .high = 1,
                                             .mean = {0.5F},
                                             .std = {0.25F}},
                                  .batch = batch,
                                  .workers = (int)number(argc, argv, 4, 0),
                                  .depth = 3,
                                  .shuffle = true,
                                  .drop_last = true,
                                  .seed = 1,
                                  .augment = argc > 6 ? gal_augment_preset(argv[6]) : NULL,
                                  .cache_bytes = (size_t)number(argc, argv, 7, 0) << 20};
    size_t pictures = (size_t)number(argc, argv, 5, (long)gal_dataset_split_count(set, GAL_SPLIT_TRAIN));
    must(gal_loader_open(set, &options, &loader, &err));
    if (argc > 8) {
        gal_trainer *t = make_trainer(argv[8], side, batch, argc > 9 ? argv[9] : "f32");
        print_training(loader, t, pictures, batch);
        gal_trainer_destroy(t);
    } else {
        print_pace(loader, pictures);
    }
    gal_loader_close(loader);
    gal_dataset_free(set);
    return 0;
}
