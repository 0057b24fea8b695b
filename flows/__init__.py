"""Order, fan-out, failure policy, artifacts. One flow a file, the file named as the flow."""
