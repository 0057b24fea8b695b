# Read by CMake right after llama-cpp-python's own project(): CMAKE_PROJECT_llama_cpp_INCLUDE=<this file>.
# Its CMakeLists.txt forces llama.cpp's `common` (chat templates, downloads, JSON grammars: a third of the build) into
# the cache; a normal variable of the same name wins over a cache entry, and Rhapsode needs only libllama and libggml.
set(LLAMA_BUILD_COMMON OFF)
