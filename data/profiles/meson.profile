summary Build systems: what the tree's own scripts say runs in the tree, without a network
program meson ninja ninja-build samu scons cmake ctest cpack autoconf automake autoreconf bazel waf just task
include builder
allow env=CMAKE_PREFIX_PATH
allow env=CMAKE_GENERATOR
allow read=?~/.cmake
