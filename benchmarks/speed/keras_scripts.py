"""The road map's five scripts as they stand: Keras on TensorFlow, its layers, its defaults, its `fit`.

    .venv-bench/bin/python benchmarks/speed/keras_scripts.py mlp --arrays mlp.npz --seed 0

Around them only a clock. `fit` gets no validation data: nobody's validation is timed.
"""

from __future__ import annotations

import os
from typing import Any

import measuring
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

asked = measuring.arguments()
clock = measuring.Clock(asked)
with clock.importing():
    import tensorflow as tf
    from keras import Sequential, callbacks, layers, losses, optimizers, utils

THREADS = int(os.environ.get("OMP_NUM_THREADS", "0"))
tf.config.threading.set_intra_op_parallelism_threads(THREADS)


def mlp() -> Sequential:
    return Sequential(
        [
            layers.Input((784,)),
            layers.Dense(128, activation="relu"), layers.Dropout(0.2),
            layers.Dense(64, activation="relu"), layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


def cnn() -> Sequential:
    return Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"), layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip


def recurrent(layer: Any) -> Sequential:
    return Sequential(
        [
            layers.Input((None,)),
            layers.Embedding(10_000, 128),
            layer(64),
            layers.Dense(32, activation="relu"), layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )  # fmt: skip


def generator() -> Sequential:
    same = {"padding": "same", "use_bias": False}
    return Sequential(
        [
            layers.Input((100,)),
            layers.Dense(7 * 7 * 256, use_bias=False), layers.BatchNormalization(), layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            layers.Conv2DTranspose(128, (5, 5), strides=(1, 1), **same),
            layers.BatchNormalization(), layers.LeakyReLU(),
            layers.Conv2DTranspose(64, (5, 5), strides=(2, 2), **same),
            layers.BatchNormalization(), layers.LeakyReLU(),
            layers.Conv2DTranspose(1, (5, 5), strides=(2, 2), activation="tanh", **same),
        ]
    )  # fmt: skip


def discriminator() -> Sequential:
    return Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(64, (5, 5), strides=(2, 2), padding="same"), layers.LeakyReLU(), layers.Dropout(0.3),
            layers.Conv2D(128, (5, 5), strides=(2, 2), padding="same"), layers.LeakyReLU(), layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )  # fmt: skip


class Watch(callbacks.Callback):
    """Stops the clock at the end of each epoch, looks at the test data, and starts it again."""

    def __init__(self, x_test: np.ndarray, y_test: np.ndarray) -> None:
        super().__init__()
        self.x_test, self.y_test = x_test, y_test

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch > 0 and clock.step():
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        clock.step()  # the last batch has no next one that begins
        clock.end_of_epoch()
        answers = self.model.predict(self.x_test, batch_size=500, verbose=0)
        said = answers.argmax(1) if answers.shape[1] > 1 else answers[:, 0] > 0.5
        clock.measured(float((said == self.y_test).mean()))


def classify(arrays: dict[str, np.ndarray]) -> None:
    x_train, y_train, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    clock.run()
    if asked.net in ("mlp", "cnn"):
        shape = (-1, 784) if asked.net == "mlp" else (-1, 28, 28, 1)
        x_train = x_train.reshape(shape).astype("float32") / 255
        x_test = x_test.reshape(shape).astype("float32") / 255
        model = mlp() if asked.net == "mlp" else cnn()
        loss, epochs = "sparse_categorical_crossentropy", 5
    else:
        model = recurrent(layers.SimpleRNN if asked.net == "simple-rnn" else layers.LSTM)
        loss, epochs = "binary_crossentropy", 3
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    watch = Watch(x_test, y_test)
    model.fit(x_train, y_train, batch_size=32, epochs=asked.epochs or epochs, callbacks=[watch], verbose=0)


def play(arrays: dict[str, np.ndarray]) -> None:
    """The adversarial pair: each step trains the discriminator, then the generator, in one compiled function."""
    clock.run()
    images = (arrays["x_train"].reshape(-1, 28, 28, 1).astype("float32") - 127.5) / 127.5
    draw, judge = generator(), discriminator()
    entropy = losses.BinaryCrossentropy()
    draw_optimizer, judge_optimizer = optimizers.Adam(2e-4), optimizers.Adam(2e-4)
    # Their memory is made before the function is compiled.
    draw_optimizer.build(draw.trainable_variables)
    judge_optimizer.build(judge.trainable_variables)
    batches = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).batch(64)

    @tf.function
    def step(real: Any) -> None:
        count = tf.shape(real)[0]
        fake = draw(tf.random.normal((count, 100)), training=True)
        with tf.GradientTape() as tape:
            on_real, on_fake = judge(real, training=True), judge(fake, training=True)
            loss = entropy(tf.ones_like(on_real), on_real) + entropy(tf.zeros_like(on_fake), on_fake)
        gradients = tape.gradient(loss, judge.trainable_variables)
        judge_optimizer.apply_gradients(zip(gradients, judge.trainable_variables, strict=True))
        with tf.GradientTape() as tape:
            on_fake = judge(draw(tf.random.normal((count, 100)), training=True), training=True)
            loss = entropy(tf.ones_like(on_fake), on_fake)
        gradients = tape.gradient(loss, draw.trainable_variables)
        draw_optimizer.apply_gradients(zip(gradients, draw.trainable_variables, strict=True))

    for epoch in range(1, (asked.epochs or 10) + 1):
        for real in batches:
            step(real)
            if clock.step():
                clock.end_of_epoch()
                return
        clock.end_of_epoch()
        drawn = draw.predict(arrays["noise"], batch_size=500, verbose=0)
        np.save(asked.drawings / f"epoch-{epoch:03d}.npy", drawn.reshape(-1, 28, 28))
        clock.measured()


if __name__ == "__main__":
    utils.set_random_seed(asked.seed)
    given = dict(np.load(asked.arrays))
    play(given) if asked.net == "gan" else classify(given)
    import keras

    clock.tell(versions={"tensorflow": tf.__version__, "keras": keras.__version__})
