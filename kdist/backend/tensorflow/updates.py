"""Rows of optimizer updates, in place.

One kernel for each variable updates it and its slots together.

The formulas are those of `kdist.optimizers`; TensorFlow's Training kernels compute the same with
the same place for epsilon, where a row stands here. A row acts on the copies of the replica that
runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import as_tensor, dense
from kdist.core.replicas import replicas

_raw = tf.raw_ops


def _resource(variable: Any) -> Any:
    return variable._storage.handle()


class _Scalars:
    """Numbers of one update as tensors, made once for each dtype."""

    def __init__(self, **values: Any):
        self._values = values
        self._made: dict[str, dict[str, Any]] = {}

    def of(self, dtype: str) -> dict[str, Any]:
        if dtype not in self._made:
            self._made[dtype] = {k: as_tensor(v, dtype) for k, v in self._values.items()}
        return self._made[dtype]


def _gradients(grads: list, variables: list) -> list:
    return [
        v._storage.laid(as_tensor(dense(g), v.dtype)) for g, v in zip(grads, variables, strict=True)
    ]


def _powers(optimizer: Any) -> tuple[Any, Any]:
    """beta_1**t and beta_2**t, t counted from 1, in float32.

    float64 is for float64 variables, whose rows cast them.
    """
    step = tf.cast(as_tensor(optimizer.iterations) + 1, tf.float32)
    return tf.pow(tf.constant(optimizer.beta_1, tf.float32), step), tf.pow(
        tf.constant(optimizer.beta_2, tf.float32), step
    )


def adam(optimizer: Any, grads: list, variables: list, learning_rate: Any) -> None:
    first, second = _powers(optimizer)
    scalars = _Scalars(
        beta1_power=first,
        beta2_power=second,
        lr=learning_rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
    )
    momentums = optimizer.aligned(optimizer._momentums, variables)
    velocities = optimizer.aligned(optimizer._velocities, variables)
    hats = optimizer.aligned(optimizer._velocity_hats, variables)
    for i, (variable, gradient) in enumerate(
        zip(variables, _gradients(grads, variables), strict=True)
    ):
        state = {
            "var": _resource(variable),
            "m": _resource(momentums[i]),
            "v": _resource(velocities[i]),
        }
        if hats:
            _raw.ResourceApplyAdamWithAmsgrad(
                **state, vhat=_resource(hats[i]), grad=gradient, **scalars.of(variable.dtype)
            )
        else:
            _raw.ResourceApplyAdam(**state, grad=gradient, **scalars.of(variable.dtype))


def sgd(optimizer: Any, grads: list, variables: list, learning_rate: Any) -> None:
    scalars = _Scalars(lr=learning_rate, momentum=optimizer.momentum)
    momentums = optimizer.aligned(optimizer.momentums, variables)
    for i, (variable, gradient) in enumerate(
        zip(variables, _gradients(grads, variables), strict=True)
    ):
        numbers = scalars.of(variable.dtype)
        if momentums:
            _raw.ResourceApplyKerasMomentum(
                var=_resource(variable),
                accum=_resource(momentums[i]),
                grad=gradient,
                use_nesterov=optimizer.nesterov,
                **numbers,
            )
        else:
            _raw.ResourceApplyGradientDescent(
                var=_resource(variable), alpha=numbers["lr"], delta=gradient
            )


def rmsprop(optimizer: Any, grads: list, variables: list, learning_rate: Any) -> None:
    scalars = _Scalars(
        lr=learning_rate,
        rho=optimizer.rho,
        rest=1 - optimizer.rho,
        momentum=optimizer.momentum,
        epsilon=optimizer.epsilon,
    )
    velocities = optimizer.aligned(optimizer._velocities, variables)
    momentums = optimizer.aligned(optimizer._momentums, variables)
    averages = optimizer.aligned(optimizer._average_gradients, variables)
    for i, (variable, gradient) in enumerate(
        zip(variables, _gradients(grads, variables), strict=True)
    ):
        n = scalars.of(variable.dtype)
        velocity = n["rho"] * velocities[i]._storage.read() + n["rest"] * tf.square(gradient)
        _assign(velocities[i], velocity)
        denominator = velocity + n["epsilon"]
        if averages:
            average = n["rho"] * averages[i]._storage.read() + n["rest"] * gradient
            _assign(averages[i], average)
            denominator -= tf.square(average)
        step = gradient * tf.math.rsqrt(denominator)
        if momentums:
            increment = n["momentum"] * momentums[i]._storage.read() + n["lr"] * step
            _assign(momentums[i], increment)
            _raw.AssignSubVariableOp(resource=_resource(variable), value=increment)
        else:
            _raw.ResourceApplyGradientDescent(var=_resource(variable), alpha=n["lr"], delta=step)


def adadelta(optimizer: Any, grads: list, variables: list, learning_rate: Any) -> None:
    scalars = _Scalars(lr=learning_rate, rho=optimizer.rho, epsilon=optimizer.epsilon)
    squares = optimizer.aligned(optimizer._accumulated_grads, variables)
    deltas = optimizer.aligned(optimizer._accumulated_delta_vars, variables)
    for i, (variable, gradient) in enumerate(
        zip(variables, _gradients(grads, variables), strict=True)
    ):
        _raw.ResourceApplyAdadelta(
            var=_resource(variable),
            accum=_resource(squares[i]),
            accum_update=_resource(deltas[i]),
            grad=gradient,
            **scalars.of(variable.dtype),
        )


def adamax(optimizer: Any, grads: list, variables: list, learning_rate: Any) -> None:
    first, _ = _powers(optimizer)
    scalars = _Scalars(
        beta1_power=first,
        lr=learning_rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
    )
    m, u = optimizer.aligned(optimizer._m, variables), optimizer.aligned(optimizer._u, variables)
    for i, (variable, gradient) in enumerate(
        zip(variables, _gradients(grads, variables), strict=True)
    ):
        _raw.ResourceApplyAdaMax(
            var=_resource(variable),
            m=_resource(m[i]),
            v=_resource(u[i]),
            grad=gradient,
            **scalars.of(variable.dtype),
        )


def weight_decay(optimizer: Any, variables: list, learning_rate: Any) -> None:
    scalars = _Scalars(alpha=as_tensor(learning_rate) * optimizer.weight_decay)
    for variable in variables:
        alpha = scalars.of(variable.dtype)["alpha"]
        _raw.ResourceApplyGradientDescent(
            var=_resource(variable), alpha=alpha, delta=variable._storage.stored()
        )


def accumulate(optimizer: Any, grads: list, sums: list, update: Callable[[list], None]) -> None:
    """sums += grads; in the call that makes them complete, update by the means and clear them."""
    steps = optimizer.gradient_accumulation_steps
    storages = [s._storage for s in sums]
    grads = _gradients(grads, sums)

    def add() -> tf.Tensor:
        for storage, gradient in zip(storages, grads, strict=True):
            storage.add_apart(gradient)
        return tf.constant(False)

    def finish() -> tf.Tensor:
        totals = [s.stored() + g for s, g in zip(storages, grads, strict=True)]
        update([t / tf.cast(steps, t.dtype) for t in totals])
        for storage, total in zip(storages, totals, strict=True):
            storage.assign_here(tf.zeros_like(total))
        return tf.constant(True)

    micro_steps = getattr(replicas(), "micro_steps", None)
    if micro_steps is not None:
        finish() if micro_steps.completes(optimizer) else add()
        return
    done = as_tensor(optimizer._iterations) + 1
    tf.cond(tf.equal(done % steps, 0), finish, add)


def _assign(variable: Any, value: Any) -> None:
    _raw.AssignVariableOp(resource=_resource(variable), value=value)


UPDATES: dict[str, Callable] = {
    **{f.__name__: f for f in (accumulate, adam, sgd, rmsprop, adadelta, adamax, weight_decay)},
    "adamw": adam,
}
