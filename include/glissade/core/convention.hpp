// Where libraries and papers define the same rule differently, the definition is an option.
#pragma once

namespace glissade {

enum class Convention { torch, optax, paper };

}  // namespace glissade
