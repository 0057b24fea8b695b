#!/bin/sh
# Finds the Chromium in which the page of the listening report is tested, or installs Debian's, the one without windows.
# Where neither can be done it says so and goes on: the tests of the page skip, with a reason.
set -eu
for name in ${CHROMIUM:-} chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium, for the tests of the listening report."
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null; then
        exit 0
    fi
fi
echo "There is no Chromium, so the page of the listening report is not tested: install one, or name it in \$CHROMIUM" >&2
echo "(Debian: sudo apt install chromium-headless-shell)." >&2
