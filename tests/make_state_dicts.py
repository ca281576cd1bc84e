#!/usr/bin/env python3
"""Writes tests/models/state_dicts/: the modules of published networks as timm and torchvision name them.

  make_state_dicts.py        needs timm and torchvision

A file has a line per module that has tensors, in the order of timm's state dict:
  timm's name, torchvision's name, shape of the weight, what else there is: "norm" (bias, running_mean, running_var,
  num_batches_tracked), "bias" or "-"; the activation behind the module in timm, "-" where a norm comes first
and before them the number of parameters, and the multiply-adds of convolutions and linear layers at a resolution.
The two libraries list their modules in one order; the shapes are compared here.
"""
import pathlib

import timm
import torch
import torchvision

NETWORKS = {  # ours: timm's, torchvision's, resolution
    "b0": ("efficientnet_b0", "efficientnet_b0", 224),
    "efficientnetv2_s": ("tf_efficientnetv2_s", "efficientnet_v2_s", 384),
    "mobilenetv3_large": ("mobilenetv3_large_100", "mobilenet_v3_large", 224),
}


def modules(network):
    """Name, shape of the weight, kind; per module with tensors."""
    found = {}
    for tensor, value in network.state_dict().items():
        module, entry = tensor.rsplit(".", 1)
        found.setdefault(module, {})[entry] = list(value.shape)
    kinds = {("weight",): "-", ("weight", "bias"): "bias"}
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [(name, entries["weight"], "norm" if tuple(entries) == norm else kinds[tuple(entries)]) for name, entries in found.items()]


ACTIVATIONS = {"Identity": "identity", "SiLU": "swish", "ReLU": "relu", "Hardswish": "hard_swish", "Sigmoid": "sigmoid", "Hardsigmoid": "hard_sigmoid"}


def activation(network, name):
    """What timm applies behind a module."""
    parent, _, own = name.rpartition(".")
    module, around = network.get_submodule(name), network.get_submodule(parent)
    if hasattr(module, "act"):
        act = module.act
    elif own in ("conv_reduce", "conv_expand"):
        act = around.act1 if own == "conv_reduce" else around.gate
    elif own == "conv_head" and module.bias is not None:
        act = around.act2
    elif own == "classifier":
        return "identity"
    else:
        return "-"
    return ACTIVATIONS[type(act).__name__]


def multiply_adds(network, resolution):
    total = 0

    def count(module, _, output):
        nonlocal total
        per_output = module.weight[0].numel()
        total += per_output * output[0].numel()

    for module in network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, resolution, resolution))
    return total


def main():
    folder = pathlib.Path(__file__).parent / "models" / "state_dicts"
    folder.mkdir(exist_ok=True)
    for name, (timm_name, torchvision_name, resolution) in NETWORKS.items():
        theirs = timm.create_model(timm_name)
        lines = [
            f"# {timm_name} of timm {timm.__version__}, {torchvision_name} of torchvision {torchvision.__version__.split('+')[0]}: tests/make_state_dicts.py",
            f"parameters {sum(p.numel() for p in theirs.parameters())}",
            f"multiply_adds {resolution} {multiply_adds(theirs, resolution)}",
        ]
        others = modules(torchvision.models.get_model(torchvision_name))
        for (a, shape, kind), (b, other_shape, other_kind) in zip(modules(theirs), others, strict=True):
            assert kind == other_kind and shape[: len(other_shape)] == other_shape, (a, b)
            lines.append(f"{a} {b} {','.join(map(str, shape))} {kind} {activation(theirs, a)}")
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


main()
