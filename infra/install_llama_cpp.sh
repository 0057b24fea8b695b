#!/bin/sh
# Installs llama-cpp-python into .venv from a wheel that is built once per version and flags, and kept outside the checkout.
# pip's own cache would keep one too, but whatever its flags: whoever asks for a build with a GPU next would be handed it.
set -eu
cd "$(dirname "$0")/.."
flags=infra/llama_cpp_library_only.cmake
version=$(sed -n 's/^llama_cpp_python==//p' constraints.txt)
key=$( (cat "$flags"; echo "${CMAKE_ARGS:-}"; uname -sm) | cksum | cut -d ' ' -f 1)
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/rhapsode/llama-cpp-$version-$key

if [ ! -d "$wheels" ]; then
    if ! echo '#include <vector>' | ${CXX:-c++} -x c++ -fsyntax-only - 2>/dev/null; then
        echo "Rhapsode's tests need a C++ compiler to build llama.cpp, and \`${CXX:-c++}\` is none that works." >&2
        echo "Install one and run make again (Debian: apt install g++, Fedora: dnf install gcc-c++, macOS: xcode-select --install)." >&2
        exit 1
    fi
    echo "Building llama.cpp $version, once for this machine: this takes some minutes."
    part=$wheels.$$  # a build that is killed, or one beside it, leaves no half a folder under the right name
    trap 'rm -rf "$part"' EXIT
    CMAKE_ARGS="${CMAKE_ARGS:-} '-DCMAKE_PROJECT_llama_cpp_INCLUDE=$PWD/$flags'" \
        .venv/bin/python -m pip wheel --quiet --no-cache-dir --no-deps --no-binary llama-cpp-python \
        --wheel-dir "$part" "llama-cpp-python==$version"
    mv "$part" "$wheels"
fi
.venv/bin/python -m pip install --quiet --force-reinstall --no-deps "$wheels"/*.whl
