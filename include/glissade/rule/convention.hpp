// Where libraries and papers define the same rule differently, the definition is an option.
#pragma once

namespace glissade {

enum class Convention {
  torch,  // PyTorch 2
  optax,
  paper,
  tensorflow,  // TensorFlow 1
  torch_1,     // PyTorch 1, where a later release has changed the definition
};

}  // namespace glissade
