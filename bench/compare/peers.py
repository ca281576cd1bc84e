"""Who is compared: a row for each engine in each of its setups. A peer is a program that takes bench_train's options.

The reference of a case is the first peer in this order that answers in fp32: PyTorch, where it is installed.
Next: peers/*.py are the programs; measure.py runs one.
"""
import collections
import hashlib
import importlib.metadata
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LEARNING_RATE = "1e-4"  # low, since AdamW's first updates follow the signs of gradients, also of rounding errors
BOTH = ("training", "inference")

# flags: after the common options.  needs: Python modules.  graph: it reads ONNX, else safetensors.
# slow: in these modes it is left out of the subset.
Peer = collections.namedtuple("Peer", "name program flags modes storage needs graph slow", defaults=("f32", (), False, ()))

_TORCH, _ORT, _OPENVINO = ([sys.executable, os.path.join(HERE, "peers", f"{name}_peer.py")] for name in
                           ("pytorch", "onnxruntime", "openvino"))
_TIMM = ("torch", "timm", "safetensors", "numpy")


def known(bench_train):
    return [
        Peer("pytorch-channels-last", _TORCH, ("--channels-last",), BOTH, needs=_TIMM),
        Peer("mcnn", [bench_train], (), BOTH),
        Peer("mcnn-bf16", [bench_train], (), BOTH, "bf16"),
        Peer("onnxruntime", _ORT, (), ("inference",), needs=("onnxruntime", "numpy"), graph=True),
        Peer("openvino", _OPENVINO, (), ("inference",), needs=("openvino", "numpy"), graph=True),
        Peer("openvino-bf16", _OPENVINO, (), ("inference",), "bf16", ("openvino", "numpy"), graph=True),
        Peer("pytorch-bf16", _TORCH, ("--channels-last",), BOTH, "bf16", _TIMM),
        Peer("pytorch", _TORCH, (), BOTH, needs=_TIMM, slow=BOTH),
        Peer("pytorch-compile", _TORCH, ("--channels-last", "--compile"), BOTH, needs=_TIMM, slow=BOTH),
        Peer("pytorch-compile-bf16", _TORCH, ("--channels-last", "--compile"), BOTH, "bf16", _TIMM, slow=("training",)),
    ]


def added(text):
    """A peer from "NAME=PROGRAM", a program that takes bench_train's options, such as another build of it."""
    name, _, program = text.partition("=")
    if not name or not program:
        raise ValueError(f"peer '{text}': expected NAME=PROGRAM")
    return Peer(name, [program], (), BOTH)


def missing(peer):
    """The first module that the peer needs and this Python lacks, or None."""
    return next((module for module in peer.needs if importlib.util.find_spec(module) is None), None)


def version(peer):
    """Of its packages; of a program, the start of its SHA-256."""
    if peer.needs:
        return " ".join(f"{module} {importlib.metadata.version(module)}" for module in peer.needs if module not in ("numpy", "safetensors"))
    with open(peer.program[0], "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:12]


def command(peer, case, inputs, threads, steps, seconds):
    """steps and seconds: timed calls, at least so many and for so long."""
    weights = inputs.graph(case) if peer.graph else inputs.weights(case.model)
    return [*peer.program, "--model", case.model, "--res", str(case.res), "--batch", str(case.batch), "--threads", str(threads), "--steps",
            str(steps), "--seconds", str(seconds), "--storage", peer.storage, "--weights", weights, "--pixels",
            inputs.pixels(case.res, case.batch), "--no-dropout", "--learning-rate", LEARNING_RATE, "--compared",
            *peer.flags, *(["--inference"] if case.mode == "inference" else [])]
