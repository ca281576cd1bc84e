"""The steps of a run, the most important first. Times are seconds on a machine with an H200.

A step is a function of a Context, which runs commands within the step's time limit. Next: run.py runs the steps.
"""
import collections
import csv
import os
import re
import shutil

Step = collections.namedtuple("Step", "name estimate least limit work about")
Sizes = collections.namedtuple("Sizes", "model resolution train_batches infer_batches timed cases kernels steps")
FULL = Sizes("b4", 224, (32, 128, 1), (1, 32, 128), 20, ".", ".", ("--model", "b4", "--res", "224", "--batch", "8"))
SMALL = Sizes("b0", 32, (2,), (1, 2), 2, "^(pool|residual)", "^residual", ("--model", "b0", "--res", "96", "--batch", "4"))

PRECISIONS = {"f32": ("--storage", "f32"), "tf32": ("--storage", "f32", "--allow-tf32"), "bf16": ("--storage", "bf16"),
              "f16": ("--storage", "f16")}


class Absent(Exception):
    """Something that the step needs is not on this machine."""


def facts(context):
    if context.device == "cuda":
        context.run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total,compute_cap,clocks.max.sm,clocks.max.mem,power.limit",
                     "--format=csv,noheader"], text="gpu")
    context.run(["sh", "-c", "lscpu | sed -n 's/^Model name: *//p'; nproc; uname -r; ldd --version | head -1"], text="machine")
    context.run([context.bin("bench_train"), "--device", context.device, "--model", "b0", "--res", "32", "--batch", "2", "--steps", "2",
                 "--json"])
    if context.torch:
        context.run([context.python, context.file("measure/pytorch.py"), "--device", context.device, "ceilings"])


def probe(context):
    """Runs each operation once, then a step of a small network, with a wait after each kernel."""
    context.cases(["--storage", "f32", "--first-of-each"], waiting=True)
    context.run([context.bin("gpu_check"), "steps", "--device", context.device, "--model", "b0", "--res", "96", "--batch", "4", "--steps",
                 "1", "--unrecorded"])


def cases(precision, products):
    def work(context):
        context.cases([*PRECISIONS[precision], "--products", products, "--filter", context.sizes.cases])
    return work


def golden(context):
    """Compares the logits of a small network with PyTorch's in float64, in each convention."""
    for name, flags in (("timm_native", ["--padding", "symmetric", "--bn-eps", "1e-5"]),
                        ("torchvision", ["--padding", "symmetric", "--bn-eps", "1e-5"]),
                        ("efficientnet_pytorch", ["--padding", "same:40x36", "--bn-eps", "1e-3"])):
        context.run([context.bin("mcnn-weights"), "verify", context.file(f"golden/{name}.safetensors"), "--model", "b0", "--width", "0.05",
                     "--depth", "0.2", "--classes", "5", *flags, "--cases", context.file("golden/expected.safetensors"), "--input", "x",
                     "--expect", f"{name}.logits_f64", "--tolerance", "1e-4", "--device", context.device], text=name)


def training_steps(context):
    """Own kernels, recorded and not, and libraries. cuBLAS forms a weight's gradient in longer fp32 sums than own kernels, and AdamW's first
    steps follow the signs of gradients, also of rounding errors: losses differ by up to 5e-4 in fp32 (H200)."""
    for storage in ("f32",) if context.device == "cpu" else ("f32", "bf16"):
        for products, flags in (("own", []), ("own", ["--unrecorded"]), ("vendor", ["--tolerance", "2e-3"] if storage == "f32" else [])):
            if context.device == "cuda" or products == "own":
                context.run([context.bin("gpu_check"), "steps", "--device", context.device, "--storage", storage, "--products", products,
                             *context.sizes.steps, *flags],
                            extra={"recorded": "--unrecorded" not in flags, "storage": storage, "products": products})


def products_of(context):
    return ("vendor", "own") if context.device == "cuda" else ("own",)


def throughput(mode):
    def work(context):
        sizes = context.sizes
        for products in products_of(context):
            for batch in sizes.train_batches if mode == "training" else sizes.infer_batches:
                for precision in context.precisions:
                    context.run([context.bin("bench_train"), "--device", context.device, "--model", sizes.model, "--res",
                                 str(sizes.resolution), "--batch", str(batch), "--steps", str(sizes.timed), *PRECISIONS[precision],
                                 "--products", products, "--json", *(["--inference"] if mode == "inference" else [])],
                                extra={"products": products})
    return work


