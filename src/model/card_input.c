/* The "input" object of a card: how a picture becomes the model's input. Nothing in it is ever ignored. */
#include "model/card_input.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

enum { MAX_SIDE = 16384, MAX_RESIZE_TEXT = 256 };

static galen_status bad(galen_error *err, const char *key, const char *need) {
    return gal_fail(err, GALEN_ERR_FORMAT, "the model card's input.%s must be %s", key, need);
}

galen_status gal_card_only_keys(const json_t *object, const char *where, const char *const *known, galen_error *err) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0) k++;
        if (!*k)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                            "the model card's %s has '%.100s', which this version does not know", where, key);
    }
    return GALEN_OK;
}

static galen_status read_color(const json_t *value, gal_recipe *recipe, gal_card_said *said, galen_error *err) {
    const char *text = json_string_value(value);
    if (!value) return GALEN_OK;
    if (text && strcmp(text, "grey") == 0)
        recipe->channels = 1;
    else if (text && (strcmp(text, "grey-to-rgb") == 0 || strcmp(text, "rgb") == 0))
        recipe->channels = 3;
    else
        return bad(err, "color", "\"grey\", \"grey-to-rgb\" or \"rgb\"");
    said->channels = true;
    return GALEN_OK;
}

static bool is_side(const json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= MAX_SIDE;
}

static galen_status read_size(const json_t *value, gal_recipe *recipe, gal_card_said *said, galen_error *err) {
    if (!value) return GALEN_OK;
    const json_t *height = json_array_get(value, 0), *width = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !is_side(height) || !is_side(width))
        return bad(err, "size", "[height, width] in pixels, 1 to 16384");
    recipe->height = (int)json_integer_value(height);
    recipe->width = (int)json_integer_value(width);
    said->size = true;
    return GALEN_OK;
}

static bool find_filter(const char *name, size_t n, galen_filter *out) {
    static const char *const names[] = {[GALEN_FILTER_NEAREST] = "nearest",
                                        [GALEN_FILTER_BOX] = "box",
                                        [GALEN_FILTER_BILINEAR] = "bilinear",
                                        [GALEN_FILTER_BICUBIC] = "bicubic",
                                        [GALEN_FILTER_LANCZOS] = "lanczos"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) != n || memcmp(names[i], name, n) != 0) continue;
        *out = (galen_filter)i;
        return true;
    }
    return false;
}

static bool is_word(const char *at, size_t n, const char *word) {
    return strlen(word) == n && memcmp(at, word, n) == 0;
}

/* "short side N". */
static bool read_short_side(const char *at, size_t n, int *out) {
    static const char lead[] = "short side ";
    size_t start = sizeof lead - 1;
    int value = 0;
    if (n <= start || n > start + 5 || memcmp(at, lead, start) != 0) return false;
    for (size_t i = start; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') return false;
        value = value * 10 + (at[i] - '0');
    }
    *out = value;
    return value >= 1 && value <= MAX_SIDE;
}

/* Takes the next part of a list separated by commas; false at the end. */
static bool next_part(const char **at, const char **part, size_t *n) {
    if (!**at) return false;
    *part = *at + strspn(*at, " ");
    *n = strcspn(*part, ",");
    *at = *part + *n + ((*part)[*n] == ',');
    while (*n && (*part)[*n - 1] == ' ') --*n;
    return true;
}

/* The words of cards made by hand: "bilinear, antialiased (Pillow), no crop" or "bilinear, short side 256, centre
 * crop". */
static galen_status read_resize_words(const char *text, gal_recipe *recipe, galen_error *err) {
    const char *part;
    size_t n;
    bool crop = false, first = true;
    while (next_part(&text, &part, &n)) {
        bool known = first ? find_filter(part, n, &recipe->filter)
                           : is_word(part, n, "antialiased (Pillow)") || is_word(part, n, "antialiased");
        if (!first && is_word(part, n, "no crop")) known = true;
        if (!first && (is_word(part, n, "centre crop") || is_word(part, n, "center crop"))) known = crop = true;
        if (!first && read_short_side(part, n, &recipe->resize_to)) known = true;
        if (!known)
            return gal_fail(err, GALEN_ERR_UNSUPPORTED,
                            "the model card's input.resize has '%.*s', which this version does not know",
                            n > 100 ? 100 : (int)n, part);
        first = false;
    }
    if (first || crop != (recipe->resize_to > 0))
        return bad(err, "resize", "a filter, then \"no crop\" or \"short side N, centre crop\"");
    recipe->rule = crop ? GAL_RESIZE_SHORT_SIDE : GAL_RESIZE_STRETCH;
    return GALEN_OK;
}

