"""The offline builder of GeNIe banks: `python -m index.build`."""
