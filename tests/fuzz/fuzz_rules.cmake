# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_rules LIBRARIES picket_detect)
