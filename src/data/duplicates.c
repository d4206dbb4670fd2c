/* Finding pictures that occur twice: hashes of all, sorted so that equal ones, or equal bands of them, are neighbours.
 */
#include "data/duplicates.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "image/codec.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BANDS = 8, BAND_BITS = 16, MAX_PAIRS = 100000 };

/* What is known of one picture. */
typedef struct print {
    char sha[GAL_SHA256_HEX];
    int width, height, channels;
    galen_sample depth;
    uint64_t hash[2];
    bool known;
} print;

typedef struct search {
    const gal_dataset *set;
    const gal_duplicate_options *options;
    size_t max_pairs;
    atomic_size_t done; /* pictures */
    print *print;       /* of each sample */
    size_t *index;      /* samples in the order at hand */
    gal_buf pair;       /* gal_duplicate */
    gal_duplicates *out;
} search;

static galen_status bits_across(const galen_image *grey, int width, int height, uint64_t *hash, galen_error *err) {
    galen_image small;
    size_t next = width > height ? 1 : (size_t)width; /* to the right, or below */
    *hash = 0;
    GAL_TRY(galen_image_resize(grey, width, height, GALEN_FILTER_BILINEAR, &small, err));
    for (int i = 0; i < 64; i++) {
        const uint8_t *p = (const uint8_t *)small.data + i / 8 * width + i % 8;
        *hash |= (uint64_t)(p[next] > p[0]) << i;
    }
    galen_image_free(&small);
    return GALEN_OK;
}

galen_status gal_difference_hash(const galen_image *image, uint64_t hash[2], galen_error *err) {
    galen_image grey = {0}, flat = {0};
    galen_status status = galen_image_to_grey(image, &grey, err);
    if (status == GALEN_OK) status = galen_image_to_u8(&grey, &flat, err);
    if (status == GALEN_OK) status = bits_across(&flat, 9, 8, &hash[0], err);
    if (status == GALEN_OK) status = bits_across(&flat, 8, 9, &hash[1], err);
    galen_image_free(&grey);
    galen_image_free(&flat);
    return status;
}

static galen_status print_one(const search *s, size_t i, galen_error *err) {
    const galen_image *view = NULL;
    galen_image made;
    print *p = &s->print[i];
    GAL_TRY(gal_sample_picture(&s->set->sample[i], s->options->limits, &made, &view, err));
    p->width = view->width, p->height = view->height, p->channels = view->channels, p->depth = view->sample;
    galen_status status = gal_sha256_hex(view->data, gal_image_bytes(view), p->sha, err);
    if (status == GALEN_OK) status = gal_difference_hash(view, p->hash, err);
    galen_image_free(&made);
    return status == GALEN_OK ? status : gal_fail_in(err, status, s->set->sample[i].id);
}

static void print_task(void *context, size_t i) {
    search *s = context;
    s->print[i].known = print_one(s, i, NULL) == GALEN_OK;
    size_t done = atomic_fetch_add_explicit(&s->done, 1, memory_order_relaxed) + 1;
    if (gal_pool_self() == 0 && s->options->progress) s->options->progress(s->options->context, done, s->set->count);
}

/* All prints. What failed is tried once more: for the message, or because memory was short while others were read. */
static galen_status make_prints(search *s, gal_pool *pool, galen_error *err) {
    size_t n = s->set->count;
    s->print = gal_calloc(n, sizeof *s->print);
    s->index = gal_calloc(n, sizeof *s->index);
    if (!s->print || !s->index) return gal_fail_memory(err, "the hashes of pictures", n * sizeof *s->print);
    gal_pool_run(pool, print_task, s, n);
    for (size_t i = 0; i < n; i++)
        if (!s->print[i].known) GAL_TRY(print_one(s, i, err));
    return GALEN_OK;
}

static int compare_pixels(const print *a, const print *b) {
    if (a->width != b->width) return a->width < b->width ? -1 : 1;
    if (a->height != b->height) return a->height < b->height ? -1 : 1;
    if (a->channels != b->channels) return a->channels < b->channels ? -1 : 1;
    if (a->depth != b->depth) return a->depth < b->depth ? -1 : 1;
    return strcmp(a->sha, b->sha);
}

static int by_pixels(const void *a, const void *b, void *context) {
    const search *s = context;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = compare_pixels(&s->print[i], &s->print[j]);
    return order ? order : (i > j) - (i < j);
}

static void add_pair(search *s, size_t i, size_t j, bool exact, int distance) {
    if (s->pair.size / sizeof(gal_duplicate) == s->max_pairs) {
        s->out->all = false;
        return;
    }
    gal_duplicate pair = {.a = i < j ? i : j, .b = i < j ? j : i, .exact = exact, .distance = distance};
    gal_buf_put(&s->pair, &pair, sizeof pair);
}

