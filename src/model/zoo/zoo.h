/* Well-known classifiers as graphs, with torchvision's parameter names, so that a torchvision state_dict loads. */
#ifndef GAL_MODEL_ZOO_H
#define GAL_MODEL_ZOO_H

#include "model/onnx.h"
#include "model/weights.h"

/*
 * Fills one zeroed f32 parameter when no file gives it. `name` is torchvision's ("layer1.0.conv1.weight"); a tensor of
 * rank 1 named
 * *.weight is a BatchNorm scale.
 */
typedef galen_status (*gal_zoo_fill)(void *context, const char *name, const galen_tensor *tensor, galen_error *err);

typedef struct gal_zoo_options {
    int channels;      /* planes of the picture; 0: as the weights have it, else the network's own */
    int height, width; /* pixels; 0: the network's own */
    int classes;       /* outputs; 0: as the weights have it, else 1000 (1 for cxr-resnet10) */
    bool new_head;     /* a last layer of another size in the weights is dropped and filled anew */
    gal_zoo_fill fill; /* NULL: He-uniform weights from `seed`, BatchNorm at rest */
    void *context;
    uint64_t seed;
} gal_zoo_options;

/*
 * Builds resnet18, resnet34, resnet50, densenet121, efficientnet_b0 to _b3, mobilenet_v2 or cxr-resnet10. Input "image"
 * is f32 [N, channels, height, width], output "logits" is f32 [N, classes]. BatchNorm is kept unfolded, as PyTorch
 * exports it. With weights, every parameter must be there in the right shape and nothing may be left over
 * (num_batches_tracked apart); errors name the parameter. The weights are copied. On success the caller owns *out.
 */
galen_status gal_zoo_build(const char *name, const gal_zoo_options *options, const gal_weights *weights,
                           gal_model **out, galen_error *err);

/* Names that gal_zoo_build knows, NULL-terminated, static. */
const char *const *gal_zoo_names(void);

/* Trainable parameters of a built graph: elements of its f32 constants, BatchNorm's running statistics left out. */
int64_t gal_zoo_parameters(const gal_graph *graph);

#endif
