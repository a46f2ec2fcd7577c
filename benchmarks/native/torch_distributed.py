"""torch on several processes by hand: DistributedDataParallel, and FSDP2 block by block."""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from native.torch_loops import MODELS


def _data_parallel(name):
    return nn.parallel.DistributedDataParallel(MODELS[name]())


def _fsdp(name):
    model = MODELS[name]()
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    blocks = model.blocks if hasattr(model, "blocks") else model.children()
    for block in blocks:
        if any(True for _ in block.parameters()):
            fully_shard(block, mesh=mesh)
    return fully_shard(model, mesh=mesh)


STRATEGIES = {"DataParallel": _data_parallel, "FSDP": _fsdp}


def loop(name, strategy, x, y, work):
    torch.manual_seed(0)
    model = STRATEGIES[strategy](name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    rank, count = dist.get_rank(), dist.get_world_size()
    mine = work.batch // count

    def fit():
        model.train()
        order = np.random.default_rng(0).permutation(len(x))
        totals = torch.zeros(3)
        for i in range(0, len(x), work.batch):
            rows = order[i + rank * mine : i + (rank + 1) * mine]
            xb, yb = torch.from_numpy(x[rows]), torch.from_numpy(y[rows]).long()
            logits = model(xb)
            loss = F.cross_entropy(logits, yb)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                correct = (logits.argmax(-1) == yb).sum()
                totals += torch.stack([loss * mine, correct, torch.tensor(float(mine))])
        dist.all_reduce(totals)
        return totals.tolist()

    return fit
