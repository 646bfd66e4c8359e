"""Product to text, text to dense and sparse vectors, and the ONNX export."""
