#!/usr/bin/env python3
"""What others make of the files mcnn-weights writes.  Needs torch, timm, torchvision, onnx, onnxruntime, safetensors.

  check_exports.py PROGRAMS      the folder of mcnn-weights and mcnn-infer

- torch.load(weights_only=True), safetensors: every tensor to the bit, in every naming; timm and torchvision load it with
  strict=True, and their logits are mcnn's.
- ONNX: onnx.checker with full_check, and ONNX Runtime's logits are mcnn's: batch norm folded and not, preprocessing inside
  and outside, batches of 1 and 3.
Networks: the small golden ones, EfficientNet-B4 with its public weights, Lite0; and EfficientNetV2-S and MobileNetV3-Large, which
mcnn describes and does not run: their logits in ONNX Runtime are timm's. `mcnn-weights verify` compares:
||a-b||/||b|| at most 1e-4, max|a-b| at most ten times that times max|b|. Folders as in tests/golden/golden_folder.h.
"""
import argparse
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import torchvision
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch_file

import make_golden

TOLERANCE = "1e-4"
SOURCE = pathlib.Path(__file__).resolve().parent.parent
NAMINGS = ("timm", "torchvision", "efficientnet_pytorch")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
passed = 0


def ok(what, condition, detail=""):
    global passed
    if not condition:
        sys.exit(f"FAIL  {what}  {detail}")
    passed += 1
    print(f"ok    {what}  {detail}", flush=True)


def data_folder(variable, default):
    given = os.environ.get(variable)
    if given is not None:
        if not os.path.isdir(given):
            sys.exit(f"FAIL  {variable} = {given} is not a folder")
        return pathlib.Path(given)
    beside = SOURCE.parent / "shared" / default
    if not beside.is_dir():
        print(f"SKIPPED: {variable} is not set and its default folder is absent")
        return None
    return beside


class Bench:
    """The programs, and a folder for what they write."""

    def __init__(self, programs, folder):
        self.programs, self.folder = pathlib.Path(programs), pathlib.Path(folder)

    def run(self, program, *arguments):
        command = [str(self.programs / program), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True)
        return result.returncode, result.stdout.strip(), result.stderr.strip()

    def convert(self, source, name, *arguments):
        target = self.folder / name
        code, _, err = self.run("mcnn-weights", "convert", source, target, *arguments)
        if code != 0:
            sys.exit(f"FAIL  convert {source} {name} {' '.join(arguments)}: {err}")
        return target

    def agrees(self, what, weights, images, logits, *arguments):
        """mcnn's logits for normalised images (N,3,H,W) against these."""
        cases = self.folder / "cases.safetensors"
        save_file({"images": np.ascontiguousarray(images, np.float32), "logits": np.ascontiguousarray(logits)}, cases)
        code, out, err = self.run("mcnn-weights", "verify", weights, "--cases", cases, "--input", "images", "--expect", "logits", "--tolerance",
                                  TOLERANCE, *arguments)
        ok(what, code == 0, out.removeprefix("logits: ") or err)


def eval_logits(model, images):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(images)).numpy()


def torchvision_network(width, depth, classes, eps):
    settings, last = torchvision.models.efficientnet._efficientnet_conf("efficientnet_b0", width_mult=width, depth_mult=depth)
    norm = functools.partial(torch.nn.BatchNorm2d, eps=eps)
    return torchvision.models.EfficientNet(settings, dropout=0.2, last_channel=last, norm_layer=norm, num_classes=classes)


def same_state(a, b):
    return set(a) == set(b) and all(a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and torch.equal(a[k], b[k]) for k in a)


