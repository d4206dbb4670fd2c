/* Keeping packed weights in files. Layout: header of one page, then the packed weights as they lie in memory. */
#include "session/cache.h"

#include "base/build.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 4096, TAG = 16, CHUNK = 1 << 20, KEY_TEXT_MAX = 16 << 20 };

static const char magic[16] = "galen packed 1\n";

typedef struct header {
    char magic[sizeof magic];
    uint64_t bytes; /* of weights */
    char key[GAL_SHA256_HEX];
    char sum[GAL_SHA256_HEX];
} header;

_Static_assert(sizeof(header) <= HEADER, "the header fits its page");

/* ---- check sum: GMAC of each chunk, by all threads, and SHA-256 of those; at a multiple of SHA-256's own speed ----
 */

typedef struct sum_job {
    const gal_file *map; /* its pages are given back when they were read; or NULL */
    const uint8_t *data;
    size_t bytes;
    uint8_t (*tag)[TAG];
    atomic_bool failed;
} sum_job;

static void sum_chunk(void *context, size_t index) {
    /* Not a secret: the sum finds damage. Who may write the file is a matter of its owner and mode. */
    static const unsigned char fixed_key[16] = "galen's packed";
    sum_job *job = context;
    size_t at = index * CHUNK, n = job->bytes - at < CHUNK ? job->bytes - at : CHUNK;
    unsigned char nonce[12] = {0}, end[TAG];
    int length = 0;
    for (size_t i = 0; i < sizeof index; i++) nonce[i] = (unsigned char)(index >> 8 * i);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, fixed_key, nonce) == 1 &&
              EVP_EncryptUpdate(c, NULL, &length, job->data + at, (int)n) == 1 &&
              EVP_EncryptFinal_ex(c, end, &length) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, job->tag[index]) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!ok) atomic_store(&job->failed, true);
    if (job->map != NULL) gal_file_release_range(job->map, job->data + at, n);
}

/* False when out of memory. The model's own weights are still there: the two must not be in memory at once. */
static bool sum_of(const gal_session *s, const gal_file *map, const uint8_t *data, char out[GAL_SHA256_HEX]) {
    size_t chunks = (s->packed_bytes + CHUNK - 1) / CHUNK;
    sum_job job = {.map = map, .data = data, .bytes = s->packed_bytes, .tag = gal_calloc(chunks, TAG)};
    bool ok = job.tag != NULL;
    if (ok) gal_pool_run(s->pool, sum_chunk, &job, chunks);
    ok = ok && !atomic_load(&job.failed) && gal_sha256_hex(job.tag, chunks * TAG, out, NULL) == GALEN_OK;
    gal_free(job.tag);
    return ok;
}

/* ---- the name ---- */

static void describe_shape(gal_buf *text, const gal_value *value) {
    gal_buf_printf(text, " %d(", value == NULL ? 0 : (int)value->dtype);
    for (int i = 0; value != NULL && i < value->shape.rank; i++)
        gal_buf_printf(text, "%lld%s,", (long long)value->shape.dim[i].size, value->shape.dim[i].batch ? "N" : "");
    gal_buf_text(text, ")");
}

/* Not the batch, nor the threads: a row packs without knowing them. */
static void describe(const gal_session *s, const char *sha256, const char *build, gal_buf *text) {
    gal_buf_printf(text, "%s%s\n%s\n%s %s\n", magic, build, sha256, gal_isa_name(s->isa),
                   galen_dtype_name(s->precision));
    for (uint32_t t = 0; t < s->n_step; t++) {
        const gal_step *step = &s->step[t];
        if (step->packed_bytes == 0) continue;
        gal_buf_printf(text, "%u %s %zu", t, step->kernel->name, step->packed_bytes);
        describe_shape(text, step->node->in[0]);
        describe_shape(text, step->node->out[0]);
        gal_buf_text(text, "\n");
    }
}

