"""`Layer`: state and computation, from which all layers and models are made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kdist import constraints, dtype_policies, initializers, regularizers
from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core import dtypes, masks, scopes, tree
from kdist.core.graph import KerasTensor, Node, Operation, any_symbolic
from kdist.core.spec import Spec
from kdist.layers import tracking
from kdist.layers.calling import CallSignature, context, fit_shapes, is_tensor_like, shapes_of
from kdist.layers.input_spec import assert_input_compatibility
from kdist.layers.state import LayerState
from kdist.ops import infer

_CHECKED_LIMIT = 64  # distinct input shapes remembered as compatible


def _build_once(build: Callable) -> Callable:
    """A `build` that runs in the layer's name scope, records its shapes, and marks the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
        outermost = not self._building
        self._building = True
        try:
            with scopes.name_scope(self.name, caller=self):
                if outermost:
                    self._path = scopes.current_path()
                    self._remember_shapes(build, args, kwargs)
                build(self, *args, **kwargs)
        finally:
            if outermost:
                self._building = False
        if outermost:
            self.built = True

    wrapper._is_build = True  # type: ignore[attr-defined]
    return wrapper


class Layer(LayerState, backend.LayerBase, Operation):
    """A computation with state: `call` computes, `build` creates the variables once the input's shape is known.

    Arguments:
        activity_regularizer: a regularizer of the output, added to `losses`.
        trainable: whether its variables are trained.
        dtype: a dtype or policy: what it computes in and what its variables are stored in.
        autocast: cast float inputs to the compute dtype.
        name: unique within a model; made up from the class if absent.

    Example:
        class Scale(Layer):
            def build(self, input_shape):
                self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
            def call(self, inputs):
                return inputs * self.factor
    """

    _saved_parts: tuple[
        str, ...
    ] = ()  # properties that files look for state in, besides the attributes

    def __new__(cls, *args: Any, **kwargs: Any) -> Layer:
        layer = super().__new__(cls)
        object.__setattr__(layer, "_init_arguments", (args, kwargs))
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__ and not getattr(cls.__dict__["build"], "_is_build", False):
            cls.build = _build_once(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        input_shape = kwargs.pop("input_shape", None)
        input_dim = kwargs.pop("input_dim", None)
        if kwargs:
            raise ValueError(
                f"{type(self).__name__} does not know the argument(s) {sorted(kwargs)}."
            )
        LayerState.__init__(self)
        backend.LayerBase.__init__(self)
        Operation.__init__(self, name)
        self.input_shape_argument = (
            (input_dim,) if input_dim is not None else input_shape
        )  # read by Sequential
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = dtype
        self.autocast = autocast
        self._trainable = bool(trainable)
        self.built = False
        self._building = False
        self._called = False
        self._settled = False  # called before, and with nothing to do around a call
        self._path: str | None = None
        self._build_shapes: dict | None = None
        self.input_spec: Any = None
        self._makes_mask = type(self).compute_mask is not Layer.compute_mask
        self.supports_masking = self._makes_mask
        self._convert_input_args = True
        self._call_signature = CallSignature(self.call)
        self._checked_shapes: set = set()

    # ---- what a subclass gives
    def build(self, input_shape: Any) -> None:
        """Create the variables.

        By default: nothing, or what running `call` on a symbolic input creates in sublayers.
        """
        self._building = True
        try:
            if (
                any(not layer.built for layer in self._layers)
                and type(self).call is not Layer.call
                and _is_shape(input_shape)
            ):
                with scopes.name_scope(self.name, caller=self):
                    self.compute_output_spec(KerasTensor(input_shape, self.compute_dtype))
        finally:
            self._building = False
        if self._build_shapes is None:
            self._build_shapes = {"input_shape": input_shape}
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} (layer {self.name!r}) does not define call()."
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output; overriding it declares that the layer supports masks."""
        return previous_mask

    # ---- dtype
    @property
    def dtype_policy(self) -> Any:
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        self._dtype_policy = dtype_policies.get(policy)
        self._mixed = self._dtype_policy.compute_dtype != self._dtype_policy.variable_dtype
        self._settled = self._called = False

    @property
    def compute_dtype(self) -> str:
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self._dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        return self.variable_dtype

    @property
    def input_dtype(self) -> str:
        return self.compute_dtype

    # ---- variables
    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Create a variable of this layer.

        Arguments:
            shape: tuple of int; () if absent.
            initializer: name or object; default: Glorot uniform for floats, zeros otherwise.
            trainable: whether optimizers update it.
            regularizer: penalises the value, in `losses`.
            constraint: projects the value after each update.
            aggregation: how differing values of replicas combine.
        """
        shape = () if shape is None else tuple(shape)
        dtype = dtypes.standardize_dtype(dtype) if dtype is not None else self.variable_dtype
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with scopes.name_scope(self.name, caller=self):
            variable = Variable(
                initializers.get(initializer),
                shape,
                dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._track(name or variable.name, variable)
        return variable

    # ---- calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._settled and not kwargs and len(args) == 1 and context.entry is not None:
            x = args[0]
            if self._is_ordinary(x):
                training = context.training
                if training is None or not self._call_signature.has_training:
                    return self._run(x)
                return self._run(x, training=training)
        return self._call_carefully(args, kwargs)

    def _is_ordinary(self, x: Any) -> bool:
        """Whether a call inside another one's has nothing to do but run: one tensor of the right dtype, of a shape
        that was checked before, and no masks anywhere. Eager training spends its time between layers otherwise.
        """
        if masks._in_use or scopes.local.autocast is not None or not backend.is_tensor(x):
            return False
        given = backend.dtype_of(x)
        if given != self._dtype_policy.compute_dtype and given in dtypes.FLOATS:
            return False
        return self.input_spec is None or tuple(x.shape) in self._checked_shapes

    def _call_carefully(self, args: tuple, kwargs: dict) -> Any:
        symbolic = any_symbolic(args) or (bool(kwargs) and any_symbolic(kwargs.values()))
        given = (
            (args, dict(kwargs)) if symbolic else None
        )  # a default of training= is no argument of the node
        if self._convert_input_args:
            args = tuple(self._convert(a) for a in args)
            if kwargs:
                kwargs = {k: v if k == "training" else self._convert(v) for k, v in kwargs.items()}
        signature = self._call_signature
        if self.input_spec is not None:
            self._check(args[0] if args else kwargs.get(signature.first))
        if not self.built:
            self._build_for(args, kwargs, symbolic)

        training = kwargs.get("training")
        outermost = context.entry is None
        inherited = context.training
        if training is None:
            training = inherited if inherited is not None else signature.training_default
        if signature.has_training:
            if training is not None:
                kwargs["training"] = training
        elif "training" in kwargs and not signature.takes_any:
            del kwargs["training"]
        previous_mask = self._masks_in(args, kwargs) if masks._in_use else None

        if outermost:
            context.entry, context.token = self, object()
            object.__setattr__(self, "_root_token", context.token)
        context.training = training
        try:
            if self._called and not self._mixed and scopes.local.autocast is None:
                outputs = (
                    self.compute_output_spec(*args, **kwargs)
                    if symbolic
                    else self._run(*args, **kwargs)
                )
            else:
                outputs = self._call_in_scopes(args, kwargs, symbolic)
            if self.activity_regularizer is not None and not symbolic:
                self._add_activity_loss(outputs)
            if previous_mask is not None or self._makes_mask:
                self._masks_out(args, kwargs, outputs, previous_mask)
        finally:
            context.training = inherited
            if outermost:
                context.entry = None
        if symbolic:
            Node(self, *given, outputs)
        return outputs

    def _call_in_scopes(self, args: tuple, kwargs: dict, symbolic: bool) -> Any:
        """The first call, in whose name scope sublayers build themselves, and calls that cast variables."""
        autocast = (
            self.compute_dtype
            if self.autocast and self._mixed and dtypes.is_float(self.compute_dtype)
            else None
        )
        with scopes.name_scope(self.name, caller=self), scopes.autocast_scope(autocast):
            if self._path is None:
                self._path = scopes.current_path()
            outputs = (
                self.compute_output_spec(*args, **kwargs)
                if symbolic
                else self._run(*args, **kwargs)
            )
        self._called = True
        self._settled = not (
            self._mixed
            or self._makes_mask
            or self.activity_regularizer is not None
            or self._call_signature.training_default is not None
        )
        return outputs

    def _convert(self, x: Any) -> Any:
        """A tensor of the compute dtype for arrays and tensors (inside structures too); anything else as it is."""
        if isinstance(x, KerasTensor):
            if (
                self.autocast
                and x.dtype != self.input_dtype
                and dtypes.is_float(x.dtype)
                and dtypes.is_float(self.input_dtype)
            ):
                cast = KerasTensor(x.shape, self.input_dtype, name=x.name)
                cast._keras_history, cast._keras_mask = x._keras_history, x._keras_mask
                return cast
            return x
        if backend.is_tensor(x):
            if self.autocast:
                given, wanted = backend.dtype_of(x), self._dtype_policy.compute_dtype
                if given != wanted and given in dtypes.FLOATS and wanted in dtypes.FLOATS:
                    mask = masks.get_keras_mask(x)
                    x = backend.OPS["cast"](x, wanted)
                    if mask is not None:
                        masks.set_keras_mask(x, mask)
            return x
        if isinstance(x, np.ndarray | np.generic):
            if x.dtype.kind in "OSU":
                return x
            is_float = (
                self.autocast and dtypes.is_float(x.dtype) and dtypes.is_float(self.input_dtype)
            )
            return backend.convert_to_tensor(x, self.input_dtype if is_float else None)
        if isinstance(x, list | tuple | dict):
            return tree.map_structure(self._convert, x) if tree.is_nested(x) else x
        if isinstance(x, Variable):
            return x.value
        if hasattr(x, "__array__") and hasattr(x, "dtype") and not isinstance(x, str):
            return self._convert(np.asarray(x))
        return x

    def _check(self, inputs: Any) -> None:
        shape = getattr(inputs, "shape", None)
        if shape is not None:
            shape = tuple(shape)
            if shape in self._checked_shapes:
                return
        assert_input_compatibility(self.input_spec, inputs, self.name)
        if shape is not None and tree.flatten(self.input_spec)[0].dtype is None:
            if len(self._checked_shapes) >= _CHECKED_LIMIT:
                self._checked_shapes.clear()
            self._checked_shapes.add(shape)

    def _build_for(self, args: tuple, kwargs: dict, symbolic: bool) -> None:
        shapes = shapes_of(
            self._call_signature.tensor_arguments(args, _known(kwargs, self._call_signature))
        )
        if type(self).build is Layer.build:
            # Sublayers without shapes of their own build themselves when the first call reaches them.
            self._build_shapes = (
                {"input_shape": next(iter(shapes.values()), None)}
                if len(shapes) == 1
                else dict(shapes)
            )
            self.built = True
        else:
            self.build(**fit_shapes(self.build, shapes, self.name))

    # ---- symbolic
    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic inputs: by `compute_output_shape` where the layer has one, else by probing
        `call`.
        """
        compute_shape = type(self).compute_output_shape
        if compute_shape is not Layer.compute_output_shape:
            arguments = self._call_signature.tensor_arguments(
                args, _known(kwargs, self._call_signature)
            )
            out = self.compute_output_shape(
                **fit_shapes(self.compute_output_shape, shapes_of(arguments), self.name)
            )
            return _map_shapes(lambda s: KerasTensor(s, self.compute_dtype), out)
        return self._probe_call(args, kwargs)

    def _probe_call(self, args: tuple, kwargs: dict) -> Any:
        spec = lambda x: Spec(x.shape, x.dtype) if isinstance(x, KerasTensor) else x
        given_args, given_kwargs = tree.map_structure(spec, (args, kwargs))

        out = infer.probe(self.call, given_args, given_kwargs)
        return tree.map_structure(
            lambda s: KerasTensor(s.shape, s.dtype) if isinstance(s, Spec) else s, out
        )

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape(s) of the output for the shape(s) of the input."""
        shapes = [_map_shapes(lambda s: KerasTensor(s, self.compute_dtype), a) for a in args]
        keyed = {
            k.removesuffix("_shape"): _map_shapes(lambda s: KerasTensor(s, self.compute_dtype), v)
            for k, v in kwargs.items()
        }
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            raise NotImplementedError(f"{type(self).__name__}.compute_output_shape() calls itself.")
        if not self.built:
            self._build_for(tuple(shapes), keyed, True)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(*shapes, **keyed))

    # ---- masks and losses
    def _masks_in(self, args: tuple, kwargs: dict) -> Any:
        arguments = self._call_signature.tensor_arguments(
            args, _known(kwargs, self._call_signature)
        )
        names = self._call_signature.names
        get = lambda v: tree.map_structure(masks.get_keras_mask, v)
        if (
            len(arguments) == 1
            and "mask" in names
            and kwargs.get("mask") is None
            and "mask" not in arguments
        ):
            mask = get(next(iter(arguments.values())))
            if any(m is not None for m in tree.flatten(mask)):
                kwargs["mask"] = mask
        elif len(arguments) > 1:
            for name, value in arguments.items():
                if f"{name}_mask" in names and kwargs.get(f"{name}_mask") is None:
                    mask = get(value)
                    if any(m is not None for m in tree.flatten(mask)):
                        kwargs[f"{name}_mask"] = mask
        if kwargs.get("mask") is not None:
            return kwargs["mask"]
        first = next(iter(arguments.values()), None)
        mask = get(first) if first is not None else None
        return mask if any(m is not None for m in tree.flatten(mask)) else None

    def _masks_out(self, args: tuple, kwargs: dict, outputs: Any, previous_mask: Any) -> None:
        flat = tree.flatten(outputs)
        if not self.supports_masking or all(masks.get_keras_mask(x) is not None for x in flat):
            return
        computed = self.compute_mask(
            args[0] if args else kwargs.get(self._call_signature.first), previous_mask
        )
        if computed is None:
            return
        for tensor, mask in zip(flat, tree.flatten(computed), strict=False):
            if mask is not None and masks.get_keras_mask(tensor) is None:
                masks.set_keras_mask(tensor, mask)

    def add_loss(self, loss: Any) -> None:
        """Add scalar loss(es) computed in `call`, e.g. a penalty on activations, to the model's."""
        for value in loss if isinstance(loss, list | tuple) else [loss]:
            scope = scopes.get_stateless_scope()
            if scope is not None and scope.collect_losses:
                scope.add_loss(value)
            else:
                if self._loss_token is not context.token or context.entry is None:
                    self._losses = []
                object.__setattr__(self, "_loss_token", context.token)
                self._losses.append(value)
                tracking.structure.losses_in_use = True

    def _add_activity_loss(self, outputs: Any) -> None:
        for output in tree.flatten(outputs):
            if is_tensor_like(output):
                loss = self.activity_regularizer(output)
                batch = backend.OPS["shape"](output)[0] if output.ndim > 0 else 1
                self.add_loss(backend.OPS["divide"](loss, backend.OPS["cast"](batch, "float32")))

    @property
    def losses(self) -> list:
        """Penalties: those added by the latest call of this layer and its sublayers, and those of regularized
        variables.
        """
        scope = scopes.get_stateless_scope()
        if scope is not None and scope.collect_losses:
            losses = list(scope.losses)
        elif not tracking.structure.losses_in_use:
            losses = []
        else:
            wanted = self._root_token
            losses = [
                x
                for layer in self._flatten_layers()
                for x in layer._losses
                if wanted is None or layer._loss_token in (wanted, None)
            ]
        return losses + [v.regularizer(v.value) for v in self._regularized_variables]

    # ---- stateless
    def stateless_call(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """`call` as a pure function of the variables' values.

        Returns: (outputs, new values of the non-trainable variables), and with `return_losses` the list of losses.

        Raises: ValueError before the layer is built, or if the number of values is not that of the variables.
        """
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} must be built before stateless_call. Call build(input_shape), or the layer "
                "itself, once."
            )
        for what, values, variables in (
            ("trainable_variables", trainable_variables, self.trainable_variables),
            ("non_trainable_variables", non_trainable_variables, self.non_trainable_variables),
        ):
            if len(values) != len(variables):
                raise ValueError(
                    f"{what} has {len(values)} values, and layer {self.name!r} has {len(variables)}: "
                    f"{[v.path for v in variables]}."
                )
        pairs = [
            *zip(self.trainable_variables, trainable_variables, strict=True),
            *zip(self.non_trainable_variables, non_trainable_variables, strict=True),
        ]
        with scopes.StatelessScope(pairs, collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        current = lambda v, value: (
            scope.get_current_value(v) if scope.get_current_value(v) is not None else value
        )
        updated = [
            current(v, value)
            for v, value in zip(self.non_trainable_variables, non_trainable_variables, strict=True)
        ]
        return (outputs, updated, losses) if return_losses else (outputs, updated)

    # ---- config
    def get_config(self) -> dict:
        """The arguments of `__init__`, as plain data; enough for `from_config` to make an equal layer."""
        config = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            config = {**self._init_config(), **config}
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """A layer from what `get_config` returned."""
        config = dict(config)
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = dtype_policies.get(config["dtype"])
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list | tuple) and all(d is None or isinstance(d, int) for d in shape)


def _map_shapes(fn: Callable, shapes: Any) -> Any:
    """Apply `fn` to every shape in a structure of shapes."""
    if _is_shape(shapes):
        return fn(tuple(shapes))
    if isinstance(shapes, dict):
        return {k: _map_shapes(fn, v) for k, v in shapes.items()}
    if isinstance(shapes, list | tuple):
        return type(shapes)(_map_shapes(fn, s) for s in shapes)
    return shapes


def _known(kwargs: dict, signature: CallSignature) -> dict:
    if "training" in kwargs and not signature.has_training and not signature.takes_any:
        return {k: v for k, v in kwargs.items() if k != "training"}
    return kwargs
