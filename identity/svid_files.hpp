#pragma once
#include <string>
#include <vector>

#include "base/disk.hpp"
#include "identity/trust_bundle.hpp"
#include "identity/x509_svid.hpp"

namespace pawl::identity {

/// An SVID and every bundle that came with it.
struct Identity {
  X509Svid svid;
  std::vector<TrustBundle> bundles;
};

/// Where an SVID lies as files (svid/{svid.pem,key.pem,bundle.json}).
struct SvidFiles {
  std::string svid;
  std::string key;
  std::string bundle;
};
/// The three names of FORMAT 9.5 in one folder.
[[nodiscard]] SvidFiles svid_files_in(const std::string& folder);

/// Reads and checks the three files. The bundle is a JWK set of the SVID's own domain or a bundle
/// map; it must hold the own domain. Buffers that held the key are wiped.
/// @return kIo with raw ENOENT when one is absent, kMalformed, kTooLarge.
[[nodiscard]] Result<Identity> load_identity(Disk& disk, const SvidFiles& files);

}  // namespace pawl::identity
