"""Types shared by annotations."""

import os
from typing import Any, TypeAlias

# A tensor of whichever backend Keras runs on, or a NumPy array where Keras takes one.
Tensor: TypeAlias = Any
# A path as the standard library takes it.
PathLike: TypeAlias = str | os.PathLike[str]
