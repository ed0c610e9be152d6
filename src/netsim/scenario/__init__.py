"""Scenario files: schema, loader, runner, expectations, and the built-in lessons."""
