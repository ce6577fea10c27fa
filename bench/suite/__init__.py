"""The pieces of bench/run.py: the machine, the models, the peers, the cases, the figures and what is written of them."""
