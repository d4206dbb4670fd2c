/*
 * The loader. An epoch is a list of positions; position p is item p % batch of batch p / batch. Workers take positions
 * one after the other as long as their batch has a slot in the ring, and write what they make to its place there: the
 * result is the same whoever makes it. The caller takes part while the batch it waits for has positions left.
 */
#include "data/loader.h"

#include "base/error.h"
#include "base/mem.h"
#include "data/order.h"
#include "data/pixel_cache.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { MAX_WORKERS = 256, MAX_DEPTH = 1024, MAX_BATCH = 1 << 16 };

/* A batch in the ring. */
typedef struct slot {
    float *images;
    float *weight; /* NULL unless pictures are mixed */
    size_t *partner;
    size_t done;       /* items made */
    bool ready;        /* all are made, and mixed */
    size_t first_bad;  /* the first item that failed; SIZE_MAX: none */
    galen_error error; /* why */
} slot;

/* Who makes items: a thread, or the caller. */
typedef struct hand {
    gal_loader *loader;
    pthread_t thread;
    float *scratch; /* of gal_augment_numbers; NULL unless pictures are changed */
} hand;

struct gal_loader {
    const gal_dataset *set;
    gal_loader_options options;
    galen_image_limits limits;
    gal_augment augment;
    bool changes;          /* augment changes single pictures */
    size_t count, *picked; /* the split's pictures: indices into the data set */
    double *chance;        /* of `picked`, if weighted */
    size_t *order;         /* of the epoch: indices into the data set */
    size_t *slot_of;       /* where a picture is in the cache, by its index in the data set */
    gal_pixel_cache *cache;
    size_t plane, batch, ring;
    slot *slots;
    int workers;
    hand *hand;           /* the caller's, then those of the workers */
    pthread_mutex_t lock; /* all below */
    pthread_cond_t work;  /* there may be positions to take */
    pthread_cond_t made;  /* an item was made */
    size_t used, next;    /* positions of the epoch, and the next to take */
    size_t given, held;   /* batches given out, and whether the last is still the caller's (0 or 1) */
    size_t busy;          /* items in work */
    uint64_t epoch;
    bool started, failed, quit;
};

static galen_status pixels_of(gal_loader *l, size_t index, galen_image *made, galen_image *view, galen_error *err) {
    const gal_sample *sample = &l->set->sample[index];
    const galen_image *picture = NULL;
    galen_image decoded;
    memset(made, 0, sizeof *made);
    if (gal_pixel_cache_get(l->cache, l->slot_of[index], view)) return GALEN_OK;
    GAL_TRY(gal_sample_picture(sample, &l->limits, &decoded, &picture, err));
    galen_status status = gal_prepare_pixels(picture, &l->options.recipe, made, err);
    galen_image_free(&decoded);
    if (status != GALEN_OK) return gal_fail_in(err, status, sample->id);
    gal_pixel_cache_put(l->cache, l->slot_of[index], made);
    *view = *made;
    return GALEN_OK;
}

static galen_status make_item(const hand *h, size_t position, float *out, galen_error *err) {
    gal_loader *l = h->loader;
    galen_image made, view;
    GAL_TRY(pixels_of(l, l->order[position], &made, &view, err));
    if (l->changes) {
        gal_rng rng = gal_draw_at(l->options.seed, GAL_DRAW_AUGMENT, l->epoch, position);
        gal_augment_numbers(&view, &l->options.recipe, &l->augment, &rng, h->scratch, out);
    } else {
        gal_prepare_numbers(&view, &l->options.recipe, out);
    }
    galen_image_free(&made);
    return GALEN_OK;
}

/* Mixes the first with the last picture of a batch, the second with the last but one and so on. */
static void mix(const gal_loader *l, const slot *s, size_t begin, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t j = count - 1 - i;
        s->partner[i] = j;
        if (i > j) continue;
        gal_rng rng = gal_draw_at(l->options.seed, GAL_DRAW_MIX, l->epoch, begin + i);
        float w = i == j ? 1 : (float)gal_augment_beta(l->augment.mixup, &rng);
        float *a = s->images + i * l->plane, *b = s->images + j * l->plane;
        s->weight[i] = s->weight[j] = w;
        for (size_t k = 0; i != j && k < l->plane; k++) {
            float x = a[k], y = b[k];
            a[k] = w * x + (1 - w) * y;
            b[k] = w * y + (1 - w) * x;
        }
    }
}

static slot *slot_at(gal_loader *l, size_t position) {
    return &l->slots[position / l->batch % l->ring];
}

/* Positions that may be taken now: those whose batch has a slot. */
static size_t open_end(const gal_loader *l) {
    size_t end = (l->given - l->held + l->ring) * l->batch;
    return end < l->used ? end : l->used;
}

/* Pictures of the batch that begins there. */
static size_t batch_count(const gal_loader *l, size_t begin) {
    return l->used - begin < l->batch ? l->used - begin : l->batch;
}

/* Makes the next position, and mixes the batch when it was the last of it; the lock is held before and after, not
 * meanwhile. */
