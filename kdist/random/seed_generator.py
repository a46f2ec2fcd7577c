"""Seeds: a pair of integers that a random op turns into numbers.

And the generator that gives a new pair for each draw.
"""

from __future__ import annotations

import random as python_random
from collections.abc import Callable
from typing import Any

from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core import names, scopes, session

_INCREMENT = (0, 1)
# Only a backend that bakes state into traced functions (jax) has to tell.
_is_tracing: Callable[[], bool] = getattr(backend, "is_tracing", lambda: False)


class SeedGenerator:
    """Gives a new seed for every draw.

    Its state is a variable, so a model saves, restores and shards around it.

    An op with an int seed gives the same numbers at each call; with a generator, new numbers each
    time, in an order that the generator's own seed fixes.

    Arguments:
        seed: int; None draws one from Python's `random`, which `kdist.utils.set_random_seed` fixes.
        name: default "seed_generator", numbered.

    Raises: ValueError if `seed` is not an int.

    Example:
        >>> seeds = random.SeedGenerator(42)
        >>> a = random.normal((2,), seed=seeds)
        >>> b = random.normal((2,), seed=seeds)  # other numbers than a
        >>> again = random.normal((2,), seed=random.SeedGenerator(42))
        >>> bool(ops.any(a == b)), bool(ops.all(a == again))
        (False, True)
    """

    _tracked_as = "seed_generators"  # how a layer lists it

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments of SeedGenerator: {sorted(kwargs)}.")
        if seed is not None and not isinstance(seed, int):
            raise ValueError(
                f"Argument `seed` must be an integer or None. SeedGenerator received seed={seed!r}."
            )
        self.name = name or names.auto_name(type(self).__name__)
        self._initial_seed = seed
        first = make_default_seed() if seed is None else seed

        def initial_state(shape: Any, dtype: Any = None) -> Any:
            return _seed_tensor(first)

        with scopes.name_scope(self.name):
            self.state = Variable(
                initial_state,
                shape=(2,),
                dtype=backend.RANDOM_SEED_DTYPE,
                trainable=False,
                autocast=False,
                aggregation="none",
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> Any:
        """The current seed, shape (2,); the state moves on.

        Arguments:
            ordered: count up (seeds of one generator then never repeat); False jumps about, so that
                the seeds of generators begun with neighbouring numbers differ.
        """
        ops, state = backend.OPS, self.state
        seed = ops["copy"](state.value)
        if ordered:
            state.assign(ops["add"](seed, _counts(_INCREMENT)))
        else:
            jumped = ops["multiply"](ops["add"](seed, _counts((1, 1))), _counts((5387, 5387)))
            state.assign(ops["mod"](jumped, _counts((933199, 933199))))
        return seed

    def get_config(self) -> dict:
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> SeedGenerator:
        return cls(**config)


def _counts(pair: tuple[int, int]) -> Any:
    return backend.convert_to_tensor(list(pair), backend.RANDOM_SEED_DTYPE)


def _seed_tensor(seed: int) -> Any:
    """(seed, 0) with the low 32 bits of `seed`, signed where the backend's seeds are."""
    low = seed & 0xFFFFFFFF
    if backend.RANDOM_SEED_DTYPE == "int32":
        low = (low ^ 0x80000000) - 0x80000000
    return _counts((low, 0))


class _Global:
    generator: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator that draws without a seed share.

    Raises: ValueError inside a traced function of jax, where its state would become a constant.

    Example:
        >>> random.global_seed_generator() is random.global_seed_generator()
        True
    """
    if _is_tracing():
        raise ValueError(
            "A random op without a seed was called while jax traces a function: every later run "
            "would give the same numbers. Keep a kdist.random.SeedGenerator(seed) as an attribute "
            "of the layer or model and pass it as seed=."
        )
    if _Global.generator is None:
        _Global.generator = SeedGenerator(name="global_seed_generator")
    return _Global.generator


@session.at_clear
def reset_global_seed_generator() -> None:
    """Have the next draw without a seed begin anew from Python's `random`."""
    _Global.generator = None


def make_default_seed() -> int:
    """A seed from Python's `random`, between 1 and 1e9.

    Example:
        >>> kdist.utils.set_random_seed(0)
        >>> first = random.make_default_seed()
        >>> kdist.utils.set_random_seed(0)
        >>> random.make_default_seed() == first, 1 <= first <= 1e9
        (True, True)
    """
    return python_random.randint(1, int(1e9))


def draw_seed(seed: int | SeedGenerator | None) -> Any:
    """The seed tensor, shape (2,), for one random op.

    Arguments:
        seed: int: the same each time; a generator: its next one; None: the global generator's next
            one; a tensor of shape (2,), such as `jax.random.PRNGKey(1)`: itself.

    Raises: ValueError for anything else.

    Example:
        >>> random.draw_seed(7).shape
        torch.Size([2])
        >>> bool(ops.all(random.draw_seed(7) == random.draw_seed(7)))
        True
        >>> bool(ops.all(random.draw_seed(None) == random.draw_seed(None)))
        False
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, int):
        return _seed_tensor(seed)
    if backend.is_tensor(seed) and tuple(seed.shape) == (2,):
        return seed
    if seed is None:
        return global_seed_generator().next(ordered=False)
    raise ValueError(
        f"Argument `seed` must be either an integer, a SeedGenerator, a tensor of shape (2,) or None. Received: "
        f"seed={seed!r} of type {type(seed).__name__}."
    )
