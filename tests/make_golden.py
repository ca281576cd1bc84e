#!/usr/bin/env python3
"""Writes what PyTorch says, in the form that tests/golden reads.  Needs torch, timm, safetensors; the step also Pillow.

  make_golden.py small OUT [--width 0.25 --depth 0.5 --classes 18 --resolution 64x64 --cases ...]
      a shrunk EfficientNet-B0, or the --network, with random weights: per case (naming, padding, BN eps) a weights file; index.json;
      expected.safetensors with inputs, logits, the first step's gradients and the state after six AdamW steps
  make_golden.py step OUT --weights FILE --photos A.jpg B.jpg ... [--labels 0 6 12 17]
      one training step of tf_efficientnet_b4 on real photos and real weights in float64: b4_step.json, b4_step.safetensors,
      and the preprocessed photos in expected.safetensors

Everything is computed in float64. tests/golden/small was written by
  make_golden.py small tests/golden/small --width 0.05 --depth 0.2 --classes 5 --resolution 40x36 --half --no-after
      --cases timm_native torchvision efficientnet_pytorch
and the folders in it, of the same width, classes and resolution, by
  make_golden.py small tests/golden/small/efficientnetv2_s --network efficientnetv2_s --depth 0.2 ... --cases timm_tf
  make_golden.py small tests/golden/small/mobilenetv3_large --network mobilenetv3_large --depth 1 ... --cases timm_native
"""
import argparse
import json
import math
import pathlib
import re

import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from timm.models import mobilenetv3
from timm.models._efficientnet_builder import round_channels
from timm.models.efficientnet import _gen_efficientnet, _gen_efficientnetv2_s

# case -> naming, padding ("fixed": same padding of the nominal resolution), batch norm's epsilon
CASES = {
    "timm_native": ("timm", "symmetric", 1e-5),
    "timm_tf": ("timm", "same", 1e-3),
    "torchvision": ("torchvision", "symmetric", 1e-5),
    "efficientnet_pytorch": ("efficientnet_pytorch", "fixed", 1e-3),
}
WORDS = {"symmetric": "symmetric padding", "same": "dynamic SAME padding", "fixed": "SAME padding fixed at {}x{}"}
STEPS, SMOOTHING = 6, 0.1
OPTIMIZER = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=5e-4)


def names_of(model, naming):
    """timm's module name -> the file's, for every module that holds tensors."""
    if naming == "timm":
        return {}
    torchvision = naming == "torchvision"
    names = {"conv_stem": ("features.0.0", "_conv_stem"), "bn1": ("features.0.1", "_bn0"), "conv_head": ("features.8.0", "_conv_head"),
             "bn2": ("features.8.1", "_bn1"), "classifier": ("classifier.1", "_fc")}
    block = 0
    for s, stage in enumerate(model.blocks):
        for i, b in enumerate(stage):
            t, tv, ep = f"blocks.{s}.{i}.", f"features.{s + 1}.{i}.block.", f"_blocks.{block}."
            expands = hasattr(b, "conv_pwl")
            rows = [("conv_pw", "{}.0", "_expand_conv"), ("bn1", "{}.1", "_bn0")] if expands else []
            project = ("conv_pwl", "bn3") if expands else ("conv_pw", "bn2")
            at = int(expands)
            rows = [(m, n.format(0), e) for m, n, e in rows]
            rows += [("conv_dw", f"{at}.0", "_depthwise_conv"), ("bn2" if expands else "bn1", f"{at}.1", "_bn1")]
            rows += [("se.conv_reduce", f"{at + 1}.fc1", "_se_reduce"), ("se.conv_expand", f"{at + 1}.fc2", "_se_expand")]
            rows += [(project[0], f"{at + 2}.0", "_project_conv"), (project[1], f"{at + 2}.1", "_bn2")]
            names.update({t + m: (tv + n, ep + e) for m, n, e in rows})
            block += 1
    return {timm_name: pair[0 if torchvision else 1] for timm_name, pair in names.items()}


def renamed(state, names):
    out = {}
    for key, value in state.items():
        module, part = key.rsplit(".", 1)
        out[f"{names.get(module, module)}.{part}"] = value
    return out


