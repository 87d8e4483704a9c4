// Carries the precompiled <catch2/catch.hpp> that every test program reuses.
