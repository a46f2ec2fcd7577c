"""Train a convnet on real digits, data-parallel on two Ray workers, with sharded checkpoints: `make quickstart`.

python examples/quickstart.py [--workers 2] [--launcher ray|local] [--epochs 6] [--folder runs/quickstart]
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import time

from kdist import launch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def train(folder: str, epochs: int) -> float:
    """Runs on every worker: the same script as on one device. Returns the test accuracy."""
    import digits

    import kdist
    from kdist import layers

    kdist.utils.set_random_seed(1)
    (x_train, y_train), (x_test, y_test) = digits.load()
    model = kdist.Sequential(
        [
            kdist.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=kdist.optimizers.Adam(2e-3),
        metrics=["acc"],
    )
    model.fit(
        x_train,
        y_train,
        batch_size=64,
        epochs=epochs,
        validation_split=0.1,
        callbacks=[kdist.callbacks.ShardedCheckpoint(f"{folder}/checkpoints", keep=2)],
        resume="auto",  # a worker that dies costs one epoch at most
    )
    _, accuracy = model.evaluate(x_test, y_test, batch_size=256)
    if kdist.distribution.process_index() == 0:
        model.save(f"{folder}/digits.keras")
    return accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--launcher", default="ray", choices=["ray", "local"])
    parser.add_argument("--backend", default="jax", choices=["jax", "torch", "tensorflow"])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--folder", default="runs/quickstart")
    options = parser.parse_args()
    folder = pathlib.Path(options.folder).resolve() / time.strftime("%Y%m%d-%H%M%S")
    began = time.time()
    result = launch.run(
        train,
        workers=options.workers,
        launcher=options.launcher,
        backend=options.backend,
        args=(str(folder), options.epochs),
        storage=str(folder),
        env={"PYTHONPATH": str(pathlib.Path(__file__).resolve().parent)},
    )
    print(
        f"test accuracy {result.value:.4f} after {time.time() - began:.0f} s; "
        f"model: {folder}/digits.keras; checkpoints: {folder}/checkpoints"
    )


if __name__ == "__main__":
    main()
