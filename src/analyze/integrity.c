/* Leaks, repeats and conflicts of a data set. */
#include "analyze/integrity.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "data/duplicates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counts {
    size_t exact, near, repeats, conflicts;
} counts;

static bool labels_differ(const gal_sample *a, const gal_sample *b) {
    return a->labels != b->labels ||
           (a->labels > 0 && memcmp(a->label, b->label, (size_t)a->labels * sizeof *a->label) != 0);
}

/* ---- patients ---- */

static int by_group(const void *a, const void *b) {
    const gal_sample *x = *(const gal_sample *const *)a, *y = *(const gal_sample *const *)b;
    return strcmp(x->group, y->group);
}

/* Groups in several splits; null where there are no groups. */
static galen_status patients(const gal_dataset *set, json_t **out, galen_error *err) {
    const gal_sample **sorted = gal_calloc(set->count, sizeof *sorted);
    size_t n = 0, leaks = 0;
    if (!sorted) return gal_fail_memory(err, "the patients of pictures", set->count * sizeof *sorted);
    for (size_t i = 0; i < set->count; i++)
        if (set->sample[i].group) sorted[n++] = &set->sample[i];
    qsort(sorted, n, sizeof *sorted, by_group);
    for (size_t first = 0, end; first < n; first = end) {
        bool several = false;
        for (end = first + 1; end < n && !strcmp(sorted[first]->group, sorted[end]->group); end++)
            several = several || sorted[end]->split != sorted[first]->split;
        leaks += several;
    }
    gal_free(sorted);
    *out = n > 0 ? json_integer((json_int_t)leaks) : json_null();
    return *out ? GALEN_OK : gal_fail_memory(err, "the data's integrity", 64);
}

/* ---- pictures ---- */

static json_t *id_json(const gal_sample *sample, bool hash) {
    char hex[GAL_SHA256_HEX];
    if (hash && gal_sha256_hex(sample->id, strlen(sample->id), hex, NULL) == GALEN_OK) return json_string(hex);
    /* Names of files need not be UTF-8; the hash of such a name stands in for it. */
    json_t *id = hash ? NULL : json_string(sample->id);
    if (id || gal_sha256_hex(sample->id, strlen(sample->id), hex, NULL) != GALEN_OK) return id;
    return json_string(hex);
}

static json_t *pair_json(const gal_dataset *set, const gal_duplicate *pair, bool hash) {
    const gal_sample *a = &set->sample[pair->a], *b = &set->sample[pair->b];
    char how[64];
    if (pair->exact)
        snprintf(how, sizeof how, "the same pixels%s", labels_differ(a, b) ? ", other labels" : "");
    else
        snprintf(how, sizeof how, "%d of 128 bits differ", pair->distance);
    return json_pack("{s:o, s:s, s:o, s:s, s:s}", "a", id_json(a, hash), "a_split", gal_split_name(a->split), "b",
                     id_json(b, hash), "b_split", gal_split_name(b->split), "how", how);
}

/* In the order in which they matter: 0 leaks and conflicts, 1 near ones, 2 repeats. */
static int rank_of(const gal_dataset *set, const gal_duplicate *pair) {
    const gal_sample *a = &set->sample[pair->a], *b = &set->sample[pair->b];
    if (!pair->exact) return 1;
    return a->split != b->split || labels_differ(a, b) ? 0 : 2;
}

static counts count(const gal_dataset *set, const gal_duplicates *found) {
    counts c = {0};
    for (size_t i = 0; i < found->count; i++) {
        const gal_duplicate *pair = &found->pair[i];
        const gal_sample *a = &set->sample[pair->a], *b = &set->sample[pair->b];
        c.near += !pair->exact;
        c.exact += pair->exact && a->split != b->split;
        c.repeats += pair->exact && a->split == b->split;
        c.conflicts += pair->exact && labels_differ(a, b);
    }
    return c;
}

static json_t *pairs_json(const gal_dataset *set, const gal_duplicates *found, bool hash) {
    json_t *out = json_array();
    int failed = out == NULL;
    for (int rank = 0; rank < 3; rank++)
        for (size_t i = 0; i < found->count && !failed && json_array_size(out) < GAL_INTEGRITY_PAIRS; i++)
            if (rank_of(set, &found->pair[i]) == rank)
                failed = json_array_append_new(out, pair_json(set, &found->pair[i], hash));
    if (!failed) return out;
    json_decref(out);
    return NULL;
}

galen_status gal_integrity_check(const gal_dataset *set, const gal_integrity_options *options, gal_pool *pool,
                                 json_t **out, galen_error *err) {
    gal_duplicates found;
    json_t *groups = NULL;
    const gal_duplicate_options how = {.distance = options->distance, .repeats = true};
    *out = NULL;
    GAL_TRY(gal_duplicates_find(set, &how, pool, &found, err));
    galen_status status = patients(set, &groups, err);
    if (status == GALEN_OK) {
        counts c = count(set, &found);
        *out = json_pack("{s:I, s:i, s:I, s:I, s:o, s:I, s:I, s:o}", "pictures", (json_int_t)set->count, "distance",
                         options->distance, "exact_leaks", (json_int_t)c.exact, "near_leaks", (json_int_t)c.near,
                         "patient_leaks", groups, "repeats", (json_int_t)c.repeats, "label_conflicts",
                         (json_int_t)c.conflicts, "pairs", pairs_json(set, &found, options->hash_ids));
        if (!*out) status = gal_fail_memory(err, "the data's integrity", found.count);
    }
    gal_duplicates_free(&found);
    return status;
}
