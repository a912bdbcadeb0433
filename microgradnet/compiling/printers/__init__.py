"""Programs in print: infix languages as dialects of one, and LLVM."""
