#!/bin/sh
# Finds the PostgreSQL server on which `make integration` runs Prefect's, or installs Debian's. No cluster is started here.
set -eu
for name in initdb /usr/lib/postgresql/*/bin/initdb; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing PostgreSQL, for the integration tests."
    export DEBIAN_FRONTEND=noninteractive
    # A cluster of the system's own is of no use: the tests start a private one.
    mkdir -p /etc/postgresql-common
    test -e /etc/postgresql-common/createcluster.conf ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    if apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends postgresql >/dev/null; then
        exit 0
    fi
fi
echo "There is no PostgreSQL server, so the integration tests cannot run (Debian: sudo apt install postgresql)." >&2
exit 1
