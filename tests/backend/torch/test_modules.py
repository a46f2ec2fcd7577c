"""Variables live in torch modules: their tools see them, and the variables see what the tools do."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import kdist
from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core.spec import Spec

ones = lambda shape, dtype: torch.ones(shape, dtype=getattr(torch, dtype))


class Scale(backend.LayerBase):
    """A layer without kdist.layers: what the shared code does, by hand."""

    def __init__(self):
        super().__init__()
        variables = {
            "factor": Variable(ones, (3,), name="factor"),
            "count": Variable(np.zeros(()), trainable=False, name="count"),
        }
        for name, v in variables.items():
            object.__setattr__(self, name, v)
            self._attach_variable(name, v)

    def call(self, x):
        return x * self.factor.value


def test_parameters_and_buffers_are_registered():
    layer = Scale()
    assert [n for n, _ in layer.named_parameters()] == ["factor"]
    assert sorted(layer.state_dict()) == ["count", "factor"]
    assert layer.factor.value is layer._parameters["factor"]


def test_a_replaced_parameter_is_the_one_that_is_read_and_trained():
    layer = Scale()
    layer._parameters["factor"] = torch.nn.Parameter(torch.full((3,), 5.0))
    layer._run(torch.ones(3)).sum().backward()
    assert layer.factor.numpy().tolist() == [5, 5, 5]
    assert layer.factor.value.grad.tolist() == [1, 1, 1]


def test_a_move_to_another_dtype_or_device_is_seen():
    layer = Scale().to(torch.float64)
    assert layer.factor.value.dtype is torch.float64
    assert layer.count.value.dtype is torch.float64


def test_hooks_run():
    layer, seen = Scale(), []
    layer.register_forward_hook(lambda *a: seen.append("forward"))
    layer.register_full_backward_hook(lambda *a: seen.append("backward"))
    layer._run(torch.ones(3, requires_grad=True)).sum().backward()
    assert seen == ["forward", "backward"]


def test_trainable_moves_between_parameters_and_buffers():
    layer = Scale()
    layer.factor.trainable = False
    assert not layer.factor.value.requires_grad
    layer.count.trainable = True
    assert dict(layer.named_parameters())["count"] is layer.count.value
    assert "count" not in layer._buffers
    layer.count.assign(4.0)
    assert layer.state_dict()["count"] == 4


def test_assign_keeps_the_tensor_and_copies_the_value():
    layer, source = Scale(), torch.full((3,), 2.0)
    before = layer.factor.value
    layer.factor.assign(source)
    source.zero_()
    assert layer.factor.value is before
    assert layer.factor.numpy().tolist() == [2, 2, 2]


def test_a_variable_does_not_share_memory_with_what_it_was_made_of():
    array = np.ones(3, "float32")
    v = Variable(array)
    v.assign(np.zeros(3))
    assert array.tolist() == [1, 1, 1]


def test_a_variable_shared_by_two_layers_is_one_parameter():
    a, b = Scale(), Scale()
    b._attach_variable("tied", a.factor)
    both = torch.nn.ModuleList([a, b])
    assert len(list(both.parameters())) == 2
    assert b._parameters["tied"] is a.factor.value


def test_a_copied_layer_owns_its_values():
    a = Scale()
    b = copy.deepcopy(a)
    b.factor.assign(np.zeros(3))
    assert a.factor.numpy().tolist() == [1, 1, 1]
    assert b.factor.value is b._parameters["factor"]


def test_names_are_made_unique_and_without_dots():
    layer, extra = Scale(), Variable(np.zeros(2), name="factor")
    layer._attach_variable("factor", extra)
    layer._attach_layer("a.b", torch.nn.Linear(2, 2))
    layer._attach_foreign("lin", torch.nn.Linear(2, 2))
    assert {"factor", "factor_1", "a_b.weight", "lin.bias"} <= set(layer.state_dict())


def test_abstract_evaluation_reads_no_values_and_writes_none():
    layer = Scale()

    def run(x):
        layer.count.assign_add(1.0)
        return layer._run(x), layer.count.value

    out = backend.abstract_eval(run, (Spec((7, 3)),), {})
    assert out == (Spec((7, 3)), Spec((), "float64"))
    assert layer.count.numpy() == 0


def test_variables_made_during_abstract_evaluation_have_values():
    made = []

    def run(x):
        made.append(Variable(ones, (x.shape[-1],)))
        return x + made[-1].value

    assert backend.abstract_eval(run, (Spec((2, 4)),), {}) == Spec((2, 4))
    assert made[0].numpy().tolist() == [1, 1, 1, 1]


def test_abstract_evaluation_takes_real_constants():
    table = torch.arange(6.0).reshape(2, 3)
    out = backend.abstract_eval(lambda x: backend.OPS["matmul"](x, table), (Spec((5, 2)),), {})
    assert out == Spec((5, 3))


class AroundTorch(Scale):
    """Mixes a plain torch module, a variable, dropout and a variable made on the way."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "inner", torch.nn.Linear(3, 3))
        object.__setattr__(self, "seed", Variable(np.array([1, 2]), dtype="int64", trainable=False))
        object.__setattr__(self, "made", [])

    def call(self, x):
        self.made.append(
            Variable(
                lambda shape, dtype: backend.OPS["random_normal"](
                    shape, dtype=dtype, seed=torch.tensor([1, 2])
                ),
                (3,),
            )
        )
        x = backend.OPS["random_dropout"](
            self.inner(x) * self.factor.value, 0.5, seed=self.seed.value
        )
        return x + self.made[-1].value


def test_abstract_evaluation_goes_through_plain_modules():
    layer = AroundTorch()
    out = backend.abstract_eval(layer._run, (Spec((7, 3)),), {})
    assert out == Spec((7, 3))
    assert np.isfinite(layer.made[-1].numpy()).all()
    assert type(layer.made[-1].value) is torch.nn.Parameter
    assert layer._run(torch.ones(7, 3)).shape == (7, 3)


def test_abstract_evaluation_shows_the_functions_own_error():
    with pytest.raises(ValueError, match="reduction dim"):
        backend.abstract_eval(backend.OPS["matmul"], (Spec((5, 2)), Spec((3, 4))), {})


def test_leaf_and_back():
    layer = Scale()
    leaf = backend.to_leaf(layer.factor)
    assert leaf.global_shape == (3,)
    backend.from_reader(layer.factor, lambda index: np.array([1.0, 2.0, 3.0])[index])
    assert layer.factor.numpy().tolist() == [1, 2, 3]


def test_a_deleted_layer_or_variable_is_registered_no_more():
    class Model(kdist.Model):
        def __init__(self):
            super().__init__()
            self.body, self.head = kdist.layers.Dense(2), kdist.layers.Dense(3)
            self.scale = self.add_weight((3,), name="scale")
            self.plain = torch.nn.Linear(1, 1)

        def call(self, x):
            return self.head(self.body(x))

    model = Model()
    model(np.ones((1, 4), "float32"))
    head, scale = model.head, model.scale
    before = scale.numpy()
    del model.head, model.scale, model.plain
    assert [n for n, _ in model.named_parameters()] == ["body.kernel", "body.bias"]
    assert head.kernel.shape == (2, 3) and scale.numpy().tolist() == before.tolist()
    scale.assign([1, 2, 3])
    assert scale.numpy().tolist() == [1, 2, 3]


def test_a_popped_layer_is_registered_no_more():
    model = kdist.Sequential([kdist.Input((4,)), kdist.layers.Dense(2), kdist.layers.Dense(3)])
    model.pop()
    assert len(list(model.parameters())) == len(model.variables) == 2