static void make_next(const hand *h) {
    gal_loader *l = h->loader;
    size_t position = l->next++, item = position % l->batch, count = batch_count(l, position - item);
    slot *s = slot_at(l, position);
    l->busy++;
    pthread_mutex_unlock(&l->lock);
    galen_error err = {0};
    galen_status status = make_item(h, position, s->images + item * l->plane, &err);
    pthread_mutex_lock(&l->lock);
    if (status != GALEN_OK && item < s->first_bad) {
        s->first_bad = item;
        s->error = err;
    }
    if (++s->done == count) {
        if (s->weight && s->first_bad == SIZE_MAX) {
            pthread_mutex_unlock(&l->lock);
            mix(l, s, position - item, count);
            pthread_mutex_lock(&l->lock);
        }
        s->ready = true;
    }
    l->busy--;
    pthread_cond_broadcast(&l->made);
}

static void *work(void *context) {
    const hand *h = context;
    gal_loader *l = h->loader;
    pthread_mutex_lock(&l->lock);
    while (!l->quit) {
        if (l->started && l->next < open_end(l))
            make_next(h);
        else
            pthread_cond_wait(&l->work, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static galen_status check_options(const gal_loader_options *o, galen_error *err) {
    if (o->batch < 1 || o->batch > MAX_BATCH)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "a batch of %d pictures: 1 to %d are possible", o->batch, MAX_BATCH);
    if (o->workers < 0 || o->workers > MAX_WORKERS)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d threads to decode: 0 to %d are possible", o->workers, MAX_WORKERS);
    if (o->depth < 0 || o->depth > MAX_DEPTH)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "%d batches ahead: 0 to %d are possible", o->depth, MAX_DEPTH);
    if (o->augment) GAL_TRY(gal_augment_check(o->augment, err));
    return gal_recipe_check(&o->recipe, err);
}

static galen_status pick(gal_loader *l, galen_error *err) {
    const gal_dataset *set = l->set;
    l->count = gal_dataset_split_count(set, l->options.split);
    if (l->count == 0)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "no picture belongs to '%s'", gal_split_name(l->options.split));
    l->picked = gal_calloc(l->count, sizeof *l->picked);
    l->order = gal_calloc(l->count, sizeof *l->order);
    l->slot_of = gal_calloc(set->count, sizeof *l->slot_of);
    if (l->options.weighted) l->chance = gal_calloc(l->count, sizeof *l->chance);
    if (!l->picked || !l->order || !l->slot_of || (l->options.weighted && !l->chance))
        return gal_fail_memory(err, "the order of pictures", set->count * sizeof(size_t));
    for (size_t i = 0, n = 0; i < set->count; i++) {
        if (set->sample[i].split != l->options.split) continue;
        l->slot_of[i] = n;
        l->picked[n++] = i;
    }
    return l->chance ? gal_class_chances(set, l->picked, l->count, l->chance, err) : GALEN_OK;
}

static galen_status make_ring(gal_loader *l, galen_error *err) {
    const gal_recipe *r = &l->options.recipe;
    size_t floats = 0, bytes = 0;
    l->batch = (size_t)l->options.batch;
    l->ring = (size_t)l->options.depth + 1;
    if (!gal_size_mul((size_t)r->width * (size_t)r->height, (size_t)r->channels, &l->plane) ||
        !gal_size_mul(l->plane, l->batch, &floats) || !gal_size_mul(floats, sizeof(float), &bytes))
        return gal_fail(err, GALEN_ERR_LIMIT, "a batch of %d pictures of %dx%d is too large", l->options.batch,
                        r->width, r->height);
    l->slots = gal_calloc(l->ring, sizeof *l->slots);
    if (!l->slots) return gal_fail_memory(err, "batches", l->ring * sizeof *l->slots);
    for (size_t i = 0; i < l->ring; i++) {
        l->slots[i].images = gal_alloc_aligned(bytes);
        if (!l->slots[i].images) return gal_fail_memory(err, "batches", bytes);
        if (l->augment.mixup == 0) continue;
        l->slots[i].weight = gal_calloc(l->batch, sizeof(float));
        l->slots[i].partner = gal_calloc(l->batch, sizeof(size_t));
        if (!l->slots[i].weight || !l->slots[i].partner) return gal_fail_memory(err, "batches", l->batch);
    }
    return gal_pixel_cache_make(l->count, r->width, r->height, r->channels, l->options.cache_bytes, &l->cache, err);
}

static galen_status make_hands(gal_loader *l, galen_error *err) {
    size_t n = (size_t)l->options.workers + 1;
    l->hand = gal_calloc(n, sizeof *l->hand);
    if (!l->hand) return gal_fail_memory(err, "threads", n * sizeof *l->hand);
    for (size_t i = 0; i < n; i++) {
        l->hand[i].loader = l;
        if (!l->changes) continue;
        l->hand[i].scratch = gal_alloc_aligned(2 * l->plane * sizeof(float));
        if (!l->hand[i].scratch) return gal_fail_memory(err, "scratch memory", 2 * l->plane * sizeof(float));
    }
    return GALEN_OK;
}

