"""Training speed and memory of timm's tf_efficientnet_b4 in PyTorch eager, channels last, fp32.

Usage: train_pytorch.py BATCH RESOLUTION STEPS THREADS
Prints one line: images/s of the median step after one warm-up step, and VmHWM of the process in GB.
"""
import sys
import time

import timm
import torch

batch, resolution, steps, threads = (int(a) for a in sys.argv[1:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
model = timm.create_model("tf_efficientnet_b4", num_classes=18, drop_rate=0.4, drop_path_rate=0.2)
model = model.train().to(memory_format=torch.channels_last)
images = torch.randn(batch, 3, resolution, resolution).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 18, (batch,))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-4, fused=True)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

seconds = []
for _ in range(steps + 1):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(model(images), labels)
    loss.backward()
    optimizer.step()
    seconds.append(time.perf_counter() - start)
median = sorted(seconds[1:])[steps // 2]
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"pytorch {torch.__version__}: {batch / median:.2f} img/s, peak {peak / 1e6:.2f} GB")
