"""Callbacks: what happens at the events of fit, evaluate and predict."""

from kdist.callbacks.callback import Callback
from kdist.callbacks.callback_list import CallbackList
from kdist.callbacks.csv_logger import CSVLogger
from kdist.callbacks.early_stopping import EarlyStopping
from kdist.callbacks.history import History
from kdist.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from kdist.callbacks.model_checkpoint import ModelCheckpoint
from kdist.callbacks.progbar import Progbar
from kdist.callbacks.progbar_logger import ProgbarLogger
from kdist.callbacks.sharded_checkpoint import ShardedCheckpoint
from kdist.callbacks.small import LambdaCallback, TerminateOnNaN
from kdist.callbacks.tensorboard import TensorBoard

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "Progbar",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "ShardedCheckpoint",
    "TensorBoard",
    "TerminateOnNaN",
]
