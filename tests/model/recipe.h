/*
 * Weights and pictures from a recipe, so that expected numbers need no stored weights: element i of tensor NAME comes
 * from u(i) = (splitmix64(fnv1a64(NAME) + i) >> 40) / 2^24.
 */
#ifndef GAL_TEST_MODEL_RECIPE_H
#define GAL_TEST_MODEL_RECIPE_H

#include <galen/status.h>
#include <galen/tensor.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t recipe_hash(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static inline double recipe_uniform(uint64_t hash, uint64_t i) {
    uint64_t z = hash + i + 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 40) / 16777216.0;
}

static inline int recipe_ends(const char *name, const char *tail) {
    size_t n = strlen(name), m = strlen(tail);
    return n >= m && strcmp(name + n - m, tail) == 0;
}

/* A gal_zoo_fill. */
static inline galen_status recipe_fill(void *context, const char *name, const galen_tensor *tensor, galen_error *err) {
    (void)context, (void)err;
    int64_t n = galen_tensor_elements(tensor);
    uint64_t hash = recipe_hash(name);
    float *data = tensor->data;
    for (int64_t i = 0; i < n; i++) {
        double u = recipe_uniform(hash, (uint64_t)i), v = 0.1 * (2 * u - 1);
        if (tensor->rank > 1) v = (2 * u - 1) * sqrt(3 / ((double)n / (double)tensor->dim[0]));
        if (tensor->rank == 1 && recipe_ends(name, ".weight")) v = 1 + 0.1 * (2 * u - 1);
        if (recipe_ends(name, ".running_var")) v = 1 + 0.5 * u;
        data[i] = (float)v;
    }
    return GALEN_OK;
}

#endif
