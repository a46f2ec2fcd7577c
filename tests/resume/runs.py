"""Fits that are interrupted, and go on. Runs in worker processes too."""

from __future__ import annotations

import os
import signal

import numpy as np


def data() -> tuple:
    rng = np.random.default_rng(11)
    return rng.standard_normal((90, 12)).astype("float32"), rng.integers(0, 4, 90).astype("int32")


def make(dropout: float = 0.25):
    import kdist
    from kdist import layers

    kdist.utils.set_random_seed(5)
    model = kdist.Sequential(
        [
            kdist.Input((12,)),
            layers.Dense(24, activation="relu"),
            layers.BatchNormalization(synchronized=True),
            layers.Dropout(dropout),
            layers.Dense(4),
        ]
    )
    model.compile(
        optimizer=kdist.optimizers.Adam(0.01),
        loss=kdist.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def fit(
    folder: str,
    epochs: int = 3,
    save_freq: str | int = 4,
    resume="auto",
    extra=(),
    dropout: float = 0.25,
) -> dict:
    import kdist

    model = make(dropout)
    x, y = data()
    saver = kdist.callbacks.ShardedCheckpoint(folder, save_freq=save_freq, keep=3, block=False)
    history = model.fit(
        x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[saver, *extra], resume=resume
    )
    return {
        "weights": [np.asarray(w) for w in model.get_weights()],
        "optimizer": [v.numpy() for v in model.optimizer.variables],
        "seeds": [v.numpy() for v in model.non_trainable_variables],
        "history": history.history,
    }


def killed_once(folder: str, marker: str, rank: int, step: int, dropout: float = 0.25) -> dict:
    """A fit in which the process of `rank` kills itself at `step`, if `marker` does not say that it did before."""
    import kdist

    class Kill(kdist.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if (
                self.model.position.step == step
                and kdist.distribution.process_index() == rank
                and not os.path.exists(marker)
            ):
                with open(marker, "w"):
                    pass
                os.kill(os.getpid(), signal.SIGKILL)

    return fit(folder, extra=[Kill()], dropout=dropout)
