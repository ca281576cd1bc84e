"""PyTorch with timm's tf_efficientnet as a peer: eager or compiled; fp32, or bf16 by autocast. Training is AdamW, fused.

Inference is in inference mode; compiled, it is with frozen weights, so that batch norms are folded. The photos lie ready, normalised, in
the layout that the network reads. Next: dialogue.py.
"""
import timm
import torch
from safetensors.torch import load_file

from dialogue import dialogue, images, options

parser = options()
parser.add_argument("--compile", action="store_true", help="by torch.compile")
parser.add_argument("--channels-last", action="store_true")
given = parser.parse_args()

torch.set_num_threads(given.threads)
layout = torch.channels_last if given.channels_last else torch.contiguous_format
weights = load_file(given.weights)
model = timm.create_model(f"tf_efficientnet_{given.model}", num_classes=len(weights["classifier.bias"]))
model.load_state_dict(weights)
model = model.train(not given.inference).to(memory_format=layout)
photos = torch.from_numpy(images(given)).contiguous(memory_format=layout)
labels = torch.arange(given.batch) % model.num_classes
optimizer = None if given.inference else torch.optim.AdamW(model.parameters(), lr=given.learning_rate, weight_decay=5e-4, fused=True)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
if given.compile:
    import torch._inductor.config

    torch._inductor.config.freezing = given.inference
    model = torch.compile(model)


def narrow():
    return torch.autocast("cpu", torch.bfloat16, enabled=given.storage == "bf16")


def infer():
    with torch.inference_mode(), narrow():
        return model(photos).float().flatten().tolist()


def train():
    optimizer.zero_grad(set_to_none=True)
    with narrow():
        loss = loss_of(model(photos), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


dialogue(given, infer if given.inference else train)
