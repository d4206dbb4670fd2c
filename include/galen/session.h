/*
 * A model run on tensors of the caller's own.
 *
 *     galen_model *m;
 *     galen_session *s;
 *     if (galen_model_load("model.onnx", &m, &err) == GALEN_OK && galen_session_open(m, NULL, &s, &err) == GALEN_OK) {
 *         galen_session_run(s, 1, inputs, outputs, &err);
 *         galen_session_close(s);
 *     }
 *     galen_model_free(m);
 */
#ifndef GALEN_SESSION_H
#define GALEN_SESSION_H

#include <galen/status.h>
#include <galen/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An ONNX model in memory. Not shared between threads while a session is opened. */
typedef struct galen_model galen_model;

/* An input or output: `tensor` has no data; a dimension of -1 - k means k times the batch size (-2 is the batch
 * itself). */
typedef struct galen_port {
    const char *name; /* lives as long as the model */
    galen_tensor tensor;
} galen_port;

/* Reads an ONNX file of opset 6 to 17. The caller owns *out. */
GALEN_API galen_status galen_model_load(const char *path, galen_model **out, galen_error *err);
GALEN_API void galen_model_free(galen_model *model);
GALEN_API size_t galen_model_inputs(const galen_model *model);
GALEN_API size_t galen_model_outputs(const galen_model *model);
/* index must be below the count. */
GALEN_API galen_port galen_model_input(const galen_model *model, size_t index);
GALEN_API galen_port galen_model_output(const galen_model *model, size_t index);
/* 64 hex digits of the file's SHA-256. */
GALEN_API const char *galen_model_sha256(const galen_model *model);
/* The value of a metadata key ("galen.card"), or NULL. */
GALEN_API const char *galen_model_metadata(const galen_model *model, const char *key);

typedef struct galen_session galen_session;

typedef struct galen_session_options {
    int64_t batch;   /* the largest batch; any smaller one runs at once */
    int threads;     /* 0: all this process may use */
    const char *isa; /* the highest level to use ("reference", "avx2", "avx512", "amx", "neon"); NULL: the best of this
                        machine */
    const char *precision; /* "f32", or "bf16" or "f16": activations and weights in that type, sums in f32; NULL: the
                              file's own */
    /*
     * NULL: none. Else an existing folder that only this user may write: weights in the kernels' order are kept there
     * in a file and mapped from it, so that sessions and processes share one copy in memory. A file that is damaged or
     * somebody else's is made anew; what goes wrong there is said in the log (galen/log.h) and costs nothing else.
     */
    const char *cache;
} galen_session_options;

/* Batch 1, all threads, the best level, f32. */
GALEN_API galen_session_options galen_session_default_options(void);

/*
 * Plans `model` for options (NULL: the default). A model serves one session, which must be closed before the model is
 * freed; a second one is GALEN_ERR_ARGUMENT. The caller owns *out.
 */
GALEN_API galen_status galen_session_open(galen_model *model, const galen_session_options *options, galen_session **out,
                                          galen_error *err);
GALEN_API void galen_session_close(galen_session *session);

/*
 * in[i] and out[i] point to dense data of input i and output i at this batch (1 to options.batch). Allocates nothing;
 * one call at a time. The bits of an output depend on its own item, the model, the precision and the level only,
 * except behind DynamicQuantizeLinear, whose scale is that of the whole batch.
 * GALEN_ERR_NUMERIC: NaN or infinity in an output, which is written all the same.
 */
GALEN_API galen_status galen_session_run(galen_session *session, int64_t batch, const void *const *in, void *const *out,
                                         galen_error *err);

#ifdef __cplusplus
}
#endif
#endif
