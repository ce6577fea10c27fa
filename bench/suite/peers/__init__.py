"""The engines that we are measured against. llama.cpp is the one that the figures are about; the others are optional."""
