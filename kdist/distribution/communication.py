"""How a backend sends what a strategy asks for: in which kinds of messages, and what goes together in one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """Parameters that are gathered together, and whose gradients are reduced together: see `distribution.units`.

    Arguments:
        small, together: bytes, as `units_of` takes them.
        sent_copies: whether gradients are copied where they are sent, beside what arrives.
    """

    small: int
    together: int
    sent_copies: bool = False


@dataclass(frozen=True)
class Buckets:
    """Gradients of variables that every device holds whole, as they travel together in flat buffers.

    Arguments:
        nbytes: a buffer is full when it has at least so many bytes of gradients.
        first_nbytes: of the first buffer, where gradients leave while others are still being computed: in the opposite
            order of the variables. Where parameters are sharded they leave after all of them, in the variables' order.
        marks: elements that each gradient adds to its buffer, for every part that the buffer is scattered into.
    """

    nbytes: int
    first_nbytes: int
    marks: int


@dataclass(frozen=True)
class Statistics:
    """How the mean and the variance of a whole batch travel, of layers that normalise by them.

    Arguments:
        forward, backward: messages of one call.
        elements: of each channel, in a message.
        per_replica: whether a message has a place for each replica's, rather than their sum.
        with_gradients: whether the gradients of the layer's own variables are among the backward ones.
        unasked: whether they travel where `synchronized` is False, too.
        prunes: whether of what is computed again only that is computed which gradients need.
    """

    forward: int = 1
    backward: int = 1
    elements: int = 1
    per_replica: bool = False
    with_gradients: bool = False
    unasked: bool = False
    prunes: bool = False


@dataclass(frozen=True)
class Communication:
    """What a backend's step sends, where strategies leave a choice.

    Arguments:
        regathers: whether gathered parameters are let go after the forward pass, and gathered again for the backward
            pass. If not, that is so for what is rematerialized alone.
        scatters: whether a sum of which each device wants a part is a reduce-scatter. If not, every device receives
            the whole sum and takes its part.
        adds_first: whether the parts of a gradient that several split products have for the same input, or several
            calls of layers for the same variable, are added up before they are summed over devices, in one message.
            If not, each one's are summed.
        gathers_once: whether sequences that are cut are gathered once for all layers that want them whole.
        finds_equal: whether gradients that are one tensor, as those of a sum's terms, are gathered once.
        keeps_data: whether what no variable has met stays whole on every device. If not, layers that compute each
            position for itself compute parts of it.
        pads: whether sequences are cut in time whose length does not divide. If not, they stay whole.
        skips: whether variables without a gradient are left as they are. If not, they are updated with zeros.
        gives_whole: whether what a model gives is whole on every device: sequences that are still cut are gathered.
        statistics: of batches; default: replicas exchange count, mean and squared deviations of each channel.
        units: which parameters travel together; None: each one alone.
        buckets: which gradients do; None: each one alone. With buckets, parameters that were updated in parts are
            gathered together, too.
    """

    regathers: bool
    scatters: bool
    adds_first: bool
    gathers_once: bool = False
    finds_equal: bool = False
    keeps_data: bool = False
    pads: bool = False
    gives_whole: bool = False
    skips: bool = False
    statistics: Statistics = Statistics(elements=3, per_replica=True)
    units: Units | None = None
    buckets: Buckets | None = None
