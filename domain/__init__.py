"""What is true, whoever asks: rules, sagas and facts, with no I/O, no framework and no clock of their own."""
