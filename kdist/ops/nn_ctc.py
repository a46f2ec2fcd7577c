"""Connectionist temporal classification: losses and decoding of unaligned label sequences.

Graves et al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf. Every frame of a sequence says a
class or the blank `mask_index`; a labelling stands for all the ways of saying it, in which classes
repeat and blanks stand in between.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import dtypes
from kdist.ops.checks import at_least, same, shape_of
from kdist.ops.core import cast, convert_to_tensor, dtype, shape
from kdist.ops.core_control import scan
from kdist.ops.declare import op
from kdist.ops.math import logsumexp, top_k
from kdist.ops.nn_activations import log_softmax
from kdist.ops.nn_norm import one_hot
from kdist.ops.numpy_binary import (
    equal,
    greater_equal,
    less,
    logaddexp,
    logical_and,
    logical_or,
    not_equal,
)
from kdist.ops.numpy_creation import arange, full_like, zeros_like
from kdist.ops.numpy_reductions import all, argmax, argsort, max, sum, where
from kdist.ops.numpy_shaping import (
    broadcast_to,
    concatenate,
    expand_dims,
    pad,
    reshape,
    stack,
    take_along_axis,
    transpose,
)
from kdist.ops.numpy_unary import logical_not, negative

Tensor = Any

# log 0: finite, so that gradients of what cannot be are 0 and not NaN.
_NEVER = -1e30
_IMPOSSIBLE = -1e29  # below it, a sum of logarithms contains `_NEVER`


def _float_of(x: Tensor) -> str:
    return dtypes.result_type(dtype(x), "float32")


def _check_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> None:
    given = {
        "target": target,
        "output": output,
        "target_length": target_length,
        "output_length": output_length,
    }
    for name, x in given.items():
        at_least("ctc_loss", x, 1, name)
    if len(shape_of(output)) != 3:
        raise ValueError(
            "ctc_loss: output must be (batch, time, classes). Received: "
            f"output.shape={shape_of(output)}."
        )
    batch = shape_of(output)[0]
    for name, x in given.items():
        size = shape_of(x)[0]
        if size is not None and batch is not None and size != batch:
            raise ValueError(
                "ctc_loss: target, output, target_length and output_length must have the same "
                f"first dimension. Received: {name}.shape={shape_of(x)}, "
                f"output.shape={shape_of(output)}."
            )


@op(check=_check_loss)
def ctc_loss(
    target: Tensor,
    output: Tensor,
    target_length: Tensor,
    output_length: Tensor,
    mask_index: int = 0,
) -> Tensor:
    """-log of the probability that `output` says `target`, in any alignment.

    Arguments:
        target: (batch, max_target_length) int, classes without blanks.
        output: (batch, max_output_length, classes), logits.
        target_length, output_length: (batch,) int, how many entries of each count.
        mask_index: the class that stands for the blank.

    Returns: (batch,); infinity where `output` is too short for `target`.
    Source: Graves et al. 2006, section 4.1.
    Raises: ValueError where the batches differ in size.

    Example:
        >>> logits = ops.zeros((1, 3, 3))  # 3 frames, in each the 3 classes equally likely
        >>> loss = ops.ctc_loss([[1, 2]], logits, [2], [3])
        >>> ops.exp(-loss) * 27  # of the 27 labellings of the frames: 12-, 1-2, -12, 112, 122
        tensor([5.])
    """
    output = convert_to_tensor(output)
    output = cast(output, _float_of(output))
    target = cast(target, "int32")
    batch, frames, _ = shape(output)
    labels = shape(target)[1]
    says = log_softmax(output)  # (batch, frames, classes)

    # Between and around the labels there may be blanks: states 0, 2, ... are blanks, 1, 3, ... labels.
    blanks = full_like(target, mask_index)
    states = reshape(stack([blanks, target], axis=2), (batch, 2 * labels))
    states = pad(states, ((0, 0), (0, 1)), constant_values=mask_index)
    at_states = take_along_axis(
        says, broadcast_to(expand_dims(states, 1), (batch, frames, 2 * labels + 1)), axis=2
    )
    # A label may follow another at once, unless they are equal.
    differs = not_equal(states[:, 2:], states[:, :-2])
    is_label = np.arange(2 * labels + 1)[None, 2:] % 2 == 1
    may_skip = pad(logical_and(differs, is_label), ((0, 0), (2, 0)), constant_values=False)

    def shifted(alpha: Tensor, by: int) -> Tensor:
        return pad(alpha, ((0, 0), (by, 0)), constant_values=_NEVER)[:, : 2 * labels + 1]

    def step(alpha: Tensor, frame: Any) -> tuple[Tensor, None]:
        says_state, running = frame
        skipped = where(may_skip, shifted(alpha, 2), cast(_NEVER, dtype(alpha)))
        arrived = logaddexp(logaddexp(alpha, shifted(alpha, 1)), skipped) + says_state
        return where(expand_dims(running, 1), arrived, alpha), None

    # Before the first frame a state in front of all others holds probability 1: entering from it
    # reaches the first blank or the first label.
    first = np.arange(2 * labels + 1)[None, :] < 2
    start = where(first, at_states[:, 0, :], cast(_NEVER, dtype(output)))
    running = less(expand_dims(arange(1, frames), 1), expand_dims(cast(output_length, "int32"), 0))
    alpha, _ = scan(step, start, (transpose(at_states[:, 1:, :], (1, 0, 2)), running))
    end = expand_dims(2 * cast(target_length, "int32"), 1)
    at_blank = take_along_axis(alpha, end, axis=1)
    at_label = take_along_axis(alpha, where(greater_equal(end, 1), end - 1, 0), axis=1)
    at_label = where(greater_equal(end, 1), at_label, cast(_NEVER, dtype(alpha)))
    total = logaddexp(at_blank, at_label)[:, 0]
    return where(less(total, _IMPOSSIBLE), float("inf"), negative(total))


def _check_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> None:
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(
            f"ctc_decode: Invalid strategy {strategy!r}. Use 'greedy' or 'beam_search'."
        )
    if len(shape_of(inputs)) != 3:
        raise ValueError(
            "ctc_decode: inputs must be (batch, frames, classes). "
            f"Received: inputs.shape={shape_of(inputs)}."
        )
    if not same(shape_of(sequence_lengths), shape_of(inputs)[:1]):
        raise ValueError(
            "ctc_decode: sequence_lengths must be (batch,). Received: "
            f"sequence_lengths.shape={shape_of(sequence_lengths)}, inputs.shape={shape_of(inputs)}."
        )
    if strategy == "beam_search" and not 1 <= top_paths <= beam_width:
        raise ValueError(
            f"ctc_decode: top_paths={top_paths} must be from 1 to beam_width={beam_width}."
        )


@op(check=_check_decode)
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> Any:
    """The labels that logits say.

    Arguments:
        inputs: (batch, frames, classes), logits.
        sequence_lengths: (batch,) int, how many frames count.
        strategy: "greedy": the best class of each frame; "beam_search": the best labellings, each
            with the probability of all its alignments, of `beam_width` that are pursued.
        top_paths: how many labellings a beam search returns.
        merge_repeated: greedy: a class in successive frames is one label.
        mask_index: the class that stands for the blank; None: the last.

    Returns: `(labels, scores)`: labels (top_paths, batch, frames) int32, -1 after the end; scores
    (batch, top_paths): of the beam search the log-probabilities, of the greedy one minus the sum of
    the largest logits.
    Raises: ValueError for another strategy or rank, and for `top_paths` beyond `beam_width`.

    Example:
        >>> frames = [[[0.0, 5, 0], [0, 5, 0], [5, 0, 0], [0, 0, 5]]]  # 1, 1, blank, 2
        >>> labels, scores = ops.ctc_decode(frames, [4])
        >>> labels, scores
        (tensor([[[ 1,  2, -1, -1]]], dtype=torch.int32), tensor([[-20.]]))
    """
    inputs = convert_to_tensor(inputs)
    inputs = cast(inputs, _float_of(inputs))
    classes = shape_of(inputs)[2]
    blank = classes - 1 if mask_index is None else mask_index % classes
    lengths = cast(sequence_lengths, "int32")
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, blank)
    return _beam_search(log_softmax(inputs), lengths, beam_width, top_paths, blank)


def _greedy(inputs: Tensor, lengths: Tensor, merge_repeated: bool, blank: int) -> tuple:
    frames = shape(inputs)[1]
    running = less(expand_dims(arange(frames), 0), expand_dims(lengths, 1))  # (batch, frames)
    best = where(running, cast(argmax(inputs, axis=-1), "int32"), blank)
    scores = negative(sum(where(running, max(inputs, axis=-1), 0.0), axis=1, keepdims=True))
    dropped = equal(best, blank)
    if merge_repeated:
        again = equal(best[:, 1:], best[:, :-1])
        dropped = logical_or(dropped, pad(again, ((0, 0), (1, 0)), constant_values=False))
    # Labels in front, in order: those dropped sort as if they came after the last frame.
    place = where(dropped, frames, expand_dims(arange(frames), 0))
    labels = take_along_axis(where(dropped, -1, best), argsort(place, axis=1), axis=1)
    return expand_dims(cast(labels, "int32"), 0), scores


def _beam_search(says: Tensor, lengths: Tensor, width: int, top: int, blank: int) -> tuple:
    """Prefix beam search over log-probabilities `says` (batch, frames, classes).

    A beam is a labelling so far, with the log-probability that its alignment ends in a blank and
    that it ends in its last label. Beams are distinct labellings: what one says by a further label
    may be another one of them, to which that probability then belongs.
    """
    batch, frames, _ = shape(says)
    classes = shape_of(says)[2]
    kind = dtype(says)
    never = cast(_NEVER, kind)
    position = arange(frames, dtype="int32")
    none = broadcast_to(np.full((1, width), _NEVER, "float32"), (batch, width))
    none = cast(none, kind)
    only_first = np.arange(width)[None, :] == 0
    start = (
        broadcast_to(np.full((1, width, 1), -1, "int32"), (batch, width, frames)),  # labels
        broadcast_to(np.zeros((1, width), "int32"), (batch, width)),  # how many
        where(only_first, zeros_like(none), none),  # ends in a blank
        none,  # ends in its last label
    )

    def step(beams: tuple, frame: Any) -> tuple[tuple, None]:
        paths, counts, ends_blank, ends_label = beams
        says_now, running = frame  # (batch, classes), (batch,)
        last = take_along_axis(
            paths, expand_dims(where(greater_equal(counts, 1), counts - 1, 0), 2), axis=2
        )[:, :, 0]
        some = greater_equal(last, 0)
        any_end = logaddexp(ends_blank, ends_label)
        of_last = take_along_axis(says_now, where(some, last, 0), axis=1)
        stay_blank = any_end + says_now[:, blank : blank + 1]
        stay_label = where(some, ends_label + of_last, never)

        # Extended by a class; by the last label only after a blank.
        is_last = equal(expand_dims(last, 2), np.arange(classes, dtype="int32")[None, None, :])
        before = where(is_last, expand_dims(ends_blank, 2), expand_dims(any_end, 2))
        extended = before + expand_dims(says_now, 1)  # (batch, beams, classes)
        extended = where(np.arange(classes)[None, None, :] == blank, never, extended)

        # child[b, v, w]: labelling v is labelling w and one label more.
        longer = equal(expand_dims(counts, 2), expand_dims(counts, 1) + 1)
        in_w = less(position[None, None, :], expand_dims(counts, 2))  # (batch, beams, frames)
        alike = all(
            logical_or(
                equal(expand_dims(paths, 2), expand_dims(paths, 1)),
                logical_not(expand_dims(in_w, 1)),
            ),
            axis=3,
        )
        child = logical_and(longer, alike)
        from_w = take_along_axis(  # (batch, w, v): w extended by the last label of v
            extended,
            broadcast_to(expand_dims(where(some, last, 0), 1), (batch, width, width)),
            axis=2,
        )
        gained = logsumexp(where(child, transpose(from_w, (0, 2, 1)), never), axis=2)
        stay_label = logaddexp(stay_label, gained)
        taken = sum(  # (batch, w, classes): how many beams are w extended by the class
            expand_dims(cast(transpose(child, (0, 2, 1)), "int32"), 3)
            * expand_dims(one_hot(where(some, last, 0), classes, dtype="int32"), 1),
            axis=2,
        )
        extended = where(greater_equal(taken, 1), never, extended)

        scores = concatenate(
            [
                logaddexp(stay_blank, stay_label),
                reshape(extended, (batch, width * classes)),
            ],
            axis=1,
        )
        # A stable sort: of equal candidates the one with the smaller class stays, on every backend.
        chosen = cast(argsort(negative(scores), axis=1), "int32")[:, :width]
        is_new = greater_equal(chosen, width)
        parent = where(is_new, (chosen - width) // classes, chosen)
        label = (chosen - width) % classes
        of_parent = take_along_axis(counts, parent, axis=1)
        kept = take_along_axis(paths, broadcast_to(expand_dims(parent, 2), shape(paths)), axis=1)
        here = equal(position[None, None, :], expand_dims(of_parent, 2))
        here = logical_and(here, expand_dims(is_new, 2))
        flat = reshape(extended, (batch, width * classes))
        new_score = take_along_axis(flat, where(is_new, chosen - width, 0), axis=1)
        after = (
            where(here, expand_dims(label, 2), kept),
            of_parent + cast(is_new, "int32"),
            where(is_new, never, take_along_axis(stay_blank, parent, axis=1)),
            where(is_new, new_score, take_along_axis(stay_label, parent, axis=1)),
        )
        go = expand_dims(running, 1)
        return (
            where(expand_dims(go, 2), after[0], paths),
            *(where(go, x, y) for x, y in zip(after[1:], beams[1:], strict=True)),
        ), None

    running = less(expand_dims(arange(frames), 1), expand_dims(lengths, 0))
    (paths, _, ends_blank, ends_label), _ = scan(step, start, (transpose(says, (1, 0, 2)), running))
    scores, order = top_k(logaddexp(ends_blank, ends_label), k=top)
    best = take_along_axis(
        paths, broadcast_to(expand_dims(cast(order, "int32"), 2), (batch, top, frames)), axis=1
    )
    scores = where(less(scores, _IMPOSSIBLE), float("-inf"), scores)
    return transpose(best, (1, 0, 2)), scores
