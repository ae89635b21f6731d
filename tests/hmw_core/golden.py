"""The worked example of the golden values: five class vectors, six samples a b c d e g."""

import numpy as np

CLASS_VECTORS = np.array([(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.7, 0.7, 0), (-1, 0, 0.2)])
FEATURES = np.array(
    [
        (1, 0, 0),
        (0.6, 0.8, 0),
        (0.2, 0.9, 0.4),
        (0.5, 0.5, 0.7071),
        (-0.3, 0.1, 0.95),
        (0.9, 0.3, 0.3),
    ]
)
GIVEN_LABEL = np.array([0, 0, 0, 3, 2, 1])
