#include "signer/verbs.hpp"

#include <array>

namespace pawl::signer {
namespace {

using cli::Need;
using cli::Option;

constexpr Option kConfig{"--config", "FILE",
                         "signer.toml; default: beside the repository, or in this directory"};
constexpr Option kRepo{"--repo", "DIR", "repository directory; default: as in signer.toml"};
constexpr Option kExpires{"--expires", "ROLE=TIME",
                          "how long what is signed now is good: timestamp=7d, release=90d",
                          Need::kRepeated};
constexpr Option kBuildLevel{"--level", "N", "zstd level, 1 to 22 (default 9)"};
constexpr Option kDeltaLevel{"--level", "N", "zstd level, 1 to 22 (default 19)"};
constexpr Option kThreads{"--threads", "N", "threads to compress with (default: all)"};
constexpr Option kProduct{"--product", "NAME", "product line", Need::kRequired};

constexpr Option kTlog{"--tlog", "FILE",
                       "tlog-policy: the log releases have to be in, and who witnesses it"};

constexpr std::array kKeyNew{
    Option{"NAME", "NAME", "name of the key: a-z, 0-9, -", Need::kRequired},
    Option{"--uri", "URI",
           "PKCS#11 URI of the token: pkcs11:token=root-1?module-path=/usr/lib/..."},
    Option{"--software", "FILE", "development: a key in a new file instead of a token"},
    Option{"--command", "WORD",
           "a program that signs, for a key in a cloud's key service: its path, then its arguments",
           Need::kRepeated},
    Option{"--public", "HEX", "with --command: the public key, 64 digits"},
    Option{"--existing", "", "record a key the token holds already", Need::kFlag},
    Option{"--pin", "SOURCE",
           "fd:N, file:F, credential:NAME, env:VAR, protected-path or prompt (default)"},
    Option{"--out", "FILE", "public key record; default: keys/NAME.pub.json beside signer.toml"},
    kConfig};
constexpr std::array kKeyList{kRepo, kConfig};
constexpr std::array kKeyAttestation{
    Option{"NAME", "NAME", "key of signer.toml", Need::kRequired},
    Option{"--chain", "FILE", "the attestation certificate and its issuers, PEM", Need::kRequired},
    Option{"--root", "FILE", "the vendor's root certificates you trust, PEM", Need::kRequired},
    kRepo, kConfig};
constexpr Option kRole{"ROLE", "ROLE", "root, targets, snapshot, timestamp or a product's role",
                       Need::kRequired};
constexpr Option kKey{"KEY", "KEY", "a name of signer.toml, a .pub.json file, or id:DIGITS",
                      Need::kRequired};
constexpr Option kOnlySay{"--dry-run", "", "only say what would change", Need::kFlag};
constexpr std::array kRepoKey{kRole, kKey, kOnlySay, kRepo, kExpires, kConfig};
constexpr std::array kRepoThreshold{
    kRole,  Option{"N", "N", "how many must sign", Need::kRequired}, kOnlySay, kRepo, kExpires,
    kConfig};
constexpr std::array kRepoDelegate{
    Option{"PRODUCT=KEYS", "PRODUCT=KEYS", "a new product line and who signs its releases",
           Need::kRequired},
    kOnlySay, kRepo, kExpires, kConfig};
constexpr std::array kRepoInit{
    Option{"DIR", "DIR", "directory to create", Need::kRequired},
    Option{"--root", "KEYS", "who signs root: alice,bob,carol:2 (default more than half)",
           Need::kRequired},
    Option{"--targets", "KEYS", "who signs targets", Need::kRequired},
    Option{"--snapshot", "KEYS", "who signs snapshot", Need::kRequired},
    Option{"--timestamp", "KEYS", "who signs timestamp", Need::kRequired},
    Option{"--product", "NAME=KEYS", "a product line and who signs its releases: gw3=rel-a,rel-b:2",
           Need::kRepeated},
    Option{"--ceiling", "NAME=N", "highest security version a release of the product may carry",
           Need::kRepeated},
    Option{"--development", "NAME=KEYS",
           "the product's devices are development devices, and who signs override tickets for them",
           Need::kRepeated},
    kTlog,
    kExpires,
    kConfig};
constexpr std::array kReleaseBuild{
    Option{"--out", "DIR", "release directory to write", Need::kRequired},
    kProduct,
    Option{"--version", "VERSION", "semantic version, for people", Need::kRequired},
    Option{"--counter", "N", "release counter; default: one above the last of the product"},
    Option{"--security-version", "N", "rollback index of this release (default 0)"},
    Option{"--min-security-version", "N", "floor a device burns after this release (default 0)"},
    Option{"--vendor-id", "UUID", "default: as in signer.toml"},
    Option{"--class-id", "UUID", "default: as in signer.toml"},
    Option{"--hardware", "REV[:BOOT]", "hardware revision and its lowest boot loader version",
           Need::kRepeated},
    Option{"--component", "SPEC",
           "name=rootfs,slot_role=rootfs,install=erofs-verity,image=FILE,verity_root=HEX",
           Need::kRepeated},
    Option{"--uki", "FILE", "unified kernel image: component and measurements"},
    Option{"--boot-profile", "NAME", "efi-uki (default), grub-uki or uboot-uki", Need::kRepeated},
    Option{"--phases", "WORDS", "'sysinit ready' (default), the four words, or 'none'"},
    Option{"--attach", "KIND=FILE", "sbom-cyclonedx, sbom-spdx, slsa-provenance, notes, advisory",
           Need::kRepeated},
    Option{"--health-timeout", "TIME", "how long a trial may take (default 10m)"},
    Option{"--severity", "WORD", "low, medium, high or critical"},
    Option{"--offline-until", "TIME",
           "how long bundles of it are good although their timestamp has expired: "
           "2027-06-01T00:00:00Z"},
    kBuildLevel,
    kThreads,
    kRepo,
    kConfig};
constexpr std::array kDelta{
    Option{"DIR", "DIR", "release directory made by `release build`, not added yet",
           Need::kRequired},
    Option{"--from", "VERSION", "published release to come from; most wanted first",
           Need::kRepeated},
    Option{"--last", "N", "from the last N published releases, 1 to 7 (default 1)"},
    Option{"--spread", "FILE",
           "from the releases most devices run, as the distributor counts them"},
    Option{"--cover", "PERCENT", "with --spread: how many of the devices (default 90)"},
    kDeltaLevel,
    kThreads,
    kRepo,
    kConfig};
constexpr Option kProof{"--proof", "FILE",
                        "tlog-proof of its manifest, from the log that policy.json names"};
constexpr std::array kReleaseAdd{
    Option{"DIR", "DIR", "release directory made by `release build`", Need::kRequired}, kProof,
    kRepo, kExpires, kConfig};
constexpr std::array kReleaseWithdraw{
    kProduct, Option{"--version", "VERSION", "version to take back", Need::kRequired}, kRepo,
    kExpires, kConfig};
constexpr std::array kReleasePrune{
    kProduct,
    Option{"--keep", "N", "how many of the newest stay listed, 1 to 64", Need::kRequired},
    Option{"--dry-run", "", "only say what would be taken out", Need::kFlag},
    kRepo,
    kExpires,
    kConfig};
constexpr Option kCeremony{"FILE", "FILE", "ceremony file", Need::kRequired};
constexpr std::array kCeremonyNew{
    Option{"FILE", "FILE", "ceremony file to write", Need::kRequired},
    Option{"--root", "KEYS", "who signs root from now on: alice,bob,id:1a2b3c4d:2"},
    Option{"--targets", "KEYS", "who signs targets from now on"},
    Option{"--snapshot", "KEYS", "who signs snapshot from now on"},
    Option{"--timestamp", "KEYS", "who signs timestamp from now on"},
    Option{"--ceiling", "NAME=N", "highest security version of a product's releases",
           Need::kRepeated},
    Option{"--development", "NAME=KEYS",
           "a product with development devices: who signs override tickets", Need::kRepeated},
    Option{"--end-development", "NAME", "its devices are production devices from now on",
           Need::kRepeated},
    kTlog,
    Option{"--product", "NAME=KEYS", "a new product line, or other keys for one", Need::kRepeated},
    Option{"--end-product", "NAME", "a product line that ends", Need::kRepeated},
    Option{"--release", "DIR", "a release directory to sign and publish"},
    kProof,
    Option{"--renew", "ROLE", "root, targets or a product's role: same content, new expiry"},
    kRepo,
    kExpires,
    kConfig};
constexpr std::array kCeremonyShow{kCeremony, kRepo, kConfig};
constexpr std::array kCeremonySign{
    kCeremony,
    Option{"--words", "WORDS", "the twelve words of `ceremony show`, as another person reads them"},
    Option{"--key", "NAME", "key to sign with; default: all at hand that are asked for",
           Need::kRepeated},
    kRepo, kConfig};
constexpr std::array kCeremonyMerge{
    kCeremony,
    Option{"--from", "FILE", "copy of the same ceremony with other signatures", Need::kRepeated},
    kRepo, kConfig};
constexpr std::array kCeremonyPublish{
    kCeremony,
    Option{"--release", "DIR", "release directory with the payloads of a signed release"},
    Option{"--proof", "FILE", "the tlog-proof that was signed with it"},
    Option{"--dry-run", "", "check everything, publish nothing", Need::kFlag},
    kRepo,
    kExpires,
    kConfig};
constexpr std::array kRenew{
    Option{"--role", "ROLE",
           "root, targets, snapshot, timestamp or a product's role; default: timestamp",
           Need::kRepeated},
    Option{"--every", "TIME", "keep timestamp and snapshot fresh until stopped: 12h"},
    Option{"--status", "FILE", "with --every: write how the last round went to this file"},
    kRepo,
    kExpires,
    kConfig};
constexpr std::array kBundle{
    kProduct, Option{"--version", "VERSION", "release to carry; default: the newest"},
    Option{"--out", "FILE", "the .pawl file to write", Need::kRequired}, kRepo, kConfig};
constexpr std::array kOverride{
    kProduct,
    Option{"--version", "VERSION", "published release the device may install", Need::kRequired},
    Option{"--device", "HEX", "number of the device, from `pawl-updater override`",
           Need::kRequired},
    Option{"--nonce", "HEX", "nonce of the request, from there too", Need::kRequired},
    Option{"--waive", "WHAT", "release-counter: an older release; rollout-window: outside it",
           Need::kRepeated},
    Option{"--valid", "TIME", "how long the device may use it, at most 30d (default 1d)"},
    Option{"--out", "FILE", "ticket to write", Need::kRequired},
    kRepo,
    kConfig};
constexpr std::array kVerify{
    Option{"DIR", "DIR", "repository directory; default: as in signer.toml", Need::kOptional},
    Option{"--root", "FILE", "root a device trusts; default: metadata/1.root.json"},
    Option{"--at", "TIME", "the device's clock: 2026-11-20T08:00:00Z; default: now"},
    Option{"--product", "NAME", "only this product; default: all", Need::kRepeated},
    Option{"--no-blobs", "", "leave out the digests of payloads", Need::kFlag},
    kConfig};
constexpr std::array kLint{
    Option{"DIR", "DIR", "repository directory; default: as in signer.toml", Need::kOptional},
    Option{"--at", "TIME", "the devices' clock: 2026-11-20T08:00:00Z; default: now"}, kConfig};
constexpr std::array kLedger{kRepo, kConfig};
constexpr std::array kInspect{Option{"FILE", "FILE", "any file Pawl writes", Need::kRequired}};
constexpr std::array kDoctor{kRepo, kConfig};

constexpr std::array kVerbs{
    cli::Verb{"key new", "make a signing key in a token and its public record", kKeyNew,
              &run_key_new},
    cli::Verb{"key list", "show the keys of signer.toml and what they may sign", kKeyList,
              &run_key_list},
    cli::Verb{"key import-attestation", "check a vendor's certificates of a key and keep them",
              kKeyAttestation, &run_key_import_attestation},
    cli::Verb{"repo add-key", "let another key sign a role", kRepoKey, &run_repo_add_key},
    cli::Verb{"repo revoke-key", "let a key no longer sign a role", kRepoKey, &run_repo_revoke_key},
    cli::Verb{"repo set-threshold", "change how many keys must sign a role", kRepoThreshold,
              &run_repo_set_threshold},
    cli::Verb{"repo delegate", "begin a product line", kRepoDelegate, &run_repo_delegate},
    cli::Verb{"repo init", "create and sign a repository", kRepoInit, &run_repo_init},
    cli::Verb{"release build", "make a release directory from images; needs no key", kReleaseBuild,
              &run_release_build},
    cli::Verb{"delta", "add payloads for devices that run an older release", kDelta, &run_delta},
    cli::Verb{"release add", "sign a release and publish it", kReleaseAdd, &run_release_add},
    cli::Verb{"release withdraw", "take a release back: new devices no longer get it",
              kReleaseWithdraw, &run_release_withdraw},
    cli::Verb{"release prune", "take old releases out of a product's role", kReleasePrune,
              &run_release_prune},
    cli::Verb{"ledger init", "begin this host's ledger with what is published", kLedger,
              &run_ledger_init},
    cli::Verb{"ledger show", "check the ledger and say what this host has signed last", kLedger,
              &run_ledger_show},
    cli::Verb{"ceremony new", "write down a change that several people sign", kCeremonyNew,
              &run_ceremony_new},
    cli::Verb{"ceremony show", "say in words what a ceremony changes and who has signed",
              kCeremonyShow, &run_ceremony_show},
    cli::Verb{"ceremony sign", "add the signatures of this host's keys", kCeremonySign,
              &run_ceremony_sign},
    cli::Verb{"ceremony merge", "collect signatures from copies", kCeremonyMerge,
              &run_ceremony_merge},
    cli::Verb{"ceremony check", "succeed when every threshold is reached", kCeremonyShow,
              &run_ceremony_check},
    cli::Verb{"ceremony publish", "put a complete ceremony into the repository", kCeremonyPublish,
              &run_ceremony_publish},
    cli::Verb{"renew", "sign again with a new expiry, nothing else changed", kRenew, &run_renew},
    cli::Verb{"bundle", "write one release with its metadata to a file for devices without network",
              kBundle, &run_bundle},
    cli::Verb{"override", "permit one development device one install, once", kOverride,
              &run_override},
    cli::Verb{"verify", "run the device's own client over a repository", kVerify, &run_verify},
    cli::Verb{"lint", "say which devices are stuck, or will be, and what to do", kLint, &run_lint},
    cli::Verb{"inspect", "show what a file says", kInspect, &run_inspect},
    cli::Verb{"doctor", "check modules, tokens, keys and configuration; spends no PIN try", kDoctor,
              &run_doctor}};

constexpr cli::Program kProgram{
    "pawl-signer", "Signs firmware releases with HSM-held keys and publishes them.", kVerbs};

}  // namespace

const cli::Program& program() {
  return kProgram;
}

}  // namespace pawl::signer
