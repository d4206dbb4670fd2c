/* Pictures kept in memory as they are after decoding and resizing. Thread-safe. */
#ifndef GAL_DATA_PIXEL_CACHE_H
#define GAL_DATA_PIXEL_CACHE_H

#include <galen/image.h>

typedef struct gal_pixel_cache gal_pixel_cache;

/*
 * For pictures 0 to count - 1 of width x height and at most `channels` u8 channels. As many of them as fit into `bytes`
 * are kept, the first ones; none is a cache too. Memory is taken from the system as pictures come.
 */
galen_status gal_pixel_cache_make(size_t count, int width, int height, int channels, size_t bytes,
                                  gal_pixel_cache **out, galen_error *err);
void gal_pixel_cache_free(gal_pixel_cache *cache);

/* 1 and a view of the picture, which stays valid, or 0. */
int gal_pixel_cache_get(const gal_pixel_cache *cache, size_t picture, galen_image *view);
void gal_pixel_cache_put(gal_pixel_cache *cache, size_t picture, const galen_image *pixels);

#endif
