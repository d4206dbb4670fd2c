/* Settings: every one survives the file, ranges and choices hold, and nonsense is refused by name. */
#include "train/job_parts.h"

#include "base/file.h"
#include "support/shared.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static galen_error err;

static void write_text(const gal_train_job *job, char *out, size_t size) {
    gal_buf buf;
    gal_buf_init(&buf, 1 << 20);
    assert_ok(gal_train_job_write(job, &buf, &err), err);
    assert_true(buf.size < size);
    memcpy(out, buf.data, buf.size + 1);
    gal_buf_free(&buf);
}

static void settings_round_trip(void **state) {
    (void)state;
    char first[8192], second[8192];
    gal_train_job a, b;
    size_t n;
    const gal_train_setting *settings = gal_train_job_settings(&n);
    gal_train_job_init(&a);
    for (size_t i = 0; i < n; i++) {
        char word[32] = "on";
        const char *choices = settings[i].choices;
        if (choices != NULL) snprintf(word, sizeof word, "%s", strrchr(choices, ' ') + 1);
        galen_status status = gal_train_job_set(&a, settings[i].name, word, &err);
        if (status != GALEN_OK) status = gal_train_job_set(&a, settings[i].name, "1", &err);
        if (status != GALEN_OK) status = gal_train_job_set(&a, settings[i].name, "0.05", &err);
        assert_ok(status, err);
    }
    write_text(&a, first, sizeof first);
    gal_train_job_init(&b);
    assert_ok(gal_train_job_read(&b, first, "config.json", &err), err);
    write_text(&b, second, sizeof second);
    assert_string_equal(first, second);
    gal_train_job_free(&a);
    gal_train_job_free(&b);
}

static void defaults_are_settings(void **state) {
    (void)state;
    gal_train_job job;
    gal_train_job_init(&job);
    assert_string_equal(job.model, "zoo:resnet18");
    assert_int_equal(job.epochs, 10);
    assert_true(fabs(job.rate - 1e-3) < 1e-12);
    assert_false(job.weighted);
    gal_train_job_free(&job);
}

static void refuse(const char *name, const char *text, const char *says) {
    gal_train_job job;
    gal_train_job_init(&job);
    assert_int_equal(gal_train_job_set(&job, name, text, &err), GALEN_ERR_ARGUMENT);
    if (strstr(err.message, says) == NULL) fail_msg("'%s' does not say '%s'", err.message, says);
    gal_train_job_free(&job);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    refuse("rate", "fast", "rate 'fast'");
    refuse("rate", "nan", "rate");
    refuse("rate", "0.1x", "number");
    refuse("epochs", "2.5", "whole number from 1");
    refuse("epochs", "0", "from 1");
    refuse("weighted", "perhaps", "on or off");
    refuse("optimizer", "magic", "adamw");
    refuse("optimizer", "ada", "adamw");
    refuse("speed", "1", "no setting 'speed'");
    gal_train_job job;
    gal_train_job_init(&job);
    assert_int_not_equal(gal_train_job_read(&job, "{\"epochs\": 0}", "config.json", &err), GALEN_OK);
    assert_non_null(strstr(err.message, "config.json"));
    assert_int_not_equal(gal_train_job_read(&job, "[1]", "config.json", &err), GALEN_OK);
    assert_int_not_equal(gal_train_job_read(&job, "{\"speed\": 1}", "config.json", &err), GALEN_OK);
    assert_int_not_equal(gal_train_job_read(&job, "{", "config.json", &err), GALEN_OK);
    gal_train_job_free(&job);
}

static size_t count(const char *text, const char *word) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) n++;
    return n;
}

/* A line for each measure that the log has, values that are missing left out, and no log at all. */
static void curves_are_drawn(void **state) {
    (void)state;
    static const char log[] = "{\"epoch\": 1, \"loss\": 0.7, \"val_loss\": 0.6, \"val_accuracy\": 0.5}\n"
                              "{\"epoch\": 2, \"loss\": 0.3, \"val_loss\": 0.4, \"val_accuracy\": 0.75}\n{\"cut";
    gal_buf svg;
    gal_buf_init(&svg, 1 << 20);
    assert_ok(gal_job_draw_curves(log, sizeof log - 1, &svg, &err), err);
    const char *text = (const char *)svg.data;
    assert_int_equal(count(text, "<svg "), 1);
    assert_int_equal(count(text, "<circle"), 3);
    assert_non_null(strstr(text, "training 0.300"));
    assert_non_null(strstr(text, "accuracy 0.750"));
    assert_null(strstr(text, "AUC"));
    assert_null(strstr(text, "nan"));
    svg.size = 0;
    assert_ok(gal_job_draw_curves("", 0, &svg, &err), err);
    assert_null(strstr((const char *)svg.data, "<circle"));
    assert_int_not_equal(gal_job_draw_curves("oops\n", 5, &svg, &err), GALEN_OK);
    gal_buf_free(&svg);
}

/* A flat picture of grey level `level` at folder/name below the temporary folder. */
static void put(const char *folder, const char *name, int level) {
    char path[4096];
    galen_image image;
    void *bytes = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", test_tmp(), folder);
    (void)mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", test_tmp(), folder, name);
    assert_ok(galen_image_create(2, 2, 1, GALEN_SAMPLE_U8, &image, &err), err);
    memset(image.data, level, 4);
    assert_ok(galen_image_encode_png(&image, &bytes, &size, &err), err);
    assert_ok(gal_file_write(path, bytes, size, &err), err);
    galen_image_free(&image);
    galen_free(bytes);
}

