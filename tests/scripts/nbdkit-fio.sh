#!/bin/bash
# SPDX-License-Identifier: MIT
# Many requests in flight, verified.
source "${SLUICE_SRCDIR:-$(dirname "$0")/../..}/tests/scripts/functions.sh"
source "$srcdir/tests/scripts/nbdkit-functions.sh"
requires fio --version
fio --enghelp=nbd >/dev/null 2>&1 || skip "fio has no nbd engine"
truncate -s 64M "$tmp/disk.img"
serve "$tmp/disk.img" "fio --name=j --ioengine=nbd --uri=\"\$uri\" --rw=randrw --bsrange=512-256k \
	--size=64M --iodepth=32 --verify=crc32c --io_size=64M --output=$tmp/fio.log" || {
	cat "$tmp/fio.log"; fail "fio"; }
cat "$tmp/fio.log"
