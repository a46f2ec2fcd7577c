"""Cases of linear algebra, Fourier transforms, segments and rearrangement."""

from __future__ import annotations

import math

import numpy as np
from op_cases import case, ints, normal, positive

# Well conditioned, so that rounding does not hide errors.
SQUARE = normal(2, 4, 4) + 3 * np.eye(4, dtype="float32")
SYMMETRIC = SQUARE @ SQUARE.transpose(0, 2, 1)
LOWER = np.tril(normal(2, 4, 4)) + 3 * np.eye(4, dtype="float32")


def product(x):
    return x @ np.swapaxes(x, -1, -2)


def fixed_signs(vectors):
    """Eigenvectors whose first row is positive: their sign is arbitrary."""
    return vectors * np.sign(vectors[..., :1, :])


def lu(x):
    """LU with partial pivoting, column by column."""
    a, pivots = x.copy(), []
    for i in range(min(x.shape)):
        p = i + int(np.argmax(np.abs(a[i:, i])))
        a[[i, p]] = a[[p, i]]
        a[i + 1 :, i] /= a[i, i]
        a[i + 1 :, i + 1 :] -= np.outer(a[i + 1 :, i], a[i, i + 1 :])
        pivots.append(p)
    return a, np.array(pivots)


case(
    "cholesky_inverse",
    LOWER,
    ref=lambda x: np.linalg.inv(product(np.tril(x))),
    rtol=1e-4,
    grad=False,
)
case(
    "cholesky_inverse",
    np.swapaxes(LOWER, -1, -2).copy(),
    ref=lambda x, upper: np.linalg.inv(np.swapaxes(x, -1, -2) @ x),
    upper=True,
    rtol=1e-4,
)
case(
    "solve_triangular",
    SQUARE,
    normal(2, 4, 3),
    ref=lambda a, b: np.linalg.solve(np.triu(a), b),
    grad=True,
    rtol=1e-4,
)
case(
    "solve_triangular",
    SQUARE,
    normal(2, 4),
    ref=lambda a, b, lower: np.linalg.solve(np.tril(a), b[..., None])[..., 0],
    lower=True,
    rtol=1e-4,
)
case(
    "solve",
    SQUARE,
    normal(2, 4),
    ref=lambda a, b: np.linalg.solve(a, b[..., None])[..., 0],
    rtol=1e-4,
)
case("lu_factor", normal(4, 4), ref=lu, rtol=1e-4)
case("lu_factor", normal(5, 3), ref=lu, rtol=1e-4)
case("lu_factor", normal(3, 5), ref=lu, rtol=1e-4)
case("matrix_rank", np.float32([[[1, 2], [2, 4]], [[1, 0], [0, 1]]]), ref=np.linalg.matrix_rank)
case("matrix_rank", np.float32([[3, 0], [0, 1]]), ref=np.linalg.matrix_rank, tol=2.0)
case("pinv", normal(2, 4, 3), ref=np.linalg.pinv, rtol=1e-4, grad=True)
case("pinv", np.float32([[3, 0], [0, 1]]), ref=lambda x, rcond: np.linalg.pinv(x, rcond), rcond=0.5)
case(
    "lstsq",
    normal(5, 3),
    normal(5),
    ref=lambda a, b: np.linalg.lstsq(a, b)[0],
    rtol=1e-4,
    grad=True,
)
case("lstsq", normal(3, 5), normal(3, 2), ref=lambda a, b: np.linalg.lstsq(a, b)[0], rtol=1e-4)
case(
    "lstsq",
    np.float32([[3, 0], [0, 1]]),
    np.float32([3, 3]),
    ref=lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    rcond=0.5,
)
case("slogdet", -SQUARE, ref=lambda x: tuple(np.linalg.slogdet(x)), rtol=1e-4)
case("slogdet", SQUARE[:, :3, :3], ref=lambda x: tuple(np.linalg.slogdet(x)), rtol=1e-4)
case("logdet", SYMMETRIC, ref=lambda x: np.linalg.slogdet(x)[1], rtol=1e-4, grad=True)
case("logdet", np.float32([[0, 1], [1, 0]]), ref=lambda x: np.float32(np.nan))

# ---- special functions, distances, segments ------------------------------------------------------
case("erfc", normal(3, 4), ref=np.vectorize(math.erfc), grad=True)


def distances(x, y):
    return np.sqrt(((x[..., :, None, :] - y[..., None, :, :]) ** 2).sum(-1))


case("cdist", normal(2, 5, 3), normal(2, 4, 3), ref=distances, grad=True)
case("cdist", normal(5, 3), normal(2, 4, 3), ref=distances)
case("cdist", ints(5, 3), ints(4, 3), ref=distances)


