#include <array>

#include "base/digest.hpp"
#include "signer/ceremony.hpp"

namespace pawl::signer {
namespace {

constexpr std::size_t kWords = 12;

/// One word for each value of a byte.
constexpr std::array<std::string_view, 256> kList{
    "acorn",    "actor",   "album",    "amber",   "angel",    "ankle",    "apple",   "apron",
    "arrow",    "atlas",   "attic",    "autumn",  "badge",    "bagel",    "baker",   "bamboo",
    "banjo",    "barrel",  "basket",   "beacon",  "beaver",   "bench",    "berry",   "bicycle",
    "bishop",   "blanket", "blossom",  "bonnet",  "border",   "bottle",   "boulder", "branch",
    "bread",    "bridge",  "broom",    "bucket",  "buffalo",  "bugle",    "butter",  "button",
    "cabin",    "cactus",  "camel",    "candle",  "canoe",    "canyon",   "captain", "carpet",
    "carrot",   "castle",  "cellar",   "cement",  "chapel",   "cherry",   "chimney", "circus",
    "clover",   "cobbler", "coffee",   "comet",   "copper",   "coral",    "cotton",  "cradle",
    "crayon",   "cricket", "crown",    "curtain", "cushion",  "daisy",    "dancer",  "desert",
    "diamond",  "dinner",  "dolphin",  "donkey",  "dragon",   "drawer",   "drummer", "duchess",
    "dune",     "eagle",   "echo",     "elbow",   "ember",    "envelope", "falcon",  "farmer",
    "feather",  "fiddle",  "finger",   "flag",    "flute",    "forest",   "fossil",  "fountain",
    "fox",      "frost",   "funnel",   "galaxy",  "garden",   "garlic",   "gazelle", "ginger",
    "glacier",  "goblet",  "goose",    "gravel",  "guitar",   "hammer",   "harbor",  "harvest",
    "hazel",    "hedge",   "helmet",   "heron",   "hill",     "hornet",   "iceberg", "igloo",
    "indigo",   "inkwell", "iris",     "island",  "ivory",    "jacket",   "jaguar",  "jasmine",
    "jewel",    "jigsaw",  "jungle",   "juniper", "kayak",    "kettle",   "kitten",  "knight",
    "koala",    "ladder",  "lagoon",   "lantern", "laurel",   "lemon",    "lentil",  "leopard",
    "library",  "lilac",   "linen",    "lizard",  "lobster",  "locket",   "lumber",  "magnet",
    "mango",    "maple",   "marble",   "market",  "meadow",   "melon",    "meteor",  "mirror",
    "monkey",   "mosaic",  "mountain", "muffin",  "mushroom", "napkin",   "nectar",  "needle",
    "nephew",   "nickel",  "nutmeg",   "oasis",   "ocean",    "olive",    "onion",   "opal",
    "orange",   "orchid",  "otter",    "oven",    "oyster",   "paddle",   "palace",  "panda",
    "paper",    "parrot",  "pastry",   "peanut",  "pebble",   "pelican",  "pencil",  "pepper",
    "piano",    "pigeon",  "pillow",   "pilot",   "planet",   "plum",     "pocket",  "poet",
    "pony",     "puddle",  "pumpkin",  "puppet",  "quail",    "quartz",   "queen",   "quilt",
    "rabbit",   "raccoon", "radish",   "raft",    "rainbow",  "raven",    "ribbon",  "river",
    "robin",    "rocket",  "rooster",  "ruby",    "saddle",   "sailor",   "salmon",  "sandal",
    "satin",    "saucer",  "scarf",    "shadow",  "silver",   "sparrow",  "spider",  "spoon",
    "squirrel", "summer",  "sunset",   "swan",    "tailor",   "temple",   "tiger",   "timber",
    "tomato",   "tower",   "tulip",    "tunnel",  "turtle",   "umbrella", "valley",  "velvet",
    "village",  "violin",  "walnut",   "whale",   "window",   "winter",   "yogurt",  "zebra"};

}  // namespace

std::string ceremony_words(std::string_view text) {
  const auto digest = sha256(as_bytes(text));
  std::string out;
  for (std::size_t i = 0; i < kWords; ++i) {
    out += (i == 0 ? "" : " ") + std::string(kList[digest.bytes[i]]);
  }
  return out;
}

}  // namespace pawl::signer