NCU_METRICS = ("gpu__time_duration.sum", "dram__bytes_read.sum", "dram__bytes_write.sum",
               "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed", "sm__throughput.avg.pct_of_peak_sustained_elapsed")


def kernel_name(signature):
    """The kernel's name and template arguments in a demangled signature, without namespaces, casts and parameters."""
    name = re.sub(r"\((?:anonymous namespace|bool|int|unsigned int|long|unsigned long)\)|<unnamed>::", "", signature)
    return re.sub(r"\b(?:void|const) |(?:\w+|)::", "", name.split("(")[0]).strip()


def kernel_rows(lines):
    """Converts ncu's CSV (--page raw) to one row per kernel: launches, ns, bytes, and both shares of the peak, weighted by time."""
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        return []
    kernels = {}
    for row in csv.DictReader(lines[start:]):
        try:
            ns, read, written, dram, sm = (float(row[name].replace(",", "")) for name in NCU_METRICS)
        except (KeyError, ValueError, AttributeError, TypeError):
            continue  # the line of units
        name = kernel_name(row["Kernel Name"])
        total = kernels.setdefault(name, [0, 0.0, 0.0, 0.0, 0.0])
        for i, value in enumerate((1, ns, read + written, dram * ns, sm * ns)):
            total[i] += value
    return [{"kind": "counters", "kernel": name, "launches": n, "ns": ns, "bytes": moved, "dram_percent": dram / max(ns, 1),
             "sm_percent": sm / max(ns, 1)} for name, (n, ns, moved, dram, sm) in sorted(kernels.items(), key=lambda k: -k[1][1])]


def profile(context):
    """Measures the time of each kernel in a step, by events in the recorded step."""
    sizes = context.sizes
    for precision in context.precisions:
        for products in products_of(context):
            for mode in ([], ["--inference"]):
                context.run([context.bin("bench_train"), "--device", context.device, "--model", sizes.model, "--res", str(sizes.resolution),
                             "--batch", str(max(sizes.train_batches)), "--steps", "5", *PRECISIONS[precision], "--products", products,
                             "--profile", "--json", *mode], extra={"products": products, "mode": "inference" if mode else "training"})