static bool same_split(const search *s, size_t i, size_t j) {
    return s->set->sample[i].split == s->set->sample[j].split;
}

/* Of a run of equal pictures each is paired with the first one of another split, at most: all pairs could be too many.
 */
static void find_exact(search *s) {
    size_t n = s->set->count;
    qsort_r(s->index, n, sizeof *s->index, by_pixels, s);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && !compare_pixels(&s->print[s->index[first]], &s->print[s->index[end]]);) end++;
        for (size_t k = first + 1; k < end; k++)
            if (s->options->repeats || !same_split(s, s->index[first], s->index[k]))
                add_pair(s, s->index[first], s->index[k], true, 0);
    }
}

static unsigned band(const print *p, int k) {
    return (unsigned)(p->hash[k / 4] >> (k % 4 * BAND_BITS)) & 0xffffu;
}

typedef struct band_order {
    const search *s;
    int band;
} band_order;

static int by_band(const void *a, const void *b, void *context) {
    const band_order *o = context;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    unsigned x = band(&o->s->print[i], o->band), y = band(&o->s->print[j], o->band);
    return x != y ? (x > y) - (x < y) : (i > j) - (i < j);
}

/* A pair is found in the first band that its two have in common. */
static bool met_before(const print *a, const print *b, int k) {
    for (int earlier = 0; earlier < k; earlier++)
        if (band(a, earlier) == band(b, earlier)) return true;
    return false;
}

static void compare_near(search *s, size_t i, size_t j, int k) {
    const print *a = &s->print[i], *b = &s->print[j];
    if (same_split(s, i, j)) return;
    int distance = __builtin_popcountll(a->hash[0] ^ b->hash[0]) + __builtin_popcountll(a->hash[1] ^ b->hash[1]);
    if (distance > s->options->distance || met_before(a, b, k) || !compare_pixels(a, b)) return;
    add_pair(s, i, j, false, distance);
}

static bool is_flat(const print *p) {
    return !p->hash[0] && !p->hash[1];
}

static void find_near(search *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->set->count; i++)
        if (!is_flat(&s->print[i])) s->index[n++] = i;
    for (int k = 0; k < BANDS; k++) {
        qsort_r(s->index, n, sizeof *s->index, by_band, &(band_order){s, k});
        for (size_t first = 0, end; first < n; first = end) {
            unsigned value = band(&s->print[s->index[first]], k);
            for (end = first + 1; end < n && band(&s->print[s->index[end]], k) == value;) end++;
            for (size_t i = first; i < end && s->out->all; i++)
                for (size_t j = i + 1; j < end; j++) compare_near(s, s->index[i], s->index[j], k);
        }
    }
}

static int by_likeness(const void *a, const void *b) {
    const gal_duplicate *x = a, *y = b;
    if (x->exact != y->exact) return x->exact ? -1 : 1;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

static galen_status find_pairs(search *s, galen_error *err) {
    gal_duplicates *out = s->out;
    for (size_t i = 0; i < s->set->count; i++) s->index[i] = i;
    out->all = true;
    find_exact(s);
    out->exact = s->pair.size / sizeof *out->pair;
    if (s->options->distance >= 0 && out->all) find_near(s);
    if (s->pair.failed) return gal_fail_memory(err, "pairs of pictures", s->pair.size);
    out->count = s->pair.size / sizeof *out->pair;
    out->pair = (gal_duplicate *)(void *)s->pair.data;
    s->pair.data = NULL;
    if (out->count > 0) qsort(out->pair, out->count, sizeof *out->pair, by_likeness);
    return GALEN_OK;
}

galen_status gal_duplicates_find(const gal_dataset *dataset, const gal_duplicate_options *options, gal_pool *pool,
                                 gal_duplicates *out, galen_error *err) {
    search s = {.set = dataset,
                .options = options,
                .max_pairs = options->max_pairs ? options->max_pairs : MAX_PAIRS,
                .out = out};
    memset(out, 0, sizeof *out);
    if (options->distance < -1 || options->distance >= BANDS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "near pictures within %d bits: 0 to %d are possible, or -1 for none",
                        options->distance, BANDS - 1);
    gal_buf_init(&s.pair, PTRDIFF_MAX);
    galen_status status = make_prints(&s, pool, err);
    if (status == GALEN_OK) status = find_pairs(&s, err);
    gal_buf_free(&s.pair);
    gal_free(s.print);
    gal_free(s.index);
    if (status != GALEN_OK) *out = (gal_duplicates){0};
    return status;
}

void gal_duplicates_free(gal_duplicates *duplicates) {
    gal_free(duplicates->pair);
    *duplicates = (gal_duplicates){0};
}
