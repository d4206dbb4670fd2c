"""PyTorch's training as a measured process: torch_train.py NETWORK SIDE BATCH THREADS PRECISION. Answers as galen_peer.c does.

A step is what bench/train.c measures: forward, cross entropy, backward and Adam on a fixed batch of random pictures of 3
channels and 2 classes. PRECISION is f32 or bf16 (autocast: f32 weights, as PyTorch advises). Both layouts are tried at start
and the faster is kept; Adam is the fused one.
"""
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional

CLASSES, TRIAL_STEPS = 2, 2
LAYOUTS = {"channels_last": torch.channels_last, "nchw": torch.contiguous_format}


def conv(c_in, c_out, side, stride=1):
    return nn.Conv2d(c_in, c_out, side, stride, side // 2, bias=False)


def stem():
    return [conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]


def head(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES)]


class Residual(nn.Module):
    """The basic block of He et al. 2016."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.branch = nn.Sequential(conv(c_in, c_out, 3, stride), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True),
                                    conv(c_out, c_out, 3), nn.BatchNorm2d(c_out))
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else nn.Sequential(conv(c_in, c_out, 1, stride), nn.BatchNorm2d(c_out))

    def forward(self, x):
        return functional.relu_(self.branch(x) + self.shortcut(x))


class Dense(nn.Module):
    """One layer of Huang et al. 2017: its input and 32 new channels."""

    def __init__(self, c_in):
        super().__init__()
        self.branch = nn.Sequential(nn.BatchNorm2d(c_in), nn.ReLU(inplace=True), conv(c_in, 128, 1),
                                    nn.BatchNorm2d(128), nn.ReLU(inplace=True), conv(128, 32, 3))

    def forward(self, x):
        return torch.cat([x, self.branch(x)], 1)


def resnet18():
    layers, c_in = stem(), 64
    for c_out in (64, 128, 256, 512):
        layers += [Residual(c_in, c_out, 1 if c_out == 64 else 2), Residual(c_out, c_out, 1)]
        c_in = c_out
    return nn.Sequential(*layers, *head(c_in))


def densenet121():
    layers, c = stem(), 64
    for n in (6, 12, 24, 16):
        if n != 6:
            layers += [nn.BatchNorm2d(c), nn.ReLU(inplace=True), conv(c, c // 2, 1), nn.AvgPool2d(2)]
            c //= 2
        layers += [Dense(c + 32 * i) for i in range(n)]
        c += 32 * n
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(inplace=True), *head(c))


NETWORKS = {"resnet18": resnet18, "densenet121": densenet121}


class Trainer:
    def __init__(self, name, image, target, precision, layout):
        self.model = NETWORKS[name]().to(memory_format=LAYOUTS[layout])
        self.image, self.target = image.contiguous(memory_format=LAYOUTS[layout]), target
        self.adam = torch.optim.Adam(self.model.parameters(), 1e-3, fused=True)
        self.narrow = precision == "bf16"

    def step(self):
        """One step: its milliseconds. The loss is read, as a training program does."""
        begin = time.perf_counter()
        self.adam.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.narrow):
            loss = functional.cross_entropy(self.model(self.image), self.target)
        loss.backward()
        self.adam.step()
        if not math.isfinite(loss.item()):
            raise SystemExit("torch_train: the loss is not finite")
        return (time.perf_counter() - begin) * 1e3


def choose(make):
    """The faster layout's trainer, warmed up, and what each layout took."""
    taken, trainers = {}, {}
    for layout in LAYOUTS:
        trainers[layout] = make(layout)
        trainers[layout].step()
        taken[layout] = min(trainers[layout].step() for _ in range(TRIAL_STEPS))  # least: other programs only add
    best = min(taken, key=taken.get)
    return best, trainers[best], taken


def main():
    name, side, batch, threads, precision = sys.argv[1:]
    torch.manual_seed(1)
    torch.set_num_threads(int(threads))
    image = torch.rand(int(batch), 3, int(side), int(side)) * 2 - 1
    target = torch.arange(int(batch)) % CLASSES
    mode, trainer, taken = choose(lambda layout: Trainer(name, image, target, precision, layout))
    print(json.dumps({"version": torch.__version__, "mode": mode, "trial_ms": taken,
                      "parameters": sum(p.numel() for p in trainer.model.parameters())}), flush=True)
    for line in sys.stdin:
        verb, _, seconds = line.strip().partition(" ")
        if verb != "run":
            raise SystemExit(f"torch_train: unknown request '{verb}'")
        ms, begin = [], time.perf_counter()
        while not ms or time.perf_counter() - begin < float(seconds):
            ms.append(trainer.step())
        print(json.dumps({"ms": ms}), flush=True)


if __name__ == "__main__":
    main()
