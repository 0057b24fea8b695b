# Read by CMake right after llama-cpp-python's own project(): CMAKE_PROJECT_llama_cpp_INCLUDE=<this file>.
# A normal variable wins over an option and over a cache entry of the same name, even over one that is forced.

# Rhapsode needs libllama and libggml: no pictures, and no chat templates, downloads or JSON grammars (a third of the build).
set(LLAVA_BUILD OFF)
set(LLAMA_BUILD_COMMON OFF)

# The wheel is kept, and a cache or a home may be carried to another machine, where code for this very CPU could crash.
# On x86-64 this leaves AVX2, which nearly every processor since 2015 has.
set(GGML_NATIVE OFF)
