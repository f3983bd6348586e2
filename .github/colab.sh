#!/usr/bin/env bash
# Runs inside Colab's image (see workflows/colab.yml). lsmlib itself is installed by the first code cell of each notebook,
# as for a reader: kernels start in notebooks/, from where the checkout cannot be imported. Only the runner's own tools are
# added here.
set -euo pipefail

versions() { python3 -c 'import importlib.metadata as m; print(*(f"{n} {m.version(n)}" for n in ("jax", "jaxlib", "numpy")))'; }

before=$(versions)
pip install --quiet papermill jupytext nbconvert pyyaml
KERAS_BACKEND=jax MPLBACKEND=agg python3 -m tools.tutorial --profile smoke
[ "$before" = "$(versions)" ] || { echo "Colab had $before and now has $(versions)" >&2; exit 1; }
