/* One block of equal slots; a picture enters its slot once and never leaves. */
#include "data/pixel_cache.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <string.h>

/* A slot is written by whoever takes it from EMPTY to WRITING; from READY on, plus channels, all may read it. */
enum { EMPTY, WRITING, READY };

struct gal_pixel_cache {
    int width, height;
    size_t slots, slot_bytes;
    uint8_t *pixels;
    atomic_uchar *state;
};

galen_status gal_pixel_cache_make(size_t count, int width, int height, int channels, size_t bytes,
                                  gal_pixel_cache **out, galen_error *err) {
    gal_pixel_cache *cache = gal_calloc(1, sizeof *cache);
    *out = NULL;
    if (!cache) return gal_fail_memory(err, "a cache of pictures", sizeof *cache);
    *cache = (gal_pixel_cache){
        .width = width, .height = height, .slot_bytes = (size_t)width * (size_t)height * (size_t)channels};
    cache->slots = bytes / cache->slot_bytes < count ? bytes / cache->slot_bytes : count;
    if (cache->slots > 0) {
        cache->pixels = gal_alloc_zeroed(cache->slots * cache->slot_bytes);
        cache->state = gal_calloc(cache->slots, sizeof *cache->state);
    }
    if (cache->slots > 0 && (!cache->pixels || !cache->state)) {
        gal_pixel_cache_free(cache);
        return gal_fail_memory(err, "a cache of pictures", bytes);
    }
    *out = cache;
    return GALEN_OK;
}

void gal_pixel_cache_free(gal_pixel_cache *cache) {
    if (!cache) return;
    if (cache->pixels) gal_free_zeroed(cache->pixels, cache->slots * cache->slot_bytes);
    gal_free(cache->state);
    gal_free(cache);
}

int gal_pixel_cache_get(const gal_pixel_cache *cache, size_t picture, galen_image *view) {
    unsigned state =
        picture < cache->slots ? atomic_load_explicit(&cache->state[picture], memory_order_acquire) : EMPTY;
    if (state <= READY) return 0;
    *view = (galen_image){.width = cache->width,
                          .height = cache->height,
                          .channels = (int)(state - READY),
                          .data = cache->pixels + picture * cache->slot_bytes};
    return 1;
}

void gal_pixel_cache_put(gal_pixel_cache *cache, size_t picture, const galen_image *pixels) {
    unsigned char state = EMPTY;
    if (picture >= cache->slots || !atomic_compare_exchange_strong(&cache->state[picture], &state, WRITING)) return;
    memcpy(cache->pixels + picture * cache->slot_bytes, pixels->data,
           (size_t)cache->width * (size_t)cache->height * (size_t)pixels->channels);
    atomic_store_explicit(&cache->state[picture], (unsigned char)(READY + pixels->channels), memory_order_release);
}
