"""The repository's machinery: notebooks, their runner, and what is stamped from pyproject.toml. Not installed."""
