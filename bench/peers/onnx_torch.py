"""An ONNX classifier as a PyTorch module. Debian's PyTorch writes ONNX but does not read it, hence this interpreter.

Knows the ops of image classifiers; any other is refused by name. BatchNorm after a convolution is folded into it, and
x * sigmoid(x) becomes one silu, as a port of the network to PyTorch would be written.
"""
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


def square(pads, name):
    """ONNX pads [top, left, bottom, right] as PyTorch's symmetric (y, x)."""
    if list(pads[:2]) != list(pads[2:]):
        raise SystemExit(f"onnx_torch: node '{name}' pads {list(pads)} unevenly: not supported")
    return list(pads[:2])


class Step:
    """A node: its op, names of what it reads and writes, its attributes."""

    def __init__(self, node):
        self.op, self.name = node.op_type, node.name
        self.inputs, self.output = list(node.input), node.output[0]
        self.attr = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def conv(s, x, w, b=None):
    a = s.attr
    pads = square(a.get("pads", [0, 0, 0, 0]), s.name)
    return F.conv2d(x, w, b, a.get("strides", [1, 1]), pads, a.get("dilations", [1, 1]), a.get("group", 1))


def pool(s, x, function, **more):
    a = s.attr
    pads = square(a.get("pads", [0, 0, 0, 0]), s.name)
    return function(x, a["kernel_shape"], a.get("strides", [1, 1]), pads, ceil_mode=bool(a.get("ceil_mode", 0)), **more)


def gemm(s, x, w, b=None):
    a = s.attr
    if a.get("alpha", 1.0) != 1.0 or a.get("beta", 1.0) != 1.0 or a.get("transA", 0):
        raise SystemExit(f"onnx_torch: Gemm '{s.name}' scales or transposes its input: not supported")
    return F.linear(x, w if a.get("transB", 0) else w.t(), b)


def clip(s, x, low=None, high=None):
    return torch.clamp(x, None if low is None else low.item(), None if high is None else high.item())


OPS = {
    "Conv": conv,
    "BatchNormalization": lambda s, x, w, b, m, v: F.batch_norm(x, m, v, w, b, False, 0.0, s.attr.get("epsilon", 1e-5)),
    "Relu": lambda s, x: F.relu(x),
    "Sigmoid": lambda s, x: torch.sigmoid(x),
    "Silu": lambda s, x: F.silu(x),
    "Clip": clip,
    "Add": lambda s, x, y: x + y,
    "Mul": lambda s, x, y: x * y,
    "Concat": lambda s, *x: torch.cat(x, s.attr["axis"]),
    "MaxPool": lambda s, x: pool(s, x, F.max_pool2d),
    "AveragePool": lambda s, x: pool(s, x, F.avg_pool2d, count_include_pad=bool(s.attr.get("count_include_pad", 0))),
    "GlobalAveragePool": lambda s, x: F.adaptive_avg_pool2d(x, 1),
    "Flatten": lambda s, x: torch.flatten(x, s.attr.get("axis", 1)),
    "Gemm": gemm,
    "Softmax": lambda s, x: F.softmax(x, s.attr.get("axis", -1)),
}


class Network(torch.nn.Module):
    """forward(image [N, C, H, W]) -> the graph's first output."""

    def __init__(self, path, fold=True):
        super().__init__()
        graph = onnx.load(path).graph
        self.constant = {}
        for c in graph.initializer:
            self.keep(c.name, torch.from_numpy(numpy_helper.to_array(c).copy()))
        self.steps = [Step(n) for n in graph.node]
        for s in self.steps:
            if s.op not in OPS:
                raise SystemExit(f"onnx_torch: op {s.op} of node '{s.name}' is not known here")
        inputs = [i for i in graph.input if i.name not in self.constant]
        if len(inputs) != 1:
            raise SystemExit(f"onnx_torch: {len(inputs)} inputs, not one image")
        self.input, self.result = inputs[0].name, graph.output[0].name
        self.shape = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim][1:]
        if fold:
            self.fold_norms()
            self.join_silu()

    def keep(self, name, tensor):
        """A tensor of the file as a buffer, so that .to() moves it and freezing sees a constant."""
        self.constant[name] = f"c{len(self.constant)}"
        self.register_buffer(self.constant[name], tensor)

    def tensor(self, name):
        return getattr(self, self.constant[name])

    def readers(self, name):
        return [s for s in self.steps if name in s.inputs]

    def fold_norms(self):
        made = {s.output: s for s in self.steps}
        for norm in [s for s in self.steps if s.op == "BatchNormalization"]:
            conv = made.get(norm.inputs[0])
            if conv is None or conv.op != "Conv" or len(self.readers(conv.output)) != 1:
                continue
            gamma, beta, mean, var = (self.tensor(n) for n in norm.inputs[1:5])
            factor = gamma / torch.sqrt(var + norm.attr.get("epsilon", 1e-5))
            bias = self.tensor(conv.inputs[2]) if len(conv.inputs) > 2 else torch.zeros_like(mean)
            self.keep(f"{conv.output}.weight", self.tensor(conv.inputs[1]) * factor[:, None, None, None])
            self.keep(f"{conv.output}.bias", (bias - mean) * factor + beta)
            conv.inputs[1:] = [f"{conv.output}.weight", f"{conv.output}.bias"]
            conv.output = norm.output
            self.steps.remove(norm)

    def join_silu(self):
        made = {s.output: s for s in self.steps}
        for mul in [s for s in self.steps if s.op == "Mul"]:
            gate = made.get(mul.inputs[1])
            if gate is not None and gate.op == "Sigmoid" and gate.inputs[0] == mul.inputs[0]:
                mul.op, mul.inputs = "Silu", mul.inputs[:1]
                self.steps.remove(gate)

    def compute(self, step, value):
        """The output of one step, given the values made before it."""
        return OPS[step.op](step, *(value[n] if n in value else self.tensor(n) if n else None for n in step.inputs))

    def forward(self, image):
        value = {self.input: image}
        for s in self.steps:
            value[s.output] = self.compute(s, value)
        return value[self.result]
