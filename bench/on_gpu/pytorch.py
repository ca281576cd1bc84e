"""Measures PyTorch on the same device, in one process. Prints each result at once, as one JSON object per line.

Usage: pytorch.py [--device cuda|cpu] [--small] ceilings|all
  ceilings  rates of a large copy and of large products: the machine's limits
  all       timm's tf_efficientnet_b4, channels last: eager, as a CUDA graph, compiled; training and inference
If a measurement fails, it prints a note and runs the next one. Images stay on the device; mcnn's bench_train copies them in each step.
Next: steps.py runs it, summary.py prints the results.
"""
import argparse
import contextlib
import json
import time

import torch


def say(row):
    print(json.dumps(row), flush=True)


def median_seconds(work, wait, count):
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        wait()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[count // 2]


def ceilings(device, wait, small):
    count = 1 << (20 if small else 28)
    source = torch.ones(count, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    wait()
    seconds = median_seconds(lambda: target.copy_(source), wait, 10)
    say({"kind": "ceiling", "what": "copy", "gb_per_second": 2 * 4 * count / seconds / 1e9})
    n = 256 if small else 8192
    for name, dtype, tf32 in (("f32", torch.float32, False), ("tf32", torch.float32, True), ("bf16", torch.bfloat16, False)):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a = torch.randn(n, n, device=device, dtype=dtype)
        a @ a
        wait()
        seconds = median_seconds(lambda: a @ a, wait, 10)
        say({"kind": "ceiling", "what": f"product {name}", "tflop_per_second": 2 * n**3 / seconds / 1e12})


class Measured:
    """A network and a batch in one mode and precision; step() runs it once."""

    def __init__(self, device, model, batch, resolution, precision, mode):
        import timm

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.benchmark = True
        network = timm.create_model(model, num_classes=18, drop_rate=0.4, drop_path_rate=0.2)
        self.network = network.train(mode == "training").to(device, memory_format=torch.channels_last)
        self.images = torch.randn(batch, 3, resolution, resolution, device=device).contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(0, 18, (batch,), device=device)
        self.loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        on_gpu = device == "cuda"
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=5e-4, fused=on_gpu or None, capturable=on_gpu)
        self.narrow = (lambda: torch.autocast(device, torch.bfloat16)) if precision == "bf16" else contextlib.nullcontext
        self.training = mode == "training"
        self.called = self.network

    def step(self):
        if not self.training:
            with torch.no_grad(), self.narrow():
                return self.called(self.images)
        self.optimizer.zero_grad(set_to_none=True)
        with self.narrow():
            loss = self.loss_of(self.called(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def as_graph(self):
        """Captures a step as a CUDA graph. Returns a function that replays it."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay


def measure(way, device, wait, model, batch, resolution, precision, mode, timed):
    try:
        measured = Measured(device, model, batch, resolution, precision, mode)
        if way == "compile":
            measured.called = torch.compile(measured.network)
        work = measured.as_graph() if way == "graph" else measured.step
        for _ in range(3 if way != "eager" else 8):
            work()
        wait()
        seconds = median_seconds(work, wait, timed)
        memory = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0
        say({"engine": f"pytorch {torch.__version__} {way}", "device": device, "model": model, "resolution": resolution, "batch": batch,
             "storage": precision, "mode": mode, "images_per_second": batch / seconds, "arena_gb": memory})
    except Exception as error:  # such as out of memory or a missing compiler: the next one may work
        say({"kind": "note", "text": f"pytorch {way} {mode} {precision} batch {batch}: {type(error).__name__}: {str(error)[:300]}"})
    finally:
        measured = work = None
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a small network: the way through")
    parser.add_argument("--ways", default="eager,graph,compile", help="eager, graph (CUDA's), compile")
    parser.add_argument("--batch", type=int, default=0, help="this one alone")
    parser.add_argument("what", choices=("ceilings", "all"))
    given = parser.parse_args()
    wait = torch.cuda.synchronize if given.device == "cuda" else lambda: None
    if given.what == "ceilings":
        return ceilings(given.device, wait, given.small or given.device != "cuda")
    model, resolution, timed = ("tf_efficientnet_b0", 32, 2) if given.small else ("tf_efficientnet_b4", 224, 15)
    batches = {"training": (2,), "inference": (1, 2)} if given.small else {"training": (32, 128), "inference": (1, 32, 128)}
    ways = ("eager",) if given.device != "cuda" else tuple(given.ways.split(","))
    # The most important first, since the run may end before all are done: compilation takes minutes.
    for way, precision in [*((way, "bf16") for way in ways), *((way, p) for way in ways[:2] for p in ("f32", "tf32") if not given.small)]:
        for mode in ("training", "inference"):
            for batch in sorted(batches[mode], reverse=True) if not given.batch else (given.batch,):
                measure(way, given.device, wait, model, batch, resolution, precision, mode, timed)


if __name__ == "__main__":
    main()
