// The text of an exception, for tests of what the library says.
#pragma once

#include <stdexcept>
#include <string>

/// What `action` throws as an Error; empty if it throws nothing.
template <class Error = std::invalid_argument>
std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}
