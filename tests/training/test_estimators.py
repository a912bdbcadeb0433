"""Nets as estimators of scikit-learn: its own checks, its own tools, and what ours promise beside."""

from __future__ import annotations

import pickle
from typing import Any
from unittest import SkipTest

import pytest

numpy: Any = pytest.importorskip('numpy')
pytest.importorskip('sklearn')

from sklearn.base import clone  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud  # noqa: E402
from sklearn.exceptions import DataConversionWarning  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder  # noqa: E402
from sklearn.utils.estimator_checks import (  # noqa: E402
    check_dataframe_column_names_consistency,
    estimator_checks_generator,
)

from microgradnet import NetClassifier, NetRegressor, TeacherSet, train  # noqa: E402
from microgradnet.nets.losses import cross_entropy  # noqa: E402
from microgradnet.nets.saving import as_json  # noqa: E402
from tests.support.examples import every, for_each  # noqa: E402

#: Checks that are quick, one of each kind: of samples' weights, of classes, of what is refused, of names.
QUICK = {
    'check_sample_weight_equivalence_on_dense_data', 'check_classifiers_one_label',
    'check_estimators_empty_data_messages', 'check_estimators_partial_fit_n_features', 'check_fit_idempotent',
    'check_parameters_default_constructible',
}  # fmt: skip


def name_of(check: Any) -> str:
    return str(getattr(check, 'func', check).__name__)


CHECKS = [
    pytest.param(estimator, check, id=f'{type(estimator).__name__}-{k}-{name_of(check)}',
                 marks=[pytest.mark.slow] * (name_of(check) not in QUICK))
    for kind in (NetClassifier, NetRegressor)
    for k, (estimator, check) in enumerate(estimator_checks_generator(kind()))
]  # fmt: skip
IRIS: Any = load_iris(return_X_y=True)
DIABETES: Any = load_diabetes(return_X_y=True)
#: Every third flower.
SOME = [part[::3] for part in IRIS]
FRUIT = [[150.0], [120.0], [160.0], [110.0]], ['apple', 'pear', 'apple', 'pear']


@pytest.mark.parametrize(('estimator', 'check'), CHECKS)
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    try:
        check(estimator)
    except SkipTest as missing:  # pandas, or an array library
        pytest.skip(str(missing))


@pytest.mark.parametrize('kind', every(2, [NetClassifier, NetRegressor]))
def test_names_of_columns_are_checked_as_scikit_learn_does(kind: Any) -> None:
    pytest.importorskip('pandas')
    check_dataframe_column_names_consistency(kind.__name__, kind(epochs=2))


def test_none_of_the_checks_is_expected_to_fail_and_quick_ones_are_there() -> None:
    assert {name_of(param.values[1]) for param in CHECKS} >= QUICK
    assert len(CHECKS) > 100


# Its tools


@pytest.mark.slow
def test_cross_validation_of_classes_and_of_numbers() -> None:
    assert cross_val_score(NetClassifier((), epochs=40, learning_rate=0.1, random_state=1), *SOME, cv=2).mean() > 0.93
    assert cross_val_score(NetRegressor((), epochs=40, learning_rate=0.1, random_state=1), *DIABETES, cv=2).mean() > 0.4
    assert cross_val_predict(NetClassifier((), epochs=2), *IRIS, cv=3, method='predict_proba').shape == (150, 3)


def test_a_search_over_a_pipeline() -> None:
    pipeline = make_pipeline(MinMaxScaler(), NetClassifier((), random_state=1, learning_rate=0.1))
    search = GridSearchCV(pipeline, {'netclassifier__epochs': [1, 30]}, cv=2, scoring='roc_auc_ovr').fit(*SOME)
    assert search.best_params_ == {'netclassifier__epochs': 30}
    assert search.best_estimator_[-1].n_iter_ == 30


@pytest.mark.slow
def test_missing_values_and_categories_by_a_column_transformer() -> None:
    X, y = [part[::4] for part in load_breast_cancer(return_X_y=True)]
    numbers = X[:, :3].astype(object)
    numbers[::7, 0] = numpy.nan
    table = numpy.column_stack([numbers, numpy.where(X[:, 3] > numpy.median(X[:, 3]), 'large', 'small')])
    columns = make_column_transformer((SimpleImputer(), [0, 1, 2]), (OneHotEncoder(), [3]))
    net = make_pipeline(columns, NetClassifier((), epochs=30, learning_rate=0.1, random_state=1)).fit(table, y)
    assert net.score(table, y) > 0.85
    assert net[-1].n_features_in_ == 5


