"""Cases of windows, pixel shuffles, adaptive pools, CTC and the kernels of kdist's own."""

from __future__ import annotations

import itertools

import numpy as np
from op_cases import case, normal, softmax


# ---- pixels and channels: the definition, pixel by pixel
def blocks_of_channels(x, block_size):
    n, h, w, c = x.shape
    b, depth = block_size, c // block_size**2
    out = np.empty((n, h * b, w * b, depth), x.dtype)
    for i, j in itertools.product(range(h * b), range(w * b)):
        first = ((i % b) * b + j % b) * depth
        out[:, i, j] = x[:, i // b, j // b, first : first + depth]
    return out


def channels_of_blocks(x, block_size):
    n, h, w, _ = x.shape
    b = block_size
    columns = [
        x[:, i : i + b, j : j + b].reshape(n, -1)
        for i, j in itertools.product(range(0, h, b), range(0, w, b))
    ]
    return np.stack(columns, axis=1).reshape(n, h // b, w // b, -1)


def first_as_last(fn):
    """`fn`, which takes images with the channels last, for channels first."""
    return lambda x, *args, data_format: np.moveaxis(fn(np.moveaxis(x, 1, -1), *args), -1, 1)


for _name, _reference, _shape in (
    ("depth_to_space", blocks_of_channels, (2, 2, 3, 12)),
    ("space_to_depth", channels_of_blocks, (2, 4, 6, 3)),
):
    case(_name, normal(*_shape), 2, ref=_reference, grad=True)
    case(
        _name,
        np.moveaxis(normal(*_shape), -1, 1).copy(),
        2,
        ref=first_as_last(_reference),
        data_format="channels_first",
    )


# ---- windows
def corners(size, kernel, stride, padding, dilation):
    """The slices, in the padded image, of each window."""
    spans = [
        [slice(i, i + d * (k - 1) + 1, d) for i in range(0, n + 2 * p - d * (k - 1), s)]
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    return list(itertools.product(*spans))


def windows(x, kernel_size, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    at = corners(x.shape[2:], kernel_size, stride, padding, dilation)
    return np.stack([padded[:, :, i, j].reshape(len(x), -1) for i, j in at], axis=-1)


def overlaid(x, output_size, kernel_size, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    n, kernel = len(x), tuple(kernel_size)
    (h, w), (top, left) = output_size, padding
    out = np.zeros((n, x.shape[1] // np.prod(kernel), h + 2 * top, w + 2 * left), x.dtype)
    for place, (i, j) in enumerate(corners(output_size, kernel, stride, padding, dilation)):
        out[:, :, i, j] += x[..., place].reshape(n, -1, *kernel)
    return out[:, :, top : top + h, left : left + w]


_windows = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
case("unfold", normal(2, 3, 5, 4), (2, 3), ref=windows, grad=True, padding=(1, 1))
case("unfold", normal(2, 3, 5, 7), (2, 3), ref=windows, grad=True, **_windows)
case("fold", normal(2, 12, 12), (5, 4), (2, 2), ref=overlaid, grad=True)
case("fold", normal(2, 12, 9), (6, 5), (3, 2), ref=overlaid, grad=True, **_windows)


# ---- adaptive pools
def pooled(reduce):
    def reference(x, output_size):
        out = np.empty((len(x), *output_size, x.shape[-1]), x.dtype)
        for place in itertools.product(*map(range, output_size)):
            window = tuple(
                slice(i * s // n, -(-(i + 1) * s // n))
                for i, s, n in zip(place, x.shape[1:-1], output_size, strict=True)
            )
            flat = x[(slice(None), *window)].reshape(len(x), -1, x.shape[-1])
            out[(slice(None), *place)] = reduce(flat, 1)
        return out

    return reference


for _name, _reduce in (("average", np.mean), ("max", np.max)):
    for _shape, _target in (((2, 10, 3), (4,)), ((2, 7, 5, 3), (3, 5)), ((2, 3, 2, 3), (5, 4))):
        case(f"adaptive_{_name}_pool", normal(*_shape), _target, ref=pooled(_reduce), grad=True)
    case(
        f"adaptive_{_name}_pool",
        normal(2, 3, 7, 5),
        (3, 2),
        ref=first_as_last(pooled(_reduce)),
        data_format="channels_first",
    )


# ---- CTC: every path of frames is gone through
def labels_of(path, blank):
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def labellings(says, blank):
    """The probability of each labelling, of logits (frames, classes)."""
    shares, out = softmax(says), {}
    for path in itertools.product(range(says.shape[1]), repeat=says.shape[0]):
        p = np.prod([shares[t, c] for t, c in enumerate(path)])
        out[labels_of(path, blank)] = out.get(labels_of(path, blank), 0.0) + p
    return out


def alignments(target, output, target_length, output_length, mask_index=0):
    return np.array(
        [
            -np.log(labellings(says[:frames], mask_index)[tuple(labels[:n])])
            for labels, says, n, frames in zip(
                target, output, target_length, output_length, strict=True
            )
        ]
    )


def decoded(kept, frames):
    """(..., frames) of labels, -1 after the end."""
    return np.array([[*path, *[-1] * (frames - len(path))] for path in kept])


def greedy(inputs, sequence_lengths):
    best = [labels_of(x[:n].argmax(-1), 0) for x, n in zip(inputs, sequence_lengths, strict=True)]
    scores = [[-x[:n].max(-1).sum()] for x, n in zip(inputs, sequence_lengths, strict=True)]
    return decoded(best, inputs.shape[1])[None], np.array(scores)


def most_probable(inputs, sequence_lengths, strategy, beam_width, top_paths):
    tables = [labellings(x[:n], 0) for x, n in zip(inputs, sequence_lengths, strict=True)]
    best = [sorted(t.items(), key=lambda item: -item[1])[:top_paths] for t in tables]
    paths = [decoded([path for path, _ in rows], inputs.shape[1]) for rows in best]
    return np.stack(paths, axis=1), np.log([[p for _, p in rows] for rows in best])


_lengths = (np.int32([3, 2, 0]), np.int32([5, 4, 3]))
_labels = np.int32([[1, 2, 1], [1, 1, 2], [2, 1, 1]])
case("ctc_loss", _labels, normal(3, 5, 3), *_lengths, ref=alignments, grad=True)
case("ctc_loss", _labels - 1, normal(3, 5, 3), *_lengths, ref=alignments, mask_index=2)
case("ctc_decode", normal(2, 5, 3), np.int32([5, 3]), ref=greedy)
case(
    "ctc_decode",
    2 * normal(2, 4, 3),
    np.int32([4, 3]),
    ref=most_probable,
    strategy="beam_search",
    beam_width=60,
    top_paths=3,
    rtol=1e-4,
)


# ---- kdist's own
def by_batch(x, axis, offset=0.0, scale=1.0, epsilon=1e-3):
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = x.mean(others), x.var(others)
    vector = lambda v: np.expand_dims(v, others) if np.ndim(v) else v
    deviation = np.sqrt(vector(variance) + epsilon)
    return (x - vector(mean)) / deviation * vector(scale) + vector(offset), mean, variance


for _axis in (-1, 1):
    case(
        "batch_normalization_training",
        normal(5, 4, 4),
        _axis,
        ref=by_batch,
        offset=normal(4),
        scale=normal(4),
    )
case("batch_normalization_training", normal(6, 3), -1, ref=by_batch, epsilon=1e-5)
case(
    "weighted_step",
    normal(3, 4),
    normal(3, 4),
    0.25,
    ref=lambda a, b, w: a + (b - a) * w,
    grad=True,
)
