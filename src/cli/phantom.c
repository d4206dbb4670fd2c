/* galen phantom: draws synthetic chest X-rays with a table of what is true of them. */
#include "cli/cli.h"
#include "cli/json.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"

#include <errno.h>
#include <galen/dicom.h>
#include <galen/phantom.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_CSV = 1 << 30, MAX_COUNT = 1000000 };

static const cli_option options[] = {
    {.name = "count",
     .letter = 'n',
     .type = CLI_INT,
     .metavar = "N",
     .low = 1,
     .high = MAX_COUNT,
     .help = "pictures (default: 1)"},
    {.shared = CLI_OUT, .help = "where they go; made if missing (default: phantoms)"},
    {.shared = CLI_SEED, .letter = 's', .help = "the same seed gives the same pictures, bit for bit (default: 1)"},
    {.name = "size", .type = CLI_INT, .metavar = "N", .low = 64, .high = 2048, .help = "pixels a side (default: 256)"},
    {.name = "finding",
     .type = CLI_CHOICE,
     .metavar = "WHAT",
     .choices = "chance normal opacity",
     .help = "whether there is an opacity (default: chance, one in two)"},
    {.name = "format",
     .letter = 'f',
     .type = CLI_CHOICE,
     .metavar = "FORMAT",
     .choices = "png dicom",
     .help = "file format (default: png)"},
};

typedef struct series {
    const cli_args *args;
    const char *folder;
    bool dicom;
    galen_phantom_options draw;
    galen_phantom_model *model;
    gal_buf csv;
    cli_json json;
    int with_opacity;
} series;

static void note_truth(series *s, const char *file, const galen_phantom_truth *t) {
    s->with_opacity += t->label;
    gal_buf_printf(&s->csv, "%s,%d,%.2f,%.2f,%.2f,%.2f,%c\n", file, t->label, t->x, t->y, t->radius, t->contrast,
                   t->side);
    if (!s->args->json) return;
    json_open(&s->json, NULL, '{');
    json_text(&s->json, "file", file);
    json_int(&s->json, "label", t->label);
    json_number(&s->json, "x", t->x);
    json_number(&s->json, "y", t->y);
    json_number(&s->json, "radius", t->radius);
    json_number(&s->json, "contrast", t->contrast);
    json_text(&s->json, "side", (const char[]){t->side, 0});
    json_close(&s->json, '}');
}

/* A study, series and instance of its own for every phantom, the same each time it is drawn. */
static void make_seeds(const galen_phantom_options *draw, galen_dicom_labels *labels) {
    uint8_t *const seed[] = {labels->study_seed, labels->series_seed, labels->instance_seed};
    for (uint32_t i = 0; i < 3; i++) {
        const uint64_t words[] = {draw->seed, draw->index};
        const uint32_t counter[4] = {(uint32_t)words[1], (uint32_t)(words[1] >> 32), i, (uint32_t)draw->finding};
        const uint32_t key[2] = {(uint32_t)words[0], (uint32_t)(words[0] >> 32)};
        uint32_t mixed[4];
        gal_philox(counter, key, mixed);
        for (int k = 0; k < 16; k++) seed[i][k] = (uint8_t)(mixed[k / 4] >> 8 * (k % 4));
    }
}

static galen_status encode(const series *s, const galen_image *image, void **bytes, size_t *size, galen_error *err) {
    char id[64];
    if (!s->dicom) return galen_image_encode_png(image, bytes, size, err);
    snprintf(id, sizeof id, "PHANTOM-%" PRIu64 "-%" PRIu64, s->draw.seed, s->draw.index);
    galen_dicom_labels labels = {.patient_name = "PHANTOM^GALEN",
                                 .patient_id = id,
                                 .study_description = "Synthetic chest X-ray",
                                 .comment = "Drawn by Galen; not a patient",
                                 .body_part = "CHEST",
                                 .view = "PA"};
    make_seeds(&s->draw, &labels);
    return galen_dicom_write_grey(image, &labels, bytes, size, err);
}

static galen_status draw_one(series *s, uint64_t index, galen_error *err) {
    char name[64], path[PATH_MAX];
    galen_image image = {0};
    galen_phantom_truth truth;
    void *bytes = NULL;
    size_t size = 0;
    s->draw.index = index;
    galen_status status = galen_phantom_draw(s->model, &s->draw, &image, &truth, err);
    if (status != GALEN_OK) return status;
    snprintf(name, sizeof name, "phantom-%" PRIu64 "-%06" PRIu64 ".%s", s->draw.seed, index, s->dicom ? "dcm" : "png");
    int n = snprintf(path, sizeof path, "%s/%s", s->folder, name);
    if (n >= (int)sizeof path) {
        galen_image_free(&image);
        return gal_fail(err, GALEN_ERR_ARGUMENT, "--out: the folder's name is too long");
    }
    status = encode(s, &image, &bytes, &size, err);
    if (status == GALEN_OK) status = gal_file_write(path, bytes, size, err);
    if (status == GALEN_OK) note_truth(s, name, &truth);
    galen_free(bytes);
    galen_image_free(&image);
    return status;
}

