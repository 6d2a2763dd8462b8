"""Everything that touches a file: inputs, the pool, the output folder, the manifest."""
