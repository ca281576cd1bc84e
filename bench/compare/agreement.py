"""When two peers' answers agree: the rule by which answers are compared before anything is timed.

Logits: ||a-b||2 / ||b||2 over the whole batch. Losses: the largest |a-b|/|b| of the first steps.
The losses of two steps are compared: the first shows that forward agrees, the second backward and the update. From the third on AdamW, whose
first updates follow the signs of gradients, amplifies rounding (b4 from random weights, batch 32: PyTorch's own bf16 is then 0.28 from its
fp32, and two fp32 engines are 0.01 apart).
The bound of fp32 is 1e-3: logits of one file agree to 1e-6. bf16 has 8 bits of significand, so each stored value is off by up to 4e-3, and
the errors of about a hundred layers add up: logits in evaluation differ by some 3e-3, losses in training, where batch norm divides by the
batch's own deviations, by some 2.5e-2. Very small photos leave batch norm few values, and bf16 then exceeds its bound.
"""
import math

CHECKED_STEPS = 2  # of training
BOUNDS = {("f32", "inference"): 1e-3, ("f32", "training"): 1e-3, ("bf16", "inference"): 3e-2, ("bf16", "training"): 6e-2}


def difference(answers, reference, mode):
    """Relative, as above; infinite for answers of another length or that are not finite."""
    if mode == "training":
        answers, reference = answers[:CHECKED_STEPS], reference[:CHECKED_STEPS]
    if len(answers) != len(reference) or not answers or not all(map(math.isfinite, (*answers, *reference))):
        return math.inf
    if mode == "training":
        return max(abs(a - b) / abs(b) if b else math.inf for a, b in zip(answers, reference))
    size = math.hypot(*reference)
    return math.dist(answers, reference) / size if size else math.inf
