"""Compares training steps of B4 in mcnn and in PyTorch, from the same weights over the same photos in the same order: losses and updates.

Usage: compare_steps.py MCNN_TRAIN WEIGHTS FACES [STEPS]
  MCNN_TRAIN  build/bin/mcnn-train
  WEIGHTS     efficientnet-b4-partial.safetensors (EfficientNet-PyTorch's names; may lack block 31's convolutions and the classifier)
  FACES       a training folder in the competition's layout
Batch 16, AdamW at 1e-3 with cosine to 0, label smoothing 0.1, dropout 0.4, drop-path 0.2, flips. This program draws the same random
numbers as mcnn for PyTorch.
Needs torch, timm, safetensors and Pillow. Prints PyTorch's loss of each step, then both means and the cosine between the updates.
Next: train/training_step.h is mcnn's step.
"""
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file

program, weights, faces = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
steps, batch = int(sys.argv[4]) if len(sys.argv) > 4 else 8, 16
DROP_PATH, DROPOUT, SHUFFLE, AUGMENT = 0x02000000, 0x03000000, 0x04000000, 0x05000000  # streams: runtime/philox.h


def bits(stream, step, index):
    """Philox4x32-10 of seed 0, element `index`: runtime/philox.h."""
    mask = 0xFFFFFFFF
    c, k = [index // 4, 0, step, stream], [0, 0]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & mask, (p0 >> 32) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c[index % 4]


def survivors(stream, step, shape, drop):
    """1/(1-drop) where an element stays, else 0: kernels/operations/dropout.h."""
    stays = [(bits(stream, step, i) >> 8) * 2.0**-24 >= drop for i in range(int(np.prod(shape)))]
    return torch.tensor(stays).reshape(shape).float() / (1 - drop)


class DropPath(torch.nn.Module):
    def __init__(self, block, drop):
        super().__init__()
        self.block, self.drop = block, drop

    def forward(self, x):
        return x * survivors(DROP_PATH | self.block, step, (len(x), 1, 1, 1), self.drop)


def permutation(n):
    """Of the first epoch: data/permutation.h."""
    order = list(range(n))
    for i in range(n, 1, -1):
        j = bits(SHUFFLE, 0, i - 1) * i >> 32
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


def pixels(path):
    """Shorter side to 224, central square: data/preprocess.cpp."""
    image = Image.open(path).convert("RGB")
    w, h = image.size
    size = (224, int(224 * h / w)) if w <= h else (int(224 * w / h), 224)
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    return np.asarray(image.resize(size, Image.BICUBIC).crop((left, top, left + 224, top + 224)))


work = pathlib.Path(tempfile.mkdtemp())
photos = sorted(p for p in (faces / "images").glob("*/*") if not p.name.startswith("."))
photos = random.Random(0).sample(photos, steps * batch)
names = [f"{p.stem[:4]}-{p.parent.name.split('_')[1]}" for p in photos]  # mask and gender: the labels do not matter
classes = sorted(set(names))
with open(work / "photos.csv", "w", newline="") as table:
    csv.writer(table).writerows([("path", "label"), *zip(photos, names)])
config = f"""[run]
seed = 0
[model]
name = b4
dropout = 0.4
drop_path = 0.2
[weights]
init = {weights}
allow_missing = _blocks.31._expand_conv.weight, _blocks.31._project_conv.weight, _fc.*
[data]
layout = csv
csv = {work}/photos.csv
root = /
holdout = 0
[train]
epochs = 1
batch = {batch}
select = last
"""
(work / "config.ini").write_text(config)


def train(run, *settings):
    arguments = [f for s in (f"run.dir={work}/{run}", *settings) for f in ("--set", s)]
    subprocess.run([program, work / "config.ini", *arguments], check=True, capture_output=True)
    return load_file(work / run / "best.safetensors"), json.loads((work / run / "log.jsonl").read_text())["loss"]


start, _ = train("start", "train.learning_rate=1e-30", "train.weight_decay=0")  # the initial weights, from the seed and the file
trained, loss_of_mcnn = train("trained")

model = timm.create_model("tf_efficientnet_b4", num_classes=len(classes))
model.load_state_dict(start)
for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
    norm.reset_running_stats()  # not used in a training step
blocks = [block for stage in model.blocks for block in stage]
for i, block in enumerate(blocks):
    if i > 0:
        block.drop_path = DropPath(i, 0.2 * i / len(blocks))
model.classifier.register_forward_pre_hook(lambda _, inputs: inputs[0] * survivors(DROPOUT, step, inputs[0].shape, 0.4))
model = model.train().to(memory_format=torch.channels_last)
mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
order, losses = permutation(len(photos)), []
for step in range(steps):
    chosen = order[step * batch : (step + 1) * batch]
    flipped = [pixels(photos[i])[:, :: -1 if bits(AUGMENT, 0, i) >> 31 else 1] for i in chosen]
    images = torch.from_numpy(np.stack(flipped)).float().div(255).sub(mean).div(std)
    optimizer.zero_grad()
    loss = loss_of(model(images.permute(0, 3, 1, 2)), torch.tensor([classes.index(names[i]) for i in chosen]))
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())
    print(f"step {step}: {losses[-1]:.4f}", flush=True)

parameters = dict(model.named_parameters())
ours = torch.cat([(trained[k] - start[k]).flatten() for k in parameters])
theirs = torch.cat([(p.detach() - start[k]).flatten() for k, p in parameters.items()])
cosine = torch.nn.functional.cosine_similarity(ours.double(), theirs.double(), 0)
print(f"mean loss of {steps} steps: mcnn {loss_of_mcnn:.5f}, pytorch {np.mean(losses):.5f}; cosine of the updates {cosine:.4f}")
