"""The global order of samples, a function of (seed, pass) alone, and the batches of an epoch.

One pass over the data is an epoch unless `steps` says otherwise: then epochs of `steps` batches
follow one another on the endless chain of passes, so that no batch is dropped or seen twice in a
pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_MASK_64 = (1 << 64) - 1


def generator(seed: int, pass_index: int) -> np.random.Generator:
    """Random numbers that depend on (seed, pass) alone; a negative seed counts modulo 2**64."""
    return np.random.default_rng((int(seed) & _MASK_64, pass_index))


def permutation(n: int, seed: int, pass_index: int) -> np.ndarray:
    """int64 (n,): the shuffled order of n samples in a pass."""
    return generator(seed, pass_index).permutation(n)


def permutation_within_batches(n: int, batch_size: int, seed: int, pass_index: int) -> np.ndarray:
    """int64 (n,): batches in order, the samples shuffled inside each: reads stay nearly local."""
    rng = generator(seed, pass_index)
    order = np.arange(n)
    whole = n - n % batch_size
    rng.permuted(
        order[:whole].reshape(-1, batch_size), axis=1, out=order[:whole].reshape(-1, batch_size)
    )
    rng.shuffle(order[whole:])
    return order


def walk(epoch: int, num_batches: int | None, steps: int | None) -> Iterator[tuple[int, int]]:
    """(pass, batch in the pass) for each batch of an epoch.

    num_batches=None: one endless pass, and steps is given.
    """
    if steps is None:
        if num_batches is None:
            raise ValueError("An endless pass has no epochs unless steps is given.")
        yield from ((epoch, i) for i in range(num_batches))
        return
    for at in range(epoch * steps, (epoch + 1) * steps):
        yield (0, at) if num_batches is None else divmod(at, num_batches)


def skips(begin: int, size: int, start: int) -> bool:
    """Whether the batch of `size` samples from `begin` on lies before the position `start`.

    Raises: ValueError if `start` falls inside the batch: no uninterrupted run stops there.
    """
    if begin + size <= start:
        return True
    if begin < start:
        raise ValueError(
            f"start={start} lies inside a batch, which holds samples {begin} to {begin + size}."
            " Resume at the end of a batch, and with the batch_size of the run that is resumed."
        )
    return False
