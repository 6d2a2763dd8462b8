"""What makes the documentation site: references from the code, the pages as it wants them, a check of links."""