def counters(context):
    """Runs ncu on the slowest kernels, in the first and last layers. ncu needs about a second for each."""
    ncu = shutil.which("ncu", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not ncu or context.device != "cuda":
        raise Absent("there is no ncu")
    sizes = context.sizes
    for kernels, skipped in (("multiply_both", 55), ("multiply", 1), ("depthwise_backward", 24), ("depthwise_forward", 1), ("pool_rows", 0)):
        lines = []
        # The clocks stay as they are: the machine may be shared, and the other steps' figures are at these clocks.
        context.run([ncu, "--clock-control", "none", "--csv", "--page", "raw", "--print-units", "base", "--metrics", ",".join(NCU_METRICS),
                     "--kill", "yes", "-k", f"regex:^{kernels}", "--launch-skip", str(skipped), "--launch-count", "6",
                     context.bin("bench_train"), "--device", context.device, "--model", sizes.model, "--res", str(sizes.resolution),
                     "--batch", str(sizes.train_batches[0]), "--steps", "1", "--storage", "bf16", "--products", "own"],
                    environment={"MCNN_CUDA_SYNC": "1"}, on_line=lines.append)
        for row in kernel_rows(lines):
            context.add(row)


def pytorch(context):
    """PyTorch eager, as CUDA graph and compiled, channels last, in one process."""
    if not context.torch:
        raise Absent("no torch with timm and a GPU in this Python")
    context.run([context.python, context.file("measure/pytorch.py"), "--device", context.device,
                 *(["--small"] if context.rehearsal else []), "all"])


def kernelbench(context):
    """KernelBench's level 3: problem 22, EfficientNet-B0, 1000 classes, ten images of 224 pixels; problem 21, one MBConv block."""
    for precision in context.precisions:
        context.run([context.bin("bench_train"), "--device", context.device, "--model", "b0", "--classes", "1000", "--batch", "10", "--res",
                     str(context.sizes.resolution), "--steps", str(context.sizes.timed), "--inference", *PRECISIONS[precision], "--json"])
        context.run([context.bin("bench_kernels"), "--device", context.device, *PRECISIONS[precision], "--model", "block", "--batch", "10",
                     "--res", str(context.sizes.resolution), "--json-lines", "--benchmark_min_time=0.02"], extra={"precision": precision})


def kernels(context):
    for precision in context.precisions:
        context.run([context.bin("bench_kernels"), "--device", context.device, *PRECISIONS[precision], "--model", context.sizes.model,
                     "--res", str(context.sizes.resolution), "--batch", str(context.sizes.train_batches[0]), "--json-lines",
                     "--benchmark_min_time=0.02", f"--benchmark_filter={context.sizes.kernels}"], extra={"precision": precision})


def sanitizer(tool):
    def work(context):
        found = shutil.which("compute-sanitizer", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
        if not found:
            raise Absent("there is no compute-sanitizer")
        for storage in ("f32", "bf16"):
            context.run([found, "--tool", tool, "--error-exitcode", "9", context.bin("gpu_check"), "cases", "--device", context.device,
                         "--storage", storage, "--first-of-each"], environment={"MCNN_CUDA_SEPARATE": "1"})
    return work


def drawn_faces(context):
    """A small network learns drawn faces on the GPU: a whole training, checkpoints and inference."""
    run = os.path.join(context.scratch, "faces_run")
    epochs, crop = ("1", "16") if context.rehearsal else ("40", "96")
    status = context.run([context.bin("mcnn-train"), context.file("synthetic.ini"), "--set", f"run.device={context.device}", "--set",
                          f"run.dir={run}", "--set", f"data.root={context.file('faces/train')}", "--set", f"train.epochs={epochs}", "--set",
                          f"data.crop={crop}"], text="training")
    if status == 0:
        context.run([context.bin("mcnn-infer"), "--run", run, "--device", context.device, "--images", context.file("faces/eval/images"),
                     "--info", context.file("faces/eval/info.csv"), "--output", os.path.join(context.scratch, "answers.csv"), "--gt",
                     context.file("faces/eval/gt.csv")], text="eval")


def steps(rehearsal):
    own = [Step(f"cases_{p}", 3, 2, 60, cases(p, "own"), f"every case, {p}, own kernels")
           for p in (("f32",) if rehearsal == "cpu" else PRECISIONS)]
    vendor = [] if rehearsal else [Step(f"cases_{p}_vendor", 5, 3, 40, cases(p, "vendor"), f"every case, {p}, cuBLAS and cuDNN")
                                   for p in PRECISIONS]
    return [
        Step("facts", 6, 2, 40, facts, "the machine, and PyTorch's copy and product rates as ceilings"),
        Step("probe", 2, 2, 60, probe, "each operation once, a wait after each kernel"),
        *own,
        Step("golden", 2, 2, 30, golden, "a small network's logits against PyTorch's float64"),
        Step("steps", 25, 8, 60, training_steps, "losses of six training steps compared with the CPU's, recorded and not"),
        Step("training", 50, 8, 90, throughput("training"), "images/s"),
        Step("inference", 35, 5, 60, throughput("inference"), "images/s"),
        Step("profile", 35, 10, 60, profile, "where the time of a step goes"),
        *vendor,
        Step("pytorch", 150, 25, 170, pytorch, "PyTorch on the same GPU"),
        Step("kernels", 40, 10, 60, kernels, "each kernel's time at the network's shapes"),
        Step("kernelbench", 12, 5, 30, kernelbench, "a block, and B0's inference, at KernelBench's sizes"),
        Step("memcheck", 3, 3, 60, sanitizer("memcheck"), "accesses out of bounds, over one case of each operation"),
        Step("racecheck", 5, 5, 60, sanitizer("racecheck"), "races in shared memory, over one case of each operation"),
        Step("counters", 60, 15, 90, counters, "DRAM's and the processors' shares of their peaks, by ncu"),
        Step("drawn_faces", 6, 5, 60, drawn_faces, "a whole training and its score"),
    ]
