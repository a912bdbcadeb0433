"""Nets as estimators of scikit-learn: they learn by ``train``, and go where its own go.

``NetClassifier``  learns classes, by cross-entropy
``NetRegressor``   learns numbers, one or several for each row, by half the sum of squares

>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import cross_val_score
>>> X, y = load_iris(return_X_y=True)
>>> scores = cross_val_score(NetClassifier((4,), epochs=40, learning_rate=0.1, random_state=1), X, y, cv=2)
>>> len(scores), bool(min(scores) > 0.9)
(2, True)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from math import fsum
from random import Random
from typing import Any, Literal, TypeVar

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .._extras import needed
from ..engine import functions
from ..engine.checks import flag, items, one_of, refuse, whole, within
from ..nets.losses import cross_entropy, half_squared_error
from ..nets.names import output_names
from ..nets.net import MLP, Standardisation
from ..nets.tables import beside, is_frame, names_of
from .data import TeacherSet
from .history import History, outputs_over
from .optimisers import OPTIMISERS, Optimiser, Schedule, named
from .train import batch_size, train
from .units import standardised, to_units, units_of

__all__ = ['NetClassifier', 'NetRegressor']

numpy = needed('numpy', 'an estimator', extra='sklearn')

T = TypeVar('T', bound='Estimator')
#: How answers come out.
OUTPUTS = ('numpy', 'pandas')


class Estimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators do; see ``NetClassifier``."""

    error: Callable[[Any, Any], Any]

    def __init__(
        self,
        hidden_layers: Sequence[int] = (16,),
        *,
        activation: Any = 'tanh',
        optimiser: str | Optimiser = 'adam',
        learning_rate: float = 0.02,
        schedule: str | Schedule = 'constant',
        epochs: int = 200,
        mode: Literal['batch', 'online'] | int = 'batch',
        l2: float = 0.0,
        clip: float | None = None,
        standardise: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        compiled: bool | None = None,
        random_state: Any = None,
        output: str = 'numpy',
    ) -> None:
        self.hidden_layers = hidden_layers
        self.activation = activation
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.epochs = epochs
        self.mode = mode
        self.l2 = l2
        self.clip = clip
        self.standardise = standardise
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.compiled = compiled
        self.random_state = random_state
        self.output = output

    def fit(self: T, X: Any, y: Any, sample_weight: Any = None) -> T:
        """Learn from rows and their targets, from new weights on; return the estimator."""
        samples = self._samples(X, y, sample_weight, reset=True)
        self._begin(samples)
        validation, patience = None, None
        fraction = within('validation_fraction', self.validation_fraction, 'between 0 and 1', lambda x: 0 < x < 1)
        whole('patience', self.patience)
        if flag('early_stopping', self.early_stopping):
            samples, validation = samples.split(1 - fraction, seed=self._random, stratify=samples.classes is not None)
            patience = self.patience
        self._learn(samples, self.epochs, validation=validation, patience=patience)
        return self

    def _begin(self, samples: TeacherSet) -> None:
        """Make a new net, with all that learning goes on from."""
        try:
            state = check_random_state(self.random_state)
        except (ValueError, TypeError):
            refuse('random_state', 'a whole number, a numpy.random.RandomState or None', self.random_state)
        self._random = Random(int(state.randint(2**31)))
        hidden = items('hidden_layers', self.hidden_layers, 'a list of the sizes of layers, which may be empty')
        sizes = [*hidden, self._outputs(samples)]
        self.net_ = MLP(len(samples.inputs[0]), sizes, self.activation, seed=self._random)
        given = self.optimiser  # one that remembers something stays as it was given
        known = named('optimiser', given, OPTIMISERS)() if isinstance(given, str) else given
        self._optimiser: Any = deepcopy(known) if hasattr(known, 'step') else known
        self._units: Standardisation | None = None

    def _go_on(self: T, samples: TeacherSet, is_first: bool) -> T:
        """Do one more epoch."""
        if is_first:
            self._begin(samples)
        self._learn(samples, 1, is_first)
        return self

    def _learn(self, samples: TeacherSet, epochs: int, is_first: bool = True, **options: Any) -> None:
        """Teach the net; of targets that are numbers, the units are those of the first samples."""
        if is_first and samples.classes is None:
            self._units = units_of(samples)
        if not is_first:
            to_units(self.net_, self._units, back=True)
        validation = options.pop('validation', None)
        options['validation'] = validation and standardised(validation, self._units)
        try:
            self.history_: History = train(
                self.net_, standardised(samples, self._units), learning_rate=self.learning_rate, epochs=epochs,
                mode=self.mode, error=self.error, optimiser=self._optimiser, schedule=self.schedule, l2=self.l2,
                clip=self.clip, seed=self._random, compiled=self.compiled, **options,
            )  # fmt: skip
        finally:
            to_units(self.net_, self._units)
        self.n_iter_: int = len(self.history_) + (0 if is_first else self.n_iter_)

    def _samples(self, X: Any, y: Any, sample_weight: Any, reset: bool, classes: Any = None) -> TeacherSet:
        """Check rows, targets and weights, and make a teacher set of them, whose error is a mean."""
        one_of('output', self.output, OUTPUTS)
        names = names_of(y)
        X, y = self._checked(X, y, reset, classes)
        samples = self._teacher_set(X.tolist(), y, _check_sample_weight(sample_weight, X, dtype=float).tolist())
        # The error of an update is a mean: the learning rate says the same of few samples and of many.
        weights = samples.weights or ()
        mean = fsum(weights) / len(weights) * min(batch_size(self.mode, samples), len(weights))
        samples.weights = tuple(w / mean for w in weights)
        if hasattr(self, 'feature_names_in_'):
            samples.input_names = tuple(self.feature_names_in_.tolist())
        samples.target_names = names if names is not None and len(names) == samples.width else None
        return samples

    def _checked(self, X: Any, y: Any, reset: bool, classes: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def _teacher_set(self, rows: list[list[float]], y: Any, weights: list[float]) -> TeacherSet:
        raise NotImplementedError

    def _outputs(self, samples: TeacherSet) -> int:
        raise NotImplementedError

    def _answers(self, X: Any) -> Any:
        """Return the net's outputs for each row, one array of shape (rows, outputs)."""
        check_is_fitted(self, 'n_iter_')
        rows = validate_data(self, X, reset=False, dtype=float)
        outputs = outputs_over(self.net_, TeacherSet(rows.tolist(), [0] * len(rows)))
        return numpy.array(outputs, dtype=float).reshape(len(rows), -1)

    def _beside(self, X: Any, answers: Any, names: Sequence[str | None]) -> Any:
        """Return answers as they are wanted: an array, or what stands beside the table of pandas that asked."""
        if one_of('output', self.output, OUTPUTS) == 'numpy' or not is_frame(X):
            return answers
        return beside(X, answers.tolist(), names)


class NetClassifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """A net that learns classes by cross-entropy, as an estimator of scikit-learn (1.6 or later).

    It is taught by ``train``, whose arguments these are, with the same names; ``net_`` is the net itself, to be
    drawn, saved, or printed as C, and ``history_`` what ``train`` returned.

    hidden_layers: the sizes of the layers between inputs and outputs; ``()`` is softmax regression.
    learning_rate: of the mean error of an update's samples, not of their sum.
    standardise: whether the net standardises its inputs, by the samples of ``fit``, or of the first ``partial_fit``.
    early_stopping: whether to hold out ``validation_fraction`` of the samples, the same share of every class, and
        to stop when their error was no smaller for ``patience`` epochs; the net gets back its best weights.
    random_state: what weights, order and the samples held out are drawn from: a number, a
        ``numpy.random.RandomState``, or None for NumPy's own.
    output: ``'pandas'`` to get answers for a DataFrame as a Series, of ``predict_proba`` as a DataFrame whose columns
        are the classes, with its index; scikit-learn's own tools expect ``'numpy'``.

    After ``fit`` there are ``classes_``, ``n_features_in_``, ``feature_names_in_`` (of a DataFrame), ``n_iter_``.
    Missing values and categories are for scikit-learn's imputers and encoders. Raises ValueError for a single class,
    DivergedError when the error becomes nan or inf.

    >>> fruit = NetClassifier((), epochs=50, learning_rate=0.5, random_state=1)
    >>> fruit.fit([[150.0], [120.0], [160.0], [110.0]], ['apple', 'pear', 'apple', 'pear']).predict([[155.0], [100.0]])
    array(['apple', 'pear'], dtype='<U5')
    """

    error = staticmethod(cross_entropy)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> NetClassifier:
        """Do one more epoch, with these samples; the first call wants ``classes``, all that will ever come."""
        is_first = not hasattr(self, 'n_iter_')
        if is_first and classes is None:
            raise ValueError('the first partial_fit wants classes=, all classes that will ever come; None was given')
        known = unique_labels(classes) if is_first else self.classes_
        if classes is not None and not numpy.array_equal(known, unique_labels(classes)):
            raise ValueError(f'classes are {classes!r}, and were {known.tolist()} in the first partial_fit')
        return self._go_on(self._samples(X, y, sample_weight, reset=is_first, classes=known), is_first)

    def predict(self, X: Any) -> Any:
        """Return the class of each row: that of the largest output, of equal ones the first."""
        answers = self._answers(X)
        return self._beside(X, self.classes_[answers.argmax(axis=1)], [(self.net_.target_names or [None])[0]])

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes, which are in the order of ``classes_``, for each row."""
        shares = [functions.softmax(logits) for logits in self._answers(X).tolist()]
        return self._beside(X, numpy.array(shares), [*map(str, self.classes_)])

    def _checked(self, X: Any, y: Any, reset: bool, classes: Any) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, reset=reset, dtype=float)
        check_classification_targets(y)
        self.classes_ = unique_labels(y) if classes is None else classes
        if len(self.classes_) < 2:
            raise ValueError(f'a net tells classes apart, and there is only one class, {self.classes_.tolist()[0]!r}')
        if len(new := numpy.setdiff1d(y, self.classes_)):
            known = self.classes_.tolist()
            raise ValueError(f'the class {new.tolist()[0]!r} is not among those of the first partial_fit, {known}')
        return X, numpy.searchsorted(self.classes_, y).tolist()

    def _teacher_set(self, rows: list[list[float]], y: Any, weights: list[float]) -> TeacherSet:
        numbers = range(len(self.classes_))
        samples = TeacherSet(rows, y, classes=numbers, weights=weights, standardise=self.standardise)
        samples.classes = tuple(self.classes_.tolist())
        return samples

    def _outputs(self, samples: TeacherSet) -> int:
        return len(self.classes_)


class NetRegressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A net that learns numbers by half the sum of squares; all else is as for ``NetClassifier``.

    Targets are a number for each row, or several. They are standardised while the net learns them; ``net_`` answers
    in their own units.

    >>> line = NetRegressor((), optimiser='descent', learning_rate=0.5, random_state=1)
    >>> line.fit([[0.0], [1.0], [2.0]], [100.0, 300.0, 500.0]).predict([[3.0]]).round(6)
    array([700.])
    """

    error = staticmethod(half_squared_error)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NetRegressor:
        """Do one more epoch, with these samples; the units of inputs and targets are those of the first call."""
        is_first = not hasattr(self, 'n_iter_')
        return self._go_on(self._samples(X, y, sample_weight, reset=is_first), is_first)

    def predict(self, X: Any) -> Any:
        """Return the net's output for each row, or the row of its outputs if it learned several targets."""
        answers, names = self._answers(X), output_names(self.net_, self.net_.sizes[-1])
        return self._beside(X, answers if self._is_wide else answers[:, 0], names)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked(self, X: Any, y: Any, reset: bool, classes: Any) -> tuple[Any, Any]:
        X, y = validate_data(self, X, y, reset=reset, dtype=float, multi_output=True, y_numeric=True)
        self._is_wide = y.ndim > 1
        return X, y.tolist()

    def _teacher_set(self, rows: list[list[float]], y: Any, weights: list[float]) -> TeacherSet:
        return TeacherSet(rows, y, weights=weights, standardise=self.standardise)

    def _outputs(self, samples: TeacherSet) -> int:
        return samples.width
