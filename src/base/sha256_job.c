/* The SHA-256 of a mapped file on a thread of its own: at 1.8 GB/s it would be a third of loading a model. */
#include "base/error.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

/* Bytes between two looks at `stop`, and from one release of pages to the next. */
enum { CHUNK = 1 << 20 };

struct gal_sha256_job {
    gal_file file;
    bool mapped;
    EVP_MD_CTX *context;
    pthread_t thread;
    pthread_mutex_t lock; /* of `running`: the first who waits joins the thread */
    bool running;
    atomic_bool stop;
    char hex[GAL_SHA256_HEX];
};

/* After the context is set up nothing here can fail: no memory is asked for. */
static void *hash(void *argument) {
    gal_sha256_job *job = argument;
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    for (size_t at = 0; at < job->file.size && !atomic_load_explicit(&job->stop, memory_order_relaxed); at += CHUNK) {
        size_t n = job->file.size - at < CHUNK ? job->file.size - at : CHUNK;
        EVP_DigestUpdate(job->context, job->file.data + at, n);
        if (job->mapped) gal_file_release_range(&job->file, job->file.data + at, n);
    }
    EVP_DigestFinal_ex(job->context, digest, NULL);
    gal_sha256_text(digest, job->hex);
    return NULL;
}

static galen_status begin(gal_sha256_job *job, galen_error *err) {
    /* As in gal_sha256_hex: without its default context libcrypto reads through NULL. */
    if (OSSL_LIB_CTX_get0_global_default() != NULL) job->context = EVP_MD_CTX_new();
    if (job->context == NULL || EVP_DigestInit_ex(job->context, EVP_sha256(), NULL) != 1)
        return gal_fail(err, GALEN_ERR_MEMORY,
                        "libcrypto could not compute SHA-256; free memory, or check its installation");
    job->running = job->mapped && job->file.size > CHUNK && gal_pool_available_threads() > 1 &&
                   pthread_create(&job->thread, NULL, hash, job) == 0;
    if (!job->running) hash(job);
    return GALEN_OK;
}

galen_status gal_sha256_start(const gal_file *file, bool mapped, gal_sha256_job **out, galen_error *err) {
    gal_sha256_job *job = gal_calloc(1, sizeof *job);
    *out = NULL;
    if (job == NULL) return gal_fail_memory(err, "a hash", sizeof *job);
    job->file = *file;
    job->mapped = mapped;
    pthread_mutex_init(&job->lock, NULL);
    galen_status status = begin(job, err);
    if (status == GALEN_OK)
        *out = job;
    else
        gal_sha256_end(job);
    return status;
}

const char *gal_sha256_wait(gal_sha256_job *job) {
    pthread_mutex_lock(&job->lock);
    if (job->running) pthread_join(job->thread, NULL);
    job->running = false;
    pthread_mutex_unlock(&job->lock);
    return job->hex;
}

void gal_sha256_end(gal_sha256_job *job) {
    if (job == NULL) return;
    atomic_store(&job->stop, true);
    gal_sha256_wait(job);
    pthread_mutex_destroy(&job->lock);
    EVP_MD_CTX_free(job->context);
    gal_free(job);
}
