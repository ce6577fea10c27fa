"""Independent tokenizers and test strings for tests/e2e/test_tokenizer.py."""
