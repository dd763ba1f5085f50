#!/bin/bash
# SPDX-License-Identifier: MIT
# Servers that swallow everything: an attach ends within the time that the disk says, with the reason in the
# error node, whatever the driver. In a network of the test's own, whose way out leads nowhere.
source "$(dirname "$0")/functions.sh"
PATH=$PATH:/usr/sbin:/sbin
if [ -z "${SLUICE_UNREACHABLE-}" ]; then
	requires unshare --net true
	SLUICE_UNREACHABLE=1 unshare --net bash "$0"
	exit 0
fi
source "$srcdir/tests/scripts/disk-functions.sh"
refused_how=-E
leads_nowhere 192.0.2.2/24 || skip "no network device can be made here"
begin_store
built () { [ -e "$builddir/backends/blk/.libs/blk-$1.so" ] || { echo "left out: $1; not built"; return 1; }; }
# AddressSanitizer cannot run libgfapi in a module.
sound () { ! ldd "$builddir/backends/blk/.libs/blk-$1.so" | grep -q libasan; }
# Less than what each would take by itself: 8 s and more.
if built nbd; then refused 'NBD server 192.0.2.1.*: does not answer \(after [1-7]\.[0-9] s\)' 'nbd://192.0.2.1/e?timeout=1'; fi
if built iscsi; then refused 'no (connection|login) within 1 s' 'iscsi://192.0.2.1/iqn.2026-01.net.example:test/1?connect-timeout=1'; fi
if built gluster && sound gluster; then refused 'glusterd at 192.0.2.1.* did not answer within 2 s' 'gluster://192.0.2.1/v/a?timeout=2'; fi