def fix_padding(model, height, width):
    """Bakes in the SAME padding that a height x width input would get, as EfficientNet-PyTorch does."""
    size = [height, width]
    convolutions = [model.conv_stem] + [b.conv_dw for stage in model.blocks for b in stage]
    for c in convolutions:
        pads = []
        for axis in (1, 0):  # F.pad wants the last axis first
            k, s, i = c.kernel_size[axis], c.stride[axis], size[axis]
            out = math.ceil(i / s)
            total = max((out - 1) * s + k - i, 0)
            pads += [total // 2, total - total // 2]
        size = [math.ceil(n / c.stride[0]) for n in size]
        c.forward = lambda x, c=c, pads=tuple(pads): F.conv2d(F.pad(x, pads), c.weight, c.bias, c.stride, 0, c.dilation, c.groups)


def mobilenet_v3(width, **options):
    """All widths scaled, as torchvision scales them; timm leaves out the linear layer and, below 0.75, the stem."""
    create = mobilenetv3._create_mnv3
    scaled = {"num_features": round_channels(1280, width), "fix_stem": False}
    mobilenetv3._create_mnv3 = lambda variant, pretrained=False, **all_options: create(variant, pretrained, **(all_options | scaled))
    try:
        return mobilenetv3._gen_mobilenet_v3("mobilenetv3_large_100", channel_multiplier=width, **options)
    finally:
        mobilenetv3._create_mnv3 = create


def network(args, padding, eps):
    options = {"num_classes": args.classes, "pad_type": "" if padding == "symmetric" else "same", "bn_eps": eps}
    if args.network == "mobilenetv3_large":
        model = mobilenet_v3(args.width, **options)
    elif args.network == "efficientnetv2_s":
        model = _gen_efficientnetv2_s("efficientnetv2_s", channel_multiplier=args.width, depth_multiplier=args.depth, **options)
    else:
        model = _gen_efficientnet("efficientnet_b0", channel_multiplier=args.width, depth_multiplier=args.depth, **options)
    model = model.double()
    if padding == "fixed":
        fix_padding(model, *args.resolution)
    return model


def randomise(model, generator):
    """Weights of ordinary size, and batch norm far from its neutral start so that a mistake with it shows."""
    for name, p in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("num_batches_tracked"):
            p.data.fill_(10)
        elif p.dim() > 1:
            p.data.normal_(0, math.sqrt(2 / p[0].numel()), generator=generator)
        elif name.endswith("running_var") or (name.endswith("weight")):
            p.data.uniform_(0.5, 1.5, generator=generator)
        else:
            p.data.normal_(0, 0.2, generator=generator)


def small(args):
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(args.seed)
    stored = torch.float16 if args.half else torch.float32
    height, width = args.resolution
    x = torch.randn(4, 3, height, width, generator=generator).to(stored)
    x_other = torch.randn(1, 3, height + 11, width - 7, generator=generator).to(stored)
    labels = torch.randint(args.classes, (4,), generator=generator)
    expected = {"x": x, "x_other_size": x_other, "labels": labels}
    x, x_other = x.double(), x_other.double()

    model = network(args, "symmetric", 1e-5)
    randomise(model, generator)
    state = {k: v if v.dtype == torch.int64 else v.to(stored) for k, v in model.state_dict().items()}
    index = {"network": args.network, "width": args.width, "depth": args.depth, "classes": args.classes, "resolution": args.resolution, "cases": {}}
    for case in args.cases:
        naming, padding, eps = CASES[case]
        model = network(args, padding, eps)
        model.load_state_dict(state)
        model.eval()
        with torch.no_grad():
            logits, other = model(x), model(x_other)
        expected |= {f"{case}.logits": logits.float(), f"{case}.logits_f64": logits, f"{case}.logits_other_size": other.float()}
        file_state = renamed(state, names_of(model, naming))
        save_file(file_state, out / f"{case}.safetensors")
        if args.containers:
            torch.save(file_state, out / f"{case}.zip.pth")
            torch.save(file_state, out / f"{case}.legacy.pth", _use_new_zipfile_serialization=False)
        index["cases"][case] = {"names": naming, "padding": f"same:{height}x{width}" if padding == "fixed" else padding, "bn_eps": eps,
                                "convention": f"{WORDS[padding].format(height, width)}, BN eps {'1e-3' if eps == 1e-3 else '1e-5'}",
                                "parameters": sum(p.numel() for p in model.parameters()), "entries": len(state)}

    start = args.cases[0]
    _, padding, eps = CASES[start]
    model = network(args, padding, eps)
    model.load_state_dict(state)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), **OPTIMIZER)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels, label_smoothing=SMOOTHING)
        loss.backward()
        losses.append(loss.item())
        norms.append(math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters())))
        if step == 0:
            expected |= {f"grad.{name}": p.grad.float() for name, p in model.named_parameters()}
        optimizer.step()
    if not args.no_after:
        expected |= {f"after6.{k}": v if v.dtype == torch.int64 else v.float() for k, v in model.state_dict().items()}
    index["training"] = {"start": start, "loss": "cross-entropy, label smoothing 0.1",
                         "optimizer": "AdamW lr 1e-3 betas .9 .999 eps 1e-8 wd 5e-4 on every parameter", "losses_f64": losses,
                         "grad_norms_f64": norms, "bn_momentum": model.bn1.momentum}
    index["written_with"] = {"torch": torch.__version__, "timm": timm.__version__}
    save_file({k: v.contiguous() for k, v in expected.items()}, out / "expected.safetensors")
    (out / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def preprocessed(path, size=224):
    """uint8 HWC: shorter side 256, PIL bicubic, centre crop, the offset rounded half to even."""
    from PIL import Image
    image = Image.open(path).convert("RGB")
    resized = int(size / 0.875)
    short, long = sorted(image.size)
    longer = int(resized * long / short)
    image = image.resize((resized, longer) if image.width <= image.height else (longer, resized), Image.BICUBIC)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    image = image.crop((left, top, left + size, top + size))
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(size, size, 3)


def step(args):
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    model = timm.create_model("tf_efficientnet_b4", num_classes=args.classes).double()
    to_timm = {name: key for key, name in names_of(model, "efficientnet_pytorch").items()}
    stored = load_file(args.weights)
    if "conv_stem.weight" not in stored:
        stored = renamed(stored, to_timm)
    by_hand = {"i": "flat index in the OIHW (classifier: OI) order"}
    state = model.state_dict()
    for key, value in state.items():
        if key in stored and stored[key].shape == value.shape and not key.startswith("classifier."):
            state[key] = stored[key].to(value.dtype)
        elif key.endswith(".weight") and value.dim() > 1:
            scale = 0.01 if key.startswith("classifier.") else 0.02
            by_hand[key] = f"{scale}*sin(0.37*i)"
            state[key] = (scale * torch.sin(0.37 * torch.arange(value.numel(), dtype=torch.float64))).float().double().reshape(value.shape)
        elif key.startswith("classifier."):
            by_hand[key] = "0"
            state[key] = torch.zeros_like(value)
    for block in sorted({k.rsplit(".", 2)[0] for k in by_hand if k.startswith("blocks.")}):
        for part in ("weight", "bias"):  # the block starts as the identity
            by_hand[f"{block}.bn3.{part}"] = "0"
            state[f"{block}.bn3.{part}"] = torch.zeros_like(state[f"{block}.bn3.{part}"])
    model.load_state_dict(state)
    model.train()

    photos = [pathlib.Path(p).name for p in args.photos]
    pixels = [preprocessed(p) for p in args.photos]
    mean, std = (torch.tensor(v, dtype=torch.float64) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = ((torch.stack(pixels).double() / 255 - mean) / std).permute(0, 3, 1, 2)
    loss = F.cross_entropy(model(x), torch.tensor(args.labels), label_smoothing=SMOOTHING)
    loss.backward()
    parameters = dict(model.named_parameters())
    buffers = dict(model.named_buffers())
    kept = r"conv_stem|classifier|bn2|blocks\.[01256]\.0\.conv_dw|blocks\.3\.2\.se\.conv_reduce|blocks\.4\.3\.bn2"
    answer = {"loss": loss.detach().reshape(1), "norms": torch.stack([p.grad.norm() for p in parameters.values()])}
    answer |= {f"grad.{n}": p.grad.float() for n, p in parameters.items() if re.fullmatch(rf"({kept})\.weight", n)}
    answer["grad.blocks.3.2.se.conv_expand.bias"] = parameters["blocks.3.2.se.conv_expand.bias"].grad.float()
    answer["running_mean.blocks.3.2.bn2"] = buffers["blocks.3.2.bn2.running_mean"].float()
    answer["running_var.bn1"] = buffers["bn1.running_var"].float()
    save_file({k: v.contiguous() for k, v in answer.items()}, out / "b4_step.safetensors")
    save_file({f"preprocess224.{name}": p for name, p in zip(photos, pixels)}, out / "expected.safetensors")
    (out / "b4_step.json").write_text(json.dumps(
        {"photos": photos, "labels": args.labels, "parameters": list(parameters), "label_smoothing": SMOOTHING, "bn_momentum": model.bn1.momentum,
         "padding": "same", "bn_eps": model.bn1.eps, "normalise": "(x/255-mean)/std of ImageNet", "set_by_hand": by_hand}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("small")
    p.set_defaults(run=small)
    p.add_argument("out")
    p.add_argument("--network", choices=["b0", "efficientnetv2_s", "mobilenetv3_large"], default="b0")
    p.add_argument("--width", type=float, default=0.25)
    p.add_argument("--depth", type=float, default=0.5)
    p.add_argument("--classes", type=int, default=18)
    p.add_argument("--resolution", type=lambda text: [int(n) for n in text.split("x")], default=[64, 64], help="HxW")
    p.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), help="the first one is trained")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--half", action="store_true", help="weights and inputs are rounded to, and stored in, half precision")
    p.add_argument("--no-after", action="store_true", help="leave out the state after six steps")
    p.add_argument("--containers", action="store_true", help="write each case as .zip.pth and .legacy.pth too")
    p = commands.add_parser("step")
    p.set_defaults(run=step)
    p.add_argument("out")
    p.add_argument("--weights", required=True, help="safetensors with timm's or EfficientNet-PyTorch's names")
    p.add_argument("--photos", nargs="+", required=True)
    p.add_argument("--labels", nargs="+", type=int, default=[0, 6, 12, 17])
    p.add_argument("--classes", type=int, default=18)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
