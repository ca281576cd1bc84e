"""A peer's part of the dialogue with compare.py: shows its answers, waits until they have been compared, then times its calls.

Lines on standard output and input are those of bench/compared.h. Next: pytorch.py, onnxruntime_peer.py and openvino_peer.py call
`dialogue`; ../measure.py is the other side.
"""
import argparse
import json
import sys
import time

CHECKED_STEPS = 3  # training steps before the timed ones; their losses are compared
WARM_UP = 4  # calls of inference before the timed ones, as in bench_train

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of pixels in [0,1]


def options():
    """bench_train's options, which every peer takes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True, help="b0, b4, ...")
    parser.add_argument("--res", type=int, required=True, help="side of the photos in pixels")
    parser.add_argument("--batch", type=int, required=True, help="photos per call")
    parser.add_argument("--steps", type=int, required=True, help="timed calls, at least")
    parser.add_argument("--seconds", type=float, required=True, help="seconds of timed calls, at least")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--storage", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--pixels", required=True, help="file of batch*res*res*3 bytes, RGB")
    parser.add_argument("--inference", action="store_true", help="else training")
    parser.add_argument("--no-dropout", action="store_true", help="stated for bench_train: no peer drops anything")
    parser.add_argument("--compared", action="store_true", help="stated for bench_train: a peer is always compared")
    return parser


def images(given):
    """The normalised photos, float32 (N,3,H,W)."""
    import numpy

    size = given.batch * given.res * given.res * 3
    pixels = numpy.fromfile(given.pixels, numpy.uint8, size).reshape(given.batch, given.res, given.res, 3)
    normalised = (pixels.astype(numpy.float32) / 255 - numpy.float32(MEAN)) / numpy.float32(STD)
    return numpy.ascontiguousarray(normalised.transpose(0, 3, 1, 2))


def peak_bytes():
    """VmHWM. getrusage's ru_maxrss would include the process that started this one."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def say(line):
    print(json.dumps(line), flush=True)


def dialogue(given, call):
    """`call` runs one step or one batch. It returns the loss, or the logits as a flat list."""
    answers = []
    for step in range(WARM_UP if given.inference else CHECKED_STEPS):
        answer = call()
        answers = answer if given.inference else [*answers, answer]
        if step == 0:
            say({"first": True})
    say({"answers": answers})
    if sys.stdin.readline() != "go\n":
        return
    seconds = []
    while len(seconds) < given.steps or sum(seconds) < given.seconds:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    say({"seconds": seconds, "peak_bytes": peak_bytes()})
