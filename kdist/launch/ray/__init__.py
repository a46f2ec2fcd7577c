"""Runs on Ray Train V2. Only this package imports ray, and only when a run asks for it."""
