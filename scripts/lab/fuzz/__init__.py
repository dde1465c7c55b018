"""The coverage-guided fuzzer."""
