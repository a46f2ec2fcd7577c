"""compile, and one fit/evaluate/predict loop for all backends."""
