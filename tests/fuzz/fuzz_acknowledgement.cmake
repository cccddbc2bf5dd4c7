# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_acknowledgement LIBRARIES picket_wire)
