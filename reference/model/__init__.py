"""What a tensor is: dtypes, storage and strides, conversion, promotion."""
