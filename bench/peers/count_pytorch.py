"""Counts launches and bytes of one training step of timm's tf_efficientnet_b4 in PyTorch eager, from its list of operations.

Usage: count_pytorch.py [--batch N] [--res PIXELS] [--precision f32|bf16] [--optimizer fused|foreach]
The step runs on fake tensors (shapes without memory), with dropout, drop-path, label smoothing, backward and AdamW; bf16: autocast.
Prints a table by operation, comparable with bench_traffic's. Every choice is in PyTorch's favour:
  launches  one for each ATen operation that is no view and no allocation; a convolution's backward has one for each gradient of
            x and w that is requested. Fused AdamW is one (CUDA: one per 36 tensors or so), batch norm one each way, padding one, a
            convolution's bias none.
  bytes     of each launch, the distinct tensors read and written, once. A tensor updated in place counts twice, one only overwritten
            once. A convolution's backward: dy, w, dx and x, dy, dw. An expanded tensor counts like the tensor it expands.
Not counted: gradient clipping and normalising the photos, both of which are part of mcnn's step.
Next: bench/bench_traffic.cpp; docs/traffic.md has both tables.
"""
import argparse
from collections import defaultdict
from contextlib import nullcontext

import timm
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

OVERWRITES = {"copy_", "fill_", "zero_", "bernoulli_", "normal_", "uniform_"}
ALLOCATES = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "lift_fresh", "_unsafe_view", "as_strided_"}


def place(tensor):
    return tensor.untyped_storage()._cdata, tensor.storage_offset(), tensor.shape


def size(tensors):
    """Bytes of the distinct tensors; an axis of stride 0 repeats one element."""
    total = 0
    for tensor in {place(t): t for t in tensors}.values():
        elements = 1
        for length, stride in zip(tensor.shape, tensor.stride()):
            elements *= length if stride != 0 else 1
        total += elements * tensor.element_size()
    return total


def tensors_of(value):
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, torch.Tensor)]


class Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.launches, self.bytes = defaultdict(int), defaultdict(int)

    def add(self, name, launches, tensors):
        self.launches[name] += launches
        self.bytes[name] += tensors

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        name = function._schema.name.split("::")[1]
        written, read = [], []
        for i, argument in enumerate(function._schema.arguments):
            tensors = tensors_of(args[i] if i < len(args) else kwargs.get(argument.name))
            writes = argument.alias_info is not None and argument.alias_info.is_write
            if writes:
                written += tensors
            if not (writes and name in OVERWRITES):
                read += tensors
        old = {t.untyped_storage()._cdata for t in read + written}
        fresh = [t for t in tensors_of(result) if t.untyped_storage()._cdata not in old]
        if name in ALLOCATES or not (written or fresh):  # a view allocates nothing
            return result
        if name == "convolution_backward":
            dy, x, w = args[:3]
            dx, dw, _ = result
            if args[-1][0]:
                self.add(name, 1, size([dy, w, dx]))
            if args[-1][1]:
                self.add(name, 1, size([x, dy, dw]))
            return result
        self.add(name, 1, size(read) + size(written + fresh))
        return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--res", type=int, default=224)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--optimizer", choices=["fused", "foreach"], default="fused")
    options = parser.parse_args()

    with FakeTensorMode():
        model = timm.create_model("tf_efficientnet_b4", num_classes=18, drop_rate=0.4, drop_path_rate=0.2).train()
        images = torch.randn(options.batch, 3, options.res, options.res).contiguous(memory_format=torch.channels_last)
        labels = torch.zeros(options.batch, dtype=torch.long)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-4, **{options.optimizer: True})
        loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

        def step():
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16) if options.precision == "bf16" else nullcontext():
                loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()

        step()  # the first step allocates AdamW's moments
        with Count() as count:
            step()

    print(f"{'operation':<34}{'launches':>9}{'MB/image':>10}")
    for name in sorted(count.bytes, key=count.bytes.get, reverse=True):
        print(f"{name:<34}{count.launches[name]:>9}{count.bytes[name] / options.batch * 1e-6:>10.3f}")
    print(f"{'all':<34}{sum(count.launches.values()):>9}{sum(count.bytes.values()) / options.batch * 1e-6:>10.3f}")
    print(f"PyTorch {torch.__version__}, timm {timm.__version__}: tf_efficientnet_b4@{options.res}, batch {options.batch}, "
          f"{options.precision}, AdamW {options.optimizer}")


main()
