"""Maps of the features in the plane, and nearest neighbours."""
