# SPDX-License-Identifier: MIT
# The console backend.
