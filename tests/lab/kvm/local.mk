# SPDX-License-Identifier: MIT
# Stock guests on a Debian host with KVM, under emulation.