static galen_phantom_finding finding_of(const cli_value *value) {
    if (!value->set || !strcmp(value->text, "chance")) return GALEN_PHANTOM_BY_CHANCE;
    return strcmp(value->text, "normal") ? GALEN_PHANTOM_OPACITY : GALEN_PHANTOM_NORMAL;
}

static galen_status make_folder(const char *folder, galen_error *err) {
    if (mkdir(folder, 0777) == 0 || errno == EEXIST) return GALEN_OK;
    return gal_fail(err, GALEN_ERR_IO, "%s: the folder cannot be made: %s; give another with --out", folder,
                    strerror(errno));
}

static galen_status draw_series(series *s, int count, galen_error *err) {
    char path[PATH_MAX];
    GAL_TRY(make_folder(s->folder, err));
    gal_buf_text(&s->csv, "file,label,x,y,radius,contrast,side\n");
    for (int i = 0; i < count; i++) GAL_TRY(draw_one(s, (uint64_t)i, err));
    if (s->csv.failed) return gal_fail_memory(err, "the truth table", s->csv.size);
    int n = snprintf(path, sizeof path, "%s/truth.csv", s->folder);
    if (n >= (int)sizeof path) return gal_fail(err, GALEN_ERR_ARGUMENT, "--out: the folder's name is too long");
    return gal_file_write(path, s->csv.data, s->csv.size, err);
}

static void finish(series *s, int count) {
    static const char note[] = "phantoms are not patients: they show that the software works, not that a model does";
    if (s->args->json) {
        json_close(&s->json, ']');
        json_text(&s->json, "note", note);
        json_close(&s->json, '}');
        return;
    }
    cli_put_text(stdout, s->folder);
    printf(": %d phantom%s of %d x %d, %d with an opacity; what is true of them is in truth.csv\n", count,
           count == 1 ? "" : "s", s->draw.size, s->draw.size, s->with_opacity);
    printf("Note: %s.\n", note);
}

static galen_status load_model(series *s, galen_error *err) {
    const char *path;
    GAL_TRY(cli_shipped("models/cxr-appearance.npz", &path, err));
    return galen_phantom_model_load(path, &s->model, err);
}

static cli_exit run(const cli_args *args) {
    const cli_value *out = cli_get(args, "out"), *format = cli_get(args, "format");
    series s = {.args = args,
                .folder = out->set ? out->text : "phantoms",
                .draw = galen_phantom_default_options(),
                .dicom = format->set && !strcmp(format->text, "dicom"),
                .json = json_start(stdout)};
    galen_error err;
    int count = (int)cli_number(args, "count", 1);
    s.draw.seed = (uint64_t)cli_number(args, "seed", 1);
    s.draw.size = (int)cli_number(args, "size", s.draw.size);
    s.draw.finding = finding_of(cli_get(args, "finding"));
    gal_buf_init(&s.csv, MAX_CSV);
    galen_status status = load_model(&s, &err);
    if (status == GALEN_OK && args->json) {
        json_open(&s.json, NULL, '{');
        json_text(&s.json, "folder", s.folder);
        json_int(&s.json, "seed", (int64_t)s.draw.seed);
        json_open(&s.json, "phantoms", '[');
    }
    if (status == GALEN_OK) status = draw_series(&s, count, &err);
    if (s.json.depth && status != GALEN_OK) { /* the object is closed with the error in it */
        json_close(&s.json, ']');
        json_text(&s.json, "error", err.message);
        json_close(&s.json, '}');
    } else if (status == GALEN_OK) {
        finish(&s, count);
    }
    cli_args plain = *args;
    plain.json = args->json && !s.model;
    cli_exit code = status == GALEN_OK ? CLI_DONE : cli_fail_error(&plain, &err);
    galen_phantom_model_free(s.model);
    gal_buf_free(&s.csv);
    return code;
}

const cli_verb cli_phantom = {
    .name = "phantom",
    .operands = "",
    .summary = "draw synthetic chest X-rays",
    .text =
        "Draws frontal chest X-rays of nobody: anatomy by formulas, large shapes and texture from a statistical model, with or "
        "without an opacity at a known place. Beside the pictures, truth.csv says for each whether there is one (label 1), "
        "where (x, y, radius in pixels), how bright (grey levels of 255) and on which side.\n\n"
        "Phantoms are not patients: they show that the software works, not that a model does.",
    .example = "galen phantom --count 64 --seed 7 --out pictures\t64 PNG files and truth.csv\n"
               "galen phantom --finding opacity --format dicom\tone DICOM file with an opacity",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .run = run,
};
