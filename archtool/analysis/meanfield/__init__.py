"""Wide networks with random weights: how their tensors' moments pass forward, and squared gradients back."""
