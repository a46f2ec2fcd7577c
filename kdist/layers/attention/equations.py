"""The einsum equations of attention over any axes."""

from __future__ import annotations

import string


def projection(free: int, bound: int, new: int) -> tuple[str, str, int]:
    """How a dense layer replaces `bound` trailing dims by `new` ones.

    Returns: (equation, the bias's letters, rank of the output).

    Example: `projection(2, 1, 2)` gives "abc,cde->abde", "de" and 4.
    """
    letters = string.ascii_lowercase
    kept, summed = letters[:free], letters[free : free + bound]
    added = letters[free + bound : free + bound + new]
    return f"{kept}{summed},{summed}{added}->{kept}{added}", added, free + new


def attention(rank: int, axes: tuple[int, ...]) -> tuple[str, str, int]:
    """The equations of the scores and of the weighted sum.

    For (batch..., attended axes, heads, dim) tensors of this rank.

    Returns: (equation of key and query, equation of scores and value, rank of the scores).
    Example: `attention(4, (1,))` gives "aecd,abcd->acbe", "acbe,aecd->abcd" and 4.
    """
    letters = string.ascii_lowercase
    target = letters[:rank]
    rest = tuple(i for i in range(rank - 1) if i not in axes)  # batch and heads
    fresh = iter(letters[rank:])
    # The key's own axes, and the value's own dim.
    replaced = {i: next(fresh) for i in (*axes, rank - 1)}
    source = "".join(replaced[i] if i in axes else target[i] for i in range(rank))
    scores = "".join(target[i] for i in (*rest, *axes)) + "".join(replaced[i] for i in axes)
    value = source[:-1] + replaced[rank - 1]
    out = target[:-1] + replaced[rank - 1]
    return f"{source},{target}->{scores}", f"{scores},{value}->{out}", len(scores)
