"""The names of the top level: importing this loads all of kdist's public classes."""

from __future__ import annotations

from kdist import (  # noqa: F401
    activations,
    callbacks,
    constraints,
    losses,
    metrics,
    optimizers,
    random,
    regularizers,
    saving,
    utils,
)
from kdist.backend import device
from kdist.backend.variable import Variable
from kdist.core.graph import KerasTensor
from kdist.core.scopes import StatelessScope, SymbolicScope, name_scope
from kdist.dtype_policies import DTypePolicy
from kdist.initializers import Initializer
from kdist.layers import Input, InputSpec, Layer
from kdist.layers.remat import RematScope, remat
from kdist.losses import Loss
from kdist.metrics import Metric
from kdist.models import Functional, Model, Sequential
from kdist.models.function import Function
from kdist.ops.operation import Operation
from kdist.optimizers import Optimizer
from kdist.regularizers import Regularizer

__all__ = [
    "DTypePolicy",
    "Function",
    "Functional",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Variable",
    "device",
    "name_scope",
    "remat",
]
