#!/bin/bash
# SPDX-License-Identifier: MIT
# Gather what the benchmarks run beside our backends, from Debian's own packages: QEMU as Debian builds it for Xen.
# Usage: build-bench.sh DIR   fills DIR with qemu and versions.
# Exit status 77: something is missing here, and the last line says what.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../debian.sh"
. "$here/programs.sh"

begin "${1:?usage: build-bench.sh DIR}"
rm -rf qemu
fetch qemu-system-xen
unpack archives/*.deb
copy_programs qemu /usr/libexec/xen-qemu-system-i386
finish qemu-system-xen
