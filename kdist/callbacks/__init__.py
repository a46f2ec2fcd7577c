"""Callbacks: what happens at the events of fit, evaluate and predict."""

from kdist.callbacks.callback import Callback
from kdist.callbacks.callback_list import CallbackList
from kdist.callbacks.history import History
from kdist.callbacks.progbar import Progbar
from kdist.callbacks.progbar_logger import ProgbarLogger
from kdist.callbacks.sharded_checkpoint import ShardedCheckpoint

__all__ = ["Callback", "CallbackList", "History", "Progbar", "ProgbarLogger", "ShardedCheckpoint"]
