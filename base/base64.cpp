#include "base/base64.hpp"

#include <sodium.h>

namespace pawl {
namespace {

int sodium_variant(Base64 variant) {
  return variant == Base64::kStandard ? sodium_base64_VARIANT_ORIGINAL
                                      : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

}  // namespace

std::string to_base64(ByteView bytes, Base64 variant) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_variant(variant)), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), sodium_variant(variant));
  out.pop_back();  // the final NUL
  return out;
}

Result<Bytes> from_base64(std::string_view text, Base64 variant, std::size_t limit) {
  if (text.size() / 4 > limit / 3 + 1) {
    return fail(Errc::kTooLarge, "base64 text over " + std::to_string(limit) + " bytes");
  }
  Bytes out(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_variant(variant)) != 0) {
    return fail(Errc::kMalformed, "not base64");
  }
  if (size > limit) {
    return fail(Errc::kTooLarge, "base64 text over " + std::to_string(limit) + " bytes");
  }
  out.resize(size);
  return out;
}

}  // namespace pawl