/* Black pictures are of one class and white ones of the other: what a mixed picture's grey is, its target must be. */
static void targets_are_mixed_like_pictures(void **state) {
    (void)state;
    char data[4096];
    gal_train_job job;
    gal_job_data set;
    gal_job_source source;
    gal_train_batch batch;
    const gal_train_hooks hooks = {.say = NULL};
    const gal_recipe recipe = {.channels = 1, .width = 2, .height = 2, .high = 1, .std = {1}};
    snprintf(data, sizeof data, "%s/mixed", test_tmp());
    assert_int_equal(mkdir(data, 0700), 0);
    for (int i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        put(i % 2 ? "mixed/white" : "mixed/black", name, i % 2 ? 255 : 0);
    }
    gal_train_job_init(&job);
    assert_ok(gal_train_job_set(&job, "data", data, &err), err);
    assert_ok(gal_train_job_set(&job, "augment", "none", &err), err);
    assert_ok(gal_train_job_set(&job, "mixup", "1", &err), err);
    assert_ok(gal_train_job_set(&job, "batch", "5", &err), err);
    assert_ok(gal_train_job_set(&job, "val", "0", &err), err);
    assert_ok(gal_job_open_data(&job, &hooks, NULL, &set, &err), err);
    assert_ok(gal_job_open_source(&job, &set, &recipe, GAL_SPLIT_TRAIN, true, &source, &err), err);
    int between = 0, seen = 0;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_ok(source.source.start(source.source.context, epoch, &err), err);
        do {
            assert_ok(source.source.next(source.source.context, &batch, &err), err);
            for (int64_t i = 0; i < batch.count; i++, seen++) {
                float grey = batch.images[4 * i], target = batch.targets[i];
                if (fabsf(grey - target) > 1e-6f) fail_msg("a picture of %g has a target of %g", grey, target);
                between += target > 0.01f && target < 0.99f;
            }
        } while (batch.count > 0);
    }
    assert_int_equal(seen, 36);
    assert_true(between > 5);
    gal_job_close_source(&source);
    gal_job_close_data(&set);
    gal_train_job_free(&job);
}

/* ---- out of memory in the loop ---- */

typedef struct starving {
    long at;    /* the allocation behind the first step of a whole batch that fails; 0: none */
    int shrunk; /* lines that say so */
    bool hungry;
} starving;

static void starve(void *context, const gal_fit_progress *p) {
    starving *s = context;
    if (s->hungry && p->step == 1 && !p->ended) test_fail_allocation(s->at, 0);
    s->hungry = false;
}

static void hear(void *context, const char *line) {
    starving *s = context;
    s->shrunk += strstr(line, "going on with") != NULL;
}

static void train(const char *folder, const char *batch, const char *runs, long fail_at, starving *s,
                  gal_train_outcome *out) {
    char data[4096], run[4096];
    gal_train_job job;
    const char *const set[][2] = {{"data", data},   {"model", "zoo:cxr-resnet10"},
                                  {"size", "32"},   {"epochs", "2"},
                                  {"batch", batch}, {"runs", runs},
                                  {"val", "0.3"},   {"warm-up", "0"},
                                  {"threads", "1"}, {"workers", "1"}};
    *s = (starving){.at = fail_at, .hungry = fail_at > 0};
    const gal_train_hooks hooks = {.progress = starve, .say = hear, .context = s, .isa = gal_isa_detect()};
    snprintf(data, sizeof data, "%s/mixed", test_tmp());
    snprintf(run, sizeof run, "%s/%s", test_tmp(), folder);
    const gal_train_place place = {.folder = run};
    gal_train_job_init(&job);
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        assert_ok(gal_train_job_set(&job, set[i][0], set[i][1], &err), err);
    galen_status status = gal_train_job_run(&job, &place, &hooks, out, &err);
    test_fail_allocation(0, 0);
    assert_ok(status, err);
    gal_train_job_free(&job);
}

/* An allocation that fails in the first epoch halves the runs; what comes of it is the training of these runs. Some
 * that fail are of pictures that are asked about in smaller parts: then nothing changes. */
static void the_loop_begins_anew_with_smaller_runs(void **state) {
    (void)state;
    gal_train_outcome whole, halves, starved;
    starving s;
    int shrunk = 0, kept = 0;
    train("whole", "8", "1", 0, &s, &whole);
    train("halves", "4", "2", 0, &s, &halves);
    assert_string_not_equal(whole.sha256, halves.sha256);
    for (long at = 1; at < 2000 && (shrunk == 0 || kept == 0); at = at * 3 / 2 + 1) {
        char folder[32];
        snprintf(folder, sizeof folder, "starved%ld", at);
        train(folder, "8", "1", at, &s, &starved);
        assert_true(s.shrunk <= 1);
        assert_string_equal(starved.sha256, s.shrunk ? halves.sha256 : whole.sha256);
        shrunk += s.shrunk > 0, kept += s.shrunk == 0;
    }
    assert_true(shrunk > 0 && kept > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(settings_round_trip),
                                       cmocka_unit_test(defaults_are_settings),
                                       cmocka_unit_test(nonsense_is_refused),
                                       cmocka_unit_test(curves_are_drawn),
                                       cmocka_unit_test(targets_are_mixed_like_pictures),
                                       cmocka_unit_test(the_loop_begins_anew_with_smaller_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
