"""One of two processes that train with callbacks; prints what it saw as JSON on its last line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import kdist
from kdist import callbacks, distribution, layers, models
from kdist.random import set_random_seed


class Fault(Exception):
    pass


class Stop(callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if self.model.position.step == self.step:
            raise Fault


def main(folder: Path) -> None:
    distribution.initialize()
    distribution.set_distribution(distribution.DataParallel())
    set_random_seed(3)
    rank = distribution.process_index()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(22, 4)).astype("float32")
    y = (x[:, :1] > 0).astype("float32")
    seen = []
    more = []
    for resume in (None, "auto"):
        model = models.Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        look = callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(float(logs["loss"]))
        )
        early = callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
        more = [
            look,
            early,
            callbacks.CSVLogger(folder / "log.csv"),
            callbacks.TensorBoard(folder / "board", update_freq=1),
            callbacks.ModelCheckpoint(
                folder / "w_{epoch}.weights.h5", save_weights_only=True, verbose=1
            ),
            callbacks.ShardedCheckpoint(folder / "steps"),
        ]
        if resume is None:
            more.append(Stop(5))
        try:
            history = model.fit(
                x, y, batch_size=6, epochs=3, callbacks=more, resume=resume, validation_split=0.1
            )
        except Fault:
            if resume is not None:
                raise
    result = {
        "rank": rank,
        "history": history.history,
        "seen": seen,
        "best": early.best,
        "weights": [w.tolist() for w in model.get_weights()],
        "backend": kdist.config.backend(),
    }
    distribution.shutdown()
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
