"""What is compiled: a tape of operations, folded into loops, and the sweeps that are made from them."""
