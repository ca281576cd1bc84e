"""The weights and photos that all peers read, made once for each network and kept in the output folder.

The weights come from bench_train: drawn, then trained for some steps, so that batch norm's running statistics fit them. mcnn-weights
exports the graph for ONNX from the same file. Each photo is 8x8 coloured squares around a colour of its own: if photos are alike, as noise is,
batch norm divides by small deviations and enlarges rounding errors.
"""
import functools
import hashlib
import os
import random
import subprocess


class Failed(Exception):
    """The inputs could not be made; the text says why."""


def _run(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror} (cmake --build build --target bench_train mcnn-weights)") from None
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {(done.stderr.strip() or f'exit status {done.returncode}').splitlines()[-1]}")


def photo(number, res):
    """res*res*3 bytes, RGB."""
    chance = random.Random(number)
    base = chance.randbytes(3)
    rows = []
    for _ in range(8):
        squares = [bytes((b + c) // 2 for b, c in zip(base, chance.randbytes(3))) for _ in range(8)]
        rows.append(b"".join(squares[x * 8 // res] for x in range(res)))
    return b"".join(rows[y * 8 // res] for y in range(res))


class Inputs:
    def __init__(self, folder, bench_train, mcnn_weights):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.bench_train, self.mcnn_weights = folder, bench_train, mcnn_weights

    def _made(self, name, make):
        """The path of a file; if there is none yet, make(path) writes it. A file that bears the name is whole."""
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            stem, extension = os.path.splitext(path)
            make(f"{stem}.new{extension}")
            os.replace(f"{stem}.new{extension}", path)
        return path

    def weights(self, model):
        """safetensors with timm's names, 18 classes."""
        return self._made(f"{model}.safetensors", lambda path: _run(
            [self.bench_train, "--model", model, "--res", "64", "--batch", "8", "--steps", "16", "--no-dropout", "--pixels", self.pixels(64, 8),
             "--save-weights", path]))

    def graph(self, case):
        """The same weights as ONNX, batch norm folded into the convolutions."""
        return self._made(f"{case.model}-{case.res}.onnx", lambda path: _run(
            [self.mcnn_weights, "convert", self.weights(case.model), path, "--fold-norm", "--size", f"{case.res}x{case.res}"]))

    @functools.cache
    def digest(self, model):
        """The start of the SHA-256 of a network's weights."""
        with open(self.weights(model), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:12]

    def pixels(self, res, batch):
        """batch photos; of two batches the smaller is the beginning of the larger."""
        def make(path):
            with open(path, "wb") as file:
                file.writelines(photo(number, res) for number in range(batch))
        return self._made(f"photos-{res}-{batch}", make)
