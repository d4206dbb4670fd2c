"""Models to compare on: models.py IN.onnx OUT.onnx gives a zoo network's BatchNorms the statistics that training leaves.

Random weights alone make activations grow with every residual sum and shrink in every gate, which wastes the exponents
of narrow types. Here each BatchNorm in turn gets the mean and variance of what reaches it from random pictures, and a
random scale and shift, so that every layer works on numbers near one.
"""
import sys

import numpy
import onnx
import torch
from onnx import numpy_helper

from onnx_torch import Network

PICTURES, SEED = 8, 7


def settle(network, random):
    """Runs the network once, setting statistics on the way; returns the new constants by name."""
    image = torch.from_numpy(random.uniform(-1, 1, [PICTURES] + network.shape).astype(numpy.float32))
    value, changed = {network.input: image}, {}
    for s in network.steps:
        if s.op == "BatchNormalization":
            norm, x = getattr(network, s.compute), value[s.inputs[0]]
            norm.weight.copy_(torch.from_numpy(random.uniform(0.5, 1.5, x.shape[1])))
            norm.bias.copy_(torch.from_numpy(random.normal(0, 0.2, x.shape[1])))
            norm.running_mean.copy_(x.mean((0, 2, 3)))
            norm.running_var.copy_(x.var((0, 2, 3), unbiased=False) + 1e-3)
            changed.update(zip(s.inputs[1:5], (norm.weight, norm.bias, norm.running_mean, norm.running_var)))
        value[s.output] = network.compute(s, value)
    return {name: tensor.numpy() for name, tensor in changed.items()}


def main():
    source, target = sys.argv[1:]
    torch.set_grad_enabled(False)
    changed = settle(Network(source, fold=False), numpy.random.default_rng(SEED))
    model = onnx.load(source)
    for c in model.graph.initializer:
        if c.name in changed:
            c.CopyFrom(numpy_helper.from_array(changed[c.name], c.name))
    onnx.save(model, target)


if __name__ == "__main__":
    main()
