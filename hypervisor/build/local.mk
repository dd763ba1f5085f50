# SPDX-License-Identifier: MIT
# The domain builder.
EXTRA_DIST += hypervisor/build/build-wire.h