/* Belongs to this user or root, and nobody else may write it. */
static bool is_private(const struct stat *st) {
    return (st->st_uid == geteuid() || st->st_uid == 0) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool folder_serves(const char *folder) {
    struct stat st;
    if (stat(folder, &st) != 0)
        gal_log(GALEN_LOG_WARNING, "cache %s: %s; packed weights are not kept", folder, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        gal_log(GALEN_LOG_WARNING, "cache %s: not a folder; packed weights are not kept", folder);
    else if (!is_private(&st))
        gal_log(GALEN_LOG_WARNING, "cache %s: others may write there, so it is not used; chmod go-w it", folder);
    else
        return true;
    return false;
}

/* Variables are packed anew in every run, over what was packed. */
static bool packs_variables(const gal_session *s) {
    for (uint32_t t = 0; t < s->n_step; t++)
        for (uint32_t i = 0; i < s->step[t].node->n_in && s->step[t].packed_bytes > 0; i++)
            if (s->step[t].node->in[i] != NULL && s->step[t].node->in[i]->is_variable) return true;
    return false;
}

galen_status gal_cache_find(const gal_session *session, const gal_session_options *options, gal_cache *out,
                            galen_error *err) {
    char build[GAL_BUILD_ID_HEX];
    gal_buf text;
    *out = (gal_cache){0};
    if (options->cache == NULL || options->hash == NULL || session->packed_bytes == 0) return GALEN_OK;
    if (packs_variables(session)) return GALEN_OK;
    if (options->n_file > 1 || !gal_build_id(build)) {
        gal_log(GALEN_LOG_WARNING, "cache %s: not used: %s", options->cache,
                options->n_file > 1 ? "the model has weights in other files" : "this build of Galen has no build id");
        return GALEN_OK;
    }
    if (!folder_serves(options->cache)) return GALEN_OK;
    gal_buf_init(&text, KEY_TEXT_MAX);
    describe(session, gal_sha256_wait(options->hash), build, &text);
    size_t length = strlen(options->cache) + GAL_SHA256_HEX + sizeof "/.galen-packed";
    out->path = gal_calloc(length, 1);
    galen_status status = text.failed || out->path == NULL ? gal_fail_memory(err, "the cache's name", length)
                                                           : gal_sha256_hex(text.data, text.size, out->key, err);
    if (status == GALEN_OK) snprintf(out->path, length, "%s/%s.galen-packed", options->cache, out->key);
    if (status != GALEN_OK) gal_cache_free(out);
    gal_buf_free(&text);
    return status;
}

void gal_cache_free(gal_cache *cache) {
    gal_free(cache->path);
    cache->path = NULL;
}

/* ---- reading ---- */

static const char *check(const gal_cache *cache, const gal_session *session, const gal_file *map) {
    const header *h = (const void *)map->data;
    char sum[GAL_SHA256_HEX];
    if (map->size != HEADER + session->packed_bytes) return "has another size";
    if (memcmp(h->magic, magic, sizeof magic) != 0) return "is no file of packed weights";
    if (h->bytes != session->packed_bytes || memcmp(h->key, cache->key, sizeof h->key) != 0)
        return "holds other weights than its name says";
    if (!sum_of(session, map, map->data + HEADER, sum)) return "cannot be checked, memory is short";
    if (memcmp(h->sum, sum, sizeof sum) != 0) return "is damaged";
    return NULL;
}

const uint8_t *gal_cache_map(const gal_cache *cache, const gal_session *session, gal_file *map) {
    struct stat st;
    galen_error err = {0};
    if (gal_file_map_shared(cache->path, HEADER + session->packed_bytes, &st, map, &err) != GALEN_OK) {
        gal_log(GALEN_LOG_WARNING, "%s; made anew", err.message);
        return NULL;
    }
    if (st.st_nlink == 0) return NULL; /* nobody made it yet */
    const char *why = is_private(&st) ? check(cache, session, map) : "belongs to somebody else, or others may write it";
    if (why == NULL) return map->data + HEADER;
    gal_log(GALEN_LOG_WARNING, "%s: %s; made anew", cache->path, why);
    gal_file_unmap(map);
    return NULL;
}

/* ---- writing ---- */

void gal_cache_write(const gal_cache *cache, const gal_session *session) {
    uint8_t page[HEADER] = {0};
    header h = {.bytes = session->packed_bytes};
    galen_error err = {0};
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.key, cache->key, sizeof h.key);
    if (!sum_of(session, NULL, session->packed, h.sum)) {
        gal_log(GALEN_LOG_WARNING, "%s: not written, memory is short", cache->path);
        return;
    }
    memcpy(page, &h, sizeof h);
    const gal_file part[2] = {{page, HEADER}, {session->packed, session->packed_bytes}};
    if (gal_file_write_parts(cache->path, part, 2, S_IRUSR | S_IWUSR, &err) != GALEN_OK)
        gal_log(GALEN_LOG_WARNING, "%s; packed weights are not kept", err.message);
}
