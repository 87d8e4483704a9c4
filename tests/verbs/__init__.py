"""One module per program, named like it: ROWS holds every verb with a success and a refusal."""