def segments(reduce, empty):
    def reference(data, ids, num_segments, sorted=False):
        out = np.full((num_segments, *data.shape[1:]), empty, data.dtype)
        for i in range(num_segments):
            if (ids == i).any():
                out[i] = reduce(data[ids == i], axis=0)
        return out

    return reference


_ids = np.int32([0, 2, 0, -1, 2, 5])
for _name, _reduce, _empty in (
    ("segment_sum", np.sum, 0),
    ("segment_prod", np.prod, 1),
    ("segment_max", np.max, -np.inf),
    ("segment_min", np.min, np.inf),
):
    # Ids outside of the range are left out, and segment 1 is empty.
    case(_name, normal(6, 3), _ids, ref=segments(_reduce, _empty), num_segments=4)
    _ascending = np.int32([0, 0, 1, 1, 1, 2])
    case(
        _name,
        normal(6),
        _ascending,
        ref=segments(_reduce, _empty),
        num_segments=3,
        sorted=True,
        grad=True,
    )
case("segment_min", ints(6), _ids, ref=segments(np.min, 2**31 - 1), num_segments=4)

# ---- complex numbers and Fourier transforms ------------------------------------------------------
case("view_as_complex", normal(3, 2), ref=lambda x: x[..., 0] + 1j * x[..., 1])
case("view_as_real", np.complex64([1 + 2j, -3j]), ref=lambda x: np.stack([x.real, x.imag], -1))
case("view_as_real", normal(3), ref=lambda x: np.stack([x, 0 * x], -1))
case("polar", positive(3), normal(3), ref=lambda r, a: r * np.exp(1j * a))


def pair(transform):
    def reference(x, *args, **kwargs):
        x = x[0] + 1j * x[1] if isinstance(x, list) else x
        out = transform(x, *args, **kwargs)
        return (out.real, out.imag) if np.iscomplexobj(out) else out

    return reference


for _name in ("fft", "fft2", "ifft2"):
    case(_name, [normal(3, 5, 6), normal(3, 5, 6)], ref=pair(getattr(np.fft, _name)), rtol=1e-4)
case("rfft", normal(3, 7), ref=pair(np.fft.rfft), rtol=1e-4)
for _length in (4, 10):
    _rfft = lambda x, fft_length: np.fft.rfft(x, fft_length)
    _irfft = lambda x, fft_length: np.fft.irfft(x, fft_length)
    case("rfft", normal(3, 7), ref=pair(_rfft), rtol=1e-4, fft_length=_length)
    case("irfft", [normal(3, 5), normal(3, 5)], ref=pair(_irfft), rtol=1e-4, fft_length=_length)
case("irfft", [normal(3, 5), normal(3, 5)], ref=pair(np.fft.irfft), rtol=1e-4)


def stft(x, length, stride, fft_length, window="hann", center=True):
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2,) * 2], mode="reflect")
    a, b = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}.get(window, (1, 0))
    n = np.arange(length if window else fft_length)
    weights = np.zeros(fft_length)
    start = (fft_length - len(n)) // 2
    weights[start : start + len(n)] = a - b * np.cos(2 * np.pi * n / length)
    starts = range(0, x.shape[-1] - fft_length + 1, stride)
    out = np.fft.rfft(np.stack([x[..., s : s + fft_length] for s in starts], -2) * weights)
    return out.real, out.imag


case("stft", normal(2, 20), 4, 2, 8, ref=stft, rtol=1e-4)
case("stft", normal(2, 20), 8, 3, 8, ref=stft, rtol=1e-4, window="hamming", center=False)
case("stft", normal(20), 5, 2, 7, ref=stft, rtol=1e-4, window=None)


def restored(length, **how):
    """What istft must give: the signal that was transformed."""
    signal = np.random.default_rng(5).normal(size=(2, 32))
    parts = [p.astype("float32") for p in stft(signal, 8, 2, 8, **how)]
    case(
        "istft",
        parts,
        8,
        2,
        8,
        rtol=1e-3,
        ref=lambda *_, **__: signal[:, :length],
        length=length,
        **how,
    )


restored(32)
restored(20, window="hamming")

# ---- shapes --------------------------------------------------------------------------------------
case(
    "rearrange", normal(2, 3, 4), "b c h -> h b c", ref=lambda x, _: x.transpose(2, 0, 1), grad=True
)
case("rearrange", normal(2, 3, 4), "b c h -> (b c) h", ref=lambda x, _: x.reshape(6, 4))
case(
    "rearrange",
    normal(2, 6, 4),
    "b (h p) c -> b h (p c)",
    ref=lambda x, _, p: x.reshape(2, 3, 8),
    p=2,
)
case(
    "psnr",
    positive(3, 4),
    positive(3, 4),
    2.0,
    ref=lambda a, b, m: 10 * np.log10(m**2 / ((a - b) ** 2).mean()),
    grad=True,
)
