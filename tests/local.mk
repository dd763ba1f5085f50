# SPDX-License-Identifier: MIT
# The tests themselves are named in the local.mk of the part they test:
#   check_PROGRAMS += tests/unit/NAME   and   TESTS += tests/unit/NAME
#   dist_check_SCRIPTS += tests/scripts/NAME.sh   and   TESTS += the same
EXTRA_DIST += tests/scripts/functions.sh

# Peers to measure beside ours; built by make check, run by hand and by the benchmarks.
check_PROGRAMS += tests/peers/vhost-user-blk
tests_peers_vhost_user_blk_SOURCES = tests/peers/vhost-user-blk.c
tests_peers_vhost_user_blk_LDADD = common/libcommon.la