/* Signals are for the threads that the program knows of. */
static void start_workers(gal_loader *l) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (hand *h = l->hand + 1; l->workers < l->options.workers && !pthread_create(&h->thread, NULL, work, h); h++)
        l->workers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

galen_status gal_loader_open(const gal_dataset *dataset, const gal_loader_options *options, gal_loader **out,
                             galen_error *err) {
    *out = NULL;
    GAL_TRY(check_options(options, err));
    gal_loader *l = gal_calloc(1, sizeof *l);
    if (!l) return gal_fail_memory(err, "a loader", sizeof *l);
    l->set = dataset;
    l->options = *options;
    l->limits = options->limits ? *options->limits : galen_image_default_limits();
    if (options->augment) l->augment = *options->augment;
    l->changes = gal_augment_changes(&l->augment);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->made, NULL);
    galen_status status = pick(l, err);
    if (status == GALEN_OK) status = make_ring(l, err);
    if (status == GALEN_OK) status = make_hands(l, err);
    if (status != GALEN_OK) {
        gal_loader_close(l);
        return status;
    }
    start_workers(l);
    *out = l;
    return GALEN_OK;
}

void gal_loader_close(gal_loader *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->workers; i++) pthread_join(l->hand[i + 1].thread, NULL);
    pthread_cond_destroy(&l->made);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    for (size_t i = 0; l->slots && i < l->ring; i++) {
        gal_free(l->slots[i].images);
        gal_free(l->slots[i].weight);
        gal_free(l->slots[i].partner);
    }
    for (int i = 0; l->hand && i <= l->options.workers; i++) gal_free(l->hand[i].scratch);
    gal_free(l->slots);
    gal_pixel_cache_free(l->cache);
    gal_free(l->hand);
    gal_free(l->picked);
    gal_free(l->order);
    gal_free(l->slot_of);
    gal_free(l->chance);
    gal_free(l);
}

size_t gal_loader_count(const gal_loader *l) {
    return l->options.drop_last ? l->count / l->batch * l->batch : l->count;
}

size_t gal_loader_batches(const gal_loader *l) {
    return (gal_loader_count(l) + l->batch - 1) / l->batch;
}

static void put_in_order(gal_loader *l) {
    gal_rng rng = gal_draw_at(l->options.seed, GAL_DRAW_ORDER, l->epoch, 0);
    if (l->chance) {
        for (size_t i = 0; i < l->count; i++) l->order[i] = l->picked[gal_draw_by_chance(l->chance, l->count, &rng)];
        return;
    }
    memcpy(l->order, l->picked, l->count * sizeof *l->order);
    if (l->options.shuffle) gal_shuffle(l->order, l->count, &rng);
}

static void clear(slot *s) {
    s->done = 0;
    s->ready = false;
    s->first_bad = SIZE_MAX;
}

galen_status gal_loader_start(gal_loader *l, uint64_t epoch, galen_error *err) {
    if (epoch >> 24)
        return gal_fail(err, GALEN_ERR_ARGUMENT, "epoch %llu: fewer than 2^24 are possible", (unsigned long long)epoch);
    pthread_mutex_lock(&l->lock);
    l->started = false; /* no more is taken; what is in work is waited for */
    while (l->busy > 0) pthread_cond_wait(&l->made, &l->lock);
    l->epoch = epoch;
    l->used = gal_loader_count(l);
    l->next = l->given = l->held = 0;
    l->failed = false;
    for (size_t i = 0; i < l->ring; i++) clear(&l->slots[i]);
    put_in_order(l);
    l->started = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return GALEN_OK;
}

/* Gives the caller's batch back to the ring. */
static void release(gal_loader *l) {
    if (!l->held) return;
    clear(slot_at(l, (l->given - 1) * l->batch));
    l->held = 0;
    pthread_cond_broadcast(&l->work);
}

/* Waits for the batch that begins there, making what nobody has taken. */
static void finish(gal_loader *l, size_t begin) {
    const slot *s = slot_at(l, begin);
    while (!s->ready)
        if (l->next < begin + batch_count(l, begin))
            make_next(&l->hand[0]);
        else
            pthread_cond_wait(&l->made, &l->lock);
}

galen_status gal_loader_next(gal_loader *l, gal_loader_batch *out, galen_error *err) {
    *out = (gal_loader_batch){0};
    if (!l->started) return gal_fail(err, GALEN_ERR_ARGUMENT, "no epoch was started: start one first");
    pthread_mutex_lock(&l->lock);
    size_t begin = l->given * l->batch;
    galen_status status = GALEN_OK;
    if (begin < l->used) {
        if (!l->failed) {
            release(l);
            finish(l, begin);
        }
        slot *s = slot_at(l, begin);
        l->failed = s->first_bad != SIZE_MAX;
        if (l->failed) {
            status = gal_fail(err, s->error.status, "%s", s->error.message);
        } else {
            *out = (gal_loader_batch){.count = batch_count(l, begin),
                                      .images = s->images,
                                      .sample = l->order + begin,
                                      .weight = s->weight,
                                      .partner = s->partner};
            l->given++;
            l->held = 1;
        }
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}
