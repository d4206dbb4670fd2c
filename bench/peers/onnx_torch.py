"""An ONNX classifier as a PyTorch module. Debian's PyTorch writes ONNX but does not read it, hence this reader.

Knows the ops of image classifiers; any other is refused by name. Layers with weights become torch.nn's own modules, as
PyTorch's passes want them. BatchNorm after a convolution is folded into it, and x * sigmoid(x) becomes one SiLU, as a port
of the network to PyTorch would be written.
"""
import onnx
import torch
from onnx import numpy_helper
from torch import nn


class Step:
    """A node: its op, names of what it reads and writes, its attributes, and what computes it."""

    def __init__(self, node):
        self.op, self.name = node.op_type, node.name
        self.inputs, self.output = list(node.input), node.output[0]
        self.attr = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        self.compute = None

    def refuse(self, why):
        raise SystemExit(f"onnx_torch: {self.op} '{self.name}' {why}: not supported")

    def pads(self):
        """ONNX pads [top, left, bottom, right] as PyTorch's symmetric (y, x)."""
        pads = self.attr.get("pads", [0, 0, 0, 0])
        if list(pads[:2]) != list(pads[2:]):
            self.refuse(f"pads {list(pads)} unevenly")
        return tuple(pads[:2])

    def pair(self, name, default=(1, 1)):
        return tuple(self.attr.get(name, default))


def parameter(tensor):
    return nn.Parameter(tensor.clone(), requires_grad=False)


def make_conv(s, w, b=None):
    conv = nn.Conv2d(w.shape[1] * s.attr.get("group", 1), w.shape[0], tuple(w.shape[2:]), s.pair("strides"), s.pads(),
                     s.pair("dilations"), s.attr.get("group", 1), bias=b is not None)
    conv.weight, conv.bias = parameter(w), None if b is None else parameter(b)
    return conv


def make_norm(s, gamma, beta, mean, var):
    norm = nn.BatchNorm2d(len(mean), eps=s.attr.get("epsilon", 1e-5))
    norm.weight, norm.bias = parameter(gamma), parameter(beta)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(var)
    return norm


def make_linear(s, w, b=None):
    if s.attr.get("alpha", 1.0) != 1.0 or s.attr.get("beta", 1.0) != 1.0 or s.attr.get("transA", 0):
        s.refuse("scales or transposes its input")
    w = w if s.attr.get("transB", 0) else w.t()
    linear = nn.Linear(w.shape[1], w.shape[0], bias=b is not None)
    linear.weight, linear.bias = parameter(w), None if b is None else parameter(b)
    return linear


def make_clip(s, low=None, high=None):
    if low is not None and high is not None and (low.item(), high.item()) == (0, 6):
        return nn.ReLU6()
    return nn.Hardtanh(-3.4e38 if low is None else low.item(), 3.4e38 if high is None else high.item())


def make_max_pool(s):
    return nn.MaxPool2d(s.pair("kernel_shape"), s.pair("strides"), s.pads(), ceil_mode=bool(s.attr.get("ceil_mode", 0)))


def make_average_pool(s):
    return nn.AvgPool2d(s.pair("kernel_shape"), s.pair("strides"), s.pads(), ceil_mode=bool(s.attr.get("ceil_mode", 0)),
                        count_include_pad=bool(s.attr.get("count_include_pad", 0)))


def make_concat(s):
    axis = s.attr["axis"]
    return lambda *x: torch.cat(x, axis)


# From a step and its constant operands to what computes the rest.
MAKE = {
    "Conv": make_conv,
    "BatchNormalization": make_norm,
    "Gemm": make_linear,
    "Clip": make_clip,
    "MaxPool": make_max_pool,
    "AveragePool": make_average_pool,
    "Concat": make_concat,
    "Relu": lambda s: nn.ReLU(),
    "Sigmoid": lambda s: nn.Sigmoid(),
    "Silu": lambda s: nn.SiLU(),
    "GlobalAveragePool": lambda s: nn.AdaptiveAvgPool2d(1),
    "Flatten": lambda s: nn.Flatten(s.attr.get("axis", 1)),
    "Add": lambda s: lambda x, y: x + y,
    "Mul": lambda s: lambda x, y: x * y,
    "Softmax": lambda s: nn.Softmax(s.attr.get("axis", -1)),
}


def fold_norms(steps, constant):
    made = {s.output: s for s in steps}
    for norm in [s for s in steps if s.op == "BatchNormalization"]:
        conv = made.get(norm.inputs[0])
        if conv is None or conv.op != "Conv" or sum(conv.output in s.inputs for s in steps) != 1:
            continue
        gamma, beta, mean, var = (constant[n] for n in norm.inputs[1:5])
        factor = gamma / torch.sqrt(var + norm.attr.get("epsilon", 1e-5))
        bias = constant[conv.inputs[2]] if len(conv.inputs) > 2 else torch.zeros_like(mean)
        weight_name, bias_name = f"{conv.output}.weight", f"{conv.output}.bias"
        constant[weight_name] = constant[conv.inputs[1]] * factor[:, None, None, None]
        constant[bias_name] = (bias - mean) * factor + beta
        conv.inputs[1:] = [weight_name, bias_name]
        conv.output = norm.output
        steps.remove(norm)


def join_silu(steps):
    made = {s.output: s for s in steps}
    for mul in [s for s in steps if s.op == "Mul"]:
        gate = made.get(mul.inputs[1])
        if gate is not None and gate.op == "Sigmoid" and gate.inputs[0] == mul.inputs[0]:
            mul.op, mul.inputs = "Silu", mul.inputs[:1]
            steps.remove(gate)


class Network(nn.Module):
    """forward(image [N, C, H, W]) -> the graph's first output."""

    def __init__(self, path, fold=True):
        super().__init__()
        graph = onnx.load(path).graph
        constant = {c.name: torch.from_numpy(numpy_helper.to_array(c).copy()) for c in graph.initializer}
        inputs = [i for i in graph.input if i.name not in constant]
        if len(inputs) != 1:
            raise SystemExit(f"onnx_torch: {path} has {len(inputs)} inputs, not one image")
        self.input, self.result = inputs[0].name, graph.output[0].name
        self.shape = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim][1:]
        self.steps = [Step(n) for n in graph.node]
        if fold:
            fold_norms(self.steps, constant)
            join_silu(self.steps)
        for i, s in enumerate(self.steps):
            self.build(s, i, constant)
        self.eval()

    def build(self, s, index, constant):
        if s.op not in MAKE:
            s.refuse("is an op unknown here")
        s.reads = [n for n in s.inputs if n and n not in constant]
        if s.op in ("Add", "Mul", "Concat") and len(s.reads) != len(s.inputs):
            s.refuse("has a constant operand")
        s.compute = MAKE[s.op](s, *(constant[n] if n else None for n in s.inputs if n not in s.reads))
        if isinstance(s.compute, nn.Module):
            self.add_module(f"layer{index}", s.compute)
            s.compute = f"layer{index}"

    def compute(self, s, value):
        """The output of one step, given the values made before it."""
        function = getattr(self, s.compute) if isinstance(s.compute, str) else s.compute
        return function(*(value[n] for n in s.reads))

    def forward(self, image):
        value = {self.input: image}
        for s in self.steps:
            value[s.output] = self.compute(s, value)
        return value[self.result]