def check_zip(what, path):
    """Python's zipfile checks the CRCs; the data of every record is aligned."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        bad, offsets = archive.testzip(), []
        for record in archive.infolist():
            file.seek(record.header_offset + 26)
            name, extra = np.frombuffer(file.read(4), "<u2")
            offsets.append(record.header_offset + 30 + int(name) + int(extra))
        stored = all(r.compress_type == zipfile.ZIP_STORED for r in archive.infolist())
        ok(f"{what}: zip", bad is None and stored and all(o % 64 == 0 for o in offsets), f"{len(offsets)} records stored, CRCs right, 64-byte aligned")


def check_onnx(bench, what, weights, size, normalisation, arguments, batches=(1, 3), seed=1):
    """`weights` state their convention; `arguments` go to convert. Every combination of folding and preprocessing."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (max(batches), *size, 3), dtype=np.uint8)
    mean, std = (np.asarray(normalisation[k], np.float64) for k in ("mean", "std"))
    images = np.ascontiguousarray(((pixels / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32))
    for folded in (False, True):
        for inside in (False, True):
            flags = ["--fold-norm"] * folded + ["--with-preprocessing"] * inside
            path = bench.convert(weights, "network.onnx", "--size", f"{size[0]}x{size[1]}", *flags, *arguments)
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            kinds = [n.op_type for n in model.graph.node]
            label = f"{what}: onnx {'folded' if folded else 'unfolded'}, preprocessing {'inside' if inside else 'outside'}"
            props = {p.key: p.value for p in model.metadata_props}
            ok(f"{label}: checker",
               ("BatchNormalization" not in kinds) == folded and (kinds[0] == "Cast") == inside and {"classes", "mean", "std", "resolution"} <= set(props),
               f"{len(kinds)} nodes, opset {model.opset_import[0].version}, IR {model.ir_version}")
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            for n in batches:
                answer = session.run(None, {"image": pixels[:n] if inside else images[:n]})[0]
                bench.agrees(f"{label}: ONNX Runtime, batch {n}", weights, images[:n], answer)


def check_small(bench, folder):
    index = json.loads((folder / "index.json").read_text())
    expected = load_file(folder / "expected.safetensors")
    width, depth, classes = index["width"], index["depth"], index["classes"]
    network = argparse.Namespace(width=width, depth=depth, classes=classes, resolution=index["resolution"])
    images = expected["x"].float().numpy()
    for name, case in index["cases"].items():
        what, source = "/".join((*folder.parts[-3:], name)), folder / f"{name}.safetensors"
        flags = ["--model", "b0", "--width", str(width), "--depth", str(depth), "--padding", case["padding"], "--bn-eps", str(case["bn_eps"])]
        stated = bench.convert(source, "stated.safetensors", *flags, "--resolution", str(index["resolution"][0]))
        bench.agrees(f"{what}: verify, convention from metadata alone", stated, images, expected[f"{name}.logits_f64"].numpy())
        original = load_file(source)
        original = {k: v.float() if v.is_floating_point() else v for k, v in original.items()}
        for naming in NAMINGS:
            pth = bench.convert(stated, f"{naming}.pth", "--naming", naming)
            st = bench.convert(stated, f"{naming}.safetensors", "--naming", naming)
            state = torch.load(pth, weights_only=True)
            ok(f"{what}: {naming} names, torch.load(weights_only=True) and safetensors", same_state(state, load_file(st)), f"{len(state)} tensors")
            ok(f"{what}: {naming} names, mapped by torch.load(mmap=True)", same_state(state, torch.load(pth, weights_only=True, mmap=True)))
            if naming == case["names"]:
                ok(f"{what}: {naming} names, every tensor is the original's", same_state(state, original))
            code, out, err = bench.run("mcnn-weights", "diff", source, st, *flags[:6])
            ok(f"{what}: diff with the original", code == 0, out or err)
            check_zip(f"{what}: {naming}.pth", pth)
            if naming == "efficientnet_pytorch":
                continue
            if naming == "torchvision":
                if case["padding"] != "symmetric":
                    continue  # torchvision pads no other way
                model = torchvision_network(width, depth, classes, case["bn_eps"])
            else:
                padding = case["padding"].split(":")
                model = make_golden.network(network, "fixed" if len(padding) > 1 else padding[0], case["bn_eps"]).float()
            for path, loaded in ((pth, state), (st, load_file(st))):
                model.load_state_dict(loaded, strict=True)
                bench.agrees(f"{what}: {naming} loads {path.suffix} with strict=True, logits", stated, images, eval_logits(model, images))
        check_onnx(bench, what, stated, index["resolution"], IMAGENET, [])
        check_onnx(bench, f"{what} at 75x57", stated, (75, 57), IMAGENET, [], batches=(3,))
    for opset in range(18, 24):
        path = bench.convert(stated, "opset.onnx", "--opset", str(opset), "--size", "x".join(map(str, index["resolution"])))
        onnx.checker.check_model(onnx.load(path), full_check=True)
        answer = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": images})[0]
        bench.agrees(f"{what}: onnx opset {opset}", stated, images, answer)


def check_b4(bench, weights, golden, data):
    source = weights / "efficientnet-b4-partial.safetensors"
    absent = [a for name in ("_blocks.31._expand_conv.weight", "_blocks.31._project_conv.weight", "_fc.weight") for a in ("--allow-missing", name)]
    # 224 from 256: how golden/real prepared its photos
    b4 = bench.convert(source, "b4.safetensors", "--resolution", "224", "--crop-pct", "0.875", *absent)
    pth = bench.convert(b4, "b4.pth")
    check_zip("b4: b4.pth", pth)
    model = timm.create_model("tf_efficientnet_b4")
    model.load_state_dict(torch.load(pth, weights_only=True), strict=True)
    images = np.random.default_rng(2).normal(size=(2, 3, 224, 224)).astype(np.float32)
    bench.agrees("b4: timm's tf_efficientnet_b4 loads .pth with strict=True, logits", b4, images, eval_logits(model, images))
    tv = torchvision.models.efficientnet_b4()
    tv.load_state_dict(torch.load(bench.convert(b4, "b4tv.pth", "--naming", "torchvision"), weights_only=True), strict=True)
    ok("b4: torchvision's efficientnet_b4 loads .pth with strict=True", True, f"{len(tv.state_dict())} tensors")
    check_onnx(bench, "b4", b4, (224, 224), IMAGENET, [])
    check_onnx(bench, "b4 at 380x380", b4, (380, 380), IMAGENET, [], batches=(1,))
    if golden is None or data is None:
        return

    # The photo's whole way: mcnn-infer decodes, resizes and crops it; the exported file gets the pixels PIL made of it.
    photos = json.loads((golden / "real" / "index.json").read_text())["photos"][:3]
    pixels = load_file(golden / "real" / "expected.safetensors")
    pixels = np.stack([pixels[f"preprocess224.{p}"].numpy() for p in photos])
    session = onnxruntime.InferenceSession(bench.convert(b4, "photo.onnx", "--with-preprocessing"), providers=["CPUExecutionProvider"])
    logits = session.run(None, {"image": pixels})[0].astype(np.float64)
    likely = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    _, out, err = bench.run("mcnn-infer", "--checkpoint", b4, *(data / "imagenet100" / "images" / p for p in photos))
    for photo, p, line in zip(photos, likely, out.splitlines()):
        best = [(int(k), float(v)) for k, v in re.findall(r"(\d+) (\d\.\d{3})", line.rsplit(": ", 1)[1])]
        right = len(best) == 3 and all(abs(p[k] - v) <= 0.001 for k, v in best)  # three digits are printed
        ok(f"b4: {photo}: mcnn-infer and the exported file", right, f"{best}, ONNX Runtime {[round(float(p[k]), 4) for k, _ in best]}")


def check_lite0(bench):
    model = timm.create_model("tf_efficientnet_lite0", num_classes=1000)
    make_golden.randomise(model, torch.Generator().manual_seed(3))
    source = bench.folder / "tf_efficientnet_lite0.safetensors"
    save_torch_file(model.state_dict(), source)
    lite0 = bench.convert(source, "lite0.safetensors")
    images = np.random.default_rng(4).normal(size=(2, 3, 224, 224)).astype(np.float32)
    model.load_state_dict(load_file(bench.convert(lite0, "lite0_timm.safetensors")), strict=True)
    bench.agrees("lite0: timm's tf_efficientnet_lite0 loads it with strict=True, logits", lite0, images, eval_logits(model, images))
    check_onnx(bench, "lite0", lite0, (224, 224), {"mean": (0.5,) * 3, "std": (0.5,) * 3}, [])


def check_public_lite0(bench, weights, golden):
    """The public weights with real photos: what ONNX Runtime says of them is what PyTorch said."""
    original = torch.load(weights / "efficientnet-lite0-57934424.pth", weights_only=True)
    source = bench.folder / "efficientnet-lite0-57934424.safetensors"
    save_torch_file({k: v.contiguous() for k, v in original.items()}, source)
    lite0 = bench.convert(source, "public_lite0.safetensors")
    back = load_file(bench.convert(lite0, "public_lite0_back.safetensors", "--naming", "efficientnet_pytorch"))
    ok("public lite0: the original's names and values come back", all(torch.equal(back[k], v) for k, v in original.items()), f"{len(original)} tensors")
    check_onnx(bench, "public lite0", lite0, (224, 224), {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}, [])
    if golden is None:
        return
    photos = json.loads((golden / "real" / "index.json").read_text())["photos"]
    expected = load_file(golden / "real" / "expected.safetensors")
    rows = [i for i, photo in enumerate(photos) if f"preprocess224.{photo}" in expected]
    pixels = np.stack([expected[f"preprocess224.{photos[i]}"].numpy() for i in rows])
    path = bench.convert(lite0, "photos.onnx", "--fold-norm", "--with-preprocessing")
    answer = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": pixels})[0].astype(np.float64)
    reference = expected["lite0.logits"].double().numpy()[rows]
    error, largest = np.linalg.norm(answer - reference) / np.linalg.norm(reference), abs(answer - reference).max() / abs(reference).max()
    ok(f"public lite0: ONNX Runtime's logits of {len(rows)} real photos are PyTorch's", error <= 1e-4 and largest <= 1e-3,
       f"||a-b||/||b|| {error:.2e}, max|a-b|/max|b| {largest:.2e}")


def check_described(bench, name, timm_name, torchvision_name, padding):
    """A network that is described and not run: timm's logits are those of the exported file, and of torchvision's network."""
    torch.manual_seed(5)
    model = timm.create_model(timm_name)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    eps = norms[0].eps
    for norm in norms:
        norm.momentum = None  # the running statistics become those of the batch that follows: values stay in range
    with torch.no_grad():
        model.train()(torch.randn(8, 3, 96, 96))
    images = np.random.default_rng(6).normal(size=(2, 3, 96, 96)).astype(np.float32)
    logits = eval_logits(model, images)
    source = bench.folder / f"{timm_name}.safetensors"
    save_torch_file(model.state_dict(), source)

    def close(what, answer):
        error = np.linalg.norm(answer - logits) / np.linalg.norm(logits)
        ok(f"{name}: {what}: timm's logits", error <= float(TOLERANCE), f"||a-b||/||b|| {error:.2e}")

    for flags in ([], ["--fold-norm"]):
        path = bench.convert(source, "network.onnx", "--size", "96x96", "--padding", padding, "--bn-eps", str(eps), *flags)
        onnx.checker.check_model(onnx.load(path), full_check=True)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        close(f"onnx {flags}", session.run(None, {"image": images})[0])
    theirs = bench.convert(source, "torchvision.safetensors", "--naming", "torchvision")
    other = torchvision.models.get_model(torchvision_name)
    other.load_state_dict(load_file(theirs), strict=True)
    for norm in (m for m in other.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.eps = eps
    if padding == "symmetric":
        close("torchvision", eval_logits(other, images))
    back = bench.convert(theirs, "back.safetensors")
    ok(f"{name}: through torchvision's names and back", same_state(load_file(back), load_file(source)))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    golden, weights, data = (data_folder(f"MCNN_{name.upper()}", name) for name in ("golden", "weights", "data"))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(sys.argv[1], folder)
        check_small(bench, SOURCE / "tests" / "golden" / "small")
        if golden is not None:
            check_small(bench, golden / "small")
        check_lite0(bench)
        check_described(bench, "efficientnetv2_s", "efficientnetv2_s", "efficientnet_v2_s", "symmetric")
        check_described(bench, "efficientnetv2_s, same", "tf_efficientnetv2_s", "efficientnet_v2_s", "same")
        check_described(bench, "mobilenetv3_large", "mobilenetv3_large_100", "mobilenet_v3_large", "symmetric")
        if weights is not None:
            check_public_lite0(bench, weights, golden)
            check_b4(bench, weights, golden, data)
    print(f"{passed} checks passed")


if __name__ == "__main__":
    main()
