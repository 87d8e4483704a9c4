#pragma once
#include <utility>

namespace pawl::manifest {

/// A value that passed every check. Only `verify_release` makes one; code that installs takes
/// nothing else.
template <class T>
class Verified {
 public:
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  friend class Verifier;
  explicit Verified(T value) : value_(std::move(value)) {}
  T value_;
};

}  // namespace pawl::manifest
