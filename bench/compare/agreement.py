"""When two peers' answers agree: the rule by which answers are compared before anything is timed.

Logits: ||a-b||2 / ||b||2 over the whole batch. Losses: the largest |a-b|/|b| of the first steps.
The bound of fp32 is 1e-3: logits of one file agree to 1e-6, losses after two steps of AdamW to 2e-4.
bf16 has 8 bits of significand, so each stored value is off by up to 4e-3, and the errors of about a hundred layers add up: logits in
evaluation differ by some 3e-3 (bound 3e-2). In training the first loss differs by up to 2.5e-2, and AdamW's first updates follow the signs of
gradients, also of rounding errors: so the learning rate is low (peers.py), and the bound is 6e-2. At a rate of 1e-3, b4's third loss
differed by 0.16 to 0.28; at the low rate by 5.6e-2 (mcnn) and 7.8e-2 (PyTorch), batch 32.
"""
import math

CHECKED_STEPS = 3  # of training
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
