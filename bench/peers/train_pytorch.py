"""Measures speed and memory of timm's tf_efficientnet_b4 in PyTorch eager, channels last: training steps, or inference.

Usage: train_pytorch.py BATCH RESOLUTION STEPS THREADS [DEVICE [PRECISION [MODE]]]
  DEVICE     cpu (default) or cuda
  PRECISION  f32 (default), tf32 (f32 with TF32 products, PyTorch's own default for convolutions on a GPU) or bf16 (autocast)
  MODE       training (default) or inference
Prints one line: images/s of the median step after one warm-up step (on a GPU ten), and VmHWM of the process in GB; on a GPU one
JSON object in the form of bench_train --json.
"""
import contextlib
import json
import sys
import time

import timm
import torch

batch, resolution, steps, threads = (int(a) for a in sys.argv[1:5])
device, precision, mode = (sys.argv[5:] + ["cpu", "f32", "training"][len(sys.argv) - 5:])
on_gpu = device == "cuda"
torch.set_num_threads(threads)
torch.manual_seed(0)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
torch.backends.cudnn.benchmark = True
model = timm.create_model("tf_efficientnet_b4", num_classes=18, drop_rate=0.4, drop_path_rate=0.2)
model = model.train(mode == "training").to(device, memory_format=torch.channels_last)
images = torch.randn(batch, 3, resolution, resolution, device=device).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 18, (batch,), device=device)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
narrow = torch.autocast(device, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()


def step():
    if mode == "inference":
        with torch.no_grad(), narrow:
            return model(images).cpu()
    optimizer.zero_grad(set_to_none=True)
    with narrow:
        loss = loss_of(model(images), labels)
    loss.backward()
    optimizer.step()
    if on_gpu:
        torch.cuda.synchronize()


warm_up = 10 if on_gpu else 1
seconds = []
for _ in range(warm_up + steps):
    start = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - start)
median = sorted(seconds[warm_up:])[steps // 2]
if on_gpu:
    print(json.dumps({"engine": f"pytorch {torch.__version__}", "device": torch.cuda.get_device_name(), "model": "b4",
                      "resolution": resolution, "batch": batch, "storage": precision, "mode": mode,
                      "images_per_second": batch / median, "arena_gb": torch.cuda.max_memory_allocated() / 1e9}))
else:
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(f"pytorch {torch.__version__}: {batch / median:.2f} img/s, peak {peak / 1e6:.2f} GB")
