# SPDX-License-Identifier: MIT
/probe offer "$(arg peer)"
