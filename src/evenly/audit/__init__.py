"""Questions to finished outputs: what differs, does it hold what its manifest says, why is a record in it."""
