#!/usr/bin/env python3
"""Write a GGUF file's copy with every tensor dequantized to F32, to compare engines without activation quantization."""
import argparse

import numpy as np
from gguf import GGUFReader, GGUFWriter, dequantize

SKIPPED = ("GGUF.version", "GGUF.tensor_count", "GGUF.kv_count", "general.architecture", "general.file_type")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    arguments = parser.parse_args()
    reader = GGUFReader(arguments.source)
    writer = GGUFWriter(arguments.target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name not in SKIPPED:
            inner = field.types[1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)
    writer.add_file_type(0)
    for t in reader.tensors:
        values = np.asarray(dequantize(t.data, t.tensor_type), dtype=np.float32)
        writer.add_tensor(t.name, values.reshape(tuple(int(n) for n in reversed(t.shape))))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