def test_a_clone_is_unfitted_and_learns_the_same() -> None:
    net = NetClassifier((3,), epochs=5, mode=32, random_state=7).fit(*IRIS)
    other = clone(net)
    assert other.get_params() == net.get_params() and not hasattr(other, 'net_')
    assert as_json(other.fit(*IRIS).net_) == as_json(net.net_) == as_json(pickle.loads(pickle.dumps(net)).net_)


# What they promise


def test_it_is_train_that_teaches() -> None:
    """The weights are those of ``train`` on the same net and samples, whose errors count as their mean."""
    X, y = [row.tolist() for row in IRIS]
    one = NetClassifier((3,), optimiser='descent', learning_rate=0.5, epochs=3, random_state=7).fit(X, y)
    other = NetClassifier((3,), optimiser='descent', learning_rate=0.5, epochs=3, random_state=7)
    other.classes_ = one.classes_
    other._begin(TeacherSet(X, y, classes=True))
    samples = TeacherSet(X, y, classes=True, standardise=True, weights=[1 / 150] * 150)
    train(other.net_, samples, learning_rate=0.5, epochs=3, error=cross_entropy)
    found = [p.data for p in one.net_.parameters()]
    assert found == pytest.approx([p.data for p in other.net_.parameters()], rel=1e-12)


@pytest.mark.parametrize('mode', ['batch', 'online', 50])
def test_a_learning_rate_is_that_of_a_mean(mode: Any) -> None:
    """Twice the same samples in an update do as one does; and weights of any size."""
    X, y = [[0.0], [1.0]] * 50, [0.0, 1.0] * 50
    plain = NetRegressor((), optimiser='descent', learning_rate=0.1, epochs=2, mode=mode, random_state=1)
    one = clone(plain).fit(X, y).predict(X[:2])
    other = clone(plain).fit(X, y, sample_weight=[7.0] * 100).predict(X[:2])
    assert other == pytest.approx(one, rel=1e-9)
    assert mode != 'batch' or clone(plain).fit(X * 2, y * 2).predict(X[:2]) == pytest.approx(one, rel=1e-9)


def test_sample_weights_move_the_answer() -> None:
    X, y = [[0.0], [0.0]], [0.0, 10.0]
    net = NetRegressor((), optimiser='descent', learning_rate=0.5, random_state=1).fit(X, y, sample_weight=[3.0, 1.0])
    assert net.predict([[0.0]]) == pytest.approx([2.5])


def test_early_stopping_holds_samples_out_and_gives_back_the_best_weights() -> None:
    net = NetRegressor((16,), early_stopping=True, validation_fraction=0.3, patience=5, random_state=1).fit(*DIABETES)
    errors = net.history_.column('validation')
    assert net.history_.stopped_by == 'patience' and net.n_iter_ == len(errors) < 200
    assert net.history_.best_epoch == errors.index(min(errors)) + 1 == net.n_iter_ - 5
    free = NetRegressor((16,), epochs=2, random_state=1).fit(*DIABETES)
    assert free.history_[0].validation is None


def test_partial_fit_goes_on() -> None:
    net = NetClassifier((), optimiser='adam', random_state=1, learning_rate=0.3)
    for _ in range(30):
        net.partial_fit(*SOME, classes=[0, 1, 2])
    assert net.n_iter_ == 30 and net.score(*IRIS) > 0.9
    whole = NetClassifier((), optimiser='adam', random_state=1, learning_rate=0.3, epochs=30).fit(*SOME)
    assert net.predict_proba(IRIS[0]) == pytest.approx(whole.predict_proba(IRIS[0]), rel=1e-6)
    before = as_json(net.net_)
    assert as_json(net.partial_fit(*[part[:9] for part in SOME]).net_) != before
    samples = [part[:40] for part in DIABETES]
    numbers = NetRegressor((), random_state=1, learning_rate=0.1)
    for _ in range(15):
        numbers.partial_fit(*samples)
    alike = NetRegressor((), random_state=1, learning_rate=0.1, epochs=15).fit(*samples)
    assert numbers.predict(samples[0]) == pytest.approx(alike.predict(samples[0]), rel=1e-6)


def test_partial_fit_says_what_it_wants() -> None:
    X, y = IRIS
    with pytest.raises(ValueError, match='the first partial_fit wants classes='):
        NetClassifier().partial_fit(X, y)
    net = NetClassifier((), random_state=1).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match='the class 3 is not among those'):
        net.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match=r'classes are \[0, 1\], and were \[0, 1, 2\]'):
        net.partial_fit(X, y, classes=[0, 1])


