/*
 * The gates of the input (image/gate.h): how often each is found in pictures as they are, and in pictures spoilt on
 * purpose.
 *
 *     build/bench/gates MODEL FOLDER...      prints a JSON object a folder
 *
 * Spoilt: inverted; four times as bright; squeezed into a tenth of the range; uniform noise of two levels (blank);
 * eighteen digits written in white into the upper left corner in letters of 7, 14 or 21 rows, on the picture itself.
 */
#include "base/clock.h"
#include "base/error.h"
#include "data/walk.h"
#include "dicom/open.h"
#include "image/gate.h"
#include "model/card.h"
#include "model/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 9 };

static const char *const kind_name[KINDS] = {"blank",  "saturated", "dark",     "range", "small",
                                             "aspect", "colour",    "inverted", "text"};

static galen_error err;

static void must(galen_status status) {
    if (status == GALEN_OK) return;
    fprintf(stderr, "gates: %s\n", err.message);
    exit(3);
}

/* ---- spoiling; pictures of 8 bits only ---- */

static size_t bytes_of(const galen_image *image) {
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

static void invert(uint8_t *p, const galen_image *image) {
    for (size_t i = 0; i < bytes_of(image); i++) p[i] = (uint8_t)(255 - p[i]);
}

static void brighten(uint8_t *p, const galen_image *image) {
    for (size_t i = 0; i < bytes_of(image); i++) p[i] = (uint8_t)(p[i] * 4 > 255 ? 255 : p[i] * 4);
}

static void squeeze(uint8_t *p, const galen_image *image) {
    for (size_t i = 0; i < bytes_of(image); i++) p[i] = (uint8_t)(p[i] / 10);
}

static void wipe(uint8_t *p, const galen_image *image) {
    for (size_t i = 0; i < bytes_of(image); i++) p[i] = (uint8_t)(80 + i * 2654435761u % 7 % 2);
}

/* Digits of 5 x 7 dots, a byte a row. */
static const uint8_t digit[10][7] = {
    {14, 17, 19, 21, 25, 17, 14}, {4, 12, 4, 4, 4, 4, 14},    {14, 17, 1, 2, 4, 8, 31},   {31, 2, 4, 2, 1, 17, 14},
    {2, 6, 10, 18, 31, 2, 2},     {31, 16, 30, 1, 1, 17, 14}, {6, 8, 16, 30, 17, 17, 14}, {31, 1, 2, 4, 8, 8, 8},
    {14, 17, 17, 14, 17, 17, 14}, {14, 17, 17, 15, 1, 2, 12}};

static void write_digits(uint8_t *p, const galen_image *image, int scale) {
    static const char words[] = "198305172026112612";
    for (int n = 0; words[n]; n++)
        for (int y = 0; y < 7 * scale; y++)
            for (int x = 0; x < 5 * scale; x++) {
                int to_x = 4 + n * 6 * scale + x, to_y = 4 + y;
                if (to_x >= image->width || to_y >= image->height) continue;
                if (digit[words[n] - '0'][y / scale] >> (4 - x / scale) & 1)
                    memset(p + ((size_t)to_y * (size_t)image->width + (size_t)to_x) * (size_t)image->channels, 255,
                           (size_t)image->channels);
            }
}

static void small_text(uint8_t *p, const galen_image *image) {
    write_digits(p, image, 1);
}

static void middle_text(uint8_t *p, const galen_image *image) {
    write_digits(p, image, 2);
}

static void large_text(uint8_t *p, const galen_image *image) {
    write_digits(p, image, 3);
}

static const struct {
    const char *name, *gate;
    void (*spoil)(uint8_t *p, const galen_image *image);
} spoilt[] = {{"inverted", "inverted", invert}, {"bright", "saturated", brighten}, {"squeezed", "range", squeeze},
              {"wiped", "blank", wipe},         {"text_7", "text", small_text},    {"text_14", "text", middle_text},
              {"text_21", "text", large_text}};

enum { SPOILT = sizeof spoilt / sizeof *spoilt };

typedef struct tally {
    size_t pictures, kind[KINDS], found[SPOILT];
    double seconds, rest; /* of the gates, and of decoding and preparing */
} tally;

static bool has(const galen_gate *gate, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (!strcmp(gate[i].name, name)) return true;
    return false;
}

static void look(const char *path, const gal_recipe *recipe, float *planes, tally *t) {
    const galen_image_limits limits = galen_image_default_limits();
    galen_gate gate[GAL_INPUT_GATES];
    galen_image image = {0};
    double start = gal_clock_seconds();
    must(gal_picture_open(path, 0, &limits, &image, &err));
    must(gal_prepare(&image, recipe, planes, &err));
    double middle = gal_clock_seconds();
    int n = gal_input_gates(&image, recipe, gate);
    t->seconds += gal_clock_seconds() - middle;
    t->rest += middle - start;
    t->pictures++;
    for (int k = 0; k < KINDS; k++) t->kind[k] += has(gate, n, kind_name[k]);
    uint8_t *kept = image.data, *copy = image.sample == GALEN_SAMPLE_U8 ? malloc(bytes_of(&image)) : NULL;
    for (int s = 0; copy && s < SPOILT; s++) {
        memcpy(copy, kept, bytes_of(&image));
        spoilt[s].spoil(copy, &image);
        image.data = copy;
        int found = gal_input_gates(&image, recipe, gate);
        bool blank = !strcmp(spoilt[s].gate, "range") && has(gate, found, "blank"); /* squeezed even further */
        t->found[s] += blank || has(gate, found, spoilt[s].gate);
    }
    image.data = kept;
    free(copy);
    galen_image_free(&image);
}

static void look_at(const char *folder, const gal_recipe *recipe, float *planes) {
    gal_walk_list list = {0};
    tally t = {0};
    must(gal_walk_add(&list, folder, &err));
    for (size_t i = 0; i < list.n; i++)
        if (!list.entry[i].error) look(list.entry[i].path, recipe, planes, &t);
    gal_walk_free(&list);
    double n = (double)t.pictures;
    printf(
        "{\"folder\": \"%s\", \"pictures\": %zu, \"us_a_picture\": %.2f, \"us_decoding_and_preparing\": %.1f, \"found\": {",
        folder, t.pictures, 1e6 * t.seconds / n, 1e6 * t.rest / n);
    for (int k = 0; k < KINDS; k++) printf("%s\"%s\": %zu", k ? ", " : "", kind_name[k], t.kind[k]);
    printf("}, \"found_when_spoilt\": {");
    for (int s = 0; s < SPOILT; s++) printf("%s\"%s\": %.4f", s ? ", " : "", spoilt[s].name, (double)t.found[s] / n);
    printf("}}\n");
}

int main(int argc, char **argv) {
    gal_model *model;
    gal_card card;
    if (argc < 3) return fprintf(stderr, "use: gates MODEL FOLDER...\n"), 2;
    must(gal_onnx_load(argv[1], NULL, &model, &err));
    must(gal_card_read(gal_model_meta(model, "galen.card"), model->graph, &card, &err));
    const gal_recipe *r = &card.recipe;
    float *planes = malloc((size_t)r->channels * (size_t)r->height * (size_t)r->width * sizeof *planes);
    for (int a = 2; a < argc; a++) look_at(argv[a], r, planes);
    free(planes);
    gal_card_free(&card);
    gal_model_destroy(model);
    return 0;
}
