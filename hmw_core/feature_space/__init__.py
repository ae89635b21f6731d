"""Features: maps in the plane, and nearest neighbours."""