def test_a_first_partial_fit_that_fails_leaves_nothing_behind() -> None:
    net = NetRegressor((), learning_rate=3.0)
    with pytest.raises(ValueError, match='the learning rate h'):
        net.partial_fit(*DIABETES)
    assert net.set_params(learning_rate=0.1).partial_fit(*DIABETES).n_iter_ == 1


@pytest.mark.parametrize('labels', [['no', 'yes'], [False, True], [-1, 1], [0.0, 2.0], [3, 1]])
def test_classes_of_any_kind_come_back(labels: list[Any]) -> None:
    y = numpy.array([labels[k % 2] for k in range(20)])
    X = [[float(k % 2), 1.0] for k in range(20)]
    net = NetClassifier((), epochs=60, learning_rate=0.5, random_state=1).fit(X, y)
    assert net.classes_.tolist() == sorted(labels)
    assert net.predict(X).tolist() == y.tolist() and net.predict(X).dtype == y.dtype
    assert net.net_.classes == tuple(sorted(labels)) and net.net_.classify(X) == y.tolist()
    shares = net.predict_proba(X)
    assert shares.sum(axis=1) == pytest.approx(1.0) and (net.classes_[shares.argmax(axis=1)] == y).all()


def test_several_targets_at_once() -> None:
    X, y = load_linnerud(return_X_y=True)
    net = NetRegressor((), optimiser='descent', learning_rate=0.3, epochs=400).fit(X, y)
    plane = numpy.linalg.lstsq(numpy.column_stack([X, numpy.ones(20)]), y, rcond=None)[0]
    assert net.predict(X) == pytest.approx(numpy.column_stack([X, numpy.ones(20)]) @ plane, rel=1e-2)


def test_a_column_of_targets_is_read_as_a_row_with_a_warning() -> None:
    X, y = SOME
    with pytest.warns(DataConversionWarning, match='column-vector y was passed'):
        column = NetClassifier((), epochs=2, random_state=1).fit(X, y[:, None])
    assert (column.predict(X) == NetClassifier((), epochs=2, random_state=1).fit(X, y).predict(X)).all()


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="only one class, 'apple'"):
        NetClassifier().fit([[1.0], [2.0]], ['apple', 'apple'])


def test_the_net_itself_answers_alike() -> None:
    net = NetRegressor((4,), epochs=2, random_state=1).fit(*DIABETES)
    assert net.net_.predict(DIABETES[0][:5].tolist()) == net.predict(DIABETES[0][:5]).tolist()


@for_each(
    ('wrong', 'said'),
    [
        ({'validation_fraction': 1.5, 'early_stopping': True}, 'validation_fraction'),
        ({'output': 'polars'}, 'output'),
        ({'optimiser': 'adm'}, "did you mean 'adam'"),
        ({'mode': 'mini'}, 'mode'),
        ({'activation': 'tan_h'}, 'activation'),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        NetRegressor(**wrong).fit(*DIABETES)


# Tables


def test_tables_in_and_names_out() -> None:
    pandas: Any = pytest.importorskip('pandas')
    X = pandas.DataFrame(FRUIT[0], columns=['weight'], index=[4, 5, 6, 7])
    y = pandas.Series(FRUIT[1], name='fruit', index=X.index)
    plain = NetClassifier((), epochs=50, learning_rate=0.5, random_state=1).fit(X, y)
    assert plain.feature_names_in_.tolist() == ['weight']
    assert (plain.net_.input_names, plain.net_.target_names) == (('weight',), ('fruit',))
    assert isinstance(plain.predict(X), numpy.ndarray)
    named = clone(plain).set_params(output='pandas').fit(X, y)
    found, shares = named.predict(X), named.predict_proba(X)
    assert (found.name, found.tolist(), found.index.tolist()) == ('fruit', FRUIT[1], [4, 5, 6, 7])
    assert (shares.columns.tolist(), shares.index.tolist()) == (['apple', 'pear'], [4, 5, 6, 7])
    numbers = NetRegressor((), output='pandas', random_state=1).fit(X, pandas.Series([1.0, 2, 3, 4], name='price'))
    assert numbers.predict(X).name == 'price'
    two = numbers.fit(X, pandas.DataFrame({'a': [1.0, 2, 3, 4], 'b': [4.0, 3, 2, 1]})).predict(X)
    assert two.columns.tolist() == ['a', 'b']
    with pytest.raises(ValueError, match='feature names'):
        plain.predict(X.rename(columns={'weight': 'height'}))