/* {"filter": "bilinear", "rule": "stretch"} or {"filter": ..., "rule": "short-side", "to": 256}. */
static galen_status read_resize_object(const json_t *value, gal_recipe *recipe, galen_error *err) {
    static const char *const keys[] = {"filter", "rule", "to", NULL};
    GAL_TRY(gal_card_only_keys(value, "input.resize", keys, err));
    const char *filter = json_string_value(json_object_get(value, "filter")),
               *rule = json_string_value(json_object_get(value, "rule"));
    const json_t *to = json_object_get(value, "to");
    if (!filter || !find_filter(filter, strlen(filter), &recipe->filter))
        return bad(err, "resize.filter", "nearest, box, bilinear, bicubic or lanczos");
    if (rule && strcmp(rule, "stretch") == 0 && !to) return GALEN_OK;
    if (!rule || strcmp(rule, "short-side") != 0 || !is_side(to))
        return bad(err, "resize.rule", "\"stretch\", or \"short-side\" with \"to\" in pixels");
    recipe->rule = GAL_RESIZE_SHORT_SIDE;
    recipe->resize_to = (int)json_integer_value(to);
    return GALEN_OK;
}

static galen_status read_resize(const json_t *value, gal_recipe *recipe, gal_card_said *said, galen_error *err) {
    if (!value) return GALEN_OK;
    said->resize = true;
    if (json_is_object(value)) return read_resize_object(value, recipe, err);
    if (!json_is_string(value) || json_string_length(value) > MAX_RESIZE_TEXT)
        return bad(err, "resize", "a text or an object");
    return read_resize_words(json_string_value(value), recipe, err);
}

static bool read_real(const json_t *value, float *out) {
    if (!json_is_number(value)) return false;
    *out = (float)json_number_value(value);
    return isfinite(*out);
}

static galen_status read_range(const json_t *value, gal_recipe *recipe, gal_card_said *said, galen_error *err) {
    if (!value) return GALEN_OK;
    bool good = json_array_size(value) == 2 && read_real(json_array_get(value, 0), &recipe->low) &&
                read_real(json_array_get(value, 1), &recipe->high);
    if (!good || !(recipe->low < recipe->high)) return bad(err, "range", "[low, high] with low < high");
    said->range = true;
    return GALEN_OK;
}

/* One number for all channels, or one for each. */
static bool read_channels(const json_t *value, int channels, float out[3]) {
    size_t n = json_array_size(value);
    if (!json_is_array(value)) {
        if (!read_real(value, &out[0])) return false;
        out[1] = out[2] = out[0];
        return true;
    }
    if (n != 1 && n != (size_t)channels) return false;
    for (size_t i = 0; i < 3; i++)
        if (!read_real(json_array_get(value, i < n ? i : 0), &out[i])) return false;
    return true;
}

static galen_status read_norm(const json_t *input, gal_recipe *recipe, gal_card_said *said, galen_error *err) {
    const json_t *mean = json_object_get(input, "mean"), *std = json_object_get(input, "std");
    if (!mean && !std) return GALEN_OK;
    if (!mean || !read_channels(mean, recipe->channels, recipe->mean))
        return bad(err, "mean", "a number, or one for each channel");
    bool good = std && read_channels(std, recipe->channels, recipe->std);
    for (int i = 0; good && i < 3; i++) good = recipe->std[i] > 0;
    if (!good) return bad(err, "std", "a number above 0, or one for each channel");
    said->norm = true;
    return GALEN_OK;
}

galen_status gal_card_read_input(const json_t *input, gal_recipe *recipe, gal_card_said *said, galen_error *err) {
    static const char *const keys[] = {"color", "size", "resize", "range", "mean", "std", NULL};
    if (!json_is_object(input)) return gal_fail(err, GALEN_ERR_FORMAT, "the model card's input must be an object");
    GAL_TRY(gal_card_only_keys(input, "input", keys, err));
    GAL_TRY(read_color(json_object_get(input, "color"), recipe, said, err));
    GAL_TRY(read_size(json_object_get(input, "size"), recipe, said, err));
    GAL_TRY(read_resize(json_object_get(input, "resize"), recipe, said, err));
    GAL_TRY(read_range(json_object_get(input, "range"), recipe, said, err));
    return read_norm(input, recipe, said, err);
}
