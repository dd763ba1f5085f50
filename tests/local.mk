# SPDX-License-Identifier: MIT
# The tests themselves are named in the local.mk of the part they test:
#   check_PROGRAMS += tests/unit/NAME   and   TESTS += tests/unit/NAME
#   dist_check_SCRIPTS += tests/scripts/NAME.sh   and   TESTS += the same
EXTRA_DIST += tests/scripts/functions.sh tests/scripts/rules-functions.sh
