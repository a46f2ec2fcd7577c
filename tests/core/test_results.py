"""Results of metrics are told from other numbers."""

from __future__ import annotations

from kdist.core.results import ResultOf, noting, of_metrics, results_given


class Metric:
    def __init__(self, name, value):
        self.name, self.value = name, value

    @noting
    def result(self):
        return self.value


def test_what_a_metric_gave_is_known_by_identity():
    accuracy, several = Metric("accuracy", object()), Metric("all", {"auc": object()})
    stranger = Metric("accuracy", object())
    with results_given() as given:
        logs = {
            "acc": accuracy.result(),
            "auc": several.result()["auc"],
            "accuracy": stranger.result(),
            "loss": object(),
        }
    found = of_metrics(logs, given, [accuracy, several])
    assert found == {"acc": ResultOf("accuracy"), "auc": ResultOf("auc")}


def test_nothing_is_noted_outside():
    metric = Metric("m", object())
    with results_given() as given:
        pass
    metric.result()
    assert given == []
