"""PyTorch as a measured process: torch_peer.py MODEL BATCH THREADS PRECISION INPUT. Answers as galen_peer.c does.

Precisions f32, bf16 (weights and activations) and int8 (PyTorch's own FX quantisation of the f32 file, calibrated on the
pictures). Ways to run the network are tried at start, on 8 images at most, and the fastest is kept: eager in either layout,
traced and frozen, traced and optimised for inference (oneDNN's blocked layouts). BatchNorm is folded in all.
"""
import json
import sys
import time
import warnings

import numpy
import torch
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from onnx_torch import Network

TRIAL_BATCH, TRIAL_RUNS, WARM_RUNS = 8, 7, 2
TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "int8": torch.float32}  # of the pictures


def network(path, precision, image):
    if precision != "int8":
        return Network(path).to(TYPES[precision])
    torch.backends.quantized.engine = "onednn"
    observed = prepare_fx(Network(path), get_default_qconfig_mapping("onednn"), (image,))
    observed(image)
    return convert_fx(observed)


def eager(model, image):
    return model.to(memory_format=torch.channels_last)


def eager_nchw(model, image):
    return model.to(memory_format=torch.contiguous_format)


def frozen(model, image):
    return torch.jit.freeze(torch.jit.trace(eager(model, image), image))


def optimised(model, image):
    return torch.jit.optimize_for_inference(torch.jit.trace(model, image.contiguous()))


MODES = {"eager": eager, "eager nchw": eager_nchw, "frozen": frozen, "optimised": optimised}


def once(model, image):
    begin = time.perf_counter()
    model(image)
    return (time.perf_counter() - begin) * 1e3


def layout(mode, image):
    """The pictures as the mode wants them: converting them is not part of a run."""
    plain = mode in ("eager nchw", "optimised")
    return image.contiguous(memory_format=torch.contiguous_format if plain else torch.channels_last)


def choose(path, precision, image):
    """The fastest mode: its name, its model, and what each one took (milliseconds, or why it failed)."""
    taken, best = {}, None
    for name, make in MODES.items():
        try:
            trial = layout(name, image[:TRIAL_BATCH])
            model = make(network(path, precision, trial), trial)
            for _ in range(WARM_RUNS):
                once(model, trial)
            taken[name] = min(once(model, trial) for _ in range(TRIAL_RUNS))  # least: other programs only add
        except RuntimeError as e:  # a mode that this PyTorch does not offer for the type
            taken[name] = str(e).strip().splitlines()[0][:160]
            continue
        if best is None or taken[name] < taken[best[0]]:
            best = (name, model)
    if best is None:
        raise SystemExit(f"torch_peer: no mode runs {path}: {taken}")
    return best[0], best[1], taken


def block(model, image, seconds):
    ms, begin = [], time.perf_counter()
    while not ms or time.perf_counter() - begin < seconds:
        ms.append(once(model, image))
    return {"ms": ms}


@torch.inference_mode()  # no_grad does not do: max_pool2d of oneDNN's layouts refuses to run outside of inference
def main():
    path, batch, threads, precision, data = sys.argv[1:]
    warnings.simplefilter("ignore")
    torch.set_num_threads(int(threads))
    # Without LLVM, as Debian builds it, this fuser of TorchScript interprets its loops: a hundred times slower.
    torch._C._jit_set_texpr_fuser_enabled(False)
    shape = Network(path).shape
    pixels = numpy.fromfile(data, numpy.float32, int(batch) * int(numpy.prod(shape)))
    image = torch.from_numpy(pixels.reshape([-1] + shape)).to(TYPES[precision])
    mode, model, taken = choose(path, precision, image)
    image = layout(mode, image)
    print(json.dumps({"version": torch.__version__, "mode": mode, "trial_ms": taken, "trial_batch": len(image[:TRIAL_BATCH]),
                      "onednn": next((l.split("v")[1].split(" ")[0] for l in torch.__config__.show().splitlines()
                                      if "MKL-DNN v" in l), None)}), flush=True)
    for line in sys.stdin:
        verb, _, rest = line.strip().partition(" ")
        if verb == "run":
            answer = block(model, image, float(rest))
        elif verb == "write":
            model(image).float().contiguous().numpy().tofile(rest)
            answer = {}
        else:
            raise SystemExit(f"torch_peer: unknown request '{verb}'")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
