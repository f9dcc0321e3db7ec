"""A state machine that does the same random things to both engines and compares what is seen."""
