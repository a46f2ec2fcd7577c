"""torch by hand: `nn.Module`s, fused Adam, metrics on the device."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
import workloads as w
from torch import nn


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.head = (
            nn.Conv2d(1, 32, 3),
            nn.Conv2d(32, 32, 3),
            nn.Conv2d(32, 64, 3),
            nn.Linear(64, w.CLASSES),
        )

    def forward(self, x):
        x = x.permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu(self.b(F.relu(self.a(x)))), 2)
        return self.head(F.relu(self.c(x)).mean((2, 3)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(w.WIDTH), nn.LayerNorm(w.WIDTH)
        self.qkv, self.out = nn.Linear(w.WIDTH, 3 * w.WIDTH), nn.Linear(w.WIDTH, w.WIDTH)
        self.up, self.down = nn.Linear(w.WIDTH, w.HIDDEN), nn.Linear(w.HIDDEN, w.WIDTH)

    def forward(self, x):
        h = self.n1(x)
        q, k, v = self.qkv(h).view(*h.shape[:2], 3, w.HEADS, -1).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(h.shape))
        return x + self.down(F.relu(self.up(self.n2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.blocks, self.head = (
            nn.Embedding(w.VOCABULARY, w.WIDTH),
            nn.Sequential(Block(), Block()),
            nn.Linear(w.WIDTH, w.CLASSES),
        )

    def forward(self, x):
        return self.head(self.blocks(self.embed(x)).mean(1))


MODELS = {
    "mlp": lambda: nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, w.CLASSES)
    ),
    "convnet": ConvNet,
    "transformer": Transformer,
}


def loops(name, x, y, work):
    torch.manual_seed(0)
    model = MODELS[name]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)

    def fit():
        model.train()
        order = np.random.default_rng(0).permutation(len(x))
        total, correct, n = torch.zeros(()), torch.zeros((), dtype=torch.int64), 0
        for i in range(0, len(x), work.batch):
            rows = order[i : i + work.batch]
            xb, yb = torch.from_numpy(x[rows]), torch.from_numpy(y[rows]).long()
            logits = model(xb)
            loss = F.cross_entropy(logits, yb)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                total += loss * len(rows)
                correct += (logits.argmax(-1) == yb).sum()
            n += len(rows)
        return total.item() / n, correct.item() / n

    def predict():
        model.eval()
        with torch.inference_mode():
            outputs = [
                model(torch.from_numpy(x[i : i + work.batch]))
                for i in range(0, work.predict_samples, work.batch)
            ]
            return torch.cat(outputs).numpy()

    return fit, predict
